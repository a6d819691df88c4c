/* Who asks, and whether a browser was tricked into asking. */
#ifndef STOX_ADMIN_AUTH_H
#define STOX_ADMIN_AUTH_H

#include "admin/call.h"

/* Fills in c->who: by the unix socket's peer, a token, or a session. False: nobody, or nobody any more. */
bool auth_find(struct call *c);

/* Is the Host header one of ours? Else a page elsewhere has its name pointed at us (DNS rebinding). */
bool auth_host_fits(const struct call *c);

/* Do Origin and Sec-Fetch-Site, where given, name our own pages? */
bool auth_origin_fits(const struct call *c);

/* With a session, changes need its X-Stox-CSRF and an origin that fits. */
bool auth_csrf_fits(const struct call *c);

/* The account of this name and its password, compared in the time it takes for any: NULL if there is none or it is wrong. */
const struct account *auth_password(struct call *c, const struct config *config, struct slice name,
                                    struct slice password);

/* Counts a try for this account and this address. False: too many, and the reply says so. */
bool auth_may_try(struct call *c, struct slice account);
void auth_forgive(struct call *c, struct slice account);

/* Under TLS "__Host-stox", which browsers take from us only; "stox" else. */
const char *auth_cookie_name(const struct call *c);

/* The account of a session's owner; NULL: gone. */
const struct account *auth_account(const struct config *config, struct slice name);

#endif
