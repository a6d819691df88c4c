/* The notifier: SUBSCRIBE in, NOTIFY out. RFC 6665 4.2; RFC 3856. */
#include "watch.h"

/* STOX-PRS-51, 52, 55, 56, 58: 200 at once, NOTIFY at once, in the dialog, pending without a body. */
static void subscribed(void **state)
{
    static const struct watch_step steps[] = {
        { .method = "SUBSCRIBE", .events = "subscribe=3600" },
        { .act = W_ACCEPT,
          .says = "pending",
          .events = "describe",
          .sent = "200/SUBSCRIBE NOTIFY",
          .has = "\r\nSubscription-State: pending;expires=3600\r\nContent-Length: 0\r\n",
          .has_not = "Content-Type" },
        { .status = 200 },
        { .pass = 10000 },
        { .act = W_URGENT,
          .says = "active",
          .events = "describe",
          .sent = "NOTIFY",
          .has = "\r\nSubscription-State: active;expires=3590\r\nContent-Type: application/pidf+xml\r\n"
                 "Content-Length: 10\r\n" },
        { .status = 200 },
    };
    struct watch *w = watch_new(NULL);

    WATCH_STEPS(w, steps);
    watch_free(w);
}

static void as_sent(void **state)
{
    struct watch *w = watch_in("Record-Route: <sip:edge.example;lr>\r\n");
    const char *ok = w->f->sent[0].text, *notify = w->f->sent[1].text;

    assert_true(fake_has(ok, "SIP/2.0 200 OK\r\n"));
    assert_true(fake_has(ok, "\r\nExpires: 3600\r\nContact: <sip:juliet@gw.example.net:5060>\r\n"
                             "Record-Route: <sip:edge.example;lr>\r\nContent-Length: 0\r\n"));
    assert_true(
        fake_has(notify, "NOTIFY sip:romeo@192.0.2.9:5070 SIP/2.0\r\nVia: SIP/2.0/UDP gw.example.net:5060;branch="));
    assert_true(fake_has(notify, "\r\nMax-Forwards: 70\r\nFrom: <sip:juliet@example.com>;tag="));
    assert_true(fake_has(notify,
                         "\r\nTo: <sip:romeo@example.net>;tag=f1\r\nCall-ID: call1@192.0.2.9\r\nCSeq: 1 NOTIFY\r\n"
                         "Contact: <sip:juliet@gw.example.net:5060>\r\nRoute: <sip:edge.example;lr>\r\n"
                         "Event: presence\r\n"));
    assert_true(addr_port(&w->f->sent[1].flow.peer) == 5060); /* by ops.way, whatever Contact says (STOX-SEC-17) */
    watch_free(w);
}

/* STOX-PRS-56, STOX-SIP-37: where NOTIFYs go. */
static void routes(void **state)
{
    static const struct {
        const char *more, *uri, *route;
    } cases[] = {
        { "", "NOTIFY sip:romeo@192.0.2.9:5070 SIP/2.0\r\n", NULL },
        { "Record-Route: <sip:a.example;lr>, <sip:b.example;lr>\r\n", "NOTIFY sip:romeo@192.0.2.9:5070 SIP/2.0\r\n",
          "\r\nRoute: <sip:a.example;lr>, <sip:b.example;lr>\r\n" },
        { "Record-Route: <sip:a.example>, <sip:b.example;lr>\r\n", "NOTIFY sip:a.example SIP/2.0\r\n",
          "\r\nRoute: <sip:b.example;lr>, <sip:romeo@192.0.2.9:5070>\r\n" },
    };

    for (size_t i = 0; i < N_OF(cases); i++) {
        struct watch *w = watch_in(cases[i].more);

        if (!fake_has(fake_last(w->f), cases[i].uri))
            fail_msg("case %zu: %s", i, fake_last(w->f));
        if (cases[i].route ? !fake_has(fake_last(w->f), cases[i].route) : fake_has(fake_last(w->f), "\r\nRoute:"))
            fail_msg("case %zu: %s", i, fake_last(w->f));
        watch_free(w);
    }
}

