/* PUBLISH: the owner's, as a MESSAGE is, once its event package is known. RFC 3903 6. */
#include "sip/stack.h"

void sip_subs_publish(struct sip *sip, const struct sip_incoming *in)
{
    struct sip_request request = { .msg = in->m, .from = in->peer, .route = in->route };
    struct slice id;
    unsigned status;

    buf_clear(&sip->headers);
    status = sip_sub_check_event(sip, in->m, false, &id);
    if (status) {
        sip->counters.refused++;
        sip_servers_reply(&sip->servers, in->id, in->m, in->source, status, status == 400 ? "Bad Event" : NULL,
                          buf_slice(&sip->headers));
        return;
    }
    if (sip_servers_full(&sip->servers)) { /* a datagram, which comes again */
        sip->counters.dropped_full++;
        return;
    }
    request.txn = sip_servers_add(&sip->servers, in->id, in->m, in->source);
    if (request.txn)
        sip->conf.ops->events->publish(sip->conf.owner, &request);
    else
        sip_servers_reply(&sip->servers, in->id, in->m, in->source, 503, NULL, SLICE("Retry-After: 10\r\n"));
}
