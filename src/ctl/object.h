/* An object of JSON as lines of "name: value". */
#ifndef STOX_CTL_OBJECT_H
#define STOX_CTL_OBJECT_H

#include <jansson.h>

#include "ctl/ctl.h"

/* Members of members get their way in front: "store.state". */
void object_print(struct ctl *c, const json_t *item);

#endif
