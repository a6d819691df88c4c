/* The same numbers for the same seed (splitmix64). */
#ifndef STOX_FAULT_CHANCE_H
#define STOX_FAULT_CHANCE_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t chance(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* 0 to n-1; 0 for 0. */
static inline size_t chance_below(uint64_t *state, size_t n)
{
    return n ? chance(state) % n : 0;
}

#endif