/* What a SUBSCRIBE must be like before anything is kept of it (STOX-PRS-59 to 61, 89). */
static void refused_at_once(void **state)
{
    static const struct {
        const char *event, *contact, *more, *body, *sent, *has;
    } cases[] = {
        { "Event: foo\r\n", NULL, "", NULL, "489/SUBSCRIBE", "\r\nAllow-Events: presence\r\n" },
        { "", NULL, "", NULL, "489/SUBSCRIBE", "\r\nAllow-Events: presence\r\n" },
        { "Event: presence.winfo\r\n", NULL, "", NULL, "489/SUBSCRIBE", NULL },
        { "Event: Presence\r\n", NULL, "", NULL, "489/SUBSCRIBE", NULL },
        { "Event: presence;id=\r\n", NULL, "", NULL, "400/SUBSCRIBE", "SIP/2.0 400 Bad Event\r\n" },
        { "Event: ;\r\n", NULL, "", NULL, "400/SUBSCRIBE", NULL },
        { NULL, "", "", NULL, "400/SUBSCRIBE", "SIP/2.0 400 SUBSCRIBE needs one Contact with a SIP URI\r\n" },
        { NULL, "Contact: <mailto:r@x.example>\r\n", "", NULL, "400/SUBSCRIBE", NULL },
        { NULL, NULL, "Accept: text/plain\r\n", NULL, "406/SUBSCRIBE", NULL },
        { NULL, NULL, "Accept: application/pidf+xml;q=0.0\r\n", NULL, "406/SUBSCRIBE", NULL },
        { NULL, NULL, "Accept: \r\n", NULL, "406/SUBSCRIBE", NULL },
        { NULL, NULL, "Expires: 5\r\n", NULL, "423/SUBSCRIBE", "\r\nMin-Expires: 60\r\n" },
        { NULL, NULL, "Expires: 59\r\n", NULL, "423/SUBSCRIBE", NULL },
        { NULL, NULL, "Expires: soon\r\n", NULL, "400/SUBSCRIBE", "SIP/2.0 400 Bad Expires\r\n" },
        { NULL, NULL, "Require: eventlist\r\n", NULL, "420/SUBSCRIBE", "\r\nUnsupported: eventlist\r\n" },
        { NULL, NULL, "", "<filter/>", "415/SUBSCRIBE", "\r\nAccept:\r\n" },
    };

    for (size_t i = 0; i < N_OF(cases); i++) {
        struct watch *w = watch_new(NULL);
        const struct watch_step step = { .method = "SUBSCRIBE",
                                         .event = cases[i].event,
                                         .contact = cases[i].contact,
                                         .more = cases[i].more,
                                         .body = cases[i].body,
                                         .sent = cases[i].sent,
                                         .has = cases[i].has };

        watch_steps(w, &step, 1, cases[i].sent);
        assert_int_equal(sip_counters(w->f->sip)->subscriptions, 0);
        assert_int_equal(sip_counters(w->f->sip)->servers, 0);
        watch_free(w);
    }
}

static void granted(void **state)
{
    static const struct {
        const char *more, *events, *has;
    } cases[] = {
        { "", "subscribe=3600", "\r\nExpires: 3600\r\n" },
        { "Expires: 60\r\n", "subscribe=60", "\r\nExpires: 60\r\n" },
        { "Expires: 7201\r\n", "subscribe=7200", "\r\nExpires: 7200\r\n" },
        { "Expires: 99999999999999999999\r\n", "subscribe=7200", "\r\nExpires: 7200\r\n" },
        { "Accept: text/plain, application/pidf+xml\r\n", "subscribe=3600", "\r\nExpires: 3600\r\n" },
        { "Accept: */*\r\n", "subscribe=3600", "\r\nExpires: 3600\r\n" },
        { "Accept: application/*;q=0.1\r\n", "subscribe=3600", "\r\nExpires: 3600\r\n" },
        { "Accept: text/plain\r\nAccept: APPLICATION/PIDF+XML\r\n", "subscribe=3600", "\r\nExpires: 3600\r\n" },
    };

    for (size_t i = 0; i < N_OF(cases); i++) {
        struct watch *w = watch_new(NULL);
        const struct watch_step steps[] = {
            { .method = "SUBSCRIBE", .more = cases[i].more, .events = cases[i].events },
            { .act = W_ACCEPT, .events = "describe", .sent = "200/SUBSCRIBE NOTIFY" },
        };

        watch_steps(w, steps, 2, cases[i].more);
        assert_true(fake_has(w->f->sent[0].text, cases[i].has));
        watch_free(w);
    }
}

/* STOX-PRS-62: 200, then NOTIFY with what is known; the remote target is the new one. */
static void refresh(void **state)
{
    static const struct watch_step steps[] = {
        { .pass = 3000000 },
        { .method = "SUBSCRIBE",
          .contact = "Contact: <sip:romeo@192.0.2.77>\r\n",
          .events = "refreshed describe",
          .sent = "200/SUBSCRIBE NOTIFY",
          .has = "NOTIFY sip:romeo@192.0.2.77 SIP/2.0\r\n" },
        { .status = 200 },
        { .pass = 3599000 },
        { .pass = 1001,
          .events = "last ended=expired timeout",
          .sent = "NOTIFY",
          .has = ": terminated;reason=timeout\r\n" },
        { .status = 200 },
        { .method = "SUBSCRIBE", .sent = "481/SUBSCRIBE" },
    };
    struct watch *w = watch_in("");

    WATCH_STEPS(w, steps);
    assert_int_equal(sip_counters(w->f->sip)->subscriptions, 0);
    watch_free(w);
}

