/*
 * Presence, translated: stanzas of RFC 6121 to PIDF documents (RFC 3863, with RPID, RFC 4480, and the data model, RFC 4479) and back.
 * RFC 8048; catalogue 8.2, 8.3. Pure: no clock, no I/O; times are parameters. What ends a subscription: map/watch_reason.h.
 *
 * In the middle stands one form for both sides: a person's presence is a set of resources (devices), each with what can be said of it.
 */
#ifndef STOX_MAP_PRESENCE_H
#define STOX_MAP_PRESENCE_H

#include "base/arena.h"
#include "base/buf.h"
#include "map/address.h"
#include "xmpp/jid.h"
#include "xmpp/xml.h"

#define MAP_PIDF_TYPE "application/pidf+xml"
#define MAP_PRESENCE_MAX 32 /* resources of one person; more are left out, least available first */
#define MAP_NOTES_MAX 4     /* languages of a note */
#define MAP_NOTE_BYTES 1024 /* of one; longer ones are cut at a character */
#define MAP_NICK_BYTES 256  /* likewise */
#define MAP_PHOTO_BYTES 64  /* of a hash in hex; longer ones are none */
#define MAP_PIDF_MAX 65536  /* bytes of a document, read (STOX-PRS-43) and written */

enum map_show { MAP_SHOW_NONE, MAP_SHOW_CHAT, MAP_SHOW_AWAY, MAP_SHOW_XA, MAP_SHOW_DND };

struct map_note {
    struct slice lang; /* a tag with the form of RFC 5646; may be empty */
    struct slice text; /* never empty */
};

/* One resource. Slices are the maker's (arena, element or packed block). What is not available has notes at most. */
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
    struct map_note notes[MAP_NOTES_MAX]; /* one for each language */
};

struct map_presences {
    size_t n;
    struct map_presence *v;
    struct slice icon; /* address of the person's photo (CIPID); written only, and never packed; may be empty */
};

/* --- XMPP side (presence_stanza.c) --- */

/*
 * A presence stanza without type, or type unavailable. lang: of the stream, where the stanza has none. False: it must be answered with
 * *condition, bad-request (two show, two priority), or resource-constraint (no memory); unknown extensions are dropped, unknown show
 * values ignored (STOX-PRS-80). Notes are cut, idle is XEP-0319's, at_s is now or an earlier XEP-0203 stamp.
 */
bool map_presence_of_stanza(struct arena *a, const struct xml *el, struct slice resource, struct slice lang,
                            int64_t now_s, struct map_presence *out, const char **condition);

/* Appends the stanza that tells it: from local/resource to `to` (bare, or full in answer to a probe). notes false: without notes. */
void map_put_presence_stanza(struct buf *out, const struct jid *local, const struct map_presence *p,
                             const struct jid *to, bool notes);

/* --- sets (presence_set.c) --- */

/*
 * What has to be told of a person's presence after `was`, now that it is `now` (full state, STOX-PRS-40, 41): fn for each resource that
 * is new, changed, or gone (available false). was.n 0: nothing was known. A resource whose timestamp alone has changed has not. A
 * person who is altogether gone (now: one resource with an empty name, not available) is told of once for each that was available,
 * with the notes of now; of the bare address if none was.
 */
void map_presence_diff(const struct map_presences *was, const struct map_presences *now,
                       void (*fn)(void *arg, const struct map_presence *p), void *arg);

/*
 * was, with what one stanza has said put in its place: out, in the arena, keeps the order, and slices of was and p. Unavailable from
 * the bare address closes all (STOX-PRS-78). Closed ones stay until map_presences_told. False: no memory.
 */
bool map_presences_take(struct arena *a, const struct map_presences *was, const struct map_presence *p,
                        struct map_presences *out);

/* All of it has been told: closed ones go, but for the newest when all are (STOX-PRS-77). */
void map_presences_told(struct map_presences *p);

/* A resource with an older timestamp than the same has in was stays as it was there (STOX-PRS-44). */
void map_presences_keep_newer(const struct map_presences *was, struct map_presences *now);

bool map_presence_same(const struct map_presence *a, const struct map_presence *b); /* but for at_s */

/* Is a more available than b: highest priority, then chat, none, away, xa, dnd, then the newest (catalogue 8.2)? */
bool map_presence_before(const struct map_presence *a, const struct map_presence *b);
const struct map_presence *map_presences_best(const struct map_presences *p); /* NULL: empty */

/* Packed into one block for keeping (presence_pack.c), to be freed by free, and out of it again (slices into the block). NULL, false:
 * no memory. */
struct map_packed *map_presences_pack(const struct map_presences *p);
bool map_presences_unpack(struct arena *a, const struct map_packed *packed, struct map_presences *out);
size_t map_packed_size(const struct map_packed *packed);

/* --- SIP side (pidf_write.c, pidf_read.c) --- */

/*
 * Appends the PIDF document of presentity (bare; entity pres:) with all resources as tuples; none: one closed tuple. Valid by schema,
 * person last (STOX-PRS-74 to 79, 96), at most max bytes (0, or more: MAP_PIDF_MAX): what is too much is left out, notes first, then the least
 * available.
 * *lang: value of Content-Language, borrowed from p; empty: none. notes false: without notes. Names of domains by aliases (or NULL).
 * out fails on memory, or if presentity has no address on SIP.
 */
void map_put_pidf(struct buf *out, const struct jid *presentity, const struct map_aliases *aliases,
                  const struct map_presences *p, int64_t now_s, bool notes, size_t max, struct slice *lang);

#define MAP_PIDF_ARENA ((size_t)512 << 10) /* usually some 30 KiB are taken */

enum map_pidf {
    MAP_PIDF_OK,
    MAP_PIDF_MALFORMED, /* 400 (STOX-PRS-43): XML, DTD, depth, size, no presence root */
    MAP_PIDF_OTHER,     /* entity is somebody else's, or none: ignored (STOX-PRS-45) */
    MAP_PIDF_NO_MEMORY,
};

/*
 * Reads a document of presentity. now_s judges from and until of activities. out: tuples as resources, in the arena, each resource once.
 * A document in which nobody is (no tuples, or none that says anything) gives one resource with an empty name that is not available,
 * with the presence-level note (STOX-PRS-41); so out.n is never 0. Reads documents of Lync (one tuple, CIPID) and of Kamailio, baresip,
 * linphone. content_lang: of Content-Language, for notes without xml:lang. The arena must let it take MAP_PIDF_ARENA.
 */
enum map_pidf map_read_pidf(struct arena *a, struct slice body, struct slice content_lang, const struct jid *presentity,
                            const struct map_aliases *aliases, int64_t now_s, struct map_presences *out);

/* tuple id <-> resource (STOX-PRS-38, 76); reversible. An id of others' is the resource as it is; what cannot be one is in hex.
 * False: no memory. */
bool map_tuple_id(struct arena *a, struct slice resource, struct slice *out);
bool map_resource_of_tuple(struct arena *a, struct slice tuple_id, struct slice *out);

#endif
