#include "xmpp/stream.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/rand.h"
#include "xmpp/connect.h"
#include "xmpp/dialback.h"
#include "xmpp/writer.h"

#define CHUNK 16384 /* fed to the reader at once: between two chunks flow control can stop it */
#define RX_MAX 65536
#define ID_LEN 32 /* hex digits: 128 bits (STOX-S2S-11) */
#define QUIET_MS 5000
#define TX_INBOUND 65536
#define WHY_MAX 512

static const char *awaited(enum xmpp_stream_state state)
{
    static const char *const names[] = {
#define X(name, what) what,
        XMPP_STATES(X)
#undef X
    };

    return names[state];
}

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

struct xmpp_methods xmpp_methods_of_partner(const struct xmpp_partner *p)
{
    return p ? xmpp_methods_of(p->tls, p->sasl, p->dialback) : (struct xmpp_methods){ 0 };
}

const struct xmpp_partner *xmpp_stream_partner(const struct xmpp_stream *s)
{
    return s->remote.n ? s->x->conf.ops->partner(s->x->conf.owner, s->remote) : NULL;
}

struct xmpp_methods xmpp_stream_methods(const struct xmpp_stream *s)
{
    return xmpp_methods_of_partner(xmpp_stream_partner(s));
}

bool xmpp_stream_is_secure(const struct xmpp_stream *s)
{
    return s->conn && conn_is_secure(s->conn);
}

/* ---- writing ---- */

bool xmpp_stream_write(struct xmpp_stream *s, struct slice bytes)
{
    if (!s->conn || s->state == XMPP_STATE_CLOSED || s->state == XMPP_STATE_TLS)
        return false;
    s->bytes_ms = loop_now(s->x->loop);
    return conn_write(s->conn, bytes.p, bytes.n);
}

bool xmpp_stream_has_room(const struct xmpp_stream *s)
{
    return s->conn && conn_tx_pending(s->conn) <= s->x->conf.stanza_max;
}

bool xmpp_stream_is_taken(const struct xmpp_stream *s)
{
    return s->conn && conn_is_acked(s->conn);
}

void xmpp_stream_touch(struct xmpp_stream *s)
{
    s->stanza_ms = loop_now(s->x->loop);
}

void xmpp_stream_put_header(struct xmpp_stream *s)
{
    struct xmpp_methods m = xmpp_stream_methods(s);
    struct buf b;

    if (s->header_sent)
        return;
    s->header_sent = true;
    buf_init(&b, 16384);
    buf_str(&b, "<?xml version='1.0'?><stream:stream xmlns='" NS_SERVER "' xmlns:stream='" NS_STREAM "'");
    if (s->inbound || m.dialback_over_tls || m.dialback_over_tcp)
        buf_str(&b, " xmlns:db='" NS_DIALBACK "'");
    if (s->local.n)
        xml_put_attr(&b, "from", s->local);
    if (s->remote.n)
        xml_put_attr(&b, "to", s->remote);
    if (s->inbound) {
        char id[ID_LEN + 1];

        rand_hex(id, ID_LEN);
        if (xmpp_keep(&s->id, slice_of(id, ID_LEN)))
            xml_put_attr(&b, "id", s->id);
    }
    buf_str(&b, " version='1.0' xml:lang='en'>");
    if (buf_ok(&b))
        xmpp_stream_write(s, buf_slice(&b));
    buf_free(&b);
}

/* ---- the end ---- */

static void give_back_counts(struct xmpp_stream *s)
{
    if (s->counted) {
        xmpp_tally_give(&s->x->partners, s->partner_name);
        s->x->counters.streams--;
        s->counted = false;
    }
    if (s->was_ready)
        s->x->counters.streams_authenticated--;
    if (s->counted_ip) {
        char ip[ADDR_TEXT];

        xmpp_tally_give(&s->x->ips, slice_str(addr_ip_text(&s->peer, ip)));
        s->x->n_unauthenticated--;
        s->counted_ip = false;
    }
}

