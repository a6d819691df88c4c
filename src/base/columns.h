/*
 * Text that people read on a terminal or in a file of fixed columns: no character of it steers what shows it.
 */
#ifndef STOX_BASE_COLUMNS_H
#define STOX_BASE_COLUMNS_H

#include "base/buf.h"

/* Appends s so that nothing of it can steer a terminal or turn the line around: such characters become \u{...}. */
void columns_put(struct buf *out, struct slice s);

/* Columns that s takes, once put by columns_put. */
size_t columns_of(struct slice s);

/* The longest start of s that takes at most so many columns; s is already fit. */
struct slice columns_cut(struct slice s, size_t columns);

#endif
