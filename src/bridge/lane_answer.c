/* What SIP has answered to the flying message: is it tried once more, and what does the lane do then? */
#include "bridge/lane_parts.h"
#include "bridge/note.h"
#include "bridge/receipts.h"
#include "bridge/session.h"
#include "bridge/status.h"

/* A GRUU that is gone is tried once more at its owner's address of record (STOX-IM-51). */
static bool try_aor(struct lane *lane, struct flight *f, unsigned status)
{
    struct jid bare = f->to;
    struct buf uri;
    struct slice text;

    if (f->kind != FLIGHT_TEXT || f->to.resource.n == 0 || f->tried_aor ||
        (status != 404 && status != 480 && status != 410))
        return false;
    f->tried_aor = true;
    bare.resource = slice_of(NULL, 0);
    buf_init(&uri, 8 * JID_PART_MAX);
    text = slice_of(NULL, 0);
    if (map_jid_to_uri(&uri, &bare, false, &lane->bridge->map.aliases) && buf_ok(&uri))
        text = arena_dup(&f->arena, buf_slice(&uri));
    buf_free(&uri);
    if (!text.p)
        return false;
    f->message.uri = text;
    f->message.branch = slice_of(NULL, 0);
    lane_push_first(lane, f);
    return true;
}

/* Whoever takes no CPIM, or nothing so long, gets the text as it is, once, and is asked for nothing (STOX-RCP-19, STOX-SIP-35). */
static bool try_plain(struct lane *lane, struct flight *f, const struct sip_result *result)
{
    bool too_long =
        result->status == 0 && result->no_answer == SIP_TOO_LONG; /* better without a receipt than not at all */

    if (f->ask.body.n == 0 || (result->status != 415 && result->status != 413 && !too_long))
        return false;
    if (result->status == 415)
        abilities_note(&lane->bridge->abilities, &f->to, ABILITY_NO_CPIM, loop_now(lane->bridge->loop));
    receipts_withdraw(lane->bridge, f);
    f->message.branch = slice_of(NULL, 0);
    lane_push_first(lane, f);
    return true;
}

/* Whoever knows the session no more has not taken the text either. */
static bool try_new_session(struct lane *lane, struct flight *f)
{
    if (!f->in_session || f->renewed)
        return false;
    f->renewed = true;
    lane_push_first(lane, f);
    return true;
}

/* It was never written, and its session goes on by another server. */
static bool try_other_server(struct lane *lane, struct flight *f)
{
    if (f->moved)
        return false;
    f->moved = true;
    lane_push_first(lane, f);
    return true;
}

void lane_on_result(void *arg, const struct sip_result *result)
{
    struct lane *lane = arg;
    struct flight *f = lane->flying;
    struct bridge *b = lane->bridge;
    bool moved;

    lane->flying = NULL;
    lane->attempt = NULL;
    lane->slow = result->status == 0;
    timer_stop(&b->loop->timers, &lane->grace);
    f->status = result->status;
    if (f->kind == FLIGHT_TEXT)
        note_flight_answered(b, f, result);
    moved = lane->session && im_session_result(lane->session, result);
    if ((moved && try_other_server(lane, f)) || (result->status == 481 && try_new_session(lane, f))) {
        lane_next(lane);
        return;
    }
    if ((result->status >= 300 && try_aor(lane, f, result->status)) || try_plain(lane, f, result)) {
        lane_next(lane);
        return;
    }
    if (f->kind == FLIGHT_TEXT)
        flight_text_ended(f, b, result);
    else
        status_ended(f, b, result->status);
    log_debug(b->log, "message-answered", LOG_Z("direction", "xmpp-to-sip"), LOG_X("conversation", f->talk),
              LOG_S("id", f->id), LOG_U("status", result->status));
    flight_free(f, b);
    lane_next(lane);
}

void lane_session_up(struct lane *lane)
{
    lane_push_first(lane, lane->flying);
    lane->flying = NULL;
    lane_restart_clocks(lane);
    lane_next(lane);
}

/* The other side takes no INVITE for texts, or does not react to one at all. */
static bool is_no_session(const struct sip_result *result)
{
    static const unsigned statuses[] = { 405, 415, 488, 501, 606 };

    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        if (result->status == statuses[i])
            return true;
    return !result->status && result->no_answer == SIP_TIMED_OUT;
}

static bool falls_back(const struct lane *lane, const struct sip_result *result)
{
    const struct route *route = directory_route_to(lane->bridge->directory, lane->flying->to.domain);

    return route && route->im == ROUTE_AUTO && is_no_session(result);
}

/* All of them hear what the INVITE was answered. */
static void fail_all(struct lane *lane, const struct sip_result *result)
{
    struct bridge *b = lane->bridge;
    struct list *l;

    while ((l = list_pop(&lane->waiting)) != NULL) {
        struct flight *f = container_of(l, struct flight, link);

        lane->n_waiting--;
        if (f->kind == FLIGHT_TEXT)
            flight_text_ended(f, b, result);
        else
            status_ended(f, b, 0);
        flight_free(f, b);
    }
}

void lane_session_failed(struct lane *lane, const struct sip_end *end)
{
    struct bridge *b = lane->bridge;
    struct flight *f = lane->flying;
    bool silent = end->why == SIP_END_TIMED_OUT || end->status == 487; /* which answers our CANCEL */
    struct sip_result result = { .status = silent ? 0 : end->status,
                                 .msg = silent ? NULL : end->msg,
                                 .no_answer = silent ? SIP_TIMED_OUT : SIP_UNREACHABLE };

    lane->slow = silent;
    if (falls_back(lane, &result)) {
        abilities_note(&b->abilities, &f->to, ABILITY_NO_SESSIONS, loop_now(b->loop));
        lane_session_up(lane);
        return;
    }
    lane->flying = NULL;
    lane_restart_clocks(lane);
    if (!try_aor(lane, f, result.status)) {
        lane_push_first(lane, f);
        fail_all(lane, &result);
    }
    lane_next(lane);
}
