/*
 * What is remembered of sources that prove by passwords who they are: how often one has failed of late, and since when it is
 * known to be somebody's. Entries are made only for who has answered a challenge of ours at its own address, so that nobody
 * fills the table, or locks another one out, with forged datagrams.
 */
#ifndef STOX_BRIDGE_TRIALS_H
#define STOX_BRIDGE_TRIALS_H

#include "base/hash.h"
#include "base/list.h"
#include "sip/sip.h"

#define TRIALS_BURST 10          /* failures at once; after that one in a second is looked at */
#define TRIALS_KNOWN_S 300       /* a source that has proven itself is no stranger for so long */
#define TRIALS_SOURCES_MAX 65536 /* beyond them the one that was seen longest ago begins anew; about 6 MB */

struct trials {
    struct hash sources;
    struct list by_age; /* seen longest ago first */
};

void trials_init(struct trials *t);
void trials_fini(struct trials *t);

/* May this address try again? */
bool trials_may(const struct trials *t, const struct addr *ip, uint64_t now_ms);

/* It has failed. True: for the first time in a while, which is worth a line in the log. */
bool trials_failed(struct trials *t, const struct addr *ip, uint64_t now_ms);

/* The peer, at this port and transport, has proven itself. Without memory it stays a stranger. */
void trials_passed(struct trials *t, const struct sip_peer *peer, uint64_t now_ms);
bool trials_knows(const struct trials *t, const struct sip_peer *peer, uint64_t now_ms);

#endif