static void refresh_that_is_refused(void **state)
{
    static const struct watch_step steps[] = {
        { .method = "SUBSCRIBE", .event = "Event: foo\r\n", .sent = "403/SUBSCRIBE" },           /* STOX-PRS-86 */
        { .method = "SUBSCRIBE", .event = "Event: presence;id=2\r\n", .sent = "403/SUBSCRIBE" }, /* likewise */
        { .method = "SUBSCRIBE", .event = "", .sent = "489/SUBSCRIBE" },
        { .method = "SUBSCRIBE", .more = "Expires: 1\r\n", .sent = "423/SUBSCRIBE", .has = "Min-Expires: 60\r\n" },
        { .method = "SUBSCRIBE", .more = "Accept: text/plain\r\n", .sent = "406/SUBSCRIBE" },
        { .method = "SUBSCRIBE", .cseq = "1", .branch = "late", .sent = "500/SUBSCRIBE" },
        { .method = "SUBSCRIBE", .tag = "f2", .sent = "481/SUBSCRIBE" },
        { .method = "SUBSCRIBE", .other_route = true, .sent = "403/SUBSCRIBE" },
        { .method = "SUBSCRIBE", .stranger = true },
        { .method = "NOTIFY", .sent = "481/NOTIFY" },
        { .method = "MESSAGE", .to = "0123456789abcdef", .sent = "481/MESSAGE" },
        { .method = "SUBSCRIBE", .to = "0123456789abcdef", .sent = "481/SUBSCRIBE" },
        { .method = "SUBSCRIBE",
          .events = "refreshed describe",
          .sent = "200/SUBSCRIBE NOTIFY" }, /* it is still there */
    };
    struct watch *w = watch_in("");

    WATCH_STEPS(w, steps);
    watch_free(w);
}

/* STOX-PRS-63: 200 and the last NOTIFY with its content. */
static void unsubscribed(void **state)
{
    static const struct watch_step steps[] = {
        { .method = "SUBSCRIBE",
          .more = "Expires: 0\r\n",
          .events = "last ended=unsubscribed timeout",
          .sent = "200/SUBSCRIBE NOTIFY",
          .has = "\r\nSubscription-State: terminated;reason=timeout\r\nContent-Type: application/pidf+xml\r\n" },
        { .method = "SUBSCRIBE", .sent = "481/SUBSCRIBE" },
        { .status = 200 },
    };
    struct watch *w = watch_in("");

    WATCH_STEPS(w, steps);
    assert_int_equal(sip_counters(w->f->sip)->subscriptions, 0);
    watch_free(w);
}

/* STOX-PRS-66, 67 */
static void poll(void **state)
{
    static const struct watch_step steps[] = {
        { .method = "SUBSCRIBE", .more = "Expires: 0\r\n", .events = "subscribe=0" },
        { .act = W_ACCEPT,
          .events = "last ended=unsubscribed timeout",
          .sent = "200/SUBSCRIBE NOTIFY",
          .has = "\r\nSubscription-State: terminated;reason=timeout\r\n" },
        { .status = 200 },
    };

    WATCH_RUN(steps);
}

/* STOX-PRS-86: Event's id comes back. */
static void id_is_echoed(void **state)
{
    static const struct watch_step steps[] = {
        { .method = "SUBSCRIBE", .event = "o: presence;x=y;id=7a\r\n", .events = "subscribe=3600" },
        { .act = W_ACCEPT,
          .events = "describe",
          .sent = "200/SUBSCRIBE NOTIFY",
          .has = "\r\nEvent: presence;id=7a\r\n" },
        { .status = 200 },
        { .method = "SUBSCRIBE", .sent = "403/SUBSCRIBE" },
        { .method = "SUBSCRIBE",
          .event = "Event: presence;id=7a\r\n",
          .events = "refreshed describe",
          .sent = "200/SUBSCRIBE NOTIFY" },
    };

    WATCH_RUN(steps);
}

