/* Making and changing Stox's own administrators, as logging in and the first start need it. */
#ifndef STOX_ADMIN_USER_H
#define STOX_ADMIN_USER_H

#include "admin/call.h"

/* Makes the account that the body describes (name, role, password, description). The reply says what came of it. */
bool user_make(struct call *c);

/* r sets the password of the one who is logged in; that session goes on as another, the account's others end. */
void user_replace_password(struct call *c, const struct request *r);

/* Answers with the caller's session, which has new secrets as of this account's password. */
void session_renewed(struct call *c, const struct account *a);

/* By name, {"sessions": how many, "waits-s": until a password of his is tried again}. NULL on memory. */
json_t *user_states(struct call *c);

#endif
