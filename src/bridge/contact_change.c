/* How a contact changes: in memory at once, in the store a moment later, and who waits until then. */
#include <stdlib.h>

#include "bridge/contact_parts.h"

#define CONTACT_TOUCH_S 86400 /* a day */

/* ---- states ---- */

struct contact_state contact_state_of(const struct contact *c)
{
    return (struct contact_state){ .x2s_since_s = c->x2s_since_s,
                                   .s2x_since_s = c->s2x_since_s,
                                   .x2s = (uint8_t)c->x2s,
                                   .s2x = (uint8_t)c->s2x,
                                   .added = c->added };
}

void contact_state_set(struct contact *c, const struct contact_state *s)
{
    c->x2s = (enum contact_x2s)s->x2s;
    c->s2x = (enum contact_s2x)s->s2x;
    c->x2s_since_s = s->x2s_since_s;
    c->s2x_since_s = s->s2x_since_s;
    c->added = s->added;
}

bool contact_is_empty(const struct contact *c)
{
    return c->x2s == CONTACT_X2S_NONE && c->s2x == CONTACT_S2X_NONE && !c->added;
}

static struct store_contact row_of(const struct contact *c)
{
    return (struct store_contact){ .local = contact_local(c),
                                   .remote = contact_remote(c),
                                   .x2s = (uint8_t)c->x2s,
                                   .s2x = (uint8_t)c->s2x,
                                   .x2s_since_s = c->x2s_since_s,
                                   .s2x_since_s = c->s2x_since_s,
                                   .added = c->added,
                                   .gone = contact_is_empty(c) };
}

struct contact_state contact_row_state(const struct store_contact *row)
{
    if (row->gone)
        return (struct contact_state){ 0 };
    return (struct contact_state){ .x2s_since_s = (uint32_t)row->x2s_since_s,
                                   .s2x_since_s = (uint32_t)row->s2x_since_s,
                                   .x2s = row->x2s,
                                   .s2x = row->s2x,
                                   .added = row->added };
}

/* ---- changing ---- */

static struct contact_change *change_make(struct contacts *t, struct contact *c, const struct contact_state *before)
{
    struct contact_change *change = c->change ? c->change : calloc(1, sizeof(*change));

    if (!change || c->change)
        return change;
    change->contact = c;
    change->kept = *before;
    change->kept_stored = c->stored;
    list_init(&change->waiting);
    c->change = change;
    t->n_changes++;
    return change;
}

static void change_free(struct contacts *t, struct contact_change *change)
{
    change->contact->change = NULL;
    t->n_changes--;
    free(change);
}

/* c has its new state, and gets the one before it back when that cannot be taken. */
static bool put(struct contacts *t, struct contact *c, const struct contact_state *before)
{
    struct contact_change *change;
    struct store_contact row;
    uint64_t number = 0;

    if (!t->ledger) {
        c->stored = !contact_is_empty(c);
        return true;
    }
    change = change_make(t, c, before);
    row = row_of(c);
    if (change)
        number = ledger_put(t->ledger, &row, &change->place);
    c->refused = number == 0;
    if (number) {
        change->number = number;
        return true;
    }
    contact_state_set(c, before);
    if (change && !change->number)
        change_free(t, change);
    return false;
}

bool contact_set_x2s(struct bridge *b, struct contact *c, enum contact_x2s state)
{
    const struct contact_state before = contact_state_of(c);

    if (c->x2s == state)
        return true;
    c->x2s = state;
    c->x2s_since_s = (uint32_t)clock_wall_s();
    return put(&b->contacts, c, &before);
}

bool contact_set_s2x(struct bridge *b, struct contact *c, enum contact_s2x state)
{
    const struct contact_state before = contact_state_of(c);
    uint32_t now = (uint32_t)clock_wall_s();

    if (c->s2x == state && (state != CONTACT_S2X_ASKED || c->s2x_since_s == now))
        return true;
    c->s2x = state;
    c->s2x_since_s = now;
    return put(&b->contacts, c, &before);
}

bool contact_touch_s2x(struct bridge *b, struct contact *c)
{
    const struct contact_state before = contact_state_of(c);
    uint32_t now = (uint32_t)clock_wall_s();

    if (c->s2x != CONTACT_S2X_GRANTED || now - c->s2x_since_s < CONTACT_TOUCH_S)
        return true;
    c->s2x_since_s = now;
    return put(&b->contacts, c, &before);
}

bool contact_set_added(struct bridge *b, struct contact *c, bool added)
{
    const struct contact_state before = contact_state_of(c);

    if (c->added == added)
        return true;
    c->added = added;
    return put(&b->contacts, c, &before);
}

