/* Which SIP domains and hosts a certificate's names speak for (RFC 5922 7). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "sip/cert.h"

#define DNS(t)                                                                                                         \
    {                                                                                                                  \
        TLS_NAME_DNS, SLICE(t)                                                                                         \
    }
#define URI(t)                                                                                                         \
    {                                                                                                                  \
        TLS_NAME_URI, SLICE(t)                                                                                         \
    }
#define NAMES_MAX 4

struct row {
    struct tls_name names[NAMES_MAX];
    const char *wanted;
    bool domain, host; /* covers it as a domain; names it as a host */
};

static void check(const struct row *rows, size_t n_rows)
{
    for (size_t i = 0; i < n_rows; i++) {
        const struct row *r = &rows[i];
        size_t n = 0;

        while (n < NAMES_MAX && r->names[n].text.p)
            n++;
        if (sip_cert_covers(r->names, n, slice_str(r->wanted)) != r->domain ||
            sip_cert_names(r->names, n, slice_str(r->wanted)) != r->host)
            fail_msg("row %zu: %s", i, r->wanted);
    }
}

static void STOX_SEC_04_the_certificate_is_for_the_sip_domain(void **state)
{
    static const struct row rows[] = {
        { { URI("sip:contoso.example") }, "contoso.example", true, true },
        { { URI("sip:Contoso.EXAMPLE.") }, "contoso.example", true, true },
        { { URI("SIP:contoso.example") }, "contoso.example", true, true },
        { { DNS("contoso.example") }, "contoso.example", true, true },
        { { DNS("contoso.example.") }, "CONTOSO.example", true, true },
        { { DNS("xn--bcher-kva.example") }, "xn--bcher-kva.example", true, true },
        /* a user's URI, or one of another kind, is no domain's */
        { { URI("sip:alice@contoso.example") }, "contoso.example", false, false },
        { { URI("sips:contoso.example") }, "contoso.example", false, false },
        { { URI("https://contoso.example") }, "contoso.example", false, false },
        { { URI("sip:contoso.example"), DNS("fabrikam.example") }, "contoso.example", true, true },
        /* where there is a SIP URI, DNS names are hosts and no domains */
        { { URI("sip:contoso.example"), DNS("fabrikam.example") }, "fabrikam.example", false, true },
        { { URI("sip:alice@contoso.example"), DNS("contoso.example") }, "contoso.example", true, true },
        { { { TLS_NAME_XMPP, SLICE("contoso.example") } }, "contoso.example", false, false },
        { { { TLS_NAME_SRV, SLICE("_sip.contoso.example") } }, "contoso.example", false, false },
        { { DNS("other.example") }, "contoso.example", false, false },
        { { DNS("contoso.example\0.evil.example") }, "contoso.example", false, false },
        { { URI("sip:contoso.example\0.evil.example") }, "contoso.example", false, false },
        { { DNS("") }, "contoso.example", false, false },
        { { DNS("contoso.example") }, "", false, false },
        { { DNS("contoso.example") }, ".", false, false },
        { { { 0 } }, "contoso.example", false, false },
    };

    check(rows, sizeof(rows) / sizeof(rows[0]));
}

static void STOX_SEC_05_neither_wildcards_nor_suffixes(void **state)
{
    static const struct row rows[] = {
        { { DNS("*.contoso.example") }, "sip.contoso.example", false, false },
        { { DNS("*.contoso.example") }, "contoso.example", false, false },
        { { DNS("*.contoso.example") }, "*.contoso.example", true, true }, /* nobody has that domain */
        { { URI("sip:*.contoso.example") }, "sip.contoso.example", false, false },
        { { DNS("contoso.example") }, "sip.contoso.example", false, false },
        { { DNS("sip.contoso.example") }, "contoso.example", false, false },
        { { URI("sip:contoso.example") }, "sip.contoso.example", false, false },
        { { DNS("notcontoso.example") }, "contoso.example", false, false },
        { { DNS(".contoso.example") }, "contoso.example", false, false },
    };

    check(rows, sizeof(rows) / sizeof(rows[0]));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(STOX_SEC_04_the_certificate_is_for_the_sip_domain),
        cmocka_unit_test(STOX_SEC_05_neither_wildcards_nor_suffixes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
