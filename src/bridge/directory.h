/*
 * Who is who: the read copy of a configuration that messages are judged by. Built whole from one configuration, off the
 * loop, and never changed; domains and addresses are found by hash, so that ten thousand partners cost what one costs.
 * Shared by count across threads. What is found in it is borrowed from it.
 */
#ifndef STOX_BRIDGE_DIRECTORY_H
#define STOX_BRIDGE_DIRECTORY_H

#include "net/tls.h"
#include "pki/vault.h"
#include "store/policy.h"
#include "xmpp/federation.h"

struct directory;

#define DIRECTORY_SIP_IDENTITY "_sip" /* the name of the certificate that SIP systems see: no host has it */

struct directory_conf {
    struct config *config;          /* checked; the directory keeps it */
    struct tls *tls;                /* certificates are made for it; NULL: none are loaded */
    const struct pki_vault *vault;  /* opens keys of stored certificates; NULL: none can be used */
    const struct directory *before; /* certificates whose files are the same are taken over from it; NULL: none */
    bool strict;                    /* a certificate that cannot be loaded, and is not in use before, is an error */
};

/*
 * From any thread. Without strict, a certificate that cannot be loaded leaves the one before in use, or none, and is
 * among the faults. NULL with a sentence: memory, or a certificate.
 */
struct directory *directory_new(const struct directory_conf *conf, struct err *err);
struct directory *directory_keep(struct directory *d);
void directory_drop(struct directory *d); /* NULL is fine; the last one takes time: not on the loop */

/* One sentence a line about certificates that could not be loaded, and what follows; empty: all is well. */
struct slice directory_faults(const struct directory *d);

const struct config *directory_config(const struct directory *d);
const struct gateway *directory_gateway(const struct directory *d);
struct tls_identities *directory_identities(const struct directory *d); /* NULL without tls */

/* Is there a route that asks for credentials, or trusts asserted identities? Most have none: then nobody looks further. */
bool directory_asks_digest(const struct directory *d);
bool directory_trusts_identity(const struct directory *d);

/* How the users of this SIP domain are reached (U-labels or A-labels, lower case). NULL: it is not one of ours. */
const struct route *directory_route_to(const struct directory *d, struct slice domain);

/* A partner, as its settings say and as xmpp wants to know it. */
struct listed {
    const struct partner *settings;
    struct xmpp_partner xmpp;
};

/* The partner that owns this domain, or NULL: not listed. */
const struct listed *directory_partner(const struct directory *d, struct slice domain);
const struct listed *directory_partners(const struct directory *d, size_t *n);

/* May this user of ours, a bare address in normal form, talk to partners? */
void directory_judge(const struct directory *d, struct slice user, struct policy_verdict *out);

#endif
