#include "admin/openapi.h"

#include <stdio.h>

#include "admin/routes.h"
#include "base/text.h"

void openapi_set(struct openapi *d, json_t *o, const char *key, json_t *v)
{
    if (json_object_set_new(o, key, v) != 0)
        d->failed = true;
}

void openapi_add(struct openapi *d, json_t *list, json_t *v)
{
    if (json_array_append_new(list, v) != 0)
        d->failed = true;
}

/* Writes pattern with each @ and each {kind}, {single} as this kind has it. */
static void expand(struct buf *out, const char *pattern, const char *at, const struct setting_kind *kind)
{
    static const char *const marks[] = { "{kind}", "{single}" };

    while (*pattern) {
        size_t skip = 0;

        for (size_t i = 0; i < 2; i++)
            if (slice_starts(slice_str(pattern), slice_str(marks[i])))
                skip = strlen(marks[i]);
        if (skip && kind)
            buf_str(out, kind->plural);
        else if (*pattern == '@')
            buf_str(out, at);
        else
            buf_char(out, *pattern);
        pattern += skip ? skip : 1;
    }
}

static json_t *expanded(const char *pattern, const char *at, const struct setting_kind *kind)
{
    struct buf b;
    json_t *v;

    buf_init(&b, 500);
    expand(&b, pattern, at, kind);
    v = buf_ok(&b) ? json_stringn(b.p ? b.p : "", b.n) : NULL;
    buf_free(&b);
    return v;
}

static json_t *schema_ref(const char *pattern, const struct setting_kind *kind)
{
    char name[32] = "", ref[100];

    if (kind)
        openapi_kind_name(kind, name);
    snprintf(ref, sizeof(ref), "#/components/schemas/%s", pattern);
    return json_pack("{s:o}", "$ref", expanded(ref, name, NULL));
}

static json_t *parameter(struct slice name, const char *in, bool required, const char *type, const char *description)
{
    return json_pack("{s:o, s:s, s:b, s:{s:s}, s:s}", "name", json_stringn(name.p, name.n), "in", in, "required",
                     required, "schema", "type", type, "description", description);
}

static void add_queries(struct openapi *d, json_t *list, const struct admin_route *route)
{
    static const struct {
        const char *name, *type, *description;
    } known[] = {
        { "limit", "integer", "how many at most" },
        { "after", "string", "those behind this name" },
        { "before", "integer", "those before this number" },
        { "kind", "string", "changes of this kind of objects only" },
        { "name", "string", "changes of this object only" },
        { "user", "string", "user@domain" },
        { "partner", "string", "any domain of a partner" },
        { "state", "string",
          "of contacts none, to, from, both, asked, denied or added; of partners any, failing, connected or idle: each "
          "is given its state" },
        { "minutes", "integer", "how many at most: 60 without it, 1440 are kept" },
        { "search", "string", "those whose name or settings hold this text" },
        { "sort", "string", "by this setting, or name, or of partners state; with - before it the other way round" },
        { "offset", "integer", "how many to leave out; with search, sort or state" },
        { "sip", "string", "the SIP user: alice@contoso.example" },
        { "xmpp", "string", "the partner's user: romeo@fabrikam.example" },
        { "both", "boolean", "also that the partner's user watches the SIP user" },
        { "dry-run", "boolean", "judge it, change nothing" },
        { "strict", "boolean", "refuse what is only warned of else" },
    };
    struct slice left = slice_str(route->queries), one;

    while (slice_cut(left, ' ', &one, &left))
        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
            if (slice_is(one, known[i].name))
                openapi_add(d, list,
                            parameter(one, "query", slice_is(one, "user") && strcmp(route->path, "/v1/effective") == 0,
                                      known[i].type, known[i].description));
}

static json_t *parameters(struct openapi *d, const struct admin_route *route)
{
    json_t *list = json_array();
    bool named = strstr(route->path, "{name}") || strstr(route->path, "{single}");

    if (strstr(route->path, "{name}"))
        openapi_add(d, list, parameter(SLICE("name"), "path", true, "string", "name, percent-encoded"));
    if (strstr(route->path, "{id}"))
        openapi_add(d, list, parameter(SLICE("id"), "path", true, "string", "id, as it was given"));
    add_queries(d, list, route);
    if (named && strcmp(route->method, "GET") != 0 && strcmp(route->method, "POST") != 0)
        openapi_add(d, list,
                    parameter(SLICE("If-Match"), "header", false, "string",
                              "ETag that was seen: refused with 412 when somebody changed it meanwhile"));
    if (strcmp(route->method, "PUT") == 0)
        openapi_add(d, list,
                    parameter(SLICE("If-None-Match"), "header", false, "string",
                              "*: only if it is not there; one of the two must be given"));
    return list;
}

