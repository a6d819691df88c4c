/* Unpredictable bytes from the kernel, for ids, tags, keys. There is no weaker fallback: without them the process ends. */
#ifndef STOX_BASE_RAND_H
#define STOX_BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

void rand_bytes(void *out, size_t n);
uint64_t rand_u64(void);

/* As rand_u64, from bytes fetched ahead: for one number in every message, where a system call each would show. */
struct rand_pool {
    uint64_t numbers[64];
    size_t left;
};
uint64_t rand_pool_u64(struct rand_pool *pool);

/* A number in 0..below-1 without bias; below must not be 0. */
uint64_t rand_below(uint64_t below);

/* Writes n lower-case hex digits and a NUL: out has n+1 bytes. n/2 bytes of randomness. */
void rand_hex(char *out, size_t n);

#endif
