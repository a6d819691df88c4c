#include "xmpp/dialback.h"

#include <stdio.h>
#include <stdlib.h>

#include "xmpp/bidi.h"
#include "xmpp/dialback_key.h"
#include "xmpp/probe.h"
#include "xmpp/writer.h"

#define ARENA_MAX (4 * XMPP_UNAUTHENTICATED_ELEMENT_MAX)

/* What a dialback element says; the domains are prepared, for comparing, and as they stood, for answering. */
struct db {
    struct slice from, to, from_text, to_text, type, id, key;
};

static bool read_db(struct arena *a, const struct xml *el, struct db *d)
{
    *d = (struct db){
        .from_text = xml_attr(el, "from"),
        .to_text = xml_attr(el, "to"),
        .type = xml_attr(el, "type"),
        .id = xml_attr(el, "id"),
        .key = slice_trim(xml_text(a, el)),
    };
    return d->from_text.n && d->to_text.n && jid_prep_domain(a, d->from_text, &d->from) &&
           jid_prep_domain(a, d->to_text, &d->to);
}

/* <db:name from to [id] type='..'/>, with the error inside when condition is not NULL (XEP-0220 2.5). */
static void put_answer(struct xmpp_stream *s, const char *name, struct slice from, struct slice to, struct slice id,
                       const char *type, const char *condition)
{
    struct buf b;

    buf_init(&b, 65536);
    buf_printf(&b, "<db:%s", name);
    xml_put_attr(&b, "from", from);
    xml_put_attr(&b, "to", to);
    if (id.p)
        xml_put_attr(&b, "id", id);
    xml_put_attr(&b, "type", slice_str(type));
    if (condition)
        buf_printf(&b, "><error type='cancel'><%s xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></db:%s>",
                   condition, name);
    else
        buf_str(&b, "/>");
    if (buf_ok(&b))
        xmpp_stream_write(s, buf_slice(&b));
    else if (s->conn)
        conn_abort(
            s->conn); /* lest the other side waits; the stream itself ends later, as a verdict may be on it now */
    buf_free(&b);
}

static void put_result(struct xmpp_stream *s, struct slice local, struct slice remote, const char *type,
                       const char *condition)
{
    put_answer(s, "result", local, remote, (struct slice){ 0 }, type, condition);
}

/* ---- authoritative: is this key ours? ---- */

static void on_verify_asked(struct xmpp_stream *s, const struct db *d)
{
    const struct dialback_pair pair = { .receiving = d->from, .originating = d->to, .stream_id = d->id };
    bool ok;

    if (!s->x->conf.ops->serves(s->x->conf.owner, d->to)) {
        put_answer(s, "verify", d->to_text, d->from_text, d->id, "error", "item-not-found");
        return;
    }
    ok = d->id.n && dialback_key_ok(xmpp_secret(s->x, d->to), &pair, d->key);
    xmpp_probes_see_question(s->x, d->to, d->from, ok);
    put_answer(s, "verify", d->to_text, d->from_text, d->id, ok ? "valid" : "invalid", NULL);
    s->asked = true;
    if (!ok)
        xmpp_stream_ignore(s, "a dialback key that is not ours was shown to another server in our name");
}

/* ---- receiving ---- */

static void on_verify_start(struct deferred *d);
static void on_verify_late(struct timer *t);

static struct xmpp_proven *find_pair(const struct xmpp_stream *s, struct slice local, struct slice remote, unsigned *n)
{
    *n = 0;
    list_each (it, &s->proven) {
        struct xmpp_proven *p = container_of(it, struct xmpp_proven, link);

        (*n)++;
        if (slice_eq(p->local, local) && slice_eq(p->remote, remote))
            return p;
    }
    return NULL;
}

void xmpp_verify_free(struct xmpp_verify *v)
{
    if (!v)
        return;
    if (v->in && v->proven)
        xmpp_proven_free(v->proven);
    if (v->via && v->via->verify == v)
        v->via->verify = NULL;
    list_unlink(&v->link);
    v->x->n_verifies--;
    timer_stop(&v->x->loop->timers, &v->timer);
    loop_undefer(&v->start);
    xmpp_pace_leave(&v->x->pace, &v->place);
    xmpp_drop(&v->local);
    xmpp_drop(&v->remote);
    xmpp_drop(&v->id);
    xmpp_drop(&v->key);
    free(v);
}

