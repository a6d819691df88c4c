/* Session timers: RFC 4028, both roles. */
#include "call.h"

#define SE(value) "Session-Expires: " value "\r\n"
#define TIMER "Supported: timer\r\n"

/* What we answer to what the peer's INVITE asks: section 9. */
static void what_we_answer(void **state)
{
    static const struct {
        const char *more;
        unsigned ours; /* session_s */
        unsigned status;
        const char *has, *has_not;
    } cases[] = {
        { "", 1800, 200, NULL, "Session-Expires" },
        { TIMER, 0, 200, NULL, "Session-Expires" },
        { TIMER, 1800, 200, "\r\nSession-Expires: 1800;refresher=uac\r\nRequire: timer\r\n", NULL },
        { TIMER "Min-SE: 3600\r\n", 1800, 200, "\r\nSession-Expires: 3600;refresher=uac\r\n", NULL },
        { TIMER SE("600"), 1800, 200, "\r\nSession-Expires: 600;refresher=uac\r\nRequire: timer\r\n", NULL },
        { "k: timer\r\nx: 600\r\n", 0, 200, "\r\nSession-Expires: 600;refresher=uac\r\n", NULL },
        { TIMER SE("600;refresher=uac"), 0, 200, ";refresher=uac\r\nRequire: timer\r\n", NULL },
        { TIMER SE("600;refresher=uas"), 0, 200, ";refresher=uas\r\nRequire: timer\r\n", NULL },
        { "Require: timer\r\n" SE("600"), 0, 200, ";refresher=uac\r\nRequire: timer\r\n", NULL },
        { SE("600"), 0, 200, "\r\nSession-Expires: 600;refresher=uas\r\n", "Require:" }, /* a proxy's */
        { TIMER SE("90"), 0, 200, "\r\nSession-Expires: 90;", NULL },
        { TIMER SE("89"), 0, 422, "\r\nMin-SE: 90\r\n", NULL },
        { SE("1"), 0, 422, "\r\nMin-SE: 90\r\n", NULL },
        { SE("x"), 0, 200, NULL, "Session-Expires" },
        { TIMER SE("99999999999999999999"), 0, 200, "\r\nSession-Expires: 4294967295;", NULL },
    };

    for (size_t i = 0; i < N_OF(cases); i++) {
        struct sip_conf conf = call_conf();
        struct call *c;

        conf.session_s = cases[i].ours;
        c = call_new(&conf);
        call_takes(c, &(struct call_step){ .method = "INVITE", .more = cases[i].more });
        if (c->d)
            call_accept(c, c->d);
        if (cases[i].has && !fake_has(fake_last(c->f), cases[i].has))
            fail_msg("case %zu: no \"%s\" in %s", i, cases[i].has, fake_last(c->f));
        if (cases[i].has_not && fake_has(fake_last(c->f), cases[i].has_not))
            fail_msg("case %zu: %s", i, fake_last(c->f));
        assert_int_equal(fake_status(c->f, c->f->n_sent - 1), cases[i].status);
        call_free(c);
    }
}

static void a_configured_minimum(void **state)
{
    static const struct call_step steps[] = {
        { .method = "INVITE", .more = TIMER SE("299"), .sent = "422", .has = "\r\nMin-SE: 300\r\n" },
        { .method = "ACK", .branch = "INVITE1" },
        { .method = "INVITE",
          .cseq = "2",
          .more = TIMER SE("300") "Min-SE: 300\r\n",
          .events = "invite",
          .sent = "100" },
        { .act = ACCEPT, .sent = "200", .has = "\r\nSession-Expires: 300;refresher=uac\r\n" },
        { .method = "ACK", .cseq = "2", .events = "confirmed" },
        { .method = "UPDATE",
          .cseq = "3",
          .more = TIMER SE("100"),
          .sent = "422/UPDATE",
          .has = "\r\nMin-SE: 300\r\n" },
        { .method = "INVITE", .to = "=", .cseq = "4", .more = TIMER SE("100"), .sent = "422" },
    };
    struct sip_conf conf = call_conf();

    conf.session_min_s = 300;
    call_run_with(&conf, steps, N_OF(steps), __func__);
}

