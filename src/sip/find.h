/*
 * One search for the servers of a destination (RFC 3263 4), by what a fixed hop or a domain is:
 *
 *   an address          itself, with the transport that is allowed (of several: UDP)
 *   a name with a port  its addresses; the transport likewise
 *   a name alone        with one transport: SRV. With several: NAPTR (SIPS+D2T, SIP+D2T, SIP+D2U), and where there are none, SRV
 *                       for each, TLS first. Without SRV records the name's own addresses, at the standard port.
 *
 * All hops are looked up at the same time and stay in their order. An address of a fixed hop may be any that a host can have;
 * of a domain, one that net/reach.h allows. Neither may be where we listen ourselves.
 */
#ifndef STOX_SIP_FIND_H
#define STOX_SIP_FIND_H

#include "base/steps.h"
#include "sip/destination.h"
#include "sip/fault.h"

#define SIP_FIND_WHY 600

struct sip_found {
    struct sip_targets *targets; /* NULL: none. Borrowed until return: who wants it keeps it */
    uint32_t ttl_s;
    bool all;             /* false: some of what was asked got no answer */
    enum sip_fault fault; /* without targets */
    const char *why;      /* ... a clause; borrowed until return */
};

struct sip_find;
typedef void sip_find_done(void *arg, const struct sip_found *found);

/*
 * Begins. done comes once, from the loop, unless sip_find_stop comes first. steps: gets a sentence for each look-up; NULL: none.
 * NULL: no memory.
 */
struct sip_find *sip_find_start(struct sip *sip, const struct sip_destination *to, struct steps *steps,
                                sip_find_done *done, void *arg);
void sip_find_stop(struct sip_find *f); /* NULL is fine */

#endif
