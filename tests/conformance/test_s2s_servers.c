/* Partners with several servers: two sets of records, direct TLS, and what is done when one server fails. */
#include <stdio.h>

#include "connect_rig.h"
#include "xmpp/redirect.h"
#include "xmpp/trace.h"

static struct fake second;

static uint16_t port_of(const struct fake *f)
{
    return addr_port(listener_local(f->listener));
}

/* ---- which servers ---- */

static void STOX_S2S_04_both_sets_in_one_list(void **state)
{
    connect_srv(20, 0, good_port, "late.example");
    connect_direct(10, 0, dead_port, "early.example");
    connect_direct(30, 0, good_port, "last.example");
    connect_run(THEIRS, "");
    assert_non_null(
        strstr(names.asked, "_xmpp-server._tcp." THEIRS ":0 _xmpps-server._tcp." THEIRS ":0 early.example:"));
    assert_null(strstr(names.asked, "last.example"));
    assert_non_null(got);
    assert_false(got_direct);
    connect_again();
    assert_non_null(got);
    assert_true(got_direct);
    connect_again();
    assert_null(got);
    assert_int_equal(fate, XMPP_FATE_UNREACHABLE);
}

/* What one set says says nothing about the other. */
static void STOX_S2S_04_what_each_set_says(void **state)
{
    static const struct {
        enum dns_status starttls, direct;
        const char *starttls_target, *direct_target; /* with DNS_OK */
        int outcome; /* 0: by STARTTLS, 1: direct, 2: the domain, 3: none, 4: not known */
    } cases[] = {
        { DNS_OK, DNS_OK, "a.example", "", 0 },       { DNS_OK, DNS_OK, "", "b.example", 1 },
        { DNS_OK, DNS_NO_NAME, "", NULL, 3 },         { DNS_OK, DNS_OK, "", "", 3 },
        { DNS_NO_NAME, DNS_OK, NULL, "", 2 },         { DNS_NO_DATA, DNS_OK, NULL, "b.example", 1 },
        { DNS_FAILED, DNS_OK, NULL, "b.example", 1 }, { DNS_OK, DNS_FAILED, "a.example", NULL, 0 },
        { DNS_FAILED, DNS_NO_NAME, NULL, NULL, 4 },   { DNS_FAILED, DNS_OK, NULL, "", 4 },
        { DNS_NO_NAME, DNS_FAILED, NULL, NULL, 2 },   { DNS_OK, DNS_FAILED, "", NULL, 4 },
        { DNS_NO_NAME, DNS_NO_NAME, NULL, NULL, 2 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        names.n_srv = names.n_direct = 0;
        if (cases[i].starttls == DNS_OK)
            connect_srv(0, 0, good_port, cases[i].starttls_target);
        if (cases[i].direct == DNS_OK)
            connect_direct(0, 0, good_port, cases[i].direct_target);
        names.srv_status = cases[i].starttls;
        names.direct_status = cases[i].direct;
        names.asked[0] = '\0';
        connect_run(THEIRS, "");
        assert_int_equal(got != NULL, cases[i].outcome < 3);
        assert_int_equal(got && got_direct, cases[i].outcome == 1);
        assert_int_equal(strstr(names.asked, " " THEIRS ":") != NULL, cases[i].outcome == 2);
        if (!got)
            assert_int_equal(fate, cases[i].outcome == 3 ? XMPP_FATE_NO_SERVER : XMPP_FATE_UNREACHABLE);
    }
}

static void STOX_S2S_04_not_where_TLS_is_turned_off(void **state)
{
    a.partner.tls = XMPP_NOT_SUPPORTED;
    connect_srv(20, 0, good_port, "a.example");
    connect_direct(10, 0, good_port, "b.example");
    connect_run(THEIRS, "");
    assert_null(strstr(names.asked, "_xmpps"));
    assert_false(got_direct);
}

/* Some DNS servers never answer what they do not know. */
static void test_a_set_without_answer_is_not_waited_for_long(void **state)
{
    static const char *const mute[] = { "_xmpps-", "_xmpp-" };

    connect_srv(0, 0, good_port, "a.example");
    connect_direct(0, 0, good_port, "b.example");
    for (size_t i = 0; i < 2; i++) {
        struct xmpp_connect_to to = { .remote = SLICE(THEIRS) };
        struct xmpp_connect *c;

        names.mute = mute[i];
        over = false;
        c = xmpp_connect_start(a.x, &to, &connect_ops, NULL, NULL);
        rig_turns(3);
        assert_false(over);
        rig_advance(2000);
        rig_until(over);
        assert_int_equal(got_direct, i == 1);
        conn_detach(got);
        got = NULL;
        xmpp_connect_cancel(c);
    }
}

static void STOX_S2S_42_records_at_the_port_of_direct_TLS(void **state)
{
    char asked[64];

    connect_srv(20, 0, dead_port, "a.example");
    connect_direct(10, 0, good_port, "a.example");
    for (int i = CONNECT_SRV; i <= CONNECT_TLSA; i++)
        names.secure[i] = true;
    names.tlsa[0] = (struct dane_record){ 3, 1, 0, SLICE("a key") };
    names.n_tlsa = 1;
    connect_run(THEIRS, "");
    assert_true(got_direct && got_dane && got_dane->n == 1);
    snprintf(asked, sizeof(asked), "a.example:%u a.example:%u ", good_port, good_port); /* addresses, TLSA */
    assert_non_null(strstr(names.asked, asked));
}

/* Nobody's DNS makes us knock at more doors than this. */
static void test_only_so_many_addresses(void **state)
{
    for (int i = 0; i < 8; i++) {
        connect_srv(1, 0, dead_port, "a.example");
        connect_direct(2, 0, dead_port, "b.example");
    }
    names.addrs[0] = "127.0.0.1";
    for (int i = 1; i < 4; i++)
        names.addrs[i] = "127.0.0.5";
    connect_run(THEIRS, "");
    assert_null(got);
    names.n_srv = names.n_direct = 8;
}

/* ---- set-ups that go on ---- */

static int setup(void **state)
{
    connect_setup(state);
    fake_listen(&second, CERT_THEIRS);
    node_set(&a, XMPP_REQUIRED, XMPP_REQUIRED, false);
    return 0;
}

static int teardown(void **state)
{
    fake_close(&second);
    return connect_teardown(state);
}

/* good first, then second. */
static void two_servers(void)
{
    names.addrs[1] = NULL;
    connect_srv(10, 0, good_port, "first.example");
    connect_srv(20, 0, port_of(&second), "second.example");
}

static void serve(struct fake *f)
{
    rig_until(f->n_accepted > 0 && f->conn);
    fake_serve(f, true);
    fake_expect(f, "<message");
    fake_expect(f, "<r ");
    fake_say(f, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
}

#define ERROR(condition) "<stream:error><" condition " xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>"
#define ANSWER                                                                                                         \
    "<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' "       \
    "from='" THEIRS "' id='i' version='1.0'>"

static void break_first(const char *how)
{
    rig_until(good.n_accepted > 0 && good.conn);
    fake_expect(&good, "version='1.0'");
    if (how)
        fake_say(&good, how);
    else
        conn_abort(good.conn);
}

static void test_the_next_server_after_a_failed_set_up(void **state)
{
    static const char *const ways[] = {
        NULL,
        ANSWER ERROR("host-unknown"),
        ANSWER ERROR("remote-connection-failed"),
        ANSWER "</stream:stream>",
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        ANSWER "<stream:features/>",
    };

    two_servers();
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        assert_true(node_send(&a, i + 1, "x"));
        break_first(ways[i]);
        if (i + 1 == sizeof(ways) / sizeof(ways[0])) { /* TLS is required: asked for, though it was not offered */
            fake_expect(&good, "<starttls");
            fake_say(&good, "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>");
        }
        serve(&second);
        assert_int_equal(node_fate(&a, i + 1), XMPP_FATE_CONFIRMED);
        conn_abort(second.conn);
        rig_until(!second.conn);
        rig_turns(5);
        good.n_accepted = second.n_accepted = 0;
        rig_advance(20000);
    }
}

static void test_the_next_server_when_one_is_silent(void **state)
{
    two_servers();
    assert_true(node_send(&a, 1, "x"));
    rig_until(good.n_accepted > 0);
    fake_expect(&good, "version='1.0'");
    rig_advance(10000);
    serve(&second);
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
}

static void test_the_next_server_after_broken_TLS(void **state)
{
    two_servers();
    assert_true(node_send(&a, 1, "x"));
    break_first(ANSWER "<stream:features>" STARTTLS "</stream:features>");
    fake_expect(&good, "<starttls");
    fake_say(&good, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    fake_expect(&good, "\x16\x03");
    fake_say(&good, "this is no TLS");
    serve(&second);
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
    assert_true(rig_logged("stream-next-server"));
}

/* Both fail: of the two reasons the one that says more is told. */
static void test_the_most_telling_failure(void **state)
{
    two_servers();
    names.n_srv = 1;
    connect_srv(20, 0, dead_port, "dead.example");
    assert_true(node_send(&a, 1, "x"));
    break_first(ANSWER ERROR("host-unknown"));
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_UNREACHABLE);
    assert_non_null(strstr(a.fates[0].why, "the partner sent host-unknown"));
}

static void test_a_refused_certificate_is_the_servers_own_affair(void **state)
{
    fake_close(&good);
    fake_listen(&good, CERT_MALLORY);
    good_port = port_of(&good);
    two_servers();
    assert_true(node_send(&a, 1, "x"));
    break_first(ANSWER "<stream:features>" STARTTLS "</stream:features>");
    fake_expect(&good, "<starttls");
    fake_say(&good, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    fake_tls_server(&good);
    fake_expect(&good, "version='1.0'");
    fake_say(&good, ANSWER "<stream:features/>");
    rig_until(second.n_accepted > 0);
    conn_abort(second.conn);
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_REFUSED);
    assert_non_null(strstr(a.fates[0].why, "the partner's certificate cannot be accepted"));
    assert_non_null(strstr(a.fates[0].why, "2 of the partner's servers failed; at 127.0.0.1:"));
}

/* ---- back-off ---- */

static void fail_once(uint64_t token)
{
    names.srv_status = DNS_FAILED;
    assert_true(node_send(&a, token, "x"));
    assert_int_equal(node_fate(&a, token), XMPP_FATE_UNREACHABLE);
}

static void STOX_S2S_06_it_grows_with_each_failure(void **state)
{
    static const unsigned least_s[] = { 1, 10, 20, 40, 80, 160 };
    uint64_t token = 1;

    for (size_t i = 0; i < sizeof(least_s) / sizeof(least_s[0]); i++) {
        fail_once(token++);
        rig_advance(least_s[i] * 1000u - 100);
        assert_false(node_send(&a, token, "x")); /* at once, with the fate that is remembered */
        assert_int_equal(node_fate(&a, token++), XMPP_FATE_UNREACHABLE);
        rig_advance((i == 0 ? 9 : least_s[i]) * 1000u + 100);
    }
}

static void STOX_S2S_06_a_stream_from_the_partner_ends_it(void **state)
{
    struct fake from_them;

    two_servers();
    fail_once(1);
    names.srv_status = DNS_OK;
    assert_false(node_send(&a, 2, "x"));
    fake_to_ready(&from_them, &a, CERT_THEIRS);
    assert_true(node_send(&a, 3, "x"));
    fake_close(&from_them);
    xmpp_withdraw(a.x, 3);
}

static void STOX_S2S_06_a_changed_setting_ends_it(void **state)
{
    two_servers();
    fail_once(1);
    names.srv_status = DNS_OK;
    xmpp_reconsider(a.x);
    assert_true(node_send(&a, 3, "x"));
    xmpp_withdraw(a.x, 3);
}

/* Threats B3: no second sees more than fifty set-ups, and all have had theirs within two minutes. */
static void STOX_S2S_06_a_thousand_pairs_at_once(void **state)
{
    uint64_t before = 0;
    char domain[64];
    enum xmpp_fate f;

    a.partner_domain = "*";
    names.srv_status = DNS_FAILED; /* each set-up ends at once, and is counted */
    for (int i = 0; i < 1000; i++) {
        snprintf(domain, sizeof(domain), "d%d.example", i);
        assert_true(xmpp_send(a.x, SLICE(OURS), slice_str(domain), SLICE("<message/>"), 0, &f));
    }
    rig_turns(5);
    for (int s = 0; s < 120 && before < 1000; s++) {
        for (int i = 0; i < 10; i++)
            rig_advance(100);
        assert_in_range(xmpp_counters(a.x)->streams_failed - before, 0, 50);
        before = xmpp_counters(a.x)->streams_failed;
    }
    assert_int_equal(before, 1000);
}

/* ---- direct TLS ---- */

/* The client's hello in the record layer: handshake, and what stands in clear in it. */
static void STOX_S2S_04_TLS_comes_first_with_name_and_protocol(void **state)
{
    static const char *const wanted[] = { "\x16\x03", THEIRS, "\x0bxmpp-server" };

    names.addrs[1] = NULL;
    connect_direct(10, 0, good_port, "direct.example");
    assert_true(node_send(&a, 1, "x"));
    rig_until(good.rx.n > 100);
    for (size_t i = 0; i < 3; i++)
        assert_non_null(memmem(good.rx.p, good.rx.n, wanted[i], strlen(wanted[i])));
    assert_null(memmem(good.rx.p, good.rx.n, "<stream", 7));
}

static void STOX_S2S_04_no_STARTTLS_inside(void **state)
{
    names.addrs[1] = NULL;
    second.direct = true;
    connect_direct(10, 0, port_of(&second), "direct.example");
    assert_true(node_send(&a, 1, "x"));
    rig_until(second.secured);
    fake_expect(&second, "version='1.0'");
    fake_say(&second, ANSWER "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
                             "<mechanism>EXTERNAL</mechanism></mechanisms></stream:features>");
    fake_expect(&second, "</auth>");
    fake_lacks(&second, "starttls");
}

static void STOX_S2S_04_certificates_count_as_after_STARTTLS(void **state)
{
    fake_close(&second);
    fake_listen(&second, CERT_MALLORY);
    second.direct = true;
    names.addrs[1] = NULL;
    connect_direct(10, 0, port_of(&second), "direct.example");
    assert_true(node_send(&a, 1, "x"));
    rig_until(second.secured);
    fake_expect(&second, "version='1.0'");
    fake_say(&second, ANSWER "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
                             "<mechanism>EXTERNAL</mechanism></mechanisms></stream:features>");
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_REFUSED);
}

