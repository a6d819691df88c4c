/* The DNS records of this gateway, as the API shows them. */
#include "daemon/answers_parts.h"
#include "daemon/interfaces.h"
#include "deploy/records.h"

static void put_finding(json_t **list, const struct finding *it)
{
    answers_append(list, json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "mark", finding_mark_name(it->mark), "area",
                                   it->area, "check", it->check, "about", answers_text(slice_str(it->about)), "text",
                                   answers_text(slice_str(it->text)), "remedy", answers_text(slice_str(it->remedy)),
                                   "line", answers_text(slice_str(it->line))));
}

json_t *answers_findings(const struct findings *f)
{
    json_t *list = json_array();

    list_each (l, &f->list)
        put_finding(&list, container_of(l, struct finding, link));
    return list;
}

static void put_record(void *arg, const struct plan_record *r)
{
    json_t **list = arg;
    char line[2 * PLAN_LINE];

    snprintf(line, sizeof(line), "%s. %u IN %s %s", r->owner, (unsigned)r->ttl_s, r->type, r->data);
    answers_append(list,
                   json_pack("{s:o, s:s, s:s, s:I, s:s, s:s, s:b, s:s}", "domain", answers_text(slice_str(r->domain)),
                             "name", r->owner, "type", r->type, "ttl", (json_int_t)r->ttl_s, "data", r->data, "line",
                             line, "optional", r->optional, "why", r->why));
}

static json_t *show(const struct plan *p)
{
    json_t *items = json_array(), *notes = answers_findings(&p->notes), *v = NULL;

    plan_each(p, put_record, &items);
    if (items && notes && p->notes.left_out == 0)
        v = json_pack("{s:O, s:O}", "items", items, "notes", notes);
    json_decref(items);
    json_decref(notes);
    return v;
}

json_t *answer_dns_records(void *owner, const struct admin_check *what, uint64_t ttl_s, struct admin_refusal *no)
{
    struct answers *a = owner;
    struct config *config = keeper_config(a->keeper);
    struct addr interfaces[INTERFACES_MAX];
    struct plan_site site = { .boot = a->boot, .config = config, .interfaces = interfaces };
    struct err err = { "" };
    struct plan p;
    json_t *v = NULL;

    site.n_interfaces = interfaces_read(interfaces);
    if (plan_make(&p, &site, what->domains, what->n_domains, &err) == 0) {
        p.ttl_s = (uint32_t)ttl_s;
        v = show(&p);
    } else if (!err.memory) {
        snprintf(a->why, sizeof(a->why), "%s", err.text);
        *no = (struct admin_refusal){ 422, a->why };
    }
    plan_fini(&p);
    config_drop(config);
    return v;
}
