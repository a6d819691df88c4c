/* What an administrator reads of a stream's life, and the judgement of certificates that is part of it. */
#include <stdio.h>
#include <stdlib.h>

#include "xmpp/cert.h"
#include "xmpp/stream_parts.h"

const char *xmpp_stream_direction(const struct xmpp_stream *s)
{
    return s->inbound ? "in" : "out";
}

/* What may have kept a partner from proving itself in clear; NULL: not the settings. */
static const char *settings_in_the_way(const struct xmpp_stream *s)
{
    const struct xmpp_partner *partner = xmpp_stream_partner(s);

    if (!s->inbound || s->state != XMPP_STATE_NEGOTIATING || xmpp_stream_is_secure(s) || !partner)
        return NULL;
    if (partner->tls == XMPP_REQUIRED)
        return "TLS is required by your setting but the partner did not use it (set --tls optional to allow that)";
    if (partner->tls == XMPP_NOT_SUPPORTED)
        return "your setting forbids TLS, which the partner may require (set --tls optional to allow it)";
    if (!partner->dialback)
        return "the partner did not use TLS and your setting allows no dialback, so nothing can prove its domain (set "
               "--dialback true to allow it)";
    return NULL;
}

void xmpp_stream_log_end(struct xmpp_stream *s, const char *what)
{
    struct log *log = s->x->loop->log;
    const char *settings = settings_in_the_way(s);
    char at[ADDR_TEXT] = "", why[XMPP_WHY_MAX + 200];
    unsigned held = 0;

    snprintf(why, sizeof(why), "%s%s%s", settings ? settings : "", settings ? "; " : "", what);

    if (s->peer.sa.sa_family)
        addr_text(&s->peer, at);
    if (s->was_ready) {
        log_info(log, "stream-closed", LOG_S("local", s->local), LOG_S("remote", s->remote),
                 LOG_Z("direction", xmpp_stream_direction(s)), LOG_Z("address", at), LOG_Z("why", why));
        return;
    }
    if (((s->verifying || s->asked) && s->state == XMPP_STATE_CLOSING) || s->needless)
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

/* The domain in both spellings; both empty when it is not known. */
static bool spell_domain(struct arena *a, struct slice domain, struct xmpp_cert_case *c)
{
    c->domain_u = domain;
    return !domain.n || jid_domain_to_ascii(a, domain, &c->domain_a);
}

static void judge(struct xmpp_stream *s, struct arena *arena, struct xmpp_cert_verdict *v)
{
    const struct xmpp_partner *partner = xmpp_stream_partner(s);
    struct tls_peer peer = { 0 };
    struct xmpp_cert_case c = { .peer = &peer };

    *v = (struct xmpp_cert_verdict){ .why = "it cannot be read" };
    v->forbidden = s->dane || (partner && partner->n_pins);
    if (!tls_peer(conn_ssl(s->conn), arena, &peer) || !spell_domain(arena, s->remote, &c) ||
        !xmpp_keep(&s->pin, peer.pin))
        return;
    s->cert_until_ms = loop_now(s->x->loop) + peer.left_ms;
    if (s->dane)
        c.target = slice_str(s->dane->target);
    if (partner) {
        c.pins = partner->pins;
        c.n_pins = partner->n_pins;
    }
    xmpp_cert_judge(&c, v);
    xmpp_stream_note_certificate(s, &peer, v);
}

void xmpp_stream_judge_certificate(struct xmpp_stream *s)
{
    struct xmpp_cert_verdict v;
    struct arena arena;
    char at[ADDR_TEXT], said[XMPP_CERT_WHY + sizeof(v.advice) + 4];

    arena_init(&arena, 262144);
    judge(s, &arena, &v);
    arena_reset(&arena);
    free(s->dane); /* no handshake follows */
    s->dane = NULL;
    s->cert_by = v.by;
    s->cert_ok = v.by != XMPP_CERT_REFUSED;
    s->cert_forbidden = v.forbidden;
    snprintf(said, sizeof(said), "%s%s%s%s", v.why, v.advice[0] ? " (" : "", v.advice, v.advice[0] ? ")" : "");
    xmpp_keep(&s->cert_why, slice_str(s->inbound ? v.why : said)); /* inbound it is told to the partner */
    log_info(s->x->loop->log, "stream-secured", LOG_S("local", s->local), LOG_S("remote", s->remote),
             LOG_Z("direction", xmpp_stream_direction(s)), LOG_Z("address", addr_text(&s->peer, at)),
             LOG_Z("tls", conn_tls_version(s->conn)), LOG_Z("cipher", conn_tls_cipher(s->conn)),
             LOG_Z("certificate", s->cert_ok ? xmpp_cert_by_name(v.by) : said));
}

bool xmpp_stream_certifies(const struct xmpp_stream *s, struct slice remote)
{
    const struct xmpp_partner *partner = s->x->conf.ops->partner(s->x->conf.owner, remote);
    struct tls_peer peer = { 0 };
    struct xmpp_cert_case c = { .peer = &peer };
    struct xmpp_cert_verdict v;
    struct arena arena;

    v.by = XMPP_CERT_REFUSED;
    arena_init(&arena, 262144);
    if (partner && xmpp_stream_is_secure(s) && tls_peer(conn_ssl(s->conn), &arena, &peer) &&
        spell_domain(&arena, remote, &c)) {
        c.pins = partner->pins;
        c.n_pins = partner->n_pins;
        xmpp_cert_judge(&c, &v);
    }
    arena_reset(&arena);
    return v.by != XMPP_CERT_REFUSED;
}
