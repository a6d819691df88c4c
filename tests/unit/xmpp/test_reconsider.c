/* Settings that change while streams are up: what is not allowed any more ends with the right words, the rest stays. */
#include <stdio.h>

#include "s2s_rig.h"
#include "xmpp/dialback_key.h"

#define TAILSPIN "tailspin.example"
#define RESULT(from, to) "<db:result from='" from "' to='" to "'>k</db:result>"
#define VALID(from, to) "<db:result from='" from "' to='" to "' type='valid'/>"
#define SERVED                                                                                                         \
    "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' "                            \
    "xmlns:db='jabber:server:dialback' id='i' version='1.0'>"
#define OFFER "<stream:features>" STARTTLS "</stream:features>"

static struct node a, b;
static struct fake f, g, server;

static void reconsider(void)
{
    xmpp_reconsider(a.x);
    rig_turns(2);
}

static bool send_to(const char *remote, uint64_t token, enum xmpp_fate *fate)
{
    return xmpp_send(a.x, SLICE(OURS), slice_str(remote), SLICE("<message><body>x</body></message>"), token, fate);
}

/* a is linked to THEIRS both ways, and TAILSPIN, a partner of its own, has a stream to a. */
static void start_two_partners(void)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    node_start(&b, THEIRS, OURS, CERT_THEIRS);
    node_points_to(&a, node_addr(&b));
    node_points_to(&b, node_addr(&a));
    a.second_domain = TAILSPIN;
    a.second = a.partner;
    a.second.name = SLICE(TAILSPIN);
    assert_true(node_send(&a, 1, "x"));
    assert_true(node_send(&b, 1, "x"));
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
    assert_int_equal(node_fate(&b, 1), XMPP_FATE_CONFIRMED);
    fake_connect(&f, node_addr(&a), CERT_TWO_NAMES);
    fake_say(&f, HEADER_FROM(TAILSPIN, OURS) STARTTLS);
    fake_expect(&f, "<proceed");
    fake_tls_client(&f);
    fake_say(&f, HEADER_FROM(TAILSPIN, OURS));
    fake_expect(&f, "<mechanism>EXTERNAL</mechanism>");
    fake_say(&f, AUTH("="));
    fake_expect(&f, "<success");
    fake_forget(&f);
    fake_say(&f, HEADER_FROM(TAILSPIN, OURS));
    fake_expect(&f, "</stream:features>");
    assert_int_equal(xmpp_counters(a.x)->streams_authenticated, 3);
}

static void stop_two_partners(void)
{
    node_stop(&a);
    node_stop(&b);
    fake_close(&f);
}

/* Among very many streams its turn comes later; what it says before that is judged by the new settings all the same. */
static void a_stream_that_speaks_before_its_turn_is_judged_then(void **state)
{
    start_two_partners();
    fake_say(&f, "<message from='x@" TAILSPIN "' to='y@" OURS "'><body>taken</body></message>");
    rig_until(a.n_got == 2);
    a.second_domain = NULL;
    a.x->look++; /* as in the middle of a look */
    fake_say(&f, "<message from='x@" TAILSPIN "' to='y@" OURS "'><body>too late</body></message>");
    fake_expect(&f, "<policy-violation");
    assert_int_equal(a.n_got, 2);
    stop_two_partners();
}

static void a_removed_partner_is_shown_out_and_the_others_stay(void **state)
{
    enum xmpp_fate fate;

    start_two_partners();
    a.partner_domain = "nobody.example";
    assert_false(send_to(THEIRS, 50, &fate)); /* from that moment */
    assert_int_equal(fate, XMPP_FATE_REFUSED);
    reconsider();
    rig_until(xmpp_counters(b.x)->streams == 0);
    assert_int_equal(xmpp_counters(a.x)->streams, 1);
    assert_false(xmpp_is_linked(a.x, SLICE(THEIRS)));
    assert_true(xmpp_is_linked(a.x, SLICE(TAILSPIN)));
    assert_true(rig_logged("we sent policy-violation: there is no longer a federation with your domain"));
    assert_true(rig_logged("the partner sent policy-violation"));
    a.n_got = 0;
    fake_say(&f, MESSAGE("j@" TAILSPIN, "r@" OURS, "still there"));
    rig_until(a.n_got == 1);
    fake_lacks(&f, "stream:error");
    stop_two_partners();
}

