/* The configuration: what is accepted, and the sentence for what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/config.h"

#define HEAD "state-dir = \"/tmp/x\"\nhost-name = gw.contoso.example\n"
#define ROUTE "route office { next-hop = \"192.0.2.10\" }\n"
#define DOMAIN "sip-domain contoso.example { route = office }\n"
#define GOOD HEAD ROUTE DOMAIN

static struct config *read_text(const char *text, struct err *err)
{
    char path[] = "/tmp/stox-config-XXXXXX";
    int fd = mkstemp(path);
    struct config *c;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    c = config_read(path, NULL, err);
    unlink(path);
    return c;
}

static void a_small_file_has_all_defaults(void **state)
{
    struct err err;
    struct config *c = read_text(GOOD "partner fabrikam.example { }\n", &err);

    assert_non_null(c);
    assert_int_equal(c->gateway.connection_limit, 1000);
    assert_int_equal(c->gateway.partner_connection_limit, 20);
    assert_int_equal(c->gateway.keepalive_s, 300);
    assert_int_equal(c->gateway.establish_s, 60);
    assert_int_equal(c->gateway.inactivity_s, 600);
    assert_int_equal(c->gateway.subscription_refresh_s, 28800);
    assert_int_equal(c->gateway.hold_s, 20);
    assert_false(c->gateway.log_bodies);
    assert_int_equal(c->n_partners, 1);
    assert_int_equal(c->partners[0].type, PARTNER_PUBLIC_UNVERIFIED);
    assert_int_equal(c->partners[0].tls, XMPP_REQUIRED);
    assert_int_equal(c->partners[0].sasl, XMPP_REQUIRED);
    assert_true(c->partners[0].dialback);
    assert_true(c->partners[0].keep_alive);
    assert_ptr_equal(c->sip_domains[0].route, &c->routes[0]);
    assert_int_equal(addr_port(&c->routes[0].next_hop), 5060);
    config_free(c);
}

static void every_setting_can_be_written(void **state)
{
    struct err err;
    struct config *c = read_text(
        HEAD
        "log-level = debug\nlisten-sip-udp = {\"192.0.2.1\", \"[2001:db8::1]:5070\"}\nlisten-xmpp = {\"0.0.0.0\"}\n"
        "dns-servers = {\"127.0.0.1\"}\ngateway { connection-limit = 1200\n hold-time = 15 log-message-bodies = yes"
        " pager-type = chat }\n"
        "route a { next-hop = \"192.0.2.10:5080\" transport = tcp sources = {\"192.0.2.0/24\", \"2001:db8::5\"} }\n"
        "sip-domain \"b\xc3\xbc"
        "cher.example\" { route = a certificate = \"/c.pem\" key = \"/k.pem\" }\n"
        "partner Fabrikam.Example. { additional-domains = {\"xn--bcher-kva.test\", \"more.example\"}\n"
        " type = federated tls = optional sasl = not-supported dialback = yes keep-alive = no"
        " connection-limit = 7 proxy = \"xmpp.fabrikam.example:5270\" description = \"Fabrikam Ltd\" }\n",
        &err);

    if (!c)
        fail_msg("%s", err.text);
    assert_int_equal(c->boot.log_level, LOG_LEVEL_DEBUG);
    assert_int_equal(c->boot.sip_udp.n, 2);
    assert_int_equal(addr_port(&((struct addr *)c->boot.sip_udp.v)[1]), 5070);
    assert_int_equal(addr_port(&((struct addr *)c->boot.xmpp.v)[0]), 5269);
    assert_int_equal(c->gateway.connection_limit, 1200);
    assert_true(c->gateway.log_bodies);
    assert_int_equal(c->gateway.pager_type, PAGER_CHAT);
    assert_int_equal(c->routes[0].sources.n, 2);
    assert_int_equal(c->routes[0].transport, ROUTE_TCP);
    assert_true(slice_is(c->sip_domains[0].name, "b\xc3\xbc"
                                                 "cher.example"));
    assert_true(slice_is(c->partners[0].name, "fabrikam.example"));
    assert_true(slice_is(((struct slice *)c->partners[0].additional_domains.v)[0], "b\xc3\xbc"
                                                                                   "cher.test"));
    assert_true(slice_is(c->partners[0].proxy, "xmpp.fabrikam.example:5270"));
    assert_int_equal(c->partners[0].connection_limit, 7);
    assert_false(c->partners[0].keep_alive);
    config_free(c);
}

static void faults_are_named(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        { "", "state-dir is missing" },
        { "state-dir = \"/tmp/x\"\n", "host-name is missing" },
        { HEAD, "no sip-domain is declared" },
        { HEAD DOMAIN, "there is no route \"office\"" },
        { HEAD "route office { }\n" DOMAIN, "route \"office\": next-hop is missing" },
        { HEAD "route office { next-hop = \"somewhere\" }\n" DOMAIN, "\"somewhere\" is not an address" },
        { HEAD "route office { next-hop = \"224.0.0.1\" }\n" DOMAIN, "not an address of one machine" },
        { GOOD "gateway { hold-time = 99 }\n", "gateway: hold-time: 99 is not in 4..28 s" },
        { GOOD "gateway { hold-time = soon }\n", "\"soon\" is not a number" },
        { GOOD "gateway { hold-tme = 9 }\n", "did you mean \"hold-time\"?" },
        { GOOD "gateway { zzzzzzzzzzzzz = 9 }\n", "there is no setting \"zzzzzzzzzzzzz\" here" },
        { GOOD "partner fabrikam.example { tls = maybe }\n",
          "partner \"fabrikam.example\": tls: \"maybe\" is not one of required, optional, not-supported" },
        { GOOD "partner fabrikam.example { dialback = perhaps }\n", "\"perhaps\" is neither yes nor no" },
        { GOOD "partner fabrikam.example { tls = not-supported sasl = not-supported dialback = no }\n", "dialback" },
        { GOOD "partner contoso.example { }\n", "declared twice" },
        { GOOD "partner a.example { additional-domains = {b.example} }\npartner b.example { }\n", "declared twice" },
        { GOOD "partner \"not a domain\" { }\n", "is not a domain name" },
        { GOOD "partner a.example = 5\n", "line 5" },
        { HEAD ROUTE "sip-domain contoso.example { route = office certificate = \"/c.pem\" }\n", "key is missing" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = { "" };
        struct config *c = read_text(cases[i].text, &err);

        if (c || !strstr(err.text, cases[i].says))
            fail_msg("case %zu: expected \"%s\", got \"%s\"", i, cases[i].says, c ? "accepted" : err.text);
    }
}

static void a_file_that_is_not_there_is_named(void **state)
{
    struct err err = { "" };

    assert_null(config_read("/nonexistent/stox.conf", NULL, &err));
    assert_non_null(strstr(err.text, "/nonexistent/stox.conf"));
    assert_non_null(strstr(err.text, "No such file"));
}

/* All 18 rows of lync-gateway.md 2.2 through the configuration: 5 are refused. */
static void five_rows_of_the_matrix_are_refused(void **state)
{
    static const char *const needs[] = { "required", "optional", "not-supported" };
    unsigned refused = 0;

    for (unsigned i = 0; i < 18; i++) {
        char text[512];
        struct err err;
        struct config *c;

        snprintf(text, sizeof(text), GOOD "partner f.example { tls = %s sasl = %s dialback = %s }\n", needs[i % 3],
                 needs[i / 3 % 3], i / 9 ? "yes" : "no");
        c = read_text(text, &err);
        refused += c == NULL;
        config_free(c);
    }
    assert_int_equal(refused, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_file_has_all_defaults),
        cmocka_unit_test(every_setting_can_be_written),
        cmocka_unit_test(faults_are_named),
        cmocka_unit_test(a_file_that_is_not_there_is_named),
        cmocka_unit_test(five_rows_of_the_matrix_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
