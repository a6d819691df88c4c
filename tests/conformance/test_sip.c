/* Catalogue section 12: what the SIP stack shows by itself, without translation. */
#include "../unit/sip/peer.h"

#define TCP_VIA "Via: SIP/2.0/TCP 192.0.2.9;branch=z9hG4bKa\r\n"
#define PARTIES                                                                                                        \
    "To: <sip:juliet@example.com>\r\nFrom: <sip:romeo@example.net>;tag=1\r\nCall-ID: c\r\nCSeq: 1 MESSAGE\r\n"

/* What comes back to one request over UDP: the status, 0 for nothing, 1 when it was handed on. */
static unsigned verdict(const struct fake_request *r)
{
    struct fake *f = fake_new(NULL);
    unsigned status;

    fake_take(f, SIP_UDP, "192.0.2.9:5070", fake_request(r));
    assert_true(f->n_sent <= 1);
    status = f->n_messages ? 1 : f->n_sent ? fake_status(f, 0) : 0;
    fake_free(f);
    return status;
}

#define VERDICT(...) verdict(&(struct fake_request){ __VA_ARGS__ })

static void STOX_SIP_05_framing_error_closes(void **state)
{
    static const char *const lengths[] = { "Content-Length: -999\r\n", "Content-Length: x\r\n",
                                           "Content-Length: 5\r\nContent-Length: 6\r\n", "" };

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct fake *f = fake_new(NULL);
        char text[1024];

        snprintf(text, sizeof(text), "MESSAGE sip:juliet@example.com SIP/2.0\r\n" TCP_VIA PARTIES "%s\r\nHello",
                 lengths[i]);
        assert_int_equal(fake_take(f, SIP_TCP, "192.0.2.9", text), SIP_CLOSE);
        assert_int_equal(f->n_sent, 1);
        assert_int_equal(fake_status(f, 0), 400);
        fake_free(f);
    }
}

static void STOX_SIP_06_size_cap_on_streams(void **state)
{
    struct addr udp, tcp;
    struct fake *f = start(NULL, &udp, &tcp);
    struct peer *p = peer_new(SOCK_STREAM);

    peer_connect(p, &tcp);
    peer_send(p, "MESSAGE sip:juliet@example.com SIP/2.0\r\n" TCP_VIA PARTIES "Content-Length: 262145\r\n\r\n");
    assert_true(run_until(f, is_closed, p, WAIT_MS));
    assert_memory_equal(p->got, "SIP/2.0 513 ", 12);
    peer_free(p);
    p = peer_new(SOCK_STREAM);
    peer_connect(p, &tcp);
    peer_send(p, "MESSAGE sip:juliet@example.com SIP/2.0\r\n" TCP_VIA PARTIES);
    for (size_t n = 0; n < SIP_HEAD_MAX && !p->closed; n += 1024) {
        char line[1025];

        snprintf(line, sizeof(line), "X: %01019d\r\n", 1);
        if (send(p->fd, line, 1024, MSG_NOSIGNAL) < 0)
            break;
        p->want = 0;
        run_until(f, has_got, p, WAIT_MS);
    }
    assert_true(run_until(f, is_closed, p, WAIT_MS));
    assert_memory_equal(p->got, "SIP/2.0 513 ", 12);
    peer_free(p);
    fake_free(f);
}

static void STOX_SIP_07_other_version(void **state)
{
    struct fake *f = fake_new(NULL);

    fake_take(f, SIP_UDP, "192.0.2.9",
              "MESSAGE sip:juliet@example.com SIP/7.0\r\n" TCP_VIA PARTIES "Content-Length: 0\r\n\r\n");
    assert_int_equal(fake_status(f, 0), 505);
    fake_free(f);
}

