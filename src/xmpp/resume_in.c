#include "xmpp/resume_in.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/rand.h"
#include "xmpp/bidi.h"
#include "xmpp/writer.h"

#define NS_STANZAS "urn:ietf:params:xml:ns:xmpp-stanzas"

static void answer_failed(struct xmpp_stream *s, const char *condition)
{
    char failed[160];

    snprintf(failed, sizeof(failed), "<failed xmlns='" NS_SM "'><%s xmlns='" NS_STANZAS "'/></failed>", condition);
    xmpp_stream_write(s, slice_str(failed));
}

static void session_free(struct xmpp_session *k)
{
    struct xmpp *x = k->x;

    if (!k->stream) {
        free(k->sm);
        x->n_away--;
    }
    hash_remove(&x->sessions, &k->by_id);
    list_unlink(&k->link);
    timer_stop(&x->loop->timers, &k->timer);
    xmpp_repeats_fini(&k->repeats);
    xmpp_proven_free_all(&k->proven);
    xmpp_drop(&k->partner_name);
    free(k);
}

static void on_time_over(struct timer *t)
{
    session_free(container_of(t, struct xmpp_session, timer));
}

static uint64_t id_hash(const struct xmpp *x, struct slice id)
{
    return hash_bytes(&x->sessions, id);
}

static bool same_id(const struct hash_node *node, const void *key)
{
    return slice_eq(slice_of(container_of(node, const struct xmpp_session, by_id)->id, XMPP_RESUME_ID),
                    *(const struct slice *)key);
}

static struct xmpp_session *find(const struct xmpp *x, struct slice id)
{
    struct hash_node *node = hash_find(&x->sessions, id_hash(x, id), same_id, &id);

    return node ? container_of(node, struct xmpp_session, by_id) : NULL;
}

static struct xmpp_session *session_new(struct xmpp_stream *s, uint32_t max_s)
{
    struct xmpp_session *k = calloc(1, sizeof(*k));

    if (!k)
        return NULL;
    k->x = s->x;
    k->stream = s;
    k->sm = s->sm_in;
    k->max_s = max_s;
    list_init(&k->link);
    list_init(&k->proven);
    timer_init(&k->timer, on_time_over);
    xmpp_repeats_init(&k->repeats, &s->x->carried);
    rand_hex(k->id, XMPP_RESUME_ID);
    if (hash_add(&s->x->sessions, &k->by_id, id_hash(s->x, slice_of(k->id, XMPP_RESUME_ID))))
        return k;
    free(k);
    return NULL;
}

/* ---- <enable/> ---- */

static bool is_true(struct slice v)
{
    return slice_is(v, "true") || slice_is(v, "1");
}

/* Ours, or what the peer would rather have, if that is less. */
static uint32_t max_of(const struct xml *enable)
{
    uint64_t max;

    return slice_u64(xml_attr(enable, "max"), UINT32_MAX, &max) && max > 0 && max < XMPP_RESUME_S ? (uint32_t)max
                                                                                                  : XMPP_RESUME_S;
}

void xmpp_resume_in_enable(struct xmpp_stream *s, const struct xml *el)
{
    char enabled[160] = "<enabled xmlns='" NS_SM "'/>";

    if (s->sm_in) {
        answer_failed(s, "unexpected-request");
        return;
    }
    s->sm_in = calloc(1, sizeof(*s->sm_in));
    if (!s->sm_in) {
        answer_failed(s, "resource-constraint");
        return;
    }
    if (is_true(xml_attr(el, "resume")) && !s->bidi) /* its window of ours would have to come along */
        s->session = session_new(s, max_of(el));
    if (s->session)
        snprintf(enabled, sizeof(enabled), "<enabled xmlns='" NS_SM "' id='%s' max='%u' resume='true'/>",
                 s->session->id, (unsigned)s->session->max_s);
    xmpp_stream_write(s, slice_str(enabled));
    if (s->bidi)
        xmpp_stream_sm_start(s);
    xmpp_bidi_ready(s);
}

