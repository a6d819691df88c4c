/*
 * The target of a request: path and query, decoded exactly once and only then compared with anything. What different
 * readers could take for different paths is no path here: empty and dot segments, encoded slashes, backslashes, semicolons,
 * control characters, faulty percent codes. Pure.
 */
#ifndef STOX_ADMIN_TARGET_H
#define STOX_ADMIN_TARGET_H

#include "base/arena.h"

#define TARGET_MAX 4096
#define TARGET_SEGMENTS 6
#define TARGET_QUERIES 16
#define TARGET_NO_MEMORY "out of memory"

struct target_query {
    struct slice key, value;
};

struct target {
    struct slice segments[TARGET_SEGMENTS]; /* decoded */
    size_t n_segments;
    struct target_query queries[TARGET_QUERIES]; /* decoded; '+' is a plus */
    size_t n_queries;
};

/* False with a constant clause in *why, which is TARGET_NO_MEMORY when that was all that was wrong. The arena owns what is decoded. */
bool target_parse(struct target *t, struct slice raw, struct arena *arena, const char **why);

/* NULL .p: it was not given. */
struct slice target_query(const struct target *t, const char *key);

#endif
