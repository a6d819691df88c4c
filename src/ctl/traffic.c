/* Who talks with whom, and what waits. */
#include "ctl/client.h"
#include "ctl/command.h"
#include "ctl/look.h"
#include "ctl/object.h"

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

/* GET path, a list in "items", and what more() has to say of the rest of the answer. */
static enum ctl_exit list(struct ctl *c, const char *path, const char *const *columns, size_t n, const char *none,
                          void (*more)(struct ctl *c, const json_t *body))
{
    const char *full = query_path(c, path);
    const json_t *items;
    struct answer a;
    enum ctl_exit rc;

    if (!full)
        return CTL_REFUSED;
    rc = client_call(c, "GET", full, NULL, &a);
    items = json_object_get(a.body, "items");
    if (rc == CTL_DONE && args_has(&c->args, OPT_JSON))
        object_print_json(c, a.body);
    else if (rc == CTL_DONE && json_array_size(items) == 0)
        fprintf(c->diag, "(%s)\n", none);
    else if (rc == CTL_DONE)
        rc = look_table(c, items, columns, n);
    if (rc == CTL_DONE)
        more(c, a.body);
    answer_fini(&a);
    return rc;
}

static void older_ones(struct ctl *c, const json_t *body)
{
    const json_t *next = json_object_get(body, "next");

    if (json_is_integer(next))
        fprintf(c->diag, "(older ones: --before %" JSON_INTEGER_FORMAT ")\n", json_integer_value(next));
}

enum ctl_exit conversation_list(struct ctl *c)
{
    static const char *const columns[] = { "id",          "sip",          "xmpp",         "idle-s",      "sip-to-xmpp",
                                           "xmpp-to-sip", "bounced-late", "last-to-xmpp", "last-to-sip", "partner" };

    return list(c, "/v1/conversations", columns, sizeof(columns) / sizeof(columns[0]), "no conversations", older_ones);
}

enum ctl_exit conversation_show(struct ctl *c)
{
    return look_each(c, "/v1/conversations/", "", object_print);
}

static void left_out(struct ctl *c, const json_t *body)
{
    json_int_t n = json_integer_value(json_object_get(body, "left-out"));

    if (n)
        fprintf(c->diag,
                "(%" JSON_INTEGER_FORMAT " that began to wait later are not shown: --limit shows up to 1000)\n", n);
}

enum ctl_exit queue_list(struct ctl *c)
{
    static const char *const columns[] = { "way",      "from",      "to",    "messages", "written", "bytes",
                                           "waited-s", "waits-for", "for-s", "then",     "then-s",  "stream" };

    return list(c, "/v1/queue", columns, sizeof(columns) / sizeof(columns[0]), "nothing waits", left_out);
}
