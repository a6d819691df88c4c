/* An object of JSON as lines of "name: value". */
#ifndef STOX_CTL_OBJECT_H
#define STOX_CTL_OBJECT_H

#include <jansson.h>

#include "ctl/ctl.h"

/* As JSON; on a terminal in ASCII, so that no character of it steers it. */
void object_print_json(struct ctl *c, const json_t *v);

/* One of several: opens and separates a list; with NULL it is closed. i counts from 0. */
void object_print_json_item(struct ctl *c, const json_t *v, size_t i);

/* Members of members get their way in front: "store.state". */
void object_print(struct ctl *c, const json_t *item);

#endif
