/* What is to be in DNS for the world to find this gateway. */
#include "admin/routes.h"

#define TTL_S 3600
#define TTL_MAX_S 604800

/* "a.example,b.example" in memory of the call. False: a problem is the reply. */
static bool take_domains(struct call *c, struct admin_check *what)
{
    struct slice rest = target_query(&c->target, "domains"), one;
    bool more = rest.n > 0;

    what->domains = arena_alloc(&c->arena, ADMIN_CHECK_DOMAINS * sizeof(*what->domains));
    if (!what->domains) {
        reply_no_memory(c);
        return false;
    }
    while (more) {
        more = slice_cut(rest, ',', &one, &rest);
        if (!one.n || what->n_domains == ADMIN_CHECK_DOMAINS) {
            reply_problem(c, 422, "invalid", "domains: names with commas between them are expected here, %d at most",
                          ADMIN_CHECK_DOMAINS);
            return false;
        }
        what->domains[what->n_domains++] = one;
    }
    return true;
}

void dns_records_get(struct call *c)
{
    const struct admin_ops *ops = admin_ops_of(c);
    struct admin_refusal no = admin_away;
    struct admin_check what = { .n_domains = 0 };
    uint64_t ttl_s;

    if (!take_domains(c, &what) || !call_number(c, "ttl", TTL_S, TTL_MAX_S, &ttl_s))
        return;
    admin_answer(c, ops->dns_records ? ops->dns_records(c->admin->conf.owner, &what, ttl_s, &no) : NULL, &no, "");
}
