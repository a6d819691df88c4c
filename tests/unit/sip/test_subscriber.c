/* The subscriber: SUBSCRIBE out, NOTIFY in. RFC 6665 4.1; RFC 3856. */
#include "watch.h"

/* STOX-PRS-01: what goes out; no dialect of anybody's. */
static void as_sent(void **state)
{
    static const struct watch_step steps[] = { { .act = W_SUBSCRIBE, .arg = 3600, .sent = "SUBSCRIBE" } };
    struct watch *w = watch_new(NULL);
    const char *text;

    WATCH_STEPS(w, steps);
    text = fake_last(w->f);
    assert_true(
        fake_has(text, "SUBSCRIBE sip:romeo@example.net SIP/2.0\r\nVia: SIP/2.0/UDP gw.example.net:5060;branch="));
    assert_true(fake_has(text, "\r\nMax-Forwards: 70\r\nFrom: <sip:juliet@example.com>;tag="));
    assert_true(fake_has(text, "\r\nTo: <sip:romeo@example.net>\r\nCall-ID: "));
    assert_true(fake_has(text,
                         "\r\nCSeq: 1 SUBSCRIBE\r\nContact: <sip:juliet@gw.example.net:5060>\r\nEvent: presence\r\n"
                         "Expires: 3600\r\nAccept: application/pidf+xml\r\nContent-Length: 0\r\n\r\n"));
    assert_false(fake_has(text, "Supported")); /* no BENOTIFY */
    watch_free(w);
}

static void the_ordinary(void **state)
{
    static const struct watch_step steps[] = {
        { .act = W_SUBSCRIBE, .arg = 3600, .sent = "SUBSCRIBE" },
        { .status = 202, .more = "Expires: 3600\r\n", .events = "accepted=3600" },
        { .method = "NOTIFY",
          .state = "pending;expires=3600",
          .events = "pending",
          .sent = "200/NOTIFY",
          .has = "\r\nContact: <sip:juliet@gw.example.net:5060>\r\n" },
        { .method = "NOTIFY", .body = "<presence/>", .events = "active+", .sent = "200/NOTIFY" },
        { .method = "NOTIFY",
          .state = "terminated;reason=probation;retry-after=60;expires=500", /* STOX-PRS-23 */
          .events = "terminated probation after=60 ended=terminated probation after=60",
          .sent = "200/NOTIFY" },
        { .method = "NOTIFY", .sent = "481/NOTIFY" }, /* STOX-PRS-09 */
    };
    struct watch *w = watch_new(NULL);

    WATCH_STEPS(w, steps);
    assert_int_equal(sip_counters(w->f->sip)->subscriptions, 0);
    watch_free(w);
}

/* STOX-PRS-05, 06, 07: the first NOTIFY makes the dialog, whatever the 2xx says, and when it comes; forks get 481. */
static void notify_before_the_2xx(void **state)
{
    static const struct watch_step steps[] = {
        { .act = W_SUBSCRIBE, .arg = 3600, .sent = "SUBSCRIBE" },
        { .method = "NOTIFY",
          .more = "Record-Route: <sip:a.example;lr>, <sip:b.example;lr>\r\n",
          .events = "active",
          .sent = "200/NOTIFY" },
        { .method = "NOTIFY", .tag = "fork", .sent = "481/NOTIFY" },
        { .status = 200,
          .tag = "fork",
          .more = "Expires: 600\r\nRecord-Route: <sip:c.example;lr>\r\n",
          .events = "accepted=600" },
        { .act = W_REFRESH, .sent = "SUBSCRIBE", .has = "SUBSCRIBE sip:romeo@192.0.2.9:5070 SIP/2.0\r\n" },
    };
    struct watch *w = watch_new(NULL);
    const char *text;

    WATCH_STEPS(w, steps);
    text = fake_last(w->f);
    assert_true(fake_has(text, "\r\nRoute: <sip:a.example;lr>, <sip:b.example;lr>\r\n"));
    assert_true(fake_has(text, "\r\nTo: <sip:romeo@example.net>;tag=f1\r\n"));
    assert_true(fake_has(text, "\r\nCSeq: 2 SUBSCRIBE\r\n"));
    watch_free(w);
}

