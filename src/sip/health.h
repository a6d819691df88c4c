/*
 * How the servers that we send to are: what requests came to there, and what OPTIONS (STOX-SIP-58) say. A target is down when two in
 * a row have failed, and up again when two in a row were answered, so that one lost datagram changes nothing. One that fails is
 * tried after the others; one that asks to be left alone (503 with Retry-After) is, for as long as it asks, within a bound.
 * Targets that nothing is known of, and that nobody watches, take no memory.
 */
#ifndef STOX_SIP_HEALTH_H
#define STOX_SIP_HEALTH_H

#include "base/hash.h"
#include "base/list.h"
#include "sip/destination.h"

#define SIP_HEALTH_MAX 4096
#define SIP_HEALTH_CHANGES 2         /* in a row, to be down, and to be up again */
#define SIP_HEALTH_AVOID_MIN_MS 5000 /* tried last after a failure, doubled with each further one */
#define SIP_HEALTH_AVOID_MAX_MS 120000
#define SIP_HEALTH_ALONE_MAX_S 300 /* whatever Retry-After says */
#define SIP_HEALTH_ANSWER_MS 8000  /* for the answer to OPTIONS: five copies over UDP */

struct sip_healths {
    struct sip *sip;
    struct hash by_target;
    struct list used; /* the one heard of last is the last */
};

void sip_healths_init(struct sip_healths *h, struct sip *sip);
void sip_healths_fini(struct sip_healths *h);

enum sip_fitness {
    SIP_FIT,
    SIP_FIT_LAST, /* down, or failed a moment ago */
    SIP_FIT_NOT,  /* asks to be left alone */
};
enum sip_fitness sip_health_fitness(const struct sip *sip, const struct sip_target *target);

/* What came of a request. Any answer but 408 and 503 is good. */
void sip_health_answered(struct sip *sip, const struct sip_target *target);
void sip_health_failed(struct sip *sip, const struct sip_target *target, const char *why); /* why: a clause */

/* Has it answered anything since then? Then it lives, and what is silent is behind it. */
bool sip_health_heard_since(const struct sip *sip, const struct sip_target *target, uint64_t since_ms);

/* What came of a request that was given to it at since_ms. Of one that is silent others may know better: it has answered them. */
void sip_health_judge(struct sip *sip, const struct sip_target *target, uint64_t since_ms,
                      const struct sip_result *result);

/* 503. retry_after_s 0: it does not say how long. */
void sip_health_busy(struct sip *sip, const struct sip_target *target, unsigned retry_after_s);

/* Asks each of them by OPTIONS, unless the last question is still open. */
void sip_health_check(struct sip *sip, const struct sip_targets *targets);

struct sip_health_info {
    enum { SIP_HOP_UNKNOWN, SIP_HOP_UP, SIP_HOP_DOWN } state;
    uint64_t since_ms, checked_ms; /* ago; of the state, and of the last answer or failure. UINT64_MAX: never */
    unsigned answer_ms;            /* what the last answer to OPTIONS took */
    uint64_t alone_ms;             /* left alone for so long yet */
    const char *why;               /* of the last failure; borrowed */
};
const char *sip_health_name(const struct sip_health_info *info); /* "up" */
void sip_health_show(const struct sip *sip, const struct sip_target *target, struct sip_health_info *out);

/* Of a 503 or of any answer; 0: none, or one that is no number. */
unsigned sip_retry_after(const struct sip_msg *m);

#endif
