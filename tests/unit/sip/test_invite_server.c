/* The INVITE server transaction: RFC 3261 17.2.1, RFC 6026, RFC 3262 3, and the 2xx that is repeated until its ACK. */
#include "call.h"

#define INVITE_COMES                                                                                                   \
    {                                                                                                                  \
        .method = "INVITE", .events = "invite", .sent = "100"                                                          \
    }

static void hundred_at_once_and_for_each_repetition(void **state)
{
    static const struct call_step steps[] = {
        INVITE_COMES,
        { .method = "INVITE", .sent = "100" },
        { .act = RING, .sent = "180", .has = "\r\nContact: <sip:juliet@gw.example.net:5060>\r\n" },
        { .method = "INVITE", .sent = "180" },
        { .pass = 40000 },
        { .act = REFUSE, .arg = 486, .sent = "486" },
    };

    CALL_RUN(steps);
}

/* An owner that answers inside of the op makes the 100 superfluous. */
static void no_hundred_where_the_answer_is_there(void **state)
{
    static const struct {
        unsigned status;
        const char *sent;
    } cases[] = { { 200, "200" }, { 404, "404" } };

    for (size_t i = 0; i < N_OF(cases); i++) {
        const struct call_step steps[] = { { .method = "INVITE", .events = "invite", .sent = cases[i].sent } };
        struct call *c = call_new(NULL);

        c->at_once = cases[i].status;
        CALL_STEPS(c, steps);
        call_free(c);
    }
}

/* Timer G from T1 to T2, H at 64*T1. */
static void a_failure_is_repeated_until_its_ack(void **state)
{
    static const struct call_step never[] = {
        INVITE_COMES,
        { .act = REFUSE, .arg = 486, .sent = "486" },
        { .method = "INVITE", .sent = "486" },
        { .pass = 499 },
        { .pass = 1, .sent = "486" },
        { .pass = 1000, .sent = "486" },
        { .pass = 2000, .sent = "486" },
        { .pass = 4000, .sent = "486" },
        { .pass = 4000, .sent = "486" },
        { .pass = 20499, .sent = "486 486 486 486 486" },
        { .pass = 1 },
        { .pass = 100000 },
    };
    static const struct call_step acked[] = {
        INVITE_COMES,
        { .act = REFUSE, .arg = 486, .sent = "486" },
        { .pass = 500, .sent = "486" },
        { .method = "ACK", .branch = "INVITE1" },
        { .method = "INVITE" }, /* late: absorbed, Timer I */
        { .method = "ACK", .branch = "INVITE1" },
        { .pass = 4999 },
        { .method = "INVITE" },
        { .pass = 1 },
    };
    struct call *c = call_new(NULL);

    CALL_STEPS(c, never);
    assert_int_equal(sip_counters(c->f->sip)->invites, 0);
    assert_int_equal(c->f->loop.timers.n, 0);
    call_free(c);
    c = call_new(NULL);
    CALL_STEPS(c, acked);
    assert_int_equal(sip_counters(c->f->sip)->invites, 0);
    assert_int_equal(sip_counters(c->f->sip)->dialogs, 0);
    assert_int_equal(c->f->loop.timers.n, 0);
    call_free(c);
}

static void a_stream_repeats_no_failure(void **state)
{
    static const struct call_step steps[] = {
        { .method = "INVITE", .transport = SIP_TCP, .events = "invite", .sent = "100" },
        { .act = REFUSE, .arg = 486, .sent = "486" },
        { .pass = 31999 },
        { .method = "ACK", .branch = "INVITE1", .transport = SIP_TCP },
        { .pass = 1 },
    };
    struct call *c = call_new(NULL);

    CALL_STEPS(c, steps);
    assert_int_equal(sip_counters(c->f->sip)->invites, 0);
    call_free(c);
}

/* On streams too (RFC 3261 13.3.1.4): a proxy may lose it further on. */
static void a_2xx_is_repeated_until_its_ack(void **state)
{
    static const enum sip_transport transports[] = { SIP_UDP, SIP_TCP };

    for (size_t i = 0; i < 2; i++) {
        const struct call_step steps[] = {
            { .method = "INVITE", .transport = transports[i], .events = "invite", .sent = "100" },
            { .act = ACCEPT, .sent = "200" },
            { .method = "INVITE", .transport = transports[i] }, /* RFC 6026: absorbed */
            { .pass = 500, .sent = "200" },
            { .pass = 1000, .sent = "200" },
            { .pass = 2000, .sent = "200" },
            { .pass = 4000, .sent = "200" },
            { .method = "ACK", .events = "confirmed" },
            { .method = "ACK" },
            { .method = "INVITE", .transport = transports[i] },
            { .pass = 24500 },
        };
        struct call *c = call_new(NULL);

        CALL_STEPS(c, steps);
        assert_int_equal(sip_counters(c->f->sip)->invites, 0);
        assert_int_equal(sip_counters(c->f->sip)->dialogs, 1);
        assert_int_equal(c->f->loop.timers.n, 0);
        call_free(c);
    }
}