/* ---- see-other-host ---- */

static void serve_until_ready(struct fake *f)
{
    rig_until(f->n_accepted > 0 && f->conn);
    fake_serve(f, true);
}

static void say_other(struct fake *f, uint16_t port)
{
    char text[300];

    snprintf(text, sizeof(text),
             "<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'> other.example:%u "
             "</see-other-host></stream:error></stream:stream>",
             port);
    fake_say(f, text);
}

static int setup_theirs(void **state)
{
    setup(state);
    fake_close(&good);
    fake_listen(&good, CERT_THEIRS);
    good_port = port_of(&good);
    names.addrs[1] = NULL;
    connect_srv(10, 0, good_port, "first.example");
    return 0;
}

static void STOX_S2S_92_followed_when_both_are_authenticated(void **state)
{
    assert_true(node_send(&a, 1, "x"));
    serve_until_ready(&good);
    fake_expect(&good, "<message");
    say_other(&good, port_of(&second));
    serve(&second);
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
    assert_non_null(strstr(names.asked, " other.example:"));
}

static void STOX_S2S_92_not_before(void **state)
{
    assert_true(node_send(&a, 1, "x"));
    rig_until(good.n_accepted > 0);
    fake_expect(&good, "version='1.0'");
    fake_say(&good, ANSWER);
    say_other(&good, port_of(&second));
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_UNREACHABLE);
    assert_null(strstr(names.asked, "other.example"));
}