static unsigned verifies_of(const struct xmpp *x, struct slice remote)
{
    unsigned n = 0;

    list_each (it, &x->verifies)
        if (slice_eq(container_of(it, struct xmpp_verify, link)->remote, remote))
            n++;
    return n;
}

static bool verify_new(struct xmpp_stream *s, const struct db *d)
{
    struct xmpp *x = s->x;
    struct xmpp_verify *v;
    struct xmpp_proven *p;

    if (x->n_verifies >= XMPP_VERIFY_MAX || verifies_of(x, d->from) >= XMPP_VERIFY_PER_REMOTE)
        return false;
    v = calloc(1, sizeof(*v));
    p = calloc(1, sizeof(*p));
    if (!v || !p) {
        free(v);
        free(p);
        return false;
    }
    v->x = x;
    v->in = s;
    v->proven = p;
    p->verify = v;
    list_push(&s->proven, &p->link);
    list_push(&x->verifies, &v->link);
    x->n_verifies++;
    timer_init(&v->timer, on_verify_late);
    deferred_init(&v->start, on_verify_start);
    if (!xmpp_keep(&p->local, d->to) || !xmpp_keep(&p->remote, d->from) || !xmpp_keep(&v->local, d->to) ||
        !xmpp_keep(&v->remote, d->from) || !xmpp_keep(&v->id, s->id) || !xmpp_keep(&v->key, d->key)) {
        xmpp_verify_free(v);
        return false;
    }
    timer_start(&x->loop->timers, &v->timer, XMPP_VERIFY_MS);
    loop_defer(x->loop, &v->start);
    return true;
}

static enum xmpp_method method_of(const struct xmpp_stream *s)
{
    return xmpp_stream_is_secure(s) ? XMPP_METHOD_DIALBACK_TLS : XMPP_METHOD_DIALBACK_TCP;
}

/* What forbids dialback for this pair on this stream; NULL: nothing. XEP-0220 2.5, STOX-S2S-66, 71. */
static const char *forbidden(const struct xmpp_stream *s, struct slice local, struct slice remote)
{
    const struct xmpp *x = s->x;
    const struct xmpp_partner *partner = x->conf.ops->partner(x->conf.owner, remote);
    struct xmpp_methods m = xmpp_methods_of_partner(partner);

    if (!x->conf.ops->serves(x->conf.owner, local))
        return "item-not-found";
    if (!partner)
        return "forbidden";
    if (!xmpp_stream_is_secure(s))
        return m.dialback_over_tcp ? NULL : "policy-violation";
    if (partner->n_pins && !xmpp_cert_is_pinned(s->pin, partner->pins, partner->n_pins))
        return "not-authorized";
    return m.dialback_over_tls ? NULL : "not-authorized";
}

/* For the administrator. condition: as it was answered; NULL: the key is invalid. */
static void log_no(struct xmpp_stream *s, const char *condition)
{
    char what[100];

    snprintf(what, sizeof(what), "a dialback key, which we answered with %s", condition ? condition : "");
    xmpp_stream_ignore(s, condition ? what : "a dialback key that the sender's server calls invalid");
}

/* The verdict, once. The carrying stream is closed when it was opened for this alone. */
static void verified(struct xmpp_verify *v, const char *type, const char *condition)
{
    struct xmpp_stream *in = v->in, *via = v->via;
    bool own = via && via->verify == v;
    struct slice local = v->local, remote = v->remote;
    unsigned n;

    if (own) {
        via->verify = NULL;
        v->via = NULL;
    }
    if (in && strcmp(type, "valid") == 0 && (condition = forbidden(in, local, remote)))
        type = "error"; /* the settings have changed meanwhile */
    if (in && strcmp(type, "valid") == 0) {
        v->proven->verify = NULL; /* stays on the stream, as proven */
        v->proven = NULL;
        v->in = NULL;
        if (xmpp_stream_in_proven(in, local, remote, method_of(in)))
            put_result(in, local, remote, "valid", NULL);
    } else if (in) {
        put_result(in, local, remote, type, condition);
        xmpp_stream_note(in, XMPP_STEP_PROOF, STEP_FAILED, "dialback of %.*s: %s%s%s", SLICE_FMT(remote), type,
                         condition ? ", " : "", condition ? condition : "");
        xmpp_stream_blame(in, condition ? XMPP_FAULT_DIALBACK_BLOCKED : XMPP_FAULT_DIALBACK_INVALID);
        log_no(in, condition);
        xmpp_proven_free(v->proven);
        v->proven = NULL;
        find_pair(in, local, remote, &n);
        if (!condition && n == 0) /* XEP-0220 2.2.1 */
            xmpp_stream_close(in, "the dialback key is invalid");
    }
    v->in = NULL;
    xmpp_verify_free(v);
    if (own)
        xmpp_stream_close(via, "verification done");
}

