#include "net/dns.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unbound.h>
#include <unistd.h>

#include "net/dns_record.h"

#define CLASS_IN 1
#define RECORDS_MAX 32
#define QUERIES_MAX 4096
#define QUERY_MS 10000
/* How long the second family may take when the first has addresses: some servers never answer one of them. */
#define OTHER_FAMILY_MS 500
/* How long "there is none" may be believed: whoever adds the record does not wait longer. */
#define NEGATIVE_S 60
#define TEXT_OF_(x) #x
#define TEXT_OF(x) TEXT_OF_(x)

struct dns {
    struct loop *loop;
    struct ub_ctx *ub;
    uv_poll_t poll;      /* on libunbound's pipe; its resolver runs in a thread of its own */
    struct list queries; /* struct dns_query.link */
    size_t n_queries;
};

/* One question to libunbound. A query for addresses has two. */
struct part {
    struct dns_query *query;
    int type;
    bool asked; /* and not answered: id is valid */
    int id;
    enum dns_status status;
    enum dns_fault fault;
    bool secure;
    uint32_t ttl_s;
    size_t n; /* records */
};

struct dns_query {
    struct dns *dns;
    struct list link;
    struct timer expire;
    struct deferred report;
    dns_done *done;
    void *arg;
    uint16_t port;
    char why[160];
    char alias_of[256]; /* "": it is no alias */
    struct part parts[2];
    size_t n_parts;
    union {
        struct dns_srv srv[RECORDS_MAX];
        struct dns_naptr naptr[RECORDS_MAX];
        struct dns_caa caa[RECORDS_MAX];
        struct addr addrs[2][RECORDS_MAX]; /* by part */
        struct {
            struct dane_record records[DANE_RECORDS_MAX];
            struct ub_result *result; /* owned: the records' data is in it */
        } tlsa;
    };
};

static void part_failed(struct part *p, enum dns_fault fault, const char *what, const char *detail)
{
    p->status = DNS_FAILED;
    p->fault = fault;
    snprintf(p->query->why, sizeof(p->query->why), "%s%s", what, detail);
}

static bool take_record(struct part *p, struct slice rdata)
{
    struct dns_query *q = p->query;

    switch (p->type) {
    case DNS_TYPE_SRV: return dns_parse_srv(rdata, &q->srv[p->n]);
    case DNS_TYPE_NAPTR: return dns_parse_naptr(rdata, &q->naptr[p->n]);
    case DNS_TYPE_TLSA: return dane_parse(rdata, &q->tlsa.records[p->n]);
    case DNS_TYPE_CAA: return dns_parse_caa(rdata, &q->caa[p->n]);
    default: return dns_parse_addr(p->type, rdata, q->port, &q->addrs[p - q->parts][p->n]);
    }
}

static void take_records(struct part *p, const struct ub_result *r)
{
    size_t max = p->type == DNS_TYPE_TLSA ? DANE_RECORDS_MAX : RECORDS_MAX;

    for (size_t i = 0; r->data[i] && p->n < max; i++)
        p->n += take_record(p, slice_of(r->data[i], r->len[i] > 0 ? (size_t)r->len[i] : 0));
    p->status = DNS_OK;
    if (p->n == 0 && p->type != DNS_TYPE_NAPTR)
        part_failed(p, DNS_FAULT_RECORDS, "all records are malformed", "");
}

/* Where a chain of aliases ends. */
static void take_alias(struct dns_query *q, const struct ub_result *r)
{
    struct slice to = slice_str(r->canonname), asked = slice_str(r->qname);

    if (to.n && to.p[to.n - 1] == '.')
        to.n--;
    if (asked.n && asked.p[asked.n - 1] == '.')
        asked.n--;
    if (to.n && to.n < sizeof(q->alias_of) && !slice_ieq(to, asked))
        snprintf(q->alias_of, sizeof(q->alias_of), "%.*s", SLICE_FMT(to));
}

