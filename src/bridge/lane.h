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
#include "sip/attempt.h"
#include "sip/dialog.h"

#define LANE_MAX 100                /* waiting messages (STOX-IM-33) */
#define LANE_PAUSE 8                /* from here on the partner's stream is not read ... */
#define LANE_PROMPT_MS 3000         /* ... as long as the flying message is younger: two datagrams may get lost */
#define LANE_WAIT_MS 32000          /* a message that waited longer is given back */
#define LANE_ANSWER_MS 32000        /* all SIP servers together have so long to answer: Timer F of one */
#define LANES_BYTES_MAX (64u << 20) /* all messages of all lanes */

#define LANE_GRACE_MS 500 /* so long at most a text waits for the answer to who is typing */

enum flight_kind {
    FLIGHT_TEXT,
    FLIGHT_TYPING,  /* gives way to any text, and to a later one of its kind */
    FLIGHT_RECEIPT, /* keeps its place in line */
};

/* One message on its way. Everything it points to is in its arena. Owned by its lane. */
struct flight {
    struct list link;
    struct lane *lane;
    enum flight_kind kind; /* of all but FLIGHT_TEXT nobody is told what became of it (bridge/status.h) */
    struct arena arena;
    struct jid from, to; /* XMPP side */
    struct slice id;     /* .p NULL: the stanza had none */
    uint64_t receipt;
    uint64_t since_ms;
    uint64_t sent_ms; /* when it was given to SIP */
    uint64_t talk;    /* bridge/talk.h */
    size_t charged;   /* bytes counted in bridge.queued_bytes */
    struct map_im_message message;
    struct flight_ask {
        struct slice headers, body; /* of the form that asks for notifications; body.n 0: it goes without */
        uint64_t receipt;           /* what bridge/receipts.h remembers of it */
    } ask;
    struct slice type;   /* of the stanza, if its sender wants a receipt */
    uint32_t generation; /* of the directory that it was judged by */
    unsigned status;     /* what SIP has answered; 0: nothing yet */
    bool owed;           /* an error tells the fate, and takes the receipt with it */
    bool tried_aor;      /* the GRUU failed, the address of record was tried (STOX-IM-51) */
    unsigned max_forwards;
    bool in_session; /* flies, or flew last, in an INVITE session */
    bool renewed;    /* its session was gone; it went into a new one, once */
    bool moved;      /* its session's server could not be reached; it went to another one, once */
};

struct lane {
    struct hash_node node;
    struct bridge *bridge;
    struct list waiting;   /* struct flight, oldest first */
    struct flight *flying; /* NULL: none */
    struct sip_attempt *attempt;
    struct sip_client *client; /* in a session */
    struct sip_lookup *lookup; /* of the servers of one that will be in a session */
    struct im_session
        *session; /* the flying one waits for it to be answered (client and lookup NULL), or is in it; NULL: neither */
    struct timer prompt; /* runs while pausing: the recipient is not prompt any more when it fires */
    struct timer grace;  /* runs while a text waits behind a flying typing state */
    size_t n_waiting;
    struct list pauses; /* in bridge.pausing, while it does */
    bool pausing, slow;
    bool let_go;         /* was pausing when the settings changed, and has not been judged since */
    struct slice remote; /* partner domain, in key */
    size_t key_n;
    char key[]; /* "from-bare LF to" */
};

/* The lane of this pair, made when there is none. NULL on memory. */
struct lane *lane_of(struct bridge *b, const struct jid *from, const struct jid *to);

/* Takes f. It is sent now or later, or given back; the lane may be gone after this. */
void lane_add(struct lane *lane, struct flight *f);

/* from, to and id are copied. NULL on memory. */
struct flight *flight_new(enum flight_kind kind, const struct jid *from, const struct jid *to, struct slice id);
/* Takes over what map left in the stanza's own memory. False on memory. */
bool flight_keep(struct flight *f, const struct map_im_message *message);
/* What it holds now counts as queued. */
void flight_charge(struct flight *f, struct bridge *b);

/* The end of f: its stanza counts as handled, unless an error has taken that over. */
void flight_free(struct flight *f, struct bridge *b);

void lane_free(struct lane *lane);

/* The servers that requests to this domain by this route may go to, to be given to sip_targets_drop. NULL: they have to be looked up
 * (sip_locate), or all of them ask to be left alone. */
struct sip_targets *lane_targets(struct bridge *b, const struct route *route, struct slice domain);

/* The first of them now. False: as above. */
bool lane_target(struct bridge *b, const struct route *route, struct slice domain, struct sip_target *out);

/* What the flying text waited for (bridge/session.h): a session is there, or the text is to set out anew for another reason. */
void lane_session_up(struct lane *lane);
/* Our INVITE has failed. All that waited for it goes back, or by MESSAGE where the route allows that (STOX-SES-02, 44). */
void lane_session_failed(struct lane *lane, const struct sip_end *end);

/* Before the directory changes: takes the pause of a lane that pauses back. After: gives back what may not pass, pauses again if need be; the
 * lane may be gone then. The flying message goes on: what SIP says of it is the truth. */
void lane_let_go(struct lane *lane);
void lane_reconsider(struct lane *lane);

/* Gives every message of the lane back to its sender, the flying one too, and frees the lane. */
void lane_give_back(struct lane *lane);

#endif
