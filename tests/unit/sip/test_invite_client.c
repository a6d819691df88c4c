/* The INVITE client transaction: RFC 3261 17.1.1, 9.1, 13.2.2.4, RFC 6026, RFC 3262 4. */
#include "call.h"

static void the_invite_as_sent(void **state)
{
    struct call *c = call_new(NULL);

    call_acts(c, &(struct call_step){ .act = INVITE });
    call_sent(c);
    assert_true(fake_has(fake_last(c->f), "INVITE sip:romeo@example.net SIP/2.0\r\n"
                                          "Via: SIP/2.0/UDP gw.example.net:5060;branch=z9hG4bK"));
    assert_true(fake_has(fake_last(c->f), "\r\nFrom: <sip:juliet@example.com>;tag="));
    assert_true(fake_has(fake_last(c->f), "\r\nTo: <sip:romeo@example.net>\r\nCall-ID: out1\r\nCSeq: 1 INVITE\r\n"
                                          "Contact: <sip:juliet@gw.example.net:5060>\r\n"
                                          "Allow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE, OPTIONS, MESSAGE, INFO\r\n"
                                          "Supported: timer, 100rel\r\n"
                                          "Content-Type: application/sdp\r\nContent-Length: 30\r\n\r\nv=0\r\n"));
    assert_int_equal(strlen(c->ours), 16);
    call_free(c);
}

/* Timer A doubles without end, B ends it. */
static void timers_a_and_b(void **state)
{
    static const struct call_step steps[] = {
        { .act = INVITE, .sent = "INVITE" },        { .pass = 500, .sent = "INVITE" },
        { .pass = 1000, .sent = "INVITE" },         { .pass = 2000, .sent = "INVITE" },
        { .pass = 4000, .sent = "INVITE" },         { .pass = 8000, .sent = "INVITE" },
        { .pass = 16000, .sent = "INVITE" },        { .pass = 499 },
        { .pass = 1, .events = "ended=timed-out" }, { .status = 200 }, /* late: nobody's */
    };
    struct call *c = call_new(NULL);

    CALL_STEPS(c, steps);
    assert_int_equal(sip_counters(c->f->sip)->dropped_stray_response, 1);
    assert_int_equal(sip_counters(c->f->sip)->clients, 0);
    assert_int_equal(sip_counters(c->f->sip)->dialogs, 0);
    assert_int_equal(c->f->sip->clients.hops.n, 0);
    assert_int_equal(c->f->loop.timers.n, 0);
    call_free(c);
}

static void ringing_lasts_as_long_as_it_does(void **state)
{
    static const struct call_step steps[] = {
        { .act = INVITE, .sent = "INVITE" },
        { .status = 100 },
        { .pass = 100000 },
        { .status = 180, .events = "progress=180" },
        { .status = 183, .to = "r2", .events = "progress=183" },
        { .pass = 100000 },
        { .status = 200, .events = "answered", .sent = "ACK" },
    };

    CALL_RUN(steps);
}

/* Same branch, Request-URI and CSeq as the INVITE's, To of the response; again for each repetition until Timer D. */
static void a_failure_gets_its_ack(void **state)
{
    static const struct call_step steps[] = {
        { .act = INVITE, .sent = "INVITE" },
        { .status = 486,
          .events = "ended=refused",
          .sent = "ACK",
          .has = "\r\nTo: <sip:romeo@example.net>;tag=r1\r\nCall-ID: out1\r\nCSeq: 1 ACK\r\n" },
        { .status = 486, .sent = "ACK" },
        { .status = 200 },
        { .pass = 31999 },
        { .status = 486, .sent = "ACK", .has = "ACK sip:romeo@example.net SIP/2.0\r\n" },
        { .pass = 1 },
        { .status = 486 },
    };
    struct call *c = call_new(NULL);
    char invite[128], ack[128];

    CALL_STEPS(c, steps);
    assert_int_equal(c->end_status, 486);
    call_line(c->f->sent[0].text, "\r\nVia: ", invite, sizeof(invite));
    call_line(c->f->sent[1].text, "\r\nVia: ", ack, sizeof(ack));
    assert_string_equal(invite, ack);
    assert_int_equal(sip_counters(c->f->sip)->clients, 0);
    call_free(c);
}

