/*
 * May this request of the SIP side pass? Every method that has an effect asks here, so that what holds for a MESSAGE holds
 * for all: may the source speak for the domain in From (STOX-ARCH-08, STOX-SEC-08), may that user talk to partners, does a
 * partner have the domain in the Request-URI, is nobody blocked, is the user within his rate (STOX-SEC-15)? What is
 * remembered is the rate alone: a changed setting counts for the next request.
 */
#ifndef STOX_BRIDGE_ADMIT_H
#define STOX_BRIDGE_ADMIT_H

#include "base/arena.h"
#include "sip/sip.h"
#include "xmpp/jid.h"

struct bridge;

/* Who writes to whom, as XMPP writes them. In the arena. */
struct admitted {
    struct jid from, to;
};

/* What it is answered with. */
struct admit_refusal {
    unsigned status;
    const char *reason;   /* for the one who asked; NULL: the standard phrase */
    const char *why;      /* for the administrator; NULL: the reason says it */
    struct slice headers; /* further lines, each with CRLF; constant or in the arena */
    struct slice remote;  /* the partner's domain, as far as it is known; in the arena */
};

/* False: no is filled in, and the request is to be answered with it. */
bool admit(struct bridge *b, const struct sip_msg *m, const struct sip_peer *peer, struct arena *a,
           struct admitted *out, struct admit_refusal *no);

/* The same for one who subscribes to presence: with rates of its own. */
bool admit_watcher(struct bridge *b, const struct sip_msg *m, const struct sip_peer *peer, struct arena *a,
                   struct admitted *out, struct admit_refusal *no);

/* One who asks about his own address: he publishes, or wants to know who watches him. False: no is filled in. */
bool admit_owner(struct bridge *b, const struct sip_msg *m, const struct sip_peer *peer, struct arena *a,
                 struct jid *who, struct admit_refusal *no);

/* Within the sender's rate? For what comes in a session that was admitted; admit asks it too. False: no is filled in. */
bool admit_rate(struct bridge *b, const struct jid *from, struct admit_refusal *no);

/* Counts the refusal, logs it, and answers the request with it. */
void admit_refuse(struct bridge *b, const struct sip_request *request, const struct admit_refusal *no);

#endif
