/* Dialogs: RFC 3261 12, 13.3, 14, 15; RFC 3311; what belongs to them, in which order, and where their requests go. */
#include "call.h"

#define RR(uris) "Record-Route: " uris "\r\n"

/* Where our requests go: 12.1.1, 12.2.1.1. */
static void routes_of_the_callee(void **state)
{
    static const struct {
        const char *more, *uri, *route;
    } cases[] = {
        { "", "MESSAGE sip:romeo@192.0.2.9:5070 SIP/2.0\r\n", NULL },
        { RR("<sip:a.example;lr>"), "MESSAGE sip:romeo@192.0.2.9:5070 SIP/2.0\r\n",
          "\r\nRoute: <sip:a.example;lr>\r\n" },
        { RR("<sip:a.example;lr>, <sip:b.example;lr>") RR("\"C\" <sip:c.example;lr>;x=y"),
          "MESSAGE sip:romeo@192.0.2.9:5070 SIP/2.0\r\n",
          "\r\nRoute: <sip:a.example;lr>, <sip:b.example;lr>, \"C\" <sip:c.example;lr>;x=y\r\n" },
        /* a strict router */
        { RR("<sip:a.example>, <sip:b.example;lr>"), "MESSAGE sip:a.example SIP/2.0\r\n",
          "\r\nRoute: <sip:b.example;lr>, <sip:romeo@192.0.2.9:5070>\r\n" },
        { RR("<sip:a.example>"), "MESSAGE sip:a.example SIP/2.0\r\n", "\r\nRoute: <sip:romeo@192.0.2.9:5070>\r\n" },
    };

    for (size_t i = 0; i < N_OF(cases); i++) {
        struct call *c = call_in(NULL, cases[i].more);
        const struct call_step steps[] = { { .act = SEND, .sent = "MESSAGE", .has = cases[i].uri } };

        CALL_STEPS(c, steps);
        if (cases[i].route ? !fake_has(fake_last(c->f), cases[i].route) : fake_has(fake_last(c->f), "\r\nRoute:"))
            fail_msg("case %zu: %s", i, fake_last(c->f));
        call_free(c);
    }
}

/* The reverse of what the 2xx says: 12.1.2. The ACK goes that way, too. */
static void routes_of_the_caller(void **state)
{
    static const struct {
        const char *more, *uri, *route;
    } cases[] = {
        { RR("<sip:a.example;lr>, <sip:b.example;lr>"), " sip:romeo@192.0.2.9:5070 SIP/2.0\r\n",
          "\r\nRoute: <sip:b.example;lr>, <sip:a.example;lr>\r\n" },
        { RR("<sip:a.example;lr>") RR("<sip:b.example>"), " sip:b.example SIP/2.0\r\n",
          "\r\nRoute: <sip:a.example;lr>, <sip:romeo@192.0.2.9:5070>\r\n" },
    };

    for (size_t i = 0; i < N_OF(cases); i++) {
        struct call *c = call_out(NULL, cases[i].more);
        const struct call_step steps[] = { { .act = SEND, .sent = "MESSAGE", .has = cases[i].uri } };

        for (size_t k = 0; k < 2; k++) { /* the ACK, then the MESSAGE */
            if (!fake_has(fake_last(c->f), cases[i].route) || !fake_has(fake_last(c->f), cases[i].uri))
                fail_msg("case %zu: %s", i, fake_last(c->f));
            if (!k)
                CALL_STEPS(c, steps);
        }
        call_free(c);
    }
}

/* Record-Route goes back in each answer that makes the dialog. */
static void record_route_is_repeated(void **state)
{
    static const struct call_step steps[] = {
        { .method = "INVITE",
          .more = RR("<sip:a.example;lr>, <sip:b.example;lr;x=\"y\">"),
          .events = "invite",
          .sent = "100" },
        { .act = RING,
          .sent = "180",
          .has = "\r\nRecord-Route: <sip:a.example;lr>\r\nRecord-Route: <sip:b.example;lr;x=\"y\">\r\n" },
        { .act = ACCEPT,
          .sent = "200",
          .has = "\r\nRecord-Route: <sip:a.example;lr>\r\nRecord-Route: <sip:b.example;lr;x=\"y\">\r\n" },
    };

    CALL_RUN(steps);
}

