/*
 * The session description of a conversation as Lync and Cisco hold it: an INVITE session whose texts are MESSAGE requests
 * inside of it, "m=message 5060 sip null" (RFC 4566, RFC 3264; STOX-SES-06). There is no medium beside the signalling, so that
 * port and address mean nothing. Pure functions; what was read is borrowed from the body.
 */
#ifndef STOX_MAP_SDP_H
#define STOX_MAP_SDP_H

#include "base/buf.h"

#define MAP_SDP_TYPE "application/sdp"
#define MAP_SDP_LINES_MAX 16 /* media lines in an offer */

/* What the other side says it takes (a=accept-types). Without that line: text. */
enum {
    MAP_SDP_TEXT = 1,      /* text/plain */
    MAP_SDP_COMPOSING = 2, /* application/im-iscomposing+xml */
    MAP_SDP_MS_IMDN = 4,   /* application/ms-imdn+xml: Lync's reports of failure */
    MAP_SDP_LYNC = 8,      /* a type that only Lync names */
};

struct map_sdp_line {
    struct slice media, proto, format; /* printable, no line ends */
};

struct map_sdp {
    struct map_sdp_line lines[MAP_SDP_LINES_MAX];
    unsigned n;
    unsigned chosen; /* the message line that is used */
    unsigned takes;  /* by it: MAP_SDP_... */
};

enum map_sdp_fault {
    MAP_SDP_OK,
    MAP_SDP_MALFORMED, /* 400 */
    MAP_SDP_NO_LINE,   /* no message line that we could use, or none of its types is text: 488 */
};

enum map_sdp_fault map_sdp_read(struct slice body, struct map_sdp *out);

/*
 * Appends our description: an answer to offer, in which all other lines have port 0, or with NULL our offer. host: name or
 * address of ours. id: of the session; the same for its whole life. The version counts the lines, which never become fewer in
 * a session: what is unchanged keeps it (STOX-SES-42).
 */
void map_sdp_put(struct buf *b, const struct map_sdp *offer, struct slice host, uint64_t id);

#endif
