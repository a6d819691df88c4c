/* Both ends of links: messages each way, while links, proxies and the gateway end in the middle of it. */
#include <stdio.h>

#include "edges_rig.h"

static void one_message_each_way(void **state)
{
    send_one(1); /* before there is a link */
    assert_int_equal(fate_of(1), XMPP_FATE_CONFIRMED);
    assert_true(got("romeo@" OURS ">juliet@" THEIRS ":message:out 1."));
    assert_true(node_send(&b, 1, "in 1."));
    assert_int_equal(node_fate(&b, 1), XMPP_FATE_CONFIRMED);
    assert_true(heard("in 1.\n"));
    assert_true(told.n_up >= 1 && link_gateway_is_linked(g, SLICE(THEIRS)));
    assert_int_equal(xmpp_counters(edges[1].x)->streams_opened, 0); /* the first by priority has done all */
}

static void what_the_owner_has_not_handled_is_not_acknowledged(void **state)
{
    told.holds = true;
    send_one(1);
    assert_int_equal(fate_of(1), XMPP_FATE_CONFIRMED);
    assert_true(node_send(&b, 1, "in 1."));
    rig_until(told.n_stanzas == 1);
    rig_turns(30);
    assert_false(node_has_fate(&b, 1));
    link_gateway_handled(g, told.receipts[0]);
    assert_int_equal(node_fate(&b, 1), XMPP_FATE_CONFIRMED);
}

static void while_the_owner_pauses_a_partner_no_more_of_it_comes_than_there_was_credit_for(void **state)
{
    send_one(1);
    assert_int_equal(fate_of(1), XMPP_FATE_CONFIRMED);
    assert_true(link_gateway_pause(g, SLICE(THEIRS), true));
    assert_true(link_gateway_pause(g, SLICE(THEIRS), true));
    for (unsigned i = 1; i <= 120; i++)
        assert_true(node_send(&b, i, "in"));
    rig_until(told.n_stanzas == 64);
    rig_turns(50);
    assert_true(link_gateway_pause(g, SLICE(THEIRS), false));
    rig_turns(50);
    assert_int_equal(told.n_stanzas, 64); /* two have asked for it */
    assert_true(link_gateway_pause(g, SLICE(THEIRS), false));
    rig_until(told.n_stanzas == 120);
    assert_int_equal(node_fate(&b, 120), XMPP_FATE_CONFIRMED);
}

static void much_at_once_goes_out_in_order_and_every_stanza_has_one_fate(void **state)
{
    const char *at;

    for (uint64_t i = 1; i <= 3000; i++)
        send_one(i);
    assert_false(link_gateway_is_crowded(g, SLICE(OURS), SLICE(THEIRS)));
    rig_until(told.n_fates == 3000);
    for (size_t i = 0; i < 3000; i++)
        assert_int_equal(told.fates[i].fate, XMPP_FATE_CONFIRMED);
    assert_int_equal(b.n_got, 3000);
    at = b.got.p;
    for (unsigned i = 1; i <= 3000; i++) {
        char text[32];

        at = memmem(at, (size_t)(b.got.p + b.got.n - at), text, (size_t)snprintf(text, sizeof(text), "out %u.", i));
        assert_non_null(at);
    }
}

static void the_counters_of_all_proxies_are_added_and_outlive_each_of_them(void **state)
{
    const struct xmpp_counters *c = link_gateway_counters(g);

    send_one(1);
    assert_int_equal(c->queued, 1);
    assert_int_equal(fate_of(1), XMPP_FATE_CONFIRMED);
    assert_int_equal(c->queued, 0);
    later_until(c->stanzas_out == 1 && c->confirmed == 1 && c->streams_authenticated >= 1);
    edge_kill(&edges[0]);
    node_points_to(&b, &edges[1].outer);
    send_one(2);
    later_until(has_fate(2));
    assert_int_equal(fate_of(2), XMPP_FATE_CONFIRMED);
    later_until(c->stanzas_out == 2 && c->confirmed == 2);
    later_until(c->streams_authenticated == xmpp_counters(edges[1].x)->streams_authenticated); /* not the dead one's */
    edge_start(&edges[0]);
    later_until(gateway_is_ready(&g->links[0]));
    rig_advance(2 * LINK_PING_MS);
    rig_turns(20);
    assert_int_equal(c->confirmed, 2);
    assert_int_equal(c->streams_authenticated, xmpp_counters(edges[1].x)->streams_authenticated);
}

