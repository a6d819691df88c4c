/*
 * What users of ours have published of their presence (RFC 3903), where a route takes it: the event state of an ESC. Each user has one
 * publication for each of his clients, found by its entity-tag and kept until it expires; all of them together are his presence, the
 * newest first where two speak of the same device. In memory only: after a start clients are answered 412, and publish anew.
 *
 * Memory: about 200 bytes and what was published, packed. All of it has 64 MiB and 200,000 publications; when that is full, the one
 * refreshed longest ago goes, of a route that has the average or more (bridge/shares.h). One user has at most 8; then his oldest goes.
 */
#ifndef STOX_BRIDGE_PUBLICATIONS_H
#define STOX_BRIDGE_PUBLICATIONS_H

#include "base/arena.h"
#include "bridge/shares.h"
#include "map/presence.h"

#define PUBLICATIONS_PER_USER 8
#define PUBLICATION_TAG 16 /* of an entity-tag */

struct bridge;
struct publication;

/* Of a bridge. */
struct publications {
    struct hash users; /* struct published_user */
    struct shares memory;
    uint64_t taken, refused; /* PUBLISHes, for the metrics */
};

void publications_init(struct bridge *b);
void publications_fini(struct bridge *b);

/* His publication of this tag; NULL: there is none (any more). */
struct publication *publication_find(const struct bridge *b, const struct jid *who, struct slice tag);

/*
 * A new publication (before NULL), a changed one, or with said NULL a refreshed one: for so long from now on, charged to this route.
 * Returns its new tag, borrowed as long as it; NULL: no memory, and the one before may be gone. Watchers are told.
 */
const char *publication_put(struct bridge *b, const struct jid *who, struct slice route, struct publication *before,
                            const struct map_presences *said, unsigned expires_s);

/* It goes; watchers are told. */
void publication_remove(struct publication *p);

/* His presence by all that he has published, in the arena; nothing published: not available. False: no memory. */
bool publications_of(const struct bridge *b, const struct jid *who, struct arena *a, struct map_presences *out);

#endif
