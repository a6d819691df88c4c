/* Streams, as the API shows them. */
#include "daemon/answers_parts.h"
#include "net/addr.h"
#include "net/tls.h"

#define LIST_ARENA_MAX (64u << 20) /* some 100,000 streams */

json_t *answers_stream_row(const struct xmpp_stream_info *info)
{
    char address[ADDR_TEXT] = "";
    json_t *row, *proxy;

    if (info->peer && info->peer->sa.sa_family)
        addr_text(info->peer, address);
    row = json_pack("{s:I, s:s, s:b, s:o, s:o, s:o, s:s, s:s, s:s, s:s, s:s, s:o, s:I, s:I, s:I, s:I}", "id",
                    (json_int_t)info->id, "direction",
                    info->both      ? "both"
                    : info->inbound ? "in"
                                    : "out",
                    "authenticated", info->authenticated, "local", answers_text(info->local), "remote",
                    answers_text(info->remote), "partner", answers_text(info->partner), "address", address, "state",
                    info->state, "tls", info->tls, "cipher", info->cipher, "method", info->method, "certificate",
                    answers_text(info->certificate), "age-s", (json_int_t)(info->age_ms / 1000), "idle-s",
                    (json_int_t)(info->idle_ms / 1000), "stanzas-in", (json_int_t)info->stanzas_in, "stanzas-out",
                    (json_int_t)info->stanzas_out);
    if (!row || !info->proxy.n)
        return row;
    proxy = answers_text(info->proxy);
    if (proxy && json_object_set_new(row, "proxy", proxy) == 0)
        return row;
    json_decref(row);
    return NULL;
}

/*
 * The list is a copy that the loop makes, which costs it little for thousands of streams; what is said of them is composed in the
 * API's thread.
 */
struct stream_copy {
    struct stream_copy *next;
    struct xmpp_stream_info info; /* its words are constant */
    struct addr peer;
};

struct listing {
    struct bridge *bridge;
    struct arena arena;
    struct stream_copy *first, **end;
    bool no_memory;
};

static void copy_stream(void *arg, const struct xmpp_stream_info *info)
{
    struct listing *l = arg;
    struct stream_copy *copy = arena_zalloc(&l->arena, sizeof(*copy));

    if (!copy) {
        l->no_memory = true;
        return;
    }
    copy->info = *info;
    copy->info.local = arena_dup(&l->arena, info->local);
    copy->info.remote = arena_dup(&l->arena, info->remote);
    copy->info.partner = arena_dup(&l->arena, info->partner);
    copy->info.certificate = arena_dup(&l->arena, info->certificate);
    l->no_memory = l->no_memory || !copy->info.local.p || !copy->info.remote.p || !copy->info.partner.p ||
                   !copy->info.certificate.p;
    if (info->peer)
        copy->peer = *info->peer;
    copy->info.peer = info->peer ? &copy->peer : NULL;
    *l->end = copy;
    l->end = &copy->next;
}

static void list_streams(void *arg)
{
    struct listing *l = arg;

    bridge_each_stream(l->bridge, copy_stream, l);
}

json_t *answer_streams(void *owner)
{
    struct answers *a = owner;
    struct listing l = { .bridge = a->bridge, .end = &l.first };
    json_t *v = NULL;

    arena_init(&l.arena, LIST_ARENA_MAX);
    if (loop_call(a->door, list_streams, &l) && !l.no_memory) {
        v = json_array();
        for (const struct stream_copy *copy = l.first; v && copy; copy = copy->next)
            answers_append(&v, answers_stream_row(&copy->info));
    }
    arena_reset(&l.arena);
    return v;
}

struct closing {
    struct bridge *bridge;
    uint64_t id;
    bool found;
};

static void close_stream(void *arg)
{
    struct closing *c = arg;

    c->found = bridge_close_stream(c->bridge, c->id);
}

bool answer_stream_close(void *owner, uint64_t id)
{
    struct answers *a = owner;
    struct closing c = { a->bridge, id, false };

    return loop_call(a->door, close_stream, &c) && c.found;
}

/* ---- all of one ---- */

static json_t *pairs_json(const struct xmpp_stream_detail *d)
{
    json_t *list = json_array();

    for (size_t i = 0; i < d->n_pairs; i++)
        answers_append(&list, json_pack("{s:o, s:o, s:s}", "local", answers_text(d->pairs[i].local), "remote",
                                        answers_text(d->pairs[i].remote), "method", d->pairs[i].method));
    return list;
}

/* The certificate that the peer showed, whatever was thought of it. */
static json_t *shown_json(const struct tls_peer *peer)
{
    json_t *names;

    if (!peer)
        return json_null();
    names = json_array();
    for (size_t i = 0; i < peer->n_names; i++)
        answers_append(&names, answers_text(peer->names[i].text));
    return json_pack("{s:o, s:o, s:s, s:o}", "subject", answers_text(peer->subject), "issuer",
                     answers_text(peer->issuer), "until", peer->until, "names", names);
}

static void show_stream(void *arg, const struct xmpp_stream_detail *d)
{
    struct answers_search *s = arg;
    json_t *more = json_pack("{s:s, s:o, s:o, s:b, s:o, s:o}", "awaits", d->awaits, "shown", shown_json(d->shown),
                             "pin", answers_text(d->pin), "stream-management", d->sm, "pairs", pairs_json(d), "steps",
                             answers_steps(d->trace, d->opened_ms));

    s->v = answers_stream_row(&d->info);
    if (!s->v || !more || json_object_update(s->v, more)) {
        json_decref(s->v);
        s->v = NULL;
    }
    json_decref(more);
}

static void find_stream(void *arg)
{
    struct answers_search *s = arg;

    s->found = bridge_show_stream(s->bridge, s->id, show_stream, s);
}

json_t *answer_stream(void *owner, uint64_t id)
{
    struct answers_search s = { .id = id };

    return answers_find(owner, &s, find_stream);
}
