/* The 18 rows of the negotiation matrix, in the order of its page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "xmpp/methods.h"

#define REQ XMPP_REQUIRED
#define OPT XMPP_OPTIONAL
#define NOT XMPP_NOT_SUPPORTED

static const struct {
    int row;
    enum xmpp_need tls, sasl;
    bool dialback;
    struct xmpp_methods expect;
    enum xmpp_matrix_verdict verdict;
    const char *says; /* words the reason must hold */
} rows[] = {
    { 1, REQ, REQ, true, { true, false, false }, XMPP_MATRIX_WARNING, "dialback is never used" },
    { 2, REQ, REQ, false, { true, false, false }, XMPP_MATRIX_OK, NULL },
    { 3, OPT, REQ, true, { true, true, true }, XMPP_MATRIX_WARNING, "SASL works only over TLS" },
    { 4, OPT, REQ, false, { true, false, false }, XMPP_MATRIX_WARNING, "SASL works only over TLS" },
    { 5, NOT, REQ, true, { false, false, true }, XMPP_MATRIX_WARNING, "SASL works only over TLS" },
    { 6, NOT, REQ, false, { false, false, false }, XMPP_MATRIX_INVALID, "so is dialback" },
    { 7, REQ, OPT, true, { true, true, false }, XMPP_MATRIX_OK, NULL },
    { 8, REQ, OPT, false, { true, false, false }, XMPP_MATRIX_OK, NULL },
    { 9, OPT, OPT, true, { true, true, true }, XMPP_MATRIX_WARNING, "SASL works only over TLS" },
    { 10, OPT, OPT, false, { true, false, false }, XMPP_MATRIX_WARNING, "SASL works only over TLS" },
    { 11, NOT, OPT, true, { false, false, true }, XMPP_MATRIX_WARNING, "SASL works only over TLS" },
    { 12, NOT, OPT, false, { false, false, false }, XMPP_MATRIX_INVALID, "SASL works only over TLS" },
    { 13, REQ, NOT, true, { false, true, false }, XMPP_MATRIX_OK, NULL },
    { 14, REQ, NOT, false, { false, false, false }, XMPP_MATRIX_INVALID, "allow SASL or turn dialback on" },
    { 15, OPT, NOT, true, { false, true, true }, XMPP_MATRIX_OK, NULL },
    { 16, OPT, NOT, false, { false, false, false }, XMPP_MATRIX_INVALID, "allow SASL or turn dialback on" },
    { 17, NOT, NOT, true, { false, false, true }, XMPP_MATRIX_OK, NULL },
    { 18, NOT, NOT, false, { false, false, false }, XMPP_MATRIX_INVALID, "allow SASL or turn dialback on" },
};

static void all_18_rows(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct xmpp_methods m = xmpp_methods_of(rows[i].tls, rows[i].sasl, rows[i].dialback);
        const char *why = "untouched";
        enum xmpp_matrix_verdict verdict = xmpp_matrix_judge(rows[i].tls, rows[i].sasl, rows[i].dialback, &why);

        if (m.sasl_over_tls != rows[i].expect.sasl_over_tls ||
            m.dialback_over_tls != rows[i].expect.dialback_over_tls ||
            m.dialback_over_tcp != rows[i].expect.dialback_over_tcp)
            fail_msg("row %d: methods", rows[i].row);
        if (verdict != rows[i].verdict)
            fail_msg("row %d: verdict %d", rows[i].row, verdict);
        if (rows[i].says ? !why || !strstr(why, rows[i].says) : why != NULL)
            fail_msg("row %d: %s", rows[i].row, why ? why : "no reason");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(all_18_rows) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
