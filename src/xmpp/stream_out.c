/* The initiating side of a stream (RFC 6120 4-6, XEP-0178): by the partner's methods, the best one first. */
#include <stdio.h>

#include "xmpp/bidi.h"
#include "xmpp/dialback.h"
#include "xmpp/probe.h"
#include "xmpp/resume_out.h"
#include "xmpp/ride.h"
#include "xmpp/stream_parts.h"
#include "xmpp/writer.h"

static void start_tls(struct xmpp_stream *s)
{
    xmpp_stream_write(s, SLICE("<starttls xmlns='" NS_TLS "'/>"));
    xmpp_stream_become(s, XMPP_STATE_STARTTLS);
}

static void send_external(struct xmpp_stream *s)
{
    struct buf b;

    xmpp_stream_note(s, XMPP_STEP_PROOF, STEP_NOTE, "we ask for SASL EXTERNAL as %.*s", SLICE_FMT(s->local));
    buf_init(&b, 8192);
    buf_str(&b, "<auth xmlns='" NS_SASL "' mechanism='EXTERNAL'>");
    text_put_base64(&b, s->local.p, s->local.n);
    buf_str(&b, "</auth>");
    if (buf_ok(&b)) {
        xmpp_stream_write(s, buf_slice(&b));
        xmpp_stream_become(s, XMPP_STATE_SASL);
    } else {
        xmpp_stream_fail(s, XMPP_FATE_UNREACHABLE, "out of memory");
    }
    buf_free(&b);
}

static const char *confirm_name(const struct xmpp_pair *p, bool sm)
{
    if (sm)
        return xmpp_confirm_name(XMPP_CONFIRM_SM);
    return xmpp_confirm_name(p && p->confirms_not ? XMPP_CONFIRM_NO : XMPP_CONFIRM_PING);
}

static void begin(struct xmpp_stream *s, bool sm)
{
    struct xml_limits limits = {
        .element_max = s->x->conf.stanza_max, .tag_max = 16384, .depth_max = 64, .attrs_max = 128
    };

    xml_reader_limit(s->reader, &limits);
    xmpp_stream_note(s, XMPP_STEP_READY, STEP_OK, "stanzas may go; what confirms them: %s",
                     confirm_name(xmpp_ride_opener(s), sm));
    xmpp_stream_become(s, XMPP_STATE_READY);
    s->x->counters.streams_opened++;
}

static void ready(struct xmpp_stream *s, bool sm)
{
    begin(s, sm);
    s->n_ignored = 0;
    if (!xmpp_bidi_begin(s, sm))
        return;
    if (sm)
        xmpp_stream_sm_start(s);
    if (s->probe)
        xmpp_probe_ready(s);
    list_each (it, &s->pairs) {
        struct xmpp_pair *p = container_of(it, struct xmpp_pair, on_stream);

        if (p->proof == XMPP_PROOF_GIVEN)
            xmpp_pair_ready(p, sm);
    }
}

/* Both sides know who we are: stream management if it is offered, then stanzas. */
static void go_on(struct xmpp_stream *s)
{
    if (xmpp_resume_out_ask(s))
        return;
    if (s->sm_offered && !s->probe)
        xmpp_resume_out_enable(s);
    else
        ready(s, false);
}

