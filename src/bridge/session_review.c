/* Sessions when the settings have changed, and when the gateway stops: many at once, a few at a time. */
#include "bridge/lane.h"
#include "bridge/session_parts.h"
#include "bridge/status.h"

/* Why it may not go on as the settings are now; NULL: it may. */
static const char *forbidden(const struct im_session *s, const struct route *route)
{
    struct jid local = im_session_local(s), remote = im_session_remote(s);

    if (!route || !slice_eq(route->name, im_session_name(s, SESSION_ROUTE)))
        return "the SIP domain has another route by now, or none";
    if (route->im == ROUTE_PAGER)
        return "the route's im is pager by now";
    return status_may_pass(s->bridge, &local, &remote) ? NULL : "the settings do not allow it any more";
}

void im_session_judge(struct im_session *s)
{
    struct bridge *b = s->bridge;
    const struct route *route;
    struct sip_target target;
    const char *why;

    if (s->generation == b->generation || s->state > SESSION_UP)
        return;
    s->generation = b->generation;
    route = directory_route_to(b->directory, im_session_name(s, SESSION_LOCAL_DOMAIN));
    why = forbidden(s, route);
    /* A next hop by name that is not known yet: the old one serves on. */
    if (!why && s->state == SESSION_UP && lane_target(b, route, im_session_name(s, SESSION_LOCAL_DOMAIN), &target) &&
        !sip_dialog_set_target(s->dialog, &target))
        why = "no memory for the route's new next hop";
    if (why)
        im_session_end_soon(s, why, b->sessions.ending++ / SESSION_END_BATCH);
}

static void judge_one(struct hash_node *node, void *arg)
{
    im_session_judge(container_of(node, struct im_session, by_pair));
}

bool sessions_reconsider(struct bridge *b, uint64_t *at, size_t n)
{
    if (*at == 0)
        b->sessions.ending = 0;
    return hash_walk(&b->sessions.by_pair, at, n, judge_one, NULL);
}

struct stopping {
    size_t left;
};

static void stop_one(struct hash_node *node, void *arg)
{
    struct stopping *stopping = arg;

    if (!stopping->left)
        return;
    stopping->left--;
    im_session_end(container_of(node, struct im_session, by_pair), "the gateway is shutting down");
}

bool sessions_stop(struct bridge *b, size_t n)
{
    struct stopping stopping = { n };

    hash_each(&b->sessions.by_pair, stop_one, &stopping);
    return b->sessions.by_pair.n == 0;
}
