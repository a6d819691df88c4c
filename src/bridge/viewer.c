#include "bridge/viewer.h"

#include <stdlib.h>

/* An event that waits to be read; its texts follow it. */
struct note {
    struct list link;
    struct viewer_event e;
    size_t size;
    char bytes[];
};

struct name {
    size_t n;
    char *p; /* owned */
};

struct viewer {
    struct list link;
    uint64_t id;
    struct name users[VIEWER_NAMES_MAX], partners[VIEWER_NAMES_MAX];
    struct name pairs[VIEWER_PAIRS_MAX]; /* remote domains that events were about */
    size_t n_users, n_partners, n_pairs;
    struct name who;
    bool bodies;
    uint64_t until_ms, read_ms;
    struct list notes;
    size_t bytes;
    uint64_t last_n, dropped;
};

void viewers_init(struct viewers *w)
{
    *w = (struct viewers){ .n = 0 };
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

static void drop_note(struct viewer *viewer, struct note *note)
{
    list_unlink(&note->link);
    viewer->bytes -= note->size;
    free(note);
}

static void viewer_free(struct viewer *viewer)
{
    while (!list_empty(&viewer->notes))
        drop_note(viewer, container_of(viewer->notes.next, struct note, link));
    free_names(viewer->users, viewer->n_users);
    free_names(viewer->partners, viewer->n_partners);
    free_names(viewer->pairs, viewer->n_pairs);
    free(viewer->who.p);
    free(viewer);
}

static void end(struct viewers *w, struct viewer *viewer)
{
    list_unlink(&viewer->link);
    w->n--;
    w->n_bodies -= viewer->bodies;
    viewer_free(viewer);
}

void viewers_fini(struct viewers *w)
{
    while (!list_empty(&w->all))
        end(w, container_of(w->all.next, struct viewer, link));
}

static bool is_over(const struct viewer *viewer, uint64_t now_ms)
{
    return now_ms >= viewer->until_ms || now_ms - viewer->read_ms >= VIEWER_IDLE_MS;
}

static void end_old(struct viewers *w, uint64_t now_ms)
{
    list_each_safe (l, tmp, &w->all) {
        struct viewer *viewer = container_of(l, struct viewer, link);

        if (is_over(viewer, now_ms))
            end(w, viewer);
    }
}

static bool keep_all(struct name *out, size_t *n_out, const struct slice *names, size_t n)
{
    for (size_t i = 0; i < n && i < VIEWER_NAMES_MAX; i++) {
        if (!keep(&out[i], names[i]))
            return false;
        (*n_out)++;
    }
    return true;
}

uint64_t viewers_add(struct viewers *w, const struct viewer_wish *wish, uint64_t now_ms, bool *full)
{
    struct viewer *viewer;

    end_old(w, now_ms);
    *full = w->n >= VIEWERS_MAX;
    viewer = *full ? NULL : calloc(1, sizeof(*viewer));
    if (!viewer)
        return 0;
    list_init(&viewer->notes);
    list_init(&viewer->link);
    viewer->bodies = wish->bodies;
    viewer->read_ms = now_ms;
    viewer->until_ms = now_ms + wish->for_ms;
    if (!keep_all(viewer->users, &viewer->n_users, wish->users, wish->n_users) ||
        !keep_all(viewer->partners, &viewer->n_partners, wish->partners, wish->n_partners) ||
        !keep(&viewer->who, wish->who)) {
        viewer_free(viewer);
        return 0;
    }
    viewer->id = ++w->last_id;
    list_push(&w->all, &viewer->link);
    w->n++;
    w->n_bodies += viewer->bodies;
    return viewer->id;
}

static struct viewer *find(const struct viewers *w, uint64_t id, struct slice who)
{
    list_each (l, &w->all) {
        struct viewer *viewer = container_of(l, struct viewer, link);

        if (viewer->id == id && is(&viewer->who, who))
            return viewer;
    }
    return NULL;
}

bool viewers_end(struct viewers *w, uint64_t id, struct slice who)
{
    struct viewer *viewer = find(w, id, who);

    if (viewer)
        end(w, viewer);
    return viewer != NULL;
}

/* ---- what is told to whom ---- */

static struct slice domain_of(struct slice address)
{
    struct slice local, domain;

    return slice_cut(address, '@', &local, &domain) ? domain : address;
}

static bool wants_partner(const struct viewer *viewer, const struct directory *d, struct slice remote)
{
    const struct listed *partner = viewer->n_partners ? directory_partner(d, remote) : NULL;

    for (size_t i = 0; i < viewer->n_partners; i++) {
        const struct name *name = &viewer->partners[i];
        const struct listed *named = directory_partner(d, slice_of(name->p, name->n));

        if (is(name, remote) || (partner && named == partner))
            return true;
    }
    return false;
}

/* Streams concern a person with whose conversations they have to do. */
static bool wants(const struct viewer *viewer, const struct directory *d, const struct viewer_event *e)
{
    struct slice remote = domain_of(e->remote);

    if (wants_partner(viewer, d, remote))
        return true;
    if (e->leg != VIEWER_STREAM)
        return is_any(viewer->users, viewer->n_users, e->local) || is_any(viewer->users, viewer->n_users, e->remote);
    return is_any(viewer->pairs, viewer->n_pairs, remote);
}

static void note_pair(struct viewer *viewer, struct slice remote)
{
    if (viewer->n_pairs < VIEWER_PAIRS_MAX && !is_any(viewer->pairs, viewer->n_pairs, remote) &&
        keep(&viewer->pairs[viewer->n_pairs], remote))
        viewer->n_pairs++;
}

static struct slice put(char **at, struct slice s)
{
    struct slice out = { s.p ? *at : NULL, s.n };

    if (s.n)
        memcpy(*at, s.p, s.n);
    *at += s.n;
    return out;
}

static struct note *note_new(const struct viewer *viewer, const struct viewer_event *e)
{
    struct slice what = slice_first(e->what, VIEWER_TEXT_MAX), details = slice_first(e->details, VIEWER_TEXT_MAX);
    struct slice body = viewer->bodies ? slice_first(e->body, VIEWER_BODY_MAX) : (struct slice){ 0 };
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
static void add(struct viewer *viewer, const struct viewer_event *e)
{
    struct note *note = note_new(viewer, e);

    viewer->last_n++;
    if (!note) {
        viewer->dropped++;
        return;
    }
    note->e.n = viewer->last_n;
    while (viewer->bytes + note->size > VIEWER_BYTES_MAX && !list_empty(&viewer->notes)) {
        drop_note(viewer, container_of(viewer->notes.next, struct note, link));
        viewer->dropped++;
    }
    list_push(&viewer->notes, &note->link);
    viewer->bytes += note->size;
}

void viewers_tell(struct viewers *w, const struct directory *d, const struct viewer_event *e, uint64_t now_ms)
{
    end_old(w, now_ms);
    list_each (l, &w->all) {
        struct viewer *viewer = container_of(l, struct viewer, link);

        if (!wants(viewer, d, e))
            continue;
        if (e->leg != VIEWER_STREAM)
            note_pair(viewer, domain_of(e->remote));
        add(viewer, e);
    }
}

bool viewers_read(struct viewers *w, uint64_t id, struct slice who, uint64_t after, size_t limit, uint64_t now_ms,
                  void (*fn)(void *arg, const struct viewer_event *e), void *arg, struct viewer_state *state)
{
    struct viewer *viewer;

    end_old(w, now_ms);
    viewer = find(w, id, who);
    if (!viewer)
        return false;
    viewer->read_ms = now_ms;
    list_each_safe (l, tmp, &viewer->notes) {
        struct note *note = container_of(l, struct note, link);

        if (note->e.n <= after)
            drop_note(viewer, note);
        else if (limit-- > 0)
            fn(arg, &note->e);
        else
            break;
    }
    *state = (struct viewer_state){ viewer->dropped, viewer->until_ms - now_ms, viewer->bodies };
    return true;
}
