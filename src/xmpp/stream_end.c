/* The one end of a stream: what is said, who is told, what is given back. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "xmpp/component.h"
#include "xmpp/connect.h"
#include "xmpp/dialback.h"
#include "xmpp/probe.h"
#include "xmpp/resume_in.h"
#include "xmpp/resume_out.h"
#include "xmpp/stream_parts.h"

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

        xmpp_tally_give(&s->x->ips, xmpp_source(&s->peer, ip));
        s->x->n_unauthenticated--;
        s->counted_ip = false;
    }
}

/* It broke while the partner was asked for one pair more: perhaps because of that, which must not happen to others again. */
static void judge_riding(const struct xmpp_stream *s, const struct list *pairs)
{
    bool asked = false;

    list_each (it, pairs) {
        const struct xmpp_pair *p = container_of(it, struct xmpp_pair, on_stream);

        asked = asked || (p->rides && p->proof == XMPP_PROOF_ASKED);
    }
    if (!asked || s->x->stopping)
        return;
    list_each (it, pairs)
        container_of(it, struct xmpp_pair, on_stream)->alone = true;
}

/* Those that use the stream let go of it. */
static void tell_users(struct xmpp_stream *s, enum xmpp_fate fate, const char *why, bool retry)
{
    struct list pairs, *l;

    list_init(&pairs);
    list_move_all(&pairs, &s->pairs);
    judge_riding(s, &pairs);
    timer_stop(&s->x->loop->timers, &s->answer);
    if (s->probe)
        xmpp_probe_ended(s, why, retry);
    xmpp_dialback_stream_ended(s, fate == XMPP_FATE_NO_SERVER ? "remote-server-not-found" : "remote-server-timeout");
    while ((l = list_pop(&pairs)))
        xmpp_pair_ended(container_of(l, struct xmpp_pair, on_stream), fate, why, retry);
}

/* What passed on it may be lost: the owner is told for each of the partner's domains. */
static void tell_broken(const struct xmpp_stream *s)
{
    const struct xmpp_ops *ops = s->x->conf.ops;

    if (!ops->link || !s->was_ready || s->x->stopping)
        return;
    if (s->remote.n)
        ops->link(s->x->conf.owner, s->remote, false);
    list_each (it, &s->proven) {
        const struct xmpp_proven *p = container_of(it, struct xmpp_proven, link);

        if (!p->verify && !slice_eq(p->remote, s->remote))
            ops->link(s->x->conf.owner, p->remote, false);
    }
}

void xmpp_stream_end(struct xmpp_stream *s, enum xmpp_fate fate, const char *why, bool retry)
{
    char no_tls[XMPP_WHY_MAX], earlier[XMPP_WHY_MAX];
    bool in_order = s->state == XMPP_STATE_CLOSING;

    if (s->state == XMPP_STATE_CLOSED)
        return;
    if (s->state == XMPP_STATE_STARTTLS && s->tls_forced) { /* however it was said */
        snprintf(no_tls, sizeof(no_tls),
                 "%.*s: TLS is required by your setting but the partner offers none (set --tls optional to allow it)",
                 SLICE_FMT(s->remote));
        fate = XMPP_FATE_REFUSED;
        why = no_tls;
        xmpp_stream_blame(s, XMPP_FAULT_TLS_NOT_OFFERED);
    }
    if (!retry && xmpp_stream_go_on(s, fate, why))
        return;
    xmpp_stream_tell_most(s, &fate, &why, earlier);
    if (s->feeding)
        xml_reader_stop(s->reader);
    xmpp_stream_log_end(s, why);
    xmpp_stream_trace_end(s, why);
    xmpp_stream_become(s, XMPP_STATE_CLOSED);
    xmpp_connect_cancel(s->connect);
    s->connect = NULL;
    xmpp_handshake_cancel(&s->handshake);
    if (!s->conn)
        loop_defer(s->x->loop, &s->turn);
    give_back_counts(s);
    if (s->component) /* before the pairs ask for the next one */
        xmpp_component_ended(s->component, in_order);
    tell_users(s, fate, why, retry);
    if (!in_order && !s->ended_in_order)
        tell_broken(s);
}

