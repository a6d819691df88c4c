/* Tests of presence, as the API shows them. */
#include "bridge/presence_trial.h"
#include "daemon/answers_parts.h"

struct begin {
    struct bridge *bridge;
    struct slice sip, xmpp;
    bool ways[PRESENCE_WAYS];
    uint64_t id;
    unsigned status;
    const char *why;
};

static void begin(void *arg)
{
    struct begin *t = arg;

    t->id = bridge_presence_trial_start(t->bridge, t->sip, t->xmpp, t->ways, &t->status, &t->why);
}

json_t *answer_presence_test_start(void *owner, struct slice sip, struct slice xmpp, bool to_xmpp, bool to_sip,
                                   struct admin_refusal *no)
{
    struct answers *a = owner;
    struct begin t = { .bridge = a->bridge,
                       .sip = sip,
                       .xmpp = xmpp,
                       .ways = { [PRESENCE_S2X] = to_xmpp, [PRESENCE_X2S] = to_sip },
                       .status = 503,
                       .why = "the daemon does not answer this now: try again" };

    if (loop_call(a->door, begin, &t) && t.id)
        return json_pack("{s:I}", "id", (json_int_t)t.id);
    *no = (struct admin_refusal){ t.status, t.why };
    return NULL;
}

static void look(void *arg)
{
    struct answers_search *s = arg;
    const struct presence_trial *t = bridge_presence_trial_find(s->bridge, s->id);

    s->found = t != NULL;
    if (!t)
        return;
    s->v = json_pack("{s:I, s:o, s:o, s:b, s:I, s:o}", "id", (json_int_t)t->entry.id, "sip", answers_address(&t->sip),
                     "xmpp", answers_address(&t->xmpp), "done", t->entry.done, "took-ms",
                     (json_int_t)((t->entry.done ? t->ended_ms : bridge_now_ms(s->bridge)) - t->entry.began_ms),
                     "steps", answers_step_list(&t->steps, presence_step_name, t->entry.began_ms));
    if (t->entry.done)
        answers_add_verdict(&s->v, t->works, presence_fault_name(t->fault), slice_str(t->verdict));
}

json_t *answer_presence_test(void *owner, uint64_t id)
{
    struct answers_search s = { .id = id };

    return answers_find(owner, &s, look);
}
