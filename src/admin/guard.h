/*
 * The framing of HTTP/1.1 requests, read strictly before the HTTP library sees a byte of them: where two readers could
 * disagree on where a request ends (RFC 9112 11.2), it goes no further. Bodies need a Content-Length here; chunked ones are
 * refused (411), and with them every question of two lengths. Pure: bytes in, verdict out.
 */
#ifndef STOX_ADMIN_GUARD_H
#define STOX_ADMIN_GUARD_H

#include "base/slice.h"

#define GUARD_HEAD_MAX 16384       /* bytes of request line and header */
#define GUARD_BODY_MAX (16u << 20) /* what any route takes at most */

enum guard_fault {
    GUARD_OK,
    GUARD_MALFORMED, /* 400 */
    GUARD_LENGTH,    /* 411: Transfer-Encoding */
    GUARD_TOO_LARGE, /* 413 */
    GUARD_LONG_HEAD, /* 431 */
};

struct guard {
    size_t scanned;     /* bytes of an unfinished head that hold no end of it */
    uint64_t body_left; /* bytes of the body still to come */
};

/*
 * How many of these bytes may go on: a whole head, or a piece of a body. 0: more is needed, the same bytes and those that
 * follow come again. *fault other than GUARD_OK ends the connection. in must not be empty.
 */
size_t guard_pass(struct guard *g, struct slice in, enum guard_fault *fault);

/* Is a request under way: begun, not yet whole? waiting: bytes that did not go on yet. */
static inline bool guard_is_inside(const struct guard *g, size_t waiting)
{
    return g->body_left > 0 || waiting > 0;
}

#endif
