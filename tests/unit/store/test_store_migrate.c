/* What was stored before a migration means the same after it: the first argument is "sqlite" or "pg". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "store_rig.h"

static struct postgres cluster;
static bool is_pg;

/* Which has no migration that alters tables after it: the number alone makes a store one of before. */
#define BEFORE_TRANSPORT 2

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof(*p));

    place_make(p, is_pg ? &cluster : NULL);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    place_remove(*state);
    free(*state);
    return 0;
}

static void set_schema(struct place *p, unsigned number)
{
    char sql[80];
    sqlite3 *db;

    snprintf(sql, sizeof(sql), is_pg ? "UPDATE stox.version SET number = %u" : "PRAGMA user_version = %u", number);
    if (is_pg) {
        postgres_run(&cluster, "stox", sql);
        return;
    }
    assert_int_equal(sqlite3_open(p->file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

struct stored {
    const char *kind, *before, *after; /* after NULL: as before */
};

static const struct stored routes[] = {
    { "route", "{}", "{\"transport\":\"udp\"}" },
    { "route", "{\"next-hop\":[\"192.0.2.1\"],\"next-hop-password\":\"a\\\"\\\\\\u00e9\"}",
      "{\"next-hop\":[\"192.0.2.1\"],\"next-hop-password\":\"a\\\"\\\\\\u00e9\",\"transport\":\"udp\"}" },
    { "route", "{\"next-hop\":[\"192.0.2.1\"],\"transport\":\"udp\"}", NULL },
    { "route", "{\"next-hop\":[\"192.0.2.1\"],\"transport\":\"tcp\"}", NULL },
    { "route", "{\"next-hop\":[\"192.0.2.1\"],\"transport\":\"any\"}", NULL },
    { "route", "{\"transport\":\"tls\"}", NULL },
    { "route", "{\"next-hop\":[],\"transport\":\"tls\"}", NULL },
    /* What an address without port meant there: 5060. */
    { "route",
      "{\"next-hop\":[\"192.0.2.1\",\"2001:db8::1\",\"192.0.2.1:5061\",\"[2001:db8::1]:5061\",\"pool.example\","
      "\"pool.example:5070\",\"10.example\"],\"transport\":\"tls\",\"im\":\"session\"}",
      "{\"next-hop\":[\"192.0.2.1:5060\",\"[2001:db8::1]:5060\",\"192.0.2.1:5061\",\"[2001:db8::1]:5061\",\"pool."
      "example\","
      "\"pool.example:5070\",\"10.example\"],\"transport\":\"tls\",\"im\":\"session\"}" },
    { "partner", "{\"next-hop\":[\"192.0.2.1\"]}", NULL },
    { "gateway", "{}", NULL },
};

#define N_ROUTES (sizeof(routes) / sizeof(routes[0]))

static int on_row(void *arg, const struct store_row *row, struct err *err)
{
    unsigned *seen = arg;
    size_t i = strtoul(row->name.p + 1, NULL, 10);
    json_t *is, *should;

    if (slice_is(row->name, "gone")) {
        assert_null(row->body.p);
        return 0;
    }
    assert_true(i < N_ROUTES);
    is = json_loadb(row->body.p, row->body.n, 0, NULL);
    should = json_loads(routes[i].after ? routes[i].after : routes[i].before, 0, NULL);
    assert_true(is && should);
    if (!json_equal(is, should))
        fail_msg("%s became %.*s", routes[i].before, SLICE_FMT(row->body));
    json_decref(is);
    json_decref(should);
    ++*seen;
    return 0;
}

static void put(struct store *s, uint64_t *seq, struct store_write w)
{
    struct err err = { "" };

    if (rig_commit(s, (*seq)++, &w, 1, &err) != STORE_OK)
        fail_msg("%s", err.text);
}

/* Opened twice: what was migrated once is left alone. */
static void a_route_keeps_its_transport_and_its_port(void **state)
{
    struct place *p = *state;
    struct store *s = place_open(p);
    uint64_t seq = 0, head;
    struct err err = { "" };

    for (size_t i = 0; i < N_ROUTES; i++) {
        char name[16];

        snprintf(name, sizeof(name), "r%zu", i);
        put(s, &seq, rig_write(routes[i].kind, name, NULL, routes[i].before));
    }
    put(s, &seq, rig_write("route", "gone", NULL, "{}"));
    put(s, &seq, rig_write("route", "gone", "{}", NULL));
    store_close(s);
    set_schema(p, BEFORE_TRANSPORT);
    for (unsigned times = 0; times < 2; times++) {
        unsigned seen = 0;

        s = place_open(p);
        if (store_load(s, 0, on_row, &seen, &head, &err) != STORE_OK)
            fail_msg("%s", err.text);
        assert_int_equal(seen, N_ROUTES);
        assert_int_equal(head, seq);
        store_close(s);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_route_keeps_its_transport_and_its_port, set_up, tear_down),
    };
    int rc;

    is_pg = argc > 1 && strcmp(argv[1], "pg") == 0;
    if (is_pg)
        postgres_make(&cluster);
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    if (is_pg)
        postgres_remove(&cluster);
    return rc;
}
