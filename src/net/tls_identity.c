/* Our certificates: one by one, and as sets that are swapped as a whole. */
#include <openssl/err.h>
#include <stdlib.h>

#include "base/text.h"
#include "net/tls_priv.h"

bool tls_name_fold(struct slice name, char out[TLS_NAME_MAX + 1], size_t *n)
{
    if (name.n > 0 && name.p[name.n - 1] == '.')
        name.n--;
    if (name.n > TLS_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '\0')
            return false;
        out[i] = text_lower(name.p[i]);
    }
    out[name.n] = '\0';
    *n = name.n;
    return true;
}

/* ---- one certificate ---- */

static void identity_drop(struct tls_identity *id)
{
    if (!id || atomic_fetch_sub_explicit(&id->refs, 1, memory_order_acq_rel) != 1)
        return;
    SSL_CTX_free(id->ctx[TLS_CLIENT]);
    SSL_CTX_free(id->ctx[TLS_SERVER]);
    free(id->files[0]);
    free(id->files[1]);
    free(id);
}

static struct tls_identity *identity_keep(struct tls_identity *id)
{
    atomic_fetch_add_explicit(&id->refs, 1, memory_order_relaxed);
    return id;
}

static bool is_of_files(const struct tls_identity *id, const char *chain_file, const char *key_file)
{
    return strcmp(id->files[0], chain_file) == 0 && strcmp(id->files[1], key_file) == 0;
}

static struct tls_identity *identity_alloc(struct slice folded, const char *chain_file, const char *key_file)
{
    struct tls_identity *id = calloc(1, sizeof(*id) + folded.n + 1);

    if (!id)
        return NULL;
    atomic_init(&id->refs, 1);
    if (folded.n)
        memcpy(id->name, folded.p, folded.n);
    id->n = folded.n;
    id->files[0] = strdup(chain_file);
    id->files[1] = strdup(key_file);
    if (id->files[0] && id->files[1])
        return id;
    identity_drop(id);
    return NULL;
}

static struct tls_identity *identity_new(struct tls *tls, struct slice folded, const struct tls_cert *cert,
                                         const char *key_file, struct err *err)
{
    struct tls_identity *id = identity_alloc(folded, cert->chain_file, key_file);

    if (!id) {
        err_memory(err, "loading a certificate");
        return NULL;
    }
    for (int role = TLS_CLIENT; role <= TLS_SERVER; role++) {
        id->ctx[role] = tls_context_new(tls, role);
        if (id->ctx[role] && tls_cert_use(cert, id->ctx[role], err) == 0)
            continue;
        if (!id->ctx[role])
            err_set(err, "cannot set up TLS: %s", tls_file_fault());
        identity_drop(id);
        return NULL;
    }
    return id;
}

/* The stamps are taken first: a file that is replaced while it is read differs from them, and is read again next time. */
static struct tls_identity *identity_load(struct tls *tls, struct slice folded, const char *chain_file,
                                          const char *key_file, struct err *err)
{
    struct tls_file_stamp chain_stamp = tls_file_stamp(chain_file), key_stamp = tls_file_stamp(key_file);
    struct tls_identity *id = NULL;
    struct tls_cert cert;

    ERR_clear_error();
    if (tls_cert_load(&cert, chain_file, key_file, err) == 0)
        id = identity_new(tls, folded, &cert, key_file, err);
    tls_cert_fini(&cert);
    ERR_clear_error();
    if (id) {
        id->stamps[0] = chain_stamp;
        id->stamps[1] = key_stamp;
    }
    return id;
}

static struct tls_identity *identity_of(struct tls *tls, struct slice folded, const struct tls_own *own,
                                        struct err *err)
{
    struct tls_identity *id = NULL;
    struct tls_cert cert;

    ERR_clear_error();
    if (tls_cert_take(&cert, own, err) == 0)
        id = identity_new(tls, folded, &cert, "", err);
    tls_cert_fini(&cert);
    ERR_clear_error();
    if (id)
        id->revision = own->revision;
    return id;
}

/* ---- sets ---- */

struct tls_identities *tls_identities_new(void)
{
    struct tls_identities *set = calloc(1, sizeof(*set));

    if (set)
        atomic_init(&set->refs, 1);
    return set;
}

struct tls_identities *tls_identities_keep(struct tls_identities *set)
{
    if (set)
        atomic_fetch_add_explicit(&set->refs, 1, memory_order_relaxed);
    return set;
}

