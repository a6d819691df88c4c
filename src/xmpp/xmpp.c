#include "xmpp/xmpp.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "xmpp/attempts.h"
#include "xmpp/component.h"
#include "xmpp/dialback.h"
#include "xmpp/probe.h"
#include "xmpp/rate.h"
#include "xmpp/resume_in.h"
#include "xmpp/stream_parts.h"

#define SHOWN_ARENA_MAX 262144 /* names of a certificate, as when it was judged */

static void on_stop(struct deferred *d);
static void on_stop_late(struct timer *t);
static void on_again(struct deferred *d);

bool xmpp_keep(struct slice *dst, struct slice src)
{
    char *p = malloc(src.n + 1);

    xmpp_drop(dst);
    if (!p)
        return false;
    if (src.n)
        memcpy(p, src.p, src.n);
    p[src.n] = 0;
    *dst = slice_of(p, src.n);
    return true;
}

void xmpp_drop(struct slice *s)
{
    free((char *)s->p);
    *s = (struct slice){ 0 };
}

struct slice xmpp_source(const struct addr *peer, char out[ADDR_TEXT])
{
    struct addr network = *peer;

    if (network.sa.sa_family == AF_INET6)
        memset(network.v6.sin6_addr.s6_addr + 8, 0, 8);
    return slice_str(addr_ip_text(&network, out));
}

struct xmpp_methods xmpp_methods_of_partner(const struct xmpp_partner *p)
{
    struct xmpp_methods m = { .component = p && p->component };

    if (p && !p->component)
        m = xmpp_methods_of(p->tls, p->sasl, p->dialback);
    if (p && p->n_pins) /* without TLS there is no key to be seen */
        m.dialback_over_tcp = false;
    return m;
}

struct xmpp *xmpp_new(struct loop *loop, const struct xmpp_conf *conf, struct err *err)
{
    struct xmpp *x;

    x = calloc(1, sizeof(*x));
    if (!x) {
        err_set(err, "out of memory");
        return NULL;
    }
    x->loop = loop;
    x->conf = *conf;
    list_init(&x->listeners);
    list_init(&x->streams);
    list_init(&x->left);
    xmpp_redirects_init(&x->redirects);
    xmpp_pace_init(&x->pace, loop);
    list_init(&x->verifies);
    list_init(&x->attempts);
    list_init(&x->probes);
    hash_init(&x->serials);
    hash_init(&x->pairs);
    hash_init(&x->tokens);
    hash_init(&x->components);
    hash_init(&x->sessions);
    hash_init(&x->carried);
    list_init(&x->away);
    hash_init(&x->rates);
    xmpp_tally_init(&x->ips);
    xmpp_handshakes_init(&x->handshakes, loop, conf->per_ip_handshakes, XMPP_HANDSHAKES_BURST);
    xmpp_tally_init(&x->partners);
    xmpp_tally_init(&x->paused);
    deferred_init(&x->stop, on_stop);
    deferred_init(&x->again, on_again);
    timer_init(&x->stop_timer, on_stop_late);
    timer_init(&x->look_on, xmpp_reconsider_on_time);
    x->conf.dialback_secret = (struct slice){ 0 };
    if (xmpp_set_secret(x, conf->dialback_secret))
        return x;
    xmpp_free(x);
    err_set(err, "the dialback secret must have 1 to %d bytes", XMPP_SECRET_MAX);
    return NULL;
}

static void close_listeners(struct xmpp *x)
{
    struct list *l;

    while ((l = list_pop(&x->listeners))) {
        struct xmpp_listener *xl = container_of(l, struct xmpp_listener, link);

        listener_close(xl->listener);
        free(xl);
    }
}

static void free_pair(struct hash_node *node, void *arg)
{
    struct xmpp_pair *p = container_of(node, struct xmpp_pair, node);

    p->stream = NULL;
    xmpp_pair_free(p);
}

