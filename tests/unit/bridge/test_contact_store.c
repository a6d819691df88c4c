/* Contacts with a real ledger, a real store and a real loop between them. The first argument is the engine: "sqlite" or "pg". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../store/store_rig.h"
#include "bridge/contact_parts.h"

static struct postgres cluster;
static bool is_pg;

/* Of a bridge, what contacts need. */
struct node {
    struct place place;
    struct loop loop;
    struct log log;
    struct loop_door *door;
    struct ledger *ledger;
    struct bridge *bridge;
    atomic_bool broken; /* each statement fails */
    unsigned n_durable, n_not, n_changed, wanted;
};

static struct node *now;

static bool on_step(void *arg, const char *sql)
{
    return !atomic_load(&((struct node *)arg)->broken);
}

static void write_log(struct log *log, const char *line, size_t n)
{
}

static void heard(unsigned *count)
{
    ++*count;
    if (now->n_durable + now->n_not + now->n_changed >= now->wanted)
        loop_stop(&now->loop);
}

static void on_then(struct bridge *b, struct contact *c, bool durable)
{
    heard(durable ? &now->n_durable : &now->n_not);
}

static void on_changed(struct bridge *b, struct contact *c, enum contact_x2s x2s, enum contact_s2x s2x)
{
    heard(&now->n_changed);
}

/* Runs the loop until so many have been told something; a minute at most. */
static void wait_for(struct node *n, unsigned wanted)
{
    n->wanted = wanted;
    n->loop.stopping = false;
    alarm(60);
    loop_run(&n->loop);
    alarm(0);
    assert_true(n->n_durable + n->n_not + n->n_changed >= wanted);
    n->n_durable = n->n_not = n->n_changed = 0;
}

static void node_start(struct node *n)
{
    static const struct contact_ops ops = { .changed = on_changed };
    const struct ledger_conf conf = { .store = { .url = n->place.url, .log = &n->log, .step = on_step, .step_arg = n },
                                      .give_up_ms = 400 };
    struct err err = { "" };

    n->log = (struct log){ .level = LOG_LEVEL_ERROR, .write = write_log };
    assert_int_equal(loop_init(&n->loop, &n->log, &err), 0);
    n->door = loop_door_new(&n->loop, &err);
    n->ledger = ledger_open(&conf, &err);
    n->bridge = calloc(1, sizeof(*n->bridge));
    assert_non_null(n->ledger);
    n->bridge->loop = &n->loop;
    n->bridge->log = &n->log;
    contacts_init(n->bridge, n->ledger, n->door);
    n->bridge->contacts.ops = &ops;
    if (contacts_start(n->bridge, &err))
        fail_msg("%s", err.text);
}

static void node_stop(struct node *n)
{
    loop_door_shut(n->door);
    ledger_close(n->ledger);
    contacts_fini(n->bridge);
    free(n->bridge);
    loop_door_free(n->door);
    loop_fini(&n->loop);
}

static int set_up(void **state)
{
    now = calloc(1, sizeof(*now));
    place_make(&now->place, is_pg ? &cluster : NULL);
    node_start(now);
    *state = now;
    return 0;
}

static int tear_down(void **state)
{
    node_stop(now);
    place_remove(&now->place);
    free(now);
    return 0;
}

static struct contact *find(struct node *n, unsigned i)
{
    char name[40];
    struct jid local, remote;

    snprintf(name, sizeof(name), "user%u@contoso.example", i);
    contact_split(slice_str(name), &local);
    contact_split(SLICE("romeo@fabrikam.example"), &remote);
    return contact_find(n->bridge, &local, &remote);
}

static struct contact *make(struct node *n, unsigned i)
{
    char name[40];
    struct jid local, remote;
    struct contact *c;

    snprintf(name, sizeof(name), "user%u@contoso.example", i);
    contact_split(slice_str(name), &local);
    contact_split(SLICE("romeo@fabrikam.example"), &remote);
    c = contact_add(n->bridge, &local, &remote);
    assert_non_null(c);
    return c;
}

static void change(struct node *n, struct contact *c, enum contact_x2s state)
{
    assert_true(contact_set_x2s(n->bridge, c, state));
    assert_true(contact_then(n->bridge, c, on_then, NULL));
}

static void what_was_told_is_there_after_a_restart(void **state)
{
    struct node *n = *state;

    for (unsigned i = 0; i < 5000; i++)
        change(n, make(n, i), CONTACT_X2S_AUTH);
    wait_for(n, 5000);
    for (unsigned i = 0; i < 5000; i += 2)
        change(n, find(n, i), CONTACT_X2S_NONE);
    wait_for(n, 2500);
    assert_int_equal(n->bridge->contacts.by_pair.n, 2500);
    node_stop(n);
    node_start(n);
    assert_int_equal(n->bridge->contacts.by_pair.n, 2500);
    assert_null(find(n, 4));
    assert_int_equal(find(n, 5)->x2s, CONTACT_X2S_AUTH);
    assert_true(find(n, 5)->restored);
}

static void what_waits_when_it_ends_is_written(void **state)
{
    struct node *n = *state;

    for (unsigned i = 0; i < 100; i++)
        change(n, make(n, i), CONTACT_X2S_AUTH);
    node_stop(n); /* those who wait are not told: they are gone */
    node_start(n);
    assert_int_equal(n->bridge->contacts.by_pair.n, 100);
}

static void a_store_that_stays_away_gives_all_back(void **state)
{
    struct node *n = *state;

    change(n, make(n, 1), CONTACT_X2S_ASKING);
    wait_for(n, 1);
    atomic_store(&n->broken, true);
    change(n, find(n, 1), CONTACT_X2S_AUTH);
    change(n, make(n, 2), CONTACT_X2S_ASKING);
    wait_for(n, 4); /* two are told, and two contacts are others than they were made */
    assert_int_equal(find(n, 1)->x2s, CONTACT_X2S_ASKING);
    assert_null(find(n, 2));
    atomic_store(&n->broken, false);
    change(n, find(n, 1), CONTACT_X2S_AUTH);
    wait_for(n, 1);
    assert_int_equal(find(n, 1)->x2s, CONTACT_X2S_AUTH);
    assert_true(find(n, 1)->stored);
}

static void who_was_away_for_long_has_what_the_others_have(void **state)
{
    struct node *n = *state;

    if (!is_pg)
        return; /* a file has one node */
    for (unsigned i = 0; i < 5000; i++)
        change(n, make(n, i), CONTACT_X2S_AUTH);
    wait_for(n, 5000);
    /* As if others had removed most of them so long ago that it is forgotten, and changed one. */
    postgres_run(&cluster, "stox",
                 "BEGIN; DELETE FROM stox.contacts WHERE local <> 'user7@contoso.example'; "
                 "UPDATE stox.contacts SET x2s = 1, revision = 500000; "
                 "UPDATE stox.contacts_head SET revision = 500000, forgotten = 400000; NOTIFY stox_contacts; COMMIT");
    wait_for(n, 5000);
    assert_int_equal(n->bridge->contacts.by_pair.n, 1);
    assert_int_equal(find(n, 7)->x2s, CONTACT_X2S_ASKING);
    change(n, find(n, 7), CONTACT_X2S_NONE);
    wait_for(n, 1);
    assert_int_equal(n->bridge->contacts.by_pair.n, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_told_is_there_after_a_restart),
        TEST(what_waits_when_it_ends_is_written),
        TEST(a_store_that_stays_away_gives_all_back),
        TEST(who_was_away_for_long_has_what_the_others_have),
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
