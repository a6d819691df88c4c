/* At stake: a timer that fires early, late, twice or after it was stopped breaks a transaction or frees live memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/timers.h"

#define TIMERS 300
#define DAY_MS (UINT64_C(24) * 3600 * 1000)

static struct model {
    struct timers wheel;
    struct one {
        struct timer timer;
        bool running;
        uint64_t due;
    } one[TIMERS];
    uint64_t last_fired; /* due time of the last one */
    uint64_t now;
    bool restart; /* callbacks start and stop others */
} m;

static uint64_t random_delay(void)
{
    static const uint64_t ranges[] = { 1, 2, 70, 5000, 300000, 20 * 1000 * 1000, 10 * DAY_MS, 60 * DAY_MS };
    uint64_t r = ((uint64_t)rand() << 31 | (uint64_t)rand());

    return r % ranges[rand() % 8];
}

static void start(struct one *o, uint64_t delay)
{
    timer_start(&m.wheel, &o->timer, delay);
    o->running = true;
    o->due = m.now + delay;
}

static void stop(struct one *o)
{
    timer_stop(&m.wheel, &o->timer);
    o->running = false;
}

static void on_fire(struct timer *t)
{
    struct one *o = container_of(t, struct one, timer);

    assert_true(o->running);
    assert_false(timer_running(t));
    assert_true(o->due <= m.now);
    assert_true(o->due >= m.last_fired);
    m.last_fired = o->due;
    o->running = false;
    if (m.restart && rand() % 2)
        start(&m.one[rand() % TIMERS], random_delay());
    if (m.restart && rand() % 3 == 0)
        stop(&m.one[rand() % TIMERS]);
    if (m.restart && rand() % 8 == 0)
        start(o, 0);
}

static uint64_t first_due(void)
{
    uint64_t first = UINT64_MAX;

    for (int i = 0; i < TIMERS; i++) {
        if (m.one[i].running && m.one[i].due < first)
            first = m.one[i].due;
    }
    return first;
}

static void check(void)
{
    uint64_t first = first_due(), wait = timers_wait(&m.wheel);
    size_t n = 0;

    for (int i = 0; i < TIMERS; i++) {
        assert_int_equal(timer_running(&m.one[i].timer), m.one[i].running);
        n += m.one[i].running;
    }
    assert_int_equal(m.wheel.n, n);
    if (first == UINT64_MAX)
        assert_true(wait == UINT64_MAX);
    else
        assert_true(wait <= (first > m.now ? first - m.now : 0));
}

static void advance(uint64_t now)
{
    m.now = now;
    m.last_fired = 0;
    timers_advance(&m.wheel, now);
    for (int i = 0; i < TIMERS; i++) {
        /* What a callback starts without delay waits for the next advance. */
        assert_false(m.one[i].running && m.one[i].due < now);
        assert_false(m.one[i].running && m.one[i].due == now && !m.restart);
    }
}

static void run_model(uint64_t begin, unsigned seed, bool restart)
{
    srand(seed);
    memset(&m, 0, sizeof(m));
    m.now = begin;
    m.restart = restart;
    timers_init(&m.wheel, begin);
    for (int i = 0; i < TIMERS; i++)
        timer_init(&m.one[i].timer, on_fire);
    for (int step = 0; step < 4000; step++) {
        struct one *o = &m.one[rand() % TIMERS];

        switch (rand() % 6) {
        case 0:
        case 1:
        case 2: start(o, random_delay()); break;
        case 3: stop(o); break;
        case 4: advance(m.now + random_delay()); break;
        case 5: /* to the millisecond: nothing before, all at it */
            if (first_due() != UINT64_MAX && first_due() > m.now)
                advance(first_due() - (uint64_t)(rand() % 2));
            break;
        }
        check();
    }
}

static void behaves_as_a_plain_list(void **state)
{
    static const uint64_t begins[] = { 0, 1, 63, 64, 4095, (UINT64_C(1) << 30) - 3, UINT64_C(1) << 40 };

    for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
        run_model(begins[i], (unsigned)i, false);
        run_model(begins[i], (unsigned)i + 100, true);
    }
}

