/* What the answers share. */
#include "daemon/answers_parts.h"

#include "base/text.h"

json_t *answers_text(struct slice s)
{
    while (s.n && !text_is_utf8(s)) /* cut in the middle of a character */
        s.n--;
    return json_stringn(s.n ? s.p : "", s.n);
}

json_t *answers_address(const struct jid *j)
{
    struct buf b;
    json_t *v;

    buf_init(&b, 4 * JID_PART_MAX);
    jid_put(&b, j);
    v = answers_text(buf_slice(&b));
    buf_free(&b);
    return v;
}

void answers_append(json_t **list, json_t *o)
{
    if (!*list) {
        json_decref(o);
    } else if (json_array_append_new(*list, o)) {
        json_decref(*list);
        *list = NULL;
    }
}

json_t *answers_find(struct answers *a, struct answers_search *s, void (*look)(void *arg))
{
    s->bridge = a->bridge;
    if (!loop_call(a->door, look, s))
        return NULL;
    return s->found ? s->v : json_null();
}

bool answers_user(struct arena *a, struct slice text, struct slice *bare, struct slice *domain)
{
    struct jid jid;
    struct buf b;

    if (!jid_parse(a, text, &jid) || !jid.local.n)
        return false;
    buf_init(&b, 2 * JID_PART_MAX + 2);
    jid_put_bare(&b, &jid);
    *bare = buf_ok(&b) ? arena_dup(a, buf_slice(&b)) : slice_of(NULL, 0);
    *domain = jid.domain;
    buf_free(&b);
    return true;
}

/* ---- steps of a set-up ---- */

struct step_list {
    json_t *list; /* NULL: memory was missing */
    uint64_t began_ms;
    const char *(*name)(unsigned kind);
};

static void put_step(void *arg, const struct step *e)
{
    static const char *const results[] = { "ok", "failed", "note" };
    struct step_list *s = arg;

    answers_append(&s->list, json_pack("{s:I, s:s, s:s, s:o}", "ms",
                                       (json_int_t)(e->at_ms > s->began_ms ? e->at_ms - s->began_ms : 0), "step",
                                       s->name(e->kind), "result", results[e->result], "text", answers_text(e->text)));
}

json_t *answers_step_list(const struct steps *steps, const char *(*name)(unsigned kind), uint64_t began_ms)
{
    struct step_list s = { json_array(), began_ms, name };

    steps_each(steps, put_step, &s);
    return s.list;
}

static const char *xmpp_name(unsigned kind)
{
    return xmpp_step_name((enum xmpp_step)kind);
}

json_t *answers_steps(const struct xmpp_trace *trace, uint64_t began_ms)
{
    struct step_list s = { json_array(), began_ms, xmpp_name };

    xmpp_trace_each(trace, put_step, &s);
    return s.list;
}

void answers_add_verdict(json_t **v, bool works, const char *fault, struct slice verdict)
{
    if (*v && (json_object_set_new(*v, "works", json_boolean(works)) ||
               json_object_set_new(*v, "fault", json_string(fault)) ||
               json_object_set_new(*v, "verdict", answers_text(verdict)))) {
        json_decref(*v);
        *v = NULL;
    }
}
