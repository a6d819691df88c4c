/*
 * Two gateways and one message while memory runs out: allocation number n fails, alone or with all of the next ones for a
 * while, for every n until the message gets through untouched. Whatever happens then, nothing crashes, the stanza gets one
 * fate, a confirmation is true, and when memory is back the next message goes through.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "s2s_rig.h"

#include "oom.h"

static struct node a, b;

static bool send_one(uint64_t token, enum xmpp_fate *fate)
{
    return xmpp_send(a.x, SLICE(OURS), SLICE(THEIRS), SLICE(MESSAGE("romeo@" OURS, "juliet@" THEIRS, "x")), token,
                     fate);
}

/* The fate of token 1; time is made to pass when nothing else happens. */
static void await_fate(void)
{
    for (int i = 0; i < 40 && !node_has_fate(&a, 1); i++) {
        uint64_t until = clock_mono_ms() + 30;

        while (!node_has_fate(&a, 1) && !rig_late(until))
            rig_turn();
        if (!node_has_fate(&a, 1))
            rig_advance(5000);
    }
    assert_true(node_has_fate(&a, 1));
}

/* Two gateways, each the other's partner. */
static void start(int cert_a, int cert_b)
{
    node_start(&a, OURS, THEIRS, cert_a);
    node_start(&b, THEIRS, OURS, cert_b);
    node_points_to(&a, node_addr(&b));
    node_points_to(&b, node_addr(&a));
}

static void stop(void)
{
    node_stop(&a);
    node_stop(&b);
    buf_clear(&rig_log);
}

static bool one_run(bool dialback, long n, long n_bad)
{
    int cert_a = dialback ? CERT_SELF_SIGNED : CERT_OURS, cert_b = dialback ? CERT_SELF_SIGNED : CERT_THEIRS;
    enum xmpp_fate fate;
    bool failed;

    start(cert_a, cert_b);
    node_set(&a, XMPP_REQUIRED, XMPP_OPTIONAL, dialback);
    node_set(&b, XMPP_REQUIRED, XMPP_OPTIONAL, dialback);
    b.partner.stanza_rate = 1000; /* what is counted takes memory too */
    oom_plan(n, n_bad);
    oom_on();
    if (send_one(1, &fate)) {
        await_fate();
        if (a.fates[0].fate == XMPP_FATE_CONFIRMED)
            assert_true(b.n_got > 0);
    } else {
        assert_int_equal(fate, XMPP_FATE_FULL);
    }
    oom_off();
    failed = oom_failed();
    for (int i = 0; i < 7; i++)
        rig_advance(10000); /* half-open streams end by their deadlines, back-off is over */
    assert_true(send_one(2, &fate));
    fate = node_fate(&a, 2);
    if (!dialback || fate != XMPP_FATE_UNCONFIRMED) /* pings that got lost were so many */
        assert_int_equal(fate, XMPP_FATE_CONFIRMED);
    stop();
    return failed;
}

static bool is_ready(void)
{
    const struct xmpp_pair *p = xmpp_pair_find(a.x, SLICE(OURS), SLICE(THEIRS));

    return p && p->ready;
}

/* What one side cannot say for want of memory is not waited for until some time is over: no time passes here. */
static bool one_set_up(bool dialback, long n)
{
    int cert_a = dialback ? CERT_SELF_SIGNED : CERT_OURS, cert_b = dialback ? CERT_SELF_SIGNED : CERT_THEIRS;
    enum xmpp_fate fate;
    bool failed;

    start(cert_a, cert_b);
    node_set(&a, XMPP_REQUIRED, XMPP_OPTIONAL, dialback);
    node_set(&b, XMPP_REQUIRED, XMPP_OPTIONAL, dialback);
    oom_plan(n, 1);
    oom_on();
    if (send_one(1, &fate))
        rig_until(is_ready() || node_has_fate(&a, 1));
    oom_off();
    failed = oom_failed();
    stop();
    return failed;
}

static void test_set_up_does_not_wait(void **state)
{
    long n = 0, step = getenv("STOX_PROOF") ? 1 : 2;

    while (one_set_up(false, n))
        n += step;
    assert_true(n > 50);
    if (!getenv("STOX_PROOF"))
        return;
    for (n = 0; one_set_up(true, n);)
        n++;
    assert_true(n > 50);
}

/* Settings are tightened without memory: what they forbid ends all the same. */
static bool one_change(long n, long n_bad)
{
    enum xmpp_fate fate;
    bool failed;

    start(CERT_OURS, CERT_THEIRS);
    assert_true(node_send(&a, 1, "x"));
    assert_true(node_send(&b, 1, "x"));
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
    assert_int_equal(node_fate(&b, 1), XMPP_FATE_CONFIRMED);
    oom_plan(n, n_bad);
    a.partner_domain = "nobody.example";
    OOM(xmpp_reconsider(a.x); rig_turn());
    failed = oom_failed();
    rig_until(xmpp_counters(a.x)->streams == 0);
    a.partner_domain = THEIRS;
    xmpp_reconsider(a.x);
    rig_advance(10000);
    rig_until(xmpp_counters(b.x)->streams == 0);
    assert_true(send_one(2, &fate));
    assert_int_equal(node_fate(&a, 2), XMPP_FATE_CONFIRMED);
    stop();
    return failed;
}

