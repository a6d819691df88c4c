#include "store/record.h"

#include <stdlib.h>

#define RECORD_MAX (1u << 20) /* bytes of one object: its lists may have SETTING_LIST_BYTES of text */
#define VALUE_MAX (128u << 10)
#define NAME_USUAL 128
#define VALUES_USUAL 96

static int out_of_memory(struct err *err)
{
    return err_memory(err, "making an object");
}

/* The texts of one value, while it is edited. */
struct texts {
    const struct slice *v;
    size_t n;
};

/* What base has, as texts in memory. */
static int texts_of(const struct setting *s, const void *object, struct texts *out, struct arena *memory,
                    struct err *err)
{
    size_t n = setting_count(s, object);
    struct slice *v = arena_alloc(memory, (n + 1) * sizeof(*v));
    struct buf b;
    int rc = 0;

    if (!v)
        return out_of_memory(err);
    buf_init(&b, VALUE_MAX);
    for (size_t i = 0; i < n && rc == 0; i++) {
        buf_clear(&b);
        setting_print(&b, s, object, i);
        v[i] = arena_dup(memory, buf_slice(&b));
        if (!buf_ok(&b) || !v[i].p)
            rc = out_of_memory(err);
    }
    buf_free(&b);
    *out = (struct texts){ v, n };
    return rc;
}

static bool has(const struct texts *t, struct slice text)
{
    for (size_t i = 0; i < t->n; i++)
        if (slice_eq(t->v[i], text))
            return true;
    return false;
}

/* The given texts as the setting writes them, so that "Fabrikam.Example." finds "fabrikam.example". */
static int normalise(const struct setting *s, const struct edit *e, struct texts *out, struct arena *memory,
                     struct err *err)
{
    struct setting alone = *s;
    struct setting_list list = { NULL, 0 };

    alone.at = 0;
    if (setting_set(&alone, &list, e->texts, e->n, memory, err))
        return -1;
    return texts_of(&alone, &list, out, memory, err);
}

static int edit_list(const struct setting *s, const struct edit *e, struct texts *now, struct arena *memory,
                     struct err *err)
{
    struct texts given;
    struct slice *v;
    size_t n = 0;

    if (!setting_is_list(s))
        return err_set(err, "%s: only a list can be added to or taken from", s->name);
    if (normalise(s, e, &given, memory, err))
        return -1;
    v = arena_alloc(memory, (now->n + given.n + 1) * sizeof(*v));
    if (!v)
        return out_of_memory(err);
    for (size_t i = 0; i < given.n && e->op == EDIT_REMOVE; i++)
        if (!has(now, given.v[i]))
            return err_set(err, "%s: \"%.*s\" is not in the list", s->name, SLICE_FMT(given.v[i]));
    for (size_t i = 0; i < now->n; i++)
        if (e->op == EDIT_ADD || !has(&given, now->v[i]))
            v[n++] = now->v[i];
    for (size_t i = 0; i < given.n && e->op == EDIT_ADD; i++)
        if (!has(&(struct texts){ v, n }, given.v[i]))
            v[n++] = given.v[i];
    *now = (struct texts){ v, n };
    return 0;
}

/* A secret as every reader shows it: whoever gives it back means the one that is there. */
static bool is_hidden(const struct edit *e)
{
    return e->setting->secret && e->op == EDIT_SET && e->n == 1 && slice_is(e->texts[0], SETTING_HIDDEN);
}

/* One setting: what base has, then the edits that are about it, in their order. */
static int fill_setting(struct record *r, size_t i, const struct record *base, const struct edit *edits, size_t n_edits,
                        struct arena *memory, struct err *err)
{
    const struct setting *s = &r->kind->settings[i];
    bool given = base && record_gives(base, i);
    struct texts now = { NULL, 0 };