static unsigned fired;
static void count(struct timer *t)
{
    fired++;
}

static void every_delay_fires_at_its_millisecond(void **state)
{
    struct timers w;
    struct timer t;
    uint64_t now = 12345;

    timers_init(&w, now);
    timer_init(&t, count);
    for (uint64_t delay = 1; delay < 400 * DAY_MS; delay = delay * 5 / 3 + 1) {
        fired = 0;
        timer_start(&w, &t, delay);
        timers_advance(&w, now + delay - 1);
        assert_int_equal(fired, 0);
        timers_advance(&w, now + delay);
        assert_int_equal(fired, 1);
        now += delay;
    }
    assert_true(timers_wait(&w) == UINT64_MAX);
}

/* As the loop does: sleep for timers_wait, advance, and so on. Even the longest delay takes few wake-ups. */
static void sleeping_reaches_a_far_timer(void **state)
{
    struct timers w;
    struct timer t;
    uint64_t now = 99;
    int turns = 0;

    timers_init(&w, now);
    timer_init(&t, count);
    fired = 0;
    timer_start(&w, &t, 100 * DAY_MS + 17);
    while (fired == 0) {
        uint64_t wait = timers_wait(&w);

        assert_true(wait > 0 && wait <= 99 + 100 * DAY_MS + 17 - now);
        now += wait;
        timers_advance(&w, now);
        turns++;
    }
    assert_int_equal(now, 99 + 100 * DAY_MS + 17);
    assert_true(turns < 30);
}

static struct timers again_wheel;
static void again(struct timer *t)
{
    fired++;
    timer_start(&again_wheel, t, 0);
}

static void no_delay_means_next_advance(void **state)
{
    struct timer t;

    timers_init(&again_wheel, 10);
    timer_init(&t, again);
    timer_start(&again_wheel, &t, 0);
    assert_int_equal(timers_wait(&again_wheel), 0);
    fired = 0;
    timers_advance(&again_wheel, 10);
    assert_int_equal(fired, 1);
    timers_advance(&again_wheel, 10);
    assert_int_equal(fired, 2);
    timers_advance(&again_wheel, 500);
    assert_int_equal(fired, 3);
    timer_stop(&again_wheel, &t);
    timer_stop(&again_wheel, &t);
    timers_advance(&again_wheel, 501);
    assert_int_equal(fired, 3);
    assert_int_equal(again_wheel.n, 0);
}

/* Input after a long sleep: what it starts counts from the new time and does not hide what became due meanwhile. */
static void the_clock_can_be_ahead(void **state)
{
    memset(&m, 0, sizeof(m));
    timers_init(&m.wheel, 0);
    for (int i = 0; i < TIMERS; i++)
        timer_init(&m.one[i].timer, on_fire);
    start(&m.one[0], 1000);
    start(&m.one[1], 5000);
    m.now = 4000;
    timers_set_now(&m.wheel, 4000);
    timers_set_now(&m.wheel, 3000);
    assert_int_equal(m.wheel.now_ms, 4000);
    assert_int_equal(timers_wait(&m.wheel), 0);
    start(&m.one[2], 0);
    start(&m.one[3], 100);
    advance(4000);
    assert_false(m.one[0].running || m.one[2].running);
    assert_true(m.one[1].running && m.one[3].running);
    advance(4099);
    assert_true(m.one[3].running);
    advance(4100);
    assert_false(m.one[3].running);
    timer_start(&m.wheel, &m.one[4].timer, UINT64_MAX);
    timer_stop(&m.wheel, &m.one[4].timer);
    timer_stop(&m.wheel, &m.one[1].timer);
    assert_true(timers_wait(&m.wheel) == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(behaves_as_a_plain_list),      cmocka_unit_test(every_delay_fires_at_its_millisecond),
        cmocka_unit_test(sleeping_reaches_a_far_timer), cmocka_unit_test(no_delay_means_next_advance),
        cmocka_unit_test(the_clock_can_be_ahead),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
