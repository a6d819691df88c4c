/*
 * Catalogue sections 5 and 12: what the SIP stack decides about INVITE sessions by itself. The sequences in all their cases are
 * in tests/unit/sip; here is what each requirement asks for.
 */
#include "../unit/sip/call.h"
#include "../unit/sip/peer.h"

#define INVITE_COMES                                                                                                   \
    {                                                                                                                  \
        .method = "INVITE", .events = "invite", .sent = "100"                                                          \
    }

static void STOX_SIP_32_one_contact_in_invite_and_2xx(void **state)
{
    static const struct call_step steps[] = { INVITE_COMES, { .act = ACCEPT, .sent = "200" } };
    struct call *c = call_new(NULL);

    CALL_STEPS(c, steps);
    assert_int_equal(count(fake_last(c->f), "\r\nContact: "), 1);
    call_free(c);
    c = call_new(NULL);
    call_acts(c, &(struct call_step){ .act = INVITE });
    assert_int_equal(count(fake_last(c->f), "\r\nContact: <sip:juliet@gw.example.net:5060>\r\n"), 1);
    assert_int_equal(count(fake_last(c->f), "\r\nContact: "), 1);
    call_free(c);
}

static bool has_ended(void *arg)
{
    return fake_has(((struct call *)arg)->events, "ended=bye");
}

/* The INVITE goes to the domain; the BYE goes to the address in the Contact of the 200, and arrives. */
static void STOX_SIP_33_in_dialog_requests_reach_our_contact(void **state)
{
    static const int types[] = { SOCK_DGRAM, SOCK_STREAM };

    for (size_t i = 0; i < 2; i++) {
        const char *name = types[i] == SOCK_DGRAM ? "UDP" : "TCP";
        struct call c = { .at_once = 200, .describes = 200 };
        struct sip_conf conf = call_conf();
        struct addr udp, tcp, contact;
        struct peer *p = peer_new(types[i]), *second = peer_new(types[i]);
        char text[1024], uri[128], tag[32], host[64];

        conf.host = SLICE("127.0.0.1");
        c.f = start(&conf, &udp, &tcp);
        c.f->call = &c;
        peer_connect(p, types[i] == SOCK_DGRAM ? &udp : &tcp);
        snprintf(text, sizeof(text),
                 "INVITE sip:juliet@example.com SIP/2.0\r\nVia: SIP/2.0/%s 127.0.0.1;branch=z9hG4bKi;rport\r\n"
                 "From: <sip:romeo@example.net>;tag=f1\r\nTo: <sip:juliet@example.com>\r\nCall-ID: c\r\n"
                 "CSeq: 1 INVITE\r\nContact: <sip:romeo@127.0.0.1:9>\r\nContent-Length: 0\r\n\r\n",
                 name);
        peer_send(p, text);
        p->want_messages = 1;
        assert_true(run_until(c.f, has_got, p, WAIT_MS));
        assert_int_equal(sscanf(strstr(p->got, "\r\nContact: <"), "\r\nContact: <%127[^>]>", uri), 1);
        assert_int_equal(sscanf(strstr(p->got, "\r\nTo: "), "\r\nTo: <sip:juliet@example.com>;tag=%31s", tag), 1);
        assert_int_equal(sscanf(uri, "sip:juliet@%63[0-9.:]", host), 1);
        assert_true(addr_parse(slice_str(host), 5060, &contact));
        peer_connect(second, &contact);
        snprintf(text, sizeof(text),
                 "BYE %s SIP/2.0\r\nVia: SIP/2.0/%s 127.0.0.1;branch=z9hG4bKb;rport\r\n"
                 "From: <sip:romeo@example.net>;tag=f1\r\nTo: <sip:juliet@example.com>;tag=%s\r\nCall-ID: c\r\n"
                 "CSeq: 2 BYE\r\nContent-Length: 0\r\n\r\n",
                 uri, name, tag);
        peer_send(second, text);
        assert_true(run_until(c.f, has_ended, &c, WAIT_MS));
        peer_free(second);
        peer_free(p);
        fake_free(c.f);
    }
}

