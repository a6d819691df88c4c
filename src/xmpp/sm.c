#include "xmpp/sm.h"

#include <string.h>

bool xmpp_sm_out_ack(struct xmpp_sm_out *sm, uint32_t h, uint32_t *n_new)
{
    uint32_t n = h - sm->acked;

    if (n > sm->sent - sm->acked)
        return false;
    sm->acked = h;
    *n_new = n;
    return true;
}

bool xmpp_sm_in_received(struct xmpp_sm_in *sm, uint32_t *seq)
{
    if (xmpp_sm_in_open(sm) >= XMPP_SM_WINDOW)
        return false;
    *seq = sm->received++;
    return true;
}

static uint64_t *word_of(struct xmpp_sm_in *sm, uint32_t seq, uint64_t *bit)
{
    *bit = UINT64_C(1) << (seq % 64);
    return &sm->done[seq % XMPP_SM_WINDOW / 64];
}

bool xmpp_sm_in_handled(struct xmpp_sm_in *sm, uint32_t seq)
{
    uint64_t bit, *word;

    if (seq - sm->handled >= xmpp_sm_in_open(sm))
        return false;
    word = word_of(sm, seq, &bit);
    *word |= bit;
    if (seq != sm->handled)
        return false;
    while (sm->handled != sm->received) {
        word = word_of(sm, sm->handled, &bit);
        if (!(*word & bit))
            break;
        *word &= ~bit;
        sm->handled++;
    }
    return true;
}

bool xmpp_sm_in_is_done(const struct xmpp_sm_in *sm, uint32_t seq)
{
    return sm->done[seq % XMPP_SM_WINDOW / 64] >> (seq % 64) & 1;
}

void xmpp_sm_in_go_on(struct xmpp_sm_in *sm)
{
    sm->received = sm->asked = sm->handled;
    sm->owing = false;
    memset(sm->done, 0, sizeof(sm->done));
}
