/*
 * Pager-mode IM (RFC 7572; catalogue 4): one SIP MESSAGE is one message stanza and back. Pure functions: time is a
 * parameter, ids are derived, nothing is kept.
 */
#ifndef STOX_MAP_IM_H
#define STOX_MAP_IM_H

#include "map/address.h"
#include "map/imdn.h"
#include "sip/msg.h"
#include "xmpp/xml.h"

struct map_conf {
    struct map_aliases aliases;
    uint8_t key[32];    /* of the id and thread encodings; lives as long as the installation */
    bool pager_chat;    /* type='chat' instead of none (STOX-IM-06) */
    bool receipts;      /* S2X: ask the XMPP user for the receipts that the SIP user asks for */
    size_t body_max;    /* octets of text as written in XML, such that the stanza stays below the peer's limit */
    int64_t now_wall_s; /* wall time of this call */
};

enum map_im {
    MAP_IM_OK,
    MAP_IM_EMPTY,   /* nothing to carry: answer 200 / consume */
    MAP_IM_STATUS,  /* S2X: no text but a status, which nobody waits for: see map_im_stanza */
    MAP_IM_REFUSED, /* see the refusal */
    MAP_IM_NO_MEMORY,
};

/* Toward SIP: how the MESSAGE is to be refused. */
struct map_im_sip_refusal {
    unsigned status;
    const char *reason;  /* constant */
    const char *headers; /* constant header lines (Accept, Accept-Encoding), or "" */
};

/* What a MESSAGE became. */
struct map_im_stanza {
    struct slice id;     /* the stanza's, in the arena: it derives from the branch, so that a repeat can be recognised,
                                after a restart too (STOX-IM-19, 57) */
    struct slice thread; /* in it; in the arena */
    struct map_imdn_ask ask; /* notifications that its sender wants */
    /* MAP_IM_STATUS: nothing was written, and it says one of these two. */
    bool is_imdn;
    struct map_imdn imdn;
    bool composing;     /* he types; false: he has stopped */
    unsigned refresh_s; /* for how long that is to be believed; 0: not said */
};

/*
 * S2X. from and to are the mapped addresses; the stanza is appended to out. thread: what the Call-ID is known to stand for
 * between these two; empty: the Call-ID itself says it.
 */
enum map_im map_im_to_stanza(struct arena *a, const struct map_conf *conf, const struct sip_msg *msg,
                             const struct jid *from, const struct jid *to, struct slice thread, struct buf *out,
                             struct map_im_stanza *made, struct map_im_sip_refusal *refusal);

/* A MESSAGE to send; slices are in the arena, or in the stanza (body). */
struct map_im_message {
    struct slice uri;
    struct slice from, to; /* header values; the From tag is in */
    struct slice call_id;
    struct slice thread;  /* what call_id cannot be turned back into: keep it for these two. Empty: it can */
    struct slice branch;  /* empty when the stanza had no id */
    struct slice headers; /* Subject, Content-Type, Content-Language, Date: complete lines */
    struct slice body;
    bool report_errors;                 /* false for type headline (STOX-IM-08) */
    bool threaded;                      /* call_id is that of a thread, not made up */
    bool asks_received, asks_displayed; /* the sender wants to be told (XEP-0184, XEP-0333) */
};

/* Toward XMPP: how the stanza is to be refused. */
struct map_im_xmpp_refusal {
    const char *type, *condition;
    const char *text; /* constant or empty */
};

/* X2S. nonce makes From tag and branch unique: random, or a keyed digest of what makes a stanza the same one again. */
enum map_im map_im_to_message(struct arena *a, const struct map_conf *conf, const struct xml *stanza,
                              const struct jid *from, const struct jid *to, struct slice stream_lang, uint64_t nonce,
                              struct map_im_message *out, struct map_im_xmpp_refusal *refusal);

/*
 * thread <-> Call-ID (STOX-IM-15..17). A thread that is a legal Call-ID of at most 255 bytes, and does not look like one of
 * our encodings, is itself; any other up to 180 bytes is encoded so that it can be decoded again; longer ones give false
 * (their Call-ID is a digest, and a table is kept of them). Decoding returns false for a Call-ID that is not one of our encodings: it is the thread itself.
 */
bool map_thread_to_call_id(struct buf *b, struct slice thread);
bool map_call_id_to_thread(struct buf *b, struct slice call_id);

#endif
