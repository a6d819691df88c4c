#include "deploy/chains.h"

#include <string.h>

#include "store/certificate.h"

void chains_init(struct chains *c, const struct config *config, struct arena *arena)
{
    list_init(&c->list);
    hash_init(&c->by_files);
    c->config = config;
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

static struct tls_chain *of_stored(const struct chains *c, const char *name, struct err *err)
{
    const struct record *r = certificate_find(c->config, slice_str(name));
    const struct certificate *cert = r ? r->object : NULL;
    STACK_OF(X509) *certs = NULL;
    struct tls_chain *chain;

    if (!cert || !cert->chain.n) {
        err_set(err, "certificate \"%s\": %s", name,
                cert ? "it is only requested; import what the authority sends: stoxctl cert import"
                     : "there is none of this name; stoxctl cert list shows them");
        return NULL;
    }
    certs = pki_chain_read(cert->chain);
    chain = certs ? tls_chain_of(certs) : NULL;
    if (!chain)
        err_set(err, "certificate \"%s\": it is damaged in the store, or memory is missing; import it again", name);
    sk_X509_pop_free(certs, X509_free);
    return chain;
}

static const struct chain *of_files(struct chains *c, const char *file, const char *key)
{
    const struct chain like = { .file = file, .key = certificate_is_stored(file) ? "" : key };
    const struct hash_node *known;
    struct err err = { "" };
    struct chain *one;
    uint64_t hash;

    if (!file || !like.key)
        return NULL;
    hash = hash_more(&c->by_files, hash_bytes(&c->by_files, slice_str(file)), slice_str(like.key));
    known = hash_find(&c->by_files, hash, is_of, &like);
    if (known)
        return container_of(known, struct chain, node);
    one = arena_zalloc(c->arena, sizeof(*one));
    if (!one)
        return NULL;
    *one = (struct chain){ .file = file, .key = like.key, .why = "" };
    one->chain = certificate_is_stored(file) ? of_stored(c, file, &err) : tls_chain_load(file, &err);
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
