/*
 * Catalogue sections 8 and 12: what the SIP stack decides about event subscriptions by itself. The sequences in all their cases are
 * in tests/unit/sip (test_notifier.c, test_subscriber.c); here is what each requirement asks for.
 */
#include "../unit/sip/watch.h"

#define SUBSCRIBES                                                                                                     \
    {                                                                                                                  \
        .act = W_SUBSCRIBE, .arg = 3600, .sent = "SUBSCRIBE"                                                           \
    }
#define NOTIFY_COMES                                                                                                   \
    {                                                                                                                  \
        .method = "NOTIFY", .events = "active", .sent = "200/NOTIFY"                                                   \
    }

static void run_in(const struct watch_step *steps, size_t n, const char *where)
{
    struct watch *w = watch_in("");

    watch_steps(w, steps, n, where);
    watch_free(w);
}

static void run_out(const struct watch_step *steps, size_t n, const char *where)
{
    struct watch *w = watch_out("");

    watch_steps(w, steps, n, where);
    watch_free(w);
}

#define RUN_IN(steps) run_in(steps, N_OF(steps), __func__)
#define RUN_OUT(steps) run_out(steps, N_OF(steps), __func__)

/* ---- we watch ---- */

static void STOX_PRS_05_notify_before_the_2xx(void **state)
{
    static const struct watch_step steps[] = {
        SUBSCRIBES,
        NOTIFY_COMES,
        { .status = 200, .more = "Expires: 3600\r\n", .events = "accepted=3600" },
        NOTIFY_COMES,
    };

    WATCH_RUN(steps);
}

static void STOX_PRS_06_route_set_of_the_notify(void **state)
{
    static const struct watch_step steps[] = {
        SUBSCRIBES,
        { .status = 200, .more = "Record-Route: <sip:wrong.example;lr>\r\n", .events = "accepted=3600" },
        { .method = "NOTIFY",
          .more = "Record-Route: <sip:right.example;lr>\r\n",
          .events = "active",
          .sent = "200/NOTIFY" },
        { .act = W_REFRESH, .sent = "SUBSCRIBE", .has = "\r\nRoute: <sip:right.example;lr>\r\n" },
    };

    WATCH_RUN(steps);
}

static void STOX_PRS_07_other_forks_get_481(void **state)
{
    static const struct watch_step steps[] = {
        { .method = "NOTIFY", .tag = "fork", .sent = "481/NOTIFY" },
        NOTIFY_COMES,
    };

    RUN_OUT(steps);
}

static void STOX_PRS_08_timer_n(void **state)
{
    static const struct watch_step steps[] = {
        SUBSCRIBES,
        { .status = 200, .events = "accepted=3600" },
        { .pass = 31999 },
        { .pass = 2, .events = "ended=silent" },
        { .method = "NOTIFY", .sent = "481/NOTIFY" },
    };

    WATCH_RUN(steps);
}

static void STOX_PRS_09_unmatched_notify_gets_481(void **state)
{
    static const struct watch_step steps[] = {
        { .method = "NOTIFY", .to = "0123456789abcdef", .sent = "481/NOTIFY" },
        { .method = "NOTIFY", .to = "-", .sent = "481/NOTIFY" },
        { .method = "NOTIFY", .call_id = "other", .sent = "481/NOTIFY" },
    };

    RUN_OUT(steps);
}

static void STOX_PRS_10_bad_notifies(void **state)
{
    static const struct watch_step steps[] = {
        { .method = "NOTIFY", .state = "-", .sent = "400/NOTIFY" },
        { .method = "NOTIFY", .event = "Event: dialog\r\n", .sent = "489/NOTIFY" },
        { .method = "NOTIFY",
          .body = "x",
          .events = "active+",
          .sent = "415/NOTIFY",
          .has = "\r\nAccept: application/pidf+xml\r\n" },
    };
    struct watch *w = watch_out("");

    w->answers = 415;
    WATCH_STEPS(w, steps);
    watch_free(w);
}

static void STOX_PRS_12_the_shorter_time_counts(void **state)
{
    static const struct watch_step steps[] = {
        SUBSCRIBES,
        { .status = 200, .more = "Expires: 60\r\n", .events = "accepted=60" },
        { .method = "NOTIFY", .state = "active;expires=3600", .events = "active", .sent = "200/NOTIFY" },
        { .pass = 26900 },
        { .pass = 3200, .sent = "SUBSCRIBE" },
    };
    struct watch *w = watch_new(NULL);

    w->tcp = true;
    WATCH_STEPS(w, steps);
    watch_free(w);
}