void xmpp_free(struct xmpp *x)
{
    if (!x)
        return;
    x->freeing = true;
    close_listeners(x);
    xmpp_probes_free(x);
    while (!list_empty(&x->verifies))
        xmpp_verify_free(container_of(x->verifies.next, struct xmpp_verify, link));
    while (!list_empty(&x->streams))
        xmpp_stream_free(container_of(x->streams.next, struct xmpp_stream, link));
    xmpp_components_free(x);
    xmpp_resume_in_drop_all(x);
    xmpp_stream_drop_left(x);
    hash_each(&x->pairs, free_pair, NULL);
    xmpp_redirects_fini(&x->redirects);
    xmpp_pace_fini(&x->pace);
    xmpp_attempts_forget(x);
    loop_undefer(&x->stop);
    loop_undefer(&x->again);
    timer_stop(&x->loop->timers, &x->look_on);
    timer_stop(&x->loop->timers, &x->stop_timer);
    hash_free(&x->serials);
    hash_free(&x->pairs);
    hash_free(&x->tokens);
    hash_free(&x->components);
    hash_free(&x->sessions);
    hash_free(&x->carried);
    xmpp_rates_forget(x);
    hash_free(&x->rates);
    xmpp_tally_fini(&x->ips);
    xmpp_handshakes_fini(&x->handshakes);
    xmpp_tally_fini(&x->partners);
    xmpp_tally_fini(&x->paused);
    explicit_bzero(x->secret, sizeof(x->secret));
    free(x);
}

/* ---- listening ---- */

static void on_accepted(void *owner, struct listener *l, int fd, const struct addr *peer)
{
    const struct xmpp_listener *xl = owner;

    xmpp_stream_accept(xl->x, fd, peer, xl->direct);
}

static const struct listener_ops xmpp_listener_ops = { .accepted = on_accepted };

static int listen_on(struct xmpp *x, const struct addr *local, bool direct, struct err *err)
{
    struct xmpp_listener *xl = calloc(1, sizeof(*xl));

    if (!xl)
        return err_set(err, "out of memory");
    xl->x = x;
    xl->direct = direct;
    xl->listener = listener_open(x->loop, local, &xmpp_listener_ops, xl, err);
    if (!xl->listener) {
        free(xl);
        return err_wrap(err, "XMPP");
    }
    list_push(&x->listeners, &xl->link);
    return 0;
}

int xmpp_listen(struct xmpp *x, const struct addr *local, struct err *err)
{
    return listen_on(x, local, false, err);
}

int xmpp_listen_direct(struct xmpp *x, const struct addr *local, struct err *err)
{
    return listen_on(x, local, true, err);
}

/* ---- stanzas ---- */

static bool is_allowed(struct xmpp_methods m)
{
    return m.sasl_over_tls || m.dialback_over_tls || m.dialback_over_tcp || m.component;
}

bool xmpp_send(struct xmpp *x, struct slice local, struct slice remote, struct slice stanza, uint64_t token,
               enum xmpp_fate *fate)
{
    const struct xmpp_partner *partner = x->conf.ops->partner(x->conf.owner, remote);

    if (x->stopping || !is_allowed(xmpp_methods_of_partner(partner))) {
        x->counters.failed++;
        *fate = x->stopping ? XMPP_FATE_UNREACHABLE : XMPP_FATE_REFUSED;
        return false;
    }
    return xmpp_pair_send(x, local, remote, stanza, token, fate);
}

const char *xmpp_refusal(const struct xmpp *x, struct slice local, struct slice remote, enum xmpp_fate fate)
{
    const struct xmpp_partner *partner = x->conf.ops->partner(x->conf.owner, remote);

    if (x->stopping)
        return "the gateway is stopping";
    if (!is_allowed(xmpp_methods_of_partner(partner)))
        return partner ? "the settings leave no way to connect to this partner" : "the settings have no such partner";
    return xmpp_pair_refusal(x, local, remote, fate);
}

bool xmpp_is_crowded(const struct xmpp *x, struct slice local, struct slice remote)
{
    const struct xmpp_pair *p = xmpp_pair_find(x, local, remote);

    return p && (p->n >= x->conf.queue_max_stanzas / 2 || p->bytes >= x->conf.queue_max_bytes / 2);
}

