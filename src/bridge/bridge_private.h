/* What the files of the bridge share. One bridge, one loop, no locks. */
#ifndef STOX_BRIDGE_PRIVATE_H
#define STOX_BRIDGE_PRIVATE_H

#include "base/clock.h"
#include "base/hash.h"
#include "base/rand.h"
#include "bridge/abilities.h"
#include "bridge/bridge.h"
#include "bridge/cards.h"
#include "bridge/gate.h"
#include "bridge/presence_rounds.h"
#include "bridge/presence_trial.h"
#include "bridge/prove.h"
#include "bridge/provers.h"
#include "bridge/publications.h"
#include "bridge/rates.h"
#include "bridge/receipt_table.h"
#include "bridge/replays.h"
#include "bridge/score.h"
#include "bridge/session.h"
#include "bridge/speaker.h"
#include "bridge/talk.h"
#include "bridge/threads.h"
#include "bridge/trial_list.h"
#include "bridge/typing.h"
#include "bridge/viewer.h"
#include "bridge/watch.h"
#include "bridge/watch_s2x.h"
#include "bridge/watch_x2s.h"
#include "bridge/winfo.h"
#include "map/im.h"
#include "sip/sip.h"
#include "xmpp/federation.h"

#define BRIDGE_ID_MAX 1024 /* bytes of a stanza id that a bounce is recognised by */
#define BRIDGE_KEY_MAX (8 * JID_PART_MAX + BRIDGE_ID_MAX)

struct bridge {
    struct loop *loop;
    struct log *log;
    const struct boot *boot;
    struct tls *tls;
    struct directory *directory;   /* one count is ours */
    uint32_t generation;           /* of the directory */
    uint8_t own_secret[32];        /* for dialback, when there is no passphrase */
    struct sip *sip;               /* owned */
    struct federation *federation; /* owned */
    struct map_conf map;
    /* Both are taken whole at the start, so that an error can be told and a bounce recognised without memory. */
    struct buf scratch; /* the stanza being built; never kept across a call */
    struct buf key;     /* the table key being built; likewise */
    struct log_limit refusals, log_digest, log_answers;
    struct bridge_counters counters;
    struct scores scores;
    struct rates rates; /* of people, on both sides */
    struct rates route_rates;
    struct rates watch_rates, watch_route_rates; /* of those who subscribe to presence, or ask for it, likewise */
    struct replays replays;
    struct viewers viewers;            /* likewise */
    struct trial_list trials;          /* struct trial: bridge/trial.h */
    struct trial_list presence_trials; /* struct presence_trial: bridge/presence_trial.h */
    struct publications publications;
    struct winfos winfos;
    struct cards cards;
    struct talks talks; /* for administrators; see bridge/note.h */
    uint64_t since_ms;  /* of the loop: when the bridge was made */

    /* drain.c: what is under way is answered first, but not for ever. */
    enum bridge_phase phase;
    bool quiet; /* draining: it is, and streams were closed */
    bool left;  /* to another process */
    uint64_t leaving_ms;
    struct timer drain;
    uint64_t drain_until_ms;
    void (*on_stopped)(void *arg);
    void *on_stopped_arg;

    /* prove.c: who has proven himself by a password, and by which nonces */
    struct sip_nonces sip_nonces;
    struct provers provers;
    struct sip_proof proof;

    /* s2x.c: SIP requests that wait for the fate of their stanza */
    struct hash held_by_token, held_by_id, held_by_text;
    uint64_t next_token;

    struct review {
        struct timer timer;             /* runs while there is something left to judge */
        uint64_t sessions_at, lanes_at; /* so far */
        bool sessions, lanes;           /* not all of them yet */
    } review;

    /* x2s.c: for each (sender, recipient) the stanzas that wait for the SIP side */
    struct hash lanes;
    struct list pausing; /* of these, by link pauses */
    size_t queued_bytes;
    struct threads threads;

    /* status.c: what passes besides texts */
    struct typings typings;
    struct receipt_table receipts;
    struct abilities abilities; /* of SIP users */

    struct contacts contacts;

    struct sessions sessions; /* conversations that SIP holds as INVITE sessions */