static void STOX_PRS_13_refreshed_well_before_its_end(void **state)
{
    struct watch *w = watch_out("");
    size_t n = w->f->n_sent;
    unsigned s = 0;

    for (; s < 3600 && w->f->n_sent == n; s++)
        watch_pass(w, 1000);
    assert_true(s >= 3186 && s <= 3540); /* at e - 60 s, a tenth earlier at most */
    assert_true(fake_has(fake_last(w->f), "\r\nCSeq: 2 SUBSCRIBE\r\n"));
    watch_free(w);
}

static void STOX_PRS_19_what_ends_a_subscription_at_its_refresh(void **state)
{
    static const unsigned ends[] = { 404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604 };
    static const struct watch_step lasts[] = {
        { .act = W_REFRESH, .sent = "SUBSCRIBE" },
        { .status = 500 },
        NOTIFY_COMES,
    };

    for (size_t i = 0; i < N_OF(ends); i++) {
        char event[32];
        const struct watch_step steps[] = {
            { .act = W_REFRESH, .sent = "SUBSCRIBE" },
            { .status = ends[i], .events = event },
            { .method = "NOTIFY", .sent = "481/NOTIFY" },
        };

        snprintf(event, sizeof(event), "ended=lost %u", ends[i]);
        RUN_OUT(steps);
    }
    RUN_OUT(lasts);
}

static void STOX_PRS_21_a_new_one_has_new_names(void **state)
{
    static const struct watch_step steps[] = { SUBSCRIBES, { .status = 481, .events = "ended=refused 481" } };
    struct watch *w = watch_new(NULL);
    char call_id[64], tag[20];

    WATCH_STEPS(w, steps);
    fake_copy(call_id, sizeof(call_id), w->call_id);
    fake_copy(tag, sizeof(tag), w->ours);
    WATCH_STEPS(w, steps);
    assert_string_not_equal(call_id, w->call_id);
    assert_string_not_equal(tag, w->ours);
    watch_free(w);
}

static void STOX_PRS_23_expires_of_terminated_means_nothing(void **state)
{
    static const struct watch_step steps[] = {
        { .method = "NOTIFY",
          .state = "terminated;expires=500",
          .events = "terminated ended=terminated",
          .sent = "200/NOTIFY" },
        { .method = "NOTIFY", .sent = "481/NOTIFY" },
    };

    RUN_OUT(steps);
}

static void STOX_PRS_25_expires_0_in_the_dialog(void **state)
{
    static const struct watch_step steps[] = {
        { .act = W_UNSUBSCRIBE, .sent = "SUBSCRIBE", .has = "\r\nExpires: 0\r\n" },
    };
    struct watch *w = watch_out("");

    WATCH_STEPS(w, steps);
    assert_true(fake_has(fake_last(w->f), "\r\nTo: <sip:romeo@example.net>;tag=f1\r\n"));
    assert_true(fake_has(fake_last(w->f), "\r\nCSeq: 2 SUBSCRIBE\r\n"));
    watch_free(w);
}

static void STOX_PRS_27_the_last_notify_is_the_notifiers(void **state)
{
    static const struct watch_step steps[] = {
        { .act = W_UNSUBSCRIBE, .sent = "SUBSCRIBE" },
        { .status = 200 },
        { .method = "NOTIFY",
          .state = "terminated;reason=timeout",
          .events = "terminated timeout ended=unsubscribed timeout",
          .sent = "200/NOTIFY" },
        { .pass = 60000 },
    };

    RUN_OUT(steps);
}

/* ---- we are watched ---- */

static void STOX_PRS_52_notify_after_each_2xx(void **state)
{
    static const struct watch_step steps[] = {
        { .method = "SUBSCRIBE", .events = "subscribe=3600" },
        { .act = W_ACCEPT,
          .says = "pending",
          .events = "describe",
          .sent = "200/SUBSCRIBE NOTIFY",
          .has = "\r\nSubscription-State: pending;expires=3600\r\nContent-Length: 0\r\n\r\n" },
        { .status = 200 },
        { .method = "SUBSCRIBE", .events = "refreshed describe", .sent = "200/SUBSCRIBE NOTIFY" },
    };

    WATCH_RUN(steps);
}