static void STOX_SIP_08_response_with_two_vias_is_dropped(void **state)
{
    struct fake *f = fake_new(NULL);

    fake_request_out(f, SIP_UDP, "192.0.2.9:5060", NULL, "Hi");
    fake_answer(f, 0, 200, "Via: SIP/2.0/UDP other.example.net;branch=z9hG4bKother\r\n");
    assert_int_equal(f->n_done, 0);
    fake_answer(f, 0, 200, NULL);
    assert_int_equal(f->n_done, 1);
    fake_free(f);
}

static void STOX_SIP_09_double_crlf_gets_a_pong(void **state)
{
    struct addr udp, tcp;
    struct fake *f = start(NULL, &udp, &tcp);
    struct peer *p = peer_new(SOCK_STREAM);

    peer_connect(p, &tcp);
    peer_send(p, "\r\n\r\n");
    p->want = 2;
    assert_true(run_until(f, has_got, p, WAIT_MS));
    assert_string_equal(p->got, "\r\n");
    peer_send(p, "\r\n");
    peer_send(p, FAKE(.method = "OPTIONS"));
    p->want_messages = 1;
    assert_true(run_until(f, has_got, p, WAIT_MS));
    assert_memory_equal(p->got, "\r\nSIP/2.0 200 OK\r\n", 18);
    peer_free(p);
    fake_free(f);
}

/* Each request has all the faults of those behind it. */
static void STOX_SIP_10_inspection_order(void **state)
{
    const char *tel = "tel:1", *far = "sip:juliet@elsewhere.example", *require = "Require: foo\r\n";
    const char *known = "<sip:juliet@example.com>;tag=1";
    struct fake *f;

    assert_int_equal(VERDICT(.method = "SUBSCRIBE", .uri = tel, .more = require, .to = known), 405);
    assert_int_equal(VERDICT(.method = "WHATEVER", .uri = tel, .more = require, .to = known), 501);
    assert_int_equal(VERDICT(.uri = tel, .more = require, .to = known), 416);
    assert_int_equal(VERDICT(.uri = far, .more = require, .to = known), 404);
    assert_int_equal(VERDICT(.more = require, .to = known), 420);
    assert_int_equal(VERDICT(.to = known), 481);
    assert_int_equal(VERDICT(0), 1); /* content is for those who know it */

    f = fake_new(NULL);
    fake_take(f, SIP_UDP, "192.0.2.9", FAKE(0));
    fake_take(f, SIP_UDP, "192.0.2.8", FAKE(.via = "Via: SIP/2.0/UDP 192.0.2.8;branch=z9hG4bKb", .more = require));
    assert_int_equal(fake_status(f, 0), 482);
    fake_take(f, SIP_UDP, "192.0.2.8", FAKE(.via = "Via: SIP/2.0/UDP 192.0.2.8;branch=z9hG4bKc", .uri = far));
    assert_int_equal(fake_status(f, 1), 404);
    fake_free(f);
}

static void STOX_SIP_11_allow_lists_what_is_implemented(void **state)
{
    static const char *const methods[] = { "OPTIONS", "INVITE", "WHATEVER" };

    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        struct fake *f = fake_new(NULL);

        fake_take(f, SIP_UDP, "192.0.2.9", FAKE(.method = methods[i]));
        assert_true(fake_has(fake_last(f), "\r\nAllow: OPTIONS, MESSAGE\r\n"));
        fake_free(f);
    }
}

static void STOX_SIP_12_options(void **state)
{
    struct fake *f = fake_new(NULL);

    fake_take(f, SIP_UDP, "192.0.2.9", FAKE(.method = "OPTIONS", .uri = "sip:example.com"));
    assert_int_equal(fake_status(f, 0), 200);
    assert_true(fake_has(fake_last(f), "\r\nAllow: OPTIONS, MESSAGE\r\n"));
    assert_true(fake_has(fake_last(f), "\r\nAccept: text/plain, text/html\r\n"));
    assert_true(fake_has(fake_last(f), "\r\nSupported:"));
    assert_false(fake_has(fake_last(f), "Allow-Events")); /* there is no presence yet */
    fake_free(f);
}

