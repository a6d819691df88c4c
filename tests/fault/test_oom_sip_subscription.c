/*
 * Event subscriptions with memory running out: each one that the owner heard of ends in one way that it hears of, each SUBSCRIBE gets
 * one final answer, nothing stays, and the next one is as good as any.
 */
#include "../unit/sip/watch.h"

#include "oom.h"

/* Messages are parsed with memory there; what the stack does with them is done without. */
enum sip_next __wrap_sip_take(struct sip *sip, enum sip_parse parse, const struct sip_msg *m, const char *fault,
                              const struct sip_source *source);
enum sip_next __real_sip_take(struct sip *sip, enum sip_parse parse, const struct sip_msg *m, const char *fault,
                              const struct sip_source *source);

enum sip_next __wrap_sip_take(struct sip *sip, enum sip_parse parse, const struct sip_msg *m, const char *fault,
                              const struct sip_source *source)
{
    enum sip_next next;

    OOM(next = __real_sip_take(sip, parse, m, fault, source));
    return next;
}

static size_t count(const char *text, const char *word)
{
    size_t n = 0;

    for (const char *at = text; (at = strstr(at, word)); at += strlen(word))
        n++;
    return n;
}

/* Whatever went before: a subscription from start to end, and then nothing is left. */
static void goes_on(struct watch *w)
{
    static const struct watch_step steps[] = {
        { .method = "SUBSCRIBE", .call_id = "z", .events = "subscribe=3600" },
        { .act = W_ACCEPT, .events = "describe", .sent = "200/SUBSCRIBE NOTIFY" },
        { .status = 200 },
        { .method = "SUBSCRIBE",
          .call_id = "z",
          .more = "Expires: 0\r\n",
          .events = "last ended=unsubscribed timeout",
          .sent = "200/SUBSCRIBE NOTIFY" },
        { .status = 200 },
    };
    struct sip *sip = w->f->sip;

    oom_over();
    if (w->s)
        sip_sub_drop(w->s);
    w->s = NULL;
    watch_pass(w, 70000);
    assert_int_equal(sip_counters(sip)->subscriptions, 0);
    watch_sent(w);
    w->events[0] = w->ours[0] = w->call_id[0] = '\0';
    WATCH_STEPS(w, steps);
    watch_pass(w, 70000);
    assert_int_equal(sip_counters(sip)->subscriptions + sip_counters(sip)->clients + sip_counters(sip)->servers, 0);
    assert_int_equal(sip->subs.n_flying + sip->subs.charges.n + sip->clients.hops.n, 0);
    watch_free(w);
}

/* Nothing is known to have gone wrong: the last request of ours is answered. */
static void answered(struct watch *w, unsigned status)
{
    if (w->f->n_sent && (fake_has(fake_last(w->f), "NOTIFY sip:") || fake_has(fake_last(w->f), "SUBSCRIBE sip:")))
        watch_answered(w, &(struct watch_step){ .status = status, .more = "Expires: 600\r\n" });
    OOM(watch_pass(w, 0); watch_pass(w, 0));
    watch_sent(w);
}

static void watched(const void *arg)
{
    const enum watch_act *last = arg;
    struct watch *w = watch_new(NULL);

    watch_takes(w, &(struct watch_step){ .method = "SUBSCRIBE", .more = "Record-Route: <sip:a.example;lr>\r\n" });
    watch_sent(w);
    if (!w->s)
        assert_true(oom_failed() && fake_status(w->f, w->f->n_sent - 1) == 503);
    if (w->s)
        OOM(watch_accept(w, w->s); watch_pass(w, 0); watch_pass(w, 0));
    watch_sent(w);
    answered(w, 200);
    OOM(watch_pass(w, 5000)); /* what found too much under way goes again */
    answered(w, 200);
    if (w->s)
        watch_takes(w, &(struct watch_step){ .method = "SUBSCRIBE", .contact = "Contact: <sip:romeo@192.0.2.3>\r\n" });
    answered(w, 500);
    if (w->s)
        OOM(watch_acts(w, &(struct watch_step){ .act = *last }); watch_pass(w, 0); watch_pass(w, 0));
    answered(w, 200);
    assert_true(count(w->events, "ended=") + count(w->events, "not-accepted") <= 1);
    goes_on(w);
}

static void watchers(void **state)
{
    static const enum watch_act last[] = { W_URGENT, W_END, W_DROP };

    for (size_t i = 0; i < N_OF(last); i++)
        oom_each("a watcher", watched, &last[i]);
}

static void watching(const void *arg)
{
    const enum watch_act *last = arg;
    struct watch *w = watch_new(NULL);

    OOM(watch_subscribe(w, 3600); watch_pass(w, 0); watch_pass(w, 0));
    assert_true(w->s || oom_failed());
    watch_sent(w);
    answered(w, 200);
    if (w->s && w->call_id[0])
        watch_takes(w, &(struct watch_step){ .method = "NOTIFY", .more = "Record-Route: <sip:a.example;lr>\r\n" });
    watch_sent(w);
    if (w->s)
        OOM(sip_sub_refresh(w->s); watch_pass(w, 0); watch_pass(w, 0));
    answered(w, 200);
    if (w->s && w->call_id[0])
        watch_takes(w, &(struct watch_step){ .method = "NOTIFY", .contact = "Contact: <sip:romeo@192.0.2.3>\r\n" });
    watch_sent(w);
    if (w->s)
        OOM(watch_acts(w, &(struct watch_step){ .act = *last }); watch_pass(w, 0); watch_pass(w, 0));
    answered(w, 200);
    OOM(watch_pass(w, 33000));
    oom_over();
    watch_pass(w, 70000); /* what could not be sent is sent, and nobody answers */
    if (*last == W_UNSUBSCRIBE)
        assert_null(w->s);
    assert_true(count(w->events, "ended=") <= 1);
    goes_on(w);
}

static void subscriptions_of_ours(void **state)
{
    static const enum watch_act last[] = { W_UNSUBSCRIBE, W_DROP, W_LEAVE };

    for (size_t i = 0; i < N_OF(last); i++)
        oom_each("we watch", watching, &last[i]);
}

static void published(const void *arg)
{
    struct watch *w = watch_new(NULL);

    watch_takes(w, &(struct watch_step){ .method = "PUBLISH", .body = "<presence/>" });
    if (w->txn)
        OOM(sip_respond(w->txn, 200, NULL, SLICE("SIP-ETag: x\r\n")));
    else
        assert_true(oom_failed() && fake_status(w->f, w->f->n_sent - 1) == 503);
    goes_on(w);
}

static void publications(void **state)
{
    oom_each("published", published, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(watchers),
        cmocka_unit_test(subscriptions_of_ours),
        cmocka_unit_test(publications),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
