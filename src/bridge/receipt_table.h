/* The memory behind bridge/receipts.h. */
#ifndef STOX_BRIDGE_RECEIPT_TABLE_H
#define STOX_BRIDGE_RECEIPT_TABLE_H

#include "bridge/shares.h"
#include "map/imdn.h"

/* Which side sent the message, and so whose receipts are awaited. */
enum receipt_way { RECEIPT_OF_SIP, RECEIPT_OF_XMPP };

struct receipt {
    struct hash_node node;
    struct share share;
    bool received, failed, displayed; /* still to be told */
    uint64_t serial;                  /* RECEIPT_OF_XMPP: of all messages, in the order they were sent */
    struct slice id;                  /* how its sender knows it: the IMDN Message-ID, or the id of the stanza */
    struct slice resource, type;      /* RECEIPT_OF_SIP: of the sender in XMPP; of the stanza */
    struct slice date;                /* RECEIPT_OF_XMPP: of the message, as CPIM said */
    struct slice routes[MAP_IMDN_ROUTES_MAX]; /* RECEIPT_OF_XMPP: the way back */
    size_t n_routes;
    char bytes[];
};

struct receipt_table {
    struct hash entries; /* by fingerprint, which is all that tells them apart */
    struct shares shares;
    uint64_t serial; /* of the latest */
};

void receipt_table_init(struct receipt_table *t, size_t bytes_max, size_t n_max);
void receipt_table_fini(struct receipt_table *t);

/* Never 0. id: by which its receipts name the message. */
uint64_t receipt_print(const struct receipt_table *t, enum receipt_way way, struct slice id, const struct jid *remote,
                       const struct jid *local);

/* Keeps a copy of what given says, charged to partner; an entry of this print that is there goes. False: no memory or room. */
bool receipt_keep(struct receipt_table *t, uint64_t print, struct slice partner, const struct receipt *given);
struct receipt *receipt_find(const struct receipt_table *t, uint64_t print);
void receipt_drop(struct receipt_table *t, struct receipt *r);

#endif
