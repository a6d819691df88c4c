/* The file of revocation lists: read at the start, and again when it has changed, while everything runs. */
#ifndef STOX_DAEMON_REVOCATION_H
#define STOX_DAEMON_REVOCATION_H

#include "net/loop.h"
#include "net/tls.h"

struct revocation;

/* tls goes by the file from now on. file is borrowed and outlives it. NULL with a sentence. */
struct revocation *revocation_new(struct loop *loop, struct tls *tls, const char *file, struct err *err);

/* While everything else still works: runs the loop until a reading that is under way has ended. tls keeps what it has.
 * NULL is fine. */
void revocation_free(struct revocation *r);

/* changed is called on the loop whenever new lists are in use. */
void revocation_watch(struct revocation *r, void (*changed)(void *owner), void *owner);

/* Looks now; what is new counts when it was read. */
void revocation_look(struct revocation *r);

#endif