/* Also when the 2xx is lost altogether. */
static void notify_without_a_2xx(void **state)
{
    struct watch *w = watch_new(NULL);
    static const struct watch_step steps[] = {
        { .act = W_SUBSCRIBE, .arg = 3600, .sent = "SUBSCRIBE" },
        { .method = "NOTIFY", .events = "active", .sent = "200/NOTIFY" },
    };

    WATCH_STEPS(w, steps);
    watch_pass(w, 32100);
    assert_string_equal(w->events, "accepted=3600");
    assert_non_null(w->s);
    watch_free(w);
}

/* STOX-PRS-10 and RFC 3261 12.2.2: NOTIFYs that are refused, and change nothing. */
static void notifies_that_are_refused(void **state)
{
    static const struct watch_step steps[] = {
        { .method = "NOTIFY", .state = "-", .sent = "400/NOTIFY" },
        { .method = "NOTIFY", .state = ";expires=1", .sent = "400/NOTIFY" },
        { .method = "NOTIFY", .state = "active;expires=x", .sent = "400/NOTIFY" },
        { .method = "NOTIFY",
          .event = "Event: dialog\r\n",
          .sent = "489/NOTIFY",
          .has = "\r\nAllow-Events: presence\r\n" },
        { .method = "NOTIFY", .event = "", .sent = "489/NOTIFY" },
        { .method = "NOTIFY", .event = "Event: presence;id=1\r\n", .sent = "481/NOTIFY" },
        { .method = "NOTIFY", .cseq = "1", .branch = "old", .sent = "500/NOTIFY" },
        { .method = "NOTIFY", .tag = "f2", .sent = "481/NOTIFY" },
        { .method = "NOTIFY", .to = "0123456789abcdef", .sent = "481/NOTIFY" },
        { .method = "NOTIFY", .to = "-", .sent = "481/NOTIFY" },
        { .method = "NOTIFY", .call_id = "else", .sent = "481/NOTIFY" },
        { .method = "NOTIFY", .other_route = true, .sent = "403/NOTIFY" },
        { .method = "NOTIFY", .stranger = true },
        { .method = "SUBSCRIBE", .sent = "403/SUBSCRIBE" },
        { .method = "NOTIFY", .state = "whatever", .events = "active", .sent = "200/NOTIFY" },
    };
    struct watch *w = watch_out("");

    WATCH_STEPS(w, steps);
    watch_free(w);
}

/* What the owner does not take, and that the subscription goes on; or that it is gone meanwhile. */
static void the_owners_answer(void **state)
{
    static const struct watch_step refused[] = {
        { .method = "NOTIFY",
          .body = "x",
          .events = "active+",
          .sent = "415/NOTIFY",
          .has = "\r\nAccept: application/pidf+xml\r\n" },
        { .act = W_REFRESH, .sent = "SUBSCRIBE" },
    };
    static const struct watch_step dropped[] = {
        { .method = "NOTIFY", .events = "active", .sent = "200/NOTIFY" },
        { .method = "NOTIFY", .sent = "481/NOTIFY" },
    };
    struct watch *w = watch_out("");

    w->answers = 415;
    WATCH_STEPS(w, refused);
    watch_free(w);
    w = watch_out("");
    w->drops = true;
    WATCH_STEPS(w, dropped);
    watch_free(w);
}

/* STOX-PRS-08 */
static void timer_n(void **state)
{
    static const struct watch_step steps[] = {
        { .act = W_SUBSCRIBE, .arg = 3600, .sent = "SUBSCRIBE" },
        { .status = 200, .more = "Expires: 3600\r\n", .events = "accepted=3600" },
        { .pass = 31990 },
        { .pass = 20, .events = "ended=silent" },
    };
    static const struct watch_step after_a_refresh[] = {
        { .act = W_REFRESH, .sent = "SUBSCRIBE" },
        { .status = 200, .more = "Expires: 3600\r\n" },
        { .pass = 31990 },
        { .pass = 20, .events = "ended=silent" },
    };
    struct watch *w;

    WATCH_RUN(steps);
    w = watch_out("");
    WATCH_STEPS(w, after_a_refresh);
    watch_free(w);
}

