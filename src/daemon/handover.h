/*
 * The hand-over of the service to a new process, without a connection refused or a datagram lost.
 *
 * This process starts the program that it was started from, which may be a newer one, with --take-over. Over a socket between the two:
 *
 *     new: ready 1        its settings are good, its store is read; it has opened nothing and reads no contact yet
 *     old: sockets        (SCM_RIGHTS: the relay, then all listening sockets). Contacts are frozen and all on the disk, nobody is accepted
 *     new: serving        it has read the contacts, and has told the manager that it is the main process. From here on contacts are its own
 *
 * Then the old one leaves (bridge_leave). If instead the new one fails, ends or is too slow, the old one goes on as before.
 */
#ifndef STOX_DAEMON_HANDOVER_H
#define STOX_DAEMON_HANDOVER_H

#include "daemon/service.h"
#include "daemon/stoxd.h"

struct handover;

/* The program's path and the bootstrap file are copied. */
struct handover *handover_new(struct service *s, const char *program, const struct stoxd_start *how, struct err *err);
void handover_free(struct handover *h); /* NULL is fine */

/* False: *why, a sentence. What becomes of it is in handover_fault. */
bool handover_begin(struct handover *h, const char **why);
bool handover_runs(const struct handover *h);
const char *handover_fault(const struct handover *h); /* of the last one; "" */

/* It is not handed over after all: we are about to stop. NULL is fine, as is one that does not run. */
void handover_give_up(struct handover *h);

/* We are gone after this turn: what came for the new process is given to it. NULL is fine. */
void handover_end(struct handover *h);

/* ---- the new process ---- */

/*
 * Before all else, and before there are threads: goes on in a process that has no parent here, so that the service manager becomes its
 * parent. systemd does not wait for the end of a main process that is not its child: it kills it.
 */
void takeover_step_aside(void);

/* Says that all is ready, and takes the sockets: listening_take finds them, and *relay is the relay's end. */
int takeover_ask(int fd, struct loop *loop, int *relay, struct err *err);
void takeover_serving(int fd);
void takeover_failed(int fd, const char *why);

#endif
