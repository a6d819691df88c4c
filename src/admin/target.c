#include "admin/target.h"

#include "base/text.h"

static bool fail(const char **why, const char *clause)
{
    *why = clause;
    return false;
}

/* One part without its percent codes, in memory of the arena. */
static bool decode(struct slice raw, struct slice *out, struct arena *arena, const char **why)
{
    struct buf b;
    bool ok;

    buf_init(&b, TARGET_MAX);
    ok = text_unpercent(&b, raw);
    if (ok)
        *out = arena_dup(arena, buf_slice(&b));
    if (!buf_ok(&b) || (ok && !out->p))
        ok = fail(why, TARGET_NO_MEMORY);
    else if (!ok)
        fail(why, "a % in it is not followed by two hex digits");
    buf_free(&b);
    return ok;
}

static bool is_clean(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return false;
    return text_is_utf8(s);
}

static bool take_segment(struct target *t, struct slice raw, struct arena *arena, const char **why)
{
    struct slice s = { NULL, 0 };

    if (t->n_segments == TARGET_SEGMENTS)
        return fail(why, "it has too many parts");
    if (!decode(raw, &s, arena, why))
        return false;
    if (s.n == 0)
        return fail(why, "a part of it is empty");
    if (slice_is(s, ".") || slice_is(s, ".."))
        return fail(why, "a part of it is \".\" or \"..\"");
    if (!is_clean(s))
        return fail(why, "it holds control characters or is no UTF-8");
    for (size_t i = 0; i < s.n; i++)
        if (strchr("/\\;", s.p[i]))
            return fail(why, "a part of it holds a slash, backslash or semicolon");
    t->segments[t->n_segments++] = s;
    return true;
}

static bool take_query(struct target *t, struct slice raw, struct arena *arena, const char **why)
{
    struct target_query q = { { NULL, 0 }, { NULL, 0 } };
    struct slice key, value;

    slice_cut(raw, '=', &key, &value);
    if (t->n_queries == TARGET_QUERIES)
        return fail(why, "it has too many query parameters");
    if (!decode(key, &q.key, arena, why) || !decode(value, &q.value, arena, why))
        return false;
    if (q.key.n == 0 || !is_clean(q.key) || !is_clean(q.value))
        return fail(why, "a query parameter has no name, holds control characters or is no UTF-8");
    for (size_t i = 0; i < t->n_queries; i++)
        if (slice_eq(t->queries[i].key, q.key))
            return fail(why, "a query parameter is there twice");
    t->queries[t->n_queries++] = q;
    return true;
}

bool target_parse(struct target *t, struct slice raw, struct arena *arena, const char **why)
{
    struct slice path, query, part;
    bool more = true;

    *t = (struct target){ .n_segments = 0 };
    if (raw.n > TARGET_MAX)
        return fail(why, "it is too long");
    slice_cut(raw, '?', &path, &query);
    if (path.n == 0 || path.p[0] != '/')
        return fail(why, "it does not begin with a slash");
    path = slice_from(path, 1);
    while (more && (path.n || t->n_segments)) {
        more = slice_cut(path, '/', &part, &path);
        if (!take_segment(t, part, arena, why))
            return false;
    }
    while (query.n) {
        slice_cut(query, '&', &part, &query);
        if (part.n && !take_query(t, part, arena, why))
            return false;
    }
    return true;
}

struct slice target_query(const struct target *t, const char *key)
{
    for (size_t i = 0; i < t->n_queries; i++)
        if (slice_is(t->queries[i].key, key))
            return t->queries[i].value;
    return slice_of(NULL, 0);
}
