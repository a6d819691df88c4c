/* Private keys: made, compared, described. From any thread. */
#ifndef STOX_PKI_KEY_H
#define STOX_PKI_KEY_H

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/err.h"

enum pki_key_type { PKI_RSA_2048, PKI_RSA_3072, PKI_RSA_4096, PKI_P256 };

/* In the order of the enum: "rsa-2048", "rsa-3072", "rsa-4096", "p256"; ended by NULL. */
extern const char *const pki_key_types[];

/* A new one. NULL with a sentence. RSA 4096 can take seconds: not on the loop. */
EVP_PKEY *pki_key_make(enum pki_key_type type, struct err *err);

/* The same, unless is_over says so meanwhile, which is asked often. */
EVP_PKEY *pki_key_make_unless(enum pki_key_type type, bool (*is_over)(void *arg), void *arg, struct err *err);

/* The last one who has it wipes it. NULL is fine. */
void pki_key_free(EVP_PKEY *key);

/* Is it the same key pair (the private halves are not looked at)? False for NULL. */
bool pki_key_same(const EVP_PKEY *a, const EVP_PKEY *b);

/* "RSA, 2048 bits", "ECDSA P-256". */
void pki_key_describe(const EVP_PKEY *key, char *out, size_t n);

/* Frees a buffer that held a secret, wiped. */
void pki_wipe(struct buf *b);

#endif
