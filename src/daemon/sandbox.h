/*
 * What a proxy gives up once it has started (docs/PERIMETER.md): the file system, other programs, processes, and all kinds of sockets
 * but those of the Internet and of the service manager. Who breaks into it finds nothing to open and nothing to start.
 */
#ifndef STOX_DAEMON_SANDBOX_H
#define STOX_DAEMON_SANDBOX_H

#include "base/err.h"

/*
 * For all threads of this process, for good; what is open stays open. Calls that are given up fail with EACCES (clone3 with ENOSYS: the
 * C library asks by clone then, which can be judged). -1 with a sentence.
 */
int sandbox_enter(struct err *err);

#endif
