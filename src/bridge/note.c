#include "bridge/note.h"

#include <stdio.h>
#include <time.h>

#include "bridge/lane.h"
#include "bridge/trial.h"
#include "map/error.h"

#define NS_STANZA_ERROR "urn:ietf:params:xml:ns:xmpp-stanzas"
#define DETAILS_MAX 1000

/* ---- viewers ---- */

static int64_t wall_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool is_watched(const struct bridge *b)
{
    return b->viewers.n > 0;
}

struct scene {
    uint64_t talk;
    struct slice local, remote;
    uint64_t message; /* see viewer_event */
};

static void tell(struct bridge *b, const struct scene *of, enum viewer_leg leg, enum viewer_direction direction,
                 enum step_result result, struct slice what, struct slice details, struct slice body)
{
    const struct viewer_event e = { .at_ms = wall_ms(),
                                    .talk = of->talk,
                                    .local = of->local,
                                    .remote = of->remote,
                                    .leg = leg,
                                    .direction = direction,
                                    .message = of->message,
                                    .result = result,
                                    .what = what,
                                    .details = details,
                                    .body = b->viewers.n_bodies && directory_gateway(b->directory)->log_bodies
                                                ? body
                                                : (struct slice){ 0 } };

    viewers_tell(&b->viewers, b->directory, &e, loop_now(b->loop));
}

static void tell_line(struct bridge *b, const struct scene *of, enum viewer_leg leg, enum viewer_direction direction,
                      enum step_result result, const char *fmt, ...) __attribute__((format(printf, 6, 7)));

static void tell_line(struct bridge *b, const struct scene *of, enum viewer_leg leg, enum viewer_direction direction,
                      enum step_result result, const char *fmt, ...)
{
    const struct slice none = { 0 };
    char text[VIEWER_TEXT_MAX];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (n > 0)
        tell(b, of, leg, direction, result, slice_of(text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1),
             none, none);
}

/* Two bare addresses on the stack, and the conversation. */
struct pair_text {
    char local[2 * JID_PART_MAX + 2], remote[2 * JID_PART_MAX + 2];
};

static struct slice bare(char *out, size_t size, const struct jid *j)
{
    struct buf b = { .p = out, .cap = size, .max = size };

    jid_put_bare(&b, j);
    return buf_ok(&b) ? buf_slice(&b) : slice_of(NULL, 0);
}

static struct scene scene_of(struct pair_text *text, uint64_t talk, const struct jid *local, const struct jid *remote)
{
    return (struct scene){ .talk = talk,
                           .local = bare(text->local, sizeof(text->local), local),
                           .remote = bare(text->remote, sizeof(text->remote), remote) };
}

/* Of a conversation that is remembered. False: it is not. */
static bool scene_of_talk(const struct bridge *b, uint64_t talk, struct scene *out)
{
    const struct talk *t = talk ? talks_find(&b->talks, talk) : NULL;

    if (t)
        *out = (struct scene){ .talk = talk, .local = t->local, .remote = t->remote };
    return t != NULL;
}

/* What joins the events of one message: of a conversation, by the id of its stanza, and whatever else tells it from others. */
static uint64_t message_of(const struct bridge *b, uint64_t talk, struct slice id, struct slice more)
{
    struct hash h = { 0 };

    memcpy(h.key, b->map.key, sizeof(h.key));
    return hash_mac_more(&h, hash_mac_more(&h, hash_mac(&h, slice_of((const char *)&talk, sizeof(talk))), id), more);
}

/* To XMPP: an error that comes late finds it by the id alone. */
static uint64_t message_to_xmpp(const struct bridge *b, uint64_t talk, struct slice id)
{
    return message_of(b, talk, id, SLICE("to-xmpp"));
}

/* To SIP: partners may use an id again, or none. */
static uint64_t message_to_sip(const struct bridge *b, uint64_t talk, struct slice id, uint64_t receipt)
{
    return message_of(b, talk, id, slice_of((const char *)&receipt, sizeof(receipt)));
}

