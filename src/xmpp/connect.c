#include "xmpp/connect.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rand.h"
#include "net/addr_scope.h"
#include "xmpp/core.h"
#include "xmpp/reach.h"

#define TARGETS_MAX 32
#define TARGETS_TOLD 8 /* of a trace */
#define ADDRS_MAX 32

struct xmpp_connect {
    struct xmpp *x;
    const struct xmpp_connect_ops *ops;
    void *owner;
    struct xmpp_trace *trace; /* borrowed; may be NULL */
    char domain[256];         /* A-labels; or the proxy's host */
    struct dns_query *query;
    struct conn *conn;
    struct deferred next;    /* the next step, never from inside xmpp_connect_start */
    struct dns_srv *targets; /* owned; those from i_target on are still to be tried */
    size_t n_targets, i_target;
    struct addr addrs[ADDRS_MAX]; /* of the current target */
    size_t n_addrs, i_addr;
    enum { ASK_PROXY, ASK_SRV, ASK_DOMAIN, ASK_TARGETS } ask;
    bool secure;               /* SRV, or that there is none */
    struct dane *dane;         /* owned: of the current target */
    size_t n_tried, n_refused; /* addresses, and ports for the second */
    enum xmpp_fate fate;       /* of the last failure, and its clause */
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

/* What was just kept as the last failure, for the administrator. */
static void tell_fault(struct xmpp_connect *c, enum xmpp_step at, enum xmpp_fault kind)
{
    xmpp_trace_add(c->trace, loop_now(c->x->loop), at, XMPP_STEP_FAILED, "%s", c->why);
    xmpp_trace_blame(c->trace, kind);
}

static void tell(struct xmpp_connect *c, enum xmpp_step at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void tell(struct xmpp_connect *c, enum xmpp_step at, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    xmpp_trace_vadd(c->trace, loop_now(c->x->loop), at, XMPP_STEP_OK, fmt, ap);
    va_end(ap);
}

void xmpp_connect_cancel(struct xmpp_connect *c)
{
    if (!c)
        return;
    if (c->query)
        dns_cancel(c->query);
    if (c->conn)
        conn_detach(c->conn);
    loop_undefer(&c->next);
    free(c->targets);
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

/* Whose addresses are in hand: the domain's SRV target, the domain itself, or the proxy. */
static const char *host_of(const struct xmpp_connect *c)
{
    return c->ask == ASK_TARGETS ? c->targets[c->i_target - 1].target : c->domain;
}

static enum xmpp_fault fault_of_address(const struct xmpp *x, const struct addr *to)
{
    return addr_scope(to) == ADDR_LOOPBACK || xmpp_reach_is_ours(x, to) ? XMPP_FAULT_LEADS_TO_US
                                                                        : XMPP_FAULT_NOT_LISTED;
}

static bool may_connect(struct xmpp_connect *c, const struct addr *to)
{
    char why[XMPP_REACH_WHY];

    if (xmpp_reach_may(c->x, to, c->ask == ASK_PROXY ? XMPP_REACH_FIXED : XMPP_REACH_NAME, why))
        return true;
    c->n_refused++;
    if (c->ask == ASK_TARGETS)
        fault(c, XMPP_FATE_UNREACHABLE, "%s: its server %s is at %s", c->domain, host_of(c), why);
    else
        fault(c, XMPP_FATE_UNREACHABLE, "%s%s is at %s", c->ask == ASK_PROXY ? "the partner's proxy " : "", c->domain,
              why);
    tell_fault(c, XMPP_STEP_CONNECT, fault_of_address(c->x, to));
    return false;
}

static void on_open(void *owner, struct conn *conn)
{
    struct xmpp_connect *c = owner;
    const struct xmpp_connect_ops *ops = c->ops;
    void *up = c->owner;
    struct dane *dane;
    char at[ADDR_TEXT];

    c->conn = NULL;
    if (!may_connect(c, conn_peer(conn))) { /* the settings have changed since */
        conn_detach(conn);
        step(c);
        return;
    }
    tell(c, XMPP_STEP_CONNECT, "connected to %s (%s)", addr_text(conn_peer(conn), at), host_of(c));
    dane = c->dane;
    c->dane = NULL;
    xmpp_connect_cancel(c);
    ops->connected(up, conn, dane);
}

static size_t on_data(void *owner, struct conn *conn, char *p, size_t n)
{
    return 0;
}

static void on_closed(void *owner, struct conn *conn, enum conn_end why, const char *text)
{
    struct xmpp_connect *c = owner;
    char at[ADDR_TEXT];

    c->conn = NULL;
    fault(c, XMPP_FATE_UNREACHABLE, "cannot connect to %s: %s", addr_text(&c->addrs[c->i_addr - 1], at), text);
    tell_fault(c, XMPP_STEP_CONNECT,
               why == CONN_END_REFUSED   ? XMPP_FAULT_CONNECT_REFUSED
               : why == CONN_END_TIMEOUT ? XMPP_FAULT_CONNECT_TIMEOUT
                                         : XMPP_FAULT_CONNECT_FAILED);
    step(c);
}

static const struct conn_ops connect_conn_ops = { .open = on_open, .data = on_data, .closed = on_closed };

/* Starts with the next address that may be tried; false when there is none left. */
static bool try_next_addr(struct xmpp_connect *c)
{
    struct conn_conf conf = {
        .ops = &connect_conn_ops,
        .owner = c,
        .tls = c->x->conf.tls,
        .rx_max = 65536,
        .tx_max = 65536,
        .connect_ms = (uint64_t)c->x->conf.connect_s * 1000,
    };
    char at[ADDR_TEXT];

    while (c->i_addr < c->n_addrs) {
        const struct addr *a = &c->addrs[c->i_addr++];

        if (!may_connect(c, a))
            continue;
        c->n_tried++;
        c->conn = conn_connect(c->x->loop, &conf, a, NULL, NULL);
        if (c->conn)
            return true;
        fault(c, XMPP_FATE_UNREACHABLE, "cannot connect to %s: no socket or memory", addr_text(a, at));
    }
    return false;
}

/* That there are none is an answer; that it cannot be had is what an attacker would make of one (RFC 7673 3.4). */
static void on_tlsa(void *arg, const struct dns_answer *answer)
{
    struct xmpp_connect *c = arg;

    c->query = NULL;
    if (answer->status == DNS_FAILED) {
        fault(c, XMPP_FATE_UNREACHABLE, "DNS cannot say whether %s has TLSA records: %s", host_of(c),
              answer->why ? answer->why : "?");
        tell_fault(c, XMPP_STEP_DNS, XMPP_FAULT_DNS_FAILED);
    } else {
        c->dane = dane_new(host_of(c), answer->tlsa, answer->secure ? answer->n_tlsa : 0);
        if (!c->dane)
            fault(c, XMPP_FATE_UNREACHABLE, "out of memory");
    }
    if (!c->dane)
        c->n_addrs = 0;
    else
        tell(c, XMPP_STEP_DNS, "TLSA records of %s: %zu that can be used", host_of(c), c->dane->n);
    step(c);
}

/* False: the server is connected to without. */
static bool ask_tlsa(struct xmpp_connect *c)
{
    uint16_t port = c->ask == ASK_TARGETS ? c->targets[c->i_target - 1].port : (uint16_t)c->x->conf.port;

    c->query = dns_query_tlsa(c->x->conf.dns, host_of(c), port, on_tlsa, c);
    if (c->query)
        return true;
    fault(c, XMPP_FATE_UNREACHABLE, "DNS cannot be asked for TLSA records of %s", host_of(c));
    c->n_addrs = 0;
    return false;
}

static void on_addrs(void *arg, const struct dns_answer *answer)
{
    struct xmpp_connect *c = arg;
    const char *name = host_of(c);

    c->query = NULL;
    c->i_addr = 0;
    c->n_addrs = 0;
    free(c->dane);
    c->dane = NULL;
    if (answer->status == DNS_OK) {
        c->n_addrs = answer->n_addrs < ADDRS_MAX ? answer->n_addrs : ADDRS_MAX;
        memcpy(c->addrs, answer->addrs, c->n_addrs * sizeof(*c->addrs));
        tell(c, XMPP_STEP_DNS, "%s has %zu addresses%s", name, answer->n_addrs, answer->secure ? " (signed)" : "");
    } else if (answer->status == DNS_FAILED) {
        fault(c, XMPP_FATE_UNREACHABLE, "DNS cannot find addresses of %s: %s", name, answer->why ? answer->why : "?");
        tell_fault(c, XMPP_STEP_DNS, XMPP_FAULT_DNS_FAILED);
    } else if (c->n_tried == 0 && c->n_refused == 0) {
        fault(c, c->ask == ASK_PROXY ? XMPP_FATE_UNREACHABLE : XMPP_FATE_NO_SERVER, "DNS has no address of %s", name);
        tell_fault(c, XMPP_STEP_DNS, c->ask == ASK_DOMAIN ? XMPP_FAULT_DNS_NO_ADDRESS : XMPP_FAULT_DNS_NO_SUCH_SERVER);
    }
    if (c->n_addrs && c->secure && answer->secure && ask_tlsa(c))
        return;
    step(c);
}

static void ask_addrs(struct xmpp_connect *c, const char *name, uint16_t port)
{
    c->query = c->x->conf.dns ? dns_query_addrs(c->x->conf.dns, name, port, on_addrs, c) : NULL;
    if (!c->query) {
        fault(c, XMPP_FATE_UNREACHABLE, "DNS cannot be asked for %s", name);
        loop_defer(c->x->loop, &c->next);
    }
}

static void on_srv(void *arg, const struct dns_answer *answer)
{
    struct xmpp_connect *c = arg;

    c->query = NULL;
    c->secure = answer->secure;
    switch (answer->status) {
    case DNS_NO_DATA:
    case DNS_NO_NAME: /* RFC 6120 3.2.1 point 9: the domain itself */
        tell(c, XMPP_STEP_DNS, "_xmpp-server._tcp.%s: no SRV records%s: the domain itself is asked for", c->domain,
             answer->secure ? " (signed)" : "");
        c->ask = ASK_DOMAIN;
        ask_addrs(c, c->domain, (uint16_t)c->x->conf.port);
        return;
    case DNS_FAILED:
        fault(c, XMPP_FATE_UNREACHABLE, "DNS cannot find _xmpp-server._tcp.%s: %s", c->domain,
              answer->why ? answer->why : "?");
        tell_fault(c, XMPP_STEP_DNS, XMPP_FAULT_DNS_FAILED);
        break;
    case DNS_OK:
        c->ask = ASK_TARGETS;
        if (answer->n_srv == 1 && !answer->srv[0].target[0]) {
            fault(c, XMPP_FATE_NO_SERVER, "DNS says that %s offers no XMPP (SRV target \".\")", c->domain);
            tell_fault(c, XMPP_STEP_DNS, XMPP_FAULT_DNS_NOT_OFFERED);
            break;
        }
        c->n_targets = answer->n_srv < TARGETS_MAX ? answer->n_srv : TARGETS_MAX;
        c->targets = calloc(c->n_targets ? c->n_targets : 1, sizeof(*c->targets));
        if (!c->targets) {
            c->n_targets = 0;
            fault(c, XMPP_FATE_UNREACHABLE, "out of memory");
            break;
        }
        memcpy(c->targets, answer->srv, c->n_targets * sizeof(*c->targets));
        dns_srv_order(c->targets, c->n_targets, rand_below);
        for (size_t i = 0; i < c->n_targets && i < TARGETS_TOLD; i++)
            tell(c, XMPP_STEP_DNS, "_xmpp-server._tcp.%s: %s, port %u%s", c->domain, c->targets[i].target,
                 c->targets[i].port, answer->secure ? " (signed)" : "");
        break;
    }
    step(c);
}

/* The next target whose addresses may be asked for; false when there is none left. */
static bool ask_next_target(struct xmpp_connect *c)
{
    char why[XMPP_REACH_WHY];

    while (c->i_target < c->n_targets) {
        const struct dns_srv *t = &c->targets[c->i_target++];

        if (!t->target[0])
            continue;
        if (xmpp_reach_port_may(t->port, why)) {
            ask_addrs(c, t->target, t->port);
            return true;
        }
        c->n_refused++;
        fault(c, XMPP_FATE_UNREACHABLE, "%s: its server %s is on %s", c->domain, t->target, why);
        tell_fault(c, XMPP_STEP_CONNECT, XMPP_FAULT_NOT_LISTED);
    }
    return false;
}

/* One step on: another address, another target, or the end. */
static void step(struct xmpp_connect *c)
{
    if (!try_next_addr(c) && !ask_next_target(c))
        fail(c);
}

static void on_next(struct deferred *d)
{
    step(container_of(d, struct xmpp_connect, next));
}

/* "host", "host:port", "[ip]:port" or an IP address. False when it is none of them. */
static bool use_proxy(struct xmpp_connect *c, struct slice proxy)
{
    struct slice host = proxy, port;
    uint64_t n = c->x->conf.port;

    if (addr_parse(proxy, (uint16_t)c->x->conf.port, &c->addrs[0])) {
        c->n_addrs = 1;
        addr_ip_text(&c->addrs[0], c->domain);
        loop_defer(c->x->loop, &c->next);
        return true;
    }
    if (slice_cut(proxy, ':', &host, &port) && (!slice_u64(port, 65535, &n) || n == 0))
        return false;
    if (host.n == 0 || host.n >= sizeof(c->domain))
        return false;
    memcpy(c->domain, host.p, host.n);
    c->domain[host.n] = 0;
    ask_addrs(c, c->domain, (uint16_t)n);
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

struct xmpp_connect *xmpp_connect_start(struct xmpp *x, struct slice remote, struct slice proxy,
                                        const struct xmpp_connect_ops *ops, void *owner, struct xmpp_trace *trace)
{
    struct xmpp_connect *c = calloc(1, sizeof(*c));
    char name[sizeof(c->domain) + 32];

    if (!c)
        return NULL;
    c->x = x;
    c->ops = ops;
    c->owner = owner;
    c->trace = trace;
    deferred_init(&c->next, on_next);
    fault(c, XMPP_FATE_UNREACHABLE, "no address to try");
    if (proxy.n) {
        c->ask = ASK_PROXY;
        if (!use_proxy(c, proxy)) {
            fault(c, XMPP_FATE_UNREACHABLE, "the partner's proxy setting is neither host nor host:port");
            loop_defer(x->loop, &c->next);
        }
        return c;
    }
    if (!set_domain(c, remote)) {
        fault(c, XMPP_FATE_NO_SERVER, "the domain is no DNS name");
        loop_defer(x->loop, &c->next);
        return c;
    }
    snprintf(name, sizeof(name), "_xmpp-server._tcp.%s", c->domain);
    c->ask = ASK_SRV;
    c->query = x->conf.dns ? dns_query_srv(x->conf.dns, name, on_srv, c) : NULL;
    if (!c->query) {
        fault(c, XMPP_FATE_UNREACHABLE, "DNS cannot be asked for %s", name);
        loop_defer(x->loop, &c->next);
    }
    return c;
}
