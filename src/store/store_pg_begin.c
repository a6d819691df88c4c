#include "base/clock.h"
#include "store/store_pg.h"

/* Begins one, on a connection that lives: one that broke while nobody used it is replaced. */
enum store_result pg_begin(struct pg *pg, const char *how, struct err *err)
{
    enum store_result result = STORE_OK;
    bool fresh;

    pg_undo(pg);
    do {
        fresh = !pg->c;
        if (fresh)
            result = pg_connect(pg, err);
        if (result == STORE_OK)
            result = pg_run(pg, how, NULL, 0, NULL, err);
    } while (!pg->c && !fresh && clock_mono_ms() < pg->until_ms);
    return result;
}

enum store_result pg_read_head(struct pg *pg, uint64_t *head, struct err *err)
{
    PGresult *r = NULL;
    enum store_result result = pg_run(pg, "SELECT seq FROM stox.head", NULL, 0, &r, err);

    if (result == STORE_OK && PQntuples(r) != 1) {
        err_set(err, "the store is damaged: stox.head has %d rows; restore the backup", PQntuples(r));
        result = STORE_FAULT;
    }
    if (result == STORE_OK)
        *head = pg_number(r, 0, 0);
    PQclear(r);
    return result;
}

enum store_result pg_end(struct pg *pg, struct err *err)
{
    PGresult *r = NULL;
    enum store_result result = pg_run(pg, "COMMIT", NULL, 0, &r, err);

    /* The server answers a COMMIT that comes too late with ROLLBACK, and counts that as success. */
    if (result == STORE_OK && strcmp(PQcmdStatus(r), "COMMIT") != 0) {
        err_set(err, "the PostgreSQL database undid the change");
        result = STORE_FAULT;
    }
    PQclear(r);
    return result;
}