static void the_2xx_as_sent(void **state)
{
    struct call *c = call_new(NULL);
    static const struct call_step steps[] = {
        { .method = "INVITE", .events = "invite", .sent = "100" },
        { .act = ACCEPT, .sent = "200" },
    };

    CALL_STEPS(c, steps);
    assert_true(fake_has(fake_last(c->f), "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKINVITE1\r\n"
                                          "From: <sip:romeo@example.net>;tag=f1\r\n"
                                          "To: <sip:juliet@example.com>;tag="));
    assert_true(fake_has(fake_last(c->f), "\r\nContact: <sip:juliet@gw.example.net:5060>\r\n"
                                          "Allow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE, OPTIONS, MESSAGE, INFO\r\n"
                                          "Supported: timer, 100rel\r\n"
                                          "Content-Type: application/sdp\r\nContent-Length: 30\r\n\r\nv=0\r\n"));
    call_free(c);
}

static void our_contact(void **state)
{
    static const struct {
        const char *uri;
        enum sip_transport transport, target;
        const char *user, *params, *contact;
    } cases[] = {
        { "sip:juliet@example.com", SIP_UDP, SIP_UDP, "", "", "\r\nContact: <sip:juliet@gw.example.net:5060>\r\n" },
        { "sip:example.com", SIP_UDP, SIP_UDP, "", "", "\r\nContact: <sip:gw.example.net:5060>\r\n" },
        { "sip:juliet@example.com", SIP_TCP, SIP_TCP, "", "",
          "\r\nContact: <sip:juliet@gw.example.net:5060;transport=tcp>\r\n" },
        { "sip:juliet@example.com", SIP_TCP, SIP_TLS, "j%20l", ";gr=balcony",
          "\r\nContact: <sip:j%20l@gw.example.net:5060;transport=tls;gr=balcony>\r\n" },
        { "sips:juliet@example.com", SIP_TCP, SIP_TLS, "", "", "\r\nContact: <sips:juliet@gw.example.net:5060>\r\n" },
        { "sip:juliet@example.com", SIP_UDP, SIP_UDP, "a\r\nb", "",
          "\r\nContact: <sip:a  b@gw.example.net:5060>\r\n" }, /* never more than one line */
    };

    for (size_t i = 0; i < N_OF(cases); i++) {
        struct call *c = call_new(NULL);
        const struct sip_target target = { .transport = cases[i].target, .addr = fake_addr("192.0.2.9:5060") };
        struct sip_accept accept = call_accept_of(&target);

        accept.user = slice_str(cases[i].user);
        accept.params = slice_str(cases[i].params);
        call_takes(c, &(struct call_step){ .method = "INVITE", .uri = cases[i].uri, .transport = cases[i].transport });
        assert_true(sip_dialog_accept(c->d, &accept));
        if (!fake_has(fake_last(c->f), cases[i].contact))
            fail_msg("case %zu: %s", i, fake_last(c->f));
        call_free(c);
    }
}

/* What an INVITE must have before anything is kept of it. */
static void invites_that_are_refused(void **state)
{
    static const struct {
        const char *more, *sent, *has;
    } cases[] = {
        { "Contact: *\r\n", "400", NULL },
        { "X-Contact: none\r\n", "400", "SIP/2.0 400 INVITE needs one Contact with a SIP URI\r\n" },
        { CALL_CONTACT CALL_CONTACT, "400", NULL },
        { "Contact: <sip:a@b.example>, <sip:c@b.example>\r\n", "400", NULL },
        { "Contact: <mailto:a@b.example>\r\n", "400", NULL },
        { "Require: replaces, timer, 100rel\r\n", "420", "\r\nUnsupported: replaces\r\n" },
        { "Require: com.example.multiparty\r\n", "420", "\r\nUnsupported: com.example.multiparty\r\n" },
    };

    for (size_t i = 0; i < N_OF(cases); i++) {
        const struct call_step steps[] = {
            { .method = "INVITE", .more = cases[i].more, .sent = cases[i].sent, .has = cases[i].has },
            { .method = "INVITE", .more = cases[i].more, .sent = cases[i].sent, .has = cases[i].has },
            { .method = "ACK", .branch = "INVITE1" },
        };
        struct call *c = call_new(NULL);

        CALL_STEPS(c, steps);
        assert_int_equal(sip_counters(c->f->sip)->dialogs + sip_counters(c->f->sip)->invites, 0);
        call_free(c);
    }
}

