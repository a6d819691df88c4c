#include "deploy/verdict.h"

#include <stdio.h>

#include "base/clock.h"

const char *verdict_kind_name(enum verdict_kind kind)
{
    return kind == VERDICT_ALL ? "all" : "dns";
}

void verdict_make(struct verdict *v, uint64_t check, const struct findings *f, const char *text)
{
    *v = (struct verdict){ .check = check,
                           .at_s = clock_wall_s(),
                           .at_ms = clock_mono_ms(),
                           .works = findings_pass(f),
                           .n_failed = f->n[FINDING_FAILED],
                           .n_warnings = f->n[FINDING_WARNING] };
    snprintf(v->text, sizeof(v->text), "%s", text);
}

bool verdict_is_news(const struct verdict *was, const struct verdict *next)
{
    return !was->check || was->works != next->works || was->n_failed != next->n_failed ||
           was->n_warnings != next->n_warnings || strcmp(was->text, next->text) != 0;
}
