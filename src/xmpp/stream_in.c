/* The receiving side of a stream: proves who speaks before anything is processed (RFC 6120 4.3.5, 8.1). */
#include <stdio.h>

#include "xmpp/bidi.h"
#include "xmpp/component.h"
#include "xmpp/dialback.h"
#include "xmpp/probe.h"
#include "xmpp/resume_in.h"
#include "xmpp/sasl.h"
#include "xmpp/stream.h"
#include "xmpp/writer.h"

#define SASL_FAILURES_MAX 3
#define ARENA_MAX 262144
#define WINDOW_PAUSE (XMPP_SM_WINDOW / 2)

/* ---- header ---- */

static bool is_hosted(const struct xmpp_stream *s, struct slice domain)
{
    return s->x->conf.ops->serves(s->x->conf.owner, domain);
}

/* What is wrong with namespaces, version or memory; writes true to *ok when nothing is. STOX-S2S-13, 14, 15. */
static enum xmpp_stream_error judge_form(struct xmpp_stream *s, const struct xml *root, const char **text, bool *ok)
{
    struct slice version = xml_attr(root, "version"), major, minor;
    uint64_t n, unused;

    *ok = false;
    if (!slice_is(root->ns, NS_STREAM) || !xml_reader_root_binds(s->reader, NS_SERVER)) {
        *text = "servers speak jabber:server inside http://etherx.jabber.org/streams";
        return XMPP_STREAM_INVALID_NAMESPACE;
    }
    if (!xml_reader_root_is_prefixed(s->reader, "stream")) {
        *text = "the prefix of the stream's namespace is stream (RFC 6120 4.8.5)";
        return XMPP_STREAM_BAD_NAMESPACE_PREFIX;
    }
    if (!slice_is(root->name, "stream"))
        return XMPP_STREAM_BAD_FORMAT;
    if (!slice_cut(version, '.', &major, &minor) || !slice_u64(major, UINT32_MAX, &n) ||
        !slice_u64(minor, UINT32_MAX, &unused) || n < 1) {
        *text = "version 1.0 is needed";
        return XMPP_STREAM_UNSUPPORTED_VERSION;
    }
    *ok = true;
    return XMPP_STREAM_UNDEFINED_CONDITION;
}

/* Takes a domain of the header. False: it is there and is no domain. */
static bool take_domain(struct arena *a, const struct xml *root, const char *name, struct slice *out)
{
    struct slice v = xml_attr(root, name);

    *out = (struct slice){ 0 };
    return !v.p || jid_prep_domain(a, v, out);
}

/* A server of this domain that goes on, or comes back, takes it. */
static void refuse_new(struct xmpp_stream *s)
{
    s->x->counters.streams_refused++;
    xmpp_stream_error(s, XMPP_STREAM_SYSTEM_SHUTDOWN, NULL);
}

/* Who speaks to whom; the header that we answer with names both, as far as they are known. */
static void judge_names(struct xmpp_stream *s, const struct xml *root)
{
    char mem[1024];
    struct arena arena;
    struct slice to, from;
    struct slice proven = s->sasl_done ? s->remote : (struct slice){ 0 };
    bool to_ok, from_ok, memory_ok = true;

    arena_init_on(&arena, mem, sizeof(mem), XMPP_UNAUTHENTICATED_ELEMENT_MAX);
    to_ok = take_domain(&arena, root, "to", &to) && (!to.n || is_hosted(s, to));
    from_ok = take_domain(&arena, root, "from", &from) && (!s->sasl_done || !from.n || slice_eq(from, proven));
    if (s->sasl_done && to_ok && to.n && !slice_eq(to, s->local))
        to_ok = false;
    memory_ok = xmpp_keep(&s->lang, slice_first(xml_lang(root), 64));
    if (to_ok && to.n)
        memory_ok = memory_ok && xmpp_keep(&s->local, to);
    if (from_ok && from.n)
        memory_ok = memory_ok && xmpp_keep(&s->remote, from);
    arena_reset(&arena);
    xmpp_stream_put_header(s);
    if (!memory_ok || !s->id.n)
        xmpp_stream_error(s, XMPP_STREAM_RESOURCE_CONSTRAINT, NULL);
    else if (s->x->refusing) /* before it is asked who is who: a proxy may not know that yet */
        refuse_new(s);
    else if (!to_ok)
        xmpp_stream_error(s, XMPP_STREAM_HOST_UNKNOWN, NULL);
    else if (!from_ok)
        xmpp_stream_error(s, XMPP_STREAM_INVALID_FROM, NULL);
    else if (s->remote.n && !xmpp_stream_partner(s))
        xmpp_stream_error(s, XMPP_STREAM_POLICY_VIOLATION, "there is no federation with your domain");
}

