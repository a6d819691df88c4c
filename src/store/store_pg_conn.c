#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "store/store_pg.h"
#include "store/store_pg_fault.h"

#define VALUES_MAX 12
#define BATCH_MAX 200
#define BATCH_BYTES (256u << 10)
#define TLS_LOOK_MS 50
#define TEXT_OID 25
#define INT8_OID 20

void pg_allow(struct pg *pg, unsigned ms)
{
    pg->until_ms = clock_mono_ms() + ms;
}

void pg_disconnect(struct pg *pg)
{
    PQfinish(pg->c);
    pg->c = NULL;
    pg->n_queued = 0;
    pg->queued_bytes = 0;
}

/* ---- waiting ---- */

/* How long at most to wait for the next answer to look again. TLS may hold bytes that the socket does not show any more. */
static int patience_ms(const struct pg *pg, uint64_t now)
{
    uint64_t left = pg->until_ms - now;

    return PQsslInUse(pg->c) && left > TLS_LOOK_MS ? TLS_LOOK_MS : (int)left;
}

/* Until the socket can be read (or written), at most to the deadline. It may return early. */
static enum store_result wait_for(struct pg *pg, short events, struct err *err)
{
    uint64_t now = clock_mono_ms();
    struct pollfd p = { .fd = PQsocket(pg->c), .events = events };

    if (now < pg->until_ms) {
        poll(&p, 1, patience_ms(pg, now));
        return STORE_OK;
    }
    err_set(err, "%s does not answer", pg_name(pg->c).text);
    pg_disconnect(pg);
    return STORE_AWAY;
}

static enum store_result lost(struct pg *pg, struct err *err)
{
    enum store_result result = pg_fault(pg, NULL, err);

    pg_disconnect(pg);
    return result;
}

/* Sends what is queued, and waits until an answer is there. */
static enum store_result wait_answer(struct pg *pg, struct err *err)
{
    enum store_result result = STORE_OK;

    while (result == STORE_OK) {
        int unsent = PQflush(pg->c);

        if (unsent < 0)
            return lost(pg, err);
        if (!unsent && !PQisBusy(pg->c))
            return STORE_OK;
        result = wait_for(pg, unsent ? POLLIN | POLLOUT : POLLIN, err);
        if (result == STORE_OK && !PQconsumeInput(pg->c))
            return lost(pg, err);
    }
    return result;
}

/* All answers to one statement; the last one, or the first fault, in *out. */
static enum store_result take_answer(struct pg *pg, PGresult **out, struct err *err)
{
    enum store_result result = STORE_OK;
    PGresult *r;

    *out = NULL;
    for (;;) {
        enum store_result waited = wait_answer(pg, err);

        if (waited != STORE_OK) {
            PQclear(*out);
            *out = NULL;
            return waited;
        }
        r = PQgetResult(pg->c);
        if (!r)
            break;
        if (result == STORE_OK) {
            PQclear(*out);
            *out = r;
            result = pg_fault(pg, r, err);
        } else {
            PQclear(r);
        }
    }
    if (!*out)
        return lost(pg, err);
    if (PQstatus(pg->c) == CONNECTION_BAD)
        pg_disconnect(pg);
    return result;
}

/* ---- statements ---- */

/* The values as libpq wants them. Texts go in binary form: that has a length instead of a NUL. */
struct sent {
    Oid types[VALUES_MAX];
    const char *values[VALUES_MAX];
    int lengths[VALUES_MAX];
    int formats[VALUES_MAX];
    char numbers[VALUES_MAX][24];
    size_t bytes;
};

static void sent_fill(struct sent *out, const struct store_value *values, size_t n)
{
    out->bytes = 0;
    for (size_t i = 0; i < n; i++) {
        const struct store_value *v = &values[i];
        bool is_number = v->type == STORE_NUMBER;

        if (is_number)
            snprintf(out->numbers[i], sizeof(out->numbers[i]), "%lld", (long long)v->number);
        out->types[i] = is_number ? INT8_OID : TEXT_OID;
        out->values[i] = is_number ? out->numbers[i] : v->type == STORE_NULL ? NULL : v->text.p;
        out->lengths[i] = is_number ? 0 : (int)v->text.n;
        out->formats[i] = !is_number;
        out->bytes += v->text.n;
    }
}

