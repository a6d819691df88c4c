/* Contacts as administrators see and change them. */
#include "bridge/contact_parts.h"

struct showing {
    bridge_contact_fn *fn;
    void *arg;
};

static void show(void *arg, struct contact *c)
{
    const struct showing *s = arg;

    s->fn(s->arg, c);
}

void bridge_each_contact(struct bridge *b, uint64_t *cursor, size_t n, bridge_contact_fn *fn, void *arg)
{
    struct showing s = { fn, arg };

    contacts_walk(b, cursor, n, show, &s);
}

void bridge_contacts_of(struct bridge *b, const struct jid *user, bridge_contact_fn *fn, void *arg)
{
    struct showing s = { fn, arg };

    contacts_each_of_local(b, user, show, &s);
    contacts_each_of_remote(b, user, show, &s);
}

const struct contact *bridge_find_contact(const struct bridge *b, const struct jid *local, const struct jid *remote)
{
    return contact_find(b, local, remote);
}

/* The state before is told to those who follow contacts; what cannot be taken is not told. */
static bool end_it(struct bridge *b, struct contact *c, bool both)
{
    const struct contact_state before = contact_state_of(c);
    const struct contact_ops *ops = b->contacts.ops;
    bool ok = contact_set_s2x(b, c, CONTACT_S2X_NONE) && contact_set_added(b, c, false) &&
              (!both || contact_set_x2s(b, c, CONTACT_X2S_NONE));

    c->refused = false;
    c->n_waiting++;
    if (ok && ops && ops->removed)
        ops->removed(b, c, (enum contact_x2s)before.x2s, (enum contact_s2x)before.s2x);
    c->n_waiting--;
    contact_tidy(b, c);
    return ok;
}

static const char full_clause[] = "too many changes of contacts wait for the store, or memory is missing: try again";

bool bridge_remove_contact(struct bridge *b, const struct jid *local, const struct jid *remote, bool both,
                           const char **why)
{
    struct contact *c = contact_find(b, local, remote);

    *why = c ? full_clause : NULL;
    return c && end_it(b, c, both);
}

/* ---- many at once ---- */

struct purging {
    struct bridge *b;
    const struct bridge_purge *what;
    size_t n;
    bool failed;
};

static bool is_meant(const struct purging *p, const struct contact *c)
{
    const struct bridge_purge *w = p->what;
    const struct jid local = contact_local_jid(c), remote = contact_remote_jid(c);
    struct slice name;

    if (contact_is_empty(c))
        return false;
    if (w->user.domain.n && !jid_bare_eq(&w->user, &local) && !jid_bare_eq(&w->user, &remote))
        return false;
    if (!w->domain.n || slice_eq(w->domain, local.domain) || slice_eq(w->domain, remote.domain))
        return true;
    name = bridge_partner_of(p->b, w->domain);
    return name.n && slice_eq(name, bridge_partner_of(p->b, remote.domain));
}

static void purge_one(void *arg, struct contact *c)
{
    struct purging *p = arg;

    if (p->failed || !is_meant(p, c))
        return;
    if (p->what->dry || end_it(p->b, c, true))
        p->n++;
    else
        p->failed = true;
}

bool bridge_purge_contacts(struct bridge *b, const struct bridge_purge *what, uint64_t *cursor, size_t n,
                           uint64_t *n_gone)
{
    struct purging p = { .b = b, .what = what };

    contacts_walk(b, cursor, n, purge_one, &p);
    *n_gone += p.n;
    return !p.failed;
}

bool bridge_put_contact(struct bridge *b, const struct bridge_new_contact *new, const char **why)
{
    struct contact *c = contact_make(b, &new->local, &new->remote, why);
    struct contact_state before;
    bool ok;

    if (!c)
        return false;
    before = contact_state_of(c);
    ok = contact_set_x2s(b, c, new->x2s) && contact_set_s2x(b, c, new->s2x) && contact_set_added(b, c, new->added);
    c->refused = false;
    c->n_waiting++;
    contact_tell_changed(b, c, &before);
    c->n_waiting--;
    contact_tidy(b, c);
    if (!ok)
        *why = full_clause;
    return ok;
}

enum bridge_written bridge_contact_written(const struct bridge *b, const struct bridge_new_contact *as)
{
    const struct contact *c = contact_find(b, &as->local, &as->remote);
    bool is_gone = as->x2s == CONTACT_X2S_NONE && as->s2x == CONTACT_S2X_NONE && !as->added;

    if (!c)
        return is_gone ? BRIDGE_WRITTEN : BRIDGE_NOT_SO;
    if (c->x2s != as->x2s || c->s2x != as->s2x || c->added != as->added)
        return BRIDGE_NOT_SO;
    return c->change ? BRIDGE_WRITING : BRIDGE_WRITTEN;
}
