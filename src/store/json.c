#include "store/json.h"

#include <malloc.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"

#define TEXT_MAX (128u << 10)
#define READ_MAX (512u << 20) /* memory of one text while it is read: 200,000 changes need a third of it */

/*
 * The library does not look at the outcome of every allocation. So its allocations go through these, which note a failure
 * for the thread that had it, and bound what one text can cost: "{}," is three bytes there and four hundred here.
 */
static _Thread_local bool is_starved;
static _Thread_local size_t left = SIZE_MAX;

static void *json_allocate(size_t n)
{
    void *p = n <= left ? malloc(n) : NULL;

    if (p && left != SIZE_MAX)
        left -= n;
    is_starved = is_starved || !p;
    return p;
}

/* Passwords and keys pass through here: nothing of a text stays behind. */
static void json_give_back(void *p)
{
    if (p)
        explicit_bzero(p, malloc_usable_size(p));
    free(p);
}

__attribute__((constructor)) static void watch_memory(void)
{
    json_set_alloc_funcs(json_allocate, json_give_back);
}

json_t *json_time(int64_t s)
{
    struct buf b;
    json_t *v;

    if (s <= 0)
        return json_null();
    buf_init(&b, 64);
    clock_put_rfc3339(&b, s);
    v = json_stringn(b.p, b.n);
    buf_free(&b);
    return v;
}

json_t *json_read(struct slice text, json_error_t *fault, bool *no_memory)
{
    json_t *v;

    is_starved = false;
    left = READ_MAX;
    v = json_loadb(text.p ? text.p : "", text.n, JSON_REJECT_DUPLICATES, fault);
    left = SIZE_MAX;
    *no_memory = is_starved;
    if (!is_starved)
        return v;
    json_decref(v);
    return NULL;
}

static int on_piece(const char *p, size_t n, void *out)
{
    buf_add(out, p, n);
    return buf_ok(out) ? 0 : -1;
}

void json_put(struct buf *out, json_t *v, size_t flags)
{
    is_starved = false;
    if (!v || json_dump_callback(v, on_piece, out, JSON_COMPACT | JSON_ENCODE_ANY | flags) != 0 || is_starved)
        out->failed = true;
    json_decref(v);
}

json_t *setting_to_json(const struct setting *s, const void *object, size_t i)
{
    struct buf b;
    json_t *v;

    buf_init(&b, TEXT_MAX);
    setting_print(&b, s, object, i);
    v = buf_ok(&b) ? json_stringn(b.p ? b.p : "", b.n) : NULL;
    buf_free(&b);
    return v;
}

static json_t *list_json(const struct setting *s, const void *object)
{
    json_t *list = json_array();

    for (size_t i = 0; list && i < setting_count(s, object); i++) {
        if (json_array_append_new(list, setting_to_json(s, object, i)) == 0)
            continue;
        json_decref(list);
        list = NULL;
    }
    return list;
}

static json_t *value_json(const struct setting *s, const void *object)
{
    const void *at = (const char *)object + s->at;

    if (setting_is_list(s))
        return list_json(s, object);
    switch (s->type) {
    case SETTING_UINT: return json_integer(*(const unsigned *)at);
    case SETTING_BOOL: return json_boolean(*(const bool *)at);
    default: return setting_to_json(s, object, 0);
    }
}

json_t *record_to_json(const struct record *r, enum record_form form)
{
    json_t *o = json_object();
    bool ok = o != NULL;

    if (ok && form == RECORD_SHOWN) {
        if (r->kind->title)
            ok = json_object_set_new(o, "name", json_stringn(r->name.p, r->name.n)) == 0;
        ok = ok && json_object_set_new(o, "revision", json_integer((json_int_t)r->revision)) == 0;
    }
    for (size_t i = 0; ok && i < r->kind->n; i++) {
        const struct setting *s = &r->kind->settings[i];
        bool given = record_gives(r, i);

        if (!given && form != RECORD_SHOWN)
            continue;
        if (s->secret && form != RECORD_STORED)
            ok = json_object_set_new(o, s->name, given ? json_string(SETTING_HIDDEN) : json_null()) == 0;
        else
            ok = json_object_set_new(o, s->name, value_json(s, r->object)) == 0;
    }
    if (ok)
        return o;
    json_decref(o);
    return NULL;
}