static void STOX_PRS_55_expires_is_what_is_left(void **state)
{
    static const struct watch_step steps[] = {
        { .pass = 600000 },
        { .act = W_CHANGED,
          .events = "describe",
          .sent = "NOTIFY",
          .has = "\r\nSubscription-State: active;expires=3000\r\n" },
    };

    RUN_IN(steps);
}

static void STOX_PRS_56_notify_is_in_the_dialog(void **state)
{
    struct watch *w = watch_in("Record-Route: <sip:edge.example;lr>\r\n");
    const char *text = fake_last(w->f);

    assert_true(fake_has(text, "NOTIFY sip:romeo@192.0.2.9:5070 SIP/2.0\r\n"));
    assert_true(fake_has(text, "\r\nFrom: <sip:juliet@example.com>;tag="));
    assert_true(fake_has(text, "\r\nTo: <sip:romeo@example.net>;tag=f1\r\n"));
    assert_true(fake_has(text, "\r\nCall-ID: call1@192.0.2.9\r\nCSeq: 1 NOTIFY\r\n"));
    assert_true(fake_has(text, "\r\nRoute: <sip:edge.example;lr>\r\n"));
    assert_true(fake_has(text, "\r\nContact: <sip:juliet@gw.example.net:5060>\r\n"));
    watch_free(w);
}

static void granted(const char *more, const char *events, const char *sent, const char *has)
{
    const struct watch_step steps[] = {
        { .method = "SUBSCRIBE", .more = more, .events = events, .sent = sent },
    };
    struct watch *w = watch_new(NULL);

    watch_steps(w, steps, 1, more);
    if (w->s)
        watch_accept(w, w->s);
    if (!fake_has(fake_last(w->f), has))
        fail_msg("\"%s\": %s", more, fake_last(w->f));
    watch_free(w);
}

static void STOX_PRS_58_an_hour_unless_it_says(void **state)
{
    granted("", "subscribe=3600", NULL, "\r\nExpires: 3600\r\n");
}

static void STOX_PRS_59_expires_within_our_limits(void **state)
{
    granted("Expires: 600\r\n", "subscribe=600", NULL, "\r\nExpires: 600\r\n");
    granted("Expires: 90000\r\n", "subscribe=7200", NULL, "\r\nExpires: 7200\r\n");
    granted("Expires: 5\r\n", NULL, "423/SUBSCRIBE", "\r\nMin-Expires: 60\r\n");
}

static void STOX_PRS_60_unknown_events(void **state)
{
    static const struct watch_step steps[] = {
        { .method = "SUBSCRIBE",
          .event = "Event: foo\r\n",
          .sent = "489/SUBSCRIBE",
          .has = "\r\nAllow-Events: presence\r\n" },
        { .method = "SUBSCRIBE", .event = "", .sent = "489/SUBSCRIBE", .has = "\r\nAllow-Events: presence\r\n" },
    };

    WATCH_RUN(steps);
}

static void STOX_PRS_61_accept_without_pidf(void **state)
{
    granted("Accept: text/plain\r\n", NULL, "406/SUBSCRIBE", "SIP/2.0 406 ");
    granted("Accept: text/plain, */*\r\n", "subscribe=3600", NULL, "SIP/2.0 200 ");
    granted("Accept: application/*\r\n", "subscribe=3600", NULL, "SIP/2.0 200 ");
}

static void STOX_PRS_71_which_failures_of_a_notify_end_it(void **state)
{
    static const unsigned ends[] = { 404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604 };
    static const struct watch_step lasts[] = {
        { .act = W_URGENT, .events = "describe", .sent = "NOTIFY" },
        { .status = 500 },
        { .act = W_URGENT, .events = "describe", .sent = "NOTIFY" },
    };
    struct watch *w;

    for (size_t i = 0; i < N_OF(ends); i++) {
        char event[32];
        const struct watch_step steps[] = {
            { .act = W_URGENT, .events = "describe", .sent = "NOTIFY" },
            { .status = ends[i], .events = event },
            { .method = "SUBSCRIBE", .sent = "481/SUBSCRIBE" },
        };

        snprintf(event, sizeof(event), "ended=failed %u", ends[i]);
        RUN_IN(steps);
    }
    RUN_IN(lasts);
    w = watch_in(""); /* Timer F */
    sip_sub_changed(w->s, true);
    watch_pass(w, 32100);
    assert_string_equal(w->events, "describe ended=failed");
    watch_free(w);
}

