/*
 * Files of PowerShell: whatever is read stays in its bounds, and whatever becomes of it the setting tables take, or
 * refuse for what is missing only.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "ctl/lync_plan.h"
#include "store/json.h"
#include "store/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_file(const struct lync_file *f)
{
    assert(f->n <= LYNC_OBJECTS_MAX);
    for (size_t i = 0; i < f->n; i++) {
        assert(f->objects[i].n <= LYNC_FIELDS_MAX);
        for (size_t k = 0; k < f->objects[i].n; k++) {
            const struct lync_field *field = &f->objects[i].fields[k];

            assert(field->n <= LYNC_VALUES_MAX && field->name.p);
            assert(field->form != LYNC_NOTHING || field->n == 0);
            for (size_t v = 0; v < field->n; v++)
                assert(field->v[v].p && field->v[v].n <= LYNC_TEXT_MAX);
        }
    }
}

static void check_item(const struct lync_item *item)
{
    const struct setting *fault;
    struct arena arena;
    struct edit *edits;
    struct record *r;
    struct err err;
    size_t count;

    arena_init(&arena, 64u << 20);
    assert(!item->kind->title == !item->name.n);
    assert(json_to_edits(item->kind, item->values, &arena, &edits, &count, &fault, &err) == 0);
    r = record_make(item->kind, item->name, NULL, edits, count, &fault, &err);
    /* Each value was checked alone; together they may still be more than a list or an object can hold. */
    assert(r || fault);
    record_drop(r);
    arena_reset(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct err err = { "" };
    struct lync_file *f = lync_read(slice_of((const char *)data, n), &err);
    struct lync_plan plan;

    assert(f || err.text[0]);
    if (!f)
        return 0;
    check_file(f);
    lync_plan_init(&plan, n % 2 == 0);
    if (lync_plan_add(&plan, f, &err) == 0 && lync_plan_check(&plan, &err) == 0)
        for (size_t i = 0; i < plan.n; i++)
            check_item(&plan.items[i]);
    else
        assert(err.text[0]);
    lync_plan_fini(&plan);
    lync_free(f);
    return 0;
}
