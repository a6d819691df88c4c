/*
 * What both ends of the truth test know of message number n of a pair of people, so that neither has to tell the other: what
 * its recipient does with it. And what each of them keeps: a few bytes for each message, written to a file at its end.
 */
#ifndef STOX_LOAD_PLAN_H
#define STOX_LOAD_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The status that a SIP user answers with: 200, or 404, 480 or 503 for every third message of one person in twenty. */
unsigned plan_status(unsigned pair, unsigned n);

enum plan_fate {
    PLAN_TAKEN,        /* acknowledged */
    PLAN_BOUNCED,      /* comes back as an error, and is acknowledged when the gateway has that */
    PLAN_BOUNCED_LATE, /* acknowledged, and comes back as an error after that */
};
/* The domain that this pair's SIP user writes to; the bouncing ones have one of their own, as what is acknowledged after the
 * error would otherwise wait for all that the partner writes. The partner's user writes from plan_home. */
#define PLAN_BOUNCER "bouncer.example"
#define PLAN_DOMAIN_MAX 32
void plan_domain(unsigned pair, unsigned domains, char out[PLAN_DOMAIN_MAX]);
void plan_home(unsigned pair, unsigned domains, char out[PLAN_DOMAIN_MAX]); /* "p07.example" */

/* What the partner does with a message to one of its users. */
enum plan_fate plan_fate(unsigned pair, unsigned n);

/* Reads "WORD PAIR NUMBER", and that it is below these bounds. */
bool plan_parse(const char *text, size_t size, const char *word, unsigned pairs, unsigned each, unsigned *pair,
                unsigned *n);

/* count elements of this size, all 0; ends the program without memory. */
void *plan_array(size_t count, size_t size);

/* Writes an array to folder/name. */
void plan_write(const char *folder, const char *name, const void *array, size_t count, size_t size);

/* Resident memory of this process. */
unsigned plan_resident_kib(void);

#endif