struct seen_queue {
    size_t rows, n, n_written;
    char waits_for[XMPP_QUEUE_TEXT];
};

static void see_queue(void *arg, const struct xmpp_queue_info *info)
{
    struct seen_queue *q = arg;

    assert_true(slice_is(info->local, OURS) && slice_is(info->remote, THEIRS));
    assert_true(info->bytes > 0 && info->since_ms <= loop_now(&rig_loop));
    q->rows++;
    q->n = info->n;
    q->n_written = info->n_written;
    snprintf(q->waits_for, sizeof(q->waits_for), "%s", info->waits_for);
}

static struct seen_queue queue(void)
{
    struct seen_queue q = { 0 };
    uint64_t at = 0;

    while (link_gateway_walk_queue(g, &at, 100, see_queue, &q)) {
    }
    return q;
}

static void what_waits_is_shown_with_what_it_waits_for(void **state)
{
    struct seen_queue q;

    assert_int_equal(queue().rows, 0);
    send_one(1); /* before there is a link */
    send_one(2);
    q = queue();
    assert_true(q.rows == 1 && q.n == 2 && q.n_written == 0);
    assert_string_equal(q.waits_for, "a link: no proxy can be reached");
    rig_until(queue().n_written == 2);
    q = queue();
    assert_string_equal(q.waits_for, "proxy edge1, which has it, to say what became of it");
    assert_int_equal(fate_of(2), XMPP_FATE_CONFIRMED);
    assert_int_equal(queue().rows, 0);
}

static void what_a_proxy_has_waits_for_what_its_stream_waits_for(void **state)
{
    static const char set_up[] = "the set-up of its stream at proxy edge1: ";
    struct link_frame f = { .type = LINK_STREAM,
                            .stream = { .id = 1000,
                                        .local = SLICE(OURS),
                                        .remote = SLICE(THEIRS),
                                        .state = SLICE("connecting"),
                                        .awaits = SLICE("DNS") } };
    struct gateway_link *l = &g->links[0];
    struct seen_queue q;

    rig_until(gateway_is_ready(l));
    send_one(1);
    rig_until(queue().n_written == 1);
    gateway_on_stream(l, &f.stream);
    q = queue();
    assert_memory_equal(q.waits_for, set_up, sizeof(set_up) - 1);
    assert_non_null(strstr(q.waits_for, "DNS"));
    f.stream.inbound = true; /* carries nothing of ours */
    gateway_on_stream(l, &f.stream);
    assert_string_equal(queue().waits_for, "proxy edge1, which has it, to say what became of it");
    f.stream.inbound = false;
    f.stream.authenticated = true;
    gateway_on_stream(l, &f.stream);
    assert_string_equal(queue().waits_for, "the partner's acknowledgement to proxy edge1");
    assert_int_equal(fate_of(1), XMPP_FATE_CONFIRMED);
}

static void a_partner_that_is_removed_gets_nothing_that_waits(void **state)
{
    enum xmpp_fate fate;
    const struct federation_stanza s = {
        .local = SLICE(OURS), .remote = SLICE(THEIRS), .bytes = SLICE("<message/>"), .token = 2
    };

    edge_kill(&edges[0]);
    edge_kill(&edges[1]);
    rig_turns(20);
    send_one(1);
    removed = true;
    link_gateway_reconsider(g);
    assert_int_equal(fate_of(1), XMPP_FATE_REFUSED);
    assert_false(link_gateway_send(g, &s, &fate));
    assert_int_equal(fate, XMPP_FATE_REFUSED);
    edge_start(&edges[0]);
    edge_start(&edges[1]);
}

