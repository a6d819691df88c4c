/*
 * What something did, step by step, for an administrator to read: one sentence for each step. Bounded: what comes behind its
 * room is counted and left out.
 */
#ifndef STOX_BASE_STEPS_H
#define STOX_BASE_STEPS_H

#include <stdarg.h>

#include "base/buf.h"

enum step_result { STEP_OK, STEP_FAILED, STEP_NOTE };

struct steps {
    struct buf entries;
    unsigned left_out;
};

/* Room for so many bytes; none is taken yet. */
void steps_init(struct steps *s, size_t max);
void steps_fini(struct steps *s);

/* at_ms: of the loop's clock. kind: the owner's. One sentence without line breaks. */
void steps_vadd(struct steps *s, uint64_t at_ms, unsigned kind, enum step_result result, const char *fmt, va_list ap)
    __attribute__((format(printf, 5, 0)));
void steps_add(struct steps *s, uint64_t at_ms, unsigned kind, enum step_result result, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* Gives back what memory it does not use. */
void steps_shrink(struct steps *s);

/* One entry; text is borrowed until return. */
struct step {
    uint64_t at_ms;
    unsigned kind;
    enum step_result result;
    struct slice text;
};
/* In the order in which they were added. Returns how many were left out. */
unsigned steps_each(const struct steps *s, void (*fn)(void *arg, const struct step *step), void *arg);

#endif
