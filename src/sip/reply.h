/*
 * The part of a response that repeats its request: Via, From, To, Call-ID, CSeq, Timestamp (RFC 3261 8.2.6, 18.2). It is
 * made from the request alone, so that a retransmission is all that is needed to answer again.
 */
#ifndef STOX_SIP_REPLY_H
#define STOX_SIP_REPLY_H

#include "sip/flow.h"

/* Header lines, each with CRLF. The top Via gets received and rport (RFC 3581), a To without tag gets ours. */
void sip_put_reply_head(struct buf *b, const struct sip_msg *m, const struct addr *from, uint64_t tag);

/* Tags as we write them; false: not one of ours. */
void sip_put_tag(struct buf *b, uint64_t tag);
bool sip_tag_read(struct slice text, uint64_t *tag);

/* What goes before the head and after it. reason NULL: the standard phrase. */
void sip_put_status_line(struct buf *b, unsigned status, const char *reason);
void sip_put_reply_end(struct buf *b, struct slice headers, struct slice body);

/* Where the response to a request goes. */
void sip_reply_flow(const struct sip_msg *m, const struct sip_source *source, struct sip_flow *flow);

#endif
