/*
 * Asks DNS all that the check of a plan needs, as the world would: by resolvers of the administrator's choice, and then connects to
 * those addresses that are ours. It has a loop of its own and blocks; never on the loop that carries messages.
 */
#ifndef STOX_DEPLOY_DNS_LOOK_H
#define STOX_DEPLOY_DNS_LOOK_H

#include <stdatomic.h>

#include "deploy/heard.h"
#include "deploy/records.h"

#define DNS_LOOK_MS 45000    /* all questions together; those that wait then have no answer */
#define DNS_LOOK_AT_ONCE 64  /* questions on their way */
#define DNS_CONNECT_MS 5000  /* one connection; all of them at once */
#define DNS_CONNECTS_MAX 256 /* addresses that are tried */

struct dns_look_conf {
    const struct plan *plan;
    const struct slice *servers; /* "ip" or "ip@port"; none: those of resolv.conf */
    size_t n_servers;
    const char *trust_anchor_file; /* NULL: none */
    bool connect;
    const atomic_bool *stop; /* set by another thread: what is not answered yet is given up; NULL: nobody does */
    struct log *log;
};

/* Fills an empty book, but for what is the proxies'. -1 with a sentence: the resolver cannot be asked at all. */
int dns_look(const struct dns_look_conf *conf, struct book *out, struct err *err);

#define DNS_OUTER_MAX 64
/* Those of our addresses that proxies listen at, each once and at most DNS_OUTER_MAX: a proxy has to connect to them. */
void dns_look_outer(const struct plan *plan, void (*fn)(void *arg, const struct addr *to), void *arg);

#endif
