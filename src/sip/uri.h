/* SIP, SIPS, im, pres and tel URIs and name-addrs, parsed in place (RFC 3261 19.1, 20.10; RFC 5627 gr). */
#ifndef STOX_SIP_URI_H
#define STOX_SIP_URI_H

#include "base/buf.h"
#include "base/slice.h"

enum sip_scheme {
    SIP_SCHEME_SIP,
    SIP_SCHEME_SIPS,
    SIP_SCHEME_IM,
    SIP_SCHEME_PRES,
    SIP_SCHEME_TEL,
    SIP_SCHEME_OTHER, /* well-formed absolute URI of a scheme we do not serve: 416 */
};

struct sip_uri {
    enum sip_scheme scheme;
    struct slice scheme_text;
    bool has_user;
    struct slice user;     /* still escaped; may hold ';' and '?' (TORT-semiuri) */
    struct slice password; /* still escaped */
    struct slice host;     /* IPv6 literals with their brackets */
    uint16_t port;         /* 0: none */
    struct slice params;   /* from the first ';' on, or empty */
    struct slice headers;  /* behind '?', or empty */
};

/* The whole slice as one URI. False, and *out empty, when it breaks the grammar. For SIP_SCHEME_TEL and OTHER only
 * scheme_text is set. */
bool sip_uri_parse(struct slice in, struct sip_uri *out);

/* Equal by RFC 3261 19.1.4: user exact after unescaping, host without case, parameters as listed there. Never for
 * SIP_SCHEME_TEL and OTHER, nor with more than 64 parameters or headers. */
bool sip_uri_eq(const struct sip_uri *a, const struct sip_uri *b);

/*
 * Finds the first ;name or ;name=value in a parameter list (URI or header); name in lower case. *value empty when it
 * has none; a quoted value keeps its quotes.
 */
bool sip_param(struct slice params, const char *name, struct slice *value);

struct sip_name_addr {
    struct slice display; /* without quotes, escapes kept */
    struct slice uri_text;
    struct sip_uri uri;
    struct slice params; /* header parameters, from the first ';' on */
};

/*
 * name-addr or addr-spec with header parameters (To, From, Contact, Route ...). RFC 3261 20.10: without <> parameters
 * are the header's. False, and *out empty, when it breaks the grammar.
 */
bool sip_name_addr_parse(struct slice in, struct sip_name_addr *out);

/*
 * The gr value of a GRUU as URI or, tolerated, header parameter (STOX-ADDR-13). False: none, or temporary (no value).
 */
bool sip_gruu(const struct sip_name_addr *na, struct slice *gr);

#endif
