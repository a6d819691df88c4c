#include <stdlib.h>
#include <unistd.h>

#include "sip/stack.h"

#define HEADERS_MEM (16 * 1024)
#define RX_MAX (SIP_HEAD_MAX + SIP_BODY_MAX + 4096)
#define RX_MAX_STRANGER (16 * 1024)     /* enough to be told 403 */
#define TX_MAX_ACCEPTED (1024 * 1024)   /* at half of it the peer's requests are not read any more */
#define TX_MAX_OPENED (4 * 1024 * 1024) /* at half of it requests are refused */

static uint64_t link_hash(uint64_t id)
{
    return id * 0x9e3779b97f4a7c15u; /* our own numbers: no key needed, and equal hashes are equal numbers */
}

static bool any(const struct hash_node *node, const void *key)
{
    return true;
}

static struct sip_stream *find_link(struct sip *sip, uint64_t id)
{
    struct hash_node *node = hash_find(&sip->transports.by_link, link_hash(id), any, NULL);

    return node ? container_of(node, struct sip_stream, by_link) : NULL;
}

static bool same_target(const struct hash_node *node, const void *key)
{
    return sip_target_eq(&container_of(node, struct sip_stream, by_target)->target, key);
}

struct sip_stream *sip_stream_find(struct sip *sip, const struct sip_target *target)
{
    struct hash *h = &sip->transports.by_target;
    struct hash_node *node = hash_find(h, sip_target_hash(h, target), same_target, target);

    return node ? container_of(node, struct sip_stream, by_target) : NULL;
}

/* From now on it is not found for requests, and those that wait for it know. refused: nothing that was written was read. */
static void retire(struct sip_stream *s, bool refused)
{
    if (!s->opened)
        return;
    s->opened = false;
    hash_remove(&s->sip->transports.by_target, &s->by_target);
    sip_clients_refused(&s->sip->clients, &s->target, refused ? s->id : 0);
}

void sip_stream_retire(struct sip_stream *s)
{
    retire(s, false);
}

static void stream_unlink(struct sip_stream *s)
{
    struct sip_transports *t = &s->sip->transports;

    timer_stop(&s->sip->loop->timers, &s->deadline);
    timer_stop(&s->sip->loop->timers, &s->ping);
    timer_stop(&s->sip->loop->timers, &s->expiry);
    list_unlink(&s->link);
    hash_remove(&t->by_link, &s->by_link);
    hash_remove(&t->by_target, &s->by_target);
    s->sip->counters.conns = --t->n_streams;
}

void sip_stream_free(struct sip_stream *s)
{
    stream_unlink(s);
    if (s->conn)
        conn_detach(s->conn);
    sip_cert_free(s->cert);
    buf_free(&s->back);
    free(s);
}

void sip_stream_close(struct sip_stream *s)
{
    if (s->closing)
        return;
    s->closing = true;
    timer_stop(&s->sip->loop->timers, &s->deadline);
    timer_stop(&s->sip->loop->timers, &s->ping);
    timer_stop(&s->sip->loop->timers, &s->expiry);
    conn_close(s->conn);
    retire(s, false);
}

/* conn_idle_ms is for a silent connection; one that leaves a message unfinished gets a sixtieth of it (600 s: 10 s). */
static uint64_t partial_ms(const struct sip *sip)
{
    uint64_t idle = sip->conf.conn_idle_ms, ms = idle / 60;

    if (ms < 1000)
        ms = idle < 1000 ? idle : 1000;
    return ms;
}

static void on_deadline(struct timer *timer)
{
    sip_stream_close(container_of(timer, struct sip_stream, deadline));
}

static void watch(struct sip_stream *s, bool partial, bool progressed)
{
    struct timers *timers = &s->sip->loop->timers;

    if (s->is_stranger)
        return; /* the time it got at first is all it gets */
    if (s->holds)
        timer_stop(timers, &s->deadline);
    else if (!partial)
        timer_start(timers, &s->deadline, s->sip->conf.conn_idle_ms);
    else if (!s->partial || progressed)
        timer_start(timers, &s->deadline, partial_ms(s->sip));
    s->partial = partial && !s->holds;
}

static void hold(struct sip_stream *s, unsigned why)
{
    s->holds |= why;
    conn_pause(s->conn);
}