static void put_dialback_feature(struct buf *b)
{
    buf_str(b, "<dialback xmlns='" NS_DIALBACK_FEATURE "'><errors/></dialback>");
}

static void put_authenticated(struct xmpp_stream *s, struct buf *b)
{
    buf_str(b, "<sm xmlns='" NS_SM "'><optional/></sm>");
    if (s->x->conf.ops->features)
        s->x->conf.ops->features(s->x->conf.owner, s->local, b);
}

/*
 * The longest element that is taken (XEP-0478). After dialback there are no features any more, so those that offer it tell
 * what counts then. There is no idle-seconds: keep-alives do not count with us, so that none of them would help.
 */
static void put_limits(const struct xmpp_stream *s, struct buf *b)
{
    bool stanzas = s->sasl_done || s->dialback_offered;
    size_t max = stanzas ? s->x->conf.stanza_max : XMPP_UNAUTHENTICATED_ELEMENT_MAX;

    if (!stanzas && !xmpp_stream_is_secure(s)) /* STARTTLS stands alone (RFC 6120 5.3.1) */
        return;
    buf_printf(b, "<limits xmlns='" NS_LIMITS "'><max-bytes>%zu</max-bytes></limits>", max);
}

/* Before the partner is known every way is open; what it may use is judged when it names itself. */
static struct xmpp_methods methods(const struct xmpp_stream *s)
{
    static const struct xmpp_methods any = { true, true, true };

    return s->remote.n ? xmpp_stream_methods(s) : any;
}

/* What the stream offers now (STOX-S2S-20..23, 50). False: there is no way left to be accepted (S2S-58). */
static bool put_features(struct xmpp_stream *s, struct buf *b)
{
    struct xmpp_methods m = methods(s);
    const struct xmpp_partner *partner = xmpp_stream_partner(s);
    bool tls = s->x->conf.tls && (!partner || (partner->tls != XMPP_NOT_SUPPORTED && !m.component));

    s->external_offered = s->dialback_offered = false;
    s->bidi_offered = xmpp_bidi_may_offer(s);
    buf_str(b, "<stream:features>");
    if (xmpp_stream_is_secure(s)) {
        s->external_offered = !s->sasl_done && s->cert_ok && m.sasl_over_tls;
        s->dialback_offered = m.dialback_over_tls;
        if (s->external_offered)
            buf_str(b, "<mechanisms xmlns='" NS_SASL "'><mechanism>EXTERNAL</mechanism></mechanisms>");
        if (s->sasl_done)
            put_authenticated(s, b);
    } else {
        s->dialback_offered = m.dialback_over_tcp;
        if (tls)
            buf_str(b, m.dialback_over_tcp ? "<starttls xmlns='" NS_TLS "'/>"
                                           : "<starttls xmlns='" NS_TLS "'><required/></starttls>");
    }
    if (s->dialback_offered)
        put_dialback_feature(b);
    if (s->bidi_offered)
        buf_str(b, "<bidi xmlns='" NS_BIDI_FEATURE "'/>");
    put_limits(s, b);
    buf_str(b, "</stream:features>");
    return s->sasl_done || s->external_offered || s->dialback_offered || (tls && !xmpp_stream_is_secure(s));
}

