#include <inttypes.h>
#include <stdio.h>

#include "admin/changes.h"
#include "admin/changing.h"
#include "admin/routes.h"
#include "base/clock.h"
#include "store/json.h"

#define PAGE 100
#define PAGE_MAX 1000
#define PIECE 2000 /* rows asked for at a time: the store may hold all of them before the first is seen */
#define ANSWER_MAX (512u << 20)

/* Changes made together have one number: a page ends between numbers, and is longer when a batch is. */
struct page {
    struct buf out;
    uint64_t limit, n, last_seq, last_line;
    bool more; /* ended because it was full */
};

static json_t *text_json(struct slice s)
{
    return json_stringn(s.p ? s.p : "", s.n);
}

/* What the store keeps as JSON text; NULL on memory. */
static json_t *body_json(struct slice s)
{
    json_error_t fault;
    bool no_memory = false;
    json_t *v = s.p ? json_read(s, &fault, &no_memory) : NULL;

    return v || no_memory ? v : json_null();
}

static void put_time(char out[40], int64_t at_ms)
{
    struct buf b;

    buf_init(&b, 40);
    clock_put_rfc3339(&b, at_ms / 1000);
    snprintf(out, 40, "%.*s.%03uZ", b.n ? (int)b.n - 1 : 0, b.p ? b.p : "", (unsigned)(at_ms % 1000));
    buf_free(&b);
}

static int on_row(void *arg, const struct store_audit_row *row, struct err *err)
{
    struct page *page = arg;
    char at[40];

    if (page->n >= page->limit && row->seq != page->last_seq) {
        page->more = true;
        return err_set(err, "the page is full");
    }
    put_time(at, row->at_ms);
    json_t *o = json_pack("{s:I, s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:o}", "seq", (json_int_t)row->seq, "at", at, "who",
                          text_json(row->who), "from", text_json(row->from), "action", row->action, "kind",
                          text_json(row->kind), "name", text_json(row->name), "before", body_json(row->before), "after",
                          body_json(row->after));
    if (page->n > 0)
        buf_char(&page->out, ',');
    json_put(&page->out, o, 0);
    page->n++;
    page->last_seq = row->seq;
    page->last_line = row->line;
    return buf_ok(&page->out) ? 0 : err_memory(err, "reading the audit");
}

/* What was traced and tested, besides objects. */
static bool is_note(struct slice kind)
{
    for (size_t i = 0; store_notes[i]; i++)
        if (slice_is(kind, store_notes[i]))
            return true;
    return false;
}

static bool take_query(struct call *c, struct store_audit_query *q, uint64_t *limit)
{
    struct slice kind = target_query(&c->target, "kind"), name = target_query(&c->target, "name");
    const struct setting_kind *k = kind.n ? model_kind(kind) : NULL;

    if (!call_number(c, "limit", PAGE, PAGE_MAX, limit) || !call_number(c, "before", 0, INT64_MAX, &q->before))
        return false;
    if (kind.n && !k && !is_note(kind)) {
        reply_problem(c, 400, "bad-request", "there is no such kind of objects");
        return false;
    }
    q->kind = k ? slice_str(k->name) : kind;
    q->name = name;
    /* As administrators write it; a name that is none is looked for as it stands. */
    if (k && k->title && name.n && setting_title(k, &q->name, name, &c->arena, NULL))
        q->name = name;
    q->limit = PIECE;
    return true;
}

/* Until the page is full or there is no more. */
static enum keeper_result fill_page(struct call *c, struct store_audit_query *query, struct page *page, struct err *err)
{
    enum keeper_result result;
    uint64_t before;

    do {
        before = page->n;
        result = keeper_audit(c->admin->conf.keeper, query, on_row, page, err);
        query->before = page->last_seq;
        query->before_line = page->last_line;
    } while (result == KEEPER_OK && page->n - before == PIECE);
    return result;
}

void audit_get(struct call *c)
{
    struct store_audit_query query = { .before = 0 };
    struct err err = { "" };
    enum keeper_result result;
    struct page page = { .n = 0 };

    if (!take_query(c, &query, &page.limit))
        return;
    buf_init(&page.out, ANSWER_MAX);
    buf_str(&page.out, "{\"items\":[");
    result = fill_page(c, &query, &page, &err);
    if (result != KEEPER_OK && !page.more) {
        buf_free(&page.out);
        change_problem(c, result, NULL, &err);
        return;
    }
    buf_str(&page.out, "],\"next\":");
    if (page.more)
        buf_printf(&page.out, "%" PRIu64 "}", page.last_seq);
    else
        buf_str(&page.out, "null}");
    reply_text(c, 200, "application/json", &page.out);
}
