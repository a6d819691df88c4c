/* Which names of a certificate speak for which domain. A wrong yes here lets somebody speak as somebody else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "xmpp/cert.h"

#define DNS TLS_NAME_DNS
#define SRV TLS_NAME_SRV
#define XMPP TLS_NAME_XMPP

static const struct {
    enum tls_name_kind kind;
    const char *name;
    const char *domain_a, *domain_u;
    bool covered;
} cases[] = {
    /* dNSName */
    { DNS, "example.com", "example.com", "example.com", true },
    { DNS, "EXAMPLE.com", "example.COM", "example.COM", true },
    { DNS, "example.com.", "example.com", "example.com", true },
    { DNS, "example.com", "example.com.", "example.com.", true },
    { DNS, "example.com..", "example.com", "example.com", false },
    { DNS, "example.com", "example.net", "example.net", false },
    { DNS, "example.com", "im.example.com", "im.example.com", false },
    { DNS, "im.example.com", "example.com", "example.com", false },
    { DNS, "xample.com", "example.com", "example.com", false },
    { DNS, "localhost", "localhost", "localhost", true },
    { DNS, "", "example.com", "example.com", false },
    { DNS, " example.com", "example.com", "example.com", false },
    { DNS, "xn--bcher-kva.example", "xn--bcher-kva.example", "b\u00FCcher.example", true },
    { DNS, "b\u00FCcher.example", "xn--bcher-kva.example", "b\u00FCcher.example", false }, /* IA5String */
    /* wildcards */
    { DNS, "*.example.com", "im.example.com", "im.example.com", true },
    { DNS, "*.EXAMPLE.com.", "IM.example.com", "IM.example.com", true },
    { DNS, "*.example.com", "example.com", "example.com", false },
    { DNS, "*.example.com", ".example.com", ".example.com", false },
    { DNS, "*.example.com", "a.b.example.com", "a.b.example.com", false },
    { DNS, "*.example.com", "xn--bcher-kva.example.com", "b\u00FCcher.example.com", true },
    { DNS, "*.com", "example.com", "example.com", false },
    { DNS, "*.com.", "example.com", "example.com", false },
    { DNS, "*", "localhost", "localhost", false },
    { DNS, "*.", "localhost", "localhost", false },
    { DNS, "**.example.com", "im.example.com", "im.example.com", false },
    { DNS, "i*.example.com", "im.example.com", "im.example.com", false },
    { DNS, "*m.example.com", "im.example.com", "im.example.com", false },
    { DNS, "im.*.com", "im.example.com", "im.example.com", false },
    { DNS, "*.*.com", "im.example.com", "im.example.com", false },
    { DNS, "*..com", "im.example.com", "im.example.com", false },
    /* SRVName */
    { SRV, "_xmpp-server.example.com", "example.com", "example.com", true },
    { SRV, "_XMPP-Server.Example.com", "example.com", "example.com", true },
    { SRV, "_xmpp-server.xn--bcher-kva.example", "xn--bcher-kva.example", "b\u00FCcher.example", true },
    { SRV, "_xmpp-client.example.com", "example.com", "example.com", false },
    { SRV, "_xmpp-server.im.example.com", "example.com", "example.com", false },
    { SRV, "_xmpp-server.*.example.com", "im.example.com", "im.example.com", false },
    { SRV, "_xmpp-serverexample.com", "example.com", "example.com", false },
    { SRV, "_xmpp-server.", "example.com", "example.com", false },
    { SRV, "example.com", "example.com", "example.com", false },
    { DNS, "_xmpp-server.example.com", "example.com", "example.com", false },
    /* XmppAddr */
    { XMPP, "example.com", "example.com", "example.com", true },
    { XMPP, "b\u00FCcher.Example", "xn--bcher-kva.example", "b\u00FCcher.example", true },
    { XMPP, "xn--bcher-kva.example", "xn--bcher-kva.example", "b\u00FCcher.example", true },
    { XMPP, "juliet@example.com", "example.com", "example.com", false },
    { XMPP, "example.com/server", "example.com", "example.com", false },
    { XMPP, "*.example.com", "im.example.com", "im.example.com", false },
    /* others */
    { TLS_NAME_URI, "sip:example.com", "example.com", "example.com", false },
    { TLS_NAME_URI, "example.com", "example.com", "example.com", false },
    /* addresses */
    { DNS, "192.0.2.1", "192.0.2.1", "192.0.2.1", false },
    { DNS, "*.0.2.1", "192.0.2.1", "192.0.2.1", false },
    { DNS, "[::1]", "[::1]", "[::1]", false },
    { DNS, "", "", "", false },
    { DNS, ".", ".", ".", false },
};

static void names_and_domains(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tls_name name = { cases[i].kind, slice_str(cases[i].name) };

        if (xmpp_cert_covers(&name, 1, slice_str(cases[i].domain_a), slice_str(cases[i].domain_u)) != cases[i].covered)
            fail_msg("%zu: %s for %s", i, cases[i].name, cases[i].domain_u);
    }
}

static void nul_never_matches(void **state)
{
    struct slice domain = SLICE("example.com");
    struct tls_name names[] = {
        { DNS, SLICE("example.com\0.evil.example") }, { DNS, SLICE("example.com\0") },  { DNS, SLICE("\0example.com") },
        { SRV, SLICE("_xmpp-server.example.com\0") }, { XMPP, SLICE("example.com\0") }, { DNS, { NULL, 0 } },
    };

    assert_false(xmpp_cert_covers(names, sizeof(names) / sizeof(names[0]), domain, domain));
    assert_false(xmpp_cert_covers(NULL, 0, domain, domain));
}

static void any_name_will_do(void **state)
{
    struct slice domain = SLICE("example.com");
    struct tls_name names[] = { { DNS, SLICE("other.example") }, { SRV, SLICE("_xmpp-server.example.com") } };

    assert_true(xmpp_cert_covers(names, 2, domain, domain));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_domains),
        cmocka_unit_test(nul_never_matches),
        cmocka_unit_test(any_name_will_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
