/* What is particular about a store that several share: they hear of each other, and the database may go away and come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rand.h"
#include "pg_proxy.h"
#include "store_rig.h"

static struct postgres cluster;

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof(*p));

    if (!cluster.pid)
        postgres_start(&cluster);
    place_make(p, &cluster);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    place_remove(*state);
    free(*state);
    return 0;
}

static enum store_result change(struct store *s, uint64_t seq, struct err *err)
{
    const struct store_write w = rig_write("partner", "a.example", NULL, "{}");

    return rig_commit(s, seq, &w, 1, err);
}

static void put(struct store *s, uint64_t seq)
{
    struct err err = { "" };

    if (change(s, seq, &err) != STORE_OK)
        fail_msg("%s", err.text);
}

static void stands_at(struct store *s, uint64_t seq)
{
    const struct store_audit_query q = { .limit = 1 };
    struct buf text;

    buf_init(&text, 8u << 20);
    rig_load(s, 0, &text);
    assert_int_equal(strtoull(text.p, NULL, 10), seq);
    rig_audit(s, &q, &text);
    assert_int_equal(strtoull(text.p, NULL, 10), seq);
    buf_free(&text);
}

/* The sentence with which opening fails; it does not show what is secret. */
static void refuses(const char *url, const char *says)
{
    const struct store_conf conf = { .url = url };
    struct err err = { "" };
    struct store *s = store_open(&conf, &err);

    if (s || !strstr(err.text, says))
        fail_msg("expected \"%s\", got \"%s\"", says, s ? "opened" : err.text);
    if (strstr(err.text, "geheim"))
        fail_msg("it shows the password: %s", err.text);
}

/* ---- opening ---- */

