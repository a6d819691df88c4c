/* What the files of watch_x2s share: the object (watch_x2s.c), what it tells XMPP (watch_x2s_tell.c), how it asks SIP (watch_x2s_ask.c). */
#ifndef STOX_BRIDGE_WATCH_X2S_PARTS_H
#define STOX_BRIDGE_WATCH_X2S_PARTS_H

#include "bridge/bridge_private.h"
#include "bridge/watch_x2s.h"

#define WATCH_CLIENTS_MAX 6    /* of the watcher; of more it is not known when the last one goes */
#define WATCH_BACKOFF_MS 60000 /* doubled with each failure, up to an hour */
#define WATCH_BACKOFF_MAX_MS 3600000
#define WATCH_AGAIN_MS                                                                                                 \
    60000 /* one SUBSCRIBE for a pair in this time, where somebody's stanza is the cause (STOX-PRS-35) */
#define WATCH_GONE_MS 32000   /* 64*T1: a lost subscription that is not back by then shows */
#define WATCH_ENDING_MS 70000 /* Expires 0 and its NOTIFY have met their end long before */
#define WATCH_ASKING_MAX_S (3 * 86400)

/* What is done when the contact is durable. */
enum watch_due { WATCH_DUE_ASK = 1, WATCH_DUE_YES = 2, WATCH_DUE_NO = 4, WATCH_DUE_ERROR = 8, WATCH_DUE_STOP = 16 };

/* Owned by its contact (contact->x2s_watch), from the first event to the end of the last. */
struct watch_x2s {
    struct bridge *bridge;
    struct contact *contact;
    struct sip_sub *sub;                 /* NULL: none */
    struct list link;                    /* in watches_x2s.all, or next */
    struct list wish;                    /* in watches_x2s.wishes */
    struct list held;                    /* in watches_x2s.held */
    struct timer timer;                  /* asking again; in X2S_ENDING the patience for the end */
    struct timer gone;                   /* X2S_TELL_GONE_LATER */
    struct map_packed *known;            /* what SIP has said last; NULL: nothing, or nobody is there */
    struct map_packed *newest;           /* with held: what known is to become */
    char *asker;                         /* resource of a probe that waits for what is known; NULL: none */
    uint64_t asked_ms;                   /* when the last SUBSCRIBE left that began a dialog; 0: never */
    uint64_t active_ms;                  /* when it came to be active */
    uint32_t clients[WATCH_CLIENTS_MAX]; /* hashes of the watcher's resources that are there */
    unsigned error;                      /* status that X2S_TELL_ERROR tells; 0: nobody answered */
    uint16_t waits;                      /* calls of contact_then that have not come back */
    uint8_t n_clients;
    uint8_t failures;
    uint8_t due; /* enum watch_due */
    enum x2s_state state : 8;
    bool told : 1;    /* he has heard that he may see */
    bool shown : 1;   /* ... and what is known */
    bool pending : 1; /* the subscription does not say active */
    bool clients_known : 1;
    bool asker_only : 1; /* the one who probes is the first to come: nobody else is there to be told */
};

/* What an event brings along. */
struct watch_cause {
    const struct xmpp_stanza *stanza; /* or NULL */
    const struct sip_sub_end *end;    /* or NULL */
    unsigned retry_after_s;
};

void watch_x2s_event(struct watch_x2s *w, enum x2s_event event, const struct watch_cause *cause);

/* The watch of a contact, made if it is not there. NULL: no memory. */
struct watch_x2s *watch_x2s_of(struct bridge *b, struct contact *c);

/* It goes without a word to anybody. */
void watch_x2s_free(struct watch_x2s *w);

/* w is freed, and its contact tidied, if there is nothing left of it. */
void watch_x2s_settle(struct watch_x2s *w);

/* ---- watch_x2s_life.c ---- */

void watches_on_look(struct timer *t);
void watches_on_restore(struct timer *t);

/* ---- watch_x2s_tell.c ---- */

void watch_tell_type(struct bridge *b, const struct contact *c, const char *type); /* "subscribed" */
void watch_tell_error(struct bridge *b, const struct contact *c, unsigned status, struct slice id);
/* All that is known, to his bare address, or to a client of his; unavailable, where nobody is there. */
void watch_tell_known(struct watch_x2s *w, struct slice resource);
/* Unavailable, of all that he was shown; nothing is known any more. */
void watch_tell_gone(struct watch_x2s *w);
/* The difference to what is known; now becomes that. False: no memory, nothing was told. */
bool watch_tell_difference(struct watch_x2s *w, struct arena *a, const struct map_presences *now);

/* ---- watch_x2s_held.c ---- */

/* Is there no room for presence on the way to him now? */
bool watch_x2s_must_hold(const struct watch_x2s *w);
/* Instead of telling it, and of what was held before. Takes newest. */
void watch_x2s_hold(struct watch_x2s *w, struct map_packed *newest);
void watch_x2s_let_go(struct watch_x2s *w); /* what is held is not told any more */
void watches_x2s_on_room(struct timer *t);

/* ---- watch_x2s_ask.c ---- */

/* A SUBSCRIBE in a dialog of its own, as soon as the pace allows. */
void watch_wish(struct watch_x2s *w);
void watch_unwish(struct watch_x2s *w);
void watch_wishes_on_pace(struct timer *t);
/* The route to the one who is watched, if these two may still; NULL: they may not. */
const struct route *watch_x2s_route(const struct bridge *b, const struct contact *c);
/* The SUBSCRIBE by which the partner's user asks ours; in the arena. False: an address that SIP cannot have, or no memory. */
bool watch_x2s_request(const struct bridge *b, const struct jid *local, const struct jid *remote,
                       const struct route *route, struct arena *a, struct sip_subscribe *out);

/* ---- watch_x2s_sip.c ---- */

/* What a NOTIFY about our user says. Status of the answer to it; 200 with *said: there is a document of him, in the arena. */
unsigned watch_x2s_read(const struct bridge *b, const struct jid *local, struct arena *a, const struct sip_msg *msg,
                        struct map_presences *out, bool *said);
/* Active, with what is said; he is told what he did not know, once he has heard that he may see. */
void watch_x2s_take_active(struct watch_x2s *w, struct arena *a, const struct map_presences *now, bool said);

/* ---- watch_x2s_published.c ---- */

/* Does the one who is watched publish his presence here? Then nobody subscribes to it. */
bool watch_x2s_is_published(const struct watch_x2s *w);
/* Instead of a SUBSCRIBE: active, with all that is published; or nothing yet (watch_x2s_added). False: no memory. */
bool watch_x2s_ask_publications(struct watch_x2s *w);

#endif
