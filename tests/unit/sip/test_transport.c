/* The stack on real sockets of the loopback: UDP and TCP, limits, peers that misbehave. */
#include "peer.h"

static bool never(void *arg)
{
    return false;
}

static const char *message(unsigned i)
{
    char via[80], cseq[16];

    snprintf(via, sizeof(via), "Via: SIP/2.0/TCP 192.0.2.9;rport;branch=z9hG4bKn%u", i);
    snprintf(cseq, sizeof(cseq), "%u", i + 1);
    return FAKE(.via = via, .cseq = cseq);
}

static void udp_in_and_out(void **state)
{
    struct addr udp, tcp;
    struct fake *f = start(NULL, &udp, &tcp);
    struct peer *p = peer_new(SOCK_DGRAM);

    f->answer_at_once = 200;
    peer_connect(p, &udp);
    peer_send(p, "\r\n\r\n");
    peer_send(p, "\r\n");
    assert_int_equal(send(p->fd, "\0\0\0\0", 4, 0), 4);
    peer_send(p, "no SIP at all");
    peer_send(p, message(0));
    peer_send(p, message(0));
    peer_send(p, FAKE(.method = "OPTIONS", .via = "Via: SIP/2.0/UDP x.example.net;rport;branch=z9hG4bKo"));
    p->want_messages = 3;
    assert_true(run_until(f, has_got, p, WAIT_MS));
    assert_int_equal(count(p->got, "SIP/2.0 200 OK"), 3);
    assert_int_equal(p->n_datagrams, 3); /* one for one */
    assert_true(fake_has(p->got, ";received=127.0.0.1\r\n"));
    assert_int_equal(f->n_messages, 1);
    assert_int_equal(sip_counters(f->sip)->dropped_garbage, 1);
    peer_free(p);
    fake_free(f);
}

static void tcp_pieces_and_pongs(void **state)
{
    struct addr udp, tcp;
    struct fake *f = start(NULL, &udp, &tcp);
    struct peer *p = peer_new(SOCK_STREAM);
    char text[4096];
    size_t n;

    f->answer_at_once = 200;
    peer_connect(p, &tcp);
    peer_send(p, "\r\n\r\n");
    p->want = 2;
    assert_true(run_until(f, has_got, p, WAIT_MS));
    assert_string_equal(p->got, "\r\n");
    peer_send(p, "\r\n"); /* half a ping, or the end of something: no pong */
    fake_copy(text, sizeof(text), message(0));
    n = strlen(text);
    fake_copy(text + n, sizeof(text) - n, "\r\n");
    n += 2;
    fake_copy(text + n, sizeof(text) - n, message(1));
    n += strlen(text + n);
    for (size_t i = 0; i < n; i += 7) {
        p->want = 0;
        assert_true(send(p->fd, text + i, n - i < 7 ? n - i : 7, 0) > 0);
        run_until(f, has_got, p, WAIT_MS);
    }
    p->want_messages = 2;
    assert_true(run_until(f, has_got, p, WAIT_MS));
    assert_int_equal(count(p->got, "SIP/2.0 200 OK"), 2);
    assert_memory_equal(p->got, "\r\nSIP/2.0", 9);
    assert_int_equal(f->n_messages, 2);
    peer_free(p);
    fake_free(f);
}

static void tcp_faults_close(void **state)
{
    static const struct {
        const char *text, *answer;
        bool stranger;
    } cases[] = {
        { "MESSAGE sip:juliet@example.com SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.9;branch=z9hG4bKa\r\n"
          "Content-Length: 4294967301\r\n\r\n",
          "SIP/2.0 513 " },
        { "MESSAGE sip:juliet@example.com SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.9;branch=z9hG4bKa\r\n\r\n",
          "SIP/2.0 400 Missing Content-Length\r\n" },
        { "GET / HTTP/1.1\r\nHost: x\r\n\r\n", NULL },
        { "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 and so on\r\n", NULL },
        { "OPTIONS sip:example.com SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.9;branch=z9hG4bKa\r\n"
          "Content-Length: 0\r\n\r\n",
          "SIP/2.0 403 ", true },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct addr udp, tcp;
        struct fake *f = start(NULL, &udp, &tcp);
        struct peer *p = peer_new(SOCK_STREAM);

        f->stranger = cases[i].stranger;
        peer_connect(p, &tcp);
        peer_send(p, cases[i].text);
        assert_true(run_until(f, is_closed, p, WAIT_MS));
        if (cases[i].answer ? strncmp(p->got, cases[i].answer, strlen(cases[i].answer)) != 0 : p->n_got != 0)
            fail_msg("case %zu: %s", i, p->got);
        assert_true(count(p->got, "SIP/2.0 4") + count(p->got, "SIP/2.0 5") <= 1);
        peer_free(p);
        fake_free(f);
    }
}

