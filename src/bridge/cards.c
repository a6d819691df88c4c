#include "bridge/cards.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "bridge/bridge_private.h"
#include "bridge/people.h"
#include "bridge/watch_s2x_parts.h"
#include "map/vcard.h"
#include "xmpp/writer.h"

#define BYTES_MAX ((size_t)32 << 20)
#define N_MAX 200000
#define ASK_AGAIN_MS ((uint64_t)86400 * 1000)
#define KEEP_MS ((uint64_t)7 * 86400 * 1000)
#define ID "card-"
#define NS_NICK "http://jabber.org/protocol/nick"
#define ID_HEX 16

struct card {
    struct share share;
    uint64_t asked_ms; /* when the server was asked last; 0: never */
    uint64_t heard_ms; /* when what is known was said */
    uint64_t question; /* whose answer is awaited; 0: none is */
    char *texts;       /* name, then photo; NULL: neither is known */
    uint16_t n_name, n_photo;
    struct person person;
};

/* What a card says. */
struct said {
    struct slice name, photo;
};

/* ---- people ---- */

static struct card *card_find(const struct bridge *b, const struct jid *who)
{
    struct person *p = people_find(&b->cards.people, who);

    return p ? container_of(p, struct card, person) : NULL;
}

static void card_drop(struct cards *t, struct card *c)
{
    people_remove(&t->people, &c->person);
    shares_drop(&t->memory, &c->share);
    free(c->texts);
    free(c);
}

/* Charges it anew to its domain. Others go for it; c itself is not charged meanwhile. False: it has no room, or no memory. */
static bool charge(struct cards *t, struct card *c)
{
    struct slice domain = person_jid(&c->person).domain;
    size_t size = sizeof(*c) + c->person.n_name + c->n_name + c->n_photo;
    struct share *payer;
    bool fits;

    shares_drop(&t->memory, &c->share);
    while ((payer = shares_payer(&t->memory, domain, size, &fits)) != NULL)
        card_drop(t, container_of(payer, struct card, share));
    return fits && shares_add(&t->memory, domain, &c->share, size);
}

/* Found or made. NULL: no memory. */
static struct card *card_of(struct bridge *b, const struct jid *who)
{
    struct cards *t = &b->cards;
    struct card *c = card_find(b, who);

    if (c) {
        shares_touch(&c->share);
        return c;
    }
    c = PEOPLE_ADD(&t->people, who, struct card);
    if (!c || charge(t, c))
        return c;
    people_remove(&t->people, &c->person);
    free(c);
    return NULL;
}

static struct said said_by(const struct card *c)
{
    return (struct said){ slice_of(c->texts, c->n_name), slice_of(c->texts ? c->texts + c->n_name : NULL, c->n_photo) };
}

/* True: it is another one than before. c may be gone. */
static bool keep(struct bridge *b, struct card *c, const struct said *said)
{
    struct said before = said_by(c);
    char *texts;

    c->heard_ms = loop_now(b->loop);
    if (slice_eq(before.name, said->name) && slice_eq(before.photo, said->photo))
        return false;
    texts = malloc(said->name.n + said->photo.n + 1);
    if (!texts)
        return false;
    if (said->name.n)
        memcpy(texts, said->name.p, said->name.n);
    if (said->photo.n)
        memcpy(texts + said->name.n, said->photo.p, said->photo.n);
    free(c->texts);
    c->texts = texts;
    c->n_name = (uint16_t)said->name.n;
    c->n_photo = (uint16_t)said->photo.n;
    if (!charge(&b->cards, c))
        card_drop(&b->cards, c);
    return true;
}

/* ---- what is known ---- */

static struct said known_of(const struct bridge *b, const struct jid *who)
{
    const struct card *c = card_find(b, who);

    if (!c || !c->texts || loop_now(b->loop) - c->heard_ms >= KEEP_MS)
        return (struct said){ 0 };
    return said_by(c);
}

struct slice cards_name(const struct bridge *b, const struct jid *who)
{
    return known_of(b, who).name;
}

struct slice cards_photo(const struct bridge *b, const struct jid *who)
{
    return known_of(b, who).photo;
}

/* ---- partners' users ---- */

static bool send_question(struct bridge *b, const struct jid *from, const struct jid *to, uint64_t question)
{
    struct buf *out = &b->scratch;

    buf_clear(out);
    buf_printf(out, "<iq type='get' id='" ID "%016" PRIx64 "'", question);
    xml_put_attr_jid(out, "from", from);
    xml_put_attr_jid(out, "to", to);
    buf_str(out, "><vCard xmlns='" MAP_NS_VCARD_TEMP "'/></iq>");
    return bridge_send(b, from->domain, to->domain, 0, 0, NULL);
}