static void STOX_SIP_37_route_set_and_target_refresh(void **state)
{
    static const struct call_step loose[] = {
        { .act = SEND, .sent = "MESSAGE", .has = "MESSAGE sip:romeo@192.0.2.9:5070 SIP/2.0\r\n" },
        { .method = "UPDATE", .cseq = "2", .more = "Contact: <sip:new@192.0.2.1>\r\n", .sent = "200/UPDATE" },
        { .act = SEND, .sent = "MESSAGE", .has = "\r\nRoute: <sip:a.example;lr>, <sip:b.example>\r\n" },
        { .act = END, .sent = "BYE", .has = "BYE sip:new@192.0.2.1 SIP/2.0\r\n" },
    };
    static const struct call_step strict[] = {
        { .act = SEND, .sent = "MESSAGE", .has = "MESSAGE sip:b.example SIP/2.0\r\n" },
        { .method = "INVITE", .to = "=", .cseq = "2", .more = "Contact: <sip:new@192.0.2.1>\r\n", .sent = "200" },
        { .method = "ACK", .cseq = "2" },
        { .act = END, .sent = "BYE", .has = "\r\nRoute: <sip:a.example;lr>, <sip:new@192.0.2.1>\r\n" },
    };
    struct call *c = call_in(NULL, "Record-Route: <sip:a.example;lr>, <sip:b.example>\r\n");

    CALL_STEPS(c, loose);
    call_free(c);
    c = call_out(NULL, "Record-Route: <sip:a.example;lr>, <sip:b.example>\r\n"); /* in reverse */
    CALL_STEPS(c, strict);
    call_free(c);
}

static void STOX_SIP_40_timers_of_invite(void **state)
{
    static const struct call_step client[] = {
        { .act = INVITE, .sent = "INVITE" },
        { .pass = 31500, .sent = "INVITE INVITE INVITE INVITE INVITE INVITE" }, /* A: T1, doubling */
        { .pass = 500, .events = "ended=timed-out" },                           /* B: 64*T1 */
    };
    static const struct call_step client_refused[] = {
        { .act = INVITE, .sent = "INVITE" },
        { .status = 486, .events = "ended=refused", .sent = "ACK" },
        { .pass = 31999 },
        { .status = 486, .sent = "ACK" }, /* D: 32 s */
        { .pass = 1 },
        { .status = 486 },
    };
    static const struct call_step server[] = {
        INVITE_COMES,
        { .method = "INVITE", .sent = "100" },
        { .act = REFUSE, .arg = 486, .sent = "486" },
        { .pass = 15500, .sent = "486 486 486 486 486 486" }, /* G: T1, doubling up to T2 */
        { .method = "ACK", .branch = "INVITE1" },             /* absorbed; I: T4 */
        { .pass = 4999 },
        { .method = "INVITE" },
        { .pass = 1 },
    };
    static const struct call_step never_acked[] = {
        INVITE_COMES,
        { .act = REFUSE, .arg = 486, .sent = "486" },
        { .pass = 32000, .sent = "486 486 486 486 486 486 486 486 486 486" }, /* H: 64*T1 */
        { .pass = 60000 },
    };

    CALL_RUN(client);
    CALL_RUN(client_refused);
    CALL_RUN(server);
    CALL_RUN(never_acked);
}

static void STOX_SIP_41_accepted_state(void **state)
{
    static const struct call_step server[] = {
        INVITE_COMES,
        { .act = ACCEPT, .sent = "200" },
        { .method = "INVITE" },         /* absorbed: not answered by the transaction */
        { .pass = 500, .sent = "200" }, /* but by the core, in its time */
        { .method = "ACK", .events = "confirmed" },
        { .method = "INVITE" },
        { .pass = 31500 },
    };
    static const struct call_step client[] = {
        { .act = INVITE, .sent = "INVITE" },
        { .status = 200, .events = "answered", .sent = "ACK" },
        { .pass = 31999 },
        { .status = 200, .sent = "ACK" },
        { .status = 500 }, /* a stray one */
        { .pass = 1 },     /* Timer M */
        { .status = 200 },
    };
    struct call *c;

    CALL_RUN(server);
    c = call_new(NULL);
    CALL_STEPS(c, client);
    assert_int_equal(sip_counters(c->f->sip)->dropped_stray_response, 1);
    call_free(c);
}

