/* Server-to-server streams as the catalogue asks for them (section 10), on the wire against scripted peers. */
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "s2s_rig.h"

#include "xmpp/dialback_key.h"

#define SERVED                                                                                                         \
    "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' id='i' version='1.0'>"
#define PROCEED "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
#define RAW_HEADER(attrs)                                                                                              \
    "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' " attrs ">"
#define RESULT(from, to, key) "<db:result from='" from "' to='" to "'>" key "</db:result>"

static struct node a;
static struct fake f, server;

static void start(void)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
}

static void stop(void)
{
    node_stop(&a);
    fake_close(&f);
}

/* A node that sends one message to a scripted server. */
static void start_out(int cert)
{
    start();
    fake_listen(&server, cert);
    node_points_to(&a, listener_local(server.listener));
    assert_true(node_send(&a, 1, "x"));
}

static void stop_out(void)
{
    node_stop(&a);
    fake_close(&server);
}

/* Says something on a clear, fresh stream and awaits a stream error. Nothing may have reached the owner. */
static void expect_error_clear(const char *say, const char *condition)
{
    char want[128];

    start();
    node_set(&a, XMPP_OPTIONAL, XMPP_OPTIONAL, true);
    fake_connect(&f, node_addr(&a), CERT_NONE);
    fake_say(&f, say);
    fake_expect(&f, "<stream:stream ");
    snprintf(want, sizeof(want), "<stream:error><%s xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>", condition);
    fake_expect(&f, want);
    fake_expect(&f, "</stream:error></stream:stream>");
    fake_expect_closed(&f);
    assert_int_equal(a.n_got, 0);
    stop();
}

/* The same on an authenticated stream. */
static void expect_error_ready(const char *say, const char *condition)
{
    char want[128];

    start();
    fake_to_ready(&f, &a, CERT_THEIRS);
    fake_say(&f, say);
    snprintf(want, sizeof(want), "<stream:error><%s xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>", condition);
    fake_expect(&f, want);
    fake_expect(&f, "</stream:stream>");
    fake_expect_closed(&f);
    assert_int_equal(a.n_got, 0);
    stop();
}

/* DESIGN: 60 s for all of a set-up; 10 s for one address and 25 s for a verification are in the other tests. */
static void STOX_S2S_07_a_stalled_partner_is_given_up(void **state)
{
    start_out(CERT_THEIRS);
    fake_expect(&server, "version='1.0'");
    rig_advance(59000);
    assert_int_equal(a.n_fates, 0);
    rig_advance(1000);
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_UNREACHABLE);
    stop_out();
}

/* ---- headers ---- */

static void STOX_S2S_10_initial_header(void **state)
{
    start_out(CERT_THEIRS);
    fake_expect(&server, "<?xml version='1.0'?><stream:stream xmlns='jabber:server' "
                         "xmlns:stream='http://etherx.jabber.org/streams' from='" OURS "' to='" THEIRS
                         "' version='1.0' xml:lang='en'>");
    stop_out();
    start();
    node_set(&a, XMPP_OPTIONAL, XMPP_OPTIONAL, true); /* dialback is declared where it may be used */
    fake_listen(&server, CERT_THEIRS);
    node_points_to(&a, listener_local(server.listener));
    assert_true(node_send(&a, 1, "x"));
    fake_expect(&server, " xmlns:db='jabber:server:dialback' from='" OURS "'");
    fake_lacks(&server, " id=");
    stop_out();
}

static void STOX_S2S_11_response_header(void **state)
{
    char first[64];

    start();
    fake_connect(&f, node_addr(&a), CERT_THEIRS);
    fake_say(&f, HEADER);
    fake_expect(&f, "<?xml version='1.0'?><stream:stream xmlns='jabber:server' "
                    "xmlns:stream='http://etherx.jabber.org/streams' xmlns:db='jabber:server:dialback' from='" OURS
                    "' to='" THEIRS "' id='");
    fake_expect(&f, "' version='1.0' xml:lang='en'>");
    snprintf(first, sizeof(first), "%s", fake_stream_id(&f));
    assert_true(strlen(first) >= 32); /* hexadecimal digits: 128 bits */
    fake_say(&f, STARTTLS);
    fake_expect(&f, "<proceed");
    fake_tls_client(&f);
    fake_say(&f, HEADER);
    fake_expect(&f, "</stream:features>");
    assert_string_not_equal(fake_stream_id(&f), first);
    stop();
}

static void STOX_S2S_12_id_in_an_initial_header_is_ignored(void **state)
{
    start();
    fake_connect(&f, node_addr(&a), CERT_NONE);
    fake_say(&f, RAW_HEADER("from='" THEIRS "' to='" OURS "' id='chosen' version='1.0'"));
    fake_expect(&f, "</stream:features>");
    fake_lacks(&f, "chosen");
    stop();
}

static void STOX_S2S_13_wrong_namespaces(void **state)
{
    expect_error_clear("<stream:stream xmlns='jabber:server' xmlns:stream='wrong' to='" OURS "' version='1.0'>",
                       "invalid-namespace");
    expect_error_clear("<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='" OURS
                       "' version='1.0'>",
                       "invalid-namespace");
    expect_error_clear("<stream:stream xmlns='jabber:server' to='" OURS "' version='1.0'>", "bad-namespace-prefix");
}

/* RFC 6120 4.8.5: of the stream's namespace only the prefix "stream" is taken, of the content's none. */
static void STOX_S2S_13_foreign_prefixes_that_are_bound(void **state)
{
    static const char *const names[][2] = { { "foo:stream", "xmlns:foo" },         { "s:stream", "xmlns:s" },
                                            { "streams:stream", "xmlns:streams" }, { "strea:stream", "xmlns:strea" },
                                            { "STREAM:stream", "xmlns:STREAM" },   { "stream", "xmlns" } };

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        char header[400];

        /* What the root does not use does not count: "stream" is bound too. */
        snprintf(header, sizeof(header),
                 "<%s %s='http://etherx.jabber.org/streams' xmlns:stream='http://etherx.jabber.org/streams' "
                 "xmlns%s='jabber:server' from='" THEIRS "' to='" OURS "' version='1.0'>",
                 names[i][0], names[i][1], strcmp(names[i][1], "xmlns") == 0 ? ":c" : "");
        expect_error_clear(header, "bad-namespace-prefix");
    }
    expect_error_ready("<c:message xmlns:c='jabber:server' from='j@" THEIRS "' to='r@" OURS "'><c:body>x</c:body>"
                       "</c:message>",
                       "bad-namespace-prefix");
    start(); /* other elements may have what prefix they like */
    fake_to_ready(&f, &a, CERT_THEIRS);
    fake_say(&f, "<m:r xmlns:m='urn:xmpp:sm:3'/><message from='j@" THEIRS "' to='r@" OURS "'><body>x</body>"
                 "<c:active xmlns:c='http://jabber.org/protocol/chatstates'/></message>");
    rig_until(a.n_got == 1);
    stop();
}