static void too_much_to_keep(void **state)
{
    static const struct {
        const char *before, *after;
        size_t n;
    } cases[] = { { "Record-Route: <sip:a.example;lr;x=", ">", 4500 }, { "X-Any: ", "", 9000 } };

    for (size_t i = 0; i < N_OF(cases); i++) {
        struct call *c = call_new(NULL);
        char more[9200];

        snprintf(more, sizeof(more), "%s%0*d%s\r\n", cases[i].before, (int)cases[i].n, 1, cases[i].after);
        call_takes(c, &(struct call_step){ .method = "INVITE", .more = more });
        assert_string_equal(call_sent(c), "513");
        assert_int_equal(sip_counters(c->f->sip)->dialogs, 0);
        call_free(c);
        c = call_in(NULL, NULL);
        call_takes(c, &(struct call_step){ .method = "INVITE", .to = "=", .cseq = "2", .more = more });
        assert_string_equal(call_sent(c), i ? "513" : "200"); /* the route set stays what it was */
        call_free(c);
    }
}

static void requests_that_belong_nowhere(void **state)
{
    static const char *const methods[] = { "MESSAGE", "INFO", "UPDATE", "PRACK", "BYE", "OPTIONS" };

    for (size_t i = 0; i < N_OF(methods); i++) {
        char sent[24];
        const char *tags[] = { "0123456789abcdef", "x", "=" };
        struct call *c = call_in(NULL, NULL);

        for (size_t k = 0; k < 3; k++) {
            const struct call_step step = {
                .method = methods[i], .cseq = "9", .to = tags[k], .tag = k == 2 ? "f2" : "f1"
            };

            call_takes(c, &step);
            snprintf(sent, sizeof(sent), "481/%s", methods[i]);
            assert_string_equal(call_sent(c), sent);
        }
        if (strcmp(methods[i], "MESSAGE") && strcmp(methods[i], "OPTIONS")) {
            call_takes(c, &(struct call_step){ .method = methods[i], .cseq = "10", .to = "-" });
            assert_string_equal(call_sent(c), sent);
        }
        /* another route's source knows the tags */
        call_takes(c, &(struct call_step){ .method = methods[i], .cseq = "11", .other_route = true });
        snprintf(sent, sizeof(sent), "403/%s", methods[i]);
        assert_string_equal(call_sent(c), sent);
        /* nobody's source does */
        call_takes(c, &(struct call_step){ .method = methods[i], .cseq = "12", .stranger = true });
        assert_string_equal(call_sent(c), "");
        assert_string_equal(c->events, "");
        assert_non_null(c->d);
        call_free(c);
    }
}

/* Another port of a known source is no fault: a proxy may send from many. */
static void a_request_from_another_port(void **state)
{
    static const struct call_step steps[] = {
        { .method = "MESSAGE", .cseq = "2", .from = "192.0.2.9:44444", .events = "request=MESSAGE" },
        { .act = RESPOND, .sent = "200/MESSAGE" },
    };
    struct call *c = call_in(NULL, NULL);

    CALL_STEPS(c, steps);
    call_free(c);
}

/* What was dropped for want of room comes again, and is in order then. */
static void a_full_table(void **state)
{
    static const struct call_step full[] = {
        { .method = "MESSAGE", .cseq = "2", .events = "request=MESSAGE" },
        { .method = "MESSAGE", .cseq = "3" },
        { .method = "BYE", .cseq = "4" },
        { .act = RESPOND, .sent = "200/MESSAGE" },
        { .method = "MESSAGE", .cseq = "3", .events = "request=MESSAGE" },
        { .act = RESPOND, .sent = "200/MESSAGE" },
    };
    struct sip_conf conf = call_conf();
    struct call *c;

    conf.txns_max = 1;
    c = call_in(&conf, NULL);
    CALL_STEPS(c, full);
    assert_int_equal(sip_counters(c->f->sip)->dropped_full, 2);
    call_free(c);
}

