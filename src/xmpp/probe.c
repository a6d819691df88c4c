#include "xmpp/probe.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/rand.h"
#include "xmpp/stream.h"
#include "xmpp/verdict.h"
#include "xmpp/writer.h"

#define TRACE_MAX 16384
#define INBOUND_MAX 16 /* of what a stranger can cause by claiming the partner's name */
#define PING_LEN 24    /* hex digits: nobody who has not seen it can answer it */

struct xmpp_probe {
    struct list link; /* the oldest first */
    struct xmpp *x;
    uint64_t id;
    struct slice local, remote, partner;
    struct xmpp_stream *stream; /* its own; NULL: none, or none yet */
    struct xmpp_trace *trace;   /* owned; the stream writes into it */
    bool no_sasl, ready, both, answered, done;
    char ping[PING_LEN + 1];
    uint64_t began_ms, ended_ms, ready_ms, establish_by_ms;
    enum xmpp_fault fault;
    struct slice why, key;
    enum xmpp_method method, back_method;
    enum xmpp_fault back_fault;
    struct slice back_why;
    unsigned n_inbound;
    char verdict[XMPP_VERDICT_TEXT];
    bool works;
    enum xmpp_fault verdict_fault;
    struct timer timer;   /* the answer is due; when done: forget it */
    struct deferred turn; /* open the stream, or come to the end */
};

