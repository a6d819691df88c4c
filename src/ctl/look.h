/* One object of the daemon's, fetched and shown. */
#ifndef STOX_CTL_LOOK_H
#define STOX_CTL_LOOK_H

#include <jansson.h>

#include "ctl/ctl.h"

/* GET path, then the answer as JSON (--json) or by print. */
enum ctl_exit look_show(struct ctl *c, const char *path, void (*print)(struct ctl *c, const json_t *v));

#endif
