/* The ledger of contacts, played by the test: what is put waits until the test says what became of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "bridge/contact_parts.h"
#include "sides.h"

struct ledger *ledger_open(const struct ledger_conf *conf, struct err *err)
{
    return NULL;
}

void ledger_close(struct ledger *l)
{
}

void ledger_look(struct ledger *l, struct ledger_info *out)
{
    const struct sides *s = sides_now();

    *out = (struct ledger_info){ .n_waiting = s->n_puts };
}

int ledger_load(struct ledger *l, store_contact_fn *fn, void *arg, struct err *err)
{
    struct sides *s = sides_now();

    for (size_t i = 0; i < s->n_rows; i++) {
        const struct store_contact row = { .local = slice_str(s->rows[i].local),
                                           .remote = slice_str(s->rows[i].remote),
                                           .x2s = s->rows[i].x2s,
                                           .s2x = s->rows[i].s2x,
                                           .x2s_since_s = s->rows[i].x2s_since_s,
                                           .s2x_since_s = s->rows[i].s2x_since_s,
                                           .added = s->rows[i].added };

        if (fn(arg, &row, err))
            return -1;
    }
    return 0;
}

int ledger_start(struct ledger *l, const struct ledger_ops *ops, void *arg, struct err *err)
{
    return 0;
}

uint64_t ledger_put(struct ledger *l, const struct store_contact *c, struct ledger_place *place)
{
    struct sides *s = sides_now();
    struct sides_row *row = &s->puts[s->n_puts];

    if (s->ledger_full)
        return 0;
    assert_true(s->n_puts < SIDES_MAX);
    *row = (struct sides_row){ .x2s = c->x2s,
                               .s2x = c->s2x,
                               .x2s_since_s = c->x2s_since_s,
                               .s2x_since_s = c->s2x_since_s,
                               .added = c->added,
                               .gone = c->gone,
                               .place = place,
                               .number = ++s->last_put };
    sides_copy(row->local, sizeof(row->local), c->local);
    sides_copy(row->remote, sizeof(row->remote), c->remote);
    s->n_puts++;
    return row->number;
}

static struct sides_row *row_of(struct sides *s, const struct sides_row *put)
{
    for (size_t i = 0; i < s->n_rows; i++)
        if (strcmp(s->rows[i].local, put->local) == 0 && strcmp(s->rows[i].remote, put->remote) == 0)
            return &s->rows[i];
    return NULL;
}

static void store(struct sides *s, const struct sides_row *put)
{
    struct sides_row *row = row_of(s, put);

    if (put->gone && row)
        *row = s->rows[--s->n_rows];
    else if (!put->gone && row)
        *row = *put;
    else if (!put->gone) {
        assert_true(s->n_rows < SIDES_MAX);
        s->rows[s->n_rows++] = *put;
    }
}

void sides_turn(struct sides *s)
{
    struct list *l;

    while ((l = list_pop(&s->loop.deferred))) {
        struct deferred *d = container_of(l, struct deferred, link);

        d->run(d);
    }
}

void sides_settle_contacts(struct sides *s, bool durable)
{
    size_t n = s->n_puts;

    for (size_t i = 0; i < n; i++) {
        const struct sides_row put = s->puts[i];
        const struct store_contact c = { .local = slice_str(put.local),
                                         .remote = slice_str(put.remote),
                                         .x2s = put.x2s,
                                         .s2x = put.s2x,
                                         .x2s_since_s = put.x2s_since_s,
                                         .s2x_since_s = put.s2x_since_s,
                                         .added = put.added,
                                         .gone = put.gone };
        const struct ledger_row row = { &c, put.place, put.number };

        if (durable)
            store(s, &put);
        contacts_on_settled(s->bridge, &row, 1, durable);
    }
    s->n_puts -= n;
    memmove(s->puts, s->puts + n, s->n_puts * sizeof(s->puts[0]));
    sides_turn(s);
}

void sides_restart_contacts(struct sides *s)
{
    const struct contact_ops *ops = s->bridge->contacts.ops;
    struct err err;

    contacts_fini(s->bridge);
    s->n_puts = 0;
    contacts_init(s->bridge, (struct ledger *)s, NULL);
    s->bridge->contacts.ops = ops;
    assert_int_equal(contacts_start(s->bridge, &err), 0);
}

const struct sides_row *sides_stored(const struct sides *s, const char *local, const char *remote)
{
    for (size_t i = 0; i < s->n_rows; i++)
        if (strcmp(s->rows[i].local, local) == 0 && strcmp(s->rows[i].remote, remote) == 0)
            return &s->rows[i];
    return NULL;
}
