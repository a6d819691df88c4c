#include "ctl/item.h"

#include "ctl/command.h"
#include "ctl/term.h"
#include "net/addr.h"
#include "store/json.h"

#define VALUE_MAX (256u << 10)
#define SECRET_THERE                                                                                                   \
    "hidden" /* in the place of a secret that nobody is shown; SETTING_HIDDEN would count as not given */

static void put_scalar(struct buf *out, const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_STRING: buf_add(out, json_string_value(v), json_string_length(v)); break;
    case JSON_INTEGER: buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(v)); break;
    case JSON_REAL: buf_printf(out, "%g", json_real_value(v)); break;
    case JSON_TRUE: buf_str(out, "yes"); break;
    case JSON_FALSE: buf_str(out, "no"); break;
    case JSON_OBJECT: buf_str(out, "{...}"); break;
    case JSON_ARRAY: buf_str(out, "[...]"); break;
    case JSON_NULL: break;
    }
}

void item_put_value(struct buf *out, const json_t *v)
{
    if (!v)
        return;
    if (!json_is_array(v)) {
        put_scalar(out, v);
        return;
    }
    for (size_t i = 0; i < json_array_size(v); i++) {
        if (i)
            buf_str(out, ", ");
        put_scalar(out, json_array_get(v, i));
    }
}

json_t *item_value(const struct setting *s, struct slice text, struct err *err)
{
    union {
        struct setting_list list;
        struct addr addr;
        struct slice slice;
        unsigned number;
        bool yes;
        const char *file;
    } object = { 0 };
    struct setting alone = *s;
    struct arena arena;
    json_t *v = NULL;

    alone.at = 0;
    arena_init(&arena, 4 * VALUE_MAX);
    if (setting_set(&alone, &object, &text, 1, &arena, err) == 0) {
        switch (s->type) {
        case SETTING_UINT: v = json_integer(object.number); break;
        case SETTING_BOOL: v = json_boolean(object.yes); break;
        default: v = setting_to_json(&alone, &object, 0); break;
        }
        if (!v)
            err_memory(err, "reading a value");
    }
    arena_reset(&arena);
    return v;
}

static int set_new(json_t *object, const char *name, json_t *v, struct err *err)
{
    if (v && json_object_set_new(object, name, v) == 0)
        return 0;
    return v ? err_memory(err, "making a request") : -1;
}

static int append_new(json_t *list, json_t *v, struct err *err)
{
    if (v && json_array_append_new(list, v) == 0)
        return 0;
    return v ? err_memory(err, "making a request") : -1;
}

/* Entries of a list, with commas between. */
static int append_entries(const struct setting *s, json_t *list, struct slice text, struct err *err)
{
    struct slice rest = text, entry;
    bool more = text.n > 0;

    while (more) {
        more = slice_cut(rest, ',', &entry, &rest);
        entry = slice_trim(entry);
        if (entry.n && append_new(list, item_value(s, entry, err), err))
            return -1;
    }
    return 0;
}

/* The {"add": [...], "remove": [...]} of a list, made when first needed. NULL on memory or beside a whole list. */
static json_t *changes_of(json_t *values, const struct setting *s, const char *op, struct err *err)
{
    json_t *object = json_object_get(values, s->name), *list;

    if (object && !json_is_object(object)) {
        err_set(err, "%s: it is either set as a whole, or added to and taken from", s->name);
        return NULL;
    }
    if (!object && set_new(values, s->name, json_object(), err))
        return NULL;
    object = json_object_get(values, s->name);
    list = json_object_get(object, op);
    if (!list && set_new(object, op, json_array(), err))
        return NULL;
    return json_object_get(object, op);
}

/* --dialback-passphrase -: a secret that shows neither on the screen nor in the list of processes. */
static struct slice secret_or(struct ctl *c, const struct setting *s, const char *value)
{
    char prompt[100];

    if (!s->secret || strcmp(value, "-") != 0)
        return slice_str(value);
    snprintf(prompt, sizeof(prompt), "%s: ", s->name);
    return term_secret(c, prompt, true);
}

static int take_flag(struct ctl *c, json_t *values, const struct flag_arg *arg, struct err *err)
{
    const struct setting *s = arg->flag.setting;
    json_t *list, *old;

    switch (arg->flag.op) {
    case FLAG_CLEAR: return set_new(values, s->name, json_array(), err);
    case FLAG_ADD:
    case FLAG_REMOVE:
        list = changes_of(values, s, arg->flag.op == FLAG_ADD ? "add" : "remove", err);
        return list ? append_entries(s, list, slice_str(arg->value), err) : -1;
    default: break;
    }
    if (!setting_is_list(s)) {
        struct slice text = secret_or(c, s, arg->value);

        return text.p ? set_new(values, s->name, item_value(s, text, err), err)
                      : err_set(err, "%s is missing", s->name);
    }
    old = json_object_get(values, s->name);
    if (old && !json_is_array(old))
        return err_set(err, "%s: it is either set as a whole, or added to and taken from", s->name);
    if (!old && set_new(values, s->name, json_array(), err))
        return -1;
    return append_entries(s, json_object_get(values, s->name), slice_str(arg->value), err);
}

