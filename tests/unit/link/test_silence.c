/* A proxy that is linked and says nothing: its process or machine stands still, or the network swallows what is sent. */
#include <stdio.h>

#include "edges_rig.h"
#include "link/proxy_parts.h"

/* It asks nothing any more, and gives nothing back by the lease, as if it stood still. What it reads counts for nothing. */
static void stand_still(struct edge *e)
{
    struct proxy_line *l = container_of(e->p->lines.next, struct proxy_line, link);

    assert_int_equal(e->p->n_lines, 1);
    timer_stop(&rig_loop.timers, &l->line->timer);
    timer_stop(&rig_loop.timers, &l->session->lease);
}

static void go_on(struct edge *e)
{
    struct proxy_line *l = container_of(e->p->lines.next, struct proxy_line, link);

    link_line_ask(l->line);
    timer_start(&rig_loop.timers, &l->line->timer, LINK_PING_MS);
}

static struct link_proxy_info seen[2];
static char seen_why[2][600];

static void see(void *arg, const struct link_proxy_info *info)
{
    size_t *n = arg;

    assert_true(*n < 2);
    seen[*n] = *info;
    snprintf(seen_why[(*n)++], sizeof(seen_why[0]), "%s", info->why);
}

static enum link_state state_of(size_t i)
{
    size_t n = 0;

    link_gateway_each_proxy(g, see, &n);
    assert_true(i < n);
    return seen[i].state;
}

static void both_ready(void)
{
    later_until(state_of(0) == LINK_IS_READY && state_of(1) == LINK_IS_READY);
}

static void another_proxy_goes_on_within_seconds_of_silence(void **state)
{
    uint64_t begin;

    both_ready();
    send_one(1);
    assert_int_equal(fate_of(1), XMPP_FATE_CONFIRMED);
    stand_still(&edges[0]);
    begin = loop_now(&rig_loop);
    later_until(g->links[0].silent || state_of(0) != LINK_IS_READY);
    assert_in_range(loop_now(&rig_loop) - begin, LINK_MOVE_MS - LINK_PING_MS, LINK_MOVE_MS + LINK_PING_MS);
    assert_true(rig_logged("proxy-silent proxy=edge1"));
    later_until(state_of(1) == LINK_IS_READY && seen[1].chosen);
    assert_true(rig_logged("proxy-lost proxy=edge1"));
    node_points_to(&b, &edges[1].outer);
    send_one(2);
    later_until(has_fate(2));
    assert_int_equal(fate_of(2), XMPP_FATE_CONFIRMED);
    assert_true(xmpp_counters(edges[1].x)->streams_opened > 0);
    both_ready(); /* the link was ended, and its proxy is there */
    assert_true(seen[0].chosen && seen[0].n_links == 2);
}

static void what_a_silent_proxy_had_goes_by_the_other_one(void **state)
{
    struct link_proxy *p = edges[0].p;

    both_ready();
    send_one(1);
    assert_int_equal(fate_of(1), XMPP_FATE_CONFIRMED);
    rig_until(list_empty(&container_of(p->sessions.next, struct proxy_session, link)->outs));
    for (uint64_t i = 2; i <= 50; i++)
        send_one(i);
    stand_still(&edges[0]);
    node_points_to(&b, &edges[1].outer);
    later_until(told.n_fates == 50);
    for (uint64_t i = 1; i <= 50; i++)
        assert_int_equal(fate_of(i), XMPP_FATE_CONFIRMED);
}

static void alone_it_keeps_its_link_and_what_comes_meanwhile_waits_inside(void **state)
{
    link_gateway_set_proxies(g, known, 1);
    later_until(state_of(0) == LINK_IS_READY);
    stand_still(&edges[0]);
    later_until(state_of(0) == LINK_IS_SILENT);
    assert_non_null(strstr(seen_why[0], "it has asked nothing for more than 3 s"));
    assert_false(seen[0].chosen);
    send_one(1);
    rig_turns(20);
    assert_false(has_fate(1));
    assert_int_equal(link_gateway_withdraw(g, 1), false); /* it is inside: nobody may have written it */
    send_one(2);
    go_on(&edges[0]);
    rig_until(state_of(0) == LINK_IS_READY);
    assert_true(rig_logged("proxy-heard proxy=edge1") && seen[0].n_links == 1 && !seen_why[0][0]);
    assert_int_equal(fate_of(2), XMPP_FATE_CONFIRMED);
    assert_false(got("out 1."));
    link_gateway_set_proxies(g, known, 2);
}

static void alone_its_link_ends_after_10_s(void **state)
{
    link_gateway_set_proxies(g, known, 1);
    later_until(state_of(0) == LINK_IS_READY);
    stand_still(&edges[0]);
    later_until(rig_logged("link-lost proxy=edge1 reason=silent"));
    later_until(state_of(0) == LINK_IS_READY);
    link_gateway_set_proxies(g, known, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, edges_setup, edges_teardown)
    const struct CMUnitTest tests[] = {
        TEST(another_proxy_goes_on_within_seconds_of_silence),
        TEST(what_a_silent_proxy_had_goes_by_the_other_one),
        TEST(alone_it_keeps_its_link_and_what_comes_meanwhile_waits_inside),
        TEST(alone_its_link_ends_after_10_s),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
