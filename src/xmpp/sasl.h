/* SASL EXTERNAL between servers, the receiving side's judgement (RFC 6120 6, XEP-0178). Pure. STOX-S2S-52, 53, 57. */
#ifndef STOX_XMPP_SASL_H
#define STOX_XMPP_SASL_H

#include "base/arena.h"
#include "base/slice.h"

enum xmpp_sasl {
    XMPP_SASL_OK,
    XMPP_SASL_ABORTED,
    XMPP_SASL_INCORRECT_ENCODING,
    XMPP_SASL_INVALID_AUTHZID,
    XMPP_SASL_INVALID_MECHANISM,
    XMPP_SASL_MALFORMED_REQUEST,
    XMPP_SASL_TEMPORARY_AUTH_FAILURE,
};

/* The condition inside <failure/>. */
const char *xmpp_sasl_name(enum xmpp_sasl r);

/*
 * What the initiator sent as initial response or response ("" or "=" say nothing, so it means itself), against the domain
 * that its certificate was found to cover and its stream header names, in prepared form. Nothing but that domain passes.
 */
enum xmpp_sasl xmpp_sasl_judge(struct slice response, struct slice domain);

#endif
