/* Contacts, as the API shows and changes them: on the loop, so many at once as its messages do not notice. */
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "daemon/answers_contacts.h"

#define ARENA_MAX (1u << 20)
#define SCAN_MAX 10000 /* contacts looked at for one page */
/* Outside, a cursor has 63 bits: the last one is 0 but in a table of 2^64 buckets. */
#define SLICE_MAX 200 /* contacts changed in one turn */
#define WRITTEN_MS 15000
#define AGAIN_MS 100 /* when the ledger is full */
#define AGAIN_MAX 300

static const char not_written[] =
    "the store does not take changes of contacts now, or takes too long: look at the contacts before you try again";

static bool refuse(struct admin_refusal *no, unsigned status, const char *why)
{
    *no = (struct admin_refusal){ status, why };
    return false;
}

/* ---- words ---- */

static const char *const s2x_words[CONTACT_S2X_N] = { "no", "asked", "granted", "denied" };
static const char *const x2s_words[CONTACT_X2S_N] = { "no", "asked", "granted" };

static const char *const wanted_words[WANT_N] = { "", "none", "to", "from", "both", "asked", "denied", "added" };

/* Not there: n. */
static unsigned word_of(struct slice text, const char *const *words, unsigned n)
{
    unsigned i = 0;

    while (i < n && !slice_is(text, words[i]))
        i++;
    return i;
}

enum contacts_wanted contacts_subscription(const struct contact *c)
{
    bool to = c->s2x == CONTACT_S2X_GRANTED, from = c->x2s == CONTACT_X2S_AUTH;

    return to && from ? WANT_BOTH : to ? WANT_TO : from ? WANT_FROM : WANT_NONE;
}

static bool is_wanted(enum contacts_wanted wanted, const struct contact *c)
{
    switch (wanted) {
    case WANT_ASKED: return c->s2x == CONTACT_S2X_ASKED || c->x2s == CONTACT_X2S_ASKING;
    case WANT_DENIED: return c->s2x == CONTACT_S2X_DENIED;
    case WANT_ADDED: return c->added;
    default: return wanted == WANT_ALL || wanted == contacts_subscription(c);
    }
}

/* ---- one ---- */

static json_t *since_json(uint32_t since_s)
{
    struct buf b;
    json_t *v;

    buf_init(&b, 40);
    if (since_s)
        clock_put_rfc3339(&b, since_s);
    v = answers_text(buf_slice(&b));
    buf_free(&b);
    return v;
}

json_t *contacts_json(const struct bridge *b, const struct contact *c)
{
    return json_pack("{s:o, s:o, s:o, s:s, s:s, s:o, s:s, s:o, s:b, s:b}", "sip", answers_text(contact_local(c)),
                     "xmpp", answers_text(contact_remote(c)), "partner",
                     answers_text(bridge_partner_of(b, contact_remote_jid(c).domain)), "subscription",
                     wanted_words[contacts_subscription(c)], "sip-watches", s2x_words[c->s2x], "sip-since",
                     since_json(c->s2x_since_s), "xmpp-watches", x2s_words[c->x2s], "xmpp-since",
                     since_json(c->x2s_since_s), "added", c->added, "stored", c->stored);
}

/* Prepared in the arena. False: *no says what is wrong. */
static bool take_user(struct arena *a, struct slice text, bool needs_local, struct jid *out, struct admin_refusal *no,
                      const char *why)
{
    if (!jid_parse(a, text, out) || out->resource.n || (needs_local && !out->local.n))
        return refuse(no, 422, why);
    return true;
}

/* ---- until it is on the disk ---- */

struct waiting {
    const struct bridge *bridge;
    const struct bridge_new_contact *list;
    size_t n, at; /* those before at are written */
    bool not_so;
};

static void look(void *arg)
{
    struct waiting *w = arg;
    enum bridge_written is = BRIDGE_WRITTEN;

    while (w->at < w->n && is != BRIDGE_WRITING) {
        is = bridge_contact_written(w->bridge, &w->list[w->at]);
        w->not_so = w->not_so || is == BRIDGE_NOT_SO;
        w->at += is != BRIDGE_WRITING;
    }
}