/* ACK and CANCEL find their INVITE by branch and sent-by, or by the rule of RFC 2543. */
static void STOX_SIP_42_ack_and_cancel_match_their_invite(void **state)
{
    static const struct {
        const char *invite, *other;
        bool same;
    } cases[] = {
        { "Via: SIP/2.0/UDP a.example;branch=z9hG4bKx", "Via: SIP/2.0/UDP A.EXAMPLE;branch=z9hG4bKx", true },
        { "Via: SIP/2.0/UDP a.example;branch=z9hG4bKx", "Via: SIP/2.0/UDP a.example;branch=z9hG4bKy", false },
        { "Via: SIP/2.0/UDP a.example;branch=z9hG4bKx", "Via: SIP/2.0/UDP a.example;branch=z9hG4bKX", false },
        { "Via: SIP/2.0/UDP a.example;branch=z9hG4bKx", "Via: SIP/2.0/UDP b.example;branch=z9hG4bKx", false },
        { "Via: SIP/2.0/UDP a.example;branch=z9hG4bKx", "Via: SIP/2.0/UDP a.example:5061;branch=z9hG4bKx", false },
        { "Via: SIP/2.0/UDP a.example", "Via: SIP/2.0/UDP a.example", true },
        { "Via: SIP/2.0/UDP a.example;branch=1", "Via: SIP/2.0/UDP a.example;branch=1", true },
        { "Via: SIP/2.0/UDP a.example", "Via: SIP/2.0/UDP b.example", false },
    };

    for (size_t i = 0; i < N_OF(cases); i++) {
        const struct call_step acked[] = {
            { .method = "INVITE", .via = cases[i].invite, .events = "invite", .sent = "100" },
            { .act = REFUSE, .arg = 486, .sent = "486" },
            { .method = "ACK", .via = cases[i].other },
            { .pass = 500, .sent = cases[i].same ? NULL : "486" },
        };
        const struct call_step cancelled[] = {
            { .method = "INVITE", .via = cases[i].invite, .events = "invite", .sent = "100" },
            { .method = "CANCEL",
              .via = cases[i].other,
              .events = cases[i].same ? "ended=cancelled" : NULL,
              .sent = cases[i].same ? "200/CANCEL 487" : "481/CANCEL" },
        };

        CALL_RUN(acked);
        CALL_RUN(cancelled);
    }
}

/* By the branch alone an ACK is the INVITE's; another INVITE and a CANCEL of another one are refused, and touch nothing. */
static void STOX_SIP_42_another_request_with_the_branch(void **state)
{
    static const char via[] = "Via: SIP/2.0/UDP a.example;branch=z9hG4bKx";
    static const struct call_step waiting[] = {
        { .method = "INVITE", .via = via, .events = "invite", .sent = "100" },
        { .method = "INVITE", .via = via, .tag = "f2", .sent = "400", .has = "another request" },
        { .method = "INVITE", .via = via, .cseq = "2", .sent = "400" },
        { .method = "CANCEL", .via = via, .tag = "f2", .sent = "400/CANCEL" },
        { .method = "CANCEL", .via = via, .cseq = "2", .sent = "400/CANCEL" },
        { .method = "INVITE", .via = via, .sent = "100" },
        { .method = "CANCEL", .via = via, .events = "ended=cancelled", .sent = "200/CANCEL 487" },
    };
    static const struct call_step refused[] = {
        { .method = "INVITE", .via = via, .events = "invite", .sent = "100" },
        { .act = REFUSE, .arg = 486, .sent = "486" },
        { .method = "INVITE", .via = via, .tag = "f2", .sent = "400" },
        { .method = "INVITE", .via = via, .sent = "486" },
        { .method = "ACK", .via = via, .tag = "f2" },
        { .pass = 4999 }, /* not repeated */
        { .pass = 1 },    /* Timer I: the branch is free */
        { .method = "INVITE", .via = via, .tag = "f2", .events = "invite", .sent = "100" },
    };
    static const struct call_step accepted[] = {
        { .method = "INVITE", .via = via, .events = "invite", .sent = "100" },
        { .act = ACCEPT, .sent = "200" },
        { .method = "INVITE", .via = via, .tag = "f2", .sent = "400" },
        { .method = "ACK", .events = "confirmed" },
    };

    CALL_RUN(waiting);
    CALL_RUN(refused);
    CALL_RUN(accepted);
}

static void STOX_SIP_43_ack_by_transaction_and_by_core(void **state)
{
    static const struct call_step failure[] = {
        { .act = INVITE, .sent = "INVITE" },
        { .status = 404,
          .more = "Record-Route: <sip:a.example;lr>\r\n",
          .events = "ended=refused",
          .sent = "ACK",
          .has = "ACK sip:romeo@example.net SIP/2.0\r\n",
          .has_not = "\r\nRoute:" },
    };
    static const struct call_step success[] = {
        { .act = INVITE, .sent = "INVITE" },
        { .status = 200,
          .more = "Record-Route: <sip:a.example;lr>\r\n",
          .events = "answered",
          .sent = "ACK",
          .has = "ACK sip:romeo@192.0.2.9:5070 SIP/2.0\r\n" },
    };
    struct call *c = call_new(NULL);
    char invite[160], ack[160];

    CALL_STEPS(c, failure);
    call_line(c->f->sent[0].text, "\r\nVia: ", invite, sizeof(invite));
    call_line(fake_last(c->f), "\r\nVia: ", ack, sizeof(ack));
    assert_string_equal(invite, ack);
    call_free(c);
    c = call_new(NULL);
    CALL_STEPS(c, success);
    assert_true(fake_has(fake_last(c->f), "\r\nRoute: <sip:a.example;lr>\r\n"));
    call_line(c->f->sent[0].text, "\r\nVia: ", invite, sizeof(invite));
    call_line(fake_last(c->f), "\r\nVia: ", ack, sizeof(ack));
    assert_string_not_equal(invite, ack);
    call_free(c);
}