static void first_refusals(void **state)
{
    static const struct {
        unsigned status;
        const char *more, *events;
    } cases[] = {
        { 403, "", "ended=refused 403" },
        { 404, "", "ended=refused 404" },
        { 408, "", "ended=refused 408" },
        { 423, "", "ended=refused 423" },
        { 423, "Min-Expires: 86401\r\n", "ended=refused 423" }, /* STOX-PRS-24 */
        { 423, "Min-Expires: 10\r\n", "ended=refused 423" },
        { 480, "Retry-After: 77\r\n", "ended=refused 480 after=77" },
        { 489, "", "ended=refused 489" },
        { 302, "", "ended=refused 302" },
        { 603, "", "ended=refused 603" },
    };

    for (size_t i = 0; i < N_OF(cases); i++) {
        struct watch *w = watch_new(NULL);
        const struct watch_step steps[] = {
            { .act = W_SUBSCRIBE, .arg = 3600, .sent = "SUBSCRIBE" },
            { .status = cases[i].status, .more = cases[i].more, .events = cases[i].events },
            { .method = "NOTIFY", .sent = "481/NOTIFY" },
        };

        WATCH_STEPS(w, steps);
        watch_free(w);
    }
}

/* STOX-PRS-18: once more with what is asked for, by the same dialog's Call-ID and the next CSeq; not a second time. */
static void too_brief(void **state)
{
    static const struct watch_step steps[] = {
        { .act = W_SUBSCRIBE, .arg = 3600, .sent = "SUBSCRIBE" },
        { .status = 423, .more = "Min-Expires: 7200\r\n", .sent = "SUBSCRIBE", .has = "\r\nExpires: 7200\r\n" },
        { .status = 423, .more = "Min-Expires: 9000\r\n", .events = "ended=refused 423" },
    };
    static const struct watch_step refresh[] = {
        { .act = W_REFRESH, .sent = "SUBSCRIBE" },
        { .status = 423, .more = "Min-Expires: 7200\r\n", .sent = "SUBSCRIBE", .has = "\r\nExpires: 7200\r\n" },
        { .status = 200, .more = "Expires: 7200\r\n" },
        { .method = "NOTIFY", .events = "active", .sent = "200/NOTIFY" },
    };
    struct watch *w = watch_new(NULL);

    WATCH_STEPS(w, steps);
    assert_true(fake_has(w->f->sent[1].text, "\r\nCSeq: 2 SUBSCRIBE\r\n"));
    watch_free(w);
    w = watch_out("");
    WATCH_STEPS(w, refresh);
    watch_free(w);
}

/* STOX-SIP-34 */
static void credentials(void **state)
{
    static const struct watch_step steps[] = {
        { .act = W_SUBSCRIBE, .arg = 3600, .sent = "SUBSCRIBE" },
        { .status = 401, .more = WATCH_ASKS, .sent = "SUBSCRIBE", .has = "\r\nAuthorization: Digest username=\"gw\"" },
        { .status = 200, .more = "Expires: 3600\r\n", .events = "accepted=3600" },
        { .method = "NOTIFY", .events = "active", .sent = "200/NOTIFY" },
        { .act = W_REFRESH, .sent = "SUBSCRIBE", .has = "\r\nCSeq: 3 SUBSCRIBE\r\n" },
    };
    struct watch *w = watch_new(NULL);

    w->has_account = true;
    WATCH_STEPS(w, steps);
    watch_free(w);
}