static void STOX_S2S_92_nor_to_where_no_name_may_lead(void **state)
{
    connect_networks("127.0.0.1");
    assert_true(node_send(&a, 1, "x"));
    serve_until_ready(&good);
    fake_expect(&good, "<message");
    names.addrs[0] = "127.0.0.9";
    say_other(&good, port_of(&second));
    rig_until(rig_logged("127.0.0.9"));
    assert_int_equal(second.n_accepted, 0);
    xmpp_withdraw(a.x, 1);
}

static void STOX_S2S_92_at_most_three_hops(void **state)
{
    const struct xmpp_redirect to = { .host = "other.example", .port = 5269 };
    struct xmpp_redirect out;
    struct xmpp_redirects r;

    xmpp_redirects_init(&r);
    for (int i = 0; i < XMPP_REDIRECT_HOPS_MAX; i++) {
        assert_true(xmpp_redirects_note(&r, SLICE(OURS), SLICE(THEIRS), &to, 1000));
        assert_true(xmpp_redirects_take(&r, SLICE(OURS), SLICE(THEIRS), 1000, &out));
        assert_false(xmpp_redirects_take(&r, SLICE(OURS), SLICE(THEIRS), 1000, &out));
    }
    assert_false(xmpp_redirects_note(&r, SLICE(OURS), SLICE(THEIRS), &to, 1000));
    assert_true(xmpp_redirects_note(&r, SLICE(OURS), SLICE(THEIRS), &to, 1000));
    assert_false(xmpp_redirects_take(&r, SLICE(OURS), SLICE(THEIRS), 1000 + XMPP_REDIRECT_MS, &out)); /* too old */
    for (unsigned i = 0; i < XMPP_REDIRECTS_MAX + 5; i++)
        assert_true(xmpp_redirects_note(&r, slice_of((const char *)&i, sizeof(i)), SLICE(THEIRS), &to, 1000));
    assert_int_equal(r.n, XMPP_REDIRECTS_MAX);
    xmpp_redirects_fini(&r);
}