static void STOX_SIP_13_to_tag(void **state)
{
    struct fake *f = fake_new(NULL);
    char tag[64];

    fake_take(f, SIP_UDP, "192.0.2.9", FAKE(0));
    sip_respond(f->txns[0], 480, NULL, slice_of(NULL, 0));
    fake_take(f, SIP_UDP, "192.0.2.9", FAKE(0));
    assert_int_equal(f->n_sent, 2);
    assert_string_equal(f->sent[0].text, f->sent[1].text);
    assert_int_equal(sscanf(strstr(fake_last(f), "\r\nTo: "), "\r\nTo: <sip:juliet@example.com>;tag=%63[0-9a-f]", tag),
                     1);
    assert_true(strlen(tag) >= 8);
    fake_free(f);
}

static void STOX_SIP_14_copied_fields(void **state)
{
    struct fake *f = fake_new(NULL);

    f->answer_at_once = 200;
    fake_take(f, SIP_UDP, "192.0.2.9",
              FAKE(.via = "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKa1;x=%41\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKb",
                   .from = "\"R\\\"o\" <sip:%72omeo@example.net;a=b>;tag=F.1;q", .call_id = "c%(<>)@{~}",
                   .cseq = "007"));
    assert_true(fake_has(fake_last(f), "\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKa1;x=%41\r\n"
                                       "Via: SIP/2.0/TCP h;branch=z9hG4bKb\r\n"
                                       "From: \"R\\\"o\" <sip:%72omeo@example.net;a=b>;tag=F.1;q\r\n"
                                       "To: <sip:juliet@example.com>;tag="));
    assert_true(fake_has(fake_last(f), "\r\nCall-ID: c%(<>)@{~}\r\nCSeq: 007 MESSAGE\r\n"));
    fake_free(f);
}

static void STOX_SIP_15_unknown_dialog(void **state)
{
    assert_int_equal(VERDICT(.to = "<sip:juliet@example.com>;tag=t"), 481);
    assert_int_equal(VERDICT(.method = "OPTIONS", .to = "<sip:juliet@example.com>;tag=t"), 481);
    assert_int_equal(VERDICT(.method = "ACK", .to = "<sip:juliet@example.com>;tag=t"), 0);
}

static void STOX_SIP_17_ack_and_cancel(void **state)
{
    struct fake *f = fake_new(NULL);

    assert_int_equal(VERDICT(.method = "ACK"), 0);
    assert_int_equal(VERDICT(.method = "ACK", .uri = "tel:1", .cseq = "bad"), 0);
    assert_int_equal(VERDICT(.method = "CANCEL"), 481);
    assert_int_equal(VERDICT(.method = "CANCEL", .uri = "tel:1", .more = "Require: foo\r\n"), 481);
    fake_take(f, SIP_UDP, "192.0.2.9", FAKE(0));
    fake_take(f, SIP_UDP, "192.0.2.9", FAKE(.method = "CANCEL"));
    assert_int_equal(fake_status(f, 0), 200);
    fake_free(f);
}

static void STOX_SIP_18_max_forwards_0_is_served(void **state)
{
    struct fake *f = fake_new(NULL);
    char text[4096], *at;

    fake_copy(text, sizeof(text), FAKE(0));
    at = strstr(text, "Max-Forwards: 70");
    memcpy(at, "Max-Forwards: 00", 16);
    fake_take(f, SIP_UDP, "192.0.2.9", text);
    assert_int_equal(f->n_messages, 1);
    fake_free(f);
}

static void STOX_SIP_19_no_408_and_no_other_provisional(void **state)
{
    struct fake *f = fake_new(NULL);

    fake_take(f, SIP_UDP, "192.0.2.9", FAKE(0));
    sip_respond(f->txns[0], 183, NULL, slice_of(NULL, 0));
    assert_int_equal(f->n_sent, 0);
    sip_respond(f->txns[0], 408, NULL, slice_of(NULL, 0));
    assert_int_equal(f->n_sent, 1);
    assert_int_equal(fake_status(f, 0), 504);
    fake_free(f);
}

