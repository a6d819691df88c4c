/* Inside answers_contacts*.c: which contacts a list is asked for, and how one is shown. On the loop, but for the making of a filter. */
#ifndef STOX_DAEMON_ANSWERS_CONTACTS_H
#define STOX_DAEMON_ANSWERS_CONTACTS_H

#include "daemon/answers_parts.h"

/* What "state" of a list can be. */
enum contacts_wanted {
    WANT_ALL,
    WANT_NONE,
    WANT_TO,
    WANT_FROM,
    WANT_BOTH,
    WANT_ASKED,
    WANT_DENIED,
    WANT_ADDED,
    WANT_N
};

struct contacts_filter {
    struct arena arena;
    struct bridge *bridge;
    struct jid user;      /* of either side: whoever asks looks only at hers; no domain: anybody */
    struct slice partner; /* a domain of his; empty: any */
    enum contacts_wanted wanted;
};

/* False: *no says what is wrong. Reset the arena in either case. */
bool contacts_filter_init(struct contacts_filter *f, struct answers *a, const struct admin_look *look,
                          struct admin_refusal *no);
/* By state and partner; nobody looks for one that is over. */
bool contacts_fits(const struct contacts_filter *f, const struct contact *c);

/* WANT_NONE, WANT_TO, WANT_FROM or WANT_BOTH. */
enum contacts_wanted contacts_subscription(const struct contact *c);

/* NULL on memory. */
json_t *contacts_json(const struct bridge *b, const struct contact *c);

#endif
