/* Certificates that the store keeps, in the directory: opened when they are another, taken over otherwise, and what becomes of bad ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "../net/test_certs.h"
#include "../store/make.h"
#include "bridge/directory.h"
#include "net/tls_priv.h"
#include "pki/key.h"
#include "store/certificate.h"

static struct tls *tls;
static struct pki_vault *vault, *other_vault;

static int begin(void **state)
{
    static const uint8_t kek[PKI_VAULT_KEY] = { 1 }, other[PKI_VAULT_KEY] = { 2 };
    struct err err;

    tls = tls_new(&err);
    vault = pki_vault_new(kek, &err);
    other_vault = pki_vault_new(other, &err);
    return tls && vault && other_vault ? 0 : -1;
}

static int end(void **state)
{
    tls_free(tls);
    pki_vault_free(vault);
    pki_vault_free(other_vault);
    return 0;
}

static struct edit edit_of(const struct setting_kind *kind, const char *setting, const struct slice *text)
{
    return (struct edit){ .setting = setting_find(kind, slice_str(setting)), .op = EDIT_SET, .texts = text, .n = 1 };
}

/* The record of a certificate with its key sealed under this name. */
static struct record *stored(const char *name, const struct cert_spec *spec, uint64_t revision)
{
    struct cert c = cert_make(spec, NULL);
    STACK_OF(X509) *chain = sk_X509_new_null();
    struct slice chain_text, key_text;
    struct edit edits[2];
    struct buf text, sealed;
    struct err err = { "" };
    struct record *r;

    buf_init(&text, CERTIFICATE_CHAIN_MAX);
    buf_init(&sealed, PKI_SEALED_MAX);
    sk_X509_push(chain, c.x);
    assert_true(pki_chain_write(&text, chain));
    assert_int_equal(pki_vault_seal(vault, c.key, slice_str(name), &sealed, &err), 0);
    chain_text = buf_slice(&text);
    key_text = buf_slice(&sealed);
    edits[0] = edit_of(&certificate_kind, "chain", &chain_text);
    edits[1] = edit_of(&certificate_kind, "key", &key_text);
    r = record_make(&certificate_kind, slice_str(name), NULL, edits, 2, NULL, &err);
    assert_string_equal(err.text, "");
    r->revision = revision;
    sk_X509_free(chain);
    buf_free(&text);
    pki_wipe(&sealed);
    cert_free(&c);
    return r;
}

/* One domain, which shows the certificate edge, in this state of it (NULL: there is none). */
static struct config *config_with(struct record *edge)
{
    struct config
        *c = make_config(
            "route r { transport = udp\n next-hop = \"192.0.2.10\" }\nsip-domain \"a.example\" { route = r }\n"
            "sip-domain \"b.example\" { route = r }\n"),
        *next;
    const struct slice name = SLICE("edge");
    const struct edit edit = edit_of(&sip_domain_kind, "certificate", &name);
    struct err err = { "" };
    struct record *domain = record_make(&sip_domain_kind, SLICE("a.example"),
                                        config_find(c, &sip_domain_kind, SLICE("a.example")), &edit, 1, NULL, &err);
    const struct config_step steps[] = { { &sip_domain_kind, SLICE("a.example"), domain },
                                         { &certificate_kind, name, edge } };

    assert_non_null(domain);
    next = config_next(c, steps, edge ? 2 : 1, 2);
    assert_non_null(next);
    record_drop(domain);
    config_drop(c);
    return next;
}

static struct directory *directory_of(struct config *c, const struct pki_vault *v, const struct directory *before,
                                      bool strict, struct err *err)
{
    struct directory_conf conf = { .config = c, .tls = tls, .vault = v, .before = before, .strict = strict };
    struct directory *d = directory_new(&conf, err);

    config_drop(c);
    return d;
}

static const struct tls_identity *shown(const struct directory *d)
{
    return tls_identities_find(directory_identities(d), SLICE("a.example"));
}

static void one_is_opened_when_it_is_another_and_taken_over_when_not(void **state)
{
    struct record *edge = stored("edge", &(struct cert_spec){ .cn = "one" }, 5),
                  *renewed = stored("edge", &(struct cert_spec){ .cn = "two" }, 6);
    struct err err = { "" };
    struct directory *first = directory_of(config_with(edge), vault, NULL, true, &err),
                     *same = directory_of(config_with(edge), NULL, first, true, &err), /* without a vault: not opened */
                         *next = directory_of(config_with(renewed), vault, same, true, &err);

    assert_true(first && same && next);
    assert_non_null(shown(first));
    assert_ptr_equal(shown(first), shown(same));
    assert_ptr_not_equal(shown(same), shown(next));
    assert_null(tls_identities_find(directory_identities(next), SLICE("b.example")));
    directory_drop(first);
    directory_drop(same);
    directory_drop(next);
    record_drop(edge);
    record_drop(renewed);
}

static void one_that_cannot_be_used_is_refused_or_leaves_the_one_before(void **state)
{
    struct record *good = stored("edge", &(struct cert_spec){ .cn = "good" }, 5);
    const struct {
        struct record *bad;
        const struct pki_vault *vault;
        const char *said;
    } cases[] = {
        { stored("edge", &(struct cert_spec){ .cn = "old", .from_days = -20, .until_days = -10 }, 6), vault,
          "expired" },
        { stored("edge", &(struct cert_spec){ .cn = "weak", .rsa_bits = 1024 }, 6), vault, "1024 bits" },
        { stored("edge", &(struct cert_spec){ .cn = "theirs" }, 6), other_vault, "certificates.key" },
        { stored("edge", &(struct cert_spec){ .cn = "no vault" }, 6), NULL, "no vault" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = { "" };
        struct directory *before = directory_of(config_with(good), vault, NULL, true, &err), *d;

        assert_null(directory_of(config_with(cases[i].bad), cases[i].vault, NULL, true, &err));
        assert_non_null(strstr(err.text, "sip-domain \"a.example\": "));
        assert_non_null(strstr(err.text, cases[i].said));
        d = directory_of(config_with(cases[i].bad), cases[i].vault, before, false, &err);
        assert_non_null(d);
        assert_ptr_equal(shown(d), shown(before));
        assert_non_null(memmem(directory_faults(d).p, directory_faults(d).n, "stays in use", 12));
        directory_drop(d);
        directory_drop(before);
        record_drop(cases[i].bad);
    }
    record_drop(good);
}

static void a_setting_that_names_none_is_refused_by_the_check(void **state)
{
    struct record *edge = stored("edge", &(struct cert_spec){ .cn = "one" }, 5);
    struct config *without = config_with(NULL), *with = config_with(edge);
    struct err err = { "" };

    assert_int_equal(config_check(without, &err), -1);
    assert_string_equal(err.text,
                        "sip-domain \"a.example\": certificate \"edge\": there is no such stored certificate (a "
                        "file is given with its whole path)");
    assert_int_equal(config_check(with, &err), 0);
    config_drop(without);
    config_drop(with);
    record_drop(edge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_is_opened_when_it_is_another_and_taken_over_when_not),
        cmocka_unit_test(one_that_cannot_be_used_is_refused_or_leaves_the_one_before),
        cmocka_unit_test(a_setting_that_names_none_is_refused_by_the_check),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
