/* A request says what was asked for, and how it reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/x509.h>

#include "pki/key.h"
#include "pki/request.h"

static EVP_PKEY *key;

static int setup(void **state)
{
    struct err err = { "" };

    key = pki_key_make(PKI_P256, &err);
    return key ? 0 : -1;
}

static int teardown(void **state)
{
    EVP_PKEY_free(key);
    return 0;
}

static void names_of(struct pki_names *names, const char *const *texts)
{
    struct err err = { "" };

    pki_names_init(names);
    for (; *texts; texts++)
        assert_int_equal(pki_names_add(names, slice_str(*texts), &err), 0);
}

static void make(struct pki_request *r, const char *const *texts, struct buf *der)
{
    struct pki_names names;
    struct err err = { "" };

    names_of(&names, texts);
    r->names = &names;
    buf_init(der, PKI_REQUEST_MAX);
    assert_int_equal(pki_request_make(r, key, der, &err), 0);
    pki_names_fini(&names);
}

static void reads(struct pki_request *r, const char *const *texts, const char *expected)
{
    struct buf der, text;

    make(r, texts, &der);
    buf_init(&text, 65536);
    assert_true(pki_request_describe(&text, buf_slice(&der)));
    buf_char(&text, '\0');
    assert_string_equal(text.p, expected);
    assert_true(pki_request_is_of(buf_slice(&der), key));
    buf_free(&text);
    buf_free(&der);
}

static void a_request_reads_as_it_was_asked_for(void **state)
{
    struct pki_request r = { .subject = { .organization = SLICE("Contoso, Ltd."),
                                          .unit = SLICE("Messaging"),
                                          .country = SLICE("us"),
                                          .state = SLICE("Washington"),
                                          .locality = SLICE("Redmond") },
                             .profile = PKI_SERVER_CLIENT };

    reads(&r, (const char *const[]){ "contoso.example", "_xmpp-server.contoso.example", NULL },
          "Subject: CN=contoso.example,OU=Messaging,O=Contoso\\\\, Ltd.,L=Redmond,ST=Washington,C=US\n"
          "Key: ECDSA P-256\n"
          "Purposes: server, client\n"
          "Names:\n"
          "  DNS:contoso.example\n"
          "  SRV:_xmpp-server.contoso.example\n");
}

static void a_bare_request_has_names_and_nothing_else(void **state)
{
    struct pki_request r = { .bare = true };

    reads(&r, (const char *const[]){ "contoso.example", "_xmpp-server.contoso.example", NULL },
          "Subject: (without a name)\nKey: ECDSA P-256\nPurposes: not said\nNames:\n  DNS:contoso.example\n");
}

static void a_subject_is_checked(void **state)
{
    static const struct {
        struct pki_subject s;
        const char *fault;
    } cases[] = {
        { { .country = SLICE("DEU") }, "the country has 3 characters; a certificate takes at most 2" },
        { { .country = SLICE("D1") }, "the country is two letters, as in DE or US (ISO 3166)" },
        { { .unit = SLICE("a\nb") }, "the unit is no plain text in UTF-8" },
        { { .locality = SLICE("\xff") }, "the locality is no plain text in UTF-8" },
        { { .common_name = SLICE("0123456789012345678901234567890123456789012345678901234567890123.example") },
          "the common name has 72 characters; a certificate takes at most 64" },
        { { .organization = SLICE("B\xc3\xb6rse") }, NULL },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = { "" };

        assert_int_equal(pki_subject_check(&cases[i].s, &err), cases[i].fault ? -1 : 0);
        assert_string_equal(err.text, cases[i].fault ? cases[i].fault : "");
    }
}

static void a_request_without_names_is_none(void **state)
{
    struct pki_names names;
    struct pki_request r = { .names = &names };
    struct err err = { "" };
    struct buf der;

    pki_names_init(&names);
    buf_init(&der, PKI_REQUEST_MAX);
    assert_int_equal(pki_request_make(&r, key, &der, &err), -1);
    assert_string_equal(err.text, "a request needs a name at least");
    buf_free(&der);
}

static void what_is_no_request_is_not_described(void **state)
{
    struct pki_request r = { 0 };
    struct buf der, text;

    make(&r, (const char *const[]){ "contoso.example", NULL }, &der);
    buf_init(&text, 65536);
    for (size_t n = 0; n < der.n; n++)
        assert_false(pki_request_describe(&text, slice_first(buf_slice(&der), n)));
    buf_char(&der, 'x');
    assert_false(pki_request_describe(&text, buf_slice(&der)));
    buf_free(&text);
    buf_free(&der);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_reads_as_it_was_asked_for),
        cmocka_unit_test(a_bare_request_has_names_and_nothing_else),
        cmocka_unit_test(a_subject_is_checked),
        cmocka_unit_test(a_request_without_names_is_none),
        cmocka_unit_test(what_is_no_request_is_not_described),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
