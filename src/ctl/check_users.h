/* Whether the users of a list have moved to this gateway: those who have not are named, with the reason. */
#ifndef STOX_CTL_CHECK_USERS_H
#define STOX_CTL_CHECK_USERS_H

#include "ctl/ctl.h"

/*
 * path: a file of addresses, one a line ("-": standard input). Each user's domain must be one of ours, the policy must allow, the
 * route's test must work, and DNS must lead partners here first. CTL_REFUSED when that is not so of one of them.
 */
enum ctl_exit check_users(struct ctl *c, const char *path);

#endif
