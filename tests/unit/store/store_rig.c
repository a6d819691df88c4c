#include "store_rig.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- PostgreSQL ---- */

/* PostgreSQL refuses to be root's. */
static const struct passwd *postgres_user(void)
{
    const struct passwd *user = getpwnam("postgres");

    if (getuid() != 0)
        return NULL;
    if (!user)
        fail_msg("there is no user postgres: is the package postgresql installed?");
    return user;
}

static void program(const char *name, char *out, size_t n)
{
    glob_t found;

    if (glob("/usr/lib/postgresql/*/bin", 0, NULL, &found) || !found.gl_pathc)
        fail_msg("there is no /usr/lib/postgresql/*/bin: is the package postgresql installed?");
    snprintf(out, n, "%s/%s", found.gl_pathv[found.gl_pathc - 1], name);
    globfree(&found);
}

/* Ends when we do, however that comes about. */
static pid_t spawn(struct postgres *pg, const char *name, const char **argv)
{
    const struct passwd *user = postgres_user();
    pid_t pid, parent = getpid();
    char path[200], log[100];

    program(name, path, sizeof(path));
    snprintf(log, sizeof(log), "%s/log", pg->dir);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);

        if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
            _exit(126);
        if (user && (setgroups(0, NULL) || setgid(user->pw_gid) || setuid(user->pw_uid)))
            _exit(126);
        if (prctl(PR_SET_PDEATHSIG, SIGQUIT) || getppid() != parent || chdir(pg->dir))
            _exit(126);
        argv[0] = path; /* by which PostgreSQL's programs find each other; PATH has them on few machines */
        execv(path, (char *const *)argv);
        _exit(127);
    }
    return pid;
}

void postgres_url(struct postgres *pg, const char *database, char *out, size_t n)
{
    snprintf(out, n, "postgresql:///%s?host=%s&user=super&port=%u", database, pg->dir,
             pg->tls_port ? pg->tls_port : 5432);
}

void postgres_certificate(struct postgres *pg)
{
    const struct passwd *user = postgres_user();
    char key[120], certificate[120];
    int status = -1;
    pid_t pid;

    snprintf(key, sizeof(key), "%s/server.key", pg->dir);
    snprintf(certificate, sizeof(certificate), "%s/server.crt", pg->dir);
    pid = fork();
    if (pid == 0) {
        dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 2);
        execl("/usr/bin/openssl", "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
              "/CN=db.example", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate,
              (char *)NULL);
        _exit(127);
    }
    if (waitpid(pid, &status, 0) != pid || status)
        fail_msg("openssl made no certificate: %d", status);
    assert_int_equal(chmod(key, 0600), 0);
    if (user && chown(key, user->pw_uid, user->pw_gid))
        fail_msg("%s cannot be given to postgres", key);
}

static void rest(void)
{
    const struct timespec pause = { 0, 10000000 };

    nanosleep(&pause, NULL);
}

void postgres_start(struct postgres *pg)
{
    char data[100], url[200], port[20], certificate[120], key[120];
    const char *argv[] = { "postgres",          "-D", data, "-k", pg->dir, "-c", "fsync=off", "-c",
                           "listen_addresses=", "-p", port, NULL };
    const char *tls[] = {
        "postgres", "-D", data, "-k",     pg->dir, "-c",        "fsync=off", "-c", "listen_addresses=127.0.0.1",
        "-p",       port, "-c", "ssl=on", "-c",    certificate, "-c",        key,  NULL
    };

    snprintf(data, sizeof(data), "%s/data", pg->dir);
    snprintf(port, sizeof(port), "%u", pg->tls_port ? pg->tls_port : 5432);
    snprintf(certificate, sizeof(certificate), "ssl_cert_file=%s/server.crt", pg->dir);
    snprintf(key, sizeof(key), "ssl_key_file=%s/server.key", pg->dir);
    postgres_url(pg, "postgres", url, sizeof(url));
    pg->pid = spawn(pg, "postgres", pg->tls_port ? tls : argv);
    for (unsigned i = 0; PQping(url) != PQPING_OK; i++) {
        if (i > 6000)
            fail_msg("PostgreSQL does not answer in %s", pg->dir);
        rest();
    }
}

void postgres_make(struct postgres *pg)
{
    snprintf(pg->dir, sizeof(pg->dir), "/tmp/stox-pg-XXXXXX");
    assert_non_null(mkdtemp(pg->dir));
    postgres_make_here(pg);
}

