/*
 * The entity behind a SIP domain of ours: what it answers to an iq (catalogue 11). Pure functions: time is a value.
 *
 * The domain itself answers. Addresses below it, of people who are there or not, get the same service-unavailable (RFC 6121
 * 8.5), or item-not-found for a vCard: who is there is for those to know whom they have let see their presence. Of a person
 * things are said to those who may watch him, and to those whom he has written to: his card (map/vcard.h), that he, or one of his
 * devices, is there (STOX-IQ-02, 03, 06), and what his side can be told besides texts (STOX-CS-13, STOX-RCP-18).
 */
#ifndef STOX_MAP_ENTITY_H
#define STOX_MAP_ENTITY_H

#include "map/address.h"
#include "map/vcard.h"
#include "xmpp/xml.h"

#define MAP_CONTACTS_MAX 32

struct map_entity {
    const char *version;
    int64_t now_wall_s;
    uint64_t uptime_s;
    const struct slice *contacts; /* "abuse=mailto:abuse@contoso.example" (XEP-0157) */
    size_t n_contacts;            /* at most MAP_CONTACTS_MAX, more are left out */
    struct map_aliases aliases;
    bool knows_person;            /* who asks may know of the person, or device, that is asked about */
    bool chat_states, receipts;   /* his side takes these */
    const struct map_vcard *card; /* of the person asked about, for who may see his presence; NULL: there is none */
};

/*
 * Appends the one answer that this iq gets. False: it gets none, being an answer itself (RFC 6120 8.2.3). Whether memory
 * was there is for the caller to ask of out.
 */
bool map_entity_answer(struct buf *out, const struct map_entity *e, const struct xml *iq, const struct jid *from,
                       const struct jid *to);

/* Appends the stream feature that tells the digest of what the domain answers (XEP-0115 6.3). */
void map_entity_put_caps(struct buf *out, const struct map_entity *e);
/* Appends what the presence of a person's device says of it: the digest of what the device's full address answers (STOX-IQ-11). Only
 * what his side takes counts of e. */
void map_entity_put_device_caps(struct buf *out, const struct map_entity *e);

#endif
