/*
 * What a check has come to, in short: kept when its findings are forgotten, so that whoever looks at the gateway sees whether the last
 * one was good, and when that was. Pure.
 */
#ifndef STOX_DEPLOY_VERDICT_H
#define STOX_DEPLOY_VERDICT_H

#include "deploy/findings.h"

#define VERDICT_TEXT 512

/* Of what: all of DNS, or everything. */
enum verdict_kind { VERDICT_DNS, VERDICT_ALL };
#define VERDICT_KINDS (VERDICT_ALL + 1)
const char *verdict_kind_name(enum verdict_kind kind); /* "dns", "all" */

struct verdict {
    uint64_t check; /* the number of the check that came to it; 0: there was none */
    int64_t at_s;   /* when it ended, since 1970 */
    uint64_t at_ms; /* the same by the monotonic clock */
    bool works;
    size_t n_failed, n_warnings;
    char text[VERDICT_TEXT]; /* a sentence */
};

/* Of the check of this number, with this sentence. */
void verdict_make(struct verdict *v, uint64_t check, const struct findings *f, const char *text);

/* Does next say something else than was? A first one does. Times are no news, and neither is the number. */
bool verdict_is_news(const struct verdict *was, const struct verdict *next);

#endif