static void a_partner_that_is_back_is_connected_to_at_once(void **state)
{
    start_two_partners();
    a.partner_domain = "nobody.example";
    reconsider();
    rig_until(xmpp_counters(b.x)->streams == 0);
    a.partner_domain = THEIRS;
    reconsider();
    assert_true(node_send(&a, 2, "again"));
    assert_int_equal(node_fate(&a, 2), XMPP_FATE_CONFIRMED);
    stop_two_partners();
}

static void nothing_ends_when_nothing_is_tightened(void **state)
{
    start_two_partners();
    for (int i = 0; i < 3; i++) {
        node_set(&a, XMPP_OPTIONAL, XMPP_OPTIONAL, i != 1); /* looser than what the streams have */
        reconsider();
    }
    rig_turns(5);
    assert_int_equal(xmpp_counters(a.x)->streams_authenticated, 3);
    assert_int_equal(xmpp_counters(b.x)->streams_authenticated, 2);
    fake_lacks(&f, "stream:error");
    assert_true(node_send(&a, 2, "x"));
    assert_int_equal(node_fate(&a, 2), XMPP_FATE_CONFIRMED);
    assert_int_equal(xmpp_counters(a.x)->streams_opened, 3);
    stop_two_partners();
}

/* What waits for a partner that is removed: never written is refused, written without an answer is lost. */
static void what_waits_for_a_removed_partner_has_its_fate(void **state)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    fake_listen(&server, CERT_THEIRS);
    node_points_to(&a, listener_local(server.listener));
    assert_true(node_send(&a, 1, "x"));
    fake_expect(&server, "version='1.0'");
    a.partner_domain = "nobody.example";
    reconsider();
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_REFUSED);
    fake_expect(&server, "<policy-violation");
    fake_expect(&server, "</stream:stream>");
    fake_expect_closed(&server);
    a.partner_domain = THEIRS;
    reconsider();
    assert_true(node_send(&a, 2, "x"));
    rig_until(server.n_accepted == 2);
    fake_serve(&server, true);
    fake_expect(&server, "<message");
    a.partner_domain = "nobody.example";
    reconsider();
    assert_int_equal(node_fate(&a, 2), XMPP_FATE_LOST);
    fake_expect(&server, "<policy-violation");
    node_stop(&a);
    fake_close(&server);
}

/* Between two attempts nothing is connected: what waits is settled all the same. */
static void what_waits_between_attempts_has_its_fate(void **state)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    fake_listen(&server, CERT_THEIRS);
    node_points_to(&a, listener_local(server.listener));
    assert_true(node_send(&a, 1, "x"));
    fake_serve(&server, true);
    fake_expect(&server, "<message");
    conn_close(server.conn); /* written, and no acknowledgement: it is tried again */
    rig_until(server.n_accepted == 2);
    conn_close(server.conn);
    rig_until(!server.conn);
    rig_turns(3);
    assert_false(node_has_fate(&a, 1));
    a.partner_domain = "nobody.example";
    reconsider();
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_LOST);
    node_stop(&a);
    fake_close(&server);
}

static void a_domain_of_ours_that_is_gone_is_host_gone(void **state)
{
    start_two_partners();
    a.domain = "moved.example";
    reconsider();
    rig_until(xmpp_counters(b.x)->streams == 0);
    fake_expect(&f, "<host-gone");
    fake_expect(&f, "the domain is not served here any more");
    fake_expect_closed(&f);
    assert_int_equal(xmpp_counters(a.x)->streams, 0);
    stop_two_partners();
}

