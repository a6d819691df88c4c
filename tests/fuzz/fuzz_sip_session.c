/*
 * INVITE sessions, driven by bytes: steps parted by RS, each with a letter for what happens and, for messages, the text, in
 * which control characters stand for what a peer learns from us: our tag, a branch, an RSeq. Whatever comes, what we
 * send parses, the owner hears of each session as the contract says, and nothing leaks.
 */
#include <stdlib.h>

#include "sip/dialog.h"
#include "sip/stack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define STEPS_MAX 40
#define SESSIONS_MAX 8

static void check(bool ok)
{
    if (!ok)
        abort();
}

struct owner {
    struct loop loop;
    struct sip *sip;
    struct sip_dialog *sessions[SESSIONS_MAX + 1];
    bool answered[SESSIONS_MAX + 1]; /* up; or not ours and refused never */
    struct sip_server *txns[64];
    size_t n_txns;
    char tag[20], branch[80], rseq[12];
    bool inside; /* a call into the stack: nothing may call back but the loop */
};

static size_t slot_of(const struct owner *o, const struct sip_dialog *d)
{
    size_t i = 0;

    while (i <= SESSIONS_MAX && o->sessions[i] != d)
        i++;
    return i;
}

static void on_invite(void *owner, struct sip_dialog *d, const struct sip_request *request)
{
    struct owner *o = owner;
    size_t i = slot_of(o, NULL);

    check(i < SESSIONS_MAX && slot_of(o, d) > SESSIONS_MAX && !request->txn);
    o->sessions[i] = d;
    o->answered[i] = false;
}

static void known(void *owner, struct sip_dialog *d, const struct sip_msg *m)
{
    check(slot_of(owner, d) < SESSIONS_MAX && m);
}

static void on_answered(void *owner, struct sip_dialog *d, const struct sip_msg *m)
{
    struct owner *o = owner;

    known(owner, d, m);
    check(!o->answered[slot_of(o, d)]);
    o->answered[slot_of(o, d)] = true;
}

static void on_request(void *owner, struct sip_dialog *d, const struct sip_request *request)
{
    struct owner *o = owner;

    known(owner, d, request->msg);
    check(o->answered[slot_of(o, d)]);
    if (o->n_txns < 64)
        o->txns[o->n_txns++] = request->txn;
    else
        sip_respond(request->txn, 500, NULL, slice_of(NULL, 0));
}

static unsigned on_describe(void *owner, struct sip_dialog *d, const struct sip_msg *m, struct sip_content *out)
{
    check(slot_of(owner, d) < SESSIONS_MAX);
    *out = (struct sip_content){ SLICE("Content-Type: application/sdp\r\n"), SLICE("v=0\r\n") };
    return m && m->body.n % 2 ? 488 : 200;
}

static void on_moved(void *owner, struct sip_dialog *d)
{
    check(slot_of(owner, d) < SESSIONS_MAX && sip_dialog_next_uri(d).n);
}

