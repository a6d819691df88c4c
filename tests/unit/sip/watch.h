/*
 * Event subscriptions without sockets, in both roles: a table of steps, each of which is a message that arrives, a while that passes
 * or something that the owner does, and says what the owner was told and what was sent. Call-ID, tags, Event and Contact are filled
 * in. The peer is 192.0.2.9; as watcher it calls us sip:juliet@example.com.
 */
#ifndef STOX_TESTS_SIP_WATCH_H
#define STOX_TESTS_SIP_WATCH_H

#include "fake.h"
#include "sip/subscription.h"

enum watch_act {
    W_NOTHING,
    W_ACCEPT,
    W_REFUSE,
    W_CHANGED,
    W_URGENT,
    W_END,
    W_DROP,
    W_RESPOND,
    W_SUBSCRIBE,
    W_REFRESH,
    W_UNSUBSCRIBE,
    W_LEAVE, /* unsubscribes, and knows nothing of it any more */
};

struct watch_step {
    /* a request arrives: method; other fields NULL or 0: the ordinary */
    const char *method;
    const char *cseq, *branch, *tag; /* counted, one for each, "f1" */
    const char *to;                  /* To tag; NULL: ours, but for the first SUBSCRIBE and PUBLISH; "-": none */
    const char *call_id, *event, *contact, *more, *body, *via, *uri, *from;
    const char *state; /* of a NOTIFY: value of Subscription-State; "-": none */
    enum sip_transport transport;
    bool stranger, other_route;
    /* a response arrives to the last request of ours with method reply_to (NULL: the last one) */
    unsigned status;
    const char *reply_to;
    uint64_t pass;
    enum watch_act act;
    unsigned arg; /* status; expires of W_SUBSCRIBE */
    /* what describe says from now on */
    const char *says;
    /* what comes of it */
    const char *events, *sent, *has, *has_not;
};

struct watch {
    struct fake *f;
    struct sip_sub *s; /* NULL: gone */
    struct sip_server *txn;
    char ours[20], call_id[64]; /* our tag; of our SUBSCRIBE */
    char events[512];
    size_t n_seen;
    unsigned cseq, n_ended;
    unsigned at_once; /* status to answer a SUBSCRIBE with inside of the op; 0: later */
    unsigned answers; /* what notified returns */
    const char *says; /* "active", "pending", "rejected" ...: what describe says; a body goes with active */
    size_t body;      /* its size */
    bool other_route, no_way, no_refresh, many, drops, tcp, both, has_account; /* both: UDP and TCP */
    bool obeys; /* its body is no longer than it may be */
};

static inline struct watch *watch_of(void *owner)
{
    return ((struct fake *)owner)->call;
}

static inline __attribute__((format(printf, 2, 3))) void watch_note(struct watch *w, const char *fmt, ...)
{
    size_t n = strlen(w->events);
    va_list ap;

    if (w->many)
        return;
    va_start(ap, fmt);
    if (n)
        w->events[n++] = ' ';
    vsnprintf(w->events + n, sizeof(w->events) - n, fmt, ap);
    va_end(ap);
}

/* Time passes, and what was put off to the end of a turn is done. */
static inline void watch_pass(struct watch *w, uint64_t ms)
{
    struct loop *loop = &w->f->loop;

    for (uint64_t end = loop_now(loop) + ms;;) {
        struct list *l;

        timers_advance(&loop->timers, loop_now(loop));
        while ((l = list_pop(&loop->deferred)) != NULL) {
            struct deferred *d = container_of(l, struct deferred, link);

            d->run(d);
        }
        if (loop_now(loop) >= end)
            break;
        timers_advance(&loop->timers, loop_now(loop) + 1);
    }
}

static inline void watch_accept(struct watch *w, struct sip_sub *s)
{
    if (!sip_sub_accept(s, slice_of(NULL, 0), slice_of(NULL, 0))) {
        watch_note(w, "not-accepted");
        w->s = NULL;
    }
}

static inline void watch_on_subscribe(void *owner, struct sip_sub *s, const struct sip_request *request,
                                      unsigned expires_s)
{
    struct watch *w = watch_of(owner);

    assert_null(request->txn);
    assert_true(slice_is(request->route, "romeo-route"));
    watch_note(w, "subscribe=%u", expires_s);
    w->s = s;
    sip_sub_set_data(s, w);
    if (w->at_once == 200)
        watch_accept(w, s);
    else if (w->at_once) {
        sip_sub_refuse(s, w->at_once, NULL, slice_of(NULL, 0));
        w->s = NULL;
    }
}

