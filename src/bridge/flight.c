/* A message on its way to SIP: its memory, and its end. Where it flies is lane_launch.c's. */
#include <stdlib.h>

#include "bridge/lane.h"

#define FLIGHT_ARENA_MAX (1u << 20)

/* Takes the addresses and id over into the flight's own memory. */
static bool keep_addresses(struct flight *f, const struct jid *from, const struct jid *to, struct slice id)
{
    const struct slice *given[] = {
        &from->local, &from->domain, &from->resource, &to->local, &to->domain, &to->resource
    };
    struct slice *kept[] = { &f->from.local, &f->from.domain, &f->from.resource,
                             &f->to.local,   &f->to.domain,   &f->to.resource };

    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        *kept[i] = arena_dup(&f->arena, *given[i]);
        if (!kept[i]->p)
            return false;
    }
    f->id = id.p ? arena_dup(&f->arena, id) : id;
    return !id.p || f->id.p;
}

struct flight *flight_new(enum flight_kind kind, const struct jid *from, const struct jid *to, struct slice id)
{
    struct flight *f = calloc(1, sizeof(*f));

    if (!f)
        return NULL;
    arena_init(&f->arena, FLIGHT_ARENA_MAX);
    f->kind = kind;
    f->max_forwards = 70;
    list_init(&f->link);
    if (keep_addresses(f, from, to, id))
        return f;
    arena_reset(&f->arena);
    free(f);
    return NULL;
}

bool flight_keep(struct flight *f, const struct map_im_message *message)
{
    struct slice *s[] = { &f->message.uri,    &f->message.from,    &f->message.to,  &f->message.call_id,
                          &f->message.branch, &f->message.headers, &f->message.body };

    f->message = *message;
    f->message.thread = slice_of(NULL, 0);
    for (size_t i = 0; i < sizeof(s) / sizeof(s[0]); i++) {
        *s[i] = arena_dup(&f->arena, *s[i]);
        if (!s[i]->p)
            return false;
    }
    return true;
}

void flight_charge(struct flight *f, struct bridge *b)
{
    f->charged = f->arena.used + sizeof(*f);
    b->queued_bytes += f->charged;
}

void flight_free(struct flight *f, struct bridge *b)
{
    b->queued_bytes -= f->charged;
    if (!f->owed)
        federation_handled(b->federation, f->receipt);
    arena_reset(&f->arena);
    free(f);
}
