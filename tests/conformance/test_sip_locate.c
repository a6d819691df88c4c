/* RFC 3263: which servers a destination comes to, and in which order (STOX-SIP-52). DNS is scripted. */
#include "../unit/sip/names.h"

/* "udp 192.0.2.1:5060, tls 192.0.2.2:5061 a.example.org" */
static void list(const struct sip_targets *t, char *out, size_t size)
{
    size_t at = 0;

    out[0] = '\0';
    for (size_t i = 0; t && i < t->n; i++) {
        const struct sip_target *to = &t->v[i].target;
        char text[ADDR_TEXT];

        at += (size_t)snprintf(out + at, size - at, "%s%s %s%s%s", i ? ", " : "", sip_transport_name(to->transport),
                               addr_text(&to->addr, text), to->host[0] ? " " : "", to->host);
    }
}

struct found {
    unsigned n;
    enum sip_fault fault;
    char text[2000];
};

static void on_located(void *arg, struct sip_targets *t, enum sip_fault fault, const char *why)
{
    struct found *found = arg;

    found->n++;
    found->fault = fault;
    list(t, found->text, sizeof(found->text));
}

/* hops: "a.example.org:5070 192.0.2.1", each an address or a name. */
static struct sip_destination destination(const char *domain, const char *hops, unsigned transports)
{
    static struct addr_host v[SIP_HOPS_MAX];
    struct sip_destination to = { .route = SLICE("office"), .domain = slice_str(domain), .transports = transports };
    struct slice rest = slice_str(hops), one, port;
    uint64_t n;

    to.hops = v;
    while (rest.n) {
        struct addr_host *h = &v[to.n_hops++];

        slice_cut(rest, ' ', &one, &rest);
        *h = (struct addr_host){ .port = 0 };
        if (addr_parse(one, 5060, &h->addr))
            continue;
        h->addr.sa.sa_family = AF_UNSPEC;
        if (slice_cut(one, ':', &h->name, &port) && slice_u64(port, 65535, &n))
            h->port = (uint16_t)n;
    }
    return to;
}

static void locate(struct fake *f, const struct sip_destination *to, struct found *found)
{
    *found = (struct found){ .n = 0 };
    assert_non_null(sip_locate(f->sip, to, on_located, found));
    assert_int_equal(found->n, 0);
    names_pass(f, 20);
    assert_int_equal(found->n, 1);
}

#define ZONE(...)                                                                                                      \
    (const char *const[])                                                                                              \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
    }
#define ANY SIP_MAY_ANY
#define UDP SIP_MAY(SIP_UDP)
#define TCP SIP_MAY(SIP_TCP)
#define TLS SIP_MAY(SIP_TLS)

static const char *const full[] = {
    "NAPTR full.example 50 50 sips+d2t _sips._tcp.full.example",
    "NAPTR full.example 90 50 sip+d2t _sip._tcp.full.example",
    "NAPTR full.example 100 50 sip+d2u _sip._udp.full.example",
    "NAPTR full.example 10 50 smtp+d2t _smtp._tcp.full.example",
    "SRV _sips._tcp.full.example 1 0 5061 a.full.example",
    "SRV _sips._tcp.full.example 2 0 5062 b.full.example",
    "SRV _sip._tcp.full.example 1 0 5060 a.full.example",
    "SRV _sip._udp.full.example 1 0 5060 b.full.example",
    "A a.full.example 8.8.0.1",
    "A b.full.example 2a00::2",
    "A b.full.example 8.8.0.2",
    "SRV _sip._udp.srv.example 5 0 5080 a.full.example",
    "SRV _sip._tcp.srv.example 5 0 5081 a.full.example",
    "A plain.example 8.8.0.9",
    "SRV _sip._udp.dot.example 0 0 0 .",
    "A dot.example 8.8.0.9",
    "SRV _sip._udp.gone.example 0 0 5060 nowhere.example",
    "NAPTR text.example 1 1 e2u+sip x.example",
    "SRV _sip._udp.private.example 0 0 5060 inside.example",
    "A inside.example 10.1.2.3",
    "SRV _sip._udp.smtp.example 0 0 25 a.full.example",
    "SRV _sip._udp.half.example 0 0 5060 nowhere.example",
    "SRV _sip._udp.half.example 1 0 5060 a.full.example",
    "SRV _sip._udp.loop.example 0 0 5060 local.example",
    "A local.example 127.0.0.1",
};

