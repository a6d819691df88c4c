#include "make.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "store/config_text.h"

#define MAX 2000

struct record *make_record(const struct setting_kind *kind, const char *name, const char *values)
{
    struct slice rest = slice_str(values), one, key, value;
    struct slice *texts = calloc(MAX, sizeof(*texts));
    struct edit edits[64];
    size_t n = 0, at = 0;
    struct record *r;
    struct err err;

    assert_non_null(texts);
    while (rest.n) {
        struct edit *e = &edits[n++];

        slice_cut(rest, ';', &one, &rest);
        assert_true(slice_cut(one, '=', &key, &value));
        *e = (struct edit){ .setting = setting_find(kind, key), .op = EDIT_SET, .texts = texts + at };
        assert_non_null(e->setting);
        do {
            assert_true(at < MAX);
            e->n++;
            if (!setting_is_list(e->setting)) {
                texts[at++] = value;
                break;
            }
        } while (slice_cut(value, ',', &texts[at++], &value));
    }
    r = record_make(kind, slice_str(name), NULL, edits, n, NULL, &err);
    if (!r)
        fail_msg("%s \"%s\" {%s}: %s", kind->name, name, values, err.text);
    free(texts);
    return r;
}

struct config *make_next(struct config *from, struct record **records, size_t n)
{
    struct config_step *steps = calloc(n + 1, sizeof(*steps));
    struct config *c;

    assert_non_null(steps);
    for (size_t i = 0; i < n; i++)
        steps[i] = (struct config_step){ records[i]->kind, records[i]->name, records[i] };
    c = config_next(from, steps, n, from->seq + 1);
    assert_non_null(c);
    for (size_t i = 0; i < n; i++)
        record_drop(records[i]);
    free(steps);
    config_drop(from);
    return c;
}

struct config *make_config(const char *text)
{
    struct err err = { "" };
    struct config_text *t = config_text_read(NULL, text, &err);
    struct record **records;
    struct config *c;

    if (!t)
        fail_msg("%s", err.text);
    records = calloc(t->n + 1, sizeof(*records));
    assert_non_null(records);
    for (size_t i = 0; i < t->n; i++) {
        const struct config_block *b = &t->blocks[i];

        records[i] = record_make(b->kind, b->name, NULL, b->edits, b->n, NULL, &err);
        if (!records[i])
            fail_msg("%s \"%.*s\": %s", b->kind->name, SLICE_FMT(b->name), err.text);
    }
    c = make_next(config_new(), records, t->n);
    if (config_check(c, &err))
        fail_msg("%s", err.text);
    free(records);
    config_text_free(t);
    return c;
}

uint32_t make_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}
