/*
 * The gates of every conversation: the organisation's switch, the policy of the user of ours, the list of partners, what
 * the partner's type allows, and the block list. Nothing is remembered: a changed setting counts for the next message.
 */
#ifndef STOX_BRIDGE_GATE_H
#define STOX_BRIDGE_GATE_H

#include "bridge/directory.h"
#include "xmpp/jid.h"

/* Why a message may not pass. All texts are constant. */
struct gate_refusal {
    const char *text;             /* for the one who sent it */
    const char *why;              /* for the administrator */
    const char *type, *condition; /* of the stanza error; unused toward SIP */
};

/* May our user talk to partners at all? False: out is filled in. */
bool gate_user(const struct directory *d, const struct jid *user, struct gate_refusal *out);

/*
 * Are these two kept apart, by the block list, or because an address mixes scripts (STOX-SEC-21)? True: out is filled in
 * (type and condition too).
 */
bool gate_blocks(const struct directory *d, const struct jid *remote, const struct jid *local,
                 struct gate_refusal *out);

/* May anything pass from one of a partner's to our user, whatever the partner's type? The route that leads to him, or NULL with
 * out filled in. */
const struct route *gate_between(const struct directory *d, const struct jid *from, const struct jid *to,
                                 struct gate_refusal *out);

/* Does the partner's type ask whether our user has added from? */
bool gate_asks_added(const struct directory *d, const struct jid *from);

/* Does the partner's type let from begin? added: our user has added him (contact.h). False: out is filled in. */
bool gate_type(const struct directory *d, const struct jid *from, bool added, struct gate_refusal *out);

/* May from, of a partner, write to our user? Both of the above. */
const struct route *gate_x2s(const struct directory *d, const struct jid *from, const struct jid *to, bool added,
                             struct gate_refusal *out);

/* What the gates between two people find, for those who ask why. All is the configuration's. */
struct gate_look {
    const struct partner *partner; /* NULL: not listed */
    const struct route *route;     /* NULL: no SIP domain of ours has that name */
    const struct block *block;     /* the entry that keeps them apart; NULL: none */
    const char *blocked;           /* why gate_blocks keeps them apart, also without an entry; NULL: it does not */
};
void gate_look(const struct directory *d, const struct jid *remote, const struct jid *local, struct gate_look *out);

#endif