/* As out of dialogs: 100 after 3.5 s, repetitions absorbed, the answer repeated; and it outlives the session. */
static void a_message_waits_for_its_answer(void **state)
{
    static const struct call_step steps[] = {
        { .method = "MESSAGE", .cseq = "2", .body = "Hi", .events = "request=MESSAGE" },
        { .pass = 500 },
        { .method = "MESSAGE", .cseq = "2", .body = "Hi" },
        { .pass = 3000, .sent = "100/MESSAGE" },
        { .method = "BYE", .cseq = "3", .events = "ended=bye", .sent = "200/BYE" },
        { .act = RESPOND, .arg = 504, .sent = "504/MESSAGE" },
        { .method = "MESSAGE", .cseq = "2", .body = "Hi", .sent = "504/MESSAGE" },
        { .method = "BYE", .cseq = "3", .sent = "200/BYE" },
        { .method = "BYE", .cseq = "4", .sent = "481/BYE" },
    };
    struct call *c = call_in(NULL, NULL);

    CALL_STEPS(c, steps);
    assert_int_equal(sip_counters(c->f->sip)->dialogs, 0);
    call_free(c);
}

/* Requests come as soon as the 2xx has gone, its ACK may be late. */
static void a_request_before_the_ack(void **state)
{
    static const struct call_step steps[] = {
        { .method = "INVITE", .events = "invite", .sent = "100" },
        { .method = "MESSAGE", .cseq = "2", .to = "=", .sent = "500/MESSAGE", .has = "\r\nRetry-After: 1\r\n" },
        { .method = "UPDATE", .cseq = "3", .body = CALL_SDP, .sent = "500/UPDATE" },
        { .act = ACCEPT, .sent = "200" },
        { .method = "MESSAGE", .cseq = "4", .events = "request=MESSAGE" },
        { .act = RESPOND, .sent = "200/MESSAGE" },
        { .method = "INVITE", .to = "=", .cseq = "5", .sent = "491" },
        { .method = "UPDATE", .cseq = "6", .body = CALL_SDP, .sent = "491/UPDATE" },
        { .method = "ACK", .events = "confirmed" },
    };

    CALL_RUN(steps);
}

static void what_sessions_do_not_serve(void **state)
{
    static const struct call_step steps[] = {
        { .method = "REFER", .cseq = "2", .sent = "405/REFER", .has = "\r\nAllow: INVITE, ACK, CANCEL, BYE, PRACK, " },
        { .method = "NOTIFY", .cseq = "3", .sent = "405/NOTIFY" },
        { .method = "DANCE", .cseq = "4", .sent = "501/DANCE", .has = "\r\nAllow: INVITE" },
        { .method = "MESSAGE", .cseq = "5", .more = "Require: dance\r\n", .sent = "420/MESSAGE" },
        { .method = "OPTIONS",
          .cseq = "6",
          .sent = "200/OPTIONS",
          .has = "\r\nAccept: text/plain, text/html, application/sdp\r\nSupported: timer, 100rel\r\n" },
        { .method = "INFO", .cseq = "7", .events = "request=INFO" },
        { .act = RESPOND, .sent = "200/INFO" },
    };
    struct call *c = call_in(NULL, NULL);

    CALL_STEPS(c, steps);
    call_free(c);
}

static void update_and_reinvite_get_our_description(void **state)
{
    static const struct call_step steps[] = {
        { .method = "UPDATE", .cseq = "2", .sent = "200/UPDATE", .has = "\r\nContent-Length: 0\r\n" },
        { .method = "UPDATE", .cseq = "3", .body = CALL_SDP, .sent = "200/UPDATE", .has = "\r\n\r\n" CALL_SDP },
        { .method = "UPDATE", .cseq = "3", .body = CALL_SDP, .sent = "200/UPDATE", .has = "\r\n\r\n" CALL_SDP },
        { .method = "INVITE",
          .to = "=",
          .cseq = "4",
          .body = CALL_SDP,
          .sent = "200",
          .has = "\r\nContact: <sip:juliet@gw.example.net:5060>\r\n" },
        { .pass = 500, .sent = "200", .has = "\r\n\r\n" CALL_SDP },
        { .method = "ACK" }, /* of the first INVITE: late */
        { .method = "ACK", .cseq = "4" },
        { .method = "INVITE", .to = "=", .cseq = "5", .sent = "200", .has = "\r\n\r\n" CALL_SDP }, /* we offer */
        { .method = "ACK", .cseq = "5", .body = CALL_SDP },
        { .pass = 40000 },
    };
    struct call *c = call_in(NULL, NULL);

    CALL_STEPS(c, steps);
    assert_int_equal(c->n_described, 3);
    call_free(c);
}

