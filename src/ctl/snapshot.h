/* All objects at one moment, as records: of the daemon, or of a file. */
#ifndef STOX_CTL_SNAPSHOT_H
#define STOX_CTL_SNAPSHOT_H

#include "ctl/ctl.h"
#include "store/record.h"

struct snapshot {
    struct record **v; /* in the order of the kinds, then by name */
    size_t n, cap;
};

/* What the daemon has now; a sentence is said when that cannot be had. The caller finishes it in either case. */
enum ctl_exit snapshot_read(struct ctl *c, struct snapshot *s);

/* What a file says ("-": standard input). */
enum ctl_exit snapshot_read_file(struct ctl *c, const char *file, struct snapshot *s);

void snapshot_fini(struct snapshot *s);

/* NULL: there is none. Borrowed. */
const struct record *snapshot_find(const struct snapshot *s, const struct setting_kind *kind, struct slice name);

/* Is it an object that is always there, as long as nobody changes it? */
bool snapshot_is_untouched(const struct record *r);

#endif
