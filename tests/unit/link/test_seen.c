/* What administrators of a gateway see of proxies: streams, set-ups that failed, tests, and steps while they are watched. */
#include <stdio.h>

#include "edges_rig.h"
#include "link/proxy_parts.h"

static struct {
    size_t n;
    uint64_t id, in, out, idle_ms;
    bool inbound, ready;
    char proxy[32], state[32], peer[ADDR_TEXT];
} row;

static void see(void *arg, const struct xmpp_stream_info *info)
{
    if (info->inbound != *(const bool *)arg)
        return;
    row.n++;
    row.id = info->id;
    row.in = info->stanzas_in;
    row.out = info->stanzas_out;
    row.idle_ms = info->idle_ms;
    row.ready = info->authenticated && slice_is(info->partner, THEIRS) && slice_is(info->local, OURS) &&
                slice_is(info->remote, THEIRS);
    snprintf(row.proxy, sizeof(row.proxy), "%.*s", SLICE_FMT(info->proxy));
    snprintf(row.state, sizeof(row.state), "%s", info->state);
    row.peer[0] = '\0';
    if (info->peer)
        addr_text(info->peer, row.peer);
}

/* How many streams of that direction there are; row is the last one. */
static size_t streams(bool inbound)
{
    memset(&row, 0, sizeof(row));
    gateway_each_stream(g, see, &inbound);
    return row.n;
}

static void out_one(uint64_t token)
{
    send_one(token);
    assert_int_equal(fate_of(token), XMPP_FATE_CONFIRMED);
}

static struct {
    size_t n_pairs, n_steps;
    bool certificate, shown, connects, proves;
} detail;

static void see_step(void *arg, const struct step *step)
{
    detail.n_steps++;
    detail.connects = detail.connects || step->kind == XMPP_STEP_CONNECT;
    detail.proves = detail.proves || (step->kind == XMPP_STEP_PROOF && step->result == STEP_OK);
    assert_true(step->at_ms <= loop_now(&rig_loop) && step->text.n);
}

static void see_detail(void *arg, const struct xmpp_stream_detail *d)
{
    memset(&detail, 0, sizeof(detail));
    detail.n_pairs = d->n_pairs;
    detail.certificate = slice_is(d->info.certificate, "ok") && d->pin.n;
    detail.shown = d->shown && d->shown->subject.n && d->shown->issuer.n && d->shown->until[0] == '2' &&
                   d->shown->n_names && slice_is(d->shown->names[0].text, THEIRS);
    assert_true(d->n_pairs && slice_is(d->pairs[0].local, OURS) && slice_is(d->pairs[0].remote, THEIRS));
    assert_string_equal(d->awaits, "stanzas");
    assert_true(d->sm && d->opened_ms <= loop_now(&rig_loop));
    if (d->trace)
        xmpp_trace_each(d->trace, see_step, NULL);
}

static void streams_are_seen_with_their_proxy_and_all_that_is_known_of_them(void **state)
{
    out_one(1);
    later_until(streams(false) == 1 && row.ready && row.out == 1);
    assert_string_equal(row.proxy, "edge1");
    assert_string_equal(row.state, "ready");
    assert_true(slice_starts(slice_str(row.peer), SLICE("127.0.0.1:")));
    assert_true(gateway_show_stream(g, row.id, see_detail, NULL));
    assert_true(detail.n_pairs == 1 && detail.certificate && detail.shown && detail.connects && detail.proves);
    assert_true(node_send(&b, 1, "in 1."));
    later_until(streams(true) == 1 && row.ready && row.in == 1);
}

static void what_changes_is_seen_and_what_is_gone_is_not(void **state)
{
    out_one(1);
    later_until(streams(false) == 1 && row.ready && row.out == 1);
    out_one(2);
    later_until(streams(false) == 1 && row.out == 2);
    rig_advance(3000);
    later_until(streams(false) == 1 && row.idle_ms >= 3000);
    assert_true(gateway_close_stream(g, row.id));
    later_until(streams(false) == 0);
    later_until(!link_gateway_is_linked(g, SLICE(THEIRS)));
    assert_int_equal(told.n_down, 0); /* it has ended in order */
    assert_false(gateway_close_stream(g, row.id));
    assert_false(gateway_show_stream(g, row.id, see_detail, NULL));
    assert_false(gateway_show_stream(g, UINT64_MAX, see_detail, NULL));
}