static void a_withdrawn_stanza_says_whether_it_may_have_been_written(void **state)
{
    send_one(1);
    assert_false(link_gateway_withdraw(g, 1)); /* no proxy has it */
    send_one(2);
    assert_int_equal(fate_of(2), XMPP_FATE_CONFIRMED);
    send_one(3);
    rig_turn();
    rig_turn();
    (void)link_gateway_withdraw(g, 3);
    assert_false(link_gateway_withdraw(g, 3));
    rig_turns(50);
    assert_int_equal(told.n_fates, 1);
}

/* ---- ends ---- */

static void a_proxy_that_is_killed_loses_nothing_and_the_other_one_goes_on(void **state)
{
    send_one(1);
    assert_int_equal(fate_of(1), XMPP_FATE_CONFIRMED);
    for (uint64_t i = 2; i <= 200; i++)
        send_one(i);
    rig_turns(3);
    edge_kill(&edges[0]);
    for (uint64_t i = 201; i <= 300; i++)
        send_one(i);
    later_until(told.n_fates == 300);
    for (uint64_t i = 1; i <= 300; i++)
        assert_int_equal(fate_of(i), XMPP_FATE_CONFIRMED);
    for (unsigned i = 1; i <= 300; i++) {
        char text[32];

        snprintf(text, sizeof(text), "out %u.", i);
        assert_true(got(text));
    }
    assert_true(told.n_down >= 1);
    buf_clear(&rig_log);
    edge_start(&edges[0]); /* where it was: it is linked again */
    later_until(rig_logged("settings-used proxy=edge1"));
    node_points_to(&b, &edges[0].outer);
    assert_true(node_send(&b, 1, "in 1."));
    assert_int_equal(node_fate(&b, 1), XMPP_FATE_CONFIRMED);
}

static void a_gateway_that_is_killed_has_falsely_acknowledged_nothing(void **state)
{
    told.holds = true;
    send_one(1);
    assert_int_equal(fate_of(1), XMPP_FATE_CONFIRMED);
    assert_true(node_send(&b, 1, "in 1."));
    rig_until(told.n_stanzas == 1);
    link_gateway_free(g);
    told.holds = false;
    gateway_start();
    rig_until(told.n_stanzas == 2);
    assert_int_equal(node_fate(&b, 1), XMPP_FATE_CONFIRMED);
    send_one(2);
    assert_int_equal(fate_of(2), XMPP_FATE_CONFIRMED);
}

/* ---- which proxies there are ---- */

static struct link_proxy_info seen[3];
static char seen_why[3][LINK_WHY_MAX + 60];

static void see_proxy(void *arg, const struct link_proxy_info *info)
{
    size_t *n = arg;

    assert_true(*n < 3);
    seen[*n] = *info;
    snprintf(seen_why[*n], sizeof(seen_why[*n]), "%s", info->why);
    ++*n;
}

static size_t see_proxies(void)
{
    size_t n = 0;

    link_gateway_each_proxy(g, see_proxy, &n);
    return n;
}

static bool is_ready(size_t i)
{
    return see_proxies() > i && seen[i].state == LINK_IS_READY;
}

static void proxies_are_shown_as_they_are(void **state)
{
    assert_int_equal(see_proxies(), 2);
    assert_true(seen[0].state == LINK_DIALS && !seen[0].chosen && seen[0].n_links == 0 && !seen[0].answered_ms);
    rig_until(is_ready(0) && is_ready(1));
    assert_true(seen[0].chosen && !seen[1].chosen && seen[0].n_links == 1 && seen[0].answered_ms);
    assert_true(slice_is(seen[0].name, "edge1") && slice_is(seen[0].host, "edge.contoso.example"));
    edge_kill(&edges[0]);
    rig_until(see_proxies() == 2 && seen[0].state == LINK_IS_DOWN);
    assert_true(seen[1].chosen && seen_why[0][0] && seen[0].dials_ms);
    edge_start(&edges[0]);
    assert_true(link_gateway_dial(g, SLICE("edge1")));
    assert_int_equal(see_proxies(), 2);
    assert_int_equal(seen[0].state, LINK_DIALS);
    rig_until(is_ready(0));
    assert_true(seen[0].n_links == 2 && seen[0].chosen && !seen_why[0][0]);
    assert_false(link_gateway_dial(g, SLICE("edge3")));
}

