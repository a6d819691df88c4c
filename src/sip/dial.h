/*
 * Our INVITE until its final answer: to the servers of its destination one after the other (RFC 3263 4.3), again where it is asked
 * for credentials (22.2), a longer session (RFC 4028 7.3) or another Request-URI (8.1.3.4). One answer, or one end.
 *
 * An INVITE brings no text (bridge/session.h): one that was given up has delivered nothing, and a 2xx that comes all the same gets
 * an ACK and a BYE. So the next server is tried
 *
 *   when it cannot be written to one (refused, unreachable, TLS not as it must be), or it answers 503
 *   when nothing at all has come back for SIP_ATTEMPT_SILENCE_MS, not even 100, over any transport: the first is taken back
 *
 * and not once a provisional answer has come. Each has a branch of its own; the same Call-ID, From tag and CSeq tell whoever gets
 * two that they are one (482).
 */
#ifndef STOX_SIP_DIAL_H
#define STOX_SIP_DIAL_H

#include "sip/dialog_priv.h"
#include "sip/login.h"
#include "sip/redirect.h"

struct sip_dial;

/* The first INVITE of d is on its way, or none could be sent. d is in no table yet. */
bool sip_dial_start(struct sip_dialog *d, struct sip_targets *targets, const struct sip_invite *invite);
void sip_dial_free(struct sip_dial *dial); /* NULL is fine; the INVITE under way is d's */

/* dialog_out.c: a 2xx has come, d->pending is its INVITE. d may be gone then. */
void sip_dialog_answered(struct sip_dialog *d, const struct sip_msg *m);

#endif