static void refuse_for_want_of_methods(struct xmpp_stream *s)
{
    const struct xmpp_partner *partner = xmpp_stream_partner(s);
    char text[XMPP_CERT_WHY + 100];

    if (xmpp_stream_is_secure(s) && partner && partner->tls == XMPP_NOT_SUPPORTED) /* it came by direct TLS */
        snprintf(text, sizeof(text), "TLS is not used with your domain");
    else if (xmpp_stream_is_secure(s))
        snprintf(text, sizeof(text), "your certificate cannot be accepted (%.*s) and there is no other way in",
                 SLICE_FMT(s->cert_why));
    else
        snprintf(text, sizeof(text), "no common way to prove your domain");
    xmpp_stream_error(s, XMPP_STREAM_POLICY_VIOLATION, text);
}

static void note_offer(struct xmpp_stream *s)
{
    if (!s->sasl_done)
        xmpp_stream_note(s, XMPP_STEP_STREAM, STEP_NOTE, "%s: we offer %s%s%s",
                         xmpp_stream_is_secure(s) ? "inside TLS" : "in clear",
                         s->external_offered        ? "SASL EXTERNAL"
                         : xmpp_stream_is_secure(s) ? ""
                                                    : "STARTTLS",
                         s->external_offered && s->dialback_offered ? ", " : "", s->dialback_offered ? "dialback" : "");
}

void xmpp_stream_in_header(struct xmpp_stream *s, const struct xml *root)
{
    const char *text = NULL;
    enum xmpp_stream_error e;
    struct buf b;
    bool ok;

    e = judge_form(s, root, &text, &ok);
    if (!ok) {
        xmpp_stream_error(s, e, text);
        return;
    }
    judge_names(s, root);
    if (s->state == XMPP_STATE_CLOSED)
        return;
    xmpp_stream_note(s, XMPP_STEP_STREAM, STEP_OK, "a stream from %.*s to %.*s",
                     SLICE_FMT(s->remote.n ? s->remote : SLICE("(no name)")),
                     SLICE_FMT(s->local.n ? s->local : SLICE("(no name)")));
    if (xmpp_stream_is_secure(s) && !s->sasl_done)
        xmpp_stream_judge_certificate(s);
    buf_init(&b, 4096);
    ok = put_features(s, &b);
    if (!buf_ok(&b))
        xmpp_stream_error(s, XMPP_STREAM_RESOURCE_CONSTRAINT, NULL);
    else if (!ok)
        refuse_for_want_of_methods(s);
    else {
        note_offer(s);
        xmpp_stream_write(s, buf_slice(&b));
        xmpp_stream_become(s, s->sasl_done ? XMPP_STATE_READY : XMPP_STATE_NEGOTIATING);
        xmpp_bidi_ready(s);
    }
    buf_free(&b);
}

/* ---- STARTTLS and SASL ---- */

static void on_starttls(struct xmpp_stream *s)
{
    const struct xmpp_partner *partner = xmpp_stream_partner(s);

    if (xmpp_stream_is_secure(s) || s->was_ready || !s->x->conf.tls ||
        (partner && partner->tls == XMPP_NOT_SUPPORTED)) {
        xmpp_stream_write(s, SLICE("<failure xmlns='" NS_TLS "'/>"));
        xmpp_stream_fail(s, XMPP_FATE_UNREACHABLE, "the partner asked for TLS, which is not offered on this stream");
        return;
    }
    xmpp_stream_write(s, SLICE("<proceed xmlns='" NS_TLS "'/>"));
    xmpp_stream_then_tls(s);
}

static void sasl_failed(struct xmpp_stream *s, enum xmpp_sasl r)
{
    char failure[160];

    xmpp_stream_note(s, XMPP_STEP_PROOF, STEP_FAILED, "we refuse SASL EXTERNAL: %s", xmpp_sasl_name(r));
    xmpp_stream_blame(s, XMPP_FAULT_EXTERNAL_REFUSED);
    snprintf(failure, sizeof(failure), "<failure xmlns='" NS_SASL "'><%s/></failure>", xmpp_sasl_name(r));
    xmpp_stream_write(s, slice_str(failure));
    s->sasl_challenged = false;
    if (++s->n_sasl_failures >= SASL_FAILURES_MAX)
        xmpp_stream_error(s, XMPP_STREAM_POLICY_VIOLATION, "too many failed authentications");
    else
        xmpp_stream_ignore(s, xmpp_sasl_name(r));
}