static void on_ended(void *owner, struct sip_dialog *d, const struct sip_end *end)
{
    struct owner *o = owner;

    check(slot_of(o, d) < SESSIONS_MAX && !o->inside);
    o->sessions[slot_of(o, d)] = NULL;
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
    /* An answer repeats what was accepted, with more lines: it may be larger than what we would take. */
    switch (sip_msg_parse(&m, &arena, copy, n, true, &used, &fault)) {
    case SIP_PARSE_OK:
        keep(p, n, m.is_request ? "\r\nFrom: <sip:us@x.example>;tag=" : "\r\nTo: <sip:us@x.example>;tag=", "\r;",
             o->tag, sizeof(o->tag));
        keep(p, n, "\r\nRSeq: ", "\r", o->rseq, sizeof(o->rseq));
        if (m.is_request)
            keep(p, n, ";branch=", ";\r", o->branch, sizeof(o->branch));
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

static const struct sip_dialog_ops dialog_ops = { .invite = on_invite,
                                                  .confirmed = known,
                                                  .progress = known,
                                                  .answered = on_answered,
                                                  .request = on_request,
                                                  .describe = on_describe,
                                                  .moved = on_moved,
                                                  .ended = on_ended };
static bool on_account(void *owner, struct slice route, struct sip_account *out)
{
    check(slice_is(route, "route"));
    *out = (struct sip_account){ .user = SLICE("us"), .password = SLICE("secret"), .md5 = true };
    return true;
}

static bool on_leads(void *owner, struct slice route, const struct sip_uri *uri)
{
    check(slice_is(route, "route") && uri->host.n);
    return true;
}

static const struct sip_ops ops = { .source = on_source,
                                    .serves = on_serves,
                                    .message = on_message,
                                    .account = on_account,
                                    .leads = on_leads,
                                    .dialogs = &dialog_ops };

static struct slice text_of(const struct owner *o, char c)
{
    return slice_str(c == 1 ? o->tag : c == 2 ? o->branch : o->rseq);
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

static void on_done(void *arg, const struct sip_result *result)
{
    check(!((struct owner *)arg)->inside);
}

static void call(struct owner *o, enum sip_transport transport)
{
    struct sip_target target = { .transport = transport, .route = "route" };
    const struct sip_invite invite = { .uri = SLICE("sip:them@y.example"),
                                       .from = SLICE("<sip:us@x.example>"),
                                       .to = SLICE("<sip:them@y.example>"),
                                       .call_id = SLICE("out"),
                                       .user = SLICE("us"),
                                       .route = SLICE("route"),
                                       .max_forwards = 70,
                                       .headers = SLICE("Content-Type: application/sdp\r\n"),
                                       .body = SLICE("v=0\r\n") };
    size_t i = slot_of(o, NULL);
    struct sip_targets *targets;
    struct sip_dialog *d;

    check(addr_parse(SLICE("192.0.2.9:5060"), 5060, &target.addr));
    targets = calloc(1, sizeof(*targets) + 2 * sizeof(targets->v[0]));
    check(targets != NULL);
    *targets = (struct sip_targets){ .refs = 1, .n = 2, .transports = SIP_MAY_ANY, .to_proxy = true };
    targets->v[0].target = targets->v[1].target = target;
    addr_set_port(&targets->v[1].target.addr, 5061);
    d = sip_invite(o->sip, targets, &invite, NULL);
    sip_targets_drop(targets);
    if (!d)
        return;
    check(i < SESSIONS_MAX);
    o->sessions[i] = d;
    o->answered[i] = false;
}

static void accept_it(struct owner *o, size_t i)
{
    struct sip_target target = { .transport = SIP_UDP };
    const struct sip_accept accept = { .target = &target,
                                       .content = { SLICE("Content-Type: application/sdp\r\n"), SLICE("v=0\r\n") } };

    check(addr_parse(SLICE("192.0.2.9:5060"), 5060, &target.addr));
    if (sip_dialog_accept(o->sessions[i], &accept))
        o->answered[i] = true;
    else
        o->sessions[i] = NULL;
}

/* What an owner may do with a session in its state. */
static void act(struct owner *o, char what)
{
    const struct sip_content content = { SLICE("Content-Type: text/plain\r\n"), SLICE("Hi") };
    const struct slice none = { 0 };
    size_t i = 0;

    while (i < SESSIONS_MAX && !o->sessions[i])
        i++;
    if (i == SESSIONS_MAX)
        return;
    if (what == 'e') {
        struct sip_dialog *d = o->sessions[i];

        o->sessions[i] = NULL;
        sip_dialog_end(d, none);
    } else if (what == 'c') {
        sip_dialog_cancel(o->sessions[i]);
    } else if (what == 's' && o->answered[i]) {
        (void)sip_dialog_send(o->sessions[i], SIP_MESSAGE, &content, on_done, o);
    } else if (o->answered[i] || !sip_dialog_remote_target(o->sessions[i]).n) {
        return; /* up, or our own INVITE: there is nothing to answer */
    } else if (what == 'a') {
        accept_it(o, i);
    } else if (what == 'r') {
        (void)sip_dialog_ring(o->sessions[i], 180, none);
    } else if (what == 'f') {
        struct sip_dialog *d = o->sessions[i];

        o->sessions[i] = NULL;
        sip_dialog_refuse(d, 486, NULL, none);
    }
}

static void pass(struct owner *o, uint64_t ms)
{
    for (uint64_t end = loop_now(&o->loop) + ms; loop_now(&o->loop) < end;)
        timers_advance(&o->loop.timers, loop_now(&o->loop) + 500);
}

static void step(struct owner *o, struct slice s)
{
    char what = s.n ? s.p[0] : 'p';
    struct slice rest = slice_from(s, 1);

    switch (what) {
    case 'u': take(o, rest, SIP_UDP); return;
    case 't': take(o, rest, SIP_TCP); return;
    case 'p': pass(o, rest.n ? 1000u * (unsigned char)rest.p[0] : 500); return;
    default: break;
    }
    o->inside = true;
    if (what == 'i' || what == 'I')
        call(o, what == 'i' ? SIP_UDP : SIP_TCP);
    else if (what == 'n' && o->n_txns)
        sip_respond(o->txns[--o->n_txns], 200, NULL, slice_of(NULL, 0));
    else
        act(o, what);
    o->inside = false;
}

static void quiet(struct log *log, const char *line, size_t n)
{
}

static void init(struct owner *o, struct log *log)
{
    struct sip_conf conf = { .host = SLICE("gw.example.net"),
                             .ops = &ops,
                             .owner = o,
                             .t1_ms = 500,
                             .t2_ms = 4000,
                             .t4_ms = 5000,
                             .provisional_ms = 3500,
                             .txns_max = 64,
                             .kept_max = 64,
                             .body_max = 65536,
                             .dialogs_max = SESSIONS_MAX,
                             .session_s = 1800,
                             .session_min_s = 90 };
    struct err err;

    log_init(log);
    log->write = quiet;
    check(loop_init(&o->loop, log, &err) == 0);
    o->sip = sip_new(&o->loop, &conf, &err);
    check(o->sip);
    o->sip->wire = (struct sip_wire){ .owner = o, .send = on_send, .reach = on_reach, .via_port = on_via_port };
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
        check(sip_counters(o.sip)->dialogs <= SESSIONS_MAX);
    }
    while (o.n_txns)
        sip_respond(o.txns[--o.n_txns], 500, NULL, slice_of(NULL, 0));
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        if (o.sessions[i])
            sip_dialog_end(o.sessions[i], slice_of(NULL, 0));
    }
    pass(&o, 70000);
    check(sip_counters(o.sip)->dialogs == 0 && sip_counters(o.sip)->invites == 0 && sip_counters(o.sip)->clients == 0);
    check(o.loop.timers.n == 0);
    sip_free(o.sip);
    loop_fini(&o.loop);
    return 0;
}
