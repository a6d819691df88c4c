#include "base/steps.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

#define SENTENCE_MAX 1024

/* Entries one behind the other, each with its text. */
struct head {
    uint64_t at_ms;
    uint16_t n;
    uint8_t kind, result;
};

void steps_init(struct steps *s, size_t max)
{
    *s = (struct steps){ .left_out = 0 };
    buf_init(&s->entries, max);
}

void steps_fini(struct steps *s)
{
    buf_free(&s->entries);
}

void steps_vadd(struct steps *s, uint64_t at_ms, unsigned kind, enum step_result result, const char *fmt, va_list ap)
{
    struct head head = { .at_ms = at_ms, .kind = (uint8_t)kind, .result = (uint8_t)result };
    char text[SENTENCE_MAX];
    int n = vsnprintf(text, sizeof(text), fmt, ap);

    if (n >= SENTENCE_MAX) /* not in the middle of a character */
        for (n = SENTENCE_MAX - 1; n > 0 && !text_is_utf8(slice_of(text, (size_t)n)); n--) {
        }
    head.n = (uint16_t)(n < 0 ? 0 : n);
    if (sizeof(head) + head.n > s->entries.max - s->entries.n || !buf_reserve(&s->entries, sizeof(head) + head.n)) {
        s->left_out++;
        return;
    }
    buf_add(&s->entries, &head, sizeof(head));
    buf_add(&s->entries, text, head.n);
}

void steps_add(struct steps *s, uint64_t at_ms, unsigned kind, enum step_result result, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    steps_vadd(s, at_ms, kind, result, fmt, ap);
    va_end(ap);
}

/* By copying: realloc may leave the block where it is, and the rest of it unusable between others. */
void steps_shrink(struct steps *s)
{
    char *p = s->entries.n && s->entries.n < s->entries.cap ? malloc(s->entries.n) : NULL;

    if (!p)
        return;
    memcpy(p, s->entries.p, s->entries.n);
    free(s->entries.p);
    s->entries.p = p;
    s->entries.cap = s->entries.n;
}

unsigned steps_each(const struct steps *s, void (*fn)(void *arg, const struct step *step), void *arg)
{
    struct slice rest = buf_slice(&s->entries);

    while (rest.n >= sizeof(struct head)) {
        struct head head;
        struct step step;

        memcpy(&head, rest.p, sizeof(head));
        rest = slice_from(rest, sizeof(head));
        step = (struct step){ head.at_ms, head.kind, (enum step_result)head.result, slice_first(rest, head.n) };
        fn(arg, &step);
        rest = slice_from(rest, head.n);
    }
    return s->left_out;
}