static void STOX_PRS_73_one_notify_in_5_seconds(void **state)
{
    struct watch *w = watch_in("");
    static const struct watch_step terminated[] = {
        { .act = W_END, .sent = "NOTIFY", .has = "\r\nSubscription-State: terminated;reason=rejected\r\n" },
    };

    w->f->n_sent = w->n_seen = 0;
    for (unsigned i = 0; i < 20; i++) {
        sip_sub_changed(w->s, false);
        watch_pass(w, 50);
    }
    assert_int_equal(w->f->n_sent, 0);
    watch_pass(w, 4001);
    assert_int_equal(w->f->n_sent, 1);
    watch_answered(w, &(struct watch_step){ .status = 200 });
    sip_sub_changed(w->s, false);
    w->n_seen = w->f->n_sent;
    w->events[0] = '\0';
    WATCH_STEPS(w, terminated); /* never delayed */
    watch_free(w);
}

static void STOX_PRS_85_cancel_has_no_effect(void **state)
{
    static const struct watch_step steps[] = {
        { .method = "SUBSCRIBE", .cseq = "1", .branch = "s", .events = "subscribe=3600" },
        { .method = "CANCEL", .cseq = "1", .branch = "s", .to = "-", .sent = "200/CANCEL" },
        { .act = W_ACCEPT, .events = "describe", .sent = "200/SUBSCRIBE NOTIFY" },
        { .method = "CANCEL", .cseq = "1", .branch = "none", .to = "-", .sent = "481/CANCEL" },
    };

    WATCH_RUN(steps);
}

static void STOX_PRS_86_one_event_in_a_dialog(void **state)
{
    static const struct watch_step second[] = {
        { .method = "SUBSCRIBE", .event = "Event: dialog\r\n", .sent = "403/SUBSCRIBE" },
    };
    static const struct watch_step id[] = {
        { .method = "SUBSCRIBE", .event = "Event: presence;id=x\r\n", .events = "subscribe=3600" },
        { .act = W_ACCEPT,
          .events = "describe",
          .sent = "200/SUBSCRIBE NOTIFY",
          .has = "\r\nEvent: presence;id=x\r\n" },
    };

    RUN_IN(second);
    WATCH_RUN(id);
}

static void STOX_PRS_89_without_publish_405(void **state)
{
    struct sip_event_ops events = watch_event_ops;
    struct sip_ops ops = watch_ops;
    struct sip_conf conf = watch_conf();
    struct watch *w;

    events.publish = NULL;
    ops.events = &events;
    conf.ops = &ops;
    w = watch_new(&conf);
    watch_takes(w, &(struct watch_step){ .method = "PUBLISH" });
    assert_true(fake_has(fake_last(w->f), "SIP/2.0 405 "));
    assert_true(fake_has(fake_last(w->f), "\r\nAllow: "));
    assert_false(fake_has(fake_last(w->f), "PUBLISH,"));
    watch_free(w);
}

/* ---- SIP, security ---- */

static void STOX_SIP_12_options_name_the_event_package(void **state)
{
    static const struct watch_step steps[] = {
        { .method = "OPTIONS", .event = "", .sent = "200/OPTIONS", .has = "\r\nAllow-Events: presence\r\n" },
    };

    WATCH_RUN(steps);
}

static size_t contacts(const char *text)
{
    size_t n = 0;

    for (; (text = strstr(text, "\r\nContact: <sip:juliet@gw.example.net:5060>\r\n")); text++)
        n++;
    return n;
}

static void STOX_SIP_32_one_contact_in_subscribe_notify_and_their_2xx(void **state)
{
    struct watch *w = watch_in("");

    assert_int_equal(contacts(w->f->sent[0].text), 1); /* 200 */
    assert_int_equal(contacts(w->f->sent[1].text), 1); /* NOTIFY */
    watch_free(w);
    w = watch_out("");
    assert_int_equal(contacts(w->f->sent[0].text), 1); /* SUBSCRIBE */
    assert_int_equal(contacts(w->f->sent[1].text), 1); /* 200 */
    watch_free(w);
}

