/*
 * A certificate chain of ours, for those who publish or check it: its key as TLSA records have it, and its names. Nothing of it is secret, and nothing here decides what connections show.
 */
#ifndef STOX_NET_TLS_CHAIN_H
#define STOX_NET_TLS_CHAIN_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "net/dane.h"

#define TLS_KEY_HASH 32

struct tls_chain;

/* PEM, leaf first. NULL with a sentence that names the file. Expired ones are loaded too. From any thread. */
struct tls_chain *tls_chain_load(const char *file, struct err *err);
/* One that is in memory already, leaf first; taken over also when this fails. NULL: certs is NULL or empty, or no memory. */
struct tls_chain *tls_chain_take(STACK_OF(X509) * certs);

void tls_chain_free(struct tls_chain *chain); /* NULL is fine */

/* SHA-256 of the leaf's public key: the data of TLSA 3 1 1. False: the key is of no kind that can be written. */
bool tls_chain_key_hash(const struct tls_chain *chain, unsigned char hash[TLS_KEY_HASH]);

/* Does a TLSA record name this certificate? */
enum tls_chain_fit {
    TLS_CHAIN_FITS,
    TLS_CHAIN_FITS_NOT,
    TLS_CHAIN_UNKNOWN, /* it is about an authority that the file does not hold */
};
enum tls_chain_fit tls_chain_fits(const struct tls_chain *chain, const struct dane_record *record);

/* Is this host, in A-labels, among the leaf's DNS names? */
bool tls_chain_names(const struct tls_chain *chain, const char *host);

#endif
