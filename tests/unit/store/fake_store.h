/*
 * A store in memory, for the keeper's tests: it can be changed by another node at any moment, and fail on command. It takes
 * the place of the engines when a test is linked.
 */
#ifndef STOX_TEST_FAKE_STORE_H
#define STOX_TEST_FAKE_STORE_H

#include "store/store.h"

struct fake_row {
    char *kind, *name, *body; /* owned; body NULL: removed */
    uint64_t revision;
};

struct fake_audit {
    char *kind, *name, *before, *after; /* owned */
    uint64_t seq;
};

struct store {
    struct fake_row *rows;
    size_t n;
    uint64_t seq;
    struct fake_audit *audit;
    size_t n_audit;
    char who[64], from[64];  /* of the last commit */
    unsigned commits;        /* that were tried */
    enum store_result fails; /* what loading and changing come to; STORE_OK: they work */
    unsigned others;         /* so many times, another node is faster than the commit */
    bool reserves;           /* a reservation holds others back */
    bool reserved;
    const char *other_kind, *other_name, *other_body;
    struct store_watch watch;
};

/* Another node changes something; body NULL: removes it. Nobody is told. */
void fake_store_other(struct store *s, const char *kind, const char *name, const char *body);

/* NULL: there is none. */
const char *fake_store_body(const struct store *s, const char *kind, const char *name);

void fake_store_fini(struct store *s);

#endif
