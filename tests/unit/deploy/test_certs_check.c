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
#include "net/tls.h"
#include "test_certs.h"

static const struct row {
    const char *what;
    struct cert_spec spec;
    bool other_key;
    const char *text; /* in the place of the certificate's file */
    enum finding_mark mark;
    const char *check, *says;
} rows[] = {
    { "good",
      { .sans = "DNS:contoso.example", .from_days = -1, .until_days = 90 },
      .mark = FINDING_OK,
      .check = "certificate",
      .says = "good until" },
    { "another name",
      { .sans = "DNS:fabrikam.example", .from_days = -1, .until_days = 90 },
      .mark = FINDING_FAILED,
      .check = "certificate-wrong-name",
      .says = "contoso.example as dNSName" },
    { "the name as CN only",
      { .cn = "contoso.example", .from_days = -1, .until_days = 90 },
      .mark = FINDING_FAILED,
      .check = "certificate-wrong-name",
      .says = "does not name" },
    { "expired",
      { .sans = "DNS:contoso.example", .from_days = -9, .until_days = -1 },
      .mark = FINDING_FAILED,
      .check = "certificate-expired",
      .says = "Renew it now" },
    { "not yet",
      { .sans = "DNS:contoso.example", .from_days = 1, .until_days = 9 },
      .mark = FINDING_FAILED,
      .check = "certificate-not-yet",
      .says = "clock" },
    { "soon",
      { .sans = "DNS:contoso.example", .from_days = -9, .until_days = 10 },
      .mark = FINDING_WARNING,
      .check = "certificate-expires",
      .says = "days" },
    { "another key",
      { .sans = "DNS:contoso.example", .from_days = -1, .until_days = 90 },
      .other_key = true,
      .mark = FINDING_FAILED,
      .check = "certificate-unusable",
      .says = "does not match" },
    { "no certificate",
      { .sans = "DNS:contoso.example", .from_days = -1, .until_days = 90 },
      .text = "hello\n",
      .mark = FINDING_FAILED,
      .check = "certificate-unreadable",
      .says = "no certificate in PEM form" },
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

static void judge(const char *config_text, struct tls *tls, const char *sip_name, struct findings *found)
{
    struct config *config = make_config(config_text);
    const struct certs_wish wish = { .config = config, .tls = tls, .sip_name = sip_name, .now_s = time(NULL) };

    findings_init(found);
    certs_check(&wish, found);
    config_drop(config);
}

static void judge_row(const struct row *row, struct tls *tls)
{
    struct cert_spec spec = row->spec, of_other = { .cn = "x" };
    struct cert cert, other = cert_make(&of_other, NULL);
    struct findings found;
    const struct finding *it;
    char *text;

    print_message("%s\n", row->what);
    spec.cn = spec.cn ? spec.cn : "x";
    cert = cert_make(&spec, NULL);
    assert_true(asprintf(&text,
                         "route \"r\" { next-hop = \"192.0.2.10:5060\" }\n"
                         "sip-domain \"contoso.example\" { route = \"r\" certificate = \"%s\" key = \"%s\" }\n",
                         row->text ? certs_write("c.pem", row->text) : certs_write_chain("c.pem", &cert, NULL),
                         certs_write_key("c.key", row->other_key ? &other : &cert, NULL)) > 0);
    judge(text, tls, NULL, &found);
    it = worst(&found);
    assert_non_null(it);
    assert_string_equal(it->check, row->check);
    assert_int_equal(it->mark, row->mark);
    assert_true(strstr(it->text, row->says) || strstr(it->remedy, row->says));
    findings_fini(&found);
    free(text);
    cert_free(&cert);
    cert_free(&other);
}

static void each_fault_of_a_certificate_is_named(void **state)
{
    struct err err;
    struct tls *tls = tls_new(&err);

    assert_non_null(tls);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        judge_row(&rows[i], tls);
    tls_free(tls);
}

static void a_certificate_that_is_missing_is_named_on_either_side(void **state)
{
    struct findings found;
    size_t n = 0;

    judge("route \"r\" { next-hop = \"192.0.2.10:5060\" }\nsip-domain \"contoso.example\" { route = \"r\" }\n", NULL,
          "gw.contoso.example", &found);
    list_each (l, &found.list) {
        const struct finding *it = container_of(l, struct finding, link);

        n +=
            it->mark == FINDING_FAILED && strcmp(it->check, "certificate-missing") == 0 && strstr(it->line, "stoxctl ");
    }
    assert_int_equal(n, 2);
    findings_fini(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_of_a_certificate_is_named),
        cmocka_unit_test(a_certificate_that_is_missing_is_named_on_either_side),
    };
    int failed;

    certs_begin();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    certs_end();
    return failed;
}
