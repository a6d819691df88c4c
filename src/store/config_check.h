/* What no single setting can know: names that must be unique, references that must resolve, combinations that cannot work. */
#ifndef STOX_STORE_CONFIG_CHECK_H
#define STOX_STORE_CONFIG_CHECK_H

#include "store/config.h"

/* Resolves references inside c. -1 with a sentence at the first fault; warnings go to log. */
int config_check(struct config *c, struct log *log, struct err *err);

#endif
