/* Certificates by ACME, as the API shows them. */
#include <inttypes.h>

#include "daemon/answers_parts.h"
#include "daemon/certifier.h"

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

    if (!certifier_show(a->certifier, name, &info))
        return json_null();
    if (!info.done)
        return json_pack("{s:I, s:b}", "id", (json_int_t)info.id, "done", 0);
    return json_pack("{s:I, s:b, s:b, s:o, s:I}", "id", (json_int_t)info.id, "done", 1, "works", info.works, "verdict",
                     answers_text(slice_str(info.verdict)), "failures", (json_int_t)info.failures);
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
}
