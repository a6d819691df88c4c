/*
 * How a partner may prove who it is: the rule that reproduces all 18 rows of the negotiation matrix
 * (lync-gateway.md 2.2). Pure; used by the settings' check and by the streams.
 */
#ifndef STOX_XMPP_METHODS_H
#define STOX_XMPP_METHODS_H

#include <stdbool.h>

enum xmpp_need { XMPP_REQUIRED, XMPP_OPTIONAL, XMPP_NOT_SUPPORTED };

struct xmpp_methods {
    bool sasl_over_tls; /* SASL EXTERNAL, certificate verified */
    bool dialback_over_tls;
    bool dialback_over_tcp; /* on a clear stream */
    bool component;         /* the handshake of XEP-0114, and none of the above */
};

struct xmpp_methods xmpp_methods_of(enum xmpp_need tls, enum xmpp_need sasl, bool dialback);

/* How one side of a stream was proven. */
enum xmpp_method {
    XMPP_METHOD_NONE,
    XMPP_METHOD_SASL,
    XMPP_METHOD_DIALBACK_TLS,
    XMPP_METHOD_DIALBACK_TCP,
    XMPP_METHOD_COMPONENT
};
const char *xmpp_method_name(enum xmpp_method method); /* "sasl-external" */
bool xmpp_methods_allow(struct xmpp_methods m, enum xmpp_method method);

enum xmpp_matrix_verdict { XMPP_MATRIX_OK, XMPP_MATRIX_WARNING, XMPP_MATRIX_INVALID };

/* Judges one row; *why gets the reason of a warning or refusal (a constant sentence), NULL when ok. */
enum xmpp_matrix_verdict xmpp_matrix_judge(enum xmpp_need tls, enum xmpp_need sasl, bool dialback, const char **why);

#endif