static void sasl_judge(struct xmpp_stream *s, const struct xml *el)
{
    char mem[2048];
    struct arena arena;
    struct slice text;
    enum xmpp_sasl r;

    arena_init_on(&arena, mem, sizeof(mem), 2 * XMPP_UNAUTHENTICATED_ELEMENT_MAX);
    text = xml_text(&arena, el);
    r = !text.p && xml_first_child(el) ? XMPP_SASL_MALFORMED_REQUEST : xmpp_sasl_judge(text, s->remote);
    arena_reset(&arena);
    s->sasl_challenged = false;
    if (r != XMPP_SASL_OK) {
        sasl_failed(s, r);
        return;
    }
    if (!s->local.n) { /* nobody was addressed: there is no pair to prove */
        sasl_failed(s, XMPP_SASL_MALFORMED_REQUEST);
        return;
    }
    s->sasl_done = true;
    if (!xmpp_stream_in_proven(s, s->local, s->remote, XMPP_METHOD_SASL))
        return;
    xmpp_stream_write(s, SLICE("<success xmlns='" NS_SASL "'/>"));
    xmpp_stream_then_restart(s);
}

static void on_sasl(struct xmpp_stream *s, const struct xml *el)
{
    bool first = slice_is(el->name, "auth");

    if (s->bidi && s->was_ready) { /* stanzas of ours may be on it, and the stream would begin anew among them */
        xmpp_stream_error(s, XMPP_STREAM_POLICY_VIOLATION, "this stream is proven and carries stanzas both ways");
        return;
    }
    if (slice_is(el->name, "abort")) {
        sasl_failed(s, XMPP_SASL_ABORTED);
    } else if (first && (!s->external_offered || !slice_is(xml_attr(el, "mechanism"), "EXTERNAL"))) {
        sasl_failed(s, XMPP_SASL_INVALID_MECHANISM);
    } else if (first && !el->first) { /* no initial response: ask for it (RFC 6120 6.4.3) */
        s->sasl_challenged = true;
        xmpp_stream_write(s, SLICE("<challenge xmlns='" NS_SASL "'/>"));
    } else if (first || (slice_is(el->name, "response") && s->sasl_challenged)) {
        sasl_judge(s, el);
    } else {
        sasl_failed(s, XMPP_SASL_MALFORMED_REQUEST);
    }
}

/* ---- who may speak ---- */

/* The first proof lets the stream out of the limits for strangers and into those of its partner. */
static bool admit(struct xmpp_stream *s, struct slice remote)
{
    struct xmpp *x = s->x;
    struct xml_limits limits = {
        .element_max = x->conf.stanza_max, .tag_max = 16384, .depth_max = 64, .attrs_max = 128
    };
    const struct xmpp_partner *partner = x->conf.ops->partner(x->conf.owner, remote);
    const char *why;
    char ip[ADDR_TEXT];

    why = x->stopping ? "shutting down" : partner ? xmpp_stream_count(s, partner) : "the partner is not listed";
    if (why) {
        x->counters.streams_refused++;
        xmpp_stream_error(s, XMPP_STREAM_RESOURCE_CONSTRAINT, why);
        return false;
    }
    if (s->counted_ip) {
        xmpp_tally_give(&x->ips, xmpp_source(&s->peer, ip));
        x->n_unauthenticated--;
        s->counted_ip = false;
    }
    x->counters.streams_opened++;
    if (xmpp_tally_count(&x->paused, s->partner_name) > 0)
        xmpp_stream_pause(s, true, s->window_paused);
    xml_reader_limit(s->reader, &limits);
    return true;
}