static inline void watch_on_describe(void *owner, struct sip_sub *s, bool last, struct sip_sub_notice *out)
{
    static char body[16384];
    struct watch *w = watch_of(owner);
    size_t max = w->obeys ? out->body_max : 0;

    assert_true(w->many || w->s == s);
    assert_ptr_equal(sip_sub_data(s), w);
    watch_note(w, last ? "last" : "describe");
    *out = (struct sip_sub_notice){ .state = SIP_SUB_ACTIVE };
    if (w->says && strcmp(w->says, "pending") == 0) {
        out->state = SIP_SUB_PENDING;
    } else if (w->says && strcmp(w->says, "active") != 0) {
        out->state = SIP_SUB_TERMINATED;
        out->reason = sip_sub_reason_of(slice_str(w->says));
        out->retry_after_s = out->reason == SIP_REASON_PROBATION ? 300 : 0;
    } else {
        memset(body, 'x', sizeof(body));
        out->content = (struct sip_content){ SLICE("Content-Type: application/pidf+xml\r\n"),
                                             slice_of(body, w->body ? w->body : 10) };
        if (max && out->content.body.n > max)
            out->content.body.n = max;
    }
}

static inline void watch_on_refreshed(void *owner, struct sip_sub *s, const struct sip_msg *msg)
{
    watch_note(watch_of(owner), "refreshed");
}

static inline void watch_on_accepted(void *owner, struct sip_sub *s, unsigned expires_s)
{
    watch_note(watch_of(owner), "accepted=%u", expires_s);
}

static inline unsigned watch_on_notified(void *owner, struct sip_sub *s, const struct sip_sub_notified *n)
{
    static const char *const states[] = { "pending", "active", "terminated" };
    struct watch *w = watch_of(owner);

    assert_true((w->s == s || !sip_sub_data(s)) && n->msg->method_id == SIP_NOTIFY);
    watch_note(w, n->msg->body.n ? "%s+" : "%s", states[n->state]);
    if (n->reason)
        watch_note(w, "%s", sip_sub_reason_name(n->reason));
    if (n->retry_after_s)
        watch_note(w, "after=%u", n->retry_after_s);
    if (w->drops) {
        sip_sub_drop(s);
        w->s = NULL;
    }
    return w->answers;
}

static inline bool watch_on_refresh(void *owner, struct sip_sub *s)
{
    struct watch *w = watch_of(owner);

    if (w->no_refresh)
        watch_note(w, "no-refresh");
    return !w->no_refresh;
}

static inline bool watch_on_way(void *owner, struct sip_sub *s, struct arena *a, struct sip_destination *out)
{
    static struct addr_host hop;
    struct watch *w = watch_of(owner);

    assert_ptr_equal(sip_sub_data(s), w);
    hop = (struct addr_host){ .addr = fake_addr("192.0.2.9:5060") };
    *out = (struct sip_destination){ .route = SLICE("romeo-route"),
                                     .domain = SLICE("example.net"),
                                     .hops = &hop,
                                     .n_hops = 1,
                                     .transports =
                                         (w->tcp || w->both ? SIP_MAY(SIP_TCP) : 0) | (w->tcp ? 0 : SIP_MAY(SIP_UDP)) };
    return !w->no_way;
}

static inline void watch_on_ended(void *owner, struct sip_sub *s, const struct sip_sub_end *end)
{
    struct watch *w = watch_of(owner);

    assert_true(w->many || w->s == s || !sip_sub_data(s));
    w->n_ended++;
    watch_note(w, "ended=%s", sip_sub_end_name(end->why));
    if (end->status)
        watch_note(w, "%u", end->status);
    if (end->reason)
        watch_note(w, "%s", sip_sub_reason_name(end->reason));
    if (end->retry_after_s)
        watch_note(w, "after=%u", end->retry_after_s);
    w->s = NULL;
}

static inline void watch_on_publish(void *owner, const struct sip_request *request)
{
    assert_non_null(request->txn);
    watch_note(watch_of(owner), "publish");
    watch_of(owner)->txn = request->txn;
}