/* ---- tightened ---- */

/* Ready for stanzas, proven by dialback, in clear or inside TLS. */
static void serve_dialback(bool tls)
{
    fake_expect(&server, "version='1.0'");
    fake_say(&server, SERVED);
    if (tls) {
        fake_say(&server, OFFER);
        fake_expect(&server, "<starttls");
        fake_say(&server, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
        fake_tls_server(&server);
        fake_expect(&server, "version='1.0'");
        fake_say(&server, SERVED);
    }
    fake_say(&server, "<stream:features/>");
    fake_expect(&server, "<db:result");
    fake_say(&server, VALID(THEIRS, OURS));
    fake_expect(&server, "<message");
}

struct tightening {
    bool tls; /* the stream that is there is inside TLS */
    enum xmpp_need tls_then, sasl_then;
    bool dialback_then;
    const char *text; /* of the stream error; NULL: the stream stays */
};

static const struct tightening tightenings[] = {
    { false, XMPP_REQUIRED, XMPP_OPTIONAL, true, "TLS is required for your domain now" },
    { false, XMPP_OPTIONAL, XMPP_OPTIONAL, false, "dialback is not accepted any more" },
    { false, XMPP_OPTIONAL, XMPP_REQUIRED, true, NULL }, /* the matrix: dialback in clear is still allowed */
    { false, XMPP_NOT_SUPPORTED, XMPP_NOT_SUPPORTED, true, NULL },
    { true, XMPP_REQUIRED, XMPP_OPTIONAL, true, NULL },
    { true, XMPP_REQUIRED, XMPP_REQUIRED, true, "SASL EXTERNAL is required for your domain now" },
    { true, XMPP_REQUIRED, XMPP_OPTIONAL, false, "dialback is not accepted any more" },
    { true, XMPP_NOT_SUPPORTED, XMPP_NOT_SUPPORTED, true, "TLS is not used with your domain any more" },
};
#define N_TIGHTENINGS (sizeof(tightenings) / sizeof(tightenings[0]))

static void outbound_streams_by_dialback_end_when_it_is_not_allowed(void **state)
{
    for (size_t i = 0; i < N_TIGHTENINGS; i++) {
        const struct tightening *t = &tightenings[i];

        buf_clear(&rig_log);
        node_start(&a, OURS, THEIRS, CERT_OURS);
        node_set(&a, XMPP_OPTIONAL, XMPP_OPTIONAL, true);
        fake_listen(&server, CERT_THEIRS);
        node_points_to(&a, listener_local(server.listener));
        assert_true(node_send(&a, 1, "x"));
        serve_dialback(t->tls);
        node_set(&a, t->tls_then, t->sasl_then, t->dialback_then);
        reconsider();
        if (t->text) {
            assert_true(rig_logged("we sent policy-violation: "));
            assert_true(rig_logged(t->text));
            rig_until(server.n_accepted == 2); /* what waits goes another way, by the new rules */
            fake_expect(&server, "version='1.0'");
            fake_lacks(&server, "<message");
        } else {
            fake_lacks(&server, "stream:error");
            assert_int_equal(server.n_accepted, 1);
        }
        node_stop(&a);
        fake_close(&server);
    }
}

static void inbound_streams_by_dialback_end_when_it_is_not_allowed(void **state)
{
    for (size_t i = 0; i < N_TIGHTENINGS; i++) {
        const struct tightening *t = &tightenings[i];

        if (!t->tls) /* the next test has that */
            continue;
        node_start(&a, OURS, THEIRS, CERT_OURS);
        node_set(&a, XMPP_OPTIONAL, XMPP_OPTIONAL, true);
        fake_to_tls(&f, &a, CERT_THEIRS);
        fake_say(&f, HEADER RESULT(THEIRS, OURS));
        fake_expect(&f, VALID(OURS, THEIRS));
        node_set(&a, t->tls_then, t->sasl_then, t->dialback_then);
        reconsider();
        if (t->text) {
            fake_expect(&f, "<policy-violation");
            fake_expect(&f, t->text);
            fake_expect_closed(&f);
        } else {
            fake_say(&f, MESSAGE("j@" THEIRS, "r@" OURS, "x"));
            rig_until(a.n_got == 1);
        }
        node_stop(&a);
        fake_close(&f);
    }
}

/* Both directions in clear, by dialback; then TLS is required, and the next message goes over TLS. */
static void a_tightened_link_comes_back_by_the_new_rules(void **state)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    node_start(&b, THEIRS, OURS, CERT_THEIRS);
    node_points_to(&a, node_addr(&b));
    node_points_to(&b, node_addr(&a));
    node_set(&a, XMPP_NOT_SUPPORTED, XMPP_NOT_SUPPORTED, true);
    node_set(&b, XMPP_OPTIONAL, XMPP_OPTIONAL, true);
    assert_true(node_send(&a, 1, "x"));
    assert_true(node_send(&b, 1, "x"));
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
    assert_int_equal(node_fate(&b, 1), XMPP_FATE_CONFIRMED);
    assert_false(rig_logged("stream-secured"));
    node_set(&a, XMPP_REQUIRED, XMPP_REQUIRED, false);
    reconsider();
    assert_true(rig_logged("direction=in address=127.0.0.1:"));
    rig_until(xmpp_counters(a.x)->streams == 0);
    buf_clear(&rig_log);
    assert_true(node_send(&a, 2, "x"));
    assert_true(node_send(&b, 2, "x"));
    assert_int_equal(node_fate(&a, 2), XMPP_FATE_CONFIRMED);
    assert_int_equal(node_fate(&b, 2), XMPP_FATE_CONFIRMED);
    assert_true(rig_logged("method=sasl-external"));
    assert_false(rig_logged("method=dialback"));
    node_stop(&a);
    node_stop(&b);
}

