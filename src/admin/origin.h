/* Where a request came from, as the handlers know it. Travels through the HTTP library as the client's address. */
#ifndef STOX_ADMIN_ORIGIN_H
#define STOX_ADMIN_ORIGIN_H

#include <sys/types.h>
#include <sys/un.h>

#include "net/addr.h"

enum origin_kind {
    ORIGIN_UNIX,  /* uid says who */
    ORIGIN_PLAIN, /* TCP on loopback */
    ORIGIN_TLS,
};

struct origin {
    enum origin_kind kind;
    uid_t uid;
    struct addr peer;
};

/* As a socket address that the library copies without looking into it, and back. */
struct sockaddr_un origin_pack(const struct origin *origin);
void origin_unpack(const struct sockaddr *packed, struct origin *out);

/* What counts as one source when connections and tries are counted: an IPv6 network of 64 bits, as whoever has one address
 * of it has them all. Not for ORIGIN_UNIX. */
struct addr origin_source(const struct origin *origin);

#endif