static void on_verify_start(struct deferred *d)
{
    struct xmpp_verify *v = container_of(d, struct xmpp_verify, start);
    struct xmpp_pair *pair = xmpp_pair_find(v->x, v->local, v->remote);
    enum xmpp_fate fate;
    const char *why;

    if (pair && pair->ready && !pair->stream->inbound) { /* never where the key came from (XEP-0288 2.2) */
        xmpp_verify_send(v, pair->stream);
        return;
    }
    if (!v->x->stopping && !xmpp_pace_may(&v->x->pace, &v->place, XMPP_PACE_VERIFICATION, &v->start))
        return;
    v->via = xmpp_stream_open(v->x, NULL, v, loop_now(v->x->loop) + XMPP_VERIFY_MS, &fate, &why);
    if (!v->via)
        verified(v, "error", "remote-connection-failed");
}

static void on_verify_late(struct timer *t)
{
    verified(container_of(t, struct xmpp_verify, timer), "error", "remote-server-timeout");
}

void xmpp_verify_send(struct xmpp_verify *v, struct xmpp_stream *via)
{
    struct buf b;

    buf_init(&b, 65536);
    buf_str(&b, "<db:verify");
    xml_put_attr(&b, "from", v->local);
    xml_put_attr(&b, "to", v->remote);
    xml_put_attr(&b, "id", v->id);
    buf_char(&b, '>');
    text_put_xml(&b, v->key);
    buf_str(&b, "</db:verify>");
    v->via = via;
    v->sent = buf_ok(&b) && xmpp_stream_write(via, buf_slice(&b));
    buf_free(&b);
    if (!v->sent)
        verified(v, "error", "remote-connection-failed");
    else if (via->verify == v)
        xmpp_stream_become(via, XMPP_STATE_VERIFYING);
}

/* An answer counts only on the stream where the question was asked, for the very same names and id (threat I1). */
static void on_verify_answer(struct xmpp_stream *via, const struct db *d)
{
    list_each (it, &via->x->verifies) {
        struct xmpp_verify *v = container_of(it, struct xmpp_verify, link);

        if (v->via != via || !v->sent || !slice_eq(v->remote, d->from) || !slice_eq(v->local, d->to) ||
            !slice_eq(v->id, d->id))
            continue;
        if (slice_is(d->type, "valid"))
            verified(v, "valid", NULL);
        else if (slice_is(d->type, "invalid"))
            verified(v, "invalid", NULL);
        else
            verified(v, "error", "remote-connection-failed");
        return;
    }
    xmpp_stream_ignore(via, "a dialback verdict that nobody asked for");
}

void xmpp_dialback_stream_ended(struct xmpp_stream *s, const char *condition)
{
    list_each_safe (it, tmp, &s->proven) {
        struct xmpp_proven *p = container_of(it, struct xmpp_proven, link);

        if (p->verify) {
            struct xmpp_stream *via = p->verify->via;
            bool own = via && via->verify == p->verify;

            xmpp_verify_free(p->verify);
            if (own)
                xmpp_stream_close(via, "nobody waits for the verification");
        }
    }
    for (struct list *it = s->x->verifies.next; it != &s->x->verifies;) {
        struct xmpp_verify *v = container_of(it, struct xmpp_verify, link);

        it = it->next;
        if (v->via != s)
            continue;
        s->verify = NULL;
        v->via = NULL;
        verified(v, "error", condition);
        it = s->x->verifies.next; /* the verdict may have ended streams, and with them others of the list */
    }
}

