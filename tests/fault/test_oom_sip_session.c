/*
 * INVITE sessions with memory running out: each session that the owner heard of ends in one way that it hears of, each INVITE
 * gets one final answer or comes again, nothing stays, and the next session is as good as any.
 */
#include "../unit/sip/call.h"

#include "oom_sip.h"

static size_t count(const char *text, const char *word)
{
    size_t n = 0;

    for (const char *at = text; (at = strstr(at, word)); at += strlen(word))
        n++;
    return n;
}

/* Whatever went before: a session from start to end, and then nothing is left. */
static void goes_on(struct call *c)
{
    static const struct call_step steps[] = {
        { .method = "INVITE", .branch = "z", .cseq = "90", .tag = "z", .events = "invite", .sent = "100" },
        { .act = ACCEPT, .sent = "200" },
        { .method = "ACK", .cseq = "90", .tag = "z", .events = "confirmed" },
        { .act = SEND, .sent = "MESSAGE" },
        { .status = 200, .reply_to = "MESSAGE", .events = "result=200" },
        { .method = "BYE", .cseq = "91", .tag = "z", .events = "ended=bye", .sent = "200/BYE" },
    };

    oom_over();
    fake_pass(c->f, 70000);
    assert_null(c->d);
    assert_int_equal(sip_counters(c->f->sip)->dialogs, 0);
    c->events[0] = '\0';
    call_sent(c);
    CALL_STEPS(c, steps);
    fake_pass(c->f, 70000);
    assert_int_equal(sip_counters(c->f->sip)->dialogs + sip_counters(c->f->sip)->invites, 0);
    assert_int_equal(sip_counters(c->f->sip)->clients + sip_counters(c->f->sip)->servers, 0);
    assert_int_equal(c->f->sip->clients.hops.n + c->f->sip->dialogs.charges.n, 0);
    call_free(c);
}

static void end(struct call *c)
{
    struct sip_dialog *d = c->d;

    c->d = NULL;
    if (d)
        OOM(sip_dialog_end(d, slice_of(NULL, 0)));
}

static void accept_now(struct call *c)
{
    OOM(call_accept(c, c->d));
    call_sent(c);
    if (!c->d)
        assert_true(oom_failed() && fake_status(c->f, c->f->n_sent - 1) == 500);
}

static void called(const void *arg)
{
    const char *const *more = arg;
    struct call *c = call_new(NULL);

    call_takes(c, &(struct call_step){ .method = "INVITE", .more = *more });
    call_sent(c);
    if (!c->d)
        assert_true(oom_failed() && fake_status(c->f, c->f->n_sent - 1) == 503);
    if (c->d)
        OOM((void)sip_dialog_ring(c->d, 180, slice_of(NULL, 0)));
    if (c->d)
        accept_now(c);
    if (c->d)
        call_takes(c, &(struct call_step){ .method = "ACK" });
    if (c->d)
        call_takes(c, &(struct call_step){ .method = "MESSAGE", .cseq = "2" });
    if (fake_has(c->events, "request=MESSAGE"))
        OOM(sip_respond(c->txn, 486, "Not now", SLICE("Retry-After: 7\r\n")));
    if (c->d)
        call_takes(c, &(struct call_step){ .method = "UPDATE", .cseq = "3", .body = CALL_SDP });
    if (c->d)
        call_takes(c, &(struct call_step){ .method = "INVITE", .to = "=", .cseq = "4", .body = CALL_SDP });
    if (c->d)
        call_takes(c, &(struct call_step){ .method = "ACK", .cseq = "4" });
    OOM(fake_pass(c->f, 310000)); /* a refresh */
    if (c->d)
        OOM((void)sip_dialog_send(c->d, SIP_MESSAGE, &(struct sip_content){ 0 }, call_on_done, c));
    if (c->d)
        call_takes(c, &(struct call_step){ .method = "BYE", .cseq = "5" });
    end(c);
    assert_true(count(c->events, "ended=") + count(c->events, "not-accepted") <= 1);
    goes_on(c);
}

static void sessions_of_the_peer(void **state)
{
    static const char *const more[] = { "", "Supported: timer\r\nSession-Expires: 600;refresher=uas\r\n",
                                        "Require: 100rel\r\nRecord-Route: <sip:a.example;lr>\r\n" };

    for (size_t i = 0; i < N_OF(more); i++)
        oom_each("the peer calls", called, &more[i]);
}

static void refused(const void *arg)
{
    struct call *c = call_new(NULL);

    c->at_once = 486;
    for (unsigned i = 0; i < 3; i++) /* without memory to repeat the answer, the repeated INVITE is a new one */
        call_takes(c, &(struct call_step){ .method = "INVITE" });
    assert_true(count(c->events, "invite") == 1 || oom_failed());
    call_takes(c, &(struct call_step){ .method = "CANCEL" });
    call_takes(c, &(struct call_step){ .method = "ACK", .branch = "INVITE1" });
    c->at_once = 0;
    goes_on(c);
}

static void cancelled(const void *arg)
{
    struct call *c = call_new(NULL);

    call_takes(c, &(struct call_step){ .method = "INVITE" });
    call_takes(c, &(struct call_step){ .method = "CANCEL" });
    assert_true(!c->d && (oom_failed() || fake_has(c->events, "ended=cancelled")));
    goes_on(c);
}

static void sessions_that_come_to_nothing(void **state)
{
    oom_each("refused", refused, NULL);
    oom_each("cancelled", cancelled, NULL);
}

/* status of the answer to our INVITE; 0: none. */
static void calls(const void *arg)
{
    const unsigned *status = arg;
    struct sip_conf conf = call_conf();
    struct call *c;
    bool taken;

    conf.session_s = 600;
    c = call_new(&conf);
    OOM(call_acts(c, &(struct call_step){ .act = INVITE }));
    call_sent(c);
    taken = c->d != NULL;
    assert_true(taken || oom_failed());
    if (taken && *status)
        call_answered(c, &(struct call_step){ .status = 183, .more = "Require: 100rel\r\nRSeq: 3\r\n" });
    if (taken && *status)
        call_answered(c,
                      &(struct call_step){ .status = *status,
                                           .more = "Min-SE: 700\r\nSession-Expires: 600;refresher=uac\r\n"
                                                   "WWW-Authenticate: Digest realm=\"x\", nonce=\"n\", qop=\"auth\", "
                                                   "algorithm=SHA-256\r\n" });
    if (taken && *status == 200) { /* a fork, and a repeated one */
        call_answered(c, &(struct call_step){ .status = 200, .to = "r2" });
        call_answered(c, &(struct call_step){ .status = 200 });
    }
    if (!*status || *status == 422 || *status == 401)
        OOM(fake_pass(c->f, 33000));
    if (*status == 200)
        OOM(fake_pass(c->f, 310000)); /* a refresh */
    if (c->d && *status == 200)
        call_takes(c, &(struct call_step){ .method = "MESSAGE", .cseq = "2" });
    if (fake_has(c->events, "request=MESSAGE"))
        OOM(sip_respond(c->txn, 200, NULL, slice_of(NULL, 0)));
    end(c);
    assert_true(count(c->events, "ended=") <= 1);
    goes_on(c);
}

static void sessions_of_ours(void **state)
{
    static const unsigned statuses[] = { 200, 404, 422, 401, 0 };

    for (size_t i = 0; i < N_OF(statuses); i++)
        oom_each("we call", calls, &statuses[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions_of_the_peer),
        cmocka_unit_test(sessions_that_come_to_nothing),
        cmocka_unit_test(sessions_of_ours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