static void unreachable(void **state)
{
    struct watch *w = watch_new(NULL);

    w->f->reach = SIP_REACH_NONE;
    watch_subscribe(w, 3600);
    watch_pass(w, 33000);
    assert_string_equal(w->events, "ended=unreachable");
    watch_free(w);
    w = watch_new(NULL);
    watch_subscribe(w, 3600);
    watch_pass(w, 33000);
    assert_string_equal(w->events, "ended=unreachable");
    watch_free(w);
    w = watch_new(NULL);
    w->no_way = true;
    watch_subscribe(w, 3600);
    watch_pass(w, 1);
    assert_string_equal(w->events, "ended=unreachable");
    watch_free(w);
}

/* STOX-PRS-12, 13: at max(e/2, e - 60 s), up to a tenth earlier, by what the notifier grants, never longer than asked for. */
static void when_it_is_refreshed(void **state)
{
    static const struct {
        const char *answer, *notify;
        unsigned from_s, until_s;
    } cases[] = {
        { "Expires: 3600\r\n", "active;expires=3600", 3186, 3540 },
        { "", "active", 3186, 3540 },
        { "Expires: 60\r\n", "active", 27, 30 },
        { "Expires: 60\r\n", "active;expires=3600", 27, 30 },
        { "Expires: 120\r\n", "active;expires=120", 54, 60 },
        { "Expires: 99999\r\n", "active;expires=99999", 3186, 3540 },
        { "Expires: 3600\r\n", "active;expires=600", 486, 540 },
        { "Expires: 3600\r\n", "pending;expires=100", 45, 50 },
    };

    for (size_t i = 0; i < N_OF(cases); i++) {
        struct watch *w = watch_new(NULL);
        const struct watch_step steps[] = {
            { .act = W_SUBSCRIBE, .arg = 3600, .sent = "SUBSCRIBE" },
            { .status = 200, .more = cases[i].answer },
            { .method = "NOTIFY", .state = cases[i].notify, .sent = "200/NOTIFY" },
        };

        w->many = true; /* no events */
        watch_steps(w, steps, 3, cases[i].notify);
        w->f->n_sent = w->n_seen = 0;
        watch_pass(w, 1000ull * cases[i].from_s - 10);
        assert_int_equal(w->f->n_sent, 0);
        watch_pass(w, 1000ull * (cases[i].until_s - cases[i].from_s) + 20);
        assert_true(w->f->n_sent > 0);
        watch_free(w);
    }
}

/* RFC 6665 4.1.2.2 (STOX-PRS-17, 19): which failures of a refresh end the subscription, and which leave it as it was. */
static void refresh_failures(void **state)
{
    static const struct {
        unsigned status;
        const char *events; /* NULL: it goes on */
    } cases[] = {
        { 400, NULL },
        { 401, "ended=lost 401" },
        { 403, "ended=lost 403" },
        { 404, "ended=lost 404" },
        { 405, "ended=lost 405" },
        { 408, NULL },
        { 410, "ended=lost 410" },
        { 416, "ended=lost 416" },
        { 423, "ended=lost 423" }, /* without Min-Expires */
        { 480, "ended=lost 480" },
        { 481, "ended=lost 481" },
        { 482, "ended=lost 482" },
        { 483, "ended=lost 483" },
        { 484, "ended=lost 484" },
        { 485, "ended=lost 485" },
        { 486, NULL },
        { 489, "ended=lost 489" },
        { 500, NULL },
        { 501, "ended=lost 501" },
        { 503, NULL },
        { 504, NULL },
        { 603, "ended=lost 603" },
        { 604, "ended=lost 604" },
    };

    for (size_t i = 0; i < N_OF(cases); i++) {
        struct watch *w = watch_out("");
        const struct watch_step steps[] = {
            { .act = W_REFRESH, .sent = "SUBSCRIBE" },
            { .status = cases[i].status, .events = cases[i].events },
            { .method = "NOTIFY",
              .events = cases[i].events ? NULL : "active",
              .sent = cases[i].events ? "481/NOTIFY" : "200/NOTIFY" },
        };

        WATCH_STEPS(w, steps);
        watch_free(w);
    }
}