static void note(struct xmpp_probe *p, enum xmpp_step step, enum step_result result, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void note(struct xmpp_probe *p, enum xmpp_step step, enum step_result result, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    xmpp_trace_vadd(p->trace, loop_now(p->x->loop), step, result, fmt, ap);
    va_end(ap);
}

/* The stream lives on without it, to say good-bye. */
static void let_go(struct xmpp_probe *p)
{
    struct xmpp_stream *s = p->stream;

    p->stream = NULL;
    if (!s)
        return;
    s->probe = NULL;
    s->trace = NULL;
}

static void probe_free(struct xmpp_probe *p)
{
    let_go(p);
    list_unlink(&p->link);
    p->x->n_probes--;
    timer_stop(&p->x->loop->timers, &p->timer);
    loop_undefer(&p->turn);
    xmpp_trace_free(p->trace);
    xmpp_drop(&p->local);
    xmpp_drop(&p->remote);
    xmpp_drop(&p->partner);
    xmpp_drop(&p->why);
    xmpp_drop(&p->key);
    xmpp_drop(&p->back_why);
    free(p);
}

void xmpp_probes_free(struct xmpp *x)
{
    while (!list_empty(&x->probes))
        probe_free(container_of(x->probes.next, struct xmpp_probe, link));
}

static unsigned limit_s(const struct xmpp *x, unsigned most)
{
    return x->conf.limits.establish_s < most ? x->conf.limits.establish_s : most;
}

/* ---- its end ---- */

static void judge(struct xmpp_probe *p)
{
    const struct xmpp_verdict_case c = { .local = p->local,
                                         .remote = p->remote,
                                         .partner = p->partner,
                                         .key = p->key,
                                         .fault = p->fault,
                                         .why = p->why.n ? p->why.p : "",
                                         .method = p->method,
                                         .both = p->both,
                                         .answered = p->answered,
                                         .waited_s = limit_s(p->x, XMPP_PROBE_ANSWER_S),
                                         .back_method = p->back_method,
                                         .back_fault = p->back_fault,
                                         .back_why = p->back_why.n ? p->back_why.p : "" };
    struct xmpp_verdict v;

    xmpp_verdict(&c, &v);
    p->works = v.works;
    p->verdict_fault = v.fault;
    memcpy(p->verdict, v.text, sizeof(p->verdict));
}

static void finish(struct xmpp_probe *p)
{
    struct xmpp_stream *s = p->stream;
    struct xmpp_pair *pair = xmpp_pair_find(p->x, p->local, p->remote);

    let_go(p);
    judge(p);
    p->done = true;
    p->ended_ms = loop_now(p->x->loop);
    xmpp_trace_shrink(p->trace);
    timer_start(&p->x->loop->timers, &p->timer, XMPP_PROBE_KEEP_MS);
    log_info(p->x->loop->log, "partner-tested", LOG_S("local", p->local), LOG_S("remote", p->remote),
             LOG_Z("works", p->works ? "yes" : "no"), LOG_Z("fault", xmpp_fault_name(p->verdict_fault)),
             LOG_Z("verdict", p->verdict));
    if (p->works && pair) /* what was repaired need not wait for the next attempt's time */
        xmpp_pair_reconsider(pair, false);
    if (s)
        xmpp_stream_close(s, "the test of the partner is done");
}

/* ---- its stream ---- */

static void open_stream(struct xmpp_probe *p)
{
    const struct xmpp_stream_wish wish = { .local = p->local,
                                           .remote = p->remote,
                                           .probe = p,
                                           .trace = p->trace,
                                           .no_sasl = p->no_sasl,
                                           .establish_by_ms = p->establish_by_ms };
    enum xmpp_fate fate;
    const char *why;

    p->stream = xmpp_stream_open_wish(p->x, &wish, &fate, &why);
    if (!p->stream) {
        p->fault = XMPP_FAULT_OUR_SETTINGS;
        xmpp_keep(&p->why, slice_str(why));
        note(p, XMPP_STEP_END, STEP_FAILED, "%s", why);
        finish(p);
    }
}

static void on_turn(struct deferred *d)
{
    struct xmpp_probe *p = container_of(d, struct xmpp_probe, turn);

    if (p->done)
        return;
    if (p->answered || p->fault != XMPP_FAULT_NONE)
        finish(p);
    else if (!p->stream)
        open_stream(p);
}

static void on_timer(struct timer *t)
{
    struct xmpp_probe *p = container_of(t, struct xmpp_probe, timer);

    if (p->done) {
        probe_free(p);
        return;
    }
    note(p, XMPP_STEP_PING, STEP_FAILED, "no answer within %u s", limit_s(p->x, XMPP_PROBE_ANSWER_S));
    finish(p);
}

void xmpp_probe_ready(struct xmpp_stream *s)
{
    struct xmpp_probe *p = s->probe;
    struct buf b;

    p->ready = true;
    p->ready_ms = loop_now(p->x->loop);
    p->method = s->method;
    rand_hex(p->ping, PING_LEN);
    buf_init(&b, 8192);
    buf_str(&b, "<iq type='get'");
    xml_put_attr(&b, "from", p->local);
    xml_put_attr(&b, "to", p->remote);
    buf_printf(&b, " id='%s'><ping xmlns='" NS_PING "'/></iq>", p->ping);
    if (buf_ok(&b))
        xmpp_stream_write(s, buf_slice(&b));
    buf_free(&b);
    p->both = s->bidi;
    note(p, XMPP_STEP_PING, STEP_NOTE, "sent from %.*s to %.*s; the answer has to come on %s", SLICE_FMT(p->local),
         SLICE_FMT(p->remote), s->bidi ? "this stream or one of the partner's" : "the partner's own stream");
    timer_start(&p->x->loop->timers, &p->timer, (uint64_t)limit_s(p->x, XMPP_PROBE_ANSWER_S) * 1000);
}

void xmpp_probe_ended(struct xmpp_stream *s, const char *why, bool retry)
{
    struct xmpp_probe *p = s->probe;
    enum xmpp_fault fault = xmpp_trace_fault(p->trace);

    xmpp_keep(&p->key, s->pin);
    let_go(p);
    timer_stop(&p->x->loop->timers, &p->timer);
    if (retry && !p->ready && !p->no_sasl) {
        p->no_sasl = true;
        note(p, XMPP_STEP_PROOF, STEP_NOTE, "a new stream, without SASL EXTERNAL");
    } else if (!p->answered) {
        p->fault = fault != XMPP_FAULT_NONE ? fault : XMPP_FAULT_CLOSED;
        if (p->ready)
            note(p, XMPP_STEP_END, STEP_FAILED, "%s", why);
    }
    xmpp_keep(&p->why, slice_str(why));
    loop_defer(p->x->loop, &p->turn);
}

/* ---- what the partner does meanwhile ---- */

bool xmpp_probe_pong(struct xmpp_stream *s, struct slice local, struct slice remote, struct slice id)
{
    char at[ADDR_TEXT];

    list_each (it, &s->x->probes) {
        struct xmpp_probe *p = container_of(it, struct xmpp_probe, link);

        if (!p->ready || !slice_is(id, p->ping) || !slice_eq(local, p->local) || !slice_eq(remote, p->remote))
            continue;
        if (p->done || p->answered)
            return true;
        p->answered = true;
        p->back_method = s->method;
        p->both = s->bidi && !s->inbound;
        note(p, XMPP_STEP_PING, STEP_OK, "answered after %llu ms, on the %s %s (%s)",
             (unsigned long long)(loop_now(p->x->loop) - p->ready_ms),
             s == p->stream ? "same stream, with"
             : s->inbound   ? "partner's stream from"
                            : "stream for both ways with",
             addr_text(&s->peer, at), xmpp_method_name(s->method));
        loop_defer(p->x->loop, &p->turn);
        return true;
    }
    return false;
}

/* May the next thing seen be noted with this probe? */
static bool is_about(struct xmpp_probe *p, struct slice local, struct slice remote)
{
    return !p->done && slice_eq(remote, p->remote) && (!local.n || slice_eq(local, p->local)) &&
           p->n_inbound++ < INBOUND_MAX;
}

void xmpp_probes_see_proof(const struct xmpp_stream *s, struct slice local, struct slice remote, enum xmpp_method how)
{
    char at[ADDR_TEXT];

    list_each (it, &s->x->probes) {
        struct xmpp_probe *p = container_of(it, struct xmpp_probe, link);

        if (!is_about(p, local, remote))
            continue;
        p->back_method = how;
        note(p, XMPP_STEP_INBOUND, STEP_OK, "%.*s opened a stream from %s and has proven itself by %s%s%s",
             SLICE_FMT(remote), addr_text(&s->peer, at), xmpp_method_name(how),
             xmpp_stream_is_secure(s) ? ", " : ", without TLS", s->conn ? conn_tls_version(s->conn) : "");
    }
}

void xmpp_probes_see_question(const struct xmpp *x, struct slice local, struct slice remote, bool good)
{
    list_each (it, &x->probes) {
        struct xmpp_probe *p = container_of(it, struct xmpp_probe, link);

        if (is_about(p, local, remote))
            note(p, XMPP_STEP_INBOUND, good ? STEP_OK : STEP_FAILED,
                 "a server asks whether our dialback key is good: %s", good ? "it is" : "it is not");
    }
}

void xmpp_probes_see_end(const struct xmpp_stream *s, const char *why)
{
    char at[ADDR_TEXT];

    list_each (it, &s->x->probes) {
        struct xmpp_probe *p = container_of(it, struct xmpp_probe, link);

        if (!is_about(p, s->local, s->remote))
            continue;
        p->back_fault = xmpp_trace_fault(s->trace);
        if (p->back_fault == XMPP_FAULT_NONE)
            p->back_fault = XMPP_FAULT_CLOSED;
        xmpp_keep(&p->back_why, slice_str(why));
        note(p, XMPP_STEP_INBOUND, STEP_FAILED, "a stream from %s that says it is %.*s: %s", addr_text(&s->peer, at),
             SLICE_FMT(s->remote), why);
    }
}

/* ---- for the owner ---- */

/* False: so many run that there is no room for one more. */
static bool make_room(struct xmpp *x)
{
    struct xmpp_probe *oldest = NULL;
    unsigned running = 0;

    list_each (it, &x->probes) {
        struct xmpp_probe *p = container_of(it, struct xmpp_probe, link);

        running += !p->done;
        if (p->done && !oldest)
            oldest = p;
    }
    if (running >= XMPP_PROBES_RUNNING)
        return false;
    if (oldest && x->n_probes >= XMPP_PROBES_KEPT)
        probe_free(oldest);
    return true;
}

static struct xmpp_probe *probe_new(struct xmpp *x, struct slice local, struct slice remote,
                                    const struct xmpp_partner *partner)
{
    struct xmpp_probe *p = calloc(1, sizeof(*p));

    if (!p)
        return NULL;
    p->x = x;
    list_push(&x->probes, &p->link);
    x->n_probes++;
    timer_init(&p->timer, on_timer);
    deferred_init(&p->turn, on_turn);
    p->trace = xmpp_trace_new_sized(TRACE_MAX);
    if (p->trace && xmpp_keep(&p->local, local) && xmpp_keep(&p->remote, remote) &&
        xmpp_keep(&p->partner, partner->name))
        return p;
    probe_free(p);
    return NULL;
}

uint64_t xmpp_probe_start(struct xmpp *x, struct slice local, struct slice remote, const char **why)
{
    const struct xmpp_partner *partner = x->conf.ops->partner(x->conf.owner, remote);
    struct xmpp_probe *p;

    *why = x->stopping                                  ? "this gateway is shutting down"
           : !partner                                   ? "the domain belongs to no partner"
           : !x->conf.ops->serves(x->conf.owner, local) ? "the domain is none of ours"
           : !make_room(x)                              ? "so many tests run at this moment that no other can begin"
                                                        : NULL;
    p = *why ? NULL : probe_new(x, local, remote, partner);
    if (!p) {
        *why = *why ? *why : "out of memory";
        return 0;
    }
    p->id = ++x->last_probe;
    p->began_ms = loop_now(x->loop);
    p->establish_by_ms = p->began_ms + (uint64_t)limit_s(x, XMPP_PROBE_SETUP_S) * 1000;
    loop_defer(x->loop, &p->turn);
    return p->id;
}

bool xmpp_probe_show(const struct xmpp *x, uint64_t id, xmpp_probe_fn *fn, void *arg)
{
    list_each (it, &x->probes) {
        const struct xmpp_probe *p = container_of(it, const struct xmpp_probe, link);
        const struct xmpp_probe_info info = { .id = p->id,
                                              .local = p->local,
                                              .remote = p->remote,
                                              .done = p->done,
                                              .works = p->works,
                                              .fault = p->verdict_fault,
                                              .verdict = p->verdict,
                                              .began_ms = p->began_ms,
                                              .took_ms = (p->done ? p->ended_ms : loop_now(x->loop)) - p->began_ms,
                                              .trace = p->trace };

        if (p->id != id)
            continue;
        fn(arg, &info);
        return true;
    }
    return false;
}
