/* A socket before PostgreSQL's that cuts connections at the moment a COMMIT passes: what the network may do. */
#ifndef STOX_TESTS_PG_PROXY_H
#define STOX_TESTS_PG_PROXY_H

#include <pthread.h>
#include <stdatomic.h>

#include "store_rig.h"

enum proxy_mode {
    PROXY_PASS,
    PROXY_CUT_BEFORE,   /* COMMIT does not arrive; then pass */
    PROXY_CUT_ANSWERED, /* COMMIT arrives and is answered, the answer does not; then pass */
    PROXY_CUT_AT_ONCE,  /* COMMIT arrives, nobody waits for the answer; then pass */
    PROXY_CUT_AND_DENY, /* as CUT_ANSWERED, then nobody gets through any more */
    PROXY_DENY,
};

struct pg_proxy {
    char dir[64];
    int listening;
    struct postgres *pg;
    pthread_t thread;
    _Atomic enum proxy_mode mode;
    atomic_uint n_cuts;
};

void pg_proxy_start(struct pg_proxy *p, struct postgres *pg, char *url, size_t n);
void pg_proxy_end(struct pg_proxy *p);

#endif