/* What an administrator is told to be done is stored. False: it could not be, or not in time. */
static bool wait_written(struct answers *a, const struct bridge_new_contact *list, size_t n)
{
    struct waiting w = { .bridge = a->bridge, .list = list, .n = n };
    struct timespec pause = { .tv_nsec = 1000000L };
    uint64_t until = clock_mono_ms() + WRITTEN_MS;

    for (;;) {
        if (!loop_call(a->door, look, &w))
            return false;
        if (w.at == w.n || clock_mono_ms() >= until)
            return w.at == w.n && !w.not_so;
        nanosleep(&pause, NULL);
        pause.tv_nsec += pause.tv_nsec < 50000000L ? pause.tv_nsec : 0;
    }
}

struct pair {
    struct arena arena;
    struct bridge *bridge;
    struct jid sip, xmpp;
    bool both, failed;
    const char *why;
    struct bridge_new_contact after;
    json_t *v;
};

/* Finish its arena in either case. */
static bool pair_init(struct pair *p, struct answers *a, struct slice sip, struct slice xmpp, struct admin_refusal *no)
{
    *p = (struct pair){ .bridge = a->bridge };
    arena_init(&p->arena, ARENA_MAX);
    return take_user(&p->arena, sip, true, &p->sip, no, "sip: this is no address like alice@contoso.example") &&
           take_user(&p->arena, xmpp, false, &p->xmpp, no, "xmpp: this is no address like romeo@fabrikam.example");
}

static void find_pair(void *arg)
{
    struct pair *p = arg;
    const struct contact *c = bridge_find_contact(p->bridge, &p->sip, &p->xmpp);

    p->v = c ? contacts_json(p->bridge, c) : json_null();
}

static void remove_pair(void *arg)
{
    struct pair *p = arg;

    const struct contact *c;

    find_pair(p);
    if (!p->v || json_is_null(p->v))
        return;
    c = bridge_find_contact(p->bridge, &p->sip, &p->xmpp);
    p->after =
        (struct bridge_new_contact){ .local = p->sip, .remote = p->xmpp, .x2s = p->both ? CONTACT_X2S_NONE : c->x2s };
    p->failed = !bridge_remove_contact(p->bridge, &p->sip, &p->xmpp, p->both, &p->why);
}

json_t *answer_contact(void *owner, struct slice sip, struct slice xmpp, struct admin_refusal *no)
{
    struct answers *a = owner;
    struct pair p;

    if (pair_init(&p, a, sip, xmpp, no))
        (void)loop_call(a->door, find_pair, &p);
    arena_reset(&p.arena);
    return p.v;
}

json_t *answer_contact_remove(void *owner, struct slice sip, struct slice xmpp, bool both, struct admin_refusal *no)
{
    struct answers *a = owner;
    struct pair p;

    if (pair_init(&p, a, sip, xmpp, no)) {
        p.both = both;
        if (loop_call(a->door, remove_pair, &p) && !p.failed && p.after.local.domain.n &&
            !wait_written(a, &p.after, 1)) {
            p.failed = true;
            p.why = not_written;
        }
    }
    arena_reset(&p.arena);
    if (!p.failed)
        return p.v;
    json_decref(p.v);
    refuse(no, 503, p.why ? p.why : not_written);
    return NULL;
}

/* ---- a list ---- */

bool contacts_filter_init(struct contacts_filter *f, struct answers *a, const struct admin_look *look,
                          struct admin_refusal *no)
{
    *f = (struct contacts_filter){ .bridge = a->bridge };
    arena_init(&f->arena, ARENA_MAX);
    f->wanted = (enum contacts_wanted)word_of(look->state, wanted_words, WANT_N);
    if (f->wanted == WANT_N)
        return refuse(no, 422, "state: one of none, to, from, both, asked, denied and added is expected here");
    if (look->partner.n && !jid_prep_domain(&f->arena, look->partner, &f->partner))
        return refuse(no, 422, "partner: this is no domain");
    return !look->user.n ||
           take_user(&f->arena, look->user, false, &f->user, no, "user: this is no address like alice@contoso.example");
}