static void STOX_S2S_13_foreign_prefix_of_a_server(void **state)
{
    start_out(CERT_THEIRS);
    fake_expect(&server, "version='1.0'");
    fake_say(&server, "<foo:stream xmlns='jabber:server' xmlns:foo='http://etherx.jabber.org/streams' from='" THEIRS
                      "' to='" OURS "' id='i' version='1.0'>");
    fake_expect(&server, "<bad-namespace-prefix");
    stop_out();
}

static void STOX_S2S_14_no_version(void **state)
{
    expect_error_clear(RAW_HEADER("from='" THEIRS "' to='" OURS "'"), "unsupported-version");
}

static void STOX_S2S_15_versions_are_numbers(void **state)
{
    static const char *const good[] = { "1.0", "1.10", "01.0", "2.0", "10.7" };

    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        char header[300];

        start();
        fake_connect(&f, node_addr(&a), CERT_NONE);
        snprintf(header, sizeof(header), RAW_HEADER("from='" THEIRS "' to='" OURS "' version='%s'"), good[i]);
        fake_say(&f, header);
        fake_expect(&f, "version='1.0'");
        fake_expect(&f, "</stream:features>");
        stop();
    }
    expect_error_clear(RAW_HEADER("from='" THEIRS "' to='" OURS "' version='0.9'"), "unsupported-version");
    expect_error_clear(RAW_HEADER("from='" THEIRS "' to='" OURS "' version='1'"), "unsupported-version");
    expect_error_clear(RAW_HEADER("from='" THEIRS "' to='" OURS "' version='-1.0'"), "unsupported-version");
}

static void STOX_S2S_16_unknown_host(void **state)
{
    expect_error_clear(HEADER_FROM(THEIRS, "unknown.example"), "host-unknown");
    expect_error_clear(HEADER_FROM(THEIRS, "a@b"), "host-unknown");
    expect_error_clear(HEADER_FROM("user@" THEIRS, OURS), "invalid-from");
    expect_error_clear(HEADER_FROM("stranger.example", OURS), "policy-violation");
}

static void STOX_S2S_17_header_without_names(void **state)
{
    start();
    node_set(&a, XMPP_REQUIRED, XMPP_OPTIONAL, true);
    fake_connect(&f, node_addr(&a), CERT_THEIRS);
    fake_say(&f, RAW_HEADER("version='1.0'") STARTTLS);
    fake_expect(&f, "<proceed");
    fake_tls_client(&f);
    fake_say(&f, RAW_HEADER("version='1.0' xmlns:db='jabber:server:dialback'"));
    fake_expect(&f, "</stream:features>");
    fake_lacks(&f, "EXTERNAL"); /* nobody to match the certificate with */
    fake_say(&f, "<db:verify from='" THEIRS "' to='" OURS "' id='1'>k</db:verify>");
    fake_expect(&f, "type='invalid'/>");
    stop();
}

/* ---- features and order ---- */

static void STOX_S2S_20_features_follow_every_header(void **state)
{
    start();
    fake_connect(&f, node_addr(&a), CERT_THEIRS);
    fake_say(&f, HEADER);
    fake_expect(&f, "xml:lang='en'><stream:features>");
    fake_close(&f);
    fake_to_ready(&f, &a, CERT_THEIRS); /* after TLS and after SASL */
    stop();
}

static void STOX_S2S_21_only_starttls_before_tls(void **state)
{
    start();
    node_set(&a, XMPP_REQUIRED, XMPP_OPTIONAL, true);
    fake_connect(&f, node_addr(&a), CERT_NONE);
    fake_say(&f, HEADER);
    fake_expect(&f, "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>"
                    "</stream:features>");
    stop();
}

static void STOX_S2S_22_no_starttls_inside_tls(void **state)
{
    start();
    fake_to_tls(&f, &a, CERT_THEIRS);
    fake_say(&f, HEADER);
    fake_expect(&f, "</stream:features>");
    fake_lacks(&f, "starttls");
    fake_say(&f, STARTTLS);
    fake_expect(&f, "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>");
    fake_expect_closed(&f);
    stop();
}

static void STOX_S2S_23_features_after_tls(void **state)
{
    start();
    node_set(&a, XMPP_REQUIRED, XMPP_OPTIONAL, true);
    fake_to_tls(&f, &a, CERT_THEIRS);
    fake_say(&f, HEADER);
    fake_expect(&f, "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>EXTERNAL"
                    "</mechanism></mechanisms><dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback>"
                    "<limits xmlns='urn:xmpp:stream-limits:0'>");
    fake_expect(&f, "</limits></stream:features>");
    fake_say(&f, AUTH("="));
    fake_expect(&f, "<success");
    fake_forget(&f);
    fake_say(&f, HEADER);
    fake_expect(&f, "<sm xmlns='urn:xmpp:sm:3'>");
    fake_lacks(&f, "EXTERNAL");
    stop();
}

static void STOX_S2S_24_empty_features_end_the_negotiation(void **state)
{
    start_out(CERT_THEIRS);
    fake_serve(&server, false);
    fake_expect(&server, "<body>x</body>");
    stop_out();
}

static void STOX_S2S_25_no_stanza_before_proof(void **state)
{
    expect_error_clear(HEADER MESSAGE("j@" THEIRS, "r@" OURS, "early"), "not-authorized");
    start();
    fake_to_tls(&f, &a, CERT_THEIRS); /* a good certificate alone is no proof either */
    fake_say(&f, HEADER MESSAGE("j@" THEIRS, "r@" OURS, "early"));
    fake_expect(&f, "<not-authorized");
    fake_expect_closed(&f);
    assert_int_equal(a.n_got, 0);
    stop();
}

static void STOX_S2S_26_starttls_is_tried_though_not_offered(void **state)
{
    start_out(CERT_THEIRS);
    fake_expect(&server, "version='1.0'");
    fake_say(&server, SERVED "<stream:features/>");
    fake_expect(&server, STARTTLS);
    fake_say(&server, PROCEED); /* it works: the offer was taken out on the way */
    fake_tls_server(&server);
    fake_expect(&server, "version='1.0'");
    stop_out();
}

