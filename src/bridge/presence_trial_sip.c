/* A test of presence asks SIP, and what the answer means. */
#include "bridge/bridge_private.h"
#include "bridge/presence.h"
#include "bridge/presence_trial.h"
#include "bridge/watch_x2s_parts.h"
#include "bridge/way.h"

#define MEM 8192
#define ARENA_MAX 65536
#define DOCUMENT_MAX (1024 * 1024)

static struct slice route_name(const struct presence_trial *t)
{
    const struct route *route = directory_route_to(t->bridge->directory, t->sip.domain);

    return route ? route->name : SLICE("NAME");
}

static size_t n_available(const struct map_presences *p)
{
    size_t n = 0;

    for (size_t i = 0; i < p->n; i++)
        n += p->v[i].available;
    return n;
}

static void say_published(struct presence_trial *t)
{
    _Alignas(16) char memory[MEM];
    struct map_presences all = { 0 };
    struct arena a;
    size_t n;

    arena_init_on(&a, memory, sizeof(memory), DOCUMENT_MAX);
    (void)publications_of(t->bridge, &t->sip, &a, &all);
    n = n_available(&all);
    arena_reset(&a);
    presence_trial_step(t, PRESENCE_STEP_POLL, STEP_OK, "the route's users publish here: %zu devices are available", n);
    presence_trial_say(&t->legs[PRESENCE_X2S], PRESENCE_FAULT_NONE,
                       n ? "The partner's user may see the SIP user, who has published that she is available."
                         : "The partner's user may see the SIP user, of whom nothing is published now: her SIP client, "
                           "or server, has to send PUBLISH here.");
}

void presence_trial_ask_sip(struct presence_trial *t)
{
    struct bridge *b = t->bridge;
    const struct route *route = directory_route_to(b->directory, t->sip.domain);
    _Alignas(16) char memory[MEM];
    struct sip_subscribe request;
    struct arena a;

    if (route->publish) {
        say_published(t);
        return;
    }
    arena_init_on(&a, memory, sizeof(memory), ARENA_MAX);
    if (watch_x2s_request(b, &t->sip, &t->xmpp, route, &a, &request)) {
        request.expires_s = 0;
        t->sub = sip_subscribe(b->sip, &request, NULL);
    }
    arena_reset(&a);
    if (t->sub) {
        presence_trial_step(t, PRESENCE_STEP_POLL, STEP_NOTE, "SUBSCRIBE with Expires 0 is on its way by route %.*s",
                            SLICE_FMT(route->name));
        return;
    }
    presence_trial_step(t, PRESENCE_STEP_POLL, STEP_FAILED, "SUBSCRIBE cannot be sent");
    presence_trial_say(&t->legs[PRESENCE_X2S], PRESENCE_FAULT_OTHER,
                       "SIP cannot be asked now: there are as many subscriptions as subscription-limit and "
                       "route-subscription-limit allow, or an address cannot be written on SIP.");
}

bool presence_trial_way(const struct presence_trial *t, struct arena *a, struct sip_destination *out)
{
    struct gate_refusal no;
    const struct route *route = presence_route(t->bridge, &t->sip, &t->xmpp, &no);

    return route && way_to(a, route, t->sip.domain, out);
}

static void say_document(struct presence_trial *t, const struct map_presences *p)
{
    size_t n = n_available(p);

    presence_trial_step(t, PRESENCE_STEP_NOTIFY, STEP_OK, "NOTIFY with a document: %zu of %zu devices are available", n,
                        p->n);
    presence_trial_say(&t->legs[PRESENCE_X2S], PRESENCE_FAULT_NONE,
                       "The SIP system lets the partner's user see the SIP user, who is %s now.",
                       n ? "available" : "unavailable");
}

static void say_undecided(struct presence_trial *t)
{
    const struct contact *c = contact_find(t->bridge, &t->sip, &t->xmpp);
    bool asking = c && c->x2s == CONTACT_X2S_ASKING;

    presence_trial_step(t, PRESENCE_STEP_NOTIFY, STEP_NOTE, "NOTIFY: pending, the SIP side has not decided");
    presence_trial_say(&t->legs[PRESENCE_X2S], asking ? PRESENCE_FAULT_PENDING : PRESENCE_FAULT_NONE,
                       asking
                           ? "The partner's user has asked, and the SIP system waits for the SIP user, or her "
                             "administrator, to allow it."
                           : "The way to the SIP user works; her SIP system asks her, or her administrator, when the "
                             "partner's user wants to watch her.");
}