static void take_answer(struct part *p, const struct ub_result *r)
{
    char rcode[16];

    take_alias(p->query, r);
    p->secure = r->secure;
    p->ttl_s = r->ttl > 0 ? (uint32_t)r->ttl : 0;
    if (!r->havedata && p->ttl_s > NEGATIVE_S)
        p->ttl_s = NEGATIVE_S;
    snprintf(rcode, sizeof(rcode), "%d", r->rcode);
    if (r->bogus)
        part_failed(p, DNS_FAULT_BOGUS, "DNSSEC validation failed: ", r->why_bogus ? r->why_bogus : "no reason given");
    else if (r->havedata)
        take_records(p, r);
    else if (r->nxdomain)
        p->status = DNS_NO_NAME;
    else if (r->rcode == 0)
        p->status = DNS_NO_DATA;
    else
        part_failed(p, DNS_FAULT_SERVER,
                    r->rcode == 2 ? "no server gave an answer (SERVFAIL)" : "the servers answer with error code ",
                    r->rcode == 2 ? "" : rcode);
}

/* From ub_process. Owners are called from the end of the turn, when they may even free the resolver. */
static void on_answer(void *arg, int rc, struct ub_result *r)
{
    struct part *p = arg;
    struct dns_query *q = p->query;
    bool waiting = false;

    p->asked = false;
    if (rc != 0 || !r)
        part_failed(p, DNS_FAULT_HERE, "the resolver failed: ", ub_strerror(rc));
    else
        take_answer(p, r);
    if (p->type == DNS_TYPE_TLSA)
        q->tlsa.result = r;
    else
        ub_resolve_free(r);
    for (size_t i = 0; i < q->n_parts; i++)
        waiting |= q->parts[i].asked;
    if (!waiting) {
        timer_stop(&q->dns->loop->timers, &q->expire);
        loop_defer(q->dns->loop, &q->report);
    } else if (p->status == DNS_OK) {
        timer_start(&q->dns->loop->timers, &q->expire, OTHER_FAMILY_MS);
    }
}

/* Ends what libunbound still does for q. */
static void stop_asking(struct dns_query *q)
{
    timer_stop(&q->dns->loop->timers, &q->expire);
    loop_undefer(&q->report);
    for (size_t i = 0; i < q->n_parts; i++) {
        struct part *p = &q->parts[i];

        if (!p->asked)
            continue;
        ub_cancel(q->dns->ub, p->id);
        p->asked = false;
        part_failed(p, DNS_FAULT_SILENCE, "no answer came in time", "");
    }
}

static void leave(struct dns_query *q)
{
    list_unlink(&q->link);
    q->dns->n_queries--;
}

static void query_free(struct dns_query *q)
{
    if (q->n_parts > 0 && q->parts[0].type == DNS_TYPE_TLSA)
        ub_resolve_free(q->tlsa.result);
    free(q);
}

static void on_expire(struct timer *t)
{
    struct dns_query *q = container_of(t, struct dns_query, expire);

    stop_asking(q);
    loop_defer(q->dns->loop, &q->report);
}

void dns_cancel(struct dns_query *q)
{
    if (!q)
        return;
    stop_asking(q);
    leave(q);
    query_free(q);
}

/* One family's failure does not spoil what the other has; without any address it leaves the question open. */
static enum dns_status joined_status(const struct dns_query *q)
{
    size_t count[DNS_FAILED + 1] = { 0 };

    for (size_t i = 0; i < q->n_parts; i++)
        count[q->parts[i].status]++;
    if (count[DNS_OK] > 0)
        return DNS_OK;
    if (count[DNS_FAILED] > 0)
        return DNS_FAILED;
    return count[DNS_NO_DATA] > 0 ? DNS_NO_DATA : DNS_NO_NAME;
}

static size_t interleave(const struct dns_query *q, struct addr *out)
{
    size_t n = 0;

    for (size_t i = 0; i < RECORDS_MAX; i++) {
        for (size_t part = 0; part < q->n_parts && n < RECORDS_MAX; part++) {
            if (i < q->parts[part].n)
                out[n++] = q->addrs[part][i];
        }
    }
    return n;
}

/* Of those parts that have failed: the first one's. */
static enum dns_fault joined_fault(const struct dns_query *q)
{
    for (size_t i = 0; i < q->n_parts; i++)
        if (q->parts[i].status == DNS_FAILED)
            return q->parts[i].fault;
    return DNS_FAULT_NONE;
}

/* The records of a query of one type. */
static void put_records(const struct dns_query *q, struct dns_answer *answer)
{
    switch (q->parts[0].type) {
    case DNS_TYPE_SRV:
        answer->srv = q->srv;
        answer->n_srv = q->parts[0].n;
        break;
    case DNS_TYPE_NAPTR:
        answer->naptr = q->naptr;
        answer->n_naptr = q->parts[0].n;
        break;
    case DNS_TYPE_TLSA:
        answer->tlsa = q->tlsa.records;
        answer->n_tlsa = q->parts[0].n;
        break;
    case DNS_TYPE_CAA:
        answer->caa = q->caa;
        answer->n_caa = q->parts[0].n;
        break;
    default: break;
    }
}

