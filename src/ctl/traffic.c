/* Who talks with whom, and what waits. */
#include "ctl/client.h"
#include "ctl/command.h"
#include "ctl/look.h"
#include "ctl/object.h"
#include "ctl/table.h"

/* "/v1/queue?limit=..&user=.." of what was given; NULL with a sentence said. */
static const char *query_path(struct ctl *c, const char *path)
{
    static const struct {
        enum option_id id;
        const char *query;
    } queries[] = {
        { OPT_LIMIT, "limit=" }, { OPT_BEFORE, "before=" }, { OPT_USER, "user=" }, { OPT_PARTNER, "partner=" }
    };
    char mark = '?';

    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]) && path; i++) {
        const char *value = args_value(&c->args, queries[i].id);
        char key[16];

        if (!value)
            continue;
        snprintf(key, sizeof(key), "%c%s", mark, queries[i].query);
        mark = '&';
        path = client_path(c, path, SLICE(""), key);
        path = path ? client_path(c, path, slice_str(value), "") : NULL;
    }
    return path;
}

static enum ctl_exit print_items(struct ctl *c, const json_t *items, const char *const *columns, size_t n,
                                 const char *none)
{
    struct table t;

    if (json_array_size(items) == 0) {
        fprintf(c->diag, "(%s)\n", none);
        return CTL_DONE;
    }
    table_init(&t, c, args_has(&c->args, OPT_CSV));
    for (size_t i = 0; i < n; i++)
        table_column(&t, columns[i]);
    for (size_t i = 0; i < json_array_size(items); i++)
        if (!table_add(&t, json_array_get(items, i)))
            return CTL_REFUSED;
    table_print(&t);
    return CTL_DONE;
}

enum ctl_exit conversation_list(struct ctl *c)
{
    static const char *const columns[] = { "id",          "sip",          "xmpp",         "idle-s",      "sip-to-xmpp",
                                           "xmpp-to-sip", "bounced-late", "last-to-xmpp", "last-to-sip", "partner" };
    const char *path = query_path(c, "/v1/conversations");
    struct answer a;
    enum ctl_exit rc;

    if (!path)
        return CTL_REFUSED;
    rc = client_call(c, "GET", path, NULL, &a);
    if (rc == CTL_DONE && args_has(&c->args, OPT_JSON))
        object_print_json(c, a.body);
    else if (rc == CTL_DONE)
        rc = print_items(c, json_object_get(a.body, "items"), columns, sizeof(columns) / sizeof(columns[0]),
                         "no conversations");
    if (rc == CTL_DONE && json_is_integer(json_object_get(a.body, "next")))
        fprintf(c->diag, "(older ones: --before %" JSON_INTEGER_FORMAT ")\n",
                json_integer_value(json_object_get(a.body, "next")));
    answer_fini(&a);
    return rc;
}

enum ctl_exit conversation_show(struct ctl *c)
{
    enum ctl_exit rc = CTL_DONE;

    for (size_t i = 0; i < c->args.n_operands && rc == CTL_DONE; i++) {
        const char *path = client_path(c, "/v1/conversations/", slice_str(c->args.operands[i]), "");

        rc = path ? look_show(c, path, object_print) : CTL_REFUSED;
    }
    return rc;
}

enum ctl_exit queue_list(struct ctl *c)
{
    static const char *const columns[] = { "way",      "from",      "to",    "messages", "written", "bytes",
                                           "waited-s", "waits-for", "for-s", "then",     "then-s",  "stream" };
    const char *path = query_path(c, "/v1/queue");
    json_int_t left_out;
    struct answer a;
    enum ctl_exit rc;

    if (!path)
        return CTL_REFUSED;
    rc = client_call(c, "GET", path, NULL, &a);
    if (rc == CTL_DONE && args_has(&c->args, OPT_JSON))
        object_print_json(c, a.body);
    else if (rc == CTL_DONE)
        rc = print_items(c, json_object_get(a.body, "items"), columns, sizeof(columns) / sizeof(columns[0]),
                         "nothing waits");
    left_out = json_integer_value(json_object_get(a.body, "left-out"));
    if (rc == CTL_DONE && left_out)
        fprintf(c->diag,
                "(%" JSON_INTEGER_FORMAT " that began to wait later are not shown: --limit shows up to 1000)\n",
                left_out);
    answer_fini(&a);
    return rc;
}
