#include "deploy/chains.h"

#include <string.h>

void chains_init(struct chains *c, struct arena *arena)
{
    list_init(&c->list);
    c->arena = arena;
}

void chains_fini(struct chains *c)
{
    list_each (l, &c->list)
        tls_chain_free(container_of(l, struct chain, link)->chain);
    list_init(&c->list);
}

static const struct chain *find(const struct chains *c, const char *file, const char *key)
{
    list_each (l, &c->list) {
        const struct chain *one = container_of(l, struct chain, link);

        if (strcmp(one->file, file) == 0 && strcmp(one->key, key) == 0)
            return one;
    }
    return NULL;
}

static const struct chain *of_files(struct chains *c, const char *file, const char *key)
{
    const struct chain *known;
    struct chain *one;
    struct err err = { "" };

    if (!file || !key)
        return NULL;
    known = find(c, file, key);
    if (known)
        return known;
    one = arena_zalloc(c->arena, sizeof(*one));
    if (!one)
        return NULL;
    *one = (struct chain){ .file = file, .key = key, .chain = tls_chain_load(file, &err), .why = "" };
    list_init(&one->link);
    if (!one->chain)
        one->why = arena_strdup(c->arena, slice_str(err.text));
    if (!one->why)
        one->why = "out of memory";
    list_push(&c->list, &one->link);
    return one;
}

const struct chain *chains_of_domain(struct chains *c, const struct sip_domain *d)
{
    return of_files(c, d->certificate, d->key);
}

const struct chain *chains_of_sip(struct chains *c, const struct gateway *g)
{
    return of_files(c, g->sip_certificate, g->sip_key);
}
