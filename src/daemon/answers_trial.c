/* Test messages, as the API shows them. */
#include "bridge/trial.h"
#include "daemon/answers_parts.h"

struct begin {
    struct bridge *bridge;
    struct slice from, to, text;
    uint64_t id;
    unsigned status;
    const char *why;
};

static void begin(void *arg)
{
    struct begin *t = arg;

    t->id = bridge_trial_start(t->bridge, t->from, t->to, t->text, &t->status, &t->why);
}

json_t *answer_im_test_start(void *owner, struct slice from, struct slice to, struct slice text,
                             struct admin_refusal *no)
{
    struct answers *a = owner;
    struct begin t = { a->bridge, from, to, text, 0, 503, "the daemon does not answer this now: try again" };

    if (loop_call(a->door, begin, &t) && t.id)
        return json_pack("{s:I}", "id", (json_int_t)t.id);
    *no = (struct admin_refusal){ t.status, t.why };
    return NULL;
}

static bool add_result(json_t *v, const struct trial *t, uint64_t talk)
{
    return json_object_set_new(v, "result", json_string(t->works ? "success" : "failure")) == 0 &&
           json_object_set_new(v, "latency-ms",
                               t->answered_ms ? json_integer((json_int_t)(t->answered_ms - t->entry.began_ms))
                                              : json_null()) == 0 &&
           json_object_set_new(v, "error", answers_text(slice_str(t->error))) == 0 &&
           json_object_set_new(v, "diagnosis", answers_text(slice_str(t->diagnosis))) == 0 &&
           json_object_set_new(v, "conversation", json_sprintf("%016llx", (unsigned long long)talk)) == 0;
}

static void look(void *arg)
{
    struct answers_search *s = arg;
    const struct trial *t = bridge_trial_find(s->bridge, s->id);
    bool from_sip = t && t->way == SCORE_S2X;

    s->found = t != NULL;
    if (!t)
        return;
    s->v = json_pack("{s:I, s:o, s:o, s:s, s:b, s:I}", "id", (json_int_t)t->entry.id, "from", answers_address(&t->from),
                     "to", answers_address(&t->to), "way", from_sip ? "sip-to-xmpp" : "xmpp-to-sip", "done",
                     t->entry.done, "took-ms", (json_int_t)(bridge_now_ms(s->bridge) - t->entry.began_ms));
    if (s->v && t->entry.done &&
        !add_result(s->v, t, bridge_talk_id(s->bridge, from_sip ? &t->from : &t->to, from_sip ? &t->to : &t->from))) {
        json_decref(s->v);
        s->v = NULL;
    }
}

json_t *answer_im_test(void *owner, uint64_t id)
{
    struct answers_search s = { .id = id };

    return answers_find(owner, &s, look);
}
