/* Federation in this process, behind the interface that its owner sees. */
#include "xmpp/attempts.h"
#include "xmpp/probe.h"

static struct xmpp *of(struct federation *f)
{
    return container_of(f, struct xmpp, federation);
}

static const struct xmpp *of_const(const struct federation *f)
{
    return container_of(f, const struct xmpp, federation);
}

static int on_start(struct federation *f, struct err *err)
{
    struct xmpp *x = of(f);

    for (size_t i = 0; i < x->local.n_listen; i++)
        if (xmpp_listen(x, &x->local.listen[i], err))
            return -1;
    for (size_t i = 0; i < x->local.n_direct; i++)
        if (xmpp_listen_direct(x, &x->local.direct[i], err))
            return -1;
    xmpp_reconsider(x); /* components attach by themselves */
    return 0;
}

static void on_stop(struct federation *f, void (*done)(void *arg), void *arg)
{
    xmpp_stop(of(f), done, arg);
}

static void on_free(struct federation *f)
{
    xmpp_free(of(f));
}

static void on_refuse(struct federation *f, bool refuse)
{
    xmpp_refuse(of(f), refuse);
}

static void on_rest(struct federation *f)
{
    xmpp_rest(of(f));
}

static void on_leave(struct federation *f)
{
    xmpp_leave(of(f));
}

static size_t on_leave_close(struct federation *f)
{
    return xmpp_leave_close(of(f));
}

/* until_ms is of no use here: to withdraw is certain. */
static bool on_send(struct federation *f, const struct federation_stanza *s, enum xmpp_fate *fate)
{
    return xmpp_send(of(f), s->local, s->remote, s->bytes, s->token, fate);
}

static const char *on_refusal(const struct federation *f, struct slice local, struct slice remote, enum xmpp_fate fate)
{
    return xmpp_refusal(of_const(f), local, remote, fate);
}

static bool on_withdraw(struct federation *f, uint64_t token)
{
    return xmpp_withdraw(of(f), token);
}

static bool on_is_crowded(const struct federation *f, struct slice local, struct slice remote)
{
    return xmpp_is_crowded(of_const(f), local, remote);
}

static bool on_is_linked(const struct federation *f, struct slice remote)
{
    return xmpp_is_linked(of_const(f), remote);
}

static void on_handled(struct federation *f, uint64_t receipt)
{
    xmpp_handled(of(f), receipt);
}

static bool on_pause(struct federation *f, struct slice remote, bool pause)
{
    return xmpp_pause(of(f), remote, pause);
}

static void on_reconsider(struct federation *f)
{
    xmpp_reconsider(of(f));
}

static void on_revocations_changed(struct federation *f)
{
    xmpp_revocations_changed(of(f));
}

static void on_set_limits(struct federation *f, const struct xmpp_limits *limits)
{
    xmpp_set_limits(of(f), limits);
}

static bool on_set_secret(struct federation *f, struct slice secret)
{
    return xmpp_set_secret(of(f), secret);
}

static void on_each_stream(const struct federation *f, xmpp_stream_fn *fn, void *arg)
{
    xmpp_each_stream(of_const(f), fn, arg);
}

static bool on_show_stream(const struct federation *f, uint64_t id, xmpp_detail_fn *fn, void *arg)
{
    return xmpp_show_stream(of_const(f), id, fn, arg);
}

static bool on_close_stream(struct federation *f, uint64_t id)
{
    return xmpp_close_stream(of(f), id);
}

static void on_each_attempt(const struct federation *f, xmpp_attempt_fn *fn, void *arg)
{
    xmpp_each_attempt(of_const(f), fn, arg);
}

static uint64_t on_probe_start(struct federation *f, struct slice local, struct slice remote, const char **why)
{
    return xmpp_probe_start(of(f), local, remote, why);
}

static bool on_probe_show(const struct federation *f, uint64_t id, xmpp_probe_fn *fn, void *arg)
{
    return xmpp_probe_show(of_const(f), id, fn, arg);
}

static bool on_walk_queue(struct federation *f, uint64_t *at, size_t n, xmpp_queue_fn *fn, void *arg)
{
    return xmpp_walk_queue(of(f), at, n, fn, arg);
}

static const struct xmpp_counters *on_counters(const struct federation *f)
{
    return xmpp_counters(of_const(f));
}

static const struct federation_calls local_calls = {
    .start = on_start,
    .stop = on_stop,
    .free = on_free,
    .refuse = on_refuse,
    .rest = on_rest,
    .leave = on_leave,
    .leave_close = on_leave_close,
    .send = on_send,
    .refusal = on_refusal,
    .withdraw = on_withdraw,
    .is_crowded = on_is_crowded,
    .is_linked = on_is_linked,
    .handled = on_handled,
    .pause = on_pause,
    .reconsider = on_reconsider,
    .revocations_changed = on_revocations_changed,
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

struct federation *xmpp_local_make(const struct federation_maker *maker, struct loop *loop,
                                   const struct federation_conf *conf, struct err *err)
{
    const struct xmpp_local *local = container_of(maker, const struct xmpp_local, maker);
    struct xmpp_conf xmpp = { .ops = conf->ops,
                              .owner = conf->owner,
                              .tls = local->tls,
                              .dns = local->dns,
                              .dialback_secret = conf->dialback_secret,
                              .limits = conf->limits,
                              .per_ip_unauthenticated = 64,
                              .per_ip_handshakes = 50,
                              .unauthenticated_s = 30,
                              .connect_s = 10,
                              .stanza_max = 256 * 1024,
                              .queue_max_stanzas = 8192,
                              .queue_max_bytes = 4u << 20,
                              .port = 5269 };
    struct xmpp *x = xmpp_new(loop, &xmpp, err);

    if (!x)
        return NULL;
    x->local = *local;
    x->federation.calls = &local_calls;
    return &x->federation;
}
