/* At stake: that a certificate which partners will refuse is named before they do. One assigned certificate, one fault each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "deploy/certs_check.h"
#include "make.h"
#include "pki/bundle.h"
#include "test_certs.h"

static const struct row {
    const char *what;
    struct cert_spec spec;
    bool self_signed, other_key, stored;
    const char *text; /* in the place of the certificate's file */
    enum finding_mark mark;
    const char *check, *says;
} rows[] = {
    { "good",
      { .sans = "DNS:contoso.example", .from_days = -1, .until_days = 90 },
      .mark = FINDING_OK,
      .check = "certificate",
      .says = "good for it until" },
    { "good, stored",
      { .sans = "DNS:contoso.example", .from_days = -1, .until_days = 90 },
      .stored = true,
      .mark = FINDING_OK,
      .check = "certificate",
      .says = "good for it until" },
    { "another name, stored",
      { .sans = "DNS:fabrikam.example", .from_days = -1, .until_days = 90 },
      .stored = true,
      .mark = FINDING_FAILED,
      .check = "name-missing",
      .says = "contoso.example, certificate edge: " },
    { "another name",
      { .sans = "DNS:fabrikam.example", .from_days = -1, .until_days = 90 },
      .mark = FINDING_FAILED,
      .check = "name-missing",
      .says = "does not name contoso.example" },
    { "the name as CN only",
      { .cn = "contoso.example", .from_days = -1, .until_days = 90 },
      .mark = FINDING_FAILED,
      .check = "name-missing",
      .says = "does not name" },
    { "expired",
      { .sans = "DNS:contoso.example", .from_days = -9, .until_days = -1 },
      .mark = FINDING_FAILED,
      .check = "expired",
      .says = "get a new one" },
    { "not yet",
      { .sans = "DNS:contoso.example", .from_days = 1, .until_days = 90 },
      .mark = FINDING_FAILED,
      .check = "not-yet-valid",
      .says = "clock" },
    { "soon",
      { .sans = "DNS:contoso.example", .from_days = -9, .until_days = 10 },
      .mark = FINDING_WARNING,
      .check = "expires-soon",
      .says = "days" },
    { "weak",
      { .sans = "DNS:contoso.example", .from_days = -1, .until_days = 90, .rsa_bits = 1024 },
      .mark = FINDING_FAILED,
      .check = "weak-key",
      .says = "2048" },
    { "for clients",
      { .sans = "DNS:contoso.example", .from_days = -1, .until_days = 90, .eku = "clientAuth" },
      .mark = FINDING_FAILED,
      .check = "wrong-purpose",
      .says = "servers" },
    { "self-signed",
      { .sans = "DNS:contoso.example", .from_days = -1, .until_days = 90 },
      .self_signed = true,
      .mark = FINDING_WARNING,
      .check = "self-signed",
      .says = "pin" },
    { "another key",
      { .sans = "DNS:contoso.example", .from_days = -1, .until_days = 90 },
      .other_key = true,
      .mark = FINDING_FAILED,
      .check = "wrong-key",
      .says = "key" },
    { "no certificate",
      { .sans = "DNS:contoso.example", .from_days = -1, .until_days = 90 },
      .text = "hello\n",
      .mark = FINDING_FAILED,
      .check = "not-a-certificate",
      .says = "contoso.example" },
};

static const struct finding *worst(const struct findings *found)
{
    const struct finding *one = NULL;

    list_each (l, &found->list) {
        const struct finding *it = container_of(l, struct finding, link);

        if (!one || it->mark > one->mark)
            one = it;
    }
    return one;
}

/* config is dropped. */
static void judge(struct config *config, const struct boot *boot, const struct pki_vault *vault, struct findings *found)
{
    const struct certs_wish wish = { .config = config, .boot = boot, .vault = vault, .now_s = time(NULL) };

    findings_init(found);
    certs_check(&wish, found);
    config_drop(config);
}

#define ROUTE "route \"r\" { transport = udp\n next-hop = \"192.0.2.10:5060\" }\n"

static struct config *as_files(const struct row *row, const struct cert *cert, const struct cert *other)
{
    struct config *config;
    char *text;

    assert_true(asprintf(&text,
                         ROUTE "sip-domain \"contoso.example\" { route = \"r\" certificate = \"%s\" key = \"%s\" }\n",
                         row->text ? certs_write("c.pem", row->text) : certs_write_chain("c.pem", cert, NULL),
                         certs_write_key("c.key", row->other_key ? other : cert, NULL)) > 0);
    config = make_config(text);
    free(text);
    return config;
}

