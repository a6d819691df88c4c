/*
 * The list of streams: all of them for programs; for people who look those that hold a text, one way, in a state, in some
 * order, a page of them.
 */
#include <stdlib.h>
#include <string.h>

#include "admin/browse.h"
#include "admin/routes.h"
#include "base/text.h"

#define PAGE 50
#define PAGE_MAX 1000

/* Members of a stream that it may be sorted by. */
static const char *const sorts[] = { "partner", "remote", "local",      "direction",  "state",
                                     "address", "method", "tls",        "cipher",     "certificate",
                                     "age-s",   "idle-s", "stanzas-in", "stanzas-out" };

/* ... and that are searched. */
static const char *const searched[] = { "partner", "remote", "local",  "address",
                                        "method",  "tls",    "cipher", "certificate" };

struct row {
    json_t *stream;   /* borrowed */
    struct slice key; /* what it is sorted by */
    json_int_t number;
    size_t place; /* in the list: as it is without any order */
};

struct look {
    struct call *call;
    char search[BROWSE_SEARCH_MAX + 1];
    struct slice direction, state; /* empty: any */
    const char *by;                /* NULL: as they were opened */
    bool backwards;
    struct row *rows;
    size_t n;
};

static struct slice text_of(const json_t *stream, const char *name)
{
    const json_t *v = json_object_get(stream, name);

    return slice_of(json_is_string(v) ? json_string_value(v) : "", json_string_length(v));
}

static bool fits(const struct look *l, const json_t *stream)
{
    struct slice wanted = slice_str(l->search);
    bool found = wanted.n == 0;

    if ((l->direction.n && !slice_eq(text_of(stream, "direction"), l->direction)) ||
        (l->state.n && !slice_eq(text_of(stream, "state"), l->state)))
        return false;
    for (size_t i = 0; !found && i < sizeof(searched) / sizeof(searched[0]); i++)
        found = text_holds(text_of(stream, searched[i]), wanted);
    return found;
}

static int compare(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    int by_key;

    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    by_key = slice_cmp(x->key, y->key);
    return by_key ? by_key : (x->place > y->place) - (x->place < y->place);
}

/* False: no memory. */
static bool select_rows(struct look *l, json_t *all)
{
    size_t i;
    json_t *stream;

    l->rows = arena_alloc(&l->call->arena, (json_array_size(all) + 1) * sizeof(*l->rows));
    if (!l->rows)
        return false;
    json_array_foreach(all, i, stream)
    {
        const json_t *by = l->by ? json_object_get(stream, l->by) : NULL;

        if (fits(l, stream))
            l->rows[l->n++] =
                (struct row){ stream, l->by ? text_of(stream, l->by) : SLICE(""), json_integer_value(by), i };
    }
    qsort(l->rows, l->n, sizeof(*l->rows), compare);
    return true;
}

static json_t *page(const struct look *l, size_t offset, size_t limit)
{
    json_t *items = json_array();
    bool ok = items != NULL;

    for (size_t i = offset; ok && i < l->n && i - offset < limit; i++)
        ok = json_array_append(items, l->rows[l->backwards ? l->n - 1 - i : i].stream) == 0;
    if (ok)
        return json_pack("{s:o, s:I}", "items", items, "total", (json_int_t)l->n);
    json_decref(items);
    return NULL;
}

static bool is_one_of(struct slice word, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (slice_is(word, words[i]))
            return true;
    return false;
}

/* A query that is one of these words, or not given. False: a problem is the reply. */
static bool take_word(struct look *l, const char *query, const char *const *words, size_t n, struct slice *out)
{
    *out = target_query(&l->call->target, query);
    if (!out->n || is_one_of(*out, words, n))
        return true;
    reply_problem(l->call, 400, "bad-request", "%s: streams have no such %s", query, query);
    return false;
}

static bool take_sort(struct look *l)
{
    struct slice sort = target_query(&l->call->target, "sort");

    l->backwards = slice_starts(sort, SLICE("-"));
    if (l->backwards)
        sort = slice_from(sort, 1);
    for (size_t i = 0; i < sizeof(sorts) / sizeof(sorts[0]); i++)
        if (slice_is(sort, sorts[i]))
            l->by = sorts[i];
    if (l->by || !target_query(&l->call->target, "sort").n)
        return true;
    reply_problem(l->call, 400, "bad-request", "sort: streams have nothing of that name to sort by");
    return false;
}

static bool take(struct look *l)
{
    static const char *const directions[] = { "in", "out", "both" };
    static const char *const states[] = { "connecting", "negotiating", "ready", "closing" };

    return take_sort(l) && browse_search(l->call, l->search) &&
           take_word(l, "direction", directions, sizeof(directions) / sizeof(directions[0]), &l->direction) &&
           take_word(l, "state", states, sizeof(states) / sizeof(states[0]), &l->state);
}

void streams_get(struct call *c)
{
    const struct admin_ops *ops = admin_ops_of(c);
    struct look l = { .call = c };
    uint64_t limit, offset;
    json_t *all;
    bool is_page = browse_is_asked(c) || target_query(&c->target, "limit").p;

    if (!call_number(c, "limit", PAGE, PAGE_MAX, &limit) || !browse_offset(c, &offset) || !take(&l))
        return;
    all = ops->streams ? ops->streams(c->admin->conf.owner) : NULL;
    if (!all)
        admin_refuse_away(c, &admin_away);
    else if (select_rows(&l, all))
        reply_json(c, 200, page(&l, offset, is_page ? limit : l.n));
    else
        reply_no_memory(c);
    json_decref(all);
}