/* ---- TLS ---- */

static void STOX_S2S_30_tls_1_2_at_least(void **state)
{
    const struct tls_wish wish = { .role = TLS_CLIENT };
    static const struct {
        int version;
        bool good;
    } cases[] = {
        { TLS1_3_VERSION, true }, { TLS1_2_VERSION, true }, { TLS1_1_VERSION, false }, { TLS1_VERSION, false }
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        start();
        fake_connect(&f, node_addr(&a), CERT_THEIRS);
        fake_say(&f, HEADER STARTTLS);
        fake_expect(&f, PROCEED);
        assert_true(conn_start_tls(f.conn, &wish));
        SSL_set_security_level(conn_ssl(f.conn), 0);
        SSL_set_min_proto_version(conn_ssl(f.conn), 0);
        SSL_set_max_proto_version(conn_ssl(f.conn), cases[i].version);
        SSL_set_cipher_list(conn_ssl(f.conn), "ALL:@SECLEVEL=0");
        rig_until(f.secured || f.closed);
        assert_int_equal(f.secured, cases[i].good);
        stop();
    }
}

/* Threat I5: TCP may put all of it into one segment. */
static void STOX_S2S_31_bytes_behind_starttls_are_thrown_away(void **state)
{
    start();
    node_set(&a, XMPP_OPTIONAL, XMPP_OPTIONAL, true);
    fake_connect(&f, node_addr(&a), CERT_THEIRS);
    fake_say(&f, HEADER);
    fake_expect(&f, "</stream:features>");
    fake_say(&f, STARTTLS "<db:verify from='" THEIRS "' to='" OURS "' id='1'>k</db:verify>" AUTH("=")
                     MESSAGE("j@" THEIRS, "r@" OURS, "injected"));
    fake_expect(&f, PROCEED);
    fake_tls_client(&f);
    fake_say(&f, HEADER);
    fake_expect(&f, "</stream:features>");
    fake_lacks(&f, "db:verify");
    fake_lacks(&f, "success");
    fake_lacks(&f, "stream:error");
    assert_int_equal(a.n_got, 0);
    fake_say(&f, AUTH("="));
    fake_expect(&f, "<success");
    stop();
}

/* The stream header inside TLS decides; the one before says nothing any more. */
static void STOX_S2S_32_after_tls_everything_is_new(void **state)
{
    start();
    a.partner_domain = "*";
    fake_connect(&f, node_addr(&a), CERT_THEIRS);
    fake_say(&f, HEADER_FROM("tailspin.example", OURS) STARTTLS);
    fake_expect(&f, "<proceed");
    fake_tls_client(&f);
    fake_say(&f, HEADER);
    fake_expect(&f, "to='" THEIRS "'");
    fake_expect(&f, "EXTERNAL");
    stop();
}