/* The peer was to refresh: BYE 32 s before the end, or a third of the interval. */
static void without_refresh_the_session_ends(void **state)
{
    static const struct {
        const char *se;
        uint64_t ms;
    } cases[] = { { TIMER SE("600"), 568000 }, { TIMER SE("90"), 60000 } };

    for (size_t i = 0; i < N_OF(cases); i++) {
        const struct call_step steps[] = {
            { .pass = cases[i].ms - 1 },
            { .pass = 1, .events = "ended=expired", .sent = "BYE", .has = "text=\"Session timer expired\"" },
        };
        struct call *c = call_in(NULL, cases[i].se);

        CALL_STEPS(c, steps);
        assert_int_equal(sip_counters(c->f->sip)->dialogs, 0);
        call_free(c);
    }
}

static void each_refresh_of_the_peer_counts(void **state)
{
    static const struct call_step steps[] = {
        { .pass = 500000 },
        { .method = "UPDATE",
          .cseq = "2",
          .more = TIMER SE("600;refresher=uac"),
          .sent = "200/UPDATE",
          .has = "\r\nSession-Expires: 600;refresher=uac\r\n" },
        { .pass = 500000 },
        { .method = "INVITE",
          .to = "=",
          .cseq = "3",
          .more = TIMER SE("600;refresher=uac"),
          .body = CALL_SDP,
          .sent = "200",
          .has = "\r\nSession-Expires: 600;refresher=uac\r\n" },
        { .method = "ACK", .cseq = "3" },
        { .pass = 567999 },
        { .pass = 1, .events = "ended=expired", .sent = "BYE" },
    };
    struct call *c = call_in(NULL, TIMER SE("600"));

    CALL_STEPS(c, steps);
    call_free(c);
}

/* A refresh that asks for no interval any more ends the expiry. */
static void a_refresh_without_interval(void **state)
{
    static const struct call_step steps[] = {
        { .method = "UPDATE", .cseq = "2", .sent = "200/UPDATE", .has_not = "Session-Expires" },
        { .pass = 2000000 },
    };
    struct call *c = call_in(NULL, TIMER SE("600"));

    CALL_STEPS(c, steps);
    call_free(c);
}

static void we_refresh_by_update(void **state)
{
    static const struct call_step steps[] = {
        { .pass = 299999 },
        { .pass = 1, .sent = "UPDATE", .has = "\r\nSession-Expires: 600;refresher=uac\r\nContent-Length: 0\r\n" },
        { .status = 200, .reply_to = "UPDATE", .more = SE("600;refresher=uac") },
        { .pass = 299999 },
        { .pass = 1, .sent = "UPDATE", .has = "\r\nCSeq: 2 UPDATE\r\n" },
        { .status = 200,
          .reply_to = "UPDATE",
          .more = SE("400;refresher=uas") "Contact: <sip:moved@192.0.2.1>\r\n",
          .events = "moved" }, /* now the peer does */
        { .pass = 367999 },
        { .pass = 1, .events = "ended=expired", .sent = "BYE", .has = "BYE sip:moved@192.0.2.1 " },
    };
    struct call *c = call_in(NULL, "Allow: INVITE, UPDATE\r\n" TIMER SE("600;refresher=uas"));

    CALL_STEPS(c, steps);
    call_free(c);
}

static void we_refresh_by_reinvite(void **state)
{
    static const struct call_step steps[] = {
        { .pass = 300000, .sent = "INVITE", .has = "\r\n\r\n" CALL_SDP },
        { .pass = 500, .sent = "INVITE" },
        { .status = 100 },
        { .status = 200, .more = SE("600;refresher=uac"), .sent = "ACK", .has = "\r\nCSeq: 1 ACK\r\n" },
        { .status = 200, .more = SE("600;refresher=uac"), .sent = "ACK" },
        { .pass = 299999 },
        { .pass = 1, .sent = "INVITE", .has = "\r\nCSeq: 2 INVITE\r\n" },
        { .status = 488, .sent = "ACK" }, /* it goes on, and is tried again */
        { .pass = 134000, .sent = "INVITE" },
        { .status = 200, .more = SE("600;refresher=uac"), .sent = "ACK" },
    };
    struct call *c = call_in(NULL, TIMER SE("600;refresher=uas"));

    CALL_STEPS(c, steps);
    assert_int_equal(c->n_described, 3);
    call_free(c);
}

/* Time until something is sent. */
static uint64_t wait_for_packet(struct call *c)
{
    size_t n = c->f->n_sent;
    uint64_t begin = loop_now(&c->f->loop);

    while (c->f->n_sent == n && loop_now(&c->f->loop) - begin < 10000)
        fake_pass(c->f, 1);
    return loop_now(&c->f->loop) - begin;
}

