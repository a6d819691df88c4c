/*
 * The chains of the certificates that are assigned, from files and from the store, read once for each check: what DNS is to say of
 * them. Whether they are good for anything is judged elsewhere (store/certificate_judge.h).
 */
#ifndef STOX_DEPLOY_CHAINS_H
#define STOX_DEPLOY_CHAINS_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/list.h"
#include "net/tls_chain.h"
#include "store/config.h"

struct chains {
    struct list list; /* struct chain.link */
    struct hash by_source;
    const struct config *config; /* borrowed */
    struct arena *arena;         /* borrowed */
};

struct chain {
    struct list link;
    struct hash_node node;
    const char *source;      /* the configuration's: a file, or the name of a stored one */
    struct tls_chain *chain; /* NULL: it cannot be read, and why says so */
    const char *why;
};

void chains_init(struct chains *c, const struct config *config, struct arena *arena);
void chains_fini(struct chains *c);

/* What partners are shown for this domain of ours, or SIP systems. NULL: none is assigned, or no memory. */
const struct chain *chains_of_domain(struct chains *c, const struct sip_domain *d);
const struct chain *chains_of_sip(struct chains *c, const struct gateway *g);

#endif