static void STOX_S2S_33_failed_handshake_ends_without_words(void **state)
{
    start();
    fake_connect(&f, node_addr(&a), CERT_NONE);
    fake_say(&f, HEADER STARTTLS);
    fake_expect(&f, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    fake_say(&f, "this is no TLS, is it? this is no TLS, is it? this is no TLS, is it?");
    fake_expect_closed(&f);
    fake_lacks(&f, "</stream:stream>");
    stop();
}

static void STOX_S2S_34_both_sides_show_certificates(void **state)
{
    X509 *cert;

    start();
    fake_to_tls(&f, &a, CERT_THEIRS);
    cert = SSL_get1_peer_certificate(conn_ssl(f.conn));
    assert_int_equal(X509_check_host(cert, OURS, 0, 0, NULL), 1);
    X509_free(cert);
    stop();
    start_out(CERT_THEIRS);
    fake_serve(&server, false);
    cert = SSL_get1_peer_certificate(conn_ssl(server.conn));
    assert_non_null(cert);
    assert_int_equal(X509_check_host(cert, OURS, 0, 0, NULL), 1);
    X509_free(cert);
    stop_out();
}

/* Threat I3, with the matrix of names in cert's own tests. */
static void STOX_S2S_35_only_good_certificates_authenticate(void **state)
{
    static const struct {
        int cert;
        bool good;
    } cases[] = {
        { CERT_THEIRS, true },       { CERT_TWO_NAMES, true }, { CERT_NONE, false },
        { CERT_SELF_SIGNED, false }, { CERT_MALLORY, false }, /* the name is only in its CN */
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        start();
        node_set(&a, XMPP_REQUIRED, XMPP_OPTIONAL, true);
        fake_to_tls(&f, &a, cases[i].cert);
        fake_say(&f, HEADER);
        fake_expect(&f, "</stream:features>");
        assert_int_equal(memmem(f.rx.p, f.rx.n, "EXTERNAL", 8) != NULL, cases[i].good);
        fake_say(&f, AUTH("="));
        fake_expect(&f, cases[i].good ? "<success" : "<invalid-mechanism/>");
        stop();
    }
}

/* The certificates here are good until tomorrow; this stream would be there longer, both ways. */
static void STOX_S2S_38_ends_when_the_certificate_expires(void **state)
{
    struct xmpp_conf conf;

    start();
    node_conf(&conf, &a);
    conf.limits.inactivity_s = conf.limits.keepalive_s = 200000;
    node_start_with(&a, &conf);
    fake_listen(&server, CERT_THEIRS);
    node_points_to(&a, listener_local(server.listener));
    node_send(&a, 1, "x");
    fake_serve(&server, true);
    fake_expect(&server, "<r ");
    fake_say(&server, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
    node_fate(&a, 1);
    fake_to_ready(&f, &a, CERT_THEIRS);
    rig_advance(86000000);
    fake_lacks(&f, "stream:error");
    fake_lacks(&server, "stream:error");
    rig_advance(401000);
    fake_expect(&f, "<reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>");
    fake_expect(&server, "<reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>");
    fake_close(&server);
    stop();
}

static void STOX_S2S_36_the_domain_is_the_reference_not_the_host(void **state)
{
    start_out(CERT_MALLORY); /* a certificate for where we were sent to, not for whom we wanted */
    fake_expect(&server, "version='1.0'");
    fake_say(&server, SERVED "<stream:features>" STARTTLS "</stream:features>");
    fake_expect(&server, "<starttls");
    fake_say(&server, PROCEED);
    fake_tls_server(&server);
    fake_expect(&server, "version='1.0'");
    fake_say(&server, SERVED "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>EXTERNAL"
                             "</mechanism></mechanisms></stream:features>");
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_REFUSED);
    fake_lacks(&server, "<auth");
    stop_out();
}

static void STOX_S2S_37_never_in_clear_by_default(void **state)
{
    start();
    node_set(&a, XMPP_REQUIRED, XMPP_OPTIONAL, true);
    fake_connect(&f, node_addr(&a), CERT_NONE);
    fake_say(&f, HEADER RESULT(THEIRS, OURS, "k"));
    fake_expect(&f, "<policy-violation");
    stop();
}

static void STOX_S2S_40_server_name_is_sent(void **state)
{
    start_out(CERT_THEIRS);
    fake_serve(&server, false);
    assert_string_equal(SSL_get_servername(conn_ssl(server.conn), TLSEXT_NAMETYPE_host_name), THEIRS);
    stop_out();
}

static void STOX_S2S_41_no_compression(void **state)
{
    start();
    fake_to_ready(&f, &a, CERT_THEIRS);
    fake_lacks(&f, "compress");
    assert_null(SSL_get_current_compression(conn_ssl(f.conn)));
    stop();
}

/* ---- SASL EXTERNAL ---- */

static void STOX_S2S_50_external_only_when_the_certificate_covers_from(void **state)
{
    start();
    a.partner_domain = "*";
    fake_to_tls(&f, &a, CERT_THEIRS);
    fake_say(&f, HEADER_FROM("mallory.example", OURS)); /* another's name with our own good certificate */
    fake_expect(&f, "<policy-violation");
    fake_lacks(&f, "EXTERNAL");
    stop();
}

static void STOX_S2S_51_domain_or_equals_sign(void **state)
{
    static const char *const good[] = { AUTH("="), AUTH("ZmFicmlrYW0uZXhhbXBsZQ=="), AUTH("RkFCUklLQU0uZXhhbXBsZQ==") };

    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        start();
        fake_to_tls(&f, &a, CERT_THEIRS);
        fake_say(&f, HEADER);
        fake_expect(&f, "EXTERNAL");
        fake_say(&f, good[i]);
        fake_expect(&f, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
        stop();
    }
    start(); /* without initial response it is asked for */
    fake_to_tls(&f, &a, CERT_THEIRS);
    fake_say(&f, HEADER AUTH(""));
    fake_expect(&f, "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    fake_say(&f, "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    fake_expect(&f, "<success");
    stop();
    start_out(CERT_THEIRS); /* ours: the domain, for old peers */
    fake_serve(&server, false);
    stop_out();
}

static void sasl_refused(const char *say, const char *condition)
{
    char want[128];

    start();
    fake_to_tls(&f, &a, CERT_TWO_NAMES);
    fake_say(&f, HEADER);
    fake_expect(&f, "</stream:features>");
    fake_say(&f, say);
    snprintf(want, sizeof(want), "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><%s/></failure>", condition);
    fake_expect(&f, want);
    fake_say(&f, MESSAGE("j@" THEIRS, "r@" OURS, "x"));
    fake_expect(&f, "<not-authorized");
    assert_int_equal(a.n_got, 0);
    stop();
}

static void STOX_S2S_52_sasl_failures(void **state)
{
    sasl_refused(AUTH("bWFsbG9yeS5leGFtcGxl"), "invalid-authzid");
    sasl_refused(AUTH("dGFpbHNwaW4uZXhhbXBsZQ=="), "invalid-authzid"); /* in the certificate, but not this stream's */
    sasl_refused("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGEAYg==</auth>",
                 "invalid-mechanism");
    sasl_refused("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>=</auth>", "invalid-mechanism");
    sasl_refused("<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>", "aborted");
    sasl_refused("<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>=</response>", "malformed-request");
}

static void STOX_S2S_53_authzid_is_a_domain(void **state)
{
    sasl_refused(AUTH("dXNlckBmYWJyaWthbS5leGFtcGxl"), "invalid-authzid");
    sasl_refused(AUTH("ZmFicmlrYW0uZXhhbXBsZS94"), "invalid-authzid");
    sasl_refused(AUTH("AA=="), "invalid-authzid");
}

static void STOX_S2S_54_restart_after_success(void **state)
{
    char first[64];

    start();
    fake_to_tls(&f, &a, CERT_THEIRS);
    fake_say(&f, HEADER);
    fake_expect(&f, "EXTERNAL");
    snprintf(first, sizeof(first), "%s", fake_stream_id(&f));
    fake_say(&f, AUTH("=") MESSAGE("j@" THEIRS, "r@" OURS, "too soon"));
    fake_expect(&f, "<success");
    fake_lacks(&f, "</stream:stream>");
    fake_say(&f, "\n" HEADER);
    fake_expect(&f, "</stream:features>");
    assert_string_not_equal(fake_stream_id(&f), first);
    assert_int_equal(a.n_got, 0);
    stop();
}

static void STOX_S2S_55_from_stays_the_authenticated_domain(void **state)
{
    start();
    a.partner_domain = "*";
    fake_to_tls(&f, &a, CERT_TWO_NAMES);
    fake_say(&f, HEADER AUTH("="));
    fake_expect(&f, "<success");
    fake_say(&f, HEADER_FROM("tailspin.example", OURS));
    fake_expect(&f, "<invalid-from");
    fake_expect_closed(&f);
    stop();
}

static void STOX_S2S_56_three_failures_are_enough(void **state)
{
    start();
    fake_to_tls(&f, &a, CERT_THEIRS);
    fake_say(&f, HEADER AUTH("QUJD") AUTH("QUJD"));
    fake_expect(&f, "</failure>");
    fake_expect(&f, "</failure>");
    fake_lacks(&f, "<policy-violation");
    fake_say(&f, AUTH("QUJD"));
    fake_expect(&f, "<policy-violation");
    fake_expect_closed(&f);
    stop();
}

static void STOX_S2S_57_base64_is_strict(void **state)
{
    sasl_refused(AUTH("ZmFicmlrYW0uZXhhbXBsZQ="), "incorrect-encoding");
    sasl_refused(AUTH("ZmFicmlrYW0uZXhhbXBsZQ"), "incorrect-encoding");
    sasl_refused(AUTH("=mFicmlrYW0uZXhhbXBsZQ=="), "incorrect-encoding");
    sasl_refused(AUTH("ZmFicmlrYW0u ZXhhbXBsZQ=="), "incorrect-encoding");
    sasl_refused(AUTH("==="), "incorrect-encoding");
}

static void STOX_S2S_58_no_way_in_is_said_at_once(void **state)
{
    start();
    fake_to_tls(&f, &a, CERT_SELF_SIGNED);
    fake_say(&f, HEADER);
    fake_expect(&f, "<policy-violation");
    fake_expect(&f, "your certificate cannot be accepted");
    fake_expect_closed(&f);
    stop();
}

/* ---- dialback: the negotiation is in test_dialback, these are its rules one by one ---- */

static void key_for(char out[DIALBACK_KEY_LEN + 1], const char *receiving, const char *id)
{
    const struct dialback_pair pair = { slice_str(receiving), SLICE(OURS), slice_str(id) };

    assert_true(dialback_key(out, SLICE("0123456789abcdef-contoso"), &pair));
}

static void STOX_S2S_60_stanzas_wait_for_valid(void **state)
{
    char key[DIALBACK_KEY_LEN + 1];

    start();
    node_set(&a, XMPP_NOT_SUPPORTED, XMPP_NOT_SUPPORTED, true);
    fake_listen(&server, CERT_NONE);
    node_points_to(&a, listener_local(server.listener));
    assert_true(node_send(&a, 1, "x"));
    fake_expect(&server, "version='1.0'");
    fake_say(&server, SERVED "<stream:features/>");
    fake_expect(&server, "<db:result from='" OURS "' to='" THEIRS "'>");
    key_for(key, THEIRS, "i");
    fake_expect(&server, key);
    fake_lacks(&server, "<message");
    fake_say(&server, "<db:result xmlns:db='jabber:server:dialback' from='" THEIRS "' to='" OURS "' type='valid'/>");
    fake_expect(&server, "<message");
    stop_out();
}

static void STOX_S2S_61_key(void **state)
{
    static const struct dialback_pair pair = { SLICE("xmpp.example.com"), SLICE("example.org"), SLICE("D60000229F") };
    char key[DIALBACK_KEY_LEN + 1];

    assert_true(dialback_key(key, SLICE("s3cr3tf0rd14lb4ck"), &pair));
    assert_string_equal(key, "37c69b1cf07a3f67c04a5ef5902fa5114f2c76fe4a2686482ba5b89323075643");
}

static void STOX_S2S_62_verify_is_answered_without_memory(void **state)
{
    char key[DIALBACK_KEY_LEN + 1], say[500];

    start();
    fake_connect(&f, node_addr(&a), CERT_NONE);
    key_for(key, THEIRS, "any-id");
    snprintf(say, sizeof(say), HEADER "<db:verify from='" THEIRS "' to='" OURS "' id='any-id'>%s</db:verify>", key);
    fake_say(&f, say);
    fake_expect(&f, "<db:verify from='" OURS "' to='" THEIRS "' id='any-id' type='valid'/>");
    key[0] = key[0] == '0' ? '1' : '0';
    snprintf(say, sizeof(say), "<db:verify from='" THEIRS "' to='" OURS "' id='any-id'>%s</db:verify>", key);
    fake_say(&f, say);
    fake_expect(&f, "<db:verify from='" OURS "' to='" THEIRS "' id='any-id' type='invalid'/>");
    stop();
}

/* A clear stream whose sender's key is being verified. */
static const char *up_to_verify(void)
{
    static char id[64];

    start();
    node_set(&a, XMPP_OPTIONAL, XMPP_OPTIONAL, true);
    a.also = "second.example";
    fake_listen(&server, CERT_SELF_SIGNED);
    node_points_to(&a, listener_local(server.listener));
    fake_connect(&f, node_addr(&a), CERT_NONE);
    fake_say(&f, HEADER);
    fake_expect(&f, "</stream:features>");
    snprintf(id, sizeof(id), "%s", fake_stream_id(&f));
    fake_say(&f, RESULT(THEIRS, OURS, "abc"));
    fake_expect(&server, "version='1.0'");
    fake_say(&server, HEADER "<stream:features/>");
    fake_expect(&server, "<db:verify from='" OURS "' to='" THEIRS "' id='");
    fake_expect(&server, ">abc</db:verify>");
    return id;
}

static void say_verdict(struct fake *who, const char *id, const char *type)
{
    char text[300];

    snprintf(text, sizeof(text), "<db:verify from='" THEIRS "' to='" OURS "' id='%s' type='%s'/>", id, type);
    fake_say(who, text);
}

static void stop_verify(void)
{
    node_stop(&a);
    fake_close(&f);
    fake_close(&server);
}

static void STOX_S2S_63_verification_on_a_connection_of_its_own(void **state)
{
    up_to_verify();
    assert_int_equal(server.n_accepted, 1);
    fake_lacks(&f, "db:verify");
    stop_verify();
}

static void STOX_S2S_64_unsolicited_verdicts_change_nothing(void **state)
{
    const char *id = up_to_verify();

    say_verdict(&f, id, "valid");
    say_verdict(&server, "another", "valid");
    fake_lacks(&f, "type='valid'");
    fake_say(&f, MESSAGE("j@" THEIRS, "r@" OURS, "x"));
    fake_expect(&f, "<not-authorized");
    assert_int_equal(a.n_got, 0);
    stop_verify();
}

static void STOX_S2S_65_invalid_ends_the_stream(void **state)
{
    say_verdict(&server, up_to_verify(), "invalid");
    fake_expect(&f, "<db:result from='" OURS "' to='" THEIRS "' type='invalid'/></stream:stream>");
    stop_verify();
}

static void STOX_S2S_66_errors_are_not_fatal(void **state)
{
    up_to_verify();
    conn_abort(server.conn);
    fake_expect(&f, "type='error'><error type='cancel'><remote-server-timeout");
    fake_say(&f, RESULT(THEIRS, "unknown.example", "abc"));
    fake_expect(&f, "<item-not-found");
    fake_say(&f, RESULT("stranger.example", OURS, "abc"));
    fake_expect(&f, "<forbidden");
    fake_lacks(&f, "</stream:stream>");
    stop_verify();
}

static void STOX_S2S_67_errors_are_advertised(void **state)
{
    up_to_verify();
    assert_non_null(memmem(f.rx.p, f.rx.n, "<dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback>", 65));
    stop_verify();
}

static void STOX_S2S_68_every_pair_needs_its_proof(void **state)
{
    say_verdict(&server, up_to_verify(), "valid");
    fake_expect(&f, "type='valid'/>");
    fake_say(&f, MESSAGE("j@" THEIRS, "r@" OURS, "x"));
    rig_until(a.n_got == 1);
    fake_say(&f, MESSAGE("j@" THEIRS, "r@second.example", "x"));
    fake_expect(&f, "<invalid-from");
    assert_int_equal(a.n_got, 1);
    stop_verify();
}

static void STOX_S2S_69_dialback_without_dialback(void **state)
{
    start();
    node_set(&a, XMPP_REQUIRED, XMPP_OPTIONAL, true);
    fake_to_tls(&f, &a, CERT_THEIRS);
    fake_say(&f, HEADER RESULT(THEIRS, OURS, "k"));
    fake_expect(&f, "type='valid'/>");
    stop();
}

static void STOX_S2S_70_any_declared_prefix(void **state)
{
    start();
    node_set(&a, XMPP_REQUIRED, XMPP_OPTIONAL, true);
    fake_to_tls(&f, &a, CERT_THEIRS);
    fake_say(&f, RAW_HEADER("from='" THEIRS "' to='" OURS
                            "' version='1.0' xmlns:back='jabber:server:dialback'") "<back:result from='" THEIRS
                                                                                   "' to='" OURS "'>k</back:result>");
    fake_expect(&f, "<db:result from='" OURS "' to='" THEIRS "' type='valid'/>");
    stop();
}

static void STOX_S2S_71_no_dialback_in_clear_unless_allowed(void **state)
{
    start();
    node_set(&a, XMPP_REQUIRED, XMPP_OPTIONAL, true);
    fake_connect(&f, node_addr(&a), CERT_NONE);
    fake_say(&f, HEADER RESULT(THEIRS, OURS, "k"));
    fake_expect(&f, "type='error'><error type='cancel'><policy-violation");
    assert_int_equal(a.x->n_verifies, 0);
    stop();
}

/* ---- life ---- */

static void STOX_S2S_76_streams_are_one_way(void **state)
{
    start_out(CERT_THEIRS);
    fake_serve(&server, true);
    fake_expect(&server, "<message");
    fake_say(&server, MESSAGE("j@" THEIRS, "r@" OURS, "back"));
    rig_until(rig_logged("stream-ignored"));
    assert_int_equal(a.n_got, 0);
    assert_non_null(server.conn);
    stop_out();
}

static void STOX_S2S_77_nothing_unacknowledged_is_lost_in_silence(void **state)
{
    start_out(CERT_THEIRS);
    fake_serve(&server, true);
    fake_expect(&server, "id='t1'");
    node_send(&a, 2, "y");
    fake_expect(&server, "id='t2'");
    fake_say(&server, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
    conn_abort(server.conn);
    rig_until(server.n_accepted == 2);
    fake_serve(&server, true);
    fake_expect(&server, "id='t2'"); /* the same id, and only what was not acknowledged */
    fake_lacks(&server, "id='t1'");
    fake_say(&server, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
    assert_int_equal(node_fate(&a, 2), XMPP_FATE_CONFIRMED);
    fake_say(&server, "<a xmlns='urn:xmpp:sm:3' h='9'/>");
    fake_expect(&server, "<undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
                         "<text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>");
    fake_expect(&server, "<handled-count-too-high xmlns='urn:xmpp:sm:3' h='9' send-count='1'/>");
    stop_out();
}

/* A quiet stream of ours whose partner does not answer the test of it: by <r/> with stream management, else by ping. */
static void keep_alive_unanswered(bool sm)
{
    start_out(CERT_THEIRS);
    fake_serve(&server, sm);
    fake_expect(&server, sm ? "<r " : "<ping ");
    if (sm) {
        fake_say(&server, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
        node_fate(&a, 1);
    } else {
        xmpp_withdraw(a.x, 1);
        rig_advance(20000);
    }
    rig_advance(301000);
    fake_expect(&server, sm ? "<r " : "<ping ");
    rig_advance(59000);
    fake_lacks(&server, "<connection-timeout");
    assert_non_null(server.conn);
    rig_advance(1000);
    fake_expect(&server, "<connection-timeout xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>");
    fake_expect(&server, "</stream:stream>");
    fake_expect_closed(&server);
    assert_true(rig_logged("no answer within 60 s"));
    node_send(&a, 2, "y"); /* a new stream is opened for it */
    rig_until(server.n_accepted == 2);
    fake_serve(&server, sm);
    fake_expect(&server, "id='t2'");
    stop_out();
    buf_clear(&rig_log);
}

static void STOX_S2S_78_sixty_s_of_silence_after_a_test_end_the_stream(void **state)
{
    keep_alive_unanswered(true);
    keep_alive_unanswered(false);
}

/* One that answers, though late, is kept, and tested again. */
static void STOX_S2S_78_an_answer_keeps_the_stream(void **state)
{
    start_out(CERT_THEIRS);
    fake_serve(&server, true);
    fake_expect(&server, "<r ");
    fake_say(&server, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
    node_fate(&a, 1);
    rig_advance(301000);
    fake_expect(&server, "<r ");
    rig_advance(59000);
    fake_say(&server, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
    rig_turns(5);
    node_send(&a, 2, "y");
    fake_expect(&server, "id='t2'");
    fake_expect(&server, "<r ");
    fake_say(&server, "<a xmlns='urn:xmpp:sm:3' h='2'/>");
    node_fate(&a, 2);
    rig_advance(290000);
    fake_lacks(&server, "<connection-timeout");
    rig_advance(11000);
    fake_expect(&server, "<r ");
    assert_int_equal(server.n_accepted, 1);
    stop_out();
}

static void STOX_S2S_79_idle_streams_are_closed(void **state)
{
    start();
    fake_to_ready(&f, &a, CERT_THEIRS);
    rig_advance(601000);
    fake_expect(&f, "</stream:stream>");
    fake_say(&f, "</stream:stream>");
    fake_expect_closed(&f);
    stop();
}

/* ---- stanzas ---- */

static void STOX_S2S_80_addresses_are_needed(void **state)
{
    expect_error_ready("<message from='j@" THEIRS "'><body>x</body></message>", "improper-addressing");
    expect_error_ready("<message to='r@" OURS "'><body>x</body></message>", "improper-addressing");
    expect_error_ready("<message from='j@" THEIRS "' to=''><body>x</body></message>", "improper-addressing");
    expect_error_ready("<message from='' to='r@" OURS "'><body>x</body></message>", "improper-addressing");
}

static void STOX_S2S_81_other_hosts(void **state)
{
    expect_error_ready(MESSAGE("j@" THEIRS, "r@other.example", "x"), "host-unknown");
}

/* Threat I6. */
static void STOX_S2S_82_spoofed_senders(void **state)
{
    static const char *const from[] = {
        "j@mallory.example",
        "j@sub." THEIRS,
        "j@x" THEIRS,
        "j@" THEIRS ".example",
        THEIRS "@mallory.example",
        "j@mallory.example/" THEIRS,
        "mallory.example",
        OURS,
        "r@" OURS,
        "j@" THEIRS "@mallory.example",
        "j@FABRIKAM.exampl\xD0\xB5",
        "@mallory.example",
        "mallory.example/x@" THEIRS,
    };

    for (size_t i = 0; i < sizeof(from) / sizeof(*from); i++) {
        char say[300];

        snprintf(say, sizeof(say), "<message from='%s' to='r@" OURS "'><body>x</body></message>", from[i]);
        expect_error_ready(say, "invalid-from");
    }
    start(); /* the same domain in other letters is the same domain, and passes as what it is */
    fake_to_ready(&f, &a, CERT_THEIRS);
    fake_say(&f, MESSAGE("J@FABRIKAM.Example", "R@CONTOSO.example", "x"));
    rig_until(a.n_got == 1);
    assert_string_equal(a.got.p, "j@" THEIRS ">r@" OURS ":message:x\n");
    stop();
}

static void STOX_S2S_83_stanzas_are_sent_unprefixed(void **state)
{
    start_out(CERT_THEIRS);
    fake_serve(&server, true);
    fake_expect(&server, "<message from='romeo@" OURS "' to='juliet@" THEIRS "' id='t1'><body>x</body></message>");
    stop_out();
}

static void STOX_S2S_84_unknown_elements(void **state)
{
    expect_error_ready("<letter from='j@" THEIRS "' to='r@" OURS "'/>", "unsupported-stanza-type");
    expect_error_ready("<message xmlns='jabber:client' from='j@" THEIRS "' to='r@" OURS "'/>",
                       "unsupported-stanza-type");
}

static void STOX_S2S_85_faults_have_their_stream_error(void **state)
{
    expect_error_ready("<!-- c -->", "restricted-xml");
    expect_error_ready("<?pi?>", "restricted-xml");
    expect_error_clear("<!DOCTYPE a [<!ENTITY b 'c'>]>", "restricted-xml");
    expect_error_ready("<message from='j@" THEIRS "' to='r@" OURS "'><body>&nbsp;</body></message>", "restricted-xml");
    expect_error_ready("<a><b></a>", "not-well-formed");
    expect_error_ready("<x:message from='j@" THEIRS "' to='r@" OURS "'/>", "bad-namespace-prefix");
    expect_error_clear("<?xml version='1.0' encoding='UTF-16'?>" HEADER, "unsupported-encoding");
}

static void STOX_S2S_86_sizes(void **state)
{
    static const char head[] = "<message from='j@" THEIRS "' to='r@" OURS "'><body>", tail[] = "</body></message>";
    char *text = malloc(300001);

    start();
    fake_to_ready(&f, &a, CERT_THEIRS);
    memset(text, 'x', 300000);
    memcpy(text, head, sizeof(head) - 1);
    memcpy(text + 262144 - (sizeof(tail) - 1), tail, sizeof(tail));
    fake_say(&f, text);
    rig_until(a.n_got == 1);
    memset(text, 'x', 300000);
    memcpy(text, head, sizeof(head) - 1);
    memcpy(text + 262145 - (sizeof(tail) - 1), tail, sizeof(tail));
    fake_say(&f, text);
    fake_expect(&f, "<policy-violation");
    assert_int_equal(a.n_got, 1);
    free(text);
    stop();
}

/* What a stranger may send, and what a partner may: after SASL, or after dialback, which new features do not follow. */
static void STOX_S2S_87_the_longest_element_is_announced(void **state)
{
    static const struct {
        bool dialback;
        const char *before;
    } cases[] = { { false, "<max-bytes>16384</max-bytes>" }, { true, "<max-bytes>262144</max-bytes>" } };

    for (size_t i = 0; i < 2; i++) {
        start();
        node_set(&a, XMPP_REQUIRED, cases[i].dialback ? XMPP_OPTIONAL : XMPP_REQUIRED, cases[i].dialback);
        fake_to_tls(&f, &a, CERT_THEIRS);
        fake_say(&f, HEADER);
        fake_expect(&f, "<limits xmlns='urn:xmpp:stream-limits:0'>");
        fake_expect(&f, cases[i].before);
        fake_say(&f, AUTH("="));
        fake_expect(&f, "<success");
        fake_forget(&f);
        fake_say(&f, HEADER);
        fake_expect(&f, "<max-bytes>262144</max-bytes></limits></stream:features>");
        stop();
    }
}

static void STOX_S2S_88_depth(void **state)
{
    struct buf b;

    buf_init(&b, 65536);
    buf_str(&b, "<message from='j@" THEIRS "' to='r@" OURS "'>");
    for (int i = 0; i < 70; i++)
        buf_str(&b, "<a>");
    buf_char(&b, 0);
    expect_error_ready(b.p, "policy-violation");
    buf_free(&b);
}

static void STOX_S2S_89_order(void **state)
{
    struct buf want, say;

    buf_init(&want, 65536);
    buf_init(&say, 65536);
    start();
    fake_to_ready(&f, &a, CERT_THEIRS);
    for (int i = 0; i < 100; i++) {
        buf_printf(&say, MESSAGE("j@" THEIRS, "r@" OURS, "%d"), i);
        buf_printf(&want, "j@" THEIRS ">r@" OURS ":message:%d\n", i);
    }
    buf_char(&say, 0);
    fake_say(&f, say.p);
    rig_until(a.n_got == 100);
    assert_true(slice_eq(buf_slice(&a.got), buf_slice(&want)));
    buf_free(&say);
    buf_free(&want);
    stop();
}

/* ---- errors and close ---- */

static void STOX_S2S_90_stream_errors_are_fatal(void **state)
{
    start();
    fake_to_ready(&f, &a, CERT_THEIRS);
    fake_say(&f, "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>" MESSAGE(
                     "j@" THEIRS, "r@" OURS, "after it"));
    fake_expect(&f, "</stream:stream>");
    fake_expect_closed(&f);
    assert_int_equal(a.n_got, 0);
    stop();
}

static void STOX_S2S_91_unknown_errors_are_undefined(void **state)
{
    start();
    fake_to_ready(&f, &a, CERT_THEIRS);
    fake_say(&f, "<stream:error><brand-new xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>");
    fake_expect_closed(&f);
    assert_true(rig_logged("undefined-condition"));
    stop();
}

static void STOX_S2S_93_close_is_answered(void **state)
{
    start();
    fake_to_ready(&f, &a, CERT_THEIRS);
    fake_say(&f, MESSAGE("j@" THEIRS, "r@" OURS, "last") "</stream:stream>");
    fake_expect(&f, "</stream:stream>");
    fake_expect_closed(&f);
    assert_int_equal(a.n_got, 1);
    stop();
}

static void STOX_S2S_94_shutdown_is_said(void **state)
{
    start();
    fake_to_ready(&f, &a, CERT_THEIRS);
    node_stop(&a);
    fake_expect(&f, "<system-shutdown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>");
    fake_expect(&f, "</stream:stream>");
    fake_close(&f);
}

static void STOX_S2S_95_a_second_stream_is_allowed(void **state)
{
    struct fake second;

    start();
    fake_to_ready(&f, &a, CERT_THEIRS);
    fake_to_ready(&second, &a, CERT_THEIRS);
    fake_say(&second, MESSAGE("j@" THEIRS, "r@" OURS, "2"));
    fake_say(&f, MESSAGE("j@" THEIRS, "r@" OURS, "1"));
    rig_until(a.n_got == 2);
    fake_close(&second);
    stop();
}

static void STOX_S2S_96_limits_for_strangers(void **state)
{
    char *long_one = malloc(20001);

    memset(long_one, 'x', 20000);
    long_one[20000] = 0;
    memcpy(long_one, "<", 1);
    expect_error_clear(long_one, "policy-violation");
    start();
    fake_connect(&f, node_addr(&a), CERT_NONE);
    fake_say(&f, HEADER "<message>");
    fake_say(&f, long_one + 1);
    fake_expect(&f, "<policy-violation");
    stop();
    start();
    fake_connect(&f, node_addr(&a), CERT_NONE);
    fake_say(&f, HEADER);
    fake_expect(&f, "</stream:features>");
    rig_advance(30000);
    fake_expect(&f, "not authenticated within 30 s");
    fake_expect_closed(&f);
    stop();
    free(long_one);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        T(STOX_S2S_07_a_stalled_partner_is_given_up),
        T(STOX_S2S_10_initial_header),
        T(STOX_S2S_11_response_header),
        T(STOX_S2S_12_id_in_an_initial_header_is_ignored),
        T(STOX_S2S_13_wrong_namespaces),
        T(STOX_S2S_13_foreign_prefixes_that_are_bound),
        T(STOX_S2S_13_foreign_prefix_of_a_server),
        T(STOX_S2S_14_no_version),
        T(STOX_S2S_15_versions_are_numbers),
        T(STOX_S2S_16_unknown_host),
        T(STOX_S2S_17_header_without_names),
        T(STOX_S2S_20_features_follow_every_header),
        T(STOX_S2S_21_only_starttls_before_tls),
        T(STOX_S2S_22_no_starttls_inside_tls),
        T(STOX_S2S_23_features_after_tls),
        T(STOX_S2S_24_empty_features_end_the_negotiation),
        T(STOX_S2S_25_no_stanza_before_proof),
        T(STOX_S2S_26_starttls_is_tried_though_not_offered),
        T(STOX_S2S_30_tls_1_2_at_least),
        T(STOX_S2S_31_bytes_behind_starttls_are_thrown_away),
        T(STOX_S2S_32_after_tls_everything_is_new),
        T(STOX_S2S_33_failed_handshake_ends_without_words),
        T(STOX_S2S_34_both_sides_show_certificates),
        T(STOX_S2S_35_only_good_certificates_authenticate),
        T(STOX_S2S_36_the_domain_is_the_reference_not_the_host),
        T(STOX_S2S_38_ends_when_the_certificate_expires),
        T(STOX_S2S_37_never_in_clear_by_default),
        T(STOX_S2S_40_server_name_is_sent),
        T(STOX_S2S_41_no_compression),
        T(STOX_S2S_50_external_only_when_the_certificate_covers_from),
        T(STOX_S2S_51_domain_or_equals_sign),
        T(STOX_S2S_52_sasl_failures),
        T(STOX_S2S_53_authzid_is_a_domain),
        T(STOX_S2S_54_restart_after_success),
        T(STOX_S2S_55_from_stays_the_authenticated_domain),
        T(STOX_S2S_56_three_failures_are_enough),
        T(STOX_S2S_57_base64_is_strict),
        T(STOX_S2S_58_no_way_in_is_said_at_once),
        T(STOX_S2S_60_stanzas_wait_for_valid),
        T(STOX_S2S_61_key),
        T(STOX_S2S_62_verify_is_answered_without_memory),
        T(STOX_S2S_63_verification_on_a_connection_of_its_own),
        T(STOX_S2S_64_unsolicited_verdicts_change_nothing),
        T(STOX_S2S_65_invalid_ends_the_stream),
        T(STOX_S2S_66_errors_are_not_fatal),
        T(STOX_S2S_67_errors_are_advertised),
        T(STOX_S2S_68_every_pair_needs_its_proof),
        T(STOX_S2S_69_dialback_without_dialback),
        T(STOX_S2S_70_any_declared_prefix),
        T(STOX_S2S_71_no_dialback_in_clear_unless_allowed),
        T(STOX_S2S_76_streams_are_one_way),
        T(STOX_S2S_77_nothing_unacknowledged_is_lost_in_silence),
        T(STOX_S2S_78_sixty_s_of_silence_after_a_test_end_the_stream),
        T(STOX_S2S_78_an_answer_keeps_the_stream),
        T(STOX_S2S_79_idle_streams_are_closed),
        T(STOX_S2S_80_addresses_are_needed),
        T(STOX_S2S_81_other_hosts),
        T(STOX_S2S_82_spoofed_senders),
        T(STOX_S2S_83_stanzas_are_sent_unprefixed),
        T(STOX_S2S_84_unknown_elements),
        T(STOX_S2S_85_faults_have_their_stream_error),
        T(STOX_S2S_86_sizes),
        T(STOX_S2S_87_the_longest_element_is_announced),
        T(STOX_S2S_88_depth),
        T(STOX_S2S_89_order),
        T(STOX_S2S_90_stream_errors_are_fatal),
        T(STOX_S2S_91_unknown_errors_are_undefined),
        T(STOX_S2S_93_close_is_answered),
        T(STOX_S2S_94_shutdown_is_said),
        T(STOX_S2S_95_a_second_stream_is_allowed),
        T(STOX_S2S_96_limits_for_strangers),
    };

    return cmocka_run_group_tests_name("conformance/s2s", tests, NULL, NULL);
}