static bool stream_is_of(const struct xmpp_stream *s, struct slice remote)
{
    if (slice_eq(s->remote, remote))
        return true;
    list_each (it, &s->proven) {
        const struct xmpp_proven *p = container_of(it, const struct xmpp_proven, link);

        if (!p->verify && !p->revoked && slice_eq(p->remote, remote))
            return true;
    }
    list_each (it, &s->pairs) {
        const struct xmpp_pair *p = container_of(it, const struct xmpp_pair, on_stream);

        if (p->ready && slice_eq(p->remote, remote))
            return true;
    }
    return false;
}

bool xmpp_is_linked(const struct xmpp *x, struct slice remote)
{
    list_each (it, &x->streams) {
        const struct xmpp_stream *s = container_of(it, const struct xmpp_stream, link);

        if (s->was_ready && s->state != XMPP_STATE_CLOSED && stream_is_of(s, remote))
            return true;
    }
    return false;
}

bool xmpp_withdraw(struct xmpp *x, uint64_t token)
{
    return xmpp_pair_withdraw(x, token);
}

static bool same_serial(const struct hash_node *node, const void *key)
{
    return container_of(node, const struct xmpp_stream, by_serial)->serial == *(const uint32_t *)key;
}

static struct xmpp_stream *find_stream(const struct xmpp *x, uint32_t serial)
{
    uint64_t hash = hash_bytes(&x->serials, slice_of((char *)&serial, sizeof(serial)));
    struct hash_node *node = hash_find(&x->serials, hash, same_serial, &serial);

    return node ? container_of(node, struct xmpp_stream, by_serial) : NULL;
}

void xmpp_handled(struct xmpp *x, uint64_t receipt)
{
    struct xmpp_stream *s;

    if (!receipt || xmpp_resume_in_handled(x, receipt))
        return;
    s = find_stream(x, (uint32_t)(receipt >> 32));
    if (s)
        xmpp_stream_in_handled(s, (uint32_t)receipt);
}

bool xmpp_pause(struct xmpp *x, struct slice remote, bool pause)
{
    const struct xmpp_partner *partner = x->conf.ops->partner(x->conf.owner, remote);

    return partner && xmpp_pause_partner(x, partner->name, pause);
}

bool xmpp_pause_partner(struct xmpp *x, struct slice name, bool pause)
{
    if (!pause)
        xmpp_tally_give(&x->paused, name);
    else if (!xmpp_tally_take(&x->paused, name, UINT_MAX))
        return false;
    if (xmpp_tally_count(&x->paused, name) != (pause ? 1 : 0)) /* others want it too */
        return true;
    list_each (it, &x->streams) {
        struct xmpp_stream *s = container_of(it, struct xmpp_stream, link);

        if (xmpp_stream_hears(s) && s->partner_name.n && s->state != XMPP_STATE_CLOSED &&
            slice_eq(s->partner_name, name))
            xmpp_stream_pause(s, pause, s->window_paused);
    }
    return true;
}

const struct xmpp_counters *xmpp_counters(const struct xmpp *x)
{
    return &x->counters;
}

/* ---- settings ---- */

static void on_again(struct deferred *d)
{
    struct xmpp *x = container_of(d, struct xmpp, again);

    if (x->stopping)
        return;
    xmpp_reconsider_streams(x);
    xmpp_components_reconsider(x);
    xmpp_resume_in_reconsider(x);
}

void xmpp_reconsider(struct xmpp *x)
{
    x->look++;
    xmpp_rates_forget(x);
    xmpp_reconsider_pairs(x); /* what was refused a moment ago may be allowed for the next message of this turn */
    loop_defer(x->loop, &x->again);
}

void xmpp_revocations_changed(struct xmpp *x)
{
    x->look++;
    x->revocations = true;
    loop_defer(x->loop, &x->again);
}

void xmpp_set_limits(struct xmpp *x, const struct xmpp_limits *limits)
{
    bool times =
        limits->inactivity_s != x->conf.limits.inactivity_s || limits->keepalive_s != x->conf.limits.keepalive_s;

    x->conf.limits = *limits;
    if (!times)
        return;
    list_each (it, &x->streams) { /* their timers stand at the old times */
        struct xmpp_stream *s = container_of(it, struct xmpp_stream, link);

        if (s->state == XMPP_STATE_READY)
            timer_start(&x->loop->timers, &s->timer, 1000);
    }
}

