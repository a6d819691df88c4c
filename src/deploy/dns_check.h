/*
 * Is what DNS says of our domains what it should say? Pure: a plan of what should be there, the answers of a resolver, and of a second
 * one to compare with. Each thing that is wrong becomes a finding with the line to publish.
 */
#ifndef STOX_DEPLOY_DNS_CHECK_H
#define STOX_DEPLOY_DNS_CHECK_H

#include "deploy/findings.h"
#include "deploy/heard.h"
#include "deploy/records.h"

#define DNS_TTL_LONG_S 14400 /* longer ones make a switch take its time */
#define DNS_TTL_SHORT_S 60   /* shorter ones are asked for again and again */

#define DNS_CHECK_DOMAINS 500 /* at once: so many questions are bearable */

/* other may be NULL. */
void dns_check(const struct plan *plan, const struct book *book, const struct book *other, struct findings *out);

/* One sentence about all of it. */
void dns_check_verdict(const struct plan *plan, const struct findings *f, char *out, size_t n);

#endif