static void release(struct sip_stream *s, unsigned why)
{
    if (!(s->holds & why))
        return;
    s->holds &= ~why;
    if (s->holds || s->closing)
        return;
    watch(s, false, true);
    conn_resume(s->conn);
}

void sip_streams_close_apart(struct sip *sip, uint64_t apart)
{
    list_each_safe (l, tmp, &sip->transports.streams) {
        struct sip_stream *s = container_of(l, struct sip_stream, link);

        if (s->target.apart == apart)
            sip_stream_close(s);
    }
}

void sip_streams_resume(struct sip *sip)
{
    list_each (l, &sip->transports.streams)
        release(container_of(l, struct sip_stream, link), SIP_HOLD_FULL);
}

/* A ping is due, or its answer was: without that from one who has given it before, the connection is dead. */
static void on_ping(struct timer *timer)
{
    struct sip_stream *s = container_of(timer, struct sip_stream, ping);
    struct sip *sip = s->sip;
    char peer[ADDR_TEXT];
    unsigned held;

    if (s->pinged && s->pongs) {
        if (log_allowed(&sip->log_conns, loop_now(sip->loop), 5, &held))
            log_info(sip->loop->log, "sip-connection-lost", LOG_Z("peer", addr_text(&s->target.addr, peer)),
                     LOG_Z("reason", "it does not answer keep-alives any more"), LOG_U("not-logged", held));
        sip_stream_close(s);
        return;
    }
    conn_write(s->conn, "\r\n\r\n", 4);
    s->pinged = true;
    timer_start(&sip->loop->timers, &s->ping, s->pongs ? SIP_PONG_MS : SIP_KEEP_MS);
}

static void take_pong(struct sip_stream *s)
{
    s->pinged = false;
    s->pongs = true;
    timer_start(&s->sip->loop->timers, &s->ping, SIP_KEEP_MS);
}

/*
 * Line ends between messages; two in a row are a ping and get one as pong (RFC 5626 3.5.1), and one that follows our own ping is
 * its pong. Returns bytes used.
 */
static size_t skip_crlf(struct sip_stream *s, const char *p, size_t n)
{
    size_t at = 0;

    for (; n - at >= 2 && p[at] == '\r' && p[at + 1] == '\n'; at += 2) {
        if (s->pinged) {
            take_pong(s);
            continue;
        }
        if (++s->n_crlf < 2)
            continue;
        s->n_crlf = 0;
        conn_write(s->conn, "\r\n", 2);
    }
    return at;
}

/* One message, at a place where one begins. Returns bytes used, 0: more is needed. */
static size_t take_one(struct sip_stream *s, char *p, size_t n)
{
    struct sip_source source = { .addr = *conn_peer(s->conn), .transport = s->target.transport, .link = s->id };
    _Alignas(max_align_t) char mem[HEADERS_MEM];
    struct arena arena;
    struct sip_msg m;
    const char *fault = NULL;
    enum sip_parse parse;
    enum sip_next next;
    size_t used = 0;

    source.names = sip_cert_list(s->cert, &source.n_names);
    arena_init_on(&arena, mem, sizeof(mem), SIP_ARENA_MAX);
    parse = sip_msg_parse(&m, &arena, p, n, true, &used, &fault);
    s->wanted = 0;
    s->n_crlf = 0;
    if (parse == SIP_PARSE_MORE) {
        s->wanted = m.wanted;
        arena_reset(&arena);
        return 0;
    }
    if (parse == SIP_PARSE_OK && m.is_request && m.via.has_alias && s->cert && !s->opened)
        s->alias = m.via.port ? m.via.port : 5061;
    next = sip_take(s->sip, parse, &m, fault, &source);
    arena_reset(&arena);
    /* Where the next message begins is not known when nothing of this one could be taken. */
    if (next == SIP_CLOSE || used == 0)
        sip_stream_close(s);
    return used;
}

/* Is it one that a route has by now? */
static void know(struct sip_stream *s)
{
    struct sip_peer peer = { .addr = &s->target.addr, .transport = s->target.transport };
    struct slice route;

    if (!s->is_stranger)
        return;
    peer.names = sip_cert_list(s->cert, &peer.n_names);
    s->is_stranger = !s->sip->conf.ops->source(s->sip->conf.owner, &peer, &route);
    if (!s->is_stranger)
        conn_set_limits(s->conn, RX_MAX, TX_MAX_ACCEPTED);
}