static void slow_and_idle_are_closed(void **state)
{
    static const struct {
        const char *text;
        bool stranger;
    } cases[] = { { "" }, { "MESS" }, { "\r\n\r\nMESSAGE sip:a@b" }, { "", true }, { "\r\n\r\n", true } };
    struct sip_conf conf = fake_conf(NULL);

    conf.conn_idle_ms = 60;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct addr udp, tcp;
        struct fake *f = start(&conf, &udp, &tcp);
        struct peer *p = peer_new(SOCK_STREAM);

        f->stranger = cases[i].stranger;
        peer_connect(p, &tcp);
        if (*cases[i].text)
            peer_send(p, cases[i].text);
        assert_true(run_until(f, is_closed, p, WAIT_MS));
        peer_free(p);
        fake_free(f);
    }
}

static void connection_limits(void **state)
{
    struct addr udp, tcp;
    struct fake *f = start(NULL, &udp, &tcp); /* 4 from one address */
    struct peer *p[6];

    for (size_t i = 0; i < 6; i++) {
        p[i] = peer_new(SOCK_STREAM);
        peer_connect(p[i], &tcp);
    }
    assert_true(run_until(f, is_closed, p[5], WAIT_MS));
    assert_true(run_until(f, is_closed, p[4], WAIT_MS));
    assert_int_equal(sip_counters(f->sip)->conns, 4);
    for (size_t i = 0; i < 6; i++)
        peer_free(p[i]);
    fake_free(f);
}

static bool all_delivered(void *arg)
{
    return ((struct fake *)arg)->n_messages >= 5;
}

static void full_table_stops_reading(void **state)
{
    struct addr udp, tcp;
    struct sip_conf conf = fake_conf(NULL);
    struct fake *f;
    struct peer *p = peer_new(SOCK_STREAM);

    conf.txns_max = 2;
    f = start(&conf, &udp, &tcp);
    peer_connect(p, &tcp);
    for (unsigned i = 0; i < 5; i++)
        peer_send(p, message(i));
    assert_false(run_until(f, all_delivered, f, 50));
    assert_int_equal(f->n_messages, 2);
    f->answer_at_once = 200;
    sip_respond(f->txns[0], 200, NULL, slice_of(NULL, 0));
    assert_true(run_until(f, all_delivered, f, WAIT_MS));
    assert_int_equal(sip_counters(f->sip)->dropped_full, 0);
    peer_free(p);
    fake_free(f);
}

static size_t tx_pending(const struct fake *f)
{
    return conn_tx_pending(container_of(f->sip->transports.streams.next, struct sip_stream, link)->conn);
}

static bool is_held(const struct fake *f)
{
    return container_of(f->sip->transports.streams.next, struct sip_stream, link)->holds & SIP_HOLD_TX;
}

