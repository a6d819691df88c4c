/*
 * The long view: 30 days of subscriptions in both roles, by a simulated clock, with a peer that answers, refreshes late, is away for
 * hours, and comes back. Nothing drifts, nothing is left over, and nothing stands still.
 */
#include <malloc.h>

#include "watch.h"

#define HOUR_MS 3600000ull

struct long_view {
    struct watch *w;
    struct {
        char text[2048];
        enum sip_transport transport;
    } asked[64]; /* requests of ours that wait for their answer */
    size_t n_asked;
    bool away;
    unsigned n_subscribes, n_notifies;
};

static struct long_view *view;

static bool on_send(void *owner, const struct sip_flow *flow, const char *p, size_t n)
{
    struct long_view *v = view;

    if (p[0] == 'S' && p[1] == 'I') {
        if (n < 2048 && memmem(p, n, " SUBSCRIBE\r\n", 12) && memcmp(p, "SIP/2.0 200", 11) == 0) {
            char text[2048];

            memcpy(text, p, n);
            text[n] = '\0';
            watch_tag_in(v->w, text, "\r\nTo: ");
        }
        return true;
    }
    if (v->away || n >= sizeof(v->asked[0].text))
        return true;
    assert_true(v->n_asked < N_OF(v->asked));
    memcpy(v->asked[v->n_asked].text, p, n);
    v->asked[v->n_asked].text[n] = '\0';
    v->asked[v->n_asked++].transport = flow->transport;
    return true;
}

static void copy_line(char *out, size_t size, const char *text, const char *name)
{
    char line[512];
    size_t n = strlen(out);

    watch_line(text, name, line, sizeof(line));
    assert_true(n + strlen(line) + 3 < size);
    snprintf(out + n, size - n, "%s\r\n", line);
}

/* 200 to each request of ours; a SUBSCRIBE is followed by its NOTIFY. */
static void answer(struct long_view *v)
{
    static const char *const names[] = { "\r\nVia: ", "\r\nFrom: ", "\r\nCall-ID: ", "\r\nCSeq: " };
    char request[2048], text[4096] = "SIP/2.0 200 OK\r\n", to[512], from[512], call_id[128];
    bool subscribe, tagged;
    unsigned cseq;

    fake_copy(request, sizeof(request), v->asked[--v->n_asked].text);
    subscribe = strncmp(request, "SUBSCRIBE", 9) == 0;
    for (size_t i = 0; i < N_OF(names); i++)
        copy_line(text, sizeof(text), request, names[i]);
    watch_line(request, "\r\nTo: ", to, sizeof(to));
    tagged = strstr(to, ";tag=") != NULL;
    snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s\r\n%sContent-Length: 0\r\n\r\n", to,
             tagged ? "" : ";tag=n1", subscribe ? "Expires: 600\r\n" : "");
    fake_take(v->w->f, SIP_TCP, "192.0.2.9:5060", text);
    if (!subscribe) {
        v->n_notifies++;
        return;
    }
    v->n_subscribes++;
    watch_line(request, "\r\nFrom: ", from, sizeof(from));
    watch_line(request, "\r\nCall-ID: ", call_id, sizeof(call_id));
    assert_int_equal(sscanf(strstr(request, "\r\nCSeq: "), "\r\nCSeq: %u", &cseq), 1);
    snprintf(text, sizeof(text),
             "NOTIFY sip:juliet@gw.example.net SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.9;branch=z9hG4bKn%u%s\r\n"
             "Max-Forwards: 70\r\nFrom: <sip:romeo@example.net>;tag=n1\r\nTo: %s\r\n%s\r\nCSeq: %u NOTIFY\r\n"
             "Contact: <sip:romeo@192.0.2.9:5070>\r\nEvent: presence\r\nSubscription-State: active;expires=600\r\n"
             "Content-Length: 0\r\n\r\n",
             cseq, call_id + 9, from + 6, call_id, cseq);
    fake_take(v->w->f, SIP_TCP, "192.0.2.9:5060", text);
}

static void work(struct long_view *v)
{
    do {
        watch_pass(v->w, 0);
        while (v->n_asked)
            answer(v);
    } while (v->w->f->sip->subs.n_flying && !v->away && v->n_asked);
}