static void test_change(void **state)
{
    long n = 0;

    while (one_change(n, 1) || one_change(n, 8))
        n++;
    assert_true(n > 0);
}

/* A certificate is revoked and there is no memory to look closely: its streams end. */
static bool one_revocation(long n, long n_bad)
{
    bool failed;

    start(CERT_OURS, CERT_THEIRS);
    assert_true(node_send(&a, 1, "x"));
    assert_true(node_send(&b, 1, "x"));
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
    assert_int_equal(node_fate(&b, 1), XMPP_FATE_CONFIRMED);
    rig_revoke(a.tls, CERT_THEIRS, false);
    oom_plan(n, n_bad);
    OOM(xmpp_revocations_changed(a.x); rig_turn());
    failed = oom_failed();
    rig_until(xmpp_counters(a.x)->streams == 0);
    stop();
    return failed;
}

static void test_revocation(void **state)
{
    long n = 0;

    while (one_revocation(n, 1) || one_revocation(n, 8))
        n += getenv("STOX_PROOF") ? 1 : 11;
    assert_true(n > 0);
}

/* The connection is cut and resumed without memory: one fate, and if it is confirmed it is there. */
static bool one_cut(long n, long n_bad)
{
    enum xmpp_fate fate;
    struct xmpp_pair *p;
    bool failed;

    start(CERT_OURS, CERT_THEIRS);
    b.hold = true;
    assert_true(node_send(&a, 1, "x"));
    rig_until(b.n_got == 1);
    p = xmpp_pair_find(a.x, SLICE(OURS), SLICE(THEIRS));
    oom_plan(n, n_bad);
    oom_on();
    conn_abort(p->stream->conn);
    rig_turns(3);
    xmpp_handled(b.x, b.receipts[0]);
    b.hold = false;
    await_fate();
    oom_off();
    failed = oom_failed();
    for (int i = 0; i < 7; i++)
        rig_advance(10000);
    assert_true(send_one(2, &fate));
    assert_int_equal(node_fate(&a, 2), XMPP_FATE_CONFIRMED);
    stop();
    return failed;
}

static void test_cut(void **state)
{
    long n = 0;

    while (one_cut(n, 1) || one_cut(n, 8))
        n += getenv("STOX_PROOF") ? 1 : 11;
    assert_true(n > 50);
}

/* One stream for both directions: what is told is true on both sides, and when memory is back both ways work. */
static bool one_both(long n, long n_bad)
{
    enum xmpp_fate fate;
    bool failed, sent;

    start(CERT_OURS, CERT_THEIRS);
    a.partner.bidi = b.partner.bidi = true;
    oom_plan(n, n_bad);
    oom_on();
    sent = send_one(1, &fate);
    if (sent)
        await_fate();
    node_send(&b, 1, "back");
    for (int i = 0; i < 40 && !node_has_fate(&b, 1); i++) {
        rig_turns(5);
        rig_advance(5000);
    }
    oom_off();
    failed = oom_failed();
    assert_true(node_has_fate(&b, 1));
    if (b.fates[0].fate == XMPP_FATE_CONFIRMED)
        assert_true(a.n_got > 0);
    for (int i = 0; i < 7; i++)
        rig_advance(10000);
    assert_true(send_one(2, &fate));
    assert_int_equal(node_fate(&a, 2), XMPP_FATE_CONFIRMED);
    assert_true(node_send(&b, 2, "back"));
    assert_int_equal(node_fate(&b, 2), XMPP_FATE_CONFIRMED);
    stop();
    return failed;
}

static void test_both_ways(void **state)
{
    long n = 0;

    while (one_both(n, 1) || one_both(n, 8))
        n += getenv("STOX_PROOF") ? 1 : 61;
    assert_true(n > 50);
}

static void run(bool dialback, long n_bad, long step)
{
    long n = 0;

    /* Each run waits for real sockets: the quick size looks at every eleventh place, the full one at every place. */
    if (!getenv("STOX_PROOF"))
        step *= 11;
    while (one_run(dialback, n, n_bad))
        n += step;
    assert_true(n > 50);
}

static void test_sasl_one(void **state)
{
    run(false, 1, 1);
}

static void test_sasl_some(void **state)
{
    run(false, 8, 5);
}

static void test_dialback_one(void **state)
{
    run(true, 1, 2);
}

static void test_dialback_some(void **state)
{
    run(true, 8, 7);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        T(test_sasl_one),   T(test_sasl_some), T(test_dialback_one), T(test_dialback_some),        T(test_change),
        T(test_revocation), T(test_cut),       T(test_both_ways),    T(test_set_up_does_not_wait),
    };

    return cmocka_run_group_tests_name("fault/oom_xmpp", tests, NULL, NULL);
}