static void on_result_asked(struct xmpp_stream *s, const struct db *d)
{
    const char *condition = forbidden(s, d->to, d->from);
    struct xmpp_proven *p;
    unsigned n;

    if (condition) {
        xmpp_stream_note(s, XMPP_STEP_PROOF, STEP_FAILED, "dialback of %.*s to %.*s is not taken: %s",
                         SLICE_FMT(d->from), SLICE_FMT(d->to), condition);
        put_answer(s, "result", d->to_text, d->from_text, (struct slice){ 0 }, "error", condition);
        log_no(s, condition);
        return;
    }
    p = find_pair(s, d->to, d->from, &n);
    if (p && p->revoked) {
        xmpp_proven_free(p);
        p = NULL;
    }
    if (p && p->verify)
        return; /* the answer to the first one is on its way */
    if (p) {
        put_result(s, d->to, d->from, "valid", NULL);
    } else if (n >= XMPP_PROVEN_MAX) {
        put_result(s, d->to, d->from, "error", "resource-constraint");
    } else if (s->cert_ok && slice_eq(s->remote, d->from)) { /* XEP-0344: the certificate is the proof */
        if (xmpp_stream_in_proven(s, d->to, d->from, method_of(s)))
            put_result(s, d->to, d->from, "valid", NULL);
    } else if (!d->key.n || !verify_new(s, d)) {
        put_result(s, d->to, d->from, "error", d->key.n ? "resource-constraint" : "not-acceptable");
    }
}

void xmpp_dialback_in(struct xmpp_stream *s, const struct xml *el)
{
    char mem[4096];
    struct arena arena;
    struct db d;

    arena_init_on(&arena, mem, sizeof(mem), ARENA_MAX);
    if (!read_db(&arena, el, &d))
        xmpp_stream_error(s, XMPP_STREAM_IMPROPER_ADDRESSING, NULL);
    else if (d.type.p) /* answers belong on streams of ours */
        xmpp_stream_ignore(s, "a dialback verdict that nobody asked for");
    else if (slice_is(el->name, "result"))
        on_result_asked(s, &d);
    else if (slice_is(el->name, "verify"))
        on_verify_asked(s, &d);
    arena_reset(&arena);
}

/* Have we proven this domain of ours on a stream of ours, and for both directions? */
static bool has_way_back(const struct xmpp_stream *s, struct slice local)
{
    list_each (it, &s->proven)
        if (slice_eq(container_of(it, struct xmpp_proven, link)->local, local))
            return s->state == XMPP_STATE_READY;
    return false;
}

/*
 * On a stream of ours for both directions the partner's server names one domain more of its own (XEP-0288 2.2). The
 * certificate proves it or nothing does.
 */
static void on_way_back_asked(struct xmpp_stream *s, const struct db *d)
{
    const char *condition = forbidden(s, d->to, d->from);
    unsigned n;

    if (!condition && (!has_way_back(s, d->to) || !xmpp_bidi_certifies(s, d->from)))
        condition = "not-authorized";
    if (!condition && !find_pair(s, d->to, d->from, &n) && n >= XMPP_PROVEN_MAX)
        condition = "resource-constraint";
    if (!condition && !xmpp_bidi_prove(s, d->to, d->from, method_of(s)))
        condition = "resource-constraint";
    if (condition) {
        put_answer(s, "result", d->to_text, d->from_text, (struct slice){ 0 }, "error", condition);
        log_no(s, condition);
    } else {
        put_result(s, d->to, d->from, "valid", NULL);
    }
}

/* ---- initiating ---- */

