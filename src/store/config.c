#include "store/config.h"

#include <stdlib.h>

/* What is always there, with its defaults. */
static struct record *record_always(const struct setting_kind *kind)
{
    return record_make(kind, slice_str(kind->always), NULL, NULL, 0, NULL, NULL);
}

static bool list_start(struct config_list *list, const struct setting_kind *kind)
{
    if (!kind->always)
        return true;
    list->v = calloc(1, sizeof(struct record *));
    if (!list->v)
        return false;
    list->v[0] = record_always(kind);
    list->n = list->v[0] ? 1 : 0;
    return list->n == 1;
}

struct config *config_new(void)
{
    struct config *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    atomic_init(&c->refs, 1);
    for (size_t i = 0; i < MODEL_N_KINDS; i++) {
        if (!list_start(&c->lists[i], model_kinds[i])) {
            config_drop(c);
            return NULL;
        }
    }
    return c;
}

/* A step and where it was given, so that sorting tells one order only. */
struct ordered {
    const struct config_step *step;
    size_t kind;
};

static int by_kind_and_name(const void *a, const void *b)
{
    const struct ordered *x = a, *y = b;

    return x->kind != y->kind ? (x->kind < y->kind ? -1 : 1) : slice_cmp(x->step->name, y->step->name);
}

static bool is_always(const struct setting_kind *kind, struct slice name)
{
    return kind->always && slice_is(name, kind->always);
}

/* What a step leaves; false on memory. *out NULL: nothing. The caller owns it. */
static bool step_result(const struct config_step *step, struct record **out)
{
    *out = step->after ? record_keep(step->after) : NULL;
    if (!*out && is_always(step->kind, step->name))
        *out = record_always(step->kind);
    return *out || !is_always(step->kind, step->name);
}

/* Merges the sorted steps of one kind into the sorted list. */
static bool list_next(const struct config_list *from, const struct ordered *steps, size_t n_steps,
                      struct config_list *to)
{
    size_t i = 0, k = 0;

    to->v = malloc((from->n + n_steps + 1) * sizeof(struct record *));
    if (!to->v)
        return false;
    while (i < from->n || k < n_steps) {
        int order = i == from->n ? 1 : k == n_steps ? -1 : slice_cmp(from->v[i]->name, steps[k].step->name);
        struct record *r;

        if (order < 0) {
            to->v[to->n++] = record_keep(from->v[i++]);
            continue;
        }
        if (!step_result(steps[k++].step, &r))
            return false;
        if (r)
            to->v[to->n++] = r;
        if (order == 0)
            i++;
    }
    return true;
}

static bool fill_next(const struct config *from, const struct ordered *steps, size_t n, struct config *to)
{
    for (size_t kind = 0, at = 0; kind < MODEL_N_KINDS; kind++) {
        size_t end = at;

        while (end < n && steps[end].kind == kind)
            end++;
        if (!list_next(&from->lists[kind], steps + at, end - at, &to->lists[kind]))
            return false;
        at = end;
    }
    return true;
}

struct config *config_next(const struct config *from, const struct config_step *steps, size_t n, uint64_t seq)
{
    struct ordered *ordered = calloc(n + 1, sizeof(*ordered));
    struct config *c = calloc(1, sizeof(*c));
    bool ok = ordered && c;

    if (c) {
        atomic_init(&c->refs, 1);
        c->seq = seq;
    }
    for (size_t i = 0; ok && i < n; i++)
        ordered[i] = (struct ordered){ &steps[i], model_index(steps[i].kind) };
    if (ok) {
        qsort(ordered, n, sizeof(*ordered), by_kind_and_name);
        ok = fill_next(from, ordered, n, c);
    }
    free(ordered);
    if (ok)
        return c;
    config_drop(c);
    return NULL;
}

struct config *config_keep(struct config *c)
{
    if (c)
        atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void config_drop(struct config *c)
{
    if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < MODEL_N_KINDS; i++) {
        for (size_t k = 0; k < c->lists[i].n; k++)
            record_drop(c->lists[i].v[k]);
        free(c->lists[i].v);
    }
    free(c);
}

struct record *config_find(const struct config *c, const struct setting_kind *kind, struct slice name)
{
    const struct config_list *list = config_list(c, kind);
    size_t low = 0, high = list->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = slice_cmp(list->v[middle]->name, name);

        if (order == 0)
            return list->v[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct gateway *config_gateway(const struct config *c)
{
    return CONFIG_OBJECT(gateway, config_list(c, &gateway_kind), 0);
}

const struct org *config_org(const struct config *c)
{
    return CONFIG_OBJECT(org, config_list(c, &org_kind), 0);
}
