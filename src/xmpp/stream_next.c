/*
 * A partner may have several servers, and one of them be broken: an outbound set-up that fails goes on with the next address
 * or server, until its time is over (RFC 6120 3.2.1). When all have failed, what is reported is the failure that says most:
 * a refused certificate before a lost connection, and that before an address that nobody answers at.
 */
#include <stdio.h>
#include <stdlib.h>

#include "xmpp/bidi.h"
#include "xmpp/connect.h"
#include "xmpp/ride.h"
#include "xmpp/stream_parts.h"

/* A connection that still says its last words, while the stream is with another one. */
struct left {
    struct list link;
    struct conn *conn;
};

static size_t on_left_data(void *owner, struct conn *conn, char *p, size_t n)
{
    return n;
}

static void on_left_closed(void *owner, struct conn *conn, enum conn_end why, const char *text)
{
    struct left *l = owner;

    list_unlink(&l->link);
    free(l);
}

static const struct conn_ops left_conn_ops = { .data = on_left_data, .closed = on_left_closed };

static void leave_connection(struct xmpp_stream *s)
{
    struct left *l = calloc(1, sizeof(*l));

    if (!s->conn) {
        free(l);
    } else if (!l) {
        conn_detach(s->conn);
    } else {
        l->conn = s->conn;
        list_push(&s->x->left, &l->link);
        conn_set_owner(s->conn, &left_conn_ops, l);
        conn_close(s->conn);
    }
    s->conn = NULL;
}

void xmpp_stream_drop_left(struct xmpp *x)
{
    struct list *it;

    while ((it = list_pop(&x->left))) {
        struct left *l = container_of(it, struct left, link);

        conn_detach(l->conn);
        free(l);
    }
}

static void leave_servers(struct xmpp_stream *s)
{
    xmpp_connect_cancel(s->connect);
    s->connect = NULL;
}

void xmpp_stream_no_other_server(struct xmpp_stream *s)
{
    leave_servers(s);
    xmpp_drop(&s->told);
}

/* How much a failure tells: what was decided, then how far the set-up had come. */
static unsigned rank_of(const struct xmpp_stream *s, enum xmpp_fate fate)
{
    unsigned inside_tls = xmpp_stream_is_secure(s) || s->cert_ok || s->cert_why.n ? 100 : 0;

    return (fate == XMPP_FATE_REFUSED ? 1000 : 0) + inside_tls + (unsigned)s->state;
}

static void remember(struct xmpp_stream *s, enum xmpp_fate fate, const char *why)
{
    unsigned rank = rank_of(s, fate);

    s->n_vain++;
    if ((s->told.n && rank <= s->told_rank) || !xmpp_keep(&s->told, slice_str(why)))
        return;
    s->told_rank = rank;
    s->told_fault = xmpp_trace_fault(s->trace);
    s->told_fate = fate;
    s->told_at = s->peer;
}

void xmpp_stream_tell_most(struct xmpp_stream *s, enum xmpp_fate *fate, const char **why, char out[XMPP_WHY_MAX])
{
    char at[ADDR_TEXT];
    bool one_more = s->state != XMPP_STATE_CONNECTING;
    unsigned others = s->n_vain - 1 + one_more;

    if (!s->told.n || (one_more && rank_of(s, *fate) > s->told_rank))
        return;
    if (others) /* in front: logs cut long sentences */
        snprintf(out, XMPP_WHY_MAX, "%u of the partner's servers failed; at %s: %.*s", others + 1,
                 addr_text(&s->told_at, at), SLICE_FMT(s->told));
    else
        snprintf(out, XMPP_WHY_MAX, "%.*s", SLICE_FMT(s->told));
    *why = out;
    *fate = s->told_fate;
    xmpp_stream_blame(s, s->told_fault);
}

/* Inside a set-up, and not before there is a connection: what connect.c finds it goes on from by itself. */
static bool is_set_up(const struct xmpp_stream *s)
{
    switch (s->state) {
    case XMPP_STATE_HEADER:
    case XMPP_STATE_FEATURES:
    case XMPP_STATE_STARTTLS:
    case XMPP_STATE_TLS:
    case XMPP_STATE_SASL:
    case XMPP_STATE_DIALBACK:
    case XMPP_STATE_VERIFYING: return true;
    default: return false;
    }
}

static void try_anew(struct xmpp_stream *s)
{
    if (s->feeding)
        xml_reader_stop(s->reader);
    leave_connection(s);
    xmpp_stream_become(s, XMPP_STATE_CONNECTING);
    s->going_on = true;
    loop_defer(s->x->loop, &s->turn);
}

bool xmpp_stream_go_on(struct xmpp_stream *s, enum xmpp_fate fate, const char *why)
{
    unsigned held = 0;
    char at[ADDR_TEXT];

    if (s->inbound || !s->connect || s->x->stopping || !is_set_up(s) || !xmpp_connect_has_more(s->connect))
        return false;
    remember(s, fate, why);
    xmpp_stream_note(s, XMPP_STEP_STREAM, STEP_FAILED, "%s; the next server or address is tried", why);
    if (log_allowed(&s->x->log_failed, loop_now(s->x->loop), 50, &held))
        log_info(s->x->loop->log, "stream-next-server", LOG_S("local", s->local), LOG_S("remote", s->remote),
                 LOG_Z("address", addr_text(&s->peer, at)), LOG_Z("why", why), LOG_U("held-back", held));
    try_anew(s);
    return true;
}

