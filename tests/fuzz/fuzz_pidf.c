/*
 * A presence document. Whatever it is, it is read or refused within the bounds; what is written of what was read is read as the
 * same.
 */
#include <stdlib.h>

#include "map/presence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define NOW 1790000000

static const struct jid romeo = { { "romeo", 5 }, { "example.net", 11 }, { NULL, 0 } };

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void no_change(void *arg, const struct map_presence *p)
{
    abort();
}

static void check_one(const struct map_presence *p)
{
    check(p->n_notes <= MAP_NOTES_MAX && p->nick.n <= MAP_NICK_BYTES && p->resource.n <= JID_PART_MAX);
    check(p->at_s <= NOW && p->idle_since_s <= NOW);
    check(p->available || (!p->show && !p->has_priority && !p->idle_since_s && !p->nick.n));
    for (size_t i = 0; i < p->n_notes; i++)
        check(p->notes[i].text.n > 0 && p->notes[i].text.n <= MAP_NOTE_BYTES);
}

/* One name is the person's, and notes of closed ones may be anybody's: else all is the same. */
static bool fits_in_a_document(const struct map_presences *p)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->v[i].available != p->v[0].available || !slice_eq(p->v[i].nick, p->v[0].nick) || !p->v[i].resource.n)
            return false;
    return true;
}

static void written(struct arena *a, const struct map_presences *p)
{
    struct map_presences again;
    struct slice lang;
    struct buf b;

    buf_init(&b, 1 << 20);
    map_put_pidf(&b, &romeo, NULL, p, NOW, true, 0, &lang);
    check(buf_ok(&b) && b.n <= MAP_PIDF_MAX);
    check(map_read_pidf(a, buf_slice(&b), slice_of(NULL, 0), &romeo, NULL, NOW, &again) == MAP_PIDF_OK);
    if (fits_in_a_document(p) && again.n == p->n && (p->v[0].n_notes == 0 || again.v[0].n_notes))
        map_presence_diff(p, &again, no_change, NULL);
    buf_free(&b);
}

static void presence(struct slice body)
{
    struct map_presences p, again;
    struct map_packed *packed;
    struct arena a;

    arena_init(&a, MAP_PIDF_ARENA);
    if (map_read_pidf(&a, body, SLICE("en"), &romeo, NULL, NOW, &p) == MAP_PIDF_OK) {
        struct arena second;

        check(p.n >= 1 && p.n <= MAP_PRESENCE_MAX);
        for (size_t i = 0; i < p.n; i++)
            check_one(&p.v[i]);
        arena_init(&second, 4 * MAP_PIDF_ARENA);
        packed = map_presences_pack(&p);
        check(packed && map_presences_unpack(&second, packed, &again));
        map_presence_diff(&p, &again, no_change, NULL);
        written(&second, &p);
        arena_reset(&second);
        free(packed);
    }
    arena_reset(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    presence(slice_of((const char *)data, n));
    return 0;
}