bool xmpp_stream_in_proven(struct xmpp_stream *s, struct slice local, struct slice remote, enum xmpp_method method)
{
    struct xmpp_objection no = xmpp_object_stream(s, local, remote, method);
    struct xmpp_proven *p;

    if (no.text) { /* the settings have changed while it was being proven */
        xmpp_stream_refuse(s, no.error, no.text);
        return false;
    }
    p = xmpp_proven_of(&s->proven, local, remote);
    if (!p) {
        xmpp_stream_error(s, XMPP_STREAM_RESOURCE_CONSTRAINT, NULL);
        return false;
    }
    if (!s->counted && !admit(s, remote))
        return false;
    p->verify = NULL;
    p->revoked = false;
    p->method = method;
    if (s->method == XMPP_METHOD_NONE)
        s->method = method;
    if (!s->remote.n && xmpp_keep(&s->remote, remote) && !s->local.n)
        xmpp_keep(&s->local, local);
    xmpp_stream_blame(s, XMPP_FAULT_NONE);
    xmpp_stream_note(s, XMPP_STEP_PROOF, STEP_OK, "%.*s has proven itself to %.*s by %s", SLICE_FMT(remote),
                     SLICE_FMT(local), xmpp_method_name(method));
    xmpp_probes_see_proof(s, local, remote, method);
    xmpp_stream_log_authenticated(s, local, remote, method, NULL);
    if (s->state == XMPP_STATE_NEGOTIATING && !s->sasl_done)
        xmpp_stream_become(s, XMPP_STATE_READY);
    xmpp_pair_way_back(s->x, local, remote);
    xmpp_bidi_ready(s);
    if (s->x->conf.ops->link)
        s->x->conf.ops->link(s->x->conf.owner, remote, true);
    return true;
}

/* ---- stanzas ---- */

/*
 * Ends the stream of one that names other parties than those that were proven. Of a pair that the settings no longer allow,
 * though others of the stream remain, see on_revoked.
 */
static bool judge_parties(struct xmpp_stream *s, struct arena *a, const struct xml *el, struct xmpp_parties *p,
                          bool *revoked)
{
    enum xmpp_parties_fault fault =
        xmpp_parties_judge(s->x, &s->proven, a, xml_attr(el, "from"), xml_attr(el, "to"), p);

    *revoked = fault == XMPP_PARTIES_REVOKED;
    switch (fault) {
    case XMPP_PARTIES_OK:
    case XMPP_PARTIES_REVOKED: return true;
    case XMPP_PARTIES_UNPROVEN: xmpp_stream_error(s, XMPP_STREAM_NOT_AUTHORIZED, NULL); break;
    case XMPP_PARTIES_IMPROPER: xmpp_stream_error(s, XMPP_STREAM_IMPROPER_ADDRESSING, NULL); break;
    case XMPP_PARTIES_FOREIGN: xmpp_stream_error(s, XMPP_STREAM_INVALID_FROM, NULL); break;
    case XMPP_PARTIES_UNKNOWN_HOST: xmpp_stream_error(s, XMPP_STREAM_HOST_UNKNOWN, NULL); break;
    case XMPP_PARTIES_OTHER_PAIR:
        xmpp_stream_error(s, XMPP_STREAM_INVALID_FROM, "this pair of domains was not proven");
        break;
    case XMPP_PARTIES_NO_MEMORY: xmpp_stream_error(s, XMPP_STREAM_RESOURCE_CONSTRAINT, NULL); break;
    }
    return false;
}

/* A malformed local part or resource is the fault of one user: it must not end the stream of all. */
static void answer_malformed(struct xmpp_stream *s, const struct xml *el, const struct xmpp_parties *p)
{
    struct slice type = xml_attr(el, "type"), id = xml_attr(el, "id");
    enum xmpp_fate fate;
    struct buf b;

    if (!p->from_ok || slice_is(type, "error") || slice_is(type, "result")) {
        xmpp_stream_ignore(s, "a stanza with a malformed address");
        return;
    }
    buf_init(&b, 65536);
    buf_char(&b, '<');
    buf_put(&b, el->name);
    xml_put_attr(&b, "type", SLICE("error"));
    xml_put_attr(&b, "from", xml_attr(el, "to"));
    xml_put_attr_jid(&b, "to", &p->from);
    if (id.p)
        xml_put_attr(&b, "id", id);
    buf_char(&b, '>');
    xml_put_error(&b, "modify", "jid-malformed", p->to.domain, (struct slice){ 0 }, (struct slice){ 0 });
    buf_str(&b, "</");
    buf_put(&b, el->name);
    buf_char(&b, '>');
    if (buf_ok(&b))
        xmpp_pair_send(s->x, p->to.domain, p->from.domain, buf_slice(&b), 0, &fate);
    buf_free(&b);
}

