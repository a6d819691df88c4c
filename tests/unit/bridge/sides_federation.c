/* The XMPP side, as the bridge sees it: what it is asked is written down in struct sides. */
#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sides.h"

static int on_start(struct federation *f, struct err *err)
{
    return 0;
}

static void on_stop(struct federation *f, void (*done)(void *arg), void *arg)
{
    done(arg);
}

static void on_nothing(struct federation *f)
{
}

static void on_refuse(struct federation *f, bool refuse)
{
    sides_now()->refuses = refuse;
}

static void on_rest(struct federation *f)
{
    sides_now()->rests = true;
}

static size_t on_leave_close(struct federation *f)
{
    return 0;
}

static bool on_send(struct federation *f, const struct federation_stanza *stanza, enum xmpp_fate *fate)
{
    struct sides *s = sides_now();
    struct sides_sent *sent = &s->sent[s->n_sent];

    if (s->refuse_sends) {
        *fate = s->refusal;
        return false;
    }
    assert_true(s->n_sent++ < SIDES_MAX);
    sides_copy(sent->local, sizeof(sent->local), stanza->local);
    sides_copy(sent->remote, sizeof(sent->remote), stanza->remote);
    sides_copy(sent->stanza, sizeof(sent->stanza), stanza->bytes);
    sent->withdrawn = sent->settled = false;
    sent->token = stanza->token;
    sent->until_ms = stanza->until_ms;
    return true;
}

static const char *on_refusal(const struct federation *f, struct slice local, struct slice remote, enum xmpp_fate fate)
{
    return fate == XMPP_FATE_FULL ? "too much waits for the partner already" : "the test refuses it";
}

static bool on_withdraw(struct federation *f, uint64_t token)
{
    struct sides *s = sides_now();

    for (size_t i = 0; i < s->n_sent; i++)
        if (s->sent[i].token == token)
            s->sent[i].withdrawn = true;
    return s->written;
}

static bool on_is_crowded(const struct federation *f, struct slice local, struct slice remote)
{
    return sides_now()->crowded;
}

static bool on_is_linked(const struct federation *f, struct slice remote)
{
    return sides_now()->linked;
}

static void on_handled(struct federation *f, uint64_t receipt)
{
    struct sides *s = sides_now();

    assert_true(s->n_handled < SIDES_MAX);
    s->handled[s->n_handled++] = receipt;
}

static bool on_pause(struct federation *f, struct slice remote, bool pause)
{
    sides_now()->paused += pause ? 1 : -1;
    sides_now()->n_pauses += pause;
    return true;
}

static void on_reconsider(struct federation *f)
{
    sides_now()->reconsidered++;
}

static void on_set_limits(struct federation *f, const struct xmpp_limits *limits)
{
    sides_now()->limits = *limits;
}

static bool on_set_secret(struct federation *f, struct slice secret)
{
    struct sides *s = sides_now();

    memset(s->secret, 0, sizeof(s->secret));
    memcpy(s->secret, secret.p, secret.n);
    return true;
}

static void on_each_stream(const struct federation *f, xmpp_stream_fn *fn, void *arg)
{
}

static bool on_show_stream(const struct federation *f, uint64_t id, xmpp_detail_fn *fn, void *arg)
{
    return false;
}

static bool on_close_stream(struct federation *f, uint64_t id)
{
    return false;
}

static void on_each_attempt(const struct federation *f, xmpp_attempt_fn *fn, void *arg)
{
}

static uint64_t on_probe_start(struct federation *f, struct slice local, struct slice remote, const char **why)
{
    *why = "the test has no partners";
    return 0;
}

static bool on_probe_show(const struct federation *f, uint64_t id, xmpp_probe_fn *fn, void *arg)
{
    return false;
}

static bool on_walk_queue(struct federation *f, uint64_t *at, size_t n, xmpp_queue_fn *fn, void *arg)
{
    return false;
}

static const struct xmpp_counters *on_counters(const struct federation *f)
{
    static const struct xmpp_counters none;

    return &none;
}

static const struct federation_calls calls = {
    .start = on_start,
    .stop = on_stop,
    .free = on_nothing,
    .refuse = on_refuse,
    .rest = on_rest,
    .leave = on_nothing,
    .leave_close = on_leave_close,
    .send = on_send,
    .refusal = on_refusal,
    .withdraw = on_withdraw,
    .is_crowded = on_is_crowded,
    .is_linked = on_is_linked,
    .handled = on_handled,
    .pause = on_pause,
    .reconsider = on_reconsider,
    .revocations_changed = on_nothing,
    .set_limits = on_set_limits,
    .set_secret = on_set_secret,
    .each_stream = on_each_stream,
    .show_stream = on_show_stream,
    .close_stream = on_close_stream,
    .each_attempt = on_each_attempt,
    .probe_start = on_probe_start,
    .probe_show = on_probe_show,
    .walk_queue = on_walk_queue,
    .counters = on_counters,
};

/* It has nothing to be freed, and all sides are the test's one. */
static struct federation *make(const struct federation_maker *maker, struct loop *loop,
                               const struct federation_conf *conf, struct err *err)
{
    static struct federation played = { .calls = &calls };

    return &played;
}

const struct federation_maker sides_federation = { .make = make };