static void STOX_SIP_20_100_after_3500_ms(void **state)
{
    struct fake *f = fake_new(NULL);

    fake_take(f, SIP_UDP, "192.0.2.9", FAKE(0));
    fake_pass(f, 500);
    fake_take(f, SIP_UDP, "192.0.2.9", FAKE(0));
    fake_pass(f, 2999);
    assert_int_equal(f->n_sent, 0);
    fake_pass(f, 1);
    assert_int_equal(f->n_sent, 1);
    assert_int_equal(fake_status(f, 0), 100);
    fake_pass(f, 16500);
    sip_respond(f->txns[0], 504, NULL, slice_of(NULL, 0));
    assert_int_equal(f->n_sent, 2);
    assert_int_equal(fake_status(f, 1), 504);
    fake_free(f);
}

static void STOX_SIP_22_nothing_to_broadcast(void **state)
{
    static const char *const targets[] = { "255.255.255.255:5060", "224.0.0.1:5060", "0.0.0.0:5060", "[ff02::1]:5060" };
    struct addr udp, tcp, source;
    struct fake *f = start(NULL, &udp, &tcp);

    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        struct sip_flow flow = { .transport = SIP_UDP, .peer = fake_addr(targets[i]), .link = 1 };

        assert_false(f->sip->wire.send(f->sip, &flow, "x", 1));
    }
    fake_free(f);
    f = fake_new(NULL);
    /* A Via cannot lead an answer elsewhere than to where the request came from. */
    f->answer_at_once = 200;
    fake_take(f, SIP_UDP, "192.0.2.9:5070", FAKE(.via = "Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bKa"));
    source = fake_addr("192.0.2.9");
    assert_true(addr_same_ip(&f->sent[0].flow.peer, &source));
    fake_free(f);
}

static void STOX_SIP_30_request_headers(void **state)
{
    static const char *const lines[] = { "\r\nMax-Forwards: 70\r\n",
                                         "\r\nFrom: <sip:juliet@example.com>;tag=",
                                         "\r\nTo: <sip:romeo@example.net>\r\n",
                                         "\r\nCall-ID: ",
                                         "\r\nCSeq: 1 MESSAGE\r\n",
                                         "\r\nContent-Length: 2\r\n" };
    struct fake *f = fake_new(NULL);
    char first[64], second[64];

    fake_request_out(f, SIP_UDP, "192.0.2.9:5060", NULL, "Hi");
    fake_request_out(f, SIP_UDP, "192.0.2.9:5060", NULL, "Hi");
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        assert_true(fake_has(fake_last(f), lines[i]));
    assert_int_equal(sscanf(strstr(f->sent[0].text, ";branch="), ";branch=z9hG4bK%63[^;];rport\r", first), 1);
    assert_int_equal(sscanf(strstr(f->sent[1].text, ";branch="), ";branch=z9hG4bK%63[^;];rport\r", second), 1);
    assert_string_not_equal(first, second);
    fake_free(f);
}

