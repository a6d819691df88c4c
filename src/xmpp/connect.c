#include "xmpp/connect.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/addr_scope.h"
#include "net/race.h"
#include "xmpp/core.h"
#include "xmpp/reach.h"
#include "xmpp/servers.h"

#define TOLD_MAX 8 /* addresses of one server that a trace names */

/* The server whose addresses are in hand. */
struct target {
    char host[256]; /* A-labels */
    uint16_t port;
    bool direct;
    bool secure; /* DNSSEC vouches for all that led to it */
};

struct xmpp_connect {
    struct xmpp *x;
    const struct xmpp_connect_ops *ops;
    void *owner;
    struct xmpp_trace *trace;
    char domain[256]; /* A-labels: whose SRV records are asked for; not set with a proxy */
    bool vouched;     /* for domain, where it is not the partner's */
    bool fixed;       /* the address is the proxy's */
    struct target at;
    struct xmpp_servers servers;
    struct dns_query *query;
    struct race race;
    struct dane *dane;    /* owned: of the target */
    struct deferred next; /* the next step, never from inside a call of the owner's */
    size_t n_asked;       /* addresses, and ports */
    enum xmpp_fate fate;  /* of the last failure, and its clause */
    char why[256 + 256 + XMPP_REACH_WHY];
};

static void step(struct xmpp_connect *c);

