/*
 * A sentence for the operator. Failures whose cause is the machine or the configuration carry one up to whoever can show
 * it; each level may put its own subject in front. Failures of a peer are enums, not sentences.
 */
#ifndef STOX_BASE_ERR_H
#define STOX_BASE_ERR_H

#include <stdbool.h>

struct err {
    char text[512]; /* a longer sentence is cut between two characters */
    bool memory;    /* it is about memory that was missing, and not about what was asked for */
};

/* Sets the sentence. Returns -1, so that callers can write: return err_set(err, "..."). err may be NULL. */
int err_set(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "out of memory while " and what was being done, with memory set. Returns -1. */
int err_memory(struct err *err, const char *doing);

/* Puts a subject in front: "subject: what was there". Returns -1. */
int err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
