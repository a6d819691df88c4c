#include "map/presence_parts.h"

/* ---- one resource beside another ---- */

static bool same_notes(const struct map_presence *a, const struct map_presence *b)
{
    if (a->n_notes != b->n_notes)
        return false;
    for (size_t i = 0; i < a->n_notes; i++)
        if (!slice_ieq(a->notes[i].lang, b->notes[i].lang) || !slice_eq(a->notes[i].text, b->notes[i].text))
            return false;
    return true;
}

bool map_presence_same(const struct map_presence *a, const struct map_presence *b)
{
    return slice_eq(a->resource, b->resource) && a->available == b->available && a->show == b->show &&
           a->has_priority == b->has_priority && a->priority == b->priority && a->idle_since_s == b->idle_since_s &&
           slice_eq(a->nick, b->nick) && slice_eq(a->photo, b->photo) && same_notes(a, b);
}

/* The larger, the more available. */
static int rank_of(enum map_show show)
{
    static const int ranks[] = {
        [MAP_SHOW_CHAT] = 4, [MAP_SHOW_NONE] = 3, [MAP_SHOW_AWAY] = 2, [MAP_SHOW_XA] = 1, [MAP_SHOW_DND] = 0,
    };

    return ranks[show];
}

bool map_presence_before(const struct map_presence *a, const struct map_presence *b)
{
    if (a->available != b->available)
        return a->available;
    if (a->priority != b->priority)
        return a->priority > b->priority;
    if (a->show != b->show)
        return rank_of(a->show) > rank_of(b->show);
    return a->at_s > b->at_s;
}

const struct map_presence *map_presences_best(const struct map_presences *p)
{
    const struct map_presence *best = NULL;

    for (size_t i = 0; i < p->n; i++)
        if (!best || map_presence_before(&p->v[i], best))
            best = &p->v[i];
    return best;
}

static struct map_presence *find(const struct map_presences *p, struct slice resource)
{
    for (size_t i = 0; i < p->n; i++)
        if (slice_eq(p->v[i].resource, resource))
            return &p->v[i];
    return NULL;
}

/* ---- what is to be told ---- */

static bool is_nobody(const struct map_presences *p)
{
    return p->n == 0 || (p->n == 1 && !p->v[0].resource.n && !p->v[0].available);
}

/* The resource is gone; what notes there are come from elsewhere, if from anywhere. */
static struct map_presence gone(struct slice resource, const struct map_presence *notes_of)
{
    struct map_presence p = notes_of ? *notes_of : (struct map_presence){ 0 };

    map_presence_close(&p);
    p.resource = resource;
    return p;
}

static void tell_nobody(const struct map_presences *was, const struct map_presence *now,
                        void (*fn)(void *arg, const struct map_presence *p), void *arg)
{
    struct map_presence p;
    size_t n = 0;

    for (size_t i = 0; i < was->n; i++) {
        if (!was->v[i].available)
            continue;
        p = gone(was->v[i].resource, now);
        fn(arg, &p);
        n++;
    }
    p = gone((struct slice){ 0 }, now);
    if (n == 0 && !(is_nobody(was) && was->n && map_presence_same(&was->v[0], &p)))
        fn(arg, &p);
}

void map_presence_diff(const struct map_presences *was, const struct map_presences *now,
                       void (*fn)(void *arg, const struct map_presence *p), void *arg)
{
    struct map_presence p;

    if (is_nobody(now)) {
        tell_nobody(was, now->n ? &now->v[0] : NULL, fn, arg);
        return;
    }
    for (size_t i = 0; i < was->n; i++) {
        if (!was->v[i].available || find(now, was->v[i].resource))
            continue;
        p = gone(was->v[i].resource, NULL);
        fn(arg, &p);
    }
    for (size_t i = 0; i < now->n; i++) {
        const struct map_presence *before = find(was, now->v[i].resource);

        if (!before || !map_presence_same(before, &now->v[i]))
            fn(arg, &now->v[i]);
    }
}

/* ---- one stanza more ---- */

/* Index of the least available one. */
static size_t least(const struct map_presences *p)
{
    size_t at = 0;

    for (size_t i = 1; i < p->n; i++)
        if (map_presence_before(&p->v[at], &p->v[i]))
            at = i;
    return at;
}

void map_presences_put(struct map_presences *p, const struct map_presence *one)
{
    struct map_presence *place = find(p, one->resource);
    size_t at;

    if (place) {
        *place = *one;
    } else if (p->n < MAP_PRESENCE_MAX) {
        p->v[p->n++] = *one;
    } else {
        at = least(p);
        if (map_presence_before(one, &p->v[at]))
            p->v[at] = *one;
    }
}

static bool is_everybody(const struct map_presences *was, const struct map_presence *p)
{
    return !p->resource.n && !p->available && was->n > 0;
}

bool map_presences_take(struct arena *a, const struct map_presences *was, const struct map_presence *p,
                        struct map_presences *out)
{
    *out = (struct map_presences){ .v = arena_alloc(a, MAP_PRESENCE_MAX * sizeof(*out->v)) };
    if (!out->v)
        return false;
    for (size_t i = 0; i < was->n && out->n < MAP_PRESENCE_MAX; i++)
        out->v[out->n++] = was->v[i];
    if (!is_everybody(was, p)) {
        map_presences_put(out, p);
        return true;
    }
    for (size_t i = 0; i < out->n; i++) {
        if (!out->v[i].available)
            continue;
        out->v[i] = gone(out->v[i].resource, p);
        out->v[i].at_s = p->at_s;
    }
    return true;
}

void map_presences_told(struct map_presences *p)
{
    const struct map_presence *best = map_presences_best(p);
    struct map_presence last;
    size_t n = 0;

    if (!best)
        return;
    if (!best->available) {
        last = *best;
        p->v[0] = last;
        p->n = 1;
        return;
    }
    for (size_t i = 0; i < p->n; i++)
        if (p->v[i].available)
            p->v[n++] = p->v[i];
    p->n = n;
}

/* ---- timestamps ---- */

void map_presences_keep_newer(const struct map_presences *was, struct map_presences *now)
{
    for (size_t i = 0; i < now->n; i++) {
        const struct map_presence *before = find(was, now->v[i].resource);

        if (before && now->v[i].at_s && before->at_s > now->v[i].at_s)
            now->v[i] = *before;
    }
}
