/*
 * The certificate of a connection that stands: it expires, or is revoked. An expired one proves nothing from then on, as at a
 * handshake: the connection is not found for new requests, the peer's count as those of anybody, and what is under way has the time
 * of a transaction to be answered. A revoked one may be in others' hands: its connections are closed.
 */
#include "sip/stack.h"

#define LOOK_MS 60000   /* the clock of the day may be set meanwhile */
#define FINISH_MS 32000 /* Timer F (RFC 3261 17.1.2.2) */

void sip_stream_watch_certificate(struct sip_stream *s)
{
    uint64_t left = tls_left_ms(conn_ssl(s->conn));

    timer_start(&s->sip->loop->timers, &s->expiry, left < LOOK_MS ? left : LOOK_MS);
}

static void wear_out(struct sip_stream *s)
{
    sip_stream_log_peer(s, "sip-peer-expired",
                        s->opened
                            ? "its certificate has expired: the next request opens another connection"
                            : "its certificate has expired: its requests are not served over this connection any more");
    s->worn = true;
    s->alias = 0;
    sip_cert_free(s->cert);
    s->cert = NULL;
    timer_start(&s->sip->loop->timers, &s->expiry, FINISH_MS);
    sip_stream_retire(s);
}

void sip_stream_expires(struct timer *timer)
{
    struct sip_stream *s = container_of(timer, struct sip_stream, expiry);

    if (s->worn)
        sip_stream_close(s);
    else if (tls_left_ms(conn_ssl(s->conn)) > 0)
        sip_stream_watch_certificate(s);
    else
        wear_out(s);
}

void sip_revocations_changed(struct sip *sip)
{
    list_each_safe (l, tmp, &sip->transports.streams) {
        struct sip_stream *s = container_of(l, struct sip_stream, link);

        if (!s->cert || s->closing || !tls_is_revoked(sip->conf.tls, conn_ssl(s->conn)))
            continue;
        sip_stream_log_peer(s, "sip-peer-revoked", "its certificate has been revoked by its authority");
        sip_stream_close(s);
    }
}