/* same: it is the transaction's. Another request that is, too, is neither delivered nor confirmed. */
static void STOX_SIP_42_matching(void **state)
{
    static const struct {
        const char *via, *other_via, *other_call;
        bool same;
    } cases[] = {
        { "Via: SIP/2.0/UDP a.example;branch=z9hG4bKx", "Via: SIP/2.0/UDP a.example;branch=z9hG4bKx", "c2", true },
        { "Via: SIP/2.0/UDP a.example;branch=z9hG4bKx", "Via: SIP/2.0/UDP a.example;branch=z9hG4bKx", NULL, true },
        { "Via: SIP/2.0/UDP a.example;branch=z9hG4bKx", "Via: SIP/2.0/UDP b.example;branch=z9hG4bKx", "c2", false },
        { "Via: SIP/2.0/UDP a.example;branch=z9hG4bKx", "Via: SIP/2.0/UDP a.example;branch=z9hG4bKy", "c2", false },
        { "Via: SIP/2.0/UDP a.example", "Via: SIP/2.0/UDP a.example", NULL, true },
        { "Via: SIP/2.0/UDP a.example", "Via: SIP/2.0/UDP a.example", "c2", false },
        { "Via: SIP/2.0/UDP a.example;branch=z9hG4bK", "Via: SIP/2.0/UDP a.example;branch=z9hG4bK", "c2", false },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fake *f = fake_new(NULL);

        fake_take(f, SIP_UDP, "192.0.2.9", FAKE(.via = cases[i].via));
        fake_take(f, SIP_UDP, "192.0.2.9", FAKE(.via = cases[i].other_via, .call_id = cases[i].other_call));
        assert_int_equal(f->n_messages, cases[i].same ? 1 : 2);
        if (cases[i].same && cases[i].other_call)
            assert_int_equal(fake_status(f, 0), 400);
        else
            assert_int_equal(f->n_sent, 0);
        fake_free(f);
    }
}

static void STOX_SIP_44_late_final_response(void **state)
{
    struct fake *f = fake_new(NULL);

    fake_request_out(f, SIP_UDP, "192.0.2.9:5060", NULL, "Hi");
    fake_pass(f, 32000);
    assert_int_equal(f->n_done, 1);
    assert_int_equal(f->no_answer, SIP_TIMED_OUT);
    fake_answer(f, 0, 480, NULL);
    assert_int_equal(f->n_done, 1);
    fake_free(f);
}

static void STOX_SIP_51_never_over_1300_bytes_on_udp(void **state)
{
    struct fake *f = fake_new(NULL);
    char body[1301];

    memset(body, 'x', sizeof(body));
    body[1300] = '\0';
    assert_null(fake_request_out(f, SIP_UDP, "192.0.2.9:5060", NULL, body));
    assert_non_null(fake_request_out(f, SIP_TCP, "192.0.2.9:5060", NULL, body));
    assert_int_equal(f->n_sent, 1);
    fake_free(f);
}

static void STOX_SIP_53_one_destination(void **state)
{
    struct fake *f = fake_new(NULL);

    fake_request_out(f, SIP_UDP, "192.0.2.9:5060", NULL, "Hi");
    fake_pass(f, 31999);
    assert_int_equal(f->n_sent, 11);
    for (size_t i = 0; i < f->n_sent; i++)
        assert_true(addr_eq(&f->sent[i].flow.peer, &f->sent[0].flow.peer));
    fake_free(f);
}

static void STOX_SIP_55_connections_are_used_again(void **state)
{
    struct addr udp, tcp;
    struct fake *f = start(NULL, &udp, &tcp);
    struct peer *listener = peer_new(SOCK_STREAM), *p = calloc(1, sizeof(*p));
    char to[ADDR_TEXT];

    assert_non_null(p);
    assert_int_equal(listen(listener->fd, 5), 0);
    addr_text(&listener->local, to);
    for (unsigned i = 0; i < 3; i++) {
        f->n_done = 0;
        fake_request_out(f, SIP_TCP, to, NULL, "Hi");
        if (i == 0)
            p->fd = accept(listener->fd, NULL, NULL);
        p->want_messages = i + 1;
        assert_true(run_until(f, has_got, p, WAIT_MS));
        peer_answers(p, NULL, i);
        assert_true(run_until(f, is_done, f, WAIT_MS));
        assert_int_equal(sip_counters(f->sip)->conns, 1);
    }
    peer_free(p);
    peer_free(listener);
    fake_free(f);
}

