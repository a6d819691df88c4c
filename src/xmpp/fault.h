/* What a set-up came to grief over, for programs to read and for a verdict to be made of (xmpp/verdict.h). */
#ifndef STOX_XMPP_FAULT_H
#define STOX_XMPP_FAULT_H

/*        name               word for programs */
#define XMPP_FAULTS(X)                                                                                                 \
    X(NONE, "none")                                                                                                    \
    X(DNS_NO_ADDRESS, "dns-no-address")         /* neither SRV records nor addresses of the domain */                  \
    X(DNS_NOT_OFFERED, "dns-not-offered")       /* SRV target "." */                                                   \
    X(DNS_NO_SUCH_SERVER, "dns-no-such-server") /* an SRV target, or the proxy, has no address */                      \
    X(DNS_FAILED, "dns-failed")                 /* no answer, or one that DNSSEC calls bogus */                        \
    X(LEADS_TO_US, "leads-to-us")               /* the partner's name leads to where we listen, or to loopback */      \
    X(NOT_LISTED, "address-not-allowed")        /* or to where no name may lead */                                     \
    X(CONNECT_REFUSED, "connection-refused")                                                                           \
    X(CONNECT_TIMEOUT, "connection-timeout")                                                                           \
    X(CONNECT_FAILED, "connection-failed")                                                                             \
    X(TLS_TOO_OLD, "tls-too-old")                                                                                      \
    X(TLS_NOT_OFFERED, "tls-not-offered")                                                                              \
    X(TLS_FORBIDDEN, "tls-forbidden") /* the partner insists on TLS, our setting forbids it */                         \
    X(TLS_FAILED, "tls-failed")                                                                                        \
    X(OUR_CERTIFICATE, "our-certificate-refused")                                                                      \
    X(CERT_MISSING, "certificate-missing")                                                                             \
    X(CERT_EXPIRED, "certificate-expired")                                                                             \
    X(CERT_NOT_YET, "certificate-not-yet-valid")                                                                       \
    X(CERT_NAME, "certificate-wrong-name")                                                                             \
    X(CERT_UNKNOWN_CA, "certificate-unknown-authority")                                                                \
    X(CERT_SELF_SIGNED, "certificate-self-signed")                                                                     \
    X(CERT_REVOKED, "certificate-revoked")                                                                             \
    X(CERT_PIN, "certificate-not-pinned")                                                                              \
    X(CERT_DANE, "certificate-against-dane")                                                                           \
    X(CERT_OTHER, "certificate-refused")                                                                               \
    X(EXTERNAL_REFUSED, "external-refused")                                                                            \
    X(EXTERNAL_NOT_OFFERED, "external-not-offered")                                                                    \
    X(NO_METHOD, "no-method") /* our settings leave no way */                                                          \
    X(DIALBACK_INVALID, "dialback-invalid")                                                                            \
    X(DIALBACK_BLOCKED, "dialback-blocked") /* the partner cannot reach our domain's server to ask */                  \
    X(DIALBACK_FAILED, "dialback-failed")                                                                              \
    X(HOST_UNKNOWN, "host-unknown") /* the partner's server does not serve the domain */                               \
    X(NOT_ALLOWED, "not-allowed")   /* the partner does not want us */                                                 \
    X(STREAM_ERROR, "stream-error")                                                                                    \
    X(CLOSED, "closed")                                                                                                \
    X(TIMEOUT, "timeout")                                                                                              \
    X(OUR_SETTINGS, "our-settings") /* they changed meanwhile, limits, shutting down */                                \
    X(NO_WAY_BACK, "no-way-back")   /* our stream stands, but nothing of the partner's comes to us */                  \
    X(NO_ANSWER, "no-answer")       /* streams stand both ways, but the partner's server answers no ping */

enum xmpp_fault {
#define X(name, word) XMPP_FAULT_##name,
    XMPP_FAULTS(X)
#undef X
};

const char *xmpp_fault_name(enum xmpp_fault f);

#endif
