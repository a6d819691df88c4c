/* Where a route leads, as its settings say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "../store/make.h"
#include "bridge/way.h"

static void transport_and_port_are_those_of_tls_unless_the_route_says_otherwise(void **state)
{
    static const struct {
        const char *values, *first; /* NULL: no address to begin with */
        enum sip_transport transport;
    } cases[] = {
        { "next-hop=192.0.2.1", "192.0.2.1:5061", SIP_TLS },
        { "next-hop=2001:db8::1", "[2001:db8::1]:5061", SIP_TLS },
        { "next-hop=192.0.2.1:5060", "192.0.2.1:5060", SIP_TLS },
        { "next-hop=192.0.2.1:5071", "192.0.2.1:5071", SIP_TLS },
        { "transport=tls;next-hop=192.0.2.1,192.0.2.2", "192.0.2.1:5061", SIP_TLS },
        { "transport=tcp;next-hop=192.0.2.1", "192.0.2.1:5060", SIP_TCP },
        { "transport=tcp;next-hop=192.0.2.1:5061", "192.0.2.1:5061", SIP_TCP },
        { "transport=udp;next-hop=192.0.2.1", "192.0.2.1:5060", SIP_UDP },
        { "transport=any;next-hop=192.0.2.1", "192.0.2.1:5060", SIP_UDP },
        { "transport=udp;next-hop=pool.example;sources=192.0.2.0/24", NULL, SIP_UDP },
        { "next-hop=pool.example", NULL, SIP_TLS },
        { "", NULL, SIP_TLS },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct record *r = make_record(&route_kind, "office", cases[i].values);
        struct sip_destination to;
        struct sip_target first;
        struct arena arena;
        char at[ADDR_TEXT];

        arena_init(&arena, WAY_ARENA_MAX);
        assert_true(way_to(&arena, r->object, SLICE("contoso.example"), &to));
        assert_int_equal(way_first(&to, &first), cases[i].first != NULL);
        if (cases[i].first) {
            assert_string_equal(addr_text(&first.addr, at), cases[i].first);
            assert_int_equal(first.transport, cases[i].transport);
        }
        for (size_t n = 0; n < to.n_hops; n++)
            assert_true(!to.hops[n].addr.sa.sa_family || addr_port(&to.hops[n].addr));
        arena_reset(&arena);
        record_drop(r);
    }
}

/* A hop whose port is not given is the same one as that with the port that is meant. */
static void a_hop_is_known_again_by_the_port_that_is_meant(void **state)
{
    static const struct {
        const char *route, *host;
        uint16_t port;
        bool leads;
    } cases[] = {
        { "next-hop = \"192.0.2.1\"", "192.0.2.1", 5061, true },
        { "next-hop = \"192.0.2.1\"", "192.0.2.1", 5060, false },
        { "next-hop = {\"192.0.2.2\", \"2001:db8::1\"}", "[2001:db8::1]", 5061, true },
        { "next-hop = \"192.0.2.1:5060\"", "192.0.2.1", 5061, false },
        { "next-hop = \"192.0.2.1\"\n transport = udp", "192.0.2.1", 5060, true },
        { "next-hop = \"192.0.2.1\"\n transport = udp", "192.0.2.1", 5061, false },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct sip_uri uri = { .host = slice_str(cases[i].host), .port = cases[i].port };
        struct directory_conf conf = { .config = NULL };
        struct directory *d;
        struct err err;
        char text[200];

        snprintf(text, sizeof(text), "route office { %s }\nsip-domain contoso.example { route = office }\n",
                 cases[i].route);
        conf.config = make_config(text);
        d = directory_new(&conf, &err);
        assert_non_null(d);
        assert_int_equal(way_leads(d, directory_route_to(d, SLICE("contoso.example")), &uri), cases[i].leads);
        directory_drop(d);
        config_drop(conf.config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transport_and_port_are_those_of_tls_unless_the_route_says_otherwise),
        cmocka_unit_test(a_hop_is_known_again_by_the_port_that_is_meant),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
