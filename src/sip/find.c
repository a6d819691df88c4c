#include "sip/find.h"

#include <stdio.h>
#include <stdlib.h>

#include "net/reach.h"
#include "sip/stack.h"

#define SERVERS_MAX 16 /* of one hop */
#define ADDRS_MAX 8    /* of one server */
#define NAME_MAX_BYTES 256
#define WAYS 3         /* transports, and so sets of SRV records */
#define FOREVER_S 3600 /* what nobody has looked up does not age */

struct find_server {
    struct find_hop *hop;
    struct dns_query *query;
    char name[NAME_MAX_BYTES];
    uint16_t port, priority, weight;
    uint8_t way; /* index in hop.ways: rank before priority */
    enum sip_transport transport;
    struct addr addrs[ADDRS_MAX];
    size_t n_addrs;
};

/* The SRV records of one transport. */
struct find_way {
    struct find_hop *hop;
    struct dns_query *query;
    enum sip_transport transport;
    char name[NAME_MAX_BYTES + 16];
    bool asked, failed, dot;
};

struct find_hop {
    struct sip_find *find;
    char name[NAME_MAX_BYTES]; /* empty: an address */
    uint16_t port;
    bool of_domain; /* not a fixed hop */
    struct dns_query *naptr;
    struct find_way ways[WAYS];
    size_t n_ways;
    struct find_server *servers; /* owned */
    size_t n_servers;
    bool had_srv;
};

struct sip_find {
    struct sip *sip;
    struct steps *steps;
    sip_find_done *done;
    void *arg;
    struct deferred report;
    unsigned asking; /* queries under way */
    uint32_t ttl_s;
    bool some_failed;
    enum sip_fault fault; /* the last one */
    char why[SIP_FIND_WHY];
    unsigned transports;
    bool to_proxy;
    char route[SIP_ROUTE_MAX + 1], tls_name[NAME_MAX_BYTES], domain[NAME_MAX_BYTES];
    struct addr_net *networks; /* owned */
    size_t n_networks;
    size_t n_hops;
    struct find_hop hops[SIP_HOPS_MAX];
};

static void on_report(struct deferred *d);
static void on_naptr(void *arg, const struct dns_answer *answer);
static void on_srv(void *arg, const struct dns_answer *answer);
static void on_addrs(void *arg, const struct dns_answer *answer);

static bool copy(char *out, size_t size, struct slice s)
{
    if (s.n >= size)
        return false;
    if (s.n)
        memcpy(out, s.p, s.n);
    out[s.n] = '\0';
    return true;
}

