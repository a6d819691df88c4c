/* What became of messages, for each partner that is listed, and how long SIP senders waited for their answers. */
#ifndef STOX_BRIDGE_SCORE_H
#define STOX_BRIDGE_SCORE_H

#include "base/hash.h"
#include "bridge/directory.h"

enum score_way { SCORE_S2X, SCORE_X2S, SCORE_N_WAYS };

enum score_outcome {
    SCORE_DELIVERED,
    SCORE_UNCONFIRMED, /* written; the partner confirms nothing */
    SCORE_REFUSED,     /* by us or by the other side; not delivered */
    SCORE_TIMED_OUT,   /* not acknowledged within the hold time */
    SCORE_UNKNOWN,     /* written, then the stream broke */
    SCORE_EMPTY,       /* nothing to carry */
    SCORE_N_OUTCOMES,
};

struct score {
    uint64_t n[SCORE_N_WAYS][SCORE_N_OUTCOMES];
};

#define SCORE_N_DELAYS 13

struct scores {
    struct hash partners;                /* by primary domain; no more than are listed */
    struct score none;                   /* no listed partner was involved, or there was no memory */
    uint64_t delays[SCORE_N_DELAYS + 1]; /* the last one: longer than all bounds */
    uint64_t delay_sum_ms;
};

void scores_init(struct scores *s);
void scores_fini(struct scores *s);
void scores_add(struct scores *s, const struct listed *partner, enum score_way way, enum score_outcome outcome);
void scores_delay(struct scores *s, uint64_t ms);

/* Forgets partners that are not listed any more. */
void scores_trim(struct scores *s, const struct directory *d);

/* In OpenMetrics text. Partners in the order of the directory, SCORE_PARTNERS_MAX at most, the others summed. */
#define SCORE_PARTNERS_MAX 1000
void scores_put(const struct scores *s, const struct directory *d, struct buf *out);

#endif
