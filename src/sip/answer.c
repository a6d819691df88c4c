/* Answers that the stack gives by itself to requests of dialogs. */
#include "sip/stack.h"

void sip_answer(struct sip *sip, const struct sip_incoming *in, unsigned status, const char *reason,
                struct slice headers)
{
    struct sip_server *txn =
        sip_servers_full(&sip->servers) ? NULL : sip_servers_add(&sip->servers, in->id, in->m, in->source);

    if (status >= 300)
        sip->counters.refused++;
    if (txn)
        sip_respond(txn, status, reason, headers);
    else
        sip_servers_reply(&sip->servers, in->id, in->m, in->source, status, reason, headers);
}
