/*
 * PRECIS, RFC 8264 (which replaced 7564): which characters a name may hold and how it is put into normal form. The
 * derived property is computed from libunistring's Unicode data as section 8 says, not looked up in a table of ours.
 */
#ifndef STOX_XMPP_PRECIS_H
#define STOX_XMPP_PRECIS_H

#include "base/slice.h"

#define PRECIS_MAX 1023 /* bytes of a prepared string: the limit of every part of a JID */

enum precis_property {
    PRECIS_PVALID,    /* valid in both classes */
    PRECIS_FREE_PVAL, /* valid in FreeformClass only */
    PRECIS_CONTEXTJ,
    PRECIS_CONTEXTO,
    PRECIS_DISALLOWED,
    PRECIS_UNASSIGNED,
};
enum precis_property precis_property(uint32_t ch);

enum precis_profile {
    PRECIS_USERNAME, /* UsernameCaseMapped, RFC 8265 3.3 */
    PRECIS_OPAQUE,   /* OpaqueString, RFC 8265 4.2 */
};

/*
 * Enforces the profile on UTF-8 and writes the result, of 1 to PRECIS_MAX bytes, into out; its length, or 0 when the string
 * is not allowed (or memory is out). The result is stable: enforced once more it stays what it is.
 */
size_t precis_enforce(enum precis_profile profile, struct slice in, char out[PRECIS_MAX]);

#endif