/*
 * Of a pair that the settings no longer allow here, while others of the stream go on. What somebody waits for must not count
 * as taken in silence: the stream ends, and his server has it back, or brings it on a stream by the new rules.
 */
static void on_revoked(struct xmpp_stream *s, const struct xml *el, const struct xmpp_parties *p, uint64_t receipt)
{
    struct xmpp_objection no = xmpp_object(s->x, p->to.domain, p->from.domain, XMPP_METHOD_NONE);
    struct slice type = xml_attr(el, "type");

    if (slice_is(type, "error") || slice_is(type, "result") || slice_is(el->name, "presence")) {
        xmpp_stream_ignore(s, "a stanza of a domain that the settings no longer allow");
        xmpp_handled(s->x, receipt);
        return;
    }
    xmpp_stream_error(s, no.text ? no.error : XMPP_STREAM_POLICY_VIOLATION,
                      no.text ? no.text : "this pair of domains is not allowed on this stream any more");
}

/* The answer to a ping of ours comes from the partner's domain itself. */
static bool is_pong(struct xmpp_stream *s, const struct xml *el, const struct xmpp_parties *p)
{
    struct slice type = xml_attr(el, "type");

    return slice_is(el->name, "iq") && (slice_is(type, "result") || slice_is(type, "error")) && p->from_ok &&
           p->to_ok && !p->from.local.n && !p->from.resource.n && !p->to.local.n && !p->to.resource.n &&
           (xmpp_pair_pong(s->x, p->to.domain, p->from.domain, xml_attr(el, "id")) ||
            xmpp_probe_pong(s, p->to.domain, p->from.domain, xml_attr(el, "id")));
}

/* repeat: it came before the connection was lost, and is served already. */
static bool count_in(struct xmpp_stream *s, const struct xml *el, uint64_t *receipt, bool *repeat)
{
    uint32_t seq;

    *receipt = 0;
    *repeat = false;
    if (!s->sm_in)
        return true;
    if (!xmpp_sm_in_received(s->sm_in, &seq)) {
        xmpp_stream_error(s, XMPP_STREAM_RESOURCE_CONSTRAINT, "too many stanzas are unanswered");
        return false;
    }
    *receipt = (uint64_t)s->serial << 32 | seq;
    *repeat = xmpp_resume_in_is_repeat(s, seq, el);
    if (xmpp_sm_in_open(s->sm_in) >= WINDOW_PAUSE)
        xmpp_stream_pause(s, s->owner_paused, true);
    return true;
}

void xmpp_stream_in_stanza(struct xmpp_stream *s, struct xml *el)
{
    char mem[2048];
    struct arena arena;
    struct xmpp_parties p = { 0 };
    bool revoked = false, repeat = false;
    struct xmpp_stanza stanza = {
        .el = el, .arena = &arena, .from = &p.from, .to = &p.to, .stream_lang = s->lang, .stream = s->serial
    };

    if (!xmpp_reconsider_may_read(s))
        return;
    arena_init_on(&arena, mem, sizeof(mem), ARENA_MAX);
    if ((s->component ? xmpp_component_judge(s, &arena, el, &p) : judge_parties(s, &arena, el, &p, &revoked)) &&
        count_in(s, el, &stanza.receipt, &repeat)) {
        xmpp_stream_touch(s);
        s->x->counters.stanzas_in++;
        s->n_in++;
        if (repeat) {
            /* its receipt is the first copy's */
        } else if (revoked) {
            on_revoked(s, el, &p, stanza.receipt);
        } else if (is_pong(s, el, &p)) {
            xmpp_handled(s->x, stanza.receipt);
        } else if (!p.from_ok || !p.to_ok) {
            answer_malformed(s, el, &p);
            xmpp_handled(s->x, stanza.receipt);
        } else {
            s->x->conf.ops->stanza(s->x->conf.owner, &stanza);
        }
    }
    arena_reset(&arena);
}

