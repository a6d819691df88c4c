/*
 * Private keys at rest. A vault is the key-encryption key of an installation, 32 bytes that lie in the state directory;
 * what it has sealed can be kept anywhere, and only a node with the same file opens it.
 *
 * A sealed key is text: "v1.", the vault's mark, ".", and the base64 of a nonce and PKCS#8 under AES-256-GCM. The name that
 * it was sealed for is bound to it: under another name it does not open.
 */
#ifndef STOX_PKI_VAULT_H
#define STOX_PKI_VAULT_H

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/err.h"

#define PKI_VAULT_KEY 32
#define PKI_SEALED_MAX 8192 /* of a sealed key; longer ones are none */

struct pki_vault;

/* Copies kek into memory that is neither swapped nor dumped; the caller wipes its own. NULL with a sentence. */
struct pki_vault *pki_vault_new(const uint8_t kek[PKI_VAULT_KEY], struct err *err);
void pki_vault_free(struct pki_vault *v); /* wiped; NULL is fine */

/* Adds the sealed key to out. From any thread, as all calls of a vault. */
int pki_vault_seal(const struct pki_vault *v, const EVP_PKEY *key, struct slice name, struct buf *out, struct err *err);

/* NULL with a sentence: damaged, of another name, or sealed by another installation (which it says, with what to do). */
EVP_PKEY *pki_vault_open(const struct pki_vault *v, struct slice sealed, struct slice name, struct err *err);

#endif