static void a_stream_is_written_once(void **state)
{
    static const struct call_step steps[] = {
        { .act = INVITE_TCP,
          .sent = "INVITE",
          .has = "\r\nContact: <sip:juliet@gw.example.net:5060;transport=tcp>\r\n" },
        { .pass = 30000 },
        { .status = 486, .transport = SIP_TCP, .events = "ended=refused", .sent = "ACK" },
        { .pass = 1 }, /* Timer D is 0 */
        { .status = 486, .transport = SIP_TCP },
    };

    CALL_RUN(steps);
}

/* RFC 6026: each repeated 2xx gets the same ACK, as long as Timer M, also when the session has ended. */
static void a_repeated_2xx_gets_its_ack_again(void **state)
{
    static const struct call_step steps[] = {
        { .act = INVITE, .sent = "INVITE" },
        { .status = 200, .events = "answered", .sent = "ACK", .has = "ACK sip:romeo@192.0.2.9:5070 SIP/2.0\r\n" },
        { .status = 200, .sent = "ACK" },
        { .status = 180 },
        { .status = 486 },
        { .act = END, .sent = "BYE", .has = "\r\nCSeq: 2 BYE\r\n" },
        { .status = 200, .sent = "ACK" },
        { .status = 200, .reply_to = "BYE" },
        { .pass = 31999 },
        { .status = 200, .sent = "ACK", .has = "\r\nCSeq: 1 ACK\r\n" },
        { .pass = 1 },
        { .status = 200 },
    };
    struct call *c = call_new(NULL);

    CALL_STEPS(c, steps);
    assert_string_equal(c->f->sent[1].text, c->f->sent[2].text);
    assert_int_equal(sip_counters(c->f->sip)->dropped_stray_response, 1);
    assert_int_equal(c->f->loop.timers.n, 0);
    assert_int_equal(c->f->sip->clients.hops.n, 0);
    call_free(c);
}

#define OTHER_CONTACT "Contact: <sip:other@192.0.2.10>\r\nRecord-Route: <sip:p.example.net;lr>\r\n"

static void forks(void **state)
{
    static const struct call_step steps[] = {
        { .act = INVITE, .sent = "INVITE" },
        { .status = 180, .to = "r1", .events = "progress=180" },
        { .status = 180, .to = "r2", .events = "progress=180" },
        { .status = 200, .to = "r1", .events = "answered", .sent = "ACK" },
        { .status = 200,
          .to = "r2",
          .more = OTHER_CONTACT,
          .sent = "ACK BYE",
          .has = "BYE sip:other@192.0.2.10 SIP/2.0\r\n" },
        { .status = 200,
          .to = "r2",
          .more = OTHER_CONTACT,
          .sent = "ACK",
          .has = "\r\nTo: <sip:romeo@example.net>;tag=r2\r\n" },
        { .status = 200,
          .to = "r3",
          .more = OTHER_CONTACT,
          .sent = "ACK BYE",
          .has = "\r\nRoute: <sip:p.example.net;lr>\r\n" },
        { .status = 200, .to = "r1", .sent = "ACK", .has = "ACK sip:romeo@192.0.2.9:5070 " },
        { .act = SEND, .sent = "MESSAGE", .has = ";tag=r1\r\n" },
        { .status = 200, .reply_to = "MESSAGE", .events = "result=200" },
    };

    CALL_RUN(steps);
}

/* A 2xx for each tag that one can think of: ACKs, but no more BYEs than forks that we know. */
static void forks_are_bounded(void **state)
{
    struct call *c = call_out(NULL, NULL);
    size_t n_byes = 0;

    for (unsigned i = 0; i < 50; i++) {
        char tag[16];

        snprintf(tag, sizeof(tag), "fork%u", i);
        call_answered(c, &(struct call_step){ .status = 200, .to = tag });
    }
    for (size_t i = 0; i < c->f->n_sent; i++)
        n_byes += strncmp(c->f->sent[i].text, "BYE", 3) == 0;
    assert_in_range(n_byes, 1, 8);
    assert_non_null(c->d);
    call_free(c);
}

