/* Pages of one kind's objects by search, sort, offset and state. */
#ifndef STOX_ADMIN_BROWSE_H
#define STOX_ADMIN_BROWSE_H

#include "admin/call.h"

/* Does the request hold any of those queries? */
bool browse_is_asked(const struct call *c);

#define BROWSE_SEARCH_MAX 200 /* bytes of search= */

/* The text that is searched for, in lower case; empty: not given. False: a problem is the reply. */
bool browse_search(struct call *c, char out[BROWSE_SEARCH_MAX + 1]);
/* How many to leave out; not given: none. False: a problem is the reply. */
bool browse_offset(struct call *c, uint64_t *out);

/* {"items": [...], "total": ..., "next": null} */
void browse_list(struct call *c);

#endif
