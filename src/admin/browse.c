/*
 * Looking through the objects of one kind: those that hold a text, by any of their settings, a page of them. For people;
 * whoever wants all of them asks by `after`, which holds its place while others change things.
 *
 * All objects are looked at for each page: 10,000 take a few milliseconds, and nothing has to be kept in step.
 */
#include "admin/browse.h"

#include <stdlib.h>

#include "admin/changing.h"
#include "admin/routes.h"
#include "base/text.h"
#include "store/json.h"

#define PAGE 50
#define PAGE_MAX 1000
#define SEARCH_MAX 200

struct row {
    const struct record *record;
    struct slice key; /* what it is sorted by */
    uint64_t number;  /* likewise, and first */
    json_t *state;    /* borrowed; NULL: none is asked for, or there is nothing to say */
};

struct browse {
    struct call *call;
    const struct setting *by; /* NULL: the name, or the state */
    bool by_state, backwards;
    char search[SEARCH_MAX + 1]; /* in lower case */
    struct slice state;          /* only those in it; empty: all */
    json_t *states;              /* by name; NULL: not asked for */
    struct row *rows;
    size_t n;
};

bool browse_is_asked(const struct call *c)
{
    static const char *const queries[] = { "search", "sort", "offset", "state" };

    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++)
        if (target_query(&c->target, queries[i]).p)
            return true;
    return false;
}

/* Only ASCII letters lose their case. */
static bool holds(struct slice text, struct slice wanted)
{
    for (size_t i = 0; i + wanted.n <= text.n; i++) {
        size_t k = 0;

        while (k < wanted.n && text_lower(text.p[i + k]) == wanted.p[k])
            k++;
        if (k == wanted.n)
            return true;
    }
    return false;
}

static bool is_searched(const struct setting *s)
{
    return !s->secret && s->type != SETTING_UINT && s->type != SETTING_BOOL && s->type != SETTING_CHOICE;
}

static bool fits_search(const struct browse *b, const struct record *r)
{
    struct slice wanted = slice_str(b->search);
    bool found = wanted.n == 0 || holds(r->name, wanted);
    struct buf text;

    buf_init(&text, SETTING_LIST_BYTES);
    for (size_t i = 0; !found && i < r->kind->n; i++) {
        const struct setting *s = &r->kind->settings[i];
        size_t n = is_searched(s) ? setting_count(s, r->object) : 0;

        for (size_t k = 0; !found && k < n; k++) {
            buf_clear(&text);
            setting_print(&text, s, r->object, k);
            found = holds(buf_slice(&text), wanted);
        }
    }
    buf_free(&text);
    return found;
}

/* "failing" before "connected" before "idle". */
static uint64_t rank(const json_t *state)
{
    const char *is = json_string_value(json_object_get(state, "is"));

    return !is ? 2 : strcmp(is, "failing") == 0 ? 0 : strcmp(is, "connected") == 0 ? 1 : 2;
}

static bool fits_state(const struct browse *b, const json_t *state)
{
    static const char *const names[] = { "failing", "connected", "idle" };

    return !b->state.n || slice_is(b->state, "any") || slice_is(b->state, names[rank(state)]);
}

/* What the row is sorted by. False: no memory. */
static bool take_key(struct browse *b, struct row *row)
{
    const struct record *r = row->record;
    struct buf text;
    bool ok;

    row->key = r->name;
    row->number = b->by_state ? rank(row->state) : 0;
    if (!b->by || setting_count(b->by, r->object) == 0) {
        row->key = b->by ? SLICE("") : row->key;
        return true;
    }
    buf_init(&text, SETTING_LIST_BYTES);
    setting_print(&text, b->by, r->object, 0);
    if (b->by->type == SETTING_UINT)
        slice_u64(buf_slice(&text), UINT64_MAX, &row->number);
    row->key = arena_dup(&b->call->arena, buf_slice(&text));
    ok = buf_ok(&text) && row->key.p;
    buf_free(&text);
    return ok;
}

static int compare(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    int by_key;

    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    by_key = slice_cmp(x->key, y->key);
    return by_key ? by_key : slice_cmp(x->record->name, y->record->name);
}

