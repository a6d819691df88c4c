/* Bytes to elements to the direction's own file, and the two places where a stream starts over: TLS and SASL. */
#include <stdio.h>

#include "xmpp/component.h"
#include "xmpp/dialback.h"
#include "xmpp/rate.h"
#include "xmpp/resume_in.h"
#include "xmpp/resume_out.h"
#include "xmpp/stream_parts.h"

#define CHUNK 4096 /* fed to the reader at once: between two chunks flow control can stop it */

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

static void hand_shake(struct xmpp_stream *s)
{
    char mem[1024];
    struct arena arena;
    struct slice local = { 0 }, remote = { 0 };
    struct tls_wish wish = { .role = s->inbound ? TLS_SERVER : TLS_CLIENT, .alpn = "xmpp-server" };
    bool ok;

    arena_init_on(&arena, mem, sizeof(mem), 16384);
    ok = (!s->local.n || jid_domain_to_ascii(&arena, s->local, &local)) &&
         (s->inbound || jid_domain_to_ascii(&arena, s->remote, &remote));
    wish.identity = local;
    wish.server_name = remote;
    wish.dane = s->dane;
    if (!ok || !conn_start_tls(s->conn, &wish)) {
        conn_abort(s->conn);
        xmpp_stream_end(s, XMPP_FATE_UNREACHABLE, "TLS cannot be started: no memory", false);
    }
    arena_reset(&arena);
}

void xmpp_stream_begin_tls(struct xmpp_handshake *h)
{
    struct xmpp_stream *s = container_of(h, struct xmpp_stream, handshake);

    conn_resume(s->conn);
    hand_shake(s);
}

/* What the peer sends before its turn stays with the kernel. */
void xmpp_stream_start_tls(struct xmpp_stream *s)
{
    char source[ADDR_TEXT];

    xmpp_stream_become(s, XMPP_STATE_TLS);
    if (!s->inbound || xmpp_handshake_ask(&s->x->handshakes, xmpp_source(&s->peer, source), &s->handshake))
        hand_shake(s);
    else
        conn_pause(s->conn);
}

