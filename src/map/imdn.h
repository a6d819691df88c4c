/*
 * Receipts on both sides (catalogue 7): IMDN (RFC 5438) in CPIM (RFC 3862) toward SIP; XEP-0184 and XEP-0333 toward XMPP.
 * Pure functions; what belongs to what is the bridge's to know (bridge/receipts.h).
 */
#ifndef STOX_MAP_IMDN_H
#define STOX_MAP_IMDN_H

#include "base/arena.h"
#include "base/buf.h"
#include "map/document.h"
#include "xmpp/jid.h"

#define MAP_IMDN_TYPE "message/imdn+xml"
#define MAP_IMDN_ROUTES_MAX 4
#define MAP_IMDN_ID_MAX 128
#define MAP_IMDN_DATE_MAX 40
#define MAP_IMDN_URI_MAX 256

/* What the sender of a CPIM message wants to be told (RFC 5438 6). Slices are in the input. */
struct map_imdn_ask {
    struct slice message_id; /* a token; empty: he wants nothing */
    struct slice date;       /* the message's DateTime as it was written; empty: none */
    bool positive, negative, display;
    struct slice routes[MAP_IMDN_ROUTES_MAX]; /* URIs that the notification goes back by, the first one first */
    size_t n_routes;
    bool unanswerable; /* its id or way back is nothing that we can give back as it is */
};

/* Takes one header of the namespace urn:ietf:params:imdn, by its name without prefix. */
void map_imdn_ask_header(struct map_imdn_ask *ask, struct slice name, struct slice value);

/* Is there anything to be told, and a way to tell it? */
bool map_imdn_asks(const struct map_imdn_ask *ask);

enum map_imdn_state {
    MAP_IMDN_DELIVERED,
    MAP_IMDN_DISPLAYED,
    MAP_IMDN_FAILED,
    MAP_IMDN_FORBIDDEN, /* not delivered, by policy */
    MAP_IMDN_ERROR,     /* it is not known whether it was delivered */
    MAP_IMDN_OTHER,     /* processed, stored, not to be told: nothing that XMPP has a word for */
};

/* A notification. */
struct map_imdn {
    struct slice message_id; /* of what it is about */
    enum map_imdn_state state;
};

/* The id is copied into the arena. */
enum map_document_fault map_imdn_read(struct arena *a, struct slice text, struct map_imdn *out);

/* What a notification that we send is about. */
struct map_imdn_about {
    struct slice message_id, date;
    struct slice sender;        /* URI of who wrote the message: he is told */
    struct slice recipient;     /* URI of who got it: he tells */
    const struct slice *routes; /* of the request */
    size_t n_routes;
    enum map_imdn_state state; /* not OTHER */
    struct slice own_id;       /* of the notification itself */
    int64_t now_wall_s;
};

/* Appends the CPIM body of a MESSAGE that tells it (STOX-RCP-08). */
void map_imdn_put(struct buf *b, const struct map_imdn_about *about);

/* Appends the CPIM form of a text, with a request for notifications (STOX-RCP-07). type: MIME header lines of the text. */
struct map_imdn_request {
    struct slice from, to; /* URIs */
    struct slice message_id;
    int64_t date_wall_s;
    bool received, displayed; /* one at least; received asks for failures too */
    struct slice type, text;
};
void map_imdn_put_request(struct buf *b, const struct map_imdn_request *r);

/* ---- XMPP ---- */

enum map_receipt_kind { MAP_RECEIPT_NONE, MAP_RECEIPT_RECEIVED, MAP_RECEIPT_DISPLAYED };

struct map_receipt {
    enum map_receipt_kind kind;
    struct slice id; /* of the message it is about */
};

/* Is this element one? */
bool map_receipt_is(const struct xml *el);

/* The receipts in a message stanza: at most one of each kind, both with an id. */
struct map_receipts {
    struct map_receipt v[2];
    size_t n;
};
void map_receipts_of(const struct xml *message, struct map_receipts *out);

/* What the sender of a message stanza wants to be told; only a stanza with an id can ask (STOX-RCP-13). */
void map_receipts_asked(const struct xml *message, bool *received, bool *displayed);

/* Appends the elements that ask for receipts. */
void map_receipt_put_asks(struct buf *b, bool received, bool displayed);

/* Appends a stanza with one receipt and nothing else (STOX-RCP-12), and without an id. type: of the message it is about;
 * empty: none. */
void map_receipt_put(struct buf *b, const struct jid *from, const struct jid *to, struct slice type,
                     const struct map_receipt *receipt);

#endif
