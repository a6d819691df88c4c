/* Says in the log which of our certificates are about to expire: after the start, and every day from then on. */
#ifndef STOX_DAEMON_EXPIRY_H
#define STOX_DAEMON_EXPIRY_H

#include "net/loop.h"
#include "net/tls.h"

struct expiry;

/* Both are borrowed and outlive it. NULL with a sentence. */
struct expiry *expiry_new(struct loop *loop, struct tls *tls, struct err *err);
void expiry_free(struct expiry *e); /* NULL is fine */

/* Says it now, for those that are in use at the time now_s. */
void expiry_tell(struct log *log, const struct tls *tls, int64_t now_s);

#endif