/* STOX-PRS-73: at most one in 5 s, the newest state; but not for what is urgent, last or answers a SUBSCRIBE. */
static void pace(void **state)
{
    static const struct watch_step steps[] = {
        { .act = W_CHANGED },
        { .act = W_CHANGED },
        { .pass = 4999 },
        { .act = W_CHANGED },
        { .pass = 1, .events = "describe", .sent = "NOTIFY" },
        { .status = 200 },
        { .pass = 100 },
        { .act = W_CHANGED },
        { .act = W_URGENT, .events = "describe", .sent = "NOTIFY" },
        { .status = 200 },
        { .method = "SUBSCRIBE", .events = "refreshed describe", .sent = "200/SUBSCRIBE NOTIFY" },
        { .status = 200 },
        { .pass = 5000 },
        { .act = W_CHANGED, .events = "describe", .sent = "NOTIFY" },
        { .status = 200 },
        { .act = W_CHANGED },
        { .act = W_END, .sent = "NOTIFY", .has = "\r\nSubscription-State: terminated;reason=rejected\r\n" },
        { .status = 200 },
    };
    struct watch *w = watch_in("");

    WATCH_STEPS(w, steps);
    assert_int_equal(w->f->loop.timers.n, sip_counters(w->f->sip)->servers + sip_counters(w->f->sip)->clients);
    watch_free(w);
}

/* One NOTIFY at a time; the newest state wins. */
static void one_in_flight(void **state)
{
    static const struct watch_step steps[] = {
        { .method = "SUBSCRIBE", .events = "subscribe=3600" },
        { .act = W_ACCEPT, .says = "pending", .events = "describe", .sent = "200/SUBSCRIBE NOTIFY" },
        { .act = W_URGENT },
        { .act = W_URGENT, .says = "active" },
        { .method = "SUBSCRIBE", .more = "Expires: 0\r\n", .sent = "200/SUBSCRIBE" },
        { .status = 200,
          .events = "last ended=unsubscribed timeout",
          .sent = "NOTIFY",
          .has = "\r\nCSeq: 2 NOTIFY\r\n" },
        { .status = 200 },
    };

    WATCH_RUN(steps);
}

/* The owner ends it, while another NOTIFY is under way: the last one comes last, and says what the owner said then. */
static void ended_by_its_owner(void **state)
{
    static const struct watch_step steps[] = {
        { .act = W_URGENT, .events = "describe", .sent = "NOTIFY" },
        { .act = W_END },
        { .method = "SUBSCRIBE", .sent = "481/SUBSCRIBE" },
        { .status = 200, .sent = "NOTIFY", .has = "\r\nSubscription-State: terminated;reason=rejected\r\n" },
        { .status = 200 },
    };
    static const struct watch_step silent[] = {
        { .act = W_URGENT, .events = "describe", .sent = "NOTIFY" },
        { .act = W_END },
        { .pass = 32100 }, /* who is silent has nothing to be told */
    };
    struct watch *w = watch_in("");

    WATCH_STEPS(w, steps);
    assert_int_equal(sip_counters(w->f->sip)->subscriptions, 0);
    watch_free(w);
    w = watch_in("");
    w->tcp = true;
    WATCH_STEPS(w, silent);
    assert_int_equal(sip_counters(w->f->sip)->subscriptions, 0);
    watch_free(w);
}

/* describe may end it, as it refuses a watcher (8.5 row 4). */
static void ended_by_its_description(void **state)
{
    static const struct watch_step steps[] = {
        { .method = "SUBSCRIBE", .events = "subscribe=3600" },
        { .act = W_ACCEPT,
          .says = "probation",
          .events = "describe ended=terminated probation after=300",
          .sent = "200/SUBSCRIBE NOTIFY",
          .has = "\r\nSubscription-State: terminated;reason=probation;retry-after=300\r\n" },
        { .status = 481 },
    };

    WATCH_RUN(steps);
}

/* RFC 6665 4.2.2 (STOX-PRS-71): which failures of a NOTIFY end the subscription. */
static void failures(void **state)
{
    static const struct {
        unsigned status;
        const char *more, *events;
        bool kept;
    } cases[] = {
        { 400, NULL, NULL, true },
        { 401, NULL, "ended=failed 401", false },
        { 403, NULL, NULL, true },
        { 404, NULL, "ended=failed 404", false },
        { 405, NULL, "ended=failed 405", false },
        { 406, NULL, NULL, true },
        { 407, NULL, "ended=failed 407", false },
        { 408, NULL, "ended=failed 408", false },
        { 410, NULL, "ended=failed 410", false },
        { 413, NULL, NULL, true },
        { 415, NULL, NULL, true },
        { 416, NULL, "ended=failed 416", false },
        { 420, NULL, NULL, true },
        { 480, NULL, "ended=failed 480", false },
        { 481, NULL, "ended=failed 481", false },
        { 482, NULL, "ended=failed 482", false },
        { 483, NULL, "ended=failed 483", false },
        { 484, NULL, "ended=failed 484", false },
        { 485, NULL, "ended=failed 485", false },
        { 486, NULL, NULL, true },
        { 489, NULL, "ended=failed 489", false },
        { 500, NULL, NULL, true },
        { 501, NULL, "ended=failed 501", false },
        { 600, NULL, NULL, true },
        { 603, NULL, NULL, true },
        { 604, NULL, "ended=failed 604", false },
    };

    for (size_t i = 0; i < N_OF(cases); i++) {
        struct watch *w = watch_in("");
        const struct watch_step steps[] = {
            { .act = W_URGENT, .events = "describe", .sent = "NOTIFY" },
            { .status = cases[i].status, .more = cases[i].more, .events = cases[i].events },
        };

        WATCH_STEPS(w, steps);
        assert_int_equal(sip_counters(w->f->sip)->subscriptions, cases[i].kept);
        watch_free(w);
    }
}