static int take_reset(const struct setting_kind *kind, json_t *values, const char *name, struct err *err)
{
    const struct setting *s = setting_find(kind, slice_str(name));
    const char *near = s ? NULL : setting_nearest(kind, slice_str(name));

    if (!s)
        return err_set(err, "--reset: a %s has no setting \"%s\"%s%s%s", kind->noun, name,
                       near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    if (json_object_get(values, s->name))
        return err_set(err, "%s is both set and reset", s->name);
    return set_new(values, s->name, json_null(), err);
}

json_t *item_values(struct ctl *c)
{
    const struct setting_kind *kind = c->args.command->kind;
    json_t *values = json_object();
    struct err err;
    int rc = values ? 0 : err_memory(&err, "making a request");

    for (size_t i = 0; i < c->args.n_flags && rc == 0; i++)
        rc = take_flag(c, values, &c->args.flags[i], &err);
    for (size_t i = 0; i < c->args.n_options && rc == 0; i++)
        if (c->args.options[i].id == OPT_RESET)
            rc = take_reset(kind, values, c->args.options[i].value, &err);
    if (rc == 0)
        return values;
    ctl_fail(c, CTL_REFUSED, "%s", err.text);
    json_decref(values);
    return NULL;
}

/* ---- records ---- */

static bool is_default(const struct setting *s, const json_t *v)
{
    struct slice def = slice_str(s->def);
    json_t *as_json;
    bool same;

    if (setting_is_list(s))
        return json_array_size(v) == 0;
    if (!s->def)
        return false;
    as_json = item_value(s, def, NULL);
    same = as_json && json_equal(as_json, (json_t *)v);
    json_decref(as_json);
    return same;
}

/* Without what equals its default. NULL on memory. */
static json_t *given_only(const struct setting_kind *kind, const json_t *item)
{
    json_t *given = json_object();

    for (size_t i = 0; given && i < kind->n; i++) {
        const struct setting *s = &kind->settings[i];
        json_t *v = json_object_get(item, s->name);

        if (!v || json_is_null(v) || is_default(s, v))
            continue;
        if (json_object_set(given, s->name, v)) {
            json_decref(given);
            return NULL;
        }
    }
    return given;
}

struct record *item_record(const struct setting_kind *kind, const json_t *item, struct err *err)
{
    static const struct slice there = { SECRET_THERE, sizeof(SECRET_THERE) - 1 };
    json_t *given = given_only(kind, item), *revision = json_object_get(item, "revision");
    struct record *r = NULL;
    struct arena arena;
    struct edit *edits, *all;
    size_t n;

    arena_init(&arena, 4u << 20);
    all = arena_alloc(&arena, (3 * kind->n + 1) * sizeof(*all));
    if (!given || !all) {
        err_memory(err, "reading an object");
    } else if (json_to_edits(kind, given, &arena, &edits, &n, NULL, err) == 0 && n <= 2 * kind->n) {
        memcpy(all, edits, n * sizeof(*all));
        for (size_t i = 0; i < kind->n; i++)
            if (kind->settings[i].secret && json_object_get(given, kind->settings[i].name))
                all[n++] = (struct edit){ &kind->settings[i], EDIT_SET, &there, 1 };
        r = record_make(kind, slice_str(json_string_value(json_object_get(item, "name"))), NULL, all, n, NULL, err);
    }
    if (r)
        r->revision = (uint64_t)json_integer_value(revision);
    json_decref(given);
    arena_reset(&arena);
    return r;
}

json_t *item_of_edits(const struct setting_kind *kind, const struct edit *edits, size_t n, struct err *err)
{
    json_t *values = json_object();
    int rc = values ? 0 : err_memory(err, "making a request");

    for (size_t i = 0; i < n && rc == 0; i++) {
        const struct setting *s = edits[i].setting;

        if (!setting_is_list(s)) {
            rc = set_new(values, s->name, item_value(s, edits[i].n ? edits[i].texts[0] : SLICE(""), err), err);
            continue;
        }
        rc = set_new(values, s->name, json_array(), err);
        for (size_t k = 0; k < edits[i].n && rc == 0; k++)
            rc = append_new(json_object_get(values, s->name), item_value(s, edits[i].texts[k], err), err);
    }
    if (rc == 0)
        return values;
    json_decref(values);
    return NULL;
}