static size_t on_data(void *owner, struct conn *c, char *p, size_t n)
{
    struct sip_stream *s = owner;
    struct sip *sip = s->sip;
    size_t at = 0, used;

    know(s);
    s->heard = true;
    while (at < n && !s->closing && !s->holds) {
        if (s->wanted == 0)
            at += skip_crlf(s, p + at, n - at);
        if (at == n || n - at < s->wanted)
            break;
        if (sip_servers_full(&sip->servers)) {
            hold(s, SIP_HOLD_FULL);
            break;
        }
        used = take_one(s, p + at, n - at);
        if (!used)
            break;
        at += used;
    }
    if (s->closing)
        return n;
    watch(s, at<n, at> 0);
    return at;
}

static void on_open(void *owner, struct conn *c)
{
    struct sip_stream *s = owner;
    struct sip_flow flow = { .transport = s->target.transport, .peer = s->target.addr, .link = s->id };

    if (s->target.apart)
        sip_probe_sees_open(s);
    if (s->target.transport == SIP_TLS && !sip_stream_secured(s))
        return;
    s->up = true;
    know(s);
    watch(s, false, true);
    if (!s->opened)
        return;
    if (!s->target.apart)
        timer_start(&s->sip->loop->timers, &s->ping, SIP_KEEP_MS);
    if (s->back.n)
        conn_write(c, s->back.p, s->back.n);
    buf_free(&s->back);
    sip_clients_up(&s->sip->clients, &s->target, &flow);
}

static void on_drained(void *owner, struct conn *c)
{
    release(owner, SIP_HOLD_TX);
}

static void on_closed(void *owner, struct conn *c, enum conn_end why, const char *text)
{
    struct sip_stream *s = owner;
    struct sip *sip = s->sip;
    char peer[ADDR_TEXT];
    unsigned held;

    if (why != CONN_END_LOCAL && why != CONN_END_PEER && log_allowed(&sip->log_conns, loop_now(sip->loop), 5, &held))
        log_info(sip->loop->log, s->up ? "sip-connection-lost" : "sip-connect-failed",
                 LOG_Z("peer", addr_text(&s->target.addr, peer)), LOG_Z("reason", text), LOG_U("not-logged", held));
    if (s->target.apart)
        sip_probe_sees_end(s, why, text);
    s->conn = NULL;
    s->closing = true;
    /* As client of TLS 1.3 we have written before the server judges our certificate. */
    retire(s, why == CONN_END_TLS_REFUSED && !s->heard);
    sip_stream_free(s);
}

static const struct conn_ops ops = {
    .open = on_open,
    .data = on_data,
    .drained = on_drained,
    .closed = on_closed,
};

/* A stream without its connection, linked. */
static struct sip_stream *stream_new(struct sip *sip, const struct sip_target *target, bool opened)
{
    struct sip_transports *t = &sip->transports;
    struct sip_stream *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->sip = sip;
    s->target = *target;
    s->opened = opened;
    s->id = ++t->last_link;
    list_init(&s->link);
    timer_init(&s->deadline, on_deadline);
    timer_init(&s->ping, on_ping);
    timer_init(&s->expiry, sip_stream_expires);
    buf_init(&s->back, SIP_BACK_MAX);
    if (!hash_add(&t->by_link, &s->by_link, link_hash(s->id))) {
        free(s);
        return NULL;
    }
    if (opened && !hash_add(&t->by_target, &s->by_target, sip_target_hash(&t->by_target, target))) {
        hash_remove(&t->by_link, &s->by_link);
        free(s);
        return NULL;
    }
    list_push(&t->streams, &s->link);
    sip->counters.conns = ++t->n_streams;
    return s;
}

struct sip_stream *sip_stream_open(struct sip *sip, const struct sip_target *target)
{
    struct conn_conf conf = {
        .ops = &ops, .tls = sip->conf.tls, .rx_max = RX_MAX, .tx_max = TX_MAX_OPENED, .connect_ms = SIP_CONNECT_MS
    };
    const struct tls_wish wish = {
        .role = TLS_CLIENT, .server_name = slice_str(target->host), .identity = sip->conf.identity, .alpn = "sip"
    };
    struct sip_stream *s;

    if (sip->transports.n_streams >= sip->conf.conns_max || (target->transport == SIP_TLS && !sip->conf.tls))
        return NULL;
    s = stream_new(sip, target, true);
    if (!s)
        return NULL;
    conf.owner = s;
    s->conn = conn_connect(sip->loop, &conf, &target->addr, NULL, target->transport == SIP_TLS ? &wish : NULL);
    if (!s->conn) {
        sip_stream_free(s);
        return NULL;
    }
    return s;
}

