/* What a test of presence finds in settings and contacts. */
#include <stdio.h>

#include "bridge/bridge_private.h"
#include "bridge/presence.h"
#include "bridge/presence_trial.h"
#include "bridge/watch_s2x_parts.h"

#define NAME 300

const char *presence_step_name(unsigned step)
{
    static const char *const names[PRESENCE_STEPS] = {
        [PRESENCE_STEP_ADDRESSES] = "addresses", [PRESENCE_STEP_POLICY] = "policy", [PRESENCE_STEP_PARTNER] = "partner",
        [PRESENCE_STEP_BLOCKS] = "blocks",       [PRESENCE_STEP_ROUTE] = "route",   [PRESENCE_STEP_CONTACT] = "contact",
        [PRESENCE_STEP_TYPE] = "type",           [PRESENCE_STEP_PROBE] = "probe",   [PRESENCE_STEP_ANSWER] = "answer",
        [PRESENCE_STEP_POLL] = "poll",           [PRESENCE_STEP_NOTIFY] = "notify",
    };

    return names[step];
}

const char *presence_fault_name(enum presence_fault fault)
{
    static const char *const names[PRESENCE_FAULTS] = { "none", "policy",      "partner", "blocked", "route",
                                                        "type", "unreachable", "refused", "pending", "other" };

    return names[fault];
}

void presence_trial_step(struct presence_trial *t, enum presence_step step, enum step_result result, const char *fmt,
                         ...)
{
    va_list ap;

    va_start(ap, fmt);
    steps_vadd(&t->steps, loop_now(t->bridge->loop), step, result, fmt, ap);
    va_end(ap);
}

void presence_trial_say(struct presence_leg *leg, enum presence_fault fault, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(leg->said, sizeof(leg->said), fmt, ap);
    va_end(ap);
    leg->fault = fault;
    leg->state = PRESENCE_LEG_DONE;
}

static bool closed(struct presence_trial *t, enum presence_step step, enum presence_fault fault, const char *said,
                   enum presence_fault *out)
{
    presence_trial_step(t, step, STEP_FAILED, "%s", said);
    *out = fault;
    return false;
}

static bool gate_partner(struct presence_trial *t, enum presence_fault *fault, char out[TRIAL_SENTENCE])
{
    static const char *const types[] = { "federated", "public-verified", "public-unverified" };
    struct slice domain = slice_first(t->xmpp.domain, NAME), name;
    const struct listed *partner;

    if (trial_words_partner(t->bridge, t->xmpp.domain, out))
        return closed(t, PRESENCE_STEP_PARTNER, PRESENCE_FAULT_PARTNER, out, fault);
    partner = directory_partner(t->bridge->directory, t->xmpp.domain);
    name = slice_first(partner->settings->name, NAME);
    if (!partner->settings->presence) {
        (void)snprintf(out, TRIAL_SENTENCE,
                       "With %.*s messages are passed, and no presence: \"stoxctl partner set %.*s --presence yes\" "
                       "changes that.",
                       SLICE_FMT(name), SLICE_FMT(name));
        return closed(t, PRESENCE_STEP_PARTNER, PRESENCE_FAULT_PARTNER, out, fault);
    }
    presence_trial_step(t, PRESENCE_STEP_PARTNER, STEP_OK, "%.*s is a domain of partner %.*s, type %s, with presence",
                        SLICE_FMT(domain), SLICE_FMT(name), types[partner->settings->type]);
    return true;
}

static bool gate_route(struct presence_trial *t, enum presence_fault *fault, char out[TRIAL_SENTENCE])
{
    const struct route *route = directory_route_to(t->bridge->directory, t->sip.domain);

    if (!route->presence) {
        (void)snprintf(out, TRIAL_SENTENCE,
                       "Route %.*s has no presence: \"stoxctl route set %.*s --presence yes\" changes that.",
                       SLICE_FMT(route->name), SLICE_FMT(route->name));
        return closed(t, PRESENCE_STEP_ROUTE, PRESENCE_FAULT_ROUTE, out, fault);
    }
    presence_trial_step(t, PRESENCE_STEP_ROUTE, STEP_OK, "%.*s is reached by route %.*s, with presence",
                        SLICE_FMT(slice_first(t->sip.domain, NAME)), SLICE_FMT(route->name));
    return true;
}

