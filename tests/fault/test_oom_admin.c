/* The API with memory running out: the answer it should be, or 503, and a body that is whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "admin/password.h"
#include "admin/routes.h"
#include "oom.h"

struct api {
    char folder[40];
    struct log log;
    struct store *store;
    struct keeper *keeper;
    struct admin *admin;
};

static const struct ask {
    const char *method, *uri, *body;
    unsigned status;
} asks[] = {
    { "GET", "/v1/partners?limit=2", NULL, 200 },
    { "GET", "/v1/partners/fabrikam.example", NULL, 200 },
    { "GET", "/v1/partners/nobody.example", NULL, 404 },
    { "GET", "/v1/gateway", NULL, 200 },
    { "GET", "/v1/effective?user=alice@contoso.example", NULL, 200 },
    { "GET", "/v1/matrix", NULL, 200 },
    { "GET", "/v1/audit?limit=3", NULL, 200 },
    { "GET", "/v1/audit?limit=3&cut=1&who=unix:&search=description", NULL, 200 },
    { "GET", "/v1/users", NULL, 200 },
    { "GET", "/v1/users?state=any&search=a&sort=role", NULL, 200 },
    { "GET", "/v1/users/anna", NULL, 200 },
    { "GET", "/v1/session", NULL, 200 },
    { "GET", "/v1/status", NULL, 503 },
    { "POST", "/v1/partners?dry-run=1", "{\"name\":\"new.example\",\"additional-domains\":[\"b.example\"]}", 201 },
    { "POST", "/v1/partners?dry-run=1", "{\"name\":\"new.example\",\"tls\":\"perhaps\"}", 422 },
    { "PATCH", "/v1/partners/fabrikam.example?dry-run=1", "{\"description\":\"y\"}", 200 },
    { "DELETE", "/v1/partners/fabrikam.example?dry-run=1", NULL, 200 },
    { "POST", "/v1/tokens?dry-run=1", "{\"name\":\"ci\",\"expires\":60}", 201 },
    { "DELETE", "/v1/users/anna", NULL, 409 },
    { "POST", "/v1/changes?dry-run=1",
      "{\"changes\":[{\"op\":\"new\",\"kind\":\"partner\",\"name\":\"a.example\"},"
      "{\"op\":\"set\",\"kind\":\"org\",\"values\":{\"federation\":true}}]}",
      200 },
};

static void fill(struct call *c, const char *body)
{
    c->who = (struct who){ .kind = WHO_UNIX, .role = ADMIN_ADMINISTRATOR, .name = "root", .text = "unix:root" };
    memcpy(c->from, "unix", 5);
    buf_str(&c->body, body ? body : "");
}

/* As dispatch does it, without a connection. */
static struct call *answer(struct admin *a, const struct ask *ask)
{
    struct call *c = call_new(a, ask->uri);
    const char *why = "";

    if (!c)
        return NULL;
    fill(c, ask->body);
    if (!target_parse(&c->target, c->uri, &c->arena, &why)) {
        assert_string_equal(why, TARGET_NO_MEMORY);
        reply_no_memory(c);
    } else {
        assert_int_equal(route_find(c, slice_str(ask->method)), ROUTE_FOUND);
        if (c->route->body_max == 0 || call_take_json(c))
            c->route->run(c);
    }
    return c;
}

struct scenario {
    struct api *api;
    const struct ask *ask;
};

static void check(const struct call *c, const struct ask *ask)
{
    const struct reply *r = &c->reply;
    json_t *v;

    if (r->status != ask->status && (r->status != 503 || !oom_failed()))
        fail_msg("%s %s: %u %.*s", ask->method, ask->uri, r->status, (int)r->n, r->body ? r->body : "");
    if (!r->body)
        return;
    v = json_loadb(r->body, r->n, 0, NULL);
    if (!v)
        fail_msg("%s %s: %u %.*s", ask->method, ask->uri, r->status, (int)r->n, r->body);
    json_decref(v);
}

static void asking(const void *arg)
{
    const struct scenario *s = arg;
    struct call *c;

    OOM(c = answer(s->api->admin, s->ask));
    if (c)
        check(c, s->ask);
    else
        assert_true(oom_failed());
    call_free(c);
}

/* Ten thousand allocations, each of them failed twice: a minute. */
static const struct ask description = { "GET", "/v1/openapi.json", NULL, 200 };

static void every_request_is_answered_or_refused(void **state)
{
    const struct scenario long_one = { *state, &description };
    const char *proof = getenv("STOX_PROOF");

    for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
        const struct scenario s = { *state, &asks[i] };

        oom_each(asks[i].uri, asking, &s);
    }
    if (proof && strcmp(proof, "1") == 0)
        oom_each(description.uri, asking, &long_one);
}

static void no_line(struct log *log, const char *line, size_t n)
{
}

static int put_objects(struct api *api)
{
    static const struct ask first[] = {
        { "POST", "/v1/partners", "{\"name\":\"fabrikam.example\",\"description\":\"x\"}", 201 },
        { "POST", "/v1/partners", "{\"name\":\"tailspin.example\"}", 201 },
        { "POST", "/v1/users", "{\"name\":\"anna\",\"role\":\"administrator\",\"password\":\"correct horse\"}", 201 },
    };

    for (size_t i = 0; i < 3; i++) {
        struct call *c = answer(api->admin, &first[i]);

        assert_non_null(c);
        assert_int_equal(c->reply.status, first[i].status);
        call_free(c);
    }
    return 0;
}

static int begin(void **state)
{
    struct api *api = calloc(1, sizeof(*api));
    char url[80];
    struct store_conf store_conf = { .url = url };
    struct keeper_conf keeper_conf = { 0 };
    struct err err;

    assert_non_null(api);
    memcpy(api->folder, "/tmp/stox-admin-XXXXXX", 23);
    assert_non_null(mkdtemp(api->folder));
    snprintf(url, sizeof(url), "sqlite:%s/stox.db", api->folder);
    log_init(&api->log);
    api->log.write = no_line;
    store_conf.log = keeper_conf.log = &api->log;
    api->store = keeper_conf.store = store_open(&store_conf, &err);
    assert_non_null(api->store);
    api->keeper = keeper_open(&keeper_conf, &err);
    api->admin = calloc(1, sizeof(*api->admin));
    assert_true(api->keeper && api->admin);
    api->admin->conf.keeper = api->keeper;
    api->admin->conf.log = &api->log;
    *state = api;
    return put_objects(api);
}

static int end(void **state)
{
    struct api *api = *state;
    char path[80];

    store_close(api->store);
    keeper_close(api->keeper);
    for (const char *const *name = (const char *const[]){ "stox.db", "stox.db-wal", "stox.db-shm", "", NULL }; *name;
         name++) {
        snprintf(path, sizeof(path), "%s/%s", api->folder, *name);
        remove(path);
    }
    free(api->admin);
    free(api);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_request_is_answered_or_refused) };

    return cmocka_run_group_tests(tests, begin, end);
}
