/*
 * Names for the same thing on both sides, derived and not kept: the stanza id from a SIP transaction, and tag, branch and
 * Call-ID of a request of ours from a random number (STOX-IM-15..19, 57).
 */
#ifndef STOX_MAP_IDS_H
#define STOX_MAP_IDS_H

#include "map/im.h"

#define MAP_STANZA_ID_MAX 200
#define MAP_THREAD_MAX 180
#define MAP_CALL_ID_MAX 255

/* The branch without its cookie if that is a plain token, else a keyed digest of what RFC 3261 17.2.3 identifies a
 * transaction by. In the arena; .p NULL on memory. */
struct slice map_stanza_id(struct arena *a, const struct map_conf *conf, const struct sip_msg *msg);

/* All that is fresh in a request of ours: keyed digests of a random number, so that none tells another. */
struct map_fresh {
    uint64_t nonce, branch; /* together the branch: the second is over the stanza's id too */
    uint64_t tag;
    uint64_t call_id[2];
};
void map_fresh_init(struct map_fresh *f, const struct map_conf *conf, uint64_t nonce, struct slice stanza_id);
void map_put_u64_hex(struct buf *b, uint64_t v);

/* Call-ID for a thread too long to be encoded: one way, the same for each message of the thread. .p NULL on memory. */
struct slice map_call_id_digest(struct arena *a, const struct map_conf *conf, const struct jid *from,
                                const struct jid *to, struct slice thread);

#endif
