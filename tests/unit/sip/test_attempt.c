/* One request over several targets: which one is tried after which, what is told, and that nothing is doubled. */
#include "names.h"
#include "sip/health.h"

#define A "192.0.2.1:5060"
#define B "192.0.2.2:5060"
#define C "192.0.2.3:5060"

static struct addr_host hops[SIP_HOPS_MAX];

static struct sip_destination to_hops(unsigned transports, size_t n)
{
    static const char *const at[] = { A, B, C };

    for (size_t i = 0; i < n; i++)
        hops[i] = (struct addr_host){ .addr = fake_addr(at[i]) };
    return (struct sip_destination){
        .route = SLICE("office"), .domain = SLICE("example.net"), .hops = hops, .n_hops = n, .transports = transports
    };
}

static struct sip_attempt *request(struct fake *f, const struct sip_destination *to, const char *branch,
                                   const char *body)
{
    struct sip_send r = fake_message_out(branch, body);
    struct sip_attempt *a;

    f->inside = true;
    a = sip_request(f->sip, to, &r, 32000, fake_done, f);
    f->inside = false;
    assert_non_null(a);
    names_pass(f, 5);
    return a;
}

/* Where packet i went: 1, 2 or 3. */
static int target_of(const struct fake *f, size_t i)
{
    static const char *const at[] = { A, B, C };

    assert_true(i < f->n_sent);
    for (int k = 0; k < 3; k++) {
        struct addr a = fake_addr(at[k]);

        if (addr_eq(&a, &f->sent[i].flow.peer))
            return k + 1;
    }
    return 0;
}

static struct slice branch_of(const struct fake *f, size_t i)
{
    const char *at = strstr(f->sent[i].text, ";branch=") + 8;

    return slice_of(at, strcspn(at, ";\r"));
}

static void refuse(struct fake *f, const char *at)
{
    struct sip_target target = { .transport = SIP_UDP, .addr = fake_addr(at) };

    sip_clients_down(&f->sip->clients, &target);
    names_pass(f, 5);
}

static void a_503_leads_to_the_next(void **state)
{
    struct fake *f = names_new();
    struct sip_destination to = to_hops(SIP_MAY(SIP_UDP), 2);

    request(f, &to, "z9hG4bKx", "Hi");
    assert_int_equal(target_of(f, 0), 1);
    fake_answer(f, 0, 503, NULL);
    names_pass(f, 5);
    assert_int_equal(f->n_done, 0);
    assert_int_equal(target_of(f, 1), 2);
    fake_answer(f, 1, 200, NULL);
    assert_int_equal(f->n_done, 1);
    assert_int_equal(f->status, 200);
    /* The one that refused comes last for a while. */
    request(f, &to, "z9hG4bKy", "Hi");
    assert_int_equal(target_of(f, 2), 2);
    fake_answer(f, 2, 503, NULL);
    names_pass(f, 5);
    assert_int_equal(target_of(f, 3), 1);
    fake_answer(f, 3, 503, NULL);
    assert_int_equal(f->n_done, 2);
    assert_int_equal(f->status, 503);
    fake_free(f);
}

static void other_answers_are_final(void **state)
{
    static const unsigned statuses[] = { 200, 202, 301, 403, 404, 408, 480, 486, 500, 504, 600, 603 };
    struct fake *f = names_new();
    struct sip_destination to = to_hops(SIP_MAY(SIP_UDP), 2);

    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        request(f, &to, NULL, "Hi");
        assert_int_equal(target_of(f, i), 1);
        fake_answer(f, i, statuses[i], NULL);
        assert_int_equal(f->n_done, i + 1);
        assert_int_equal(f->status, statuses[i]);
    }
    fake_free(f);
}

static void branches_derive_from_the_target(void **state)
{
    struct fake *f = names_new();
    struct sip_destination to = to_hops(SIP_MAY(SIP_UDP), 2);
    char first[100], second[100];

    request(f, &to, "z9hG4bKx", "Hi");
    fake_answer(f, 0, 503, NULL);
    names_pass(f, 5);
    fake_answer(f, 1, 200, NULL);
    snprintf(first, sizeof(first), "%.*s", SLICE_FMT(branch_of(f, 0)));
    snprintf(second, sizeof(second), "%.*s", SLICE_FMT(branch_of(f, 1)));
    assert_string_not_equal(first, second);
    assert_true(slice_starts(slice_str(first), SLICE("z9hG4bKx.")));
    assert_true(slice_starts(slice_str(second), SLICE("z9hG4bKx.")));
    fake_free(f);
    /* A repeat after a restart, when the second is the only one left: the branch of the first copy there. */
    f = names_new();
    hops[0] = hops[1];
    to.n_hops = 1;
    request(f, &to, "z9hG4bKx", "Hi");
    assert_true(slice_is(branch_of(f, 0), second));
    fake_free(f);
}

