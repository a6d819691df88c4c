#include "bridge/trial.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

#define ARENA_MAX 65536
#define WIRE_MAX 16384

static void on_timer(struct timer *timer);

static void trial_free(struct trial *t)
{
    timer_stop(&t->bridge->loop->timers, &t->timer);
    trial_list_remove(&t->bridge->trials, &t->entry);
    arena_reset(&t->arena);
    free(t);
}

void trials_free(struct bridge *b)
{
    while (!list_empty(&b->trials.all))
        trial_free(container_of(b->trials.all.next, struct trial, entry.link));
}

static struct trial *find(const struct bridge *b, uint64_t id)
{
    struct trial_entry *e = trial_list_find(&b->trials, id);

    return e ? container_of(e, struct trial, entry) : NULL;
}

const struct trial *trial_find(const struct bridge *b, uint64_t id)
{
    return find(b, id);
}

/* ---- what became of it ---- */

static void finish(struct trial *t)
{
    struct bridge *b = t->bridge;

    t->entry.done = true;
    trial_judge(t);
    timer_start(&b->loop->timers, &t->timer, TRIAL_KEEP_MS);
    log_info(b->log, "message-tested", LOG_S("from", t->from.domain), LOG_S("to", t->to.domain),
             LOG_Z("works", t->works ? "yes" : "no"), LOG_Z("error", t->error), LOG_Z("diagnosis", t->diagnosis));
}

static void on_timer(struct timer *timer)
{
    struct trial *t = container_of(timer, struct trial, timer);

    if (t->entry.done)
        trial_free(t);
    else
        finish(t);
}

static void answered(struct trial *t, const struct talk_end *end)
{
    if (t->entry.done || t->answered_ms)
        return;
    t->answered_ms = loop_now(t->bridge->loop);
    t->end = *end;
    t->end.why = end->why.n ? arena_dup(&t->arena, slice_first(end->why, TRIAL_SENTENCE / 2)) : end->why;
    if (t->way == SCORE_S2X && end->outcome == SCORE_DELIVERED)
        timer_start(&t->bridge->loop->timers, &t->timer, TRIAL_BOUNCE_MS);
    else
        finish(t);
}

/* The test whose address stands where a transaction would; nothing else is ever done with that pointer. */
static struct trial *trial_of(const struct bridge *b, const struct sip_server *txn)
{
    list_each (l, &b->trials.all)
        if ((const void *)container_of(l, struct trial, entry.link) == (const void *)txn)
            return container_of(l, struct trial, entry.link);
    return NULL;
}

void trial_or_respond(struct bridge *b, struct sip_server *txn, const struct talk_end *end, const char *reason,
                      struct slice headers)
{
    struct trial *t = b->trials.n ? trial_of(b, txn) : NULL;

    if (t)
        answered(t, end);
    else
        sip_respond(txn, end->status, reason, headers);
}

void trial_bounced(struct bridge *b, const struct xmpp_stanza *stanza, const char *condition)
{
    struct slice id = xml_attr(stanza->el, "id");

    list_each (l, &b->trials.all) {
        struct trial *t = container_of(l, struct trial, entry.link);

        if (t->entry.done || t->way != SCORE_S2X || !slice_is(id, t->tag) || !jid_bare_eq(&t->to, stanza->from))
            continue;
        t->bounced = condition;
        timer_stop(&b->loop->timers, &t->timer);
        finish(t);
        return;
    }
}

bool trial_is(const struct bridge *b, uint64_t receipt)
{
    const struct trial *t = b->trials.n ? find(b, receipt) : NULL;

    return t && t->way == SCORE_X2S;
}

void trial_ended(struct bridge *b, uint64_t receipt, const struct talk_end *end)
{
    struct trial *t = b->trials.n ? find(b, receipt) : NULL;

    if (t && t->way == SCORE_X2S)
        answered(t, end);
}

/* ---- sending it ---- */

static void put_text(const struct trial *t, struct slice text, struct buf *out)
{
    if (text.n) {
        buf_put(out, text);
        return;
    }
    buf_str(out, "This is a test message. An administrator of the gateway sent it in the name of ");
    jid_put_bare(out, &t->from);
    buf_str(out, "; nobody wrote it, and no answer is needed.");
}

/* As a MESSAGE of the sender's. */
static bool put_request(const struct trial *t, struct slice text, struct buf *out)
{
    struct bridge *b = t->bridge;
    struct buf body, from, to;
    bool ok;

    buf_init(&body, WIRE_MAX / 2);
    buf_init(&from, 8 * JID_PART_MAX);
    buf_init(&to, 8 * JID_PART_MAX);
    put_text(t, text, &body);
    ok = map_jid_to_uri(&from, &t->from, false, &b->map.aliases) && map_jid_to_uri(&to, &t->to, false, &b->map.aliases);
    buf_printf(out,
               "MESSAGE %.*s SIP/2.0\r\nVia: SIP/2.0/UDP test.invalid;branch=z9hG4bK%s\r\nMax-Forwards: 70\r\n"
               "From: <%.*s>;tag=%.8s\r\nTo: <%.*s>\r\nCall-ID: %s\r\nCSeq: 1 MESSAGE\r\n"
               "Content-Type: text/plain;charset=UTF-8\r\nContent-Length: %zu\r\n\r\n",
               SLICE_FMT(buf_slice(&to)), t->tag, SLICE_FMT(buf_slice(&from)), t->tag, SLICE_FMT(buf_slice(&to)),
               t->tag, body.n);
    buf_put(out, buf_slice(&body));
    ok = ok && buf_ok(&body) && buf_ok(&from) && buf_ok(&to) && buf_ok(out);
    buf_free(&body);
    buf_free(&from);
    buf_free(&to);
    return ok;
}

