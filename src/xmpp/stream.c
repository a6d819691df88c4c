/* What both directions share: state, time, writing. */
#include <stdio.h>

#include "base/rand.h"
#include "xmpp/component.h"
#include "xmpp/resume_in.h"
#include "xmpp/stream_parts.h"
#include "xmpp/writer.h"

#define ID_LEN 32 /* hex digits: 128 bits (STOX-S2S-11) */

const char *xmpp_stream_awaited(enum xmpp_stream_state state)
{
    static const char *const names[] = {
#define X(name, what) what,
        XMPP_STATES(X)
#undef X
    };

    return names[state];
}

const struct xmpp_partner *xmpp_stream_partner(const struct xmpp_stream *s)
{
    return s->remote.n ? s->x->conf.ops->partner(s->x->conf.owner, s->remote) : NULL;
}

const struct xmpp_partner *xmpp_stream_owner(const struct xmpp_stream *s)
{
    list_each (it, &s->proven) {
        const struct xmpp_proven *p = container_of(it, struct xmpp_proven, link);

        if (!p->verify && !p->revoked)
            return s->x->conf.ops->partner(s->x->conf.owner, p->remote);
    }
    return xmpp_stream_partner(s);
}

struct xmpp_methods xmpp_stream_methods(const struct xmpp_stream *s)
{
    struct xmpp_methods m = xmpp_methods_of_partner(xmpp_stream_partner(s));

    if (s->cert_forbidden)
        m.dialback_over_tls = false;
    if (s->dane && s->dane->n && m.dialback_over_tls + m.sasl_over_tls > 0) /* RFC 7673 3.4: TLS, then */
        m.dialback_over_tcp = false;
    return m;
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
    s->bytes_ms = s->wrote_ms = loop_now(s->x->loop);
    return conn_write(s->conn, bytes.p, bytes.n);
}

void xmpp_stream_write_all(struct xmpp_stream *s, const struct buf *b)
{
    if (buf_ok(b))
        xmpp_stream_write(s, buf_slice(b));
    else
        xmpp_stream_fail(s, XMPP_FATE_UNREACHABLE, "out of memory");
}

/* Up to half of tx_max, above which conn says when all of it is gone (drained). */
bool xmpp_stream_has_room(const struct xmpp_stream *s)
{
    return s->conn && s->state == XMPP_STATE_READY &&
           conn_tx_pending(s->conn) <= s->x->conf.stanza_max + XMPP_TX_SPARE / 2;
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
    if (s->component) {
        xmpp_component_put_header(s);
        return;
    }
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
    xmpp_stream_write_all(s, &b);
    buf_free(&b);
}

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

/* It ends with the dates of the certificate that has proven it (RFC 6120 13.7.2.3). */
bool xmpp_stream_rests_on_certificate(const struct xmpp_stream *s)
{
    bool proves =
        s->sasl_done || ((s->inbound || s->bidi) && s->cert_ok && s->method == XMPP_METHOD_DIALBACK_TLS); /* XEP-0344 */

    return proves && (s->cert_by == XMPP_CERT_PKIX || s->cert_by == XMPP_CERT_PIN);
}

/* Does somebody still wait for something that it carries? */
static bool is_busy(const struct xmpp_stream *s)
{
    list_each (it, &s->pairs)
        if (container_of(it, struct xmpp_pair, on_stream)->n > 0)
            return true;
    return s->sm_in && xmpp_sm_in_open(s->sm_in) > 0;
}

/* One question is enough for all pairs: it shows that the stream lives. */
static void keep_alive(struct xmpp_stream *s)
{
    if (list_empty(&s->pairs))
        xmpp_stream_write(s, SLICE(" "));
    else
        xmpp_pair_keep_alive(container_of(s->pairs.next, struct xmpp_pair, on_stream));
    s->bytes_ms = s->wrote_ms = loop_now(s->x->loop);
}

/* A ready stream: keep-alive when no bytes passed, close when no stanzas did. */
static void check_idle(struct xmpp_stream *s)
{
    uint64_t now = loop_now(s->x->loop);
    uint64_t inactivity = (uint64_t)s->x->conf.limits.inactivity_s * 1000,
             keepalive = xmpp_peer_limits_silence_ms(&s->limits, s->x->conf.limits.keepalive_s),
             silent = now - (s->limits.idle_s ? s->wrote_ms : s->bytes_ms);
    const struct xmpp_partner *partner = xmpp_stream_owner(s);
    uint64_t wait;

    if (!partner) {
        xmpp_stream_error(s, XMPP_STREAM_POLICY_VIOLATION, "there is no longer a federation with your domain");
        return;
    }
    if (xmpp_stream_rests_on_certificate(s) && now >= s->cert_until_ms) {
        xmpp_stream_error(s, XMPP_STREAM_RESET, "your certificate has expired");
        return;
    }
    if (!is_busy(s) && !s->component && now - s->stanza_ms >= inactivity) {
        xmpp_stream_close(s, "idle");
        return;
    }
    if (partner->keep_alive && silent >= keepalive) {
        keep_alive(s);
        silent = 0;
    }
    if (!s->asleep && now - s->bytes_ms >= XMPP_QUIET_MS) {
        xml_reader_sleep(s->reader);
        xmpp_resume_in_rest(s);
        s->asleep = true;
    }
    wait = now - s->stanza_ms < inactivity ? inactivity - (now - s->stanza_ms) : inactivity;
    if (keepalive > 0 && silent < keepalive && keepalive - silent < wait)
        wait = keepalive - silent;
    if (!s->asleep && wait > XMPP_QUIET_MS)
        wait = XMPP_QUIET_MS;
    if (xmpp_stream_rests_on_certificate(s) && s->cert_until_ms - now < wait)
        wait = s->cert_until_ms - now;
    xmpp_stream_start_timer(s, wait < 1000 ? 1000 : wait);
}

void xmpp_stream_on_timer(struct timer *t)
{
    struct xmpp_stream *s = container_of(t, struct xmpp_stream, timer);
    char why[XMPP_WHY_MAX];

    switch (s->state) {
    case XMPP_STATE_READY: check_idle(s); return;
    case XMPP_STATE_CLOSING:
        xmpp_stream_hang_up(s, NULL);
        xmpp_stream_end(s, XMPP_FATE_UNREACHABLE, "idle; the partner did not close its side within 10 s", false);
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
    xmpp_stream_out_late(s);
}

void xmpp_stream_become(struct xmpp_stream *s, enum xmpp_stream_state state)
{
    log_debug(s->x->loop->log, "stream-state", LOG_U("serial", s->serial), LOG_Z("direction", xmpp_stream_direction(s)),
              LOG_Z("awaits", xmpp_stream_awaited(state)));
    s->state = state;
    switch (state) {
    case XMPP_STATE_READY:
        s->stanza_ms = s->bytes_ms = s->wrote_ms = loop_now(s->x->loop);
        if (!s->was_ready)
            s->x->counters.streams_authenticated++;
        s->was_ready = true;
        xmpp_trace_shrink(s->trace);
        xmpp_stream_start_timer(s, XMPP_QUIET_MS);
        break;
    case XMPP_STATE_CLOSING: xmpp_stream_start_timer(s, XMPP_CLOSE_WAIT_MS); break;
    case XMPP_STATE_CLOSED: timer_stop(&s->x->loop->timers, &s->timer); break;
    default: break; /* the deadline of the set-up goes on */
    }
}

void xmpp_stream_start_timer(struct xmpp_stream *s, uint64_t ms)
{
    timer_start(&s->x->loop->timers, &s->timer, ms);
}
