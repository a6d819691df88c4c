/* File descriptors: each connection takes one. */
#ifndef STOX_DAEMON_DESCRIPTORS_H
#define STOX_DAEMON_DESCRIPTORS_H

#include "base/log.h"

/* Takes as many as the system lets this process have (the hard limit). How many there are now. */
uint64_t descriptors_raise(void);

/* As many as so many streams want, with all else. */
uint64_t descriptors_wanted(unsigned connection_limit);

/* Says so when there are too few for what the settings allow. */
void descriptors_check(struct log *log, uint64_t have, unsigned connection_limit);

#endif