void contact_tidy(struct bridge *b, struct contact *c)
{
    if (!c->stored && !c->change && !c->n_waiting && !c->x2s_watch && !c->s2x_watch && contact_is_empty(c))
        contact_free(b, c);
}

/* ---- waiting ---- */

bool contact_then(struct bridge *b, struct contact *c, contact_then_fn *fn, const uint64_t *receipt)
{
    struct contacts *t = &b->contacts;
    bool refused = c->refused;
    struct contact_wait *w = refused ? NULL : malloc(sizeof(*w));

    c->refused = false;
    if (!w)
        return false;
    *w = (struct contact_wait){
        .contact = c, .fn = fn, .has_receipt = receipt != NULL, .receipt = receipt ? *receipt : 0
    };
    if (c->change) {
        w->number = c->change->number;
        list_push(&c->change->waiting, &w->link);
    } else {
        list_push(&t->ready, &w->link);
        loop_defer(t->loop, &t->run_ready);
    }
    c->n_waiting++;
    return true;
}

/* In their order. */
static void tell(struct bridge *b, struct list *waiting, bool durable)
{
    struct list *it;

    while ((it = list_pop(waiting))) {
        struct contact_wait *w = container_of(it, struct contact_wait, link);
        struct contact *c = w->contact;

        w->fn(b, c, durable);
        if (w->has_receipt)
            federation_handled(b->federation, w->receipt);
        free(w);
    }
}

/* c stays until all of them have come: so they count down afterwards. */
static void tell_of(struct bridge *b, struct contact *c, struct list *waiting, bool durable)
{
    uint32_t n = 1;

    list_each (it, waiting)
        n++;
    c->n_waiting++;
    tell(b, waiting, durable);
    c->n_waiting -= n;
    contact_tidy(b, c);
}

static void on_ready(struct deferred *d)
{
    struct contacts *t = container_of(d, struct contacts, run_ready);
    struct bridge *b = container_of(t, struct bridge, contacts);
    struct list now;

    list_init(&now);
    list_move_all(&now, &t->ready);
    while (!list_empty(&now)) {
        struct list one, *it = list_pop(&now);

        list_init(&one);
        list_push(&one, it);
        tell_of(b, container_of(it, struct contact_wait, link)->contact, &one, true);
    }
}

void contacts_init_ready(struct contacts *t)
{
    list_init(&t->ready);
    deferred_init(&t->run_ready, on_ready);
}

static void free_waiting(struct list *waiting)
{
    struct list *it;

    while ((it = list_pop(waiting)))
        free(container_of(it, struct contact_wait, link));
}

void contacts_fini_ready(struct contacts *t)
{
    loop_undefer(&t->run_ready);
    free_waiting(&t->ready);
}

void contact_end(struct bridge *b, struct contact *c)
{
    if (c->change) {
        free_waiting(&c->change->waiting);
        change_free(&b->contacts, c->change);
    }
    contact_free(b, c);
}

/* ---- what became of changes ---- */

void contact_tell_changed(struct bridge *b, struct contact *c, const struct contact_state *before)
{
    const struct contact_ops *ops = b->contacts.ops;

    if (ops && ops->changed && (c->x2s != before->x2s || c->s2x != before->s2x || c->added != before->added))
        ops->changed(b, c, (enum contact_x2s)before->x2s, (enum contact_s2x)before->s2x);
}

/* Those that wait for this state or an earlier one. */
static void take_waiting(struct contact_change *change, uint64_t number, struct list *out)
{
    list_init(out);
    while (!list_empty(&change->waiting)) {
        struct list *it = change->waiting.next;

        if (container_of(it, struct contact_wait, link)->number > number)
            return;
        list_unlink(it);
        list_push(out, it);
    }
}

static void settle(struct bridge *b, const struct ledger_row *row, bool durable)
{
    struct contact_change *change = container_of(row->place, struct contact_change, place);
    struct contact *c = change->contact;
    const struct contact_state before = contact_state_of(c);
    bool is_last = change->number == row->number;
    struct list waiting;

    take_waiting(change, row->number, &waiting);
    if (durable) {
        change->kept = contact_row_state(row->contact);
        change->kept_stored = !row->contact->gone;
    }
    if (is_last) {
        if (!durable)
            contact_state_set(c, &change->kept);
        c->stored = change->kept_stored;
        change_free(&b->contacts, change);
    }
    c->n_waiting++;
    if (is_last && !durable)
        contact_tell_changed(b, c, &before);
    c->n_waiting--;
    tell_of(b, c, &waiting, durable);
}

void contacts_on_settled(struct bridge *b, const struct ledger_row *rows, size_t n, bool durable)
{
    for (size_t i = 0; i < n; i++)
        settle(b, &rows[i], durable);
}