static void test_what_a_redirection_may_say(void **state)
{
    static const struct {
        const char *text, *host;
        uint16_t port;
        bool is_ip;
    } cases[] = {
        { " other.example:9222\n", "other.example", 9222, false },
        { "Other.Example", "other.example", 0, false },
        { "[2001:db8::1]:9222", "2001:db8::1", 9222, true },
        { "192.0.2.1", "192.0.2.1", 5269, true },
        { "", NULL, 0, false },
        { "other.example:0", NULL, 0, false },
        { "other.example:70000", NULL, 0, false },
        { "a b", NULL, 0, false },
        { "[2001:db8::1", NULL, 0, false },
        { "other.example:52:69", NULL, 0, false },
        { "192.0.2.1:0", NULL, 0, false },
        { "192.0.2.1.", NULL, 0, false },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct xmpp_redirect r;

        if (xmpp_redirect_parse(slice_str(cases[i].text), &r) != (cases[i].host != NULL))
            fail_msg("%s", cases[i].text);
        if (!cases[i].host)
            continue;
        assert_string_equal(r.host, cases[i].host);
        assert_int_equal(r.port, cases[i].port);
        assert_int_equal(r.is_ip, cases[i].is_ip);
    }
}

/* ---- what an administrator reads ---- */

static void note_entry(void *arg, const struct step *e)
{
    struct buf *b = arg;

    buf_printf(b, "%s %d %.*s\n", xmpp_step_name((enum xmpp_step)e->kind), (int)e->result, SLICE_FMT(e->text));
}

