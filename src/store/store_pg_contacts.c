/* Contacts in PostgreSQL. Whoever writes holds a lock of theirs, so that numbers and commits have one order on all nodes. */
#include "store/store_pg.h"

#define LOCK "SELECT pg_advisory_xact_lock(1400139641)"
#define WRITES_PER_MS 2
#define FETCH 5000
#define TEXT_OF_(x) #x
#define TEXT_OF(x) TEXT_OF_(x)
#define CONTACT                                                                                                        \
    "DECLARE rows NO SCROLL CURSOR FOR SELECT local, remote, revision, gone, x2s, s2x, x2s_since, s2x_since, added "   \
    "FROM stox.contacts WHERE "

static enum store_result read_head(struct pg *pg, struct store_contacts_head *head, struct err *err)
{
    PGresult *r = NULL;
    enum store_result result = pg_run(pg, "SELECT revision, forgotten FROM stox.contacts_head", NULL, 0, &r, err);

    if (result == STORE_OK && PQntuples(r) != 1) {
        err_set(err, "the store is damaged: stox.contacts_head has %d rows; restore the backup", PQntuples(r));
        result = STORE_FAULT;
    }
    if (result == STORE_OK)
        *head = (struct store_contacts_head){ pg_number(r, 0, 0), pg_number(r, 0, 1) };
    PQclear(r);
    return result;
}

/* ---- reading ---- */

static enum store_result give_rows(const PGresult *r, store_contact_fn *fn, void *arg, struct err *err)
{
    for (int i = 0; i < PQntuples(r); i++) {
        const struct store_contact c = { .local = pg_text(r, i, 0),
                                         .remote = pg_text(r, i, 1),
                                         .revision = pg_number(r, i, 2),
                                         .gone = pg_number(r, i, 3) != 0,
                                         .x2s = (uint8_t)pg_number(r, i, 4),
                                         .s2x = (uint8_t)pg_number(r, i, 5),
                                         .x2s_since_s = (int64_t)pg_number(r, i, 6),
                                         .s2x_since_s = (int64_t)pg_number(r, i, 7),
                                         .added = pg_number(r, i, 8) != 0 };

        if (fn(arg, &c, err))
            return STORE_NO_MEMORY;
    }
    return STORE_OK;
}

static enum store_result fetch_all(struct pg *pg, store_contact_fn *fn, void *arg, struct err *err)
{
    enum store_result result = STORE_OK;
    int n = FETCH;

    while (result == STORE_OK && n == FETCH) {
        PGresult *r = NULL;

        pg_allow(pg, PG_CALL_MS);
        result = pg_run(pg, "FETCH " TEXT_OF(FETCH) " FROM rows", NULL, 0, &r, err);
        n = result == STORE_OK ? PQntuples(r) : 0;
        if (result == STORE_OK)
            result = give_rows(r, fn, arg, err);
        PQclear(r);
    }
    return result;
}

enum store_result pg_contacts_load(struct pg *pg, uint64_t since, store_contact_fn *fn, void *arg,
                                   struct store_contacts *out, struct err *err)
{
    const struct store_value from = store_number(since);
    struct store_contacts_head head = { 0 };
    enum store_result result;

    pg_allow(pg, PG_CALL_MS);
    result = pg_begin(pg, PG_BEGIN_READ, err);
    if (result == STORE_OK)
        result = read_head(pg, &head, err);
    if (result == STORE_OK && head.revision < since)
        return store_went_back(since, head.revision, err);
    *out = (struct store_contacts){ head.revision, store_contacts_whole(since, &head) };
    if (result != STORE_OK || (!out->whole && head.revision == since))
        return result;
    if (out->whole)
        result = pg_run(pg, CONTACT "gone = 0", NULL, 0, NULL, err);
    else
        result = pg_run(pg, CONTACT "revision > $1", &from, 1, NULL, err);
    return result == STORE_OK ? fetch_all(pg, fn, arg, err) : result;
}

/* ---- changing ---- */

