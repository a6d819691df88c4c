#include "xmpp/resume_out.h"

#include <stdio.h>
#include <stdlib.h>

#include "xmpp/writer.h"

void xmpp_resume_free(struct xmpp_resume *r)
{
    if (!r)
        return;
    xmpp_drop(&r->id);
    xmpp_drop(&r->instead);
    free(r);
}

/* The one pair that it carries; NULL: none, or several, whose stanzas stand in one count (they are repeated instead). */
static struct xmpp_pair *only_pair(const struct xmpp_stream *s)
{
    if (list_empty(&s->pairs) || s->pairs.next->next != &s->pairs)
        return NULL;
    return container_of(s->pairs.next, struct xmpp_pair, on_stream);
}

/* ---- <enable/> ---- */

void xmpp_resume_out_enable(struct xmpp_stream *s)
{
    xmpp_stream_write(s, s->bidi ? SLICE("<enable xmlns='" NS_SM "'/>")
                                 : SLICE("<enable xmlns='" NS_SM "' resume='true'/>"));
    xmpp_stream_become(s, XMPP_STATE_ENABLING);
}

/* An answer to a question that nobody asked: servers drop it without a word (RFC 6120 8.2.3). */
static bool put_instead(const struct xmpp_stream *s, struct slice *out)
{
    struct buf b;
    bool ok;

    buf_init(&b, 8192);
    buf_str(&b, "<iq type='result' id='withdrawn'");
    xml_put_attr(&b, "from", s->local);
    xml_put_attr(&b, "to", s->remote);
    buf_str(&b, "/>");
    ok = buf_ok(&b) && xmpp_keep(out, buf_slice(&b));
    buf_free(&b);
    return ok;
}

void xmpp_resume_out_enabled(struct xmpp_stream *s, const struct xml *el)
{
    struct slice resume = xml_attr(el, "resume"), id = xml_attr(el, "id");
    struct xmpp_resume *r;

    if (s->resume || s->bidi || !only_pair(s) || !id.n || id.n > XMPP_RESUME_ID_MAX ||
        !(slice_is(resume, "true") || slice_is(resume, "1")))
        return;
    r = calloc(1, sizeof(*r));
    if (!r || !xmpp_keep(&r->id, id) || !put_instead(s, &r->instead)) {
        xmpp_resume_free(r);
        return;
    }
    r->method = s->method;
    s->resume = r;
}

/* ---- the connection is lost ---- */

void xmpp_resume_out_lost(struct xmpp_stream *s)
{
    struct xmpp_resume *r = s->resume;
    struct xmpp_pair *pair = only_pair(s);

    if (!r || !pair || s->state != XMPP_STATE_READY || s->x->stopping)
        return;
    r->n_in_vain = s->sm_out.acked == r->acked_before ? r->n_in_vain + 1 : 0;
    if (r->n_in_vain > XMPP_RESUME_IN_VAIN_MAX)
        return;
    r->sm = s->sm_out;
    r->n_ignored = s->n_ignored;
    s->resume = NULL;
    xmpp_pair_resume_later(pair, r);
}

/* ---- <resume/> ---- */

bool xmpp_resume_out_ask(struct xmpp_stream *s)
{
    struct xmpp_pair *pair = only_pair(s);
    struct xmpp_resume *r = pair ? pair->resume : NULL;
    struct buf b;
    bool ok;

    if (!r)
        return false;
    buf_init(&b, 32768);
    buf_str(&b, "<resume xmlns='" NS_SM "'");
    xml_put_attr(&b, "previd", r->id);
    buf_printf(&b, " h='%u'/>", (unsigned)r->n_ignored);
    ok = s->sm_offered && s->method <= r->method && buf_ok(&b);
    if (ok) {
        xmpp_stream_write(s, buf_slice(&b));
        xmpp_stream_become(s, XMPP_STATE_RESUMING);
    } else {
        xmpp_pair_resume_not(pair);
    }
    buf_free(&b);
    return ok;
}

/* h, if there is one that can be true. */
static bool take_h(struct xmpp_resume *r, const struct xml *el, uint32_t *h)
{
    uint64_t v;
    uint32_t n_new;

    if (!slice_u64(xml_attr(el, "h"), UINT32_MAX, &v) || !xmpp_sm_out_ack(&r->sm, (uint32_t)v, &n_new))
        return false;
    *h = (uint32_t)v;
    return true;
}

static void resumed(struct xmpp_stream *s, struct xmpp_pair *pair, uint32_t h)
{
    struct xmpp_resume *r = pair->resume;

    pair->resume = NULL;
    s->resume = r;
    r->acked_before = h;
    s->n_ignored = r->n_ignored;
    s->sm_out = (struct xmpp_sm_out){ .on = true, .sent = r->sm.sent, .acked = h };
    xmpp_pair_resumed(pair, h, r->instead);
    log_info(s->x->loop->log, "stream-resumed", LOG_S("local", s->local), LOG_S("remote", s->remote),
             LOG_Z("direction", xmpp_stream_direction(s)), LOG_U("handled", h),
             LOG_U("open", (uint32_t)(r->sm.sent - h)));
}

static void failed(struct xmpp_pair *pair, const struct xml *el)
{
    uint32_t h;

    if (take_h(pair->resume, el, &h))
        xmpp_pair_acked(pair, h);
    xmpp_pair_resume_not(pair);
}

enum xmpp_resume_result xmpp_resume_out_answer(struct xmpp_stream *s, const struct xml *el)
{
    struct xmpp_pair *pair = only_pair(s);
    uint32_t h;

    if (!pair || !pair->resume)
        return XMPP_RESUME_NO_ANSWER;
    if (slice_is(el->name, "failed")) {
        failed(pair, el);
        return XMPP_RESUME_FAILED;
    }
    if (!slice_is(el->name, "resumed"))
        return XMPP_RESUME_NO_ANSWER;
    if (!slice_eq(xml_attr(el, "previd"), pair->resume->id) || !take_h(pair->resume, el, &h)) {
        xmpp_pair_resume_not(pair); /* nothing that it says of the old stream can be relied on */
        xmpp_stream_error(s, XMPP_STREAM_UNDEFINED_CONDITION, "the answer to resume names no count that can be true");
        return XMPP_RESUME_NO_ANSWER;
    }
    resumed(s, pair, h);
    return XMPP_RESUME_RESUMED;
}
