/* Inside records*.c. */
#ifndef STOX_DEPLOY_RECORDS_PARTS_H
#define STOX_DEPLOY_RECORDS_PARTS_H

#include "deploy/records.h"

/* Does it serve SIP systems, with the sip-certificate? Otherwise XMPP servers, each domain with its own. */
bool plan_service_is_sip(enum plan_service_id id);

/* A name in A-labels, in the plan's memory; NULL: it is none, or an address. */
const char *plan_to_ascii(struct plan *p, struct slice name);

/* Where it listens for the world to come. */
void plan_find_ports(const struct plan *p, struct plan_service *s, enum plan_service_id id);

/* The name that the domain's records are to lead to. NULL on memory. */
const char *plan_target_of(struct plan *p, const struct plan_domain *d, enum plan_service_id id);

/* The host of that name, with what the service listens on among its addresses. NULL on memory. */
struct plan_host *plan_use_host(struct plan *p, const char *name, enum plan_service_id id);

/* chain may be NULL. */
void plan_add_key(struct plan *p, struct plan_host *host, uint16_t port, const struct chain *chain);

/* What is shown at the name that all domains share is of all of them, whichever were asked for. */
void plan_add_keys_of_others(struct plan *p);

#endif
