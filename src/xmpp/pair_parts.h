/* Inside pair.c, window.c and confirm.c: what they share besides pair.h. */
#ifndef STOX_XMPP_PAIR_PARTS_H
#define STOX_XMPP_PAIR_PARTS_H

#include "xmpp/pair.h"

/* ---- pair.c ---- */

void xmpp_pair_turn(struct xmpp_pair *p); /* at the end of this turn: writes, asks, opens a stream */

/* ---- window.c ---- */

/* A stanza behind those that wait. NULL on memory. */
struct xmpp_out *xmpp_out_new(struct xmpp_pair *p, struct slice stanza, uint64_t token);
void xmpp_out_free(struct xmpp_out *o);
struct xmpp_out *xmpp_out_first(const struct list *l);

/* The end of one stanza, and of all of a list. The owner may send and withdraw others meanwhile. */
void xmpp_out_settle(struct xmpp_out *o, enum xmpp_fate fate, const char *why);
void xmpp_out_settle_all(struct list *l, enum xmpp_fate fate, const char *why);

/* A new stream carries on the lost one: what it has not acknowledged is to be written again. And back, if that is lost too. */
void xmpp_window_again(struct xmpp_pair *p);
void xmpp_window_not_again(struct xmpp_pair *p);

/* Writes what may be written now. */
void xmpp_window_pump(struct xmpp_pair *p);

/* Longer than the stream's partner says that it takes? */
bool xmpp_window_is_too_long(const struct xmpp_pair *p, size_t n);

/* Gives back what is too long and would be next. True: there was one, and more may be written. Tells the owner. */
bool xmpp_window_refuse_long(struct xmpp_pair *p);

/* Does somebody want to know of what is written? */
bool xmpp_window_is_awaited(const struct xmpp_pair *p);

/*
 * The stream is gone: what it had not acknowledged goes in front of the queue again, except what nobody wants and, into lost,
 * what was written too often.
 */
void xmpp_window_requeue(struct xmpp_pair *p, struct list *lost);

/* ---- confirm.c ---- */

void xmpp_confirm_init(struct xmpp_pair *p);
void xmpp_confirm_start(struct xmpp_pair *p); /* on a new stream */
void xmpp_confirm_stop(struct xmpp_pair *p);

/* End of the turn: one question for all that was written in it. */
void xmpp_confirm_ask(struct xmpp_pair *p);

#endif
