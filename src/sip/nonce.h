/*
 * Nonces of our challenges (RFC 7616 5.4, 5.5). Nothing is kept of one that was given out: it carries the second of its
 * making, a number, and a keyed hash of both, of the algorithm it was offered for, and of who asked. So it is good for a
 * short while, for one algorithm, and from one address.
 *
 * What is kept is how far each has been counted, of those that a user has proven himself with (STOX-SEC-25). That memory is
 * bounded: when it is full the one that was used longest ago is forgotten, and with it every nonce that is as old.
 */
#ifndef STOX_SIP_NONCE_H
#define STOX_SIP_NONCE_H

#include "base/hash.h"
#include "base/list.h"
#include "sip/digest.h"

#define SIP_NONCE_TEXT 33    /* with its NUL */
#define SIP_NONCE_LIFE_S 300 /* then the next request is challenged anew, with stale=true */
#define SIP_NONCES_MAX 65536 /* about 5 MB */

struct sip_nonces {
    struct hash marks; /* holds nothing: its key makes them unforgeable ... */
    struct hash more;  /* ... together with this one's */
    struct hash used;
    struct list by_use; /* used longest ago first */
    uint64_t last;
    uint64_t floor_s; /* those made up to here are forgotten */
    size_t max;
};

void sip_nonces_init(struct sip_nonces *t);
void sip_nonces_fini(struct sip_nonces *t);

/* who: what stands for the one who asks, his address say. */
void sip_nonce_make(struct sip_nonces *t, enum sip_digest digest, struct slice who, uint64_t now_ms,
                    char out[SIP_NONCE_TEXT]);

enum sip_nonce {
    SIP_NONCE_GOOD,
    SIP_NONCE_STALE,     /* ours once, or not ours, or somebody else's: worth another challenge */
    SIP_NONCE_REPLAYED,  /* it has been counted as far already */
    SIP_NONCE_NO_MEMORY, /* nothing was counted */
};

/* Is it ours, young enough, for this algorithm and this one? Counts nothing. */
enum sip_nonce sip_nonce_check(const struct sip_nonces *t, struct slice nonce, enum sip_digest digest, struct slice who,
                               uint64_t now_ms);

/* One that sip_nonce_check found good, and with which a user has proven himself: counts it up to nc. */
enum sip_nonce sip_nonce_count(struct sip_nonces *t, struct slice nonce, uint32_t nc);

#endif
