/* Client transactions: RFC 3261 17.1.2, 17.1.3, with a clock and a wire of our own. */
#include "fake.h"

static void request_as_sent(void **state)
{
    struct fake *f = fake_new(NULL);

    assert_non_null(fake_request_out(f, SIP_UDP, "192.0.2.9:5060", "z9hG4bKgiven", "Hi"));
    assert_string_equal(fake_last(f), "MESSAGE sip:romeo@example.net SIP/2.0\r\n"
                                      "Via: SIP/2.0/UDP gw.example.net:5060;branch=z9hG4bKgiven;rport\r\n"
                                      "Max-Forwards: 70\r\n"
                                      "From: <sip:juliet@example.com>;tag=j1\r\n"
                                      "To: <sip:romeo@example.net>\r\n"
                                      "Call-ID: out1\r\n"
                                      "CSeq: 1 MESSAGE\r\n"
                                      "Content-Type: text/plain\r\n"
                                      "Content-Length: 2\r\n\r\nHi");
    /* The same branch again would be the same transaction. */
    assert_null(fake_request_out(f, SIP_UDP, "192.0.2.9:5060", "z9hG4bKgiven", "Hi"));
    assert_non_null(fake_request_out(f, SIP_TCP, "192.0.2.9:5060", NULL, "Hi"));
    assert_true(fake_has(fake_last(f), "\r\nVia: SIP/2.0/TCP gw.example.net:5060;branch=z9hG4bK"));
    assert_false(fake_has(fake_last(f), "rport"));
    fake_free(f);
}

static void size_is_exact(void **state)
{
    static const enum sip_transport transports[] = { SIP_UDP, SIP_TCP };
    struct fake *f = fake_new(NULL);

    for (size_t i = 0; i < 4; i++) {
        struct sip_target target = { .transport = transports[i % 2], .addr = fake_addr("192.0.2.9:5060") };
        struct sip_send request = {
            .method = SIP_MESSAGE,
            .uri = SLICE("sip:romeo@example.net"),
            .from = SLICE("<sip:juliet@example.com>;tag=j1"),
            .to = SLICE("<sip:romeo\r\n@example.net>"),
            .call_id = SLICE("out1"),
            .cseq = 77,
            .branch = i < 2    ? slice_of(NULL, 0)
                      : i == 2 ? SLICE("z9hG4bKgiven1")
                               : SLICE("z9hG4bKgiven2"),
            .max_forwards = 70,
            .body = SLICE("Hello"),
        };
        size_t n;

        assert_non_null(sip_send(f->sip, &target, &request, fake_done, f));
        n = f->sent[f->n_sent - 1].n;
        assert_true(sip_send_fits(f->sip, &target, &request, n));
        assert_false(sip_send_fits(f->sip, &target, &request, n - 1));
        assert_true(sip_send_fits(f->sip, &target, &request, 1300));
        assert_false(sip_send_fits(f->sip, &target, &request, 0));
    }
    fake_free(f);
}

static void udp_limit_1300(void **state)
{
    struct fake *f = fake_new(NULL);
    char body[1400];
    size_t head;

    memset(body, 'x', sizeof(body));
    body[1000] = '\0';
    assert_non_null(fake_request_out(f, SIP_UDP, "192.0.2.9:5060", NULL, body));
    head = f->sent[0].n - 1000;
    body[1000] = 'x';
    body[1300 - head] = '\0';
    assert_non_null(fake_request_out(f, SIP_UDP, "192.0.2.9:5060", NULL, body));
    assert_int_equal(f->sent[1].n, 1300);
    body[1300 - head] = 'x';
    body[1301 - head] = '\0';
    assert_null(fake_request_out(f, SIP_UDP, "192.0.2.9:5060", NULL, body));
    assert_int_equal(f->n_sent, 2);
    assert_non_null(fake_request_out(f, SIP_TCP, "192.0.2.9:5060", NULL, body));
    assert_int_equal(f->sent[2].n, 1301 - strlen(";rport"));
    fake_free(f);
}

