/* From a domain to a connection: the DNS here answers from a table, the sockets are real. */
#include <stdio.h>
#include <stdlib.h>

#include "s2s_rig.h"

#include "xmpp/connect.h"

/* ---- a resolver that answers at the end of the turn ---- */

struct dns {
    struct dns_srv srv[8];
    size_t n_srv;
    enum dns_status srv_status, addrs_status;
    enum dns_status tlsa_status;
    struct dane_record tlsa[4];
    size_t n_tlsa;
    bool secure[3];    /* by kind of question */
    const char *empty; /* a name without addresses */
    char asked[1024];
};

struct dns_query {
    struct deferred d;
    struct dns *dns;
    dns_done *done;
    void *arg;
    char name[256];
    uint16_t port;
    enum { SRV, ADDRS, TLSA } kind;
};

static unsigned n_queries;

static void answer(struct deferred *d)
{
    struct dns_query *q = container_of(d, struct dns_query, d);
    struct dns *dns = q->dns;
    struct addr addrs[2];
    struct dns_answer a = { .why = "servfail" };

    a.secure = dns->secure[q->kind];
    if (q->kind == TLSA) {
        a.status = dns->tlsa_status;
        a.tlsa = dns->tlsa;
        a.n_tlsa = a.status == DNS_OK ? dns->n_tlsa : 0;
    } else if (q->kind == SRV) {
        a.status = dns->srv_status;
        a.srv = dns->srv;
        a.n_srv = a.status == DNS_OK ? dns->n_srv : 0;
    } else {
        a.status = dns->empty && strcmp(dns->empty, q->name) == 0 ? DNS_NO_DATA : dns->addrs_status;
        assert_true(addr_parse_ip(SLICE("127.0.0.1"), q->port, &addrs[0]));
        assert_true(addr_parse_ip(SLICE("224.0.0.1"), q->port, &addrs[1]));
        a.addrs = addrs;
        a.n_addrs = a.status == DNS_OK ? 2 : 0;
    }
    q->done(q->arg, &a);
    n_queries--;
    free(q);
}

static struct dns_query *ask(struct dns *dns, const char *name, uint16_t port, dns_done *done, void *arg, int kind)
{
    struct dns_query *q = calloc(1, sizeof(*q));
    size_t n = strlen(dns->asked);

    *q = (struct dns_query){ .dns = dns, .done = done, .arg = arg, .port = port, .kind = kind };
    snprintf(q->name, sizeof(q->name), "%s", name);
    snprintf(dns->asked + n, sizeof(dns->asked) - n, "%s:%u ", name, port);
    deferred_init(&q->d, answer);
    loop_defer(&rig_loop, &q->d);
    n_queries++;
    return q;
}

struct dns_query *dns_query_srv(struct dns *dns, const char *name, dns_done *done, void *arg)
{
    return ask(dns, name, 0, done, arg, SRV);
}

struct dns_query *dns_query_addrs(struct dns *dns, const char *name, uint16_t port, dns_done *done, void *arg)
{
    return ask(dns, name, port, done, arg, ADDRS);
}

struct dns_query *dns_query_tlsa(struct dns *dns, const char *host, uint16_t port, dns_done *done, void *arg)
{
    return ask(dns, host, port, done, arg, TLSA);
}

void dns_cancel(struct dns_query *q)
{
    loop_undefer(&q->d);
    n_queries--;
    free(q);
}

/* ---- */

static struct dns dns;
static struct node a;
static struct fake good;
static uint16_t good_port, dead_port;
static struct conn *got;
static struct dane *got_dane;
static enum xmpp_fate fate;
static char why[256];
static bool over;

static void on_connected(void *owner, struct conn *c, struct dane *dane)
{
    got = c;
    got_dane = dane;
    over = true;
}

static void on_failed(void *owner, enum xmpp_fate f, const char *text)
{
    fate = f;
    snprintf(why, sizeof(why), "%s", text);
    over = true;
}

static const struct xmpp_connect_ops ops = { on_connected, on_failed };

static int setup(void **state)
{
    struct xmpp_conf conf;
    struct fake dead;

    rig_setup(state);
    dns = (struct dns){ 0 };
    node_start(&a, OURS, THEIRS, CERT_OURS);
    node_conf(&conf, &a);
    conf.dns = &dns;
    fake_listen(&good, CERT_NONE);
    fake_listen(&dead, CERT_NONE);
    good_port = addr_port(listener_local(good.listener));
    dead_port = addr_port(listener_local(dead.listener));
    fake_close(&dead);
    conf.port = good_port;
    node_start_with(&a, &conf);
    got = NULL;
    got_dane = NULL;
    over = false;
    return 0;
}

