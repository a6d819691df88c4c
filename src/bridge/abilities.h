/*
 * What the SIP users' side has shown to take or not to take, besides texts. Learned from what it sends and refuses; forgotten
 * after a while, since people change their phones. The keyed hash of an address is all that is remembered of whose it is.
 */
#ifndef STOX_BRIDGE_ABILITIES_H
#define STOX_BRIDGE_ABILITIES_H

#include "base/recent.h"
#include "xmpp/jid.h"

enum ability {
    ABILITY_NO_COMPOSING, /* answered 415 to an isComposing document (STOX-CS-07): for a day */
    ABILITY_NO_CPIM,      /* answered 415 to message/cpim (STOX-RCP-19): for a day */
    ABILITY_IMDN,         /* sent one, or asked for one (STOX-RCP-18): for a week */
    ABILITY_NO_SESSIONS,  /* refused an INVITE for texts, or did not answer one (STOX-SES-02): for two hours */
    ABILITIES_N,
};

#define ABILITIES_USERS_MAX 65536 /* beyond them the one learned of longest ago is forgotten; about 6 MB */

struct abilities {
    struct recent users;
};

void abilities_init(struct abilities *a);
void abilities_fini(struct abilities *a);

/* This was seen just now. Without memory it is not remembered. Who shows IMDN has CPIM again, too. */
void abilities_note(struct abilities *a, const struct jid *user, enum ability ability, uint64_t now_ms);
/* It was seen to be otherwise. */
void abilities_forget(struct abilities *a, const struct jid *user, enum ability ability);

bool abilities_has(const struct abilities *a, const struct jid *user, enum ability ability, uint64_t now_ms);

#endif
