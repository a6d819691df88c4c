/* What a check has found, as lines: a mark and a sentence, below it what helps. */
#ifndef STOX_CTL_FINDINGS_H
#define STOX_CTL_FINDINGS_H

#include <jansson.h>

#include "ctl/ctl.h"

/* Those from that number on; returns how many there are. areas: each area has a line of its own above it. */
size_t findings_print(FILE *out, const json_t *findings, size_t from, bool areas);

#endif
