/*
 * Are the certificates that are assigned good for what they are assigned to? Whether there is one, whether its files can be read and
 * belong together, names, and dates.
 */
#ifndef STOX_DEPLOY_CERTS_CHECK_H
#define STOX_DEPLOY_CERTS_CHECK_H

#include "deploy/chains.h"
#include "deploy/findings.h"

#define CERTS_SOON_S (21 * 86400) /* less than so long to live is a warning */

struct tls;

struct certs_wish {
    const struct config *config;
    struct tls *tls;      /* borrowed; tries them, and is not changed */
    const char *sip_name; /* the host-name, which SIP systems expect; NULL: nothing listens for SIP over TLS */
    int64_t now_s;        /* since 1970 */
};
void certs_check(const struct certs_wish *wish, struct findings *out);

#endif