/* 1: it has another value; 0: the same; -1: memory. */
static int differs(const struct setting *s, const struct record *a, const struct record *b)
{
    json_t *x = value_json(s, a->object), *y = value_json(s, b->object);
    int result = x && y ? !json_equal(x, y) : -1;

    json_decref(x);
    json_decref(y);
    return result;
}

json_t *record_to_audit(const struct record *r, const struct record *before)
{
    json_t *o = record_to_json(r, RECORD_AUDIT);

    for (size_t i = 0; o && before && i < r->kind->n; i++) {
        const struct setting *s = &r->kind->settings[i];
        int anew = s->secret && record_gives(r, i) && record_gives(before, i) ? differs(s, r, before) : 0;

        if (anew == 0 || (anew > 0 && json_object_set_new(o, s->name, json_string(SETTING_HIDDEN_ANEW)) == 0))
            continue;
        json_decref(o);
        o = NULL;
    }
    return o;
}

static int out_of_memory(struct err *err)
{
    return err_memory(err, "reading JSON");
}

/* One scalar as text. */
static int take_scalar(const json_t *v, struct slice *out, struct arena *arena, struct err *err)
{
    switch (json_typeof(v)) {
    case JSON_STRING: *out = slice_of(json_string_value(v), json_string_length(v)); return 0;
    case JSON_TRUE: *out = SLICE("yes"); return 0;
    case JSON_FALSE: *out = SLICE("no"); return 0;
    case JSON_INTEGER: {
        struct buf b;

        buf_init(&b, 32);
        buf_printf(&b, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
        *out = buf_ok(&b) ? arena_dup(arena, buf_slice(&b)) : slice_of(NULL, 0);
        buf_free(&b);
        return out->p ? 0 : out_of_memory(err);
    }
    default: return err_set(err, "a text, number, yes or no is expected here");
    }
}

/* JSON types say more than text does: 5 is no text and "yes" no list. */
static bool fits(const struct setting *s, const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_INTEGER: return s->type == SETTING_UINT;
    case JSON_TRUE:
    case JSON_FALSE: return s->type == SETTING_BOOL;
    default: return true;
    }
}

static int take_texts(const struct setting *s, const json_t *v, struct edit *e, struct arena *arena, struct err *err)
{
    size_t n = json_is_array(v) ? json_array_size(v) : 1;
    struct slice *texts;

    if (json_is_array(v) != setting_is_list(s) && !(s->lone && e->op == EDIT_SET && json_is_string(v)))
        return err_set(err, setting_is_list(s) ? "a list is expected here" : "one value is expected here, no list");
    if (setting_is_list(s) && n > s->max)
        return err_set(err, "%zu entries are more than the %u allowed", n, s->max);
    texts = arena_alloc(arena, (n + 1) * sizeof(*texts));
    if (!texts)
        return out_of_memory(err);
    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_is_array(v) ? json_array_get(v, i) : v;

        if (take_scalar(one, &texts[i], arena, err))
            return -1;
        if (!fits(s, one))
            return err_set(err, "a value of another type is expected here");
    }
    e->texts = texts;
    e->n = n;
    return 0;
}

static int take_list_changes(const struct setting *s, const json_t *v, struct edit *edits, size_t *n,
                             struct arena *arena, struct err *err)
{
    static const struct {
        const char *name;
        enum edit_op op;
    } ops[] = { { "remove", EDIT_REMOVE }, { "add", EDIT_ADD } };
    size_t found = 0;

