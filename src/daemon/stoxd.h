/* The daemon as one object: owns the configuration, the loop and everything that lives on it. */
#ifndef STOX_DAEMON_STOXD_H
#define STOX_DAEMON_STOXD_H

#include "base/err.h"

/* What of Stox this process is (docs/PERIMETER.md). */
enum stoxd_role { STOXD_ALL, STOXD_GATEWAY, STOXD_PROXY };
extern const char *const stoxd_roles[]; /* in the order of the enum; ended by NULL */

struct stoxd_start {
    enum stoxd_role role;
    const char *config_file;
    int take_over; /* socket to the process that is to be taken over (daemon/handover.h); -1: none */
};

/* Not the proxy, which is daemon/proxy.h. Runs until a signal ends it. 0 after an orderly end, -1 with a sentence when it could not start. */
int stoxd_run(const struct stoxd_start *how, struct err *err);

/* Only reads and checks the configuration; warnings are written to stderr. */
int stoxd_check(const struct stoxd_start *how, struct err *err);

#endif