static void after_a_cut_and_by_another_proxy_streams_are_seen_anew(void **state)
{
    out_one(1);
    later_until(streams(false) == 1 && row.ready);
    conn_abort(g->links[0].line->conn);
    rig_until(!g->links[0].session.line);
    assert_int_equal(streams(false), 0);
    later_until(streams(false) == 1 && row.ready);
    edge_kill(&edges[0]);
    node_points_to(&b, &edges[1].outer);
    send_one(2);
    later_until(has_fate(2) && streams(false) == 1 && strcmp(row.proxy, "edge2") == 0);
    edge_start(&edges[0]);
}

/* ---- set-ups that failed, and tests ---- */

static struct {
    size_t n, n_steps;
    enum xmpp_fault fault;
    char why[200], proxy[32];
} attempt;

static void count_step(void *arg, const struct step *step)
{
    ++*(size_t *)arg;
}

static void see_attempt(void *arg, const struct xmpp_attempt_info *info)
{
    if (info->inbound)
        return;
    assert_true(slice_is(info->local, OURS) && slice_is(info->remote, THEIRS));
    attempt.n++;
    attempt.fault = info->fault;
    attempt.n_steps = 0;
    xmpp_trace_each(info->trace, count_step, &attempt.n_steps);
    snprintf(attempt.why, sizeof(attempt.why), "%s", info->why);
    snprintf(attempt.proxy, sizeof(attempt.proxy), "%.*s", SLICE_FMT(info->proxy));
}

static size_t attempts(void)
{
    memset(&attempt, 0, sizeof(attempt));
    gateway_each_attempt(g, see_attempt, NULL);
    return attempt.n;
}

static void a_set_up_that_fails_is_seen_with_its_steps_once(void **state)
{
    node_stop(&b);
    send_one(1);
    later_until(has_fate(1));
    assert_int_equal(fate_of(1), XMPP_FATE_UNREACHABLE);
    later_until(attempts() == 1);
    assert_int_equal(attempt.fault, XMPP_FAULT_CONNECT_REFUSED);
    assert_true(attempt.why[0] && attempt.n_steps >= 2);
    assert_string_equal(attempt.proxy, "edge1");
    conn_abort(g->links[0].line->conn); /* told anew, seen once */
    later_until(g->links[0].n_links == 2);
    rig_advance(3 * LINK_PING_MS);
    rig_turns(40);
    assert_int_equal(attempts(), 1);
    removed = true;
    assert_int_equal(attempts(), 0); /* it is no partner's any more */
    removed = false;
    node_start(&b, THEIRS, OURS, CERT_THEIRS);
}

static struct {
    bool done, works;
    enum xmpp_fault fault;
    size_t n_steps;
    char verdict[400];
} probe;

static void see_probe(void *arg, const struct xmpp_probe_info *info)
{
    probe.done = info->done;
    probe.works = info->works;
    probe.fault = info->fault;
    probe.n_steps = 0;
    if (info->trace)
        xmpp_trace_each(info->trace, count_step, &probe.n_steps);
    snprintf(probe.verdict, sizeof(probe.verdict), "%s", info->verdict);
    assert_true(slice_is(info->local, OURS) && slice_is(info->remote, THEIRS));
}

static bool is_done(uint64_t id)
{
    assert_true(gateway_probe_show(g, id, see_probe, NULL));
    return probe.done;
}

static void a_test_of_a_partner_is_done_by_the_proxy_that_is_used(void **state)
{
    const char *why = NULL;
    uint64_t id;

    assert_int_equal(gateway_probe_start(g, SLICE(OURS), SLICE(THEIRS), &why), 0);
    assert_non_null(strstr(why, "no proxy is linked"));
    rig_until(gateway_is_ready(&g->links[0]));
    id = gateway_probe_start(g, SLICE(OURS), SLICE(THEIRS), &why);
    assert_true(id > 0 && !is_done(id));
    later_until(is_done(id));
    if (!probe.works)
        fail_msg("%s", probe.verdict);
    assert_true(probe.n_steps >= 5 && probe.verdict[0]);
    assert_false(gateway_probe_show(g, id + 1, see_probe, NULL));
}

