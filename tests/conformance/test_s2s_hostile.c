/* Peers, and those between, that try what must not work (threats I1, I4, I5, A6). */
#include <stdio.h>

#include "s2s_rig.h"

#define SERVED                                                                                                         \
    "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' "                            \
    "xmlns:db='jabber:server:dialback' id='i' version='1.0'>"
#define PROCEED "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
#define EXTERNAL "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>EXTERNAL</mechanism></mechanisms>"
#define DIALBACK "<dialback xmlns='urn:xmpp:features:dialback'/>"
#define FEATURES(inside) "<stream:features>" inside "</stream:features>"

static struct node a;
static struct fake f, server;

static void start_out(enum xmpp_need tls, enum xmpp_need sasl, bool dialback)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    node_set(&a, tls, sasl, dialback);
    fake_listen(&server, CERT_THEIRS);
    node_points_to(&a, listener_local(server.listener));
    assert_true(node_send(&a, 1, "secret"));
    fake_expect(&server, "version='1.0'");
}

static void stop(void)
{
    node_stop(&a);
    fake_close(&f);
    fake_close(&server);
}

/* The mirror of plaintext injection: what stands behind <proceed/> in its segment was said by nobody. */
static void I5_bytes_behind_proceed_are_thrown_away(void **state)
{
    start_out(XMPP_OPTIONAL, XMPP_OPTIONAL, true);
    fake_say(&server, SERVED FEATURES(STARTTLS));
    fake_expect(&server, STARTTLS);
    fake_say(&server,
             PROCEED SERVED FEATURES(EXTERNAL DIALBACK) "<db:result from='" THEIRS "' to='" OURS
                                                        "' type='valid'/>" MESSAGE("j@" THEIRS, "r@" OURS, "injected"));
    fake_tls_server(&server);
    fake_expect(&server, "version='1.0'");
    rig_turns(20);
    fake_lacks(&server, "<auth");
    fake_lacks(&server, "db:result");
    fake_lacks(&server, "secret");
    assert_int_equal(a.n_got, 0);
    stop();
}

/* A mechanism that was offered in clear is not tried inside, where it is not offered. */
static void I5_features_of_the_clear_phase_are_forgotten(void **state)
{
    start_out(XMPP_REQUIRED, XMPP_REQUIRED, false);
    fake_say(&server, SERVED FEATURES(STARTTLS EXTERNAL "<sm xmlns='urn:xmpp:sm:3'/>"));
    fake_expect(&server, STARTTLS);
    fake_say(&server, PROCEED);
    fake_tls_server(&server);
    fake_expect(&server, "version='1.0'");
    fake_say(&server, SERVED FEATURES(""));
    rig_turns(20);
    fake_lacks(&server, "<auth");
    fake_lacks(&server, "<enable");
    fake_lacks(&server, "secret");
    stop();
}

/* Without the offer, and with <failure/> as the answer: where TLS is required nothing goes, and the log says so. */
static void A6_stripped_starttls_where_tls_is_required(void **state)
{
    start_out(XMPP_REQUIRED, XMPP_OPTIONAL, true);
    fake_say(&server, SERVED FEATURES(DIALBACK));
    fake_expect(&server, STARTTLS);
    fake_say(&server, "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>");
    fake_expect_closed(&server);
    fake_lacks(&server, "db:result");
    fake_lacks(&server, "secret");
    assert_true(rig_logged("stream-failed"));
    assert_true(rig_logged("TLS"));
    stop();
}

/* Where it is optional a man in the middle can have clear text: the log and the listing say that it is. */
static void A6_stripped_starttls_where_tls_is_optional(void **state)
{
    start_out(XMPP_OPTIONAL, XMPP_NOT_SUPPORTED, true);
    fake_say(&server, SERVED FEATURES(DIALBACK));
    fake_expect(&server, "<db:result");
    fake_say(&server, "<db:result from='" THEIRS "' to='" OURS "' type='valid'/>");
    fake_expect(&server, "secret");
    assert_true(rig_logged("method=dialback-over-tcp"));
    stop();
}

/* The authority's answer after the time limit proves nothing any more. */
static void I1_a_late_verdict_is_none(void **state)
{
    char id[64], text[300];

    node_start(&a, OURS, THEIRS, CERT_OURS);
    node_set(&a, XMPP_OPTIONAL, XMPP_OPTIONAL, true);
    fake_listen(&server, CERT_SELF_SIGNED);
    node_points_to(&a, listener_local(server.listener));
    fake_connect(&f, node_addr(&a), CERT_NONE);
    fake_say(&f, HEADER);
    fake_expect(&f, "</stream:features>");
    snprintf(id, sizeof(id), "%s", fake_stream_id(&f));
    fake_say(&f, "<db:result from='" THEIRS "' to='" OURS "'>abc</db:result>");
    fake_expect(&server, "version='1.0'");
    fake_say(&server, HEADER "<stream:features/>");
    fake_expect(&server, ">abc</db:verify>");
    rig_advance(XMPP_VERIFY_MS + 1000);
    fake_expect(&f, "<remote-server-timeout");
    snprintf(text, sizeof(text), "<db:verify from='" THEIRS "' to='" OURS "' id='%s' type='valid'/>", id);
    if (server.conn)
        fake_say(&server, text);
    rig_turns(10);
    fake_lacks(&f, "type='valid'");
    fake_say(&f, MESSAGE("j@" THEIRS, "r@" OURS, "x"));
    fake_expect(&f, "<not-authorized");
    assert_int_equal(a.n_got, 0);
    stop();
}

/* Each authorization identity but the stream's own is refused, and the stream still has to prove itself. */
static void I4_other_authorization_identities(void **state)
{
    static const char *const base64[] = {
        "dGFpbHNwaW4uZXhhbXBsZQ==", /* tailspin.example, in the certificate too */
        "YS5mYWJyaWthbS5leGFtcGxl", /* a.fabrikam.example */
        "ZXhhbXBsZQ==",             /* example */
        "ZmFicmlrYW0uZXhhbXBsZQA=", /* fabrikam.example NUL */
        "akBmYWJyaWthbS5leGFtcGxl", /* j@fabrikam.example */
        "ZmFicmlrYW0uZXhhbXBsZS94", /* fabrikam.example/x */
        "Y29udG9zby5leGFtcGxl",     /* contoso.example, us */
    };

    for (size_t i = 0; i < sizeof(base64) / sizeof(base64[0]); i++) {
        char text[200];

        node_start(&a, OURS, THEIRS, CERT_OURS);
        fake_to_tls(&f, &a, CERT_TWO_NAMES);
        fake_say(&f, HEADER);
        fake_expect(&f, "</stream:features>");
        snprintf(text, sizeof(text), AUTH("%s"), base64[i]);
        fake_say(&f, text);
        fake_expect(&f, "<failure");
        fake_lacks(&f, "<success");
        fake_say(&f, MESSAGE("j@" THEIRS, "r@" OURS, "x"));
        fake_expect(&f, "<not-authorized");
        assert_int_equal(a.n_got, 0);
        node_stop(&a);
        fake_close(&f);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        T(I5_bytes_behind_proceed_are_thrown_away),
        T(I5_features_of_the_clear_phase_are_forgotten),
        T(A6_stripped_starttls_where_tls_is_required),
        T(A6_stripped_starttls_where_tls_is_optional),
        T(I1_a_late_verdict_is_none),
        T(I4_other_authorization_identities),
    };

    return cmocka_run_group_tests_name("conformance/s2s_hostile", tests, NULL, NULL);
}
