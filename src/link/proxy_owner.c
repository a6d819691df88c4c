/*
 * Which gateway a pair of domains belongs to, when several have it: one at a time. Sessions are in the order in which they were heard
 * without a pause, so that a pair stays where it has gone when its first gateway comes back.
 */
#include "link/proxy_parts.h"

static bool has_pair(const struct link_copy *copy, struct slice local, struct slice remote)
{
    return copy && link_copy_serves(copy, local, NULL) && link_copy_partner(copy, remote);
}

static bool is_heard(const struct proxy_session *s)
{
    return s->begins || s->session.line || link_lease_holds(&s->session.lease, loop_now(s->proxy->conf.loop));
}

struct proxy_session *proxy_owner_of(const struct link_proxy *p, struct slice local, struct slice remote)
{
    struct proxy_session *first = NULL;

    list_each (it, &p->sessions) {
        struct proxy_session *s = container_of(it, struct proxy_session, link);

        if (s->over || !has_pair(s->copy, local, remote))
            continue;
        if (s->phase == LINK_SERVE && is_heard(s))
            return s;
        if (!first)
            first = s;
    }
    return first;
}

/* The settings that count for it: when its gateway has handed over, those of the process that has come after it. NULL: none. */
static const struct link_copy *copy_of(const struct proxy_session *s)
{
    if (!s->leaving)
        return s->copy;
    list_each (it, &s->proxy->sessions) {
        const struct proxy_session *each = container_of(it, const struct proxy_session, link);

        if (!each->leaving && slice_is(slice_str(each->pin), s->pin))
            return each->copy;
    }
    return NULL;
}

/*
 * Who has the settings of the owner's installation, which the dialback secret tells, may send as the owner does: a SIP server may use any
 * node of a cluster, and what the partner's server says comes to who has sent. Others may not speak for a domain that is taken.
 */
const char *proxy_may_not_send(const struct proxy_session *s, struct slice local, struct slice remote,
                               const struct xmpp_partner **partner)
{
    const struct link_copy *copy = copy_of(s);
    const struct proxy_session *owner = proxy_owner_of(s->proxy, local, remote);

    if (!has_pair(copy, local, remote))
        return "the settings that the proxy was told have no such pair of domains";
    if (owner && !slice_eq(link_copy_secret(owner->copy), link_copy_secret(copy)))
        return "a gateway of another installation, with another dialback secret, has this pair of domains at this "
               "proxy";
    *partner = link_copy_partner(copy, remote);
    return NULL;
}

static bool is_alone(const struct link_proxy *p)
{
    return p->sessions.next == p->sessions.prev;
}

void proxy_stand_back(struct proxy_session *s)
{
    struct link_proxy *p = s->proxy;

    if (is_alone(p))
        return;
    list_unlink(&s->link);
    list_push(&p->sessions, &s->link);
    if (!is_heard(s))
        proxy_pass_on(s, false);
}

void proxy_take_over(struct link_proxy *p)
{
    list_each (it, &p->sessions) {
        struct proxy_session *s = container_of(it, struct proxy_session, link);

        if (!is_heard(s))
            proxy_pass_on(s, false);
    }
}
