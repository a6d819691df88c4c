/* The rows of a check of everything, by file. Each runs in the check's thread and adds what it finds. */
#ifndef STOX_DAEMON_CHECK_ROWS_H
#define STOX_DAEMON_CHECK_ROWS_H

#include <stdatomic.h>

#include "daemon/checks.h"
#include "deploy/certs_check.h"
#include "deploy/dns_look.h"
#include "deploy/records.h"
#include "net/addr.h"

struct check {
    const struct checks_conf *conf;
    const struct admin_check *what;
    struct config *config; /* as it was when the check began */
    struct plan_site site; /* of the same */
    const atomic_bool *stop;
    struct findings *out;
    char verdict[VERDICT_TEXT]; /* of DNS alone */
};

/* Waits, a moment at most; false: the check is to end. */
bool check_may_go_on(const struct check *c);

/* check_dns.c */
void check_dns(struct check *c);
void check_certificates(struct check *c);

/* check_outer.c: adds to what was reached what proxies can reach. */
void check_outer(struct check *c, const struct plan *plan, struct book *book);

/* check_acme.c */
void check_acme(struct check *c);

/* check_settings.c */
void check_settings(struct check *c);
void check_policy(struct check *c);

/* check_here.c */
void check_ports(struct check *c);
void check_clock(struct check *c);
void check_disk(struct check *c);
void check_limits(struct check *c);

/* What a connection from this machine goes to. */
struct addr check_reachable(const struct addr *listening);

/* check_shown.c: a certs_shown_fn; arg: struct check. */
enum certs_shown check_shown(void *arg, const struct certificate_use *use, const char *name,
                             struct certs_handshake *out);

/* check_links.c */
void check_links(struct check *c);

/* check_given.c: the same of a domain, where proxies show its certificate; are there such? */
bool check_is_given(const struct check *c);
enum certs_shown check_given(const struct check *c, const char *name, struct certs_handshake *out);

/* check_service.c; does it take new work at this moment? */
void check_service(struct check *c);
bool check_takes_work(const struct check *c);

/* check_peers.c */
void check_partners(struct check *c);
void check_routes(struct check *c);

#endif