static void say_rejected(struct presence_trial *t, const char *what)
{
    presence_trial_step(t, PRESENCE_STEP_NOTIFY, STEP_FAILED, "the subscription is terminated, %s", what);
    presence_trial_say(&t->legs[PRESENCE_X2S], PRESENCE_FAULT_REFUSED,
                       "The SIP system does not let the partner's user watch the SIP user (terminated, %s): its rules "
                       "of who may see whom decide that.",
                       what);
}

static void say_empty(struct presence_trial *t)
{
    presence_trial_step(t, PRESENCE_STEP_NOTIFY, STEP_OK, "NOTIFY without a document");
    presence_trial_say(&t->legs[PRESENCE_X2S], PRESENCE_FAULT_NONE,
                       "The way to the SIP user works; her SIP system says nothing of her to one who polls: nobody has "
                       "published, or it has not allowed the partner's user yet.");
}

unsigned presence_trial_notified(struct presence_trial *t, const struct sip_sub_notified *n)
{
    _Alignas(16) char memory[MEM];
    struct map_presences said = { 0 };
    bool has = false;
    struct arena a;
    unsigned status;

    if (t->legs[PRESENCE_X2S].state != PRESENCE_LEG_RUNS)
        return 200;
    arena_init_on(&a, memory, sizeof(memory), DOCUMENT_MAX);
    status = watch_x2s_read(t->bridge, &t->sip, &a, n->msg, &said, &has);
    if (n->state == SIP_SUB_PENDING)
        say_undecided(t);
    else if (n->state == SIP_SUB_TERMINATED && (n->reason == SIP_REASON_REJECTED || n->reason == SIP_REASON_NORESOURCE))
        say_rejected(t, sip_sub_reason_name(n->reason));
    else if (status != 200)
        presence_trial_say(&t->legs[PRESENCE_X2S], PRESENCE_FAULT_OTHER,
                           "The SIP system's NOTIFY has a body that is no PIDF document (answered %u): its presence "
                           "server has to send application/pidf+xml alone.",
                           status);
    else if (has)
        say_document(t, &said);
    else
        say_empty(t);
    arena_reset(&a);
    presence_trial_go_on(t);
    return n->state == SIP_SUB_TERMINATED ? 200 : status;
}

static const char *meaning_of(unsigned status)
{
    switch (status) {
    case 404:
    case 604: return "it knows no such person: is the address right, and is he served there?";
    case 401:
    case 407: return "it asks Stox for a password: let it trust Stox by address or certificate, or set next-hop-user";
    case 403:
    case 603: return "it does not let the partner's user, or Stox, subscribe: its rules of presence decide that";
    case 405:
    case 489:
    case 501: return "it has no presence: set the route's presence to no, or send SUBSCRIBE to a presence server there";
    case 423: return "it wants longer subscriptions, even of one who polls";
    case 480:
    case 486:
    case 600: return "it says nothing of the person now: he is not signed in there";
    default:
        return status >= 500 && status < 600 ? "it cannot serve now, or cannot reach the person's own server"
                                             : "its log says more";
    }
}

void presence_trial_say_no_end(struct presence_trial *t, const struct sip_sub_end *end)
{
    struct presence_leg *leg = &t->legs[PRESENCE_X2S];
    struct slice route = route_name(t);

    if (end->status) {
        presence_trial_step(t, PRESENCE_STEP_POLL, STEP_FAILED, "the SIP server answers %u", end->status);
        presence_trial_say(leg,
                           end->status == 403 || end->status == 603 ? PRESENCE_FAULT_REFUSED : PRESENCE_FAULT_OTHER,
                           "The SIP server answered SUBSCRIBE with %u: %s.", end->status, meaning_of(end->status));
    } else if (end->why == SIP_SUB_END_SILENT) {
        presence_trial_step(t, PRESENCE_STEP_NOTIFY, STEP_FAILED, "no NOTIFY has come");
        presence_trial_say(leg, PRESENCE_FAULT_OTHER,
                           "The SIP server took SUBSCRIBE and no NOTIFY has come: it must be able to reach Stox at the "
                           "address in Contact, from a source of route %.*s (the route's sources).",
                           SLICE_FMT(route));
    } else {
        presence_trial_step(t, PRESENCE_STEP_POLL, STEP_FAILED, "no SIP server has answered");
        presence_trial_say(leg, PRESENCE_FAULT_UNREACHABLE,
                           "No SIP server of route %.*s has answered: \"stoxctl route test %.*s\" tries it step by "
                           "step.",
                           SLICE_FMT(route), SLICE_FMT(route));
    }
}

void presence_trial_ended(struct presence_trial *t, const struct sip_sub_end *end)
{
    t->sub = NULL;
    if (t->legs[PRESENCE_X2S].state != PRESENCE_LEG_RUNS)
        return;
    presence_trial_say_no_end(t, end);
    presence_trial_go_on(t);
}