/* Those that use the stream let go of it. */
static void tell_users(struct xmpp_stream *s, enum xmpp_fate fate, const char *why, bool retry)
{
    struct xmpp_pair *pair = s->pair;

    s->pair = NULL;
    xmpp_dialback_stream_ended(s, fate == XMPP_FATE_NO_SERVER ? "remote-server-not-found" : "remote-server-timeout");
    if (pair)
        xmpp_pair_ended(pair, fate, why, retry);
}

static void end(struct xmpp_stream *s, enum xmpp_fate fate, const char *why, bool retry)
{
    if (s->state == XMPP_STATE_CLOSED)
        return;
    if (s->feeding)
        xml_reader_stop(s->reader);
    xmpp_stream_log_end(s, why);
    xmpp_stream_become(s, XMPP_STATE_CLOSED);
    xmpp_connect_cancel(s->connect);
    s->connect = NULL;
    if (!s->conn)
        loop_defer(s->x->loop, &s->turn);
    give_back_counts(s);
    tell_users(s, fate, why, retry);
}

void xmpp_stream_free(struct xmpp_stream *s)
{
    struct list *l;

    if (s->state != XMPP_STATE_CLOSED)
        give_back_counts(s);
    if (s->conn)
        conn_detach(s->conn);
    xmpp_connect_cancel(s->connect);
    xml_reader_free(s->reader);
    timer_stop(&s->x->loop->timers, &s->timer);
    loop_undefer(&s->turn);
    while ((l = list_pop(&s->proven))) {
        struct xmpp_proven *p = container_of(l, struct xmpp_proven, link);

        xmpp_drop(&p->local);
        xmpp_drop(&p->remote);
        free(p);
    }
    free(s->sm_in);
    xmpp_drop(&s->local);
    xmpp_drop(&s->remote);
    xmpp_drop(&s->id);
    xmpp_drop(&s->cert_why);
    xmpp_drop(&s->partner_name);
    xmpp_drop(&s->lang);
    hash_remove(&s->x->serials, &s->by_serial);
    list_unlink(&s->link);
    xmpp_stream_gone(s->x);
    free(s);
}

/* Says the last words, in the one state where they cannot be said cuts the connection (RFC 6120 5.4.3.2). */
static void hang_up(struct xmpp_stream *s, const char *last_words)
{
    if (!s->conn)
        return;
    if (s->state == XMPP_STATE_TLS) {
        conn_abort(s->conn);
        return;
    }
    if (last_words && s->state != XMPP_STATE_CLOSING)
        xmpp_stream_write(s, slice_str(last_words));
    conn_close(s->conn);
}

void xmpp_stream_error_extra(struct xmpp_stream *s, enum xmpp_stream_error e, const char *text, const char *extra)
{
    char why[WHY_MAX];
    struct buf b;

    if (s->state == XMPP_STATE_CLOSED)
        return;
    snprintf(why, sizeof(why), "we sent %s: %s", xmpp_stream_error_condition(e),
             text ? text : xmpp_stream_error_meaning(e));
    if (s->conn && s->state != XMPP_STATE_CLOSING && s->state != XMPP_STATE_TLS) {
        buf_init(&b, 4096);
        xmpp_stream_put_header(s);
        xmpp_stream_error_put(&b, e, text, extra);
        if (buf_ok(&b))
            xmpp_stream_write(s, buf_slice(&b));
        buf_free(&b);
    }
    hang_up(s, "</stream:stream>");
    end(s, XMPP_FATE_UNREACHABLE, why, false);
}

void xmpp_stream_error(struct xmpp_stream *s, enum xmpp_stream_error e, const char *text)
{
    xmpp_stream_error_extra(s, e, text, NULL);
}

