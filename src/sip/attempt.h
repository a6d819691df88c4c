/*
 * One request, sent to the servers of its destination one after the other until one takes it or refuses it (RFC 3263 4.3). One
 * final result.
 *
 * The next target is tried where this loses nothing and doubles nothing:
 *
 *   nothing was written       refused, unreachable, TLS not as it must be, or not connected within SIP_ATTEMPT_SILENCE_MS
 *   ICMP says nobody listens  the datagrams met nobody
 *   503                       that server has not taken it
 *   UDP, nothing heard        and the server has answered nobody else meanwhile: five copies, and neither an answer nor a 100 within SIP_ATTEMPT_SILENCE_MS. It may have arrived: the
 *                             retry has the same Call-ID, CSeq and From tag, and comes while every server must still know the first
 *                             (Timer J, RFC 3261 17.2.2), so that the end that has both answers 482 (8.2.2.2). An answer from the
 *                             first server counts as long as there is none from another; of a 482 after that nobody knows what it
 *                             hides, so it is told as SIP_TIMED_OUT
 *
 * and nowhere else: what a stream has taken, or a 100 has confirmed, may be served, and a server may forget it at once. Such a
 * request waits for its answer, and SIP_TIMED_OUT is told when there is none. All of it together ends when the hold time is over.
 *
 * Each target gets a branch that derives from the request's and the target: a repeat of the request, after a restart too, carries
 * the same one there. A request over 1300 bytes goes to a UDP target by TCP where the destination allows it, and otherwise
 * nowhere (RFC 3261 18.1.1; RFC 3428 8 has no way back to UDP for a MESSAGE).
 */
#ifndef STOX_SIP_ATTEMPT_H
#define STOX_SIP_ATTEMPT_H

#include "sip/locate.h"

#define SIP_ATTEMPT_SILENCE_MS 8000 /* after what a server is silent; Timer E has sent at 0, 0.5, 1.5, 3.5 and 7.5 s */

struct sip_attempt;

/*
 * done comes once, from the loop, unless sip_request_forget comes first; until then all that request's slices point to must stay.
 * to is copied. NULL: no memory, or too many requests.
 */
struct sip_attempt *sip_request(struct sip *sip, const struct sip_destination *to, const struct sip_send *request,
                                uint64_t hold_ms, sip_done *done, void *arg);
void sip_request_forget(struct sip_attempt *a); /* what is under way runs on, without retries */

#endif