static void cancel(void **state)
{
    static const struct call_step waits_for_an_answer[] = {
        { .act = INVITE, .sent = "INVITE" },
        { .act = CANCEL },
        { .pass = 500, .sent = "INVITE" },
        { .status = 100, .sent = "CANCEL", .has = "\r\nCSeq: 1 CANCEL\r\n" },
        { .act = CANCEL },
        { .status = 200, .reply_to = "CANCEL" },
        { .status = 487, .events = "ended=refused", .sent = "ACK" },
    };
    static const struct call_step goes_at_once[] = {
        { .act = INVITE, .sent = "INVITE" },
        { .status = 180, .events = "progress=180" },
        { .act = CANCEL, .sent = "CANCEL", .has = "CANCEL sip:romeo@example.net SIP/2.0\r\n" },
        { .status = 200, .reply_to = "CANCEL" },
        { .pass = 31999 },
        { .pass = 1, .events = "ended=timed-out" },
    };
    static const struct call_step crosses_the_2xx[] = {
        { .act = INVITE, .sent = "INVITE" },     { .status = 100 },
        { .act = CANCEL, .sent = "CANCEL" },     { .status = 200, .events = "answered", .sent = "ACK" },
        { .status = 200, .reply_to = "CANCEL" }, { .act = END, .sent = "BYE" },
    };
    static const struct call_step too_late[] = {
        { .act = INVITE, .sent = "INVITE" },
        { .status = 200, .events = "answered", .sent = "ACK" },
        { .act = CANCEL },
    };

    CALL_RUN(waits_for_an_answer);
    CALL_RUN(goes_at_once);
    CALL_RUN(crosses_the_2xx);
    CALL_RUN(too_late);
}

/* Same branch: RFC 3261 9.1. */
static void cancel_has_the_branch_of_its_invite(void **state)
{
    static const struct call_step steps[] = {
        { .act = INVITE, .sent = "INVITE" },
        { .status = 100 },
        { .act = CANCEL, .sent = "CANCEL" },
    };
    struct call *c = call_new(NULL);
    char invite[128], cancel_via[128];

    CALL_STEPS(c, steps);
    call_line(c->f->sent[0].text, "\r\nVia: ", invite, sizeof(invite));
    call_line(c->f->sent[1].text, "\r\nVia: ", cancel_via, sizeof(cancel_via));
    assert_string_equal(invite, cancel_via);
    call_free(c);
}

/* The owner has left: what the peer answers is ended all the same. */
static void ended_while_it_rings(void **state)
{
    static const struct call_step answered[] = {
        { .act = INVITE, .sent = "INVITE" },
        { .status = 180, .events = "progress=180" },
        { .act = END, .sent = "CANCEL" },
        { .status = 200, .sent = "ACK BYE", .has = "BYE sip:romeo@192.0.2.9:5070 SIP/2.0\r\n" },
        { .status = 200, .sent = "ACK" },
    };
    static const struct call_step cancelled[] = {
        { .act = INVITE, .sent = "INVITE" },
        { .act = END },
        { .status = 100, .sent = "CANCEL" },
        { .status = 487, .sent = "ACK" },
    };
    struct call *c = call_new(NULL);

    CALL_STEPS(c, answered);
    assert_int_equal(sip_counters(c->f->sip)->dialogs, 0);
    call_free(c);
    CALL_RUN(cancelled);
}

#define RSEQ(n) "Require: 100rel\r\nRSeq: " #n "\r\n"