    if (!setting_is_list(s))
        return err_set(err, "one value is expected here");
    for (size_t i = 0; i < 2; i++) {
        const json_t *list = json_object_get(v, ops[i].name);

        if (!list)
            continue;
        found++;
        edits[*n] = (struct edit){ .setting = s, .op = ops[i].op };
        if (take_texts(s, list, &edits[(*n)++], arena, err))
            return -1;
    }
    if (found != json_object_size(v) || !found)
        return err_set(err, "a list, or {\"add\": [...], \"remove\": [...]}, is expected here");
    return 0;
}

static int take_member(const struct setting *s, const json_t *v, struct edit *edits, size_t *n, struct arena *arena,
                       struct err *err)
{
    if (json_is_object(v))
        return take_list_changes(s, v, edits, n, arena, err);
    edits[*n] = (struct edit){ .setting = s, .op = json_is_null(v) ? EDIT_RESET : EDIT_SET };
    if (!json_is_null(v) && take_texts(s, v, &edits[*n], arena, err))
        return -1;
    (*n)++;
    return 0;
}

/* What may be shown of what others wrote. */
static const char *shown(char *out, size_t size, const char *text)
{
    log_escape(out, size, slice_str(text));
    return out;
}

static int unknown_member(const struct setting_kind *kind, const char *name, struct err *err)
{
    const char *near = setting_nearest(kind, slice_str(name));
    char text[80];

    shown(text, sizeof(text), name);
    if (near)
        return err_set(err, "there is no setting \"%s\"; did you mean \"%s\"?", text, near);
    return err_set(err, "there is no setting \"%s\" in a %s", text, kind->noun);
}

int json_to_edits(const struct setting_kind *kind, const json_t *object, struct arena *arena, struct edit **edits,
                  size_t *n, const struct setting **fault, struct err *err)
{
    const char *name;
    json_t *v;

    *edits = NULL;
    *n = 0;
    if (fault)
        *fault = NULL;
    if (!json_is_object(object))
        return err_set(err, "an object with settings is expected");
    *edits = arena_alloc(arena, (2 * kind->n + 1) * sizeof(**edits)); /* each once, or added to and taken from */
    if (!*edits)
        return out_of_memory(err);
    json_object_foreach((json_t *)object, name, v)
    {
        const struct setting *s = setting_find(kind, slice_str(name));

        if (!s && (strcmp(name, "name") == 0 || strcmp(name, "revision") == 0))
            continue;
        if (!s)
            return unknown_member(kind, name, err);
        if (take_member(s, v, *edits, n, arena, err)) {
            if (fault)
                *fault = s;
            return err_wrap(err, "%s", s->name);
        }
    }
    return 0;
}

static struct slice member(const json_t *o, const char *name)
{
    return slice_str(json_string_value(json_object_get(o, name)));
}

struct trace_text json_trace_text(const json_t *event)
{
    return (struct trace_text){ .at_ms = json_integer_value(json_object_get(event, "at-ms")),
                                .sip = member(event, "sip"),
                                .xmpp = member(event, "xmpp"),
                                .conversation = member(event, "conversation"),
                                .leg = member(event, "leg"),
                                .direction = member(event, "direction"),
                                .what = member(event, "what"),
                                .details = member(event, "details"),
                                .body = member(event, "body") };
}

struct record *record_from_stored(const struct setting_kind *kind, struct slice name, struct slice body,
                                  uint64_t revision, struct err *err)
{
    json_error_t fault;
    char text[200];
    bool no_memory;
    json_t *o = json_read(body, &fault, &no_memory);
    struct record *r = NULL;
    struct arena arena;
    struct edit *edits = NULL;
    size_t n;

    arena_init(&arena, 1u << 20);
    if (no_memory)
        err_memory(err, "reading the store");
    else if (!o)
        err_set(err, "the store holds something that is no JSON: %s", shown(text, sizeof(text), fault.text));
    else if (json_to_edits(kind, o, &arena, &edits, &n, NULL, err) == 0)
        r = record_make(kind, name, NULL, edits, n, NULL, err);
    if (r)
        r->revision = revision;
    json_decref(o);
    arena_reset(&arena);
    return r;
}
