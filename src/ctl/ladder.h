/* Steps that something has gone through, one a line; and tests, whose steps are shown as they happen. */
#ifndef STOX_CTL_LADDER_H
#define STOX_CTL_LADDER_H

#include <jansson.h>

#include "ctl/ctl.h"

/* A member's text; "" when it has none. */
const char *ladder_text(const json_t *o, const char *name);

/* Those from number from on. Returns how many there are. */
size_t ladder_print(struct ctl *c, const json_t *steps, size_t from);

/* Begins a test by POST to path, and follows path/ID to its verdict. Takes the body, NULL: no memory. */
enum ctl_exit ladder_run(struct ctl *c, const char *path, json_t *body);

/* The same of an object, by POST to prefix/NAME/test. */
enum ctl_exit ladder_test(struct ctl *c, const char *prefix, json_t *body);

#endif