static void a_test_whose_proxy_is_lost_says_so(void **state)
{
    const char *why;
    uint64_t id;

    rig_until(gateway_is_ready(&g->links[0]));
    id = gateway_probe_start(g, SLICE(OURS), SLICE(THEIRS), &why);
    edge_kill(&edges[0]);
    later_until(is_done(id));
    assert_false(probe.works);
    assert_non_null(strstr(probe.verdict, "lost"));
    edge_start(&edges[0]);
}

/* ---- steps while they are watched ---- */

static void steps_are_told_while_somebody_looks_and_not_before(void **state)
{
    out_one(1);
    assert_int_equal(told.notes, 0);
    told.watches = true;
    later_until(proxy_on_watched(edges[0].p));
    xmpp_close_stream(edges[0].x, 1);
    rig_turns(20);
    out_one(2);
    rig_until(told.notes >= 5);
    told.watches = false;
    later_until(!proxy_on_watched(edges[0].p));
}

static void the_first_message_after_a_look_is_seen_from_its_first_step(void **state)
{
    rig_until(gateway_is_ready(&g->links[0]));
    told.watches = true;
    out_one(1);
    rig_until(told.notes >= 5);
    assert_true(told.first_is_out);
}

/* ---- a proxy in the wrong hands ---- */

static void say(const struct link_frame *f)
{
    assert_true(link_line_write(proxy.line, f));
}

static void a_hostile_proxy_shows_no_more_streams_than_there_may_be(void **state)
{
    static char long_text[LINK_DOMAIN_MAX];
    struct link_frame f = { .type = LINK_STREAM }, pair = { .type = LINK_STREAM_PAIR }, step = { .type = LINK_STEP };
    struct link_frame shown = { .type = LINK_STREAM_SHOWN }, name = { .type = LINK_STREAM_SHOWN_NAME };

    memset(long_text, 'x', sizeof(long_text));
    link_gateway_free(g);
    known[0].addr = *listener_local(outer);
    gateway_start();
    rig_until(proxy.session.line && g->links[0].session.line);
    say(&pair); /* of nothing */
    say(&step);
    say(&shown);
    say(&name);
    f.stream.peer = SLICE("no address");
    f.stream.opened_ms = f.stream.last_ms = INT64_MAX;
    for (unsigned i = 1; i <= 1200; i++) {
        f.stream.id = i;
        say(&f);
        if (i % 100 == 0)
            rig_turns(2);
    }
    rig_until(streams(false) == 1000 + 64);
    assert_int_equal(row.idle_ms, 0);
    f.stream.id = 1;
    say(&f);
    say(&name); /* of no certificate yet */
    shown.stream_shown.subject = shown.stream_shown.issuer = slice_of(long_text, sizeof(long_text));
    say(&shown);
    say(&shown);
    name.stream_shown_name.name = slice_of(long_text, sizeof(long_text));
    for (int i = 0; i < 2 * LINK_SHOWN_NAMES; i++) /* likewise */
        say(&name);
    rig_turns(2);
    pair.stream_pair.local = pair.stream_pair.remote = slice_of(long_text, sizeof(long_text));
    for (int i = 0; i < 1000; i++) /* more than is kept of one */
        say(&pair);
    step.step.at_ms = INT64_MAX;
    step.step.text = slice_of(long_text, sizeof(long_text));
    for (int i = 0; i < 50; i++)
        say(&step);
    rig_turns(50);
    assert_int_equal(proxy.n_closed, 0);
    assert_int_equal(streams(false), 1000 + 64);
    listener_close(outer);
    outer = NULL;
    link_line_free(proxy.line);
    proxy.line = NULL;
    rig_until(streams(false) == 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, edges_setup, edges_teardown)
    const struct CMUnitTest tests[] = {
        TEST(streams_are_seen_with_their_proxy_and_all_that_is_known_of_them),
        TEST(what_changes_is_seen_and_what_is_gone_is_not),
        TEST(after_a_cut_and_by_another_proxy_streams_are_seen_anew),
        TEST(a_set_up_that_fails_is_seen_with_its_steps_once),
        TEST(a_test_of_a_partner_is_done_by_the_proxy_that_is_used),
        TEST(a_test_whose_proxy_is_lost_says_so),
        TEST(steps_are_told_while_somebody_looks_and_not_before),
        TEST(the_first_message_after_a_look_is_seen_from_its_first_step),
        TEST(a_hostile_proxy_shows_no_more_streams_than_there_may_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
