#include "admin/changes.h"

#include <stdlib.h>

#include "admin/changing.h"
#include "admin/routes.h"
#include "store/json.h"

#define ANSWER_MAX (512u << 20)

static int take_op(const json_t *v, enum request_op *op, struct err *err)
{
    static const struct {
        const char *name;
        enum request_op op;
    } ops[] = { { "new", REQUEST_NEW }, { "set", REQUEST_SET }, { "put", REQUEST_PUT }, { "remove", REQUEST_REMOVE } };

    for (size_t i = 0; json_is_string(v) && i < sizeof(ops) / sizeof(ops[0]); i++) {
        if (strcmp(json_string_value(v), ops[i].name) != 0)
            continue;
        *op = ops[i].op;
        return 0;
    }
    return err_set(err, "op is one of new, set, put, remove");
}

static int take_kind(const json_t *v, const struct setting_kind **kind, struct err *err)
{
    *kind = json_is_string(v) ? model_kind(slice_of(json_string_value(v), json_string_length(v))) : NULL;
    return *kind && !(*kind)->internal
               ? 0
               : err_set(err, "kind is one of org, gateway, route, sip-domain, partner, policy, site, sip-user");
}

static int check_members(const json_t *one, struct err *err)
{
    static const char *const known[] = { "op", "kind", "name", "values", "if-revision" };
    const char *key;
    json_t *v;

    if (!json_is_object(one))
        return err_set(err, "a change is an object");
    json_object_foreach((json_t *)one, key, v)
    {
        size_t i = 0;

        while (i < 5 && strcmp(key, known[i]) != 0)
            i++;
        if (i == 5)
            return err_set(err, "a change has op, kind, name, values and if-revision, nothing else");
    }
    return 0;
}

static int read_one(const json_t *one, struct arena *arena, struct request *r, const struct setting **setting,
                    struct err *err)
{
    const json_t *name = json_object_get(one, "name"), *values = json_object_get(one, "values");
    const json_t *revision = json_object_get(one, "if-revision");
    struct edit *edits = NULL;

    *r = (struct request){ .name = { "", 0 } };
    if (check_members(one, err) || take_op(json_object_get(one, "op"), &r->op, err) ||
        take_kind(json_object_get(one, "kind"), &r->kind, err))
        return -1;
    if (name && !json_is_string(name))
        return err_set(err, "name is a text");
    if (r->kind->title && !name)
        return err_set(err, "name is missing: which %s?", r->kind->noun);
    if (name)
        r->name = slice_of(json_string_value(name), json_string_length(name));
    if (revision && (!json_is_integer(revision) || json_integer_value(revision) < 0))
        return err_set(err, "if-revision is a number from 0 on");
    r->conditional = revision != NULL;
    r->if_revision = revision ? (uint64_t)json_integer_value(revision) : 0;
    if (!values)
        return 0;
    if (r->op == REQUEST_REMOVE)
        return err_set(err, "a removal has no values");
    if (json_to_edits(r->kind, values, arena, &edits, &r->n, setting, err))
        return -1;
    r->edits = edits;
    return 0;
}

int changes_read(const json_t *body, struct arena *arena, struct request **requests, size_t *n,
                 struct changes_fault *fault, struct err *err)
{
    const json_t *list = json_object_get(body, "changes");

    *fault = (struct changes_fault){ .is_batch = true };
    *n = json_array_size(list);
    if (!json_is_array(list) || json_object_size(body) != 1)
        return err_set(err, "the body is {\"changes\": [...]}, and nothing else");
    if (*n > CHANGES_MAX)
        return err_set(err, "%zu changes are more than the %d allowed at once", *n, CHANGES_MAX);
    *requests = arena_alloc(arena, (*n + 1) * sizeof(**requests));
    if (!*requests)
        return err_memory(err, "reading the changes");
    fault->is_batch = false;
    for (size_t i = 0; i < *n; i++) {
        fault->index = i;
        if (read_one(json_array_get(list, i), arena, &(*requests)[i], &fault->setting, err))
            return -1;
    }
    return 0;
}

/* One result at a time, as text at once: all of them as JSON values would take several times the memory. */
static void put_results(struct buf *out, const struct request *requests, const struct keeper_outcome *outcome)
{
    buf_printf(out, "{\"changed\":%zu,\"results\":[", outcome->n_changed);
    for (size_t i = 0; i < outcome->n && buf_ok(out); i++) {
        const struct record *r = outcome->after[i] ? outcome->after[i] : outcome->before[i];

        if (i > 0)
            buf_char(out, ',');
        json_put(out,
                 json_pack("{s:s, s:o, s:o, s:o}", "kind", requests[i].kind->name, "name",
                           r ? json_stringn(r->name.p ? r->name.p : "", r->name.n)
                             : json_stringn(requests[i].name.p, requests[i].name.n),
                           "before", change_shown(outcome->before[i]), "after", change_shown(outcome->after[i])),
                 0);
    }
    buf_str(out, "],\"warnings\":");
    json_put(out, change_warnings(outcome), 0);
    buf_char(out, '}');
}

void changes_post(struct call *c)
{
    struct keeper_outcome outcome = { .n = 0 };
    struct changes_fault fault;
    struct request *requests = NULL;
    struct err err = { "" };
    struct buf out;
    size_t n;

    if (changes_read(c->json, &c->arena, &requests, &n, &fault, &err)) {
        struct reply_about about = { fault.setting ? fault.setting->name : NULL,
                                     fault.is_batch ? -1 : (long)fault.index };

        change_problem(c, err.memory ? KEEPER_NO_MEMORY : KEEPER_INVALID, &about, &err);
        return;
    }
    if (change_make(c, requests, n, &outcome)) {
        buf_init(&out, ANSWER_MAX);
        put_results(&out, requests, &outcome);
        reply_text(c, 200, "application/json", &out);
    }
    keeper_outcome_fini(&outcome);
}
