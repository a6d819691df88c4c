/* Subscriptions to presence: listed, shown, refreshed. */
#include "ctl/change.h"
#include "ctl/command.h"
#include "ctl/contact.h"
#include "ctl/ladder.h"
#include "ctl/look.h"
#include "ctl/object.h"

static const char *const columns[] = {
    "watcher", "watched", "state", "expires-s", "notices", "last-notice-s", "partner"
};

static const char *list_path(struct ctl *c)
{
    const char *path = "/v1/subscriptions";

    path = contact_query(c, path, "limit", args_value(&c->args, OPT_LIMIT));
    path = contact_query(c, path, "user", args_value(&c->args, OPT_USER));
    return contact_query(c, path, "partner", args_value(&c->args, OPT_PARTNER));
}

static void print_more(struct ctl *c, const json_t *body)
{
    if (json_is_integer(json_object_get(body, "next")) || json_integer_value(json_object_get(body, "left-out")) > 0)
        fputs("(there are more: --limit, --user and --partner show others)\n", c->diag);
}

enum ctl_exit subscription_list(struct ctl *c)
{
    const char *path = list_path(c);
    struct answer a;
    enum ctl_exit rc;

    if (!path)
        return CTL_REFUSED;
    rc = client_call(c, "GET", path, NULL, &a);
    if (rc == CTL_DONE && args_has(&c->args, OPT_JSON)) {
        object_print_json(c, a.body);
    } else if (rc == CTL_DONE) {
        const json_t *items = json_object_get(a.body, "items");

        if (json_array_size(items) == 0)
            fputs("(no subscriptions)\n", c->diag);
        else
            rc = look_table(c, items, columns, sizeof(columns) / sizeof(columns[0]));
        print_more(c, a.body);
    }
    answer_fini(&a);
    return rc;
}

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* What there is of the two, as one table each. */
static void print_pair(struct ctl *c, const json_t *v)
{
    static const char *const of_subs[] = { "watcher",       "watched", "state",   "expires-s", "notices",
                                           "last-notice-s", "again-s", "call-id", "target" };
    static const char *const of_presence[] = { "of", "resource", "state", "note" };
    const json_t *subs = json_object_get(v, "subscriptions"), *presence = json_object_get(v, "presence");

    if (json_array_size(subs))
        (void)look_table(c, subs, of_subs, COUNT(of_subs));
    else
        fputs("(no subscriptions)\n", c->diag);
    if (!json_array_size(presence))
        return;
    fputc('\n', c->out);
    (void)look_table(c, presence, of_presence, COUNT(of_presence));
}

enum ctl_exit subscription_show(struct ctl *c)
{
    const char *path =
        contact_query(c, contact_query(c, "/v1/subscription", "sip", c->args.operands[0]), "xmpp", c->args.operands[1]);

    return path ? look_show(c, path, print_pair) : CTL_REFUSED;
}

enum ctl_exit subscription_refresh(struct ctl *c)
{
    json_t *body = json_pack("{s:s, s:s}", "sip", c->args.operands[0], "xmpp", c->args.operands[1]);
    struct answer a;
    enum ctl_exit rc;
    json_int_t n;

    if (!body)
        return ctl_fail_memory(c);
    rc = client_call(c, "POST", "/v1/subscription/refresh", body, &a);
    n = json_integer_value(json_object_get(a.body, "refreshed"));
    if (rc == CTL_DONE)
        fprintf(c->out, "%" JSON_INTEGER_FORMAT " subscription%s refreshed\n", n, n == 1 ? "" : "s");
    answer_fini(&a);
    json_decref(body);
    return rc;
}

enum ctl_exit test_presence(struct ctl *c)
{
    const char *way = args_value(&c->args, OPT_WAY);

    return ladder_run(
        c, "/v1/presence-tests",
        json_pack("{s:s, s:s, s:s*}", "sip", c->args.operands[0], "xmpp", c->args.operands[1], "way", way));
}
