/*
 * Viewers: administrators who look at what passes between certain people or with certain partners, as it passes
 * (stoxctl trace). Each has a bounded memory of events; when it reads too slowly the oldest go, and it is told how many.
 * One that has not read for VIEWER_IDLE_MS, or whose time is over, ends. Without any viewer a message pays one comparison.
 *
 * Nothing is kept of bodies unless the viewer may have them, which its maker has judged.
 */
#ifndef STOX_BRIDGE_VIEWER_H
#define STOX_BRIDGE_VIEWER_H

#include "base/list.h"
#include "base/steps.h"
#include "base/timers.h"
#include "bridge/directory.h"

#define VIEWERS_MAX 8
#define VIEWER_NAMES_MAX 16                  /* people and partners of one viewer */
#define VIEWER_BYTES_MAX ((size_t)512 << 10) /* of events, for each */
#define VIEWER_TEXT_MAX 1000                 /* bytes of a line, and of its details */
#define VIEWER_BODY_MAX 4000
#define VIEWER_IDLE_MS 60000
#define VIEWER_PAIRS_MAX 16 /* partners of one viewer whose streams it sees */

enum viewer_leg {
    VIEWER_SIP,
    VIEWER_GATEWAY, /* what Stox thinks of it */
    VIEWER_XMPP,
    VIEWER_STREAM, /* a stream's set-up and end */
};
enum viewer_direction { VIEWER_IN, VIEWER_OUT, VIEWER_HERE };

/* Something that passed. Borrowed. */
struct viewer_event {
    uint64_t n;                 /* 1, 2 ... of its viewer */
    int64_t at_ms;              /* wall clock */
    uint64_t talk;              /* bridge/talk.h; 0: none */
    uint64_t message;           /* the same for all that has to do with one message, on both legs; 0: none */
    struct slice local, remote; /* bare addresses; of a stream its domains */
    enum viewer_leg leg;
    enum viewer_direction direction;
    enum step_result result; /* STEP_NOTE: it says nothing of success */
    struct slice what;       /* "MESSAGE sip:romeo@fabrikam.example", "200 OK", "message id=..." */
    struct slice details;    /* "call-id=... branch=... from=udp:192.0.2.10:5060" */
    struct slice body;       /* .p NULL: there is none, or it is not shown */
};

struct viewers {
    struct list all; /* struct viewer */
    size_t n;
    size_t n_bodies; /* of these, that may see bodies */
    uint64_t last_id;
};

struct viewer_wish {
    const struct slice *users; /* bare addresses, prepared */
    size_t n_users;
    const struct slice *partners; /* domains, prepared */
    size_t n_partners;
    bool bodies;
    uint64_t for_ms;
    struct slice who; /* whose it is: nobody else may read it */
};

void viewers_init(struct viewers *w);
void viewers_fini(struct viewers *w);

/* Its id; 0: there are too many (*full), or no memory. */
uint64_t viewers_add(struct viewers *w, const struct viewer_wish *wish, uint64_t now_ms, bool *full);

/* False: there is none of this id and owner. */
bool viewers_end(struct viewers *w, uint64_t id, struct slice who);

/* Tells those who want to know. d: which domains belong to which partner. */
void viewers_tell(struct viewers *w, const struct directory *d, const struct viewer_event *e, uint64_t now_ms);

struct viewer_state {
    uint64_t dropped; /* events that went before they were read, in all */
    uint64_t left_ms; /* of its time */
    bool bodies;
};
/* The events after that number, in order, limit at most; those before it are forgotten. False: there is none of this id and
 * owner (any more). */
bool viewers_read(struct viewers *w, uint64_t id, struct slice who, uint64_t after, size_t limit, uint64_t now_ms,
                  void (*fn)(void *arg, const struct viewer_event *e), void *arg, struct viewer_state *state);

#endif
