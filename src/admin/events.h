/*
 * GET /v1/events: server-sent events for pages that show what is true now. Each stream is a connection that waits suspended;
 * once a second the loop wakes all of them, and the API's thread writes what has changed since:
 *
 *     status     the members of /v1/status, without uptime-s
 *     partners   {"connected": n, "failing": n}: how partners are has changed; /v1/partners?state=any says which
 *     settings   {"change": n}: the number of the last change of any setting
 *
 * All three come at the beginning, and a comment every few seconds. A stream ends when its session or token is no longer
 * good, and when the same one has opened EVENTS_EACH others after it. It keeps no session alive.
 */
#ifndef STOX_ADMIN_EVENTS_H
#define STOX_ADMIN_EVENTS_H

#include <jansson.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <uv.h>

#include "net/loop.h"

#define EVENTS_MAX 40
#define EVENTS_EACH 4 /* of one session, token or user of the unix socket */

struct admin;
struct call;
struct event_stream;

struct events {
    struct loop *loop;
    struct timer turn;
    atomic_ullong turns;
    uv_mutex_t lock; /* of the list, of what is suspended and of closing */
    struct list all; /* struct event_stream, oldest first */
    size_t n;
    bool is_open, closing;
    /* The API's thread: what is true, as of the turn it was looked at; its parts are numbered. */
    unsigned long long looked;
    char *status; /* owned; NULL: not known */
    json_t *partners;
    uint64_t change, status_number, partners_number;
    size_t n_connected, n_failing;
};

int events_init(struct events *e, struct loop *loop, struct err *err);
/* The loop's thread, before the HTTP library is stopped: all streams end. */
void events_close(struct events *e);
void events_fini(struct events *e); /* after it; harmless without events_init */

/* The reply of a stream; NULL: no memory. It is given to MHD_destroy_response. */
struct MHD_Response *events_response(struct call *c);

#endif
