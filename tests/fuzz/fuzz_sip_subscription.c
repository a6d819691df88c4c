/*
 * Event subscriptions, driven by bytes: steps parted by RS, each with a letter for what happens and, for messages, the text, in which
 * control characters stand for what a peer learns from us: our tag, a branch, our Call-ID. Whatever comes, what we send parses, the
 * owner hears of each subscription as the contract says, and nothing leaks.
 */
#include <stdlib.h>

#include "sip/event_values.h"
#include "sip/stack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define STEPS_MAX 40
#define SUBS_MAX 8

static void check(bool ok)
{
    if (!ok)
        abort();
}

struct owner {
    struct loop loop;
    struct sip *sip;
    struct sip_sub *subs[SUBS_MAX + 1];
    bool asked[SUBS_MAX + 1]; /* waits for our answer */
    struct sip_server *txn;   /* a PUBLISH */
    char tag[20], branch[80], call_id[64];
    bool inside; /* a call into the stack: nothing may call back but the loop */
    bool tcp;
    unsigned says; /* what describe and refresh say */
};

static size_t slot_of(const struct owner *o, const struct sip_sub *s)
{
    size_t i = 0;

    while (i <= SUBS_MAX && o->subs[i] != s)
        i++;
    return i;
}

static void on_subscribe(void *owner, struct sip_sub *s, const struct sip_request *request, unsigned expires_s)
{
    struct owner *o = owner;
    size_t i = slot_of(o, NULL);

    check(i < SUBS_MAX && slot_of(o, s) > SUBS_MAX && !request->txn && expires_s <= 3600 && !o->inside);
    o->subs[i] = s;
    o->asked[i] = true;
}

static void known(struct owner *o, struct sip_sub *s)
{
    check(slot_of(o, s) < SUBS_MAX && !o->asked[slot_of(o, s)] && !o->inside);
}

static void on_describe(void *owner, struct sip_sub *s, bool last, struct sip_sub_notice *out)
{
    static const char body[2000] = "<presence/>";
    struct owner *o = owner;

    known(o, s);
    o->says++;
    *out = (struct sip_sub_notice){ .state = o->says % 7 == 6 ? SIP_SUB_TERMINATED : SIP_SUB_ACTIVE,
                                    .reason = (enum sip_sub_reason)(o->says % 8),
                                    .content = { SLICE("Content-Type: application/pidf+xml\r\n"),
                                                 slice_of(body, o->says % 5 == 4 ? 2000 : 11) } };
}

static void on_refreshed(void *owner, struct sip_sub *s, const struct sip_msg *m)
{
    known(owner, s);
    check(m != NULL);
}

static void on_accepted(void *owner, struct sip_sub *s, unsigned expires_s)
{
    known(owner, s);
}

static unsigned on_notified(void *owner, struct sip_sub *s, const struct sip_sub_notified *n)
{
    struct owner *o = owner;

    known(o, s);
    check(n->state <= SIP_SUB_TERMINATED && n->reason <= SIP_REASON_INVARIANT);
    if (n->msg->body.n == 3) {
        o->subs[slot_of(o, s)] = NULL;
        sip_sub_drop(s);
        return 200;
    }
    return n->msg->body.n == 2 ? 415 : 200;
}

static bool on_refresh(void *owner, struct sip_sub *s)
{
    known(owner, s);
    return ++((struct owner *)owner)->says % 4;
}

static bool on_way(void *owner, struct sip_sub *s, struct arena *a, struct sip_destination *out)
{
    static struct addr_host hop;
    struct owner *o = owner;

    check(slot_of(o, s) < SUBS_MAX);
    check(addr_parse(SLICE("192.0.2.9:5060"), 5060, &hop.addr));
    *out = (struct sip_destination){ .route = SLICE("route"),
                                     .domain = SLICE("y.example"),
                                     .hops = &hop,
                                     .n_hops = 1,
                                     .transports = o->tcp ? SIP_MAY(SIP_TCP) : SIP_MAY(SIP_UDP) };
    return o->says % 11 != 10;
}

static void on_ended(void *owner, struct sip_sub *s, const struct sip_sub_end *end)
{
    struct owner *o = owner;
    size_t i = slot_of(o, s);

    check(i < SUBS_MAX && !o->inside);
    o->subs[i] = NULL;
}

static bool on_offers_winfo(void *owner, struct slice host)
{
    return true;
}

static void on_publish(void *owner, const struct sip_request *request)
{
    struct owner *o = owner;
    struct slice tag;

    (void)sip_msg_if_match(request->msg, &tag);
    if (o->txn)
        sip_respond(o->txn, 412, NULL, slice_of(NULL, 0));
    o->txn = request->txn;
}

static void on_message(void *owner, const struct sip_request *request)
{
    sip_respond(request->txn, 404, NULL, slice_of(NULL, 0));
}

