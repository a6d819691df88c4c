/* The daemon as one object: owns the configuration, the loop and everything that lives on it. */
#ifndef STOX_DAEMON_STOXD_H
#define STOX_DAEMON_STOXD_H

#include "base/err.h"
#include "store/model.h"

struct stoxd_start {
    enum stoxd_role role;
    const char *config_file;
    int take_over; /* socket to the process that is to be taken over (daemon/handover.h); -1: none */
};

/* Not the proxy, which is daemon/proxy.h. Runs until a signal ends it. 0 after an orderly end, -1 with a sentence when it could not start. */
int stoxd_run(const struct stoxd_start *how, struct err *err);

/*
 * The role of the bootstrap file, unless it leaves it to the command line. says: the command line has said how->role. -1 with a sentence:
 * both contradict each other. A file that cannot be read is left to who reads it next.
 */
int stoxd_take_role(struct stoxd_start *how, bool says, struct err *err);

/* Only reads and checks the configuration; warnings are written to stderr. */
int stoxd_check(const struct stoxd_start *how, struct err *err);

#endif