static void test_the_trace_tells_each_look_up_and_address(void **state)
{
    struct xmpp_connect_to to = { .remote = SLICE(THEIRS) };
    struct xmpp_trace *trace = xmpp_trace_new();
    struct xmpp_connect *c;
    static const char *const said[] = {
        "dns 0 _xmpp-server._tcp." THEIRS ": a.example:",
        "dns 2 _xmpps-server._tcp." THEIRS ": no SRV records (not secured by DNSSEC)",
        "dns 0 a.example is at 127.0.0.1, 224.0.0.1 (not secured by DNSSEC)",
        "connect 1 cannot connect to 127.0.0.1:",
        "connect 1 " THEIRS ": its server a.example is at 224.0.0.1:",
        "connect 0 connected to 127.0.0.1:",
    };
    struct buf b;

    connect_srv(10, 0, dead_port, "a.example");
    connect_srv(20, 0, good_port, "b.example");
    c = xmpp_connect_start(a.x, &to, &connect_ops, NULL, trace);
    rig_until(over);
    assert_non_null(got);
    buf_init(&b, 65536);
    xmpp_trace_each(trace, note_entry, &b);
    buf_char(&b, '\0');
    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
        if (!strstr(b.p, said[i]))
            fail_msg("awaited: %s\ngot: %s", said[i], b.p);
    buf_free(&b);
    xmpp_connect_cancel(c);
    xmpp_trace_free(trace);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define U(name) cmocka_unit_test_setup_teardown(name, setup_theirs, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONNECT_TEST(STOX_S2S_04_both_sets_in_one_list),
        CONNECT_TEST(STOX_S2S_04_what_each_set_says),
        CONNECT_TEST(STOX_S2S_04_not_where_TLS_is_turned_off),
        CONNECT_TEST(test_a_set_without_answer_is_not_waited_for_long),
        CONNECT_TEST(STOX_S2S_42_records_at_the_port_of_direct_TLS),
        CONNECT_TEST(test_only_so_many_addresses),
        T(test_the_next_server_after_a_failed_set_up),
        T(test_the_next_server_when_one_is_silent),
        T(test_the_next_server_after_broken_TLS),
        T(test_the_most_telling_failure),
        T(test_a_refused_certificate_is_the_servers_own_affair),
        T(STOX_S2S_06_it_grows_with_each_failure),
        T(STOX_S2S_06_a_stream_from_the_partner_ends_it),
        T(STOX_S2S_06_a_changed_setting_ends_it),
        T(STOX_S2S_06_a_thousand_pairs_at_once),
        T(STOX_S2S_04_TLS_comes_first_with_name_and_protocol),
        T(STOX_S2S_04_no_STARTTLS_inside),
        T(STOX_S2S_04_certificates_count_as_after_STARTTLS),
        U(STOX_S2S_92_followed_when_both_are_authenticated),
        U(STOX_S2S_92_not_before),
        U(STOX_S2S_92_nor_to_where_no_name_may_lead),
        cmocka_unit_test(STOX_S2S_92_at_most_three_hops),
        cmocka_unit_test(test_what_a_redirection_may_say),
        CONNECT_TEST(test_the_trace_tells_each_look_up_and_address),
    };

    return cmocka_run_group_tests_name("conformance/s2s_servers", tests, NULL, NULL);
}
