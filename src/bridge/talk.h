/*
 * Conversations: for two people, one on SIP and one on XMPP, what passed between them and what became of it last. For
 * administrators only: nothing is decided by it, and a conversation that was forgotten goes on as before.
 *
 * The id of a conversation is a keyed hash of its two people: the same after a restart and on all nodes of an installation,
 * on both legs and in the log, whether it is remembered here or not. Costs a message two look-ups.
 */
#ifndef STOX_BRIDGE_TALK_H
#define STOX_BRIDGE_TALK_H

#include "base/hash.h"
#include "base/list.h"
#include "bridge/score.h"
#include "xmpp/jid.h"

#define TALKS_BYTES_MAX ((size_t)16 << 20) /* some 40000 conversations; who was silent longest is forgotten */
#define TALK_WHY_MAX 400                   /* bytes of a sentence that are kept */
#define TALK_ID_LEN 16                     /* hex digits */

struct talks {
    struct hash by_id; /* struct talk; its hash is its id */
    /* Active longest ago first. What never had a message pass goes before all else: it costs a stranger nothing to make. */
    struct list passed, refused;
    size_t bytes, bytes_max;
    uint64_t last_turn;
};

/* How one message ended. Texts are borrowed. */
struct talk_end {
    enum score_outcome outcome;
    unsigned status;       /* of SIP; 0: none */
    const char *condition; /* of the stanza error, constant; NULL: none */
    struct slice why;      /* a sentence for administrators; empty: nothing to be said */
};

/* One way of a conversation. */
struct talk_way {
    uint64_t n, n_delivered, n_failed; /* that came; those unconfirmed count as delivered */
    uint64_t came_ms, ended_ms;        /* the last one; 0: none yet */
    struct talk_end last;              /* valid with ended_ms */
};

struct talk {
    struct hash_node node;
    struct list link;
    uint64_t turn; /* grows with each thing that happens, over all conversations */
    uint64_t since_ms, active_ms;
    struct talk_way ways[SCORE_N_WAYS];
    uint64_t n_bounced_late; /* errors that came after the sender had been told that it arrived */
    uint64_t bounced_ms;
    const char *bounced_condition; /* constant */
    struct slice local, remote;    /* bare addresses */
    bool passed;
    bool in_session; /* the last message was in an INVITE session; else one by itself */
    size_t size;     /* charged */
    char names[];
};

/* key: secret bytes of the installation. Takes no memory yet. */
void talks_init(struct talks *t, size_t bytes_max, const uint8_t key[16]);
void talks_fini(struct talks *t);

/* Never 0. */
uint64_t talks_id(const struct talks *t, const struct jid *local, const struct jid *remote);

/* A message came that way. Without memory it is not remembered; the id is given all the same. */
uint64_t talks_came(struct talks *t, enum score_way way, const struct jid *local, const struct jid *remote,
                    uint64_t now_ms);

/* Was it in an INVITE session? Harmless when the conversation is not remembered. */
void talks_mode(struct talks *t, uint64_t id, bool in_session);

/* ... and ended so. Harmless when the conversation is not remembered. */
void talks_ended(struct talks *t, uint64_t id, enum score_way way, const struct talk_end *end, uint64_t now_ms);

/* An error came for a message whose sender had been answered. condition is constant. */
void talks_bounced(struct talks *t, const struct jid *local, const struct jid *remote, const char *condition,
                   uint64_t now_ms);

/* NULL: not remembered. */
const struct talk *talks_find(const struct talks *t, uint64_t id);

/* All of them, active last first; nothing else may happen to the table meanwhile. before: only those with a smaller turn. */
struct talks_walk {
    const struct list *heads[2], *at[2];
    uint64_t before;
};
void talks_walk(const struct talks *t, struct talks_walk *w, uint64_t before);
const struct talk *talks_next(struct talks_walk *w);

#endif