/* False: out of memory, or the addresses cannot be written on SIP. */
static bool send_from_sip(struct trial *t, struct slice text)
{
    struct sip_request request = { .txn = (struct sip_server *)t };
    struct buf wire;
    struct sip_msg msg;
    struct arena arena;
    const char *fault;
    size_t used;
    bool ok;

    buf_init(&wire, WIRE_MAX);
    arena_init(&arena, ARENA_MAX);
    ok = put_request(t, text, &wire) &&
         sip_msg_parse(&msg, &arena, wire.p, wire.n, false, &used, &fault) == SIP_PARSE_OK;
    if (ok) {
        request.msg = &msg;
        s2x_message(t->bridge, &request);
    }
    arena_reset(&arena);
    buf_free(&wire);
    return ok;
}

static void on_element(void *owner, struct xml *el)
{
    struct trial *t = owner;
    const struct xmpp_stanza stanza = {
        .el = el, .arena = &t->arena, .from = &t->from, .to = &t->to, .receipt = t->entry.id
    };

    x2s_message(t->bridge, &stanza);
}

static void on_open(void *owner, const struct xml *root)
{
}

static void on_close(void *owner)
{
}

static void put_xml(struct buf *out, const struct jid *j)
{
    struct buf text;

    buf_init(&text, 4 * JID_PART_MAX);
    jid_put(&text, j);
    text_put_xml(out, buf_slice(&text));
    out->failed = out->failed || !buf_ok(&text);
    buf_free(&text);
}

/* As a stanza of the partner's. False: out of memory. */
static bool send_from_xmpp(struct trial *t, struct slice text)
{
    static const struct xml_reader_ops ops = { on_open, on_element, on_close };
    static const struct xml_limits limits = { 65536, 16384, 16, 64 };
    struct xml_reader *r;
    struct buf wire, body;
    bool ok;

    buf_init(&wire, WIRE_MAX);
    buf_init(&body, WIRE_MAX / 2);
    put_text(t, text, &body);
    buf_printf(&wire,
               "<s:stream xmlns:s='http://etherx.jabber.org/streams' xmlns='jabber:server'><message id='%s' from='",
               t->tag);
    put_xml(&wire, &t->from);
    buf_str(&wire, "' to='");
    put_xml(&wire, &t->to);
    buf_str(&wire, "'><body>");
    text_put_xml(&wire, buf_slice(&body));
    buf_str(&wire, "</body></message>");
    r = buf_ok(&wire) && buf_ok(&body) ? xml_reader_new(&ops, t, &limits, 1u << 20) : NULL;
    ok = r && xml_reader_feed(r, wire.p, wire.n) == XML_OK;
    xml_reader_free(r);
    buf_free(&wire);
    buf_free(&body);
    return ok;
}

/* ---- the start ---- */

static struct trial *trial_new(struct bridge *b)
{
    struct trial *t = calloc(1, sizeof(*t));

    if (!t)
        return NULL;
    t->bridge = b;
    timer_init(&t->timer, on_timer);
    arena_init(&t->arena, ARENA_MAX);
    rand_hex(t->tag, TRIAL_TAG_LEN);
    trial_list_add(&b->trials, &t->entry, loop_now(b->loop));
    return t;
}

/* NULL: who writes to whom is clear, and which way. */
static const char *take(struct trial *t, struct slice from, struct slice to, struct slice text)
{
    const struct directory *d = t->bridge->directory;
    bool ours, theirs;

    if (!jid_parse(&t->arena, from, &t->from) || !t->from.local.n)
        return "from: this is no address like alice@contoso.example";
    if (!jid_parse(&t->arena, to, &t->to) || !t->to.local.n)
        return "to: this is no address like romeo@fabrikam.example";
    if (text.n > TRIAL_TEXT_MAX)
        return "text: 1000 bytes at most are taken";
    ours = directory_route_to(d, t->from.domain) != NULL;
    theirs = directory_route_to(d, t->to.domain) != NULL;
    if (ours && theirs)
        return "both are on SIP: such messages never come to this gateway";
    if (!ours && !theirs)
        return "neither from nor to is in a SIP domain of ours (stoxctl domain list)";
    t->way = ours ? SCORE_S2X : SCORE_X2S;
    return NULL;
}

uint64_t trial_start(struct bridge *b, struct slice from, struct slice to, struct slice text, unsigned *status,
                     const char **why)
{
    struct trial_entry *oldest;
    struct trial *t;

    *status = 429;
    *why = trial_list_objection(&b->trials, loop_now(b->loop));
    if (*why)
        return 0;
    oldest = trial_list_oldest(&b->trials);
    if (oldest)
        trial_free(container_of(oldest, struct trial, entry));
    *status = 503;
    *why = "there is no memory for this now: try again";
    t = trial_new(b);
    if (!t)
        return 0;
    *why = take(t, from, to, text);
    if (*why) {
        *status = 422;
        trial_free(t);
        return 0;
    }
    if (t->way == SCORE_S2X ? send_from_sip(t, text) : send_from_xmpp(t, text))
        return t->entry.id;
    *why = "the message cannot be made: memory is missing, or an address cannot be written on SIP";
    trial_free(t);
    return 0;
}
