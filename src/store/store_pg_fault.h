/* Inside the PostgreSQL engine: results and sentences for what libpq and the server report. */
#ifndef STOX_STORE_STORE_PG_FAULT_H
#define STOX_STORE_STORE_PG_FAULT_H

#include "store/store_pg.h"

/* How the database is called in sentences: the database "stox" at db.example. */
struct pg_name {
    char text[200];
};
struct pg_name pg_name(const PGconn *c);

/* For the result of a statement; NULL: for a connection that broke. STORE_OK, nothing set, when it is no fault. */
enum store_result pg_fault(struct pg *pg, const PGresult *r, struct err *err);

/* For a connection that did not come about. */
enum store_result pg_refused(struct pg *pg, struct err *err);

#endif