/* RFC 3261 14.1: who owns the Call-ID waits longer. */
static void glare(void **state)
{
    static const struct call_step theirs[] = {
        { .pass = 300000, .sent = "INVITE" },
        { .method = "INVITE", .to = "=", .cseq = "2", .body = CALL_SDP, .sent = "491" }, /* ours is under way */
        { .method = "ACK", .cseq = "2", .branch = "INVITE2" },
        { .method = "UPDATE", .cseq = "3", .body = CALL_SDP, .sent = "491/UPDATE" },
        { .status = 491, .sent = "ACK" },
    };
    static const struct call_step again[] = {
        { .status = 200, .more = SE("600;refresher=uac"), .sent = "ACK" },
        { .method = "UPDATE", .cseq = "4", .body = CALL_SDP, .sent = "200/UPDATE" },
    };
    static const struct call_step ours[] = {
        { .pass = 300000, .sent = "INVITE" },
        { .status = 491, .sent = "ACK" },
    };
    struct call *c = call_in(NULL, TIMER SE("600;refresher=uas"));

    CALL_STEPS(c, theirs);
    assert_in_range(wait_for_packet(c), 0, 2001);
    assert_string_equal(call_sent(c), "INVITE");
    assert_true(fake_has(fake_last(c->f), "\r\nCSeq: 2 INVITE\r\n"));
    CALL_STEPS(c, again);
    call_free(c);
    c = call_out(NULL, SE("600;refresher=uac"));
    CALL_STEPS(c, ours);
    assert_in_range(wait_for_packet(c), 2100, 4001);
    assert_string_equal(call_sent(c), "INVITE");
    call_free(c);
}

/* The peer lets our re-INVITE ring for ever: nothing of it stays when the session ends. */
static void a_refresh_that_rings(void **state)
{
    static const struct call_step steps[] = {
        { .pass = 300000, .sent = "INVITE" },
        { .status = 180 },
        { .pass = 200000 },
        { .pass = 68000, .events = "ended=expired", .sent = "BYE CANCEL" },
        { .status = 200, .reply_to = "BYE" },
        { .status = 200, .reply_to = "CANCEL" },
        { .pass = 32000 },
    };
    struct call *c = call_out(NULL, SE("600;refresher=uac"));

    CALL_STEPS(c, steps);
    assert_int_equal(sip_counters(c->f->sip)->clients, 0);
    call_free(c);
}

static void refreshes_that_end_the_session(void **state)
{
    static const struct {
        unsigned status;
        const char *events, *sent;
    } cases[] = { { 481, "ended=lost", "" }, { 408, "ended=lost", "BYE" }, { 500, "", "" } };

    for (size_t i = 0; i < N_OF(cases); i++) {
        const struct call_step steps[] = {
            { .pass = 300000, .sent = "UPDATE" },
            { .status = cases[i].status, .reply_to = "UPDATE", .events = cases[i].events, .sent = cases[i].sent },
        };
        struct call *c = call_out(NULL, "Allow: UPDATE\r\n" SE("600;refresher=uac"));

        CALL_STEPS(c, steps);
        call_free(c);
    }
}

/* Refused each time: the session expires in the end. */
static void a_refresh_that_is_never_taken(void **state)
{
    struct call *c = call_out(NULL, "Allow: UPDATE\r\n" SE("600;refresher=uac"));
    unsigned n = 0;

    while (c->d && n < 100) {
        fake_pass(c->f, 1000);
        if (fake_has(fake_last(c->f), "UPDATE ") && strcmp(call_sent(c), "UPDATE") == 0) {
            call_answered(c, &(struct call_step){ .status = 500, .reply_to = "UPDATE" });
            n++;
        }
    }
    assert_string_equal(c->events, "ended=expired");
    assert_in_range(n, 2, 20);
    call_free(c);
}

