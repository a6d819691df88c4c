/*
 * What proves and asks who somebody is: the values of Authorization and Proxy-Authorization, WWW-Authenticate and
 * Proxy-Authenticate, of the scheme Digest (RFC 3261 22 and 25.1, RFC 7616 3.3 and 3.4, RFC 8760). Parsed in place.
 */
#ifndef STOX_SIP_AUTH_H
#define STOX_SIP_AUTH_H

#include "sip/msg.h"

/*
 * One value. All slices are without their quotes, escapes kept; empty when the parameter is absent. Nothing but the form
 * is judged: which parameters must be there depends on who reads.
 */
struct sip_auth {
    struct slice username, realm, nonce, uri, response, cnonce, opaque;
    struct slice algorithm; /* as received; empty: MD5 (RFC 7616 3.3) */
    struct slice qop;       /* of credentials one word, of a challenge a list */
    struct slice nc_text;   /* as received, for it is part of what is hashed */
    uint32_t nc;            /* 0: absent (RFC 7616 3.4: it begins with 1) */
    bool stale;
    bool userhash; /* the username is a hash of it */
};

/*
 * False, and *out empty, when the scheme is another, the grammar broken, a parameter there twice (two readers could take
 * different ones), or nc not of eight hex digits. Unknown parameters are passed over.
 */
bool sip_auth_parse(struct slice value, struct sip_auth *out);

/* Walks the header lines of this name (lower case; a value may hold commas, so lines are not split). *pos starts at 0. */
bool sip_auth_next(const struct sip_msg *m, const char *name, size_t *pos, struct slice *value);

/* Is word in a list like "auth,auth-int"? Case does not count. */
bool sip_auth_lists(struct slice list, const char *word);

#endif