void xmpp_stream_out_proven(struct xmpp_stream *s, struct xmpp_pair *p, enum xmpp_method method)
{
    /* The settings may have changed while it was being set up. */
    struct slice local = p ? p->local : s->local, remote = p ? p->remote : s->remote;
    struct xmpp_objection no = xmpp_object_stream(s, local, remote, method);

    if (no.text && (!p || !xmpp_ride_refused(s, p, XMPP_FATE_REFUSED, no.text))) {
        xmpp_stream_blame(s, XMPP_FAULT_OUR_SETTINGS);
        xmpp_stream_refuse(s, no.error, no.text);
        return;
    }
    if (no.text)
        return;
    xmpp_stream_no_other_server(s);
    if (!xmpp_bidi_prove(s, local, remote, method)) {
        xmpp_stream_error(s, XMPP_STREAM_RESOURCE_CONSTRAINT, NULL);
        return;
    }
    if (p)
        p->proof = XMPP_PROOF_GIVEN;
    s->method = method;
    xmpp_stream_blame(s, XMPP_FAULT_NONE);
    xmpp_stream_note(s, XMPP_STEP_PROOF, STEP_OK, "the partner believes us by %s", xmpp_method_name(method));
    xmpp_stream_log_authenticated(s, local, remote, method, confirm_name(p, s->sm_offered));
    if (s->state == XMPP_STATE_READY)
        xmpp_pair_ready(p, s->sm_out.on);
    else if (s->state != XMPP_STATE_ENABLING)
        go_on(s);
    if (s->x->conf.ops->link)
        s->x->conf.ops->link(s->x->conf.owner, remote, true);
}

static void on_sasl_done(struct xmpp_stream *s)
{
    struct xmpp_pair *p = xmpp_ride_opener(s);

    if (!p && !s->probe) {
        xmpp_stream_fail(s, XMPP_FATE_UNREACHABLE, "%.*s: nobody needs the stream any more", SLICE_FMT(s->remote));
        return;
    }
    xmpp_ride_go(s);
    xmpp_stream_out_proven(s, p, XMPP_METHOD_SASL);
}

static void dialback(struct xmpp_stream *s)
{
    struct xmpp_pair *p = xmpp_ride_opener(s);

    xmpp_stream_become(s, XMPP_STATE_DIALBACK);
    if (p || s->probe)
        xmpp_dialback_ask(s, p);
    if (s->state == XMPP_STATE_DIALBACK)
        xmpp_ride_ask(s);
    if (s->state == XMPP_STATE_DIALBACK && list_empty(&s->pairs) && !s->probe)
        xmpp_stream_fail(s, XMPP_FATE_UNREACHABLE, "%.*s: nobody needs the stream any more", SLICE_FMT(s->remote));
}

void xmpp_stream_out_no_dialback(struct xmpp_stream *s, struct xmpp_pair *p, enum xmpp_fate fate, const char *what)
{
    char why[XMPP_WHY_MAX];

    snprintf(why, sizeof(why), "%.*s: dialback failed: %s", SLICE_FMT(p ? p->remote : s->remote), what);
    if (p && xmpp_ride_refused(s, p, fate, why))
        return;
    xmpp_stream_no_other_server(s);
    xmpp_stream_fail(s, fate, "%s", why);
}

/* ---- header ---- */

void xmpp_stream_out_header(struct xmpp_stream *s, const struct xml *root)
{
    struct slice version = xml_attr(root, "version"), id = xml_attr(root, "id"), major, minor;
    uint64_t n = 0;

    if (!xml_is(root, NS_STREAM, "stream") || !xml_reader_root_binds(s->reader, NS_SERVER)) {
        xmpp_stream_error(s, XMPP_STREAM_INVALID_NAMESPACE, "this is no XMPP server");
        return;
    }
    if (!xml_reader_root_is_prefixed(s->reader, "stream")) {
        xmpp_stream_error(s, XMPP_STREAM_BAD_NAMESPACE_PREFIX, "the prefix of the stream's namespace is stream");
        return;
    }
    if ((id.n && !xmpp_keep(&s->id, id)) || !xmpp_bidi_keep_lang(s, root)) {
        xmpp_stream_fail(s, XMPP_FATE_UNREACHABLE, "out of memory");
        return;
    }
    xmpp_stream_note(s, XMPP_STEP_STREAM, STEP_OK, "%s",
                     id.n ? "the partner's server answers with its stream header"
                          : "the partner's server answers with a stream header without id");
    if (slice_cut(version, '.', &major, &minor) && slice_u64(major, UINT32_MAX, &n) && n >= 1) {
        xmpp_stream_become(s, XMPP_STATE_FEATURES);
        return;
    }
    /* A server of before RFC 3920: no features, only dialback in clear (RFC 6120 4.7.5). */
    if (!xmpp_stream_is_secure(s) && xmpp_stream_methods(s).dialback_over_tcp) {
        if (s->verify)
            xmpp_verify_send(s->verify, s);
        else
            dialback(s);
    } else {
        xmpp_stream_blame(s, XMPP_FAULT_TLS_NOT_OFFERED);
        xmpp_stream_error(s, XMPP_STREAM_UNSUPPORTED_VERSION,
                          "the partner's server speaks a version of XMPP that knows no TLS");
    }
}

