/*
 * Presence, translated: stanzas of RFC 6121 to PIDF documents (RFC 3863, with RPID, RFC 4480, and the data model, RFC 4479) and back.
 * RFC 8048; catalogue 8.2, 8.3, 8.6, 8.7. Pure: no clock, no I/O; times are parameters.
 *
 * In the middle stands one form for both sides: a person's presence is a set of resources (devices), each with what can be said of it.
 */
#ifndef STOX_MAP_PRESENCE_H
#define STOX_MAP_PRESENCE_H

#include "base/arena.h"
#include "base/buf.h"
#include "sip/sub_state.h"
#include "xmpp/jid.h"
#include "xmpp/xml.h"

#define MAP_PRESENCE_MAX 32   /* resources of one person; more are left out, least available first */
#define MAP_NOTES_MAX 4       /* languages of a note */
#define MAP_NOTE_BYTES 1024   /* of one; longer ones are cut at a character */
#define MAP_PIDF_MAX 65536    /* bytes of a document (STOX-PRS-43) */

enum map_show { MAP_SHOW_NONE, MAP_SHOW_CHAT, MAP_SHOW_AWAY, MAP_SHOW_XA, MAP_SHOW_DND };

struct map_note {
    struct slice lang; /* may be empty */
    struct slice text;
};

/* One resource. Slices are the maker's (arena, element or packed block). */
struct map_presence {
    struct slice resource; /* as XMPP has it; may be empty: of the bare address */
    bool available;
    enum map_show show;
    bool has_priority;
    int8_t priority;      /* of XMPP: -128 to 127 */
    int64_t idle_since_s; /* since 1970; 0: unknown or not idle (XEP-0319; RPID user-input) */
    int64_t at_s;         /* when it was said: tuple's timestamp; 0: unknown */
    struct slice nick;    /* XEP-0172, CIPID display-name; may be empty */
    struct slice photo;   /* XEP-0153 hash in hex; may be empty */
    size_t n_notes;
    struct map_note notes[MAP_NOTES_MAX];
};

struct map_presences {
    size_t n;
    struct map_presence *v;
};

/* --- XMPP side --- */

/*
 * A presence stanza without type, or type unavailable. lang: of the stream, where the stanza has none. False: it must be answered with
 * bad-request (two show, ...: *condition); unknown extensions are dropped, unknown show values ignored (STOX-PRS-80).
 */
bool map_presence_of_stanza(struct arena *a, const struct xml *el, struct slice resource, struct slice lang, int64_t now_s,
                            struct map_presence *out, const char **condition);

/* Appends the stanza that tells it: from local/resource to `to` (bare, or full in answer to a probe). notes false: without notes. */
void map_put_presence_stanza(struct buf *out, const struct jid *local, const struct map_presence *p, const struct jid *to,
                             bool notes);

/*
 * What has to be told of a person's presence after `was`, now that it is `now` (full state, STOX-PRS-40): fn for each resource that is
 * new, changed, or gone (available false). was.n 0: nothing was known.
 */
void map_presence_diff(const struct map_presences *was, const struct map_presences *now,
                       void (*fn)(void *arg, const struct map_presence *p), void *arg);

/* Packed into one block for keeping, and out of it again (slices into the block). NULL: no memory. */
struct map_packed *map_presences_pack(const struct map_presences *p);
bool map_presences_unpack(struct arena *a, const struct map_packed *packed, struct map_presences *out);
size_t map_packed_size(const struct map_packed *packed);

/* --- SIP side --- */

/*
 * Appends the PIDF document of presentity (bare; entity pres:) with all resources as tuples; none: one closed tuple. Valid by schema,
 * persons last (STOX-PRS-74 to 79, 96). *lang: value of Content-Language; empty: none. notes false: without notes.
 */
void map_put_pidf(struct buf *out, const struct jid *presentity, const struct map_presences *p, int64_t now_s, bool notes,
                  struct slice *lang);

enum map_pidf {
    MAP_PIDF_OK,
    MAP_PIDF_MALFORMED, /* 400 (STOX-PRS-43): XML, DTD, depth, size, no presence root */
    MAP_PIDF_OTHER,     /* entity is somebody else's: ignored (STOX-PRS-45) */
    MAP_PIDF_NO_MEMORY,
};

/*
 * Reads a document of presentity. now_s judges from and until of activities. out: tuples as resources, in the arena; n 0: nobody is
 * there, and out.note* of a presence-level note stands in a resource with empty name (STOX-PRS-41). Reads documents of Lync (one tuple,
 * CIPID) and of Kamailio, baresip, linphone. content_lang: of Content-Language.
 */
enum map_pidf map_read_pidf(struct arena *a, struct slice body, struct slice content_lang, const struct jid *presentity,
                            int64_t now_s, struct map_presences *out);

/* tuple id <-> resource (STOX-PRS-38, 76); reversible. False: no memory. */
bool map_tuple_id(struct arena *a, struct slice resource, struct slice *out);
bool map_resource_of_tuple(struct arena *a, struct slice tuple_id, struct slice *out);

/* --- between the machines --- */

/* A presence error in answer to our subscribe: how the SIP watchers' subscriptions end (catalogue 8.7). */
void map_notice_of_error(struct slice condition, struct sip_sub_notice *out);

#endif
