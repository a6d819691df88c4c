/*
 * The ledger: writes contacts behind the loop, from a thread with a store of its own. Changes become durable in the order in which
 * they were put; what waited while one transaction ran goes into the next, and of a contact that was changed again meanwhile only
 * the last state. What other nodes have written comes in by the same thread, so that both have one order.
 *
 * While the store is away it tries again, with growing pauses; what has waited for too long is given back, and is not written any
 * more. All that waits is bounded in bytes.
 */
#ifndef STOX_STORE_LEDGER_H
#define STOX_STORE_LEDGER_H

#include "store/contacts.h"

struct ledger;
struct ledger_entry;

/*
 * Of each contact, in the caller's object: what waits in it is replaced by a newer state. Zero at first; it may go when the last
 * number that was put with it is settled or dropped.
 */
struct ledger_place {
    struct ledger_entry *waiting; /* the ledger's, under its lock */
};

struct ledger_row {
    const struct store_contact *contact;
    struct ledger_place *place;
    uint64_t
        number; /* the last one that this state stands for, as for all earlier ones of its place that were not told yet */
};

struct ledger_news {
    const struct store_contact *rows;
    size_t n;
    bool whole; /* see struct store_contacts */
    bool first; /* of the parts in which they are given; the parts begin anew when the database is lost among them */
    bool last;
};

/* From the ledger's thread, one at a time; they may block, and ledger_put may be called meanwhile. Rows are borrowed. */
struct ledger_ops {
    void (*settled)(void *arg, const struct ledger_row *rows, size_t n); /* these are durable */
    void (*dropped)(void *arg, const struct ledger_row *rows, size_t n); /* these were not, and will not be, written */
    void (*news)(void *arg, const struct ledger_news *news); /* others' changes, and sometimes ours; latest states */
};

struct ledger_conf {
    struct store_conf store; /* as the keeper's */
    size_t bytes_max;        /* of what waits; 0: 64 MiB */
    unsigned give_up_ms;     /* how long something waits for a store that is away; 0: 10 s */
    unsigned flush_ms;       /* what ledger_close may take to write the rest; 0: 3 s */
};

/* Opens the store. NULL with a sentence. */
struct ledger *ledger_open(const struct ledger_conf *conf, struct err *err);

/* All contacts, once, before ledger_start, from the caller's thread: blocks, seconds for a million. -1 with a sentence. */
int ledger_load(struct ledger *l, store_contact_fn *fn, void *arg, struct err *err);

/* Starts the thread, and follows what other nodes do from what was loaded on. */
int ledger_start(struct ledger *l, const struct ledger_ops *ops, void *arg, struct err *err);

/* Never blocks. The number of the change, from 1 on; 0: no room or no memory, nothing happened. */
uint64_t ledger_put(struct ledger *l, const struct store_contact *contact, struct ledger_place *place);

struct ledger_info {
    uint64_t n_waiting, bytes; /* being written included */
    uint64_t n_written, n_transactions, n_dropped;
    bool away; /* the last try failed */
};
void ledger_look(struct ledger *l, struct ledger_info *out);

/* Writes what waits, ends the thread, closes the store. The callbacks must not wait for the one who calls this. NULL is fine. */
void ledger_close(struct ledger *l);

#endif
