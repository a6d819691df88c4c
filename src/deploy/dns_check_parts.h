/* Inside dns_check*.c. */
#ifndef STOX_DEPLOY_DNS_CHECK_PARTS_H
#define STOX_DEPLOY_DNS_CHECK_PARTS_H

#include "deploy/dns_check.h"

/* What all judges look at. */
struct judge {
    const struct plan *plan;
    const struct book *book;
    struct findings *out;
    const struct plan_domain *domain;
};

#define JUDGE_NAME 400

/* "_xmpp-server._tcp.contoso.example" */
void judge_service_name(const struct judge *j, enum plan_service_id id, char out[JUDGE_NAME]);

/* An answer that is none: SERVFAIL, silence, DNSSEC. of: what was asked for. */
void judge_failure(const struct judge *j, enum finding_mark mark, const char *of, const struct dns_answer *a);

/* Is this one of the addresses that the plan has for the host? */
bool judge_is_ours(const struct plan_host *h, const struct addr *a);

/* The name and addresses that a record of ours leads to, and whether they answer (dns_check_host.c). */
void judge_target(const struct judge *j, enum plan_service_id id, const struct dns_srv *srv,
                  const struct dns_answer *of);

/* CAA, names that nobody has published (dns_check_domain.c). */
void judge_caa(const struct judge *j);
void judge_wildcards(const struct judge *j);
void judge_ttl(const struct judge *j, const char *of, uint32_t ttl_s);

/* What the second resolver says otherwise. */
void judge_split(const struct judge *j, const struct book *other);

#endif
