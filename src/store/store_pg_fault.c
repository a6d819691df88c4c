#include "store/store_pg_fault.h"

#include <stdio.h>

struct pg_name pg_name(const PGconn *c)
{
    const char *host = c ? PQhost(c) : NULL, *database = c ? PQdb(c) : NULL;
    struct pg_name name;

    snprintf(name.text, sizeof(name.text), "the PostgreSQL database \"%s\" at %s", database ? database : "",
             host && host[0] ? host : "its socket");
    return name;
}

/* libpq's own words, on one line and without what is secret. */
struct words {
    char text[300];
};

static void hide(char *text, const char *secret)
{
    size_t n = secret ? strlen(secret) : 0;

    for (char *at = text; n && (at = strstr(at, secret)); at += n)
        memset(at, '*', n);
}

static struct words words_of(const struct pg *pg, const char *message)
{
    struct words w;
    size_t n = 0;

    for (const char *p = message; *p && n + 1 < sizeof(w.text); p++) {
        bool is_space = *p == '\n' || *p == '\t' || *p == ' ';

        if (!is_space)
            w.text[n++] = *p;
        else if (n && w.text[n - 1] != ' ')
            w.text[n++] = ' ';
    }
    while (n && w.text[n - 1] == ' ')
        n--;
    w.text[n] = '\0';
    for (size_t i = 0; i < sizeof(pg->target->secrets) / sizeof(pg->target->secrets[0]); i++)
        hide(w.text, pg->target->secrets[i].text);
    return w;
}

/* What the server's code means for the one who asked, and for the administrator. Prefixes of SQLSTATE, the longer first. */
static const struct {
    const char *state;
    enum store_result result;
    const char *advice;
} meanings[] = {
    { "53100", STORE_FULL, "its disk is full: make room there" },
    { "53200", STORE_FAULT, "its server is out of memory" },
    { "53300", STORE_AWAY, "it has no connection free: raise max_connections, or end others" },
    { "25006", STORE_FULL, "it is read-only: this is a standby, or it was set so; give the URL of the primary" },
    { "25P03", STORE_AWAY, "it ended our session because we were too slow" },
    { "42501", STORE_FAULT, "the user of the URL lacks a right: let it own the database and the schema stox" },
    { "55P03", STORE_AWAY, "another node, or an administrator, holds a lock for too long" },
    { "57014", STORE_AWAY, "it takes too long" },
    { "57P", STORE_AWAY, "it is being stopped or started" },
    { "40", STORE_AWAY, "others are changing the same" },
    { "08", STORE_AWAY, "the connection broke" },
    { "53", STORE_FAULT, "its server lacks resources" },
    { "58", STORE_FAULT, "its server has trouble with its files: look at its log" },
    { "XX", STORE_FAULT, "it may be damaged: look at its server's log" },
};

static enum store_result by_state(struct pg *pg, const char *state, const char *message, struct err *err)
{
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        if (!slice_starts(slice_str(state), slice_str(meanings[i].state)))
            continue;
        err_set(err, "%s: %s (%s)", pg_name(pg->c).text, meanings[i].advice, words_of(pg, message).text);
        return meanings[i].result;
    }
    err_set(err, "%s: %s", pg_name(pg->c).text, words_of(pg, message).text);
    return STORE_FAULT;
}

enum store_result pg_fault(struct pg *pg, const PGresult *r, struct err *err)
{
    const char *state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;

    switch (r ? PQresultStatus(r) : PGRES_FATAL_ERROR) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY:
    case PGRES_PIPELINE_SYNC: return STORE_OK;
    default: break;
    }
    if (state)
        return by_state(pg, state, PQresultErrorMessage(r), err);
    err_set(err, "the connection to %s was lost: %s", pg_name(pg->c).text, words_of(pg, PQerrorMessage(pg->c)).text);
    return STORE_AWAY;
}

enum store_result pg_refused(struct pg *pg, struct err *err)
{
    const char *advice = PQconnectionNeedsPassword(pg->c)  ? ": put a password into the URL or into ~/.pgpass"
                         : PQconnectionUsedPassword(pg->c) ? ": see whether user and password of the URL are right"
                                                           : ": see whether it runs, and whether the URL is right";

    err_set(err, "%s cannot be reached: %s%s", pg_name(pg->c).text, words_of(pg, PQerrorMessage(pg->c)).text, advice);
    return STORE_AWAY;
}