static inline bool watch_source(void *owner, const struct sip_peer *from, struct slice *route)
{
    *route = watch_of(owner)->other_route ? SLICE("other-route") : SLICE("romeo-route");
    return !((struct fake *)owner)->stranger;
}

static inline bool watch_account(void *owner, struct slice route, struct sip_account *out)
{
    *out = (struct sip_account){ .user = watch_of(owner)->has_account ? SLICE("gw") : SLICE(""),
                                 .password = SLICE("secret") };
    return true;
}

static const struct sip_event_ops watch_event_ops = {
    .subscribe = watch_on_subscribe,
    .describe = watch_on_describe,
    .refreshed = watch_on_refreshed,
    .accepted = watch_on_accepted,
    .notified = watch_on_notified,
    .refresh = watch_on_refresh,
    .way = watch_on_way,
    .ended = watch_on_ended,
    .publish = watch_on_publish,
};

static const struct sip_ops watch_ops = {
    .source = watch_source,
    .account = watch_account,
    .serves = fake_serves,
    .message = fake_message,
    .events = &watch_event_ops,
};

static inline struct sip_conf watch_conf(void)
{
    struct sip_conf conf = fake_conf(NULL);

    conf.ops = &watch_ops;
    return conf;
}

static inline struct watch *watch_new(const struct sip_conf *conf)
{
    const struct sip_conf standard = watch_conf();
    const struct sip_sub_limits limits = {
        .expires_s = 3600, .expires_min_s = 60, .expires_max_s = 7200, .pace_ms = 5000, .max = 8, .max_per_route = 4
    };
    struct watch *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    w->f = fake_new(conf ? conf : &standard);
    w->f->call = w;
    w->answers = 200;
    w->cseq = 1;
    sip_set_sub_limits(w->f->sip, &limits);
    return w;
}

static inline void watch_free(struct watch *w)
{
    fake_free(w->f);
    free(w);
}

static inline void watch_line(const char *text, const char *name, char *out, size_t n)
{
    const char *at = strstr(text, name), *end = at ? strstr(at + 2, "\r\n") : NULL;

    assert_non_null(end);
    snprintf(out, n, "%.*s", (int)(end - at - 2), at + 2);
}

static inline void watch_tag_in(struct watch *w, const char *text, const char *name)
{
    char line[512];
    const char *tag;

    watch_line(text, name, line, sizeof(line));
    tag = strstr(line, ";tag=");
    if (tag && strlen(tag) == 5 + 16)
        fake_copy(w->ours, sizeof(w->ours), tag + 5);
}

/* "200/SUBSCRIBE NOTIFY": what was sent since the last look. */
static inline const char *watch_sent(struct watch *w)
{
    static char all[4096];
    size_t n = 0;

    all[0] = '\0';
    for (; w->n_seen < w->f->n_sent; w->n_seen++) {
        const char *text = w->f->sent[w->n_seen].text, *cseq = strstr(text, "\r\nCSeq: ");
        char method[16];
        unsigned status, number;

        assert_int_equal(sscanf(cseq, "\r\nCSeq: %u %15s", &number, method), 2);
        if (sscanf(text, "SIP/2.0 %u ", &status) == 1) {
            n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%u/%s", n ? " " : "", status, method);
            if (status == 200 && strcmp(method, "SUBSCRIBE") == 0)
                watch_tag_in(w, text, "\r\nTo: ");
        } else {
            n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s", n ? " " : "", method);
            watch_tag_in(w, text, "\r\nFrom: ");
        }
        if (strncmp(text, "SUBSCRIBE", 9) == 0) {
            watch_line(text, "\r\nCall-ID: ", w->call_id, sizeof(w->call_id));
            memmove(w->call_id, w->call_id + 9, strlen(w->call_id + 9) + 1);
        }
    }
    return all;
}