/* STOX-PRS-71, STOX-SIP-34: who asks for credentials gets them, and CSeq goes on behind that. */
static void credentials(void **state)
{
    static const struct watch_step steps[] = {
        { .act = W_URGENT, .events = "describe", .sent = "NOTIFY", .has = "\r\nCSeq: 2 NOTIFY\r\n" },
        { .status = 401, .more = WATCH_ASKS, .sent = "NOTIFY", .has = "\r\nCSeq: 3 NOTIFY\r\n" },
        { .status = 200 },
        { .act = W_URGENT, .events = "describe", .sent = "NOTIFY", .has = "\r\nAuthorization: Digest username=\"gw\"" },
        { .status = 200 },
    };
    struct watch *w = watch_in("");

    w->has_account = true;
    WATCH_STEPS(w, steps);
    assert_true(fake_has(fake_last(w->f), "\r\nCSeq: 4 NOTIFY\r\n"));
    assert_true(fake_has(fake_last(w->f), "\r\nContact: <sip:juliet@gw.example.net:5060>\r\n"));
    watch_free(w);
}

/* Timer F */
static void silence_ends_it(void **state)
{
    struct watch *w = watch_in("");

    sip_sub_changed(w->s, true);
    watch_pass(w, 32100);
    assert_string_equal(w->events, "describe ended=failed");
    assert_int_equal(sip_counters(w->f->sip)->subscriptions, 0);
    watch_free(w);
}

/* A server that is down for a moment costs nobody his subscription; the newest state goes when it is back. */
static void again_when_nobody_was_met(void **state)
{
    struct watch *w = watch_in("");

    w->f->reach = SIP_REACH_NONE;
    sip_sub_changed(w->s, true);
    watch_pass(w, 9000);
    assert_string_equal(w->events, "describe");
    sip_sub_changed(w->s, true); /* waits, too */
    watch_pass(w, 6100);
    assert_string_equal(w->events, "describe describe");
    w->f->reach = SIP_REACH_UP;
    watch_pass(w, 31000);
    assert_string_equal(w->events, "describe describe describe");
    assert_true(fake_has(fake_last(w->f), "NOTIFY sip:romeo@192.0.2.9:5070 SIP/2.0\r\n"));
    watch_answered(w, &(struct watch_step){ .status = 200 });
    sip_sub_changed(w->s, true);
    watch_pass(w, 2);
    assert_string_equal(w->events, "describe describe describe describe");
    watch_free(w);
}

static void retry_after(void **state)
{
    static const struct watch_step steps[] = {
        { .act = W_URGENT, .events = "describe", .sent = "NOTIFY" },
        { .status = 500, .more = "Retry-After: 20\r\n" },
        { .pass = 19999 },
        { .pass = 10002, .events = "describe", .sent = "NOTIFY" },
        { .status = 200 },
    };
    struct watch *w = watch_in("");

    w->tcp = true; /* repeats nothing */
    WATCH_STEPS(w, steps);
    watch_free(w);
}

static void nowhere_to_go(void **state)
{
    struct watch *w = watch_in("");
    static const struct watch_step steps[] = { { .act = W_URGENT, .events = "ended=failed" } };

    w->no_way = true;
    WATCH_STEPS(w, steps);
    watch_free(w);
}

/* RFC 3261 18.1.1: over 1300 bytes only by TCP. Where there is UDP alone, the state goes without the document. */
static void too_long_for_udp(void **state)
{
    static const struct watch_step steps[] = {
        { .act = W_URGENT,
          .events = "describe describe",
          .sent = "NOTIFY",
          .has = "\r\nSubscription-State: active;expires=3600\r\nContent-Length: 0\r\n" },
        { .status = 200 },
    };
    struct watch *w = watch_in("");

    w->body = 1400;
    WATCH_STEPS(w, steps);
    w->tcp = true;
    sip_sub_changed(w->s, true);
    watch_pass(w, 2);
    assert_true(fake_has(fake_last(w->f), "\r\nContent-Length: 1400\r\n"));
    assert_int_equal(w->f->sent[w->f->n_sent - 1].flow.transport, SIP_TCP);
    assert_true(fake_has(fake_last(w->f), "\r\nContact: <sip:juliet@gw.example.net:5060;transport=tcp>\r\n"));
    watch_free(w);
}

