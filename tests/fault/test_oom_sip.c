/*
 * The transaction layers with memory running out: each request that was handed to the owner is answered once and each that
 * was not is refused, no answer goes to another request, and each request of ours has one result or was not taken.
 */
#include "../unit/sip/fake.h"

#include "oom_sip.h"

#define PEER "192.0.2.9:5070"
#define N_REQUESTS 20 /* more than the hash tables start with */

static const char *request(int number)
{
    char via[80], call[20];

    snprintf(via, sizeof(via), "Via: SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKa%d", number);
    snprintf(call, sizeof(call), "call%d", number);
    return FAKE(.via = via, .call_id = call);
}

/* The final answers to request number, and the status of the last. */
static unsigned answers(const struct fake *f, int number, unsigned *status)
{
    char call[32];
    unsigned n = 0;

    snprintf(call, sizeof(call), "Call-ID: call%d\r\n", number);
    for (size_t i = 0; i < f->n_sent; i++) {
        unsigned s = 0;

        if (sscanf(f->sent[i].text, "SIP/2.0 %u ", &s) != 1 || s < 200 || !fake_has(f->sent[i].text, call))
            continue;
        assert_true(fake_has(f->sent[i].text, "\r\n\r\n"));
        *status = s;
        n++;
    }
    return n;
}

static void goes_on(struct fake *f)
{
    unsigned status = 0;

    oom_over();
    fake_take(f, SIP_UDP, PEER, request(900));
    sip_respond(f->txns[(f->n_messages - 1) % 64], 200, NULL, slice_of(NULL, 0));
    assert_int_equal(answers(f, 900, &status), 1);
    assert_int_equal(status, 200);
    fake_pass(f, 40000);
    assert_int_equal(sip_counters(f->sip)->servers, 0);
    assert_int_equal(sip_counters(f->sip)->clients, 0);
    fake_free(f);
}

static void requests_in(const void *arg)
{
    const enum sip_transport *transport = arg;
    struct fake *f = fake_new(NULL);
    size_t at_owner[N_REQUESTS];

    for (int i = 0; i < N_REQUESTS; i++) {
        size_t before = f->n_messages;

        fake_take(f, *transport, PEER, request(i));
        at_owner[i] = f->n_messages > before ? before : SIZE_MAX;
    }
    OOM(fake_pass(f, 3600)); /* the 100 */
    if (at_owner[0] != SIZE_MAX)
        fake_take(f, *transport, PEER, request(0));
    for (int i = 0; i < N_REQUESTS; i++) {
        unsigned status = 0, n = answers(f, i, &status);

        if (at_owner[i] == SIZE_MAX) {
            assert_true(oom_failed() && n >= 1 && status == 503);
            continue;
        }
        assert_int_equal(n, 0);
        OOM(sip_respond(f->txns[at_owner[i]], 486, "Not now", SLICE("Retry-After: 7\r\n")));
        assert_int_equal(answers(f, i, &status), 1);
        assert_int_equal(status, 486);
    }
    if (*transport == SIP_UDP && at_owner[1] != SIZE_MAX) {
        unsigned status = 0;
        size_t n = f->n_messages;

        fake_take(f, SIP_UDP, PEER, request(1));
        assert_int_equal(f->n_messages, n);
        assert_int_equal(answers(f, 1, &status), 2);
        assert_int_equal(status, 486);
    }
    goes_on(f);
}

static void requests_from_udp_and_tcp(void **state)
{
    static const enum sip_transport transports[] = { SIP_UDP, SIP_TCP };

    oom_each("UDP requests", requests_in, &transports[0]);
    oom_each("TCP requests", requests_in, &transports[1]);
}

