/* At stake: settings and questions of other threads reach the loop exactly once, and nobody waits for a loop that ended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "net/loop_call.h"

#define THREADS 8
#define CALLS 2000

struct shared {
    struct loop loop;
    struct loop_door *door;
    unsigned counted; /* only touched on the loop */
    unsigned ended;
    pthread_t owner;
    bool elsewhere; /* a call ran on another thread */
    uv_prepare_t prepare;
    unsigned turns, turn; /* so far; of the call before */
    bool twice;           /* in one turn */
};

static void count(void *arg)
{
    struct shared *s = arg;

    s->counted++;
    s->elsewhere |= !pthread_equal(s->owner, pthread_self());
}

static void end(void *arg)
{
    struct shared *s = arg;

    if (++s->ended == THREADS)
        loop_stop(&s->loop);
}

static void *caller(void *arg)
{
    struct shared *s = arg;

    for (unsigned i = 0; i < CALLS; i++)
        if (!loop_call(s->door, count, s))
            return s;
    return loop_call(s->door, end, s) ? NULL : s;
}

static void open_door(struct shared *s)
{
    struct err err;

    *s = (struct shared){ .owner = pthread_self() };
    assert_int_equal(loop_init(&s->loop, NULL, &err), 0);
    s->door = loop_door_new(&s->loop, &err);
    assert_non_null(s->door);
}

static void each_call_of_eight_threads_runs_once_on_the_loop(void **state)
{
    pthread_t threads[THREADS];
    struct shared s;

    open_door(&s);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, caller, &s), 0);
    loop_run(&s.loop);
    for (size_t i = 0; i < THREADS; i++) {
        void *refused;

        pthread_join(threads[i], &refused);
        assert_null(refused);
    }
    assert_int_equal(s.counted, THREADS * CALLS);
    assert_false(s.elsewhere);
    loop_door_shut(s.door);
    loop_door_free(s.door);
    loop_fini(&s.loop);
}

static void on_turn(uv_prepare_t *p)
{
    struct shared *s = p->data;

    s->turns++;
}

static void once_a_turn(void *arg)
{
    struct shared *s = arg;

    s->twice |= s->counted++ && s->turn == s->turns;
    s->turn = s->turns;
    if (s->counted == CALLS)
        loop_stop(&s->loop);
}

static void *single(void *arg)
{
    struct shared *s = arg;

    for (unsigned i = 0; i < CALLS; i++)
        if (!loop_call(s->door, once_a_turn, s))
            return s;
    return NULL;
}

/* Or work that is done in parts, by calls, would be done in one turn all the same. */
static void calls_of_one_thread_are_in_turns_of_their_own(void **state)
{
    pthread_t thread;
    struct shared s;
    void *refused;

    open_door(&s);
    uv_prepare_init(&s.loop.uv, &s.prepare);
    s.prepare.data = &s;
    uv_prepare_start(&s.prepare, on_turn);
    assert_int_equal(pthread_create(&thread, NULL, single, &s), 0);
    loop_run(&s.loop);
    pthread_join(thread, &refused);
    assert_null(refused);
    assert_false(s.twice);
    uv_close((uv_handle_t *)&s.prepare, NULL);
    loop_door_shut(s.door);
    loop_door_free(s.door);
    loop_fini(&s.loop);
}

static void who_waits_when_the_door_shuts_is_told_so(void **state)
{
    pthread_t thread;
    struct shared s;
    void *refused;

    open_door(&s);
    assert_int_equal(pthread_create(&thread, NULL, caller, &s), 0);
    loop_door_shut(s.door); /* the loop never ran: the call may be waiting or still to come */
    pthread_join(thread, &refused);
    assert_non_null(refused);
    assert_int_equal(s.counted, 0);
    loop_door_free(s.door);
    loop_fini(&s.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_call_of_eight_threads_runs_once_on_the_loop),
        cmocka_unit_test(calls_of_one_thread_are_in_turns_of_their_own),
        cmocka_unit_test(who_waits_when_the_door_shuts_is_told_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
