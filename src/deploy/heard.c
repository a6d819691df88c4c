#include "deploy/heard.h"

#include <string.h>

void book_init(struct book *b, struct arena *arena, const char *resolver, const char *nonce)
{
    *b = (struct book){ .arena = arena, .resolver = resolver, .nonce = nonce };
    list_init(&b->heard);
    list_init(&b->reached);
}

static struct heard *find(const struct book *b, enum heard_type type, const char *name, uint16_t port)
{
    list_each (l, &b->heard) {
        struct heard *h = container_of(l, struct heard, link);

        if (h->type == type && h->port == port && strcmp(h->name, name) == 0)
            return h;
    }
    return NULL;
}

struct heard *book_want(struct book *b, enum heard_type type, const char *name, uint16_t port)
{
    struct heard *h = find(b, type, name, port);

    if (h)
        return h;
    h = arena_zalloc(b->arena, sizeof(*h));
    if (h)
        h->name = arena_strdup(b->arena, slice_str(name));
    if (!h || !h->name) {
        b->short_of_memory = true;
        return NULL;
    }
    h->type = type;
    h->port = port;
    list_init(&h->link);
    list_push(&b->heard, &h->link);
    return h;
}

/* A copy of n things in the book's memory. NULL with n: no memory. */
static const void *keep(struct book *b, const void *things, size_t size)
{
    struct slice copy;

    if (!size)
        return NULL;
    copy = arena_dup(b->arena, slice_of(things, size));
    if (!copy.p)
        b->short_of_memory = true;
    return copy.p;
}

static const char *keep_text(struct book *b, const char *text)
{
    const char *copy = text ? arena_strdup(b->arena, slice_str(text)) : NULL;

    if (text && !copy)
        b->short_of_memory = true;
    return copy;
}

static const struct dane_record *keep_tlsa(struct book *b, const struct dane_record *from, size_t n)
{
    struct dane_record *v = n ? arena_alloc(b->arena, n * sizeof(*v)) : NULL;

    if (n && !v)
        b->short_of_memory = true;
    for (size_t i = 0; v && i < n; i++) {
        v[i] = from[i];
        v[i].data.p = keep(b, from[i].data.p, from[i].data.n);
        if (!v[i].data.p)
            v[i].data.n = 0;
    }
    return v;
}

void book_answer(struct book *b, struct heard *h, const struct dns_answer *from)
{
    struct dns_answer *a = &h->answer;

    *a = *from;
    a->why = keep_text(b, from->why);
    a->alias_of = keep_text(b, from->alias_of);
    a->srv = keep(b, from->srv, from->n_srv * sizeof(*from->srv));
    a->addrs = keep(b, from->addrs, from->n_addrs * sizeof(*from->addrs));
    a->caa = keep(b, from->caa, from->n_caa * sizeof(*from->caa));
    a->tlsa = keep_tlsa(b, from->tlsa, from->n_tlsa);
    a->naptr = NULL;
    a->n_naptr = 0;
    a->n_srv = a->srv ? a->n_srv : 0;
    a->n_addrs = a->addrs ? a->n_addrs : 0;
    a->n_caa = a->caa ? a->n_caa : 0;
    a->n_tlsa = a->tlsa ? a->n_tlsa : 0;
    h->state = HEARD_ANSWERED;
}

void book_reached(struct book *b, const struct addr *to, bool open, bool refused, const char *why)
{
    struct reached *r = arena_zalloc(b->arena, sizeof(*r));

    if (!r) {
        b->short_of_memory = true;
        return;
    }
    *r = (struct reached){ .to = *to, .open = open, .refused = refused, .why = keep_text(b, why) };
    list_init(&r->link);
    list_push(&b->reached, &r->link);
}

const struct dns_answer *book_find(const struct book *b, enum heard_type type, const char *name, uint16_t port)
{
    static const struct dns_answer unasked = { .status = DNS_FAILED,
                                               .fault = DNS_FAULT_SILENCE,
                                               .why = "there was no time to ask for it" };
    const struct heard *h = find(b, type, name, port);

    return h && h->state == HEARD_ANSWERED ? &h->answer : &unasked;
}

const struct reached *book_find_reached(const struct book *b, const struct addr *to)
{
    list_each (l, &b->reached) {
        const struct reached *r = container_of(l, struct reached, link);

        if (addr_eq(&r->to, to))
            return r;
    }
    return NULL;
}

/* What libunbound makes of a resolver that says nothing is a failure of the server's, for every question. */
bool book_is_silent(const struct book *b)
{
    list_each (l, &b->heard) {
        const struct heard *h = container_of(l, struct heard, link);

        if (h->state == HEARD_ANSWERED && (h->answer.status != DNS_FAILED || h->answer.fault == DNS_FAULT_BOGUS))
            return false;
    }
    return true;
}