static void a_stream_by_sasl_ends_when_sasl_is_not_allowed(void **state)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    fake_to_ready(&f, &a, CERT_THEIRS);
    node_set(&a, XMPP_REQUIRED, XMPP_NOT_SUPPORTED, true);
    reconsider();
    fake_expect(&f, "<policy-violation");
    fake_expect(&f, "SASL is not accepted from your domain any more");
    fake_expect_closed(&f);
    node_stop(&a);
    fake_close(&f);
}

/* ---- while it is being set up ---- */

static void sasl_is_judged_by_the_settings_of_its_moment(void **state)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    fake_to_tls(&f, &a, CERT_THEIRS);
    fake_say(&f, HEADER);
    fake_expect(&f, "<mechanism>EXTERNAL</mechanism>");
    node_set(&a, XMPP_REQUIRED, XMPP_NOT_SUPPORTED, true);
    reconsider();
    fake_say(&f, AUTH("="));
    fake_expect(&f, "<policy-violation");
    fake_lacks(&f, "<success");
    assert_int_equal(xmpp_counters(a.x)->streams, 0);
    node_stop(&a);
    fake_close(&f);
}

static void a_stranger_that_negotiates_is_shown_out(void **state)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    fake_connect(&f, node_addr(&a), CERT_NONE);
    fake_say(&f, HEADER);
    fake_expect(&f, "</stream:features>");
    fake_connect(&g, node_addr(&a), CERT_NONE); /* has not said who it is: nothing speaks against it yet */
    rig_turns(5);
    a.partner_domain = "nobody.example";
    reconsider();
    fake_expect(&f, "<policy-violation");
    fake_expect_closed(&f);
    fake_say(&g, HEADER);
    fake_expect(&g, "<policy-violation");
    node_stop(&a);
    fake_close(&f);
    fake_close(&g);
}

