/*
 * The last set-up that failed, for each pair of domains and direction, with its trace: what an administrator asks for when a
 * partner cannot be reached. Bounded; the oldest goes first, and those that partners opened to us, which strangers can
 * cause by claiming a name, never put out those of our own.
 */
#ifndef STOX_XMPP_ATTEMPTS_H
#define STOX_XMPP_ATTEMPTS_H

#include "xmpp/core.h"
#include "xmpp/trace.h"

#define XMPP_ATTEMPTS_OUT 256
#define XMPP_ATTEMPTS_IN 64

struct xmpp_stream;

/* The stream has ended before it was ready. Takes over its trace. Of inbound ones only those that name a partner count. */
void xmpp_attempts_keep(struct xmpp *x, struct xmpp_stream *s, const char *why);
void xmpp_attempts_forget(struct xmpp *x); /* all */

/* As xmpp_each_stream. */
void xmpp_each_attempt(const struct xmpp *x, xmpp_attempt_fn *fn, void *arg);

#endif
