/* Language tags as Content-Language and xml:lang carry them. */
#ifndef STOX_MAP_LANGUAGE_H
#define STOX_MAP_LANGUAGE_H

#include "base/slice.h"

/* The first tag of a comma-separated list, if it has the form of RFC 5646 2.1; else empty. */
struct slice map_language_tag(struct slice list);

#endif
