/* What the daemon answers to the API: how it is, its counters, its streams. Each asks the loop and waits. */
#ifndef STOX_DAEMON_ANSWERS_H
#define STOX_DAEMON_ANSWERS_H

#include "admin/admin.h"
#include "bridge/bridge.h"
#include "net/loop_call.h"

struct checks;
struct links;
struct history;

struct answers {
    struct bridge *bridge; /* all borrowed */
    struct loop_door *door;
    struct service *service;
    struct keeper *keeper;
    struct tls *tls;
    const char *store;   /* "SQLite" or "PostgreSQL" */
    uint64_t started_ms; /* monotonic */
    const struct boot *boot;
    struct checks *checks;
    struct links *links; /* all zero without --role gateway */
    struct certifier *certifier;
    const struct history *history;
    char why[512]; /* of a refusal; the API's thread alone */
};

/* The owner is a struct answers. */
extern const struct admin_ops answers_ops;

#endif
