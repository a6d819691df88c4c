/* Who is at the other end of a TLS connection (RFC 5922 7.3, 7.4; RFC 5923 9). */
#include "sip/stack.h"

#define ARENA_MAX (1u << 20)

/* The administrator reads it for each connection that we wanted; of those that come, only so often. */
void sip_stream_log_peer(struct sip_stream *s, const char *event, const char *why)
{
    struct sip *sip = s->sip;
    char peer[ADDR_TEXT], shows[SIP_CERT_TEXT] = "";
    const struct tls_name *names;
    unsigned held;
    size_t n;

    names = sip_cert_list(s->cert, &n);
    if (s->cert)
        sip_cert_put_names(names, n, shows, sizeof(shows));
    if (log_allowed(&sip->log_peers, loop_now(sip->loop), 5, &held))
        log_warning(sip->loop->log, event, LOG_Z("peer", addr_text(&s->target.addr, peer)),
                    LOG_Z("direction", s->opened ? "out" : "in"), LOG_Z("route", s->target.route),
                    LOG_Z("name", s->target.host), LOG_Z("shows", shows), LOG_Z("why", why), LOG_U("not-logged", held));
}

bool sip_stream_is_meant(struct sip_stream *s, const struct sip_target *target, const char **why)
{
    struct sip_peer peer = { .addr = &target->addr, .transport = SIP_TLS };
    struct sip *sip = s->sip;
    struct slice route;

    peer.names = sip_cert_list(s->cert, &peer.n_names);
    if (target->apart == SIP_APART_BACK) {
        *why = "no route knows the certificate, and a response goes to nobody else";
        return sip->conf.ops->source(sip->conf.owner, &peer, &route);
    }
    if (!sip->conf.ops->meant) {
        *why = "nobody says whom we wanted";
        return false;
    }
    return sip->conf.ops->meant(sip->conf.owner, target, &peer, why);
}

bool sip_stream_secured(struct sip_stream *s)
{
    char mem[4096];
    struct arena arena;
    const char *why = NULL;
    bool ok = true;

    arena_init_on(&arena, mem, sizeof(mem), ARENA_MAX);
    s->cert = sip_cert_of(conn_ssl(s->conn), &arena, &why);
    if (s->opened) {
        ok = s->cert && sip_stream_is_meant(s, &s->target, &why);
        if (s->target.apart)
            sip_probe_sees_certificate(s, ok, why);
        if (!ok) {
            sip_stream_log_peer(s, "sip-peer-refused", why ? why : "it shows no certificate");
            sip_stream_close(s);
        }
    } else if (!s->cert && why) {
        sip_stream_log_peer(s, "sip-peer-unproven", why);
    }
    arena_reset(&arena);
    if (ok && s->cert)
        sip_stream_watch_certificate(s);
    return ok;
}

void sip_reconsider(struct sip *sip)
{
    sip_logins_forget(&sip->logins);
    list_each_safe (l, tmp, &sip->transports.streams) {
        struct sip_stream *s = container_of(l, struct sip_stream, link);
        const char *why = NULL;

        if (!s->opened || !s->up || s->closing || s->target.transport != SIP_TLS ||
            sip_stream_is_meant(s, &s->target, &why))
            continue;
        sip_stream_log_peer(s, "sip-peer-refused", why);
        sip_stream_close(s);
    }
}