static bool is_of_partner(const struct contacts_filter *f, struct slice domain)
{
    struct slice name;

    if (!f->partner.n || slice_eq(f->partner, domain))
        return true;
    name = bridge_partner_of(f->bridge, f->partner);
    return name.n && slice_eq(name, bridge_partner_of(f->bridge, domain));
}

/* What has just been removed stays in memory until the store has forgotten it: nobody looks for that. */
static bool is_over(const struct contact *c)
{
    return c->s2x == CONTACT_S2X_NONE && c->x2s == CONTACT_X2S_NONE && !c->added;
}

bool contacts_fits(const struct contacts_filter *f, const struct contact *c)
{
    return !is_over(c) && is_wanted(f->wanted, c) && is_of_partner(f, contact_remote_jid(c).domain);
}

struct page {
    struct contacts_filter filter;
    struct bridge *bridge;
    size_t limit;
    uint64_t cursor;
    json_t *items;
    uint64_t left_out;
    bool failed;
};

static void put_contact(void *arg, const struct contact *c)
{
    struct page *p = arg;

    if (!contacts_fits(&p->filter, c))
        return;
    if (p->filter.user.domain.n && json_array_size(p->items) >= p->limit)
        p->left_out++;
    else if (json_array_append_new(p->items, contacts_json(p->bridge, c)))
        p->failed = true;
}

/* A bucket of the table goes onto the page as a whole: so a page may have a few more than asked for. An emptied table is walked too. */
static void fill_page(void *arg)
{
    struct page *p = arg;
    size_t walked = 0, part;

    if (p->filter.user.domain.n) {
        bridge_contacts_of(p->bridge, &p->filter.user, put_contact, p);
        return;
    }
    do {
        part = p->limit - json_array_size(p->items);
        bridge_each_contact(p->bridge, &p->cursor, part, put_contact, p);
        walked += part;
    } while (p->cursor && walked < SCAN_MAX && json_array_size(p->items) < p->limit && !p->failed);
}

json_t *answer_contacts(void *owner, const struct admin_look *look, struct admin_refusal *no)
{
    struct answers *a = owner;
    struct page p = { .bridge = a->bridge, .limit = look->limit, .cursor = look->before << 1, .items = json_array() };
    json_t *v = NULL;

    if (contacts_filter_init(&p.filter, a, look, no) && p.items && loop_call(a->door, fill_page, &p) && !p.failed)
        v = json_pack("{s:O, s:o, s:I}", "items", p.items, "next",
                      p.cursor ? json_integer((json_int_t)(p.cursor >> 1)) : json_null(), "left-out",
                      (json_int_t)p.left_out);
    json_decref(p.items);
    arena_reset(&p.filter.arena);
    return v;
}

/* ---- many changes ---- */

struct purge {
    struct arena arena;
    struct bridge *bridge;
    struct bridge_purge what;
    uint64_t cursor, n;
    bool ok;
};

static void purge_some(void *arg)
{
    struct purge *p = arg;

    p->ok = bridge_purge_contacts(p->bridge, &p->what, &p->cursor, SLICE_MAX, &p->n);
}

static bool purge_init(struct purge *p, struct answers *a, const struct admin_look *look, bool dry,
                       struct admin_refusal *no)
{
    *p = (struct purge){ .bridge = a->bridge, .what.dry = dry, .ok = true };
    arena_init(&p->arena, ARENA_MAX);
    if (look->partner.n && !jid_prep_domain(&p->arena, look->partner, &p->what.domain))
        return refuse(no, 422, "domain: this is no domain");
    return !look->user.n || take_user(&p->arena, look->user, false, &p->what.user, no,
                                      "user: this is no address like alice@contoso.example");
}

/* Slice by slice; when the ledger is full it has to write first. False: the loop is gone, or nothing is written. */
static bool purge_all(struct answers *a, struct purge *p)
{
    const struct timespec pause = { .tv_nsec = AGAIN_MS * 1000000L };
    unsigned again = 0;

    do {
        if (!loop_call(a->door, purge_some, p))
            return false;
        if (p->ok)
            continue;
        if (again++ == AGAIN_MAX)
            return false;
        nanosleep(&pause, NULL);
        p->cursor = 0;
    } while (p->cursor || !p->ok);
    return true;
}

