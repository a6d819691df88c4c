/*
 * The rows of a check about certificates: what is wrong with those that are assigned (store/certificate_judge.h), and which are asked
 * for and not there yet.
 */
#ifndef STOX_DEPLOY_CERTS_CHECK_H
#define STOX_DEPLOY_CERTS_CHECK_H

#include "deploy/findings.h"
#include "net/addr.h"
#include "pki/vault.h"
#include "store/certificate.h"
#include "store/config.h"

#define CERTS_SHA256 65
#define CERTS_HANDSHAKES 50 /* of a check */

/* What a handshake has come to. */
struct certs_handshake {
    char at[ADDR_TEXT]; /* where */
    char sha256[CERTS_SHA256];
    char why[200];
};
enum certs_shown {
    CERTS_NOWHERE,   /* nothing listens that would show it */
    CERTS_SHOWN,     /* sha256 is */
    CERTS_NOT_SHOWN, /* why */
};
typedef enum certs_shown certs_shown_fn(void *arg, const struct certificate_use *use, const char *name,
                                        struct certs_handshake *out);

struct certs_wish {
    const struct config *config; /* all borrowed */
    const struct boot *boot;
    const struct pki_vault *vault; /* NULL: stored ones cannot be opened */
    int64_t now_s;                 /* since 1970 */
    certs_shown_fn
        *shown; /* what a handshake of now shows for a use (name: its domain in A-labels); NULL: not looked at */
    void *arg;
};
void certs_check(const struct certs_wish *wish, struct findings *out);

#endif
