#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/store_sqlite.h"

#define BUSY_MS 5000
#define BUSY_AGAIN_MS 10
#define APPLICATION_ID 0x53746f78 /* "Stox" */

/* ---- the file ---- */

/* A new file must be found again after a power failure. */
static int sync_directory(const char *path)
{
    char *copy = strdup(path);
    int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    int rc = fd >= 0 ? fsync(fd) : -1;

    if (fd >= 0)
        close(fd);
    free(copy);
    return rc;
}

/* Makes the file when it is not there. SQLite gives -wal and -shm the mode of the file. */
static int make_file(const char *path, struct err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0 && errno != EEXIST)
        return err_set(err,
                       "the store %s cannot be made: %s: its directory must exist and belong to the user that Stox "
                       "runs as",
                       path, strerror(errno));
    if (fd >= 0) {
        close(fd);
        if (sync_directory(path))
            return err_set(err, "the store %s cannot be made: %s", path, strerror(errno));
    }
    return 0;
}

/* Passwords' hashes and secrets are in there. */
static int close_mode(const char *path, const char *suffix, struct err *err)
{
    char *name;
    struct stat st;
    int rc = 0;

    if (asprintf(&name, "%s%s", path, suffix) < 0)
        return err_set(err, "out of memory");
    if (stat(name, &st) == 0) {
        if (!S_ISREG(st.st_mode))
            rc = err_set(err, "the store %s is no ordinary file", name);
        else if ((st.st_mode & 077) && chmod(name, 0600))
            rc = err_set(err, "the store %s can be read by others, and that cannot be changed: %s: run chmod 600 on it",
                         name, strerror(errno));
    }
    free(name);
    return rc;
}

/* ---- whose it is, and how old ---- */

struct identity {
    uint64_t application, version, tables;
    unsigned n;
};

static int take_identity(void *arg, sqlite3_stmt *row)
{
    struct identity *id = arg;
    uint64_t *const to[] = { &id->application, &id->version, &id->tables };

    if (id->n < 3)
        *to[id->n++] = sqlite_number(row, 0);
    return SQLITE_OK;
}

static int identify(struct sqlite_store *s, struct identity *id)
{
    *id = (struct identity){ 0 };
    return sqlite_script(s, "PRAGMA application_id; PRAGMA user_version; SELECT count(*) FROM sqlite_schema",
                         take_identity, id);
}

static int check_identity(struct sqlite_store *s, const struct identity *id, struct err *err)
{
    if (id->application == APPLICATION_ID)
        return store_schema_known(id->version, err);
    if (id->application == 0 && id->version == 0 && id->tables == 0)
        return 0;
    return err_set(err, "%s is no store of Stox: it is a database of another program; it was left as it is", s->path);
}

