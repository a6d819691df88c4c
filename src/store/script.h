/* Scripts of a domain name: labels that mix scripts which look alike are how names are forged (UTS 39, "highly restrictive"). */
#ifndef STOX_STORE_SCRIPT_H
#define STOX_STORE_SCRIPT_H

#include <stdbool.h>

#include "base/slice.h"

/* Does any label of the domain (U-labels) mix scripts? Latin with Han and the kana, Hangul or Bopomofo is how people write. */
bool script_is_mixed(struct slice domain);

#endif
