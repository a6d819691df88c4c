/* Time. Timers use the monotonic clock; stamps in messages and certificates use wall time. */
#ifndef STOX_BASE_CLOCK_H
#define STOX_BASE_CLOCK_H

#include "base/buf.h"
#include "base/slice.h"

uint64_t clock_mono_ms(void);
int64_t clock_wall_s(void); /* seconds since 1970 UTC */

/* XEP-0082 / RFC 3339 in UTC: 2026-01-31T23:59:59Z. Parse accepts fractions and offsets. */
void clock_put_rfc3339(struct buf *b, int64_t wall_s);
bool clock_parse_rfc3339(struct slice s, int64_t *wall_s);

/* RFC 3261 20.17: Sat, 13 Nov 2010 23:29:00 GMT. */
void clock_put_sip_date(struct buf *b, int64_t wall_s);
bool clock_parse_sip_date(struct slice s, int64_t *wall_s);

#endif
