#include "base/rand.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void rand_bytes(void *out, size_t n)
{
    char *at = out;

    while (n > 0) {
        ssize_t got = getrandom(at, n, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            fprintf(stderr, "cannot get random bytes from the kernel: %s\n", strerror(errno));
            abort();
        }
        at += got;
        n -= (size_t)got;
    }
}

uint64_t rand_u64(void)
{
    uint64_t v;

    rand_bytes(&v, sizeof(v));
    return v;
}

uint64_t rand_pool_u64(struct rand_pool *pool)
{
    uint64_t number;

    if (pool->left == 0) {
        pool->left = sizeof(pool->numbers) / sizeof(pool->numbers[0]);
        rand_bytes(pool->numbers, sizeof(pool->numbers));
    }
    number = pool->numbers[--pool->left];
    pool->numbers[pool->left] = 0; /* nobody finds later what was given out */
    return number;
}

uint64_t rand_below(uint64_t below)
{
    uint64_t v, over;

    assert(below != 0);
    over = -below % below; /* 2^64 mod below: values under it would make small results likelier */
    do {
        v = rand_u64();
    } while (v < over);
    return v % below;
}

void rand_hex(char *out, size_t n)
{
    unsigned char bytes[64];

    for (size_t i = 0; i < n; i++) {
        size_t at = i / 2 % sizeof(bytes);
        size_t left = (n - i + 1) / 2;

        if (at == 0 && i % 2 == 0)
            rand_bytes(bytes, left < sizeof(bytes) ? left : sizeof(bytes));
        out[i] = "0123456789abcdef"[i % 2 == 0 ? bytes[at] >> 4 : bytes[at] & 15];
    }
    out[n] = '\0';
}