static void a_proxy_that_is_removed_gives_up_what_it_has_to_the_others(void **state)
{
    send_one(1);
    assert_int_equal(fate_of(1), XMPP_FATE_CONFIRMED);
    rig_until(is_ready(1));
    for (uint64_t i = 2; i <= 100; i++)
        send_one(i);
    rig_turns(3);
    link_gateway_set_proxies(g, &known[1], 1);
    assert_int_equal(see_proxies(), 1);
    node_points_to(&b, &edges[1].outer);
    later_until(told.n_fates == 100);
    for (uint64_t i = 1; i <= 100; i++)
        assert_int_equal(fate_of(i), XMPP_FATE_CONFIRMED);
    assert_true(xmpp_counters(edges[1].x)->streams_opened > 0);
    later_until(!xmpp_counters(edges[0].x)->streams); /* it has no settings any more */
    link_gateway_set_proxies(g, known, 2);
    later_until(is_ready(0) && is_ready(1));
    assert_true(slice_is(seen[0].name, "edge1") && seen[0].chosen);
}

static void a_proxy_at_another_place_is_another_one_and_a_priority_counts_at_once(void **state)
{
    struct link_gateway_proxy changed[2] = { known[0], known[1] };

    rig_until(is_ready(0) && is_ready(1));
    changed[0].priority = 99;
    link_gateway_set_proxies(g, changed, 2);
    assert_int_equal(see_proxies(), 2);
    assert_true(!seen[0].chosen && seen[1].chosen && seen[0].n_links == 1);
    changed[0].addr = known[1].addr; /* where another key is shown than is pinned */
    link_gateway_set_proxies(g, changed, 2);
    later_until(see_proxies() == 2 && strstr(seen_why[1], "not pinned"));
    assert_true(slice_is(seen[1].name, "edge1") && !is_ready(1));
    link_gateway_set_proxies(g, known, 2);
    later_until(is_ready(0) && is_ready(1));
    for (int i = 0; i < 40; i++) { /* more often than there are places */
        link_gateway_set_proxies(g, NULL, 0);
        link_gateway_set_proxies(g, known, 2);
    }
    later_until(is_ready(0) && is_ready(1));
    assert_int_equal(see_proxies(), 2);
}

/* ---- a proxy in the wrong hands ---- */

/* Instead of the first proxy: one that has its key, and says what the test says (the end "proxy" of line_rig.h). */
static void begin_hostile(void)
{
    link_gateway_free(g);
    known[0].addr = *listener_local(outer);
    gateway_start();
    rig_until(proxy.session.line && g->links[0].session.line);
}

static void end_hostile(void)
{
    listener_close(outer);
    outer = NULL;
    link_line_free(proxy.line);
    proxy.line = NULL;
    rig_turns(5);
}

static void say_stanza(const char *local, const char *remote, const char *text)
{
    const struct link_frame f = {
        .type = LINK_STANZA,
        .stanza = { .receipt = 1, .local = slice_str(local), .remote = slice_str(remote), .stanza = slice_str(text) }
    };

    assert_true(link_session_send(&proxy.session, &f));
}