    if (given && texts_of(s, base->object, &now, memory, err))
        return -1;
    for (size_t k = 0; k < n_edits; k++) {
        const struct edit *e = &edits[k];

        if (e->setting != s || is_hidden(e))
            continue;
        given = e->op != EDIT_RESET;
        if (e->op == EDIT_SET)
            now = (struct texts){ e->texts, e->n };
        else if (e->op == EDIT_RESET)
            now.n = 0;
        else if (edit_list(s, e, &now, memory, err))
            return -1;
    }
    if (given && setting_is_list(s) && now.n == 0)
        given = false;
    if (given) {
        r->given |= 1ull << i;
        return setting_set(s, (void *)r->object, now.v, now.n, &r->arena, err);
    }
    if (!s->def && !setting_is_list(s))
        return err_set(err, "%s is missing: %s", s->name, s->brief);
    return 0;
}

static int fill(struct record *r, struct slice name, const struct record *base, const struct edit *edits, size_t n,
                const struct setting **fault, struct err *err)
{
    struct arena memory;
    void *object = arena_alloc(&r->arena, r->kind->size);
    int rc;

    r->object = object;
    if (!object)
        return out_of_memory(err);
    if (setting_defaults(r->kind, object, &r->arena, err) || setting_title(r->kind, &r->name, name, &r->arena, err))
        return -1;
    if (r->kind->title)
        memcpy((char *)object + r->kind->title_at, &r->name, sizeof(r->name));
    arena_init(&memory, 4 * RECORD_MAX);
    rc = 0;
    for (size_t i = 0; i < r->kind->n && rc == 0; i++) {
        rc = fill_setting(r, i, base, edits, n, &memory, err);
        if (rc && fault)
            *fault = &r->kind->settings[i];
    }
    arena_reset(&memory);
    return rc;
}

/*
 * A record in one piece with the first memory of its arena: enough for most, so that a hundred thousand users are small and
 * lie together.
 */
static struct record *record_new(const struct setting_kind *kind, struct slice name)
{
    size_t n = kind->size + (name.n < NAME_USUAL ? name.n : NAME_USUAL) + VALUES_USUAL;
    struct record *r = malloc(sizeof(*r) + n);

    if (!r)
        return NULL;
    *r = (struct record){ .kind = kind };
    atomic_init(&r->refs, 1);
    arena_init_on(&r->arena, r + 1, n, RECORD_MAX);
    return r;
}

struct record *record_make(const struct setting_kind *kind, struct slice name, const struct record *base,
                           const struct edit *edits, size_t n, const struct setting **fault, struct err *err)
{
    struct record *r = record_new(kind, name);

    if (fault)
        *fault = NULL;
    if (!r) {
        out_of_memory(err);
        return NULL;
    }
    if (fill(r, name, base, edits, n, fault, err) == 0)
        return r;
    record_drop(r);
    return NULL;
}

struct record *record_keep(struct record *r)
{
    if (r)
        atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
    return r;
}

void record_drop(struct record *r)
{
    if (!r || atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1)
        return;
    arena_reset(&r->arena);
    free(r);
}

static bool same_value(const struct setting *s, const void *a, const void *b)
{
    struct buf ta, tb;
    bool same = setting_count(s, a) == setting_count(s, b);

    buf_init(&ta, VALUE_MAX);
    buf_init(&tb, VALUE_MAX);
    for (size_t i = 0; same && i < setting_count(s, a); i++) {
        buf_clear(&ta);
        buf_clear(&tb);
        setting_print(&ta, s, a, i);
        setting_print(&tb, s, b, i);
        same = buf_ok(&ta) && buf_ok(&tb) && slice_eq(buf_slice(&ta), buf_slice(&tb));
    }
    buf_free(&ta);
    buf_free(&tb);
    return same;
}

bool record_same(const struct record *a, const struct record *b)
{
    if (a->kind != b->kind || a->given != b->given)
        return false;
    for (size_t i = 0; i < a->kind->n; i++)
        if (record_gives(a, i) && !same_value(&a->kind->settings[i], a->object, b->object))
            return false;
    return true;
}
