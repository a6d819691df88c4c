/* Pages of one kind's objects by search, sort, offset and state. */
#ifndef STOX_ADMIN_BROWSE_H
#define STOX_ADMIN_BROWSE_H

#include "admin/call.h"

/* Does the request hold any of those queries? */
bool browse_is_asked(const struct call *c);

/* {"items": [...], "total": ..., "next": null} */
void browse_list(struct call *c);

#endif