/* It is tried again until its time is over. */
static void a_refresh_that_fails_for_a_while(void **state)
{
    struct watch *w = watch_out("");
    static const struct watch_step steps[] = {
        { .act = W_REFRESH, .sent = "SUBSCRIBE" },
        { .status = 500, .more = "Retry-After: 30\r\n" },
        { .pass = 29990 },
        { .pass = 3010, .sent = "SUBSCRIBE" },
        { .status = 500 },
    };

    w->tcp = true;
    WATCH_STEPS(w, steps);
    w->f->reach = SIP_REACH_NONE;
    watch_pass(w, 3600000);
    assert_string_equal(w->events, "ended=lost");
    watch_free(w);
    w = watch_out("");
    sip_sub_refresh(w->s);
    watch_pass(w, 32100); /* silence: Timer N */
    assert_string_equal(w->events, "ended=lost");
    watch_free(w);
}

/* STOX-PRS-15: nobody looks any more; a refresh by the owner brings it back. */
static void lapse(void **state)
{
    static const struct watch_step steps[] = {
        { .pass = 3590000, .events = "no-refresh" },
        { .method = "NOTIFY", .state = "active", .events = "active", .sent = "200/NOTIFY" },
        { .act = W_REFRESH, .sent = "SUBSCRIBE" },
        { .status = 200, .more = "Expires: 3600\r\n" },
        { .method = "NOTIFY", .events = "active", .sent = "200/NOTIFY" },
        { .pass = 3590000, .events = "no-refresh" },
        { .pass = 10001, .events = "ended=lapsed" },
    };
    static const struct watch_step told[] = {
        { .pass = 3590000, .events = "no-refresh" },
        { .method = "NOTIFY",
          .state = "terminated;reason=timeout",
          .events = "terminated timeout ended=lapsed timeout",
          .sent = "200/NOTIFY" },
    };
    struct watch *w = watch_out("");

    w->no_refresh = true;
    WATCH_STEPS(w, steps);
    watch_free(w);
    w = watch_out("");
    w->no_refresh = true;
    WATCH_STEPS(w, told);
    watch_free(w);
}

/* STOX-PRS-25 to 27 */
static void unsubscribe(void **state)
{
    static const struct watch_step ordinary[] = {
        { .act = W_UNSUBSCRIBE, .sent = "SUBSCRIBE", .has = "\r\nExpires: 0\r\n" },
        { .status = 200 },
        { .method = "NOTIFY",
          .state = "terminated;reason=timeout",
          .events = "terminated timeout ended=unsubscribed timeout",
          .sent = "200/NOTIFY" },
    };
    static const struct watch_step notify_first[] = {
        { .act = W_UNSUBSCRIBE, .sent = "SUBSCRIBE" },
        { .method = "NOTIFY", .state = "terminated", .events = "terminated", .sent = "200/NOTIFY" },
        { .status = 200, .events = "ended=unsubscribed" },
    };
    static const struct watch_step no_notify[] = {
        { .act = W_UNSUBSCRIBE, .sent = "SUBSCRIBE" },
        { .status = 200 },
        { .pass = 32001, .events = "ended=unsubscribed" },
    };
    static const struct watch_step refused[] = {
        { .act = W_UNSUBSCRIBE, .sent = "SUBSCRIBE" },
        { .status = 481, .events = "ended=unsubscribed 481" },
    };
    static const struct watch_step forgotten[] = {
        { .act = W_LEAVE, .sent = "SUBSCRIBE", .has = "\r\nExpires: 0\r\n" },
        { .status = 200 },
        { .method = "NOTIFY", .state = "terminated", .events = "terminated ended=unsubscribed", .sent = "200/NOTIFY" },
    };
    static const struct watch_step crossing[] = {
        { .act = W_REFRESH, .sent = "SUBSCRIBE" },
        { .act = W_UNSUBSCRIBE },
        { .status = 200, .sent = "SUBSCRIBE", .has = "\r\nExpires: 0\r\n" },
        { .status = 200 },
        { .method = "NOTIFY", .state = "terminated", .events = "terminated ended=unsubscribed", .sent = "200/NOTIFY" },
    };
    static const struct {
        const struct watch_step *steps;
        size_t n;
    } cases[] = { { ordinary, N_OF(ordinary) }, { notify_first, N_OF(notify_first) }, { no_notify, N_OF(no_notify) },
                  { refused, N_OF(refused) },   { forgotten, N_OF(forgotten) },       { crossing, N_OF(crossing) } };

    for (size_t i = 0; i < N_OF(cases); i++) {
        struct watch *w = watch_out("");

        watch_steps(w, cases[i].steps, cases[i].n, "unsubscribe");
        assert_int_equal(sip_counters(w->f->sip)->subscriptions, 0);
        watch_free(w);
    }
}

