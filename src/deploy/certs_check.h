/*
 * The rows of a check about certificates: what is wrong with those that are assigned (store/certificate_judge.h), and which are asked
 * for and not there yet.
 */
#ifndef STOX_DEPLOY_CERTS_CHECK_H
#define STOX_DEPLOY_CERTS_CHECK_H

#include "deploy/findings.h"
#include "pki/vault.h"
#include "store/config.h"

struct certs_wish {
    const struct config *config; /* all borrowed */
    const struct boot *boot;
    const struct pki_vault *vault; /* NULL: stored ones cannot be opened */
    int64_t now_s;                 /* since 1970 */
};
void certs_check(const struct certs_wish *wish, struct findings *out);

#endif