static void timers_e_and_f(void **state)
{
    static const uint64_t at[] = { 0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500 };
    struct fake *f = fake_new(NULL);
    uint64_t begin = loop_now(&f->loop);

    fake_request_out(f, SIP_UDP, "192.0.2.9:5060", NULL, "Hi");
    fake_pass(f, 31999);
    assert_int_equal(f->n_done, 0);
    assert_int_equal(f->n_sent, 11);
    for (size_t i = 0; i < 11; i++) {
        assert_int_equal(f->sent[i].at_ms - begin, at[i]);
        assert_string_equal(f->sent[i].text, f->sent[0].text);
    }
    fake_pass(f, 1);
    assert_int_equal(f->n_done, 1);
    assert_int_equal(f->status, 0);
    assert_int_equal(f->no_answer, SIP_TIMED_OUT);
    assert_int_equal(sip_counters(f->sip)->clients, 0);
    assert_int_equal(f->loop.timers.n, 0);
    /* Late answers are nobody's. */
    fake_answer(f, 0, 200, NULL);
    assert_int_equal(f->n_done, 1);
    assert_int_equal(sip_counters(f->sip)->dropped_stray_response, 1);
    fake_free(f);
}

/* A provisional answer makes every later repetition come after T2. */
static void provisional(void **state)
{
    static const uint64_t at[] = { 0, 500, 4500, 8500 };
    struct fake *f = fake_new(NULL);
    uint64_t begin = loop_now(&f->loop);

    fake_request_out(f, SIP_UDP, "192.0.2.9:5060", NULL, "Hi");
    fake_pass(f, 100);
    fake_answer(f, 0, 100, NULL);
    assert_int_equal(f->n_done, 0);
    fake_pass(f, 9000);
    assert_int_equal(f->n_sent, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(f->sent[i].at_ms - begin, at[i]);
    fake_answer(f, 0, 202, NULL);
    assert_int_equal(f->status, 202);
    fake_free(f);
}

static void timer_k_absorbs(void **state)
{
    struct fake *f = fake_new(NULL);

    fake_request_out(f, SIP_UDP, "192.0.2.9:5060", NULL, "Hi");
    fake_answer(f, 0, 200, NULL);
    assert_int_equal(f->n_done, 1);
    assert_int_equal(f->status, 200);
    fake_pass(f, 4999);
    fake_answer(f, 0, 200, NULL);
    fake_answer(f, 0, 100, NULL);
    assert_int_equal(f->n_done, 1);
    assert_int_equal(sip_counters(f->sip)->dropped_stray_response, 0);
    assert_int_equal(sip_counters(f->sip)->clients, 1);
    fake_pass(f, 1);
    assert_int_equal(sip_counters(f->sip)->clients, 0);
    assert_int_equal(f->n_sent, 1);
    assert_int_equal(f->loop.timers.n, 0);
    fake_free(f);
}

/* The same request again, within Timer K: it goes out and the server's answer counts anew. */
static void an_ended_branch_may_be_repeated(void **state)
{
    struct fake *f = fake_new(NULL);

    fake_request_out(f, SIP_UDP, "192.0.2.9:5060", "z9hG4bKgiven", "Hi");
    fake_answer(f, 0, 200, NULL);
    assert_non_null(fake_request_out(f, SIP_UDP, "192.0.2.9:5060", "z9hG4bKgiven", "Hi"));
    assert_int_equal(f->n_sent, 2);
    assert_int_equal(sip_counters(f->sip)->clients, 1);
    fake_answer(f, 1, 486, NULL);
    assert_int_equal(f->n_done, 2);
    assert_int_equal(f->status, 486);
    fake_free(f);
}

static void tcp_is_sent_once(void **state)
{
    struct fake *f = fake_new(NULL);

    fake_request_out(f, SIP_TCP, "192.0.2.9:5060", NULL, "Hi");
    fake_pass(f, 10000);
    assert_int_equal(f->n_sent, 1);
    fake_answer(f, 0, 200, NULL);
    assert_int_equal(f->n_done, 1);
    assert_int_equal(sip_counters(f->sip)->clients, 0);
    assert_int_equal(f->loop.timers.n, 0);
    fake_request_out(f, SIP_TCP, "192.0.2.9:5060", NULL, "Hi");
    fake_pass(f, 32000);
    assert_int_equal(f->n_done, 2);
    assert_int_equal(f->no_answer, SIP_TIMED_OUT);
    fake_free(f);
}

static void stray_responses(void **state)
{
    struct fake *f = fake_new(NULL);
    char branch[64], text[1024];
    size_t n_stray = 0;
    static const struct {
        const char *vias, *cseq;
        bool whole; /* vias has no place for the branch */
    } cases[] = {
        { "Via: SIP/2.0/UDP gw.example.net:5060;branch=%s\r\nVia: SIP/2.0/UDP b.example.net;branch=2\r\n",
          "1 MESSAGE" },
        { "Via: SIP/2.0/UDP gw.example.net:5060;branch=%s, SIP/2.0/UDP 255.255.255.255\r\n", "1 MESSAGE" },
        { "Via: SIP/2.0/UDP gw.example.net:5060;branch=%s\r\n", "1 OPTIONS" },
        { "Via: SIP/2.0/UDP other.example.net:5060;branch=%s\r\n", "1 MESSAGE" },
        { "Via: SIP/2.0/UDP gw.example.net:5061;branch=%s\r\n", "1 MESSAGE" },
        { "Via: SIP/2.0/UDP gw.example.net:5060;branch=%s1\r\n", "1 MESSAGE" },
        { "Via: SIP/2.0/UDP gw.example.net:5060;x=%s\r\n", "1 MESSAGE" },
    };

    fake_request_out(f, SIP_UDP, "192.0.2.9:5060", NULL, "Hi");
    assert_int_equal(sscanf(strstr(fake_last(f), "branch="), "branch=%63[^;]", branch), 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char vias[256];
        const char *at = strstr(cases[i].vias, "%s");

        snprintf(vias, sizeof(vias), "%.*s%s%s", (int)(at - cases[i].vias), cases[i].vias, branch, at + 2);
        snprintf(text, sizeof(text),
                 "SIP/2.0 200 OK\r\n%sFrom: <sip:juliet@example.com>;tag=j1\r\nTo: <sip:romeo@example.net>;tag=r1\r\n"
                 "Call-ID: out1\r\nCSeq: %s\r\nContent-Length: 0\r\n\r\n",
                 vias, cases[i].cseq);
        fake_take(f, SIP_UDP, "192.0.2.9:5060", text);
        n_stray++;
        assert_int_equal(f->n_done, 0);
        assert_int_equal(sip_counters(f->sip)->dropped_stray_response, n_stray);
    }
    fake_answer(f, 0, 200, NULL);
    assert_int_equal(f->n_done, 1);
    fake_free(f);
}

static void refused_udp(void **state)
{
    struct fake *f = fake_new(NULL);
    struct sip_target here = { .transport = SIP_UDP, .addr = fake_addr("192.0.2.9:5060") };

    fake_request_out(f, SIP_UDP, "192.0.2.9:5060", NULL, "a");
    fake_request_out(f, SIP_UDP, "192.0.2.9:5060", NULL, "b");
    fake_request_out(f, SIP_UDP, "192.0.2.9:5060", NULL, "c");
    fake_request_out(f, SIP_UDP, "192.0.2.8:5060", NULL, "elsewhere");
    fake_answer(f, 2, 100, NULL);
    sip_clients_down(&f->sip->clients, &here);
    /* The third is being served, the fourth is another's. */
    assert_int_equal(f->n_done, 2);
    assert_int_equal(f->no_answer, SIP_UNREACHABLE);
    assert_int_equal(sip_counters(f->sip)->clients, 2);
    sip_clients_down(&f->sip->clients, &here);
    assert_int_equal(f->n_done, 2);
    fake_free(f);
}

/* A server that refuses our certificate has read none of what was written behind it; what an earlier connection took stays open. */
static void a_refused_connection_has_read_nothing(void **state)
{
    struct fake *f = fake_new(NULL);
    struct sip_target target = { .transport = SIP_TLS, .addr = fake_addr("192.0.2.9:5061") };
    struct sip_flow before = { .transport = SIP_TLS, .peer = target.addr, .link = 9 }, after = before;

    after.link = 10;
    f->reach = SIP_REACH_COMING;
    fake_request_out(f, SIP_TLS, "192.0.2.9:5061", NULL, "a");
    sip_clients_up(&f->sip->clients, &target, &before);
    sip_clients_down(&f->sip->clients, &target);
    fake_request_out(f, SIP_TLS, "192.0.2.9:5061", NULL, "b");
    fake_request_out(f, SIP_TLS, "192.0.2.9:5061", NULL, "c");
    sip_clients_up(&f->sip->clients, &target, &after);
    assert_int_equal(f->n_sent, 3);
    fake_answer(f, 2, 100, NULL); /* so it was read after all */
    sip_clients_refused(&f->sip->clients, &target, 10);
    assert_int_equal(f->n_done, 1);
    assert_int_equal(f->no_answer, SIP_UNREACHABLE);
    fake_pass(f, 32000);
    assert_int_equal(f->n_done, 3);
    assert_int_equal(f->no_answer, SIP_TIMED_OUT);
    fake_free(f);
}

static void waits_for_connection(void **state)
{
    struct fake *f = fake_new(NULL);
    struct sip_target target = { .transport = SIP_TCP, .addr = fake_addr("192.0.2.9:5060") };
    struct sip_flow flow = { .transport = SIP_TCP, .peer = target.addr, .link = 9 };

    f->reach = SIP_REACH_COMING;
    fake_request_out(f, SIP_TCP, "192.0.2.9:5060", NULL, "a");
    fake_request_out(f, SIP_TCP, "192.0.2.9:5060", NULL, "b");
    fake_pass(f, 200);
    assert_int_equal(f->n_sent, 0);
    sip_clients_up(&f->sip->clients, &target, &flow);
    assert_int_equal(f->n_sent, 2);
    assert_int_equal(f->sent[1].flow.link, 9);
    fake_answer(f, 0, 200, NULL);
    assert_int_equal(f->n_done, 1);

    /* The connection breaks: the one without an answer may have been served, so it waits, and is not sent again. */
    sip_clients_down(&f->sip->clients, &target);
    assert_int_equal(f->n_done, 1);
    f->reach = SIP_REACH_COMING;
    fake_request_out(f, SIP_TCP, "192.0.2.9:5060", NULL, "c");
    sip_clients_up(&f->sip->clients, &target, &flow);
    assert_int_equal(f->n_sent, 3);
    fake_answer(f, 1, 200, NULL);
    assert_int_equal(f->n_done, 2);
    fake_pass(f, 32000);
    assert_int_equal(f->n_done, 3);
    assert_int_equal(f->no_answer, SIP_TIMED_OUT);
    fake_free(f);
}

static void connection_fails(void **state)
{
    struct fake *f = fake_new(NULL);
    struct sip_target target = { .transport = SIP_TCP, .addr = fake_addr("192.0.2.9:5060") };

    f->reach = SIP_REACH_COMING;
    fake_request_out(f, SIP_TCP, "192.0.2.9:5060", NULL, "a");
    fake_request_out(f, SIP_TCP, "192.0.2.9:5060", NULL, "b");
    sip_clients_down(&f->sip->clients, &target);
    assert_int_equal(f->n_done, 2);
    assert_int_equal(f->no_answer, SIP_UNREACHABLE);

    f->reach = SIP_REACH_NONE;
    fake_request_out(f, SIP_TCP, "192.0.2.9:5060", NULL, "c");
    assert_int_equal(f->n_done, 2);
    fake_pass(f, 1);
    assert_int_equal(f->n_done, 3);
    assert_int_equal(f->no_answer, SIP_UNREACHABLE);

    f->reach = SIP_REACH_UP;
    f->send_fails = true; /* the stream takes no more */
    fake_request_out(f, SIP_TCP, "192.0.2.9:5060", NULL, "d");
    fake_pass(f, 1);
    assert_int_equal(f->n_done, 4);
    assert_int_equal(f->no_answer, SIP_UNREACHABLE);

    /* Nothing was ever written: what waits in vain until Timer F was not delivered either. */
    f->reach = SIP_REACH_COMING;
    fake_request_out(f, SIP_TCP, "192.0.2.9:5060", NULL, "e");
    fake_pass(f, 32000);
    assert_int_equal(f->n_done, 5);
    assert_int_equal(f->no_answer, SIP_UNREACHABLE);
    assert_int_equal(f->loop.timers.n, 0);
    assert_int_equal(f->sip->clients.hops.n, 0);
    fake_free(f);
}

static void waiting_is_bounded(void **state)
{
    struct fake *f;
    struct sip_conf conf = fake_conf(NULL);
    size_t n = 0;

    conf.txns_max = 5000;
    f = fake_new(&conf);
    f->reach = SIP_REACH_COMING;
    while (n < 5000 && fake_request_out(f, SIP_TCP, "192.0.2.9:5060", NULL, "a"))
        n++;
    assert_int_equal(n, SIP_HOP_WAITING_MAX);
    assert_non_null(fake_request_out(f, SIP_TCP, "192.0.2.8:5060", NULL, "a"));
    fake_free(f);
}

/* Those that only absorb repeated answers do not keep others out; those that wait for one do. */
static void who_has_his_answer_makes_room(void **state)
{
    struct sip_conf conf = fake_conf(NULL);
    struct fake *f;
    char name[16];

    conf.txns_max = 4;
    f = fake_new(&conf);
    for (unsigned i = 0; i < 50; i++) {
        snprintf(name, sizeof(name), "a%u", i);
        assert_non_null(fake_request_out(f, SIP_UDP, "192.0.2.9:5060", NULL, name));
        fake_answer(f, f->n_sent - 1, 200, NULL);
        assert_int_equal(f->n_done, i + 1);
    }
    assert_int_equal(sip_counters(f->sip)->clients, 4);
    for (unsigned i = 0; i < 3; i++)
        assert_non_null(fake_request_out(f, SIP_UDP, "192.0.2.9:5060", NULL, "b"));
    assert_null(fake_request_out(f, SIP_UDP, "192.0.2.9:5060", NULL, "b"));
    fake_pass(f, 40000);
    assert_int_equal(sip_counters(f->sip)->clients, 0);
    fake_free(f);
}

static void forgotten(void **state)
{
    struct fake *f = fake_new(NULL);

    sip_client_forget(fake_request_out(f, SIP_UDP, "192.0.2.9:5060", NULL, "a"));
    fake_pass(f, 500);
    assert_int_equal(f->n_sent, 2);
    fake_answer(f, 0, 200, NULL);
    assert_int_equal(f->n_done, 0);
    assert_int_equal(sip_counters(f->sip)->dropped_stray_response, 0);
    fake_pass(f, 5000);
    assert_int_equal(sip_counters(f->sip)->clients, 0);
    fake_free(f);
}

/* done sends the next request to the same place, several times over. */
static unsigned n_chain;
static void chain(void *arg, const struct sip_result *result)
{
    struct fake *f = arg;
    struct sip_target target = { .transport = SIP_TCP, .addr = fake_addr("192.0.2.9:5060") };
    struct sip_send request = { .method = SIP_OPTIONS,
                                .uri = SLICE("sip:a@b"),
                                .from = SLICE("<sip:b@c>;tag=1"),
                                .to = SLICE("<sip:a@b>"),
                                .call_id = SLICE("x"),
                                .cseq = 1,
                                .max_forwards = 70 };

    if (++n_chain % 4)
        sip_send(f->sip, &target, &request, chain, f);
}

static void done_may_send(void **state)
{
    struct fake *f = fake_new(NULL);
    struct sip_target target = { .transport = SIP_TCP, .addr = fake_addr("192.0.2.9:5060") };

    f->reach = SIP_REACH_COMING;
    n_chain = 0;
    chain(f, NULL);
    while (sip_counters(f->sip)->clients)
        sip_clients_down(&f->sip->clients, &target);
    assert_int_equal(n_chain, 4);
    assert_int_equal(f->sip->clients.hops.n, 0);
    fake_free(f);
}

static void branches_are_ours(void **state)
{
    struct fake *f = fake_new(NULL);
    char branch[64];

    fake_request_out(f, SIP_UDP, "192.0.2.9:5060", NULL, "Hi");
    assert_int_equal(sscanf(strstr(fake_last(f), "branch="), "branch=%63[^;]", branch), 1);
    assert_true(sip_clients_made_branch(&f->sip->clients, slice_str(branch)));
    branch[10] ^= 1;
    assert_false(sip_clients_made_branch(&f->sip->clients, slice_str(branch)));
    fake_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_as_sent),
        cmocka_unit_test(size_is_exact),
        cmocka_unit_test(udp_limit_1300),
        cmocka_unit_test(timers_e_and_f),
        cmocka_unit_test(an_ended_branch_may_be_repeated),
        cmocka_unit_test(provisional),
        cmocka_unit_test(timer_k_absorbs),
        cmocka_unit_test(tcp_is_sent_once),
        cmocka_unit_test(stray_responses),
        cmocka_unit_test(refused_udp),
        cmocka_unit_test(a_refused_connection_has_read_nothing),
        cmocka_unit_test(waits_for_connection),
        cmocka_unit_test(connection_fails),
        cmocka_unit_test(waiting_is_bounded),
        cmocka_unit_test(who_has_his_answer_makes_room),
        cmocka_unit_test(forgotten),
        cmocka_unit_test(done_may_send),
        cmocka_unit_test(branches_are_ours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
