/*
 * Building SIP messages into a buf. The inverse of msg.h: what is written here parses to the same values. Values cannot
 * break out of their line: CR, LF, NUL and other controls become spaces (STOX-IM-44, STOX-SEC-13).
 */
#ifndef STOX_SIP_WRITER_H
#define STOX_SIP_WRITER_H

#include "base/buf.h"
#include "sip/msg.h"

/* "Name: value\r\n" with the value made safe. */
void sip_put_header(struct buf *b, const char *name, struct slice value);
void sip_put_header_u64(struct buf *b, const char *name, uint64_t value);

/* Only the value, made safe for a header line: one line, no controls. */
void sip_put_safe(struct buf *b, struct slice value);

/* "Content-Length: n\r\n\r\n" and the body. */
void sip_put_body(struct buf *b, struct slice body);

/* The default reason phrase of RFC 3261 21 and later RFCs; "Error" for others. */
const char *sip_reason(unsigned status);

#endif