void postgres_make_here(struct postgres *pg)
{
    const struct passwd *user = postgres_user();
    char data[100];
    const char *argv[] = { "initdb", "-N", "-E", "UTF8", "--locale=C", "-A", "trust", "-U", "super", "-D", data, NULL };
    int status = -1;

    assert_int_equal(chmod(pg->dir, 0755), 0);
    if (user && chown(pg->dir, user->pw_uid, user->pw_gid))
        fail_msg("%s cannot be given to postgres", pg->dir);
    snprintf(data, sizeof(data), "%s/data", pg->dir);
    if (waitpid(spawn(pg, "initdb", argv), &status, 0) < 0 || status)
        fail_msg("initdb failed with %d: see %s/log", status, pg->dir);
    postgres_start(pg);
    postgres_run(pg, "postgres", "CREATE DATABASE stox");
}

void postgres_stop(struct postgres *pg, int signal)
{
    int status;

    if (pg->pid <= 0)
        return;
    kill(pg->pid, signal);
    assert_int_equal(waitpid(pg->pid, &status, 0), pg->pid);
    pg->pid = 0;
}

static void remove_tree(const char *dir)
{
    pid_t pid;

    if (strncmp(dir, "/tmp/stox-", 10) != 0)
        return;
    pid = fork();
    if (pid == 0) {
        execl("/bin/rm", "rm", "-rf", "--", dir, (char *)NULL);
        _exit(127);
    }
    if (pid > 0)
        waitpid(pid, NULL, 0);
}

void postgres_remove(struct postgres *pg)
{
    postgres_stop(pg, SIGQUIT);
    remove_tree(pg->dir);
}

static void no_notice(void *arg, const char *text)
{
}

void postgres_run(struct postgres *pg, const char *database, const char *sql)
{
    char url[200];
    PGconn *c;
    PGresult *r;

    postgres_url(pg, database, url, sizeof(url));
    c = PQconnectdb(url);
    PQsetNoticeProcessor(c, no_notice, NULL);
    r = PQexec(c, sql);
    if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(c));
    PQclear(r);
    PQfinish(c);
}

/* ---- a place ---- */

void place_make(struct place *p, struct postgres *pg)
{
    *p = (struct place){ .pg = pg };
    snprintf(p->dir, sizeof(p->dir), "/tmp/stox-store-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    snprintf(p->file, sizeof(p->file), "%s/store.db", p->dir);
    snprintf(p->url, sizeof(p->url), "sqlite:%s", p->file);
    if (!pg)
        return;
    postgres_run(pg, "stox", "DROP SCHEMA IF EXISTS stox CASCADE");
    postgres_url(pg, "stox", p->url, sizeof(p->url));
}

void place_remove(struct place *p)
{
    remove_tree(p->dir);
}

struct store *place_open(const struct place *p)
{
    const struct store_conf conf = { .url = p->url };
    struct err err = { "" };
    struct store *s = store_open(&conf, &err);

    if (!s)
        fail_msg("%s: %s", p->url, err.text);
    return s;
}

void place_open_at_once(const struct place *p, unsigned n)
{
    pid_t pids[16];
    int status;

    assert_true(n <= 16);
    for (unsigned i = 0; i < n; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            const struct store_conf conf = { .url = p->url };
            struct err err = { "" };
            struct store *s = store_open(&conf, &err);

            if (!s)
                fprintf(stderr, "%s\n", err.text);
            _exit(s ? 0 : 1);
        }
    }
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
}

/* ---- changes, and what is there ---- */

struct store_write rig_write(const char *kind, const char *name, const char *before, const char *body)
{
    return (struct store_write){ slice_str(kind), slice_str(name), slice_str(body), slice_str(before),
                                 slice_str(body) };
}

enum store_result rig_commit(struct store *s, uint64_t seq, const struct store_write *writes, size_t n, struct err *err)
{
    const struct store_commit c = {
        .seq = seq, .writes = writes, .n = n, .who = SLICE("anna"), .from = SLICE("unix"), .at_ms = 1700000000123
    };
    uint64_t got = 0;
    enum store_result result = store_commit(s, &c, &got, err);

    if (result == STORE_OK && got != seq + 1)
        fail_msg("the change got the number %llu after %llu", (unsigned long long)got, (unsigned long long)seq);
    return result;
}

struct lines {
    char **v;
    size_t n;
};

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int on_row(void *arg, const struct store_row *row, struct err *err)
{
    struct lines *l = arg;
    char *line;

    if (asprintf(&line, "%.*s/%.*s@%llu=%.*s", SLICE_FMT(row->kind), SLICE_FMT(row->name),
                 (unsigned long long)row->revision, row->body.p ? (int)row->body.n : 4,
                 row->body.p ? row->body.p : "gone") < 0)
        abort();
    l->v = realloc(l->v, (l->n + 1) * sizeof(*l->v));
    l->v[l->n++] = line;
    return 0;
}

