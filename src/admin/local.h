/* The unix socket: accepts, and asks the kernel who connects. */
#ifndef STOX_ADMIN_LOCAL_H
#define STOX_ADMIN_LOCAL_H

#include <sys/types.h>

#include "net/loop.h"

struct local;

/* The owner takes fd. */
typedef void local_accepted(void *owner, int fd, uid_t uid);

/* Replaces a socket file that nobody listens on; refuses one that is in use, and files of other kinds. Mode 0600. */
struct local *local_open(struct loop *loop, const char *path, local_accepted *accepted, void *owner, struct err *err);
void local_close(struct local *l); /* removes the file; NULL is fine */

#endif