static void a_refused_offer_changes_nothing(void **state)
{
    static const struct call_step steps[] = {
        { .method = "UPDATE",
          .cseq = "2",
          .body = CALL_SDP,
          .more = "Contact: <sip:new@192.0.2.1>\r\n",
          .sent = "488/UPDATE" },
        { .method = "INVITE", .to = "=", .cseq = "3", .body = CALL_SDP, .sent = "488" },
        { .pass = 500, .sent = "488" },
        { .method = "ACK", .cseq = "3", .branch = "INVITE3" },
        { .pass = 40000 },
        { .act = SEND, .sent = "MESSAGE", .has = "MESSAGE sip:romeo@192.0.2.9:5070 " },
    };
    struct call *c = call_in(NULL, NULL);

    c->describes = 488;
    CALL_STEPS(c, steps);
    call_free(c);
}

/* RFC 3261 14.2: and when nobody acknowledges the 200 to it, the session is over. */
static void a_reinvite_without_ack(void **state)
{
    static const struct call_step steps[] = {
        { .method = "INVITE", .to = "=", .cseq = "2", .sent = "200" },
        { .pass = 31999, .sent = "200 200 200 200 200 200 200 200 200 200" },
        { .pass = 1, .events = "ended=no-ack", .sent = "BYE" },
    };
    struct call *c = call_in(NULL, NULL);

    CALL_STEPS(c, steps);
    call_free(c);
}

/* 12.2: by INVITE and UPDATE, and by no other request. */
static void target_refresh(void **state)
{
    static const struct call_step steps[] = {
        { .method = "MESSAGE", .cseq = "2", .more = "Contact: <sip:no@192.0.2.1>\r\n", .events = "request=MESSAGE" },
        { .act = RESPOND, .sent = "200/MESSAGE" },
        { .act = SEND, .sent = "MESSAGE", .has = "MESSAGE sip:romeo@192.0.2.9:5070 " },
        { .method = "UPDATE",
          .cseq = "3",
          .more = "Contact: <sip:new@192.0.2.1>\r\n",
          .events = "moved",
          .sent = "200/UPDATE" },
        { .act = SEND, .sent = "MESSAGE", .has = "MESSAGE sip:new@192.0.2.1 " },
        { .method = "INVITE",
          .to = "=",
          .cseq = "4",
          .more = "Contact: <sip:newer@192.0.2.1>\r\n",
          .events = "moved",
          .sent = "200" },
        { .method = "ACK", .cseq = "4" },
        { .act = SEND, .sent = "MESSAGE", .has = "MESSAGE sip:newer@192.0.2.1 " },
        { .method = "UPDATE", .cseq = "5", .more = "Contact: <sip:newer@192.0.2.1>\r\n", .sent = "200/UPDATE" },
        { .method = "UPDATE", .cseq = "6", .more = "Contact: <tel:1>\r\n", .sent = "200/UPDATE" },
        { .act = SET_TARGET, .text = "192.0.2.1:5099" },
        { .act = SEND, .sent = "MESSAGE", .has = "MESSAGE sip:newer@192.0.2.1 " },
    };
    struct call *c = call_in(NULL, NULL);

    CALL_STEPS(c, steps);
    assert_int_equal(addr_port(&c->f->sent[c->f->n_sent - 1].flow.peer), 5099);
    assert_true(slice_is(sip_dialog_remote_target(c->d), "sip:newer@192.0.2.1"));
    assert_true(slice_is(sip_dialog_next_uri(c->d), "sip:newer@192.0.2.1"));
    call_free(c);
}

/* The route set decides where requests go, and stays what it was. */
static void a_new_target_behind_routes_moves_nothing(void **state)
{
    static const struct call_step steps[] = {
        { .method = "UPDATE",
          .cseq = "3",
          .more = "Contact: <sip:new@192.0.2.1>\r\n" RR("<sip:evil.example;lr>"),
          .sent = "200/UPDATE" },
        { .act = SEND, .sent = "MESSAGE", .has = "\r\nRoute: <sip:a.example;lr>\r\n", .has_not = "evil" },
    };
    struct call *c = call_in(NULL, RR("<sip:a.example;lr>"));

    CALL_STEPS(c, steps);
    assert_true(slice_is(sip_dialog_next_uri(c->d), "sip:a.example;lr"));
    call_free(c);
}

