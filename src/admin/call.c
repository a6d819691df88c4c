#include "admin/call.h"

#include <stdlib.h>

#include "admin/maker.h"
#include "store/json.h"

struct call *call_new(struct admin *a, const char *uri)
{
    struct call *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->admin = a;
    arena_init(&c->arena, CALL_ARENA_MAX);
    buf_init(&c->body, CALL_BODY_CHANGES);
    c->uri = arena_dup(&c->arena, slice_str(uri));
    if (c->uri.p)
        return c;
    call_free(c);
    return NULL;
}

void call_free(struct call *c)
{
    if (!c)
        return;
    json_decref(c->json);
    making_free(c->making);
    if (c->body.p)
        explicit_bzero(c->body.p, c->body.cap); /* passwords, keys */
    buf_free(&c->body);
    free(c->reply.body);
    arena_reset(&c->arena);
    free(c);
}

struct slice call_header(const struct call *c, const char *name)
{
    return c->conn ? slice_str(MHD_lookup_connection_value(c->conn, MHD_HEADER_KIND, name)) : slice_of(NULL, 0);
}

bool call_take_json(struct call *c)
{
    json_error_t fault;
    bool no_memory;

    if (!buf_ok(&c->body)) {
        reply_no_memory(c);
        return false;
    }
    c->json = json_read(buf_slice(&c->body), &fault, &no_memory);
    if (json_is_object(c->json))
        return true;
    if (c->json)
        reply_problem(c, 400, "bad-request", "the body is JSON, but no object");
    else if (no_memory)
        reply_no_memory(c);
    else if (c->body.n == 0)
        reply_problem(c, 400, "bad-request", "a JSON object is expected as body, and there is none");
    else /* never the text near the fault: it may be a password */
        reply_problem(c, 400, "bad-request", "the body is no JSON: fault in line %d, column %d (byte %d)", fault.line,
                      fault.column, fault.position);
    return false;
}

bool call_refuse(struct call *c, const char *name, const char *why)
{
    reply_problem_about(c, 422, "invalid", &(struct reply_about){ name, -1 }, why);
    return false;
}

bool call_text(struct call *c, const char *name, bool required, struct slice *out)
{
    const json_t *v = json_object_get(c->json, name);

    *out = slice_of(NULL, 0);
    if (json_is_string(v)) {
        *out = slice_of(json_string_value(v), json_string_length(v));
        return true;
    }
    if (!v && !required)
        return true;
    return call_refuse(c, name, v ? "a text is expected here" : "this member is missing");
}

bool call_texts(struct call *c, const char *name, const char *too_many, struct slice *out, size_t max, size_t *n)
{
    const json_t *list = json_object_get(c->json, name);

    *n = json_array_size(list);
    if (list && (!json_is_array(list) || *n > max))
        return call_refuse(c, name, too_many);
    for (size_t i = 0; i < *n; i++) {
        const json_t *v = json_array_get(list, i);

        if (!json_is_string(v))
            return call_refuse(c, name, "a list of texts is expected here");
        out[i] = slice_of(json_string_value(v), json_string_length(v));
    }
    return true;
}

bool call_knows(struct call *c, const char *const *names)
{
    const char *key;
    json_t *v;

    json_object_foreach(c->json, key, v)
    {
        size_t i = 0;
        char shown[80];

        while (names[i] && strcmp(names[i], key) != 0)
            i++;
        if (names[i])
            continue;
        log_escape(shown, sizeof(shown), slice_str(key));
        reply_problem(c, 422, "invalid", "there is no member \"%s\" here", shown);
        return false;
    }
    return true;
}

bool call_flag(struct call *c, const char *query, bool *out)
{
    struct slice v = target_query(&c->target, query);

    *out = slice_is(v, "1") || slice_is(v, "yes") || slice_is(v, "true");
    if (!v.p || *out || slice_is(v, "0") || slice_is(v, "no") || slice_is(v, "false"))
        return true;
    reply_problem(c, 400, "bad-request", "%s is 1 or 0", query);
    return false;
}

bool call_number(struct call *c, const char *query, uint64_t def, uint64_t max, uint64_t *out)
{
    struct slice v = target_query(&c->target, query);

    *out = def;
    if (!v.p || (slice_u64(v, max, out) && *out > 0))
        return true;
    reply_problem(c, 400, "bad-request", "%s is a number from 1 to %llu", query, (unsigned long long)max);
    return false;
}