/* What a test has to say to the statement that comes next. */
static enum store_result step(struct pg *pg, const char *sql, struct err *err)
{
    if (!pg->steps || store_step(pg->steps, sql))
        return STORE_OK;
    err_set(err, "the connection to %s was lost", pg_name(pg->c).text);
    pg_disconnect(pg);
    return STORE_AWAY;
}

static enum store_result send_statement(struct pg *pg, const char *sql, const struct store_value *values, size_t n,
                                        size_t *bytes, struct err *err)
{
    enum store_result result = step(pg, sql, err);
    struct sent s;

    if (result != STORE_OK)
        return result;
    sent_fill(&s, values, n);
    *bytes = s.bytes;
    if (PQsendQueryParams(pg->c, sql, (int)n, s.types, s.values, s.lengths, s.formats, 0))
        return STORE_OK;
    return lost(pg, err);
}

enum store_result pg_run(struct pg *pg, const char *sql, const struct store_value *values, size_t n, PGresult **out,
                         struct err *err)
{
    PGresult *r = NULL;
    size_t bytes;
    enum store_result result = send_statement(pg, sql, values, n, &bytes, err);

    if (result == STORE_OK)
        result = take_answer(pg, &r, err);
    if (result == STORE_OK && out) {
        *out = r;
        return STORE_OK;
    }
    PQclear(r);
    return result;
}

enum store_result pg_script(struct pg *pg, const char *sql, struct err *err)
{
    PGresult *r = NULL;
    enum store_result result = step(pg, sql, err);

    if (result != STORE_OK)
        return result;
    if (!PQsendQuery(pg->c, sql))
        return lost(pg, err);
    result = take_answer(pg, &r, err);
    PQclear(r);
    return result;
}

/* ---- batches ---- */

enum store_result pg_batch_begin(struct pg *pg, struct err *err)
{
    return PQenterPipelineMode(pg->c) ? STORE_OK : lost(pg, err);
}

/* The answers to all that was sent. After a fault the others only say that they were passed over. */
static enum store_result drain(struct pg *pg, struct err *err)
{
    enum store_result result = STORE_OK;

    if (!PQpipelineSync(pg->c))
        return lost(pg, err);
    for (unsigned left = pg->n_queued + 1; left && pg->c; left--) {
        struct err own = { "" };
        PGresult *r;
        enum store_result one;

        if (left == 1) { /* the answer to the sync itself is one result, not followed by NULL */
            one = wait_answer(pg, &own);
            PQclear(pg->c ? PQgetResult(pg->c) : NULL);
        } else {
            one = take_answer(pg, &r, &own);
            PQclear(r);
        }
        if (one == STORE_OK || result != STORE_OK)
            continue;
        result = one;
        err_set(err, "%s", own.text);
    }
    pg->n_queued = 0;
    pg->queued_bytes = 0;
    return result;
}

static enum store_result queued(struct pg *pg, size_t bytes, struct err *err)
{
    pg->n_queued++;
    pg->queued_bytes += bytes;
    return pg->n_queued >= BATCH_MAX || pg->queued_bytes >= BATCH_BYTES ? drain(pg, err) : STORE_OK;
}

enum store_result pg_batch_add(struct pg *pg, const char *sql, const struct store_value *values, size_t n,
                               struct err *err)
{
    size_t bytes;
    enum store_result result = send_statement(pg, sql, values, n, &bytes, err);

    return result == STORE_OK ? queued(pg, bytes, err) : result;
}