static const struct {
    const char *domain, *hops;
    unsigned transports;
    const char *targets;
    enum sip_fault fault;
} cases[] = {
    /* An address: the transport that is allowed, UDP of several. */
    { "full.example", "192.0.2.1", UDP, "udp 192.0.2.1:5060", SIP_FAULT_NONE },
    { "full.example", "192.0.2.1:5070", TCP, "tcp 192.0.2.1:5070", SIP_FAULT_NONE },
    { "full.example", "192.0.2.1", ANY, "udp 192.0.2.1:5060", SIP_FAULT_NONE },
    { "full.example", "[2001:db8::1]:5061", TLS, "tls [2001:db8::1]:5061 full.example", SIP_FAULT_NONE },
    { "full.example", "192.0.2.1 192.0.2.2:5070", UDP, "udp 192.0.2.1:5060, udp 192.0.2.2:5070", SIP_FAULT_NONE },
    /* A name with a port: neither NAPTR nor SRV. */
    { "x.example", "a.full.example:5099", UDP, "udp 8.8.0.1:5099", SIP_FAULT_NONE },
    { "x.example", "full.example:5099", UDP, "", SIP_FAULT_DNS_NO_SERVER },
    { "x.example", "b.full.example:5099", ANY, "udp [2a00::2]:5099, udp 8.8.0.2:5099", SIP_FAULT_NONE },
    { "x.example", "a.full.example:5061", TLS, "tls 8.8.0.1:5061 a.full.example", SIP_FAULT_NONE },
    /* A name alone, one transport: SRV without NAPTR. */
    { "x.example", "full.example", TCP, "tcp 8.8.0.1:5060", SIP_FAULT_NONE },
    { "x.example", "plain.example", TCP, "tcp 8.8.0.9:5060", SIP_FAULT_NONE },
    { "x.example", "plain.example", TLS, "tls 8.8.0.9:5061 plain.example", SIP_FAULT_NONE },
    { "x.example", "inside.example", UDP, "udp 10.1.2.3:5060", SIP_FAULT_NONE },
    /* A domain: NAPTR by its order, SRV, addresses. */
    { "full.example", "", ANY,
      "tls 8.8.0.1:5061 full.example, tls [2a00::2]:5062 full.example, tls 8.8.0.2:5062 full.example, tcp "
      "8.8.0.1:5060, "
      "udp [2a00::2]:5060, udp 8.8.0.2:5060",
      SIP_FAULT_NONE },
    { "full.example", "", UDP | TCP, "tcp 8.8.0.1:5060, udp [2a00::2]:5060, udp 8.8.0.2:5060", SIP_FAULT_NONE },
    { "full.example", "", TLS,
      "tls 8.8.0.1:5061 full.example, tls [2a00::2]:5062 full.example, tls 8.8.0.2:5062 full.example", SIP_FAULT_NONE },
    /* Without NAPTR records, or with others: SRV for each, TLS first. */
    { "srv.example", "", ANY, "tcp 8.8.0.1:5081, udp 8.8.0.1:5080", SIP_FAULT_NONE },
    { "text.example", "", ANY, "", SIP_FAULT_DNS_NO_SERVER },
    /* Without SRV records: the name itself. */
    { "plain.example", "", ANY, "udp 8.8.0.9:5060", SIP_FAULT_NONE },
    { "plain.example", "", TLS, "tls 8.8.0.9:5061 plain.example", SIP_FAULT_NONE },
    { "dot.example", "", UDP, "", SIP_FAULT_DNS_NOT_OFFERED },
    { "gone.example", "", UDP, "", SIP_FAULT_DNS_NO_SUCH_HOST },
    { "half.example", "", UDP, "udp 8.8.0.1:5060", SIP_FAULT_NONE },
    { "missing.example", "", ANY, "", SIP_FAULT_DNS_NO_NAME },
    /* Where no name of a domain may lead. */
    { "private.example", "", UDP, "", SIP_FAULT_NOT_ALLOWED },
    { "smtp.example", "", UDP, "", SIP_FAULT_NOT_ALLOWED },
    { "loop.example", "", UDP, "", SIP_FAULT_NOT_ALLOWED },
};