static void a_hostile_proxy_cannot_speak_for_our_users_and_the_other_one_goes_on(void **state)
{
    begin_hostile();
    say_stanza(OURS, THEIRS, "<message from='eve@" OURS "' to='romeo@" OURS "'><body>x</body></message>");
    rig_until(proxy.n_closed == 1);
    assert_int_equal(proxy.reason, LINK_LIED);
    assert_int_equal(told.n_stanzas, 0);
    end_hostile();
    send_one(1);
    later_until(has_fate(1));
    assert_int_equal(fate_of(1), XMPP_FATE_CONFIRMED);
    assert_true(xmpp_counters(edges[1].x)->streams_opened > 0);
}

static void a_hostile_proxy_cannot_exceed_its_credit(void **state)
{
    begin_hostile();
    assert_true(link_gateway_pause(g, SLICE(THEIRS), true));
    for (unsigned i = 0; i < LINK_IN_STANZAS + 1; i++)
        say_stanza(OURS, THEIRS, "<message from='a@" THEIRS "' to='b@" OURS "'/>");
    rig_until(proxy.n_closed == 1);
    assert_int_equal(proxy.reason, LINK_OVER_CREDIT);
    assert_int_equal(told.n_stanzas, LINK_IN_STANZAS);
    end_hostile();
}

static void a_hostile_proxy_cannot_tell_the_fate_of_what_it_was_not_given(void **state)
{
    const struct link_frame f = { .type = LINK_FATE,
                                  .fate = { .id = 1000, .fate = XMPP_FATE_CONFIRMED, .written = true } };

    begin_hostile();
    assert_true(link_session_send(&proxy.session, &f));
    rig_until(proxy.n_closed == 1);
    assert_int_equal(proxy.reason, LINK_LIED);
    end_hostile();
}

/* ---- settings that a proxy does not take ---- */

static const char *refuses; /* why it does not take the next version; NULL: it does */
static unsigned n_told;

static void on_version(const struct link_frame *f)
{
    static uint64_t version;
    struct link_frame used = { .type = LINK_SETTINGS_USED };

    if (f->type == LINK_SETTINGS)
        version = f->settings.version;
    if (f->type != LINK_SETTINGS_END)
        return;
    n_told++;
    used.settings_used =
        (struct link_settings_used_frame){ version, !refuses, refuses ? slice_str(refuses) : SLICE("") };
    assert_true(link_line_write(proxy.line, &used));
}

static void told_again(void)
{
    unsigned n = n_told;

    later_until(n_told > n);
    rig_turns(5);
}

static void settings_that_are_refused_for_good_are_logged_once_for_each_reason(void **state)
{
    n_told = 0;
    refuses = "PARTNER, name: there is no room";
    proxy.on_frame = on_version;
    begin_hostile();
    rig_until(n_told == 1 && see_proxies() && seen_why[0][0]);
    assert_int_equal(seen[0].state, LINK_LEARNS);
    assert_string_equal(seen_why[0], "it does not take our settings: PARTNER, name: there is no room");
    told_again();
    told_again();
    assert_int_equal(n_logged("error settings-not-used"), 1);
    refuses = "it has no memory for them";
    told_again();
    told_again();
    assert_int_equal(n_logged("error settings-not-used"), 2);
    refuses = NULL;
    told_again();
    assert_true(is_ready(0) && !seen_why[0][0]);
    refuses = "it has no memory for them";
    link_gateway_reconsider(g);
    told_again();
    assert_int_equal(n_logged("error settings-not-used"), 3);
    assert_true(is_ready(0)); /* by the former ones, and it says so */
    assert_string_equal(seen_why[0], "it does not take our settings: it has no memory for them");
    end_hostile();
}

/* ---- under traffic ---- */

/* The same in each run. */
static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void cut_a_link(size_t i)
{
    if (g->links[i].line && g->links[i].line->conn)
        conn_abort(g->links[i].line->conn);
}

static void restart(struct edge *e)
{
    edge_kill(e);
    rig_turns(1);
    edge_start(e);
}

#define ROUNDS 60
#define EACH 20

/* Ends of links and of proxies, and waits without an end, as they come. */
static void disturb(uint32_t *seed)
{
    switch (next(seed) % 6) {
    case 0: cut_a_link(0); break;
    case 1: cut_a_link(1); break;
    case 2: restart(&edges[0]); break;
    case 3: restart(&edges[1]); break;
    default: break;
    }
    rig_turns((int)(next(seed) % 12));
}