static void ends(void **state)
{
    static const struct call_step by_us[] = {
        { .act = END, .more = "Reason: SIP;cause=200\r\n", .sent = "BYE", .has = "\r\nReason: SIP;cause=200\r\n" },
        { .method = "MESSAGE", .cseq = "2", .sent = "481/MESSAGE" },
        { .method = "BYE", .cseq = "3", .sent = "481/BYE" }, /* crossed ours */
        { .pass = 500, .sent = "BYE" },
        { .status = 200, .reply_to = "BYE" },
        { .pass = 40000 },
    };
    static const struct call_step before_the_ack[] = {
        { .method = "INVITE", .events = "invite", .sent = "100" },
        { .act = ACCEPT, .sent = "200" },
        { .act = END },
        { .method = "MESSAGE", .cseq = "2", .sent = "481/MESSAGE" },
        { .method = "INVITE", .cseq = "3", .to = "=", .sent = "481" },
        { .pass = 500, .sent = "200 481" },
        { .method = "ACK", .sent = "BYE" },
        { .method = "ACK" },
    };
    static const struct call_step without_ack[] = {
        { .method = "INVITE", .events = "invite", .sent = "100" },
        { .act = ACCEPT, .sent = "200" },
        { .act = END },
        { .pass = 31999, .sent = "200 200 200 200 200 200 200 200 200 200" },
        { .pass = 1, .sent = "BYE" },
    };
    static const struct call_step by_the_peer_before_its_ack[] = {
        { .method = "INVITE", .events = "invite", .sent = "100" },
        { .act = ACCEPT, .sent = "200" },
        { .method = "BYE", .cseq = "2", .events = "ended=bye", .sent = "200/BYE" },
        { .pass = 40000 },
    };
    static const struct call_step while_it_rings[] = {
        { .method = "INVITE", .events = "invite", .sent = "100" },
        { .method = "BYE", .cseq = "2", .events = "ended=cancelled", .sent = "200/BYE 487" },
    };
    static const struct call_step by_us_while_it_rings[] = {
        { .method = "INVITE", .events = "invite", .sent = "100" },
        { .act = END, .sent = "480" },
    };
    struct call *c = call_in(NULL, NULL);

    CALL_STEPS(c, by_us);
    assert_int_equal(sip_counters(c->f->sip)->dialogs, 0);
    assert_int_equal(c->f->loop.timers.n, 0);
    assert_int_equal(c->f->sip->clients.hops.n, 0);
    call_free(c);
    CALL_RUN(before_the_ack);
    CALL_RUN(without_ack);
    CALL_RUN(by_the_peer_before_its_ack);
    CALL_RUN(while_it_rings);
    CALL_RUN(by_us_while_it_rings);
}

/* 12.2.1.2: what a result says about the dialog. */
static void results_that_end_the_dialog(void **state)
{
    static const struct {
        unsigned status;
        const char *events, *sent;
    } cases[] = {
        { 200, "result=200", "" },
        { 480, "result=480", "" },
        { 500, "result=500", "" },
        { 481, "result=481 ended=lost", "" },
        { 408, "result=408 ended=lost", "BYE" },
    };

    for (size_t i = 0; i < N_OF(cases); i++) {
        const struct call_step steps[] = {
            { .act = SEND, .sent = "MESSAGE" },
            { .status = cases[i].status, .reply_to = "MESSAGE", .events = cases[i].events, .sent = cases[i].sent },
        };
        struct call *c = call_in(NULL, NULL);

        CALL_STEPS(c, steps);
        call_free(c);
    }
}

static void silence_ends_the_dialog(void **state)
{
    struct call *c = call_in(NULL, NULL);
    struct sip_target here = { .transport = SIP_UDP, .addr = fake_addr("192.0.2.9:5070") };

    call_acts(c, &(struct call_step){ .act = SEND });
    sip_clients_down(&c->f->sip->clients, &here); /* nothing listens: another target may do better */
    assert_string_equal(c->events, "result=0");
    c->events[0] = '\0';
    call_acts(c, &(struct call_step){ .act = SEND });
    call_acts(c, &(struct call_step){ .act = SEND });
    fake_pass(c->f, 32000);
    assert_string_equal(c->events, "result=0 ended=lost result=0");
    assert_true(fake_has(fake_last(c->f), "BYE "));
    call_free(c);
}

