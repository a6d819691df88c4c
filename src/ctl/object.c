/* new, set, list, show and remove, of every kind of object. */
#include "ctl/object.h"

#include <time.h>

#include "ctl/change.h"
#include "ctl/client.h"
#include "ctl/command.h"
#include "ctl/item.h"
#include "ctl/names.h"
#include "ctl/table.h"
#include "ctl/term.h"
#include "ctl/where.h"
#include "store/model.h"

/* What the form of the Control Panel asked for even though it has a default. */
static bool is_asked(const struct setting_kind *kind, const struct setting *s)
{
    return (!s->def && !setting_is_list(s)) || (kind == &partner_kind && strcmp(s->name, "type") == 0);
}

static bool ask_setting(struct ctl *c, const struct setting *s, json_t *values)
{
    struct buf b;

    buf_init(&b, 4096);
    buf_printf(&b, "%s: ", s->brief);
    setting_describe(&b, s);
    buf_printf(&b, ".\n%s\n", s->help);
    term_flush(c->out, &b);
    for (;;) {
        struct slice answer;
        struct err err;
        json_t *v;

        buf_printf(&b, "%s%s%s%s: %c", s->name, s->def ? " [" : "", s->def ? s->def : "", s->def ? "]" : "", '\0');
        answer = term_line(c, b.p);
        buf_clear(&b);
        if (!answer.p || (!answer.n && s->def))
            break;
        v = item_value(s, answer, &err);
        if (v) {
            buf_free(&b);
            return json_object_set_new(values, s->name, v) == 0;
        }
        ctl_fail(c, CTL_REFUSED, "%s", err.text);
    }
    buf_free(&b);
    return !feof(c->in);
}

static bool ask_missing(struct ctl *c, json_t *values)
{
    const struct setting_kind *kind = c->args.command->kind;

    for (size_t i = 0; i < kind->n; i++) {
        const struct setting *s = &kind->settings[i];

        if (is_asked(kind, s) && !json_object_get(values, s->name) && !ask_setting(c, s, values))
            return false;
    }
    return true;
}

/* The same change for each name. */
static enum ctl_exit change_each(struct ctl *c, const char *op, json_t *values)
{
    const struct setting_kind *kind = c->args.command->kind;
    struct names names = { 0 };
    struct changes changes;
    enum ctl_exit rc = kind->title ? names_of_operands(c, 0, &names) : CTL_DONE;

    if (rc != CTL_DONE)
        return rc;
    if (!kind->title && !names_add(c, &names, SLICE("")))
        return CTL_REFUSED;
    if (!changes_init(c, &changes))
        return CTL_REFUSED;
    for (size_t i = 0; i < names.n && rc == CTL_DONE; i++)
        rc = changes_add(c, &changes, op, kind, names.v[i], values ? json_incref(values) : NULL);
    if (rc == CTL_DONE)
        rc = changes_run(c, &changes, false);
    changes_fini(&changes);
    return rc;
}

enum ctl_exit object_new(struct ctl *c)
{
    json_t *values = item_values(c);
    enum ctl_exit rc = CTL_REFUSED;

    if (values && (!c->interactive || ask_missing(c, values)))
        rc = change_each(c, "new", values);
    json_decref(values);
    return rc;
}

enum ctl_exit object_set(struct ctl *c)
{
    json_t *values = item_values(c);
    enum ctl_exit rc = CTL_REFUSED;

    if (values && json_object_size(values) == 0)
        rc = ctl_fail(c, CTL_USAGE, "set what? stoxctl help %s set lists the flags", c->args.command->noun);
    else if (values)
        rc = change_each(c, "set", values);
    json_decref(values);
    return rc;
}

enum ctl_exit object_remove(struct ctl *c)
{
    return change_each(c, "remove", NULL);
}

/* ---- list ---- */

struct listing {
    const struct where *where;
    size_t n_where;
    const char *filter;
    size_t n; /* shown */
    struct table table;
    bool names, json;
};

/* Moments are seconds to programs and dates to people. */
static bool add_row(struct ctl *c, struct listing *l, const json_t *item)
{
    const struct setting_kind *kind = c->args.command->kind;
    json_t *shown = json_copy((json_t *)item);
    bool ok = shown != NULL;

    for (size_t i = 0; i < kind->n && ok; i++) {
        const struct setting *s = &kind->settings[i];
        time_t at = (time_t)json_integer_value(json_object_get(item, s->name));
        char text[40] = "never";
        struct tm tm;

        if (!s->unit || strcmp(s->unit, "s since 1970") != 0 || !json_is_integer(json_object_get(item, s->name)))
            continue;
        if (at && gmtime_r(&at, &tm))
            strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
        ok = json_object_set_new(shown, s->name, json_string(text)) == 0;
    }
    ok = ok ? table_add(&l->table, shown) : (ctl_fail_memory(c), false);
    json_decref(shown);
    return ok;
}

static enum ctl_exit list_item(struct ctl *c, const json_t *item, void *arg)
{
    struct listing *l = arg;
    const char *name = json_string_value(json_object_get(item, "name"));

