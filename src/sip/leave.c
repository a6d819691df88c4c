/* Two processes, one set of UDP sockets: what is ours, of what comes. */
#include "sip/stack.h"

void sip_leave(struct sip *sip, sip_pass *pass, void *arg)
{
    sip->pass = pass;
    sip->pass_arg = arg;
}

bool sip_is_busy(const struct sip *sip)
{
    return sip->servers.by_call.n || sip->invites.by_call.n || sip->clients.by_branch.n;
}

static bool is_of_dialog(const struct sip *sip, const struct sip_msg *m)
{
    return m->to_tag.n && (sip_dialogs_find(sip, m->call_id, m->to_tag) || sip_subs_find(sip, m->call_id, m->to_tag));
}

/* Of the transactions; ACK and CANCEL are by what they are about. True: it was taken. */
static bool take_of_transaction(struct sip *sip, const struct sip_incoming *in)
{
    switch (in->m->method_id) {
    case SIP_ACK: return sip_invites_ack(&sip->invites, in->m);
    case SIP_INVITE: return sip_invites_repeat(&sip->invites, in);
    case SIP_CANCEL: return sip_servers_repeat(&sip->servers, in->id, in->m, in->source) || sip_dialogs_cancel(sip, in);
    default: return sip_servers_repeat(&sip->servers, in->id, in->m, in->source);
    }
}

bool sip_take_own(struct sip *sip, const struct sip_msg *m, const struct sip_source *source)
{
    struct sip_peer peer = sip_peer_of(source);
    struct slice route = { 0 };
    struct sip_server_id id;
    struct sip_incoming in = { .m = m, .id = &id, .source = source, .peer = &peer };

    if (!m->is_request)
        return sip_clients_response(&sip->clients, m);
    if (!sip->conf.ops->source(sip->conf.owner, &peer, &route))
        return false; /* a stranger has no transaction */
    in.route = route;
    sip_servers_identify(&sip->servers, m, m->method, &id);
    if (is_of_dialog(sip, m) || sip_reuses_branch(sip, m, &id)) {
        (void)sip_take(sip, SIP_PARSE_OK, m, NULL, source);
        return true;
    }
    if (!take_of_transaction(sip, &in))
        return false;
    sip->counters.requests_in++;
    return true;
}