/* "MESSAGE sip:romeo@fabrikam.example", with what it is found by on the wire. */
static void tell_request(struct bridge *b, const struct scene *of, const struct sip_request *request)
{
    const struct sip_msg *m = request->msg;
    char line[DETAILS_MAX], details[DETAILS_MAX], at[ADDR_TEXT] = "";
    struct buf what = { .p = line, .cap = sizeof(line), .max = sizeof(line) };
    struct buf more = { .p = details, .cap = sizeof(details), .max = sizeof(details) };

    buf_put(&what, m->method);
    buf_char(&what, ' ');
    buf_put(&what, slice_first(m->uri_text, DETAILS_MAX / 2));
    buf_str(&more, "call-id=");
    buf_put(&more, slice_first(m->call_id, DETAILS_MAX / 4));
    buf_str(&more, " branch=");
    buf_put(&more, slice_first(m->via.branch, DETAILS_MAX / 4));
    if (request->from)
        buf_printf(&more, " from=%s:%s", sip_transport_name(request->from->transport),
                   addr_text(request->from->addr, at));
    tell(b, of, VIEWER_SIP, VIEWER_IN, STEP_NOTE, buf_slice(&what), buf_slice(&more), m->body);
}

/* ---- SIP to XMPP ---- */

uint64_t note_sip_in(struct bridge *b, const struct sip_request *request, const struct jid *from, const struct jid *to,
                     struct slice id)
{
    uint64_t talk = talks_came(&b->talks, SCORE_S2X, from, to, loop_now(b->loop));
    struct pair_text text;
    struct scene of;

    talks_mode(&b->talks, talk, request->msg->to_tag.n > 0);
    if (!is_watched(b))
        return talk;
    of = scene_of(&text, talk, from, to);
    of.message = message_to_xmpp(b, talk, id);
    tell_request(b, &of, request);
    tell_line(b, &of, VIEWER_XMPP, VIEWER_OUT, STEP_NOTE, "message id=%.*s (held until it is acknowledged)",
              SLICE_FMT(slice_first(id, 200)));
    return talk;
}

static void tell_answer(struct bridge *b, const struct scene *of, unsigned status, const char *reason)
{
    if (!reason)
        reason = status == 200 ? "OK" : status == 202 ? "Accepted" : "";
    tell_line(b, of, VIEWER_SIP, VIEWER_OUT, status < 300 ? STEP_OK : STEP_FAILED, "%u %.300s", status, reason);
}

/* What came of it on the XMPP leg. */
static void tell_fate(struct bridge *b, const struct scene *of, const struct talk_end *end)
{
    struct slice why = slice_first(end->why, 700);

    if (end->outcome == SCORE_DELIVERED)
        tell_line(b, of, VIEWER_XMPP, VIEWER_IN, STEP_OK, "%.*s", SLICE_FMT(why.n ? why : SLICE("acknowledged")));
    else if (end->outcome == SCORE_UNCONFIRMED)
        tell_line(b, of, VIEWER_GATEWAY, VIEWER_HERE, STEP_NOTE, "written, but this partner confirms nothing");
    else if (end->condition)
        tell_line(b, of, VIEWER_XMPP, VIEWER_IN, STEP_FAILED, "error %s", end->condition);
    else
        tell_line(b, of, VIEWER_GATEWAY, VIEWER_HERE, STEP_FAILED, "not delivered: %.*s", SLICE_FMT(why));
}

void note_sip_ended(struct bridge *b, uint64_t talk, struct slice id, const struct talk_end *end, const char *reason)
{
    struct scene of;

    talks_ended(&b->talks, talk, SCORE_S2X, end, loop_now(b->loop));
    if (!is_watched(b) || !scene_of_talk(b, talk, &of))
        return;
    of.message = message_to_xmpp(b, talk, id);
    tell_fate(b, &of, end);
    tell_answer(b, &of, end->status, reason);
}

bool note_is_from(const struct route *route, struct slice domain, const struct sip_peer *from)
{
    return !from || speaker_may(route, domain, from);
}

