/* The state directory: everything Stox remembers is below it. For now that is the installation's secret. */
#ifndef STOX_DAEMON_STATE_H
#define STOX_DAEMON_STATE_H

#include <stdint.h>

#include "base/err.h"

/* Makes the directory (0700) when it is missing, and reads the secret, or makes it at the first start (0600, fsynced). */
int state_open(const char *dir, uint8_t secret[32], struct err *err);

#endif
