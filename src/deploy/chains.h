/*
 * The certificates that are assigned, read once for each check. What says which certificate belongs to whom is asked here and
 * nowhere else in this layer.
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
    struct hash by_files;
    struct arena *arena; /* borrowed */
};

struct chain {
    struct list link;
    struct hash_node node;
    const char *file;        /* the configuration's */
    const char *key;         /* the same: the private key's file */
    struct tls_chain *chain; /* NULL: it cannot be read, and why says so */
    const char *why;
};

void chains_init(struct chains *c, struct arena *arena);
void chains_fini(struct chains *c);

/* What partners are shown for this domain of ours, or SIP systems. NULL: none is assigned, or no memory. */
const struct chain *chains_of_domain(struct chains *c, const struct sip_domain *d);
const struct chain *chains_of_sip(struct chains *c, const struct gateway *g);

#endif