/* RFC 3261 18.2.2: the answers go where the repeated INVITE came from, when its connection broke. */
static void answers_follow_the_repetition(void **state)
{
    static const struct call_step steps[] = {
        { .method = "INVITE", .transport = SIP_TCP, .events = "invite", .sent = "100" },
        { .method = "INVITE", .transport = SIP_TCP, .from = "192.0.2.9:40001", .sent = "100" },
        { .act = ACCEPT, .sent = "200" },
        { .pass = 500, .sent = "200" },
    };
    struct call *c = call_new(NULL);

    CALL_STEPS(c, steps);
    for (size_t i = 1; i < c->f->n_sent; i++)
        assert_int_equal(addr_port(&c->f->sent[i].flow.peer), 40001);
    call_free(c);
}

static void without_ack_the_session_ends(void **state)
{
    static const struct call_step steps[] = {
        INVITE_COMES,
        { .act = ACCEPT, .sent = "200" },
        { .pass = 31999, .sent = "200 200 200 200 200 200 200 200 200 200" },
        { .pass = 1, .events = "ended=no-ack", .sent = "BYE", .has = "\r\nReason: SIP;cause=408" },
        { .status = 200, .reply_to = "BYE" },
        { .method = "ACK" }, /* too late */
    };

    CALL_RUN(steps);
}

static void acks_that_are_not_for_it(void **state)
{
    static const struct call_step steps[] = {
        INVITE_COMES,
        { .act = ACCEPT, .sent = "200" },
        { .method = "ACK", .tag = "f2" },
        { .method = "ACK", .to = "0123456789abcdef" },
        { .method = "ACK", .to = "-" },
        { .method = "ACK", .cseq = "2" },
        { .method = "ACK", .stranger = true },
        { .method = "ACK", .other_route = true },
        { .method = "ACK", .from = "192.0.2.77:999", .events = "confirmed" }, /* from the same route: a proxy of it */
    };

    CALL_RUN(steps);
}

static void cancel(void **state)
{
    static const struct call_step before[] = {
        INVITE_COMES,
        { .method = "CANCEL", .stranger = true },
        { .method = "CANCEL", .other_route = true, .sent = "481/CANCEL" },
        { .method = "CANCEL", .branch = "other", .sent = "481/CANCEL" },
        { .method = "CANCEL", .events = "ended=cancelled", .sent = "200/CANCEL 487" },
        { .method = "CANCEL", .sent = "200/CANCEL" },
        { .method = "ACK", .branch = "INVITE1" },
        { .pass = 5000 },
        { .method = "CANCEL", .sent = "481/CANCEL" },
    };
    static const struct call_step after[] = {
        INVITE_COMES,
        { .act = ACCEPT, .sent = "200" },
        { .method = "CANCEL", .sent = "200/CANCEL" }, /* no effect: RFC 3261 9.2 */
        { .method = "ACK", .events = "confirmed" },
        { .method = "BYE", .cseq = "2", .events = "ended=bye", .sent = "200/BYE" },
    };

    CALL_RUN(before);
    CALL_RUN(after);
}

/* Both answers have one To tag (9.2). */
static void cancel_has_the_tag_of_its_invite(void **state)
{
    static const struct call_step steps[] = {
        INVITE_COMES,
        { .method = "CANCEL", .events = "ended=cancelled", .sent = "200/CANCEL 487" },
    };
    struct call *c = call_new(NULL);
    char want[40];

    CALL_STEPS(c, steps);
    snprintf(want, sizeof(want), ";tag=%s\r\n", c->ours);
    assert_int_equal(strlen(c->ours), 16);
    for (size_t i = 0; i < c->f->n_sent; i++)
        assert_true(fake_has(c->f->sent[i].text, want));
    call_free(c);
}

#define OLD_VIA "Via: SIP/2.0/UDP 192.0.2.9:5070"

/* RFC 3261 17.2.3: without the cookie the ACK is known by To tag, Request-URI and Via. */
static void rfc_2543(void **state)
{
    static const struct call_step steps[] = {
        { .method = "INVITE", .via = OLD_VIA, .events = "invite", .sent = "100" },
        { .method = "INVITE", .via = OLD_VIA, .sent = "100" },
        { .method = "CANCEL", .via = OLD_VIA ";x=y", .sent = "481/CANCEL" },
        { .act = REFUSE, .arg = 486, .sent = "486" },
        { .method = "ACK", .via = OLD_VIA, .to = "0123456789abcdef" },
        { .pass = 500, .sent = "486" },
        { .method = "ACK", .via = OLD_VIA },
        { .pass = 20000 },
    };
    static const struct call_step cancelled[] = {
        { .method = "INVITE", .via = OLD_VIA, .events = "invite", .sent = "100" },
        { .method = "CANCEL", .via = OLD_VIA, .events = "ended=cancelled", .sent = "200/CANCEL 487" },
    };

    CALL_RUN(steps);
    CALL_RUN(cancelled);
}

