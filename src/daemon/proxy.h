/*
 * stoxd --role proxy: partners' streams outside, and links of gateways inside (link/proxy.h). Of the bootstrap file it knows what these
 * need; it has no store, no SIP and no administrators.
 */
#ifndef STOX_DAEMON_PROXY_H
#define STOX_DAEMON_PROXY_H

#include "daemon/stoxd.h"
#include "store/model.h"

/* As stoxd_run. */
int proxy_run(const struct stoxd_start *how, struct err *err);

/* Can a proxy live by this file? -1 with a sentence. */
int proxy_judge(const struct boot *b, struct err *err);

#endif
