#include "xmpp/attempts.h"

#include <stdlib.h>

#include "xmpp/stream.h"

struct attempt {
    struct list link; /* the newest last */
    bool inbound;
    struct slice local, remote, why;
    char address[ADDR_TEXT];
    uint64_t began_ms, ended_ms;
    struct xmpp_trace *trace; /* owned; may be NULL */
};

static void attempt_free(struct xmpp *x, struct attempt *a)
{
    list_unlink(&a->link);
    x->n_attempts[a->inbound]--;
    xmpp_drop(&a->local);
    xmpp_drop(&a->remote);
    xmpp_drop(&a->why);
    xmpp_trace_free(a->trace);
    free(a);
}

/* The one that the new one takes the place of: of the same pair, or the oldest when there are too many. */
static void make_room(struct xmpp *x, const struct xmpp_stream *s)
{
    size_t max = s->inbound ? XMPP_ATTEMPTS_IN : XMPP_ATTEMPTS_OUT;
    struct attempt *oldest = NULL;

    list_each (it, &x->attempts) {
        struct attempt *a = container_of(it, struct attempt, link);

        if (a->inbound != s->inbound)
            continue;
        if (slice_eq(a->remote, s->remote) && slice_eq(a->local, s->local)) {
            attempt_free(x, a);
            return;
        }
        if (!oldest)
            oldest = a;
    }
    if (oldest && x->n_attempts[s->inbound] >= max)
        attempt_free(x, oldest);
}

void xmpp_attempts_keep(struct xmpp *x, struct xmpp_stream *s, const char *why)
{
    struct attempt *a;

    if (x->freeing || !xmpp_stream_partner(s))
        return;
    make_room(x, s);
    a = calloc(1, sizeof(*a));
    if (!a)
        return;
    a->inbound = s->inbound;
    list_push(&x->attempts, &a->link);
    x->n_attempts[a->inbound]++;
    if (!xmpp_keep(&a->local, s->local) || !xmpp_keep(&a->remote, s->remote) || !xmpp_keep(&a->why, slice_str(why))) {
        attempt_free(x, a);
        return;
    }
    if (s->peer.sa.sa_family)
        addr_text(&s->peer, a->address);
    a->began_ms = s->opened_ms;
    a->ended_ms = loop_now(x->loop);
    a->trace = s->trace;
    s->trace = NULL;
    xmpp_trace_shrink(a->trace);
}

void xmpp_attempts_forget(struct xmpp *x)
{
    while (!list_empty(&x->attempts))
        attempt_free(x, container_of(x->attempts.next, struct attempt, link));
}

void xmpp_each_attempt(const struct xmpp *x, xmpp_attempt_fn *fn, void *arg)
{
    list_each (it, &x->attempts) {
        const struct attempt *a = container_of(it, const struct attempt, link);
        const struct xmpp_attempt_info info = { .inbound = a->inbound,
                                                .local = a->local,
                                                .remote = a->remote,
                                                .address = a->address,
                                                .why = a->why.p,
                                                .fault = xmpp_trace_fault(a->trace),
                                                .age_ms = loop_now(x->loop) - a->ended_ms,
                                                .began_ms = a->began_ms,
                                                .trace = a->trace };

        fn(arg, &info);
    }
}
