/*
 * A slice is a borrowed run of bytes: never NUL terminated, never owned. Received messages are parsed in place as slices
 * that point into the receive buffer or an arena; whoever keeps one longer copies it (arena_dup).
 */
#ifndef STOX_BASE_SLICE_H
#define STOX_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *p; /* may be NULL when n is 0 */
    size_t n;
};

/* A slice of a string literal, usable in static tables. */
#define SLICE(lit) ((struct slice){ "" lit, sizeof(lit) - 1 })

/* For printf's "%.*s". Only for text that is known to be printable: logs use the log's own escaping. */
#define SLICE_FMT(s) (int)(s).n, (s).p ? (s).p : ""

static inline struct slice slice_of(const char *p, size_t n)
{
    return (struct slice){ p, n };
}

/* The characters of a C string; the empty slice for NULL. */
static inline struct slice slice_str(const char *s)
{
    return (struct slice){ s, s ? strlen(s) : 0 };
}

static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool slice_is(struct slice a, const char *s)
{
    return slice_eq(a, slice_str(s));
}

/* Bytes from..end; empty when from is past the end. */
static inline struct slice slice_from(struct slice s, size_t from)
{
    return from >= s.n ? (struct slice){ s.p, 0 } : (struct slice){ s.p + from, s.n - from };
}

/* The first n bytes, or all when there are fewer. */
static inline struct slice slice_first(struct slice s, size_t n)
{
    return (struct slice){ s.p, n < s.n ? n : s.n };
}

/* Equality with ASCII letters folded; all other bytes compare exactly. */
bool slice_ieq(struct slice a, struct slice b);
bool slice_starts(struct slice s, struct slice prefix);
bool slice_istarts(struct slice s, struct slice prefix);
bool slice_ends(struct slice s, struct slice suffix);

/* Byte order, shorter first on a tie: <0, 0, >0. */
int slice_cmp(struct slice a, struct slice b);

/* Index of the first c, or s.n when there is none. */
size_t slice_find(struct slice s, char c);

/* Without leading and trailing space, tab, CR and LF. */
struct slice slice_trim(struct slice s);

/*
 * Splits at the first c: *head gets what is before it, the rest what is after. Without c the head is everything and the
 * return is false.
 */
bool slice_cut(struct slice s, char c, struct slice *head, struct slice *rest);

/* The whole slice as a decimal number, digits only, no sign, no spaces, at most max. False, *out untouched, otherwise. */
bool slice_u64(struct slice s, uint64_t max, uint64_t *out);

#endif
