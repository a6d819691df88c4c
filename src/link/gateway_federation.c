/* The gateway's end of links, behind the interface that its owner sees. */
#include "link/gateway_parts.h"

static struct link_gateway *of(struct federation *f)
{
    return container_of(f, struct link_gateway, federation);
}

static const struct link_gateway *of_const(const struct federation *f)
{
    return container_of(f, const struct link_gateway, federation);
}

static int on_start(struct federation *f, struct err *err)
{
    link_gateway_start(of(f));
    return 0;
}

static void on_stop(struct federation *f, void (*done)(void *arg), void *arg)
{
    link_gateway_stop(of(f), done, arg);
}

static void on_free(struct federation *f)
{
    link_gateway_free(of(f));
}

static void on_refuse(struct federation *f, bool refuse)
{
    link_gateway_refuse(of(f), refuse);
}

static void on_rest(struct federation *f)
{
    link_gateway_rest(of(f));
}

static void on_leave(struct federation *f)
{
    link_gateway_leave(of(f));
}

/* No stream is closed: they are the other process's. */
static size_t on_leave_close(struct federation *f)
{
    return 0;
}

static bool on_send(struct federation *f, const struct federation_stanza *stanza, enum xmpp_fate *fate)
{
    return link_gateway_send(of(f), stanza, fate);
}

static const char *on_refusal(const struct federation *f, struct slice local, struct slice remote, enum xmpp_fate fate)
{
    (void)local;
    (void)remote;
    return link_gateway_refusal(of_const(f), fate);
}

static bool on_withdraw(struct federation *f, uint64_t token)
{
    return link_gateway_withdraw(of(f), token);
}

static bool on_is_crowded(const struct federation *f, struct slice local, struct slice remote)
{
    return link_gateway_is_crowded(of_const(f), local, remote);
}

static bool on_is_linked(const struct federation *f, struct slice remote)
{
    return link_gateway_is_linked(of_const(f), remote);
}

static void on_handled(struct federation *f, uint64_t receipt)
{
    link_gateway_handled(of(f), receipt);
}

static bool on_pause(struct federation *f, struct slice remote, bool pause)
{
    return link_gateway_pause(of(f), remote, pause);
}

static void on_reconsider(struct federation *f)
{
    link_gateway_reconsider(of(f));
}

static void on_revocations_changed(struct federation *f)
{
    link_gateway_revocations_changed(of(f));
}

static void on_set_limits(struct federation *f, const struct xmpp_limits *limits)
{
    link_gateway_set_limits(of(f), limits);
}

static bool on_set_secret(struct federation *f, struct slice secret)
{
    return link_gateway_set_secret(of(f), secret);
}

static void on_each_stream(const struct federation *f, xmpp_stream_fn *fn, void *arg)
{
    gateway_each_stream(of_const(f), fn, arg);
}

static bool on_show_stream(const struct federation *f, uint64_t id, xmpp_detail_fn *fn, void *arg)
{
    return gateway_show_stream(of_const(f), id, fn, arg);
}

static bool on_close_stream(struct federation *f, uint64_t id)
{
    return gateway_close_stream(of(f), id);
}

static void on_each_attempt(const struct federation *f, xmpp_attempt_fn *fn, void *arg)
{
    gateway_each_attempt(of_const(f), fn, arg);
}

static uint64_t on_probe_start(struct federation *f, struct slice local, struct slice remote, const char **why)
{
    return gateway_probe_start(of(f), local, remote, why);
}

static bool on_probe_show(const struct federation *f, uint64_t id, xmpp_probe_fn *fn, void *arg)
{
    return gateway_probe_show(of_const(f), id, fn, arg);
}

static bool on_walk_queue(struct federation *f, uint64_t *at, size_t n, xmpp_queue_fn *fn, void *arg)
{
    return link_gateway_walk_queue(of(f), at, n, fn, arg);
}

static const struct xmpp_counters *on_counters(const struct federation *f)
{
    return link_gateway_counters(of_const(f));
}

static const struct federation_calls link_calls = {
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

struct federation *link_make(const struct federation_maker *maker, struct loop *loop,
                             const struct federation_conf *conf, struct err *err)
{
    const struct link_maker *m = container_of(maker, const struct link_maker, maker);
    const struct link_gateway_conf gateway = { .loop = loop,
                                               .tls = m->tls,
                                               .name = m->name,
                                               .ops = conf->ops,
                                               .owner = conf->owner,
                                               .each_identity = m->each_identity,
                                               .revocations = m->revocations,
                                               .arg = m->arg,
                                               .beside = m->beside,
                                               .dialback_secret = conf->dialback_secret,
                                               .limits = conf->limits };
    struct link_gateway *g = link_gateway_new(&gateway, err);

    if (!g)
        return NULL;
    g->federation.calls = &link_calls;
    g->made = m->made;
    if (g->made)
        *g->made = g;
    return &g->federation;
}