/* One migration, the next one. *done: there was none left. */
static int migrate_once(struct sqlite_store *s, bool *done, struct err *err)
{
    struct identity id;
    char mark[128];
    int rc = sqlite_run(s, SQL_BEGIN_WRITE);

    *done = false;
    if (rc == SQLITE_OK)
        rc = identify(s, &id);
    if (rc == SQLITE_OK && check_identity(s, &id, err))
        return -1;
    if (rc == SQLITE_OK && id.version == store_schema) {
        *done = true;
        return 0;
    }
    if (rc == SQLITE_OK) {
        snprintf(mark, sizeof(mark), "PRAGMA application_id = %d; PRAGMA user_version = %u", APPLICATION_ID,
                 (unsigned)id.version + 1);
        rc = sqlite_script(s, store_migrations_sqlite[id.version], NULL, NULL);
    }
    if (rc == SQLITE_OK)
        rc = sqlite_script(s, mark, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite_run(s, SQL_COMMIT);
    if (rc == SQLITE_OK) {
        log_info(s->store.conf.log, "store-schema", LOG_Z("file", s->path), LOG_U("schema", id.version + 1));
        return 0;
    }
    sqlite_fault(s, rc, err);
    return -1;
}

static int migrate(struct sqlite_store *s, struct err *err)
{
    bool done = false;
    int rc = 0;

    while (rc == 0 && !done) {
        rc = migrate_once(s, &done, err);
        sqlite_undo(s);
    }
    return rc;
}

/* ---- opening ---- */

static int take_mode(void *arg, sqlite3_stmt *row)
{
    struct slice mode;

    if (!sqlite_text(row, 0, &mode))
        return SQLITE_NOMEM;
    if (sqlite3_column_count(row) == 1 && slice_is(mode, "wal"))
        *(bool *)arg = true;
    return SQLITE_OK;
}

/* Every answer is on the disk before it is given: a change survives a power failure once it was acknowledged. */
static int settle(struct sqlite_store *s, struct err *err)
{
    static const char modes[] =
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 16777216; "
        "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON";
    uint64_t until = clock_mono_ms() + BUSY_MS;
    bool wal = false;
    int rc = sqlite_script(s, modes, take_mode, &wal);

    while ((rc & 0xff) == SQLITE_BUSY &&
           clock_mono_ms() < until) { /* the first change of mode does not wait by itself */
        sqlite3_sleep(BUSY_AGAIN_MS);
        rc = sqlite_script(s, modes, take_mode, &wal);
    }
    if (rc != SQLITE_OK) {
        sqlite_fault(s, rc, err);
        return -1;
    }
    if (!wal)
        return err_set(err,
                       "the store %s cannot keep a write-ahead log: its file system must be a local one with shared "
                       "memory",
                       s->path);
    return 0;
}

static int open_database(struct sqlite_store *s, struct err *err)
{
    int rc =
        sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);

    if (!s->db)
        return err_set(err, "out of memory");
    if (rc == SQLITE_OK)
        rc = sqlite3_busy_timeout(s->db, BUSY_MS);
    if (rc == SQLITE_OK)
        rc = sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (rc == SQLITE_OK && sqlite3_db_readonly(s->db, "main"))
        rc = SQLITE_READONLY;
    return sqlite_fault(s, rc, err) == STORE_OK ? 0 : -1;
}

void sqlite_close(struct sqlite_store *s)
{
    for (size_t i = 0; i < SQL_N; i++) {
        sqlite3_finalize(s->statements[i]);
        s->statements[i] = NULL;
    }
    sqlite3_close(s->db);
    s->db = NULL;
}

/* Nothing is touched before it is known to be ours. */
static int open_ours(struct sqlite_store *s, struct err *err)
{
    struct identity id;
    int rc;

    if (open_database(s, err))
        return -1;
    rc = sqlite_run(s, SQL_BEGIN_READ); /* one look: another process may be making it just now */
    if (rc == SQLITE_OK)
        rc = identify(s, &id);
    sqlite_undo(s);
    if (rc == SQLITE_OK && !sqlite3_get_autocommit(s->db))
        rc = SQLITE_NOMEM; /* even undoing takes some */
    if (rc != SQLITE_OK) {
        sqlite_fault(s, rc, err);
        return -1;
    }
    if (check_identity(s, &id, err) || close_mode(s->path, "", err) || close_mode(s->path, "-wal", err) ||
        close_mode(s->path, "-shm", err) || settle(s, err))
        return -1;
    return migrate(s, err);
}

int sqlite_open(struct sqlite_store *s, struct err *err)
{
    if (s->path[0] != '/')
        return err_set(err, "the URL of the store, \"sqlite:%s\", has no absolute path: write \"sqlite:/...\"",
                       s->path);
    if (make_file(s->path, err) == 0 && open_ours(s, err) == 0)
        return 0;
    sqlite_close(s);
    return -1;
}

int sqlite_reopen(struct sqlite_store *s, struct err *err)
{
    if (open_ours(s, err) == 0)
        return 0;
    sqlite_close(s);
    return -1;
}
