/*
 * Many sessions at once: what one keeps in memory, and that a message costs the same whatever their number. STOX_PROOF=1: a
 * hundred thousand. The figures are printed; only the memory is judged, for it does not depend on the machine's load.
 */
#include <malloc.h>
#include <time.h>

#include "call.h"

#define KEPT_MAX 2048 /* bytes for one session in the core, texts of an ordinary size */

static bool drop(void *owner, const struct sip_flow *flow, const char *p, size_t n)
{
    struct call *c = call_of(owner);
    char text[2048];
    size_t n_text = n < sizeof(text) ? n : sizeof(text) - 1;

    memcpy(text, p, n_text);
    text[n_text] = '\0';
    if (strncmp(text, "SIP/2.0 200", 11) == 0)
        call_tag_in(c, strstr(text, "\r\nTo: ") + 2);
    return true;
}

/* As a Lync pool behind its Edge sends it. */
static void comes(struct call *c, const char *method, unsigned i, unsigned cseq)
{
    static const char more[] =
        "Record-Route: <sip:edge.contoso.example:5061;transport=tls;ms-fe=fe01.contoso.example;opaque=state:T:F;lr>\r\n"
        "Contact: <sip:alice@contoso.example;opaque=user:epid:0123456789abcdef0123456789abcdef;gruu>\r\n"
        "Supported: timer\r\nSession-Expires: 1800\r\nAllow: INVITE, UPDATE\r\n";
    bool starts = strcmp(method, "INVITE") == 0;
    char call_id[64], from[128], to[80], cseq_text[12], via[80];

    snprintf(call_id, sizeof(call_id), "%032x", i);
    snprintf(from, sizeof(from), "\"Alice %u\" <sip:alice%u@contoso.example>;tag=%010x;epid=%010x", i, i, i, i);
    snprintf(to, sizeof(to), starts ? "<sip:juliet@example.com>" : "<sip:juliet@example.com>;tag=%s", c->ours);
    snprintf(cseq_text, sizeof(cseq_text), "%u", cseq);
    snprintf(via, sizeof(via), "Via: SIP/2.0/TCP 192.0.2.9;branch=z9hG4bK%s%u.%u", method, i, cseq);
    fake_take(c->f, SIP_TCP, "192.0.2.9:5070",
              FAKE(.method = method, .via = via, .from = from, .to = to, .call_id = call_id, .cseq = cseq_text,
                   .more = starts ? more : "", .body = starts ? CALL_SDP : "Hello"));
    c->events[0] = '\0';
}

static void begin(struct call *c, unsigned i)
{
    comes(c, "INVITE", i, 1);
    comes(c, "ACK", i, 1);
}

static uint64_t cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return 1000000000ull * (uint64_t)t.tv_sec + (uint64_t)t.tv_nsec;
}

static uint64_t cost_of_a_message(struct call *c, unsigned i, unsigned cseq)
{
    enum { MESSAGES = 20000 };
    uint64_t begin_ns = cpu_ns();

    for (unsigned k = 0; k < MESSAGES; k++) {
        comes(c, "MESSAGE", i, cseq + k);
        sip_respond(c->txn, 200, NULL, slice_of(NULL, 0));
    }
    return (cpu_ns() - begin_ns) / MESSAGES;
}

static void memory_and_cost(void **state)
{
    unsigned n = getenv("STOX_PROOF") ? 100000 : 10000, few = 100;
    struct sip_conf conf = call_conf();
    uint64_t cost_few, cost_many;
    struct call *c;
    size_t before, kept;

    conf.dialogs_max = n;
    conf.txns_max = 2 * n;
    c = call_new(&conf);
    c->f->sip->wire.send = drop;
    c->at_once = 200;
    c->many = true;
    for (unsigned i = 0; i < few; i++)
        begin(c, i);
    cost_few = cost_of_a_message(c, few - 1, 2);
    timers_advance(&c->f->loop.timers, loop_now(&c->f->loop) + 40000);
    before = mallinfo2().uordblks;
    for (unsigned i = few; i < n; i++)
        begin(c, i);
    assert_int_equal(sip_counters(c->f->sip)->dialogs, n);
    timers_advance(&c->f->loop.timers, loop_now(&c->f->loop) + 40000); /* transactions are over */
    assert_int_equal(sip_counters(c->f->sip)->invites, 0);
    kept = (mallinfo2().uordblks - before) / (n - few);
    cost_many = cost_of_a_message(c, n - 1, 2);
    print_message("%u sessions: %zu bytes each; a message costs %u ns with %u of them, %u ns with %u\n", n, kept,
                  (unsigned)cost_few, few, (unsigned)cost_many, n);
    assert_true(kept < KEPT_MAX);
    timers_advance(&c->f->loop.timers, loop_now(&c->f->loop) + 1800000); /* nobody refreshes */
    assert_int_equal(sip_counters(c->f->sip)->dialogs, 0);
    call_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(memory_and_cost) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
