#include "ctl/snapshot.h"

#include <stdlib.h>

#include "ctl/client.h"
#include "ctl/item.h"
#include "store/config_text.h"
#include "store/model.h"

/* r is taken over. */
static enum ctl_exit add(struct ctl *c, struct snapshot *s, struct record *r)
{
    if (s->n == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 64;
        struct record **v = realloc(s->v, cap * sizeof(*v));

        if (!v) {
            record_drop(r);
            return ctl_fail_memory(c);
        }
        s->v = v;
        s->cap = cap;
    }
    s->v[s->n++] = r;
    return CTL_DONE;
}

void snapshot_fini(struct snapshot *s)
{
    for (size_t i = 0; i < s->n; i++)
        record_drop(s->v[i]);
    free(s->v);
    *s = (struct snapshot){ 0 };
}

static int order(const struct setting_kind *kind, struct slice name, const struct record *r)
{
    size_t a = model_index(kind), b = model_index(r->kind);

    return a != b ? (a < b ? -1 : 1) : slice_cmp(name, r->name);
}

static int by_kind_and_name(const void *a, const void *b)
{
    const struct record *x = *(struct record *const *)a;

    return order(x->kind, x->name, *(struct record *const *)b);
}

static void sort(struct snapshot *s)
{
    if (s->n)
        qsort(s->v, s->n, sizeof(struct record *), by_kind_and_name);
}

const struct record *snapshot_find(const struct snapshot *s, const struct setting_kind *kind, struct slice name)
{
    size_t low = 0, high = s->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int way = order(kind, name, s->v[middle]);

        if (way == 0)
            return s->v[middle];
        if (way < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

bool snapshot_is_untouched(const struct record *r)
{
    return r->given == 0 && r->kind->always && slice_is(r->name, r->kind->always);
}

/* ---- the daemon's ---- */

struct reading {
    struct snapshot *snapshot;
    const struct setting_kind *kind;
};

static enum ctl_exit add_item(struct ctl *c, const json_t *item, void *arg)
{
    struct reading *reading = arg;
    struct err err;
    struct record *r = item_record(reading->kind, item, &err);

    if (!r)
        return ctl_fail(c, CTL_REFUSED, "the daemon's %s is not understood: %s (is it of another version?)",
                        reading->kind->noun, err.text);
    return add(c, reading->snapshot, r);
}

static enum ctl_exit add_single(struct ctl *c, struct reading *reading)
{
    const char *path = client_path(c, "/v1/", slice_str(reading->kind->plural), "");
    struct answer a;
    enum ctl_exit rc;

    if (!path)
        return CTL_REFUSED;
    rc = client_call(c, "GET", path, NULL, &a);
    if (rc == CTL_DONE)
        rc = add_item(c, a.body, reading);
    answer_fini(&a);
    return rc;
}

enum ctl_exit snapshot_read(struct ctl *c, struct snapshot *s)
{
    enum ctl_exit rc = CTL_DONE;

    *s = (struct snapshot){ 0 };
    for (size_t i = 0; i < MODEL_N_KINDS && rc == CTL_DONE; i++) {
        struct reading reading = { s, model_kinds[i] };

        if (model_kinds[i]->internal)
            continue;
        rc = model_kinds[i]->title ? client_each(c, model_kinds[i]->plural, add_item, &reading)
                                   : add_single(c, &reading);
    }
    sort(s);
    return rc;
}

/* ---- a file's ---- */

static enum ctl_exit check_doubles(struct ctl *c, const char *file, const struct snapshot *s)
{
    for (size_t i = 1; i < s->n; i++)
        if (s->v[i]->kind == s->v[i - 1]->kind && slice_eq(s->v[i]->name, s->v[i - 1]->name))
            return ctl_fail(c, CTL_REFUSED, "%s: %s \"%.*s\" is there twice", file, s->v[i]->kind->name,
                            SLICE_FMT(s->v[i]->name));
    return CTL_DONE;
}

enum ctl_exit snapshot_read_file(struct ctl *c, const char *file, struct snapshot *s)
{
    struct config_text *text;
    enum ctl_exit rc = CTL_DONE;
    struct err err;

    *s = (struct snapshot){ 0 };
    text = config_text_read(file, NULL, &err);
    if (!text)
        return ctl_fail(c, CTL_REFUSED, "%s", err.text);
    for (size_t i = 0; i < text->n && rc == CTL_DONE; i++) {
        const struct config_block *b = &text->blocks[i];
        struct record *r = record_make(b->kind, b->name, NULL, b->edits, b->n, NULL, &err);

        rc = r ? add(c, s, r)
               : ctl_fail(c, CTL_REFUSED, "%s: %s \"%.*s\": %s", file, b->kind->name, SLICE_FMT(b->name), err.text);
    }
    config_text_free(text);
    sort(s);
    return rc == CTL_DONE ? check_doubles(c, file, s) : rc;
}