static void describe_contact(struct presence_trial *t)
{
    static const char *const x2s[CONTACT_X2S_N] = { "may not watch", "has asked to watch", "may watch" };
    static const char *const s2x[CONTACT_S2X_N] = { "has not asked", "has asked and got no answer", "may watch",
                                                    "was refused" };
    const struct contact *c = contact_find(t->bridge, &t->sip, &t->xmpp);

    if (!c)
        presence_trial_step(t, PRESENCE_STEP_CONTACT, STEP_NOTE, "these two are no contact: neither watches the other");
    else
        presence_trial_step(t, PRESENCE_STEP_CONTACT, STEP_NOTE,
                            "the SIP user %s (%zu subscriptions now); the partner's user %s%s", s2x[c->s2x],
                            c->s2x_watch ? watch_s2x_n_dialogs(c->s2x_watch) : 0, x2s[c->x2s],
                            c->added ? "; the SIP user has added the partner's" : "");
}

bool presence_trial_gates(struct presence_trial *t, enum presence_fault *fault, char out[TRIAL_SENTENCE])
{
    struct gate_refusal no;

    if (trial_words_policy(t->bridge, &t->sip, out))
        return closed(t, PRESENCE_STEP_POLICY, PRESENCE_FAULT_POLICY, out, fault);
    presence_trial_step(t, PRESENCE_STEP_POLICY, STEP_OK, "the SIP user may talk to partners");
    if (!gate_partner(t, fault, out))
        return false;
    if (trial_words_block(t->bridge, &t->sip, &t->xmpp, out))
        return closed(t, PRESENCE_STEP_BLOCKS, PRESENCE_FAULT_BLOCKED, out, fault);
    presence_trial_step(t, PRESENCE_STEP_BLOCKS, STEP_OK, "nobody of these is blocked");
    if (!gate_route(t, fault, out))
        return false;
    if (!presence_route(t->bridge, &t->sip, &t->xmpp, &no)) { /* the gate that counts has the last word */
        (void)snprintf(out, TRIAL_SENTENCE, "The gateway refuses it: %s.", no.why);
        return closed(t, PRESENCE_STEP_ROUTE, PRESENCE_FAULT_OTHER, out, fault);
    }
    describe_contact(t);
    return true;
}

static void gate_x2s_leg(struct presence_trial *t)
{
    struct gate_refusal no;

    if (presence_may_ask(t->bridge, &t->sip, &t->xmpp, &no)) {
        presence_trial_step(t, PRESENCE_STEP_TYPE, STEP_OK, "the partner's type lets its user ask to watch");
        return;
    }
    presence_trial_step(t, PRESENCE_STEP_TYPE, STEP_FAILED, "%s", no.why);
    presence_trial_say(&t->legs[PRESENCE_X2S], PRESENCE_FAULT_TYPE,
                       "The partner's user may not ask to watch the SIP user: %s.", no.why);
}

/* He said no, and nothing that she asks now changes that. */
static void gate_s2x_leg(struct presence_trial *t)
{
    const struct contact *c = contact_find(t->bridge, &t->sip, &t->xmpp);

    if (!c || c->s2x != CONTACT_S2X_DENIED)
        return;
    presence_trial_step(t, PRESENCE_STEP_CONTACT, STEP_FAILED, "the partner's user has refused the SIP user");
    presence_trial_say(&t->legs[PRESENCE_S2X], PRESENCE_FAULT_REFUSED,
                       "The partner's user has refused to be watched. He can still accept; after denied-hold he may be "
                       "asked again, or "
                       "at once when \"stoxctl contact remove\" has taken the contact away.");
}

void presence_trial_leg_gates(struct presence_trial *t, enum presence_way way)
{
    if (way == PRESENCE_S2X)
        gate_s2x_leg(t);
    else
        gate_x2s_leg(t);
}
