/*
 * The hashes of digest authentication (RFC 7616 3.4, RFC 8760). Pure functions; all results are lower-case hex with a NUL.
 */
#ifndef STOX_SIP_DIGEST_H
#define STOX_SIP_DIGEST_H

#include "base/slice.h"

/* The stronger the later. */
enum sip_digest { SIP_DIGEST_MD5, SIP_DIGEST_SHA_512_256, SIP_DIGEST_SHA_256 };

#define SIP_DIGEST_HEX 65

const char *sip_digest_name(enum sip_digest digest); /* "SHA-256" */

/* By its name in a challenge; no name is MD5. False: another, or a session variant ("-sess"), which nobody needs. */
bool sip_digest_by_name(struct slice name, enum sip_digest *out);

/* H(user:realm:password): all that is needed to prove the user, in this realm. user and realm may hold escapes. False: the
 * library does not have the hash (MD5 in a FIPS set-up), or no memory. */
bool sip_digest_ha1(enum sip_digest digest, struct slice user, struct slice realm, struct slice password,
                    char out[SIP_DIGEST_HEX]);

/* What the response is made of. */
struct sip_digest_ask {
    enum sip_digest digest;
    const char *ha1;
    struct slice nonce, nc_text, cnonce; /* nc_text: eight hex digits */
    struct slice qop;                    /* "auth", "auth-int"; empty: as RFC 2069 had it, for old servers */
    struct slice method, uri;
    struct slice body; /* with auth-int */
};

bool sip_digest_response(const struct sip_digest_ask *ask, char out[SIP_DIGEST_HEX]);

#endif
