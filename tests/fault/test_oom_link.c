/*
 * A gateway's end, a proxy and a partner's server, and one message each way while memory runs out: allocation number n fails, alone or
 * with all of the next ones for a while. Whatever happens then, nothing crashes, what was taken gets one fate, a confirmation is true,
 * and when memory is back messages go through.
 */
#include <stdio.h>

#include "edges_rig.h"

#include "oom.h"

static uint64_t last; /* token, of both ways */

static bool came(uint64_t token)
{
    char text[32];

    snprintf(text, sizeof(text), "out %u.", (unsigned)token);
    return got(text);
}

static bool try_one(uint64_t token)
{
    char text[200];
    struct federation_stanza s = {
        .local = SLICE(OURS), .remote = SLICE(THEIRS), .token = token, .until_ms = loop_now(&rig_loop) + 20000
    };
    enum xmpp_fate fate;

    s.bytes = slice_of(text, (size_t)snprintf(text, sizeof(text),
                                              "<message from='romeo@" OURS "' to='juliet@" THEIRS
                                              "'><body>out %u.</body></message>",
                                              (unsigned)token));
    return link_gateway_send(g, &s, &fate);
}

/* An acknowledgement may be missed for a minute. */
static void await_the_partners(uint64_t token)
{
    for (int i = 0; i < 3 && !node_has_fate(&b, token); i++)
        LATER(node_has_fate(&b, token));
    assert_true(node_has_fate(&b, token));
}

static void works(void)
{
    uint64_t token = ++last;

    send_one(token);
    later_until(has_fate(token));
    assert_int_equal(fate_of(token), XMPP_FATE_CONFIRMED);
    assert_true(came(token));
    xmpp_reconsider(b.x); /* it does not hold back for what failed before */
    assert_true(node_send(&b, token, "in"));
    await_the_partners(token);
    assert_int_equal(node_fate(&b, token), XMPP_FATE_CONFIRMED);
}

static bool all_have_the_settings(void)
{
    return !g->lists_missing && g->links[0].used == g->version && g->links[1].used == g->version;
}

static void works_again(void)
{
    works();
    LATER(all_have_the_settings());
    later_until(all_have_the_settings()); /* the other proxy too */
    buf_clear(&rig_log);
    told.n_fates = told.n_stanzas = b.n_fates = 0; /* room for more */
    buf_clear(&b.got);
    buf_clear(&told.bodies);
}

static void one_each_way(const void *arg)
{
    uint64_t token = ++last;
    bool taken;

    oom_on();
    taken = try_one(token);
    (void)node_send(&b, token, "in"); /* one that is refused has its fate at once */
    rig_quiet(30);
    oom_off();
    if (taken)
        later_until(has_fate(token));
    assert_int_equal(has_fate(token), taken);
    if (taken && fate_of(token) == XMPP_FATE_CONFIRMED)
        assert_true(came(token));
    await_the_partners(token);
    works_again();
}

/* A link that breaks and is dialled again, with all that it begins with: HELLO, settings, certificates, who is linked. */
static void a_cut(const void *arg)
{
    later_until(gateway_is_ready(&g->links[0]));
    oom_on();
    conn_abort(g->links[0].line->conn);
    for (int i = 0; i < 4; i++)
        rig_pass(LINK_PING_MS / 2);
    oom_off();
    works_again();
}

static void a_change(const void *arg)
{
    oom_on();
    link_gateway_reconsider(g);
    link_gateway_revocations_changed(g);
    rig_quiet(40);
    oom_off();
    works_again();
}

/* A gateway that was started anew begins a session, and takes the former one's place. */
static void a_new_gateway(const void *arg)
{
    link_gateway_free(g);
    gateway_start();
    oom_on();
    rig_quiet(40);
    oom_off();
    works_again();
}

static void one_message_each_way(void **state)
{
    works();
    oom_each("message", one_each_way, NULL);
}

static void a_link_that_is_dialled_again(void **state)
{
    works();
    oom_each("cut", a_cut, NULL);
}

static void settings_that_change(void **state)
{
    works_again();
    oom_each("settings", a_change, NULL);
}

static void a_session_that_begins(void **state)
{
    works();
    oom_each("session", a_new_gateway, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_message_each_way, edges_setup, edges_teardown),
        cmocka_unit_test_setup_teardown(a_link_that_is_dialled_again, edges_setup, edges_teardown),
        cmocka_unit_test_setup_teardown(settings_that_change, edges_setup, edges_teardown),
        cmocka_unit_test_setup_teardown(a_session_that_begins, edges_setup, edges_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
