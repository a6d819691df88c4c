/* DNS is checked by itself (deploy/dns_rounds.h), as often as the gateway's dns-check-interval says, by the daemon's own checks. */
#ifndef STOX_DAEMON_CHECK_ROUNDS_H
#define STOX_DAEMON_CHECK_ROUNDS_H

#include "daemon/checks.h"
#include "deploy/dns_rounds.h"

struct check_rounds {
    struct checks *checks; /* both borrowed */
    struct keeper *keeper;
    struct dns_rounds *rounds; /* NULL: none */
};

/* r stays where it is. -1 with a sentence. */
int check_rounds_init(struct check_rounds *r, struct loop *loop, struct err *err);

/* Before the checks and the keeper go. Harmless without init. */
void check_rounds_fini(struct check_rounds *r);

#endif