static void fault(struct xmpp_connect *c, enum xmpp_fate fate, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void fault(struct xmpp_connect *c, enum xmpp_fate fate, const char *fmt, ...)
{
    va_list ap;

    c->fate = fate;
    va_start(ap, fmt);
    vsnprintf(c->why, sizeof(c->why), fmt, ap);
    va_end(ap);
}

/* The fault is news of its own, not only the last one of all. */
static void tell_fault(struct xmpp_connect *c, enum xmpp_step at, enum xmpp_fault kind)
{
    xmpp_trace_add(c->trace, loop_now(c->x->loop), at, STEP_FAILED, "%s", c->why);
    xmpp_trace_blame(c->trace, kind);
}

void xmpp_connect_cancel(struct xmpp_connect *c)
{
    if (!c)
        return;
    if (c->query)
        dns_cancel(c->query);
    xmpp_servers_fini(&c->servers);
    race_stop(&c->race);
    loop_undefer(&c->next);
    free(c->dane);
    free(c);
}

static void fail(struct xmpp_connect *c)
{
    const struct xmpp_connect_ops *ops = c->ops;
    void *owner = c->owner;
    enum xmpp_fate fate = c->fate;
    char why[sizeof(c->why)];

    memcpy(why, c->why, sizeof(why));
    xmpp_connect_cancel(c);
    ops->failed(owner, fate, why);
}

/* ---- one address ---- */

static enum xmpp_fault fault_of_address(const struct xmpp *x, const struct addr *to)
{
    return addr_scope(to) == ADDR_LOOPBACK || xmpp_reach_is_ours(x, to) ? XMPP_FAULT_LEADS_TO_US
                                                                        : XMPP_FAULT_NOT_LISTED;
}

static bool may_connect(void *owner, const struct addr *to, bool again)
{
    struct xmpp_connect *c = owner;
    char why[XMPP_REACH_WHY];

    if (!again && c->n_asked++ >= XMPP_CONNECT_TRIES_MAX) {
        fault(c, XMPP_FATE_UNREACHABLE, "%s names more than %d addresses; the others are not tried", c->domain,
              XMPP_CONNECT_TRIES_MAX);
        return false;
    }
    if (xmpp_reach_may(c->x, to, c->fixed ? REACH_FIXED : REACH_NAME, why))
        return true;
    if (c->fixed || strcmp(c->at.host, c->domain) == 0)
        fault(c, XMPP_FATE_UNREACHABLE, "%s%s is at %s", c->fixed ? "the partner's proxy " : "", c->at.host, why);
    else
        fault(c, XMPP_FATE_UNREACHABLE, "%s: its server %s is at %s", c->domain, c->at.host, why);
    tell_fault(c, XMPP_STEP_CONNECT, fault_of_address(c->x, to));
    return false;
}

static void on_missed(void *owner, const struct addr *to, enum conn_end end, const char *why)
{
    struct xmpp_connect *c = owner;
    char at[ADDR_TEXT];

    fault(c, XMPP_FATE_UNREACHABLE, "cannot connect to %s: %s", addr_text(to, at), why);
    tell_fault(c, XMPP_STEP_CONNECT,
               end == CONN_END_REFUSED   ? XMPP_FAULT_CONNECT_REFUSED
               : end == CONN_END_TIMEOUT ? XMPP_FAULT_CONNECT_TIMEOUT
                                         : XMPP_FAULT_CONNECT_FAILED);
}

static void on_won(void *owner, struct conn *conn)
{
    struct xmpp_connect *c = owner;
    struct dane *dane = c->dane ? dane_new(c->dane->target, c->dane->records, c->dane->n) : NULL;
    char at[ADDR_TEXT];

    if (c->dane && !dane) { /* without the records the certificate would be judged by other rules */
        fault(c, XMPP_FATE_UNREACHABLE, "out of memory");
        conn_detach(conn);
        step(c);
        return;
    }
    xmpp_trace_add(c->trace, loop_now(c->x->loop), XMPP_STEP_CONNECT, STEP_OK, "connected to %s (%s)%s",
                   addr_text(conn_peer(conn), at), c->at.host, c->at.direct ? "; direct TLS follows" : "");
    c->ops->connected(c->owner, conn, dane, c->at.direct);
}

static void on_lost(void *owner)
{
    step(owner);
}

static const struct race_ops connect_race_ops = {
    .may = may_connect, .missed = on_missed, .won = on_won, .lost = on_lost
};

/* ---- one server ---- */

/* That there are none is an answer; that it cannot be had is what an attacker would make of one (RFC 7673 3.4). */
static void on_tlsa(void *arg, const struct dns_answer *answer)
{
    struct xmpp_connect *c = arg;

    c->query = NULL;
    if (answer->status == DNS_FAILED) {
        fault(c, XMPP_FATE_UNREACHABLE, "DNS cannot say whether %s has TLSA records: %s", c->at.host,
              answer->why ? answer->why : "?");
        tell_fault(c, XMPP_STEP_DNS, XMPP_FAULT_DNS_FAILED);
    } else {
        c->dane = dane_new(c->at.host, answer->tlsa, answer->secure ? answer->n_tlsa : 0);
        if (!c->dane)
            fault(c, XMPP_FATE_UNREACHABLE, "out of memory");
        else
            xmpp_trace_add(c->trace, loop_now(c->x->loop), XMPP_STEP_DNS, STEP_OK,
                           "_%u._tcp.%s: %zu usable TLSA records", c->at.port, c->at.host, c->dane->n);
    }
    if (!c->dane)
        race_stop(&c->race);
    step(c);
}

/* False: the server is not connected to without. */
static bool ask_tlsa(struct xmpp_connect *c)
{
    c->query = dns_query_tlsa(c->x->conf.dns, c->at.host, c->at.port, on_tlsa, c);
    if (c->query)
        return true;
    fault(c, XMPP_FATE_UNREACHABLE, "DNS cannot be asked for TLSA records of %s", c->at.host);
    race_stop(&c->race);
    return false;
}

static void trace_addrs(const struct xmpp_connect *c, const struct dns_answer *answer)
{
    char list[TOLD_MAX * (ADDR_TEXT + 2) + 32] = "", ip[ADDR_TEXT];
    size_t at = 0;

    for (size_t i = 0; i < answer->n_addrs && i < TOLD_MAX; i++)
        at +=
            (size_t)snprintf(list + at, sizeof(list) - at, "%s%s", i ? ", " : "", addr_ip_text(&answer->addrs[i], ip));
    if (answer->n_addrs > TOLD_MAX)
        snprintf(list + at, sizeof(list) - at, " and %zu more", answer->n_addrs - TOLD_MAX);
    xmpp_trace_add(c->trace, loop_now(c->x->loop), XMPP_STEP_DNS, STEP_OK, "%s is at %s (%s)", c->at.host, list,
                   answer->secure ? "secure" : "not secured by DNSSEC");
}

static void on_addrs(void *arg, const struct dns_answer *answer)
{
    struct xmpp_connect *c = arg;

    c->query = NULL;
    if (answer->status == DNS_OK) {
        trace_addrs(c, answer);
        race_line_up(&c->race, answer->addrs, answer->n_addrs);
        if (answer->n_addrs && c->at.secure && answer->secure && ask_tlsa(c))
            return;
    } else if (answer->status == DNS_FAILED) {
        fault(c, XMPP_FATE_UNREACHABLE, "DNS cannot find addresses of %s: %s", c->at.host,
              answer->why ? answer->why : "?");
        tell_fault(c, XMPP_STEP_DNS, XMPP_FAULT_DNS_FAILED);
    } else if (c->n_asked == 0) {
        fault(c, c->fixed ? XMPP_FATE_UNREACHABLE : XMPP_FATE_NO_SERVER, "DNS has no address of %s", c->at.host);
        tell_fault(c, XMPP_STEP_DNS,
                   c->fixed || c->servers.n ? XMPP_FAULT_DNS_NO_SUCH_SERVER : XMPP_FAULT_DNS_NO_ADDRESS);
    } else {
        xmpp_trace_add(c->trace, loop_now(c->x->loop), XMPP_STEP_DNS, STEP_FAILED, "DNS has no address of %s",
                       c->at.host);
    }
    step(c);
}

/* Goes for the server in c->at. */
static void ask_addrs(struct xmpp_connect *c)
{
    race_stop(&c->race);
    free(c->dane);
    c->dane = NULL;
    c->query = c->x->conf.dns ? dns_query_addrs(c->x->conf.dns, c->at.host, c->at.port, on_addrs, c) : NULL;
    if (!c->query) {
        fault(c, XMPP_FATE_UNREACHABLE, "DNS cannot be asked for %s", c->at.host);
        loop_defer(c->x->loop, &c->next);
    }
}

static void set_target(struct xmpp_connect *c, const char *host, uint16_t port, bool direct, bool secure)
{
    snprintf(c->at.host, sizeof(c->at.host), "%s", host);
    c->at.port = port;
    c->at.direct = direct;
    c->at.secure = secure;
}

/* An address that was written down, not looked up. */
static void use_addr(struct xmpp_connect *c, const struct addr *to)
{
    char ip[ADDR_TEXT];

    set_target(c, addr_ip_text(to, ip), addr_port(to), false, false);
    race_line_up(&c->race, to, 1);
    loop_defer(c->x->loop, &c->next);
}

/* ---- all servers ---- */

/* The next server whose addresses may be asked for; false when there is none left. */
static bool ask_next_server(struct xmpp_connect *c)
{
    struct xmpp_servers *s = &c->servers;
    char why[XMPP_REACH_WHY];

    while (s->i < s->n && c->n_asked < XMPP_CONNECT_TRIES_MAX) {
        const struct dns_srv *t = &s->v[s->i++];
        bool direct = t->mark == XMPP_SERVICE_DIRECT;

        if (xmpp_reach_port_may(t->port, why)) {
            set_target(c, t->target, t->port, direct,
                       c->vouched && xmpp_servers_secure(s, direct ? XMPP_SERVICE_DIRECT : XMPP_SERVICE_STARTTLS));
            ask_addrs(c);
            return true;
        }
        c->n_asked++;
        fault(c, XMPP_FATE_UNREACHABLE, "%s: its server %s is on %s", c->domain, t->target, why);
        tell_fault(c, XMPP_STEP_CONNECT, XMPP_FAULT_NOT_LISTED);
    }
    return false;
}

/* One step on: another address, another server, or the end. */
static void step(struct xmpp_connect *c)
{
    if (!race_next(&c->race) && !ask_next_server(c))
        fail(c);
}

static void on_next(struct deferred *d)
{
    step(container_of(d, struct xmpp_connect, next));
}

static void on_servers(struct xmpp_servers *s)
{
    struct xmpp_connect *c = container_of(s, struct xmpp_connect, servers);

    switch (xmpp_servers_say(s)) {
    case XMPP_SERVERS_LISTED: break;
    case XMPP_SERVERS_DOMAIN:
        set_target(c, c->domain, (uint16_t)c->x->conf.port, false,
                   c->vouched && xmpp_servers_secure(s, XMPP_SERVICE_STARTTLS));
        ask_addrs(c);
        return;
    case XMPP_SERVERS_NONE:
        fault(c, XMPP_FATE_NO_SERVER, "%s", s->why);
        tell_fault(c, XMPP_STEP_DNS, XMPP_FAULT_DNS_NOT_OFFERED);
        break;
    case XMPP_SERVERS_UNKNOWN:
        fault(c, XMPP_FATE_UNREACHABLE, "%s", s->why);
        tell_fault(c, XMPP_STEP_DNS, XMPP_FAULT_DNS_FAILED);
        break;
    }
    step(c);
}

/* ---- the beginning ---- */

/* "host", "host:port", "[ip]:port" or an IP address. False when it is none of them. */
static bool use_proxy(struct xmpp_connect *c, struct slice proxy)
{
    struct slice host = proxy, port;
    uint64_t n = c->x->conf.port;
    struct addr addr;

    c->fixed = true;
    if (addr_parse(proxy, (uint16_t)c->x->conf.port, &addr)) {
        use_addr(c, &addr);
        return true;
    }
    if (slice_cut(proxy, ':', &host, &port) && (!slice_u64(port, 65535, &n) || n == 0))
        return false;
    if (host.n == 0 || host.n >= sizeof(c->at.host))
        return false;
    set_target(c, "", (uint16_t)n, false, false);
    memcpy(c->at.host, host.p, host.n);
    ask_addrs(c);
    return true;
}

static bool set_domain(struct xmpp_connect *c, struct slice remote)
{
    char mem[1024];
    struct arena arena;
    struct slice ascii;
    bool ok;

    arena_init_on(&arena, mem, sizeof(mem), 16384);
    ok = jid_domain_to_ascii(&arena, remote, &ascii) && ascii.n < sizeof(c->domain);
    if (ok) {
        memcpy(c->domain, ascii.p, ascii.n);
        c->domain[ascii.n] = 0;
    }
    arena_reset(&arena);
    return ok;
}

/* True: the servers of c->domain are to be asked for. */
static bool use_other(struct xmpp_connect *c, const struct xmpp_redirect *to)
{
    char why[XMPP_REACH_WHY];
    struct addr addr;

    xmpp_trace_add(c->trace, loop_now(c->x->loop), XMPP_STEP_DNS, STEP_NOTE,
                   "the partner's server sent us to %s%s (see-other-host)", to->host,
                   to->port ? "" : ", by its SRV records");
    memcpy(c->domain, to->host, sizeof(c->domain));
    c->vouched = to->secure;
    if (!to->port)
        return true;
    if (!xmpp_reach_port_may(to->port, why)) {
        fault(c, XMPP_FATE_UNREACHABLE, "the partner's server sent us to %s, %s", to->host, why);
        loop_defer(c->x->loop, &c->next);
    } else if (to->is_ip && addr_parse_ip(slice_str(to->host), to->port, &addr)) {
        use_addr(c, &addr);
    } else {
        set_target(c, to->host, to->port, false, to->secure);
        ask_addrs(c);
    }
    return false;
}

/* Direct TLS is for partners with whom TLS may be used. */
static bool may_use_tls(const struct xmpp *x, struct slice remote)
{
    const struct xmpp_partner *partner = x->conf.ops->partner(x->conf.owner, remote);

    return x->conf.tls && partner && partner->tls != XMPP_NOT_SUPPORTED;
}

static void begin(struct xmpp_connect *c, const struct xmpp_connect_to *to)
{
    if (to->proxy.n) {
        if (use_proxy(c, to->proxy))
            return;
        fault(c, XMPP_FATE_UNREACHABLE, "the partner's proxy setting is neither host nor host:port");
    } else if (to->other && !use_other(c, to->other)) {
        return;
    } else if (!to->other && !set_domain(c, to->remote)) {
        fault(c, XMPP_FATE_NO_SERVER, "the domain is no DNS name");
    } else {
        if (xmpp_servers_ask(&c->servers, c->x->loop, c->x->conf.dns, c->domain, may_use_tls(c->x, to->remote),
                             c->trace, on_servers))
            return;
        fault(c, XMPP_FATE_UNREACHABLE, "DNS cannot be asked for _xmpp-server._tcp.%s", c->domain);
    }
    loop_defer(c->x->loop, &c->next);
}

struct xmpp_connect *xmpp_connect_start(struct xmpp *x, const struct xmpp_connect_to *to,
                                        const struct xmpp_connect_ops *ops, void *owner, struct xmpp_trace *trace)
{
    const struct conn_conf conf = {
        .tls = x->conf.tls,
        .rx_max = 65536,
        .tx_max = 65536,
        .connect_ms = (uint64_t)x->conf.connect_s * 1000,
    };
    struct xmpp_connect *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->x = x;
    c->ops = ops;
    c->owner = owner;
    c->trace = trace;
    c->vouched = true;
    race_init(&c->race, x->loop, &conf, &connect_race_ops, c);
    deferred_init(&c->next, on_next);
    fault(c, XMPP_FATE_UNREACHABLE, "no address to try");
    begin(c, to);
    return c;
}

void xmpp_connect_next(struct xmpp_connect *c)
{
    loop_defer(c->x->loop, &c->next);
}

bool xmpp_connect_has_more(const struct xmpp_connect *c)
{
    return c->n_asked < XMPP_CONNECT_TRIES_MAX && (race_has_more(&c->race) || c->servers.i < c->servers.n);
}
