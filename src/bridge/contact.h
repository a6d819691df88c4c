/*
 * Contacts: for each pair of a user of ours and one of a partner, what RFC 6121 calls the subscription, in both directions, as
 * our user's server sees it (catalogue 8.4, 8.5, 8.8). This is what outlives a restart; dialogs, presence and timers do not.
 *
 *   x2s  the partner's user watches ours ("from"): SIP is asked, by bridge/watch_x2s.c
 *   s2x  our user watches the partner's ("to"): XMPP is asked, by bridge/watch_s2x.c
 *
 * A contact is changed in memory, and written behind the loop in the order of the changes (store/ledger.h). Who is to hear of a
 * change hears it when it is durable: contact_then. Found by a keyed hash of both addresses; a contact in which nothing is stored
 * and that nobody uses goes away by itself.
 *
 * Memory: about 160 bytes and both addresses. A million are ordinary. Charged to the partner and to both users before it is taken.
 */
#ifndef STOX_BRIDGE_CONTACT_H
#define STOX_BRIDGE_CONTACT_H

#include "base/hash.h"
#include "base/list.h"
#include "xmpp/jid.h"

struct bridge;
struct watch_x2s; /* a dialog of ours to SIP, or the timer that will make one; owned by watch_x2s.c */
struct watch_s2x; /* the SIP dialogs that watch a partner's user, and his presence; owned by watch_s2x.c */

enum contact_x2s {
    CONTACT_X2S_NONE,
    CONTACT_X2S_ASKING, /* the partner's user has asked; SIP has not decided */
    CONTACT_X2S_AUTH,   /* SIP lets him watch */
};

enum contact_s2x {
    CONTACT_S2X_NONE,
    CONTACT_S2X_ASKED,   /* our user has asked; the partner's has not decided */
    CONTACT_S2X_GRANTED, /* he lets our user watch */
    CONTACT_S2X_DENIED,  /* he does not; for a hold-down, no question is put again */
};

struct contact {
    struct hash_node node;
    struct list of_local, of_remote; /* all contacts of the same bare address */
    struct watch_x2s *x2s_watch;     /* NULL: none */
    struct watch_s2x *s2x_watch;     /* NULL: none */
    int64_t x2s_since_s, s2x_since_s; /* wall clock: when it came to this state; when it was last asked for (s2x ASKED) */
    struct list then;                 /* what waits for the last change to be durable */
    uint64_t written;                 /* number of its last change in the ledger */
    enum contact_x2s x2s : 8;
    enum contact_s2x s2x : 8;
    bool added : 1;    /* our user has shown that he wants this one: what type public-unverified asks for */
    bool stored : 1;   /* there is a row */
    bool restored : 1; /* from the store, and not looked after since the start */
    uint16_t n_local, n_remote; /* bytes of the bare addresses, which follow */
    char names[];
};

struct slice contact_local(const struct contact *c);  /* "alice@contoso.example": prepared, bare */
struct slice contact_remote(const struct contact *c); /* "romeo@fabrikam.example" */
/* The same in parts; borrowed as long as the contact. */
struct jid contact_local_jid(const struct contact *c);
struct jid contact_remote_jid(const struct contact *c);

struct contact *contact_find(const struct bridge *b, const struct jid *local, const struct jid *remote);

/* Made if it is not there. NULL: no memory, or a limit: *why is a clause that names it (and the setting). */
struct contact *contact_make(struct bridge *b, const struct jid *local, const struct jid *remote, const char **why);

/* Each is a change to be written, if it is one. since is set. */
void contact_set_x2s(struct bridge *b, struct contact *c, enum contact_x2s state);
void contact_set_s2x(struct bridge *b, struct contact *c, enum contact_s2x state);
void contact_set_added(struct bridge *b, struct contact *c, bool added);

/*
 * fn is called from the loop when all changes of c until now are durable, in order of the calls; also where there was none to be
 * written. durable false: they could not be written (the store is away or full): fn tells the one who waits so; the state in memory
 * has gone back to what is stored. receipt: of the stanza that caused it; given to xmpp_handled after fn; NULL: none. False: no
 * memory; nothing will be called, and the change is taken back.
 */
typedef void contact_then_fn(struct bridge *b, struct contact *c, bool durable);
bool contact_then(struct bridge *b, struct contact *c, contact_then_fn *fn, const uint64_t *receipt);

/* Goes, if nothing is stored, nobody watches and nothing waits. c may be gone on return. */
void contact_tidy(struct bridge *b, struct contact *c);

/* All contacts of a bare address of ours, or of a partner's; of a partner's domain; all. fn may change c, and tidy it. */
void contacts_each_of_local(struct bridge *b, const struct jid *local, void (*fn)(void *arg, struct contact *c), void *arg);
void contacts_each_of_remote(struct bridge *b, const struct jid *remote, void (*fn)(void *arg, struct contact *c),
                             void *arg);
/* In slices: up to n from *cursor on (NULL at first and at the end), so that a million do not stall the loop. */
void contacts_walk(struct bridge *b, uint64_t *cursor, size_t n, void (*fn)(void *arg, struct contact *c), void *arg);

#endif
