#include "deploy/findings.h"

#include <stdarg.h>
#include <stdio.h>

#define FINDINGS_BYTES (8u << 20)
#define TEXT_MAX 2048
#define LOOK_BACK 64 /* findings: about those of one domain */

const char *finding_mark_name(enum finding_mark mark)
{
    switch (mark) {
    case FINDING_OK: return "ok";
    case FINDING_NOTE: return "note";
    case FINDING_WARNING: return "warning";
    case FINDING_FAILED: return "failed";
    }
    return "failed";
}

void findings_init(struct findings *f)
{
    *f = (struct findings){ .area = "" };
    arena_init(&f->arena, FINDINGS_BYTES);
    list_init(&f->list);
}

void findings_fini(struct findings *f)
{
    arena_reset(&f->arena);
    list_init(&f->list);
}

/* NULL on memory. */
static const char *write_text(struct findings *f, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

static const char *write_text(struct findings *f, const char *fmt, va_list ap)
{
    char text[TEXT_MAX];

    vsnprintf(text, sizeof(text), fmt, ap);
    return arena_strdup(&f->arena, slice_str(text));
}

static const char *write_or_none(struct findings *f, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

static const char *write_or_none(struct findings *f, const char *fmt, va_list ap)
{
    const char *text = write_text(f, fmt, ap);

    return text ? text : "";
}

/* The same sentence about the same thing, among the last ones. */
static struct finding *said_before(const struct findings *f, const struct finding *it)
{
    unsigned n = 0;

    for (struct list *l = f->list.prev; l != &f->list && n < LOOK_BACK; l = l->prev, n++) {
        struct finding *was = container_of(l, struct finding, link);

        if (was->mark == it->mark && strcmp(was->check, it->check) == 0 && strcmp(was->about, it->about) == 0 &&
            strcmp(was->text, it->text) == 0)
            return was;
    }
    return NULL;
}

static struct finding *take(struct findings *f, struct finding *it)
{
    struct finding *was;

    if (!it || !it->about || !it->text) {
        f->left_out++;
        return NULL;
    }
    was = said_before(f, it);
    if (was)
        return was;
    list_push(&f->list, &it->link);
    f->n[it->mark]++;
    return it;
}

struct finding *findings_add(struct findings *f, enum finding_mark mark, const char *check, const char *about,
                             const char *fmt, ...)
{
    struct finding *it = arena_zalloc(&f->arena, sizeof(*it));
    va_list ap;

    if (it) {
        *it = (struct finding){ .mark = mark, .area = f->area, .check = check, .remedy = "", .line = "" };
        list_init(&it->link);
        it->about = arena_strdup(&f->arena, slice_str(about));
        va_start(ap, fmt);
        it->text = write_text(f, fmt, ap);
        va_end(ap);
    }
    return take(f, it);
}

void findings_remedy(struct findings *f, struct finding *it, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    if (it)
        it->remedy = write_or_none(f, fmt, ap);
    va_end(ap);
}

void findings_line(struct findings *f, struct finding *it, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    if (it)
        it->line = write_or_none(f, fmt, ap);
    va_end(ap);
}

bool findings_pass(const struct findings *f)
{
    return f->n[FINDING_FAILED] == 0 && f->left_out == 0;
}

void findings_append(struct findings *f, const struct findings *from)
{
    list_each (l, &from->list) {
        const struct finding *was = container_of(l, struct finding, link);
        struct finding *it = findings_add(f, was->mark, was->check, was->about, "%s", was->text);

        if (it && was->area[0])
            it->area = was->area;
        findings_remedy(f, it, "%s", was->remedy);
        findings_line(f, it, "%s", was->line);
    }
    f->left_out += from->left_out;
}
