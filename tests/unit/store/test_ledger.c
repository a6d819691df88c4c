/*
 * Changes of contacts become durable in their order, and what was told to be durable is there, whatever happens. The first
 * argument is the engine: "sqlite" or "pg".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/list.h"
#include "contacts_rig.h"
#include "store/ledger.h"

#define N_PLACES 50

static struct postgres cluster;
static bool is_pg;

/* ---- one who puts, and hears what becomes of it ---- */

struct rig {
    struct place place;
    struct ledger *ledger;
    struct log log;
    struct buf logged;
    struct ledger_place places[N_PLACES];

    pthread_mutex_t lock; /* of all below */
    pthread_cond_t news;
    uint64_t durable[N_PLACES], dropped[N_PLACES]; /* the last number */
    unsigned n_rows;                               /* that were written */
    unsigned n_heard, n_whole;
    char heard[N_PLACES][40]; /* the last state of the contact in news */
    bool shut;                /* writing waits */
    unsigned n_waiting;
    unsigned n_statements, fail_from, fail_to;
};

static size_t index_of(const struct rig *r, const struct ledger_place *place)
{
    return (size_t)(place - r->places);
}

static void on_settled(void *arg, const struct ledger_row *rows, size_t n)
{
    struct rig *r = arg;

    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < n; i++)
        r->durable[index_of(r, rows[i].place)] = rows[i].number;
    r->n_rows += n;
    pthread_cond_broadcast(&r->news);
    pthread_mutex_unlock(&r->lock);
}

static void on_dropped(void *arg, const struct ledger_row *rows, size_t n)
{
    struct rig *r = arg;

    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < n; i++)
        r->dropped[index_of(r, rows[i].place)] = rows[i].number;
    pthread_cond_broadcast(&r->news);
    pthread_mutex_unlock(&r->lock);
}

static void on_news(void *arg, const struct ledger_news *news)
{
    struct rig *r = arg;

    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < news->n; i++) {
        unsigned which = (unsigned)strtoul(news->rows[i].local.p + 1, NULL, 10);

        assert_true(which < N_PLACES);
        snprintf(r->heard[which], sizeof(r->heard[which]), "%s %u.%u", news->rows[i].gone ? "gone" : "here",
                 news->rows[i].x2s, news->rows[i].s2x);
    }
    r->n_whole += news->whole && news->last;
    r->n_heard += (unsigned)news->n;
    pthread_cond_broadcast(&r->news);
    pthread_mutex_unlock(&r->lock);
}

static const struct ledger_ops ops = { on_settled, on_dropped, on_news };

/* Before each statement: writing waits while the test has shut it out, and those that the test has chosen fail. */
static bool on_step(void *arg, const char *sql)
{
    struct rig *r = arg;
    unsigned n;

    pthread_mutex_lock(&r->lock);
    while (r->shut && strncmp(sql, "INSERT", 6) == 0) {
        r->n_waiting = 1;
        pthread_cond_broadcast(&r->news);
        pthread_cond_wait(&r->news, &r->lock);
    }
    r->n_waiting = 0;
    n = r->n_statements++;
    pthread_mutex_unlock(&r->lock);
    return n < r->fail_from || n >= r->fail_to;
}

static void write_log(struct log *log, const char *line, size_t n)
{
    struct rig *r = container_of(log, struct rig, log);

    pthread_mutex_lock(&r->lock);
    buf_add(&r->logged, line, n);
    pthread_mutex_unlock(&r->lock);
}

static unsigned logged(struct rig *r, const char *what)
{
    unsigned n = 0;

    pthread_mutex_lock(&r->lock);
    for (struct slice rest = buf_slice(&r->logged), line; rest.n;) {
        slice_cut(rest, '\n', &line, &rest);
        n += memmem(line.p, line.n, what, strlen(what)) != NULL;
    }
    pthread_mutex_unlock(&r->lock);
    return n;
}

static int ignore(void *arg, const struct store_contact *c, struct err *err)
{
    return 0;
}

static void rig_open(struct rig *r, size_t bytes_max, unsigned give_up_ms)
{
    const struct ledger_conf conf = {
        .store = { .url = r->place.url, .log = &r->log, .step = on_step, .step_arg = r },
        .bytes_max = bytes_max,
        .give_up_ms = give_up_ms,
    };
    struct err err = { "" };

    r->ledger = ledger_open(&conf, &err);
    if (!r->ledger || ledger_load(r->ledger, ignore, NULL, &err) || ledger_start(r->ledger, &ops, r, &err))
        fail_msg("%s", err.text);
}

static struct rig *rig_new(const struct place *at)
{
    struct rig *r = calloc(1, sizeof(*r));

    r->log = (struct log){ .level = LOG_LEVEL_INFO, .write = write_log };
    buf_init(&r->logged, 1u << 20);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->news, NULL);
    if (at)
        r->place = *at;
    else
        place_make(&r->place, is_pg ? &cluster : NULL);
    return r;
}