/* Who writes to whom; false: that cannot be said, or the source may not speak for that address. */
static bool parties_of(struct bridge *b, const struct sip_request *request, struct arena *a, struct jid *from,
                       struct jid *to)
{
    const struct sip_msg *m = request->msg;
    const struct route *route;
    struct slice none = { 0 }, domain;

    if (!m->from.uri.has_user || map_uri_to_jid(a, &m->from.uri, none, &b->map.aliases, from) != MAP_ADDRESS_OK ||
        map_uri_to_jid(a, &m->uri, none, &b->map.aliases, to) != MAP_ADDRESS_OK)
        return false;
    route = directory_route_to(b->directory, from->domain);
    return route && jid_domain_to_ascii(a, from->domain, &domain) && note_is_from(route, domain, request->from);
}

/* One that was refused on the way in: of no stanza, it is found by its branch. */
static void tell_refused(struct bridge *b, const struct sip_request *request, const struct jid *from,
                         const struct jid *to, unsigned status, const char *reason, const char *why)
{
    uint64_t talk = talks_id(&b->talks, from, to);
    struct pair_text text;
    struct scene of;

    if (!is_watched(b))
        return;
    of = scene_of(&text, talk, from, to);
    of.message = message_to_xmpp(b, talk, request->msg->via.branch);
    tell_request(b, &of, request);
    tell_line(b, &of, VIEWER_GATEWAY, VIEWER_HERE, STEP_FAILED, "refused: %.700s", why ? why : "out of memory");
    tell_answer(b, &of, status, reason);
}

uint64_t note_sip_refused(struct bridge *b, const struct sip_request *request, unsigned status, const char *reason,
                          const char *why)
{
    const struct talk_end end = { .outcome = SCORE_REFUSED, .status = status, .why = slice_str(why) };
    _Alignas(16) char memory[2048];
    struct arena a;
    struct jid from, to;
    uint64_t talk = 0;

    arena_init_on(&a, memory, sizeof(memory), 65536);
    if (parties_of(b, request, &a, &from, &to)) {
        talk = talks_came(&b->talks, SCORE_S2X, &from, &to, loop_now(b->loop));
        talks_ended(&b->talks, talk, SCORE_S2X, &end, loop_now(b->loop));
        tell_refused(b, request, &from, &to, status, reason, why);
    }
    arena_reset(&a);
    return talk;
}

void note_sip_unserved(struct bridge *b, const struct sip_request *request, const char *reason, const char *why)
{
    _Alignas(16) char memory[2048];
    struct arena a;
    struct jid from, to;

    if (!is_watched(b))
        return;
    arena_init_on(&a, memory, sizeof(memory), 65536);
    if (parties_of(b, request, &a, &from, &to))
        tell_refused(b, request, &from, &to, 404, reason, why);
    arena_reset(&a);
}

const char *note_condition(const struct xml *stanza)
{
    const struct xml *error = xml_child(stanza, "jabber:server", "error");

    for (const struct xml *c = error ? xml_first_child(error) : NULL; c; c = xml_next(c))
        if (slice_is(c->ns, NS_STANZA_ERROR) && !slice_is(c->name, "text"))
            return map_condition_name(map_condition_of(c->name));
    return map_condition_name(MAP_UNDEFINED_CONDITION);
}

uint64_t note_bounced_late(struct bridge *b, const struct xmpp_stanza *stanza)
{
    const char *condition = note_condition(stanza->el);
    uint64_t talk = talks_id(&b->talks, stanza->to, stanza->from);
    struct slice id = xml_attr(stanza->el, "id");
    struct pair_text text;
    struct scene of;

    talks_bounced(&b->talks, stanza->to, stanza->from, condition, loop_now(b->loop));
    trial_bounced(b, stanza, condition);
    if (!is_watched(b))
        return talk;
    of = scene_of(&text, talk, stanza->to, stanza->from);
    of.message = message_to_xmpp(b, talk, id);
    tell_line(b, &of, VIEWER_XMPP, VIEWER_IN, STEP_FAILED, "error %s id=%.*s (late: its sender was answered before)",
              condition, SLICE_FMT(slice_first(id, 200)));
    return talk;
}

/* ---- XMPP to SIP ---- */

