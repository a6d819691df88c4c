/* What only looks: matrix, status, streams, metrics, session, audit. */
#include "ctl/look.h"
#include "base/text.h"
#include "ctl/change.h"
#include "ctl/client.h"
#include "ctl/command.h"
#include "ctl/object.h"
#include "ctl/table.h"
#include "ctl/term.h"
#include "store/model.h"

/* ---- the negotiation matrix ---- */

static const char *need_word(const char *setting, enum xmpp_need need)
{
    const struct setting *s = setting_find(&partner_kind, slice_str(setting));

    return s ? s->choices[need] : "";
}

static json_t *methods_json(struct xmpp_methods m)
{
    json_t *list = json_array();

    if (m.sasl_over_tls)
        json_array_append_new(list, json_string("sasl-over-tls"));
    if (m.dialback_over_tls)
        json_array_append_new(list, json_string("dialback-over-tls"));
    if (m.dialback_over_tcp)
        json_array_append_new(list, json_string("dialback-over-tcp"));
    return list;
}

/* Rows 5 and 11: the matrix only warns of them, the Control Panel did not save them (lync-gateway.md 2.3). */
static bool is_strictly_invalid(enum xmpp_need tls, enum xmpp_need sasl, enum xmpp_matrix_verdict verdict)
{
    return verdict == XMPP_MATRIX_WARNING && tls == XMPP_NOT_SUPPORTED && sasl != XMPP_NOT_SUPPORTED;
}

static json_t *matrix_row(unsigned row, bool strict)
{
    static const char *const verdicts[] = { "ok", "warning", "invalid" };
    enum xmpp_need sasl = row / 6, tls = row / 2 % 3;
    bool dialback = row % 2 == 0;
    const char *why;
    enum xmpp_matrix_verdict verdict = xmpp_matrix_judge(tls, sasl, dialback, &why);

    if (strict && is_strictly_invalid(tls, sasl, verdict))
        verdict = XMPP_MATRIX_INVALID;
    return json_pack("{si ss ss sb so* ss ss?}", "row", (int)row + 1, "tls", need_word("tls", tls), "sasl",
                     need_word("sasl", sasl), "dialback", dialback, "methods",
                     methods_json(xmpp_methods_of(tls, sasl, dialback)), "verdict", verdicts[verdict], "reason", why);
}

enum ctl_exit matrix_show(struct ctl *c)
{
    static const char *const columns[] = { "row", "tls", "sasl", "dialback", "methods", "verdict", "reason" };
    json_t *rows = json_array();
    struct table t;
    enum ctl_exit rc = CTL_DONE;

    for (unsigned row = 0; rows && row < 18; row++)
        json_array_append_new(rows, matrix_row(row, args_has(&c->args, OPT_STRICT)));
    if (json_array_size(rows) != 18) {
        rc = ctl_fail_memory(c);
    } else if (args_has(&c->args, OPT_JSON)) {
        json_t *whole = json_pack("{sO}", "rows", rows);

        rc = whole ? CTL_DONE : ctl_fail_memory(c);
        if (whole)
            object_print_json(c, whole);
        json_decref(whole);
    } else {
        table_init(&t, c, args_has(&c->args, OPT_CSV));
        for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
            table_column(&t, columns[i]);
        for (size_t i = 0; i < 18 && rc == CTL_DONE; i++)
            rc = table_add(&t, json_array_get(rows, i)) ? CTL_DONE : CTL_REFUSED;
        if (rc == CTL_DONE)
            table_print(&t);
    }
    json_decref(rows);
    return rc;
}

/* ---- one object of the daemon's ---- */

enum ctl_exit look_show(struct ctl *c, const char *path, void (*print)(struct ctl *c, const json_t *v))
{
    struct answer a;
    enum ctl_exit rc = client_call(c, "GET", path, NULL, &a);

    if (rc == CTL_DONE && args_has(&c->args, OPT_JSON))
        object_print_json(c, a.body);
    else if (rc == CTL_DONE)
        print(c, a.body);
    answer_fini(&a);
    return rc;
}

enum ctl_exit look_each(struct ctl *c, const char *prefix, const char *suffix,
                        void (*print)(struct ctl *c, const json_t *v))
{
    enum ctl_exit rc = CTL_DONE;

    for (size_t i = 0; i < c->args.n_operands && rc == CTL_DONE; i++) {
        const char *path = client_path(c, prefix, slice_str(c->args.operands[i]), suffix);

        rc = path ? look_show(c, path, print) : CTL_REFUSED;
    }
    return rc;
}

enum ctl_exit look_table(struct ctl *c, const json_t *items, const char *const *columns, size_t n)
{
    struct table t;

    table_init(&t, c, args_has(&c->args, OPT_CSV));
    for (size_t i = 0; i < n; i++)
        table_column(&t, columns[i]);
    for (size_t i = 0; i < json_array_size(items); i++)
        if (!table_add(&t, json_array_get(items, i)))
            return CTL_REFUSED;
    table_print(&t);
    return CTL_DONE;
}

enum ctl_exit status_show(struct ctl *c)
{
    return look_show(c, "/v1/status", object_print);
}

enum ctl_exit session_show(struct ctl *c)
{
    return look_show(c, "/v1/session", object_print);
}

/* Text of the daemon's, line by line, so that a terminal cannot be steered by it. */
enum ctl_exit metrics_show(struct ctl *c)
{
    struct answer a;
    enum ctl_exit rc = client_call(c, "GET", "/metrics", NULL, &a);
    struct slice rest = buf_slice(&a.text), line;
    bool more = rc == CTL_DONE && rest.n > 0;

