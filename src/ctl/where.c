#include "ctl/where.h"

#include <fnmatch.h>

#include "base/log.h"
#include "ctl/item.h"

#define PATTERN_MAX 200
#define STARS_MAX 8 /* each star multiplies the time a match may take */
#define TEXT_MAX (64u << 10)

bool where_like(const char *pattern, const char *text)
{
    return fnmatch(pattern, text, FNM_CASEFOLD | FNM_NOESCAPE) == 0;
}

static int cut(struct slice text, struct slice *name, enum where_op *op, struct slice *value)
{
    size_t at = 0;

    while (at < text.n && text.p[at] != '=' && text.p[at] != '~' && text.p[at] != '!')
        at++;
    *name = slice_trim(slice_first(text, at));
    if (at == text.n)
        return -1;
    if (text.p[at] == '!' && (++at == text.n || text.p[at] != '='))
        return -1;
    *op = text.p[at] == '~' ? WHERE_LIKE : text.p[at - (at > 0)] == '!' ? WHERE_IS_NOT : WHERE_IS;
    *value = slice_trim(slice_from(text, at + 1));
    return 0;
}

static int check_pattern(struct slice value, struct err *err)
{
    size_t stars = 0;

    for (size_t i = 0; i < value.n; i++)
        stars += value.p[i] == '*';
    if (value.n > PATTERN_MAX || stars > STARS_MAX)
        return err_set(err, "a pattern has at most %d characters and %d stars", PATTERN_MAX, STARS_MAX);
    return 0;
}

static int unknown(const struct setting_kind *kind, struct slice name, struct err *err)
{
    const char *near = setting_nearest(kind, name);
    char t[80];

    log_escape(t, sizeof(t), name);
    return err_set(err, "a %s has no setting \"%s\"%s%s%s", kind->noun, t, near ? "; did you mean " : "",
                   near ? near : "", near ? "?" : "");
}

/* In normal form. An empty value is one that was never given, for any type. */
static int set_value(struct where *out, struct slice value, struct arena *arena, struct err *err)
{
    json_t *v = NULL;
    struct buf b;

    if (out->setting && value.n && !(v = item_value(out->setting, value, err)))
        return -1;
    buf_init(&b, TEXT_MAX);
    if (v)
        item_put_value(&b, v);
    else
        buf_put(&b, value);
    out->value = buf_ok(&b) ? arena_strdup(arena, buf_slice(&b)) : NULL;
    buf_free(&b);
    json_decref(v);
    return out->value ? 0 : err_set(err, "out of memory, or a value with a zero byte");
}

int where_read(struct where *out, const struct setting_kind *kind, struct slice text, struct arena *arena,
               struct err *err)
{
    struct slice name, value;
    char t[80];

    log_escape(t, sizeof(t), text);
    if (cut(text, &name, &out->op, &value))
        return err_set(err, "\"%s\" is none of setting=value, setting!=value, setting~pattern", t);
    out->setting = setting_find(kind, name);
    if (!out->setting && !slice_is(name, "name"))
        return unknown(kind, name, err);
    if (out->setting && out->setting->secret)
        return err_set(err, "%s is a secret: nothing can be asked about it", out->setting->name);
    if (out->op != WHERE_LIKE)
        return set_value(out, value, arena, err);
    if (check_pattern(value, err))
        return -1;
    out->value = arena_strdup(arena, value);
    return out->value ? 0 : err_set(err, "out of memory, or a pattern with a zero byte");
}

static bool scalar_holds(const struct where *w, const json_t *v)
{
    struct buf b;
    bool holds;

    buf_init(&b, TEXT_MAX);
    item_put_value(&b, v);
    buf_char(&b, '\0');
    holds = buf_ok(&b) && (w->op == WHERE_LIKE ? where_like(w->value, b.p) : strcmp(w->value, b.p) == 0);
    buf_free(&b);
    return holds;
}

bool where_holds(const struct where *w, const json_t *item)
{
    const json_t *v = json_object_get(item, w->setting ? w->setting->name : "name");
    bool holds = false;

    if (!json_is_array(v) || json_array_size(v) == 0)
        holds = json_is_array(v) ? (w->op == WHERE_LIKE ? where_like(w->value, "") : !w->value[0]) : scalar_holds(w, v);
    else
        for (size_t i = 0; i < json_array_size(v) && !holds; i++)
            holds = scalar_holds(w, json_array_get(v, i));
    return w->op == WHERE_IS_NOT ? !holds : holds;
}
