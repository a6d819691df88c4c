/* The DNS records of the gateway. */
#include "ctl/client.h"
#include "ctl/command.h"
#include "ctl/findings.h"
#include "ctl/ladder.h"
#include "ctl/look.h"
#include "ctl/names.h"
#include "ctl/object.h"
#include "ctl/term.h"

/* "?domains=a,b&ttl=300" behind the path; NULL with a sentence said. */
static const char *records_path(struct ctl *c, const struct names *names)
{
    const char *ttl = args_value(&c->args, OPT_TTL), *path = "/v1/dns/records";
    uint64_t seconds = ttl ? option_seconds(slice_str(ttl)) : 3600;
    char query[64];

    if (!seconds) {
        ctl_fail(c, CTL_USAGE, "--ttl: a time like 300, 5m or 1h is expected here");
        return NULL;
    }
    snprintf(query, sizeof(query), "?ttl=%llu%s", (unsigned long long)seconds, names->n ? "&domains=" : "");
    path = client_path(c, path, SLICE(""), query);
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
    findings_print(c, c->diag, notes, 0);
}

enum ctl_exit dns_show_records(struct ctl *c)
{
    struct names names = { 0 };
    enum ctl_exit rc = names_of_operands(c, 0, &names);
    const char *path = rc == CTL_DONE ? records_path(c, &names) : NULL;

    if (rc == CTL_DONE)
        rc = path ? look_show(c, path, print_records) : CTL_REFUSED;
    return rc;
}