static void rig_free(struct rig *r, bool with_place)
{
    ledger_close(r->ledger);
    if (with_place)
        place_remove(&r->place);
    buf_free(&r->logged);
    free(r);
}

static uint64_t put(struct rig *r, unsigned which, unsigned x2s, unsigned s2x)
{
    struct store_contact c;
    char name[40];

    snprintf(name, sizeof(name), "u%02u@c.example", which);
    c = rig_contact(name, "r@f.example", x2s, s2x);
    return ledger_put(r->ledger, &c, &r->places[which]);
}

/* Thirty seconds at most. */
static bool wait_for(struct rig *r)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 30;
    return pthread_cond_timedwait(&r->news, &r->lock, &until) == 0;
}

#define WAIT_UNTIL(r, condition)                                                                                       \
    do {                                                                                                               \
        pthread_mutex_lock(&(r)->lock);                                                                                \
        while (!(condition))                                                                                           \
            if (!wait_for(r))                                                                                          \
                fail_msg("not within thirty seconds: %s", #condition);                                                 \
        pthread_mutex_unlock(&(r)->lock);                                                                              \
    } while (0)

static void set_shut(struct rig *r, bool shut)
{
    pthread_mutex_lock(&r->lock);
    r->shut = shut;
    pthread_cond_broadcast(&r->news);
    pthread_mutex_unlock(&r->lock);
}

static void fail_statements(struct rig *r, unsigned from, unsigned to)
{
    pthread_mutex_lock(&r->lock);
    r->n_statements = 0;
    r->fail_from = from;
    r->fail_to = to;
    pthread_mutex_unlock(&r->lock);
}

static void stored(const struct rig *r, const char *expected)
{
    struct store *s = place_open(&r->place);
    struct buf text;

    buf_init(&text, 1u << 20);
    rig_contacts(s, 0, &text);
    assert_string_equal(strstr(text.p, "whole"), expected);
    buf_free(&text);
    store_close(s);
}

/* ---- in order ---- */

static void what_waits_is_written_together_and_of_each_contact_the_last_state(void **state)
{
    struct rig *r = rig_new(NULL);
    struct ledger_info info;

    rig_open(r, 0, 0);
    set_shut(r, true);
    assert_int_equal(put(r, 1, 1, 0), 1);
    WAIT_UNTIL(r, r->n_waiting);
    assert_int_equal(put(r, 1, 2, 0), 2); /* the first is being written, so this is another one */
    assert_int_equal(put(r, 2, 0, 1), 3);
    assert_int_equal(put(r, 1, 2, 2), 4);
    assert_int_equal(put(r, 3, 1, 0), 5);
    assert_int_equal(put(r, 3, 0, 0), 6);
    set_shut(r, false);
    WAIT_UNTIL(r, r->durable[3] == 6);
    assert_int_equal(r->durable[1], 4);
    assert_int_equal(r->durable[2], 3);
    assert_int_equal(r->n_rows, 4);
    ledger_look(r->ledger, &info);
    assert_int_equal(info.n_transactions, 2);
    stored(r, "whole; u01@c.example>r@f.example 2.2@2; u02@c.example>r@f.example 0.1@2");
    rig_free(r, true);
}

static void what_waits_is_bounded(void **state)
{
    struct rig *r = rig_new(NULL);
    struct ledger_info info;
    unsigned n = 0;

    rig_open(r, 2000, 0);
    set_shut(r, true);
    while (n < N_PLACES && put(r, n, 1, 0))
        n++;
    assert_in_range(n, 5, N_PLACES - 1);
    ledger_look(r->ledger, &info);
    assert_in_range(info.bytes, 1000, 2000);
    set_shut(r, false);
    WAIT_UNTIL(r, r->durable[n - 1]);
    rig_free(r, true);
}

static void there_is_room_again_when_it_is_written(void **state)
{
    struct rig *r = rig_new(NULL);

    rig_open(r, 600, 0);
    for (unsigned i = 0; i < N_PLACES; i++) {
        assert_true(put(r, i, 1, 0) > 0);
        WAIT_UNTIL(r, r->durable[i] > 0);
        /* The room is given back a moment after it was told. */
        for (struct ledger_info info = { .n_waiting = 1 }; info.n_waiting;)
            ledger_look(r->ledger, &info);
    }
    rig_free(r, true);
}

static void closing_writes_what_waits(void **state)
{
    struct rig *r = rig_new(NULL);

    rig_open(r, 0, 0);
    for (unsigned i = 0; i < 3; i++)
        put(r, i, 1, 0);
    ledger_close(r->ledger);
    r->ledger = NULL;
    assert_int_equal(r->durable[0], 1);
    assert_int_equal(r->durable[2], 3);
    rig_free(r, true);
}

/* ---- a store that is away ---- */

static void a_short_absence_is_only_a_delay(void **state)
{
    struct rig *r = rig_new(NULL);

    rig_open(r, 0, 0);
    put(r, 0, 1, 0);
    WAIT_UNTIL(r, r->durable[0]);
    fail_statements(r, 0, 3);
    put(r, 1, 1, 0);
    WAIT_UNTIL(r, r->durable[1]);
    assert_int_equal(logged(r, "contacts-not-stored"), 1);
    assert_int_equal(logged(r, "contacts-stored-again"), 1); /* it is said before they are told */
    assert_int_equal(logged(r, "contacts-given-up"), 0);
    rig_free(r, true);
}

static void after_a_while_all_is_given_back_and_never_written(void **state)
{
    struct rig *r = rig_new(NULL);

    rig_open(r, 0, 300);
    put(r, 0, 1, 0);
    WAIT_UNTIL(r, r->durable[0]);
    fail_statements(r, 0, ~0u);
    put(r, 0, 2, 0);
    put(r, 1, 1, 0);
    put(r, 1, 2, 0);
    WAIT_UNTIL(r, r->dropped[1] == 4);
    assert_int_equal(r->dropped[0], 2);
    assert_int_equal(logged(r, "contacts-not-stored"), 1);
    fail_statements(r, 0, 0);
    put(r, 2, 1, 0);
    WAIT_UNTIL(r, r->durable[2] == 5);
    assert_int_equal(r->durable[0], 1);
    assert_int_equal(r->durable[1], 0);
    stored(r, "whole; u00@c.example>r@f.example 1.0@1; u02@c.example>r@f.example 1.0@2");
    rig_free(r, true);
}

static void a_fault_at_any_statement_is_made_good(void **state)
{
    for (unsigned at = 0; at < 16; at++) {
        struct rig *r = rig_new(NULL);

        rig_open(r, 0, 0);
        put(r, 0, 1, 0);
        put(r, 1, 1, 0);
        WAIT_UNTIL(r, r->durable[0] && r->durable[1]);
        fail_statements(r, at, at + 1);
        put(r, 0, 2, 0);
        put(r, 1, 0, 0);
        put(r, 2, 1, 1);
        WAIT_UNTIL(r, r->durable[0] == 3 && r->durable[1] == 4 && r->durable[2] == 5);
        ledger_close(r->ledger);
        r->ledger = NULL;
        {
            struct store *s = place_open(&r->place);
            struct buf text;

            buf_init(&text, 1u << 20);
            rig_contacts(s, 0, &text);
            assert_non_null(strstr(text.p, "u00@c.example>r@f.example 2.0"));
            assert_null(strstr(text.p, "u01"));
            assert_non_null(strstr(text.p, "u02@c.example>r@f.example 1.1"));
            buf_free(&text);
            store_close(s);
        }
        rig_free(r, true);
    }
}

/* ---- a process that is killed ---- */

/* What the child says: this contact has had its state number n, or a later one, durably. */
struct said {
    uint32_t which, n;
};

struct child {
    struct rig *r;
    int fd;
};

static void on_settled_say(void *arg, const struct ledger_row *rows, size_t n)
{
    const struct child *c = arg;

    for (size_t i = 0; i < n; i++) {
        const struct said said = { (uint32_t)index_of(c->r, rows[i].place), (uint32_t)rows[i].contact->s2x_since_s };

        if (write(c->fd, &said, sizeof(said)) != sizeof(said))
            _exit(1);
    }
}

/* Changes contacts for ever, as fast as there is room; the number of each state is in its time. */
static void change_for_ever(const struct place *p, int fd, unsigned seed)
{
    static const struct ledger_ops say = { on_settled_say, on_dropped, on_news };
    struct rig *r = rig_new(p);
    const struct ledger_conf conf = { .store = { .url = p->url }, .bytes_max = 20000 };
    struct child c = { r, fd };

    r->ledger = ledger_open(&conf, NULL);
    if (!r->ledger || ledger_load(r->ledger, ignore, NULL, NULL) || ledger_start(r->ledger, &say, &c, NULL))
        _exit(1);
    for (uint32_t i = 1;; i++) {
        unsigned which = (unsigned)rand_r(&seed) % N_PLACES;
        char name[40];
        struct store_contact contact;

        snprintf(name, sizeof(name), "u%02u@c.example", which);
        contact = rig_contact(name, "r@f.example", 1, 0);
        contact.s2x_since_s = i;
        while (!ledger_put(r->ledger, &contact, &r->places[which]))
            ;
    }
}

struct found {
    uint32_t n[N_PLACES];
};

static int find(void *arg, const struct store_contact *c, struct err *err)
{
    struct found *f = arg;

    f->n[strtoul(c->local.p + 1, NULL, 10)] = (uint32_t)c->s2x_since_s;
    return 0;
}

static void what_was_told_is_there_after_sigkill(void **state)
{
    /* Each round on PostgreSQL takes a new schema, which takes longer than the test. */
    for (unsigned round = 0, rounds = is_pg && !getenv("STOX_PROOF") ? 20 : 60; round < rounds; round++) {
        struct found told = { { 0 } }, there = { { 0 } };
        struct store_contacts out;
        struct said said;
        struct place p;
        struct store *s;
        unsigned n = 0;
        int fds[2];
        pid_t pid;

        place_make(&p, is_pg ? &cluster : NULL);
        assert_int_equal(pipe(fds), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            close(fds[0]);
            change_for_ever(&p, fds[1], round);
        }
        close(fds[1]);
        while (read(fds[0], &said, sizeof(said)) == sizeof(said)) {
            told.n[said.which] = said.n;
            if (++n == 1 + round * 7)
                kill(pid, SIGKILL);
        }
        close(fds[0]);
        waitpid(pid, NULL, 0);
        assert_true(n > round * 7);
        s = place_open(&p);
        assert_int_equal(store_contacts_load(s, 0, find, &there, &out, NULL), STORE_OK);
        for (unsigned i = 0; i < N_PLACES; i++)
            assert_true(there.n[i] >= told.n[i]);
        store_close(s);
        place_remove(&p);
    }
}

/* ---- two on one database ---- */

static void the_other_node_hears_of_it_and_the_last_writer_counts_for_both(void **state)
{
    struct rig *a, *b;

    if (!is_pg)
        return; /* a file has one node */
    a = rig_new(NULL);
    b = rig_new(&a->place);
    rig_open(a, 0, 0);
    rig_open(b, 0, 0);
    put(a, 0, 1, 0);
    WAIT_UNTIL(b, strcmp(b->heard[0], "here 1.0") == 0);
    put(b, 0, 2, 0);
    WAIT_UNTIL(a, strcmp(a->heard[0], "here 2.0") == 0);
    put(b, 0, 0, 0);
    WAIT_UNTIL(a, strncmp(a->heard[0], "gone", 4) == 0);
    for (unsigned i = 0; i < N_PLACES; i++) {
        put(a, i, 1, 1);
        put(b, i, 2, 2);
    }
    /* Each hears what the other one wrote after it; what it wrote last itself it need not hear. */
    for (unsigned i = 0; i < N_PLACES; i++) {
        WAIT_UNTIL(a, a->durable[i]);
        WAIT_UNTIL(b, b->durable[i]);
    }
    {
        struct store *s = place_open(&a->place);
        struct buf text;
        bool a_won;

        buf_init(&text, 1u << 20);
        rig_contacts(s, 0, &text);
        a_won = strstr(text.p, "u49@c.example>r@f.example 1.1") != NULL;
        assert_true(a_won || strstr(text.p, "u49@c.example>r@f.example 2.2"));
        if (a_won)
            WAIT_UNTIL(b, strcmp(b->heard[49], "here 1.1") == 0);
        else
            WAIT_UNTIL(a, strcmp(a->heard[49], "here 2.2") == 0);
        buf_free(&text);
        store_close(s);
    }
    rig_free(b, false);
    rig_free(a, true);
}

static void a_database_that_went_away_and_came_back_tells_what_was_missed(void **state)
{
    struct rig *a, *b;

    if (!is_pg)
        return;
    a = rig_new(NULL);
    b = rig_new(&a->place);
    rig_open(a, 0, 0);
    rig_open(b, 0, 0);
    put(a, 0, 1, 0);
    WAIT_UNTIL(b, strcmp(b->heard[0], "here 1.0") == 0);
    postgres_stop(&cluster, SIGQUIT);
    postgres_start(&cluster);
    put(a, 0, 2, 1);
    WAIT_UNTIL(a, a->durable[0] == 2);
    WAIT_UNTIL(b, strcmp(b->heard[0], "here 2.1") == 0);
    rig_free(b, false);
    rig_free(a, true);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_waits_is_written_together_and_of_each_contact_the_last_state),
        cmocka_unit_test(what_waits_is_bounded),
        cmocka_unit_test(there_is_room_again_when_it_is_written),
        cmocka_unit_test(closing_writes_what_waits),
        cmocka_unit_test(a_short_absence_is_only_a_delay),
        cmocka_unit_test(after_a_while_all_is_given_back_and_never_written),
        cmocka_unit_test(a_fault_at_any_statement_is_made_good),
        cmocka_unit_test(what_was_told_is_there_after_sigkill),
        cmocka_unit_test(the_other_node_hears_of_it_and_the_last_writer_counts_for_both),
        cmocka_unit_test(a_database_that_went_away_and_came_back_tells_what_was_missed),
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