static inline void watch_takes(struct watch *w, const struct watch_step *s)
{
    bool notify = strcmp(s->method, "NOTIFY") == 0, subscribe = strcmp(s->method, "SUBSCRIBE") == 0;
    bool starts = !s->to && !notify && (!subscribe || !w->ours[0]);
    char cseq[12], via[160], from[80], to[80], more[16384], state[200] = "", contact[200] = "";

    snprintf(cseq, sizeof(cseq), "%u", s->cseq ? (unsigned)atoi(s->cseq) : w->cseq++);
    snprintf(via, sizeof(via), "Via: SIP/2.0/%s 192.0.2.9:5070;branch=z9hG4bK%s%s",
             s->transport == SIP_TCP ? "TCP" : "UDP", s->branch ? s->branch : s->method, s->branch ? "" : cseq);
    snprintf(from, sizeof(from), "<sip:romeo@example.net>;tag=%s", s->tag ? s->tag : "f1");
    if (starts || (s->to && strcmp(s->to, "-") == 0))
        fake_copy(to, sizeof(to), "<sip:juliet@example.com>");
    else
        snprintf(to, sizeof(to), "<sip:juliet@example.com>;tag=%s", s->to ? s->to : w->ours);
    if (notify && !(s->state && strcmp(s->state, "-") == 0))
        snprintf(state, sizeof(state), "Subscription-State: %s\r\n", s->state ? s->state : "active;expires=3600");
    if (notify || subscribe)
        snprintf(contact, sizeof(contact), "%s", s->contact ? s->contact : "Contact: <sip:romeo@192.0.2.9:5070>\r\n");
    snprintf(more, sizeof(more), "%s%s%s%s", s->event ? s->event : "Event: presence\r\n", contact, state,
             s->more ? s->more : "");
    w->f->stranger = s->stranger;
    w->other_route = s->other_route;
    fake_take(w->f, s->transport, s->from ? s->from : "192.0.2.9:5070",
              FAKE(.method = s->method, .uri = s->uri, .via = s->via ? s->via : via, .from = from, .to = to,
                   .call_id = s->call_id      ? s->call_id
                              : w->call_id[0] ? w->call_id
                                              : "call1@192.0.2.9",
                   .cseq = cseq, .more = more, .body = s->body ? s->body : ""));
    w->other_route = w->f->stranger = false;
}

static inline void watch_answered(struct watch *w, const struct watch_step *s)
{
    const char *request = NULL;
    char via[256], from[256], to[256], call_id[128], cseq[64], text[16384];
    enum sip_transport transport = SIP_UDP;

    for (size_t i = 0; i < w->f->n_sent; i++)
        if (w->f->sent[i].text[0] != 'S' || strncmp(w->f->sent[i].text, "SUB", 3) == 0) {
            if (s->reply_to && strncmp(w->f->sent[i].text, s->reply_to, strlen(s->reply_to)))
                continue;
            request = w->f->sent[i].text;
            transport = w->f->sent[i].flow.transport;
        }
    assert_non_null(request);
    watch_line(request, "\r\nVia: ", via, sizeof(via));
    watch_line(request, "\r\nFrom: ", from, sizeof(from));
    watch_line(request, "\r\nTo: ", to, sizeof(to));
    watch_line(request, "\r\nCall-ID: ", call_id, sizeof(call_id));
    watch_line(request, "\r\nCSeq: ", cseq, sizeof(cseq));
    if (!strstr(to, ";tag="))
        snprintf(to + strlen(to), sizeof(to) - strlen(to), ";tag=%s", s->tag ? s->tag : "f1");
    snprintf(text, sizeof(text), "SIP/2.0 %u Whatever\r\n%s\r\n%s\r\n%s\r\n%s\r\n%s\r\n%sContent-Length: 0\r\n\r\n",
             s->status, via, from, to, call_id, cseq, s->more ? s->more : "");
    fake_take(w->f, transport, "192.0.2.9:5060", text);
}

static inline void watch_subscribe(struct watch *w, unsigned expires_s)
{
    const struct sip_subscribe subscribe = { .uri = SLICE("sip:romeo@example.net"),
                                             .from = SLICE("<sip:juliet@example.com>"),
                                             .to = SLICE("<sip:romeo@example.net>"),
                                             .user = SLICE("juliet"),
                                             .route = SLICE("romeo-route"),
                                             .expires_s = expires_s,
                                             .accept = SLICE("application/pidf+xml") };

    w->s = sip_subscribe(w->f->sip, &subscribe, w);
    if (!w->s)
        watch_note(w, "full");
}