static void STOX_SIP_57_lost_connection(void **state)
{
    struct fake *f = fake_new(NULL);
    struct sip_target target = { .transport = SIP_TCP, .addr = fake_addr("192.0.2.9:5060") };
    struct sip_flow flow = { .transport = SIP_TCP, .peer = target.addr, .link = 8 };

    fake_request_out(f, SIP_TCP, "192.0.2.9:5060", NULL, "Hi");
    sip_clients_down(&f->sip->clients, &target);
    sip_clients_up(&f->sip->clients, &target, &flow);
    fake_pass(f, 31999);
    assert_int_equal(f->n_sent, 1);
    assert_int_equal(f->n_done, 0);
    fake_pass(f, 1);
    assert_int_equal(f->n_done, 1);
    assert_int_equal(f->no_answer, SIP_TIMED_OUT);
    fake_free(f);
}

static void STOX_SIP_60_only_the_configured_name(void **state)
{
    struct addr udp, tcp;
    struct fake *f = start(NULL, &udp, &tcp);
    struct peer *p = peer_new(SOCK_DGRAM);
    char to[ADDR_TEXT];

    fake_request_out(f, SIP_UDP, addr_text(&p->local, to), NULL, "Hi");
    p->want_messages = 1;
    assert_true(run_until(f, has_got, p, WAIT_MS));
    assert_true(fake_has(p->got, "\r\nVia: SIP/2.0/UDP gw.example.net:"));
    assert_false(fake_has(p->got, "127.0.0.1"));
    peer_free(p);
    fake_free(f);
}

static bool all_in(void *arg)
{
    return ((struct fake *)arg)->n_messages == 2;
}

static bool no_conns(void *arg)
{
    return ((struct fake *)arg)->sip->counters.conns == 0;
}

/* RFC 3261 18.2.2: its connection is gone, so a new one goes to where the request came from, at the port of Via. */
static void STOX_SIP_54_a_response_whose_connection_is_gone(void **state)
{
    struct addr udp, tcp;
    struct fake *f = start(NULL, &udp, &tcp);
    struct peer *p = peer_new(SOCK_STREAM), *back = peer_new(SOCK_STREAM);
    int server = back->fd;

    assert_int_equal(listen(server, 4), 0);
    peer_connect(p, &tcp);
    for (unsigned i = 0; i < 2; i++) {
        char via[100], call[20];

        snprintf(via, sizeof(via), "Via: SIP/2.0/TCP elsewhere.example:%u;branch=z9hG4bKb%u", addr_port(&back->local),
                 i);
        snprintf(call, sizeof(call), "call%u", i);
        peer_send(p, FAKE(.via = via, .call_id = call));
    }
    assert_true(run_until(f, all_in, f, WAIT_MS));
    close(p->fd);
    p->fd = -1;
    assert_true(run_until(f, no_conns, f, WAIT_MS));
    sip_respond(f->txns[0], 200, NULL, slice_of(NULL, 0));
    sip_respond(f->txns[1], 404, NULL, slice_of(NULL, 0));
    assert_int_equal(f->sip->counters.conns, 1); /* one for both */
    back->fd = accept(server, NULL, NULL);
    assert_true(back->fd >= 0);
    close(server);
    back->want_messages = 2;
    assert_true(run_until(f, has_got, back, WAIT_MS));
    assert_true(fake_has(back->got, "SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP elsewhere.example"));
    assert_true(fake_has(back->got, ";branch=z9hG4bKb0;received=127.0.0.1"));
    assert_true(fake_has(back->got, "SIP/2.0 404 "));
    peer_free(p);
    peer_free(back);
    fake_free(f);
}

static bool has_more(void *arg)
{
    struct peer *p = arg;

    peer_read(p);
    return p->n_got >= p->want;
}

static bool has_pong(void *arg)
{
    struct sip *sip = ((struct fake *)arg)->sip;

    return container_of(sip->transports.streams.next, struct sip_stream, link)->pongs;
}