void rig_load(struct store *s, uint64_t since, struct buf *out)
{
    struct err err = { "" };
    struct lines l = { NULL, 0 };
    uint64_t seq = 0;

    if (store_load(s, since, on_row, &l, &seq, &err) != STORE_OK)
        fail_msg("%s", err.text);
    if (l.n)
        qsort(l.v, l.n, sizeof(*l.v), by_text);
    buf_clear(out);
    buf_u64(out, seq);
    for (size_t i = 0; i < l.n; i++) {
        buf_str(out, "; ");
        buf_str(out, l.v[i]);
        free(l.v[i]);
    }
    free(l.v);
    buf_char(out, '\0');
    assert_true(buf_ok(out));
}

static int on_audit(void *arg, const struct store_audit_row *row, struct err *err)
{
    buf_printf(arg, "%llu.%llu %s %.*s/%.*s %.*s>%.*s; ", (unsigned long long)row->seq, (unsigned long long)row->line,
               row->action, SLICE_FMT(row->kind), SLICE_FMT(row->name), row->before.p ? (int)row->before.n : 1,
               row->before.p ? row->before.p : "-", row->after.p ? (int)row->after.n : 1,
               row->after.p ? row->after.p : "-");
    return 0;
}

void rig_audit(struct store *s, const struct store_audit_query *q, struct buf *out)
{
    struct err err = { "" };

    buf_clear(out);
    if (store_audit(s, q, on_audit, out, &err) != STORE_OK)
        fail_msg("%s", err.text);
    buf_char(out, '\0');
    assert_true(buf_ok(out));
}

uint64_t rig_head(struct store *s)
{
    const struct store_audit_query q = { .limit = 1 };
    uint64_t head;
    struct buf text;

    buf_init(&text, 1u << 20);
    rig_load(s, 0, &text);
    head = strtoull(text.p, NULL, 10);
    rig_audit(s, &q, &text);
    assert_int_equal(strtoull(text.p, NULL, 10), head);
    buf_free(&text);
    return head;
}

/* ---- a small disk ---- */

static bool write_proc(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    close(fd);
    return ok;
}

/* Without root: a user namespace in which we are who we were. */
static bool own_user(void)
{
    char user[64], group[64];

    snprintf(user, sizeof(user), "%u %u 1", (unsigned)getuid(), (unsigned)getuid());
    snprintf(group, sizeof(group), "%u %u 1", (unsigned)getgid(), (unsigned)getgid());
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && write_proc("/proc/self/setgroups", "deny") &&
           write_proc("/proc/self/uid_map", user) && write_proc("/proc/self/gid_map", group);
}

void rig_small_disk(const char *dir, const char *options)
{
    if ((unshare(CLONE_NEWNS) && !own_user()) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("tmpfs", dir, "tmpfs", MS_NOSUID | MS_NODEV, options))
        fail_msg("no small disk can be mounted: run as root, or allow user namespaces");
}

void rig_fill_disk(const char *ballast, size_t leave)
{
    static const char block[65536];
    int fd = open(ballast, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    off_t n = 0;

    assert_true(fd >= 0);
    for (ssize_t more; (more = write(fd, block, sizeof(block))) > 0;)
        n += more;
    assert_int_equal(ftruncate(fd, n > (off_t)leave ? n - (off_t)leave : 0), 0);
    close(fd);
}

/* ---- watching ---- */

static void on_changed(void *arg)
{
    struct watcher *w = arg;

    pthread_mutex_lock(&w->lock);
    w->n_changed++;
    pthread_cond_broadcast(&w->news);
    pthread_mutex_unlock(&w->lock);
}

static void on_away(void *arg, const char *why)
{
    struct watcher *w = arg;

    pthread_mutex_lock(&w->lock);
    w->n_away++;
    snprintf(w->why, sizeof(w->why), "%s", why);
    pthread_cond_broadcast(&w->news);
    pthread_mutex_unlock(&w->lock);
}

void watcher_start(struct watcher *w, struct store *s)
{
    const struct store_watch watch = { on_changed, on_away, w };
    struct err err = { "" };

    *w = (struct watcher){ 0 };
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->news, NULL);
    if (store_watch(s, &watch, &err))
        fail_msg("%s", err.text);
}

void watcher_wait(struct watcher *w, const unsigned *count, unsigned at_least)
{
    struct timespec until;
    int rc = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 30;
    pthread_mutex_lock(&w->lock);
    while (*count < at_least && rc == 0)
        rc = pthread_cond_timedwait(&w->news, &w->lock, &until);
    pthread_mutex_unlock(&w->lock);
    if (rc)
        fail_msg("not within thirty seconds: changed %u times, away %u times (%s)", w->n_changed, w->n_away, w->why);
}

unsigned watcher_read(struct watcher *w, const unsigned *count)
{
    unsigned n;

    pthread_mutex_lock(&w->lock);
    n = *count;
    pthread_mutex_unlock(&w->lock);
    return n;
}
