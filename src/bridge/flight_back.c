/* What becomes of a message to SIP, told to its sender and to those who look. */
#include "bridge/lane_parts.h"
#include "bridge/note.h"
#include "bridge/receipts.h"
#include "bridge/status.h"

/* Gives the message back to its sender, unless he did not want to know (headline). */
static void give_back_because(struct flight *f, struct bridge *b, bool ours, const struct map_stanza_error *error,
                              const char *why)
{
    if (f->kind != FLIGHT_TEXT) {
        status_ended(f, b, 0);
        return;
    }
    receipts_withdraw(b, f);
    bridge_count(b, SCORE_X2S, SCORE_REFUSED, f->from.domain);
    bridge_log_refused(b, "xmpp-to-sip", f->message.from, f->message.uri, f->status, why, f->talk);
    note_flight_ended(b, f,
                      &(struct talk_end){ .outcome = error->condition == MAP_REMOTE_SERVER_TIMEOUT && !f->status
                                                         ? SCORE_TIMED_OUT
                                                         : SCORE_REFUSED,
                                          .status = f->status,
                                          .condition = map_condition_name(error->condition),
                                          .why = error->text.n ? error->text : slice_str(why) });
    if (!f->message.report_errors)
        return;
    f->owed = true;
    bridge_send_error(b, "message", &f->to, &f->from, f->id, ours, error, &f->receipt);
}

static void give_back(struct flight *f, struct bridge *b, bool ours, const struct map_stanza_error *error)
{
    give_back_because(f, b, ours, error, map_condition_name(error->condition));
}

void flight_give_back_refused(struct flight *f, struct bridge *b, const struct gate_refusal *no)
{
    struct map_stanza_error error = { .condition = map_condition_of(slice_str(no->condition)),
                                      .type = no->type,
                                      .text = slice_str(no->text) };

    give_back_because(f, b, true, &error, no->why);
}

void flight_give_back_condition(struct flight *f, struct bridge *b, enum map_condition condition, const char *text)
{
    struct map_stanza_error error = { .condition = condition, .type = "wait", .text = slice_str(text) };

    give_back(f, b, true, &error);
}

void flight_give_back_unanswered(struct flight *f, struct bridge *b, enum sip_no_answer why)
{
    struct map_stanza_error error = { .condition = MAP_REMOTE_SERVER_TIMEOUT };

    switch (why) {
    case SIP_ANSWERED:
    case SIP_TIMED_OUT:
        flight_give_back_condition(f, b, MAP_REMOTE_SERVER_TIMEOUT, "The SIP side did not answer");
        return;
    case SIP_UNREACHABLE:
        flight_give_back_condition(f, b, MAP_REMOTE_SERVER_TIMEOUT, "The SIP server cannot be reached");
        return;
    case SIP_NOT_FOUND:
        flight_give_back_condition(f, b, MAP_REMOTE_SERVER_TIMEOUT, "The SIP server cannot be found");
        return;
    case SIP_NO_MEMORY: flight_give_back_condition(f, b, MAP_RESOURCE_CONSTRAINT, "The gateway is busy"); return;
    case SIP_LEFT_ALONE: /* as the 503 that asked for it */
        map_error_to_stanza(&f->arena, 503, NULL, &b->map.aliases, &error);
        error.type = "wait";
        error.text = SLICE("The SIP server asks to be left alone for a while");
        break;
    case SIP_TOO_LONG: /* RFC 3428 8, STOX-IM-28 */
        error = (struct map_stanza_error){ .condition = MAP_POLICY_VIOLATION,
                                           .type = "modify",
                                           .text = SLICE("Too long for the way to this user") };
        break;
    }
    give_back(f, b, true, &error);
}

void flight_text_ended(struct flight *f, struct bridge *b, const struct sip_result *result)
{
    struct map_stanza_error error;

    if (result->status >= 200 && result->status < 300) {
        bridge_count(b, SCORE_X2S, SCORE_DELIVERED, f->from.domain);
        note_flight_ended(b, f, &(struct talk_end){ .outcome = SCORE_DELIVERED, .status = f->status });
        receipts_on_answer(b, f, result->status);
    } else if (result->status) {
        map_error_to_stanza(&f->arena, result->status, result->msg, &b->map.aliases, &error);
        give_back(f, b, false, &error);
    } else {
        flight_give_back_unanswered(f, b, result->no_answer);
    }
}
