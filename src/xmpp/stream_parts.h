/* Inside the files stream*.c: what they share besides stream.h. */
#ifndef STOX_XMPP_STREAM_PARTS_H
#define STOX_XMPP_STREAM_PARTS_H

#include "xmpp/stream.h"

#define XMPP_WHY_MAX 1400   /* room for a certificate's sentence */
#define XMPP_TX_SPARE 16384 /* over two stanzas: for <r/>, pings, the last words */
#define XMPP_QUIET_MS 5000  /* without bytes: the reader sleeps */

/* What the state waits for, for the log. */
const char *xmpp_stream_awaited(enum xmpp_stream_state state);
void xmpp_stream_start_timer(struct xmpp_stream *s, uint64_t ms);
void xmpp_stream_on_timer(struct timer *t);
void xmpp_stream_sm_on_late(struct timer *t);

/* The end itself, once: log, counts, those who use it. The connection was told before, or is gone. */
void xmpp_stream_end(struct xmpp_stream *s, enum xmpp_fate fate, const char *why, bool retry);

/* Says the last words, where they can be said, and closes the connection. */
void xmpp_stream_hang_up(struct xmpp_stream *s, const char *last_words);

extern const struct conn_ops xmpp_stream_conn_ops;
extern const struct xml_reader_ops xmpp_stream_reader_ops;

#endif
