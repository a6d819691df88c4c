/*
 * A trace as text, SIP on the left, Stox in the middle, XMPP on the right: what stoxctl trace prints, and what the control panel
 * saves for a ticket. Whoever puts a trace together puts the head, and the people before each event that is about others than
 * the one before.
 */
#ifndef STOX_BASE_TRACE_TEXT_H
#define STOX_BASE_TRACE_TEXT_H

#include "base/buf.h"

/* An event of the API (GET /v1/traces/ID), by its members. Borrowed. */
struct trace_text {
    int64_t at_ms; /* wall clock */
    struct slice sip, xmpp, conversation, leg, direction, what, details, body;
};

void trace_text_head(struct buf *out);

/* ascii: every other character as \u{...}. */
void trace_text_people(struct buf *out, const struct trace_text *e, bool ascii);
void trace_text_event(struct buf *out, const struct trace_text *e, bool ascii);

/* So many events went before they could be read. */
void trace_text_missing(struct buf *out, uint64_t n);

#endif