static void refused_datagrams_lead_to_the_next(void **state)
{
    struct fake *f = names_new();
    struct sip_destination to = to_hops(SIP_MAY(SIP_UDP), 3);

    request(f, &to, NULL, "Hi");
    refuse(f, A);
    refuse(f, B);
    assert_int_equal(target_of(f, 2), 3);
    refuse(f, C);
    assert_int_equal(f->n_done, 1);
    assert_int_equal(f->no_answer, SIP_UNREACHABLE);
    assert_int_equal(f->loop.timers.n, 0);
    fake_free(f);
}

/* Five copies and no word: the next one is tried, with the same Call-ID, CSeq and From; the first is repeated no more. */
static void silence_over_udp_leads_to_the_next(void **state)
{
    struct fake *f = names_new();
    struct sip_destination to = to_hops(SIP_MAY(SIP_UDP), 2);

    request(f, &to, "z9hG4bKx", "Hi");
    names_pass(f, SIP_ATTEMPT_SILENCE_MS - 100);
    assert_int_equal(f->n_sent, 5);
    names_pass(f, 200);
    assert_int_equal(f->n_sent, 6);
    assert_int_equal(target_of(f, 5), 2);
    assert_true(fake_has(f->sent[5].text, "\r\nCall-ID: out1\r\nCSeq: 1 MESSAGE\r\n"));
    fake_answer(f, 5, 200, NULL);
    assert_int_equal(f->status, 200);
    request(f, &to, NULL, "Hi"); /* the first comes last now */
    assert_int_equal(target_of(f, 6), 2);
    fake_answer(f, 6, 200, NULL);
    names_pass(f, 40000);
    assert_int_equal(f->n_sent, 7);
    assert_int_equal(f->n_done, 2);
    fake_free(f);
}

/* The server lives and answers others: it is somebody behind it who is silent, and another way leads to the same. */
static void a_server_that_answers_others_is_not_left(void **state)
{
    struct fake *f = names_new();
    struct sip_destination to = to_hops(SIP_MAY(SIP_UDP), 2);
    struct sip_target first = { .transport = SIP_UDP, .addr = fake_addr(A) };
    struct sip_health_info info;

    sip_health_failed(f->sip, &first, "once"); /* it is known */
    names_pass(f, SIP_HEALTH_AVOID_MIN_MS);
    request(f, &to, NULL, "Hi");
    assert_int_equal(target_of(f, 0), 1);
    names_pass(f, 1000);
    sip_health_answered(f->sip, &first);
    names_pass(f, 32000);
    for (size_t i = 0; i < f->n_sent; i++)
        assert_int_equal(target_of(f, i), 1);
    assert_int_equal(f->no_answer, SIP_TIMED_OUT);
    sip_health_show(f->sip, &first, &info);
    assert_string_equal(sip_health_name(&info), "up");
    fake_free(f);
}

static void a_late_answer_of_the_first_counts(void **state)
{
    struct fake *f = names_new();
    struct sip_destination to = to_hops(SIP_MAY(SIP_UDP), 2);

    request(f, &to, "z9hG4bKx", "Hi");
    names_pass(f, SIP_ATTEMPT_SILENCE_MS + 100);
    assert_int_equal(target_of(f, 5), 2);
    fake_answer(f, 0, 200, NULL);
    assert_int_equal(f->n_done, 1);
    assert_int_equal(f->status, 200);
    fake_answer(f, 5, 200, NULL);
    assert_int_equal(f->n_done, 1);
    names_pass(f, 40000);
    fake_free(f);
}