static void STOX_SIP_52_what_a_destination_comes_to(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fake *f = names_new();
        struct sip_destination to = destination(cases[i].domain, cases[i].hops, cases[i].transports);
        struct found found;

        names_zone(full, sizeof(full) / sizeof(full[0]));
        locate(f, &to, &found);
        if (strcmp(found.text, cases[i].targets) != 0 || found.fault != cases[i].fault)
            fail_msg("%s via \"%s\": %s (%s)", cases[i].domain, cases[i].hops, found.text, sip_fault_name(found.fault));
        fake_free(f);
    }
}

static void STOX_SIP_52_a_domain_may_lead_to_its_sources(void **state)
{
    struct fake *f = names_new();
    struct sip_destination to = destination("private.example", "", UDP);
    struct addr_net inside;
    struct found found;

    assert_true(addr_net_parse(SLICE("10.1.0.0/16"), &inside));
    to.networks = &inside;
    to.n_networks = 1;
    names_zone(full, sizeof(full) / sizeof(full[0]));
    locate(f, &to, &found);
    assert_string_equal(found.text, "udp 10.1.2.3:5060");
    fake_free(f);
}

/* Both families of one server, IPv6 first, and an address in brackets. */
static void STOX_SIP_59_both_families_of_a_server(void **state)
{
    struct fake *f = names_new();
    struct sip_destination to = destination("x.example", "b.full.example:5062 [2001:db8::5]", TCP);
    struct found found;

    names_zone(full, sizeof(full) / sizeof(full[0]));
    locate(f, &to, &found);
    assert_string_equal(found.text, "tcp [2a00::2]:5062, tcp 8.8.0.2:5062, tcp [2001:db8::5]:5060");
    fake_free(f);
}

static void STOX_SIP_52_weights_are_drawn_for_each_request(void **state)
{
    static const char *const zone[] = { "SRV _sip._udp.draw.example 1 10 5060 a.draw.example",
                                        "SRV _sip._udp.draw.example 1 90 5060 b.draw.example",
                                        "SRV _sip._udp.draw.example 2 0 5060 c.draw.example",
                                        "A a.draw.example 8.8.0.1",
                                        "A b.draw.example 8.8.0.2",
                                        "A b.draw.example 8.8.0.3",
                                        "A c.draw.example 8.8.0.4" };
    struct fake *f = names_new();
    struct sip_destination to = destination("draw.example", "", UDP);
    unsigned first[4] = { 0 };
    struct sip_targets *t;
    struct found found;

    names_zone(zone, 7);
    locate(f, &to, &found);
    t = sip_located(f->sip, &to);
    assert_non_null(t);
    for (unsigned i = 0; i < 500; i++) {
        uint8_t order[SIP_TARGETS_MAX];

        assert_int_equal(sip_targets_order(f->sip, t, order), 4);
        first[order[0]]++;
        assert_int_equal(order[3], 3);
        for (unsigned k = 0; k < 3; k++) /* the addresses of one server stay together, in their order */
            if (order[k] == 1)
                assert_int_equal(order[k + 1], 2);
    }
    assert_in_range(first[0], 1, 150);
    assert_int_equal(first[0] + first[1], 500);
    sip_targets_drop(t);
    fake_free(f);
}

static void answers_are_kept_for_their_time(void **state)
{
    struct fake *f = names_new();
    struct sip_destination to = destination("plain.example", "", UDP);
    struct found found;
    unsigned asked;

    names_zone(full, sizeof(full) / sizeof(full[0]));
    locate(f, &to, &found);
    asked = names.n_asked;
    names_pass(f, 50000);
    sip_targets_drop(sip_located(f->sip, &to));
    locate(f, &to, &found);
    assert_int_equal(names.n_asked, asked);
    names_pass(f, 10000);
    assert_null(sip_located(f->sip, &to));
    locate(f, &to, &found);
    assert_int_equal(names.n_asked, 2 * asked);
    fake_free(f);
}