static void reliable_answers_get_their_prack(void **state)
{
    static const struct call_step steps[] = {
        { .act = INVITE, .sent = "INVITE" },
        { .status = 183,
          .more = RSEQ(7),
          .events = "progress=183",
          .sent = "PRACK",
          .has = "\r\nCSeq: 2 PRACK\r\nRAck: 7 1 INVITE\r\n" },
        { .status = 183, .more = RSEQ(7) }, /* repeated: PRACK has its own repetition */
        { .status = 180, .more = RSEQ(9) }, /* a gap: the 8 comes again */
        { .status = 180,
          .more = RSEQ(8),
          .events = "progress=180",
          .sent = "PRACK",
          .has = "\r\nRAck: 8 1 INVITE\r\n" },
        { .status = 183,
          .to = "r2",
          .more = RSEQ(1),
          .events = "progress=183",
          .sent = "PRACK",
          .has = "\r\nTo: <sip:romeo@example.net>;tag=r2\r\n" }, /* forks count each for itself */
        { .status = 183, .to = "r2", .more = "RSeq: 2\r\n", .events = "progress=183" }, /* not required */
        { .status = 183, .to = "r3", .more = RSEQ(x), .events = "progress=183" },
        { .status = 200, .events = "answered", .sent = "ACK", .has = "\r\nCSeq: 1 ACK\r\n" },
        { .act = SEND, .sent = "MESSAGE", .has = "\r\nCSeq: 5 MESSAGE\r\n" },
    };

    CALL_RUN(steps);
}

static void forged_answers(void **state)
{
    static const struct call_step steps[] = {
        { .act = INVITE, .sent = "INVITE" },
        { .status = 200, .branch = "z9hG4bK00000000000000000000000000000000" }, /* wrong branch: dropped */
        { .status = 486, .branch = "z9hG4bK00000000000000000000000000000000" },
        { .status = 200, .events = "answered", .sent = "ACK" },
    };
    struct call *c = call_new(NULL);

    CALL_STEPS(c, steps);
    assert_int_equal(sip_counters(c->f->sip)->dropped_stray_response, 2);
    call_free(c);
}

/* A 2xx of which no dialog can be made gets an ACK and a BYE, and the owner hears of it. */
static void a_2xx_that_makes_no_dialog(void **state)
{
    static const struct {
        size_t n_routes, n_pad;
        const char *event;
    } cases[] = {
        { 64, 10, "answered" }, { 65, 10, "ended=broken" }, { 3, 900, "answered" }, { 5, 900, "ended=broken" }
    };

    for (size_t i = 0; i < N_OF(cases); i++) {
        struct call *c = call_new(NULL);
        char routes[8192] = "";

        for (size_t k = 0; k < cases[i].n_routes; k++)
            snprintf(routes + strlen(routes), sizeof(routes) - strlen(routes), "Record-Route: <sip:a;lr;x=%0*d>\r\n",
                     (int)cases[i].n_pad, 1);
        call_acts(c, &(struct call_step){ .act = INVITE });
        call_answered(c, &(struct call_step){ .status = 200, .more = routes });
        assert_string_equal(c->events, cases[i].event);
        assert_int_equal(sip_counters(c->f->sip)->dialogs, strcmp(c->events, "answered") == 0);
        call_free(c);
    }
}

static void what_fails_at_once_is_heard_later(void **state)
{
    static const struct call_step nowhere[] = {
        { .act = INVITE },
        { .pass = 1, .events = "ended=unreachable" },
    };
    struct call *c = call_new(NULL);
    struct sip_target here = { .transport = SIP_UDP, .addr = fake_addr("192.0.2.9:5060") };

    c->f->reach = SIP_REACH_NONE;
    CALL_STEPS(c, nowhere);
    c->f->reach = SIP_REACH_UP;
    call_acts(c, &(struct call_step){ .act = INVITE });
    sip_clients_down(&c->f->sip->clients, &here); /* the port is closed */
    assert_string_equal(c->events, "ended=unreachable");
    call_free(c);

    c = call_new(NULL);
    c->f->reach = SIP_REACH_COMING;
    call_acts(c, &(struct call_step){ .act = INVITE_TCP });
    call_acts(c, &(struct call_step){ .act = CANCEL });
    fake_pass(c->f, 1);
    assert_string_equal(c->events, "ended=unreachable");
    assert_int_equal(c->f->n_sent, 0);
    call_free(c);
}

