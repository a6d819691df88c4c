/* What administrators see of the XMPP side, handed through. */
#include "bridge/bridge_private.h"

void bridge_each_stream(const struct bridge *b, void (*fn)(void *arg, const struct xmpp_stream_info *info), void *arg)
{
    xmpp_each_stream(b->xmpp, fn, arg);
}

bool bridge_close_stream(struct bridge *b, uint64_t id)
{
    return xmpp_close_stream(b->xmpp, id);
}

bool bridge_show_stream(const struct bridge *b, uint64_t id,
                        void (*fn)(void *arg, const struct xmpp_stream_detail *detail), void *arg)
{
    return xmpp_show_stream(b->xmpp, id, fn, arg);
}

void bridge_each_attempt(const struct bridge *b, void (*fn)(void *arg, const struct xmpp_attempt_info *info), void *arg)
{
    xmpp_each_attempt(b->xmpp, fn, arg);
}

uint64_t bridge_probe_start(struct bridge *b, struct slice local, struct slice remote, const char **why)
{
    return xmpp_probe_start(b->xmpp, local, remote, why);
}

bool bridge_probe_show(const struct bridge *b, uint64_t id, void (*fn)(void *arg, const struct xmpp_probe_info *info),
                       void *arg)
{
    return xmpp_probe_show(b->xmpp, id, fn, arg);
}

struct slice bridge_partner_of(const struct bridge *b, struct slice domain)
{
    const struct listed *partner = directory_partner(b->directory, domain);

    return partner ? partner->xmpp.name : (struct slice){ 0 };
}
