#include "bridge/watch.h"

#include <stdlib.h>

/* An event that waits to be read; its texts follow it. */
struct note {
    struct list link;
    struct watch_event e;
    size_t size;
    char bytes[];
};

struct name {
    size_t n;
    char *p; /* owned */
};

struct watch {
    struct list link;
    uint64_t id;
    struct name users[WATCH_NAMES_MAX], partners[WATCH_NAMES_MAX];
    struct name pairs[WATCH_PAIRS_MAX]; /* remote domains that events were about */
    size_t n_users, n_partners, n_pairs;
    struct name who;
    bool bodies;
    uint64_t until_ms, read_ms;
    struct list notes;
    size_t bytes;
    uint64_t last_n, dropped;
};

void watches_init(struct watches *w)
{
    *w = (struct watches){ .n = 0 };
    list_init(&w->all);
}

static bool keep(struct name *out, struct slice s)
{
    out->p = malloc(s.n + 1);
    if (!out->p)
        return false;
    if (s.n)
        memcpy(out->p, s.p, s.n);
    out->n = s.n;
    return true;
}

static bool is(const struct name *name, struct slice s)
{
    return slice_eq(slice_of(name->p, name->n), s);
}

static bool is_any(const struct name *names, size_t n, struct slice s)
{
    for (size_t i = 0; i < n; i++)
        if (is(&names[i], s))
            return true;
    return false;
}

static void free_names(struct name *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(names[i].p);
}

static void drop_note(struct watch *watch, struct note *note)
{
    list_unlink(&note->link);
    watch->bytes -= note->size;
    free(note);
}

static void watch_free(struct watch *watch)
{
    while (!list_empty(&watch->notes))
        drop_note(watch, container_of(watch->notes.next, struct note, link));
    free_names(watch->users, watch->n_users);
    free_names(watch->partners, watch->n_partners);
    free_names(watch->pairs, watch->n_pairs);
    free(watch->who.p);
    free(watch);
}

static void end(struct watches *w, struct watch *watch)
{
    list_unlink(&watch->link);
    w->n--;
    w->n_bodies -= watch->bodies;
    watch_free(watch);
}

void watches_fini(struct watches *w)
{
    while (!list_empty(&w->all))
        end(w, container_of(w->all.next, struct watch, link));
}

static bool is_over(const struct watch *watch, uint64_t now_ms)
{
    return now_ms >= watch->until_ms || now_ms - watch->read_ms >= WATCH_IDLE_MS;
}

static void end_old(struct watches *w, uint64_t now_ms)
{
    list_each_safe (l, tmp, &w->all) {
        struct watch *watch = container_of(l, struct watch, link);

        if (is_over(watch, now_ms))
            end(w, watch);
    }
}

static bool keep_all(struct name *out, size_t *n_out, const struct slice *names, size_t n)
{
    for (size_t i = 0; i < n && i < WATCH_NAMES_MAX; i++) {
        if (!keep(&out[i], names[i]))
            return false;
        (*n_out)++;
    }
    return true;
}

uint64_t watches_add(struct watches *w, const struct watch_wish *wish, uint64_t now_ms, bool *full)
{
    struct watch *watch;

    end_old(w, now_ms);
    *full = w->n >= WATCHES_MAX;
    watch = *full ? NULL : calloc(1, sizeof(*watch));
    if (!watch)
        return 0;
    list_init(&watch->notes);
    list_init(&watch->link);
    watch->bodies = wish->bodies;
    watch->read_ms = now_ms;
    watch->until_ms = now_ms + wish->for_ms;
    if (!keep_all(watch->users, &watch->n_users, wish->users, wish->n_users) ||
        !keep_all(watch->partners, &watch->n_partners, wish->partners, wish->n_partners) ||
        !keep(&watch->who, wish->who)) {
        watch_free(watch);
        return 0;
    }
    watch->id = ++w->last_id;
    list_push(&w->all, &watch->link);
    w->n++;
    w->n_bodies += watch->bodies;
    return watch->id;
}

static struct watch *find(const struct watches *w, uint64_t id, struct slice who)
{
    list_each (l, &w->all) {
        struct watch *watch = container_of(l, struct watch, link);

        if (watch->id == id && is(&watch->who, who))
            return watch;
    }
    return NULL;
}

bool watches_end(struct watches *w, uint64_t id, struct slice who)
{
    struct watch *watch = find(w, id, who);

    if (watch)
        end(w, watch);
    return watch != NULL;
}