static struct config *as_stored(const struct cert *cert, const struct pki_vault *vault)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    struct record *records[2];
    struct buf text, key;
    struct err err = { "" };
    char *values;

    buf_init(&text, 1u << 16);
    buf_init(&key, 1u << 16);
    assert_true(chain && sk_X509_push(chain, cert->x) && pki_chain_write(&text, chain));
    assert_int_equal(pki_vault_seal(vault, cert->key, SLICE("edge"), &key, &err), 0);
    assert_true(asprintf(&values, "chain=%.*s;key=%.*s", SLICE_FMT(buf_slice(&text)), SLICE_FMT(buf_slice(&key))) > 0);
    records[0] = make_record(&certificate_kind, "edge", values);
    records[1] = make_record(&sip_domain_kind, "contoso.example", "route=r;certificate=edge");
    free(values);
    sk_X509_free(chain);
    buf_free(&text);
    buf_free(&key);
    return make_next(make_config(ROUTE), records, 2);
}

static void judge_row(const struct row *row, const struct cert *ca, const struct boot *boot,
                      const struct pki_vault *vault)
{
    struct cert_spec spec = row->spec, of_other = { .cn = "x" };
    struct cert cert, other = cert_make(&of_other, NULL);
    struct findings found;
    const struct finding *it;
    struct config *config;

    print_message("%s\n", row->what);
    spec.cn = spec.cn ? spec.cn : "x";
    cert = cert_make(&spec, row->self_signed ? NULL : ca);
    config = row->stored ? as_stored(&cert, vault) : as_files(row, &cert, &other);
    judge(config, boot, vault, &found);
    it = worst(&found);
    assert_non_null(it);
    assert_string_equal(it->check, row->check);
    assert_int_equal(it->mark, row->mark);
    assert_non_null(strstr(it->text, row->says));
    findings_fini(&found);
    cert_free(&cert);
    cert_free(&other);
}

static void each_fault_of_a_certificate_is_named(void **state)
{
    static const uint8_t kek[PKI_VAULT_KEY] = { 7 };
    struct cert_spec spec = { .cn = "An authority", .ca = true, .from_days = -20, .until_days = 100 };
    struct cert ca = cert_make(&spec, NULL);
    const struct boot boot = { .trust_file = certs_write_chain("ca.pem", &ca, NULL) };
    struct err err;
    struct pki_vault *vault = pki_vault_new(kek, &err);

    assert_non_null(vault);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        judge_row(&rows[i], &ca, &boot, vault);
    pki_vault_free(vault);
    cert_free(&ca);
}

static size_t count(const struct findings *found, enum finding_mark mark, const char *check, const char *line)
{
    size_t n = 0;

    list_each (l, &found->list) {
        const struct finding *it = container_of(l, struct finding, link);

        n += it->mark == mark && strcmp(it->check, check) == 0 && strstr(it->line, line);
    }
    return n;
}

static void a_certificate_that_is_missing_is_named_on_either_side(void **state)
{
    const struct boot boot = { .host_name = SLICE("gw.contoso.example"), .sip_tls = { .n = 1 } };
    struct findings found;

    judge(make_config(ROUTE "sip-domain \"contoso.example\" { route = \"r\" }\n"), &boot, NULL, &found);
    assert_int_equal(count(&found, FINDING_FAILED, "certificate-missing", "stoxctl cert assign"), 2);
    findings_fini(&found);
}

static void a_certificate_that_is_only_requested_is_a_note(void **state)
{
    const struct boot boot = { .host_name = SLICE("gw.contoso.example") };
    struct findings found;

    struct record *asked = make_record(&certificate_kind, "edge", "");

    judge(make_next(config_new(), &asked, 1), &boot, NULL, &found);
    assert_int_equal(count(&found, FINDING_NOTE, "certificate-pending", "stoxctl cert import edge"), 1);
    findings_fini(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_of_a_certificate_is_named),
        cmocka_unit_test(a_certificate_that_is_missing_is_named_on_either_side),
        cmocka_unit_test(a_certificate_that_is_only_requested_is_a_note),
    };
    int failed;

    certs_begin();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    certs_end();
    return failed;
}