static void a_url_that_leads_nowhere_is_named_without_its_password(void **state)
{
    static const struct {
        const char *url, *says;
    } cases[] = {
        { "postgresql://u:geheim@127.0.0.1:1/stox", "the PostgreSQL database \"stox\" at 127.0.0.1 cannot be reached" },
        { "postgresql:///stox?host=/nonexistent&password=geheim", "see whether it runs" },
        { "postgresql://u:geh%40eim@127.0.0.1:1/stox", "cannot be reached" },
        { "postgresql://u:geheim@geheim@h/stox", "not one that PostgreSQL understands" },
        { "postgresql://u:x/geheim@h/stox", "written as %40" },
        { "postgresql://u:x?geheim@h/stox", "not one that" },
        { "postgresql://u:x#geheim%@h/stox", "not one that" },
        { "postgresql://h/stox?geheim=1", "not one that" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        refuses(cases[i].url, cases[i].says);
}

static void who_is_not_let_in_is_told_why(void **state)
{
    char url[200], hba[100];
    FILE *f;

    postgres_run(&cluster, "postgres",
                 "SET password_encryption = 'scram-sha-256'; DROP ROLE IF EXISTS guarded; "
                 "CREATE ROLE guarded LOGIN PASSWORD 'right'");
    snprintf(hba, sizeof(hba), "%s/data/pg_hba.conf", cluster.dir);
    f = fopen(hba, "w");
    assert_non_null(f);
    fputs("local all guarded scram-sha-256\nlocal all all trust\nhostssl all all 127.0.0.1/32 trust\n", f);
    fclose(f);
    postgres_run(&cluster, "postgres", "SELECT pg_reload_conf()");
    postgres_stop(&cluster, SIGINT);
    postgres_start(&cluster);
    snprintf(url, sizeof(url), "postgresql://guarded:geheim@/stox?host=%s", cluster.dir);
    refuses(url, "see whether user and password of the URL are right");
    snprintf(url, sizeof(url), "postgresql://guarded@/stox?host=%s&passfile=/nonexistent", cluster.dir);
    refuses(url, "put a password into the URL");
    snprintf(url, sizeof(url), "postgresql://guarded:right@/stox?host=%s", cluster.dir);
    refuses(url, "lacks a right");
    snprintf(url, sizeof(url), "postgresql://super@/nowhere?host=%s", cluster.dir);
    refuses(url, "database \"nowhere\" does not exist");
}

static void what_another_program_made_is_refused_and_left_as_it_is(void **state)
{
    struct place *p = *state;

    postgres_run(&cluster, "stox", "CREATE SCHEMA stox; CREATE TABLE stox.t (a int)");
    refuses(p->url, "has a schema \"stox\" that is no store of Stox");
    postgres_run(&cluster, "stox", "SELECT a FROM stox.t");
}

static void a_newer_schema_is_refused(void **state)
{
    struct place *p = *state;

    store_close(place_open(p));
    postgres_run(&cluster, "stox", "UPDATE stox.version SET number = 7");
    refuses(p->url, "the store was made by a newer Stox (schema 7, this one knows 3): install that version or restore");
}

static void another_encoding_than_utf8_is_refused(void **state)
{
    char url[200];

    postgres_run(&cluster, "postgres", "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0");
    postgres_url(&cluster, "latin", url, sizeof(url));
    refuses(url, "has the encoding LATIN1, Stox needs UTF8");
    postgres_run(&cluster, "postgres", "DROP DATABASE latin");
}

static void many_nodes_can_make_it_at_once(void **state)
{
    struct place *p = *state;

    place_open_at_once(p, 6);
    store_close(place_open(p));
}

/* ---- several nodes ---- */

static void the_others_hear_of_a_change(void **state)
{
    struct place *p = *state;
    struct store *a = place_open(p), *b = place_open(p);
    struct err err = { "" };
    struct watcher w;

    watcher_start(&w, b);
    watcher_wait(&w, &w.n_changed, 1);
    for (unsigned i = 0; i < 5; i++) {
        put(a, i);
        watcher_wait(&w, &w.n_changed, i + 2);
        stands_at(b, i + 1);
    }
    assert_int_equal(change(b, 4, &err), STORE_BEHIND);
    put(b, 5);
    store_close(b);
    store_close(a);
    assert_int_equal(w.n_away, 0);
}

static void who_holds_the_lock_for_too_long_does_not_hold_us_for_ever(void **state)
{
    struct place *p = *state;
    struct store *s = place_open(p);
    struct err err = { "" };
    char url[200];
    PGconn *other;

    postgres_url(&cluster, "stox", url, sizeof(url));
    other = PQconnectdb(url);
    PQclear(PQexec(other, "BEGIN"));
    PQclear(PQexec(other, "SELECT pg_advisory_xact_lock(1400139640)"));
    assert_int_equal(change(s, 0, &err), STORE_AWAY);
    assert_non_null(strstr(err.text, "nothing was changed"));
    assert_non_null(strstr(err.text, "another node, or an administrator, holds a lock for too long"));
    PQfinish(other);
    put(s, 0);
    store_close(s);
}

/* ---- over TLS ---- */

/*
 * A port that nobody else is given as long as the returned socket, which never listens, is open: PostgreSQL reuses addresses as it does.
 */
static int keep_port(unsigned *port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t n = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

/* Answers and changes of every size: TLS cuts them elsewhere than PostgreSQL does. */
static void change_by_tls(const struct place *p)
{
    struct store *s = place_open(p);
    struct watcher w;
    struct buf text;

    buf_init(&text, 64u << 20);
    watcher_start(&w, s);
    watcher_wait(&w, &w.n_changed, 1);
    for (uint64_t i = 0; i < 40; i++) {
        size_t n = 1 + (size_t)(i * i * i * 17);
        char *body = calloc(1, n + 1), name[40];
        struct store_write write;
        struct err err = { "" };

        memset(body, 'x', n);
        snprintf(name, sizeof(name), "p%u.example", (unsigned)i);
        write = rig_write("partner", name, NULL, body);
        if (rig_commit(s, i, &write, 1, &err) != STORE_OK)
            fail_msg("%zu bytes: %s", n, err.text);
        rig_load(s, 0, &text);
        assert_int_equal(strtoull(text.p, NULL, 10), i + 1);
        watcher_wait(&w, &w.n_changed, 2);
        free(body);
    }
    store_close(s);
    buf_free(&text);
}

static void changes_go_by_tls_too(void **state)
{
    struct place *p = *state;
    int kept;

    postgres_stop(&cluster, SIGINT);
    postgres_certificate(&cluster);
    kept = keep_port(&cluster.tls_port);
    postgres_start(&cluster);
    snprintf(p->url, sizeof(p->url),
             "postgresql://super@127.0.0.1:%u/stox?sslmode=verify-full&sslrootcert=%s/server.crt", cluster.tls_port,
             cluster.dir);
    change_by_tls(p);
    snprintf(p->url, sizeof(p->url),
             "postgresql://super@127.0.0.1:%u/stox?sslmode=verify-full&sslrootcert=%s/data/PG_VERSION",
             cluster.tls_port, cluster.dir);
    refuses(p->url, "cannot be reached");
    postgres_stop(&cluster, SIGINT);
    close(kept);
    cluster.tls_port = 0;
    postgres_start(&cluster);
}

/* ---- away and back ---- */

static void a_database_that_was_restarted_is_found_again(void **state)
{
    struct place *p = *state;
    struct store *s = place_open(p);
    struct err err = { "" };
    struct watcher w;
    unsigned n;

    put(s, 0);
    watcher_start(&w, s);
    watcher_wait(&w, &w.n_changed, 1);
    for (unsigned i = 1; i <= 2; i++) {
        n = watcher_read(&w, &w.n_changed);
        postgres_stop(&cluster, i == 1 ? SIGINT : SIGQUIT);
        watcher_wait(&w, &w.n_away, i);
        assert_non_null(strstr(w.why, "was lost"));
        assert_int_equal(change(s, i, &err), STORE_AWAY);
        assert_non_null(strstr(err.text, "nothing was changed: the PostgreSQL database \"stox\""));
        postgres_start(&cluster);
        put(s, i);
        watcher_wait(&w, &w.n_changed, n + 1);
        stands_at(s, i + 1);
    }
    assert_int_equal(watcher_read(&w, &w.n_away), 2);
    store_close(s);
}

/* The backends of our connections. */
static void signal_backends(int number)
{
    char url[200];
    PGconn *c;
    PGresult *r;

    postgres_url(&cluster, "stox", url, sizeof(url));
    c = PQconnectdb(url);
    r = PQexec(c, "SELECT pid FROM pg_stat_activity WHERE application_name = 'stox'");
    for (int i = 0; i < PQntuples(r); i++)
        kill((pid_t)strtol(PQgetvalue(r, i, 0), NULL, 10), number);
    assert_true(PQntuples(r) > 0);
    PQclear(r);
    PQfinish(c);
}

static void a_database_that_does_not_answer_does_not_hold_us_for_ever(void **state)
{
    struct place *p = *state;
    struct store *s = place_open(p);
    struct err err = { "" };

    alarm(120);
    signal_backends(SIGSTOP);
    assert_int_equal(change(s, 0, &err), STORE_AWAY);
    assert_non_null(strstr(err.text, "does not answer"));
    signal_backends(SIGCONT);
    put(s, 0);
    alarm(0);
    store_close(s);
}

/* ---- the answer to COMMIT is lost ---- */

static void a_lost_answer_is_looked_up(void **state)
{
    static const enum proxy_mode modes[] = { PROXY_CUT_BEFORE, PROXY_CUT_ANSWERED, PROXY_CUT_AT_ONCE };
    struct place *p = *state;
    struct pg_proxy proxy;
    struct store *s;
    struct watcher w;

    pg_proxy_start(&proxy, &cluster, p->url, sizeof(p->url));
    s = place_open(p);
    watcher_start(&w, s);
    for (unsigned i = 0; i < 12; i++) {
        atomic_store(&proxy.mode, modes[i % 3]);
        put(s, i);
        assert_int_equal(atomic_load(&proxy.n_cuts), i + 1);
        stands_at(s, i + 1);
    }
    store_close(s);
    pg_proxy_end(&proxy);
}

static void what_cannot_be_looked_up_is_said_to_be_unknown(void **state)
{
    struct place *p = *state;
    struct pg_proxy proxy;
    struct err err = { "" };
    struct store *s;
    struct watcher w;

    pg_proxy_start(&proxy, &cluster, p->url, sizeof(p->url));
    s = place_open(p);
    watcher_start(&w, s);
    watcher_wait(&w, &w.n_changed, 1);
    put(s, 0);
    watcher_wait(&w, &w.n_changed, 2);
    atomic_store(&proxy.mode, PROXY_CUT_AND_DENY);
    assert_int_equal(change(s, 1, &err), STORE_AWAY);
    assert_non_null(strstr(err.text, "whether it was written is unknown"));
    assert_null(strstr(err.text, "nothing was changed"));
    watcher_wait(&w, &w.n_away, 1);
    atomic_store(&proxy.mode, PROXY_PASS);
    watcher_wait(&w, &w.n_changed, 3);
    stands_at(s, 2);
    store_close(s);
    pg_proxy_end(&proxy);
}

/* ---- a full disk ---- */

static void fill_and_free(struct postgres *pg)
{
    char ballast[120], *body = malloc((1u << 20) + 1);
    struct err err = { "" };
    struct store_write w;
    struct place p;
    struct store *s;

    rand_hex(body, 1u << 20);
    w = rig_write("partner", "a.example", NULL, body);
    snprintf(ballast, sizeof(ballast), "%s/ballast", pg->dir);
    place_make(&p, pg);
    s = place_open(&p);
    put(s, 0);
    rig_fill_disk(ballast, 0);
    assert_int_equal(rig_commit(s, 1, &w, 1, &err), STORE_FULL);
    assert_non_null(strstr(err.text, "its disk is full: make room there"));
    stands_at(s, 1);
    assert_int_equal(unlink(ballast), 0);
    if (rig_commit(s, 1, &w, 1, &err) != STORE_OK)
        fail_msg("%s", err.text);
    stands_at(s, 2);
    store_close(s);
    place_remove(&p);
    free(body);
}

static void a_full_disk_refuses_changes_until_there_is_room(void **state)
{
    struct place *p = *state;
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        struct postgres pg = { .pid = 0 };

        alarm(250);
        rig_small_disk(p->dir, "size=150m");
        snprintf(pg.dir, sizeof(pg.dir), "%s", p->dir);
        postgres_make_here(&pg);
        fill_and_free(&pg);
        postgres_stop(&pg, SIGQUIT);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_url_that_leads_nowhere_is_named_without_its_password),
        T(who_is_not_let_in_is_told_why),
        T(what_another_program_made_is_refused_and_left_as_it_is),
        T(a_newer_schema_is_refused),
        T(another_encoding_than_utf8_is_refused),
        T(many_nodes_can_make_it_at_once),
        T(the_others_hear_of_a_change),
        T(who_holds_the_lock_for_too_long_does_not_hold_us_for_ever),
        T(changes_go_by_tls_too),
        T(a_database_that_was_restarted_is_found_again),
        T(a_database_that_does_not_answer_does_not_hold_us_for_ever),
        T(a_lost_answer_is_looked_up),
        T(what_cannot_be_looked_up_is_said_to_be_unknown),
        T(a_full_disk_refuses_changes_until_there_is_room),
    };
    int rc;

    postgres_make(&cluster);
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    postgres_remove(&cluster);
    return rc;
}
