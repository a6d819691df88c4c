/* A peer's INVITE that comes before the servers of its route are known: it waits for DNS, which has its own bounds, and is answered
 * then. It may be taken back meanwhile, and expires as its Expires says (sip/dialog_in.c). */
#include <stdlib.h>

#include "bridge/session_parts.h"
#include "bridge/way.h"

static const struct slice nothing;

struct im_session_hold {
    struct sip_lookup *lookup; /* NULL: it has ended */
    size_t n_offer;            /* 0: there was none */
    char offer[];
};

void im_session_hold_free(struct im_session_hold *h)
{
    if (!h)
        return;
    sip_locate_cancel(h->lookup);
    free(h);
}

/* The settings may have changed meanwhile: the way is that of now. */
static void answer(struct im_session *s)
{
    struct slice domain = im_session_name(s, SESSION_LOCAL_DOMAIN);
    const struct route *route = directory_route_to(s->bridge->directory, domain);
    struct im_session_hold *h = s->hold;
    struct sip_target target;
    struct map_sdp sdp;
    bool offered = h->n_offer > 0;

    if (!route || !lane_target(s->bridge, route, domain, &target))
        im_session_refuse(s, 480, "The way back is closed for now", SLICE("Retry-After: 10\r\n"));
    else if (offered && map_sdp_read(slice_of(h->offer, h->n_offer), &sdp) != MAP_SDP_OK)
        im_session_refuse(s, 488, "No conversation in the offer", nothing);
    else
        (void)im_session_accept(s, &target, offered ? &sdp : NULL);
}

static void on_located(void *arg, struct sip_targets *targets, enum sip_fault fault, const char *why)
{
    struct im_session *s = arg;

    s->hold->lookup = NULL;
    if (s->state != SESSION_HELD) /* it is about to end */
        return;
    if (targets)
        answer(s);
    else
        im_session_refuse(s, 480, "The way back cannot be found", SLICE("Retry-After: 10\r\n"));
}

bool im_session_hold(struct im_session *s, const struct route *route, const struct sip_msg *m)
{
    struct im_session_hold *h = calloc(1, sizeof(*h) + m->body.n);
    char mem[WAY_MEM];
    struct arena arena;
    struct sip_destination to;

    if (!h)
        return false;
    s->hold = h;
    h->n_offer = m->body.n;
    if (m->body.n)
        memcpy(h->offer, m->body.p, m->body.n);
    arena_init_on(&arena, mem, sizeof(mem), WAY_ARENA_MAX);
    if (way_to(&arena, route, im_session_name(s, SESSION_LOCAL_DOMAIN), &to))
        h->lookup = sip_locate(s->bridge->sip, &to, on_located, s);
    arena_reset(&arena);
    if (!h->lookup)
        return false;
    s->state = SESSION_HELD;
    sip_dialog_set_data(s->dialog, s);
    return true;
}
