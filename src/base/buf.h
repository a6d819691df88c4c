/*
 * A growing byte buffer with an upper bound. Failure sticks: after a call that did not fit every later one does nothing
 * and buf_ok() is false, so that a builder checks once, at its end.
 */
#ifndef STOX_BASE_BUF_H
#define STOX_BASE_BUF_H

#include "base/slice.h"

struct buf {
    char *p;    /* owned */
    size_t n;   /* bytes in use */
    size_t cap; /* bytes allocated */
    size_t max; /* never grows past this */
    bool failed;
};

void buf_init(struct buf *b, size_t max);
void buf_free(struct buf *b);

/* Empties the buffer and forgets a failure; keeps the memory. */
void buf_clear(struct buf *b);

static inline bool buf_ok(const struct buf *b)
{
    return !b->failed;
}

static inline struct slice buf_slice(const struct buf *b)
{
    return slice_of(b->p, b->n);
}

/* Makes room for n more bytes and returns where they go (add to b->n what was written); NULL on failure. */
char *buf_grow(struct buf *b, size_t n);

/* The same; inline, because nearly always there is room and messages are built of small pieces. */
static inline char *buf_reserve(struct buf *b, size_t n)
{
    return !b->failed && b->p && n <= b->cap - b->n ? b->p + b->n : buf_grow(b, n);
}

static inline void buf_add(struct buf *b, const void *p, size_t n)
{
    char *at = n > 0 ? buf_reserve(b, n) : NULL;

    if (!at)
        return;
    memcpy(at, p, n);
    b->n += n;
}

static inline void buf_char(struct buf *b, char c)
{
    char *at = buf_reserve(b, 1);

    if (!at)
        return;
    *at = c;
    b->n++;
}

void buf_u64(struct buf *b, uint64_t v);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static inline void buf_put(struct buf *b, struct slice s)
{
    buf_add(b, s.p, s.n);
}

static inline void buf_str(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

/* Drops the first n bytes, moving the rest to the front. */
void buf_consume(struct buf *b, size_t n);

#endif