/* Nobody takes the longer one over TCP: once more at once, with the document that UDP has room for. The next one is whole again. */
static void too_long_for_udp_and_no_tcp(void **state)
{
    struct watch *w = watch_in("");

    w->both = w->obeys = w->f->no_tcp = true;
    w->body = 1400;
    sip_sub_changed(w->s, true);
    watch_pass(w, 10);
    assert_string_equal(w->events, "describe describe");
    assert_int_equal(w->f->sent[w->f->n_sent - 1].flow.transport, SIP_UDP);
    assert_true(w->f->sent[w->f->n_sent - 1].n > 1000 && w->f->sent[w->f->n_sent - 1].n <= SIP_UDP_REQUEST_MAX);
    watch_answered(w, &(struct watch_step){ .status = 200 });
    w->f->no_tcp = false;
    sip_sub_changed(w->s, true);
    watch_pass(w, 10);
    assert_int_equal(w->f->sent[w->f->n_sent - 1].flow.transport, SIP_TCP);
    assert_true(fake_has(fake_last(w->f), "\r\nContent-Length: 1400\r\n"));
    watch_free(w);
}

/* A document that cannot be shortened waits for a server, and is not sent again and again. */
static void too_long_for_udp_no_tcp_and_no_shorter(void **state)
{
    struct watch *w = watch_in("");

    w->both = w->f->no_tcp = true;
    w->body = 1400;
    sip_sub_changed(w->s, true);
    watch_pass(w, 9000);
    assert_string_equal(w->events, "describe describe");
    watch_pass(w, 6100);
    assert_string_equal(w->events, "describe describe describe describe");
    w->f->no_tcp = false;
    watch_pass(w, 31000);
    assert_true(fake_has(fake_last(w->f), "\r\nContent-Length: 1400\r\n"));
    watch_free(w);
}

static void the_owners_refusal(void **state)
{
    static const struct watch_step steps[] = {
        { .method = "SUBSCRIBE", .events = "subscribe=3600" },
        { .method = "SUBSCRIBE", .cseq = "1" }, /* the same once more: still nothing */
        { .act = W_REFUSE, .arg = 403, .sent = "403/SUBSCRIBE" },
        { .method = "SUBSCRIBE", .cseq = "1", .sent = "403/SUBSCRIBE" },
    };
    struct watch *w = watch_new(NULL);

    WATCH_STEPS(w, steps);
    assert_int_equal(sip_counters(w->f->sip)->subscriptions, 0);
    watch_free(w);
}

/* One final answer to each request, whatever the owner does. */
static void an_owner_without_an_answer(void **state)
{
    static const struct watch_step late[] = {
        { .method = "SUBSCRIBE", .events = "subscribe=3600" },
        { .pass = 31999, .sent = "100/SUBSCRIBE" },
        { .pass = 2, .events = "ended=expired 480", .sent = "480/SUBSCRIBE" },
    };
    static const struct watch_step gone[] = {
        { .method = "SUBSCRIBE", .events = "subscribe=3600" },
        { .act = W_DROP, .sent = "480/SUBSCRIBE" },
    };

    WATCH_RUN(late);
    WATCH_RUN(gone);
}

/* STOX-PRS-85 */
static void cancel_has_no_effect(void **state)
{
    static const struct watch_step steps[] = {
        { .method = "SUBSCRIBE", .cseq = "1", .branch = "s", .events = "subscribe=3600" },
        { .method = "CANCEL", .cseq = "1", .branch = "s", .to = "-", .sent = "200/CANCEL" },
        { .method = "CANCEL", .cseq = "1", .branch = "t", .to = "-", .sent = "481/CANCEL" },
        { .act = W_ACCEPT, .events = "describe", .sent = "200/SUBSCRIBE NOTIFY" },
    };

    WATCH_RUN(steps);
}