    while (more) {
        more = slice_cut(rest, '\n', &line, &rest) && rest.n > 0;
        term_write(c->out, line);
        fputc('\n', c->out);
    }
    answer_fini(&a);
    return rc;
}

/* ---- lists of what has no settings table ---- */

struct rows {
    struct table table;
    bool json, started;
    size_t n;
};

static bool is_word(const char *name)
{
    const struct text_set set = text_set("-_.");

    for (; *name; name++)
        if (!text_in(&set, (unsigned char)*name))
            return false;
    return true;
}

/* The first item's members are the columns. */
static enum ctl_exit add_row(struct ctl *c, const json_t *item, void *arg)
{
    struct rows *r = arg;
    const char *name;
    json_t *v;

    if (r->json) {
        object_print_json_item(c, item, r->n++);
        return CTL_DONE;
    }
    if (!r->started)
        json_object_foreach((json_t *)item, name, v)
        {
            const char *kept = is_word(name) ? arena_strdup(&c->arena, slice_str(name)) : NULL;

            if (kept)
                table_column(&r->table, kept);
        }
    r->started = true;
    r->n++;
    return table_add(&r->table, item) ? CTL_DONE : CTL_REFUSED;
}

static void end_rows(struct ctl *c, struct rows *r, const char *what)
{
    if (r->json)
        object_print_json_item(c, NULL, r->n);
    else if (r->n)
        table_print(&r->table);
    else
        fprintf(c->diag, "(no %s)\n", what);
}

enum ctl_exit stream_list(struct ctl *c)
{
    struct rows r = { .json = args_has(&c->args, OPT_JSON) };
    enum ctl_exit rc;

    table_init(&r.table, c, args_has(&c->args, OPT_CSV));
    rc = client_all(c, "streams", add_row, &r);
    if (rc == CTL_DONE)
        end_rows(c, &r, "streams");
    return rc;
}

enum ctl_exit stream_close(struct ctl *c)
{
    enum ctl_exit rc = CTL_DONE;

    for (size_t i = 0; i < c->args.n_operands && rc == CTL_DONE; i++) {
        const char *path = client_path(c, "/v1/streams/", slice_str(c->args.operands[i]), "");
        struct answer a;

        if (!path)
            return CTL_REFUSED;
        rc = client_call(c, "DELETE", path, NULL, &a);
        if (rc == CTL_DONE)
            fprintf(c->out, "stream %s: closed\n", c->args.operands[i]);
        answer_fini(&a);
    }
    return rc;
}

/* ---- audit ---- */

/* "/v1/audit?limit=..&kind=.." of what was given; NULL with a sentence said. */
static const char *audit_path(struct ctl *c)
{
    static const struct {
        enum option_id id;
        const char *query;
    } queries[] = { { OPT_LIMIT, "&limit=" },  { OPT_BEFORE, "&before=" }, { OPT_KIND, "&kind=" },
                    { OPT_NAME, "&name=" },    { OPT_WHO, "&who=" },       { OPT_SINCE, "&since=" },
                    { OPT_SEARCH, "&search=" } };
    const char *path = "/v1/audit?";
    const char *value;

    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]) && path; i++) {
        const struct setting_kind *kind;

        value = args_value(&c->args, queries[i].id);
        if (!value)
            continue;
        kind = queries[i].id == OPT_KIND ? model_kind(slice_str(value)) : NULL;
        path = client_path(c, path, SLICE(""), path[strlen(path) - 1] == '?' ? queries[i].query + 1 : queries[i].query);
        path = path ? client_path(c, path, slice_str(kind ? kind->name : value), "") : NULL;
    }
    return path;
}

static void print_audit_row(struct ctl *c, const json_t *item)
{
    static const char *const words[] = { "seq", "at", "who", "from", "action", "kind", "name" };
    const json_t *before = json_object_get(item, "before"), *after = json_object_get(item, "after");
    struct buf b;

    buf_init(&b, 8u << 20);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        const json_t *v = json_object_get(item, words[i]);

        if (json_is_integer(v))
            buf_printf(&b, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
        else
            term_put(&b, slice_str(json_string_value(v)));
        buf_char(&b, i + 1 < sizeof(words) / sizeof(words[0]) ? ' ' : '\n');
    }
    change_put_difference(&b, json_is_object(before) ? before : NULL, json_is_object(after) ? after : NULL);
    term_flush(c->out, &b);
    buf_free(&b);
}

static enum ctl_exit print_audit(struct ctl *c, const json_t *items)
{
    static const char *const columns[] = { "seq", "at", "who", "from", "action", "kind", "name" };

    if (!args_has(&c->args, OPT_CSV)) {
        for (size_t i = 0; i < json_array_size(items); i++)
            print_audit_row(c, json_array_get(items, i));
        return CTL_DONE;
    }
    return look_table(c, items, columns, sizeof(columns) / sizeof(columns[0]));
}

enum ctl_exit audit_list(struct ctl *c)
{
    const char *path = audit_path(c);
    struct answer a;
    enum ctl_exit rc;

    if (!path)
        return CTL_REFUSED;
    rc = client_call(c, "GET", path, NULL, &a);
    if (rc == CTL_DONE && args_has(&c->args, OPT_JSON))
        object_print_json(c, a.body);
    else if (rc == CTL_DONE)
        rc = print_audit(c, json_object_get(a.body, "items"));
    if (rc == CTL_DONE && json_is_integer(json_object_get(a.body, "next")))
        fprintf(c->diag, "(older ones: --before %" JSON_INTEGER_FORMAT ")\n",
                json_integer_value(json_object_get(a.body, "next")));
    answer_fini(&a);
    return rc;
}
