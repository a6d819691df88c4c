/* Facts to one sentence: the fault and the remedy that it has to name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "xmpp/verdict.h"

struct wanted {
    enum xmpp_fault fault;
    const char *why, *says, *remedy;
};

/* What ends our own stream. */
static const struct wanted outbound[] = {
    { XMPP_FAULT_DNS_NO_ADDRESS, "", "neither XMPP server records nor an address", "--proxy" },
    { XMPP_FAULT_DNS_NOT_OFFERED, "", "says that this domain offers no XMPP", "_xmpp-server._tcp.fabrikam.example" },
    { XMPP_FAULT_DNS_NO_SUCH_SERVER, "DNS has no address of xmpp.fabrikam.example",
      "does not exist (DNS has no address of xmpp.", "correct the SRV record" },
    { XMPP_FAULT_DNS_FAILED, "time-out", "no usable answer", "dns-servers" },
    { XMPP_FAULT_LEADS_TO_US, "it is at 127.0.0.1", "back to this gateway (it is at 127.0.0.1)",
      "correct the SRV record" },
    { XMPP_FAULT_NOT_LISTED, "it is at 10.0.0.1", "no name may lead", "--partner-networks" },
    { XMPP_FAULT_CONNECT_REFUSED, "10.0.0.1:5270", "refuses the connection (10.0.0.1:5270)", "port" },
    { XMPP_FAULT_CONNECT_TIMEOUT, "10.0.0.1:5269", "does not answer at all", "firewall" },
    { XMPP_FAULT_CONNECT_FAILED, "no route", "cannot be connected to (no route)", "routes" },
    { XMPP_FAULT_TLS_TOO_OLD, "", "older than 1.2", "turn on TLS 1.2 or 1.3" },
    { XMPP_FAULT_TLS_NOT_OFFERED, "", "offers no TLS", "--tls optional" },
    { XMPP_FAULT_TLS_FORBIDDEN, "", "insists on TLS", "stoxctl partner set main.example --tls optional" },
    { XMPP_FAULT_TLS_FAILED, "alert", "handshake with the server of fabrikam.example fails (alert)", "TLS settings" },
    { XMPP_FAULT_OUR_CERTIFICATE, "alert unknown_ca", "refuses the certificate of contoso.example",
      "stoxctl domain set" },
    { XMPP_FAULT_CERT_MISSING, "", "shows no certificate", "must give it one" },
    { XMPP_FAULT_CERT_EXPIRED, "", "has expired", "renew" },
    { XMPP_FAULT_CERT_NOT_YET, "", "not valid yet", "clock of this machine" },
    { XMPP_FAULT_CERT_NAME, "", "does not name fabrikam.example", "dNSName, SRVName or XmppAddr" },
    { XMPP_FAULT_CERT_UNKNOWN_CA, "", "authority that is not trusted", "trust-file" },
    { XMPP_FAULT_CERT_SELF_SIGNED, "", "self-signed", "--add-pin sha256/KEY" },
    { XMPP_FAULT_CERT_REVOKED, "", "revoked", "new one" },
    { XMPP_FAULT_CERT_PIN, "", "none of the partner's pins", "stoxctl partner set main.example --add-pin sha256/KEY" },
    { XMPP_FAULT_CERT_DANE, "", "(DANE)", "TLSA records" },
    { XMPP_FAULT_CERT_OTHER, "key too short", "cannot be accepted (key too short)", "replace" },
    { XMPP_FAULT_EXTERNAL_REFUSED, "", "refuses our proof by certificate", "--dialback true" },
    { XMPP_FAULT_EXTERNAL_NOT_OFFERED, "", "does not offer proof by certificate", "--dialback true" },
    { XMPP_FAULT_NO_METHOD, "dialback is off", "leave no way to prove contoso.example", "stoxctl matrix" },
    { XMPP_FAULT_DIALBACK_INVALID, "", "dialback key is wrong", "--dialback-passphrase" },
    { XMPP_FAULT_DIALBACK_BLOCKED, "", "cannot reach ours",
      "_xmpp-server._tcp.contoso.example must lead to this gateway" },
    { XMPP_FAULT_DIALBACK_FAILED, "x", "does not accept our dialback (x)", "log" },
    { XMPP_FAULT_HOST_UNKNOWN, "host-unknown", "does not serve fabrikam.example (host-unknown)", "add the domain" },
    { XMPP_FAULT_NOT_ALLOWED, "policy-violation", "does not let us in (policy-violation)", "list contoso.example" },
    { XMPP_FAULT_STREAM_ERROR, "bad-format", "ended the stream (bad-format)", "log" },
    { XMPP_FAULT_CLOSED, "eof", "gives no reason (eof)", "log" },
    { XMPP_FAULT_TIMEOUT, "features", "says nothing more (features)", "no XMPP server" },
    { XMPP_FAULT_OUR_SETTINGS, "the partner is gone", "stopped the test (the partner is gone)", "again" },
};

static struct xmpp_verdict_case facts(void)
{
    return (struct xmpp_verdict_case){ .local = SLICE("contoso.example"),
                                       .remote = SLICE("fabrikam.example"),
                                       .partner = SLICE("main.example"),
                                       .key = SLICE("sha256/KEY"),
                                       .why = "",
                                       .back_why = "",
                                       .waited_s = 15 };
}