/* Nobody but known sources: a stranger's datagram gets nothing (D12), a full table 503, a full share 480. */
static void limits(void **state)
{
    struct watch *w = watch_new(NULL);
    char call_id[16];

    watch_takes(w, &(struct watch_step){ .method = "SUBSCRIBE", .stranger = true });
    assert_int_equal(w->f->n_sent, 0);
    w->at_once = 200;
    w->many = true;
    for (unsigned i = 0; i < 5; i++) {
        w->ours[0] = '\0';
        snprintf(call_id, sizeof(call_id), "c%u", i);
        watch_takes(w, &(struct watch_step){ .method = "SUBSCRIBE", .call_id = call_id });
        assert_int_equal(fake_status(w->f, w->f->n_sent - 1), i < 4 ? 200 : 480);
    }
    assert_true(fake_has(fake_last(w->f), "\r\nRetry-After: 60\r\n"));
    sip_set_sub_limits(w->f->sip, &(struct sip_sub_limits){ .expires_s = 3600, .expires_max_s = 3600, .max = 4 });
    watch_takes(w, &(struct watch_step){ .method = "SUBSCRIBE", .call_id = "c9" });
    assert_int_equal(fake_status(w->f, w->f->n_sent - 1), 503);
    assert_int_equal(sip_counters(w->f->sip)->subscriptions, 4);
    watch_free(w);
}

/* n watchers, whose first NOTIFYs are due; transactions are so few that one route may have `most` of them under way. */
static struct watch *watched_by(unsigned n, unsigned most, const char *more)
{
    struct sip_conf conf = watch_conf();
    struct watch *w;
    char call_id[16];

    conf.txns_max = 8 * (most - 1) + 1;
    w = watch_new(&conf);
    sip_set_sub_limits(w->f->sip, &(struct sip_sub_limits){ .expires_s = 3600, .expires_max_s = 3600, .max = 1000 });
    w->at_once = 200;
    w->many = true;
    for (unsigned i = 0; i < n; i++) {
        w->ours[0] = '\0';
        snprintf(call_id, sizeof(call_id), "c%u", i);
        watch_takes(w, &(struct watch_step){ .method = "SUBSCRIBE", .call_id = call_id, .more = more });
    }
    w->f->n_sent = w->n_seen = 0;
    watch_pass(w, 0);
    watch_pass(w, 0);
    return w;
}

/* A route whose server is silent has a bounded number of NOTIFYs under way, and each that waits says the newest when it goes. */
static void D12_notifies_under_way_are_bounded(void **state)
{
    struct watch *w = watched_by(150, 100, "");

    assert_int_equal(w->f->n_sent, 100);
    assert_int_equal(w->f->sip->subs.n_flying, 100);
    watch_answered(w, &(struct watch_step){ .status = 200 });
    assert_int_equal(w->f->n_sent, 101);
    w->f->send_fails = true; /* not to count what is repeated */
    watch_pass(w, 32100);    /* those are gone; the others go */
    assert_int_equal(w->f->sip->subs.n_flying, 49);
    watch_pass(w, 33000);
    assert_int_equal(w->f->sip->subs.n_flying, 0);
    assert_int_equal(sip_counters(w->f->sip)->subscriptions, 1);
    watch_free(w);
}

/* What expires while its turn does not come ends all the same, half a minute later: behind a server that is away nothing piles up. */
static void no_turn_for_the_last_notify(void **state)
{
    struct watch *w = watched_by(9, 2, "Expires: 60\r\n");

    w->tcp = true;
    watch_pass(w, 91900);
    assert_int_equal(w->n_ended, 6);
    watch_pass(w, 200);
    assert_int_equal(w->n_ended, 9);
    watch_pass(w, 32000);
    assert_int_equal(sip_counters(w->f->sip)->subscriptions, 0);
    watch_free(w);
}

static bool offers_winfo(void *owner, struct slice host)
{
    return !host.n || slice_is(host, "example.com");
}

