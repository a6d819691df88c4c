/*
 * The state directory: everything Stox remembers is below it, and two keys that nothing else has: the installation's secret, which ids
 * derive from, and certificates.key, which seals the keys of stored certificates (pki/vault.h).
 */
#ifndef STOX_DAEMON_STATE_H
#define STOX_DAEMON_STATE_H

#include <stdint.h>

#include "base/err.h"

#define STATE_KEY 32

/*
 * Makes the directory (0700) when it is missing, and reads both keys, or makes those that are missing (0600, fsynced). Gateways
 * that share a database must share both files.
 */
int state_open(const char *dir, uint8_t secret[STATE_KEY], uint8_t certificates[STATE_KEY], struct err *err);

#endif
