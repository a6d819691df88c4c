/*
 * Which servers a domain names, in the order to try them: the records for STARTTLS (RFC 6120 3.2.1) and those for direct TLS
 * (XEP-0368) are asked for at the same time and become one list by priority and weight.
 */
#ifndef STOX_XMPP_SERVERS_H
#define STOX_XMPP_SERVERS_H

#include "net/dns.h"
#include "xmpp/trace.h"

#define XMPP_SERVERS_MAX 64
/* How long the other set may take when one has servers: some DNS servers never answer what they do not know. */
#define XMPP_SERVERS_OTHER_MS 2000

enum xmpp_service { XMPP_SERVICE_STARTTLS, XMPP_SERVICE_DIRECT };

enum xmpp_servers_said {
    XMPP_SERVERS_LISTED,
    XMPP_SERVERS_DOMAIN,  /* there are no records: the domain is its own server, with STARTTLS */
    XMPP_SERVERS_NONE,    /* the domain says that it has none */
    XMPP_SERVERS_UNKNOWN, /* DNS gave no answer */
};

struct xmpp_servers_set {
    struct xmpp_servers *of;
    struct dns_query *query;
    bool asked, done;
    bool dot; /* "." and nothing else: this way is not offered */
    enum dns_status status;
    bool secure;
    size_t n;
};

struct xmpp_servers {
    struct loop *loop;
    struct xmpp_trace *trace;
    const char *domain; /* borrowed */
    void (*known)(struct xmpp_servers *s);
    struct xmpp_servers_set sets[2]; /* by enum xmpp_service */
    struct timer other;
    struct dns_srv *v; /* owned: mark is an enum xmpp_service */
    size_t n, i;       /* those from i on are still to be tried */
    char why[512];
};

/*
 * domain: A-labels. direct: are there settings that allow TLS? Otherwise its records are not asked for. known() comes once,
 * from the loop, unless xmpp_servers_fini comes first. False: DNS cannot be asked.
 */
bool xmpp_servers_ask(struct xmpp_servers *s, struct loop *loop, struct dns *dns, const char *domain, bool direct,
                      struct xmpp_trace *trace, void (*known)(struct xmpp_servers *s));
void xmpp_servers_fini(struct xmpp_servers *s); /* all zero is fine */

/* When known: what DNS says, with a clause in s->why for the last two. */
enum xmpp_servers_said xmpp_servers_say(struct xmpp_servers *s);

/* Is what was said of this way protected by DNSSEC? */
bool xmpp_servers_secure(const struct xmpp_servers *s, enum xmpp_service service);

#endif
