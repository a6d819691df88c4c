/* A test of presence asks XMPP, and what the answer means. */
#include <stdio.h>

#include "bridge/bridge_private.h"
#include "bridge/presence.h"
#include "bridge/presence_trial.h"
#include "xmpp/writer.h"

static enum contact_s2x s2x_of(const struct presence_trial *t)
{
    const struct contact *c = contact_find(t->bridge, &t->sip, &t->xmpp);

    return c ? c->s2x : CONTACT_S2X_NONE;
}

void presence_trial_say_unreachable(struct presence_trial *t, const char *why)
{
    struct presence_leg *leg = &t->legs[PRESENCE_S2X];

    presence_trial_step(t, PRESENCE_STEP_PROBE, STEP_FAILED, "%s", why);
    presence_trial_say(leg, PRESENCE_FAULT_UNREACHABLE, "%s", why);
    trial_words_unreachable(t->bridge, t->sip.domain, t->xmpp.domain, "The partner cannot be reached", slice_str(why),
                            leg->said);
}

static bool send_ping(struct presence_trial *t, enum xmpp_fate *fate)
{
    struct buf *out = &t->bridge->scratch;
    const struct jid ours = { .domain = t->sip.domain }, theirs = { .domain = t->xmpp.domain };

    buf_clear(out);
    buf_printf(out, "<iq type='get' id='stox-test-%llx'", (unsigned long long)t->token);
    xml_put_attr_jid(out, "from", &ours);
    xml_put_attr_jid(out, "to", &theirs);
    buf_str(out, "><ping xmlns='urn:xmpp:ping'/></iq>");
    return bridge_send(t->bridge, t->sip.domain, t->xmpp.domain, t->token, 0, fate);
}

void presence_trial_ask_xmpp(struct presence_trial *t)
{
    struct bridge *b = t->bridge;
    bool asked = s2x_of(t) == CONTACT_S2X_ASKED, sent;
    enum xmpp_fate fate = XMPP_FATE_FULL;
    char id[40];

    t->token = b->next_token++;
    (void)snprintf(id, sizeof(id), "stox-test-%llx", (unsigned long long)t->token);
    t->listens = !asked;
    sent = asked ? send_ping(t, &fate) : presence_send(b, &t->sip, &t->xmpp, "probe", slice_str(id), t->token, &fate);
    if (sent) {
        presence_trial_step(t, PRESENCE_STEP_PROBE, STEP_NOTE,
                            asked ? "a ping is on its way to the partner's server: a probe's answer would count as his"
                                  : "a probe is on its way to the partner's server");
        return;
    }
    t->token = 0;
    t->listens = false;
    presence_trial_say_unreachable(t, bridge_refusal(b, t->sip.domain, t->xmpp.domain, fate));
}

/* The partner's server has it. */
static void arrived(struct presence_trial *t, bool confirmed)
{
    presence_trial_step(t, PRESENCE_STEP_PROBE, confirmed ? STEP_OK : STEP_NOTE, "%s",
                        confirmed ? "the partner's server has acknowledged it"
                                  : "it was written; this partner acknowledges nothing");
    if (t->listens)
        t->asked_until_ms = loop_now(t->bridge->loop) + PRESENCE_TRIAL_PROBE_MS;
    else
        presence_trial_say(&t->legs[PRESENCE_S2X], PRESENCE_FAULT_PENDING,
                           "The SIP user has asked to watch the partner's user, who has not answered: he has to accept "
                           "her request. The way to his server is open.");
}

bool presence_trials_settled(struct bridge *b, uint64_t token, enum xmpp_fate fate, const char *why)
{
    list_each (l, &b->presence_trials.all) {
        struct presence_trial *t = container_of(l, struct presence_trial, entry.link);

        if (t->token != token)
            continue;
        t->token = 0;
        if (t->legs[PRESENCE_S2X].state == PRESENCE_LEG_RUNS) {
            if (fate == XMPP_FATE_CONFIRMED || fate == XMPP_FATE_UNCONFIRMED)
                arrived(t, fate == XMPP_FATE_CONFIRMED);
            else
                presence_trial_say_unreachable(t, why ? why : "the stream broke");
            presence_trial_go_on(t);
        }
        return true;
    }
    return false;
}

static void say_not_allowed(struct presence_trial *t)
{
    struct presence_leg *leg = &t->legs[PRESENCE_S2X];
    enum contact_s2x was = s2x_of(t);

    presence_trial_step(t, PRESENCE_STEP_ANSWER, was == CONTACT_S2X_NONE ? STEP_OK : STEP_FAILED,
                        "the partner's server answers that the SIP user may not watch");
    if (was == CONTACT_S2X_NONE)
        presence_trial_say(leg, PRESENCE_FAULT_NONE,
                           "The way to the partner's user works; the SIP user does not watch him yet: when her client "
                           "subscribes, he is asked.");
    else
        presence_trial_say(leg, PRESENCE_FAULT_REFUSED,
                           "The partner's server says that its user does not let the SIP user watch him any more: she "
                           "has to ask him anew (after denied-hold, or when the contact is removed).");
}

static void say_error(struct presence_trial *t, const char *condition)
{
    presence_trial_step(t, PRESENCE_STEP_ANSWER, STEP_FAILED, "the partner's server answers with an error, %s",
                        condition);
    presence_trial_say(&t->legs[PRESENCE_S2X], PRESENCE_FAULT_OTHER,
                       "The partner's server answers the probe with the error %s: is the address right, and may he be "
                       "watched from outside? Its administrator can see why.",
                       condition);
}

static void say_state(struct presence_trial *t, bool available)
{
    presence_trial_step(t, PRESENCE_STEP_ANSWER, STEP_OK, "the partner's user is %s",
                        available ? "available" : "unavailable");
    presence_trial_say(&t->legs[PRESENCE_S2X], PRESENCE_FAULT_NONE,
                       "The SIP user may see the partner's user, who is %s now.",
                       available ? "available" : "unavailable");
}

void presence_trials_see(struct bridge *b, const struct xmpp_stanza *stanza, const char *condition)
{
    struct slice type = xml_attr(stanza->el, "type");

    list_each (l, &b->presence_trials.all) {
        struct presence_trial *t = container_of(l, struct presence_trial, entry.link);

        if (!t->listens || t->legs[PRESENCE_S2X].state != PRESENCE_LEG_RUNS || !jid_bare_eq(&t->xmpp, stanza->from) ||
            !jid_bare_eq(&t->sip, stanza->to))
            continue;
        if (condition)
            say_error(t, condition);
        else if (slice_is(type, "unsubscribed"))
            say_not_allowed(t);
        else if (!type.n || slice_is(type, "unavailable"))
            say_state(t, !type.n);
        presence_trial_go_on(t);
    }
}

void presence_trial_say_silent(struct presence_trial *t)
{
    bool granted = s2x_of(t) == CONTACT_S2X_GRANTED;

    presence_trial_step(t, PRESENCE_STEP_ANSWER, STEP_NOTE, "nothing has come back; a server need not answer that");
    presence_trial_say(&t->legs[PRESENCE_S2X], PRESENCE_FAULT_NONE,
                       granted
                           ? "The SIP user may see the partner's user, whose server has taken the question and says "
                             "nothing: he is not there."
                           : "The way to the partner's server works; it tells strangers nothing. The SIP user does "
                             "not watch him yet: when her client subscribes, he is asked.");
}
