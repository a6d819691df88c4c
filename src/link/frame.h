/*
 * Frames as bytes. Pure: no I/O, no clock, no memory but what the caller gives. There is one way to write each frame, and nothing is
 * taken that is written otherwise.
 */
#ifndef STOX_LINK_FRAME_H
#define STOX_LINK_FRAME_H

#include "base/buf.h"
#include "link/frames.h"

/* What is wrong with bytes that should be a frame. */
enum link_fault {
    LINK_FINE,
    LINK_MORE,         /* nothing yet: its end has not come */
    LINK_TOO_LONG,     /* more than LINK_FRAME_MAX, or than any frame of its type */
    LINK_EMPTY,        /* not even a type */
    LINK_UNKNOWN,      /* no such type */
    LINK_WRONG_WAY,    /* its sender may not send it */
    LINK_TOO_SHORT,    /* a field ends behind the frame */
    LINK_LEFT_OVER,    /* bytes behind the last field */
    LINK_OUT_OF_RANGE, /* a number, or a length */
    LINK_NO_TEXT,      /* a text with control characters, or not in UTF-8 */
};

struct link_read {
    struct link_frame frame; /* fine: borrows from the bytes */
    size_t n;                /* fine: how many bytes it had */
    bool numbered;           /* fine */
    const char *type;        /* "SEND"; "" as long as it is not known */
    const char *field;       /* that is at fault; "": none of them */
};

/* The first frame of what was received. From FINE and MORE on more can be read; all else ends the connection. */
enum link_fault link_frame_read(struct slice bytes, enum link_role sender, struct link_read *out);

/* A clause for the log and for BYE: "SEND: remote is longer or shorter than it may be". */
#define LINK_FAULT_TEXT 160
const char *link_fault_text(enum link_fault fault, const struct link_read *at, char out[LINK_FAULT_TEXT]);

/*
 * Appends it. False: a field is not as the table says, or there is no room; nothing was appended. What comes from elsewhere than our own
 * code has to be measured before.
 */
bool link_frame_write(struct buf *out, const struct link_frame *frame);

/*
 * s as a TEXT of at most max bytes, for what administrators read: cut, and with '?' for what no TEXT may have, in room, which has max
 * bytes and is used only then.
 */
struct slice link_frame_text(struct slice s, size_t max, char *room);

bool link_frame_is_numbered(enum link_type type);
const char *link_frame_name(enum link_type type);

#endif
