#include "pki/wipe.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local unsigned depth;

void pki_wipe_begin(void)
{
    depth++;
}

void pki_wipe_end(void)
{
    depth--;
}

static void *allocate(size_t n, const char *file, int line)
{
    return n ? malloc(n) : NULL;
}

static void give_back(void *p, const char *file, int line)
{
    if (p && depth)
        explicit_bzero(p, malloc_usable_size(p));
    free(p);
}

static void *resize(void *p, size_t n, const char *file, int line)
{
    size_t had = p ? malloc_usable_size(p) : 0;
    void *more;

    if (!p || !n || !depth) {
        if (n)
            return realloc(p, n);
        give_back(p, file, line);
        return NULL;
    }
    more = malloc(n);
    if (more) {
        memcpy(more, p, had < n ? had : n);
        give_back(p, file, line);
    }
    return more;
}

/* OpenSSL takes them only before its first allocation; early, so that a test may still take others. */
__attribute__((constructor(200))) static void watch_memory(void)
{
    CRYPTO_set_mem_functions(allocate, resize, give_back);
}

bool pki_wipe_works(void)
{
    CRYPTO_malloc_fn take = NULL;
    CRYPTO_realloc_fn change = NULL;
    CRYPTO_free_fn give = NULL;

    CRYPTO_get_mem_functions(&take, &change, &give);
    return take == allocate && change == resize && give == give_back;
}
