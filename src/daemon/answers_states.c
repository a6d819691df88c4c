/* How all partners are, at once: for lists. */
#include "daemon/answers_parts.h"

struct states {
    struct bridge *bridge;
    json_t *by_name; /* NULL: memory was missing */
};

/* The state of the partner that this domain belongs to, made when it is asked for first. NULL: of none, or no memory. */
static json_t *state_of(struct states *s, struct slice domain)
{
    struct slice partner = domain.n ? bridge_partner_of(s->bridge, domain) : domain;
    char name[1100];
    json_t *state;

    if (!partner.n || partner.n >= sizeof(name) || !s->by_name)
        return NULL;
    memcpy(name, partner.p, partner.n);
    name[partner.n] = '\0';
    state = json_object_get(s->by_name, name);
    if (state)
        return state;
    state = json_pack("{s:s, s:i, s:i}", "is", "idle", "in", 0, "out", 0);
    if (!state || json_object_set_new(s->by_name, name, state) != 0) {
        json_decref(s->by_name);
        s->by_name = NULL;
        return NULL;
    }
    return state;
}

static void count(json_t *state, const char *name)
{
    json_integer_set(json_object_get(state, name), json_integer_value(json_object_get(state, name)) + 1);
}

static void put_stream(void *arg, const struct xmpp_stream_info *info)
{
    json_t *state = info->authenticated ? state_of(arg, info->remote) : NULL;
    json_t *newest = json_object_get(state, "newest-ms");

    if (!state)
        return;
    if (info->both || info->inbound)
        count(state, "in");
    if (info->both || !info->inbound)
        count(state, "out");
    json_object_set_new(state, "is", json_string("connected"));
    if (!newest || (json_int_t)info->age_ms < json_integer_value(newest))
        json_object_set_new(state, "newest-ms", json_integer((json_int_t)info->age_ms));
}

/* A failure counts until a stream has been set up after it. Streams come first. */
static void put_attempt(void *arg, const struct xmpp_attempt_info *info)
{
    json_t *state = state_of(arg, info->remote), *newest = json_object_get(state, "newest-ms");
    json_t *last = json_object_get(state, "failed-s");

    if (!state || (newest && json_integer_value(newest) <= (json_int_t)info->age_ms) ||
        (last && json_integer_value(last) <= (json_int_t)(info->age_ms / 1000)))
        return;
    json_object_set_new(state, "is", json_string("failing"));
    json_object_set_new(state, "failed-s", json_integer((json_int_t)(info->age_ms / 1000)));
    json_object_set_new(state, "fault", json_string(xmpp_fault_name(info->fault)));
    json_object_set_new(state, "why", answers_text(slice_str(info->why)));
}

static void look(void *arg)
{
    struct states *s = arg;

    bridge_each_stream(s->bridge, put_stream, s);
    bridge_each_attempt(s->bridge, put_attempt, s);
}

json_t *answer_partner_states(void *owner)
{
    struct answers *a = owner;
    struct states s = { a->bridge, json_object() };

    if (s.by_name && loop_call(a->door, look, &s))
        return s.by_name;
    json_decref(s.by_name);
    return NULL;
}
