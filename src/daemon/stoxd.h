/* The daemon as one object: owns the configuration, the loop and everything that lives on it. */
#ifndef STOX_DAEMON_STOXD_H
#define STOX_DAEMON_STOXD_H

#include "base/err.h"

struct stoxd_start {
    const char *config_file;
    int take_over; /* socket to the process that is to be taken over (daemon/handover.h); -1: none */
};

/* Runs until a signal ends it. 0 after an orderly end, -1 with a sentence when it could not start. */
int stoxd_run(const struct stoxd_start *how, struct err *err);

/* Only reads and checks the configuration; warnings are written to stderr. */
int stoxd_check(const char *config_file, struct err *err);

#endif