/* It is one sentence, with a capital letter unless a domain begins it, and nothing left of the pattern. */
static void is_one_sentence(const char *text)
{
    size_t n = strlen(text);

    assert_true(n > 20 && n < XMPP_VERDICT_TEXT - 1);
    assert_true(text[n - 1] == '.' && text[n - 2] != '.');
    assert_true((text[0] >= 'A' && text[0] <= 'Z') || strncmp(text, "fabrikam", 8) == 0);
    assert_null(strchr(text, '$'));
    assert_null(strstr(text, ". "));
}

static void says(const struct xmpp_verdict *v, const char *a, const char *b)
{
    if (!strstr(v->text, a) || !strstr(v->text, b))
        fail_msg("no \"%s\" or no \"%s\" in: %s", a, b, v->text);
    is_one_sentence(v->text);
}

static void each_fault_of_our_stream_is_named_with_its_remedy(void **state)
{
    struct xmpp_verdict v;

    assert_int_equal(sizeof(outbound) / sizeof(outbound[0]), XMPP_FAULT_NO_WAY_BACK - XMPP_FAULT_DNS_NO_ADDRESS);
    for (size_t i = 0; i < sizeof(outbound) / sizeof(outbound[0]); i++) {
        struct xmpp_verdict_case c = facts();

        assert_int_equal(outbound[i].fault, i + XMPP_FAULT_DNS_NO_ADDRESS);
        c.fault = outbound[i].fault;
        c.why = outbound[i].why;
        xmpp_verdict(&c, &v);
        assert_false(v.works);
        assert_int_equal(v.fault, outbound[i].fault);
        says(&v, outbound[i].says, outbound[i].remedy);
    }
}

/* What ends the partner's stream to us, while ours stands. */
static const struct wanted inbound[] = {
    { XMPP_FAULT_CERT_EXPIRED, "x", "its own stream to us fails: the certificate of fabrikam.example has expired",
      "renew" },
    { XMPP_FAULT_CERT_NAME, "x", "does not name fabrikam.example", "dNSName" },
    { XMPP_FAULT_EXTERNAL_REFUSED, "invalid-authzid", "(invalid-authzid)", "--dialback true" },
    { XMPP_FAULT_DIALBACK_BLOCKED, "no answer", "cannot be checked (no answer)", "reachable from here" },
    { XMPP_FAULT_OUR_CERTIFICATE, "unknown_ca", "refuses the certificate of contoso.example (unknown_ca)", "trust" },
    { XMPP_FAULT_TLS_TOO_OLD, "x", "older than 1.2", "turn on TLS" },
    { XMPP_FAULT_TIMEOUT, "not authenticated within 30 s", "opens to us fails (not authenticated within 30 s)", "log" },
};

static void the_way_back_is_judged_by_what_the_partner_did(void **state)
{
    struct xmpp_verdict v;

    for (size_t i = 0; i < sizeof(inbound) / sizeof(inbound[0]); i++) {
        struct xmpp_verdict_case c = facts();

        c.back_fault = inbound[i].fault;
        c.back_why = inbound[i].why;
        xmpp_verdict(&c, &v);
        assert_false(v.works);
        assert_int_equal(v.fault, inbound[i].fault);
        says(&v, inbound[i].says, inbound[i].remedy);
    }
}

static void silence_is_told_from_a_missing_answer(void **state)
{
    struct xmpp_verdict_case c = facts();
    struct xmpp_verdict v;

    xmpp_verdict(&c, &v);
    assert_int_equal(v.fault, XMPP_FAULT_NO_WAY_BACK);
    says(&v, "answers nothing within 15 s", "5269");
    c.back_method = XMPP_METHOD_SASL;
    xmpp_verdict(&c, &v);
    assert_int_equal(v.fault, XMPP_FAULT_NO_ANSWER);
    assert_false(v.works);
    says(&v, "does not answer a ping", "answer pings");
    c.answered = true;
    c.method = XMPP_METHOD_DIALBACK_TLS;
    xmpp_verdict(&c, &v);
    assert_int_equal(v.fault, XMPP_FAULT_NONE);
    assert_true(v.works);
    says(&v, "fabrikam.example works", "dialback-over-tls");
    c.back_fault = XMPP_FAULT_CERT_EXPIRED; /* of some other stream: the answer has come all the same */
    xmpp_verdict(&c, &v);
    assert_true(v.works);
}

static void a_stream_for_both_directions_needs_no_other(void **state)
{
    struct xmpp_verdict_case c = facts();
    struct xmpp_verdict v;

    c.both = true;
    xmpp_verdict(&c, &v);
    assert_int_equal(v.fault, XMPP_FAULT_NO_ANSWER);
    says(&v, "A stream for both directions stands", "answer pings");
    c.answered = true;
    c.method = XMPP_METHOD_SASL;
    xmpp_verdict(&c, &v);
    assert_true(v.works);
    says(&v, "fabrikam.example works", "on the same stream");
}

static void what_is_too_long_is_cut(void **state)
{
    struct xmpp_verdict_case c = facts();
    struct xmpp_verdict v;
    char why[6000];

    memset(why, 'x', sizeof(why) - 1);
    why[sizeof(why) - 1] = 0;
    c.fault = XMPP_FAULT_CONNECT_FAILED;
    c.why = why;
    xmpp_verdict(&c, &v);
    assert_true(strlen(v.text) < XMPP_VERDICT_TEXT);
    assert_int_equal(strncmp(v.text, "The server of fabrikam.example cannot be connected to", 40), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_of_our_stream_is_named_with_its_remedy),
        cmocka_unit_test(the_way_back_is_judged_by_what_the_partner_did),
        cmocka_unit_test(silence_is_told_from_a_missing_answer),
        cmocka_unit_test(a_stream_for_both_directions_needs_no_other),
        cmocka_unit_test(what_is_too_long_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
