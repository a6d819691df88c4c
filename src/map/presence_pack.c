/*
 * Presence as it is kept between two moments: most people have one resource, and there may be a million of them. A byte of
 * flags and one of kinds for each, then only what there is; numbers are in seven bits to a byte, the lowest first.
 */
#include <stdlib.h>

#include "base/text.h"
#include "map/presence_parts.h"
#include "map/scratch.h"

struct map_packed {
    uint32_t n;
    char bytes[];
};

enum { AVAILABLE = 1, PRIORITY = 2, IDLE = 4, AT = 8, NICK = 16, PHOTO = 32, PHOTO_IN_BYTES = 64 };

/* Larger than any number of bytes that the limits of map/presence.h let stand in a set. */
#define PACKED_MAX ((size_t)1 << 20)

/* ---- into ---- */

static void put_number(struct buf *b, uint64_t v)
{
    while (v >= 0x80) {
        buf_char(b, (char)(v | 0x80));
        v >>= 7;
    }
    buf_char(b, (char)v);
}

static void put_text(struct buf *b, struct slice s)
{
    put_number(b, s.n);
    buf_put(b, s);
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Only what comes back as it was. */
static bool in_bytes(struct slice hex)
{
    for (size_t i = 0; i < hex.n; i++)
        if (digit_of(hex.p[i]) < 0)
            return false;
    return hex.n % 2 == 0;
}

static void put_photo(struct buf *b, struct slice hex)
{
    if (!in_bytes(hex)) {
        put_text(b, hex);
        return;
    }
    put_number(b, hex.n / 2);
    for (size_t i = 0; i < hex.n; i += 2)
        buf_char(b, (char)(digit_of(hex.p[i]) << 4 | digit_of(hex.p[i + 1])));
}

static void put_one(struct buf *b, const struct map_presence *p)
{
    unsigned flags = (p->available ? AVAILABLE : 0) | (p->has_priority ? PRIORITY : 0) | (p->idle_since_s ? IDLE : 0) |
                     (p->at_s ? AT : 0) | (p->nick.n ? NICK : 0) | (p->photo.n ? PHOTO : 0);

    if (p->photo.n && in_bytes(p->photo))
        flags |= PHOTO_IN_BYTES;
    buf_char(b, (char)flags);
    buf_char(b, (char)((unsigned)p->show | (unsigned)(p->n_notes << 4)));
    put_text(b, p->resource);
    if (p->has_priority)
        buf_char(b, (char)p->priority);
    if (p->idle_since_s)
        put_number(b, (uint64_t)p->idle_since_s);
    if (p->at_s)
        put_number(b, (uint64_t)p->at_s);
    if (p->nick.n)
        put_text(b, p->nick);
    if (p->photo.n)
        put_photo(b, p->photo);
    for (size_t i = 0; i < p->n_notes; i++) {
        put_text(b, p->notes[i].lang);
        put_text(b, p->notes[i].text);
    }
}

struct map_packed *map_presences_pack(const struct map_presences *p)
{
    size_t n = p->n < MAP_PRESENCE_MAX ? p->n : MAP_PRESENCE_MAX;
    struct map_packed *packed = NULL;
    struct buf b;

    buf_init(&b, PACKED_MAX);
    put_number(&b, n);
    for (size_t i = 0; i < n; i++)
        put_one(&b, &p->v[i]);
    if (buf_ok(&b))
        packed = malloc(sizeof(*packed) + b.n);
    if (packed) {
        packed->n = (uint32_t)b.n;
        memcpy(packed->bytes, b.p, b.n);
    }
    buf_free(&b);
    return packed;
}

size_t map_packed_size(const struct map_packed *packed)
{
    return sizeof(*packed) + packed->n;
}

/* ---- and out of it ---- */

/* What is left to read; a block of ours is never short, but a short one reads as zeros. */
struct unpacking {
    struct slice left;
    struct arena *arena;
    bool no_memory;
};

static unsigned take_byte(struct unpacking *u)
{
    unsigned char c = u->left.n ? (unsigned char)u->left.p[0] : 0;

    u->left = slice_from(u->left, 1);
    return c;
}

static uint64_t take_number(struct unpacking *u)
{
    uint64_t v = 0;
    unsigned byte = 0x80;

    for (unsigned shift = 0; shift < 64 && (byte & 0x80); shift += 7) {
        byte = take_byte(u);
        v |= (uint64_t)(byte & 0x7f) << shift;
    }
    return v;
}

static struct slice take_text(struct unpacking *u)
{
    size_t n = take_number(u);
    struct slice s = slice_first(u->left, n);

    u->left = slice_from(u->left, s.n);
    return s;
}

static struct slice take_photo(struct unpacking *u, bool bytes)
{
    struct slice raw = take_text(u);
    struct buf hex;

    if (!bytes)
        return raw;
    if (!scratch_init(&hex, u->arena, 2 * raw.n)) {
        u->no_memory = true;
        return raw;
    }
    text_put_hex(&hex, raw.p, raw.n);
    return buf_slice(&hex);
}

static void take_one(struct unpacking *u, struct map_presence *p)
{
    unsigned flags = take_byte(u), kinds = take_byte(u);

    *p = (struct map_presence){ .available = flags & AVAILABLE, .show = kinds & 7, .n_notes = kinds >> 4 & 7 };
    p->resource = take_text(u);
    p->has_priority = flags & PRIORITY;
    if (p->has_priority)
        p->priority = (int8_t)take_byte(u);
    if (flags & IDLE)
        p->idle_since_s = (int64_t)take_number(u);
    if (flags & AT)
        p->at_s = (int64_t)take_number(u);
    if (flags & NICK)
        p->nick = take_text(u);
    if (flags & PHOTO)
        p->photo = take_photo(u, flags & PHOTO_IN_BYTES);
    for (size_t i = 0; i < p->n_notes; i++) {
        p->notes[i].lang = take_text(u);
        p->notes[i].text = take_text(u);
    }
}

bool map_presences_unpack(struct arena *a, const struct map_packed *packed, struct map_presences *out)
{
    struct unpacking u = { .left = slice_of(packed->bytes, packed->n), .arena = a };
    size_t n = take_number(&u);

    *out = (struct map_presences){ .v = arena_alloc(a, n * sizeof(*out->v)) };
    if (!out->v)
        return false;
    while (out->n < n)
        take_one(&u, &out->v[out->n++]);
    return !u.no_memory;
}