/* We asked by dialback in clear; before the verdict comes TLS is required. */
static void a_verdict_of_before_counts_no_more(void **state)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    node_set(&a, XMPP_OPTIONAL, XMPP_OPTIONAL, true);
    fake_listen(&server, CERT_THEIRS);
    node_points_to(&a, listener_local(server.listener));
    assert_true(node_send(&a, 1, "x"));
    fake_expect(&server, "version='1.0'");
    fake_say(&server, SERVED "<stream:features/>");
    fake_expect(&server, "<db:result");
    node_set(&a, XMPP_REQUIRED, XMPP_REQUIRED, false); /* nobody has said so to xmpp yet */
    fake_say(&server, VALID(THEIRS, OURS));
    fake_expect(&server, "<policy-violation");
    fake_lacks(&server, "<message");
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_REFUSED);
    node_stop(&a);
    fake_close(&server);
}

/* ---- several pairs on one stream ---- */

/* A message to a domain that is gone is not taken in silence: it goes back with the stream. */
static void what_is_for_a_pair_that_is_gone_is_not_taken(void **state)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    a.also = "second.example";
    node_set(&a, XMPP_REQUIRED, XMPP_OPTIONAL, true);
    fake_to_tls(&f, &a, CERT_THEIRS);
    fake_say(&f, HEADER RESULT(THEIRS, OURS) RESULT(THEIRS, "second.example"));
    fake_expect(&f, VALID("second.example", THEIRS));
    fake_say(&f, "<enable xmlns='urn:xmpp:sm:3'/>");
    fake_expect(&f, "<enabled");
    a.also = NULL;
    reconsider();
    fake_say(&f, MESSAGE("j@" THEIRS, "r@second.example", "gone") "<r xmlns='urn:xmpp:sm:3'/>");
    fake_expect(&f, "<host-gone");
    fake_lacks(&f, "h='1'");
    assert_int_equal(a.n_got, 0);
    node_stop(&a);
    fake_close(&f);
}

static void a_stream_loses_only_the_pairs_that_are_gone(void **state)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    a.also = "second.example";
    node_set(&a, XMPP_REQUIRED, XMPP_OPTIONAL, true);
    fake_to_tls(&f, &a, CERT_THEIRS);
    fake_say(&f, HEADER RESULT(THEIRS, OURS) RESULT(THEIRS, "second.example"));
    fake_expect(&f, VALID("second.example", THEIRS));
    a.also = NULL;
    reconsider();
    fake_say(&f, "<presence from='j@" THEIRS "' to='r@second.example'/>" MESSAGE("j@" THEIRS, "r@" OURS, "here"));
    rig_until(a.n_got == 1);
    assert_non_null(strstr(a.got.p, ":here\n"));
    a.also = "second.example"; /* it is back: what was proven is proven */
    reconsider();
    fake_say(&f, MESSAGE("j@" THEIRS, "r@second.example", "back"));
    rig_until(a.n_got == 2);
    a.domain = "moved.example"; /* the first one goes, which the stream was opened for */
    reconsider();
    rig_advance(301000);
    fake_say(&f, MESSAGE("j@" THEIRS, "r@second.example", "on"));
    rig_until(a.n_got == 3);
    fake_lacks(&f, "stream:error");
    a.also = NULL;
    reconsider();
    fake_expect(&f, "<host-gone");
    fake_expect_closed(&f);
    node_stop(&a);
    fake_close(&f);
}