static bool on_source(void *owner, const struct sip_peer *from, struct slice *route)
{
    *route = SLICE("route");
    return true;
}

static bool on_serves(void *owner, struct slice host)
{
    return true;
}

static void keep(const char *text, size_t n, const char *from, const char *until, char *out, size_t size)
{
    const char *at = memmem(text, n, from, strlen(from));
    size_t i = 0;

    if (!at)
        return;
    for (at += strlen(from); at < text + n && !strchr(until, *at) && i + 1 < size; at++)
        out[i++] = *at;
    out[i] = '\0';
}

static bool on_send(void *owner, const struct sip_flow *flow, const char *p, size_t n)
{
    struct owner *o = owner;
    struct arena arena;
    struct sip_msg m;
    const char *fault = NULL;
    char *copy = malloc(n);
    size_t used;

    check(copy);
    memcpy(copy, p, n);
    arena_init(&arena, SIP_ARENA_MAX);
    switch (sip_msg_parse(&m, &arena, copy, n, true, &used, &fault)) {
    case SIP_PARSE_OK:
        keep(p, n, m.is_request ? "\r\nFrom: <sip:us@x.example>;tag=" : "\r\nTo: <sip:us@x.example>;tag=", "\r;",
             o->tag, sizeof(o->tag));
        if (m.is_request) {
            keep(p, n, ";branch=", ";\r", o->branch, sizeof(o->branch));
            keep(p, n, "\r\nCall-ID: ", "\r", o->call_id, sizeof(o->call_id));
        }
        break;
    case SIP_PARSE_TOO_BIG: break;
    default: check(!m.is_request); /* what came with a fault goes back with it */
    }
    arena_reset(&arena);
    free(copy);
    return true;
}

static enum sip_reach on_reach(void *owner, const struct sip_target *target, struct sip_flow *flow)
{
    *flow = (struct sip_flow){ .transport = target->transport, .peer = target->addr, .link = 7 };
    return SIP_REACH_UP;
}

static uint16_t on_via_port(void *owner, const struct sip_target *target)
{
    return 5060;
}

static const struct sip_event_ops event_ops = { .subscribe = on_subscribe,
                                                .describe = on_describe,
                                                .refreshed = on_refreshed,
                                                .accepted = on_accepted,
                                                .notified = on_notified,
                                                .refresh = on_refresh,
                                                .way = on_way,
                                                .ended = on_ended,
                                                .publish = on_publish,
                                                .offers_winfo = on_offers_winfo };
static const struct sip_ops ops = {
    .source = on_source, .serves = on_serves, .message = on_message, .events = &event_ops
};

static struct slice text_of(const struct owner *o, char c)
{
    return slice_str(c == 1 ? o->tag : c == 2 ? o->branch : o->call_id);
}

static void take(struct owner *o, struct slice text, enum sip_transport transport)
{
    struct sip_source source = { .transport = transport, .link = 3 };
    struct arena arena;
    struct sip_msg m;
    struct buf b;
    const char *fault;
    size_t used;
    enum sip_parse parse;

    check(addr_parse(SLICE("192.0.2.9:5060"), 5060, &source.addr));
    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] >= 1 && text.p[i] <= 3)
            buf_put(&b, text_of(o, text.p[i]));
        else
            buf_char(&b, text.p[i]);
    }
    arena_init(&arena, SIP_ARENA_MAX);
    parse = sip_msg_parse(&m, &arena, b.p, b.n, transport != SIP_UDP, &used, &fault);
    (void)sip_take(o->sip, parse, &m, fault, &source);
    if (b.n)
        memset(b.p, 'X', b.n); /* nobody may have kept a pointer into it */
    arena_reset(&arena);
    buf_free(&b);
}

static void subscribe(struct owner *o, unsigned expires_s)
{
    const struct sip_subscribe subscribe = { .uri = SLICE("sip:them@y.example"),
                                             .from = SLICE("<sip:us@x.example>"),
                                             .to = SLICE("<sip:them@y.example>"),
                                             .user = SLICE("us"),
                                             .route = SLICE("route"),
                                             .expires_s = expires_s,
                                             .accept = SLICE("application/pidf+xml") };
    size_t i = slot_of(o, NULL);
    struct sip_sub *s = sip_subscribe(o->sip, &subscribe, NULL);

    if (!s)
        return;
    check(i < SUBS_MAX);
    o->subs[i] = s;
    o->asked[i] = false;
}

static bool is_notifier(const struct sip_sub *s)
{
    struct sip_sub_info info;

    sip_sub_show(s, &info);
    return info.notifier;
}

