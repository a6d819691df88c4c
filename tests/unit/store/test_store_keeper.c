/*
 * Two keepers on one store, as two nodes have them: nothing that one was told to do is lost because of the other. The first
 * argument is the engine: "sqlite" or "pg".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/keeper.h"
#include "store_rig.h"

#define CHANGES 30

static struct postgres cluster;
static bool is_pg;

struct node {
    const struct place *place;
    struct store *store;
    struct keeper *keeper;
    char letter;
    enum keeper_result result;
    struct err err;
    pthread_mutex_t lock;
    pthread_cond_t news;
    uint64_t seq; /* of the newest configuration that was published */
};

static void on_publish(void *owner, struct config *next)
{
    struct node *n = owner;

    pthread_mutex_lock(&n->lock);
    assert_true(next->seq > n->seq);
    n->seq = next->seq;
    pthread_cond_broadcast(&n->news);
    pthread_mutex_unlock(&n->lock);
}

static const struct keeper_ops ops = { .publish = on_publish };

static void node_open(struct node *n, const struct place *p, char letter)
{
    struct keeper_conf conf = { .ops = &ops, .owner = n };

    *n = (struct node){ .place = p, .letter = letter };
    pthread_mutex_init(&n->lock, NULL);
    pthread_cond_init(&n->news, NULL);
    n->store = conf.store = place_open(p);
    n->keeper = keeper_open(&conf, &n->err);
    if (!n->keeper || keeper_watch(n->keeper, &n->err))
        fail_msg("%s", n->err.text);
}

static void node_close(struct node *n)
{
    store_close(n->store);
    keeper_close(n->keeper);
}

static void node_wait(struct node *n, uint64_t seq)
{
    struct timespec until;
    int rc = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 30;
    pthread_mutex_lock(&n->lock);
    while (n->seq < seq && rc == 0)
        rc = pthread_cond_timedwait(&n->news, &n->lock, &until);
    pthread_mutex_unlock(&n->lock);
    assert_int_equal(rc, 0);
}

static enum keeper_result change(struct node *n, const struct request *r)
{
    const struct keeper_change c = { .requests = r, .n = 1, .who = SLICE("anna"), .from = SLICE("unix") };
    struct keeper_outcome outcome;
    enum keeper_result result = keeper_change(n->keeper, &c, &outcome, &n->err);

    keeper_outcome_fini(&outcome);
    return result;
}

/* Partners of its own, and entries in the list of one that both work on. */
static void *work(void *arg)
{
    struct node *n = arg;

    for (unsigned i = 0; i < CHANGES && n->result == KEEPER_OK; i++) {
        char name[40], domain[40];
        struct slice text;
        struct edit add = { .setting = setting_find(&partner_kind, SLICE("additional-domains")), .op = EDIT_ADD };
        struct request make = { .op = REQUEST_NEW, .kind = &partner_kind };
        struct request extend = { .op = REQUEST_SET, .kind = &partner_kind, .name = SLICE("both.example") };

        snprintf(name, sizeof(name), "%c%u.example", n->letter, i);
        snprintf(domain, sizeof(domain), "more-%c%u.example", n->letter, i);
        text = slice_str(domain);
        make.name = slice_str(name);
        add.texts = &text;
        add.n = extend.n = 1;
        extend.edits = &add;
        n->result = change(n, &make);
        if (n->result == KEEPER_OK)
            n->result = change(n, &extend);
    }
    return NULL;
}

static void check_all_there(struct node *n)
{
    struct config *c = keeper_config(n->keeper);
    struct record *both = config_find(c, &partner_kind, SLICE("both.example"));

    assert_int_equal(config_list(c, &partner_kind)->n, 2 * CHANGES + 1);
    assert_non_null(both);
    assert_int_equal(((const struct partner *)both->object)->additional_domains.n, 2 * CHANGES);
    config_drop(c);
}

static int count_audit(void *arg, const struct store_audit_row *row, struct err *err)
{
    ++*(unsigned *)arg;
    return 0;
}

static void what_two_change_at_once_is_all_there(void **state)
{
    const struct store_audit_query q = { .limit = 1000, .kind = SLICE("partner") };
    struct request both = { .op = REQUEST_NEW, .kind = &partner_kind, .name = SLICE("both.example") };
    struct node a, b, later;
    struct place p;
    pthread_t threads[2];
    unsigned n = 0;

    place_make(&p, is_pg ? &cluster : NULL);
    node_open(&a, &p, 'a');
    node_open(&b, &p, 'b');
    assert_int_equal(change(&a, &both), KEEPER_OK);
    if (is_pg)
        node_wait(&b, 2); /* SQLite has no other nodes: b finds out when it changes something */
    pthread_create(&threads[0], NULL, work, &a);
    pthread_create(&threads[1], NULL, work, &b);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    if (a.result != KEEPER_OK || b.result != KEEPER_OK)
        fail_msg("%d %s; %d %s", a.result, a.err.text, b.result, b.err.text);
    if (is_pg) {
        node_wait(&a, 2 + 4 * CHANGES);
        node_wait(&b, 2 + 4 * CHANGES);
        check_all_there(&a);
        check_all_there(&b);
    }
    node_open(&later, &p, 'c');
    check_all_there(&later);
    assert_int_equal(keeper_audit(later.keeper, &q, count_audit, &n, &later.err), KEEPER_OK);
    assert_int_equal(n, 1 + 4 * CHANGES);
    node_close(&later);
    node_close(&b);
    node_close(&a);
    place_remove(&p);
}

static void a_node_says_that_the_database_is_away_and_goes_on_when_it_is_back(void **state)
{
    struct request make = { .op = REQUEST_NEW, .kind = &partner_kind, .name = SLICE("a.example") };
    char why[300];
    struct place p;
    struct config *c;
    struct node a;

    place_make(&p, &cluster);
    node_open(&a, &p, 'a');
    assert_null(keeper_away(a.keeper, why, sizeof(why)));
    postgres_stop(&cluster, SIGINT);
    assert_int_equal(change(&a, &make), KEEPER_AWAY);
    assert_non_null(keeper_away(a.keeper, why, sizeof(why)));
    c = keeper_config(a.keeper);
    assert_non_null(config_gateway(c));
    config_drop(c);
    postgres_start(&cluster);
    assert_int_equal(change(&a, &make), KEEPER_OK);
    /* The thread that listens may find out only now that its connection was lost, and says that it is back then. */
    for (uint64_t until = clock_mono_ms() + 30000; keeper_away(a.keeper, why, sizeof(why));)
        assert_true(clock_mono_ms() < until);
    node_close(&a);
    place_remove(&p);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest on_both[] = {
        cmocka_unit_test(what_two_change_at_once_is_all_there),
    };
    const struct CMUnitTest on_pg[] = {
        cmocka_unit_test(what_two_change_at_once_is_all_there),
        cmocka_unit_test(a_node_says_that_the_database_is_away_and_goes_on_when_it_is_back),
    };
    int rc;

    is_pg = argc > 1 && strcmp(argv[1], "pg") == 0;
    if (!is_pg)
        return cmocka_run_group_tests(on_both, NULL, NULL);
    postgres_make(&cluster);
    rc = cmocka_run_group_tests(on_pg, NULL, NULL);
    postgres_remove(&cluster);
    return rc;
}