static void tell_stanza(struct bridge *b, const struct scene *of, const struct xmpp_stanza *stanza, struct slice body)
{
    char line[DETAILS_MAX];
    struct buf what = { .p = line, .cap = sizeof(line), .max = sizeof(line) };
    struct slice id = xml_attr(stanza->el, "id"), type = xml_attr(stanza->el, "type"),
                 resource = stanza->from->resource;

    buf_printf(&what, "message id=%.*s%s%.*s%s%.*s", SLICE_FMT(slice_first(id, 200)), type.n ? " type=" : "",
               SLICE_FMT(slice_first(type, 20)), resource.n ? " resource=" : "", SLICE_FMT(slice_first(resource, 200)));
    tell(b, of, VIEWER_XMPP, VIEWER_IN, STEP_NOTE, buf_slice(&what), slice_of(NULL, 0), body);
}

/* Addresses of our domains themselves are nobody's conversation. */
uint64_t note_xmpp_in(struct bridge *b, const struct xmpp_stanza *stanza, struct slice body)
{
    struct pair_text text;
    struct scene of;
    uint64_t talk;

    if (!stanza->to->local.n)
        return 0;
    talk = talks_came(&b->talks, SCORE_X2S, stanza->to, stanza->from, loop_now(b->loop));
    if (!is_watched(b))
        return talk;
    of = scene_of(&text, talk, stanza->to, stanza->from);
    of.message = message_to_sip(b, talk, xml_attr(stanza->el, "id"), stanza->receipt);
    tell_stanza(b, &of, stanza, body);
    return talk;
}

uint64_t note_xmpp_refused(struct bridge *b, const struct xmpp_stanza *stanza, const char *condition, const char *why)
{
    const struct talk_end end = { .outcome = SCORE_REFUSED, .condition = condition, .why = slice_str(why) };
    uint64_t talk = note_xmpp_in(b, stanza, slice_of(NULL, 0));
    struct scene of;

    talks_ended(&b->talks, talk, SCORE_X2S, &end, loop_now(b->loop));
    trial_ended(b, stanza->receipt, &end);
    if (is_watched(b) && scene_of_talk(b, talk, &of)) {
        of.message = message_to_sip(b, talk, xml_attr(stanza->el, "id"), stanza->receipt);
        tell_line(b, &of, VIEWER_GATEWAY, VIEWER_HERE, STEP_FAILED, "refused: %.700s", why);
        tell_line(b, &of, VIEWER_XMPP, VIEWER_OUT, STEP_FAILED, "error %s", condition);
    }
    return talk;
}

static struct scene scene_of_flight(const struct bridge *b, struct pair_text *text, const struct flight *f)
{
    struct scene of = scene_of(text, f->talk, &f->to, &f->from);

    of.message = message_to_sip(b, f->talk, f->id, f->receipt);
    return of;
}

void note_flight_sent(struct bridge *b, const struct flight *f, const struct route *route)
{
    char line[DETAILS_MAX], details[DETAILS_MAX];
    struct buf what = { .p = line, .cap = sizeof(line), .max = sizeof(line) };
    struct buf more = { .p = details, .cap = sizeof(details), .max = sizeof(details) };
    struct pair_text text;
    struct scene of;

    if (!is_watched(b))
        return;
    of = scene_of_flight(b, &text, f);
    buf_str(&what, "MESSAGE ");
    buf_put(&what, slice_first(f->message.uri, DETAILS_MAX / 2));
    buf_str(&more, "call-id=");
    buf_put(&more, slice_first(f->message.call_id, DETAILS_MAX / 4));
    if (f->message.branch.n) {
        buf_str(&more, " branch=");
        buf_put(&more, slice_first(f->message.branch, DETAILS_MAX / 4));
    }
    buf_str(&more, f->in_session ? " in a session of route=" : " route=");
    buf_put(&more, route->name);
    tell(b, &of, VIEWER_SIP, VIEWER_OUT, STEP_NOTE, buf_slice(&what), buf_slice(&more), f->message.body);
}

