#include "admin/audit_filter.h"

#include "base/text.h"
#include "store/json.h"

#define DAY_MS 86400000

static const struct {
    const char *name, *prefix;
} means[] = {
    [AUDIT_ANY] = { "any", NULL },         [AUDIT_SESSION] = { "session", "user:" },
    [AUDIT_TOKEN] = { "token", "token:" }, [AUDIT_SOCKET] = { "socket", "unix:" },
    [AUDIT_GATEWAY] = { "gateway", NULL }, /* whoever is none of those */
};

bool audit_means_read(struct slice word, enum audit_means *out)
{
    for (unsigned i = 0; i < sizeof(means) / sizeof(means[0]); i++) {
        if (!slice_is(word, means[i].name))
            continue;
        *out = (enum audit_means)i;
        return true;
    }
    return false;
}

const char *audit_means_name(enum audit_means m)
{
    return means[m].name;
}

enum audit_means audit_means_of(struct slice who)
{
    for (unsigned i = 0; i < sizeof(means) / sizeof(means[0]); i++)
        if (means[i].prefix && slice_starts(who, slice_str(means[i].prefix)))
            return (enum audit_means)i;
    return AUDIT_GATEWAY;
}

bool audit_filter_narrows(const struct audit_filter *f)
{
    return f->who.n || f->search.n || f->means != AUDIT_ANY || f->since_ms || f->until_ms;
}

bool audit_filter_is_past(const struct audit_filter *f, const struct store_audit_row *row)
{
    return f->since_ms && row->at_ms < f->since_ms - DAY_MS;
}

/* ---- what a change was about ---- */

/* One value, or any of a list. */
static bool value_holds(const json_t *v, struct slice wanted)
{
    char number[32];
    size_t i;
    json_t *one;

    if (json_is_string(v))
        return text_holds(slice_of(json_string_value(v), json_string_length(v)), wanted);
    if (json_is_integer(v)) {
        snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(v));
        return text_holds(slice_str(number), wanted);
    }
    json_array_foreach((json_t *)v, i, one) if (json_is_string(one) &&
                                                text_holds(slice_of(json_string_value(one), json_string_length(one)),
                                                           wanted)) return true;
    return false;
}

/* Is there a setting in one of them that the other has otherwise, and which wanted is about? */
static bool difference_holds(json_t *one, json_t *other, struct slice wanted)
{
    const char *name;
    json_t *v;

    json_object_foreach(one, name, v)
    {
        json_t *w = json_object_get(other, name);

        if (w && json_equal(v, w))
            continue;
        if (text_holds(slice_str(name), wanted) || value_holds(v, wanted) || value_holds(w, wanted))
            return true;
    }
    return false;
}

/* What the store keeps as JSON; *out NULL for nothing. False: no memory. */
static bool read_body(struct slice text, json_t **out)
{
    json_error_t fault;
    bool no_memory = false;

    *out = text.p ? json_read(text, &fault, &no_memory) : NULL;
    return !no_memory;
}

static bool bodies_hold(const struct store_audit_row *row, struct slice wanted, bool *holds)
{
    json_t *before, *after = NULL;
    bool ok = read_body(row->before, &before) && read_body(row->after, &after);

    *holds = ok && (difference_holds(before, after, wanted) || difference_holds(after, before, wanted));
    json_decref(before);
    json_decref(after);
    return ok;
}

/* What JSON writes otherwise than it is cannot be looked for in the text that it is stored as. */
static bool is_plain(struct slice wanted)
{
    for (size_t i = 0; i < wanted.n; i++)
        if (wanted.p[i] == '"' || wanted.p[i] == '\\' || (unsigned char)wanted.p[i] < 0x20)
            return false;
    return true;
}

static bool search_fits(const struct audit_filter *f, const struct store_audit_row *row, bool *fits)
{
    *fits = text_holds(row->name, f->search) || text_holds(row->who, f->search) || text_holds(row->from, f->search);
    if (*fits || (is_plain(f->search) && !text_holds(row->before, f->search) && !text_holds(row->after, f->search)))
        return true;
    return bodies_hold(row, f->search, fits);
}

/* "user:anna" is one of them; "anna" and "user:" are parts. */
static bool who_fits(const struct audit_filter *f, struct slice who)
{
    bool is_whole = slice_find(f->who, ':') + 1 < f->who.n;

    return is_whole ? slice_ieq(who, f->who) : text_holds(who, f->who);
}

bool audit_filter_fits(const struct audit_filter *f, const struct store_audit_row *row, bool *fits)
{
    *fits = (!f->since_ms || row->at_ms >= f->since_ms) && (!f->until_ms || row->at_ms < f->until_ms) &&
            (f->means == AUDIT_ANY || audit_means_of(row->who) == f->means) && who_fits(f, row->who);
    return !*fits || f->search.n == 0 || search_fits(f, row, fits);
}