static void our_invite_asks(void **state)
{
    static const struct call_step steps[] = {
        { .act = INVITE, .sent = "INVITE", .has = "\r\nSession-Expires: 1800\r\n", .has_not = "Min-SE" },
        { .status = 422, .more = "Min-SE: 3600\r\n", .sent = "ACK INVITE", .has = "\r\nCSeq: 2 INVITE\r\n" },
        { .pass = 500, .sent = "INVITE", .has = "\r\nSession-Expires: 3600\r\nMin-SE: 3600\r\n" },
        { .status = 422, .more = "Min-SE: 3600\r\n", .events = "ended=refused", .sent = "ACK" }, /* in vain */
    };
    static const struct call_step works[] = {
        { .act = INVITE, .sent = "INVITE" },
        { .status = 422, .more = "Min-SE: 3600\r\n", .sent = "ACK INVITE", .has = "\r\n\r\n" CALL_SDP },
        { .status = 200,
          .more = SE("3600;refresher=uac"),
          .events = "answered",
          .sent = "ACK",
          .has = "\r\nCSeq: 2 ACK\r\n" },
        { .act = SEND, .sent = "MESSAGE", .has = "\r\nCSeq: 3 MESSAGE\r\n" },
        { .status = 200, .reply_to = "MESSAGE", .events = "result=200" },
        { .pass = 1800000, .sent = "INVITE", .has = "\r\nSession-Expires: 3600;refresher=uac\r\nMin-SE: 3600\r\n" },
    };
    static const struct call_step three_times[] = {
        { .act = INVITE, .sent = "INVITE" },
        { .status = 422, .more = "Min-SE: 3600\r\n", .sent = "ACK INVITE" },
        { .status = 422, .more = "Min-SE: 3601\r\n", .sent = "ACK INVITE" },
        { .status = 422, .more = "Min-SE: 3602\r\n", .sent = "ACK INVITE" },
        { .status = 422, .more = "Min-SE: 3603\r\n", .events = "ended=refused", .sent = "ACK" },
    };
    static const struct call_step cancelled[] = {
        { .act = INVITE, .sent = "INVITE" },
        { .status = 100 },
        { .act = CANCEL, .sent = "CANCEL" },
        { .status = 422, .more = "Min-SE: 3600\r\n", .events = "ended=refused", .sent = "ACK" },
    };
    struct sip_conf conf = call_conf();

    conf.session_s = 1800;
    call_run_with(&conf, steps, N_OF(steps), "steps");
    call_run_with(&conf, works, N_OF(works), "works");
    call_run_with(&conf, three_times, N_OF(three_times), "three_times");
    call_run_with(&conf, cancelled, N_OF(cancelled), "cancelled");
}

/* What the peer answers: who refreshes, and how often at most. */
static void what_the_peer_answers(void **state)
{
    static const struct {
        const char *se;
        uint64_t refresh_ms; /* 0: not by us */
    } cases[] = {
        { "", 0 },
        { SE("600;refresher=uac"), 300000 },
        { SE("600"), 300000 },
        { SE("600;refresher=uas"), 0 },
        { SE("1;refresher=uac"), 45000 },
        { SE("0;refresher=uac"), 0 },
        { SE("none"), 0 },
    };

    for (size_t i = 0; i < N_OF(cases); i++) {
        char more[200];
        struct call *c;
        size_t n;

        snprintf(more, sizeof(more), "Allow: UPDATE\r\n%s", cases[i].se);
        c = call_out(NULL, more);
        n = c->f->n_sent;
        fake_pass(c->f, cases[i].refresh_ms ? cases[i].refresh_ms - 1 : 500000);
        if (c->f->n_sent != n)
            fail_msg("case %zu: %s", i, fake_last(c->f));
        if (cases[i].refresh_ms) {
            fake_pass(c->f, 1);
            assert_string_equal(call_sent(c), "UPDATE");
        }
        call_free(c);
    }
}

/* Between the owner's end and the ACK nothing is refreshed. */
static void no_refresh_after_the_end(void **state)
{
    static const struct call_step steps[] = {
        { .pass = 300000, .sent = "UPDATE" },
        { .act = END, .sent = "BYE" },
        { .status = 200, .reply_to = "UPDATE", .more = SE("600;refresher=uac") },
        { .status = 200, .reply_to = "BYE" },
        { .pass = 1000000 },
    };
    struct call *c = call_out(NULL, "Allow: UPDATE\r\n" SE("600;refresher=uac"));

    CALL_STEPS(c, steps);
    assert_int_equal(c->f->loop.timers.n, 0);
    call_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_we_answer),
        cmocka_unit_test(a_configured_minimum),
        cmocka_unit_test(without_refresh_the_session_ends),
        cmocka_unit_test(each_refresh_of_the_peer_counts),
        cmocka_unit_test(a_refresh_without_interval),
        cmocka_unit_test(we_refresh_by_update),
        cmocka_unit_test(we_refresh_by_reinvite),
        cmocka_unit_test(glare),
        cmocka_unit_test(a_refresh_that_rings),
        cmocka_unit_test(refreshes_that_end_the_session),
        cmocka_unit_test(a_refresh_that_is_never_taken),
        cmocka_unit_test(our_invite_asks),
        cmocka_unit_test(what_the_peer_answers),
        cmocka_unit_test(no_refresh_after_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