static void note(struct sip_find *f, enum step_result result, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void note(struct sip_find *f, enum step_result result, const char *fmt, ...)
{
    va_list ap;

    if (!f->steps)
        return;
    va_start(ap, fmt);
    steps_vadd(f->steps, loop_now(f->sip->loop), SIP_STEP_RESOLVE, result, fmt, ap);
    va_end(ap);
}

static void blame(struct sip_find *f, enum sip_fault fault, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* What is wrong, should nothing be found. */
static void blame(struct sip_find *f, enum sip_fault fault, const char *fmt, ...)
{
    va_list ap;

    f->fault = fault;
    va_start(ap, fmt);
    vsnprintf(f->why, sizeof(f->why), fmt, ap);
    va_end(ap);
    note(f, STEP_FAILED, "%s", f->why);
}

static uint16_t standard_port(enum sip_transport t)
{
    return t == SIP_TLS ? 5061 : 5060;
}

static bool allows(const struct sip_find *f, enum sip_transport t)
{
    return f->transports & SIP_MAY(t);
}

/* Where nothing says which: the only one, or UDP (RFC 3263 4.1), or what there is. */
static enum sip_transport usual(const struct sip_find *f)
{
    return allows(f, SIP_UDP) ? SIP_UDP : allows(f, SIP_TCP) ? SIP_TCP : SIP_TLS;
}

static bool is_one(const struct sip_find *f)
{
    return (f->transports & (f->transports - 1)) == 0;
}

/* ---- asking ---- */

static void asked(struct sip_find *f, struct dns_query *q, const char *name)
{
    if (q)
        f->asking++;
    else
        blame(f, SIP_FAULT_OURSELVES, "%s cannot be looked up: it is no name for DNS, or too much is asked", name);
}

/* An answer has come; true: it counts. Its time to live is the result's, at most. */
static bool answered(struct sip_find *f, const struct dns_answer *answer)
{
    f->asking--;
    if (answer->status == DNS_FAILED)
        f->some_failed = true;
    if (answer->status == DNS_OK && answer->ttl_s < f->ttl_s)
        f->ttl_s = answer->ttl_s;
    return answer->status == DNS_OK;
}

static void settle(struct sip_find *f)
{
    if (!f->asking)
        loop_defer(f->sip->loop, &f->report);
}

static struct find_server *add_server(struct find_hop *hop, const char *name, uint16_t port,
                                      enum sip_transport transport)
{
    struct find_server *v, *s;

    if (hop->n_servers == SERVERS_MAX)
        return NULL;
    v = hop->servers ? hop->servers : calloc(SERVERS_MAX, sizeof(*v));
    hop->servers = v;
    if (!v)
        return NULL;
    s = &v[hop->n_servers++];
    s->hop = hop;
    s->port = port;
    s->transport = transport;
    (void)copy(s->name, sizeof(s->name), slice_str(name));
    return s;
}

static void ask_addrs(struct find_server *s)
{
    struct sip_find *f = s->hop->find;

    s->query = f->sip->conf.dns ? dns_query_addrs(f->sip->conf.dns, s->name, s->port, on_addrs, s) : NULL;
    asked(f, s->query, s->name);
}

/* The name is its own server. */
static void use_name(struct find_hop *hop, uint16_t port)
{
    enum sip_transport t = usual(hop->find);
    struct find_server *s = add_server(hop, hop->name, port ? port : standard_port(t), t);

    if (s)
        ask_addrs(s);
    else
        blame(hop->find, SIP_FAULT_OURSELVES, "out of memory");
}

static void ask_srv(struct find_hop *hop, enum sip_transport transport, const char *name)
{
    static const char *const labels[] = { [SIP_UDP] = "_sip._udp", [SIP_TCP] = "_sip._tcp", [SIP_TLS] = "_sips._tcp" };
    struct find_way *w;

    if (hop->n_ways == WAYS)
        return;
    w = &hop->ways[hop->n_ways++];
    *w = (struct find_way){ .hop = hop, .transport = transport };
    if (name)
        (void)copy(w->name, sizeof(w->name), slice_str(name));
    else
        snprintf(w->name, sizeof(w->name), "%s.%s", labels[transport], hop->name);
    w->query = hop->find->sip->conf.dns ? dns_query_srv(hop->find->sip->conf.dns, w->name, on_srv, w) : NULL;
    w->asked = w->query != NULL;
    asked(hop->find, w->query, w->name);
}

static void begin(struct find_hop *hop)
{
    struct sip_find *f = hop->find;
    struct dns *dns = f->sip->conf.dns;

    if (!hop->name[0])
        return;
    if (hop->port) {
        use_name(hop, hop->port);
    } else if (is_one(f)) {
        ask_srv(hop, usual(f), NULL);
    } else {
        hop->naptr = dns ? dns_query_naptr(dns, hop->name, on_naptr, hop) : NULL;
        asked(f, hop->naptr, hop->name);
    }
}

/* ---- what DNS says ---- */

static bool transport_of_service(const char *service, enum sip_transport *out)
{
    static const struct {
        const char *service;
        enum sip_transport transport;
    } known[] = { { "sips+d2t", SIP_TLS }, { "sip+d2t", SIP_TCP }, { "sip+d2u", SIP_UDP } };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        *out = known[i].transport;
        if (strcmp(known[i].service, service) == 0)
            return true;
    }
    return false;
}

static bool has_way(const struct find_hop *hop, enum sip_transport t)
{
    for (size_t i = 0; i < hop->n_ways; i++)
        if (hop->ways[i].transport == t)
            return true;
    return false;
}

static void on_naptr(void *arg, const struct dns_answer *answer)
{
    static const enum sip_transport by_wish[] = { SIP_TLS, SIP_TCP, SIP_UDP };
    struct find_hop *hop = arg;
    struct sip_find *f = hop->find;
    enum sip_transport t;

    hop->naptr = NULL;
    (void)answered(f, answer); /* a server that fails here may still know SRV */
    for (size_t i = 0; i < answer->n_naptr; i++) {
        const struct dns_naptr *r = &answer->naptr[i];

        if (!transport_of_service(r->service, &t) || !allows(f, t) || has_way(hop, t))
            continue;
        note(f, STEP_OK, "%s: NAPTR %u %u %s leads to %s", hop->name, r->order, r->preference, r->service,
             r->replacement);
        ask_srv(hop, t, r->replacement);
    }
    if (!hop->n_ways) {
        note(f, STEP_NOTE, "%s: no NAPTR records for SIP%s", hop->name, answer->why ? " (no answer)" : "");
        for (size_t i = 0; i < WAYS; i++)
            if (allows(f, by_wish[i]))
                ask_srv(hop, by_wish[i], NULL);
    }
    settle(f);
}

static void take_srv(struct find_way *w, const struct dns_srv *r)
{
    struct sip_find *f = w->hop->find;
    char why[REACH_WHY];
    struct find_server *s;

    if (!r->target[0]) {
        w->dot = true;
        return;
    }
    if (w->hop->of_domain && !reach_port_may(r->port, "SIP", why)) {
        blame(f, SIP_FAULT_NOT_ALLOWED, "%s: its server %s is on %s", w->name, r->target, why);
        return;
    }
    s = add_server(w->hop, r->target, r->port, w->transport);
    if (!s)
        return;
    s->priority = r->priority;
    s->weight = r->weight;
    s->way = (uint8_t)(w - w->hop->ways);
    note(f, STEP_OK, "%s: %s:%u, priority %u, weight %u", w->name, r->target, r->port, r->priority, r->weight);
}

/* All SRV records are in. */
static void srv_done(struct find_hop *hop)
{
    struct sip_find *f = hop->find;
    bool any_failed = false, any_dot = false;

    for (size_t i = 0; i < hop->n_ways; i++) {
        if (hop->ways[i].query)
            return;
        any_failed |= hop->ways[i].failed || !hop->ways[i].asked;
        any_dot |= hop->ways[i].dot;
    }
    for (size_t i = 0; i < hop->n_servers; i++)
        ask_addrs(&hop->servers[i]);
    if (hop->n_servers || hop->had_srv)
        return;
    if (any_dot)
        blame(f, SIP_FAULT_DNS_NOT_OFFERED, "DNS says that %s offers no SIP (SRV target \".\")", hop->name);
    else if (any_failed)
        blame(f, SIP_FAULT_DNS_FAILED, "DNS gives no answer about %s", hop->name);
    else {
        note(f, STEP_NOTE, "%s: no SRV records, so the name's own addresses are tried", hop->name);
        use_name(hop, 0);
    }
}

static void on_srv(void *arg, const struct dns_answer *answer)
{
    struct find_way *w = arg;
    struct sip_find *f = w->hop->find;

    w->query = NULL;
    w->failed = answer->status == DNS_FAILED;
    if (answered(f, answer)) {
        for (size_t i = 0; i < answer->n_srv; i++) {
            take_srv(w, &answer->srv[i]);
            w->hop->had_srv |= answer->srv[i].target[0] != '\0';
        }
    } else {
        note(f, w->failed ? STEP_FAILED : STEP_NOTE, "%s: %s", w->name,
             w->failed                       ? answer->why
             : answer->status == DNS_NO_NAME ? "no such name"
                                             : "no SRV records");
    }
    srv_done(w->hop);
    settle(f);
}

static bool may(struct find_server *s, const struct addr *to)
{
    struct sip_find *f = s->hop->find;
    struct sip *sip = f->sip;
    const struct reach reach = { .nets = f->networks,
                                 .n_nets = f->n_networks,
                                 .setting = "the route's sources",
                                 .listens = sip_listens_at,
                                 .owner = sip };
    char why[REACH_WHY];

    if (reach_may(&reach, to, s->hop->of_domain ? REACH_NAME : REACH_FIXED, why))
        return true;
    blame(f, sip_listens_at(sip, to) ? SIP_FAULT_LEADS_TO_US : SIP_FAULT_NOT_ALLOWED, "%s is at %s", s->name, why);
    return false;
}

static void on_addrs(void *arg, const struct dns_answer *answer)
{
    struct find_server *s = arg;
    struct sip_find *f = s->hop->find;
    char list[ADDRS_MAX * (ADDR_TEXT + 2)] = "", text[ADDR_TEXT];
    size_t at = 0;

    s->query = NULL;
    if (!answered(f, answer)) {
        if (answer->status == DNS_FAILED)
            blame(f, SIP_FAULT_DNS_FAILED, "%s: DNS gives no answer: %s", s->name, answer->why);
        else if (s->hop->had_srv)
            blame(f, SIP_FAULT_DNS_NO_SUCH_HOST, "%s, which the SRV records of %s name, has no address", s->name,
                  s->hop->name);
        else
            blame(f, answer->status == DNS_NO_NAME ? SIP_FAULT_DNS_NO_NAME : SIP_FAULT_DNS_NO_SERVER, "%s %s", s->name,
                  answer->status == DNS_NO_NAME ? "does not exist in DNS" : "has neither SRV records nor an address");
        settle(f);
        return;
    }
    for (size_t i = 0; i < answer->n_addrs && s->n_addrs < ADDRS_MAX; i++) {
        if (!may(s, &answer->addrs[i]))
            continue;
        s->addrs[s->n_addrs++] = answer->addrs[i];
        at +=
            (size_t)snprintf(list + at, sizeof(list) - at, "%s%s", at ? ", " : "", addr_text(&answer->addrs[i], text));
    }
    if (s->n_addrs)
        note(f, STEP_OK, "%s: %s (%s)", s->name, list, sip_transport_name(s->transport));
    settle(f);
}

/* ---- the result ---- */

/* By set of records, then by priority: insertion keeps what is equal as it came. */
static void sort_servers(struct find_hop *hop)
{
    for (size_t i = 1; i < hop->n_servers; i++) {
        for (size_t k = i; k > 0; k--) {
            struct find_server *a = &hop->servers[k - 1], *b = &hop->servers[k], moved;

            if (a->way < b->way || (a->way == b->way && a->priority <= b->priority))
                break;
            moved = *a;
            *a = *b;
            *b = moved;
        }
    }
}

static bool same_tier(const struct find_server *a, const struct find_server *b)
{
    return a->way == b->way && a->priority == b->priority;
}

static void put_place(struct sip_find *f, struct sip_targets *t, const struct find_server *s, const struct addr *to,
                      uint16_t tier, uint8_t server)
{
    struct sip_place *p;
    const char *host = f->tls_name[0] ? f->tls_name : s->hop->name[0] && !s->hop->of_domain ? s->hop->name : f->domain;

    if (t->n == SIP_TARGETS_MAX)
        return;
    p = &t->v[t->n++];
    *p = (struct sip_place){ .tier = tier, .weight = s->weight, .server = server };
    p->target.transport = s->transport;
    p->target.addr = *to;
    memcpy(p->target.route, f->route, sizeof(p->target.route));
    if (s->transport == SIP_TLS)
        (void)copy(p->target.host, sizeof(p->target.host), slice_str(host));
}

static struct sip_targets *collect(struct sip_find *f)
{
    struct sip_targets *t = calloc(1, sizeof(*t) + SIP_TARGETS_MAX * sizeof(t->v[0]));
    uint16_t tier = 0;
    uint8_t server = 0;

    if (!t)
        return NULL;
    t->refs = 1;
    t->transports = f->transports;
    t->to_proxy = f->to_proxy;
    for (size_t h = 0; h < f->n_hops; h++) {
        struct find_hop *hop = &f->hops[h];

        sort_servers(hop);
        for (size_t i = 0; i < hop->n_servers; i++, server++) {
            if (i && !same_tier(&hop->servers[i - 1], &hop->servers[i]))
                tier++;
            else if (i)
                t->drawn = true;
            for (size_t k = 0; k < hop->servers[i].n_addrs; k++)
                put_place(f, t, &hop->servers[i], &hop->servers[i].addrs[k], tier, server);
        }
        tier++;
    }
    if (t->n)
        return t;
    free(t);
    return NULL;
}

static void find_free(struct sip_find *f)
{
    for (size_t h = 0; h < f->n_hops; h++)
        free(f->hops[h].servers);
    free(f->networks);
    free(f);
}

static void on_report(struct deferred *d)
{
    struct sip_find *f = container_of(d, struct sip_find, report);
    struct sip_found found = { .ttl_s = f->ttl_s, .all = !f->some_failed };

    found.targets = collect(f);
    if (!found.targets && f->fault == SIP_FAULT_NONE)
        blame(f, SIP_FAULT_OURSELVES, "out of memory");
    found.fault = found.targets ? SIP_FAULT_NONE : f->fault;
    found.why = f->why;
    f->done(f->arg, &found);
    sip_targets_drop(found.targets);
    find_free(f);
}

static bool take_hop(struct sip_find *f, const struct addr_host *h, bool of_domain)
{
    struct find_hop *hop = &f->hops[f->n_hops++];
    struct find_server *s;
    char text[ADDR_TEXT];

    hop->find = f;
    hop->of_domain = of_domain;
    hop->port = h->port;
    if (!h->addr.sa.sa_family)
        return copy(hop->name, sizeof(hop->name), h->name);
    s = add_server(hop, "", 0, usual(f));
    if (!s)
        return false;
    s->addrs[s->n_addrs++] = h->addr;
    note(f, STEP_OK, "next hop %s, over %s", addr_text(&h->addr, text), sip_transport_name(s->transport));
    return true;
}

static bool take(struct sip_find *f, const struct sip_destination *to)
{
    const struct addr_host domain = { .name = to->domain };
    bool ok = copy(f->route, sizeof(f->route), to->route) && copy(f->tls_name, sizeof(f->tls_name), to->tls_name) &&
              copy(f->domain, sizeof(f->domain), to->domain);

    f->transports = to->transports;
    f->to_proxy = to->to_proxy;
    if (to->n_networks) {
        f->networks = calloc(to->n_networks, sizeof(*f->networks));
        ok = ok && f->networks;
        if (ok)
            memcpy(f->networks, to->networks, to->n_networks * sizeof(*f->networks));
        f->n_networks = to->n_networks;
    }
    for (size_t i = 0; ok && i < to->n_hops && i < SIP_HOPS_MAX; i++)
        ok = take_hop(f, &to->hops[i], false);
    if (ok && !to->n_hops)
        ok = take_hop(f, &domain, true);
    return ok;
}

struct sip_find *sip_find_start(struct sip *sip, const struct sip_destination *to, struct steps *steps,
                                sip_find_done *done, void *arg)
{
    struct sip_find *f = calloc(1, sizeof(*f));

    if (!f)
        return NULL;
    f->sip = sip;
    f->steps = steps;
    f->done = done;
    f->arg = arg;
    f->ttl_s = FOREVER_S;
    deferred_init(&f->report, on_report);
    if (!take(f, to)) {
        find_free(f);
        return NULL;
    }
    for (size_t i = 0; i < f->n_hops; i++)
        begin(&f->hops[i]);
    settle(f);
    return f;
}

void sip_find_stop(struct sip_find *f)
{
    if (!f)
        return;
    loop_undefer(&f->report);
    for (size_t h = 0; h < f->n_hops; h++) {
        struct find_hop *hop = &f->hops[h];

        dns_cancel(hop->naptr);
        for (size_t i = 0; i < hop->n_ways; i++)
            dns_cancel(hop->ways[i].query);
        for (size_t i = 0; i < hop->n_servers; i++)
            dns_cancel(hop->servers[i].query);
    }
    find_free(f);
}
