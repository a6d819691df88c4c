/* Rows with columns, for people (aligned, cut to the terminal) or as CSV. */
#ifndef STOX_CTL_TABLE_H
#define STOX_CTL_TABLE_H

#include <jansson.h>

#include "ctl/ctl.h"

#define TABLE_COLUMNS_MAX 64

struct table {
    const char *columns[TABLE_COLUMNS_MAX];
    size_t n_columns;
    struct slice *cells; /* n_columns each, fit for a terminal; the arena's */
    size_t n_rows, cap;
    bool csv; /* rows are written at once, and nothing is kept */
    struct ctl *ctl;
};

void table_init(struct table *t, struct ctl *c, bool csv);
void table_column(struct table *t, const char *name);

/* One row, made from the members that are called as the columns are. False with a sentence said. */
bool table_add(struct table *t, const json_t *object);

/* Writes what was kept. */
void table_print(struct table *t);

/* One cell of CSV: quoted where needed, and nothing that a spreadsheet would compute. */
void csv_put(struct buf *out, struct slice text);

#endif
