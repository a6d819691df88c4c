/* Finding servers and trying them with memory running out: each request has one result or was not taken, and the next one works. */
#include "../unit/sip/names.h"

#include "oom_sip.h"

static const char *const zone[] = { "NAPTR a.example 1 1 sip+d2u _sip._udp.a.example",
                                    "SRV _sip._udp.a.example 1 1 5060 x.a.example",
                                    "SRV _sip._udp.a.example 1 2 5060 y.a.example", "A x.a.example 8.8.0.1",
                                    "A y.a.example 8.8.0.2" };

static struct sip_attempt *request(struct fake *f, const struct sip_destination *to)
{
    const struct sip_send r = fake_message_out("", "Hi");

    return sip_request(f->sip, to, &r, 32000, fake_done, f);
}

/* To a domain with two servers, the first of which answers 503. */
static void a_message(const void *arg)
{
    const struct sip_destination to = { .route = SLICE("r"), .domain = SLICE("a.example"), .transports = SIP_MAY_ANY };
    struct fake *f = names_new();
    struct sip_attempt *a;

    names_zone(zone, sizeof(zone) / sizeof(zone[0]));
    OOM(a = request(f, &to));
    oom_on();
    names_pass(f, 20);
    oom_off();
    if (f->n_sent == 1) {
        fake_answer(f, 0, 503, NULL);
        oom_on();
        names_pass(f, 5);
        oom_off();
    }
    if (f->n_sent == 2)
        fake_answer(f, 1, 200, NULL);
    oom_over();
    names_pass(f, 40000);
    assert_int_equal(f->n_done, a != NULL);
    f->n_done = 0;
    names_pass(f, 70000); /* what could not be found is asked again */
    assert_non_null(request(f, &to));
    names_pass(f, 20);
    assert_true(f->n_sent > 0);
    fake_answer(f, f->n_sent - 1, 200, NULL);
    assert_int_equal(f->n_done, 1);
    assert_int_equal(f->status, 200);
    fake_free(f);
}

static void on_shown(void *arg, const struct sip_probe_info *info)
{
    *(bool *)arg = info->done;
}

static void a_test(const void *arg)
{
    const struct sip_destination to = { .route = SLICE("r"), .domain = SLICE("a.example"), .transports = SIP_MAY_ANY };
    struct fake *f = names_new();
    const char *why;
    bool done = false;
    uint64_t id;

    names_zone(zone, sizeof(zone) / sizeof(zone[0]));
    OOM(id = sip_probe_start(f->sip, &to, to.domain, &why));
    oom_on();
    names_pass(f, 20000);
    oom_off();
    if (id) {
        assert_true(sip_probe_show(f->sip, id, on_shown, &done));
        assert_true(done);
    } else {
        assert_non_null(why);
    }
    fake_free(f);
}

static void messages(void **state)
{
    oom_each("a message", a_message, NULL);
}

static void tests_of_a_route(void **state)
{
    oom_each("a test", a_test, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages),
        cmocka_unit_test(tests_of_a_route),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