static json_t *success(const struct admin_route *route, const struct setting_kind *kind)
{
    const char *type = strcmp(route->path, "/metrics") == 0     ? "application/openmetrics-text"
                       : strcmp(route->path, "/v1/events") == 0 ? "text/event-stream"
                                                                : "application/json";

    if (!route->gives)
        return json_pack("{s:s}", "description", "done");
    if (!route->gives[0])
        return json_pack("{s:s, s:{s:{s:{s:s}}}}", "description", "done", "content", type, "schema", "type",
                         strcmp(type, "application/json") == 0 ? "object" : "string");
    return json_pack("{s:s, s:{s:{s:o}}}", "description", "done", "content", "application/json", "schema",
                     schema_ref(route->gives, kind));
}

static json_t *responses(const struct admin_route *route, const struct setting_kind *kind)
{
    char status[16];

    snprintf(status, sizeof(status), "%u", route->status);
    return json_pack("{s:o, s:{s:s, s:{s:{s:o}}}}", status, success(route, kind), "default", "description",
                     "what is wrong", "content", "application/problem+json", "schema", schema_ref("Problem", NULL));
}

/* method and path, each run of other characters as one underscore: unique, because both are. */
static json_t *operation_id(const char *method, const char *path)
{
    char id[128];
    size_t n = 0;

    for (; *method && n < sizeof(id) - 1; method++)
        id[n++] = text_lower(*method);
    for (; *path && n < sizeof(id) - 1; path++)
        if ((*path >= 'a' && *path <= 'z') || (*path >= '0' && *path <= '9'))
            id[n++] = *path;
        else if (id[n - 1] != '_')
            id[n++] = '_';
    return json_stringn(id, n);
}

static json_t *operation(struct openapi *d, const struct admin_route *route, const struct setting_kind *kind,
                         const char *path)
{
    static const char *const roles[] = { "reader", "helpdesk", "administrator" };
    json_t *o = json_pack("{s:o, s:o, s:o, s:o}", "operationId", operation_id(route->method, path), "summary",
                          expanded(route->summary, kind ? kind->noun : "", kind), "parameters", parameters(d, route),
                          "responses", responses(route, kind));

    if (!o)
        return NULL;
    if (route->open)
        openapi_set(d, o, "security", json_array());
    else
        openapi_set(d, o, "x-role", json_string(roles[route->role]));
    if (route->takes)
        openapi_set(d, o, "requestBody",
                    json_pack("{s:b, s:{s:{s:o}}}", "required", 1, "content", "application/json", "schema",
                              schema_ref(route->takes, kind)));
    return o;
}

static void add_route(struct openapi *d, json_t *paths, const struct admin_route *route,
                      const struct setting_kind *kind)
{
    json_t *path = expanded(route->path, "", kind), *item;
    char method[16];
    size_t n = 0;

    for (; route->method[n] && n < sizeof(method) - 1; n++)
        method[n] = text_lower(route->method[n]);
    method[n] = '\0';
    item = path ? json_object_get(paths, json_string_value(path)) : NULL;
    if (path && !item) {
        item = json_object();
        openapi_set(d, paths, json_string_value(path), item);
    }
    if (item)
        openapi_set(d, item, method, operation(d, route, kind, json_string_value(path)));
    json_decref(path);
}

static json_t *all_paths(struct openapi *d)
{
    json_t *paths = json_object();

    for (size_t i = 0; paths && i < admin_n_routes; i++) {
        const struct admin_route *route = &admin_routes[i];
        bool single = strstr(route->path, "{single}") != NULL, many = strstr(route->path, "{kind}") != NULL;

        if (!single && !many)
            add_route(d, paths, route, NULL);
        for (size_t k = 0; (single || many) && k < MODEL_N_KINDS; k++)
            if (!model_kinds[k]->internal && !model_kinds[k]->title == single)
                add_route(d, paths, route, model_kinds[k]);
    }
    return paths;
}

static json_t *document(struct openapi *d)
{
    return json_pack(
        "{s:s, s:{s:s, s:s, s:s}, s:o, s:{s:o, s:{s:{s:s, s:s}, s:{s:s, s:s, s:s, s:s}}}, s:[{s:[]}, {s:[]}]}",
        "openapi", "3.1.0", "info", "title", "Stox", "version", STOX_VERSION, "description",
        "Administration of a federation gateway between SIP/SIMPLE and XMPP", "paths", all_paths(d), "components",
        "schemas", openapi_schemas(d), "securitySchemes", "bearer", "type", "http", "scheme", "bearer", "session",
        "type", "apiKey", "in", "cookie", "name", "__Host-stox", "description",
        "what changes something also needs the header X-Stox-CSRF, as POST /v1/session has given it", "security",
        "bearer", "session");
}

json_t *openapi_document(void)
{
    struct openapi d = { false };
    json_t *v = document(&d);

    if (!d.failed)
        return v;
    json_decref(v);
    return NULL;
}

void openapi_get(struct call *c)
{
    reply_json(c, 200, openapi_document());
}