static void STOX_SIP_37_target_refresh_by_subscribe_and_notify(void **state)
{
    static const struct watch_step subscribe[] = {
        { .method = "SUBSCRIBE",
          .contact = "Contact: <sip:romeo@192.0.2.66>\r\n",
          .events = "refreshed describe",
          .sent = "200/SUBSCRIBE NOTIFY",
          .has = "NOTIFY sip:romeo@192.0.2.66 SIP/2.0\r\n" },
    };
    static const struct watch_step notify[] = {
        { .method = "NOTIFY",
          .contact = "Contact: <sip:romeo@192.0.2.66>\r\n",
          .events = "active",
          .sent = "200/NOTIFY" },
        { .act = W_REFRESH, .sent = "SUBSCRIBE", .has = "SUBSCRIBE sip:romeo@192.0.2.66 SIP/2.0\r\n" },
    };

    RUN_IN(subscribe);
    RUN_OUT(notify);
}

/* The Contact names somebody else: the NOTIFY goes to the route's server all the same. A stranger's SUBSCRIBE leads to nothing. */
static void STOX_SEC_17_notify_goes_by_the_route_only(void **state)
{
    static const struct watch_step victim[] = {
        { .method = "SUBSCRIBE", .contact = "Contact: <sip:victim@203.0.113.5>\r\n", .events = "subscribe=3600" },
        { .act = W_ACCEPT, .events = "describe", .sent = "200/SUBSCRIBE NOTIFY" },
    };
    static const struct watch_step stranger[] = {
        { .method = "SUBSCRIBE", .stranger = true },
        { .pass = 60000 },
    };
    struct watch *w = watch_new(NULL);
    struct addr server = fake_addr("192.0.2.9:5060");

    WATCH_STEPS(w, victim);
    assert_true(addr_eq(&w->f->sent[1].flow.peer, &server));
    watch_free(w);
    WATCH_RUN(stranger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(STOX_PRS_05_notify_before_the_2xx),
        cmocka_unit_test(STOX_PRS_06_route_set_of_the_notify),
        cmocka_unit_test(STOX_PRS_07_other_forks_get_481),
        cmocka_unit_test(STOX_PRS_08_timer_n),
        cmocka_unit_test(STOX_PRS_09_unmatched_notify_gets_481),
        cmocka_unit_test(STOX_PRS_10_bad_notifies),
        cmocka_unit_test(STOX_PRS_12_the_shorter_time_counts),
        cmocka_unit_test(STOX_PRS_13_refreshed_well_before_its_end),
        cmocka_unit_test(STOX_PRS_19_what_ends_a_subscription_at_its_refresh),
        cmocka_unit_test(STOX_PRS_21_a_new_one_has_new_names),
        cmocka_unit_test(STOX_PRS_23_expires_of_terminated_means_nothing),
        cmocka_unit_test(STOX_PRS_25_expires_0_in_the_dialog),
        cmocka_unit_test(STOX_PRS_27_the_last_notify_is_the_notifiers),
        cmocka_unit_test(STOX_PRS_52_notify_after_each_2xx),
        cmocka_unit_test(STOX_PRS_55_expires_is_what_is_left),
        cmocka_unit_test(STOX_PRS_56_notify_is_in_the_dialog),
        cmocka_unit_test(STOX_PRS_58_an_hour_unless_it_says),
        cmocka_unit_test(STOX_PRS_59_expires_within_our_limits),
        cmocka_unit_test(STOX_PRS_60_unknown_events),
        cmocka_unit_test(STOX_PRS_61_accept_without_pidf),
        cmocka_unit_test(STOX_PRS_71_which_failures_of_a_notify_end_it),
        cmocka_unit_test(STOX_PRS_73_one_notify_in_5_seconds),
        cmocka_unit_test(STOX_PRS_85_cancel_has_no_effect),
        cmocka_unit_test(STOX_PRS_86_one_event_in_a_dialog),
        cmocka_unit_test(STOX_PRS_89_without_publish_405),
        cmocka_unit_test(STOX_SIP_12_options_name_the_event_package),
        cmocka_unit_test(STOX_SIP_32_one_contact_in_subscribe_notify_and_their_2xx),
        cmocka_unit_test(STOX_SIP_37_target_refresh_by_subscribe_and_notify),
        cmocka_unit_test(STOX_SEC_17_notify_goes_by_the_route_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