static void on_report(struct deferred *d)
{
    struct dns_query *q = container_of(d, struct dns_query, report);
    struct dns_answer answer = { .status = joined_status(q), .secure = true, .ttl_s = UINT32_MAX };
    struct addr addrs[RECORDS_MAX];

    for (size_t i = 0; i < q->n_parts; i++) {
        const struct part *p = &q->parts[i];

        if (answer.status == DNS_OK && p->status != DNS_OK)
            continue;
        answer.secure = answer.secure && p->secure;
        answer.ttl_s = p->ttl_s < answer.ttl_s ? p->ttl_s : answer.ttl_s;
    }
    answer.alias_of = q->alias_of[0] ? q->alias_of : NULL;
    if (answer.status == DNS_FAILED) {
        answer.why = q->why;
        answer.fault = joined_fault(q);
        answer.secure = false;
    } else if (answer.status == DNS_OK && q->n_parts == 1) {
        if (q->parts[0].type == DNS_TYPE_NAPTR)
            dns_naptr_order(q->naptr, q->parts[0].n);
        put_records(q, &answer);
    } else if (answer.status == DNS_OK) {
        answer.addrs = addrs;
        answer.n_addrs = interleave(q, addrs);
    }
    leave(q);
    q->done(q->arg, &answer);
    query_free(q);
}

static struct dns_query *query_new(struct dns *dns, const char *name, dns_done *done, void *arg)
{
    struct dns_query *q;

    if (!dns_name_ok(name) || dns->n_queries >= QUERIES_MAX)
        return NULL;
    q = calloc(1, sizeof(*q));
    if (!q)
        return NULL;
    q->dns = dns;
    q->done = done;
    q->arg = arg;
    timer_init(&q->expire, on_expire);
    deferred_init(&q->report, on_report);
    list_push(&dns->queries, &q->link);
    dns->n_queries++;
    timer_start(&dns->loop->timers, &q->expire, QUERY_MS);
    return q;
}

static bool ask(struct dns_query *q, const char *name, int type)
{
    struct part *p = &q->parts[q->n_parts++];

    p->query = q;
    p->type = type;
    p->asked = ub_resolve_async(q->dns->ub, name, type, CLASS_IN, p, on_answer, &p->id) == 0;
    return p->asked;
}

static struct dns_query *query_one(struct dns *dns, const char *name, int type, dns_done *done, void *arg)
{
    struct dns_query *q = query_new(dns, name, done, arg);

    if (q && !ask(q, name, type)) {
        dns_cancel(q);
        return NULL;
    }
    return q;
}

struct dns_query *dns_query_srv(struct dns *dns, const char *name, dns_done *done, void *arg)
{
    return query_one(dns, name, DNS_TYPE_SRV, done, arg);
}

struct dns_query *dns_query_naptr(struct dns *dns, const char *name, dns_done *done, void *arg)
{
    return query_one(dns, name, DNS_TYPE_NAPTR, done, arg);
}

struct dns_query *dns_query_caa(struct dns *dns, const char *name, dns_done *done, void *arg)
{
    return query_one(dns, name, DNS_TYPE_CAA, done, arg);
}

struct dns_query *dns_query_addrs(struct dns *dns, const char *name, uint16_t port, dns_done *done, void *arg)
{
    struct dns_query *q = query_new(dns, name, done, arg);

    if (!q)
        return NULL;
    q->port = port;
    if (!ask(q, name, DNS_TYPE_AAAA) || !ask(q, name, DNS_TYPE_A)) {
        dns_cancel(q);
        return NULL;
    }
    return q;
}

struct dns_query *dns_query_tlsa(struct dns *dns, const char *host, uint16_t port, dns_done *done, void *arg)
{
    char name[300];

    snprintf(name, sizeof(name), "_%u._tcp.%s", (unsigned)port, host);
    return query_one(dns, name, DNS_TYPE_TLSA, done, arg);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct dns *dns = container_of(poll, struct dns, poll);

    ub_process(dns->ub);
}

