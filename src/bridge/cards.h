/*
 * What people call themselves. Of partners' users whom ours watch: the name in the card (vcard-temp, XEP-0054), which their server is asked
 * for in the name of the one who watches, when they are there and their presence has none; for PIDF (CIPID, RFC 4482), with the web
 * address of the photo, where the partner's settings say so. Nothing is ever fetched from there. Of ours: the display name of their requests,
 * for the card that those see who may watch them (bridge/entity.c).
 *
 * A server is asked for a card once a day, and all of them together at the pace of presence-rate; what is too much is asked when the next
 * presence comes. A name that was not confirmed for a week is none.
 *
 * Memory: about 150 bytes and the texts for each. All of it has 32 MiB and 200,000 people; then those heard of longest ago go, of a domain
 * that has the average or more (bridge/shares.h).
 */
#ifndef STOX_BRIDGE_CARDS_H
#define STOX_BRIDGE_CARDS_H

#include "base/bucket.h"
#include "bridge/shares.h"
#include "xmpp/federation.h"

struct bridge;
struct contact;

/* Of a bridge. */
struct cards {
    struct hash people; /* struct card, by bare address */
    struct shares memory;
    struct bucket sent;
    uint64_t asked, answered; /* for the metrics */
};

void cards_init(struct bridge *b);
void cards_fini(struct bridge *b);

/* Presence of the contact's partner's user, who may be watched, has come in: is his card to be asked for? */
void cards_want(struct bridge *b, const struct contact *c, const struct xml *presence);

/* An iq that is an answer. False: to no question of ours. */
bool cards_answer(struct bridge *b, const struct xmpp_stanza *stanza);

/* A user of ours, who is proven, has this display name, as SIP writes it between quotes. */
void cards_heard(struct bridge *b, const struct jid *local, struct slice display);

/* Empty: not known. Borrowed until anything else is asked of cards. */
struct slice cards_name(const struct bridge *b, const struct jid *who);
struct slice cards_photo(const struct bridge *b, const struct jid *who); /* "https://..." */

#endif
