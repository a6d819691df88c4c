/* The first byte chooses the kind, the rest is an object as the API takes it. What is taken is stored and read as it was. */
#include <stdlib.h>

#include "base/text.h"
#include "store/json.h"
#include "store/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct slice name_of(const struct setting_kind *kind)
{
    if (!kind->title)
        return SLICE("");
    return kind->title_type == SETTING_USER ? SLICE("alice@c.example") : SLICE("c.example");
}

static void check_sentence(const struct err *err)
{
    if (!err->text[0] || !text_is_utf8(slice_str(err->text)))
        abort();
    for (const char *p = err->text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            abort();
}

static void there_and_back(struct record *r)
{
    json_t *stored = record_to_json(r, RECORD_STORED), *shown = record_to_json(r, RECORD_SHOWN);
    char *text = stored ? json_dumps(stored, JSON_COMPACT) : NULL;
    struct record *again;
    struct err err = { "" };

    if (!text || !shown)
        abort();
    again = record_from_stored(r->kind, r->name, slice_str(text), 7, &err);
    if (!again || !record_same(r, again) || again->revision != 7)
        abort();
    record_drop(again);
    json_decref(stored);
    json_decref(shown);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const struct setting_kind *kind = model_kinds[n ? data[0] % MODEL_N_KINDS : 0];
    json_t *o = n ? json_loadb((const char *)data + 1, n - 1, JSON_REJECT_DUPLICATES, NULL) : NULL;
    struct record *r = NULL;
    struct err err = { "" };
    struct arena arena;
    struct edit *edits;
    size_t n_edits;

    arena_init(&arena, 8 << 20);
    if (o && json_to_edits(kind, o, &arena, &edits, &n_edits, NULL, &err) == 0)
        r = record_make(kind, name_of(kind), NULL, edits, n_edits, NULL, &err);
    if (r)
        there_and_back(r);
    else if (o)
        check_sentence(&err);
    record_drop(r);
    json_decref(o);
    arena_reset(&arena);
    return 0;
}