void xmpp_stream_free(struct xmpp_stream *s)
{
    if (s->state != XMPP_STATE_CLOSED)
        give_back_counts(s);
    if (s->component)
        s->component->stream = NULL;
    if (s->conn)
        conn_detach(s->conn);
    xmpp_connect_cancel(s->connect);
    xml_reader_free(s->reader);
    timer_stop(&s->x->loop->timers, &s->timer);
    xmpp_handshake_cancel(&s->handshake);
    timer_stop(&s->x->loop->timers, &s->answer);
    while (list_pop(&s->pairs)) { /* they are freed next */
    }
    loop_undefer(&s->turn);
    xmpp_proven_free_all(&s->proven);
    xmpp_resume_in_freed(s);
    xmpp_resume_free(s->resume);
    free(s->sm_in);
    xmpp_drop(&s->local);
    xmpp_drop(&s->remote);
    xmpp_drop(&s->id);
    xmpp_drop(&s->cert_why);
    xmpp_drop(&s->told);
    xmpp_drop(&s->pin);
    free(s->dane);
    xmpp_drop(&s->partner_name);
    xmpp_drop(&s->lang);
    if (!s->probe)
        xmpp_trace_free(s->trace);
    hash_remove(&s->x->serials, &s->by_serial);
    list_unlink(&s->link);
    xmpp_stream_gone(s->x);
    free(s);
}

/* Says the last words, in the one state where they cannot be said cuts the connection (RFC 6120 5.4.3.2). */
void xmpp_stream_hang_up(struct xmpp_stream *s, const char *last_words)
{
    if (!s->conn)
        return;
    if (s->state == XMPP_STATE_TLS || s->state == XMPP_STATE_CONNECTING) {
        conn_abort(s->conn);
        return;
    }
    if (last_words && s->state != XMPP_STATE_CLOSING)
        xmpp_stream_write(s, slice_str(last_words));
    conn_close(s->conn);
}

static void end_with_error(struct xmpp_stream *s, enum xmpp_stream_error e, const char *text, const char *extra,
                           enum xmpp_fate fate)
{
    char why[XMPP_WHY_MAX];
    struct buf b;

    if (s->state == XMPP_STATE_CLOSED)
        return;
    snprintf(why, sizeof(why), "we sent %s: %s", xmpp_stream_error_condition(e),
             text ? text : xmpp_stream_error_meaning(e));
    if (s->conn && s->state != XMPP_STATE_CLOSING && s->state != XMPP_STATE_TLS && s->state != XMPP_STATE_CONNECTING) {
        buf_init(&b, 4096);
        xmpp_stream_in_last_a(s);
        xmpp_stream_put_header(s);
        xmpp_stream_error_put(&b, e, text, extra);
        if (buf_ok(&b))
            xmpp_stream_write(s, buf_slice(&b));
        buf_free(&b);
    }
    xmpp_stream_hang_up(s, "</stream:stream>");
    xmpp_stream_end(s, fate, why, false);
}

void xmpp_stream_error_extra(struct xmpp_stream *s, enum xmpp_stream_error e, const char *text, const char *extra)
{
    end_with_error(s, e, text, extra, XMPP_FATE_UNREACHABLE);
}

void xmpp_stream_refuse(struct xmpp_stream *s, enum xmpp_stream_error e, const char *text)
{
    xmpp_stream_no_other_server(s);
    end_with_error(s, e, text, NULL, XMPP_FATE_REFUSED);
}

void xmpp_stream_error(struct xmpp_stream *s, enum xmpp_stream_error e, const char *text)
{
    xmpp_stream_error_extra(s, e, text, NULL);
}

void xmpp_stream_fail(struct xmpp_stream *s, enum xmpp_fate fate, const char *fmt, ...)
{
    char why[XMPP_WHY_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    xmpp_stream_hang_up(s, "</stream:stream>");
    xmpp_stream_end(s, fate, why, false);
}

void xmpp_stream_close(struct xmpp_stream *s, const char *why)
{
    if (s->state == XMPP_STATE_CLOSED || s->state == XMPP_STATE_CLOSING)
        return;
    xmpp_stream_no_other_server(s);
    if (!s->conn || !s->header_sent || s->state == XMPP_STATE_TLS) {
        xmpp_stream_hang_up(s, NULL);
        xmpp_stream_end(s, XMPP_FATE_UNREACHABLE, why, false);
        return;
    }
    xmpp_stream_in_last_a(s);
    xmpp_stream_write(s, SLICE("</stream:stream>"));
    xmpp_stream_become(s, XMPP_STATE_CLOSING);
    tell_users(s, XMPP_FATE_UNREACHABLE, why, false);
}
