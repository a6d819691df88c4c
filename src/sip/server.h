/*
 * Server transactions (RFC 3261 17.2), without sockets: requests that wait for our answer, and answers that wait for a
 * retransmission of their request. A waiting request is one copy of what its response repeats; a finished one keeps only
 * its status, because the retransmission brings the rest along.
 */
#ifndef STOX_SIP_SERVER_H
#define STOX_SIP_SERVER_H

#include "base/timers.h"
#include "sip/flow.h"

struct sip_servers {
    struct timers *timers;
    const struct sip_wire *wire;
    struct sip_counters *counters;
    unsigned provisional_ms;
    uint64_t keep_ms;        /* Timer J: 64*T1 */
    size_t max;              /* waiting requests */
    size_t kept_max;         /* finished ones: beyond it the oldest is forgotten before Timer J */
    void (*room)(void *arg); /* was full, and is well below now; may be NULL */
    void *room_arg;

    struct hash by_call;   /* From tag, Call-ID, CSeq */
    struct hash by_branch; /* branch, sent-by, method: one transaction each */
    struct list kept;      /* finished ones, oldest first */
    size_t n_waiting;
    struct hash tags; /* holds nothing: its key makes To tags */
    struct buf
        scratch; /* keys and responses in the making; taken whole at the start, so that a key is always complete */
    bool was_full;
};

/*
 * Who a request is, as keyed hashes: call of its From tag, Call-ID and CSeq, which all copies of a request share (RFC 3261
 * 8.2.2.2), tag of what tells transactions apart: branch, sent-by and method (17.2.3). A transaction has its tag for itself.
 * The same in both is a retransmission, the same call alone a merged request (482). The same tag alone belongs to the
 * transaction and yet is another request, of a client that cannot count (8.1.1.7): the transaction's answer would confirm
 * a message that nobody has looked at, and so it is refused with 400.
 *
 * tag is our To tag at once, and so the same for each repetition, without memory (8.2.7).
 */
struct sip_server_id {
    uint64_t tag, call;
    uint32_t cseq;
};

/* False: no memory. sip_servers_fini is due all the same. */
bool sip_servers_init(struct sip_servers *t);
void sip_servers_fini(struct sip_servers *t);

/* method: the request's own, or for a CANCEL that of the request it may mean. */
void sip_servers_identify(struct sip_servers *t, const struct sip_msg *m, struct slice method,
                          struct sip_server_id *id);

/* Another limit; what waits stays. */
void sip_servers_limit(struct sip_servers *t, size_t max);

static inline bool sip_servers_full(const struct sip_servers *t)
{
    return t->n_waiting >= t->max;
}

bool sip_servers_known(const struct sip_servers *t, const struct sip_server_id *id);

/* True: its branch, sent-by and method are a transaction's here, and it is another request. */
bool sip_servers_reused(const struct sip_servers *t, const struct sip_server_id *id);

/* The key of by_branch, here and in other tables. */
uint64_t sip_servers_branch_key(const struct hash *by_branch, uint64_t tag);

/* True: a retransmission, and what is to be sent for it was sent. */
bool sip_servers_repeat(struct sip_servers *t, const struct sip_server_id *id, const struct sip_msg *m,
                        const struct sip_source *source);

/* True: the same request came over another path and is known already (482). Asked of new requests only. */
bool sip_servers_merged(struct sip_servers *t, const struct sip_server_id *id);

/* A new transaction, waiting for sip_respond. NULL: no memory. The caller has asked sip_servers_full. */
struct sip_server *sip_servers_add(struct sip_servers *t, const struct sip_server_id *id, const struct sip_msg *m,
                                   const struct sip_source *source);

/* Where a waiting request came from: what a Contact in its answer is for. */
struct sip_target sip_server_source(const struct sip_server *txn);

/* As sip_respond, with a body that headers describe. */
void sip_respond_with(struct sip_server *txn, unsigned status, struct slice headers, struct slice body);

/* Answers without a transaction. Never for an ACK. */
void sip_servers_reply(struct sip_servers *t, const struct sip_server_id *id, const struct sip_msg *m,
                       const struct sip_source *source, unsigned status, const char *reason, struct slice headers);

/* The same, unless the answer would have more than max bytes: then nothing is sent, and it is false (STOX-SEC-16). */
bool sip_servers_reply_within(struct sip_servers *t, const struct sip_server_id *id, const struct sip_msg *m,
                              const struct sip_source *source, const struct sip_challenge *answer, size_t max);

#endif