bool sip_stream_send(struct sip *sip, uint64_t id, const char *p, size_t n)
{
    struct sip_stream *s = find_link(sip, id);

    if (!s || s->closing)
        return false;
    if (s->opened && conn_tx_pending(s->conn) > TX_MAX_OPENED / 2)
        return false;
    if (!conn_write(s->conn, p, n))
        return false;
    if (!s->opened && conn_tx_pending(s->conn) > TX_MAX_ACCEPTED / 2)
        hold(s, SIP_HOLD_TX);
    return true;
}

/*
 * An eighth of all connections is left for those that we open, and half of the rest for peers that a route has: a crowd of
 * strangers cannot shut them out. Why it is refused, or NULL.
 */
static const char *no_room_for(const struct sip *sip, const struct addr *peer, bool is_stranger)
{
    size_t max = sip->conf.conns_max - sip->conf.conns_max / 8, n = 0, n_strangers = 0;

    if (sip->transports.n_streams >= max)
        return "too many connections";
    list_each (l, &sip->transports.streams) {
        const struct sip_stream *s = container_of(l, struct sip_stream, link);

        if (addr_same_ip(&s->target.addr, peer) && ++n >= sip->conf.conns_per_ip_max)
            return "too many connections from this address";
        if (s->is_stranger && ++n_strangers >= max / 2 && is_stranger)
            return "too many connections from addresses that no route has";
    }
    return NULL;
}

static void on_accepted(void *owner, struct listener *listener, int fd, const struct addr *peer)
{
    struct sip *sip = ((struct sip_listener *)owner)->sip;
    struct sip_target target = { .transport = ((struct sip_listener *)owner)->transport, .addr = *peer };
    struct conn_conf conf = { .ops = &ops, .tls = sip->conf.tls, .tx_max = TX_MAX_ACCEPTED };
    const struct tls_wish wish = { .role = TLS_SERVER, .identity = sip->conf.identity, .alpn = "sip" };
    const struct sip_peer who = { .addr = peer, .transport = target.transport };
    struct slice route;
    bool is_stranger = !sip->conf.ops->source(sip->conf.owner, &who, &route);
    const char *why = no_room_for(sip, peer, is_stranger);
    struct sip_stream *s = why ? NULL : stream_new(sip, &target, false);
    char text[ADDR_TEXT];
    unsigned held;

    if (!s) {
        close(fd);
        if (log_allowed(&sip->log_conns, loop_now(sip->loop), 5, &held))
            log_warning(sip->loop->log, "sip-connection-refused", LOG_Z("peer", addr_text(peer, text)),
                        LOG_Z("reason", why ? why : "out of memory"), LOG_U("not-logged", held));
        return;
    }
    s->is_stranger = is_stranger;
    conf.rx_max = is_stranger ? RX_MAX_STRANGER : RX_MAX;
    conf.owner = s;
    s->conn = conn_accept(sip->loop, &conf, fd, peer, target.transport == SIP_TLS ? &wish : NULL);
    if (!s->conn) {
        sip_stream_free(s);
        return;
    }
    s->up = target.transport == SIP_TCP; /* over TLS after its handshake, which gets a stranger's time */
    timer_start(&sip->loop->timers, &s->deadline, is_stranger || !s->up ? partial_ms(sip) : sip->conf.conn_idle_ms);
}

static const struct listener_ops listener_ops = { .accepted = on_accepted };

int sip_stream_listen(struct sip *sip, enum sip_transport transport, const struct addr *local, struct err *err)
{
    struct sip_listener *l;

    if (transport == SIP_TLS && !sip->conf.tls)
        return err_set(err, "there is no TLS here");
    l = calloc(1, sizeof(*l));
    if (!l)
        return err_set(err, "no memory for a listener");
    l->sip = sip;
    l->transport = transport;
    list_init(&l->link);
    l->listener = listener_open(sip->loop, local, &listener_ops, l, err);
    if (!l->listener) {
        free(l);
        return -1;
    }
    list_push(&sip->transports.listeners, &l->link);
    return 0;
}

void sip_listener_free(struct sip_listener *l)
{
    list_unlink(&l->link);
    listener_close(l->listener);
    free(l);
}
