#include "store/store_pg.h"

static int schema_fault(struct pg *pg, const char *what, struct err *err)
{
    return err_set(err, "the PostgreSQL database \"%s\" %s; it was left as it is", PQdb(pg->c), what);
}

/* *version: the last migration it has had. In a transaction that holds the lock. */
static int read_version(struct pg *pg, uint64_t *version, struct err *err)
{
    static const char what_sql[] = "SELECT to_regclass('stox.version') IS NOT NULL, EXISTS (SELECT FROM pg_class WHERE "
                                   "relnamespace = to_regnamespace('stox'))";
    PGresult *r = NULL;
    bool is_ours, is_used;
    int rc = 0;

    if (pg_run(pg, what_sql, NULL, 0, &r, err) != STORE_OK)
        return -1;
    is_ours = slice_is(pg_text(r, 0, 0), "t");
    is_used = slice_is(pg_text(r, 0, 1), "t");
    PQclear(r);
    *version = 0;
    if (!is_ours)
        return is_used ? schema_fault(pg, "has a schema \"stox\" that is no store of Stox", err) : 0;
    if (pg_run(pg, "SELECT number FROM stox.version", NULL, 0, &r, err) != STORE_OK)
        return -1;
    if (PQntuples(r) == 1)
        *version = pg_number(r, 0, 0);
    else
        rc = schema_fault(pg, "has a table stox.version that is not as Stox made it", err);
    PQclear(r);
    return rc ? rc : store_schema_known(*version, err);
}

/* One migration, the next one. *ready: there was none left. */
static int migrate_once(struct pg *pg, bool *ready, struct err *err)
{
    struct store_value number;
    uint64_t version;

    pg_allow(pg, PG_CALL_MS);
    *ready = false;
    if (pg_begin(pg, PG_BEGIN_WRITE, err) != STORE_OK || pg_run(pg, PG_LOCK, NULL, 0, NULL, err) != STORE_OK ||
        read_version(pg, &version, err))
        return -1;
    *ready = version == store_schema;
    if (*ready)
        return 0;
    number = store_number(version + 1);
    if (pg_script(pg, store_migrations_pg[version], err) != STORE_OK ||
        pg_run(pg, "UPDATE stox.version SET number = $1", &number, 1, NULL, err) != STORE_OK ||
        pg_end(pg, err) != STORE_OK)
        return -1;
    log_info(pg->steps->conf.log, "store-schema", LOG_Z("database", PQdb(pg->c)), LOG_U("schema", version + 1));
    return 0;
}

int pg_migrate(struct pg *pg, struct err *err)
{
    bool ready = false;
    int rc = 0;

    while (rc == 0 && !ready) {
        rc = migrate_once(pg, &ready, err);
        pg_undo(pg);
    }
    return rc;
}