static enum store_result put(struct pg *pg, const struct store_contact *c, uint64_t revision, bool first,
                             struct err *err)
{
    static const char put_sql[] =
        "INSERT INTO stox.contacts (local, remote, revision, gone, x2s, s2x, x2s_since, s2x_since, added) "
        "VALUES ($1, $2, $3, 0, $4, $5, $6, $7, $8) ON CONFLICT (local, remote) DO UPDATE SET "
        "revision = excluded.revision, gone = 0, x2s = excluded.x2s, s2x = excluded.s2x, "
        "x2s_since = excluded.x2s_since, s2x_since = excluded.s2x_since, added = excluded.added";
    static const char remove_sql[] =
        "UPDATE stox.contacts SET revision = $3, gone = 1 WHERE local = $1 AND remote = $2 AND gone = 0";
    const struct store_value values[] = { store_text(c->local),
                                          store_text(c->remote),
                                          store_number(revision),
                                          store_number(c->x2s),
                                          store_number(c->s2x),
                                          store_number((uint64_t)c->x2s_since_s),
                                          store_number((uint64_t)c->s2x_since_s),
                                          store_number(c->added) };

    return c->gone ? pg_batch_repeat(pg, remove_sql, first, values, 3, err)
                   : pg_batch_repeat(pg, put_sql, first, values, sizeof(values) / sizeof(values[0]), err);
}

/* Those that are gone, or those that are not: each is one statement, parsed once. */
static enum store_result put_some(struct pg *pg, const struct store_contact *rows, size_t n, bool gone,
                                  uint64_t revision, struct err *err)
{
    enum store_result result = STORE_OK;
    bool first = true;

    for (size_t i = 0; i < n && result == STORE_OK; i++) {
        if (rows[i].gone != gone)
            continue;
        result = put(pg, &rows[i], revision, first, err);
        first = false;
    }
    return result;
}

static enum store_result forget(struct pg *pg, uint64_t revision, struct err *err)
{
    struct store_value value;
    enum store_result result;
    uint64_t up_to;

    if (!store_contacts_forgets(revision, &up_to))
        return STORE_OK;
    value = store_number(up_to);
    result = pg_batch_add(pg, "DELETE FROM stox.contacts WHERE gone = 1 AND revision <= $1", &value, 1, err);
    if (result != STORE_OK)
        return result;
    return pg_batch_add(pg, "UPDATE stox.contacts_head SET forgotten = $1", &value, 1, err);
}

static enum store_result put_all(struct pg *pg, const struct store_contact *rows, size_t n, uint64_t revision,
                                 struct err *err)
{
    const struct store_value value = store_number(revision);
    enum store_result result = pg_batch_begin(pg, err);

    if (result == STORE_OK)
        result = pg_batch_add(pg, "UPDATE stox.contacts_head SET revision = $1", &value, 1, err);
    if (result == STORE_OK)
        result = put_some(pg, rows, n, false, revision, err);
    if (result == STORE_OK)
        result = put_some(pg, rows, n, true, revision, err);
    if (result == STORE_OK)
        result = forget(pg, revision, err);
    if (result == STORE_OK)
        result = pg_batch_add(pg, "SELECT pg_notify('" PG_CONTACTS_CHANNEL "', '')", NULL, 0, err);
    return result == STORE_OK ? pg_batch_end(pg, err) : result;
}

enum store_result pg_contacts_write(struct pg *pg, const struct store_contact *rows, size_t n, uint64_t *before,
                                    struct err *err)
{
    struct store_contacts_head head = { 0 };
    enum store_result result;

    pg_allow(pg, PG_CALL_MS + (unsigned)(n / WRITES_PER_MS));
    result = pg_begin(pg, PG_BEGIN_WRITE, err);
    if (result == STORE_OK)
        result = pg_run(pg, LOCK, NULL, 0, NULL, err);
    if (result == STORE_OK)
        result = read_head(pg, &head, err);
    if (result == STORE_OK)
        result = put_all(pg, rows, n, head.revision + 1, err);
    if (result == STORE_OK)
        result = pg_end(pg, err);
    *before = head.revision;
    return result;
}
