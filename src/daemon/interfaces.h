/* The addresses of this machine. */
#ifndef STOX_DAEMON_INTERFACES_H
#define STOX_DAEMON_INTERFACES_H

#include "net/addr.h"

#define INTERFACES_MAX 64

/* How many there are; further ones are left out. */
size_t interfaces_read(struct addr out[INTERFACES_MAX]);

#endif