void xmpp_dialback_ask(struct xmpp_stream *s, struct xmpp_pair *p)
{
    const struct dialback_pair pair = { .receiving = p ? p->remote : s->remote,
                                        .originating = p ? p->local : s->local,
                                        .stream_id = s->id };
    char key[DIALBACK_KEY_LEN + 1];
    struct buf b;

    if (!s->id.n) {
        xmpp_stream_out_no_dialback(s, p, XMPP_FATE_UNREACHABLE, "the partner's stream header has no id");
        return;
    }
    buf_init(&b, 16384);
    buf_str(&b, "<db:result");
    xml_put_attr(&b, "from", pair.originating);
    xml_put_attr(&b, "to", pair.receiving);
    buf_char(&b, '>');
    xmpp_stream_note(s, XMPP_STEP_PROOF, STEP_NOTE,
                     "we send a dialback key, which the partner's server asks the server of %.*s about",
                     SLICE_FMT(pair.originating));
    if (dialback_key(key, xmpp_secret(s->x, pair.originating), &pair))
        buf_str(&b, key);
    else
        b.failed = true;
    buf_str(&b, "</db:result>");
    if (!buf_ok(&b) || !xmpp_stream_write(s, buf_slice(&b)))
        xmpp_stream_out_no_dialback(s, p, XMPP_FATE_UNREACHABLE, "out of memory");
    else if (p)
        p->proof = XMPP_PROOF_ASKED;
    buf_free(&b);
}

static struct xmpp_pair *find_asked(const struct xmpp_stream *s, const struct db *d)
{
    list_each (it, &s->pairs) {
        struct xmpp_pair *p = container_of(it, struct xmpp_pair, on_stream);

        if (p->proof == XMPP_PROOF_ASKED && slice_eq(p->remote, d->from) && slice_eq(p->local, d->to))
            return p;
    }
    return NULL;
}

/* What the partner's server says of our key, when it is neither good nor bad (XEP-0220 2.5). */
static enum xmpp_fault fault_of_answer(struct slice condition)
{
    if (slice_starts(condition, SLICE("remote-")))
        return XMPP_FAULT_DIALBACK_BLOCKED;
    if (slice_is(condition, "item-not-found") || slice_is(condition, "host-unknown"))
        return XMPP_FAULT_HOST_UNKNOWN;
    if (slice_is(condition, "forbidden") || slice_is(condition, "not-allowed") ||
        slice_is(condition, "not-authorized") || slice_is(condition, "policy-violation"))
        return XMPP_FAULT_NOT_ALLOWED;
    return XMPP_FAULT_DIALBACK_FAILED;
}

static void on_result_answer(struct xmpp_stream *s, const struct xml *el, const struct db *d)
{
    const struct xml *error = xml_child(el, NS_SERVER, "error");
    const struct xml *condition = error ? xml_first_child(error) : NULL;
    struct xmpp_pair *p = find_asked(s, d);
    char what[300], name[64];

    if (!p &&
        !(s->probe && s->state == XMPP_STATE_DIALBACK && slice_eq(d->from, s->remote) && slice_eq(d->to, s->local))) {
        xmpp_stream_ignore(s, "a dialback verdict that nobody asked for");
    } else if (slice_is(d->type, "valid")) {
        xmpp_stream_out_proven(s, p, method_of(s));
    } else if (slice_is(d->type, "invalid")) {
        xmpp_stream_blame(s, XMPP_FAULT_DIALBACK_INVALID);
        xmpp_stream_out_no_dialback(
            s, p, XMPP_FATE_REFUSED,
            "the partner was told that our key is invalid (does DNS of our domain lead to this gateway, and do all "
            "gateways of it share the dialback secret?)");
    } else {
        xmpp_stream_blame(s, fault_of_answer(condition ? condition->name : SLICE("")));
        log_escape(name, sizeof(name), condition ? condition->name : SLICE("error"));
        snprintf(what, sizeof(what),
                 "the partner answered %s (it must be able to reach us by DNS of our domain, port 5269)", name);
        xmpp_stream_out_no_dialback(s, p, XMPP_FATE_UNREACHABLE, what);
    }
}

void xmpp_dialback_out(struct xmpp_stream *s, const struct xml *el)
{
    char mem[4096];
    struct arena arena;
    struct db d;
    bool ok;

    arena_init_on(&arena, mem, sizeof(mem), ARENA_MAX);
    ok = read_db(&arena, el, &d);
    if (ok && !d.type.p && s->bidi && slice_is(el->name, "result"))
        on_way_back_asked(s, &d);
    else if (!ok || !d.type.p)
        xmpp_stream_ignore(s, "a dialback element that is no answer");
    else if (slice_is(el->name, "result"))
        on_result_answer(s, el, &d);
    else if (slice_is(el->name, "verify"))
        on_verify_answer(s, &d);
    arena_reset(&arena);
}