    if (l->filter && !where_like(l->filter, name ? name : ""))
        return CTL_DONE;
    for (size_t i = 0; i < l->n_where; i++)
        if (!where_holds(&l->where[i], item))
            return CTL_DONE;
    if (l->json) {
        object_print_json_item(c, item, l->n);
    } else if (l->names) {
        term_write(c->out, slice_str(name));
        fputc('\n', c->out);
    } else if (!add_row(c, l, item)) {
        return CTL_REFUSED;
    }
    l->n++;
    return CTL_DONE;
}

/* Short values first: they are what stays when the terminal is narrow. */
static void choose_columns(struct table *t, const struct setting_kind *kind)
{
    table_column(t, "name");
    for (int wide = 0; wide < 2; wide++) {
        for (size_t i = 0; i < kind->n; i++) {
            const struct setting *s = &kind->settings[i];
            bool is_wide = setting_is_list(s) || s->type == SETTING_TEXT || s->type == SETTING_FILE;

            if (!s->secret && is_wide == (wide == 1))
                table_column(t, s->name);
        }
    }
}

static enum ctl_exit given_columns(struct ctl *c, struct table *t, const struct setting_kind *kind, const char *given)
{
    struct slice rest = slice_str(given), word;
    bool more = true;

    while (more) {
        const struct setting *s;

        more = slice_cut(rest, ',', &word, &rest);
        s = setting_find(kind, slice_trim(word));
        if (s)
            table_column(t, s->name);
        else if (slice_is(slice_trim(word), "name") || slice_is(slice_trim(word), "revision"))
            table_column(t, slice_trim(word).p[0] == 'n' ? "name" : "revision");
        else
            return ctl_fail(c, CTL_USAGE, "--columns: a %s has no \"%.*s\"", kind->noun, SLICE_FMT(word));
    }
    return CTL_DONE;
}

static enum ctl_exit read_conditions(struct ctl *c, struct listing *l)
{
    const struct args *a = &c->args;
    struct where *where = arena_alloc(&c->arena, (a->n_options + 1) * sizeof(*where));
    struct err err;

    if (!where)
        return ctl_fail_memory(c);
    for (size_t i = 0; i < a->n_options; i++) {
        if (a->options[i].id != OPT_WHERE)
            continue;
        if (where_read(&where[l->n_where++], a->command->kind, slice_str(a->options[i].value), &c->arena, &err))
            return ctl_fail(c, CTL_USAGE, "--where: %s", err.text);
    }
    l->where = where;
    l->filter = args_value(a, OPT_FILTER);
    return CTL_DONE;
}

enum ctl_exit object_list(struct ctl *c)
{
    const struct setting_kind *kind = c->args.command->kind;
    const char *columns = args_value(&c->args, OPT_COLUMNS);
    struct listing l = { .names = args_has(&c->args, OPT_NAMES), .json = args_has(&c->args, OPT_JSON) };
    enum ctl_exit rc = read_conditions(c, &l);

    table_init(&l.table, c, args_has(&c->args, OPT_CSV));
    if (rc == CTL_DONE && columns)
        rc = given_columns(c, &l.table, kind, columns);
    else
        choose_columns(&l.table, kind);
    if (rc == CTL_DONE)
        rc = client_each(c, kind->plural, list_item, &l);
    if (rc != CTL_DONE)
        return rc;
    if (l.json)
        object_print_json_item(c, NULL, l.n);
    else if (!l.names && (l.n || l.table.csv))
        table_print(&l.table);
    else if (!l.names)
        fprintf(c->diag, "(no %s%s)\n", kind->plural, l.n_where || l.filter ? " like that" : "");
    return CTL_DONE;
}

/* ---- show ---- */

static enum ctl_exit show_one(struct ctl *c, const char *path, size_t i, size_t n)
{
    struct answer a;
    enum ctl_exit rc = path ? client_call(c, "GET", path, NULL, &a) : CTL_REFUSED;

    if (!path)
        return rc;
    if (rc == CTL_DONE && args_has(&c->args, OPT_JSON)) {
        if (n == 1)
            object_print_json(c, a.body);
        else
            object_print_json_item(c, a.body, i);
        if (n > 1 && i + 1 == n)
            object_print_json_item(c, NULL, n);
    } else if (rc == CTL_DONE) {
        fputs(i ? "\n" : "", c->out);
        object_print(c, a.body);
    }
    answer_fini(&a);
    return rc;
}

enum ctl_exit object_show(struct ctl *c)
{
    const struct setting_kind *kind = c->args.command->kind;
    struct names names = { 0 };
    enum ctl_exit rc;

    if (!kind->title)
        return show_one(c, client_path(c, "/v1/", slice_str(kind->plural), ""), 0, 1);
    rc = names_of_operands(c, 0, &names);
    for (size_t i = 0; i < names.n && rc == CTL_DONE; i++) {
        const char *prefix = client_path(c, "/v1/", slice_str(kind->plural), "/");

        rc = prefix ? show_one(c, client_path(c, prefix, names.v[i], ""), i, names.n) : CTL_REFUSED;
    }
    return rc;
}