/* ---- while it is connected ---- */

bool xmpp_resume_in_is_repeat(struct xmpp_stream *s, uint32_t seq, const struct xml *el)
{
    struct xmpp_session *k = s->session;

    return k && xmpp_repeats_is_one(&k->repeats, s->sm_in, seq, xmpp_repeats_print(&s->x->carried, el));
}

bool xmpp_resume_in_handled(struct xmpp *x, uint64_t receipt)
{
    struct xmpp_carried *c = xmpp_repeats_find(&x->carried, receipt);
    struct xmpp_session *k;
    uint32_t seq;

    if (!c)
        return false;
    k = container_of(c->of, struct xmpp_session, repeats);
    if (xmpp_repeats_handled(c, &seq) && k->stream)
        xmpp_stream_in_handled(k->stream, seq);
    return true;
}

void xmpp_resume_in_rest(struct xmpp_stream *s)
{
    if (s->session && xmpp_sm_in_open(s->sm_in) == 0)
        xmpp_repeats_rest(&s->session->repeats);
}

void xmpp_resume_in_freed(struct xmpp_stream *s)
{
    if (s->session)
        session_free(s->session);
    s->session = NULL;
}

/* ---- the connection is lost ---- */

static struct xmpp_session *oldest_of(struct xmpp *x, struct slice partner, unsigned *n, size_t *n_stanzas)
{
    struct xmpp_session *oldest = NULL;

    *n = 0;
    *n_stanzas = 0;
    list_each (it, &x->away) {
        struct xmpp_session *k = container_of(it, struct xmpp_session, link);

        if (!slice_eq(k->partner_name, partner))
            continue;
        if (!oldest)
            oldest = k;
        ++*n;
        *n_stanzas += k->repeats.n;
    }
    return oldest;
}

/* A partner may leave as many behind as it may have streams. */
static unsigned partner_max(const struct xmpp_stream *s)
{
    const struct xmpp_partner *partner = xmpp_stream_owner(s);

    return partner && partner->connection_limit ? partner->connection_limit
                                                : s->x->conf.limits.partner_connection_limit;
}

static void make_room(struct xmpp_stream *s, size_t n_stanzas)
{
    struct xmpp *x = s->x;
    struct xmpp_session *oldest;
    unsigned n, max = partner_max(s);
    size_t waiting;

    while ((oldest = oldest_of(x, s->partner_name, &n, &waiting)) &&
           (n >= max || waiting + n_stanzas > XMPP_RESUME_PARTNER_STANZAS_MAX))
        session_free(oldest);
    while (!list_empty(&x->away) && x->n_away >= x->conf.limits.connection_limit)
        session_free(container_of(x->away.next, struct xmpp_session, link));
}

static void move_proven(struct list *to, struct list *from)
{
    list_each_safe (it, tmp, from) {
        struct xmpp_proven *p = container_of(it, struct xmpp_proven, link);

        if (p->verify || p->revoked)
            continue;
        list_unlink(it);
        list_push(to, it);
    }
}

static bool is_allowed(const struct xmpp *x, const struct list *proven)
{
    list_each (it, proven) {
        const struct xmpp_proven *p = container_of(it, struct xmpp_proven, link);

        if (xmpp_object(x, p->local, p->remote, p->method).text)
            return false;
    }
    return !list_empty(proven);
}

void xmpp_resume_in_lost(struct xmpp_stream *s)
{
    struct xmpp_session *k = s->session;
    struct xmpp *x = s->x;
    bool ok;

    if (!k || s->state != XMPP_STATE_READY || x->stopping)
        return;
    make_room(s, xmpp_sm_in_open(s->sm_in));
    s->session = NULL;
    s->sm_in = NULL;
    k->stream = NULL;
    x->n_away++;
    list_push(&x->away, &k->link);
    move_proven(&k->proven, &s->proven);
    ok = xmpp_keep(&k->partner_name, s->partner_name) && xmpp_repeats_carry(&k->repeats, k->sm, s->serial);
    if (!ok || x->carried.n > XMPP_RESUME_STANZAS_MAX || !is_allowed(x, &k->proven))
        session_free(k);
    else
        timer_start(&x->loop->timers, &k->timer, (uint64_t)k->max_s * 1000);
}

