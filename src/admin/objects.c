/* The objects of the settings' tables: nothing here knows one kind from another. */
#include "admin/objects.h"

#include <inttypes.h>
#include <stdio.h>

#include "admin/browse.h"
#include "admin/changing.h"
#include "admin/routes.h"
#include "base/text.h"
#include "store/json.h"

#define PAGE 100
#define PAGE_MAX 1000

/* The first record behind name, in byte order. */
static size_t index_after(const struct config_list *list, struct slice name)
{
    size_t low = 0, high = list->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (slice_cmp(list->v[middle]->name, name) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static json_t *page_json(const struct config_list *list, size_t at, size_t limit)
{
    json_t *items = json_array(), *next = NULL;
    bool ok = items != NULL;
    size_t end = list->n - at > limit ? at + limit : list->n;

    for (size_t i = at; ok && i < end; i++)
        ok = json_array_append_new(items, change_shown(list->v[i])) == 0;
    if (ok && end < list->n)
        next = json_stringn(list->v[end - 1]->name.p, list->v[end - 1]->name.n);
    else if (ok)
        next = json_null();
    if (ok && next)
        return json_pack("{s:o, s:o}", "items", items, "next", next);
    json_decref(items);
    return NULL;
}

void objects_page(struct call *c, const struct setting_kind *kind)
{
    struct slice after = target_query(&c->target, "after");
    struct config *config;
    const struct config_list *list;
    uint64_t limit;

    if (!call_number(c, "limit", PAGE, PAGE_MAX, &limit))
        return;
    config = keeper_config(c->admin->conf.keeper);
    list = config_list(config, kind);
    reply_json(c, 200, page_json(list, after.p ? index_after(list, after) : 0, limit));
    config_drop(config);
}

void objects_location(struct call *c, const struct setting_kind *kind, struct slice name)
{
    const struct text_set keep = text_set("-._~@:");
    struct buf b;

    buf_init(&b, 2000);
    buf_printf(&b, "/v1/%s/", kind->plural);
    text_put_percent(&b, name, &keep);
    if (buf_ok(&b))
        reply_header(c, "Location", "%.*s", SLICE_FMT(buf_slice(&b)));
    buf_free(&b);
}

void objects_list(struct call *c)
{
    if (browse_is_asked(c))
        browse_list(c);
    else
        objects_page(c, c->kind);
}

/* The record that the path names; a problem is the reply when there is none. */
static struct record *named(struct call *c, struct config *config)
{
    struct record *r = NULL;
    struct slice name;
    struct err err = { "" };

    if (setting_title(c->kind, &name, c->name, &c->arena, &err) == 0)
        r = config_find(config, c->kind, name);
    if (err.memory)
        change_refuse(c, NULL, &err);
    else if (!r)
        reply_problem(c, 404, "not-found", "there is no %s \"%.*s\"", c->kind->noun, SLICE_FMT(c->name));
    return r;
}

void object_get(struct call *c)
{
    struct config *config = keeper_config(c->admin->conf.keeper);
    const struct record *r = named(c, config);
    char tag[32];

    if (r) {
        snprintf(tag, sizeof(tag), "\"%" PRIu64 "\"", r->revision);
        if (slice_is(slice_trim(call_header(c, MHD_HTTP_HEADER_IF_NONE_MATCH)), tag))
            reply_nothing(c, 304);
        else
            reply_json(c, 200, change_shown(r));
        reply_header(c, "ETag", "%s", tag);
    }
    config_drop(config);
}

/* The body's members as the request's edits. */
static bool take_edits(struct call *c, struct request *r)
{
    const struct setting *fault;
    struct edit *edits = NULL;
    struct err err = { "" };

    if (json_to_edits(r->kind, c->json, &c->arena, &edits, &r->n, &fault, &err))
        return change_refuse(c, fault ? fault->name : NULL, &err);
    r->edits = edits;
    return true;
}

static void change_one(struct call *c, struct request *r)
{
    struct keeper_outcome out;

    if (change_make(c, r, 1, &out)) {
        reply_json(c, c->route->status, change_json(c, &out));
        if (r->op == REQUEST_NEW && out.after[0])
            objects_location(c, r->kind, out.after[0]->name);
    }
    keeper_outcome_fini(&out);
}

void objects_new(struct call *c)
{
    struct request r = { .op = REQUEST_NEW, .kind = c->kind };

    if (call_text(c, "name", true, &r.name) && take_edits(c, &r))
        change_one(c, &r);
}

/* A name in the body would be a new one: objects keep theirs. */
static bool name_is_kept(struct call *c)
{
    struct slice given, a, b;
    struct err err = { "" };

    if (!call_text(c, "name", false, &given))
        return false;
    if (!given.p)
        return true;
    if (c->kind->title && setting_title(c->kind, &a, given, &c->arena, &err) == 0 &&
        setting_title(c->kind, &b, c->name, &c->arena, &err) == 0 && slice_eq(a, b))
        return true;
    if (err.memory)
        return change_refuse(c, NULL, &err);
    reply_problem_about(c, 422, "invalid", &(struct reply_about){ "name", -1 },
                        "an object keeps its name: make a new one and remove this");
    return false;
}

static void edit(struct call *c, enum request_op op)
{
    struct request r = { .op = op, .kind = c->kind, .name = c->name };

    if (name_is_kept(c) && change_condition(c, &r) && take_edits(c, &r))
        change_one(c, &r);
}

void object_set(struct call *c)
{
    edit(c, REQUEST_SET);
}

void object_put(struct call *c)
{
    if (call_header(c, MHD_HTTP_HEADER_IF_MATCH).n || call_header(c, MHD_HTTP_HEADER_IF_NONE_MATCH).n)
        edit(c, REQUEST_PUT);
    else
        reply_problem(
            c, 428, "bad-request",
            "PUT replaces what somebody else may have changed: send If-Match with the ETag, or If-None-Match: *");
}

void object_remove(struct call *c)
{
    struct request r = { .op = REQUEST_REMOVE, .kind = c->kind, .name = c->name };

    if (change_condition(c, &r))
        change_one(c, &r);
}