/* "ip" or "ip@port", which is also how libunbound wants it. */
static int add_server(struct ub_ctx *ub, struct slice server, struct err *err)
{
    struct slice ip, port;
    struct addr addr;
    uint64_t n = 53;
    char text[ADDR_TEXT], ip_text[ADDR_TEXT];
    int rc;

    if ((slice_cut(server, '@', &ip, &port) && !slice_u64(port, UINT16_MAX, &n)) || n == 0 ||
        !addr_parse_ip(ip, (uint16_t)n, &addr)) {
        log_escape(text, sizeof(text), server);
        return err_set(err, "DNS server \"%s\" is not an IP address, or address@port", text);
    }
    snprintf(text, sizeof(text), "%.46s@%u", addr_ip_text(&addr, ip_text), (unsigned)n);
    rc = ub_ctx_set_fwd(ub, text);
    return rc == 0 ? 0 : err_set(err, "DNS server %s: %s", text, ub_strerror(rc));
}

static int set_servers(struct ub_ctx *ub, const struct dns_conf *conf, struct err *err)
{
    for (size_t i = 0; i < conf->n_servers; i++) {
        if (add_server(ub, conf->servers[i], err) < 0)
            return -1;
    }
    if (conf->n_servers == 0 && ub_ctx_resolvconf(ub, NULL) != 0)
        return err_set(err, "cannot read /etc/resolv.conf: %s", strerror(errno));
    return 0;
}

static int set_trust(struct ub_ctx *ub, const char *file, struct err *err)
{
    int rc;

    if (!file)
        return 0;
    if (access(file, R_OK) < 0)
        return err_set(err, "cannot read the DNSSEC trust anchor %s: %s", file, strerror(errno));
    rc = ub_ctx_add_ta_file(ub, file);
    return rc == 0 ? 0 : err_set(err, "DNSSEC trust anchor %s: %s", file, ub_strerror(rc));
}

static int set_up(struct ub_ctx *ub, const struct dns_conf *conf, struct err *err)
{
    static const struct {
        const char *name, *value;
    } options[] = {
        { "do-not-query-localhost:", "no" }, /* a resolver on this machine is a good one */
        { "infra-host-ttl:", "60" },         /* a server that was down is asked again after a minute */
        { "cache-max-negative-ttl:", TEXT_OF(NEGATIVE_S) },
        { "infra-keep-probing:", "yes" },
        { "outgoing-range:", "512" }, /* questions on their way at once; libraries get 16 by default */
    };
    int rc;

    ub_ctx_debugout(ub, NULL);
    if (ub_ctx_async(ub, 1) != 0)
        return err_set(err, "libunbound works without threads here");
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        (void)ub_ctx_set_option(ub, options[i].name, options[i].value); /* a version may lack one: good without */
    if (set_servers(ub, conf, err) < 0 || set_trust(ub, conf->trust_anchor_file, err) < 0)
        return -1;
    /* libunbound would answer for .test itself; laboratories have servers for it. This also completes the set-up. */
    rc = ub_ctx_zone_remove(ub, "test.");
    return rc == 0 ? 0 : err_set(err, "the settings are not accepted: %s", ub_strerror(rc));
}

struct dns *dns_new(struct loop *loop, const struct dns_conf *conf, struct err *err)
{
    struct dns *dns = calloc(1, sizeof(*dns));
    int rc;

    if (dns)
        dns->ub = ub_ctx_create();
    if (!dns || !dns->ub) {
        err_set(err, "cannot start the DNS resolver: out of memory");
        free(dns);
        return NULL;
    }
    dns->loop = loop;
    list_init(&dns->queries);
    rc = set_up(dns->ub, conf, err);
    if (rc == 0 && uv_poll_init(&loop->uv, &dns->poll, ub_fd(dns->ub)) < 0)
        rc = err_set(err, "the event loop refuses its pipe");
    if (rc < 0) {
        err_wrap(err, "cannot start the DNS resolver");
        ub_ctx_delete(dns->ub);
        free(dns);
        return NULL;
    }
    uv_poll_start(&dns->poll, UV_READABLE, on_readable);
    return dns;
}

static void on_closed(uv_handle_t *handle)
{
    free(container_of((uv_poll_t *)handle, struct dns, poll));
}

void dns_free(struct dns *dns)
{
    if (!dns)
        return;
    list_each_safe (l, tmp, &dns->queries)
        dns_cancel(container_of(l, struct dns_query, link));
    uv_close((uv_handle_t *)&dns->poll, on_closed);
    ub_ctx_delete(dns->ub);
    dns->ub = NULL;
}
