/* What the commands about contacts share. */
#ifndef STOX_CTL_CONTACT_H
#define STOX_CTL_CONTACT_H

#include "ctl/client.h"

#define CONTACT_PAGE 1000 /* at most in one request */

/* "path?key=value", "path?key=value&key2=..."; value NULL: path as it is. NULL with a sentence said. */
const char *contact_query(struct ctl *c, const char *path, const char *key, const char *value);

/* One page of contacts from *cursor on, with what the command line filters by; *more: *cursor is where the next one begins. */
enum ctl_exit contact_page(struct ctl *c, json_int_t limit, json_int_t *cursor, bool *more, struct answer *out);

extern const char *const contact_columns[];
#define CONTACT_COLUMNS 8

#endif