/* Whatever target the dialog has meanwhile. */
static void STOX_SIP_53_cancel_and_ack_follow_their_invite(void **state)
{
    static const struct call_step steps[] = {
        { .act = INVITE, .sent = "INVITE" },
        { .status = 180, .events = "progress=180" },
        { .act = SET_TARGET, .text = "192.0.2.55:5099" },
        { .act = CANCEL, .sent = "CANCEL" },
        { .pass = 500, .sent = "CANCEL" },
        { .status = 487, .events = "ended=refused", .sent = "ACK" },
    };
    struct call *c = call_new(NULL);

    CALL_STEPS(c, steps);
    for (size_t i = 1; i < c->f->n_sent; i++)
        assert_true(addr_eq(&c->f->sent[i].flow.peer, &c->f->sent[0].flow.peer));
    call_free(c);
}

static void STOX_SES_42_reinvite_update_and_session_timer(void **state)
{
    static const struct call_step steps[] = {
        { .method = "INVITE", .to = "=", .cseq = "2", .body = CALL_SDP, .sent = "200", .has = "\r\n\r\n" CALL_SDP },
        { .method = "ACK", .cseq = "2" },
        { .method = "UPDATE", .cseq = "3", .body = CALL_SDP, .sent = "200/UPDATE", .has = "\r\n\r\n" CALL_SDP },
        { .method = "UPDATE",
          .cseq = "4",
          .more = "Require: timer\r\nSession-Expires: 600;refresher=uas\r\n",
          .sent = "200/UPDATE",
          .has = "\r\nSession-Expires: 600;refresher=uas\r\nRequire: timer\r\n" },
        { .pass = 300000, .sent = "INVITE", .has = "\r\n\r\n" CALL_SDP },
        { .status = 200, .more = "Session-Expires: 600;refresher=uas\r\n", .sent = "ACK" },
        { .pass = 567999 },
        { .pass = 1, .events = "ended=expired", .sent = "BYE" },
    };
    struct call *c = call_in(NULL, NULL);

    CALL_STEPS(c, steps);
    call_free(c);
}

static void STOX_SES_43_invite_machine_of_sessions(void **state)
{
    static const struct call_step never_acked[] = {
        INVITE_COMES,
        { .act = ACCEPT, .sent = "200" },
        { .pass = 15500, .sent = "200 200 200 200 200 200" },
        { .pass = 16500, .events = "ended=no-ack", .sent = "200 200 200 200 BYE" },
    };
    static const struct call_step cancelled[] = {
        INVITE_COMES,
        { .method = "CANCEL", .events = "ended=cancelled", .sent = "200/CANCEL 487" },
    };
    static const struct call_step prack_from_us[] = {
        { .act = INVITE, .sent = "INVITE" },
        { .status = 183,
          .more = "Require: 100rel\r\nRSeq: 5\r\n",
          .events = "progress=183",
          .sent = "PRACK",
          .has = "\r\nRAck: 5 1 INVITE\r\n" },
        { .status = 200, .events = "answered", .sent = "ACK" },
    };
    static const struct call_step prack_to_us[] = {
        { .method = "INVITE", .more = "Require: 100rel\r\n", .events = "invite", .sent = "100" },
        { .act = RING, .sent = "180", .has = "\r\nRSeq: " },
        { .pass = 500, .sent = "180" },
    };
    struct call *c;
    char more[64];
    unsigned rseq;

    CALL_RUN(never_acked);
    CALL_RUN(cancelled);
    CALL_RUN(prack_from_us);
    c = call_new(NULL);
    CALL_STEPS(c, prack_to_us);
    assert_int_equal(sscanf(strstr(fake_last(c->f), "RSeq: "), "RSeq: %u", &rseq), 1);
    snprintf(more, sizeof(more), "RAck: %u 1 INVITE\r\n", rseq);
    {
        const struct call_step pracked[] = {
            { .method = "PRACK", .cseq = "2", .more = more, .sent = "200/PRACK" },
            { .pass = 60000 },
        };

        CALL_STEPS(c, pracked);
    }
    call_free(c);
}

