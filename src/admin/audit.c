#include <inttypes.h>
#include <stdio.h>

#include "admin/audit_filter.h"
#include "admin/changes.h"
#include "admin/changing.h"
#include "admin/routes.h"
#include "base/clock.h"
#include "base/text.h"
#include "store/json.h"

#define PAGE 100
#define PAGE_MAX 1000
#define PIECE 2000 /* rows asked for at a time: the store may hold all of them before the first is seen */
#define LOOK 20000
#define TEXT_LIMIT 200
#define ANSWER_MAX (512u << 20)

/*
 * Changes made together have one number: a page ends between numbers, and is longer when a batch is, unless it was asked for
 * cut. A filter looks at LOOK rows for one page: the page may be short, or empty, although there are more.
 */
struct page {
    struct buf out;
    struct audit_filter filter;
    uint64_t limit, look, n, looked, last_seq, last_line;
    bool cut;
    bool more; /* ended because it was full */
    bool past; /* ended because all that is older is too old */
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

static bool put_row(struct page *page, const struct store_audit_row *row)
{
    const char *by = audit_means_name(audit_means_of(row->who));
    char at[40];

    put_time(at, row->at_ms);
    json_t *o = json_pack("{s:I, s:I, s:s, s:o, s:s, s:o, s:s, s:o, s:o, s:o, s:o}", "seq", (json_int_t)row->seq,
                          "line", (json_int_t)row->line, "at", at, "who", text_json(row->who), "by", by, "from",
                          text_json(row->from), "action", row->action, "kind", text_json(row->kind), "name",
                          text_json(row->name), "before", body_json(row->before), "after", body_json(row->after));
    if (page->n > 0)
        buf_char(&page->out, ',');
    json_put(&page->out, o, 0);
    page->n++;
    return buf_ok(&page->out);
}

/* Does the page end before this row? */
static bool ends(struct page *page, const struct store_audit_row *row)
{
    bool full = page->n >= page->limit || page->looked >= page->look;

    page->more = full && (page->cut || row->seq != page->last_seq);
    page->past = !page->more && audit_filter_is_past(&page->filter, row);
    return page->more || page->past;
}

static int on_row(void *arg, const struct store_audit_row *row, struct err *err)
{
    struct page *page = arg;
    bool fits;

    if (ends(page, row))
        return err_set(err, "the page is full");
    page->looked++;
    page->last_seq = row->seq;
    page->last_line = row->line;
    if (audit_filter_fits(&page->filter, row, &fits) && (!fits || put_row(page, row)))
        return 0;
    return err_memory(err, "reading the audit");
}

/* What was traced and tested, besides objects. */
static bool is_note(struct slice kind)
{
    for (size_t i = 0; store_notes[i]; i++)
        if (slice_is(kind, store_notes[i]))
            return true;
    return false;
}

/* A text of the query, in lower case. */
static bool take_text(struct call *c, const char *query, struct slice *out)
{
    struct slice text = slice_trim(target_query(&c->target, query));
    char *lower = arena_alloc(&c->arena, text.n + 1);

    if (text.n > TEXT_LIMIT) {
        reply_problem(c, 400, "bad-request", "%s: %d bytes at most", query, TEXT_LIMIT);
        return false;
    }
    if (!lower) {
        reply_no_memory(c);
        return false;
    }
    for (size_t i = 0; i < text.n; i++)
        lower[i] = text_lower(text.p[i]);
    *out = slice_of(lower, text.n);
    return true;
}

static bool take_moment(struct call *c, const char *query, int64_t *at_ms)
{
    struct slice text = target_query(&c->target, query);
    int64_t at_s;

    if (!text.p)
        return true;
    if (clock_parse_rfc3339(text, &at_s) && at_s > 0) {
        *at_ms = at_s * 1000;
        return true;
    }
    reply_problem(c, 400, "bad-request", "%s is a time as 2026-01-31T23:59:59Z", query);
    return false;
}

static bool take_filter(struct call *c, struct page *page)
{
    struct slice by = target_query(&c->target, "by");

    if (!take_text(c, "who", &page->filter.who) || !take_text(c, "search", &page->filter.search) ||
        !take_moment(c, "since", &page->filter.since_ms) || !take_moment(c, "until", &page->filter.until_ms))
        return false;
    if (!by.p || audit_means_read(by, &page->filter.means)) {
        page->look = audit_filter_narrows(&page->filter) ? LOOK : UINT64_MAX;
        return true;
    }
    reply_problem(c, 400, "bad-request", "by is any, session, token, socket or gateway");
    return false;
}

static bool take_place(struct call *c, struct store_audit_query *q, struct page *page)
{
    return call_number(c, "limit", PAGE, PAGE_MAX, &page->limit) &&
           call_number(c, "before", 0, INT64_MAX, &q->before) &&
           call_number(c, "line", 0, INT64_MAX, &q->before_line) && call_flag(c, "cut", &page->cut);
}

static bool take_object(struct call *c, struct store_audit_query *q)
{
    struct slice kind = target_query(&c->target, "kind"), name = target_query(&c->target, "name");
    const struct setting_kind *k = kind.n ? model_kind(kind) : NULL;

    if (kind.n && !k && !is_note(kind)) {
        reply_problem(c, 400, "bad-request", "there is no such kind of objects");
        return false;
    }
    q->kind = k ? slice_str(k->name) : kind;
    q->name = name;
    /* As administrators write it; a name that is none is looked for as it stands. */
    if (k && k->title && name.n && setting_title(k, &q->name, name, &c->arena, NULL))
        q->name = name;
    return true;
}

/* Until the page is full or there is no more. */
static enum keeper_result fill_page(struct call *c, struct store_audit_query *query, struct page *page, struct err *err)
{
    enum keeper_result result;
    uint64_t before;

    do {
        before = page->looked;
        result = keeper_audit(c->admin->conf.keeper, query, on_row, page, err);
        query->before = page->last_seq;
        query->before_line = page->last_line;
    } while (result == KEEPER_OK && page->looked - before == query->limit);
    return result;
}

/* Where the next page begins: "before", and inside of a batch "line". */
static void put_next(struct page *page)
{
    buf_str(&page->out, "],\"next\":");
    if (page->more)
        buf_printf(&page->out, "%" PRIu64 ",\"next-line\":", page->last_seq);
    else
        buf_str(&page->out, "null,\"next-line\":");
    if (page->more && page->cut)
        buf_printf(&page->out, "%" PRIu64 "}", page->last_line);
    else
        buf_str(&page->out, "null}");
}

void audit_get(struct call *c)
{
    struct store_audit_query query = { .before = 0 };
    struct err err = { "" };
    enum keeper_result result;
    struct page page = { .n = 0 };

    if (!take_place(c, &query, &page) || !take_object(c, &query) || !take_filter(c, &page))
        return;
    /* One more than the page says that there is more. */
    query.limit = page.cut && !audit_filter_narrows(&page.filter) ? page.limit + 1 : PIECE;
    buf_init(&page.out, ANSWER_MAX);
    buf_str(&page.out, "{\"items\":[");
    result = fill_page(c, &query, &page, &err);
    if (result != KEEPER_OK && !page.more && !page.past) {
        buf_free(&page.out);
        change_problem(c, result, NULL, &err);
        return;
    }
    put_next(&page);
    reply_text(c, 200, "application/json", &page.out);
}
