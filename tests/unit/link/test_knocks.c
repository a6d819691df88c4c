/* At stake: whether partners can come in at all. A gateway inside cannot try it, so that a proxy does. */
#include "edges_rig.h"
#include "link/proxy_parts.h"

static struct link_knock_info known_of;

/* Is it known? */
static bool is_told(uint64_t id)
{
    assert_true(link_gateway_knocked(g, id, &known_of));
    return known_of.done;
}

static uint64_t knock(const struct addr *to)
{
    uint64_t id = link_gateway_knock(g, SLICE("edge1"), to);

    assert_true(id > 0);
    return id;
}

static void what_listens_is_open_and_what_does_not_is_refused(void **state)
{
    struct addr nobody;
    uint64_t open, refused;

    assert_int_equal(link_gateway_knock(g, SLICE("edge1"), &edges[0].outer), 0); /* no proxy is linked yet */
    rig_until(gateway_is_ready(&g->links[0]));
    nobody = edges[0].outer;
    addr_set_port(&nobody, 1);
    open = knock(&edges[0].outer);
    refused = knock(&nobody);
    rig_until(is_told(open));
    assert_true(known_of.open && !known_of.why[0]);
    assert_false(link_gateway_knocked(g, open, &known_of)); /* it is told once */
    rig_until(is_told(refused));
    assert_true(!known_of.open && known_of.refused && known_of.why[0]);
}

static void of_a_proxy_that_is_lost_nothing_is_known(void **state)
{
    uint64_t id;

    rig_until(gateway_is_ready(&g->links[0]));
    id = knock(&edges[0].outer);
    edge_kill(&edges[0]);
    later_until(!link_gateway_knocked(g, id, &known_of));
    edge_start(&edges[0]);
}

static void as_many_as_may_are_under_way_at_a_time(void **state)
{
    uint64_t ids[LINK_KNOCKS_MAX];

    rig_until(gateway_is_ready(&g->links[0]));
    for (size_t i = 0; i < LINK_KNOCKS_MAX; i++)
        ids[i] = knock(&edges[0].outer);
    assert_int_equal(link_gateway_knock(g, SLICE("edge1"), &edges[0].outer), 0);
    for (size_t i = 0; i < LINK_KNOCKS_MAX; i++)
        rig_until(is_told(ids[i]));
    (void)knock(&edges[0].outer);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, edges_setup, edges_teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_listens_is_open_and_what_does_not_is_refused),
        TEST(of_a_proxy_that_is_lost_nothing_is_known),
        TEST(as_many_as_may_are_under_way_at_a_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