void xmpp_resume_in_reconsider(struct xmpp *x)
{
    list_each_safe (it, tmp, &x->away) {
        struct xmpp_session *k = container_of(it, struct xmpp_session, link);

        if (!is_allowed(x, &k->proven))
            session_free(k);
    }
}

void xmpp_resume_in_drop_all(struct xmpp *x)
{
    while (!list_empty(&x->away))
        session_free(container_of(x->away.next, struct xmpp_session, link));
}

/* ---- <resume/> ---- */

static bool proves(const struct xmpp_stream *s, const struct xmpp_proven *wanted)
{
    list_each (it, &s->proven) {
        const struct xmpp_proven *p = container_of(it, struct xmpp_proven, link);

        if (!p->verify && !p->revoked && p->method <= wanted->method && slice_eq(p->remote, wanted->remote) &&
            slice_eq(p->local, wanted->local))
            return true;
    }
    return false;
}

/* Is all proven here that was proven there, and as well? */
static bool may_have(const struct xmpp_stream *s, const struct xmpp_session *k)
{
    const struct list *pairs = k->stream ? &k->stream->proven : &k->proven;
    bool any = false;

    if (k->stream && k->stream->state != XMPP_STATE_READY) /* it was ended, not lost */
        return false;
    list_each (it, pairs) {
        const struct xmpp_proven *p = container_of(it, struct xmpp_proven, link);

        if (p->verify || p->revoked)
            continue;
        if (!proves(s, p))
            return false;
        any = true;
    }
    return any;
}

/* Its stream still seems to live: the peer knows better. */
static void take_from(struct xmpp_stream *old)
{
    xmpp_resume_in_lost(old);
    xmpp_stream_error(old, XMPP_STREAM_CONFLICT, "the stream was resumed on another connection");
}

static void give_to(struct xmpp_session *k, struct xmpp_stream *s)
{
    char resumed[160];

    timer_stop(&k->x->loop->timers, &k->timer);
    list_unlink(&k->link);
    k->x->n_away--;
    xmpp_proven_free_all(&k->proven);
    xmpp_drop(&k->partner_name);
    k->stream = s;
    s->session = k;
    s->sm_in = k->sm;
    xmpp_repeats_go_on(&k->repeats, k->sm);
    log_info(k->x->loop->log, "stream-resumed", LOG_S("local", s->local), LOG_S("remote", s->remote),
             LOG_Z("direction", xmpp_stream_direction(s)), LOG_U("handled", k->sm->handled),
             LOG_U("open", k->repeats.n));
    snprintf(resumed, sizeof(resumed), "<resumed xmlns='" NS_SM "' previd='%s' h='%u'/>", k->id,
             (unsigned)k->sm->handled);
    xmpp_stream_write(s, slice_str(resumed));
}

void xmpp_resume_in_resume(struct xmpp_stream *s, const struct xml *el)
{
    struct slice id = xml_attr(el, "previd");
    struct xmpp_session *k = find(s->x, id);
    uint64_t h;

    if (s->sm_in) {
        answer_failed(s, "unexpected-request");
        return;
    }
    if (!slice_u64(xml_attr(el, "h"), UINT32_MAX, &h)) {
        answer_failed(s, "bad-request");
        return;
    }
    if (!k || s->bidi || !may_have(s, k)) {
        answer_failed(s, "item-not-found");
        return;
    }
    if (h > 0) { /* we send no stanzas this way */
        xmpp_stream_sm_on_a(s, el);
        return;
    }
    if (k->stream) {
        take_from(k->stream);
        k = find(s->x, id);
    }
    if (k && s->state == XMPP_STATE_READY)
        give_to(k, s);
    else
        answer_failed(s, "item-not-found");
}
