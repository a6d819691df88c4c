/*
 * Where the servers of a destination are, remembered (RFC 3263 by find.h). An answer is good for the time to live of its records,
 * within bounds; when DNS is away after that, the last good answer goes on being used for a while, and the log says so once. What
 * cannot be found is not looked up again before a growing pause is over. Bounded: the destination not used for longest is
 * forgotten first.
 *
 * For one request, sip_request (attempt.h) does it all. Whoever begins a session gives the targets to sip_invite (dialog.h), which
 * tries them in their order:
 *
 *     struct sip_targets *t = sip_located(sip, &to);          known already: NULL means ask
 *     struct sip_lookup *l = sip_locate(sip, &to, on_located, me);
 *     ...
 *     d = sip_invite(sip, t, &invite, data);
 *     sip_targets_drop(t);
 */
#ifndef STOX_SIP_LOCATE_H
#define STOX_SIP_LOCATE_H

#include "base/hash.h"
#include "sip/destination.h"
#include "sip/fault.h"

#define SIP_LOCATED_MAX 4096     /* destinations remembered */
#define SIP_LOCATE_FRESH_MIN_S 5 /* of what DNS says, however short its time to live is */
#define SIP_LOCATE_FRESH_MAX_S 3600
#define SIP_LOCATE_STALE_S 3600      /* this much longer it is used while DNS is away */
#define SIP_LOCATE_PATIENCE_MS 2000  /* ... and a request waits so long for a better answer */
#define SIP_LOCATE_PAUSE_MIN_MS 2000 /* after a failure, doubled with each further one */
#define SIP_LOCATE_PAUSE_MAX_MS 60000

struct sip_locator {
    struct sip *sip;
    struct hash entries;
    struct list used; /* the one used last is the last */
};

void sip_locator_init(struct sip_locator *l, struct sip *sip);
void sip_locator_fini(struct sip_locator *l);

/* What is known and still good, to be given to sip_targets_drop; NULL: it has to be looked up. Fixed
 * addresses do not age. */
struct sip_targets *sip_located(struct sip *sip, const struct sip_destination *to);

/* The same of what was known last, however old it is; for administrators. */
struct sip_targets *sip_located_last(struct sip *sip, const struct sip_destination *to);

struct sip_lookup; /* lives until its callback or sip_locate_cancel */

/* targets NULL: none, and fault with a clause says why. Both borrowed until return. */
typedef void sip_located_done(void *arg, struct sip_targets *targets, enum sip_fault fault, const char *why);

/* The callback comes once, from the loop. NULL: no memory. */
struct sip_lookup *sip_locate(struct sip *sip, const struct sip_destination *to, sip_located_done *done, void *arg);
void sip_locate_cancel(struct sip_lookup *l); /* NULL is fine */

/* The order to try them in: the draw among equals, those that are down last, those to be left alone not at all. Returns how many. */
size_t sip_targets_order(struct sip *sip, const struct sip_targets *t, uint8_t order[SIP_TARGETS_MAX]);

#endif