static int teardown(void **state)
{
    if (got)
        conn_detach(got);
    free(got_dane);
    fake_close(&good);
    node_stop(&a);
    assert_int_equal(n_queries, 0);
    return rig_teardown(state);
}

static void srv(uint16_t priority, uint16_t weight, uint16_t port, const char *target)
{
    struct dns_srv *s = &dns.srv[dns.n_srv++];

    *s = (struct dns_srv){ .priority = priority, .weight = weight, .port = port };
    snprintf(s->target, sizeof(s->target), "%s", target);
}

static void run(const char *remote, const char *proxy)
{
    assert_non_null(xmpp_connect_start(a.x, slice_str(remote), slice_str(proxy), &ops, NULL));
    rig_until(over);
}

static void STOX_S2S_01_every_target_in_order(void **state)
{
    srv(20, 0, good_port, "b.example");
    srv(10, 0, dead_port, "a.example");
    run(THEIRS, "");
    assert_non_null(got);
    assert_non_null(strstr(dns.asked, "_xmpp-server._tcp." THEIRS ":0 a.example:"));
    assert_non_null(strstr(dns.asked, " b.example:"));
}

static void test_srv_target_without_address(void **state)
{
    srv(10, 0, dead_port, "a.example");
    srv(20, 0, good_port, "b.example");
    dns.empty = "a.example";
    run(THEIRS, "");
    assert_non_null(got);
}

static void test_all_dead(void **state)
{
    srv(10, 0, dead_port, "a.example");
    srv(20, 0, dead_port, "b.example");
    run(THEIRS, "");
    assert_null(got);
    assert_int_equal(fate, XMPP_FATE_UNREACHABLE);
    assert_null(strstr(dns.asked, " " THEIRS ":")); /* no falling back to the domain itself (6120 3.2.1) */
}

static void STOX_S2S_02_service_not_offered(void **state)
{
    srv(0, 0, 0, "");
    run(THEIRS, "");
    assert_int_equal(fate, XMPP_FATE_NO_SERVER);
    assert_null(strstr(dns.asked, " " THEIRS ":"));
}

static void STOX_S2S_03_without_srv_the_domain_itself(void **state)
{
    static const enum dns_status none[] = { DNS_NO_DATA, DNS_NO_NAME };

    for (size_t i = 0; i < 2; i++) {
        dns.srv_status = none[i];
        over = false;
        run(THEIRS, "");
        assert_non_null(got);
        conn_detach(got);
        got = NULL;
    }
}

static void test_no_such_domain(void **state)
{
    dns.srv_status = dns.addrs_status = DNS_NO_NAME;
    run(THEIRS, "");
    assert_int_equal(fate, XMPP_FATE_NO_SERVER);
    assert_string_equal(why, "DNS has no address of " THEIRS);
}

static void test_dns_fails(void **state)
{
    dns.srv_status = DNS_FAILED;
    run(THEIRS, "");
    assert_int_equal(fate, XMPP_FATE_UNREACHABLE);
    assert_non_null(strstr(why, "servfail"));
}

static void test_internationalised(void **state)
{
    dns.srv_status = DNS_NO_NAME;
    run("b\xC3\xBC"
        "cher.example",
        "");
    assert_non_null(strstr(dns.asked, "_xmpp-server._tcp.xn--bcher-kva.example:0"));
}

static void test_proxy(void **state)
{
    char text[64];

    snprintf(text, sizeof(text), "hop.example:%u", good_port);
    run(THEIRS, text);
    assert_non_null(got);
    assert_null(strstr(dns.asked, "_tcp"));
}

static void test_bad_proxy(void **state)
{
    static const char *const bad[] = { "host:0", "host:x", "host:70000", ":5269" };

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        over = false;
        run(THEIRS, bad[i]);
        assert_int_equal(fate, XMPP_FATE_UNREACHABLE);
        assert_non_null(strstr(why, "proxy setting"));
    }
}

static const struct dane_record ee = { 3, 1, 0, SLICE("a key") }, odd = { 9, 1, 0, SLICE("a key") };

static void STOX_S2S_42_records_go_with_a_secure_way(void **state)
{
    srv(10, 0, good_port, "a.example");
    dns.secure[SRV] = dns.secure[ADDRS] = dns.secure[TLSA] = true;
    dns.tlsa[0] = odd;
    dns.tlsa[1] = ee;
    dns.n_tlsa = 2;
    run(THEIRS, "");
    assert_non_null(got);
    assert_non_null(got_dane);
    assert_string_equal(got_dane->target, "a.example");
    assert_int_equal(got_dane->n, 1);
    assert_true(slice_is(got_dane->records[0].data, "a key"));
}