/* A domain goes over to another partner: its streams count for that one, and its pauses hold them. */
static void a_stream_counts_for_the_partner_it_belongs_to(void **state)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    fake_to_ready(&f, &a, CERT_THEIRS);
    a.second = a.partner;
    a.second.name = SLICE("litware.example");
    a.second_domain = THEIRS;
    reconsider();
    assert_int_equal(xmpp_tally_count(&a.x->partners, SLICE(THEIRS)), 0);
    assert_int_equal(xmpp_tally_count(&a.x->partners, SLICE("litware.example")), 1);
    assert_true(xmpp_pause(a.x, SLICE(THEIRS), true));
    fake_say(&f, MESSAGE("j@" THEIRS, "r@" OURS, "x"));
    rig_turns(10);
    assert_int_equal(a.n_got, 0);
    assert_true(xmpp_pause(a.x, SLICE(THEIRS), false));
    rig_until(a.n_got == 1);
    node_stop(&a);
    fake_close(&f);
}

/* ---- limits and secret ---- */

static void limits_count_at_once(void **state)
{
    struct xmpp_limits limits;

    start_two_partners();
    limits = a.x->conf.limits;
    limits.connection_limit = 3;
    xmpp_set_limits(a.x, &limits);
    fake_to_tls(&g, &a, CERT_THEIRS);
    fake_say(&g, HEADER);
    fake_expect(&g, "<mechanism>EXTERNAL</mechanism>");
    fake_say(&g, AUTH("="));
    fake_expect(&g, "<resource-constraint");
    limits.inactivity_s = 30;
    xmpp_set_limits(a.x, &limits);
    rig_advance(1000);
    rig_advance(30000);
    fake_expect(&f, "</stream:stream>");
    rig_advance(10000);
    rig_until(xmpp_counters(a.x)->streams == 0);
    stop_two_partners();
    fake_close(&g);
}

/* The stream to THEIRS stands at a loopback address, by a proxy at first. */
static void a_stream_ends_where_no_name_may_lead_any_more(void **state)
{
    struct addr_net listed[2];
    struct xmpp_limits limits;

    start_two_partners();
    reconsider();
    assert_int_equal(xmpp_counters(a.x)->streams, 3);
    assert_true(addr_net_parse(SLICE("10.0.0.0/8"), &listed[0]) && addr_net_parse(SLICE("127.0.0.0/8"), &listed[1]));
    limits = a.x->conf.limits;
    limits.partner_networks = listed;
    limits.n_partner_networks = 2;
    xmpp_set_limits(a.x, &limits);
    a.partner.proxy = SLICE("");
    reconsider();
    assert_int_equal(xmpp_counters(a.x)->streams, 3);
    limits.n_partner_networks = 1;
    xmpp_set_limits(a.x, &limits);
    reconsider();
    rig_until(xmpp_counters(a.x)->streams == 2); /* what they opened stays */
    assert_true(rig_logged("we sent policy-violation: the address of your server is not accepted any more"));
    stop_two_partners();
}

static void dialback_keys_are_of_the_secret_of_now(void **state)
{
    const struct dialback_pair pair = { SLICE(THEIRS), SLICE(OURS), SLICE("id1") };
    char verify[300], key[DIALBACK_KEY_LEN + 1];

    node_start(&a, OURS, THEIRS, CERT_OURS);
    node_set(&a, XMPP_OPTIONAL, XMPP_OPTIONAL, true);
    fake_connect(&f, node_addr(&a), CERT_NONE);
    fake_say(&f, HEADER);
    fake_expect(&f, "</stream:features>");
    assert_true(dialback_key(key, SLICE("a new passphrase"), &pair));
    snprintf(verify, sizeof(verify), "<db:verify from='" THEIRS "' to='" OURS "' id='id1'>%s</db:verify>", key);
    fake_say(&f, verify);
    fake_expect(&f, "type='invalid'");
    assert_false(xmpp_set_secret(a.x, SLICE("")));
    assert_true(xmpp_set_secret(a.x, SLICE("a new passphrase")));
    fake_say(&f, verify);
    fake_expect(&f, "type='valid'");
    node_stop(&a);
    fake_close(&f);
}

/* ---- listing ---- */

struct listing {
    unsigned n;
    uint64_t id; /* of the stream from TAILSPIN */
    struct xmpp_stream_info tailspin;
};

