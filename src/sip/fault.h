/* What the way to a SIP server came to grief over, for programs to read and for a verdict to be made of (sip/verdict.h). */
#ifndef STOX_SIP_FAULT_H
#define STOX_SIP_FAULT_H

/*       name                word for programs */
#define SIP_FAULTS(X)                                                                                                  \
    X(NONE, "none")                                                                                                    \
    X(DNS_NO_NAME, "dns-no-name")           /* the name does not exist */                                              \
    X(DNS_NO_SERVER, "dns-no-server")       /* it exists, with neither SRV records nor addresses */                    \
    X(DNS_NO_SUCH_HOST, "dns-no-such-host") /* what its SRV records name has no address */                             \
    X(DNS_NOT_OFFERED, "dns-not-offered")   /* SRV target "." */                                                       \
    X(DNS_FAILED, "dns-failed")             /* no answer */                                                            \
    X(LEADS_TO_US, "leads-to-us")                                                                                      \
    X(NOT_ALLOWED, "address-not-allowed") /* DNS leads where no name may lead */                                       \
    X(CONNECT_REFUSED, "connection-refused")                                                                           \
    X(CONNECT_TIMEOUT, "connection-timeout")                                                                           \
    X(CONNECT_FAILED, "connection-failed")                                                                             \
    X(TLS_NOT_OFFERED, "tls-not-offered") /* what answers there does not speak TLS */                                  \
    X(TLS_FAILED, "tls-failed")                                                                                        \
    X(OUR_CERTIFICATE, "our-certificate-refused")                                                                      \
    X(CERT_MISSING, "certificate-missing")                                                                             \
    X(CERT_EXPIRED, "certificate-expired")                                                                             \
    X(CERT_NOT_YET, "certificate-not-yet-valid")                                                                       \
    X(CERT_NAME, "certificate-wrong-name")                                                                             \
    X(CERT_UNKNOWN_CA, "certificate-unknown-authority")                                                                \
    X(CERT_OTHER, "certificate-refused")                                                                               \
    X(CLOSED, "closed")                                                                                                \
    X(NO_ANSWER, "no-answer")                                                                                          \
    X(FORBIDDEN, "forbidden")     /* 401, 403, 407 */                                                                  \
    X(UNAVAILABLE, "unavailable") /* 503 */                                                                            \
    X(TIMED_OUT, "timed-out")     /* 408: something stands between */                                                  \
    X(OURSELVES, "ourselves")     /* no memory, no socket of that family, shutting down */

enum sip_fault {
#define X(name, word) SIP_FAULT_##name,
    SIP_FAULTS(X)
#undef X
};

const char *sip_fault_name(enum sip_fault f);

/* The kinds of the steps of finding and testing (base/steps.h). */
enum sip_step {
    SIP_STEP_RESOLVE,
    SIP_STEP_CONNECT,
    SIP_STEP_TLS,
    SIP_STEP_CERTIFICATE,
    SIP_STEP_OPTIONS,
    SIP_STEP_SPEAKER
};
const char *sip_step_name(unsigned step); /* "resolve" */

#endif
