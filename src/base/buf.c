#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define CAP_MIN ((size_t)64)

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){ .max = max };
}

void buf_free(struct buf *b)
{
    free(b->p);
    *b = (struct buf){ .max = b->max };
}

void buf_clear(struct buf *b)
{
    b->n = 0;
    b->failed = false;
}

/* One byte more than cap is allocated: vsnprintf always finds room for its NUL. */
static bool grow(struct buf *b, size_t need)
{
    size_t cap = b->cap < b->max / 2 ? b->cap * 2 : b->max;
    char *p;

    if (cap < need)
        cap = need;
    if (cap < CAP_MIN)
        cap = CAP_MIN < b->max ? CAP_MIN : b->max;
    if (cap == SIZE_MAX)
        return false;
    p = realloc(b->p, cap + 1);
    if (!p)
        return false;
    b->p = p;
    b->cap = cap;
    return true;
}

char *buf_grow(struct buf *b, size_t n)
{
    if (b->failed)
        return NULL;
    if (n > b->max - b->n || ((n > b->cap - b->n || !b->p) && !grow(b, b->n + n))) {
        b->failed = true;
        return NULL;
    }
    return b->p + b->n;
}

void buf_u64(struct buf *b, uint64_t v)
{
    char digits[20], *at = digits + sizeof(digits);

    do {
        *--at = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    buf_add(b, at, (size_t)(digits + sizeof(digits) - at));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args, again;
    char *at = buf_reserve(b, 0);
    size_t room = b->cap - b->n;
    int n;

    if (!at)
        return;
    va_start(args, fmt);
    va_copy(again, args);
    n = vsnprintf(at, room + 1, fmt, args);
    if (n < 0) {
        b->failed = true;
    } else if ((size_t)n > room) {
        at = buf_reserve(b, (size_t)n);
        if (at)
            vsnprintf(at, (size_t)n + 1, fmt, again);
    }
    va_end(again);
    va_end(args);
    if (!b->failed)
        b->n += (size_t)n;
}

void buf_consume(struct buf *b, size_t n)
{
    if (n >= b->n) {
        b->n = 0;
        return;
    }
    if (n == 0)
        return;
    memmove(b->p, b->p + n, b->n - n);
    b->n -= n;
}