static void note(void *arg, const struct xmpp_stream_info *info)
{
    struct listing *l = arg;

    l->n++;
    assert_string_equal(info->state, "ready");
    assert_string_equal(info->method, "sasl-external");
    assert_string_equal(info->tls, "TLSv1.3");
    assert_true(info->authenticated);
    if (slice_is(info->remote, TAILSPIN)) {
        l->id = info->id;
        l->tailspin = *info;
    }
}

static void streams_are_listed_and_closed_one_by_one(void **state)
{
    struct listing l = { 0 };

    start_two_partners();
    fake_say(&f, MESSAGE("j@" TAILSPIN, "r@" OURS, "x"));
    a.n_got = 0;
    rig_until(a.n_got == 1);
    xmpp_each_stream(a.x, note, &l);
    assert_int_equal(l.n, 3);
    assert_true(l.tailspin.inbound);
    assert_int_equal(l.tailspin.stanzas_in, 1);
    assert_int_equal(l.tailspin.n_pairs, 1);
    assert_false(xmpp_close_stream(a.x, 0));
    assert_false(xmpp_close_stream(a.x, UINT64_MAX));
    assert_true(xmpp_close_stream(a.x, l.id));
    fake_expect(&f, "</stream:stream>");
    fake_say(&f, "</stream:stream>");
    fake_expect_closed(&f);
    assert_true(rig_logged("an administrator closed it") || rig_logged("stream-closed"));
    assert_int_equal(xmpp_counters(a.x)->streams_authenticated, 2);
    assert_false(xmpp_close_stream(a.x, l.id));
    stop_two_partners();
}

/* Again and again, with traffic all the time: nothing is lost, nothing leaks. */
static void many_changes_under_traffic(void **state)
{
    start_two_partners();
    for (uint64_t i = 2; i < 60; i++) {
        a.second_domain = i % 2 ? TAILSPIN : NULL; /* fabrikam's streams have nothing to do with it */
        xmpp_reconsider(a.x);
        assert_true(node_send(&a, i, "x"));
        rig_turn();
    }
    for (uint64_t i = 2; i < 60; i++)
        assert_int_equal(node_fate(&a, i), XMPP_FATE_CONFIRMED);
    assert_int_equal(xmpp_counters(a.x)->resent, 0);
    fake_expect(&f, "<policy-violation");
    stop_two_partners();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_stream_that_speaks_before_its_turn_is_judged_then),
        TEST(a_removed_partner_is_shown_out_and_the_others_stay),
        TEST(a_partner_that_is_back_is_connected_to_at_once),
        TEST(nothing_ends_when_nothing_is_tightened),
        TEST(what_waits_for_a_removed_partner_has_its_fate),
        TEST(what_waits_between_attempts_has_its_fate),
        TEST(a_domain_of_ours_that_is_gone_is_host_gone),
        TEST(outbound_streams_by_dialback_end_when_it_is_not_allowed),
        TEST(inbound_streams_by_dialback_end_when_it_is_not_allowed),
        TEST(a_tightened_link_comes_back_by_the_new_rules),
        TEST(a_stream_by_sasl_ends_when_sasl_is_not_allowed),
        TEST(sasl_is_judged_by_the_settings_of_its_moment),
        TEST(a_stranger_that_negotiates_is_shown_out),
        TEST(a_verdict_of_before_counts_no_more),
        TEST(what_is_for_a_pair_that_is_gone_is_not_taken),
        TEST(a_stream_loses_only_the_pairs_that_are_gone),
        TEST(a_stream_counts_for_the_partner_it_belongs_to),
        TEST(limits_count_at_once),
        TEST(a_stream_ends_where_no_name_may_lead_any_more),
        TEST(dialback_keys_are_of_the_secret_of_now),
        TEST(streams_are_listed_and_closed_one_by_one),
        TEST(many_changes_under_traffic),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
