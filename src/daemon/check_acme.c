/* Certificates that an ACME authority renews: does it, and could it? */
#include "daemon/certifier.h"
#include "daemon/certifier_parts.h"
#include "daemon/check_rows.h"
#include "store/certificate.h"

static void judge_order(void *arg, const struct order_info *info)
{
    struct check *c = arg;
    struct finding *it;

    if (!info->failures)
        return;
    it = findings_add(c->out, FINDING_WARNING, "acme-fails", info->name,
                      "certificate %s was not got by ACME, %u time%s in a row: %s", info->name, info->failures,
                      info->failures == 1 ? "" : "s", info->verdict);
    findings_remedy(c->out, it,
                    "The one that is there stays in use until it expires. Tried again by itself, or at once:");
    findings_line(c->out, it, "stoxctl cert renew %s", info->name);
}

static size_t count_acme(const struct config *config)
{
    const struct config_list *list = config_list(config, &certificate_kind);
    size_t n = 0;

    for (size_t i = 0; i < list->n; i++)
        n += ((const struct certificate *)list->v[i]->object)->acme;
    return n;
}

/* What a renewal will fail for, before it does. */
static void judge_settings(struct check *c, size_t n)
{
    const struct gateway *g = config_gateway(c->config);
    struct finding *it;

    if (!g->acme_directory.n) {
        it = findings_add(c->out, FINDING_FAILED, "acme-nowhere", "",
                          "%zu certificate%s renewed by ACME, but no authority is set", n, n == 1 ? " is" : "s are");
        findings_line(c->out, it, "stoxctl gateway set --acme-directory URL --acme-terms yes");
    }
    if (!certifier_proofs_any(c->conf->boot)) {
        it = findings_add(c->out, FINDING_NOTE, "acme-not-here", "",
                          "this gateway renews no certificate by ACME: no authority can ask it");
        findings_remedy(
            c->out, it,
            "Right if another gateway on the same store does; else set listen-acme-http or listen-acme-tls.");
    }
}

void check_acme(struct check *c)
{
    size_t n = count_acme(c->config), bad = c->out->n[FINDING_WARNING] + c->out->n[FINDING_FAILED];

    if (n == 0)
        return;
    judge_settings(c, n);
    certifier_each(c->conf->certifier, judge_order, c);
    if (c->out->n[FINDING_WARNING] + c->out->n[FINDING_FAILED] == bad)
        findings_add(c->out, FINDING_OK, "acme", "", "%zu certificate%s renewed by ACME", n, n == 1 ? " is" : "s are");
}