    struct hash owed; /* stanza.c: receipts that wait for their error's fate */
    struct rand_pool nonces;
    struct watch watch; /* next hops */

    struct watches_s2x watches_s2x; /* users of ours who watch partners' */
    struct watches_x2s watches_x2s; /* partners' users who watch ours */
    struct presence_rounds rounds;  /* presence.c: what looks at all contacts */
};

/* drain.c */
void bridge_drain_init(struct bridge *b);

static inline bool bridge_takes_messages(const struct bridge *b)
{
    return b->phase <= BRIDGE_LEAVING;
}

static inline bool bridge_takes_presence(const struct bridge *b)
{
    return b->phase == BRIDGE_SERVING;
}

/* s2x.c */
void s2x_message(struct bridge *b, const struct sip_request *request);
/* A MESSAGE inside of a session, from one of its two people to the other. */
struct admitted;
void s2x_in_session(struct bridge *b, const struct sip_request *request, const struct admitted *who,
                    struct im_session *session);
void s2x_settled(struct bridge *b, uint64_t token, enum xmpp_fate fate, const char *why);
void s2x_bounce(struct bridge *b, const struct xmpp_stanza *stanza);
void s2x_free(struct bridge *b);

/* x2s.c */
void x2s_message(struct bridge *b, const struct xmpp_stanza *stanza);
void x2s_free(struct bridge *b);
void x2s_give_back_all(struct bridge *b);
void x2s_let_go(struct bridge *b); /* takes all pauses back: partners are about to change */
/* After that: gives back what may not pass any more, pauses again. Goes on from *at, 0 at first, through about n lanes; false: that
 * was the end. */
bool x2s_reconsider(struct bridge *b, uint64_t *at, size_t n);

/* stanza.c: everything that is no instant message, and errors back to XMPP */
void bridge_stanza(struct bridge *b, const struct xmpp_stanza *stanza);
struct map_stanza_error;
/* receipt: of the stanza that is refused; it is given to federation_handled when the error has arrived. NULL: none. */
void bridge_send_error(struct bridge *b, const char *kind, const struct jid *from, const struct jid *to,
                       struct slice id, bool ours, const struct map_stanza_error *error, const uint64_t *receipt);
void bridge_send_condition(struct bridge *b, const char *kind, const struct jid *from, const struct jid *to,
                           struct slice id, const char *type, const char *condition, const char *text,
                           const uint64_t *receipt);

/* Sends the stanza that was built in scratch, as federation_send does; false as well when it could not be built. fate may be NULL. */
bool bridge_send(struct bridge *b, struct slice local, struct slice remote, uint64_t token, uint64_t until_ms,
                 enum xmpp_fate *fate);
/* Why it has just refused with this fate, for the administrator; borrowed until anything else is sent. */
const char *bridge_refusal(const struct bridge *b, struct slice local, struct slice remote, enum xmpp_fate fate);

/* entity.c: our domains themselves */
void entity_iq(struct bridge *b, const struct xmpp_stanza *stanza);
void entity_put_features(const struct bridge *b, struct buf *out);
struct map_entity entity_device(const struct bridge *b, const struct jid *local); /* what a device of his side takes */

/* The fate of anything the bridge has sent. */
void bridge_settled(struct bridge *b, uint64_t token, enum xmpp_fate fate, const char *why);
void bridge_free_owed(struct bridge *b);

/* One message has come to its end; remote: the partner's domain, as far as it is known. */
void bridge_count(struct bridge *b, enum score_way way, enum score_outcome outcome, struct slice remote);

/* Fires while what is held is not judged by the new settings yet (bridge.review). */
void bridge_review(struct timer *t);

/* Sets what is copied out of the directory: limits, secret, mapping. */
void bridge_take_settings(struct bridge *b);

/* One line for a refusal, rate limited: a peer can cause it at will. */
void bridge_log_refusal(struct bridge *b, const char *direction, struct slice from, struct slice to, unsigned status,
                        const char *why);
/* The same with the conversation; 0: none. */
void bridge_log_refused(struct bridge *b, const char *direction, struct slice from, struct slice to, unsigned status,
                        const char *why, uint64_t talk);

#endif
