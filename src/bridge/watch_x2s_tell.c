/* What a watcher on XMPP is told. Nobody waits for the fate of it: what a broken stream has lost is told again (watch_x2s_tell_again). */
#include <stdlib.h>

#include "bridge/note.h"
#include "bridge/presence.h"
#include "bridge/watch_x2s_parts.h"
#include "map/error.h"

#define MEM 4096
#define ARENA_MAX (256 * 1024)

static void count(struct bridge *b, bool sent)
{
    (*(sent ? &b->watches_x2s.presence_out : &b->watches_x2s.presence_lost))++;
}

static void send_out(struct bridge *b, const struct contact *c)
{
    count(b, bridge_send(b, contact_local_jid(c).domain, contact_remote_jid(c).domain, 0, 0, NULL));
}

void watch_tell_type(struct bridge *b, const struct contact *c, const char *type)
{
    struct jid local = contact_local_jid(c), remote = contact_remote_jid(c);
    enum xmpp_fate fate;

    count(b, presence_send(b, &local, &remote, type, slice_of(NULL, 0), 0, &fate));
}

void watch_tell_error(struct bridge *b, const struct contact *c, unsigned status, struct slice id)
{
    struct jid local = contact_local_jid(c), remote = contact_remote_jid(c);
    struct map_stanza_error error;
    _Alignas(16) char memory[512];
    struct arena a;

    arena_init_on(&a, memory, sizeof(memory), ARENA_MAX);
    map_error_to_stanza(&a, status ? status : 504, NULL, &b->map.aliases, &error);
    bridge_send_error(b, "presence", &local, &remote, id, true, &error, NULL);
    arena_reset(&a);
}

/* Partners of the public types do not see notes (lync-gateway 6). */
static bool may_see_notes(const struct bridge *b, struct slice domain)
{
    const struct listed *partner = directory_partner(b->directory, domain);

    return partner && partner->settings->type == PARTNER_FEDERATED;
}

struct telling {
    struct watch_x2s *watch;
    struct jid to;
    bool notes, only_available, gone;
};

static void tell_one(void *arg, const struct map_presence *p)
{
    struct telling *t = arg;
    struct bridge *b = t->watch->bridge;
    struct jid local = contact_local_jid(t->watch->contact);
    struct map_presence closed = { .resource = p->resource };
    struct map_entity device = entity_device(b, &local);

    if (t->only_available && !p->available)
        return;
    buf_clear(&b->scratch);
    map_put_presence_stanza(&b->scratch, &local, t->gone ? &closed : p, &t->to, t->notes, &device);
    note_presence(b, &local, &t->to, true, slice_str(p->available && !t->gone ? "" : "unavailable"), p->resource);
    send_out(b, t->watch->contact);
}

static struct telling telling_of(struct watch_x2s *w)
{
    struct jid remote = contact_remote_jid(w->contact);

    return (struct telling){ .watch = w, .to = remote, .notes = may_see_notes(w->bridge, remote.domain) };
}

static bool any_available(const struct map_presences *p)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->v[i].available)
            return true;
    return false;
}

/* Nobody is there: one unavailable from the bare address (STOX-PRS-33, 41), with the note that a document had. */
static void tell_nobody(struct telling *t, const struct map_presences *known)
{
    struct map_presence nobody = { .available = false };

    for (size_t i = 0; i < known->n && !nobody.n_notes; i++)
        if (known->v[i].n_notes) {
            nobody.n_notes = known->v[i].n_notes;
            memcpy(nobody.notes, known->v[i].notes, sizeof(nobody.notes));
        }
    tell_one(t, &nobody);
}

void watch_tell_known(struct watch_x2s *w, struct slice resource)
{
    struct telling t = telling_of(w);
    _Alignas(16) char memory[MEM];
    struct map_presences known = { 0 };
    struct arena a;

    t.to.resource = resource;
    t.only_available = true;
    arena_init_on(&a, memory, sizeof(memory), ARENA_MAX);
    if (w->known && !map_presences_unpack(&a, w->known, &known))
        known.n = 0;
    if (any_available(&known)) {
        for (size_t i = 0; i < known.n; i++)
            tell_one(&t, &known.v[i]);
    } else {
        t.only_available = false;
        tell_nobody(&t, &known);
    }
    w->shown = true;
    arena_reset(&a);
}

void watch_tell_gone(struct watch_x2s *w)
{
    struct telling t = telling_of(w);
    _Alignas(16) char memory[MEM];
    struct map_presences known = { 0 };
    struct arena a;

    timer_stop(&w->bridge->loop->timers, &w->gone);
    watch_x2s_let_go(w);
    if (!w->known)
        return;
    t.gone = t.only_available = true;
    arena_init_on(&a, memory, sizeof(memory), ARENA_MAX);
    if (w->shown && map_presences_unpack(&a, w->known, &known))
        for (size_t i = 0; i < known.n; i++)
            tell_one(&t, &known.v[i]);
    arena_reset(&a);
    free(w->known);
    w->known = NULL;
    w->shown = false;
}

bool watch_tell_difference(struct watch_x2s *w, struct arena *a, const struct map_presences *now)
{
    struct telling t = telling_of(w);
    struct map_presences was = { 0 }, next = *now;
    struct map_packed *packed;

    if (w->known && !map_presences_unpack(a, w->known, &was))
        return false;
    map_presences_keep_newer(&was, &next); /* STOX-PRS-44 */
    packed = map_presences_pack(&next);
    if (!packed)
        return false;
    if (w->told && w->shown && watch_x2s_must_hold(w)) {
        watch_x2s_hold(w, packed);
        return true;
    }
    watch_x2s_let_go(w);
    if (w->told && w->shown)
        map_presence_diff(&was, &next, tell_one, &t);
    free(w->known);
    w->known = packed;
    if (w->told && !w->shown && !w->asker_only)
        watch_tell_known(w, slice_of(NULL, 0));
    return true;
}
