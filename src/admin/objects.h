/* What the generic routes share with Stox's own accounts and tokens. */
#ifndef STOX_ADMIN_OBJECTS_H
#define STOX_ADMIN_OBJECTS_H

#include "admin/call.h"

/* The Location of an object of this kind. */
void objects_location(struct call *c, const struct setting_kind *kind, struct slice name);

#endif