void tls_identities_drop(struct tls_identities *set)
{
    if (!set || atomic_fetch_sub_explicit(&set->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < set->n; i++)
        identity_drop(set->v[i]);
    free(set->v);
    free(set);
}

/* Where a name is, or belongs. */
static size_t place_of(const struct tls_identities *set, struct slice folded, bool *found)
{
    size_t low = 0, high = set->n;

    *found = false;
    if (high > 0 && slice_cmp(slice_of(set->v[high - 1]->name, set->v[high - 1]->n), folded) < 0)
        return high; /* they mostly come in order */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = slice_cmp(slice_of(set->v[middle]->name, set->v[middle]->n), folded);

        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct tls_identity *tls_identities_find(const struct tls_identities *set, struct slice name)
{
    char folded[TLS_NAME_MAX + 1];
    size_t n, at;
    bool found;

    if (!set || !tls_name_fold(name, folded, &n))
        return NULL;
    at = place_of(set, slice_of(folded, n), &found);
    return found ? set->v[at] : NULL;
}

/* Takes id over, also when there is no memory; then false. One of the same name is replaced. */
static bool set_add(struct tls_identities *set, struct tls_identity *id)
{
    bool found;
    size_t at = place_of(set, slice_of(id->name, id->n), &found);

    if (found) {
        identity_drop(set->v[at]); /* connections that use it hold its context themselves */
        set->v[at] = id;
        return true;
    }
    if (set->n == set->cap) {
        size_t cap = set->cap ? 2 * set->cap : 8;
        struct tls_identity **v = realloc(set->v, cap * sizeof(struct tls_identity *));

        if (!v) {
            identity_drop(id);
            return false;
        }
        set->v = v;
        set->cap = cap;
    }
    memmove(set->v + at + 1, set->v + at, (set->n - at) * sizeof(struct tls_identity *));
    set->v[at] = id;
    set->n++;
    return true;
}

int tls_identities_add(struct tls_identities *set, struct tls *tls, struct slice name, const char *chain_file,
                       const char *key_file, const struct tls_identities *before, struct err *err)
{
    struct tls_identity *id = tls_identities_find(before, name);
    char folded[TLS_NAME_MAX + 1];
    size_t n;

    if (!tls_name_fold(name, folded, &n))
        return err_set(err, "a certificate's domain is at most %d characters and holds no NUL", TLS_NAME_MAX);
    if (id && is_of_files(id, chain_file, key_file) && tls_file_is_unchanged(&id->stamps[0], chain_file) &&
        tls_file_is_unchanged(&id->stamps[1], key_file))
        identity_keep(id);
    else
        id = identity_load(tls, slice_of(folded, n), chain_file, key_file, err);
    if (!id)
        return -1;
    return set_add(set, id) ? 0 : err_memory(err, "loading a certificate");
}

bool tls_identities_same(struct tls_identities *set, struct slice name, const struct tls_own *own,
                         const struct tls_identities *before)
{
    struct tls_identity *id = tls_identities_find(before, name);

    return id && is_of_files(id, own->source, "") && id->revision == own->revision && set_add(set, identity_keep(id));
}

int tls_identities_add_own(struct tls_identities *set, struct tls *tls, struct slice name, const struct tls_own *own,
                           struct err *err)
{
    struct tls_identity *id;
    char folded[TLS_NAME_MAX + 1];
    size_t n;

    if (!tls_name_fold(name, folded, &n))
        return err_set(err, "a certificate's domain is at most %d characters and holds no NUL", TLS_NAME_MAX);
    id = identity_of(tls, slice_of(folded, n), own, err);
    if (!id)
        return -1;
    return set_add(set, id) ? 0 : err_memory(err, "loading a certificate");
}

struct tls_identities *tls_identities_in_use(const struct tls *tls)
{
    return tls_identities_keep(tls->identities);
}

void tls_identities_each(const struct tls_identities *set, tls_shown_fn *fn, void *arg)
{
    for (size_t i = 0; set && i < set->n; i++) {
        const struct tls_identity *id = set->v[i];
        struct tls_shown shown = { .name = id->name,
                                   .source = id->files[0],
                                   .leaf = SSL_CTX_get0_certificate(id->ctx[TLS_SERVER]),
                                   .key = SSL_CTX_get0_privatekey(id->ctx[TLS_SERVER]) };
        STACK_OF(X509) *chain = NULL;

        (void)SSL_CTX_get0_chain_certs(id->ctx[TLS_SERVER], &chain);
        shown.chain = chain;
        fn(arg, &shown);
    }
}

bool tls_identities_has(const struct tls_identities *set, struct slice name, const char *chain_file,
                        const char *key_file)
{
    const struct tls_identity *id = tls_identities_find(set, name);

    return id && is_of_files(id, chain_file, key_file);
}

bool tls_identities_retain(struct tls_identities *set, const struct tls_identities *before, struct slice name)
{
    struct tls_identity *id = tls_identities_find(before, name);

    return id && set_add(set, identity_keep(id));
}

int tls_add_identity(struct tls *tls, struct slice name, const char *chain_file, const char *key_file, struct err *err)
{
    if (!tls->identities)
        tls->identities = tls_identities_new();
    if (!tls->identities)
        return err_memory(err, "loading a certificate");
    return tls_identities_add(tls->identities, tls, name, chain_file, key_file, NULL, err);
}

void tls_use_identities(struct tls *tls, struct tls_identities *set)
{
    struct tls_identities *before = tls->identities;

    tls->identities = tls_identities_keep(set);
    tls_identities_drop(before);
}