static void unsubscribe_early(void **state)
{
    static const struct watch_step before_all[] = {
        { .act = W_SUBSCRIBE, .arg = 3600, .sent = "SUBSCRIBE" },
        { .act = W_UNSUBSCRIBE },
        { .status = 200, .events = "accepted=3600" },
        { .method = "NOTIFY", .events = "active", .sent = "200/NOTIFY SUBSCRIBE", .has = "\r\nExpires: 0\r\n" },
        { .status = 200 },
        { .method = "NOTIFY", .state = "terminated", .events = "terminated ended=unsubscribed", .sent = "200/NOTIFY" },
    };
    static const struct watch_step refused[] = {
        { .act = W_SUBSCRIBE, .arg = 3600, .sent = "SUBSCRIBE" },
        { .act = W_UNSUBSCRIBE },
        { .status = 404, .events = "ended=unsubscribed 404" },
    };
    struct watch *w = watch_new(NULL);

    WATCH_RUN(before_all);
    WATCH_RUN(refused);
    watch_subscribe(w, 3600);
    sip_sub_unsubscribe(w->s);
    watch_pass(w, 1);
    assert_string_equal(w->events, "ended=unsubscribed");
    assert_int_equal(w->f->n_sent, 0);
    watch_free(w);
}

/* STOX-PRS-34: a question and one answer. */
static void poll(void **state)
{
    static const struct watch_step steps[] = {
        { .act = W_SUBSCRIBE, .sent = "SUBSCRIBE", .has = "\r\nExpires: 0\r\n" },
        { .status = 200, .more = "Expires: 0\r\n", .events = "accepted=0" },
        { .method = "NOTIFY",
          .state = "terminated;reason=timeout",
          .body = "<presence/>",
          .events = "terminated+ timeout ended=terminated timeout",
          .sent = "200/NOTIFY" },
    };
    static const struct watch_step odd[] = {
        { .act = W_SUBSCRIBE, .sent = "SUBSCRIBE" },
        { .method = "NOTIFY", .state = "active;expires=5", .events = "active ended=terminated", .sent = "200/NOTIFY" },
        { .status = 200 },
    };
    static const struct watch_step silent[] = {
        { .act = W_SUBSCRIBE, .sent = "SUBSCRIBE" },
        { .status = 200, .events = "accepted=0" },
        { .pass = 32001, .events = "ended=silent" },
    };

    WATCH_RUN(steps);
    WATCH_RUN(odd);
    WATCH_RUN(silent);
}

/* STOX-PRS-21: another one has nothing of the one before. */
static void a_new_one_is_new(void **state)
{
    struct watch *w = watch_new(NULL);
    char call_id[64], tag[20];
    static const struct watch_step first[] = {
        { .act = W_SUBSCRIBE, .arg = 3600, .sent = "SUBSCRIBE" },
        { .status = 481, .events = "ended=refused 481" },
    };
    static const struct watch_step second[] = { { .act = W_SUBSCRIBE, .arg = 3600, .sent = "SUBSCRIBE" } };

    WATCH_STEPS(w, first);
    fake_copy(call_id, sizeof(call_id), w->call_id);
    fake_copy(tag, sizeof(tag), w->ours);
    WATCH_STEPS(w, second);
    assert_string_not_equal(call_id, w->call_id);
    assert_string_not_equal(tag, w->ours);
    watch_free(w);
}