static void answer(struct owner *o, size_t i, char what)
{
    const struct slice none = { 0 };
    struct sip_sub *s = o->subs[i];

    o->asked[i] = false;
    if (what == 'a' && sip_sub_accept(s, none, none))
        return;
    o->subs[i] = NULL;
    if (what == 'f')
        sip_sub_refuse(s, 403, NULL, none);
}

/* What an owner may do with a subscription in its state. */
static void act(struct owner *o, char what)
{
    const struct sip_sub_notice notice = { .reason = SIP_REASON_REJECTED };
    size_t i = 0;
    struct sip_sub *s;

    while (i < SUBS_MAX && !o->subs[i])
        i++;
    if (i == SUBS_MAX)
        return;
    s = o->subs[i];
    if (what == 'd' || (what == 'e' && is_notifier(s))) {
        if (what == 'd')
            sip_sub_drop(s);
        else
            sip_sub_end(s, &notice);
        o->subs[i] = NULL;
    } else if (o->asked[i] && (what == 'a' || what == 'f')) {
        answer(o, i, what);
    } else if (is_notifier(s) && (what == 'c' || what == 'C')) {
        sip_sub_changed(s, what == 'C');
    } else if (!is_notifier(s) && what == 'r') {
        sip_sub_refresh(s);
    } else if (!is_notifier(s) && what == 'x') {
        sip_sub_unsubscribe(s);
    }
}

static void pass(struct owner *o, uint64_t ms)
{
    for (uint64_t end = loop_now(&o->loop) + ms;;) {
        struct list *l;

        timers_advance(&o->loop.timers, loop_now(&o->loop));
        while ((l = list_pop(&o->loop.deferred)) != NULL) {
            struct deferred *d = container_of(l, struct deferred, link);

            d->run(d);
        }
        if (loop_now(&o->loop) >= end)
            return;
        timers_advance(&o->loop.timers, loop_now(&o->loop) + 500);
    }
}

static void step(struct owner *o, struct slice s)
{
    char what = s.n ? s.p[0] : 'p';
    struct slice rest = slice_from(s, 1);

    switch (what) {
    case 'u': take(o, rest, SIP_UDP); return;
    case 't': take(o, rest, SIP_TCP); return;
    case 'p': pass(o, rest.n ? 1000u * (unsigned char)rest.p[0] : 0); return;
    case 'T': o->tcp = !o->tcp; return;
    default: break;
    }
    o->inside = true;
    if (what == 's' || what == 'S')
        subscribe(o, what == 's' ? 3600 : 0);
    else if (what == 'n' && o->txn) {
        sip_respond(o->txn, 200, NULL, slice_of(NULL, 0));
        o->txn = NULL;
    } else
        act(o, what);
    o->inside = false;
    pass(o, 0);
}

static void quiet(struct log *log, const char *line, size_t n)
{
}

static void init(struct owner *o, struct log *log)
{
    const struct sip_sub_limits limits = {
        .expires_s = 600, .expires_min_s = 60, .expires_max_s = 3600, .pace_ms = 5000, .max = SUBS_MAX
    };
    struct sip_conf conf = { .host = SLICE("gw.example.net"),
                             .ops = &ops,
                             .owner = o,
                             .t1_ms = 500,
                             .t2_ms = 4000,
                             .t4_ms = 5000,
                             .provisional_ms = 3500,
                             .txns_max = 64,
                             .kept_max = 64,
                             .body_max = 65536 };
    struct err err;

    log_init(log);
    log->write = quiet;
    check(loop_init(&o->loop, log, &err) == 0);
    o->sip = sip_new(&o->loop, &conf, &err);
    check(o->sip);
    o->sip->wire = (struct sip_wire){ .owner = o, .send = on_send, .reach = on_reach, .via_port = on_via_port };
    sip_set_sub_limits(o->sip, &limits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct owner o = { .inside = false };
    struct log log;
    struct slice rest = slice_of((const char *)data, n), one;

    init(&o, &log);
    for (unsigned i = 0; i < STEPS_MAX && rest.n; i++) {
        slice_cut(rest, 0x1e, &one, &rest);
        step(&o, one);
        check(sip_counters(o.sip)->subscriptions <= SUBS_MAX);
    }
    if (o.txn)
        sip_respond(o.txn, 500, NULL, slice_of(NULL, 0));
    for (size_t i = 0; i < SUBS_MAX; i++) {
        if (o.subs[i])
            sip_sub_drop(o.subs[i]);
    }
    pass(&o, 140000);
    check(sip_counters(o.sip)->subscriptions == 0 && sip_counters(o.sip)->clients == 0);
    check(o.sip->subs.n_flying == 0 && list_empty(&o.sip->subs.flights) && o.sip->subs.charges.n == 0);
    check(o.loop.timers.n == 0);
    sip_free(o.sip);
    loop_fini(&o.loop);
    return 0;
}