/* ---- features ---- */

static bool offers_external(const struct xml *features)
{
    const struct xml *mechanisms = xml_child(features, NS_SASL, "mechanisms");

    for (const struct xml *m = mechanisms ? xml_first_child(mechanisms) : NULL; m; m = xml_next(m))
        if (xml_is(m, NS_SASL, "mechanism") && m->first && m->first->is_text &&
            slice_is(slice_trim(m->first->text), "EXTERNAL"))
            return true;
    return false;
}

static void clear_features(struct xmpp_stream *s, const struct xml *features)
{
    const struct xmpp_partner *partner = xmpp_stream_partner(s);
    struct xmpp_methods m = xmpp_stream_methods(s);
    const struct xml *starttls = xml_child(features, NS_TLS, "starttls");
    bool may = s->x->conf.tls && partner && partner->tls != XMPP_NOT_SUPPORTED;

    if (!partner) {
        xmpp_stream_blame(s, XMPP_FAULT_OUR_SETTINGS);
        xmpp_stream_fail(s, XMPP_FATE_REFUSED, "the partner is no longer listed");
    } else if (starttls && may) {
        start_tls(s);
    } else if (partner->tls == XMPP_REQUIRED ||
               (may && s->dane &&
                s->dane->n)) { /* RFC 7673 3.4; and an attacker may have taken the offer out (RFC 7590 3.1) */
        s->tls_forced = true;
        start_tls(s);
    } else if (starttls && xml_child(starttls, NS_TLS, "required")) {
        xmpp_stream_blame(s, XMPP_FAULT_TLS_FORBIDDEN);
        xmpp_stream_fail(s, XMPP_FATE_REFUSED,
                         "%.*s: the partner requires TLS but your setting forbids it (set --tls optional or required)",
                         SLICE_FMT(s->remote));
    } else if (s->verify) {
        xmpp_verify_send(s->verify, s);
    } else if (m.dialback_over_tcp) {
        dialback(s);
    } else {
        xmpp_stream_blame(s, XMPP_FAULT_NO_METHOD);
        xmpp_stream_fail(
            s, XMPP_FATE_REFUSED,
            "%.*s: the partner offers no TLS and your setting allows no dialback, so nothing can prove your "
            "domain (set --dialback true to allow it)",
            SLICE_FMT(s->remote));
    }
}

/* What an administrator can do when no way is left inside TLS. */
static void no_way_left(struct xmpp_stream *s, const struct xmpp_methods *m, bool offered)
{
    if (s->cert_ok) { /* else it is the certificate's, as noted, and that is a server's own affair */
        xmpp_stream_no_other_server(s);
        xmpp_stream_blame(s, !m->sasl_over_tls ? XMPP_FAULT_NO_METHOD
                             : s->sasl_failed  ? XMPP_FAULT_EXTERNAL_REFUSED
                                               : XMPP_FAULT_EXTERNAL_NOT_OFFERED);
    }
    if (s->cert_forbidden)
        xmpp_stream_fail(s, XMPP_FATE_REFUSED, "%.*s: the partner's certificate cannot be accepted: %.*s",
                         SLICE_FMT(s->remote), SLICE_FMT(s->cert_why));
    else if (!s->cert_ok)
        xmpp_stream_fail(s, XMPP_FATE_REFUSED,
                         "%.*s: the partner's certificate cannot be accepted: %.*s (the partner must renew it, or set "
                         "--sasl optional and --dialback true to rely on dialback)",
                         SLICE_FMT(s->remote), SLICE_FMT(s->cert_why));
    else if (!m->sasl_over_tls)
        xmpp_stream_fail(s, XMPP_FATE_REFUSED, "%.*s: your settings allow no way to prove your domain inside TLS",
                         SLICE_FMT(s->remote));
    else if (s->sasl_failed)
        xmpp_stream_fail(s, XMPP_FATE_REFUSED,
                         "%.*s: the partner refused SASL EXTERNAL with our certificate and dialback is off (check that "
                         "our certificate names %.*s, or set --dialback true)",
                         SLICE_FMT(s->remote), SLICE_FMT(s->local));
    else
        xmpp_stream_fail(
            s, XMPP_FATE_REFUSED,
            "%.*s: the partner offers no SASL EXTERNAL%s and dialback is off (check that the partner trusts "
            "our certificate and that it names %.*s, or set --dialback true)",
            SLICE_FMT(s->remote), offered ? " that we can use" : "", SLICE_FMT(s->local));
}

