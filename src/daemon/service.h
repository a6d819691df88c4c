/*
 * stoxd as a service: signals, drain and end, and what the service manager and `stoxctl service` are told of it. SIGTERM and SIGINT end
 * it in order, a second one at once; SIGHUP reads files again.
 */
#ifndef STOX_DAEMON_SERVICE_H
#define STOX_DAEMON_SERVICE_H

#include "bridge/bridge.h"
#include "daemon/notify.h"

struct service {
    struct loop *loop;
    struct log *log;
    struct bridge *bridge;
    void (*reread)(void *owner); /* SIGHUP */
    void *owner;
    struct handover *handover; /* owned; NULL: none is possible */
    struct relay *const *
        before; /* *before: the process that we took over from still ends what it has; NULL: it has ended, or was none */
    struct notify notify;
    uv_signal_t term, intr, hup;
    struct timer asked; /* to end, by an administrator */
    struct timer alone; /* is the process before us gone? */
    uint64_t alone_until_ms;
    bool stopping;
    bool left; /* another process serves */
};

/* The members above notify are the caller's to set. service_fini is due whatever this returns. */
int service_init(struct service *s, struct err *err);
void service_fini(struct service *s);

void service_ready(struct service *s);

/* Ends the loop when all is done; called again, at once. why: for the log. */
void service_stop(struct service *s, const char *why);

/* The same in a moment, so that he who asks gets an answer. False: it is ending. */
bool service_stop_soon(struct service *s);

/* Another process has it now: the manager hears no more of this one, which ends by itself. */
void service_left(struct service *s, sip_pass *pass, void *arg);

/* False: it is ending. */
bool service_drain(struct service *s);
bool service_resume(struct service *s);

/* "serving", "draining", "drained", "leaving" or "stopping" */
const char *service_state(const struct service *s);

#endif
