#include "ctl/table.h"

#include "ctl/item.h"
#include "ctl/term.h"

#define CELL_MAX (1u << 20)
#define NARROWEST 8 /* a column is not cut below this, but left out */
#define GAP 2

void table_init(struct table *t, struct ctl *c, bool csv)
{
    *t = (struct table){ .csv = csv, .ctl = c };
}

void table_column(struct table *t, const char *name)
{
    if (t->n_columns < TABLE_COLUMNS_MAX)
        t->columns[t->n_columns++] = name;
}

void csv_put(struct buf *out, struct slice text)
{
    bool formula = text.n && strchr("=+-@\t\r", text.p[0]);
    bool quoted = formula || slice_find(text, ',') < text.n || slice_find(text, '"') < text.n ||
                  slice_find(text, '\n') < text.n || slice_find(text, '\r') < text.n;

    if (quoted)
        buf_char(out, '"');
    if (formula)
        buf_char(out, '\'');
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '"')
            buf_char(out, '"');
        buf_char(out, text.p[i]);
    }
    if (quoted)
        buf_char(out, '"');
}

static void csv_header(const struct table *t)
{
    for (size_t i = 0; i < t->n_columns; i++)
        fprintf(t->ctl->out, "%s%s", i ? "," : "", t->columns[i]);
    fputs("\r\n", t->ctl->out);
}

static bool csv_row(struct table *t, const json_t *object)
{
    struct buf line, raw, cell;
    bool ok;

    buf_init(&line, TABLE_COLUMNS_MAX * CELL_MAX);
    buf_init(&raw, CELL_MAX);
    buf_init(&cell, CELL_MAX);
    for (size_t i = 0; i < t->n_columns; i++) {
        buf_clear(&raw);
        buf_clear(&cell);
        item_put_value(&raw, json_object_get(object, t->columns[i]));
        term_put(&cell, buf_slice(&raw));
        if (i)
            buf_char(&line, ',');
        csv_put(&line, buf_slice(&cell));
    }
    buf_str(&line, "\r\n");
    if (t->n_rows++ == 0)
        csv_header(t);
    ok = buf_ok(&line) && buf_ok(&raw) && buf_ok(&cell);
    term_flush(t->ctl->out, &line);
    buf_free(&line);
    buf_free(&raw);
    buf_free(&cell);
    return ok;
}

static bool make_room(struct table *t)
{
    size_t cap = t->cap ? 2 * t->cap : 64;
    struct slice *cells;

    if (t->n_rows < t->cap)
        return true;
    cells = arena_alloc(&t->ctl->arena, cap * t->n_columns * sizeof(*cells));
    if (!cells)
        return false;
    if (t->n_rows)
        memcpy(cells, t->cells, t->n_rows * t->n_columns * sizeof(*cells));
    t->cells = cells;
    t->cap = cap;
    return true;
}

bool table_add(struct table *t, const json_t *object)
{
    struct buf raw, cell;
    bool ok = true;

    if (t->csv)
        return csv_row(t, object);
    if (!make_room(t)) {
        ctl_fail_memory(t->ctl);
        return false;
    }
    buf_init(&raw, CELL_MAX);
    buf_init(&cell, CELL_MAX);
    for (size_t i = 0; i < t->n_columns && ok; i++) {
        struct slice *to = &t->cells[t->n_rows * t->n_columns + i];

        buf_clear(&raw);
        buf_clear(&cell);
        item_put_value(&raw, json_object_get(object, t->columns[i]));
        term_put(&cell, buf_slice(&raw));
        *to = arena_dup(&t->ctl->arena, buf_slice(&cell));
        ok = to->p && buf_ok(&raw) && buf_ok(&cell);
    }
    buf_free(&raw);
    buf_free(&cell);
    t->n_rows += ok;
    if (!ok)
        ctl_fail_memory(t->ctl);
    return ok;
}

static size_t total(const size_t *widths, size_t n)
{
    size_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += widths[i] + (i ? GAP : 0);
    return sum;
}

/* Takes columns away from the widest, one after the other; returns how many columns are left. */
static size_t fit(size_t *widths, size_t n, size_t columns)
{
    while (total(widths, n) > columns) {
        size_t widest = 0;

        for (size_t i = 1; i < n; i++)
            if (widths[i] > widths[widest])
                widest = i;
        if (widths[widest] > NARROWEST)
            widths[widest]--;
        else if (n > 1)
            n--;
        else
            break;
    }
    return n;
}

static void put_cell(struct buf *line, struct slice text, size_t width, bool last)
{
    size_t has = term_width(text);

    if (has > width) {
        text = term_cut(text, width - 1);
        has = term_width(text) + 1;
        buf_put(line, text);
        buf_str(line, "\u2026");
    } else {
        buf_put(line, text);
    }
    for (; has < width + GAP && !last; has++)
        buf_char(line, ' ');
}

static void print_row(const struct table *t, const size_t *widths, size_t n, const struct slice *cells)
{
    struct buf line;

    buf_init(&line, 2 * TABLE_COLUMNS_MAX * CELL_MAX);
    for (size_t i = 0; i < n; i++)
        put_cell(&line, cells ? cells[i] : slice_str(t->columns[i]), widths[i], i + 1 == n);
    while (line.n && line.p[line.n - 1] == ' ')
        line.n--;
    buf_char(&line, '\n');
    term_flush(t->ctl->out, &line);
    buf_free(&line);
}

void table_print(struct table *t)
{
    size_t widths[TABLE_COLUMNS_MAX];
    size_t n = t->n_columns;

    if (t->csv) {
        if (!t->n_rows)
            csv_header(t);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        widths[i] = strlen(t->columns[i]);
        for (size_t row = 0; row < t->n_rows; row++) {
            size_t w = term_width(t->cells[row * t->n_columns + i]);

            widths[i] = w > widths[i] ? w : widths[i];
        }
    }
    if (t->ctl->width)
        n = fit(widths, n, t->ctl->width);
    print_row(t, widths, n, NULL);
    for (size_t row = 0; row < t->n_rows; row++)
        print_row(t, widths, n, t->cells + row * t->n_columns);
    if (n < t->n_columns) {
        fputs("(no room for: ", t->ctl->diag);
        for (size_t i = n; i < t->n_columns; i++)
            fprintf(t->ctl->diag, "%s%s", i > n ? ", " : "", t->columns[i]);
        fputs("; --columns chooses, --csv and --json have all)\n", t->ctl->diag);
    }
}
