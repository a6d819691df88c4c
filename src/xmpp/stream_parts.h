/* Inside the files stream*.c: what they share besides stream.h. */
#ifndef STOX_XMPP_STREAM_PARTS_H
#define STOX_XMPP_STREAM_PARTS_H

#include "xmpp/stream.h"

#define XMPP_WHY_MAX 1400 /* room for a certificate's sentence */
#define XMPP_RX_MAX 65536
#define XMPP_TX_SPARE 16384 /* over two stanzas: for <r/>, pings, the last words */
#define XMPP_QUIET_MS 5000  /* without bytes: the reader sleeps */

/* What the state waits for, for the log. */
const char *xmpp_stream_awaited(enum xmpp_stream_state state);
void xmpp_stream_start_timer(struct xmpp_stream *s, uint64_t ms);
void xmpp_stream_on_timer(struct timer *t);
void xmpp_stream_sm_on_late(struct timer *t);

/* The handshake of an inbound stream has its turn. */
void xmpp_stream_begin_tls(struct xmpp_handshake *h);

/* The end itself, once: log, counts, those who use it. The connection was told before, or is gone. */
void xmpp_stream_end(struct xmpp_stream *s, enum xmpp_fate fate, const char *why, bool retry);

/* Says the last words, where they can be said, and closes the connection. */
void xmpp_stream_hang_up(struct xmpp_stream *s, const char *last_words);

/* From what was said in clear, or from nothing (direct TLS), to TLS. */
void xmpp_stream_start_tls(struct xmpp_stream *s);

/*
 * Outbound set-up: leaves a connection that failed and tries the next address or server of the partner (RFC 6120 3.2.1).
 * False: there is none to be tried, and the stream has to end.
 */
bool xmpp_stream_go_on(struct xmpp_stream *s, enum xmpp_fate fate, const char *why);
void xmpp_stream_start_over(struct xmpp_stream *s); /* from the turn that xmpp_stream_go_on has asked for */

/*
 * <see-other-host/>. True: the set-up goes on there. False: nothing is to be done about it but to end the stream; where it was
 * ready and the host may be used, the pair's next one will be there.
 */
bool xmpp_stream_follow(struct xmpp_stream *s, struct slice where);

/* To the partner, or where its server has sent this pair. NULL: memory, or there is no partner any more. */
struct xmpp_connect *xmpp_stream_connect(struct xmpp_stream *s);

/* Puts the failure of an earlier server in place of this one where that says more. */
void xmpp_stream_tell_most(struct xmpp_stream *s, enum xmpp_fate *fate, const char **why, char out[XMPP_WHY_MAX]);

/* Starts the timer of a set-up with one server; and when it fires: the time of this server is over, or that of all. */
void xmpp_stream_await(struct xmpp_stream *s);
void xmpp_stream_out_late(struct xmpp_stream *s);

/* Cuts what is left of connections that streams have gone on from. */
void xmpp_stream_drop_left(struct xmpp *x);

extern const struct conn_ops xmpp_stream_conn_ops;
extern const struct xml_reader_ops xmpp_stream_reader_ops;

#endif
