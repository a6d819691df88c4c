/*
 * Does a certificate speak for an XMPP domain? (RFC 6120 13.7.2, RFC 9525, XEP-0178; STOX-S2S-35, 36, 50.) Only names are
 * compared here: the caller has made sure that the chain is trusted.
 */
#ifndef STOX_XMPP_CERT_H
#define STOX_XMPP_CERT_H

#include "net/tls.h"

/*
 * True when one of the names is the domain: a dNSName (also a wildcard that is the whole left-most label, stands for
 * exactly one label and has two more behind it), an SRVName "_xmpp-server.domain", or an XmppAddr that is a bare domain.
 * The domain is given twice, in A-labels and in U-labels (jid_domain_to_ascii and the prepared form; equal when it is
 * ASCII); it is the domain contacted or claimed, never an SRV target. IP addresses are covered by nothing.
 */
bool xmpp_cert_covers(const struct tls_name *names, size_t n_names, struct slice domain_a, struct slice domain_u);

#endif