bool xmpp_set_secret(struct xmpp *x, struct slice secret)
{
    if (secret.n == 0 || secret.n > sizeof(x->secret))
        return false;
    explicit_bzero(x->secret, sizeof(x->secret));
    memcpy(x->secret, secret.p, secret.n);
    x->secret_n = secret.n;
    return true;
}

/* ---- for administrators ---- */

static const char *state_name(enum xmpp_stream_state state)
{
    switch (state) {
    case XMPP_STATE_CONNECTING: return "connecting";
    case XMPP_STATE_READY: return "ready";
    case XMPP_STATE_CLOSING:
    case XMPP_STATE_CLOSED: return "closing";
    default: return "negotiating";
    }
}

/* Its way back is the partner's, and counted there. */
static bool is_counted_twice(const struct xmpp_stream *s, const struct xmpp_pair *pair)
{
    list_each (it, &s->proven) {
        const struct xmpp_proven *p = container_of(it, const struct xmpp_proven, link);

        if (slice_eq(p->local, pair->local) && slice_eq(p->remote, pair->remote))
            return !p->revoked;
    }
    return false;
}

static const char *certificate_of(const struct xmpp_stream *s)
{
    if (s->cert_why.n)
        return s->cert_why.p;
    return s->cert_ok ? xmpp_cert_by_name(s->cert_by) : "";
}

static void tell(const struct xmpp_stream *s, xmpp_stream_fn *fn, void *arg)
{
    uint64_t now = loop_now(s->x->loop);
    struct xmpp_stream_info info = { .id = s->serial,
                                     .inbound = s->inbound,
                                     .both = s->bidi && s->was_ready,
                                     .authenticated = s->was_ready,
                                     .local = s->local,
                                     .remote = s->remote,
                                     .partner = s->counted ? s->partner_name : (struct slice){ 0 },
                                     .peer = &s->peer,
                                     .state = state_name(s->state),
                                     .tls = s->conn ? conn_tls_version(s->conn) : "",
                                     .cipher = s->conn ? conn_tls_cipher(s->conn) : "",
                                     .method = xmpp_method_name(s->method),
                                     .certificate = slice_str(certificate_of(s)),
                                     .age_ms = now - s->opened_ms,
                                     .idle_ms = now - s->stanza_ms,
                                     .stanzas_in = s->n_in,
                                     .stanzas_out = s->n_out };

    list_each (it, &s->proven) {
        const struct xmpp_proven *p = container_of(it, struct xmpp_proven, link);

        info.n_pairs += !p->verify && !p->revoked;
    }
    list_each (it, &s->pairs) {
        const struct xmpp_pair *p = container_of(it, const struct xmpp_pair, on_stream);

        info.n_pairs += p->ready && !is_counted_twice(s, p);
    }
    fn(arg, &info);
}

void xmpp_each_stream(const struct xmpp *x, xmpp_stream_fn *fn, void *arg)
{
    list_each (it, &x->streams)
        tell(container_of(it, const struct xmpp_stream, link), fn, arg);
}

/* NULL: it showed none that can be read. */
static const struct tls_peer *shown_by(const struct xmpp_stream *s, struct arena *arena, struct tls_peer *peer)
{
    SSL *ssl = s->conn ? conn_ssl(s->conn) : NULL;

    return ssl && tls_peer(ssl, arena, peer) && peer->presented ? peer : NULL;
}

struct showing {
    xmpp_detail_fn *fn;
    void *arg;
    const struct xmpp_stream *s;
    struct xmpp_stream_detail detail;
};

static void show(void *arg, const struct xmpp_stream_info *info)
{
    struct showing *sh = arg;

    sh->detail.info = *info;
    sh->fn(sh->arg, &sh->detail);
}