/* The end has both copies, and what the first was answered nobody knows. */
static void a_482_after_a_repeat_tells_nothing(void **state)
{
    struct fake *f = names_new();
    struct sip_destination to = to_hops(SIP_MAY(SIP_UDP), 2);

    request(f, &to, "z9hG4bKx", "Hi");
    names_pass(f, SIP_ATTEMPT_SILENCE_MS + 100);
    fake_answer(f, 5, 482, NULL);
    assert_int_equal(f->n_done, 0); /* the first may still answer */
    names_pass(f, 32000);
    assert_int_equal(f->n_done, 1);
    assert_int_equal(f->status, 0);
    assert_int_equal(f->no_answer, SIP_TIMED_OUT);
    fake_free(f);
}

static void a_100_keeps_it_where_it_is(void **state)
{
    struct fake *f = names_new();
    struct sip_destination to = to_hops(SIP_MAY(SIP_UDP), 2);

    request(f, &to, NULL, "Hi");
    fake_answer(f, 0, 100, NULL);
    names_pass(f, 31000);
    for (size_t i = 0; i < f->n_sent; i++)
        assert_int_equal(target_of(f, i), 1);
    names_pass(f, 2000);
    assert_int_equal(f->no_answer, SIP_TIMED_OUT);
    fake_free(f);
}

/* What a stream has taken is not given to anybody else; what it has not, is. */
static void streams(void **state)
{
    struct fake *f = names_new();
    struct sip_destination to = to_hops(SIP_MAY(SIP_TCP), 2);
    struct sip_target first = { .transport = SIP_TCP, .addr = fake_addr(A) };

    request(f, &to, NULL, "Hi");
    sip_clients_down(&f->sip->clients, &first);
    names_pass(f, 33000);
    assert_int_equal(f->n_sent, 1);
    assert_int_equal(f->no_answer, SIP_TIMED_OUT);
    fake_free(f);

    f = names_new();
    f->reach = SIP_REACH_COMING;
    request(f, &to, NULL, "Hi");
    assert_int_equal(f->n_sent, 0);
    f->reach = SIP_REACH_UP;
    sip_clients_down(&f->sip->clients, &first);
    names_pass(f, 5);
    assert_int_equal(f->n_sent, 1);
    assert_int_equal(target_of(f, 0), 2);
    fake_answer(f, 0, 200, NULL);
    assert_int_equal(f->status, 200);
    fake_free(f);

    f = names_new(); /* a firewall: connecting takes for ever */
    f->reach = SIP_REACH_COMING;
    request(f, &to, NULL, "Hi");
    f->reach = SIP_REACH_UP;
    names_pass(f, SIP_ATTEMPT_SILENCE_MS + 100);
    assert_int_equal(f->n_sent, 1);
    assert_int_equal(target_of(f, 0), 2);
    sip_clients_up(&f->sip->clients, &first, &(struct sip_flow){ .transport = SIP_TCP, .peer = first.addr, .link = 7 });
    assert_int_equal(f->n_sent, 1); /* too late for the first */
    fake_free(f);
}

static void retry_after_is_heeded(void **state)
{
    struct fake *f = names_new();
    struct sip_destination to = to_hops(SIP_MAY(SIP_UDP), 2);

    request(f, &to, NULL, "Hi");
    fake_answer(f, 0, 503, "Retry-After: 60 (busy);duration=3\r\n");
    names_pass(f, 5);
    fake_answer(f, 1, 503, "Retry-After: 999999999999\r\n");
    assert_int_equal(f->status, 503);
    request(f, &to, NULL, "Hi"); /* nobody may be asked */
    assert_int_equal(f->n_sent, 2);
    assert_int_equal(f->n_done, 2);
    assert_int_equal(f->no_answer, SIP_LEFT_ALONE);
    names_pass(f, 61000);
    request(f, &to, NULL, "Hi");
    assert_int_equal(target_of(f, 2), 1);
    fake_answer(f, 2, 503, "Retry-After: 600\r\n");
    assert_int_equal(f->n_done, 3);
    names_pass(f, SIP_HEALTH_ALONE_MAX_S * 1000);
    request(f, &to, NULL, "Hi");
    assert_int_equal(f->n_sent, 4);
    fake_free(f);
}

