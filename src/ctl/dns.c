/* The DNS records of the gateway. */
#include "ctl/client.h"
#include "ctl/command.h"
#include "ctl/findings.h"
#include "ctl/ladder.h"
#include "ctl/look.h"
#include "ctl/names.h"
#include "ctl/object.h"
#include "ctl/term.h"

#define TTL_S 3600

/* "?ttl=300&domains=a,b" behind the path; NULL with a sentence said. */
static const char *records_path(struct ctl *c, const struct names *names, uint64_t ttl_s)
{
    const char *path;
    char query[64];

    snprintf(query, sizeof(query), "?ttl=%llu%s", (unsigned long long)ttl_s, names->n ? "&domains=" : "");
    path = client_path(c, "/v1/dns/records", SLICE(""), query);
    for (size_t i = 0; i < names->n && path; i++)
        path = client_path(c, path, names->v[i], i + 1 < names->n ? "," : "");
    return path;
}

/* A comment above the first record of each group. */
static void print_group(struct ctl *c, struct buf *b, const json_t *item, const json_t *before)
{
    const char *domain = ladder_text(item, "domain"), *why = ladder_text(item, "why");

    if (before && strcmp(domain, ladder_text(before, "domain")) == 0 && strcmp(why, ladder_text(before, "why")) == 0)
        return;
    buf_str(b, before ? "\n; " : "; ");
    term_put(b, slice_str(domain));
    buf_str(b, domain[0] ? ": " : "");
    term_put(b, slice_str(why));
    buf_str(b, json_is_true(json_object_get(item, "optional")) ? " (optional)\n" : "\n");
}

static void print_records(struct ctl *c, const json_t *answer)
{
    const json_t *items = json_object_get(answer, "items"), *notes = json_object_get(answer, "notes");
    struct buf b;

    buf_init(&b, 16u << 20);
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);

        print_group(c, &b, item, i ? json_array_get(items, i - 1) : NULL);
        term_put(&b, slice_str(ladder_text(item, "line")));
        buf_char(&b, '\n');
    }
    term_flush(c->out, &b);
    buf_free(&b);
    findings_print(c->diag, notes, 0, false);
}

enum ctl_exit dns_show_records(struct ctl *c)
{
    const char *ttl = args_value(&c->args, OPT_TTL), *path;
    uint64_t ttl_s = ttl ? option_seconds(slice_str(ttl)) : TTL_S;
    struct names names = { 0 };
    enum ctl_exit rc;

    if (!ttl_s)
        return ctl_fail(c, CTL_USAGE, "--ttl: a time like 300, 5m or 1h is expected here");
    rc = names_of_operands(c, 0, &names);
    if (rc != CTL_DONE)
        return rc;
    path = records_path(c, &names, ttl_s);
    return path ? look_show(c, path, print_records) : CTL_REFUSED;
}
