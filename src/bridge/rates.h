/*
 * How many messages one person may send. Excess is refused: slowing the stream down would make everybody pay who shares it.
 * A person who has not written for as long as the burst lasts is forgotten, so that only those who write take memory.
 */
#ifndef STOX_BRIDGE_RATES_H
#define STOX_BRIDGE_RATES_H

#include "base/recent.h"
#include "xmpp/jid.h"

#define RATES_BURST_S 10 /* so many seconds' worth may come at once: what piled up during an outage, a pasted page */
#define RATES_USERS_MAX 65536 /* beyond them the one who was silent longest begins anew; about 6 MB */

struct rates {
    struct recent users;
};

enum rates_verdict { RATES_PASS, RATES_EXCESS, RATES_NO_MEMORY };

void rates_init(struct rates *r);
void rates_fini(struct rates *r);

/* One message of this person, whatever the resource. per_s 0: no limit. */
enum rates_verdict rates_take(struct rates *r, const struct jid *user, unsigned per_s, uint64_t now_ms);

#endif