/* What the stack refuses by itself. */
static void refusals(const void *arg)
{
    static const struct {
        struct fake_request r;
        unsigned status;
    } cases[] = {
        { { .method = "SUBSCRIBE", .call_id = "call0" }, 405 },
        { { .uri = "sip:a@elsewhere.example", .call_id = "call1" }, 404 },
        { { .more = "Require: first, second, third\r\n", .call_id = "call2" }, 420 },
        { { .to = "<sip:juliet@example.com>;tag=x", .call_id = "call3" }, 481 },
        { { .method = "OPTIONS", .call_id = "call4" }, 200 },
    };
    struct fake *f = fake_new(NULL);

    for (int i = 0; i < (int)(sizeof(cases) / sizeof(cases[0])); i++) {
        unsigned status = 0;

        fake_take(f, SIP_UDP, PEER, fake_request(&cases[i].r));
        assert_int_equal(answers(f, i, &status), 1);
        assert_int_equal(status, cases[i].status);
    }
    assert_true(fake_has(f->sent[2].text, "\r\nUnsupported: first, second, third\r\n"));
    goes_on(f);
}

static void requests_that_are_refused(void **state)
{
    oom_each("refusals", refusals, NULL);
}

/* status: what the other side answers; 0: nothing. */
static void requests_out(const void *arg)
{
    const unsigned *status = arg;
    struct fake *f = fake_new(NULL);
    unsigned n_taken = 0;

    for (int i = 0; i < N_REQUESTS; i++) {
        char branch[24];
        struct sip_client *c;

        snprintf(branch, sizeof(branch), "z9hG4bKout%d", i);
        OOM(c = fake_request_out(f, i % 2 ? SIP_UDP : SIP_TCP, "192.0.2.9:5060", branch, "hello"));
        n_taken += c != NULL;
    }
    assert_true(n_taken == N_REQUESTS || oom_failed());
    assert_int_equal(f->n_sent, n_taken);
    for (unsigned i = 0; *status && i < n_taken; i++)
        fake_answer(f, i, *status, NULL);
    OOM(fake_pass(f, 33000));
    assert_int_equal(f->n_done, n_taken);
    assert_true(!n_taken || f->status == *status);
    goes_on(f);
}

static void requests_of_ours(void **state)
{
    static const unsigned statuses[] = { 200, 404, 0 };

    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        oom_each("our requests", requests_out, &statuses[i]);
}

/* A connection that has to be opened first, and breaks. */
static void connection(const void *arg)
{
    const bool *comes_up = arg;
    struct fake *f = fake_new(NULL);
    struct sip_target target = { .transport = SIP_TCP, .addr = fake_addr("192.0.2.9:5060") };
    struct sip_flow flow = { .transport = SIP_TCP, .peer = target.addr, .link = 9 };
    unsigned n_taken = 0;

    f->reach = SIP_REACH_COMING;
    for (int i = 0; i < 3; i++) {
        struct sip_client *c;

        OOM(c = fake_request_out(f, SIP_TCP, "192.0.2.9:5060", "", "hello"));
        n_taken += c != NULL;
    }
    if (*comes_up)
        OOM(sip_clients_up(&f->sip->clients, &target, &flow));
    OOM(sip_clients_down(&f->sip->clients, &target));
    OOM(fake_pass(f, 33000));
    assert_int_equal(f->n_done, n_taken);
    assert_true(!n_taken || f->no_answer == (*comes_up ? SIP_TIMED_OUT : SIP_UNREACHABLE));
    f->reach = SIP_REACH_UP;
    goes_on(f);
}

static void requests_that_wait_for_a_connection(void **state)
{
    static const bool comes_up[] = { true, false };

    oom_each("connection breaks", connection, &comes_up[0]);
    oom_each("connection fails", connection, &comes_up[1]);
}

static void starting(const void *arg)
{
    struct fake *f = fake_new(NULL);
    struct sip_conf conf = fake_conf(f);
    struct err err = { "" };
    struct sip *sip;

    OOM(sip = sip_new(&f->loop, &conf, &err));
    assert_int_equal(sip == NULL, oom_failed());
    assert_true(sip || strstr(err.text, "memory"));
    sip_free(sip);
    fake_free(f);
}

static void the_start(void **state)
{
    oom_each("start", starting, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_from_udp_and_tcp),
        cmocka_unit_test(requests_that_are_refused),
        cmocka_unit_test(requests_of_ours),
        cmocka_unit_test(requests_that_wait_for_a_connection),
        cmocka_unit_test(the_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
