#include "connect_rig.h"

#include <stdio.h>
#include <stdlib.h>

struct dns_query {
    struct deferred d;
    struct dns *dns;
    dns_done *done;
    void *arg;
    char name[256];
    uint16_t port;
    enum connect_question kind;
};

struct dns names;
struct node a;
struct fake good;
uint16_t good_port, dead_port;
struct conn *got;
struct dane *got_dane;
bool got_direct;
enum xmpp_fate fate;
char why[1024];
bool over;

static unsigned n_queries;
static struct xmpp_connect *setup;
static struct addr_net networks;

static size_t addresses(const struct dns *dns, uint16_t port, struct addr *out)
{
    size_t n = 0;

    for (; n < sizeof(dns->addrs) / sizeof(dns->addrs[0]) && dns->addrs[n]; n++)
        assert_true(addr_parse_ip(slice_str(dns->addrs[n]), port, &out[n]));
    return n;
}

/* At the end of the turn. */
static void answer(struct deferred *d)
{
    struct dns_query *q = container_of(d, struct dns_query, d);
    struct dns *dns = q->dns;
    struct addr addrs[4];
    struct dns_answer found = { .why = "servfail" };

    found.secure = dns->secure[q->kind];
    if (q->kind == CONNECT_TLSA) {
        found.status = dns->tlsa_status;
        found.tlsa = dns->tlsa;
        found.n_tlsa = found.status == DNS_OK ? dns->n_tlsa : 0;
    } else if (q->kind == CONNECT_SRV && strncmp(q->name, "_xmpps-", 7) == 0) {
        found.status = dns->direct_status;
        found.srv = dns->direct;
        found.n_srv = found.status == DNS_OK ? dns->n_direct : 0;
    } else if (q->kind == CONNECT_SRV) {
        found.status = dns->srv_status;
        found.srv = dns->srv;
        found.n_srv = found.status == DNS_OK ? dns->n_srv : 0;
    } else {
        found.status = dns->empty && strcmp(dns->empty, q->name) == 0 ? DNS_NO_DATA : dns->addrs_status;
        found.addrs = addrs;
        found.n_addrs = found.status == DNS_OK ? addresses(dns, q->port, addrs) : 0;
    }
    q->done(q->arg, &found);
    if (q->kind == CONNECT_ADDRS && dns->answered)
        dns->answered();
    n_queries--;
    free(q);
}

static struct dns_query *ask(struct dns *dns, const char *name, uint16_t port, dns_done *done, void *arg,
                             enum connect_question kind)
{
    struct dns_query *q = calloc(1, sizeof(*q));
    size_t n = strlen(dns->asked);

    *q = (struct dns_query){ .dns = dns, .done = done, .arg = arg, .port = port, .kind = kind };
    snprintf(q->name, sizeof(q->name), "%s", name);
    snprintf(dns->asked + n, sizeof(dns->asked) - n, "%s:%u ", name, port);
    deferred_init(&q->d, answer);
    if (!dns->mute || !strstr(name, dns->mute))
        loop_defer(&rig_loop, &q->d);
    n_queries++;
    return q;
}

struct dns_query *dns_query_srv(struct dns *dns, const char *name, dns_done *done, void *arg)
{
    return ask(dns, name, 0, done, arg, CONNECT_SRV);
}

struct dns_query *dns_query_addrs(struct dns *dns, const char *name, uint16_t port, dns_done *done, void *arg)
{
    return ask(dns, name, port, done, arg, CONNECT_ADDRS);
}

struct dns_query *dns_query_tlsa(struct dns *dns, const char *host, uint16_t port, dns_done *done, void *arg)
{
    return ask(dns, host, port, done, arg, CONNECT_TLSA);
}

void dns_cancel(struct dns_query *q)
{
    loop_undefer(&q->d);
    n_queries--;
    free(q);
}

static void on_connected(void *owner, struct conn *c, struct dane *dane, bool direct)
{
    got = c;
    got_direct = direct;
    got_dane = dane;
    over = true;
}

static void on_failed(void *owner, enum xmpp_fate f, const char *text)
{
    setup = NULL;
    fate = f;
    snprintf(why, sizeof(why), "%s", text);
    over = true;
}

const struct xmpp_connect_ops connect_ops = { on_connected, on_failed };

void connect_networks(const char *net)
{
    struct xmpp_limits limits = a.x->conf.limits;

    if (net)
        assert_true(addr_net_parse(slice_str(net), &networks));
    limits.partner_networks = &networks;
    limits.n_partner_networks = net != NULL;
    xmpp_set_limits(a.x, &limits);
}

int connect_setup(void **state)
{
    struct xmpp_conf conf;
    struct fake dead;

    rig_setup(state);
    names = (struct dns){ .direct_status = DNS_NO_NAME, .addrs = { "127.0.0.1", "224.0.0.1" } };
    node_start(&a, OURS, THEIRS, CERT_OURS);
    node_conf(&conf, &a);
    conf.dns = &names;
    fake_listen(&good, CERT_NONE);
    fake_listen(&dead, CERT_NONE);
    good_port = addr_port(listener_local(good.listener));
    dead_port = addr_port(listener_local(dead.listener));
    fake_close(&dead);
    conf.port = good_port;
    node_start_with(&a, &conf);
    connect_networks("127.0.0.0/8");
    got = NULL;
    got_dane = NULL;
    over = false;
    return 0;
}

int connect_teardown(void **state)
{
    xmpp_connect_cancel(setup);
    setup = NULL;
    if (got)
        conn_detach(got);
    free(got_dane);
    fake_close(&good);
    node_stop(&a);
    assert_int_equal(n_queries, 0);
    return rig_teardown(state);
}

void connect_direct(uint16_t priority, uint16_t weight, uint16_t port, const char *target)
{
    struct dns_srv *s = &names.direct[names.n_direct++];

    names.direct_status = DNS_OK;
    *s = (struct dns_srv){ .priority = priority, .weight = weight, .port = port };
    snprintf(s->target, sizeof(s->target), "%s", target);
}

void connect_srv(uint16_t priority, uint16_t weight, uint16_t port, const char *target)
{
    struct dns_srv *s = &names.srv[names.n_srv++];

    *s = (struct dns_srv){ .priority = priority, .weight = weight, .port = port };
    snprintf(s->target, sizeof(s->target), "%s", target);
}

static void forget(void)
{
    if (got)
        conn_detach(got);
    free(got_dane);
    got = NULL;
    got_dane = NULL;
    over = false;
}

void connect_run(const char *remote, const char *proxy)
{
    const struct xmpp_connect_to to = { .remote = slice_str(remote), .proxy = slice_str(proxy) };

    forget();
    xmpp_connect_cancel(setup);
    setup = xmpp_connect_start(a.x, &to, &connect_ops, NULL, NULL);
    assert_non_null(setup);
    rig_until(over);
}

void connect_again(void)
{
    forget();
    xmpp_connect_next(setup);
    rig_until(over);
}