static void sessions_are_bounded(void **state)
{
    struct sip_conf conf = call_conf();
    struct sip_target target = { .transport = SIP_UDP, .addr = fake_addr("192.0.2.9:5060") };
    struct call *c;
    size_t n = 0;

    conf.dialogs_max = 10;
    conf.dialogs_per_route_max = 4;
    c = call_new(&conf);
    for (size_t i = 0; i < 20; i++) {
        struct sip_invite r = call_invite_of(NULL);

        r.route = i < 8 ? SLICE("one") : i < 12 ? SLICE("two") : slice_of(NULL, 0);
        n += call_to_one(c->f->sip, &target, &r, c) != NULL;
        assert_int_equal(n, i < 4 ? i + 1 : i < 8 ? 4 : i < 14 ? i - 3 : 10);
    }
    assert_int_equal(sip_counters(c->f->sip)->dialogs, 10);
    call_takes(c, &(struct call_step){ .method = "INVITE" });
    assert_string_equal(c->events, "");
    assert_true(fake_has(fake_last(c->f), "SIP/2.0 503 ") && fake_has(fake_last(c->f), "\r\nRetry-After: 10\r\n"));
    call_free(c);
}

/* Timer M keeps at most as many as transactions may be; the oldest goes first. */
static void accepted_ones_are_bounded(void **state)
{
    struct sip_conf conf = call_conf();
    struct call *c;

    conf.txns_max = 4;
    c = call_new(&conf);
    for (unsigned i = 0; i < 20; i++) {
        call_acts(c, &(struct call_step){ .act = INVITE });
        c->events[0] = '\0';
        call_answered(c, &(struct call_step){ .status = 200 });
        assert_string_equal(c->events, "answered");
        assert_true(sip_counters(c->f->sip)->clients <= 4);
    }
    call_free(c);
}

static void udp_limit(void **state)
{
    struct call *c = call_new(NULL);
    struct sip_target target = { .transport = SIP_UDP, .addr = fake_addr("192.0.2.9:5060") };
    struct sip_targets *targets = sip_targets_one(&target, false);
    struct sip_invite r = call_invite_of(NULL);
    char body[2000];
    size_t n = 0;

    memset(body, 'x', sizeof(body));
    for (r.body = slice_of(body, 1); sip_invite_fits(c->f->sip, targets, &r); r.body.n++)
        n = r.body.n;
    assert_null(call_to_one(c->f->sip, &target, &r, c));
    assert_int_equal(sip_counters(c->f->sip)->dialogs, 0);
    r.body.n = n;
    assert_non_null(call_to_one(c->f->sip, &target, &r, c));
    assert_int_equal(c->f->sent[0].n, 1300);
    sip_targets_drop(targets);
    call_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_invite_as_sent),
        cmocka_unit_test(timers_a_and_b),
        cmocka_unit_test(ringing_lasts_as_long_as_it_does),
        cmocka_unit_test(a_failure_gets_its_ack),
        cmocka_unit_test(a_stream_is_written_once),
        cmocka_unit_test(a_repeated_2xx_gets_its_ack_again),
        cmocka_unit_test(forks),
        cmocka_unit_test(forks_are_bounded),
        cmocka_unit_test(cancel),
        cmocka_unit_test(cancel_has_the_branch_of_its_invite),
        cmocka_unit_test(ended_while_it_rings),
        cmocka_unit_test(reliable_answers_get_their_prack),
        cmocka_unit_test(forged_answers),
        cmocka_unit_test(a_2xx_that_makes_no_dialog),
        cmocka_unit_test(what_fails_at_once_is_heard_later),
        cmocka_unit_test(sessions_are_bounded),
        cmocka_unit_test(accepted_ones_are_bounded),
        cmocka_unit_test(udp_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