/* The ping timer of the only stream fires, as it would after so many milliseconds. */
static void time_for_ping(struct fake *f, uint64_t due_ms)
{
    struct sip_stream *s = container_of(f->sip->transports.streams.next, struct sip_stream, link);

    assert_true(timer_running(&s->ping));
    assert_in_range(s->ping.due_ms, loop_now(&f->loop) + due_ms - 5000, loop_now(&f->loop) + due_ms);
    timer_stop(&f->loop.timers, &s->ping);
    s->ping.fire(&s->ping);
}

/* RFC 5626 4.4.1: two line ends every minute; who has answered once has to go on doing so. */
static void STOX_SIP_58_keep_alives_on_our_connections(void **state)
{
    struct addr udp, tcp;
    struct fake *f = start(NULL, &udp, &tcp);
    struct peer *p = peer_new(SOCK_STREAM);
    int server = p->fd;
    char at[ADDR_TEXT];

    assert_int_equal(listen(server, 4), 0);
    assert_non_null(fake_request_out(f, SIP_TCP, addr_text(&p->local, at), NULL, "Hi"));
    p->fd = accept(server, NULL, NULL);
    close(server);
    p->want_messages = 1;
    assert_true(run_until(f, has_got, p, WAIT_MS));
    p->want = p->n_got + 4;
    time_for_ping(f, SIP_KEEP_MS);
    assert_true(run_until(f, has_more, p, WAIT_MS));
    assert_string_equal(p->got + p->want - 4, "\r\n\r\n");
    peer_send(p, "\r\n"); /* its pong */
    assert_true(run_until(f, has_pong, f, WAIT_MS));
    p->want += 4;
    time_for_ping(f, SIP_KEEP_MS);
    assert_true(run_until(f, has_more, p, WAIT_MS));
    assert_int_equal(p->n_got, p->want); /* the pong was answered by nothing */
    time_for_ping(f, SIP_PONG_MS);
    assert_true(run_until(f, is_closed, p, WAIT_MS));
    peer_free(p);
    fake_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(STOX_SIP_05_framing_error_closes),
        cmocka_unit_test(STOX_SIP_06_size_cap_on_streams),
        cmocka_unit_test(STOX_SIP_07_other_version),
        cmocka_unit_test(STOX_SIP_08_response_with_two_vias_is_dropped),
        cmocka_unit_test(STOX_SIP_09_double_crlf_gets_a_pong),
        cmocka_unit_test(STOX_SIP_10_inspection_order),
        cmocka_unit_test(STOX_SIP_11_allow_lists_what_is_implemented),
        cmocka_unit_test(STOX_SIP_12_options),
        cmocka_unit_test(STOX_SIP_13_to_tag),
        cmocka_unit_test(STOX_SIP_14_copied_fields),
        cmocka_unit_test(STOX_SIP_15_unknown_dialog),
        cmocka_unit_test(STOX_SIP_17_ack_and_cancel),
        cmocka_unit_test(STOX_SIP_18_max_forwards_0_is_served),
        cmocka_unit_test(STOX_SIP_19_no_408_and_no_other_provisional),
        cmocka_unit_test(STOX_SIP_20_100_after_3500_ms),
        cmocka_unit_test(STOX_SIP_22_nothing_to_broadcast),
        cmocka_unit_test(STOX_SIP_30_request_headers),
        cmocka_unit_test(STOX_SIP_42_matching),
        cmocka_unit_test(STOX_SIP_44_late_final_response),
        cmocka_unit_test(STOX_SIP_51_never_over_1300_bytes_on_udp),
        cmocka_unit_test(STOX_SIP_53_one_destination),
        cmocka_unit_test(STOX_SIP_54_a_response_whose_connection_is_gone),
        cmocka_unit_test(STOX_SIP_55_connections_are_used_again),
        cmocka_unit_test(STOX_SIP_57_lost_connection),
        cmocka_unit_test(STOX_SIP_58_keep_alives_on_our_connections),
        cmocka_unit_test(STOX_SIP_60_only_the_configured_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