/* Over 1300 bytes: TCP to the same target where the destination allows it, otherwise nowhere (RFC 3261 18.1.1). */
static void what_is_too_long_for_udp(void **state)
{
    struct fake *f = names_new();
    struct sip_destination to = to_hops(SIP_MAY(SIP_UDP) | SIP_MAY(SIP_TCP), 2);
    char body[1200];

    memset(body, 'x', sizeof(body) - 1);
    body[sizeof(body) - 1] = '\0';
    request(f, &to, NULL, "Hi");
    assert_int_equal(f->sent[0].flow.transport, SIP_UDP);
    request(f, &to, "z9hG4bKx", body);
    assert_int_equal(f->sent[1].flow.transport, SIP_TCP);
    assert_int_equal(target_of(f, 1), 1);
    fake_answer(f, 1, 200, NULL);
    assert_int_equal(f->n_done, 1);
    to.transports = SIP_MAY(SIP_UDP);
    request(f, &to, NULL, body);
    assert_int_equal(f->n_sent, 2);
    assert_int_equal(f->no_answer, SIP_TOO_LONG);
    fake_free(f);
}

static bool account(void *owner, struct slice route, struct sip_account *out)
{
    *out = (struct sip_account){ .user = SLICE("stox"), .password = SLICE("battery staple") };
    return slice_is(route, "office");
}

/* The credentials that it is asked for make it so: then TCP, too, or it cannot go. */
static void what_gets_too_long_by_credentials(void **state)
{
    static const struct sip_ops ops = { .account = account };
    static const struct {
        unsigned transports;
        size_t n;
        unsigned status;
        enum sip_no_answer no_answer;
    } cases[] = { { SIP_MAY(SIP_UDP) | SIP_MAY(SIP_TCP), 2, 200, SIP_ANSWERED },
                  { SIP_MAY(SIP_UDP), 1, 0, SIP_TOO_LONG } };

    for (size_t i = 0; i < 2; i++) {
        struct fake *f = names_new();
        struct sip_destination to = to_hops(cases[i].transports, 1);
        char body[800];

        f->sip->logins.ops = &ops;
        memset(body, 'x', sizeof(body) - 1);
        body[sizeof(body) - 1] = '\0';
        request(f, &to, "z9hG4bKx", body);
        assert_int_equal(f->sent[0].flow.transport, SIP_UDP);
        fake_answer(f, 0, 401,
                    "WWW-Authenticate: Digest realm=\"pbx.example.net\", nonce=\"0123456789abcdef0123456789abcdef\","
                    " qop=\"auth\", algorithm=SHA-256, opaque=\"0123456789abcdef0123456789abcdef\"\r\n");
        names_pass(f, 5);
        assert_int_equal(f->n_sent, cases[i].n);
        if (f->n_sent == 2) {
            assert_int_equal(f->sent[1].flow.transport, SIP_TCP);
            assert_true(fake_has(f->sent[1].text, "\r\nAuthorization: Digest username=\"stox\""));
            fake_answer(f, 1, 200, NULL);
        }
        assert_int_equal(f->n_done, 1);
        assert_int_equal(f->status, cases[i].status);
        assert_int_equal(f->no_answer, cases[i].no_answer);
        fake_free(f);
    }
}

/* RFC 3261 8.1.3.4: the next CSeq, the branch of the next place; where it may not go, the answer is told. */
static bool leads(void *owner, struct slice route, const struct sip_uri *uri)
{
    return slice_is(uri->host, "example.net");
}

static void sent_elsewhere(void **state)
{
    static const struct sip_ops ops = { .source = fake_source, .leads = leads };
    struct fake *f = names_new();
    struct sip_destination to = to_hops(SIP_MAY(SIP_UDP), 2);

    f->sip->conf.ops = &ops;
    request(f, &to, "z9hG4bKx", "Hi");
    fake_answer(f, 0, 302, "Contact: <sip:bob@example.net>\r\n");
    assert_int_equal(target_of(f, 1), 1);
    assert_true(fake_has(f->sent[1].text, "MESSAGE sip:bob@example.net SIP/2.0\r\n") &&
                fake_has(f->sent[1].text, "\r\nCSeq: 5 MESSAGE\r\n"));
    assert_true(slice_starts(branch_of(f, 1), SLICE("z9hG4bKx.r.")));
    fake_answer(f, 1, 302, "Contact: <sip:romeo@elsewhere.example>\r\n");
    assert_int_equal(f->n_done, 1);
    assert_int_equal(f->status, 302);
    fake_free(f);
}

