/*
 * What is remembered of sources that prove by passwords who they are: how often one has failed of late, and since when it is
 * known to be somebody's. Entries are made only for who has answered a challenge of ours at its own address, so that nobody
 * fills the table, or locks another one out, with forged datagrams.
 */
#ifndef STOX_BRIDGE_PROVERS_H
#define STOX_BRIDGE_PROVERS_H

#include "base/recent.h"
#include "sip/sip.h"

#define PROVERS_BURST 10          /* failures at once; after that one in a second is looked at */
#define PROVERS_KNOWN_S 300       /* a source that has proven itself is no stranger for so long */
#define PROVERS_SOURCES_MAX 65536 /* beyond them the one that was seen longest ago begins anew; about 6 MB */

struct provers {
    struct recent sources;
};

void provers_init(struct provers *t);
void provers_fini(struct provers *t);

/* May this address try again? */
bool provers_may(const struct provers *t, const struct addr *ip, uint64_t now_ms);

/* It has failed. True: for the first time in a while, which is worth a line in the log. */
bool provers_failed(struct provers *t, const struct addr *ip, uint64_t now_ms);

/* The peer, at this port and transport, has proven itself. Without memory it stays a stranger. */
void provers_passed(struct provers *t, const struct sip_peer *peer, uint64_t now_ms);
bool provers_knows(const struct provers *t, const struct sip_peer *peer, uint64_t now_ms);

#endif
