/* The texts of an object in one block of memory, one behind the other: what dialogs keep are many small ones. */
#ifndef STOX_SIP_TEXTS_H
#define STOX_SIP_TEXTS_H

#include "base/slice.h"

/* Borrowed from the block, as long as nothing is set. n: their lengths. */
struct slice sip_texts_get(const char *block, const uint16_t *n, size_t i);

size_t sip_texts_size(const struct slice *parts, size_t n_parts);

/*
 * Puts parts, which may borrow from the block as it was, into a new block. False: no memory, or more than max (at most UINT16_MAX)
 * bytes; nothing was changed.
 */
bool sip_texts_set(char **block, uint16_t *n, const struct slice *parts, size_t n_parts, size_t max);

#endif
