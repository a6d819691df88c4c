/*
 * The server transactions of a SIP side that remembers each for Timer J (RFC 3261 17.2.2) and answers its repetitions as it
 * answered the first. Two tables take turns: what is remembered goes with its whole table, after one to two times Timer J.
 */
#ifndef STOX_LOAD_SEEN_H
#define STOX_LOAD_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEEN_SLOTS (1u << 20)
#define SEEN_MS 32000

struct seen {
    struct seen_table {
        uint64_t keys[SEEN_SLOTS]; /* of branches; 0: free */
        uint16_t statuses[SEEN_SLOTS];
        unsigned n;
    } tables[2];
    unsigned now; /* the one that takes new ones */
    uint64_t since_ms;
};

/* The status this branch was answered with; 0: it is new. */
unsigned seen_status(const struct seen *s, const char *branch, size_t n);

/* Remembers it. More than the tables hold end the program. */
void seen_add(struct seen *s, const char *branch, size_t n, unsigned status, uint64_t now_ms);

#endif
