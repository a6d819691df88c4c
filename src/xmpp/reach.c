#include "xmpp/reach.h"

#include "xmpp/core.h"

bool xmpp_reach_port_may(uint16_t port, char why[XMPP_REACH_WHY])
{
    return reach_port_may(port, "XMPP", why);
}

bool xmpp_reach_is_ours(const struct xmpp *x, const struct addr *to)
{
    list_each (it, &x->listeners)
        if (listener_takes(listener_local(container_of(it, struct xmpp_listener, link)->listener), to))
            return true;
    return x->conf.ops->listens && x->conf.ops->listens(x->conf.owner, to);
}

static bool is_ours(void *owner, const struct addr *to)
{
    return xmpp_reach_is_ours(owner, to);
}

bool xmpp_reach_may(const struct xmpp *x, const struct addr *to, enum reach_by by, char why[XMPP_REACH_WHY])
{
    const struct reach reach = { .nets = x->conf.limits.partner_networks,
                                 .n_nets = x->conf.limits.n_partner_networks,
                                 .setting = "partner-networks",
                                 .listens = is_ours,
                                 .owner = (void *)x };

    return reach_may(&reach, to, by, why);
}
