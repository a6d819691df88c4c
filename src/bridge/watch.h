/*
 * Watchers: administrators who look at what passes between certain people or with certain partners, as it passes
 * (stoxctl trace). Each has a bounded memory of events; when it reads too slowly the oldest go, and it is told how many.
 * One that has not read for WATCH_IDLE_MS, or whose time is over, ends. Without any watcher a message pays one comparison.
 *
 * Nothing is kept of bodies unless the watcher may have them, which its maker has judged.
 */
#ifndef STOX_BRIDGE_WATCH_H
#define STOX_BRIDGE_WATCH_H

#include "base/list.h"
#include "base/timers.h"
#include "bridge/directory.h"

#define WATCHES_MAX 8
#define WATCH_NAMES_MAX 16                  /* people and partners of one watcher */
#define WATCH_BYTES_MAX ((size_t)512 << 10) /* of events, for each */
#define WATCH_TEXT_MAX 1000                 /* bytes of a line, and of its details */
#define WATCH_BODY_MAX 4000
#define WATCH_IDLE_MS 60000
#define WATCH_PAIRS_MAX 16 /* partners of one watcher whose streams it sees */

enum watch_leg {
    WATCH_SIP,
    WATCH_GATEWAY, /* what Stox thinks of it */
    WATCH_XMPP,
    WATCH_STREAM, /* a stream's set-up and end */
};
enum watch_direction { WATCH_IN, WATCH_OUT, WATCH_HERE };

/* Something that passed. Borrowed. */
struct watch_event {
    uint64_t n;                 /* 1, 2 ... of its watcher */
    int64_t at_ms;              /* wall clock */
    uint64_t talk;              /* bridge/talk.h; 0: none */
    struct slice local, remote; /* bare addresses; of a stream its domains */
    enum watch_leg leg;
    enum watch_direction direction;
    struct slice what;    /* "MESSAGE sip:romeo@fabrikam.example", "200 OK", "message id=..." */
    struct slice details; /* "call-id=... branch=... from=udp:192.0.2.10:5060" */
    struct slice body;    /* .p NULL: there is none, or it is not shown */
};

struct watches {
    struct list all; /* struct watch */
    size_t n;
    size_t n_bodies; /* of these, that may see bodies */
    uint64_t last_id;
};

struct watch_wish {
    const struct slice *users; /* bare addresses, prepared */
    size_t n_users;
    const struct slice *partners; /* domains, prepared */
    size_t n_partners;
    bool bodies;
    uint64_t for_ms;
    struct slice who; /* whose it is: nobody else may read it */
};

void watches_init(struct watches *w);
void watches_fini(struct watches *w);

/* Its id; 0: there are too many (*full), or no memory. */
uint64_t watches_add(struct watches *w, const struct watch_wish *wish, uint64_t now_ms, bool *full);

/* False: there is none of this id and owner. */
bool watches_end(struct watches *w, uint64_t id, struct slice who);

/* Tells those who want to know. d: which domains belong to which partner. */
void watches_tell(struct watches *w, const struct directory *d, const struct watch_event *e, uint64_t now_ms);

struct watch_state {
    uint64_t dropped; /* events that went before they were read, in all */
    uint64_t left_ms; /* of its time */
    bool bodies;
};
/* The events after that number, in order, limit at most; those before it are forgotten. False: there is none of this id and
 * owner (any more). */
bool watches_read(struct watches *w, uint64_t id, struct slice who, uint64_t after, size_t limit, uint64_t now_ms,
                  void (*fn)(void *arg, const struct watch_event *e), void *arg, struct watch_state *state);

#endif