/* SASL has succeeded: both sides start over, with nothing between (RFC 6120 6.4.6). */
static void restart(struct xmpp_stream *s)
{
    if (!reset(s))
        return;
    xmpp_stream_become(s, XMPP_STATE_HEADER);
    if (!s->inbound)
        xmpp_stream_put_header(s);
    else if (s->was_ready) /* it had been proven by dialback */
        xmpp_stream_start_timer(s, (uint64_t)s->x->conf.unauthenticated_s * 1000);
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
    if (s->state == XMPP_STATE_CLOSED || s->going_on)
        return false;
    if (s->start_tls || s->restart) {
        bool tls = s->start_tls;

        s->start_tls = s->restart = false;
        if (tls)
            xmpp_stream_start_tls(s);
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
        xmpp_stream_start_timer(s, XMPP_QUIET_MS);
    }
    while (used < n && !s->owner_paused && !s->window_paused) {
        size_t chunk = n - used < CHUNK ? n - used : CHUNK;
        uint64_t n_in = s->n_in;

        if (!s->header_fed && is_space(p[used])) { /* what a peer may put behind the last element before a restart */
            used++;
            continue;
        }
        s->header_fed = true;
        if (!feed(s, p + used, chunk))
            return n;
        used += chunk;
        xmpp_rate_take(s, s->n_in - n_in, chunk);
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

    list_each (it, &s->pairs)
        xmpp_pair_drained(container_of(it, struct xmpp_pair, on_stream));
}

static enum xmpp_fault fault_of_end(const struct xmpp_stream *s, enum conn_end why)
{
    if (why == CONN_END_TLS_VERSION)
        return XMPP_FAULT_TLS_TOO_OLD;
    if (why == CONN_END_TLS_REFUSED)
        return XMPP_FAULT_OUR_CERTIFICATE;
    if (s->state == XMPP_STATE_TLS)
        return XMPP_FAULT_TLS_FAILED;
    return s->sasl_failed ? XMPP_FAULT_EXTERNAL_REFUSED : XMPP_FAULT_CLOSED;
}

static void on_closed(void *owner, struct conn *conn, enum conn_end end_why, const char *text)
{
    struct xmpp_stream *s = owner;
    char why[XMPP_WHY_MAX], at[ADDR_TEXT];

    s->conn = NULL;
    xmpp_stream_blame(s, fault_of_end(s, end_why));
    if (s->state == XMPP_STATE_CONNECTING)
        snprintf(why, sizeof(why), "cannot connect to %s: %s", addr_text(&s->peer, at), text);
    else if (s->state == XMPP_STATE_TLS)
        snprintf(why, sizeof(why), "TLS with %.*s failed: %s", SLICE_FMT(s->remote), text);
    else
        snprintf(why, sizeof(why), "the connection ended (%s) while waiting for %s: %s", conn_end_name(end_why),
                 xmpp_stream_awaited(s->state), text);
    if (s->inbound)
        xmpp_resume_in_lost(s);
    else
        xmpp_resume_out_lost(s);
    xmpp_stream_end(s, XMPP_FATE_UNREACHABLE, why, s->sasl_failed);
    if (s->state == XMPP_STATE_CLOSED)
        xmpp_stream_free(s);
}

/* A component's: others are given a connection that stands. */
static void on_connected(void *owner, struct conn *conn)
{
    struct xmpp_stream *s = owner;

    if (s->state != XMPP_STATE_CONNECTING)
        return;
    xmpp_stream_become(s, XMPP_STATE_HEADER);
    xmpp_stream_put_header(s);
}

const struct conn_ops xmpp_stream_conn_ops = {
    .open = on_connected, .data = on_data, .secured = on_secured, .drained = on_drained, .closed = on_closed
};

/* ---- the reader ---- */

static void on_open(void *owner, const struct xml *root)
{
    struct xmpp_stream *s = owner;

    if (s->state != XMPP_STATE_HEADER) /* we have given it up meanwhile */
        return;
    if (s->component)
        xmpp_component_header(s, root);
    else if (s->inbound)
        xmpp_stream_in_header(s, root);
    else
        xmpp_stream_out_header(s, root);
}

static void on_error_received(struct xmpp_stream *s, const struct xml *el)
{
    char why[XMPP_WHY_MAX], said[200];
    char mem[1024];
    struct arena arena;
    enum xmpp_stream_error e = xmpp_stream_error_of(el);
    const struct xml *text = xml_child(el, NS_STREAM_ERROR, "text");
    const char *advice = s->component ? xmpp_component_advice(e) : "";
    const struct xml *other = xml_child(el, NS_STREAM_ERROR, "see-other-host");
    bool followed;

    arena_init_on(&arena, mem, sizeof(mem), XMPP_UNAUTHENTICATED_ELEMENT_MAX);
    log_escape(said, sizeof(said), text ? xml_text(&arena, text) : SLICE(""));
    followed = e == XMPP_STREAM_SEE_OTHER_HOST && other && xmpp_stream_follow(s, xml_text(&arena, other));
    arena_reset(&arena);
    if (followed)
        return;
    if (advice[0])
        snprintf(why, sizeof(why), "the server sent %s: %s%s%s%s", xmpp_stream_error_condition(e), advice,
                 said[0] ? " (" : "", said, said[0] ? ")" : "");
    else
        snprintf(why, sizeof(why), "the partner sent %s (%s) while we awaited %s%s%s", xmpp_stream_error_condition(e),
                 xmpp_stream_error_meaning(e), xmpp_stream_awaited(s->state), said[0] ? ": " : "", said);
    xmpp_stream_blame(s, s->sasl_failed ? XMPP_FAULT_EXTERNAL_REFUSED : xmpp_stream_fault_of(e));
    xmpp_stream_hang_up(s, "</stream:stream>");
    xmpp_stream_end(s, XMPP_FATE_UNREACHABLE, why, s->sasl_failed);
}

static void on_element(void *owner, struct xml *el)
{
    struct xmpp_stream *s = owner;

    if (s->state == XMPP_STATE_CLOSED)
        return;
    if (xml_is(el, NS_STREAM, "error"))
        on_error_received(s, el);
    else if (s->component)
        xmpp_component_element(s, el);
    else if (s->inbound)
        xmpp_stream_in_element(s, el);
    else
        xmpp_stream_out_element(s, el);
}

/* It came to ask about a key of ours, and goes with the answer: that is no failure. */
static bool has_been_answered(const struct xmpp_stream *s)
{
    return s->asked && s->state == XMPP_STATE_NEGOTIATING && s->n_sasl_failures == 0 && list_empty(&s->proven);
}

static void on_close(void *owner)
{
    struct xmpp_stream *s = owner;
    char why[XMPP_WHY_MAX];

    if (s->state == XMPP_STATE_CLOSED)
        return;
    snprintf(why, sizeof(why), "the partner closed the stream while we awaited %s", xmpp_stream_awaited(s->state));
    xmpp_stream_blame(s, s->sasl_failed ? XMPP_FAULT_EXTERNAL_REFUSED : XMPP_FAULT_CLOSED);
    xmpp_stream_in_last_a(s);
    xmpp_stream_hang_up(s, "</stream:stream>");
    s->ended_in_order = true;
    if (has_been_answered(s))
        xmpp_stream_become(s, XMPP_STATE_CLOSING);
    xmpp_stream_end(s, XMPP_FATE_UNREACHABLE, s->state == XMPP_STATE_CLOSING ? "idle" : why, s->sasl_failed);
}

const struct xml_reader_ops xmpp_stream_reader_ops = { .open = on_open, .element = on_element, .close = on_close };