void note_flight_answered(struct bridge *b, const struct flight *f, const struct sip_result *result)
{
    struct pair_text text;
    struct scene of;

    if (!is_watched(b))
        return;
    of = scene_of_flight(b, &text, f);
    if (result->status)
        tell_line(b, &of, VIEWER_SIP, VIEWER_IN, result->status < 300 ? STEP_OK : STEP_FAILED, "%u %.*s",
                  result->status, SLICE_FMT(slice_first(result->msg ? result->msg->reason : slice_of(NULL, 0), 300)));
    else
        tell_line(b, &of, VIEWER_GATEWAY, VIEWER_HERE, STEP_FAILED, "%s",
                  result->no_answer == SIP_UNREACHABLE ? "the SIP server cannot be reached"
                                                       : "the SIP server does not answer");
}

void note_flight_ended(struct bridge *b, const struct flight *f, const struct talk_end *end)
{
    struct pair_text text;
    struct scene of;

    talks_mode(&b->talks, f->talk, f->in_session);
    talks_ended(&b->talks, f->talk, SCORE_X2S, end, loop_now(b->loop));
    trial_ended(b, f->receipt, end);
    if (!is_watched(b))
        return;
    of = scene_of_flight(b, &text, f);
    if (end->outcome == SCORE_DELIVERED)
        tell_line(b, &of, VIEWER_XMPP, VIEWER_OUT, STEP_OK, "handled id=%.*s", SLICE_FMT(slice_first(f->id, 200)));
    else if (f->message.report_errors)
        tell_line(b, &of, VIEWER_XMPP, VIEWER_OUT, STEP_FAILED, "error %s id=%.*s (%.*s)", end->condition,
                  SLICE_FMT(slice_first(f->id, 200)), SLICE_FMT(slice_first(end->why, 500)));
    else
        tell_line(b, &of, VIEWER_GATEWAY, VIEWER_HERE, STEP_FAILED, "%.*s; its sender wants no errors",
                  SLICE_FMT(slice_first(end->why, 500)));
}

/* ---- presence ---- */

void note_presence(struct bridge *b, const struct jid *local, const struct jid *remote, bool out, struct slice type,
                   struct slice resource)
{
    struct pair_text text;
    struct scene of;

    if (!is_watched(b))
        return;
    of = scene_of(&text, 0, local, remote);
    tell_line(b, &of, VIEWER_XMPP, out ? VIEWER_OUT : VIEWER_IN, STEP_NOTE, "presence %.*s%s%.*s",
              SLICE_FMT(type.n ? slice_first(type, 40) : SLICE("available")), resource.n ? " of resource " : "",
              SLICE_FMT(slice_first(resource, 200)));
}

void note_subscription(struct bridge *b, const struct jid *local, const struct jid *remote, bool out,
                       const char *method, const char *state)
{
    struct pair_text text;
    struct scene of;

    if (!is_watched(b))
        return;
    of = scene_of(&text, 0, local, remote);
    tell_line(b, &of, VIEWER_SIP, out ? VIEWER_OUT : VIEWER_IN, STEP_NOTE, "%s%s%s", method, state[0] ? " " : "",
              state);
}

void note_watch(struct bridge *b, const struct jid *local, const struct jid *remote, const char *direction,
                const char *from, const char *to)
{
    struct pair_text text;
    struct scene of;

    if (!is_watched(b))
        return;
    of = scene_of(&text, 0, local, remote);
    tell_line(b, &of, VIEWER_GATEWAY, VIEWER_HERE, STEP_NOTE, "watching %s: %s, then %s", direction, from, to);
}

/* ---- streams ---- */

void note_stream(struct bridge *b, struct slice local, struct slice remote, bool inbound, const char *step,
                 enum step_result result, struct slice text)
{
    static const char *const results[] = { "ok", "failed", "note" };
    const struct scene of = { .local = local, .remote = remote };
    char details[40];

    if (!is_watched(b) || !remote.n)
        return;
    snprintf(details, sizeof(details), "%s %s", step, results[result]);
    tell(b, &of, VIEWER_STREAM, inbound ? VIEWER_IN : VIEWER_OUT, result, text, slice_str(details), slice_of(NULL, 0));
}