/* DNS goes away: what was known goes on for an hour, and questions are asked ever more rarely. */
static void what_was_known_outlives_dns(void **state)
{
    struct fake *f = names_new();
    struct sip_destination to = destination("plain.example", "", UDP);
    struct found found;
    unsigned asked;

    names_zone(full, sizeof(full) / sizeof(full[0]));
    locate(f, &to, &found);
    names.away = true;
    names_pass(f, 61000);
    for (unsigned i = 0; i < 40; i++) {
        locate(f, &to, &found);
        assert_string_equal(found.text, "udp 8.8.0.9:5060");
        names_pass(f, 10000);
    }
    asked = names.n_asked;
    assert_in_range(asked, 6, 40);
    names_pass(f, 3600000);
    locate(f, &to, &found);
    assert_int_equal(found.fault, SIP_FAULT_DNS_FAILED);
    assert_string_equal(found.text, "");
    names.away = false;
    names_pass(f, 61000);
    locate(f, &to, &found);
    assert_string_equal(found.text, "udp 8.8.0.9:5060");
    fake_free(f);
}

/* A resolver that is silent holds up nobody who knows where to go; who knows nothing waits for it. */
static void a_silent_resolver_is_not_waited_for(void **state)
{
    struct fake *f = names_new();
    struct sip_destination to = destination("plain.example", "", UDP);
    struct found found;

    names_zone(full, sizeof(full) / sizeof(full[0]));
    locate(f, &to, &found);
    names.mute = true;
    names_pass(f, 61000);
    found.n = 0;
    assert_non_null(sip_locate(f->sip, &to, on_located, &found));
    names_pass(f, SIP_LOCATE_PATIENCE_MS - 100);
    assert_int_equal(found.n, 0);
    names_pass(f, 200);
    assert_int_equal(found.n, 1);
    assert_string_equal(found.text, "udp 8.8.0.9:5060");
    to = destination("srv.example", "", UDP);
    found.n = 0;
    assert_non_null(sip_locate(f->sip, &to, on_located, &found));
    names_pass(f, 30000);
    assert_int_equal(found.n, 0);
    fake_free(f);
}

static void what_dns_denies_is_forgotten(void **state)
{
    struct fake *f = names_new();
    struct sip_destination to = destination("plain.example", "", UDP);
    struct found found;

    names_zone(full, sizeof(full) / sizeof(full[0]));
    locate(f, &to, &found);
    names_zone(full, 0);
    names_pass(f, 61000);
    locate(f, &to, &found);
    assert_int_equal(found.fault, SIP_FAULT_DNS_NO_NAME);
    fake_free(f);
}

static void a_lookup_can_be_taken_back(void **state)
{
    struct fake *f = names_new();
    struct sip_destination to = destination("plain.example", "", UDP);
    struct found found = { .n = 0 };
    struct sip_lookup *l;

    names_zone(full, sizeof(full) / sizeof(full[0]));
    l = sip_locate(f->sip, &to, on_located, &found);
    assert_non_null(sip_locate(f->sip, &to, on_located, &found));
    sip_locate_cancel(l);
    sip_locate_cancel(NULL);
    names_pass(f, 50);
    assert_int_equal(found.n, 1);
    assert_non_null(sip_locate(f->sip, &to, on_located, &found)); /* the stack ends before its turn */
    fake_free(f);
}

static void the_oldest_destination_is_forgotten(void **state)
{
    struct fake *f = names_new();
    char domain[40];

    for (unsigned i = 0; i < SIP_LOCATED_MAX + 50; i++) {
        struct sip_destination to;

        snprintf(domain, sizeof(domain), "d%u.example", i);
        to = destination(domain, "192.0.2.1", UDP);
        assert_null(sip_located(f->sip, &to));
    }
    assert_in_range(f->sip->locator.entries.n, SIP_LOCATED_MAX, SIP_LOCATED_MAX + 1);
    fake_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(STOX_SIP_52_what_a_destination_comes_to),
        cmocka_unit_test(STOX_SIP_52_a_domain_may_lead_to_its_sources),
        cmocka_unit_test(STOX_SIP_52_weights_are_drawn_for_each_request),
        cmocka_unit_test(STOX_SIP_59_both_families_of_a_server),
        cmocka_unit_test(answers_are_kept_for_their_time),
        cmocka_unit_test(what_was_known_outlives_dns),
        cmocka_unit_test(a_silent_resolver_is_not_waited_for),
        cmocka_unit_test(what_dns_denies_is_forgotten),
        cmocka_unit_test(a_lookup_can_be_taken_back),
        cmocka_unit_test(the_oldest_destination_is_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
