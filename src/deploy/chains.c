#include "deploy/chains.h"

#include <string.h>

#include "store/certificate.h"

void chains_init(struct chains *c, const struct config *config, struct arena *arena)
{
    list_init(&c->list);
    hash_init(&c->by_source);
    c->config = config;
    c->arena = arena;
}

void chains_fini(struct chains *c)
{
    list_each (l, &c->list)
        tls_chain_free(container_of(l, struct chain, link)->chain);
    list_init(&c->list);
    hash_free(&c->by_source);
}

static bool is_of(const struct hash_node *node, const void *key)
{
    return strcmp(container_of(node, struct chain, node)->source, key) == 0;
}

/* Only what is public of it: the key stays sealed. */
static struct tls_chain *read_stored(const struct config *config, const char *name, struct err *err)
{
    const struct record *r = certificate_find(config, slice_str(name));
    const struct certificate *cert = r ? r->object : NULL;
    struct tls_chain *chain;

    if (!cert || !cert->chain.n) {
        err_set(err, "certificate \"%s\" is %s", name,
                cert ? "only requested: import what the authority sends, with stoxctl cert import"
                     : "not among the stored ones; stoxctl cert list shows them");
        return NULL;
    }
    chain = tls_chain_take(pki_chain_read(cert->chain));
    if (!chain)
        err_set(err, "certificate \"%s\": what the store has of it is damaged, or memory is missing; import it again",
                name);
    return chain;
}

static const struct chain *of(struct chains *c, const char *source)
{
    const struct hash_node *known;
    struct err err = { "" };
    struct chain *one;
    uint64_t hash;

    if (!source)
        return NULL;
    hash = hash_bytes(&c->by_source, slice_str(source));
    known = hash_find(&c->by_source, hash, is_of, source);
    if (known)
        return container_of(known, struct chain, node);
    one = arena_zalloc(c->arena, sizeof(*one));
    if (!one)
        return NULL;
    *one = (struct chain){ .source = source, .why = "" };
    list_init(&one->link);
    one->chain = certificate_is_stored(source) ? read_stored(c->config, source, &err) : tls_chain_load(source, &err);
    if (!one->chain)
        one->why = arena_strdup(c->arena, slice_str(err.text));
    if (!one->why)
        one->why = "out of memory";
    list_push(&c->list, &one->link);
    return hash_add(&c->by_source, &one->node, hash) ? one : NULL;
}

const struct chain *chains_of_domain(struct chains *c, const struct sip_domain *d)
{
    return of(c, d->certificate);
}

const struct chain *chains_of_sip(struct chains *c, const struct gateway *g)
{
    return of(c, g->sip_certificate);
}