static void STOX_SES_46_forked_invite(void **state)
{
    static const struct call_step steps[] = {
        { .act = INVITE, .sent = "INVITE" },
        { .status = 200, .to = "one", .events = "answered", .sent = "ACK", .has = ";tag=one\r\n" },
        { .status = 200, .to = "two", .sent = "ACK BYE", .has = ";tag=two\r\n" },
        { .status = 200, .to = "three", .sent = "ACK BYE", .has = ";tag=three\r\n" },
        { .status = 200, .to = "one", .sent = "ACK", .has = ";tag=one\r\n" },
        { .act = SEND, .sent = "MESSAGE", .has = ";tag=one\r\n" },
    };

    CALL_RUN(steps);
}

/* RFC 3261 13.3.1: the caller says how long he waits. */
static void the_callers_patience(void **state)
{
    static const struct call_step over[] = {
        { .method = "INVITE", .more = "Expires: 5\r\n", .events = "invite", .sent = "100" },
        { .act = RING, .sent = "180" },
        { .pass = 4999 },
        { .pass = 1, .events = "ended=cancelled", .sent = "487" },
        { .method = "ACK", .to = "=" },
    };
    static const struct call_step in_time[] = {
        { .method = "INVITE", .more = "Expires: 5\r\n", .events = "invite", .sent = "100" },
        { .pass = 4999 },
        { .act = ACCEPT, .sent = "200" },
        { .method = "ACK", .events = "confirmed" },
        { .pass = 100000 },
        { .act = SEND, .sent = "MESSAGE" },
    };
    static const struct call_step unreadable[] = {
        { .method = "INVITE", .more = "Expires: soon\r\n", .events = "invite", .sent = "100" },
        { .pass = 100000 },
        { .act = ACCEPT, .sent = "200" },
    };

    CALL_RUN(over);
    CALL_RUN(in_time);
    CALL_RUN(unreadable);
}

static void STOX_SIP_16_the_order_of_CSeq(void **state)
{
    static const struct call_step steps[] = {
        { .method = "MESSAGE", .cseq = "5", .events = "request=MESSAGE" },
        { .act = RESPOND, .sent = "200/MESSAGE" },
        { .method = "MESSAGE", .cseq = "5", .sent = "200/MESSAGE" }, /* doubled */
        { .method = "MESSAGE", .cseq = "4", .sent = "500/MESSAGE" },
        { .method = "MESSAGE", .cseq = "4", .sent = "500/MESSAGE" },
        { .method = "INFO", .cseq = "5", .sent = "500/INFO" },
        { .method = "INVITE", .to = "=", .cseq = "3", .sent = "500" },
        { .method = "BYE", .cseq = "1", .sent = "500/BYE" },
        { .method = "INFO", .cseq = "4294967295", .events = "request=INFO" }, /* gaps are none of our business */
        { .act = RESPOND, .sent = "200/INFO" },
        { .method = "BYE", .cseq = "0", .sent = "500/BYE" },
    };
    struct call *c = call_in(NULL, NULL);

    CALL_STEPS(c, steps);
    call_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(STOX_SIP_16_the_order_of_CSeq),
        cmocka_unit_test(the_callers_patience),
        cmocka_unit_test(STOX_SIP_32_one_contact_in_invite_and_2xx),
        cmocka_unit_test(STOX_SIP_33_in_dialog_requests_reach_our_contact),
        cmocka_unit_test(STOX_SIP_37_route_set_and_target_refresh),
        cmocka_unit_test(STOX_SIP_40_timers_of_invite),
        cmocka_unit_test(STOX_SIP_41_accepted_state),
        cmocka_unit_test(STOX_SIP_42_ack_and_cancel_match_their_invite),
        cmocka_unit_test(STOX_SIP_42_another_request_with_the_branch),
        cmocka_unit_test(STOX_SIP_43_ack_by_transaction_and_by_core),
        cmocka_unit_test(STOX_SIP_53_cancel_and_ack_follow_their_invite),
        cmocka_unit_test(STOX_SES_42_reinvite_update_and_session_timer),
        cmocka_unit_test(STOX_SES_43_invite_machine_of_sessions),
        cmocka_unit_test(STOX_SES_46_forked_invite),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
