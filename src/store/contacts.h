/*
 * Contacts in the store: who of ours and who of a partner's watch each other (bridge/contact.h). They change all the time, so they
 * are neither configuration nor in the audit: a table of their own, with a number of their own for each change. Nodes that share
 * a database share them: the last change of a contact counts, and a removed one stays as such until all have had time to hear of it.
 *
 * Calls block and come one at a time, as all calls of a store. Give contacts a store of their own, beside the keeper's: a
 * transaction of contacts must not keep a change of settings waiting, nor the other way round.
 */
#ifndef STOX_STORE_CONTACTS_H
#define STOX_STORE_CONTACTS_H

#include "store/store.h"

#define STORE_CONTACT_MAX 2047 /* bytes of one bare address */

struct store_contact {
    struct slice local, remote; /* bare addresses: UTF-8 without NUL, not empty */
    uint64_t revision;          /* of the change that made it so; the store's to give */
    int64_t x2s_since_s, s2x_since_s;
    uint8_t x2s, s2x; /* the caller's numbers */
    bool added;
    bool gone; /* removed: only the addresses and the revision mean something */
};
/* c is valid during the call. Returns -1 with a sentence to stop the walk (memory). */
typedef int store_contact_fn(void *arg, const struct store_contact *c, struct err *err);

struct store_contacts {
    uint64_t head; /* the last change */
    bool whole;    /* all that are present were given: what was not is not there */
};

/*
 * Contacts that changed after since, gone ones too, each once, in no order; or, whole, all that are present: for since 0, and when
 * removals since then are forgotten already. As one moment shows them. STORE_FAULT when the store is behind since: an older
 * backup was put in its place.
 */
enum store_result store_contacts_load(struct store *s, uint64_t since, store_contact_fn *fn, void *arg,
                                      struct store_contacts *out, struct err *err);

/*
 * Writes them as one change, durable on return; revision is not looked at. Each contact once. *before: the change before it; its
 * own is *before + 1. After STORE_AWAY it may have been written nevertheless: do it again, that does no harm.
 */
enum store_result store_contacts_write(struct store *s, const struct store_contact *rows, size_t n, uint64_t *before,
                                       struct err *err);

#endif
