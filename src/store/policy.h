/*
 * Who may talk to XMPP partners. Gates, from the outside: the organisation's switch, the user's own record, the user's site,
 * and the policy that decides as a whole: the one granted to the user, else the site's, else the global one
 * (lync-gateway.md 3.4). Which partner it is does not matter: all that are declared may be talked to.
 *
 * A user belongs to the site that the own record names, else to the site with the longest pattern that fits: the exact
 * address before any wildcard, a longer prefix before a shorter one, *@domain last. What a record names and is not there
 * (a store that was damaged) closes the gate: nothing opens by a loss.
 */
#ifndef STOX_STORE_POLICY_H
#define STOX_STORE_POLICY_H

#include "store/config.h"

enum policy_level { POLICY_LEVEL_GLOBAL, POLICY_LEVEL_SITE, POLICY_LEVEL_USER };

/* All of it is filled in, whichever gate is closed. Slices are the configuration's. */
struct policy_verdict {
    bool allowed;              /* all gates are open */
    bool served;               /* the user, and the site */
    bool org;                  /* the organisation's switch */
    bool federation, xmpp;     /* of the policy */
    enum policy_level level;   /* where the policy comes from */
    struct slice policy, site; /* names; site "": none */
    const char *why; /* a clause for administrators: the first gate that is closed, or that none is; constant */
};

/* user: a bare address in normal form. Looks through the configuration as it is: for one question now and then. */
void policy_effective(const struct config *c, struct slice user, struct policy_verdict *out);

/* The same answers for the way of each message: no memory is taken, and the work does not grow with users or sites. */
struct policy_index;

/* Borrows c, which must outlive it. NULL on memory. */
struct policy_index *policy_index_new(const struct config *c);
void policy_index_free(struct policy_index *ix); /* NULL is fine */
void policy_index_decide(const struct policy_index *ix, struct slice user, struct policy_verdict *out);

#endif
