/*
 * The test of a partner, as an administrator asks for it: a stream of its own, set up from our domain to the partner's like
 * any other, then one ping (XEP-0199), whose answer has to come back on a stream of the partner's to us. It disturbs no stream
 * that is up, counts against no limit of the partner, and its own number is bounded. What happened stays as a trace with a
 * verdict (xmpp/verdict.h) and is forgotten after a while.
 */
#ifndef STOX_XMPP_PROBE_H
#define STOX_XMPP_PROBE_H

#include "xmpp/core.h"
#include "xmpp/trace.h"

#define XMPP_PROBES_RUNNING 32 /* at the same time */
#define XMPP_PROBES_KEPT 128   /* with those that have ended */
#define XMPP_PROBE_KEEP_MS 600000
#define XMPP_PROBE_SETUP_S 30 /* at most, and never more than the settings give a set-up */
#define XMPP_PROBE_ANSWER_S 15

/* Begins. local is a domain of ours, remote one of a partner, both prepared. 0 with a clause why not. */
uint64_t xmpp_probe_start(struct xmpp *x, struct slice local, struct slice remote, const char **why);

/* False: there is none with this id, or no longer. */
bool xmpp_probe_show(const struct xmpp *x, uint64_t id, xmpp_probe_fn *fn, void *arg);

/* ---- inside this layer ---- */

struct xmpp_stream;

void xmpp_probes_free(struct xmpp *x); /* before the streams */

/* The probe's own stream may carry stanzas; has ended, retry: the partner refused EXTERNAL, dialback may do. */
void xmpp_probe_ready(struct xmpp_stream *s);
void xmpp_probe_ended(struct xmpp_stream *s, const char *why, bool retry);

/* An iq result or error on this stream of the partner's. True when it answers a probe's ping. */
bool xmpp_probe_pong(struct xmpp_stream *s, struct slice local, struct slice remote, struct slice id);

/* What the partner does meanwhile: has proven a pair to us; asks whether our dialback key is good; a stream of its fails. */
void xmpp_probes_see_proof(const struct xmpp_stream *s, struct slice local, struct slice remote, enum xmpp_method how);
void xmpp_probes_see_question(const struct xmpp *x, struct slice local, struct slice remote, bool good);
void xmpp_probes_see_end(const struct xmpp_stream *s, const char *why);

#endif
