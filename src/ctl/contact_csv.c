/* contact export and import: CSV, a line for each contact, its columns named in the first line. */
#include <errno.h>
#include <stdlib.h>

#include "base/text.h"
#include "ctl/command.h"
#include "ctl/contact.h"
#include "ctl/table.h"

#define LINE_MAX 16384
#define COLUMNS_MAX 32

/* What import takes; other columns (sip-since, partner) are there to be read by people. */
static const char *const taken[] = { "sip", "xmpp", "sip-watches", "xmpp-watches", "added" };
#define TAKEN (sizeof(taken) / sizeof(taken[0]))

/* ---- export ---- */

static bool write_item(FILE *f, const json_t *item)
{
    struct buf b;
    bool ok;

    buf_init(&b, 64u << 10);
    for (size_t i = 0; i < CONTACT_COLUMNS; i++) {
        const json_t *v = json_object_get(item, contact_columns[i]);
        const char *text = json_is_boolean(v) ? json_is_true(v) ? "yes" : "no" : json_string_value(v);

        buf_str(&b, i ? "," : "");
        csv_put(&b, slice_str(text ? text : ""));
    }
    buf_char(&b, '\n');
    ok = buf_ok(&b) && fwrite(b.p, 1, b.n, f) == b.n;
    buf_free(&b);
    return ok;
}

static bool write_head(FILE *f)
{
    bool ok = true;

    for (size_t i = 0; i < CONTACT_COLUMNS && ok; i++)
        ok = fprintf(f, "%s%s", i ? "," : "", contact_columns[i]) > 0;
    return ok && fputc('\n', f) != EOF;
}

static enum ctl_exit write_all(struct ctl *c, FILE *f, const char *file)
{
    enum ctl_exit rc = CTL_DONE;
    json_int_t cursor = 0;
    bool more = true, ok = write_head(f);

    while (rc == CTL_DONE && ok && more) {
        struct answer a;
        const json_t *item;
        size_t i;

        rc = contact_page(c, CONTACT_PAGE, &cursor, &more, &a);
        json_array_foreach(json_object_get(a.body, "items"), i, item) ok = ok && write_item(f, item);
        answer_fini(&a);
    }
    if (rc == CTL_DONE && (fflush(f) || !ok))
        rc = ctl_fail(c, CTL_REFUSED, "%s could not be written: %s", file, strerror(errno));
    return rc;
}

enum ctl_exit contact_export(struct ctl *c)
{
    const char *file = c->args.n_operands ? c->args.operands[0] : "-";
    enum ctl_exit rc;
    FILE *f;

    if (strcmp(file, "-") == 0)
        return write_all(c, c->out, "the output");
    f = fopen(file, "we");
    if (!f)
        return ctl_fail(c, CTL_REFUSED, "%s cannot be made: %s", file, strerror(errno));
    rc = write_all(c, f, file);
    if (fclose(f) && rc == CTL_DONE)
        rc = ctl_fail(c, CTL_REFUSED, "%s could not be written: %s", file, strerror(errno));
    return rc;
}

/* ---- import ---- */

struct import {
    const char *file;
    unsigned line;
    int column_of[COLUMNS_MAX]; /* index in taken, or -1 */
    size_t n_columns;
    json_t *batch;
    json_int_t n;
};

/* Cuts the next cell off a line, in place. False: there is none any more, or (*bad) a quote is not closed. */
static bool next_cell(char **at, char **cell, bool *bad)
{
    char *in = *at, *out;

    *bad = false;
    if (!in)
        return false;
    *cell = out = in;
    if (*in == '"') {
        for (in++; *in && !(in[0] == '"' && in[1] != '"'); in++) {
            in += in[0] == '"';
            *out++ = *in;
        }
        *bad = *in != '"';
        in += !*bad;
    } else {
        while (*in && *in != ',')
            *out++ = *in++;
    }
    *bad = *bad || (*in && *in != ',');
    *at = *in ? in + 1 : NULL;
    *out = '\0';
    return !*bad;
}

static enum ctl_exit bad_line(struct ctl *c, const struct import *im, const char *why)
{
    return ctl_fail(c, CTL_REFUSED, "%s, line %u: %s; what stands before it may have been made", im->file, im->line,
                    why);
}

static enum ctl_exit read_head(struct ctl *c, struct import *im, char *line)
{
    unsigned found = 0;
    bool bad = false;
    char *cell;

