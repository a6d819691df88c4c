/*
 * Contacts: for each pair of a user of ours and one of a partner, what RFC 6121 calls the subscription, in both directions, as
 * our user's server sees it (catalogue 8.4, 8.5, 8.8). This is what outlives a restart; dialogs, presence and timers do not.
 *
 *   x2s  the partner's user watches ours ("from"): SIP is asked, by bridge/watch_x2s.c
 *   s2x  our user watches the partner's ("to"): XMPP is asked, by bridge/watch_s2x.c
 *
 * A contact is changed in memory, and written behind the loop in the order of the changes (store/ledger.h). Who is to hear of a
 * change hears it when it is durable: contact_then. Found by a keyed hash of both addresses; a contact in which nothing is stored
 * and that nobody uses goes away by itself. All that is stored is in memory before the first listener opens.
 *
 * Contacts of partners and SIP domains that are removed from the settings stay, unused: when they come back, nobody has to add anyone
 * again. stoxctl contact remove and purge end them.
 *
 * Memory: 112 bytes, and once for each user 56 and the address: about 160 in all. A million are ordinary. Limits are asked before a
 * new one is made.
 */
#ifndef STOX_BRIDGE_CONTACT_H
#define STOX_BRIDGE_CONTACT_H

#include "base/hash.h"
#include "base/list.h"
#include "net/loop_call.h"
#include "store/ledger.h"
#include "xmpp/jid.h"

struct bridge;
struct watch_x2s; /* a dialog of ours to SIP, or the timer that will make one; owned by watch_x2s.c */
struct watch_s2x; /* the SIP dialogs that watch a partner's user, and his presence; owned by watch_s2x.c */
struct contact_user;
struct contact_change;

/* These numbers are in the store. */
enum contact_x2s {
    CONTACT_X2S_NONE,
    CONTACT_X2S_ASKING, /* the partner's user has asked; SIP has not decided */
    CONTACT_X2S_AUTH,   /* SIP lets him watch */
    CONTACT_X2S_N
};

enum contact_s2x {
    CONTACT_S2X_NONE,
    CONTACT_S2X_ASKED,   /* our user has asked; the partner's has not decided */
    CONTACT_S2X_GRANTED, /* he lets our user watch */
    CONTACT_S2X_DENIED,  /* he does not; for a hold-down, no question is put again */
    CONTACT_S2X_N
};

/* To others read only, but for the two watches and restored. */
struct contact {
    struct hash_node node;
    struct list of_local, of_remote; /* all contacts of the same bare address */
    struct contact_user *local, *remote;
    struct watch_x2s *x2s_watch;   /* NULL: none */
    struct watch_s2x *s2x_watch;   /* NULL: none */
    struct contact_change *change; /* what is not durable yet; NULL: nothing */
    uint32_t x2s_since_s,
        s2x_since_s;    /* wall clock: when it came to this state; when it was last asked for (s2x ASKED) */
    uint32_t n_waiting; /* calls of contact_then that are to come */
    enum contact_x2s x2s : 4;
    enum contact_s2x s2x : 4;
    bool added : 1;    /* our user has shown that he wants this one: what type public-unverified asks for */
    bool stored : 1;   /* there is a row */
    bool restored : 1; /* from the store, and not looked after since the start: whoever does clears it */
    bool refused : 1;  /* the last change could not be taken: contact_then will say so */
    bool seen : 1;     /* while all is read anew */
};

/* What happens to contacts from elsewhere. Called from the loop; members may be NULL. They make and tidy no other contact. */
struct contact_ops {
    /*
     * An administrator takes these directions away; the change is made already (by contact_set_..., written as any other). Both
     * sides are to be told, and what is under way is to end. c stays until return.
     */
    void (*removed)(struct bridge *b, struct contact *c, enum contact_x2s x2s_before, enum contact_s2x s2x_before);
    /* Its state is another one, and nobody here has asked for that: another node has changed it, or a change could not be written
     * and was taken back. Dialogs follow; nobody is told. c stays until return. */
    void (*changed)(struct bridge *b, struct contact *c, enum contact_x2s x2s_before, enum contact_s2x s2x_before);
};