static void secure_features(struct xmpp_stream *s, const struct xml *features)
{
    struct xmpp_methods m = xmpp_stream_methods(s);
    bool external = offers_external(features);

    if (s->cert_forbidden)
        no_way_left(s, &m, external);
    else if (s->verify)
        xmpp_verify_send(s->verify, s);
    else if (external && s->cert_ok && m.sasl_over_tls && !s->no_sasl && !s->sasl_failed) {
        xmpp_bidi_ask(s, features);
        send_external(s);
    } else if (m.dialback_over_tls) {
        xmpp_bidi_ask(s, features);
        dialback(s);
    } else {
        no_way_left(s, &m, external);
    }
}

static void on_features(struct xmpp_stream *s, const struct xml *features)
{
    const struct xml *db = xml_child(features, NS_DIALBACK_FEATURE, "dialback");

    s->limits = xmpp_peer_limits_read(features);
    s->sm_offered = xml_child(features, NS_SM, "sm") != NULL;
    s->errors_offered = db && xml_child(db, NS_DIALBACK_FEATURE, "errors");
    xmpp_stream_note_features(s, features);
    if (s->sasl_done)
        on_sasl_done(s);
    else if (xmpp_stream_is_secure(s))
        secure_features(s, features);
    else
        clear_features(s, features);
}

/* ---- answers ---- */

static void on_tls_answer(struct xmpp_stream *s, const struct xml *el)
{
    if (slice_is(el->name, "proceed"))
        xmpp_stream_then_tls(s);
    else {
        xmpp_stream_blame(s, XMPP_FAULT_TLS_FAILED);
        xmpp_stream_fail(s, XMPP_FATE_UNREACHABLE, "%.*s: the partner offered TLS and then refused it",
                         SLICE_FMT(s->remote));
    }
}

static void note_refusal(struct xmpp_stream *s, const struct xml *failure)
{
    const struct xml *condition = xml_first_child(failure), *text = xml_child(failure, NS_SASL, "text");
    char name[64], said[200];
    char mem[1024];
    struct arena arena;

    arena_init_on(&arena, mem, sizeof(mem), XMPP_UNAUTHENTICATED_ELEMENT_MAX);
    log_escape(name, sizeof(name), condition ? condition->name : SLICE("no reason"));
    log_escape(said, sizeof(said), text ? xml_text(&arena, text) : SLICE(""));
    arena_reset(&arena);
    xmpp_stream_note(s, XMPP_STEP_PROOF, STEP_FAILED, "the partner refuses SASL EXTERNAL: %s%s%s", name,
                     said[0] ? ", " : "", said);
    xmpp_stream_blame(s, XMPP_FAULT_EXTERNAL_REFUSED);
}

