#include "xmpp/methods.h"

#include <stddef.h>

struct xmpp_methods xmpp_methods_of(enum xmpp_need tls, enum xmpp_need sasl, bool dialback)
{
    return (struct xmpp_methods){
        .sasl_over_tls = tls != XMPP_NOT_SUPPORTED && sasl != XMPP_NOT_SUPPORTED,
        .dialback_over_tls = dialback && tls != XMPP_NOT_SUPPORTED && !(tls == XMPP_REQUIRED && sasl == XMPP_REQUIRED),
        .dialback_over_tcp = dialback && tls != XMPP_REQUIRED,
    };
}

const char *xmpp_method_name(enum xmpp_method method)
{
    switch (method) {
    case XMPP_METHOD_NONE: return "none";
    case XMPP_METHOD_SASL: return "sasl-external";
    case XMPP_METHOD_DIALBACK_TLS: return "dialback-over-tls";
    case XMPP_METHOD_DIALBACK_TCP: return "dialback-over-tcp";
    case XMPP_METHOD_COMPONENT: return "component";
    }
    return "?";
}

bool xmpp_methods_allow(struct xmpp_methods m, enum xmpp_method method)
{
    switch (method) {
    case XMPP_METHOD_NONE: return false;
    case XMPP_METHOD_SASL: return m.sasl_over_tls;
    case XMPP_METHOD_DIALBACK_TLS: return m.dialback_over_tls;
    case XMPP_METHOD_DIALBACK_TCP: return m.dialback_over_tcp;
    case XMPP_METHOD_COMPONENT: return m.component;
    }
    return false;
}

static const char *invalid_because(enum xmpp_need tls, enum xmpp_need sasl)
{
    if (sasl == XMPP_NOT_SUPPORTED)
        return "no way of authentication is left: allow SASL or turn dialback on";
    if (sasl == XMPP_REQUIRED)
        return "SASL works only over TLS, which is turned off here, and so is dialback: allow TLS or turn dialback on";
    return "SASL works only over TLS; with TLS turned off only dialback could authenticate: allow TLS or turn dialback "
           "on";
}

enum xmpp_matrix_verdict xmpp_matrix_judge(enum xmpp_need tls, enum xmpp_need sasl, bool dialback, const char **why)
{
    struct xmpp_methods m = xmpp_methods_of(tls, sasl, dialback);

    *why = NULL;
    if (!m.sasl_over_tls && !m.dialback_over_tls && !m.dialback_over_tcp) {
        *why = invalid_because(tls, sasl);
        return XMPP_MATRIX_INVALID;
    }
    if (tls == XMPP_REQUIRED && sasl == XMPP_REQUIRED && dialback) {
        *why = "dialback is never used while both TLS and SASL are required";
        return XMPP_MATRIX_WARNING;
    }
    if (sasl != XMPP_NOT_SUPPORTED && tls != XMPP_REQUIRED) {
        *why = "SASL works only over TLS; as long as TLS is not required, negotiation may fail";
        return XMPP_MATRIX_WARNING;
    }
    return XMPP_MATRIX_OK;
}