/* The statement without a name lasts until the next one: that needs no memory of what a connection has prepared. */
enum store_result pg_batch_repeat(struct pg *pg, const char *sql, bool first, const struct store_value *values,
                                  size_t n, struct err *err)
{
    enum store_result result = step(pg, sql, err);
    struct sent s;

    if (result != STORE_OK)
        return result;
    sent_fill(&s, values, n);
    if (first && !PQsendPrepare(pg->c, "", sql, (int)n, s.types))
        return lost(pg, err);
    if (first)
        result = queued(pg, 0, err);
    if (result == STORE_OK && !PQsendQueryPrepared(pg->c, "", (int)n, s.values, s.lengths, s.formats, 0))
        return lost(pg, err);
    return result == STORE_OK ? queued(pg, s.bytes, err) : result;
}

enum store_result pg_batch_end(struct pg *pg, struct err *err)
{
    enum store_result result = drain(pg, err);

    if (pg->c && !PQexitPipelineMode(pg->c))
        return lost(pg, err);
    return result;
}

void pg_undo(struct pg *pg)
{
    struct err ignored;

    if (!pg->c || PQtransactionStatus(pg->c) == PQTRANS_IDLE)
        return;
    if (PQpipelineStatus(pg->c) != PQ_PIPELINE_OFF)
        pg_batch_end(pg, &ignored);
    if (pg->c)
        pg_run(pg, "ROLLBACK", NULL, 0, NULL, &ignored);
}

struct slice pg_text(const PGresult *r, int row, int column)
{
    if (PQgetisnull(r, row, column))
        return slice_of(NULL, 0);
    return slice_of(PQgetvalue(r, row, column), (size_t)PQgetlength(r, row, column));
}

uint64_t pg_number(const PGresult *r, int row, int column)
{
    return strtoull(PQgetvalue(r, row, column), NULL, 10);
}

/* ---- connecting ---- */

/* Notices ("schema exists, skipping") are for somebody at a terminal. */
static void no_notice(void *arg, const char *text)
{
}

/*
 * Bounds that hold on the server too, so that a node that freezes in a transaction does not keep the others waiting, and
 * durability when the server is set to do without.
 */
static const char settle_sql[] =
    "SELECT set_config('statement_timeout', '6000', false), set_config('lock_timeout', '4000', false), "
    "set_config('idle_in_transaction_session_timeout', '20000', false), set_config('synchronous_commit', "
    "CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, "
    "false), current_setting('server_encoding')";

static enum store_result settle(struct pg *pg, struct err *err)
{
    PGresult *r = NULL;
    enum store_result result = pg_run(pg, settle_sql, NULL, 0, &r, err);

    if (result == STORE_OK && !slice_is(pg_text(r, 0, 4), "UTF8")) {
        err_set(err,
                "%s has the encoding %s, Stox needs UTF8: make it with createdb --encoding=UTF8 --template=template0",
                pg_name(pg->c).text, PQgetvalue(r, 0, 4));
        result = STORE_FAULT;
    }
    PQclear(r);
    return result;
}

enum store_result pg_connect(struct pg *pg, struct err *err)
{
    /* What stands before dbname is a default that the URL may change. */
    const char *const keys[] = { "connect_timeout",  "keepalives_idle",  "keepalives_interval",
                                 "keepalives_count", "tcp_user_timeout", "fallback_application_name",
                                 "dbname",           "client_encoding",  NULL };
    const char *const values[] = { "3", "5", "2", "3", "8000", "stox", pg->target->url, "UTF8", NULL };
    enum store_result result;

    pg_disconnect(pg);
    pg->c = PQconnectdbParams(keys, values, 1);
    if (!pg->c) {
        err_set(err, "out of memory");
        return STORE_NO_MEMORY;
    }
    if (PQstatus(pg->c) != CONNECTION_OK) {
        result = pg_refused(pg, err);
        pg_disconnect(pg);
        return result;
    }
    PQsetNoticeProcessor(pg->c, no_notice, NULL);
    if (PQsetnonblocking(pg->c, 1))
        return lost(pg, err);
    result = settle(pg, err);
    if (result != STORE_OK)
        pg_disconnect(pg);
    return result;
}
