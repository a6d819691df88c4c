/*
 * A connection to the first of several addresses that answers (RFC 8305 5): one address after the other, the next one a
 * quarter of a second after the last while that is still pending, or at once when it has failed. Whoever connects first wins;
 * the others are cut, and tried again when the owner says that the winner was of no use.
 */
#ifndef STOX_NET_RACE_H
#define STOX_NET_RACE_H

#include "net/conn.h"

#define RACE_ADDRS_MAX 32
#define RACE_STAGGER_MS 250 /* RFC 8305 8: Connection Attempt Delay */
#define RACE_AT_ONCE_MAX 4

/* Called from the loop; may also from inside race_start and race_next. */
struct race_ops {
    /* May it be connected to? Asked before an address is tried, and once more (again) of the connection that won. */
    bool (*may)(void *owner, const struct addr *to, bool again);
    /* This address is out. why: a clause; borrowed until return. */
    void (*missed)(void *owner, const struct addr *to, enum conn_end end, const char *why);
    /* c is the owner's, who sets its callbacks at once (conn_set_owner). The race rests; it may be ended in here. */
    void (*won)(void *owner, struct conn *c);
    /* Every address is out. The race may be ended in here. */
    void (*lost)(void *owner);
};

struct race;

struct race_runner {
    struct race *race;
    struct conn *conn; /* RUNNING */
    struct addr to;
    enum { RACE_WAITING, RACE_RUNNING, RACE_OUT } state;
};

struct race {
    struct loop *loop;
    struct conn_conf conf; /* ops and owner are the race's own */
    const struct race_ops *ops;
    void *owner;
    struct race_runner runners[RACE_ADDRS_MAX];
    size_t n;
    struct timer next;
};

/* conf: how to connect; its ops and owner are not looked at. */
void race_init(struct race *r, struct loop *loop, const struct conn_conf *conf, const struct race_ops *ops,
               void *owner);

/* No connection is left that was not won, and no callback comes any more; it may start anew. */
void race_stop(struct race *r);

/* The addresses to try, in their order, instead of all former ones; nothing is tried yet. */
void race_line_up(struct race *r, const struct addr *addrs, size_t n);

/* Tries those that were not tried, or cut short. False: there is none left; then lost() is not called. */
bool race_next(struct race *r);

/* Would race_next have one to try? */
bool race_has_more(const struct race *r);

#endif