/* Where its dialog leads, and nowhere else; the dialog's route set says what its Route is. */
static void inside_of_a_dialog(void **state)
{
    static const struct sip_ops ops = { .source = fake_source, .leads = leads };
    struct fake *f = names_new();
    struct sip_destination to = to_hops(SIP_MAY(SIP_UDP), 1);
    struct sip_send r = { .method = SIP_SUBSCRIBE,
                          .uri = SLICE("sip:romeo@example.net"),
                          .from = SLICE("<sip:juliet@example.com>;tag=j1"),
                          .to = SLICE("<sip:romeo@example.net>;tag=r1"),
                          .call_id = SLICE("out1"),
                          .cseq = 7,
                          .max_forwards = 70 };

    f->sip->conf.ops = &ops;
    to.to_proxy = true;
    assert_non_null(sip_request(f->sip, &to, &r, 32000, fake_done, f));
    names_pass(f, 5);
    assert_false(fake_has(f->sent[0].text, "\r\nRoute: "));
    fake_answer(f, 0, 302, "Contact: <sip:bob@example.net>\r\n");
    r.to = SLICE("<sip:romeo@example.net>");
    assert_non_null(sip_request(f->sip, &to, &r, 32000, fake_done, f));
    names_pass(f, 5);
    assert_true(fake_has(f->sent[1].text, "\r\nRoute: <sip:" A ";lr>\r\n"));
    fake_free(f);
}

static void nobody_is_told_who_has_forgotten(void **state)
{
    struct fake *f = names_new();
    struct sip_destination to = to_hops(SIP_MAY(SIP_UDP), 2);

    sip_request_forget(request(f, &to, NULL, "Hi"));
    fake_answer(f, 0, 200, NULL);
    request(f, &to, NULL, "Hi"); /* runs when the stack ends */
    assert_int_equal(f->n_done, 0);
    fake_free(f);
}

/* The same request while its first copy is under way, from a partner who repeats it: not sent to another target. */
static void a_copy_under_way_is_not_doubled(void **state)
{
    struct fake *f = names_new();
    struct sip_destination to = to_hops(SIP_MAY(SIP_UDP), 2);

    request(f, &to, "z9hG4bKx", "Hi");
    request(f, &to, "z9hG4bKx", "Hi");
    assert_int_equal(f->n_sent, 1);
    assert_int_equal(f->n_done, 1);
    assert_int_equal(f->no_answer, SIP_NO_MEMORY);
    fake_free(f);
}

static void nothing_found_is_told(void **state)
{
    struct fake *f = names_new();
    struct sip_destination to = { .route = SLICE("r"), .domain = SLICE("x.example"), .transports = SIP_MAY(SIP_UDP) };

    request(f, &to, NULL, "Hi");
    names_pass(f, 10);
    assert_int_equal(f->n_done, 1);
    assert_int_equal(f->no_answer, SIP_NOT_FOUND);
    names.mute = true; /* DNS says nothing: the hold time ends it */
    to.domain = SLICE("y.example");
    request(f, &to, NULL, "Hi");
    names_pass(f, 32000);
    assert_int_equal(f->n_done, 2);
    fake_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_503_leads_to_the_next),
        cmocka_unit_test(other_answers_are_final),
        cmocka_unit_test(branches_derive_from_the_target),
        cmocka_unit_test(refused_datagrams_lead_to_the_next),
        cmocka_unit_test(silence_over_udp_leads_to_the_next),
        cmocka_unit_test(a_server_that_answers_others_is_not_left),
        cmocka_unit_test(a_late_answer_of_the_first_counts),
        cmocka_unit_test(a_482_after_a_repeat_tells_nothing),
        cmocka_unit_test(a_100_keeps_it_where_it_is),
        cmocka_unit_test(streams),
        cmocka_unit_test(retry_after_is_heeded),
        cmocka_unit_test(what_is_too_long_for_udp),
        cmocka_unit_test(what_gets_too_long_by_credentials),
        cmocka_unit_test(sent_elsewhere),
        cmocka_unit_test(inside_of_a_dialog),
        cmocka_unit_test(nobody_is_told_who_has_forgotten),
        cmocka_unit_test(a_copy_under_way_is_not_doubled),
        cmocka_unit_test(nothing_found_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
