/* What the last checks came to, as the API shows it. */
#include "base/clock.h"
#include "daemon/answers_parts.h"
#include "daemon/checks.h"

static json_t *verdict_json(const struct verdict *v)
{
    struct buf at;
    json_t *o;

    buf_init(&at, 64);
    clock_put_rfc3339(&at, v->at_s);
    o = json_pack("{s:b, s:o, s:I, s:I, s:o, s:I}", "works", v->works, "verdict", answers_text(slice_str(v->text)),
                  "failed", (json_int_t)v->n_failed, "warnings", (json_int_t)v->n_warnings, "at",
                  json_stringn(at.p, at.n), "check", (json_int_t)v->check);
    buf_free(&at);
    return o;
}

void answers_add_verdicts(struct answers *a, json_t *status)
{
    json_t *all = json_object();
    struct verdict v;

    for (enum verdict_kind kind = 0; kind < VERDICT_KINDS; kind++) {
        checks_last(a->checks, kind, &v);
        if (v.check)
            json_object_set_new(all, verdict_kind_name(kind), verdict_json(&v));
    }
    if (status && json_object_size(all))
        json_object_set(status, "checks", all);
    json_decref(all);
}

void answers_put_verdicts(struct answers *a, struct buf *out)
{
    struct verdict v;

    buf_str(out, "# TYPE stox_check_works gauge\n# HELP stox_check_works 1 if the last check of DNS, or of everything, "
                 "found nothing broken; missing before the first one.\n");
    for (enum verdict_kind kind = 0; kind < VERDICT_KINDS; kind++) {
        checks_last(a->checks, kind, &v);
        if (v.check)
            buf_printf(out, "stox_check_works{what=\"%s\"} %d\n", verdict_kind_name(kind), v.works);
    }
}
