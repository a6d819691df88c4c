/* What a test message's end means to an administrator, and what helps. The gates are asked once more, by name. */
#include <stdio.h>

#include "bridge/trial.h"

static void say(struct trial *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void say(struct trial *t, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(t->diagnosis, sizeof(t->diagnosis), fmt, ap);
    va_end(ap);
}

static struct slice why_of(const struct trial *t)
{
    return t->end.why.n ? slice_first(t->end.why, 600) : SLICE("it had no memory for it");
}

/* ---- the gates ---- */

static bool say_type(struct trial *t, struct slice remote)
{
    const struct listed *partner = directory_partner(t->bridge->directory, remote);

    if (t->way != SCORE_X2S || !partner || partner->settings->type != PARTNER_PUBLIC_UNVERIFIED)
        return false;
    say(t, "The partner's type lets its users write to nobody who has not got them among his contacts: %.*s.",
        SLICE_FMT(why_of(t)));
    return true;
}

/* The first gate that is closed. False: all are open, or it was something else. */
static bool say_gate(struct trial *t)
{
    const struct jid *ours = t->way == SCORE_S2X ? &t->from : &t->to, *theirs = t->way == SCORE_S2X ? &t->to : &t->from;

    return trial_words_policy(t->bridge, ours, t->diagnosis) ||
           trial_words_partner(t->bridge, theirs->domain, t->diagnosis) ||
           trial_words_block(t->bridge, ours, theirs, t->diagnosis) || say_type(t, theirs->domain);
}

/* ---- toward the partner ---- */

/* Why the partner could not be reached, in the words of the set-up that failed last. */
static void say_unreachable(struct trial *t, const char *what)
{
    trial_words_unreachable(t->bridge, t->from.domain, t->to.domain, what, why_of(t), t->diagnosis);
}

static void say_condition(struct trial *t, const char *condition, const char *when)
{
    static const struct {
        const char *condition, *meaning;
    } meanings[] = {
        { "item-not-found", "there is no such person on the partner's server: is the address right?" },
        { "service-unavailable", "the person's server does not take messages for this address: there may be no such "
                                 "person, or nobody who may write from outside" },
        { "recipient-unavailable", "the person cannot be reached now: try again when he is online" },
        { "remote-server-not-found", "the partner's server does not find a server further on" },
        { "remote-server-timeout", "the partner's server waits in vain for another one" },
        { "resource-constraint",
          "the partner's server or the person's mailbox is full or limits how fast one may write" },
        { "forbidden", "the partner does not let this sender write: ask its administrator" },
        { "not-allowed", "the partner does not let this sender write: ask its administrator" },
        { "policy-violation", "a rule of the partner's forbids it: ask its administrator" },
        { "subscription-required", "the person takes messages from his contacts only" },
        { "registration-required", "the person takes messages from those who are registered only" },
        { "gone", "the person has moved: the address is out of date" },
    };
    const char *meaning = "ask the partner's administrator, whose log says more";

    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
        if (strcmp(meanings[i].condition, condition) == 0)
            meaning = meanings[i].meaning;
    say(t, "The partner's server %s the message (%s): %s.", when, condition, meaning);
}

static void judge_to_xmpp(struct trial *t)
{
    switch (t->end.outcome) {
    case SCORE_DELIVERED:
        t->works = !t->bounced;
        if (t->bounced)
            say_condition(t, t->bounced, "acknowledged and then gave back");
        else
            say(t, "The partner's server has acknowledged the message. Whether it is read, only the person can say.");
        return;
    case SCORE_UNCONFIRMED:
        say(t, "The message was written, but this partner confirms nothing, so whether it arrived is unknown: ask the "
               "person, or let the partner turn on stream management (XEP-0198) or answer pings (XEP-0199).");
        return;
    case SCORE_TIMED_OUT: say_unreachable(t, "The partner's server did not acknowledge within hold-time"); return;
    case SCORE_UNKNOWN: say_unreachable(t, "The stream broke before the acknowledgement"); return;
    default: break;
    }
    if (t->end.condition)
        say_condition(t, t->end.condition, "gave back");
    else if (say_gate(t))
        return;
    else if (t->end.status == 504 || t->end.status == 404)
        say_unreachable(t, "The partner cannot be reached");
    else if (t->end.status == 480)
        say(t, "A limit refused it: %.*s. Wait, or raise the limit (stoxctl gateway show).", SLICE_FMT(why_of(t)));
    else
        say(t, "The gateway refused it: %.*s.", SLICE_FMT(why_of(t)));
}

/* ---- toward SIP ---- */

static void say_status(struct trial *t)
{
    unsigned status = t->end.status;
    const char *meaning = "its log says more";

    if (status == 404 || status == 604)
        meaning = "it knows no such person: is the address right, and is he served there?";
    else if (status == 480 || status == 486 || status == 600 || status == 603)
        meaning = "the person is not signed in, or does not want to be reached now";
    else if (status == 401 || status == 407)
        meaning = "it asks Stox for a password: let it trust Stox by address or certificate";
    else if (status == 403)
        meaning = "it does not take messages from Stox: let it trust Stox (docs/SIP.md)";
    else if (status == 405 || status == 415 || status == 501)
        meaning = "it does not take such messages: the route's im mode may be another than the server's";
    else if (status == 482 || status == 483)
        meaning = "the message goes round: two servers lead to each other";
    else if (status >= 500 && status < 600)
        meaning = "it cannot serve now, or cannot reach the person's own server";
    say(t, "The SIP server answered %u: %s.", status, meaning);
}

static void judge_to_sip(struct trial *t)
{
    const struct route *route = directory_route_to(t->bridge->directory, t->to.domain);
    struct slice name = route ? route->name : SLICE("NAME");

    t->works = t->end.outcome == SCORE_DELIVERED;
    if (t->works)
        say(t,
            "The SIP server of route %.*s has taken the message. The way from the partner's server to this gateway is "
            "not part "
            "of this test: stoxctl partner test has it.",
            SLICE_FMT(name));
    else if (t->end.status)
        say_status(t);
    else if (t->end.outcome == SCORE_TIMED_OUT)
        say(t,
            "%.*s. Is it up, does it listen there, and is nothing in between? \"stoxctl route test %.*s\" tries it "
            "step "
            "by step.",
            SLICE_FMT(why_of(t)), SLICE_FMT(name));
    else if (!say_gate(t))
        say(t, "The gateway refused it: %.*s.", SLICE_FMT(why_of(t)));
}

void trial_judge(struct trial *t)
{
    const char *condition = t->bounced ? t->bounced : t->end.condition;

    if (t->way == SCORE_S2X)
        judge_to_xmpp(t);
    else
        judge_to_sip(t);
    t->error[0] = '\0';
    if (t->works)
        return;
    if (t->end.status && condition)
        snprintf(t->error, sizeof(t->error), "%u, %s", t->end.status, condition);
    else if (t->end.status)
        snprintf(t->error, sizeof(t->error), "%u", t->end.status);
    else
        snprintf(t->error, sizeof(t->error), "%s", condition ? condition : "not delivered");
}