static void every_fate_is_true_wherever_links_and_proxies_end(void **state)
{
    uint32_t seed = 7;

    for (uint64_t round = 0; round < ROUNDS; round++) {
        for (uint64_t i = 1; i <= EACH; i++)
            send_one(round * EACH + i);
        disturb(&seed);
    }
    later_until(told.n_fates == ROUNDS * EACH);
    for (uint64_t i = 1; i <= ROUNDS * EACH; i++) {
        enum xmpp_fate fate = fate_of(i);
        char text[32];

        snprintf(text, sizeof(text), "out %u.", (unsigned)i);
        if (fate == XMPP_FATE_CONFIRMED)
            assert_true(got(text));
        else if (got(text) && fate != XMPP_FATE_LOST) /* what came cannot be called undelivered */
            fail_msg("%s came, and its fate is %d", text, fate);
    }
    assert_int_equal(told.n_fates, ROUNDS * EACH);
}

static void nothing_of_a_partner_is_lost_wherever_links_end(void **state)
{
    uint32_t seed = 11;
    unsigned n = 0;

    send_one(1);
    assert_int_equal(fate_of(1), XMPP_FATE_CONFIRMED);
    for (int round = 0; round < 30; round++) {
        for (int i = 0; i < 4; i++) {
            char text[32];

            snprintf(text, sizeof(text), "in %u.", ++n);
            assert_true(node_send(&b, n, text));
        }
        if (next(&seed) % 2)
            cut_a_link(0);
        rig_turns((int)(next(&seed) % 12));
    }
    for (unsigned i = 0; i < 400 && !node_has_fate(&b, n); i++) /* they may rest before they try again */
        rig_advance(500);
    for (unsigned i = 1; i <= n; i++) {
        char text[32];

        assert_int_equal(node_fate(&b, i), XMPP_FATE_CONFIRMED);
        snprintf(text, sizeof(text), "in %u.\n", i);
        assert_true(heard(text));
    }
    assert_int_equal(told.n_stanzas, n); /* nor told twice: the session goes on */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, edges_setup, edges_teardown)
    const struct CMUnitTest tests[] = {
        TEST(one_message_each_way),
        TEST(what_the_owner_has_not_handled_is_not_acknowledged),
        TEST(while_the_owner_pauses_a_partner_no_more_of_it_comes_than_there_was_credit_for),
        TEST(much_at_once_goes_out_in_order_and_every_stanza_has_one_fate),
        TEST(the_counters_of_all_proxies_are_added_and_outlive_each_of_them),
        TEST(what_waits_is_shown_with_what_it_waits_for),
        TEST(what_a_proxy_has_waits_for_what_its_stream_waits_for),
        TEST(a_partner_that_is_removed_gets_nothing_that_waits),
        TEST(a_withdrawn_stanza_says_whether_it_may_have_been_written),
        TEST(a_proxy_that_is_killed_loses_nothing_and_the_other_one_goes_on),
        TEST(a_gateway_that_is_killed_has_falsely_acknowledged_nothing),
        TEST(proxies_are_shown_as_they_are),
        TEST(a_proxy_that_is_removed_gives_up_what_it_has_to_the_others),
        TEST(a_proxy_at_another_place_is_another_one_and_a_priority_counts_at_once),
        TEST(a_hostile_proxy_cannot_speak_for_our_users_and_the_other_one_goes_on),
        TEST(a_hostile_proxy_cannot_exceed_its_credit),
        TEST(a_hostile_proxy_cannot_tell_the_fate_of_what_it_was_not_given),
        TEST(settings_that_are_refused_for_good_are_logged_once_for_each_reason),
        TEST(every_fate_is_true_wherever_links_and_proxies_end),
        TEST(nothing_of_a_partner_is_lost_wherever_links_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