struct contacts {
    struct hash by_pair;           /* struct contact */
    struct hash locals, remotes;   /* struct contact_user */
    struct hash domains;           /* struct contact_domain, of partners */
    struct ledger *ledger;         /* borrowed; NULL: nothing is stored (tests) */
    struct loop_door *door;        /* borrowed, for the ledger's thread */
    const struct contact_ops *ops; /* NULL: none */
    struct loop *loop;
    struct list ready; /* contact_then where nothing was to be written */
    struct deferred run_ready;
    size_t n_changes;   /* contacts with a change that is not durable */
    uint64_t n_refused; /* new ones, by a limit */
};

void contacts_init(struct bridge *b, struct ledger *ledger, struct loop_door *door); /* takes no memory yet */
void contacts_fini(struct bridge *b);                                                /* after ledger_close */

/* Everything from the store, then the ledger's thread. Blocks; before anything listens. */
int contacts_start(struct bridge *b, struct err *err);

struct slice contact_local(const struct contact *c);  /* "alice@contoso.example": prepared, bare */
struct slice contact_remote(const struct contact *c); /* "romeo@fabrikam.example" */
/* The same in parts; borrowed as long as the contact. */
struct jid contact_local_jid(const struct contact *c);
struct jid contact_remote_jid(const struct contact *c);

struct contact *contact_find(const struct bridge *b, const struct jid *local, const struct jid *remote);

/* Made if it is not there. NULL: no memory, or a limit: *why is a clause that names it (and the setting). */
struct contact *contact_make(struct bridge *b, const struct jid *local, const struct jid *remote, const char **why);

/* Each is a change to be written, if it is one. since is set. False: no memory, or too much waits: nothing was changed (and
 * contact_then says false). */
bool contact_set_x2s(struct bridge *b, struct contact *c, enum contact_x2s state);
bool contact_set_s2x(struct bridge *b, struct contact *c, enum contact_s2x state);
bool contact_set_added(struct bridge *b, struct contact *c, bool added);

/* Our user has just stopped watching one who has granted it: since is now, and written once a day. False: as above. */
bool contact_touch_s2x(struct bridge *b, struct contact *c);

/*
 * fn is called from the loop when all changes of c until now are durable, in order of the calls; also where there was none to be
 * written. durable false: they could not be written (the store is away or full): fn tells the one who waits so; the state in memory
 * has gone back to what is stored, unless it was changed again since. receipt: of the stanza that caused it; given to federation_handled
 * after fn; NULL: none. False: nothing will be called: the last contact_set_... was refused, or there is no memory. fn may tidy c.
 */
typedef void contact_then_fn(struct bridge *b, struct contact *c, bool durable);
bool contact_then(struct bridge *b, struct contact *c, contact_then_fn *fn, const uint64_t *receipt);

/* Goes, if nothing is stored, nobody watches and nothing waits. c may be gone on return. */
void contact_tidy(struct bridge *b, struct contact *c);

/* All contacts of a bare address of ours, or of a partner's. fn may change c, and tidy it. */
typedef void contact_fn(void *arg, struct contact *c);
void contacts_each_of_local(struct bridge *b, const struct jid *local, contact_fn *fn, void *arg);
void contacts_each_of_remote(struct bridge *b, const struct jid *remote, contact_fn *fn, void *arg);

/*
 * All contacts, in slices, so that a million do not stall the loop: about n from *cursor on, which is 0 at first and at the end.
 * Whoever is there all the time comes once. fn may change c, and tidy it; it makes and tidies no other.
 */
void contacts_walk(struct bridge *b, uint64_t *cursor, size_t n, contact_fn *fn, void *arg);

size_t contacts_of_user(const struct bridge *b, const struct jid *bare, bool is_local); /* how many */

#endif