static void the_owner_may_end_it_in_done(void **state)
{
    static const unsigned statuses[] = { 200, 481, 408 };

    for (size_t i = 0; i < N_OF(statuses); i++) {
        struct call *c = call_in(NULL, NULL);

        c->ends_in_done = true;
        call_acts(c, &(struct call_step){ .act = SEND });
        call_answered(c, &(struct call_step){ .status = statuses[i], .reply_to = "MESSAGE" });
        assert_null(c->d);
        assert_string_equal(call_sent(c), "MESSAGE BYE");
        call_free(c);
    }
}

/* Results come also when the session is gone. */
static void a_result_after_the_end(void **state)
{
    static const struct call_step steps[] = {
        { .act = SEND, .sent = "MESSAGE" },
        { .method = "BYE", .cseq = "2", .events = "ended=bye", .sent = "200/BYE" },
        { .status = 487, .reply_to = "MESSAGE", .events = "result=487" },
    };
    struct call *c = call_in(NULL, NULL);

    CALL_STEPS(c, steps);
    call_free(c);
}

/* As caller: what comes before the 2xx. */
static void early_requests(void **state)
{
    static const struct call_step steps[] = {
        { .act = INVITE, .sent = "INVITE" },
        { .status = 183, .events = "progress=183" },
        { .method = "MESSAGE", .cseq = "1" }, /* overtook the 2xx: it comes again */
        { .method = "MESSAGE", .cseq = "1", .transport = SIP_TCP, .branch = "x", .sent = "500/MESSAGE" },
        { .method = "UPDATE", .cseq = "2", .sent = "200/UPDATE" },
        { .method = "UPDATE", .cseq = "3", .body = CALL_SDP, .sent = "491/UPDATE" },
        { .method = "UPDATE", .cseq = "4", .tag = "r7" },
        { .status = 200, .events = "answered", .sent = "ACK", .has = "ACK sip:romeo@192.0.2.9:5070 " },
        { .method = "MESSAGE", .cseq = "1", .events = "request=MESSAGE" },
        { .act = RESPOND, .sent = "200/MESSAGE" },
        { .method = "BYE", .cseq = "9", .tag = "r7", .sent = "481/BYE" },
        { .method = "BYE", .cseq = "9", .branch = "y", .events = "ended=bye", .sent = "200/BYE" },
    };

    CALL_RUN(steps);
}

static void what_options_tells(void **state)
{
    static const struct call_step steps[] = {
        { .method = "OPTIONS",
          .to = "-",
          .sent = "200/OPTIONS",
          .has = "\r\nAllow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE, OPTIONS, MESSAGE, INFO\r\n"
                 "Accept: text/plain, text/html, application/sdp\r\nSupported: timer, 100rel\r\n" },
    };

    CALL_RUN(steps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes_of_the_callee),
        cmocka_unit_test(routes_of_the_caller),
        cmocka_unit_test(record_route_is_repeated),
        cmocka_unit_test(the_2xx_as_sent),
        cmocka_unit_test(our_contact),
        cmocka_unit_test(invites_that_are_refused),
        cmocka_unit_test(too_much_to_keep),
        cmocka_unit_test(requests_that_belong_nowhere),
        cmocka_unit_test(a_request_from_another_port),
        cmocka_unit_test(a_full_table),
        cmocka_unit_test(a_message_waits_for_its_answer),
        cmocka_unit_test(a_request_before_the_ack),
        cmocka_unit_test(what_sessions_do_not_serve),
        cmocka_unit_test(update_and_reinvite_get_our_description),
        cmocka_unit_test(a_refused_offer_changes_nothing),
        cmocka_unit_test(a_reinvite_without_ack),
        cmocka_unit_test(target_refresh),
        cmocka_unit_test(a_new_target_behind_routes_moves_nothing),
        cmocka_unit_test(ends),
        cmocka_unit_test(results_that_end_the_dialog),
        cmocka_unit_test(silence_ends_the_dialog),
        cmocka_unit_test(the_owner_may_end_it_in_done),
        cmocka_unit_test(a_result_after_the_end),
        cmocka_unit_test(early_requests),
        cmocka_unit_test(what_options_tells),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
