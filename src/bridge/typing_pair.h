/* What is remembered of two people who write to each other (bridge/typing.h). Inside typing.c and typing_pair.c only. */
#ifndef STOX_BRIDGE_TYPING_PAIR_H
#define STOX_BRIDGE_TYPING_PAIR_H

#include "bridge/bridge_private.h"
#include "bridge/typing.h"

#define TYPING_THREAD_MAX 64 /* bytes of a thread that goes with a state; longer ones do not */

enum typing_contact {
    TYPING_CONTACT_UNKNOWN,
    TYPING_CONTACT_TELLS, /* chat states came from the XMPP user */
    TYPING_CONTACT_NEVER, /* his last text had none: he is told none (XEP-0085 5.1) */
};

struct typing_pair {
    struct hash_node node;
    struct share share; /* not charged while a way is attached */
    struct bridge *bridge;

    struct timer expiry; /* the SIP user was said to type */
    enum map_chat_state xmpp_told;
    enum typing_contact contact;

    struct timer next; /* the SIP user is to be told something then */
    const struct typing_way *way;
    void *way_arg;
    uint64_t sip_wrote_ms, sip_told_ms;
    bool sip_wrote, sip_told_ever;
    bool sip_told, sip_wants; /* that the XMPP user types */

    uint64_t seen; /* serial of the latest message of the XMPP user that was displayed */

    unsigned char thread_n;
    char thread[TYPING_THREAD_MAX];
    size_t n[4]; /* of names: remote local, remote domain, local local, local domain */
    char names[];
};

/* The pair, made when there is none; NULL: no memory, or no room for one more. It counts as used. */
struct typing_pair *typing_pair_of(struct bridge *b, const struct jid *remote, const struct jid *local);
struct typing_pair *typing_pair_find(const struct bridge *b, const struct jid *remote, const struct jid *local);

/* Charges it to its partner again, once nothing else bounds it; it may be gone after this. */
void typing_pair_charge(struct typing_pair *p);

struct jid typing_remote(const struct typing_pair *p);
struct jid typing_local(const struct typing_pair *p);
void typing_on_expiry(struct timer *t);
void typing_on_next(struct timer *t);

#endif