    while (next_cell(&line, &cell, &bad)) {
        if (im->n_columns == COLUMNS_MAX)
            return bad_line(c, im, "there are too many columns");
        im->column_of[im->n_columns] = -1;
        for (size_t i = 0; i < TAKEN; i++)
            if (strcmp(cell, taken[i]) == 0) {
                im->column_of[im->n_columns] = (int)i;
                found |= 1u << i;
            }
        im->n_columns++;
    }
    if (bad)
        return bad_line(c, im, "a quote is not closed");
    if ((found & 3) != 3)
        return bad_line(c, im, "the first line names no columns \"sip\" and \"xmpp\"");
    return CTL_DONE;
}

static int set_cell(json_t *o, const char *name, const char *cell)
{
    if (*cell == '\'') /* csv_put has put it there: no address begins with one */
        cell++;
    if (strcmp(name, "added") == 0)
        return json_object_set_new(o, name, json_boolean(strcmp(cell, "yes") == 0));
    return *cell ? json_object_set_new(o, name, json_string(cell)) : 0;
}

static enum ctl_exit read_row(struct ctl *c, struct import *im, char *line)
{
    json_t *o = json_object();
    bool bad = false, ok = o != NULL;
    size_t i = 0;
    char *cell;

    for (; next_cell(&line, &cell, &bad); i++)
        if (i < im->n_columns && im->column_of[i] >= 0)
            ok = ok && set_cell(o, taken[im->column_of[i]], cell) == 0;
    if (!bad && i == im->n_columns && ok && json_array_append(im->batch, o) == 0) {
        json_decref(o);
        return CTL_DONE;
    }
    json_decref(o);
    return bad_line(c, im,
                    bad   ? "a quote is not closed"
                    : !ok ? "this is not UTF-8"
                          : "there are more or fewer cells than columns");
}

static enum ctl_exit send_batch(struct ctl *c, struct import *im)
{
    json_t *body = json_pack("{s:O}", "contacts", im->batch);
    struct answer a;
    enum ctl_exit rc;

    if (!body)
        return ctl_fail_memory(c);
    if (args_has(&c->args, OPT_WHAT_IF)) {
        json_decref(body);
        im->n += (json_int_t)json_array_size(im->batch);
        return json_array_clear(im->batch) ? ctl_fail_memory(c) : CTL_DONE;
    }
    rc = client_call(c, "POST", "/v1/contacts", body, &a);
    if (rc == CTL_DONE)
        im->n += json_integer_value(json_object_get(a.body, "contacts"));
    else
        fprintf(c->diag, "(in %s, among the %zu lines up to line %u)\n", im->file, json_array_size(im->batch),
                im->line);
    answer_fini(&a);
    json_decref(body);
    json_array_clear(im->batch);
    return rc;
}

static enum ctl_exit read_line(struct ctl *c, struct import *im, char *line)
{
    size_t n = strlen(line);

    im->line++;
    if (n + 1 >= LINE_MAX)
        return bad_line(c, im, "it is too long");
    while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
        line[--n] = '\0';
    if (!n)
        return CTL_DONE;
    if (!im->n_columns)
        return read_head(c, im, line);
    return read_row(c, im, line);
}

static enum ctl_exit read_all(struct ctl *c, struct import *im, FILE *f)
{
    enum ctl_exit rc = CTL_DONE;
    char line[LINE_MAX];

    while (rc == CTL_DONE && fgets(line, sizeof(line), f)) {
        rc = read_line(c, im, line);
        if (rc == CTL_DONE && json_array_size(im->batch) == CONTACT_PAGE)
            rc = send_batch(c, im);
    }
    if (rc == CTL_DONE && ferror(f))
        rc = ctl_fail(c, CTL_REFUSED, "%s cannot be read: %s", im->file, strerror(errno));
    if (rc == CTL_DONE && json_array_size(im->batch))
        rc = send_batch(c, im);
    return rc;
}

enum ctl_exit contact_import(struct ctl *c)
{
    struct import im = { .file = c->args.operands[0], .batch = json_array() };
    bool is_input = strcmp(im.file, "-") == 0;
    enum ctl_exit rc;
    FILE *f;

    if (!im.batch)
        return ctl_fail_memory(c);
    f = is_input ? c->in : fopen(im.file, "re");
    rc = f ? read_all(c, &im, f) : ctl_fail(c, CTL_REFUSED, "%s cannot be read: %s", im.file, strerror(errno));
    if (f && !is_input)
        fclose(f);
    if (rc == CTL_DONE)
        fprintf(c->out, "%" JSON_INTEGER_FORMAT " contact%s %s\n", im.n, im.n == 1 ? "" : "s",
                args_has(&c->args, OPT_WHAT_IF) ? "would be imported" : "imported");
    json_decref(im.batch);
    return rc;
}