/* From one moment at which something is due to the next. */
static void pass(struct long_view *v, uint64_t ms)
{
    struct loop *loop = &v->w->f->loop;
    uint64_t end = loop_now(loop) + ms;

    while (loop_now(loop) < end) {
        uint64_t wait = timers_wait(&loop->timers), left = end - loop_now(loop);

        timers_advance(&loop->timers, loop_now(loop) + (wait < left ? (wait ? wait : 1) : left));
        work(v);
    }
}

static struct long_view *begin(void)
{
    struct long_view *v = calloc(1, sizeof(*v));

    assert_non_null(v);
    view = v;
    v->w = watch_new(NULL);
    v->w->many = v->w->tcp = true;
    v->w->f->sip->wire.send = on_send;
    return v;
}

static void end(struct long_view *v)
{
    watch_free(v->w);
    free(v);
}

/* We watch: a refresh every nine minutes or so, for 30 days; twice a day the notifier is away for an hour. */
static void we_watch(void **state)
{
    struct long_view *v = begin();
    struct sip *sip = v->w->f->sip;
    size_t kept = 0;
    unsigned n_lost = 0;

    for (unsigned half_day = 0; half_day < 60; half_day++) {
        if (!v->w->s) {
            n_lost++;
            watch_subscribe(v->w, 600);
        }
        work(v);
        assert_non_null(v->w->s);
        pass(v, 11 * HOUR_MS);
        assert_non_null(v->w->s);
        assert_true(v->w->f->loop.timers.n <= 1 + sip_counters(sip)->servers);
        if (half_day == 2)
            kept = mallinfo2().uordblks;
        v->away = true;
        pass(v, HOUR_MS);
        assert_null(v->w->s); /* ended was called */
        v->away = false;
    }
    assert_int_equal(n_lost, 60);
    assert_in_range(v->n_subscribes, 60 * 11 * 60 / 9, 60 * (11 * 60 / 8 + 2)); /* at 486 to 540 s */
    assert_int_equal(sip_counters(sip)->subscriptions + sip_counters(sip)->clients, 0);
    pass(v, 60000);
    assert_true(mallinfo2().uordblks < kept + 65536);
    assert_int_equal(v->w->f->loop.timers.n, 0);
    end(v);
}

/* We are watched: refreshed each 50 minutes, a change each 10; the watcher is away one hour in twelve. */
static void we_are_watched(void **state)
{
    struct long_view *v = begin();
    struct watch *w = v->w;
    struct sip *sip = w->f->sip;
    size_t kept = 0;

    w->at_once = 200;
    for (unsigned half_day = 0; half_day < 60; half_day++) {
        char call_id[16];
        uint64_t end_ms = loop_now(&w->f->loop) + 11 * HOUR_MS;

        snprintf(call_id, sizeof(call_id), "c%u", half_day);
        w->ours[0] = '\0';
        for (unsigned k = 0; loop_now(&w->f->loop) < end_ms; k++) {
            if (k % 5 == 0)
                watch_takes(w, &(struct watch_step){ .method = "SUBSCRIBE", .call_id = call_id, .transport = SIP_TCP });
            work(v);
            assert_non_null(w->s);
            sip_sub_changed(w->s, false);
            pass(v, HOUR_MS / 6);
        }
        assert_int_equal(sip_counters(sip)->subscriptions, 1);
        if (half_day == 2)
            kept = mallinfo2().uordblks;
        v->away = true;
        sip_sub_changed(w->s, false); /* nobody answers that NOTIFY */
        pass(v, HOUR_MS);
        assert_null(w->s);
        v->away = false;
    }
    assert_in_range(v->n_notifies, 60 * 66, 60 * (66 + 14));
    assert_int_equal(sip_counters(sip)->subscriptions + sip_counters(sip)->clients, 0);
    pass(v, 60000);
    assert_true(mallinfo2().uordblks < kept + 65536);
    assert_int_equal(w->f->loop.timers.n, 0);
    end(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(we_watch), cmocka_unit_test(we_are_watched) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