/* Each insecure answer on the way makes an end of it (RFC 7673 3); only the last one is asked for in vain. */
static void STOX_S2S_42_insecure_answers_say_nothing(void **state)
{
    srv(10, 0, good_port, "a.example");
    dns.tlsa[0] = ee;
    dns.n_tlsa = 1;
    for (int insecure = SRV; insecure <= TLSA; insecure++) {
        for (int i = SRV; i <= TLSA; i++)
            dns.secure[i] = i != insecure;
        dns.asked[0] = '\0';
        over = false;
        run(THEIRS, "");
        assert_non_null(got);
        conn_detach(got);
        got = NULL;
        if (insecure == TLSA)
            assert_true(got_dane && got_dane->n == 0);
        else
            assert_null(got_dane);
        free(got_dane);
        got_dane = NULL;
    }
}

/* Whoever keeps the answer back must not win by it: the next target is tried, or none. */
static void STOX_S2S_42_records_that_cannot_be_had(void **state)
{
    srv(10, 0, good_port, "a.example");
    dns.secure[SRV] = dns.secure[ADDRS] = true;
    dns.tlsa_status = DNS_FAILED;
    run(THEIRS, "");
    assert_null(got);
    assert_int_equal(fate, XMPP_FATE_UNREACHABLE);
    assert_non_null(strstr(why, "DNS cannot say whether a.example has TLSA records: servfail"));
}

static void STOX_S2S_42_without_srv_the_domain_itself(void **state)
{
    dns.srv_status = DNS_NO_DATA;
    dns.secure[SRV] = dns.secure[ADDRS] = dns.secure[TLSA] = true;
    dns.tlsa[0] = ee;
    dns.n_tlsa = 1;
    run(THEIRS, "");
    assert_non_null(got);
    assert_true(got_dane && got_dane->n == 1);
    assert_string_equal(got_dane->target, THEIRS);
}

static void STOX_S2S_42_not_for_a_next_hop_of_the_settings(void **state)
{
    char text[64];

    dns.secure[ADDRS] = dns.secure[TLSA] = true;
    snprintf(text, sizeof(text), "hop.example:%u", good_port);
    run(THEIRS, text);
    assert_non_null(got);
    assert_null(got_dane);
}

/* A domain of a partner that leads to ourselves must not make us talk to ourselves. */
static void test_never_to_ourselves(void **state)
{
    char text[ADDR_TEXT];

    run(THEIRS, addr_text(node_addr(&a), text));
    assert_null(got);
    assert_int_equal(fate, XMPP_FATE_UNREACHABLE);
}

static void test_cancel(void **state)
{
    xmpp_connect_cancel(xmpp_connect_start(a.x, SLICE(THEIRS), SLICE(""), &ops, NULL));
    xmpp_connect_cancel(xmpp_connect_start(a.x, SLICE(THEIRS), SLICE("::::"), &ops, NULL));
    rig_turns(5);
    assert_false(over);
}

/* The same through the front door: what the owner is told (STOX-S2S-08). */
static void STOX_S2S_08_fate_of_the_queue(void **state)
{
    dns.srv_status = dns.addrs_status = DNS_NO_NAME;
    assert_true(node_send(&a, 1, "x"));
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_NO_SERVER);
    rig_advance(5000);
    dns.addrs_status = DNS_FAILED;
    assert_true(node_send(&a, 2, "x"));
    assert_int_equal(node_fate(&a, 2), XMPP_FATE_UNREACHABLE);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(STOX_S2S_01_every_target_in_order),
        T(test_srv_target_without_address),
        T(test_all_dead),
        T(STOX_S2S_02_service_not_offered),
        T(STOX_S2S_03_without_srv_the_domain_itself),
        T(test_no_such_domain),
        T(test_dns_fails),
        T(test_internationalised),
        T(test_proxy),
        T(test_bad_proxy),
        T(STOX_S2S_42_records_go_with_a_secure_way),
        T(STOX_S2S_42_insecure_answers_say_nothing),
        T(STOX_S2S_42_records_that_cannot_be_had),
        T(STOX_S2S_42_without_srv_the_domain_itself),
        T(STOX_S2S_42_not_for_a_next_hop_of_the_settings),
        T(test_never_to_ourselves),
        T(test_cancel),
        T(STOX_S2S_08_fate_of_the_queue),
    };

    return cmocka_run_group_tests_name("conformance/s2s_connect", tests, NULL, NULL);
}
