/* Contacts that come from the store: all at the start, and what other nodes change; and the ledger's thread at the loop's door. */
#include "bridge/contact_parts.h"

#define SLICE_OF_ALL 2000 /* contacts looked at in one turn, where all have to be */
#define TOLD_A_TURN 200   /* changes whose fate is told in one turn */

/* ---- rows ---- */

bool contact_split(struct slice bare, struct jid *out)
{
    struct slice local, domain;
    bool has_local = slice_cut(bare, '@', &local, &domain);

    *out = (struct jid){ .domain = bare };
    if (has_local)
        *out = (struct jid){ .local = local, .domain = domain };
    return out->domain.n > 0 && (!has_local || out->local.n > 0) && out->local.n <= JID_PART_MAX &&
           out->domain.n <= JID_PART_MAX && slice_find(out->domain, '/') == out->domain.n;
}

bool contact_row_is_sound(const struct store_contact *row)
{
    struct jid j;

    return contact_split(row->local, &j) && contact_split(row->remote, &j) && row->x2s < CONTACT_X2S_N &&
           row->s2x < CONTACT_S2X_N;
}

/* ---- the start ---- */

struct loading {
    struct bridge *b;
    uint64_t n, n_unsound;
};

static int on_row(void *arg, const struct store_contact *row, struct err *err)
{
    struct loading *l = arg;
    struct contact_state state = contact_row_state(row);
    struct jid local, remote;
    struct contact *c;

    if (!contact_row_is_sound(row)) {
        l->n_unsound++;
        return 0;
    }
    contact_split(row->local, &local);
    contact_split(row->remote, &remote);
    c = contact_add(l->b, &local, &remote);
    if (!c)
        return err_memory(err, "reading the contacts");
    contact_state_set(c, &state);
    c->stored = c->restored = true;
    l->n++;
    return 0;
}

int contacts_start(struct bridge *b, struct err *err)
{
    struct contacts *t = &b->contacts;
    struct loading l = { .b = b };
    uint64_t began_ms = clock_mono_ms();

    if (!t->ledger)
        return 0;
    if (ledger_load(t->ledger, on_row, &l, err))
        return -1;
    if (l.n_unsound)
        log_error(b->log, "contacts-unsound", LOG_U("contacts", l.n_unsound),
                  LOG_Z("effect", "they are left alone and not used: the store was changed by another program"));
    log_info(b->log, "contacts", LOG_U("contacts", l.n), LOG_U("ms", clock_mono_ms() - began_ms));
    return ledger_start(t->ledger, &contact_ledger_ops, b, err);
}

/* ---- what others change ---- */

/* What of ours waits to be written comes later than this row, and counts. */
static void take(struct bridge *b, struct contact *c, const struct store_contact *row)
{
    const struct contact_state before = contact_state_of(c), state = contact_row_state(row);

    c->seen = true;
    if (c->change) {
        c->change->kept = state;
        c->change->kept_stored = !row->gone;
        return;
    }
    c->stored = !row->gone;
    contact_state_set(c, &state);
    c->n_waiting++;
    contact_tell_changed(b, c, &before);
    c->n_waiting--;
    contact_tidy(b, c);
}

static void take_row(struct bridge *b, const struct store_contact *row)
{
    struct jid local, remote;
    struct contact *c;

    if (!contact_row_is_sound(row))
        return;
    contact_split(row->local, &local);
    contact_split(row->remote, &remote);
    c = contact_find(b, &local, &remote);
    if (!c && !row->gone)
        c = contact_add(b, &local, &remote);
    if (c)
        take(b, c, row);
    else if (!row->gone)
        log_error(b->log, "contact-missed", LOG_S("local", row->local), LOG_S("remote", row->remote),
                  LOG_Z("why", "there is no memory for it; another node has it, this one will after its next start"));
}

void contacts_on_news(struct bridge *b, const struct ledger_news *news)
{
    for (size_t i = 0; i < news->n; i++)
        take_row(b, &news->rows[i]);
}

static void unsee(void *arg, struct contact *c)
{
    c->seen = false;
}

void contacts_unsee(struct bridge *b, uint64_t *cursor, size_t n)
{
    contacts_walk(b, cursor, n, unsee, NULL);
}

static void sweep(void *arg, struct contact *c)
{
    const struct store_contact gone = { .gone = true };

    if (!c->seen && c->stored && !c->change)
        take(arg, c, &gone);
}

void contacts_sweep(struct bridge *b, uint64_t *cursor, size_t n)
{
    contacts_walk(b, cursor, n, sweep, b);
}

/* ---- from the ledger's thread ---- */

struct told {
    struct bridge *b;
    const struct ledger_row *rows;
    size_t n;
    bool durable;
};

static void run_told(void *arg)
{
    const struct told *t = arg;

    contacts_on_settled(t->b, t->rows, t->n, t->durable);
}

/* A part in each turn, since those who wait have something to send then. A shut door: the end has come, and nobody waits any more. */
static void tell_all(struct bridge *b, const struct ledger_row *rows, size_t n, bool durable)
{
    bool open = true;

    for (size_t at = 0; at < n && open; at += TOLD_A_TURN) {
        struct told t = { b, rows + at, n - at < TOLD_A_TURN ? n - at : TOLD_A_TURN, durable };

        open = loop_call(b->contacts.door, run_told, &t);
    }
}

static void on_settled(void *arg, const struct ledger_row *rows, size_t n)
{
    tell_all(arg, rows, n, true);
}

static void on_dropped(void *arg, const struct ledger_row *rows, size_t n)
{
    tell_all(arg, rows, n, false);
}

struct heard {
    struct bridge *b;
    const struct ledger_news *news;
    void (*step)(struct bridge *b, uint64_t *cursor, size_t n);
    uint64_t cursor;
};

static void run_news(void *arg)
{
    const struct heard *h = arg;

    contacts_on_news(h->b, h->news);
}

static void run_step(void *arg)
{
    struct heard *h = arg;

    h->step(h->b, &h->cursor, SLICE_OF_ALL);
}

/* Something with all contacts, a part in each turn. */
static bool each_turn(struct heard *h, void (*step)(struct bridge *b, uint64_t *cursor, size_t n))
{
    bool open = true;

    h->step = step;
    h->cursor = 0;
    do {
        open = loop_call(h->b->contacts.door, run_step, h);
    } while (open && h->cursor);
    return open;
}

static void on_news(void *arg, const struct ledger_news *news)
{
    struct bridge *b = arg;
    struct heard h = { .b = b, .news = news };

    if (news->whole && news->first && !each_turn(&h, contacts_unsee))
        return;
    if (loop_call(b->contacts.door, run_news, &h) && news->whole && news->last)
        (void)each_turn(&h, contacts_sweep);
}

const struct ledger_ops contact_ledger_ops = { .settled = on_settled, .dropped = on_dropped, .news = on_news };
