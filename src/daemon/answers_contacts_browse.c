/*
 * Contacts for people who look: those that hold a text, in an order, a page of them. All are in memory (bridge/contact.h), in no
 * order; for each page all are looked at, in slices, so that messages go on between. Kept are copies of what the page and all before
 * it consist of, never more: rows beyond it are dropped as soon as they are many. They are sorted by the thread that asks, not by
 * the loop.
 */
#include <endian.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/rand.h"
#include "daemon/answers_contacts.h"

#define DEPTH_MAX 100000      /* rows up to the end of the page */
#define SPARE 8192            /* rows collected beyond it, before the last are dropped; slices are far smaller */
#define A_LOOK 100            /* contacts between two looks at the clock: 20 to 50 us */
#define TEXTS_MAX (64u << 20) /* of the kept rows: not taken before it is needed */

enum column {
    BY_SIP,
    BY_XMPP,
    BY_PARTNER,
    BY_SIP_WATCHES,
    BY_XMPP_WATCHES,
    BY_SIP_SINCE,
    BY_XMPP_SINCE,
    BY_ADDED,
    BY_N
};

static const char *const columns[BY_N] = { "sip",          "xmpp",      "partner",    "sip-watches",
                                           "xmpp-watches", "sip-since", "xmpp-since", "added" };

struct row {
    uint64_t number;  /* sorted by it first: a state, a time, or how a text begins */
    struct slice key; /* then by this, and both addresses */
    struct slice sip, xmpp;
};

struct browse {
    struct contacts_filter filter;
    struct bridge *bridge;
    struct slice search;
    enum column by;
    bool backwards, failed;
    size_t offset, depth; /* the page's first row, and how many rows there are up to its end */
    uint64_t cursor, total;
    struct row *rows; /* owned; depth + SPARE */
    size_t n;
    bool is_cut;        /* rows[depth - 1] is the last that can come onto the page */
    struct arena texts; /* of rows */
    json_t *items;
};

/* ---- rows ---- */

/* The first eight bytes, so that most comparisons need no more. */
static uint64_t beginning(struct slice s)
{
    uint64_t v = 0;

    memcpy(&v, s.p, s.n < sizeof(v) ? s.n : sizeof(v));
    return be64toh(v);
}

/* Borrows from the contact. */
static struct row row_of(const struct browse *b, const struct contact *c)
{
    struct row r = { .sip = contact_local(c), .xmpp = contact_remote(c) };

    switch (b->by) {
    case BY_XMPP: r.key = r.xmpp; break;
    case BY_PARTNER: r.key = bridge_partner_of(b->bridge, contact_remote_jid(c).domain); break;
    case BY_SIP_WATCHES: r.number = c->s2x; break;
    case BY_XMPP_WATCHES: r.number = c->x2s; break;
    case BY_SIP_SINCE: r.number = c->s2x_since_s; break;
    case BY_XMPP_SINCE: r.number = c->x2s_since_s; break;
    case BY_ADDED: r.number = c->added; break;
    default: r.key = r.sip;
    }
    if (r.key.n)
        r.number = beginning(r.key);
    return r;
}

static int compare(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    int by;

    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    by = slice_cmp(x->key, y->key);
    by = by ? by : slice_cmp(x->sip, y->sip);
    return by ? by : slice_cmp(x->xmpp, y->xmpp);
}

static int compare_backwards(const void *a, const void *b)
{
    return compare(b, a);
}

/* ---- on the loop ---- */

static bool holds(struct slice text, struct slice wanted)
{
    return text.n >= wanted.n && memmem(text.p, text.n, wanted.p, wanted.n);
}

/* Addresses and domains are in lower case already. */
static bool is_found(const struct browse *b, const struct contact *c)
{
    return !b->search.n || holds(contact_local(c), b->search) || holds(contact_remote(c), b->search) ||
           holds(bridge_partner_of(b->bridge, contact_remote_jid(c).domain), b->search);
}

static bool copy(struct browse *b, struct row *r)
{
    bool same_sip = r->key.p == r->sip.p, same_xmpp = r->key.p == r->xmpp.p;

    r->sip = arena_dup(&b->texts, r->sip);
    r->xmpp = arena_dup(&b->texts, r->xmpp);
    if (r->key.n)
        r->key = same_sip ? r->sip : same_xmpp ? r->xmpp : arena_dup(&b->texts, r->key);
    return r->sip.p && r->xmpp.p && (!r->key.n || r->key.p);
}

static int in_order(const struct browse *b, const struct row *x, const struct row *y)
{
    return b->backwards ? compare(y, x) : compare(x, y);
}

static void swap(struct row *x, struct row *y)
{
    struct row kept = *x;

    *x = *y;
    *y = kept;
}

/* Brings those to the front that are the first k of the first n in order, in any: most rows are never sorted. The pivot is drawn,
 * so that no choice of addresses makes it slow. */
static void select_first(struct browse *b, size_t n, size_t k)
{
    size_t low = 0, high = n;

    while (k > low && k < high) {
        const struct row pivot = b->rows[low + rand_below(high - low)];
        size_t at = low, from = low, to = high; /* before from: less; from to on: more */

        while (at < to) {
            int by = in_order(b, &b->rows[at], &pivot);

            if (by < 0)
                swap(&b->rows[from++], &b->rows[at++]);
            else if (by > 0)
                swap(&b->rows[at], &b->rows[--to]);
            else
                at++;
        }
        if (k <= from)
            high = from;
        else if (k >= to)
            low = to;
        else
            return;
    }
}

