/* What a stream notes of its set-up (xmpp/trace.h): the sentences about features and certificates, and where traces go. */
#include <stdio.h>

#include "base/log.h"
#include "xmpp/attempts.h"
#include "xmpp/probe.h"
#include "xmpp/stream.h"

#define NAMES_SHOWN 4
#define FEATURES_SHOWN 12

/* Those who look at this moment. */
static void tell(const struct xmpp_stream *s, enum xmpp_step step, enum step_result result, const char *fmt, va_list ap)
    __attribute__((format(printf, 4, 0)));

static void tell(const struct xmpp_stream *s, enum xmpp_step step, enum step_result result, const char *fmt, va_list ap)
{
    const struct xmpp_conf *conf = &s->x->conf;
    char text[1024];
    int n;

    if (!conf->ops->noted || !conf->ops->watched(conf->owner))
        return;
    n = vsnprintf(text, sizeof(text), fmt, ap);
    if (n >= 0)
        conf->ops->noted(conf->owner, s->local, s->remote, s->inbound, xmpp_step_name(step), result,
                         slice_first(slice_of(text, (size_t)n), sizeof(text) - 1));
}

static void tell_end(const struct xmpp_stream *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void tell_end(const struct xmpp_stream *s, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    tell(s, XMPP_STEP_END, STEP_NOTE, fmt, ap);
    va_end(ap);
}

void xmpp_stream_note(struct xmpp_stream *s, enum xmpp_step step, enum step_result result, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    tell(s, step, result, fmt, ap);
    va_end(ap);
    if (!s->trace)
        s->trace = xmpp_trace_new(); /* not before there is something to say: strangers who say nothing cost nothing */
    va_start(ap, fmt);
    xmpp_trace_vadd(s->trace, loop_now(s->x->loop), step, result, fmt, ap);
    va_end(ap);
}

void xmpp_stream_blame(struct xmpp_stream *s, enum xmpp_fault fault)
{
    if (!s->trace && fault != XMPP_FAULT_NONE)
        s->trace = xmpp_trace_new();
    xmpp_trace_blame(s->trace, fault);
}

void xmpp_stream_trace_end(struct xmpp_stream *s, const char *why)
{
    if (s->was_ready)
        tell_end(s, "%s", why);
    if (s->was_ready || s->verifying || s->needless || (s->inbound && !xmpp_stream_partner(s)))
        return;
    xmpp_stream_note(s, XMPP_STEP_END, STEP_FAILED, "%s", why);
    if (s->inbound)
        xmpp_probes_see_end(s, why);
    if (!s->probe)
        xmpp_attempts_keep(s->x, s, why);
}

/* ---- features ---- */

static void put_word(struct buf *out, struct slice word)
{
    char text[64];

    log_escape(text, sizeof(text), word);
    buf_printf(out, "%s%s", out->n ? ", " : "", text);
}

static void put_mechanisms(struct buf *out, const struct xml *mechanisms)
{
    unsigned n = 0;

    for (const struct xml *m = xml_first_child(mechanisms); m && n < FEATURES_SHOWN; m = xml_next(m), n++) {
        char text[64];

        log_escape(text, sizeof(text), m->first && m->first->is_text ? slice_trim(m->first->text) : SLICE("?"));
        buf_printf(out, "%sSASL %s", out->n ? ", " : "", text);
    }
}

void xmpp_stream_note_features(struct xmpp_stream *s, const struct xml *features)
{
    struct buf b;
    unsigned n = 0;

    buf_init(&b, 2048);
    for (const struct xml *f = xml_first_child(features); f && n < FEATURES_SHOWN; f = xml_next(f), n++) {
        if (xml_is(f, NS_SASL, "mechanisms"))
            put_mechanisms(&b, f);
        else if (xml_is(f, NS_TLS, "starttls"))
            put_word(&b, xml_child(f, NS_TLS, "required") ? SLICE("STARTTLS required") : SLICE("STARTTLS"));
        else if (xml_is(f, NS_SM, "sm"))
            put_word(&b, SLICE("stream management"));
        else if (xml_is(f, "http://jabber.org/protocol/caps", "c"))
            put_word(&b, SLICE("capabilities"));
        else if (slice_is(f->name, "sm"))
            continue; /* an older version of it */
        else
            put_word(&b, f->name);
    }
    xmpp_stream_note(s, XMPP_STEP_STREAM, STEP_OK, "the partner offers %.*s%s",
                     SLICE_FMT(b.n ? buf_slice(&b) : SLICE("nothing")), xmpp_stream_is_secure(s) ? " inside TLS" : "");
    buf_free(&b);
}

/* ---- certificates ---- */

static void put_names(struct buf *out, const struct tls_peer *peer)
{
    for (size_t i = 0; i < peer->n_names && i < NAMES_SHOWN; i++) {
        char name[80];

        log_escape(name, sizeof(name), peer->names[i].text);
        buf_printf(out, "%s%s", i ? ", " : "for ", name);
    }
    if (peer->n_names > NAMES_SHOWN)
        buf_printf(out, " and %zu more", peer->n_names - NAMES_SHOWN);
    else if (peer->n_names == 0)
        buf_str(out, "without a name that counts");
}

void xmpp_stream_note_certificate(struct xmpp_stream *s, const struct tls_peer *peer, const struct xmpp_cert_verdict *v)
{
    bool ok = v->by != XMPP_CERT_REFUSED;
    struct buf b;

    xmpp_stream_note(s, XMPP_STEP_TLS, STEP_OK, "%s, %s", conn_tls_version(s->conn), conn_tls_cipher(s->conn));
    xmpp_stream_blame(s, v->fault);
    buf_init(&b, 1024);
    if (peer && peer->presented) {
        put_names(&b, peer);
        xmpp_stream_note(s, XMPP_STEP_CERTIFICATE, STEP_NOTE, "%.*s, issued by %.*s, valid until %s",
                         SLICE_FMT(buf_slice(&b)), SLICE_FMT(peer->issuer), peer->until);
    }
    buf_free(&b);
    if (ok)
        xmpp_stream_note(s, XMPP_STEP_CERTIFICATE, STEP_OK, "accepted%s",
                         v->by == XMPP_CERT_PIN    ? ": its key is pinned"
                         : v->by == XMPP_CERT_DANE ? ": DNS vouches for it (DANE)"
                                                   : "");
    else
        xmpp_stream_note(s, XMPP_STEP_CERTIFICATE, STEP_FAILED, "not accepted: %s", v->why);
}

/* ---- stream errors ---- */

enum xmpp_fault xmpp_stream_fault_of(enum xmpp_stream_error e)
{
    switch (e) {
    case XMPP_STREAM_HOST_UNKNOWN:
    case XMPP_STREAM_HOST_GONE: return XMPP_FAULT_HOST_UNKNOWN;
    case XMPP_STREAM_NOT_AUTHORIZED:
    case XMPP_STREAM_INVALID_FROM:
    case XMPP_STREAM_POLICY_VIOLATION: return XMPP_FAULT_NOT_ALLOWED;
    default: return XMPP_FAULT_STREAM_ERROR;
    }
}