/* Threat D15: a peer that asks and never reads is not read any more; it loses nothing once it does. */
static void peer_that_never_reads(void **state)
{
    struct addr udp, tcp;
    struct fake *f = start(NULL, &udp, &tcp);
    struct peer *p = peer_new(SOCK_STREAM);
    size_t n_sent = 0, n_read = 0, n_text, n_answer;
    char text[1024];
    unsigned quiet = 0;
    int size = 4096;

    setsockopt(p->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    peer_connect(p, &tcp);
    fake_copy(text, sizeof(text), FAKE(.method = "OPTIONS", .via = "Via: SIP/2.0/TCP x.y;branch=z9hG4bKo"));
    n_text = strlen(text);
    while (quiet < 5) {
        size_t at = n_sent % n_text;
        ssize_t n = send(p->fd, text + at, n_text - at, 0);

        quiet = n > 0 ? 0 : quiet + 1;
        n_sent += n > 0 ? (size_t)n : 0;
        if (n <= 0)
            run_until(f, never, NULL, 2);
        assert_true(n_sent < 64 * 1024 * 1024);
    }
    assert_true(is_held(f));
    assert_in_range(tx_pending(f), 512 * 1024, 600 * 1024);
    size = 1024 * 1024;
    setsockopt(p->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    /* All answers are alike. A message that could not be sent to its end stays unfinished. */
    p->want = 1024;
    assert_true(run_until(f, has_got, p, WAIT_MS));
    n_answer = (size_t)(strstr(p->got, "\r\n\r\n") + 4 - p->got);
    while ((n_read += p->n_got) < n_answer * (n_sent / n_text)) {
        p->n_got = 0;
        p->want = 1;
        assert_true(run_until(f, has_got, p, WAIT_MS));
    }
    assert_int_equal(n_read, n_answer * (n_sent / n_text));
    assert_int_equal(sip_counters(f->sip)->responses_out, n_sent / n_text);
    assert_int_equal(sip_counters(f->sip)->conns, 1);
    peer_free(p);
    fake_free(f);
}

static bool is_zero(void *arg)
{
    return *(size_t *)arg == 0;
}

/* With a port in its Via that no SIP server listens at: nothing is connected to. */
static void answer_to_a_lost_connection(void **state)
{
    struct addr udp, tcp;
    struct fake *f = start(NULL, &udp, &tcp);
    struct peer *p = peer_new(SOCK_STREAM);

    peer_connect(p, &tcp);
    for (unsigned i = 0; i < 5; i++) {
        char via[80], cseq[16];

        snprintf(via, sizeof(via), "Via: SIP/2.0/TCP 192.0.2.9:%s;branch=z9hG4bKn%u", i ? "5060" : "25", i);
        snprintf(cseq, sizeof(cseq), "%u", i + 1);
        peer_send(p, FAKE(.via = via, .cseq = cseq));
    }
    assert_true(run_until(f, all_delivered, f, WAIT_MS));
    close(p->fd);
    p->fd = -1;
    assert_true(run_until(f, is_zero, &f->sip->counters.conns, WAIT_MS));
    sip_respond(f->txns[0], 200, NULL, slice_of(NULL, 0));
    assert_int_equal(sip_counters(f->sip)->responses_out, 0);
    assert_int_equal(f->sip->servers.n_waiting, 4);
    peer_free(p);
    fake_free(f);
}

static void own_address_in_via(void **state)
{
    struct addr udp, tcp;
    struct fake *f = start(NULL, &udp, &tcp);
    char via[128];

    f->sip->wire = (struct sip_wire){ .owner = f, .send = fake_send, .reach = fake_reach, .via_port = fake_via_port };
    snprintf(via, sizeof(via),
             "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\nVia: SIP/2.0/TCP 127.0.0.1:%u;branch=z9hG4bK2",
             addr_port(&tcp));
    fake_take(f, SIP_UDP, "192.0.2.9", FAKE(.via = via));
    assert_int_equal(fake_status(f, 0), 482);
    snprintf(via, sizeof(via), "Via: SIP/2.0/UDP GW.example.net:%u;branch=z9hG4bK3", addr_port(&udp));
    fake_take(f, SIP_UDP, "192.0.2.9", FAKE(.via = via, .cseq = "2"));
    assert_int_equal(fake_status(f, 1), 482);
    assert_int_equal(f->n_messages, 0);
    fake_free(f);
}

static void udp_request(void **state)
{
    struct addr udp, tcp;
    struct fake *f = start(NULL, &udp, &tcp);
    struct peer *p = peer_new(SOCK_DGRAM);
    char to[ADDR_TEXT], port[32];

    fake_request_out(f, SIP_UDP, addr_text(&p->local, to), NULL, "Hi");
    p->want_messages = 1;
    assert_true(run_until(f, has_got, p, WAIT_MS));
    snprintf(port, sizeof(port), "gw.example.net:%u;", addr_port(&udp));
    assert_true(fake_has(p->got, port));
    peer_answers(p, &udp, 0);
    assert_true(run_until(f, is_done, f, WAIT_MS));
    assert_int_equal(f->status, 200);
    peer_free(p);
    fake_free(f);
}

static void nobody_there(void **state)
{
    static const enum sip_transport transports[] = { SIP_UDP, SIP_TCP, SIP_TLS, SIP_UDP };

    for (size_t i = 0; i < 4; i++) {
        struct addr udp, tcp;
        struct fake *f = start(NULL, &udp, &tcp);
        struct peer *p = peer_new(transports[i] == SIP_UDP ? SOCK_DGRAM : SOCK_STREAM);
        char to[ADDR_TEXT];

        addr_text(&p->local, to);
        peer_free(p); /* now the port is free */
        fake_request_out(f, transports[i], i == 3 ? "[::1]:5060" : to, NULL, "Hi");
        assert_int_equal(f->n_done, 0);
        assert_true(run_until(f, is_done, f, WAIT_MS));
        assert_int_equal(f->no_answer, SIP_UNREACHABLE);
        fake_free(f);
    }
}

static void tcp_request_and_reuse(void **state)
{
    struct addr udp, tcp;
    struct fake *f = start(NULL, &udp, &tcp);
    struct peer *listener = peer_new(SOCK_STREAM), *p = calloc(1, sizeof(*p));
    char to[ADDR_TEXT];

    assert_non_null(p);
    assert_int_equal(listen(listener->fd, 5), 0);
    addr_text(&listener->local, to);
    fake_request_out(f, SIP_TCP, to, NULL, "Hi");
    fake_request_out(f, SIP_TCP, to, NULL, "Ho");
    p->fd = accept(listener->fd, NULL, NULL);
    assert_true(p->fd >= 0);
    assert_int_equal(sip_counters(f->sip)->conns, 1);
    p->want_messages = 2;
    assert_true(run_until(f, has_got, p, WAIT_MS));
    assert_int_equal(count(p->got, "MESSAGE sip:romeo@example.net"), 2);
    peer_answers(p, NULL, 0);
    assert_true(run_until(f, is_done, f, WAIT_MS));
    assert_int_equal(f->status, 200);
    /* A later request takes the same way, and requests that come over it are served. */
    f->n_done = 0;
    fake_request_out(f, SIP_TCP, to, NULL, "Hm");
    f->answer_at_once = 202;
    peer_send(p, message(0));
    p->want_messages = 4;
    assert_true(run_until(f, has_got, p, WAIT_MS));
    assert_int_equal(count(p->got, "MESSAGE sip:romeo@example.net"), 3);
    assert_int_equal(count(p->got, "SIP/2.0 202 Accepted"), 1);
    peer_answers(p, NULL, 2);
    assert_true(run_until(f, is_done, f, WAIT_MS));
    assert_int_equal(sip_counters(f->sip)->conns, 1);
    /* The peer goes away: what it has got and not answered is uncertain, and is not sent again. */
    f->n_done = 0;
    close(p->fd);
    p->fd = -1;
    assert_true(run_until(f, is_zero, &f->sip->counters.conns, WAIT_MS));
    assert_int_equal(f->n_done, 0);
    assert_int_equal(sip_counters(f->sip)->clients, 1);
    peer_free(p);
    peer_free(listener);
    fake_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(udp_in_and_out),        cmocka_unit_test(tcp_pieces_and_pongs),
        cmocka_unit_test(tcp_faults_close),      cmocka_unit_test(slow_and_idle_are_closed),
        cmocka_unit_test(connection_limits),     cmocka_unit_test(full_table_stops_reading),
        cmocka_unit_test(peer_that_never_reads), cmocka_unit_test(answer_to_a_lost_connection),
        cmocka_unit_test(own_address_in_via),    cmocka_unit_test(udp_request),
        cmocka_unit_test(nobody_there),          cmocka_unit_test(tcp_request_and_reuse),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
