/*
 * Export-Csv: "#TYPE name" unless that was turned off, a line of names, a line for each object. Commas, or what the
 * culture has in their place. A list is not written out: its type's name stands there.
 */
#include "ctl/lync_parts.h"

#define COLUMNS_MAX LYNC_FIELDS_MAX

struct reader {
    struct lync_file *f;
    struct slice text;
    size_t at;
    unsigned line;
    char delimiter;
    struct slice columns[COLUMNS_MAX];
    size_t n_columns;
    struct buf cell;
};

static bool at_end(const struct reader *r)
{
    return r->at >= r->text.n;
}

static char peek(const struct reader *r)
{
    return at_end(r) ? '\n' : r->text.p[r->at];
}

/* A cell in quotes, the first of which is at r->at. */
static int read_quoted(struct reader *r, struct err *err)
{
    unsigned began = r->line;

    r->at++;
    while (!at_end(r)) {
        char ch = r->text.p[r->at++];

        if (ch == '"' && peek(r) == '"' && !at_end(r))
            r->at++;
        else if (ch == '"')
            return 0;
        r->line += ch == '\n';
        buf_char(&r->cell, ch);
    }
    return err_set(err, "line %u: a quote is not closed", began);
}

/* One cell into r->cell. *last: it ends its line. */
static int read_cell(struct reader *r, bool *last, struct err *err)
{
    buf_clear(&r->cell);
    if (peek(r) == '"' && read_quoted(r, err))
        return -1;
    while (peek(r) != r->delimiter && peek(r) != '\n' && peek(r) != '\r')
        buf_char(&r->cell, r->text.p[r->at++]);
    if (!buf_ok(&r->cell))
        return r->cell.n < LYNC_TEXT_MAX ? err_memory(err, "reading a file")
                                         : err_set(err, "line %u: a cell is too long", r->line);
    *last = peek(r) != r->delimiter;
    if (!*last) {
        r->at++;
        return 0;
    }
    if (peek(r) == '\r')
        r->at++;
    if (peek(r) == '\n') {
        r->at++;
        r->line++;
    }
    return 0;
}

/* The rest of the line, without its end. */
static struct slice take_line(struct reader *r)
{
    struct slice rest = slice_from(r->text, r->at), line;

    slice_cut(rest, '\n', &line, &rest);
    r->at += line.n + 1;
    r->line++;
    return slice_trim(line);
}

/* What stands between names in the first line: the most frequent of the three outside quotes. */
static char find_delimiter(const struct reader *r)
{
    static const char choices[] = { ',', ';', '\t' };
    size_t counts[3] = { 0 }, best = 0;
    bool quoted = false;

    for (size_t i = r->at; i < r->text.n && (quoted || r->text.p[i] != '\n'); i++) {
        quoted = quoted != (r->text.p[i] == '"');
        for (size_t k = 0; k < 3 && !quoted; k++)
            counts[k] += r->text.p[i] == choices[k];
    }
    for (size_t k = 1; k < 3; k++)
        if (counts[k] > counts[best])
            best = k;
    return choices[best];
}

static int read_header(struct reader *r, struct err *err)
{
    bool last = false;

    r->delimiter = find_delimiter(r);
    while (!last) {
        if (r->n_columns == COLUMNS_MAX)
            return err_set(err, "more than %d columns", COLUMNS_MAX);
        if (read_cell(r, &last, err))
            return -1;
        r->columns[r->n_columns] = arena_dup(&r->f->arena, slice_trim(buf_slice(&r->cell)));
        if (!r->columns[r->n_columns++].p)
            return err_memory(err, "reading a file");
    }
    if (r->n_columns == 1 && !r->columns[0].n)
        return err_set(err, "there is nothing in it");
    return 0;
}

static int read_row(struct reader *r, struct slice type, struct err *err)
{
    struct lync_object *o = lync_add_object(r->f, err);
    unsigned line = r->line;
    bool last = false;

    if (!o)
        return -1;
    o->type = type;
    for (size_t i = 0; !last; i++) {
        struct lync_field *field;

        if (read_cell(r, &last, err))
            return -1;
        if (i >= r->n_columns)
            return err_set(err, "line %u: more cells than there are columns", line);
        field = lync_add_field(r->f, o, r->columns[i], err);
        if (!field)
            return -1;
        if (!r->cell.n)
            continue;
        field->form = LYNC_TEXT;
        if (lync_add_value(r->f, field, buf_slice(&r->cell), err))
            return -1;
    }
    if (o->n < r->n_columns)
        return err_set(err, "line %u: fewer cells than there are columns: is this Export-Csv's, and whole?", line);
    return 0;
}

int lync_read_csv(struct lync_file *f, struct slice text, struct err *err)
{
    struct reader r = { .f = f, .text = text, .line = 1 };
    struct slice type = { NULL, 0 };
    int rc;

    buf_init(&r.cell, LYNC_TEXT_MAX);
    if (slice_istarts(text, SLICE("#TYPE ")))
        type = arena_dup(&f->arena, slice_from(take_line(&r), 6));
    rc = r.line > 1 && !type.p ? err_memory(err, "reading a file") : read_header(&r, err);
    while (rc == 0 && !at_end(&r)) {
        if (peek(&r) == '\n' || peek(&r) == '\r')
            take_line(&r);
        else
            rc = read_row(&r, type, err);
    }
    buf_free(&r.cell);
    return rc;
}
