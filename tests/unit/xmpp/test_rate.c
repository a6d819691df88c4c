/*
 * At stake: a partner at full speed gets what its rate allows and loses nothing, and others do not notice. Time is the
 * wheel's: it stands still but for rig_advance.
 */
#include "xmpp/rate.h"

#include <string.h>

#include "s2s_rig.h"

#define TAILSPIN "tailspin.example"
#define N 4000

static struct node a;
static struct fake f, g;

static void limit(unsigned stanzas, unsigned bytes)
{
    struct xmpp_limits limits = a.x->conf.limits;

    limits.stanza_rate = stanzas;
    limits.byte_rate = bytes;
    xmpp_set_limits(a.x, &limits);
    xmpp_reconsider(a.x);
    rig_turns(2);
}

static void start(unsigned stanzas, unsigned bytes)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    limit(stanzas, bytes);
    fake_to_ready(&f, &a, CERT_THEIRS);
    rig_advance(60000); /* from here on real time is behind */
}

static void stop(void)
{
    node_stop(&a);
    fake_close(&f);
}

static void flood(struct fake *from, unsigned n)
{
    while (n-- > 0)
        fake_say(from, MESSAGE("j@" THEIRS, "r@" OURS, "x"));
}

#define SIZE (sizeof(MESSAGE("j@" THEIRS, "r@" OURS, "x")) - 1)

static bool is_paused(void)
{
    return xmpp_tally_count(&a.x->paused, SLICE(THEIRS)) > 0;
}

/* Lets seconds pass; what came meanwhile. */
static unsigned in_seconds(unsigned s)
{
    unsigned before = a.n_got;

    for (unsigned i = 0; i < 10 * s; i++)
        rig_advance(100);
    return a.n_got - before;
}

/* B3: a shaper holds its setting within a tenth; the first second's worth comes at once. */
static void the_rate_holds(void **state)
{
    static const struct {
        unsigned stanzas, bytes, want;
    } cases[] = { { 100, 0, 100 }, { 0, 100 * SIZE, 100 }, { 100, 1000000, 100 }, { 1000, 100 * SIZE, 100 } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        start(cases[i].stanzas, cases[i].bytes);
        flood(&f, N);
        rig_until(a.n_got >= cases[i].want && is_paused());
        assert_in_range(a.n_got, cases[i].want, cases[i].want + 4096 / SIZE + 1);
        assert_in_range(in_seconds(20), 20 * cases[i].want * 9 / 10, 20 * cases[i].want * 11 / 10);
        assert_in_range(xmpp_counters(a.x)->throttled_ms, 18000, 20000);
        assert_true(xmpp_counters(a.x)->throttles > 0);
        assert_true(rig_logged("partner-throttled"));
        stop();
    }
}

static void below_the_rate_nothing_is_paused(void **state)
{
    start(100, 0);
    for (unsigned i = 0; i < 30; i++) {
        flood(&f, 10);
        rig_until(a.n_got == 10 * (i + 1));
        rig_advance(100);
    }
    assert_int_equal(xmpp_counters(a.x)->throttles, 0);
    stop();
}

/* Up to the success of SASL, as this domain. */
static void authenticate(struct fake *as, int cert, const char *header)
{
    fake_connect(as, node_addr(&a), cert);
    fake_say(as, header);
    fake_say(as, STARTTLS);
    fake_expect(as, "<proceed");
    fake_tls_client(as);
    fake_say(as, header);
    fake_expect(as, "<mechanism>EXTERNAL</mechanism>");
    fake_say(as, AUTH("="));
    fake_expect(as, "<success");
    fake_say(as, header);
}

/* By partner: another stream of the same one begins paused. */
static void more_streams_are_not_more_rate(void **state)
{
    start(100, 0);
    flood(&f, N);
    rig_until(is_paused());
    authenticate(&g, CERT_THEIRS, HEADER);
    flood(&g, N);
    assert_in_range(in_seconds(20), 1800, 2200);
    stop();
    fake_close(&g);
}

static void others_do_not_notice(void **state)
{
    start(10, 0);
    a.second_domain = TAILSPIN;
    a.second = a.partner;
    a.second.name = SLICE(TAILSPIN);
    authenticate(&g, CERT_TWO_NAMES, HEADER_FROM(TAILSPIN, OURS));
    flood(&f, N);
    rig_until(is_paused());
    fake_say(&g, MESSAGE("j@" TAILSPIN, "r@" OURS, "at once"));
    rig_until(a.got.n && strstr(a.got.p, ":at once\n"));
    assert_true(is_paused());
    a.second_domain = NULL;
    stop();
    fake_close(&g);
}

/* The partner's own rate comes before that of all. */
static void a_partner_can_have_a_rate_of_its_own(void **state)
{
    start(10, 0);
    a.partner.stanza_rate = 100;
    flood(&f, N);
    rig_until(is_paused());
    assert_in_range(a.n_got, 100, 150);
    a.partner.stanza_rate = 0;
    stop();
}

static void a_changed_rate_counts_at_once(void **state)
{
    start(1, 0);
    flood(&f, N);
    rig_until(is_paused());
    limit(0, 0);
    assert_false(is_paused());
    rig_until(a.n_got == N);
    limit(100, 0);
    flood(&f, N);
    rig_until(is_paused());
    assert_in_range(a.n_got, N + 100, N + 150);
    stop();
}

/* The end of this pause is not the end of the owner's. */
static void pauses_nest(void **state)
{
    start(100, 0);
    flood(&f, 200);
    rig_until(is_paused());
    assert_true(xmpp_pause(a.x, SLICE(THEIRS), true));
    assert_int_equal(in_seconds(10), 0);
    assert_true(is_paused());
    assert_true(xmpp_pause(a.x, SLICE(THEIRS), false));
    rig_until(is_paused() || a.n_got == 200);
    in_seconds(2);
    assert_int_equal(a.n_got, 200);
    stop();
}

/* However slow the rate: what answers our own tests is not held up longer. */
static void one_pause_is_bounded(void **state)
{
    unsigned got;

    start(1, 0);
    flood(&f, 400);
    rig_until(is_paused());
    got = a.n_got;
    rig_advance(XMPP_RATE_PAUSE_MS - 100);
    rig_turns(5);
    assert_int_equal(a.n_got, got);
    rig_advance(101);
    rig_until(a.n_got > got);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_rate_holds, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(below_the_rate_nothing_is_paused, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(more_streams_are_not_more_rate, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(others_do_not_notice, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(a_partner_can_have_a_rate_of_its_own, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(a_changed_rate_counts_at_once, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(pauses_nest, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(one_pause_is_bounded, rig_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
