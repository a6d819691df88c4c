/* What an administrator reads of a stream's life, and the judgement of certificates that is part of it. */
#include "xmpp/cert.h"
#include "xmpp/stream.h"

const char *xmpp_stream_direction(const struct xmpp_stream *s)
{
    return s->inbound ? "in" : "out";
}

void xmpp_stream_log_end(struct xmpp_stream *s, const char *why)
{
    struct log *log = s->x->loop->log;
    char at[ADDR_TEXT] = "";
    unsigned held = 0;

    if (s->peer.sa.sa_family)
        addr_text(&s->peer, at);
    if (s->was_ready) {
        log_info(log, "stream-closed", LOG_S("local", s->local), LOG_S("remote", s->remote),
                 LOG_Z("direction", xmpp_stream_direction(s)), LOG_Z("address", at), LOG_Z("why", why));
        return;
    }
    if (s->verifying && s->state == XMPP_STATE_CLOSING)
        return;
    s->x->counters.streams_failed++;
    if (s->inbound)
        s->x->counters.streams_failed_in++;
    if (!s->inbound && !s->verifying)
        log_warning(log, "stream-failed", LOG_S("local", s->local), LOG_S("remote", s->remote),
                    LOG_Z("direction", "out"), LOG_Z("address", at), LOG_Z("why", why));
    else if (log_allowed(&s->x->log_failed, loop_now(s->x->loop), 50, &held))
        log_info(log, "stream-failed", LOG_S("local", s->local), LOG_S("remote", s->remote),
                 LOG_Z("direction", xmpp_stream_direction(s)), LOG_Z("address", at), LOG_Z("why", why),
                 LOG_U("held-back", held));
}

void xmpp_stream_ignore(struct xmpp_stream *s, const char *what)
{
    unsigned held = 0;
    char at[ADDR_TEXT];

    if (log_allowed(&s->x->log_ignored, loop_now(s->x->loop), 20, &held))
        log_info(s->x->loop->log, "stream-ignored", LOG_S("local", s->local), LOG_S("remote", s->remote),
                 LOG_Z("direction", xmpp_stream_direction(s)), LOG_Z("address", addr_text(&s->peer, at)),
                 LOG_Z("what", what), LOG_U("held-back", held));
}

void xmpp_stream_log_authenticated(struct xmpp_stream *s, struct slice local, struct slice remote,
                                   enum xmpp_method method, const char *confirm)
{
    char at[ADDR_TEXT];
    const struct log_field fields[] = {
        LOG_S("local", local),
        LOG_S("remote", remote),
        LOG_Z("direction", xmpp_stream_direction(s)),
        LOG_Z("address", addr_text(&s->peer, at)),
        LOG_Z("method", xmpp_method_name(method)),
        LOG_Z(confirm ? "confirm" : NULL, confirm),
        { 0 },
    };

    if (s->x->loop->log && s->x->loop->log->level >= LOG_LEVEL_INFO)
        log_line(s->x->loop->log, LOG_LEVEL_INFO, "stream-authenticated", fields);
}

static bool covers(struct arena *a, const struct tls_peer *peer, struct slice domain)
{
    struct slice ascii;

    return domain.n && jid_domain_to_ascii(a, domain, &ascii) &&
           xmpp_cert_covers(peer->names, peer->n_names, ascii, domain);
}

void xmpp_stream_judge_certificate(struct xmpp_stream *s)
{
    struct arena arena;
    struct tls_peer peer = { 0 };
    const char *why = NULL;
    char at[ADDR_TEXT];

    arena_init(&arena, 262144);
    if (!tls_peer(conn_ssl(s->conn), &arena, &peer))
        why = "it cannot be read";
    else if (!peer.presented)
        why = "none was presented";
    else if (!peer.trusted)
        why = peer.fault ? peer.fault : "not trusted";
    else if (!covers(&arena, &peer, s->remote))
        why = s->remote.n ? "it is valid but does not name the domain" : "the partner does not say which domain it is";
    s->cert_ok = !why;
    xmpp_keep(&s->cert_why, slice_str(why));
    arena_reset(&arena);
    log_info(s->x->loop->log, "stream-secured", LOG_S("local", s->local), LOG_S("remote", s->remote),
             LOG_Z("direction", xmpp_stream_direction(s)), LOG_Z("address", addr_text(&s->peer, at)),
             LOG_Z("tls", conn_tls_version(s->conn)), LOG_Z("cipher", conn_tls_cipher(s->conn)),
             LOG_S("certificate", s->cert_ok ? SLICE("ok") : s->cert_why));
}
