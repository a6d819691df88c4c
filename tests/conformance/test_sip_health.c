/* Next hops that are watched: when they are down, and up again. */
#include "../unit/sip/names.h"
#include "sip/health.h"

static struct sip_target hop(struct fake *f)
{
    return (struct sip_target){ .transport = SIP_UDP, .addr = fake_addr("192.0.2.1:5060"), .route = "office" };
}

static struct sip_targets *one(struct fake *f)
{
    struct sip_targets *t = calloc(1, sizeof(*t) + sizeof(t->v[0]));

    assert_non_null(t);
    *t = (struct sip_targets){ .refs = 1, .n = 1 };
    t->v[0].target = hop(f);
    return t;
}

static const char *state_of(struct fake *f)
{
    const struct sip_target target = hop(f);
    struct sip_health_info info;

    sip_health_show(f->sip, &target, &info);
    return sip_health_name(&info);
}

/* Asks once; answered by status, or by nothing. */
static void ask(struct fake *f, unsigned status)
{
    struct sip_targets *t = one(f);
    size_t before = f->n_sent;
    char via[512], text[1024];
    const char *at;

    sip_health_check(f->sip, t);
    sip_health_check(f->sip, t); /* while the first is open, nothing is asked */
    assert_int_equal(f->n_sent, before + 1);
    assert_true(slice_starts(slice_str(f->sent[before].text), SLICE("OPTIONS sip:192.0.2.1:5060 SIP/2.0\r\n")));
    if (status) {
        at = strstr(f->sent[before].text, "Via: ");
        snprintf(via, sizeof(via), "%.*s", (int)(strstr(at, "\r\n") - at), at);
        snprintf(text, sizeof(text),
                 "SIP/2.0 %u X\r\n%s\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>;tag=2\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n"
                 "Content-Length: 0\r\n\r\n",
                 status, via);
        fake_take(f, SIP_UDP, "192.0.2.1:5060", text);
        names_pass(f, 1);
    } else {
        names_pass(f, SIP_HEALTH_ANSWER_MS + 10);
    }
    sip_targets_drop(t);
}

static void STOX_SIP_58_two_in_a_row_change_it(void **state)
{
    static const struct {
        unsigned status; /* 0: nothing */
        const char *then;
    } steps[] = { { 200, "up" },   { 0, "up" },     { 404, "up" },   { 0, "up" },   { 0, "down" },
                  { 200, "down" }, { 0, "down" },   { 200, "down" }, { 405, "up" }, { 408, "up" },
                  { 408, "down" }, { 500, "down" }, { 603, "up" },   { 503, "up" }, { 503, "down" } };
    struct fake *f = names_new();

    assert_string_equal(state_of(f), "unknown");
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        ask(f, steps[i].status);
        if (strcmp(state_of(f), steps[i].then) != 0)
            fail_msg("step %zu: %s", i, state_of(f));
    }
    fake_free(f);
}

static void down_is_tried_last(void **state)
{
    struct fake *f = names_new();
    const struct sip_target target = hop(f);

    assert_int_equal(sip_health_fitness(f->sip, &target), SIP_FIT);
    ask(f, 0);
    assert_int_equal(sip_health_fitness(f->sip, &target), SIP_FIT_LAST);
    names_pass(f, SIP_HEALTH_AVOID_MIN_MS);
    assert_int_equal(sip_health_fitness(f->sip, &target), SIP_FIT);
    ask(f, 0);
    names_pass(f, 10 * SIP_HEALTH_AVOID_MAX_MS);
    assert_int_equal(sip_health_fitness(f->sip, &target), SIP_FIT_LAST);
    ask(f, 200);
    ask(f, 200);
    assert_int_equal(sip_health_fitness(f->sip, &target), SIP_FIT);
    fake_free(f);
}

static void what_fails_counts_without_being_watched(void **state)
{
    struct fake *f = names_new();
    const struct sip_target target = hop(f);

    sip_health_answered(f->sip, &target);
    assert_int_equal(f->sip->healths.by_target.n, 0);
    sip_health_failed(f->sip, &target, "it refuses");
    sip_health_failed(f->sip, &target, "it refuses");
    assert_string_equal(state_of(f), "down");
    sip_health_answered(f->sip, &target);
    sip_health_answered(f->sip, &target);
    assert_string_equal(state_of(f), "up");
    fake_free(f);
}

static void memory_is_bounded(void **state)
{
    struct fake *f = names_new();
    struct sip_target target = hop(f);

    for (unsigned i = 0; i < SIP_HEALTH_MAX + 100; i++) {
        addr_set_port(&target.addr, (uint16_t)(1000 + i));
        sip_health_failed(f->sip, &target, "it refuses");
    }
    assert_int_equal(f->sip->healths.by_target.n, SIP_HEALTH_MAX);
    fake_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(STOX_SIP_58_two_in_a_row_change_it),
        cmocka_unit_test(down_is_tried_last),
        cmocka_unit_test(what_fails_counts_without_being_watched),
        cmocka_unit_test(memory_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
