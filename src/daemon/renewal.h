/*
 * Certificates that are renewed in their files: looked at every minute and on SIGHUP, and when one has changed the settings
 * are taken anew, which reads what has changed and nothing else. New handshakes show the new one; streams go on.
 */
#ifndef STOX_DAEMON_RENEWAL_H
#define STOX_DAEMON_RENEWAL_H

#include "net/loop.h"
#include "store/keeper.h"

struct renewal;

/* Both are borrowed and outlive it. NULL with a sentence. */
struct renewal *renewal_new(struct loop *loop, struct keeper *keeper, struct err *err);

/* When the loop's door is shut: runs the loop until a look that is under way has ended. NULL is fine. */
void renewal_free(struct renewal *r);

/* Looks now. */
void renewal_look(struct renewal *r);

#endif
