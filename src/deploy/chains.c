#include "deploy/chains.h"

#include <string.h>

void chains_init(struct chains *c, struct arena *arena)
{
    list_init(&c->list);
    hash_init(&c->by_files);
    c->arena = arena;
}

void chains_fini(struct chains *c)
{
    list_each (l, &c->list)
        tls_chain_free(container_of(l, struct chain, link)->chain);
    list_init(&c->list);
    hash_free(&c->by_files);
}

static bool is_of(const struct hash_node *node, const void *key)
{
    const struct chain *one = container_of(node, struct chain, node), *like = key;

    return strcmp(one->file, like->file) == 0 && strcmp(one->key, like->key) == 0;
}

static const struct chain *of_files(struct chains *c, const char *file, const char *key)
{
    const struct chain like = { .file = file, .key = key };
    const struct hash_node *known;
    struct err err = { "" };
    struct chain *one;
    uint64_t hash;

    if (!file || !key)
        return NULL;
    hash = hash_more(&c->by_files, hash_bytes(&c->by_files, slice_str(file)), slice_str(key));
    known = hash_find(&c->by_files, hash, is_of, &like);
    if (known)
        return container_of(known, struct chain, node);
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
    return hash_add(&c->by_files, &one->node, hash) ? one : NULL;
}

const struct chain *chains_of_domain(struct chains *c, const struct sip_domain *d)
{
    return of_files(c, d->certificate, d->key);
}

const struct chain *chains_of_sip(struct chains *c, const struct gateway *g)
{
    return of_files(c, g->sip_certificate, g->sip_key);
}