/* STOX-PRS-87: a package of its own, in dialogs of its own, where users of that host have it. */
static void watchers(void **state)
{
    static const struct watch_step steps[] = {
        { .method = "SUBSCRIBE",
          .event = "Event: presence.winfo;id=7\r\n",
          .more = "Accept: application/watcherinfo+xml\r\n",
          .events = "subscribe=3600" },
        { .act = W_ACCEPT,
          .says = "active",
          .events = "describe",
          .sent = "200/SUBSCRIBE NOTIFY",
          .has = "\r\nEvent: presence.winfo;id=7\r\n" },
        { .status = 200 },
        { .method = "SUBSCRIBE", .event = "Event: presence;id=7\r\n", .sent = "403/SUBSCRIBE" },
        { .method = "SUBSCRIBE",
          .event = "Event: presence.winfo;id=7\r\n",
          .events = "refreshed describe",
          .sent = "200/SUBSCRIBE NOTIFY" },
    };
    static const struct {
        const char *event, *more, *sent, *has;
    } cases[] = {
        { "Event: presence.Winfo\r\n", "", "489/SUBSCRIBE", "\r\nAllow-Events: presence, presence.winfo\r\n" },
        { "Event: presence.winfo.winfo\r\n", "", "489/SUBSCRIBE", NULL },
        { "Event: presence.winfo\r\n", "Accept: application/pidf+xml\r\n", "406/SUBSCRIBE", NULL },
        { "Event: presence\r\n", "Accept: application/watcherinfo+xml\r\n", "406/SUBSCRIBE", NULL },
    };
    struct sip_event_ops events = watch_event_ops;
    struct sip_ops ops = watch_ops;
    struct sip_conf conf = watch_conf();
    struct watch *w;

    conf.ops = &ops;
    ops.events = &events;
    events.offers_winfo = offers_winfo;
    w = watch_new(&conf);
    WATCH_STEPS(w, steps);
    assert_true(sip_sub_is_winfo(w->s));
    watch_free(w);
    for (size_t i = 0; i < N_OF(cases); i++) {
        const struct watch_step step = { .method = "SUBSCRIBE",
                                         .event = cases[i].event,
                                         .more = cases[i].more,
                                         .sent = cases[i].sent,
                                         .has = cases[i].has };

        w = watch_new(&conf);
        watch_steps(w, &step, 1, cases[i].event);
        watch_free(w);
    }
}

/* STOX-PRS-88, 89 */
static void publish(void **state)
{
    static const struct watch_step steps[] = {
        { .method = "PUBLISH", .event = "Event: foo\r\n", .sent = "489/PUBLISH", .has = "Allow-Events: presence\r\n" },
        { .method = "PUBLISH", .event = "", .sent = "489/PUBLISH" },
        { .method = "PUBLISH", .to = "0123456789abcdef", .sent = "481/PUBLISH" },
        { .method = "PUBLISH", .events = "publish", .body = "<presence/>" },
        { .act = W_RESPOND, .arg = 412, .sent = "412/PUBLISH" },
        { .method = "OPTIONS",
          .sent = "200/OPTIONS",
          .has = "\r\nAllow: OPTIONS, MESSAGE, SUBSCRIBE, NOTIFY, PUBLISH\r\n"
                 "Accept: text/plain, text/html, application/pidf+xml\r\nAllow-Events: presence\r\n" },
    };
    struct sip_event_ops events = watch_event_ops;
    struct sip_ops ops = watch_ops;
    struct sip_conf conf = watch_conf();
    struct watch *w;

    WATCH_RUN(steps);
    conf.ops = &ops;
    ops.events = &events;
    events.publish = NULL;
    w = watch_new(&conf);
    watch_takes(w, &(struct watch_step){ .method = "PUBLISH" });
    assert_true(fake_has(fake_last(w->f), "SIP/2.0 405 "));
    assert_true(fake_has(fake_last(w->f), "\r\nAllow: OPTIONS, MESSAGE, SUBSCRIBE, NOTIFY\r\n"));
    watch_free(w);
    ops.events = NULL;
    w = watch_new(&conf);
    watch_takes(w, &(struct watch_step){ .method = "SUBSCRIBE" });
    assert_true(fake_has(fake_last(w->f), "SIP/2.0 405 "));
    watch_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subscribed),
        cmocka_unit_test(as_sent),
        cmocka_unit_test(routes),
        cmocka_unit_test(refused_at_once),
        cmocka_unit_test(granted),
        cmocka_unit_test(refresh),
        cmocka_unit_test(refresh_that_is_refused),
        cmocka_unit_test(unsubscribed),
        cmocka_unit_test(poll),
        cmocka_unit_test(id_is_echoed),
        cmocka_unit_test(pace),
        cmocka_unit_test(one_in_flight),
        cmocka_unit_test(ended_by_its_owner),
        cmocka_unit_test(ended_by_its_description),
        cmocka_unit_test(failures),
        cmocka_unit_test(credentials),
        cmocka_unit_test(silence_ends_it),
        cmocka_unit_test(again_when_nobody_was_met),
        cmocka_unit_test(retry_after),
        cmocka_unit_test(nowhere_to_go),
        cmocka_unit_test(too_long_for_udp),
        cmocka_unit_test(too_long_for_udp_and_no_tcp),
        cmocka_unit_test(too_long_for_udp_no_tcp_and_no_shorter),
        cmocka_unit_test(the_owners_refusal),
        cmocka_unit_test(an_owner_without_an_answer),
        cmocka_unit_test(cancel_has_no_effect),
        cmocka_unit_test(limits),
        cmocka_unit_test(D12_notifies_under_way_are_bounded),
        cmocka_unit_test(no_turn_for_the_last_notify),
        cmocka_unit_test(publish),
        cmocka_unit_test(watchers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