static inline void watch_acts(struct watch *w, const struct watch_step *step)
{
    const struct sip_sub_notice notice = { .reason = SIP_REASON_REJECTED };
    const struct slice none = { 0 };
    struct sip_sub *s = w->s;

    switch (step->act) {
    case W_NOTHING: break;
    case W_ACCEPT: watch_accept(w, s); break;
    case W_REFUSE:
        w->s = NULL;
        sip_sub_refuse(s, step->arg, NULL, none);
        break;
    case W_CHANGED: sip_sub_changed(s, false); break;
    case W_URGENT: sip_sub_changed(s, true); break;
    case W_END:
        sip_sub_end(s, &notice);
        w->s = NULL;
        break;
    case W_DROP:
        w->s = NULL;
        sip_sub_drop(s);
        break;
    case W_RESPOND: sip_respond(w->txn, step->arg, NULL, none); break;
    case W_SUBSCRIBE: watch_subscribe(w, step->arg); break;
    case W_REFRESH: sip_sub_refresh(s); break;
    case W_UNSUBSCRIBE: sip_sub_unsubscribe(s); break;
    case W_LEAVE:
        w->s = NULL;
        sip_sub_unsubscribe(s);
        sip_sub_set_data(s, NULL);
        break;
    }
}

static inline void watch_check(struct watch *w, const struct watch_step *s, const char *where, size_t i)
{
    const char *sent = watch_sent(w), *last = w->f->n_sent ? fake_last(w->f) : "";

    if (strcmp(w->events, s->events ? s->events : ""))
        fail_msg("%s, step %zu: events \"%s\", not \"%s\"", where, i, w->events, s->events ? s->events : "");
    if (strcmp(sent, s->sent ? s->sent : ""))
        fail_msg("%s, step %zu: sent \"%s\", not \"%s\"", where, i, sent, s->sent ? s->sent : "");
    if (s->has && !fake_has(last, s->has))
        fail_msg("%s, step %zu: no \"%s\" in\n%s", where, i, s->has, last);
    if (s->has_not && fake_has(last, s->has_not))
        fail_msg("%s, step %zu: \"%s\" in\n%s", where, i, s->has_not, last);
    w->events[0] = '\0';
}

static inline void watch_steps(struct watch *w, const struct watch_step *steps, size_t n, const char *where)
{
    for (size_t i = 0; i < n; i++) {
        const struct watch_step *s = &steps[i];

        if (s->says)
            w->says = s->says;
        if (s->act)
            watch_acts(w, s);
        else if (s->status)
            watch_answered(w, s);
        else if (s->method)
            watch_takes(w, s);
        else
            watch_pass(w, s->pass);
        for (unsigned k = 0; k < 4; k++)
            watch_pass(w, 0);
        watch_check(w, s, where, i);
    }
}

#define WATCH_ASKS "WWW-Authenticate: Digest realm=\"r\", nonce=\"n1\", algorithm=SHA-256, qop=\"auth\"\r\n"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))
#define WATCH_STEPS(w, steps) watch_steps(w, steps, N_OF(steps), __func__)
#define WATCH_RUN(steps)                                                                                               \
    do {                                                                                                               \
        struct watch *run = watch_new(NULL);                                                                           \
                                                                                                                       \
        watch_steps(run, steps, N_OF(steps), __func__);                                                                \
        watch_free(run);                                                                                               \
    } while (0)

/* A watcher's subscription is up and has had its first NOTIFY. more: further lines of the SUBSCRIBE. */
static inline struct watch *watch_in(const char *more)
{
    const struct watch_step steps[] = {
        { .method = "SUBSCRIBE", .more = more, .events = "subscribe=3600" },
        { .act = W_ACCEPT, .events = "describe", .sent = "200/SUBSCRIBE NOTIFY" },
        { .status = 200 },
    };
    struct watch *w = watch_new(NULL);

    watch_steps(w, steps, N_OF(steps), "watch_in");
    return w;
}

/* We watch, and have had the first NOTIFY. */
static inline struct watch *watch_out(const char *more)
{
    const struct watch_step steps[] = {
        { .act = W_SUBSCRIBE, .arg = 3600, .sent = "SUBSCRIBE" },
        { .status = 200, .more = "Expires: 3600\r\n", .events = "accepted=3600" },
        { .method = "NOTIFY", .more = more, .events = "active", .sent = "200/NOTIFY" },
    };
    struct watch *w = watch_new(NULL);

    watch_steps(w, steps, N_OF(steps), "watch_out");
    return w;
}

#endif
