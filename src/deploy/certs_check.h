/*
 * Are the certificates that are assigned good for what they are assigned to? Whether there is one, whether its file can be read, names,
 * and dates.
 */
#ifndef STOX_DEPLOY_CERTS_CHECK_H
#define STOX_DEPLOY_CERTS_CHECK_H

#include "deploy/chains.h"
#include "deploy/findings.h"

#define CERTS_SOON_S (21 * 86400) /* less than so long to live is a warning */

/* now_s: since 1970. sip_name: the host-name, which SIP systems expect; NULL: nothing listens for SIP over TLS. */
void certs_check(const struct config *config, const char *sip_name, int64_t now_s, struct findings *out);

#endif