static void on_sasl_answer(struct xmpp_stream *s, const struct xml *el)
{
    struct xmpp_methods m = xmpp_stream_methods(s);
    const struct xml *condition = xml_first_child(el);
    unsigned held = 0;

    if (slice_is(el->name, "success")) {
        s->sasl_done = true;
        xmpp_stream_then_restart(s);
        return;
    }
    if (slice_is(el->name, "challenge")) { /* it did not take the initial response: say it again */
        xmpp_stream_write(s, SLICE("<response xmlns='" NS_SASL "'>=</response>"));
        return;
    }
    if (!slice_is(el->name, "failure"))
        return;
    s->sasl_failed = true;
    note_refusal(s, el);
    if (log_allowed(&s->x->log_failed, loop_now(s->x->loop), 50, &held))
        log_warning(s->x->loop->log, "stream-sasl-refused", LOG_S("local", s->local), LOG_S("remote", s->remote),
                    LOG_S("condition", condition ? condition->name : SLICE("")),
                    LOG_Z("next", m.dialback_over_tls ? "dialback" : "none"));
    if (m.dialback_over_tls)
        dialback(s);
    else
        no_way_left(s, &m, true);
}

static void on_resume_answer(struct xmpp_stream *s, const struct xml *el)
{
    switch (xmpp_resume_out_answer(s, el)) {
    case XMPP_RESUME_RESUMED: begin(s, true); break;
    case XMPP_RESUME_FAILED: xmpp_resume_out_enable(s); break;
    case XMPP_RESUME_NO_ANSWER: break;
    }
}

static void on_sm_answer(struct xmpp_stream *s, const struct xml *el)
{
    if (s->state == XMPP_STATE_ENABLING) {
        bool enabled = slice_is(el->name, "enabled");

        if (enabled)
            xmpp_resume_out_enabled(s, el);
        if (enabled || slice_is(el->name, "failed"))
            ready(s, enabled);
        return;
    }
    if (s->state == XMPP_STATE_RESUMING) {
        on_resume_answer(s, el);
        return;
    }
    if (s->state != XMPP_STATE_READY || !s->sm_out.on)
        return;
    if (slice_is(el->name, "r") && s->sm_in) {
        xmpp_stream_in_asked(s);
    } else if (slice_is(el->name, "r")) {
        char a[64];

        snprintf(a, sizeof(a), "<a xmlns='" NS_SM "' h='%u'/>", (unsigned)s->n_ignored);
        xmpp_stream_write(s, slice_str(a));
    } else if (slice_is(el->name, "a")) {
        xmpp_stream_sm_on_a(s, el);
    }
}

void xmpp_stream_out_element(struct xmpp_stream *s, struct xml *el)
{
    if (slice_is(el->ns, NS_DIALBACK)) {
        xmpp_dialback_out(s, el);
        return;
    }
    if (slice_is(el->ns, NS_SERVER) && s->bidi) {
        xmpp_bidi_element(s, el);
        return;
    }
    if (slice_is(el->ns, NS_SERVER)) { /* one-way: nothing that comes back is a stanza of the pair (STOX-S2S-76) */
        s->n_ignored++;
        xmpp_stream_ignore(s, "a stanza on a stream that is ours to send on");
        return;
    }
    switch (s->state) {
    case XMPP_STATE_FEATURES:
        if (xml_is(el, NS_STREAM, "features"))
            on_features(s, el);
        break;
    case XMPP_STATE_STARTTLS:
        if (slice_is(el->ns, NS_TLS))
            on_tls_answer(s, el);
        break;
    case XMPP_STATE_SASL:
        if (slice_is(el->ns, NS_SASL))
            on_sasl_answer(s, el);
        break;
    case XMPP_STATE_ENABLING:
    case XMPP_STATE_RESUMING:
    case XMPP_STATE_READY:
        if (slice_is(el->ns, NS_SM))
            on_sm_answer(s, el);
        break;
    case XMPP_STATE_CONNECTING:
    case XMPP_STATE_HEADER:
    case XMPP_STATE_TLS:
    case XMPP_STATE_HANDSHAKE:
    case XMPP_STATE_DIALBACK:
    case XMPP_STATE_VERIFYING:
    case XMPP_STATE_NEGOTIATING:
    case XMPP_STATE_CLOSING:
    case XMPP_STATE_CLOSED: break; /* nothing is awaited: ignored (STOX-S2S-84) */
    }
}
