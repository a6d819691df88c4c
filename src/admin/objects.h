/* Reading collections: for the generic routes and for Stox's own accounts and tokens. */
#ifndef STOX_ADMIN_OBJECTS_H
#define STOX_ADMIN_OBJECTS_H

#include "admin/call.h"

/* {"items": [...], "next": ...} of one kind, as limit and after say. */
void objects_page(struct call *c, const struct setting_kind *kind);

/* The Location of an object of this kind. */
void objects_location(struct call *c, const struct setting_kind *kind, struct slice name);

#endif
