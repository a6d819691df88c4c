/*
 * A token bucket: so many a second on average, and a burst of so many at once. It has no clock of its own: now_ms is
 * monotonic. Rate and burst are parameters too, so that a changed setting counts from the next call on. All zero: full.
 */
#ifndef STOX_BASE_BUCKET_H
#define STOX_BASE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct bucket {
    uint64_t used;  /* thousandths of a token, taken and not yet refilled */
    uint64_t at_ms; /* when that was so */
};

/* Takes n if the burst allows it; otherwise nothing. per_s is not 0. */
bool bucket_try(struct bucket *b, unsigned per_s, uint64_t burst, unsigned n, uint64_t now_ms);

/* Takes n that have passed already, into debt where need be. per_s is not 0. */
void bucket_take(struct bucket *b, unsigned per_s, uint64_t n, uint64_t now_ms);

/* Milliseconds, as of the last call that took, until no more than burst is used; 0: it is so. per_s is not 0. */
uint64_t bucket_wait(const struct bucket *b, unsigned per_s, uint64_t burst);

#endif