/* ---- what is told to whom ---- */

static struct slice domain_of(struct slice address)
{
    struct slice local, domain;

    return slice_cut(address, '@', &local, &domain) ? domain : address;
}

static bool wants_partner(const struct watch *watch, const struct directory *d, struct slice remote)
{
    const struct listed *partner = watch->n_partners ? directory_partner(d, remote) : NULL;

    for (size_t i = 0; i < watch->n_partners; i++) {
        const struct name *name = &watch->partners[i];
        const struct listed *named = directory_partner(d, slice_of(name->p, name->n));

        if (is(name, remote) || (partner && named == partner))
            return true;
    }
    return false;
}

/* Streams concern a person with whose conversations they have to do. */
static bool wants(const struct watch *watch, const struct directory *d, const struct watch_event *e)
{
    struct slice remote = domain_of(e->remote);

    if (wants_partner(watch, d, remote))
        return true;
    if (e->leg != WATCH_STREAM)
        return is_any(watch->users, watch->n_users, e->local) || is_any(watch->users, watch->n_users, e->remote);
    return is_any(watch->pairs, watch->n_pairs, remote);
}

static void note_pair(struct watch *watch, struct slice remote)
{
    if (watch->n_pairs < WATCH_PAIRS_MAX && !is_any(watch->pairs, watch->n_pairs, remote) &&
        keep(&watch->pairs[watch->n_pairs], remote))
        watch->n_pairs++;
}

static struct slice put(char **at, struct slice s)
{
    struct slice out = { s.p ? *at : NULL, s.n };

    if (s.n)
        memcpy(*at, s.p, s.n);
    *at += s.n;
    return out;
}

static struct note *note_new(const struct watch *watch, const struct watch_event *e)
{
    struct slice what = slice_first(e->what, WATCH_TEXT_MAX), details = slice_first(e->details, WATCH_TEXT_MAX);
    struct slice body = watch->bodies ? slice_first(e->body, WATCH_BODY_MAX) : (struct slice){ 0 };
    size_t size = sizeof(struct note) + e->local.n + e->remote.n + what.n + details.n + body.n;
    struct note *note = malloc(size);
    char *at;

    if (!note)
        return NULL;
    at = note->bytes;
    note->e = *e;
    note->size = size;
    note->e.local = put(&at, e->local);
    note->e.remote = put(&at, e->remote);
    note->e.what = put(&at, what);
    note->e.details = put(&at, details);
    note->e.body = put(&at, body);
    list_init(&note->link);
    return note;
}

/* What does not fit pushes out the oldest; what there is no memory for counts as dropped itself. */
static void add(struct watch *watch, const struct watch_event *e)
{
    struct note *note = note_new(watch, e);

    watch->last_n++;
    if (!note) {
        watch->dropped++;
        return;
    }
    note->e.n = watch->last_n;
    while (watch->bytes + note->size > WATCH_BYTES_MAX && !list_empty(&watch->notes)) {
        drop_note(watch, container_of(watch->notes.next, struct note, link));
        watch->dropped++;
    }
    list_push(&watch->notes, &note->link);
    watch->bytes += note->size;
}

void watches_tell(struct watches *w, const struct directory *d, const struct watch_event *e, uint64_t now_ms)
{
    end_old(w, now_ms);
    list_each (l, &w->all) {
        struct watch *watch = container_of(l, struct watch, link);

        if (!wants(watch, d, e))
            continue;
        if (e->leg != WATCH_STREAM)
            note_pair(watch, domain_of(e->remote));
        add(watch, e);
    }
}

bool watches_read(struct watches *w, uint64_t id, struct slice who, uint64_t after, size_t limit, uint64_t now_ms,
                  void (*fn)(void *arg, const struct watch_event *e), void *arg, struct watch_state *state)
{
    struct watch *watch;

    end_old(w, now_ms);
    watch = find(w, id, who);
    if (!watch)
        return false;
    watch->read_ms = now_ms;
    list_each_safe (l, tmp, &watch->notes) {
        struct note *note = container_of(l, struct note, link);

        if (note->e.n <= after)
            drop_note(watch, note);
        else if (limit-- > 0)
            fn(arg, &note->e);
        else
            break;
    }
    *state = (struct watch_state){ watch->dropped, watch->until_ms - now_ms, watch->bodies };
    return true;
}
