/* Records and configurations for tests, written shortly. All of them fail the test when something is wrong. */
#ifndef STOX_TEST_MAKE_H
#define STOX_TEST_MAKE_H

#include "store/config.h"

/* values: "tls=optional;additional-domains=a.example,b.example". The caller drops it. */
struct record *make_record(const struct setting_kind *kind, const char *name, const char *values);

/* From the text form of the configuration, checked. The caller drops it. */
struct config *make_config(const char *text);

/* from with these records; drops from and the records. */
struct config *make_next(struct config *from, struct record **records, size_t n);

/* A small generator, so that a failure can be repeated from its seed. */
uint32_t make_random(uint64_t *seed);

#endif
