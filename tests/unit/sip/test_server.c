/* Server transactions: RFC 3261 17.2.2, 17.2.3, RFC 4320, with a clock of our own. */
#include "fake.h"

static void respond(struct fake *f, size_t i, unsigned status)
{
    sip_respond(f->txns[i], status, NULL, slice_of(NULL, 0));
}

static void answers_where_it_belongs(void **state)
{
    static const struct {
        const char *via, *from, *to, *top;
    } cases[] = {
        { "Via: SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKa1", "192.0.2.9:40000", "192.0.2.9:5070",
          "Via: SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKa1\r\n" },
        { "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKa1", "192.0.2.9:40000", "192.0.2.9:5060",
          "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKa1\r\n" },
        { "Via: SIP/2.0/UDP pc.example.net:5070;branch=z9hG4bKa1", "192.0.2.9:40000", "192.0.2.9:5070",
          "Via: SIP/2.0/UDP pc.example.net:5070;branch=z9hG4bKa1;received=192.0.2.9\r\n" },
        { "Via: SIP/2.0/UDP 192.0.2.9:5070;rport;branch=z9hG4bKa1", "192.0.2.9:40000", "192.0.2.9:40000",
          "Via: SIP/2.0/UDP 192.0.2.9:5070;rport=40000;branch=z9hG4bKa1;received=192.0.2.9\r\n" },
        { "Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa1;received=198.51.100.1;rport=1", "192.0.2.9:40000",
          "192.0.2.9:40000", "Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa1;rport=40000;received=192.0.2.9\r\n" },
        { "Via: SIP/2.0/UDP 192.0.2.9;maddr=198.51.100.7;branch=z9hG4bKa1", "192.0.2.9:40000", "192.0.2.9:5060",
          "Via: SIP/2.0/UDP 192.0.2.9;maddr=198.51.100.7;branch=z9hG4bKa1\r\n" },
        { "Via: SIP/2.0/UDP 10.0.0.1;x=\"a;rport\";branch=z9hG4bKa1 , SIP/2.0/TCP b.example.net;branch=2\r\n"
          "v: SIP/2.0/UDP c.example.net",
          "192.0.2.9:40000", "192.0.2.9:5060",
          "Via: SIP/2.0/UDP 10.0.0.1;x=\"a;rport\";branch=z9hG4bKa1;received=192.0.2.9\r\n"
          "Via: SIP/2.0/TCP b.example.net;branch=2\r\nVia: SIP/2.0/UDP c.example.net\r\n" },
        { "Via: SIP/2.0/UDP [2001:db8::9]:5070;branch=z9hG4bKa1", "[2001:db8::9]:40000", "[2001:db8::9]:5070",
          "Via: SIP/2.0/UDP [2001:db8::9]:5070;branch=z9hG4bKa1\r\n" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fake *f = fake_new(NULL);
        char to[ADDR_TEXT];

        f->answer_at_once = 200;
        fake_take(f, SIP_UDP, cases[i].from, FAKE(.via = cases[i].via));
        assert_int_equal(f->n_sent, 1);
        assert_string_equal(addr_text(&f->sent[0].flow.peer, to), cases[i].to);
        assert_true(fake_has(f->sent[0].text, cases[i].top));
        assert_int_equal(f->sent[0].flow.link, 3);
        fake_free(f);
    }
}

static void repeats_the_fields(void **state)
{
    struct fake *f = fake_new(NULL);
    const char *text;

    f->answer_at_once = 202;
    fake_take(f, SIP_UDP, "192.0.2.9",
              FAKE(.from = "\"R \\\" , ;\" <sip:romeo@example.net>;tag=f1;x=y", .call_id = "a84b4c76e66710@pc33",
                   .cseq = "4294967295", .more = "Timestamp: 54.1\r\nSubject: no\r\n"));
    text = fake_last(f);
    assert_true(fake_has(text, "SIP/2.0 202 Accepted\r\nVia: "));
    assert_true(fake_has(text, "\r\nFrom: \"R \\\" , ;\" <sip:romeo@example.net>;tag=f1;x=y\r\n"));
    assert_true(fake_has(text, "\r\nTo: <sip:juliet@example.com>;tag="));
    assert_true(fake_has(text, "\r\nCall-ID: a84b4c76e66710@pc33\r\nCSeq: 4294967295 MESSAGE\r\nTimestamp: 54.1\r\n"));
    assert_true(fake_has(text, "\r\nContent-Length: 0\r\n\r\n"));
    assert_false(fake_has(text, "Subject"));
    fake_free(f);
}

static void absorbs_and_repeats_on_udp(void **state)
{
    struct fake *f = fake_new(NULL);
    char first[4096];

    fake_take(f, SIP_UDP, "192.0.2.9", FAKE(0));
    fake_pass(f, 500);
    fake_take(f, SIP_UDP, "192.0.2.9", FAKE(0));
    assert_int_equal(f->n_messages, 1);
    assert_int_equal(f->n_sent, 0);
    sip_respond(f->txns[0], 480, "Come \r\nback", SLICE("Retry-After: 5\r\n"));
    assert_int_equal(f->n_sent, 1);
    strcpy(first, fake_last(f));
    assert_true(fake_has(first, "SIP/2.0 480 Come   back\r\n"));
    assert_true(fake_has(first, "\r\nRetry-After: 5\r\n"));
    for (size_t i = 2; i < 8; i++) {
        fake_pass(f, 4000);
        fake_take(f, SIP_UDP, "192.0.2.9", FAKE(0));
        assert_int_equal(f->n_sent, i);
        assert_string_equal(first, fake_last(f));
    }
    assert_int_equal(f->n_messages, 1);
    assert_int_equal(sip_counters(f->sip)->retransmissions_in, 7);
    fake_free(f);
}

static void timer_j_ends_it(void **state)
{
    struct fake *f = fake_new(NULL);

    f->answer_at_once = 200;
    fake_take(f, SIP_UDP, "192.0.2.9", FAKE(0));
    assert_int_equal(sip_counters(f->sip)->servers, 1);
    fake_pass(f, 31999);
    assert_int_equal(sip_counters(f->sip)->servers, 1);
    fake_pass(f, 1);
    assert_int_equal(sip_counters(f->sip)->servers, 0);
    assert_int_equal(f->loop.timers.n, 0);
    fake_take(f, SIP_UDP, "192.0.2.9", FAKE(0));
    assert_int_equal(f->n_messages, 2);
    fake_free(f);
}

/* A stream repeats nothing, but a client may: the same answer, and no second message (STOX-IM-50). */
static void tcp_remembers_too(void **state)
{
    struct fake *f = fake_new(NULL);

    f->answer_at_once = 200;
    fake_take(f, SIP_TCP, "192.0.2.9:40000", FAKE(.via = "Via: SIP/2.0/TCP 192.0.2.9;branch=z9hG4bKa1"));
    fake_take(f, SIP_TCP, "192.0.2.9:40000", FAKE(.via = "Via: SIP/2.0/TCP 192.0.2.9;branch=z9hG4bKa1"));
    assert_int_equal(f->n_sent, 2);
    assert_int_equal(f->n_messages, 1);
    /* Another branch is a client that lost its connection: no 482, or it would think that nothing was delivered. */
    fake_take(f, SIP_TCP, "192.0.2.9:40001", FAKE(.via = "Via: SIP/2.0/TCP 192.0.2.9;branch=z9hG4bKa2"));
    assert_int_equal(f->n_messages, 2);
    assert_int_equal(sip_counters(f->sip)->servers, 1);
    fake_free(f);
}

static void hundred_after_3500_ms(void **state)
{
    static const enum sip_transport transports[] = { SIP_UDP, SIP_TCP };

    for (size_t i = 0; i < 2; i++) {
        struct fake *f = fake_new(NULL);

        fake_take(f, transports[i], "192.0.2.9", FAKE(0));
        sip_respond(f->txns[0], 100, NULL, slice_of(NULL, 0)); /* too early: not sent */
        fake_pass(f, 3499);
        assert_int_equal(f->n_sent, 0);
        fake_pass(f, 1);
        assert_int_equal(f->n_sent, 1);
        assert_int_equal(fake_status(f, 0), 100);
        fake_pass(f, 10000);
        assert_int_equal(f->n_sent, 1);
        fake_take(f, transports[i], "192.0.2.9", FAKE(0));
        assert_int_equal(f->n_sent, 2);
        assert_int_equal(fake_status(f, 1), 100);
        respond(f, 0, 200);
        assert_int_equal(fake_status(f, 2), 200);
        assert_int_equal(f->n_messages, 1);
        fake_free(f);
    }
}

static void never_408(void **state)
{
    struct fake *f = fake_new(NULL);

    fake_take(f, SIP_UDP, "192.0.2.9", FAKE(0));
    respond(f, 0, 408);
    assert_int_equal(fake_status(f, 0), 504);
    fake_free(f);
}

/* RFC 3261 17.2.3: what makes another transaction, which is not what makes another copy of the same request. */
static void matching(void **state)
{
    static const struct {
        struct fake_request a, b;
        bool same;
    } cases[] = {
        { { 0 }, { 0 }, true },
        { { 0 }, { .via = "Via: SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKa2", .cseq = "2" }, false },
        { { 0 }, { .via = "Via: SIP/2.0/UDP 192.0.2.9:5071;branch=z9hG4bKa1", .cseq = "2" }, false },
        { { 0 }, { .via = "Via: SIP/2.0/UDP 192.0.2.8:5070;branch=z9hG4bKa1", .cseq = "2" }, false },
        { { 0 }, { .via = "Via: SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKA1", .cseq = "2" }, false },
        { { .via = "Via: SIP/2.0/UDP Pc.example.net;branch=z9hG4bKa1" },
          { .via = "Via: SIP/2.0/UDP pC.EXAMPLE.net;branch=z9hG4bKa1" },
          true },
        /* no branch, or none to speak of: RFC 2543 */
        { { .via = "Via: SIP/2.0/UDP 192.0.2.9" }, { .via = "Via: SIP/2.0/UDP 192.0.2.9" }, true },
        { { .via = "Via: SIP/2.0/UDP 192.0.2.9;branch=1" },
          { .via = "Via: SIP/2.0/UDP 192.0.2.9;branch=1", .cseq = "2" },
          false },
        { { .via = "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK" },
          { .via = "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK", .call_id = "other" },
          false },
        { { .via = "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK" },
          { .via = "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK" },
          true },
        { { .via = "Via: SIP/2.0/UDP 192.0.2.9" },
          { .via = "Via: SIP/2.0/UDP 192.0.2.9", .from = "<sip:romeo@example.net>;tag=f2" },
          false },
        { { .via = "Via: SIP/2.0/UDP 192.0.2.9" },
          { .via = "Via: SIP/2.0/UDP 192.0.2.9", .uri = "sip:nurse@example.com", .cseq = "2" },
          false },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fake *f = fake_new(NULL);

        fake_take(f, SIP_UDP, "192.0.2.9", fake_request(&cases[i].a));
        fake_take(f, SIP_UDP, "192.0.2.9", fake_request(&cases[i].b));
        if (f->n_messages != (cases[i].same ? 1u : 2u))
            fail_msg("case %zu", i);
        fake_free(f);
    }
}

/* The transaction's branch, sent-by and method, and yet another request (RFC 3261 8.1.1.7): it is neither delivered nor confirmed. */
static void branch_of_another_request(void **state)
{
    static const struct {
        struct fake_request b;
        unsigned status;
    } cases[] = {
        { { .call_id = "other" }, 400 },
        { { .cseq = "2" }, 400 },
        { { .from = "<sip:romeo@example.net>;tag=f2" }, 400 },
        { { .from = "<sip:romeo@example.net>" }, 400 },
        { { .call_id = "other", .body = "Another text" }, 400 },
        { { .via = "Via: SIP/2.0/TCP 192.0.2.9:5070;received=192.0.2.1;branch=z9hG4bKa1", .cseq = "2" }, 400 },
        { { .method = "OPTIONS", .call_id = "other" }, 200 }, /* another method: another transaction */
        { { .method = "CANCEL" }, 200 },
        { { .method = "CANCEL", .call_id = "other" }, 400 },
        { { .method = "CANCEL", .call_id = "other", .via = "Via: SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKa2" }, 481 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fake *f = fake_new(NULL);

        fake_take(f, SIP_UDP, "192.0.2.9", FAKE(0));
        fake_take(f, SIP_UDP, "192.0.2.9", fake_request(&cases[i].b)); /* while the first waits */
        respond(f, 0, 202);
        fake_take(f, SIP_UDP, "192.0.2.9", fake_request(&cases[i].b)); /* and when it is answered */
        fake_take(f, SIP_UDP, "192.0.2.9", FAKE(0));                   /* whose answer is still its own */
        if (f->n_messages != 1 || f->n_sent != 4 || fake_status(f, 0) != cases[i].status ||
            fake_status(f, 2) != cases[i].status)
            fail_msg("case %zu: %zu messages, %zu sent, %s", i, f->n_messages, f->n_sent, fake_last(f));
        assert_int_equal(fake_status(f, 1), 202);
        assert_int_equal(fake_status(f, 3), 202);
        assert_int_equal(sip_counters(f->sip)->servers, 1);
        if (cases[i].status == 400)
            assert_true(fake_has(f->sent[2].text, "SIP/2.0 400 Branch is that of another request\r\n"));
        /* When the first is forgotten the branch is free again. */
        fake_pass(f, 32000);
        fake_take(f, SIP_UDP, "192.0.2.9", FAKE(.call_id = "other"));
        assert_int_equal(f->n_messages, 2);
        fake_free(f);
    }
}

static void merged_request(void **state)
{
    struct fake *f = fake_new(NULL);
    const char *other = "Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKb1";

    fake_take(f, SIP_TCP, "192.0.2.9", FAKE(0));
    fake_take(f, SIP_UDP, "192.0.2.10", FAKE(.via = other));
    assert_int_equal(f->n_messages, 1);
    assert_int_equal(fake_status(f, 0), 482);
    respond(f, 0, 200);
    /* The 482 was lost: the copy must not become a message of its own, though TCP needs no Timer J. */
    fake_take(f, SIP_UDP, "192.0.2.10", FAKE(.via = other));
    assert_int_equal(fake_status(f, 2), 482);
    fake_take(f, SIP_UDP, "192.0.2.10", FAKE(.via = other, .cseq = "2"));
    assert_int_equal(f->n_messages, 2);
    fake_free(f);
}

static void tags(void **state)
{
    struct fake *f = fake_new(NULL);
    char first[64], second[64];

    f->answer_at_once = 200;
    fake_take(f, SIP_UDP, "192.0.2.9", FAKE(0));
    fake_take(f, SIP_UDP, "192.0.2.9", FAKE(.via = "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKother", .cseq = "2"));
    assert_int_equal(sscanf(strstr(f->sent[0].text, "To:"), "To: <sip:juliet@example.com>;tag=%16[0-9a-f]\r", first),
                     1);
    assert_int_equal(sscanf(strstr(f->sent[1].text, "To:"), "To: <sip:juliet@example.com>;tag=%16[0-9a-f]\r", second),
                     1);
    assert_int_equal(strlen(first), 16);
    assert_string_not_equal(first, second);
    fake_free(f);
}

static void full_table(void **state)
{
    struct fake *f;
    struct sip_conf conf = fake_conf(NULL);

    conf.txns_max = 2;
    f = fake_new(&conf);
    for (unsigned i = 0; i < 4; i++) {
        char via[80], cseq[8];

        snprintf(via, sizeof(via), "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx%u", i);
        snprintf(cseq, sizeof(cseq), "%u", i + 1);
        fake_take(f, SIP_UDP, "192.0.2.9", FAKE(.via = via, .cseq = cseq));
    }
    assert_int_equal(f->n_messages, 2);
    assert_int_equal(f->n_sent, 0);
    assert_int_equal(sip_counters(f->sip)->dropped_full, 2);
    respond(f, 0, 200);
    fake_pass(f, 32000);
    fake_take(f, SIP_UDP, "192.0.2.9", FAKE(.via = "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx3", .cseq = "4"));
    assert_int_equal(f->n_messages, 3);
    fake_free(f);
}

static void owner_data(void **state)
{
    struct fake *f = fake_new(NULL);
    int mine;

    fake_take(f, SIP_UDP, "192.0.2.9", FAKE(0));
    assert_null(sip_server_data(f->txns[0]));
    sip_server_set_data(f->txns[0], &mine);
    assert_ptr_equal(sip_server_data(f->txns[0]), &mine);
    fake_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_where_it_belongs),
        cmocka_unit_test(repeats_the_fields),
        cmocka_unit_test(absorbs_and_repeats_on_udp),
        cmocka_unit_test(timer_j_ends_it),
        cmocka_unit_test(tcp_remembers_too),
        cmocka_unit_test(hundred_after_3500_ms),
        cmocka_unit_test(never_408),
        cmocka_unit_test(matching),
        cmocka_unit_test(branch_of_another_request),
        cmocka_unit_test(merged_request),
        cmocka_unit_test(tags),
        cmocka_unit_test(full_table),
        cmocka_unit_test(owner_data),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