/* What the peer's NOTIFYs say of where we are to send. */
static void target_refresh(void **state)
{
    static const struct watch_step steps[] = {
        { .method = "NOTIFY",
          .contact = "Contact: <sip:romeo@192.0.2.88>\r\n",
          .events = "active",
          .sent = "200/NOTIFY" },
        { .act = W_REFRESH, .sent = "SUBSCRIBE", .has = "SUBSCRIBE sip:romeo@192.0.2.88 SIP/2.0\r\n" },
        { .status = 200, .more = "Contact: <sip:romeo@192.0.2.99>\r\n" },
        { .act = W_UNSUBSCRIBE, .sent = "SUBSCRIBE", .has = "SUBSCRIBE sip:romeo@192.0.2.99 SIP/2.0\r\n" },
    };
    struct watch *w = watch_out("");

    WATCH_STEPS(w, steps);
    watch_free(w);
}

static void what_is_shown(void **state)
{
    struct watch *w = watch_out("");
    struct sip_sub_info info;

    watch_pass(w, 100000);
    sip_sub_show(w->s, &info);
    assert_false(info.notifier);
    assert_int_equal(info.state, SIP_SUB_ACTIVE);
    assert_int_equal(info.expires_in_s, 3500);
    assert_true(slice_is(info.remote_target, "sip:romeo@192.0.2.9:5070"));
    assert_true(slice_is(info.route, "romeo-route"));
    assert_true(slice_is(info.call_id, w->call_id));
    assert_int_equal(info.notices, 1);
    watch_free(w);
}

/* STOX-PRS-90: nothing is sent, and nothing kept, beyond the limits. */
static void limits(void **state)
{
    struct watch *w = watch_new(NULL);
    static const struct watch_step one[] = { { .act = W_SUBSCRIBE, .arg = 3600, .sent = "SUBSCRIBE" } };
    static const struct watch_step full[] = { { .act = W_SUBSCRIBE, .arg = 3600, .events = "full" } };

    for (unsigned i = 0; i < 4; i++)
        WATCH_STEPS(w, one);
    WATCH_STEPS(w, full);
    assert_int_equal(sip_counters(w->f->sip)->subscriptions, 4);
    watch_free(w);
}

/* Behind a server that is silent, each hears in time what becomes of its subscription, also when it never has its turn. */
static void no_turn(void **state)
{
    struct sip_conf conf = watch_conf();
    struct watch *w;

    conf.txns_max = 9; /* two at a time with one route */
    w = watch_new(&conf);
    w->many = w->tcp = true;
    for (unsigned i = 0; i < 4; i++)
        watch_subscribe(w, 3600);
    watch_pass(w, 31900);
    assert_int_equal(w->f->n_sent, 2);
    watch_pass(w, 200);
    assert_int_equal(w->n_ended, 4);
    assert_int_equal(sip_counters(w->f->sip)->subscriptions, 0);
    watch_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_sent),
        cmocka_unit_test(the_ordinary),
        cmocka_unit_test(notify_before_the_2xx),
        cmocka_unit_test(notify_without_a_2xx),
        cmocka_unit_test(notifies_that_are_refused),
        cmocka_unit_test(the_owners_answer),
        cmocka_unit_test(timer_n),
        cmocka_unit_test(first_refusals),
        cmocka_unit_test(too_brief),
        cmocka_unit_test(credentials),
        cmocka_unit_test(unreachable),
        cmocka_unit_test(when_it_is_refreshed),
        cmocka_unit_test(refresh_failures),
        cmocka_unit_test(a_refresh_that_fails_for_a_while),
        cmocka_unit_test(lapse),
        cmocka_unit_test(unsubscribe),
        cmocka_unit_test(unsubscribe_early),
        cmocka_unit_test(poll),
        cmocka_unit_test(a_new_one_is_new),
        cmocka_unit_test(target_refresh),
        cmocka_unit_test(what_is_shown),
        cmocka_unit_test(limits),
        cmocka_unit_test(no_turn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