/* Both sides have proven themselves, and no administrator has said where the partner is to be found. */
static bool may_follow(const struct xmpp_stream *s)
{
    const struct xmpp_partner *partner = xmpp_stream_partner(s);

    return !s->inbound && !list_empty(&s->pairs) && s->cert_ok && (s->method != XMPP_METHOD_NONE || s->sasl_done) &&
           xmpp_stream_is_secure(s) && partner && !partner->proxy.n && !s->x->stopping;
}

bool xmpp_stream_follow(struct xmpp_stream *s, struct slice where)
{
    struct xmpp_redirect to;

    if (!may_follow(s) || !xmpp_redirect_parse(where, &to))
        return false;
    to.secure = s->cert_by == XMPP_CERT_DANE;
    if (!xmpp_redirects_note(&s->x->redirects, s->local, s->remote, &to, loop_now(s->x->loop)))
        return false;
    xmpp_stream_note(s, XMPP_STEP_STREAM, STEP_NOTE, "the partner's server sends us to %s", to.host);
    log_info(s->x->loop->log, "stream-redirected", LOG_S("local", s->local), LOG_S("remote", s->remote),
             LOG_Z("to", to.host), LOG_U("port", to.port));
    if (s->was_ready) /* its end has the pair open another one, by what was noted */
        return false;
    xmpp_stream_no_other_server(s);
    xmpp_stream_hang_up(s, "</stream:stream>");
    try_anew(s);
    return true;
}

void xmpp_stream_start_over(struct xmpp_stream *s)
{
    s->going_on = false;
    s->header_sent = s->header_fed = s->start_tls = s->restart = s->asleep = false;
    s->tls_forced = s->sasl_done = s->sasl_failed = s->sm_offered = false;
    s->cert_ok = s->cert_forbidden = false;
    s->cert_by = XMPP_CERT_REFUSED;
    s->errors_offered = false;
    s->n_ignored = 0;
    xmpp_ride_start_over(s);
    xmpp_bidi_start_over(s);
    xmpp_drop(&s->id);
    xmpp_drop(&s->cert_why);
    xmpp_drop(&s->pin);
    free(s->dane);
    s->dane = NULL;
    s->method = XMPP_METHOD_NONE;
    if (!xml_reader_reset(s->reader)) {
        leave_servers(s);
        xmpp_stream_end(s, XMPP_FATE_UNREACHABLE, "out of memory", false);
        return;
    }
    xmpp_stream_start_timer(s,
                            s->establish_by_ms > loop_now(s->x->loop) ? s->establish_by_ms - loop_now(s->x->loop) : 1);
    if (s->connect) {
        xmpp_connect_next(s->connect);
        return;
    }
    s->connect = xmpp_stream_connect(s);
    if (!s->connect)
        xmpp_stream_end(s, XMPP_FATE_UNREACHABLE, "out of memory, or the partner is no longer listed", false);
}

/* While a server owes us an answer and another one could be asked, its time is that of a connection attempt. */
void xmpp_stream_await(struct xmpp_stream *s)
{
    uint64_t now = loop_now(s->x->loop), wait = s->establish_by_ms > now ? s->establish_by_ms - now : 1;
    uint64_t one = (uint64_t)s->x->conf.connect_s * 1000;

    if (s->connect && xmpp_connect_has_more(s->connect) && one < wait)
        wait = one;
    xmpp_stream_start_timer(s, wait);
}

/* Dialback takes the time that the partner needs to find us. */
static bool owes_answer(const struct xmpp_stream *s)
{
    return s->state != XMPP_STATE_CONNECTING && s->state != XMPP_STATE_DIALBACK && s->state != XMPP_STATE_VERIFYING;
}

static enum xmpp_fault fault_of_state(const struct xmpp_stream *s)
{
    if (s->state == XMPP_STATE_CONNECTING)
        return XMPP_FAULT_CONNECT_TIMEOUT;
    return s->state == XMPP_STATE_DIALBACK ? XMPP_FAULT_DIALBACK_BLOCKED : XMPP_FAULT_TIMEOUT;
}

void xmpp_stream_out_late(struct xmpp_stream *s)
{
    uint64_t now = loop_now(s->x->loop), one = (uint64_t)s->x->conf.connect_s * 1000;
    char why[XMPP_WHY_MAX];

    if (now >= s->establish_by_ms) {
        snprintf(why, sizeof(why), "%.*s: not ready in time, still waiting for %s", SLICE_FMT(s->remote),
                 xmpp_stream_awaited(s->state));
        xmpp_stream_blame(s, fault_of_state(s));
        leave_servers(s);
        xmpp_stream_fail(s, XMPP_FATE_UNREACHABLE, "%s", why);
    } else if (!owes_answer(s) || !s->connect || now - s->bytes_ms < one) {
        xmpp_stream_await(s);
    } else {
        xmpp_stream_blame(s, XMPP_FAULT_TIMEOUT);
        xmpp_stream_fail(s, XMPP_FATE_UNREACHABLE, "no answer within %u s while waiting for %s", s->x->conf.connect_s,
                         xmpp_stream_awaited(s->state));
    }
}