/* ---- stream management ---- */

void xmpp_stream_in_handled(struct xmpp_stream *s, uint32_t seq)
{
    struct xmpp_sm_in *sm = s->sm_in;

    if (!sm || !xmpp_sm_in_handled(sm, seq))
        return;
    if (sm->owing)
        loop_defer(s->x->loop, &s->turn);
    if (s->window_paused && xmpp_sm_in_open(sm) < WINDOW_PAUSE / 2)
        xmpp_stream_pause(s, s->owner_paused, false);
}

static void put_a(struct xmpp_stream *s)
{
    char a[64];

    snprintf(a, sizeof(a), "<a xmlns='" NS_SM "' h='%u'/>", (unsigned)s->sm_in->handled);
    xmpp_stream_write(s, slice_str(a));
    s->sm_in->owing = (int32_t)(s->sm_in->asked - s->sm_in->handled) > 0;
}

void xmpp_stream_in_asked(struct xmpp_stream *s)
{
    s->sm_in->asked = s->sm_in->received;
    put_a(s);
}

/* A peer that asked before SIP had answered hears again when all it asked for is answered. */
void xmpp_stream_in_turn(struct xmpp_stream *s)
{
    if (s->state == XMPP_STATE_READY && s->sm_in && s->sm_in->owing &&
        (int32_t)(s->sm_in->asked - s->sm_in->handled) <= 0)
        put_a(s);
}

void xmpp_stream_in_last_a(struct xmpp_stream *s)
{
    if (s->state == XMPP_STATE_READY && s->sm_in)
        put_a(s);
}

static void on_sm(struct xmpp_stream *s, const struct xml *el)
{
    if (!s->was_ready) {
        xmpp_stream_error(s, XMPP_STREAM_NOT_AUTHORIZED, NULL);
    } else if (slice_is(el->name, "enable")) {
        xmpp_resume_in_enable(s, el);
    } else if (slice_is(el->name, "resume")) {
        xmpp_resume_in_resume(s, el);
    } else if (slice_is(el->name, "r") && s->sm_in) {
        xmpp_stream_in_asked(s);
    } else if (slice_is(el->name, "a")) {
        xmpp_stream_sm_on_a(s, el);
    }
}

/* ---- elements ---- */

void xmpp_stream_in_element(struct xmpp_stream *s, struct xml *el)
{
    switch (s->state) {
    case XMPP_STATE_NEGOTIATING:
    case XMPP_STATE_READY:
    case XMPP_STATE_CLOSING: break;
    default: return;
    }
    if (slice_is(el->ns, NS_SERVER) &&
        (slice_is(el->name, "message") || slice_is(el->name, "presence") || slice_is(el->name, "iq"))) {
        if (s->state == XMPP_STATE_CLOSING && s->x->leaving && s->sm_in)
            return;       /* not acknowledged: it comes again */
        if (el->prefixed) /* RFC 6120 4.8.5 */
            xmpp_stream_error(s, XMPP_STREAM_BAD_NAMESPACE_PREFIX, NULL);
        else
            xmpp_stream_in_stanza(s, el);
    } else if (s->state == XMPP_STATE_CLOSING)
        return;
    else if (slice_is(el->ns, NS_DIALBACK))
        xmpp_dialback_in(s, el);
    else if (slice_is(el->ns, NS_SM))
        on_sm(s, el);
    else if (xml_is(el, NS_TLS, "starttls"))
        on_starttls(s);
    else if (slice_is(el->ns, NS_SASL) && !s->sasl_done)
        on_sasl(s, el);
    else if (!xml_is(el, NS_BIDI, "bidi") || !xmpp_bidi_accept(s, el))
        xmpp_stream_error(s, s->was_ready ? XMPP_STREAM_UNSUPPORTED_STANZA_TYPE : XMPP_STREAM_NOT_AUTHORIZED, NULL);
}
