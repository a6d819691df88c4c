/*
 * Does a certificate speak for an XMPP domain? (RFC 6120 13.7.2, RFC 9525, XEP-0178, RFC 7673; STOX-S2S-35, 36, 42, 50.)
 * Pure: what TLS found goes in, the verdict and a sentence come out.
 */
#ifndef STOX_XMPP_CERT_H
#define STOX_XMPP_CERT_H

#include "net/tls.h"
#include "xmpp/fault.h"

#define XMPP_CERT_WHY 900

/*
 * True when one of the names is the domain: a dNSName (also a wildcard that is the whole left-most label, stands for
 * exactly one label, has two more behind it and does not stand for all of a public suffix), an SRVName "_xmpp-server.domain", or an XmppAddr that is a bare domain.
 * The domain is given twice, in A-labels and in U-labels (jid_domain_to_ascii and the prepared form; equal when it is
 * ASCII); it is the domain contacted or claimed, never an SRV target. IP addresses are covered by nothing.
 */
bool xmpp_cert_covers(const struct tls_name *names, size_t n_names, struct slice domain_a, struct slice domain_u);

/* What an acceptable certificate is accepted for. */
enum xmpp_cert_by { XMPP_CERT_REFUSED, XMPP_CERT_PKIX, XMPP_CERT_DANE, XMPP_CERT_PIN };
const char *xmpp_cert_by_name(enum xmpp_cert_by by); /* "ok", "dane", "pinned" */

struct xmpp_cert_case {
    const struct tls_peer *peer;
    struct slice domain_a, domain_u; /* as above; empty: the peer does not say which domain it is */
    struct slice target;             /* the server's name out of a secure SRV record; empty: none */
    const struct slice *pins;        /* of the partner, as base/pin.h writes them */
    size_t n_pins;
};

struct xmpp_cert_verdict {
    enum xmpp_cert_by by;
    bool forbidden;          /* refused, and nothing else may take its place: it is against the pins or against DNS */
    enum xmpp_fault fault;   /* NONE when it is accepted */
    char why[XMPP_CERT_WHY]; /* why it is refused and what to do, a clause; "" when it is not */
    char advice[200];        /* what our administrator could do about it, or ""; not for the partner to read */
};

/*
 * Pins come first: where there are any, the key must be one of them, and then authority and names are no question, but
 * dates, usage and revocation are. Then DNS (RFC 7673), then authorities and names.
 */
void xmpp_cert_judge(const struct xmpp_cert_case *c, struct xmpp_cert_verdict *out);

bool xmpp_cert_is_pinned(struct slice pin, const struct slice *pins, size_t n_pins);

#endif