/* Drops what is beyond the page, texts and all; the last row that is kept is the last in order. False: no memory. */
static bool cut(struct browse *b)
{
    struct arena before = b->texts;
    bool ok = true;

    if (b->n <= b->depth)
        return true;
    select_first(b, b->n, b->depth);
    select_first(b, b->depth, b->depth - 1);
    b->n = b->depth;
    b->is_cut = true;
    arena_init(&b->texts, TEXTS_MAX);
    for (size_t i = 0; ok && i < b->n; i++)
        ok = copy(b, &b->rows[i]);
    arena_reset(&before);
    return ok;
}

static void put(void *arg, const struct contact *c)
{
    struct browse *b = arg;
    struct row r;

    if (b->failed || !contacts_fits(&b->filter, c) || !is_found(b, c))
        return;
    b->total++;
    r = row_of(b, c);
    if (b->is_cut && in_order(b, &r, &b->rows[b->depth - 1]) > 0)
        return;
    b->failed = (b->n == b->depth + SPARE && !cut(b)) || !copy(b, &r);
    if (!b->failed)
        b->rows[b->n++] = r;
}

/* Until the millisecond is over: messages do not notice, and a busy machine is not waited for a thousand times. */
static void look_at_some(void *arg)
{
    struct browse *b = arg;
    uint64_t now = clock_mono_ms();

    if (b->filter.user.domain.n) {
        bridge_contacts_of(b->bridge, &b->filter.user, put, b);
        return;
    }
    do
        bridge_each_contact(b->bridge, &b->cursor, A_LOOK, put, b);
    while (b->cursor && !b->failed && b->n < b->depth + SPARE / 2 && clock_mono_ms() == now);
}

static struct jid bare(struct slice address)
{
    struct jid j = { .domain = address };
    struct slice local, domain;

    if (slice_cut(address, '@', &local, &domain))
        j = (struct jid){ .local = local, .domain = domain };
    return j;
}

/* The page as its contacts are now; who has gone meanwhile is missing. */
static void show_page(void *arg)
{
    struct browse *b = arg;

    for (size_t i = b->offset; i < b->n && i < b->depth && !b->failed; i++) {
        const struct jid sip = bare(b->rows[i].sip), xmpp = bare(b->rows[i].xmpp);
        const struct contact *c = bridge_find_contact(b->bridge, &sip, &xmpp);

        b->failed = c && json_array_append_new(b->items, contacts_json(b->bridge, c));
    }
}

/* ---- by whoever asks ---- */

/* False: the daemon is about to end, or there is no memory. */
static bool look_at_all(struct answers *a, struct browse *b)
{
    do {
        if (!loop_call(a->door, look_at_some, b) || b->failed)
            return false;
        if (b->n >= b->depth + SPARE / 2 && !cut(b))
            return false;
    } while (b->cursor);
    if (!cut(b))
        return false;
    if (b->offset < b->n) {
        select_first(b, b->n, b->offset);
        qsort(b->rows + b->offset, b->n - b->offset, sizeof(b->rows[0]), b->backwards ? compare_backwards : compare);
    }
    return loop_call(a->door, show_page, b) && !b->failed;
}

static bool refuse(struct admin_refusal *no, const char *why)
{
    *no = (struct admin_refusal){ 422, why };
    return false;
}

static bool take_sort(struct browse *b, struct slice sort, struct admin_refusal *no)
{
    b->backwards = slice_starts(sort, SLICE("-"));
    sort = slice_from(sort, b->backwards);
    while (sort.n && b->by < BY_N && !slice_is(sort, columns[b->by]))
        b->by++;
    return b->by < BY_N || refuse(no, "sort: one of sip, xmpp, partner, sip-watches, xmpp-watches, sip-since, "
                                      "xmpp-since and added is expected here");
}

static bool browse_init(struct browse *b, struct answers *a, const struct admin_look *look, struct admin_refusal *no)
{
    *b = (struct browse){ .bridge = a->bridge, .search = look->search, .offset = look->offset };
    arena_init(&b->texts, TEXTS_MAX);
    if (!contacts_filter_init(&b->filter, a, look, no) || !take_sort(b, look->sort, no))
        return false;
    if (look->offset > DEPTH_MAX - look->limit)
        return refuse(no, "offset: so far into the list it goes only from the other end (sort=-sip), or with a search");
    b->depth = look->offset + look->limit;
    b->rows = calloc(b->depth + SPARE, sizeof(b->rows[0]));
    b->items = json_array();
    return b->rows && b->items;
}

json_t *answer_contacts_browse(void *owner, const struct admin_look *look, struct admin_refusal *no)
{
    struct answers *a = owner;
    struct browse b;
    json_t *v = NULL;

    if (browse_init(&b, a, look, no) && look_at_all(a, &b))
        v = json_pack("{s:O, s:I, s:n}", "items", b.items, "total", (json_int_t)b.total, "next");
    json_decref(b.items);
    free(b.rows);
    arena_reset(&b.texts);
    arena_reset(&b.filter.arena);
    return v;
}