json_t *answer_contacts_purge(void *owner, const struct admin_look *look, bool dry, struct admin_refusal *no)
{
    struct answers *a = owner;
    struct purge p;
    json_t *v = NULL;

    if (purge_init(&p, a, look, dry, no)) {
        if (purge_all(a, &p))
            v = json_pack("{s:I}", "contacts", (json_int_t)p.n);
        else
            refuse(no, 503, "the store does not take so many changes now; a part was removed: try again");
    }
    arena_reset(&p.arena);
    return v;
}

/* ---- from elsewhere ---- */

struct put {
    struct arena arena;
    struct bridge *bridge;
    struct bridge_new_contact *list; /* owned */
    size_t n, at;
    bool refused;
    const char *why;
};

static bool take_word(const json_t *o, const char *name, const char *const *words, unsigned n, unsigned *out)
{
    const json_t *v = json_object_get(o, name);

    *out = 0;
    if (!v)
        return true;
    if (json_is_string(v))
        *out = word_of(slice_of(json_string_value(v), json_string_length(v)), words, n);
    return json_is_string(v) && *out < n;
}

static struct slice member(const json_t *o, const char *name)
{
    const json_t *v = json_object_get(o, name);

    return json_is_string(v) ? slice_of(json_string_value(v), json_string_length(v)) : slice_of(NULL, 0);
}

static bool take_new(struct put *p, const json_t *o, struct admin_refusal *no)
{
    struct bridge_new_contact *c = &p->list[p->n];
    unsigned x2s, s2x;

    if (!take_user(&p->arena, member(o, "sip"), true, &c->local, no,
                   "sip: this is no address like alice@contoso.example") ||
        !take_user(&p->arena, member(o, "xmpp"), false, &c->remote, no,
                   "xmpp: this is no address like romeo@fabrikam.example"))
        return false;
    if (!take_word(o, "xmpp-watches", x2s_words, CONTACT_X2S_N, &x2s))
        return refuse(no, 422, "xmpp-watches: one of no, asked and granted is expected here");
    if (!take_word(o, "sip-watches", s2x_words, CONTACT_S2X_N, &s2x))
        return refuse(no, 422, "sip-watches: one of no, asked, granted and denied is expected here");
    c->x2s = (enum contact_x2s)x2s;
    c->s2x = (enum contact_s2x)s2x;
    c->added = json_is_true(json_object_get(o, "added"));
    p->n++;
    return true;
}

static bool take_list(struct put *p, const json_t *list, struct admin_refusal *no)
{
    const json_t *o;
    size_t i;

    json_array_foreach(list, i, o) if (!take_new(p, o, no)) return false;
    return true;
}

static void put_some(void *arg)
{
    struct put *p = arg;
    size_t until = p->n - p->at < SLICE_MAX ? p->n : p->at + SLICE_MAX;

    while (!p->refused && p->at < until) {
        p->refused = !bridge_put_contact(p->bridge, &p->list[p->at], &p->why);
        p->at += !p->refused;
    }
}

/* False: the loop is gone. */
static bool put_all(struct answers *a, struct put *p)
{
    bool open = true;

    while (open && !p->refused && p->at < p->n)
        open = loop_call(a->door, put_some, p);
    return open;
}

/* All are looked at before the first is made. */
json_t *answer_contacts_put(void *owner, const json_t *list, struct admin_refusal *no)
{
    struct answers *a = owner;
    struct put p = { .bridge = a->bridge };
    json_t *v = NULL;

    arena_init(&p.arena, (size_t)16 << 20);
    p.list = calloc(json_array_size(list) + 1, sizeof(p.list[0]));
    if (p.list && take_list(&p, list, no) && put_all(a, &p)) {
        if (p.refused)
            refuse(no, 409, p.why); /* a limit, mostly; those before it were made, and may be given again */
        else if (wait_written(a, p.list, p.n))
            v = json_pack("{s:I}", "contacts", (json_int_t)p.n);
        else
            refuse(no, 503, not_written);
    }
    free(p.list);
    arena_reset(&p.arena);
    return v;
}