/* Is there anything that his card could add to this? */
static bool lacks(const struct partner *p, const struct xml *presence)
{
    return !xml_attr(presence, "type").p && (p->photos || !xml_child(presence, NS_NICK, "nick"));
}

void cards_want(struct bridge *b, const struct contact *contact, const struct xml *presence)
{
    const struct jid local = contact_local_jid(contact), remote = contact_remote_jid(contact);
    const struct listed *partner = directory_partner(b->directory, remote.domain);
    unsigned rate = directory_gateway(b->directory)->presence_rate;
    uint64_t now = loop_now(b->loop);
    struct card *c;

    if (!partner || !partner->settings->names || !remote.local.n || !lacks(partner->settings, presence))
        return;
    c = card_find(b, &remote);
    if (c && c->asked_ms && now - c->asked_ms < ASK_AGAIN_MS)
        return;
    if (federation_is_crowded(b->federation, local.domain, remote.domain) ||
        !bucket_try(&b->cards.sent, rate, rate, 1, now))
        return;
    c = card_of(b, &remote);
    if (!c)
        return;
    c->asked_ms = now ? now : 1;
    c->question = rand_u64() | 1;
    if (send_question(b, &local, &remote, c->question))
        b->cards.asked++;
}

/* Of an answer that names one of our questions. */
static bool question_of(const struct xml *iq, uint64_t *out)
{
    struct slice id = xml_attr(iq, "id");
    char text[ID_HEX + 1], *end;

    if (!slice_starts(id, SLICE(ID)) || id.n != sizeof(ID) - 1 + ID_HEX)
        return false;
    memcpy(text, id.p + sizeof(ID) - 1, ID_HEX);
    text[ID_HEX] = '\0';
    *out = strtoull(text, &end, 16);
    return end == text + ID_HEX;
}

/* The card in an answer; empty: it has none. */
static struct said read_answer(const struct xmpp_stanza *stanza)
{
    const struct xml *card = xml_child(stanza->el, MAP_NS_VCARD_TEMP, "vCard");
    struct said said = { 0 };

    if (!card)
        return said;
    said.name = map_vcard_name(stanza->arena, card);
    said.photo = map_vcard_photo(stanza->arena, card);
    return said;
}

/* Those who watch him are told. */
static void tell(void *arg, struct contact *c)
{
    if (c->s2x_watch && c->s2x_watch->shown == CONTACT_S2X_GRANTED)
        watch_s2x_tell(c->s2x_watch, false);
}

bool cards_answer(struct bridge *b, const struct xmpp_stanza *stanza)
{
    struct card *c = stanza->from->resource.n ? NULL : card_find(b, stanza->from);
    struct slice type = xml_attr(stanza->el, "type");
    uint64_t question;
    struct said said;

    if (!slice_is(type, "result") && !slice_is(type, "error"))
        return false;
    if (!c || !c->question || !question_of(stanza->el, &question) || question != c->question)
        return false;
    c->question = 0;
    b->cards.answered++;
    if (slice_is(type, "error")) /* what was known stays, for its week */
        return true;
    said = read_answer(stanza);
    if (keep(b, c, &said))
        contacts_each_of_remote(b, stanza->from, tell, NULL);
    return true;
}

/* ---- users of ours ---- */

/* Without what quotes need escapes for, and what nobody sees. */
static struct slice plain(struct slice display, char memory[MAP_VCARD_NAME_BYTES])
{
    size_t n = 0;

    for (size_t i = 0; i < display.n && n < MAP_VCARD_NAME_BYTES; i++) {
        if (display.p[i] == '\\' && i + 1 < display.n)
            i++;
        if ((unsigned char)display.p[i] >= ' ' && display.p[i] != 0x7f)
            memory[n++] = display.p[i];
    }
    return slice_trim(slice_of(memory, n));
}

void cards_heard(struct bridge *b, const struct jid *local, struct slice display)
{
    char memory[MAP_VCARD_NAME_BYTES];
    const struct said said = { .name = display.n && display.n < MAP_VCARD_NAME_BYTES ? plain(display, memory)
                                                                                     : slice_of(NULL, 0) };
    struct card *c = said.name.n && text_is_utf8(said.name) ? card_of(b, local) : NULL;

    if (c)
        (void)keep(b, c, &said);
}

/* ---- all of them ---- */

void cards_init(struct bridge *b)
{
    hash_init(&b->cards.people);
    shares_init(&b->cards.memory, BYTES_MAX, N_MAX);
}

void cards_fini(struct bridge *b)
{
    struct share *share;

    while ((share = shares_any(&b->cards.memory)) != NULL)
        card_drop(&b->cards, container_of(share, struct card, share));
    hash_free(&b->cards.people);
    shares_fini(&b->cards.memory);
}
