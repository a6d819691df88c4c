/* The names of a request: what is one, and what is proposed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "pki/names.h"

static void a_name_is_taken_or_refused_with_its_reason(void **state)
{
    static const struct {
        const char *text, *as, *fault;
    } cases[] = {
        { "Contoso.Example", "contoso.example", NULL },
        { " contoso.example. ", "contoso.example", NULL },
        { "b\xc3\xbc"
          "cher.example",
          "xn--bcher-kva.example", NULL },
        { "_xmpp-server.contoso.example", "_xmpp-server.contoso.example", NULL },
        { "*.contoso.example", "*.contoso.example", NULL },
        { "", NULL, "\"\" is no domain name" },
        { "a b.example", NULL, "\"a b.example\" is no domain name" },
        { "anna@contoso.example", NULL, "\"anna@contoso.example\" is no domain name" },
        { "-x.example", NULL, "\"-x.example\" is no domain name" },
        { "x..example", NULL, "\"x..example\" is no domain name" },
        { "a.*.example", NULL, "\"a.*.example\" is no domain name" },
        { "x*.contoso.example", NULL, "\"x*.contoso.example\" is no domain name" },
        { "*.example", NULL, "\"*.example\" is a wildcard for all of a top-level domain, which no authority signs" },
        { "*.", NULL, "\"*\" is no domain name" },
        { "_.example", NULL,
          "\"_.example\" is no SRVName: it begins with a service, as in _xmpp-server.contoso.example" },
        { "_a b.example", NULL,
          "\"_a b.example\" is no SRVName: it begins with a service, as in _xmpp-server.contoso.example" },
        { "192.0.2.1", NULL, "\"192.0.2.1\" is an address: authorities sign names; use the name that leads to it" },
        { "2001:db8::1", NULL, "\"2001:db8::1\" is an address: authorities sign names; use the name that leads to it" },
        { "a.example\nb.example", NULL, "\"a.example\\x0ab.example\" is no domain name" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pki_names names;
        struct err err = { "" };
        int rc;

        pki_names_init(&names);
        rc = pki_names_add(&names, slice_str(cases[i].text), &err);
        assert_string_equal(err.text, cases[i].fault ? cases[i].fault : "");
        assert_int_equal(rc, cases[i].fault ? -1 : 0);
        if (cases[i].as)
            assert_true(slice_is(names.v[0], cases[i].as));
        pki_names_fini(&names);
    }
}

static void a_name_comes_once_and_can_go(void **state)
{
    struct pki_names names;
    struct err err = { "" };

    pki_names_init(&names);
    assert_int_equal(pki_names_add(&names, SLICE("a.example"), &err), 0);
    assert_int_equal(pki_names_add(&names, SLICE("b.example"), &err), 0);
    assert_int_equal(pki_names_add(&names, SLICE("A.Example."), &err), -1);
    assert_string_equal(err.text, "\"a.example\" is among the names already");
    assert_true(pki_names_remove(&names, SLICE("a.example")));
    assert_false(pki_names_remove(&names, SLICE("a.example")));
    assert_int_equal(names.n, 1);
    assert_true(slice_is(names.v[0], "b.example"));
    pki_names_fini(&names);
}

static void there_are_at_most_a_hundred_names(void **state)
{
    struct pki_names names;
    struct err err = { "" };
    char text[40];

    pki_names_init(&names);
    for (int i = 0; i < PKI_NAMES_MAX; i++) {
        snprintf(text, sizeof(text), "d%d.example", i);
        assert_int_equal(pki_names_add(&names, slice_str(text), &err), 0);
    }
    assert_int_equal(pki_names_add(&names, SLICE("more.example"), &err), -1);
    assert_string_equal(err.text, "a certificate has at most 100 names here");
    pki_names_fini(&names);
}

static void check_proposal(const struct pki_proposal *p, const char *const *expected, size_t n)
{
    struct pki_names names;
    struct err err = { "" };

    pki_names_init(&names);
    assert_int_equal(pki_names_propose(&names, p, &err), 0);
    assert_int_equal(names.n, n);
    for (size_t i = 0; i < n; i++)
        assert_true(slice_is(names.v[i], expected[i]));
    pki_names_fini(&names);
}

static void each_use_has_its_proposal(void **state)
{
    const struct slice domains[] = { SLICE("contoso.example"), SLICE("fabrikam.example") };
    const struct slice ticked[] = { SLICE("contoso.example") };
    struct pki_proposal p = { .use = PKI_USE_FEDERATION,
                              .domains = domains,
                              .n_domains = 2,
                              .sip_domains = ticked,
                              .n_sip_domains = 1,
                              .host_name = SLICE("edge.contoso.example") };

    check_proposal(&p,
                   (const char *const[]){ "contoso.example", "fabrikam.example", "sip.contoso.example",
                                          "_xmpp-server.contoso.example", "_xmpp-server.fabrikam.example" },
                   5);
    p.use = PKI_USE_SIP;
    check_proposal(&p, (const char *const[]){ "edge.contoso.example", "sip.contoso.example" }, 2);
    p.use = PKI_USE_ADMIN;
    p.n_sip_domains = 0;
    check_proposal(&p, (const char *const[]){ "edge.contoso.example" }, 1);
    p.host_name = SLICE("192.0.2.1");
    check_proposal(&p, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_taken_or_refused_with_its_reason),
        cmocka_unit_test(a_name_comes_once_and_can_go),
        cmocka_unit_test(there_are_at_most_a_hundred_names),
        cmocka_unit_test(each_use_has_its_proposal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
