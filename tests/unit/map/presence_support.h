/* Presence as one line of text, made, compared and drawn by lot. */
#ifndef STOX_TESTS_PRESENCE_SUPPORT_H
#define STOX_TESTS_PRESENCE_SUPPORT_H

#include "map_support.h"

#include "base/text.h"
#include "map/presence_parts.h"

#define NOW ((int64_t)1790000000) /* 2026-09-21T14:13:20Z */
#define PIDF(inside)                                                                                                   \
    "<?xml version='1.0' encoding='UTF-8'?>\n<presence xmlns='urn:ietf:params:xml:ns:pidf'"                            \
    " xmlns:dm='urn:ietf:params:xml:ns:pidf:data-model' xmlns:rpid='urn:ietf:params:xml:ns:pidf:rpid'"                 \
    " entity='pres:romeo@example.net'>" inside "</presence>"

static const struct jid romeo = { { "romeo", 5 }, { "example.net", 11 }, { NULL, 0 } };
static const struct jid juliet = { { "juliet", 6 }, { "example.com", 11 }, { NULL, 0 } };

static inline void put_line(struct buf *b, const struct map_presence *p, bool with_time)
{
    static const char *const shows[] = { "", " chat", " away", " xa", " dnd" };

    buf_printf(b, "/%.*s %s%s", SLICE_FMT(p->resource), p->available ? "open" : "closed", shows[p->show]);
    if (p->has_priority)
        buf_printf(b, " priority=%d", p->priority);
    if (p->idle_since_s)
        buf_printf(b, " idle=%lld", (long long)p->idle_since_s);
    if (p->nick.n)
        buf_printf(b, " nick=%.*s", SLICE_FMT(p->nick));
    if (p->photo.n)
        buf_printf(b, " photo=%.*s", SLICE_FMT(p->photo));
    if (with_time)
        buf_printf(b, " at=%lld", (long long)p->at_s);
    for (size_t i = 0; i < p->n_notes; i++)
        buf_printf(b, " [%.*s]%.*s", SLICE_FMT(p->notes[i].lang), SLICE_FMT(p->notes[i].text));
}

static inline const char *line_of(struct arena *a, const struct map_presences *p, bool with_time)
{
    const char *line;
    struct buf b;

    buf_init(&b, 1 << 22);
    for (size_t i = 0; i < p->n; i++) {
        if (i)
            buf_str(&b, "; ");
        put_line(&b, &p->v[i], with_time);
    }
    assert_true(buf_ok(&b));
    line = c_str(a, buf_slice(&b));
    buf_free(&b);
    return line;
}

/* What a stanza with these attributes and children says, from this resource. */
static inline struct map_presence presence_of(struct arena *a, const char *resource, const char *attrs,
                                              const char *inside)
{
    struct xml *el = stanza_of(a, slice_str(text_of(a, "<presence %s>%s</presence>", attrs, inside)));
    const char *condition = NULL;
    struct map_presence p;

    if (!map_presence_of_stanza(a, el, slice_str(resource), slice_of(NULL, 0), NOW, &p, &condition))
        fail_msg("%s: %s", inside, condition);
    return p;
}

/* The document of Juliet, in the arena. */
static inline struct slice pidf_of(struct arena *a, const struct map_presences *p, bool notes)
{
    struct slice lang, copy;
    struct buf b;

    buf_init(&b, 1 << 20);
    map_put_pidf(&b, &juliet, NULL, p, NOW, notes, 0, &lang);
    assert_true(buf_ok(&b));
    copy = dup_or_fail(a, buf_slice(&b));
    buf_free(&b);
    return copy;
}

/* ---- by lot ---- */

static inline struct slice any_text(struct arena *a, uint64_t *seed, const char *const *pieces, size_t n, size_t max)
{
    struct buf b;
    struct slice copy;

    buf_init(&b, 1 << 20);
    for (size_t left = 1 + next_random(seed) % max; left; left--)
        buf_str(&b, pieces[next_random(seed) % n]);
    assert_true(buf_ok(&b));
    copy = dup_or_fail(a, buf_slice(&b));
    buf_free(&b);
    return copy;
}

/* A presence as a stanza could say it: round_trip leaves out what a PIDF document cannot hold. */
static inline struct map_presence any_presence(struct arena *a, uint64_t *seed, bool round_trip)
{
    static const char *const names[] = { "a",      "Z", "9", "-", ".", "_",          "_5F", " x",
                                         "\u00FC", "/", "@", "&", "<", "\U0001F600", "%41" };
    static const char *const words[] = { "Gone ",  "&",          "<b>",        "\"", "'", "]]>",
                                         "\u4E2D", "\U0001F4A4", " for lunch", "--", "\n" };
    static const char *const langs[] = { "", "en", "fr", "zh-Hant-TW" };
    struct map_presence p = { .available = next_random(seed) % 4 != 0,
                              .at_s = NOW - (int64_t)(next_random(seed) % 100000) };

    p.resource = any_text(a, seed, names, sizeof(names) / sizeof(names[0]), 6);
    for (size_t i = 0, n = next_random(seed) % 3; i < n; i++)
        map_presence_add_note(&p, slice_str(langs[next_random(seed) % 4]),
                              slice_trim(any_text(a, seed, words, sizeof(words) / sizeof(words[0]), 8)));
    if (!p.available)
        return p;
    p.show = (enum map_show)(next_random(seed) % 5);
    p.has_priority = next_random(seed) % 2;
    if (p.has_priority)
        p.priority = (int8_t)(round_trip ? next_random(seed) % 128 : next_random(seed));
    if (next_random(seed) % 3 == 0)
        p.idle_since_s = NOW - (int64_t)(next_random(seed) % 1000000);
    p.nick = round_trip || next_random(seed) % 2 ? SLICE("Juliet & \"Co\"") : slice_of(NULL, 0);
    if (!round_trip && next_random(seed) % 2)
        p.photo = SLICE("da39a3ee5e6b4b0d3255bfef95601890afd80709");
    return p;
}

static inline struct map_presences any_presences(struct arena *a, uint64_t *seed, size_t max, bool round_trip)
{
    struct map_presences p = { .v = arena_alloc(a, MAP_PRESENCE_MAX * sizeof(*p.v)) };

    assert_non_null(p.v);
    for (size_t n = next_random(seed) % (max + 1); n; n--) {
        struct map_presence one = any_presence(a, seed, round_trip);

        map_presences_put(&p, &one);
    }
    return p;
}

#endif