bool xmpp_show_stream(const struct xmpp *x, uint64_t id, xmpp_detail_fn *fn, void *arg)
{
    const struct xmpp_stream *s = id <= UINT32_MAX ? find_stream(x, (uint32_t)id) : NULL;
    struct xmpp_stream_pair pairs[2 * XMPP_PROVEN_MAX];
    struct showing sh = { fn, arg, s, { .pairs = pairs } };
    struct tls_peer peer;
    struct arena arena;

    if (!s)
        return false;
    arena_init(&arena, SHOWN_ARENA_MAX);
    list_each (it, &s->proven) {
        const struct xmpp_proven *p = container_of(it, const struct xmpp_proven, link);

        if (!p->revoked && sh.detail.n_pairs < 2 * XMPP_PROVEN_MAX)
            pairs[sh.detail.n_pairs++] =
                (struct xmpp_stream_pair){ p->local, p->remote,
                                           xmpp_method_name(p->verify ? XMPP_METHOD_NONE : p->method) };
    }
    list_each (it, &s->pairs) {
        const struct xmpp_pair *p = container_of(it, const struct xmpp_pair, on_stream);

        if (sh.detail.n_pairs < 2 * XMPP_PROVEN_MAX && !is_counted_twice(s, p))
            pairs[sh.detail.n_pairs++] = (struct xmpp_stream_pair){ p->local, p->remote, xmpp_method_name(s->method) };
    }
    sh.detail.awaits = xmpp_stream_awaited(s->state);
    sh.detail.pin = s->pin;
    sh.detail.sm = s->sm_in || s->sm_out.on;
    sh.detail.opened_ms = s->opened_ms;
    sh.detail.trace = s->trace;
    sh.detail.shown = shown_by(s, &arena, &peer);
    tell(s, show, &sh);
    arena_reset(&arena);
    return true;
}

bool xmpp_close_stream(struct xmpp *x, uint64_t id)
{
    struct xmpp_stream *s = id <= UINT32_MAX ? find_stream(x, (uint32_t)id) : NULL;

    if (!s || s->state == XMPP_STATE_CLOSED)
        return false;
    s->close_asked = true;
    loop_defer(x->loop, &s->turn);
    return true;
}

/* ---- the end ---- */

void xmpp_stop(struct xmpp *x, void (*done)(void *arg), void *arg)
{
    x->stopping = true;
    x->stop_done = done;
    x->stop_arg = arg;
    loop_defer(x->loop, &x->stop);
}

void xmpp_refuse(struct xmpp *x, bool refuse)
{
    bool rested = x->stopping && !x->stop_done;

    x->refusing = refuse;
    if (refuse || !rested)
        return;
    x->stopping = false;
    xmpp_reconsider(x); /* components attach by themselves */
}

static void shut_down_all(struct xmpp *x)
{
    xmpp_resume_in_drop_all(x);
    list_each_safe (it, tmp, &x->streams)
        xmpp_stream_error(container_of(it, struct xmpp_stream, link), XMPP_STREAM_SYSTEM_SHUTDOWN, NULL);
}

void xmpp_rest(struct xmpp *x)
{
    x->refusing = x->stopping = true;
    shut_down_all(x);
}

static void finished(struct xmpp *x)
{
    void (*done)(void *arg) = x->stop_done;

    x->stop_done = NULL;
    timer_stop(&x->loop->timers, &x->stop_timer);
    if (done)
        done(x->stop_arg);
}

/* Runs first to say good-bye, then each time when the last stream has gone. */
static void on_stop(struct deferred *d)
{
    struct xmpp *x = container_of(d, struct xmpp, stop);

    if (!timer_running(&x->stop_timer) && x->stop_done) {
        close_listeners(x);
        timer_start(&x->loop->timers, &x->stop_timer, XMPP_STOP_MS);
        shut_down_all(x);
    }
    if (list_empty(&x->streams))
        finished(x);
}

static void on_stop_late(struct timer *t)
{
    struct xmpp *x = container_of(t, struct xmpp, stop_timer);

    while (!list_empty(&x->streams))
        xmpp_stream_free(container_of(x->streams.next, struct xmpp_stream, link));
    finished(x);
}

void xmpp_stream_gone(struct xmpp *x)
{
    if (x->stopping && !x->freeing && list_empty(&x->streams))
        loop_defer(x->loop, &x->stop);
}
