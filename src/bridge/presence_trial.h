/*
 * Tests of presence (stoxctl test presence): the way between a SIP user and a partner's user, walked step by step. The gates are asked
 * one by one, by name; then XMPP is asked by a probe in the SIP user's name, and SIP by a SUBSCRIBE with Expires 0 in the name of the
 * partner's user, on the streams and routes that their own would take. Both only ask: nobody is asked for a permission, no contact is
 * made, and none is changed by the test. What the other side answers counts as ever: a contact that it does not know any more is over.
 *
 * While the partner's user has not answered the SIP user's question, no probe goes, as its answer would count as his: a ping (XEP-0199)
 * between the two domains stands for it.
 */
#ifndef STOX_BRIDGE_PRESENCE_TRIAL_H
#define STOX_BRIDGE_PRESENCE_TRIAL_H

#include "base/arena.h"
#include "base/steps.h"
#include "base/timers.h"
#include "bridge/trial_list.h"
#include "bridge/trial_words.h"
#include "sip/subscription.h"
#include "xmpp/federation.h"

#define PRESENCE_TRIAL_KEEP_MS 600000 /* results */
#define PRESENCE_TRIAL_PROBE_MS 5000  /* from the acknowledgement of the probe to its answer */
#define PRESENCE_TRIAL_MS 75000       /* all of it: a SUBSCRIBE without NOTIFY has met its end by then */

enum presence_way { PRESENCE_S2X, PRESENCE_X2S, PRESENCE_WAYS }; /* who watches: our user, the partner's */

enum presence_step {
    PRESENCE_STEP_ADDRESSES,
    PRESENCE_STEP_POLICY,
    PRESENCE_STEP_PARTNER,
    PRESENCE_STEP_BLOCKS,
    PRESENCE_STEP_ROUTE,
    PRESENCE_STEP_CONTACT,
    PRESENCE_STEP_TYPE,
    PRESENCE_STEP_PROBE,
    PRESENCE_STEP_ANSWER,
    PRESENCE_STEP_POLL,
    PRESENCE_STEP_NOTIFY,
    PRESENCE_STEPS
};
const char *presence_step_name(unsigned step); /* "probe" */

enum presence_fault {
    PRESENCE_FAULT_NONE,
    PRESENCE_FAULT_POLICY,
    PRESENCE_FAULT_PARTNER,
    PRESENCE_FAULT_BLOCKED,
    PRESENCE_FAULT_ROUTE,
    PRESENCE_FAULT_TYPE,
    PRESENCE_FAULT_UNREACHABLE,
    PRESENCE_FAULT_REFUSED, /* by a person, or by the other side */
    PRESENCE_FAULT_PENDING, /* a person has not decided */
    PRESENCE_FAULT_OTHER,
    PRESENCE_FAULTS
};
const char *presence_fault_name(enum presence_fault fault); /* "unreachable"; NONE: "none" */

/* One direction. */
struct presence_leg {
    enum { PRESENCE_LEG_OFF, PRESENCE_LEG_RUNS, PRESENCE_LEG_DONE } state;
    enum presence_fault fault;
    char said[TRIAL_SENTENCE]; /* when done */
};

struct presence_trial {
    struct trial_entry entry;
    struct bridge *bridge;
    struct timer timer; /* patience, then the end of the result */
    struct arena arena; /* owns the addresses */
    struct jid sip, xmpp;
    struct steps steps;
    struct presence_leg legs[PRESENCE_WAYS];
    struct sip_sub *sub; /* the poll; NULL: none, or it has ended */
    uint64_t token;      /* of the probe, or ping, without fate; 0: none */
    bool listens;        /* a probe is out: what comes from the partner's user may be its answer */
    bool heard;          /* a NOTIFY has come */
    uint64_t ended_ms, until_ms, asked_until_ms;
    bool works; /* when done, as the next two */
    enum presence_fault fault;
    char verdict[2 * TRIAL_SENTENCE + 2];
};

void presence_trials_init(struct bridge *b);
void presence_trials_fini(struct bridge *b);

/* Begins one, in these directions. 0: *why says why not, *status with what (422, 429 or 503). */
uint64_t presence_trial_start(struct bridge *b, struct slice sip, struct slice xmpp, const bool ways[PRESENCE_WAYS],
                              unsigned *status, const char **why);
const struct presence_trial *presence_trial_find(const struct bridge *b,
                                                 uint64_t id); /* NULL: there is none, or no longer */

/* ---- what the bridge's presence sees ---- */

/* A stanza of presence has come, which is for others too. condition: of an error; NULL: it is none. */
void presence_trials_see(struct bridge *b, const struct xmpp_stanza *stanza, const char *condition);
/* False: the token is none of a test's. */
bool presence_trials_settled(struct bridge *b, uint64_t token, enum xmpp_fate fate, const char *why);

/* The test whose poll this is; NULL: it is none's. */
struct presence_trial *presence_trial_of(const struct bridge *b, const struct sip_sub *s);
unsigned presence_trial_notified(struct presence_trial *t, const struct sip_sub_notified *n);
bool presence_trial_way(const struct presence_trial *t, struct arena *a, struct sip_destination *out);
void presence_trial_ended(struct presence_trial *t, const struct sip_sub_end *end);

/* ---- presence_trial_gates.c ---- */

/* Asks what settings and contacts say, a step for each. False: something is closed: *fault, and out says what opens it. */
bool presence_trial_gates(struct presence_trial *t, enum presence_fault *fault, char out[TRIAL_SENTENCE]);
/* The same for what holds in one direction only; the leg is done where it is closed. */
void presence_trial_leg_gates(struct presence_trial *t, enum presence_way way);
void presence_trial_step(struct presence_trial *t, enum presence_step step, enum step_result result, const char *fmt,
                         ...) __attribute__((format(printf, 4, 5)));
void presence_trial_say(struct presence_leg *leg, enum presence_fault fault, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Something has changed: goes on to what comes next, or ends it. */
void presence_trial_go_on(struct presence_trial *t);

/* ---- presence_trial_xmpp.c ---- */

void presence_trial_ask_xmpp(struct presence_trial *t);
void presence_trial_say_unreachable(struct presence_trial *t, const char *why);
void presence_trial_say_silent(struct presence_trial *t); /* the probe has arrived, and no answer comes */

/* ---- presence_trial_sip.c ---- */

void presence_trial_ask_sip(struct presence_trial *t);
void presence_trial_say_no_end(struct presence_trial *t, const struct sip_sub_end *end); /* no NOTIFY has come */

#endif
