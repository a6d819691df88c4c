/*
 * What failed at an ACME authority, in a file of the state directory: a gateway that is started again, or again and again, does
 * not ask before its time. A line for each certificate: failures in a row, when it is tried again (since 1970), name.
 */
#ifndef STOX_DAEMON_CERTIFIER_PAUSES_H
#define STOX_DAEMON_CERTIFIER_PAUSES_H

#include "base/err.h"
#include "base/slice.h"

struct certifier_pause {
    unsigned failures; /* at least 1 */
    int64_t next_s;
    struct slice name;
};

/* fn with each line that is one; other lines are left out. No file: none. -1 with a sentence: it cannot be read. */
int certifier_pauses_read(const char *dir, void (*fn)(void *arg, const struct certifier_pause *p), void *arg,
                          struct err *err);

/* A whole new file or, with -1 and a sentence, the one before. */
int certifier_pauses_write(const char *dir, const struct certifier_pause *pauses, size_t n, struct err *err);

#endif
