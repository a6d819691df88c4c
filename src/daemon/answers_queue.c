/* What waits, as the API shows it. Each row is true at the moment when it was looked at; all of them are a snapshot of a few turns. */
#include <stdlib.h>

#include "bridge/queue.h"
#include "daemon/answers_parts.h"

struct queue_row {
    uint64_t since_ms;
    json_t *v;
};

struct queue_page {
    struct bridge *bridge;
    const struct answers_filter *filter;
    struct queue_row *rows; /* limit of them, oldest first */
    size_t n, limit;
    uint64_t now_ms, left_out;
    struct bridge_queue_at at;
    bool more;
};

static json_t *ms_json(uint64_t at_ms, uint64_t now_ms)
{
    return at_ms ? json_real(at_ms > now_ms ? (double)(at_ms - now_ms) / 1000 : 0) : json_null();
}

static json_t *queue_json(const struct queue_page *page, const struct bridge_queue_info *q)
{
    return json_pack("{s:s, s:o, s:o, s:o, s:I, s:I, s:I, s:o, s:s, s:o, s:s, s:o, s:I}", "way",
                     q->to_sip ? "to-sip" : "to-xmpp", "from", answers_text(q->from), "to", answers_text(q->to),
                     "partner", answers_text(bridge_partner_of(page->bridge, q->remote)), "messages", (json_int_t)q->n,
                     "written", (json_int_t)q->n_written, "bytes", (json_int_t)q->bytes, "waited-s",
                     json_real((double)(page->now_ms - q->since_ms) / 1000), "waits-for", q->waits_for, "for-s",
                     ms_json(q->until_ms, page->now_ms), "then", q->then, "then-s", ms_json(q->then_ms, page->now_ms),
                     "stream", (json_int_t)q->stream);
}

static bool is_wanted(const struct queue_page *page, const struct bridge_queue_info *q)
{
    const struct answers_filter *f = page->filter;
    struct slice to, resource;

    if (!answers_of_partner(f, page->bridge, q->remote))
        return false;
    if (!f->user.n)
        return true;
    if (!q->to_sip)
        return slice_eq(f->domain, q->local) || slice_eq(f->domain, q->remote);
    slice_cut(q->to, '/', &to, &resource);
    return slice_eq(f->user, q->from) || slice_eq(f->user, to);
}

/* The oldest rows are kept. */
static void put_queue(void *arg, const struct bridge_queue_info *q)
{
    struct queue_page *page = arg;
    size_t at = page->n;

    if (!is_wanted(page, q))
        return;
    while (at > 0 && page->rows[at - 1].since_ms > q->since_ms)
        at--;
    if (page->n == page->limit) {
        page->left_out++;
        if (at == page->limit)
            return;
        json_decref(page->rows[--page->n].v);
    }
    memmove(page->rows + at + 1, page->rows + at, (page->n - at) * sizeof(page->rows[0]));
    page->rows[at] = (struct queue_row){ q->since_ms, queue_json(page, q) };
    page->n++;
}

static void list_part(void *arg)
{
    struct queue_page *page = arg;

    page->now_ms = bridge_now_ms(page->bridge);
    page->more = bridge_walk_queue(page->bridge, &page->at, put_queue, page);
}

/* A part in each turn of the loop. */
static bool list_queue(struct answers *a, struct queue_page *page)
{
    do {
        if (!loop_call(a->door, list_part, page))
            return false;
    } while (page->more);
    return true;
}

static json_t *queue_answer(const struct queue_page *page)
{
    json_t *items = json_array();

    for (size_t i = 0; i < page->n; i++)
        if (items && json_array_append(items, page->rows[i].v)) {
            json_decref(items);
            items = NULL;
        }
    return json_pack("{s:o, s:I}", "items", items, "left-out", (json_int_t)page->left_out);
}

static void free_rows(struct queue_page *page)
{
    for (size_t i = 0; i < page->n; i++)
        json_decref(page->rows[i].v);
    free(page->rows);
}

json_t *answer_queue(void *owner, const struct admin_look *look, struct admin_refusal *no)
{
    struct answers *a = owner;
    struct answers_filter f;
    struct queue_page page = { .bridge = a->bridge, .filter = &f, .limit = look->limit };
    json_t *v = NULL;

    page.rows = calloc(page.limit + 1, sizeof(page.rows[0]));
    if (answers_filter_init(&f, look, no) && page.rows && list_queue(a, &page))
        v = queue_answer(&page);
    free_rows(&page);
    arena_reset(&f.arena);
    return v;
}
