/*
 * Many subscriptions at once: what one keeps in memory, and that a NOTIFY costs the same whatever their number, one by one and when
 * all change at the same moment. STOX_PROOF=1: 200,000. The figures are printed; only the memory is judged, for it does not depend on
 * the machine's load.
 */
#include <malloc.h>
#include <time.h>

#include "watch.h"

#define KEPT_MAX 640 /* bytes for one in the core, texts of an ordinary size, its places in hash tables included */
#define FEW 1000

/* NOTIFYs that wait for their answer. */
static struct {
    char texts[2 * SIP_SUB_FLYING_MAX][1500];
    size_t n;
    uint64_t total;
} sent;

static struct sip_sub **subs;
static size_t n_subs;

static bool take_out(void *owner, const struct sip_flow *flow, const char *p, size_t n)
{
    if (n < 6 || memcmp(p, "NOTIFY", 6) != 0)
        return true;
    assert_true(sent.n < N_OF(sent.texts) && n < sizeof(sent.texts[0]));
    memcpy(sent.texts[sent.n], p, n);
    sent.texts[sent.n++][n] = '\0';
    sent.total++;
    return true;
}

static void on_subscribe(void *owner, struct sip_sub *s, const struct sip_request *request, unsigned expires_s)
{
    sip_sub_set_data(s, watch_of(owner));
    subs[n_subs++] = s;
    watch_accept(watch_of(owner), s);
}

static void answer(struct watch *w)
{
    char via[256], from[256], to[256], call_id[128], cseq[64], text[2048], notify[1500];

    fake_copy(notify, sizeof(notify), sent.texts[--sent.n]);
    watch_line(notify, "\r\nVia: ", via, sizeof(via));
    watch_line(notify, "\r\nFrom: ", from, sizeof(from));
    watch_line(notify, "\r\nTo: ", to, sizeof(to));
    watch_line(notify, "\r\nCall-ID: ", call_id, sizeof(call_id));
    watch_line(notify, "\r\nCSeq: ", cseq, sizeof(cseq));
    snprintf(text, sizeof(text), "SIP/2.0 200 OK\r\n%s\r\n%s\r\n%s\r\n%s\r\n%s\r\nContent-Length: 0\r\n\r\n", via, from,
             to, call_id, cseq);
    fake_take(w->f, SIP_TCP, "192.0.2.9:5060", text);
}

static void settle(struct watch *w)
{
    do {
        watch_pass(w, 0);
        watch_pass(w, 0);
        while (sent.n)
            answer(w);
    } while (w->f->sip->subs.n_flying);
}

/* As a Lync pool behind its Edge sends it. */
static void comes(struct watch *w, unsigned i)
{
    static const char more[] =
        "Record-Route: <sip:edge.contoso.example:5061;transport=tls;opaque=state:T:F;lr>\r\n"
        "Contact: <sip:alice@contoso.example;opaque=user:epid:0123456789abcdef0123456789abcdef;gruu>\r\n"
        "Event: presence\r\nAccept: application/pidf+xml\r\n";
    char call_id[64], from[128], via[80];

    snprintf(call_id, sizeof(call_id), "%032x", i);
    snprintf(from, sizeof(from), "<sip:alice%u@contoso.example>;tag=%010x;epid=%010x", i, i, i);
    snprintf(via, sizeof(via), "Via: SIP/2.0/TCP 192.0.2.9;branch=z9hG4bKs%u", i);
    fake_take(w->f, SIP_TCP, "192.0.2.9:5070",
              FAKE(.method = "SUBSCRIBE", .via = via, .from = from, .call_id = call_id, .more = more, .body = ""));
    settle(w);
}

static uint64_t cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return 1000000000ull * (uint64_t)t.tv_sec + (uint64_t)t.tv_nsec;
}

/* One watcher after the other, far from each other in memory. The least of five: others use the machine, too. */
static unsigned cost_one_by_one(struct watch *w)
{
    enum { NOTIFIES = 10000 };
    unsigned least = UINT32_MAX, at = 0;

    for (unsigned run = 0; run < 5; run++) {
        uint64_t begin_ns = cpu_ns();
        unsigned cost;

        for (unsigned k = 0; k < NOTIFIES; k++) {
            sip_sub_changed(subs[at++ * 7919u % n_subs], true);
            settle(w);
        }
        cost = (unsigned)((cpu_ns() - begin_ns) / NOTIFIES);
        least = cost < least ? cost : least;
    }
    return least;
}

static unsigned cost_all_at_once(struct watch *w)
{
    uint64_t begin_ns = cpu_ns(), before = sent.total;

    for (size_t i = 0; i < n_subs; i++)
        sip_sub_changed(subs[i], true);
    settle(w);
    assert_int_equal(sent.total - before, n_subs);
    return (unsigned)((cpu_ns() - begin_ns) / n_subs);
}

static void memory_and_cost(void **state)
{
    unsigned n = getenv("STOX_PROOF") ? 200000 : 20000, one_few, one_many, all_few, all_many;
    struct sip_event_ops events = watch_event_ops;
    struct sip_ops ops = watch_ops;
    struct sip_conf conf = watch_conf();
    struct watch *w;
    size_t before, kept;

    events.subscribe = on_subscribe;
    ops.events = &events;
    conf.ops = &ops;
    conf.kept_max = n;
    conf.txns_max = 10000;
    w = watch_new(&conf);
    w->f->sip->wire.send = take_out;
    w->many = w->tcp = true;
    sip_set_sub_limits(w->f->sip, &(struct sip_sub_limits){ .expires_s = 3600, .expires_max_s = 3600, .max = n });
    subs = calloc(n, sizeof(*subs));
    assert_non_null(subs);
    for (unsigned i = 0; i < FEW; i++)
        comes(w, i);
    one_few = cost_one_by_one(w);
    all_few = cost_all_at_once(w);
    timers_advance(&w->f->loop.timers, loop_now(&w->f->loop) + 40000);
    before = mallinfo2().uordblks;
    for (unsigned i = FEW; i < n; i++)
        comes(w, i);
    assert_int_equal(sip_counters(w->f->sip)->subscriptions, n);
    timers_advance(&w->f->loop.timers, loop_now(&w->f->loop) + 40000); /* transactions are over */
    assert_int_equal(sip_counters(w->f->sip)->servers, 0);
    kept = (mallinfo2().uordblks - before) / (n - FEW);
    one_many = cost_one_by_one(w);
    all_many = cost_all_at_once(w);
    print_message(
        "%u subscriptions: %zu bytes each; a NOTIFY and its answer cost %u ns beside %u, %u ns beside %u; when all "
        "change at once %u ns and %u ns\n",
        n, kept, one_few, FEW, one_many, n, all_few, all_many);
    assert_true(kept < KEPT_MAX);
    timers_advance(&w->f->loop.timers, loop_now(&w->f->loop) + 3600000); /* nobody refreshes */
    settle(w);
    assert_int_equal(sip_counters(w->f->sip)->subscriptions, 0);
    free(subs);
    watch_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(memory_and_cost) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
