/* Which domains of partners have a proven stream: as gateways were told, and what has changed since. */
#include <stdlib.h>

#include "link/proxy_parts.h"

/* A domain of a partner's that the gateway takes for linked. */
struct proxy_linked {
    struct hash_node node;
    size_t n;
    char name[];
};

static bool domain_is(const struct hash_node *node, const void *key)
{
    const struct proxy_linked *d = container_of(node, const struct proxy_linked, node);

    return slice_eq(slice_of(d->name, d->n), *(const struct slice *)key);
}

static void drop_linked(struct hash_node *node, void *arg)
{
    hash_remove(arg, node);
    free(container_of(node, struct proxy_linked, node));
}

/* Without memory the gateway goes on thinking so, until a stream breaks. */
static void note_linked(struct proxy_session *s, struct slice remote, bool still)
{
    uint64_t hash = hash_bytes(&s->linked, remote);
    struct hash_node *node = hash_find(&s->linked, hash, domain_is, &remote);
    struct proxy_linked *d;

    if (node && !still)
        drop_linked(node, &s->linked);
    if (node || !still || !(d = calloc(1, sizeof(*d) + remote.n)))
        return;
    d->n = remote.n;
    memcpy(d->name, remote.p, remote.n);
    if (!hash_add(&s->linked, &d->node, hash))
        free(d);
}

static void tell_link(struct proxy_session *s, struct slice remote, bool up)
{
    const struct link_frame f = { .type = LINK_LINKED,
                                  .linked = { remote, up, up || federation_is_linked(s->proxy->federation, remote) } };

    if (!s->session.begun || !s->copy || !link_copy_partner(s->copy, remote))
        return;
    note_linked(s, remote, f.linked.still);
    proxy_tell(s, &f);
}

static void see_if_linked(struct hash_node *node, void *arg)
{
    struct proxy_session *s = arg;
    const struct proxy_linked *d = container_of(node, const struct proxy_linked, node);
    const struct link_frame f = { .type = LINK_LINKED,
                                  .linked = { .remote = slice_of(d->name, d->n), .up = true, .still = false } };

    if (federation_is_linked(s->proxy->federation, f.linked.remote))
        return;
    proxy_tell(s, &f);
    drop_linked(node, &s->linked);
}

void proxy_see_links(struct proxy_session *s)
{
    hash_each(&s->linked, see_if_linked, s);
}

void proxy_on_link(void *owner, struct slice remote, bool up)
{
    struct link_proxy *p = owner;

    list_each (it, &p->sessions)
        tell_link(container_of(it, struct proxy_session, link), remote, up);
}

static void tell_if_linked(void *arg, const struct xmpp_partner *partner, const struct slice *more, size_t n_more)
{
    struct proxy_session *s = arg;

    if (federation_is_linked(s->proxy->federation, partner->name))
        tell_link(s, partner->name, true);
    for (size_t i = 0; i < n_more; i++)
        if (federation_is_linked(s->proxy->federation, more[i]))
            tell_link(s, more[i], true);
}

void proxy_tell_links(struct proxy_session *s)
{
    s->knows_links = true;
    if (federation_counters(s->proxy->federation)->streams_authenticated) /* mostly there are none yet */
        link_copy_each_partner(s->copy, tell_if_linked, s);
}

void proxy_links_drop_all(struct proxy_session *s)
{
    hash_each(&s->linked, drop_linked, &s->linked);
    hash_free(&s->linked);
}