static bool select_rows(struct browse *b, const struct config_list *list)
{
    b->rows = arena_alloc(&b->call->arena, (list->n + 1) * sizeof(*b->rows));
    for (size_t i = 0; b->rows && i < list->n; i++) {
        struct row *row = &b->rows[b->n];
        char name[1100];

        *row = (struct row){ .record = list->v[i] };
        if (b->states && row->record->name.n < sizeof(name)) {
            memcpy(name, row->record->name.p, row->record->name.n);
            name[row->record->name.n] = '\0';
            row->state = json_object_get(b->states, name);
        }
        if (!fits_state(b, row->state) || !fits_search(b, row->record))
            continue;
        if (!take_key(b, row))
            return false;
        b->n++;
    }
    if (b->rows)
        qsort(b->rows, b->n, sizeof(*b->rows), compare);
    return b->rows != NULL;
}

static json_t *shown(const struct browse *b, const struct row *row)
{
    json_t *o = change_shown(row->record);

    if (!o || !b->states)
        return o;
    if (json_object_set_new(o, "state", row->state ? json_incref(row->state) : json_pack("{s:s}", "is", "idle")) == 0)
        return o;
    json_decref(o);
    return NULL;
}

static json_t *page(const struct browse *b, size_t offset, size_t limit)
{
    json_t *items = json_array();
    bool ok = items != NULL;

    for (size_t i = offset; ok && i < b->n && i - offset < limit; i++)
        ok = json_array_append_new(items, shown(b, &b->rows[b->backwards ? b->n - 1 - i : i])) == 0;
    if (ok)
        return json_pack("{s:o, s:I, s:n}", "items", items, "total", (json_int_t)b->n, "next");
    json_decref(items);
    return NULL;
}

/* sort=NAME, sort=-NAME: a setting's, "name" or, of partners, "state". */
static bool take_sort(struct browse *b)
{
    struct call *c = b->call;
    struct slice sort = target_query(&c->target, "sort");

    b->backwards = slice_starts(sort, SLICE("-"));
    if (b->backwards)
        sort = slice_from(sort, 1);
    b->by_state = c->kind == &partner_kind && slice_is(sort, "state");
    if (!sort.n || slice_is(sort, "name") || b->by_state)
        return true;
    b->by = setting_find(c->kind, sort);
    if (b->by && !b->by->secret)
        return true;
    reply_problem(c, 400, "bad-request", "sort: there is no such setting to sort by");
    return false;
}

static bool take_search(struct browse *b)
{
    struct slice text = slice_trim(target_query(&b->call->target, "search"));

    if (text.n > SEARCH_MAX) {
        reply_problem(b->call, 400, "bad-request", "search: %d bytes at most", SEARCH_MAX);
        return false;
    }
    for (size_t i = 0; i < text.n; i++)
        b->search[i] = text_lower(text.p[i]);
    return true;
}

/* Of partners: how they are, from the daemon. */
static bool take_state(struct browse *b)
{
    struct call *c = b->call;
    const struct admin_ops *ops = admin_ops_of(c);

    b->state = target_query(&c->target, "state");
    if (!b->state.p && !b->by_state)
        return true;
    if (c->kind != &partner_kind || !(!b->state.n || slice_is(b->state, "any") || slice_is(b->state, "failing") ||
                                      slice_is(b->state, "connected") || slice_is(b->state, "idle"))) {
        reply_problem(c, 400, "bad-request", "state is any, failing, connected or idle, and only partners have one");
        return false;
    }
    b->states = ops->partner_states ? ops->partner_states(c->admin->conf.owner) : NULL;
    if (!b->states)
        admin_refuse_away(c, &admin_away);
    return b->states != NULL;
}

void browse_list(struct call *c)
{
    struct browse b = { .call = c };
    struct config *config;
    uint64_t limit, offset = 0;
    struct slice at = target_query(&c->target, "offset");

    if (!call_number(c, "limit", PAGE, PAGE_MAX, &limit) || !take_sort(&b) || !take_search(&b) || !take_state(&b))
        return;
    if (target_query(&c->target, "after").p || (at.p && !slice_u64(at, UINT32_MAX, &offset))) {
        reply_problem(c, 400, "bad-request", "offset is a number; after is for lists without search, sort and state");
    } else {
        config = keeper_config(c->admin->conf.keeper);
        if (select_rows(&b, config_list(config, c->kind)))
            reply_json(c, 200, page(&b, offset, limit));
        else
            reply_no_memory(c);
        config_drop(config);
    }
    json_decref(b.states);
}
