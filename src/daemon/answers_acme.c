/* Certificates by ACME, as the API shows them. */
#include <inttypes.h>

#include "daemon/answers_parts.h"
#include "daemon/certifier.h"
#include "store/json.h"

json_t *answer_acme_start(void *owner, struct slice name, struct admin_refusal *no)
{
    struct answers *a = owner;
    uint64_t id = certifier_begin(a->certifier, name, no);

    return id ? json_pack("{s:I}", "id", (json_int_t)id) : NULL;
}

json_t *answer_acme(void *owner, struct slice name)
{
    struct answers *a = owner;
    struct order_info info;
    json_t *v;

    if (!certifier_show(a->certifier, name, &info))
        return json_null();
    v = json_pack("{s:I, s:b, s:I, s:o, s:o}", "id", (json_int_t)info.id, "done", info.done, "failures",
                  (json_int_t)info.failures, "next-try", json_time(info.next_s), "renews", json_time(info.renews_s));
    if (v && info.done && info.id && json_object_set_new(v, "works", json_boolean(info.works)) == 0)
        json_object_set_new(v, "verdict", answers_text(slice_str(info.verdict)));
    if (v && info.terms[0])
        json_object_set_new(v, "terms", json_string(info.terms));
    return v;
}

/* ---- status ---- */

struct failing {
    unsigned n;
    struct order_info first; /* the one that has failed most often */
};

static void count_failing(void *arg, const struct order_info *info)
{
    struct failing *f = arg;

    if (!info->failures)
        return;
    f->n++;
    if (info->failures > f->first.failures)
        f->first = *info;
}

void answers_add_acme(struct answers *a, json_t *status)
{
    struct failing f = { 0 };

    certifier_each(a->certifier, count_failing, &f);
    if (status && f.n)
        json_object_set_new(status, "acme",
                            json_pack("{s:I, s:s, s:o, s:I, s:o}", "certificates-not-got", (json_int_t)f.n,
                                      "certificate", f.first.name, "why", answers_text(slice_str(f.first.verdict)),
                                      "failures", (json_int_t)f.first.failures, "next-try", json_time(f.first.next_s)));
}

/* ---- metrics ---- */

static void put_failures(void *arg, const struct order_info *info)
{
    struct buf *out = arg;

    buf_str(out, "stox_acme_failures{certificate=\"");
    answers_put_label(out, info->name);
    buf_printf(out, "\"} %u\n", info->failures);
}

void answers_put_acme(struct answers *a, struct buf *out)
{
    uint64_t works, failures;

    certifier_counts(a->certifier, &works, &failures);
    buf_printf(out,
               "# TYPE stox_acme_orders counter\n# HELP stox_acme_orders Certificates asked for by ACME.\n"
               "stox_acme_orders_total{result=\"came\"} %" PRIu64 "\nstox_acme_orders_total{result=\"failed\"} %" PRIu64
               "\n",
               works, failures);
    buf_str(out,
            "# TYPE stox_acme_failures gauge\n# HELP stox_acme_failures How often in a row a certificate could not be "
            "got by ACME; 0: it works.\n");
    certifier_each(a->certifier, put_failures, out);
}