static void the_same_invite_by_two_paths(void **state)
{
    static const struct call_step steps[] = {
        INVITE_COMES,
        { .method = "INVITE", .branch = "other", .sent = "482" },
        { .act = ACCEPT, .sent = "200" },
        { .method = "INVITE", .branch = "other", .sent = "482" },
    };

    CALL_RUN(steps);
}

/* The transaction is forgotten, the session is not: there is only one. */
static void a_very_late_copy(void **state)
{
    static const struct call_step steps[] = {
        INVITE_COMES,
        { .act = ACCEPT, .sent = "200" },
        { .method = "ACK", .events = "confirmed" },
        { .pass = 40000 },
        { .method = "INVITE", .sent = "482" },
        { .method = "BYE", .cseq = "2", .events = "ended=bye", .sent = "200/BYE" },
    };

    CALL_RUN(steps);
}

static void reliable_provisional_answers(void **state)
{
    static const struct call_step not_required[] = {
        { .method = "INVITE", .more = "Supported: 100rel\r\n", .events = "invite", .sent = "100" },
        { .act = RING, .sent = "180", .has_not = "RSeq" },
        { .pass = 40000 },
    };
    static const struct call_step never[] = {
        { .method = "INVITE", .more = "Require: 100rel\r\n", .events = "invite", .sent = "100" },
        { .act = RING, .sent = "180", .has = "\r\nRequire: 100rel\r\nRSeq: " },
        { .act = RING, .arg = 183, .events = "not-rung" },
        { .pass = 500, .sent = "180" },
        { .pass = 31499, .sent = "180 180 180 180 180 180 180 180 180" },
        { .pass = 1, .events = "ended=no-prack", .sent = "504" },
    };

    CALL_RUN(not_required);
    CALL_RUN(never);
}

static void prack_stops_them(void **state)
{
    static const struct call_step begin[] = {
        { .method = "INVITE", .more = "Require: 100rel\r\n", .events = "invite", .sent = "100" },
        { .act = RING, .sent = "180" },
    };
    struct call *c = call_new(NULL);
    unsigned rseq;
    char good[64], wrong[64], other[64];

    CALL_STEPS(c, begin);
    assert_int_equal(sscanf(strstr(fake_last(c->f), "RSeq: "), "RSeq: %u", &rseq), 1);
    snprintf(good, sizeof(good), "RAck: %u 1 INVITE\r\n", rseq);
    snprintf(wrong, sizeof(wrong), "RAck: %u 1 INVITE\r\n", rseq + 1);
    snprintf(other, sizeof(other), "RAck: %u 2 INVITE\r\n", rseq);
    {
        const struct call_step steps[] = {
            { .method = "PRACK", .cseq = "2", .sent = "400/PRACK" },
            { .method = "PRACK", .cseq = "3", .more = wrong, .sent = "481/PRACK" },
            { .method = "PRACK", .cseq = "4", .more = other, .sent = "481/PRACK" },
            { .method = "PRACK", .cseq = "5", .more = good, .sent = "200/PRACK" },
            { .method = "PRACK", .cseq = "5", .more = good, .sent = "200/PRACK" },
            { .method = "PRACK", .cseq = "6", .more = good, .sent = "481/PRACK" },
            { .pass = 40000 },
            { .act = RING, .arg = 183, .sent = "183" },
            { .act = ACCEPT, .sent = "200" }, /* stops the 183 */
            { .method = "ACK", .events = "confirmed" },
            { .pass = 100000 },
        };

        CALL_STEPS(c, steps);
    }
    call_free(c);
}

/* What waits for an ACK is bounded: the oldest is given up. */
static void remembered_answers_are_bounded(void **state)
{
    struct sip_conf conf = call_conf();
    struct call *c;

    conf.txns_max = 4;
    c = call_new(&conf);
    c->at_once = 486;
    for (unsigned i = 0; i < 20; i++) {
        char cseq[8];

        snprintf(cseq, sizeof(cseq), "%u", i + 1);
        call_takes(c, &(struct call_step){ .method = "INVITE", .cseq = cseq });
        fake_pass(c->f, 1);
        assert_true(sip_counters(c->f->sip)->invites <= 5);
    }
    call_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hundred_at_once_and_for_each_repetition),
        cmocka_unit_test(no_hundred_where_the_answer_is_there),
        cmocka_unit_test(a_failure_is_repeated_until_its_ack),
        cmocka_unit_test(a_stream_repeats_no_failure),
        cmocka_unit_test(a_2xx_is_repeated_until_its_ack),
        cmocka_unit_test(answers_follow_the_repetition),
        cmocka_unit_test(without_ack_the_session_ends),
        cmocka_unit_test(acks_that_are_not_for_it),
        cmocka_unit_test(cancel),
        cmocka_unit_test(cancel_has_the_tag_of_its_invite),
        cmocka_unit_test(rfc_2543),
        cmocka_unit_test(the_same_invite_by_two_paths),
        cmocka_unit_test(a_very_late_copy),
        cmocka_unit_test(reliable_provisional_answers),
        cmocka_unit_test(prack_stops_them),
        cmocka_unit_test(remembered_answers_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
