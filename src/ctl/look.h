/* What the daemon knows, fetched and shown. */
#ifndef STOX_CTL_LOOK_H
#define STOX_CTL_LOOK_H

#include <jansson.h>

#include "ctl/ctl.h"

/* GET path, then the answer as JSON (--json) or by print. */
enum ctl_exit look_show(struct ctl *c, const char *path, void (*print)(struct ctl *c, const json_t *v));

/* The same for each operand: GET prefix, operand, suffix. The first that fails ends it. */
enum ctl_exit look_each(struct ctl *c, const char *prefix, const char *suffix,
                        void (*print)(struct ctl *c, const json_t *v));

/* A list of objects as a table, or as CSV. */
enum ctl_exit look_table(struct ctl *c, const json_t *items, const char *const *columns, size_t n);

#endif
