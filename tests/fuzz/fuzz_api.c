/*
 * What the API makes of a request: "METHOD TARGET" in the first line, the body behind it. Targets that are taken must read
 * the same when they are written again; bodies become edits and batches, or a sentence.
 */
#include <stdlib.h>

#include "admin/changes.h"
#include "admin/routes.h"
#include "base/text.h"
#include "store/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void check_again(const struct target *t, struct arena *arena)
{
    const struct text_set keep = text_set("-._~");
    struct target again;
    const char *why;
    struct buf b;

    buf_init(&b, 1u << 20);
    buf_str(&b, t->n_segments ? "" : "/");
    for (size_t i = 0; i < t->n_segments; i++) {
        buf_char(&b, '/');
        text_put_percent(&b, t->segments[i], &keep);
    }
    /* Written in full it may be longer than what is taken. */
    if (buf_ok(&b) && b.n <= TARGET_MAX) {
        check(target_parse(&again, buf_slice(&b), arena, &why) && again.n_segments == t->n_segments);
        for (size_t i = 0; i < t->n_segments; i++)
            check(slice_eq(again.segments[i], t->segments[i]));
    }
    buf_free(&b);
}

static void read_body(struct call *c)
{
    const struct setting *setting;
    struct changes_fault fault;
    struct request *requests;
    struct edit *edits;
    struct err err = { "" };
    size_t n;

    if (!call_take_json(c))
        return;
    if (changes_read(c->json, &c->arena, &requests, &n, &fault, &err))
        check(err.text[0] != '\0');
    if (c->kind && json_to_edits(c->kind, c->json, &c->arena, &edits, &n, &setting, &err) == 0)
        record_drop(record_make(c->kind, c->name, NULL, edits, n, &setting, &err));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct slice in = slice_of((const char *)data, n), line, body, method, target;
    const char *why = NULL;
    struct call *c;

    slice_cut(in, '\n', &line, &body);
    slice_cut(line, ' ', &method, &target);
    c = call_new(NULL, "");
    check(c != NULL);
    c->body_max = CALL_BODY_CHANGES;
    buf_put(&c->body, body);
    if (target_parse(&c->target, target, &c->arena, &why)) {
        check_again(&c->target, &c->arena);
        if (route_find(c, method) == ROUTE_FOUND)
            check(c->route != NULL);
        read_body(c);
    } else {
        check(why != NULL);
    }
    call_free(c);
    return 0;
}
