/*
 * What the service manager is told (sd_notify(3)): that we serve, how we are in one line, that we are alive. libsystemd says it;
 * without NOTIFY_SOCKET, or where Stox was built without that library, nobody is told.
 */
#ifndef STOX_DAEMON_NOTIFY_H
#define STOX_DAEMON_NOTIFY_H

#include "net/loop.h"

struct notify {
    struct loop *loop;
    void (*status)(void *owner, char *out, size_t max); /* writes the line */
    void *owner;
    struct timer timer;
    uint64_t every_ms; /* 0: nobody listens */
    bool watched;      /* WATCHDOG_USEC is ours: the timer also says that the loop turns */
};

/* status is asked every few seconds from notify_ready on. */
void notify_init(struct notify *n, struct loop *loop, void (*status)(void *owner, char *out, size_t max), void *owner);
void notify_fini(struct notify *n);

void notify_ready(struct notify *n);
void notify_reloading(void); /* until notify_ready */

/* The end has begun, and may take so long; the manager waits for that. */
void notify_stopping(uint64_t within_ms);

/* That process is the service from now on; it must belong to the service already. */
void notify_main_process(pid_t pid);

/* The status now, because it has just changed. */
void notify_status(struct notify *n);

#endif
