/* At stake: work put off to the end of a turn must happen, once, without waiting for anybody; time must be true. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/loop.h"

static struct fixture {
    struct loop loop;
    char trace[200];
    size_t n;
} f;

static void trace(char c)
{
    assert_true(f.n + 1 < sizeof(f.trace));
    f.trace[f.n++] = c;
    f.trace[f.n] = '\0';
}

static int set_up(void **state)
{
    struct err err;

    memset(&f, 0, sizeof(f));
    return loop_init(&f.loop, NULL, &err);
}

static int tear_down(void **state)
{
    loop_fini(&f.loop);
    return 0;
}

struct step {
    struct deferred deferred;
    struct timer timer;
    char name;
    int again;           /* defer this often from its own run */
    struct step *cancel; /* undefer this one */
    bool ends;           /* the loop, when it has run for the last time */
};

static void on_step(struct deferred *d)
{
    struct step *s = container_of(d, struct step, deferred);

    trace(s->name);
    if (s->cancel)
        loop_undefer(&s->cancel->deferred);
    if (s->again-- > 0)
        loop_defer(&f.loop, d);
    else if (s->ends)
        loop_stop(&f.loop);
}

static void on_step_timer(struct timer *t)
{
    struct step *s = container_of(t, struct step, timer);

    trace((char)(s->name - 'a' + 'A'));
    loop_defer(&f.loop, &s->deferred);
    loop_defer(&f.loop, &s->deferred); /* twice is once */
}

static void step_init(struct step *s, char name)
{
    *s = (struct step){ .name = name };
    deferred_init(&s->deferred, on_step);
    timer_init(&s->timer, on_step_timer);
}

static void on_stop(struct timer *t)
{
    loop_stop(&f.loop);
}

static void run_for(uint64_t ms)
{
    struct timer stop;

    timer_init(&stop, on_stop);
    timer_start(&f.loop.timers, &stop, ms);
    loop_run(&f.loop);
}

static void deferred_work_runs_once_in_order(void **state)
{
    struct step a, b, c;

    step_init(&a, 'a');
    step_init(&b, 'b');
    step_init(&c, 'c');
    a.cancel = &c;
    loop_undefer(&a.deferred);
    timer_start(&f.loop.timers, &a.timer, 1);
    timer_start(&f.loop.timers, &b.timer, 1);
    timer_start(&f.loop.timers, &c.timer, 1);
    run_for(3);
    assert_string_equal(f.trace, "ABCab");
}

/* More rounds than one turn allows, with no input and no timer at all, so that a loop that waits would wait for ever: nothing is lost. */
static void deferring_from_a_deferral_goes_on(void **state)
{
    struct step a, b;

    step_init(&a, 'a');
    step_init(&b, 'b');
    a.again = 50;
    a.ends = true;
    b.again = 2;
    loop_defer(&f.loop, &a.deferred);
    loop_defer(&f.loop, &b.deferred);
    loop_run(&f.loop);
    assert_int_equal(f.n, 51 + 3);
    assert_memory_equal(f.trace, "abababaaa", 9);
}

static void on_free(struct deferred *d)
{
    free(container_of(d, struct step, deferred));
    loop_stop(&f.loop);
}

static void deferred_work_may_free_itself(void **state)
{
    struct step *s = calloc(1, sizeof(*s));

    deferred_init(&s->deferred, on_free);
    loop_defer(&f.loop, &s->deferred);
    loop_run(&f.loop);
}

/* One of some runs has to be in time: others use the machine, too. */
static void timers_fire_in_time(void **state)
{
    uint64_t took = UINT64_MAX;

    for (int i = 0; i < 10 && took > 2000; i++) {
        struct step a, b;
        uint64_t before = clock_mono_ms();

        tear_down(state);
        set_up(state);
        step_init(&a, 'a');
        step_init(&b, 'b');
        timer_start(&f.loop.timers, &b.timer, 12);
        timer_start(&f.loop.timers, &a.timer, 3);
        run_for(20);
        if (strcmp(f.trace, "ABab") != 0) /* both were late, and in one turn */
            assert_string_equal(f.trace, "AaBb");
        took = clock_mono_ms() - before;
        assert_true(took >= 20);
    }
    assert_true(took <= 2000);
}

static struct alarm {
    uv_poll_t poll;
    int fd;
    struct step *step;
    uint64_t seen_ms, fired_ms;
} alarm_;

static void on_alarm_timer(struct timer *t)
{
    alarm_.fired_ms = clock_mono_ms();
    uv_close((uv_handle_t *)&alarm_.poll, NULL);
    loop_stop(&f.loop);
}

static void on_alarm(uv_poll_t *poll, int status, int events)
{
    uint64_t ticks;
    static struct timer t;

    assert_int_equal(read(alarm_.fd, &ticks, sizeof(ticks)), sizeof(ticks));
    alarm_.seen_ms = loop_now(&f.loop);
    loop_defer(&f.loop, &alarm_.step->deferred);
    trace('i');
    timer_init(&t, on_alarm_timer);
    timer_start(&f.loop.timers, &t, 10);
}

/* A watcher that is started by deferred work, when the loop is about to sleep, is watched. */
static void on_watch(struct deferred *d)
{
    assert_int_equal(uv_poll_init(&f.loop.uv, &alarm_.poll, alarm_.fd), 0);
    assert_int_equal(uv_poll_start(&alarm_.poll, UV_READABLE, on_alarm), 0);
}

/* The first input after a sleep sees the time of waking, and a timer that it starts counts from there. */
static void input_sees_the_time(void **state)
{
    struct itimerspec in_30_ms = { .it_value = { .tv_nsec = 30000000 } };
    struct deferred watch;
    struct step s;
    uint64_t begin = clock_mono_ms();

    step_init(&s, 's');
    alarm_.step = &s;
    alarm_.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    timerfd_settime(alarm_.fd, 0, &in_30_ms, NULL);
    deferred_init(&watch, on_watch);
    loop_defer(&f.loop, &watch);
    loop_run(&f.loop);
    close(alarm_.fd);
    assert_in_range(alarm_.seen_ms - begin, 29, 20000);
    assert_in_range(alarm_.fired_ms - alarm_.seen_ms, 10, 20000);
    assert_string_equal(f.trace, "is");
}

static void on_uv_timer(uv_timer_t *t)
{
    trace('u');
    uv_close((uv_handle_t *)t, NULL);
    loop_stop(&f.loop);
}

static void libuv_handles_work_too(void **state)
{
    uv_timer_t t;

    uv_timer_init(&f.loop.uv, &t);
    uv_timer_start(&t, on_uv_timer, 5, 0);
    loop_run(&f.loop);
    assert_string_equal(f.trace, "u");
}

static void on_closed(uv_handle_t *handle)
{
    trace('c');
}

/* What is on its way when the loop ends still gets there: deferred work, and the callbacks of handles being closed. */
static void fini_lets_things_end(void **state)
{
    static uv_async_t handle;
    struct step s;

    uv_async_init(&f.loop.uv, &handle, NULL);
    uv_close((uv_handle_t *)&handle, on_closed);
    step_init(&s, 's');
    loop_defer(&f.loop, &s.deferred);
    loop_fini(&f.loop);
    assert_string_equal(f.trace, "sc");
    set_up(state);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(deferred_work_runs_once_in_order),
        T(deferring_from_a_deferral_goes_on),
        T(deferred_work_may_free_itself),
        T(timers_fire_in_time),
        T(input_sees_the_time),
        T(libuv_handles_work_too),
        T(fini_lets_things_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
