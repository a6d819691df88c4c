/* What is to be in DNS for the world to find this gateway; and checks, of that and of everything. */
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

/* ---- checks ---- */

static bool take_check(struct call *c, struct admin_check *what)
{
    static const char *const known[] = { "what", "domains", "resolvers", NULL };
    static const char too_many[] = "a list of texts is expected here, and not so many of them";
    struct slice word;

    what->domains = arena_alloc(&c->arena, ADMIN_CHECK_DOMAINS * sizeof(*what->domains));
    if (!what->domains) {
        reply_no_memory(c);
        return false;
    }
    if (!call_knows(c, known) || !call_text(c, "what", true, &word) ||
        !call_texts(c, "domains", too_many, what->domains, ADMIN_CHECK_DOMAINS, &what->n_domains) ||
        !call_texts(c, "resolvers", too_many, what->resolvers, ADMIN_CHECK_RESOLVERS, &what->n_resolvers))
        return false;
    what->all = slice_is(word, "all");
    return what->all || slice_is(word, "dns") || call_refuse(c, "what", "dns or all is expected here");
}

void checks_post(struct call *c)
{
    const struct admin_ops *ops = admin_ops_of(c);
    struct admin_refusal no = admin_away;
    struct admin_check what = { .all = false };
    json_t *v;

    if (!take_check(c, &what))
        return;
    v = ops->check_start ? ops->check_start(c->admin->conf.owner, &what, &no) : NULL;
    if (!v) {
        admin_refuse_away(c, &no);
        return;
    }
    log_info(c->admin->conf.log, "admin-look", LOG_Z("who", c->who.text), LOG_Z("from", c->from),
             LOG_Z("action", "check"), LOG_Z("name", what.all ? "all" : "dns"));
    reply_json(c, 202, v);
}

void check_get(struct call *c)
{
    const struct admin_ops *ops = admin_ops_of(c);
    uint64_t id;
    json_t *v = NULL;

    if (ops->check)
        v = slice_u64(c->id, UINT64_MAX, &id) ? ops->check(c->admin->conf.owner, id) : json_null();
    admin_answer(c, v, &admin_away,
                 "there is no such check; results are forgotten after ten minutes, but for the last ones");
}
