/*
 * A lane: the messages of one (sender, recipient) pair on their way to SIP, one in flight, in order (RFC 3428 8,
 * STOX-IM-32, STOX-ARCH-11). Keyed by pair and not by recipient, or one slow phone would delay everybody who writes to it
 * and everybody would delay one another.
 *
 * A lane whose recipient answers promptly slows its partner down before it overflows (the stream is not read); one whose
 * recipient does not answer overflows instead, and each message too many is refused: a dead phone must not stop a partner.
 */
#ifndef STOX_BRIDGE_LANE_H
#define STOX_BRIDGE_LANE_H

#include "bridge/bridge_private.h"

#define LANE_MAX 100                /* waiting messages (STOX-IM-33) */
#define LANE_PAUSE 8                /* from here on the partner's stream is not read ... */
#define LANE_PROMPT_MS 3000         /* ... as long as the flying message is younger: two datagrams may get lost */
#define LANE_WAIT_MS 32000          /* a message that waited longer is given back */
#define LANES_BYTES_MAX (64u << 20) /* all messages of all lanes */

/* One message on its way. Everything it points to is in its arena. Owned by its lane. */
struct flight {
    struct list link;
    struct lane *lane;
    struct arena arena;
    struct jid from, to; /* XMPP side */
    struct slice id;     /* .p NULL: the stanza had none */
    uint64_t receipt;
    uint64_t since_ms;
    uint64_t sent_ms; /* when it was given to SIP */
    uint64_t talk;    /* bridge/talk.h */
    size_t charged;   /* bytes counted in bridge.queued_bytes */
    struct map_im_message message;
    uint32_t generation; /* of the directory that it was judged by */
    unsigned status;     /* what SIP has answered; 0: nothing yet */
    bool owed;           /* an error tells the fate, and takes the receipt with it */
    bool tried_aor;      /* the GRUU failed, the address of record was tried (STOX-IM-51) */
};

struct lane {
    struct hash_node node;
    struct bridge *bridge;
    struct list waiting;   /* struct flight, oldest first */
    struct flight *flying; /* NULL: none */
    struct sip_client *client;
    struct timer prompt; /* runs while pausing: the recipient is not prompt any more when it fires */
    size_t n_waiting;
    bool pausing, slow;
    bool let_go;         /* was pausing when the settings changed */
    struct slice remote; /* partner domain, in key */
    size_t key_n;
    char key[]; /* "from-bare LF to" */
};

/* The lane of this pair, made when there is none. NULL on memory. */
struct lane *lane_of(struct bridge *b, const struct jid *from, const struct jid *to);

/* Takes f. It is sent now or later, or given back; the lane may be gone after this. */
void lane_add(struct lane *lane, struct flight *f);

/* The end of f: its stanza counts as handled, unless an error has taken that over. */
void flight_free(struct flight *f, struct bridge *b);

void lane_free(struct lane *lane);

/* Before the directory changes: takes the pause back. After: gives back what may not pass, pauses again if need be; the
 * lane may be gone then. The flying message goes on: what SIP says of it is the truth. */
void lane_let_go(struct lane *lane);
void lane_reconsider(struct lane *lane);

/* Gives every message of the lane back to its sender, the flying one too, and frees the lane. */
void lane_give_back(struct lane *lane);

#endif