void xmpp_stream_fail(struct xmpp_stream *s, enum xmpp_fate fate, const char *fmt, ...)
{
    char why[WHY_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    hang_up(s, "</stream:stream>");
    end(s, fate, why, false);
}

void xmpp_stream_close(struct xmpp_stream *s, const char *why)
{
    if (s->state == XMPP_STATE_CLOSED || s->state == XMPP_STATE_CLOSING)
        return;
    if (!s->conn || !s->header_sent || s->state == XMPP_STATE_TLS) {
        hang_up(s, NULL);
        end(s, XMPP_FATE_UNREACHABLE, why, false);
        return;
    }
    xmpp_stream_write(s, SLICE("</stream:stream>"));
    xmpp_stream_become(s, XMPP_STATE_CLOSING);
    tell_users(s, XMPP_FATE_UNREACHABLE, why, false);
}

/* ---- bytes ---- */

void xmpp_stream_then_tls(struct xmpp_stream *s)
{
    s->start_tls = true;
    xml_reader_stop(s->reader);
}

void xmpp_stream_then_restart(struct xmpp_stream *s)
{
    s->restart = true;
    xml_reader_stop(s->reader);
}

static bool reset(struct xmpp_stream *s)
{
    s->header_sent = s->header_fed = false;
    if (s->inbound) /* keys that came before count no longer */
        xmpp_dialback_stream_ended(s, NULL);
    if (xml_reader_reset(s->reader))
        return true;
    xmpp_stream_fail(s, XMPP_FATE_UNREACHABLE, "out of memory");
    return false;
}

static void start_tls(struct xmpp_stream *s)
{
    char mem[1024];
    struct arena arena;
    struct slice local = { 0 }, remote = { 0 };
    struct tls_wish wish = { .role = s->inbound ? TLS_SERVER : TLS_CLIENT, .alpn = s->inbound ? NULL : "xmpp-server" };
    bool ok;

    arena_init_on(&arena, mem, sizeof(mem), 16384);
    ok = (!s->local.n || jid_domain_to_ascii(&arena, s->local, &local)) &&
         (s->inbound || jid_domain_to_ascii(&arena, s->remote, &remote));
    wish.identity = local;
    wish.server_name = remote;
    xmpp_stream_become(s, XMPP_STATE_TLS);
    if (!ok || !conn_start_tls(s->conn, &wish)) {
        conn_abort(s->conn);
        end(s, XMPP_FATE_UNREACHABLE, "TLS cannot be started: no memory", false);
    }
    arena_reset(&arena);
}

/* SASL has succeeded: both sides start over, with nothing between (RFC 6120 6.4.6). */
static void restart(struct xmpp_stream *s)
{
    if (!reset(s))
        return;
    xmpp_stream_become(s, XMPP_STATE_HEADER);
    if (!s->inbound)
        xmpp_stream_put_header(s);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static void on_fault(struct xmpp_stream *s, enum xml_fault fault)
{
    if (s->state == XMPP_STATE_CLOSED)
        return;
    xmpp_stream_error(s, xmpp_stream_error_of_fault(fault), NULL);
}

/* Feeds one chunk; false when the rest of what was received is to be thrown away. */
static bool feed(struct xmpp_stream *s, const char *p, size_t n)
{
    enum xml_fault fault;

    s->feeding = true;
    fault = xml_reader_feed(s->reader, p, n);
    s->feeding = false;
    if (s->state == XMPP_STATE_CLOSED)
        return false;
    if (s->start_tls || s->restart) {
        bool tls = s->start_tls;

        s->start_tls = s->restart = false;
        if (tls)
            start_tls(s);
        else
            restart(s);
        return false;
    }
    if (fault != XML_OK) {
        on_fault(s, fault);
        return false;
    }
    return true;
}

static size_t on_data(void *owner, struct conn *conn, char *p, size_t n)
{
    struct xmpp_stream *s = owner;
    size_t used = 0;

    if (s->state == XMPP_STATE_CLOSED)
        return n;
    s->bytes_ms = loop_now(s->x->loop);
    if (s->asleep) {
        s->asleep = false;
        timer_start(&s->x->loop->timers, &s->timer, QUIET_MS);
    }
    while (used < n && !s->owner_paused && !s->window_paused) {
        size_t chunk = n - used < CHUNK ? n - used : CHUNK;

        if (!s->header_fed && is_space(p[used])) { /* what a peer may put behind the last element before a restart */
            used++;
            continue;
        }
        s->header_fed = true;
        if (!feed(s, p + used, chunk))
            return n;
        used += chunk;
    }
    return used;
}

static void on_secured(void *owner, struct conn *conn)
{
    struct xmpp_stream *s = owner;

    if (s->state != XMPP_STATE_TLS)
        return;
    xmpp_stream_become(s, XMPP_STATE_HEADER);
    if (s->inbound) { /* what was said in clear is forgotten (RFC 6120 5.4.3.3) */
        xmpp_drop(&s->local);
        xmpp_drop(&s->remote);
        xmpp_drop(&s->lang);
    }
    xmpp_drop(&s->id);
    if (!reset(s) || s->inbound)
        return;
    xmpp_stream_judge_certificate(s);
    xmpp_stream_put_header(s);
}

static void on_drained(void *owner, struct conn *conn)
{
    struct xmpp_stream *s = owner;

    if (s->pair)
        xmpp_pair_drained(s->pair);
}

static void tls_refused(const struct xmpp_stream *s, char why[WHY_MAX])
{
    snprintf(why, WHY_MAX,
             "%.*s: TLS is required by your setting but the partner offers none (set --tls optional to allow it)",
             SLICE_FMT(s->remote));
}

static void on_closed(void *owner, struct conn *conn, enum conn_end end_why, const char *text)
{
    struct xmpp_stream *s = owner;
    char why[WHY_MAX];

    s->conn = NULL;
    if (s->state == XMPP_STATE_STARTTLS && s->tls_forced)
        tls_refused(s, why);
    else if (s->state == XMPP_STATE_TLS)
        snprintf(why, sizeof(why), "TLS with %.*s failed: %s", SLICE_FMT(s->remote), text);
    else
        snprintf(why, sizeof(why), "the connection ended (%s) while waiting for %s: %s", conn_end_name(end_why),
                 awaited(s->state), text);
    end(s, XMPP_FATE_UNREACHABLE, why, s->sasl_failed);
    xmpp_stream_free(s);
}

static const struct conn_ops stream_conn_ops = {
    .data = on_data, .secured = on_secured, .drained = on_drained, .closed = on_closed
};

/* ---- the reader ---- */

static void on_open(void *owner, const struct xml *root)
{
    struct xmpp_stream *s = owner;

    assert(s->state == XMPP_STATE_HEADER);
    if (s->inbound)
        xmpp_stream_in_header(s, root);
    else
        xmpp_stream_out_header(s, root);
}

static void on_error_received(struct xmpp_stream *s, const struct xml *el)
{
    char why[WHY_MAX], said[200];
    char mem[1024];
    struct arena arena;
    enum xmpp_stream_error e = xmpp_stream_error_of(el);
    const struct xml *text = xml_child(el, NS_STREAM_ERROR, "text");

    arena_init_on(&arena, mem, sizeof(mem), XMPP_UNAUTHENTICATED_ELEMENT_MAX);
    log_escape(said, sizeof(said), text ? xml_text(&arena, text) : SLICE(""));
    arena_reset(&arena);
    if (s->state == XMPP_STATE_STARTTLS && s->tls_forced)
        tls_refused(s, why);
    else
        snprintf(why, sizeof(why), "the partner sent %s (%s) while we awaited %s%s%s", xmpp_stream_error_condition(e),
                 xmpp_stream_error_meaning(e), awaited(s->state), said[0] ? ": " : "", said);
    hang_up(s, "</stream:stream>");
    end(s, XMPP_FATE_UNREACHABLE, why, s->sasl_failed);
}

static void on_element(void *owner, struct xml *el)
{
    struct xmpp_stream *s = owner;

    if (s->state == XMPP_STATE_CLOSED)
        return;
    if (xml_is(el, NS_STREAM, "error"))
        on_error_received(s, el);
    else if (s->inbound)
        xmpp_stream_in_element(s, el);
    else
        xmpp_stream_out_element(s, el);
}

static void on_close(void *owner)
{
    struct xmpp_stream *s = owner;
    char why[WHY_MAX];

    if (s->state == XMPP_STATE_CLOSED)
        return;
    if (s->state == XMPP_STATE_STARTTLS && s->tls_forced)
        tls_refused(s, why);
    else
        snprintf(why, sizeof(why), "the partner closed the stream while we awaited %s", awaited(s->state));
    hang_up(s, "</stream:stream>");
    end(s, XMPP_FATE_UNREACHABLE, s->state == XMPP_STATE_CLOSING ? "idle" : why, s->sasl_failed);
}

static const struct xml_reader_ops stream_reader_ops = { .open = on_open, .element = on_element, .close = on_close };

void xmpp_stream_pause(struct xmpp_stream *s, bool owner, bool window)
{
    bool was = s->owner_paused || s->window_paused;
    bool is = owner || window;

    s->owner_paused = owner;
    s->window_paused = window;
    if (!s->conn || was == is)
        return;
    if (is)
        conn_pause(s->conn);
    else
        conn_resume(s->conn);
}

/* ---- time ---- */

static void start_timer(struct xmpp_stream *s, uint64_t ms)
{
    timer_start(&s->x->loop->timers, &s->timer, ms);
}

/* A ready stream: keep-alive when no bytes passed, close when no stanzas did. */
static void check_idle(struct xmpp_stream *s)
{
    uint64_t now = loop_now(s->x->loop);
    uint64_t inactivity = (uint64_t)s->x->conf.inactivity_s * 1000, keepalive = (uint64_t)s->x->conf.keepalive_s * 1000;
    const struct xmpp_partner *partner = xmpp_stream_partner(s);
    bool busy = (s->pair && s->pair->n > 0) || (s->sm_in && xmpp_sm_in_open(s->sm_in) > 0);
    uint64_t wait;

    if (!busy && now - s->stanza_ms >= inactivity) {
        xmpp_stream_close(s, "idle");
        return;
    }
    if (partner && partner->keep_alive && now - s->bytes_ms >= keepalive) {
        if (s->pair)
            xmpp_pair_keep_alive(s->pair);
        else
            xmpp_stream_write(s, SLICE(" "));
        s->bytes_ms = now;
    }
    if (!s->asleep && now - s->bytes_ms >= QUIET_MS) {
        xml_reader_sleep(s->reader);
        s->asleep = true;
    }
    wait = now - s->stanza_ms < inactivity ? inactivity - (now - s->stanza_ms) : inactivity;
    if (keepalive > 0 && keepalive - (now - s->bytes_ms) < wait && now - s->bytes_ms < keepalive)
        wait = keepalive - (now - s->bytes_ms);
    if (!s->asleep && wait > QUIET_MS)
        wait = QUIET_MS;
    start_timer(s, wait < 1000 ? 1000 : wait);
}

static void on_timer(struct timer *t)
{
    struct xmpp_stream *s = container_of(t, struct xmpp_stream, timer);
    char why[WHY_MAX];

    switch (s->state) {
    case XMPP_STATE_READY: check_idle(s); return;
    case XMPP_STATE_CLOSING:
        hang_up(s, NULL);
        end(s, XMPP_FATE_UNREACHABLE, "idle; the partner did not close its side within 10 s", false);
        return;
    case XMPP_STATE_CLOSED: return;
    default: break;
    }
    if (s->inbound) {
        snprintf(why, sizeof(why), "not authenticated within %u s", s->x->conf.unauthenticated_s);
        if (s->header_sent)
            xmpp_stream_error(s, XMPP_STREAM_POLICY_VIOLATION, why);
        else
            xmpp_stream_fail(s, XMPP_FATE_UNREACHABLE, "%s", why);
        return;
    }
    if (s->state == XMPP_STATE_STARTTLS && s->tls_forced)
        tls_refused(s, why);
    else
        snprintf(why, sizeof(why), "%.*s: not ready in time, still waiting for %s", SLICE_FMT(s->remote),
                 awaited(s->state));
    xmpp_stream_fail(s, XMPP_FATE_UNREACHABLE, "%s", why);
}

void xmpp_stream_become(struct xmpp_stream *s, enum xmpp_stream_state state)
{
    log_debug(s->x->loop->log, "stream-state", LOG_U("serial", s->serial), LOG_Z("direction", xmpp_stream_direction(s)),
              LOG_Z("awaits", awaited(state)));
    s->state = state;
    switch (state) {
    case XMPP_STATE_READY:
        s->stanza_ms = s->bytes_ms = loop_now(s->x->loop);
        if (!s->was_ready)
            s->x->counters.streams_authenticated++;
        s->was_ready = true;
        start_timer(s, QUIET_MS);
        break;
    case XMPP_STATE_CLOSING: start_timer(s, XMPP_CLOSE_WAIT_MS); break;
    case XMPP_STATE_CLOSED: timer_stop(&s->x->loop->timers, &s->timer); break;
    default: break; /* the deadline of the set-up goes on */
    }
}

static void on_turn(struct deferred *d)
{
    struct xmpp_stream *s = container_of(d, struct xmpp_stream, turn);

    if (s->state == XMPP_STATE_CLOSED) {
        if (!s->conn)
            xmpp_stream_free(s);
        return;
    }
    if (s->inbound)
        xmpp_stream_in_turn(s);
}

/* ---- the beginning ---- */

static struct xmpp_stream *stream_new(struct xmpp *x, bool inbound)
{
    struct xml_limits limits = {
        .element_max = XMPP_UNAUTHENTICATED_ELEMENT_MAX, .tag_max = 16384, .depth_max = 64, .attrs_max = 128
    };
    struct xmpp_stream *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->x = x;
    s->inbound = inbound;
    s->serial = ++x->last_serial;
    s->state = inbound ? XMPP_STATE_HEADER : XMPP_STATE_CONNECTING;
    s->bytes_ms = s->stanza_ms = loop_now(x->loop);
    list_init(&s->proven);
    list_push(&x->streams, &s->link);
    timer_init(&s->timer, on_timer);
    deferred_init(&s->turn, on_turn);
    s->reader = xml_reader_new(&stream_reader_ops, s, &limits, 131072 + 8 * x->conf.stanza_max);
    if (!s->reader || !hash_add(&x->serials, &s->by_serial,
                                hash_bytes(&x->serials, slice_of((char *)&s->serial, sizeof(s->serial))))) {
        xmpp_stream_free(s);
        return NULL;
    }
    return s;
}

/* Before a byte is read: cheap refusals, without a word. */
static bool may_accept(struct xmpp *x, const struct addr *peer)
{
    char ip[ADDR_TEXT];
    unsigned held = 0;
    const char *why;

    if (x->stopping)
        why = "shutting down";
    else if (x->n_unauthenticated >= 10 * (size_t)x->conf.connection_limit)
        why = "too many unauthenticated connections in all";
    else if (!xmpp_tally_take(&x->ips, slice_str(addr_ip_text(peer, ip)), x->conf.per_ip_unauthenticated))
        why = "too many unauthenticated connections from this address";
    else
        return true;
    x->counters.streams_refused++;
    if (log_allowed(&x->log_refused, loop_now(x->loop), 10, &held))
        log_info(x->loop->log, "stream-refused", LOG_Z("address", addr_ip_text(peer, ip)), LOG_Z("why", why),
                 LOG_U("held-back", held));
    return false;
}

void xmpp_stream_accept(struct xmpp *x, int fd, const struct addr *peer)
{
    struct conn_conf conf = { .ops = &stream_conn_ops, .tls = x->conf.tls, .rx_max = RX_MAX, .tx_max = TX_INBOUND };
    struct xmpp_stream *s;

    if (!may_accept(x, peer)) {
        close(fd);
        return;
    }
    s = stream_new(x, true);
    if (!s) {
        char ip[ADDR_TEXT];

        xmpp_tally_give(&x->ips, slice_str(addr_ip_text(peer, ip)));
        close(fd);
        return;
    }
    s->peer = *peer;
    s->counted_ip = true;
    x->n_unauthenticated++;
    conf.owner = s;
    s->conn = conn_accept(x->loop, &conf, fd, peer, NULL);
    if (!s->conn) {
        xmpp_stream_free(s);
        return;
    }
    start_timer(s, (uint64_t)x->conf.unauthenticated_s * 1000);
}

static void on_connected(void *owner, struct conn *c)
{
    struct xmpp_stream *s = owner;

    s->connect = NULL;
    s->conn = c;
    s->peer = *conn_peer(c);
    conn_set_owner(c, &stream_conn_ops, s);
    conn_set_limits(c, RX_MAX, 2 * s->x->conf.stanza_max + 16384);
    xmpp_stream_become(s, XMPP_STATE_HEADER);
    xmpp_stream_put_header(s);
}

static void on_connect_failed(void *owner, enum xmpp_fate fate, const char *why)
{
    struct xmpp_stream *s = owner;

    s->connect = NULL;
    xmpp_stream_fail(s, fate, "%s", why);
}

static const struct xmpp_connect_ops stream_connect_ops = { .connected = on_connected, .failed = on_connect_failed };

const char *xmpp_stream_count(struct xmpp_stream *s, const struct xmpp_partner *partner)
{
    struct xmpp *x = s->x;
    unsigned max = partner->connection_limit ? partner->connection_limit : x->conf.partner_connection_limit;

    if (x->counters.streams >= x->conf.connection_limit)
        return "all streams that the settings allow are in use (connection limit)";
    if (!xmpp_keep(&s->partner_name, partner->name))
        return "out of memory";
    if (!xmpp_tally_take(&x->partners, s->partner_name, max))
        return "all streams that the settings allow this partner are in use";
    x->counters.streams++;
    s->counted = true;
    return NULL;
}

struct xmpp_stream *xmpp_stream_open(struct xmpp *x, struct xmpp_pair *pair, struct xmpp_verify *verify,
                                     uint64_t establish_by_ms, enum xmpp_fate *fate, const char **why)
{
    struct slice local = pair ? pair->local : verify->local, remote = pair ? pair->remote : verify->remote;
    const struct xmpp_partner *partner = x->conf.ops->partner(x->conf.owner, remote);
    struct xmpp_stream *s = NULL;
    uint64_t now = loop_now(x->loop);

    *fate = partner && !x->stopping ? XMPP_FATE_UNREACHABLE : XMPP_FATE_REFUSED;
    *why = x->stopping ? "this gateway is shutting down" : partner ? NULL : "the partner is not listed";
    if (!*why) {
        s = stream_new(x, false);
        *why = !s || !xmpp_keep(&s->local, local) || !xmpp_keep(&s->remote, remote) ? "out of memory" : NULL;
    }
    if (!*why && pair) /* a verification answers to its own limits: strangers can cause them */
        *why = xmpp_stream_count(s, partner);
    if (!*why) {
        s->connect = xmpp_connect_start(x, remote, partner->proxy, &stream_connect_ops, s);
        *why = s->connect ? NULL : "out of memory";
    }
    if (*why) {
        if (s)
            xmpp_stream_free(s);
        x->counters.streams_failed++;
        log_warning(x->loop->log, "stream-failed", LOG_S("local", local), LOG_S("remote", remote),
                    LOG_Z("direction", "out"), LOG_Z("why", *why));
        return NULL;
    }
    s->pair = pair;
    s->verify = verify;
    s->verifying = verify != NULL;
    start_timer(s, establish_by_ms > now ? establish_by_ms - now : 1);
    LOG_AT_(x->loop->log, pair ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, "stream-connecting", LOG_S("local", local),
            LOG_S("remote", remote), LOG_Z("direction", "out"), LOG_Z("for", pair ? "stanzas" : "verification"));
    return s;
}
