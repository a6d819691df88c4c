/* A line as its own files see it: line.c (its life), line_io.c (frames). */
#ifndef STOX_LINK_LINE_PARTS_H
#define STOX_LINK_LINE_PARTS_H

#include "link/line.h"

enum link_line_state {
    LINE_BEGINS, /* connection and TLS */
    LINE_HELLO,  /* the peer's key is pinned; its HELLO is awaited */
    LINE_UP,
    LINE_ENDS, /* BYE was said, or the connection is gone: nothing is looked at any more */
};

struct link_line {
    struct link_line_conf conf;
    struct conn *conn; /* NULL: gone */
    enum link_line_state state;
    struct link_session *session; /* UP */
    bool goes;                    /* UP: numbered frames follow */
    struct buf out;               /* a frame being written; never kept across a call */
    struct timer timer;           /* silence; at the proxy, the next question */
    struct deferred turn;         /* acknowledgement, and what is numbered */
    uint64_t heard_ms;            /* the last frame */
    enum link_reason reason;      /* ENDS */
    char why[LINK_WHY_MAX];
    char pin[PIN_TEXT]; /* of the peer's key */
    char name[256];     /* the peer's */
};

/* The session has something for it: at the end of this turn. */
void link_line_turn(struct link_line *line);

/* line_io.c */
void link_line_say_hello(struct link_line *line, const struct link_session *session);
size_t link_line_read(struct link_line *line, struct slice bytes); /* how many were used */
void link_line_on_turn(struct deferred *d);
void link_line_ask(struct link_line *line); /* PING */

#endif
