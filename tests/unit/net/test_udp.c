/* At stake: datagrams arrive whole, in batches, and an owner may do anything from its callbacks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/udp.h"

static struct fixture {
    struct loop loop;
    struct udp *a, *b;
    struct timer stop;
    size_t at_a, at_b, batches, refused, want, sent;
    const size_t *sizes; /* to send next to b, f.want of them */
    struct addr refused_addr;
    bool close_in_callback, echo;
    char *big; /* 64 KiB of pattern */
} f;

static void on_stop(struct timer *t)
{
    loop_stop(&f.loop);
}

static void run(uint64_t ms)
{
    timer_start(&f.loop.timers, &f.stop, ms);
    loop_run(&f.loop);
    timer_stop(&f.loop.timers, &f.stop);
}

static void send_next(void)
{
    if (f.sent < f.want)
        assert_true(udp_send(f.a, udp_local(f.b), f.big, f.sizes ? f.sizes[f.sent] : 300));
    f.sent++;
}

static void on_b(void *owner, struct udp *u, const struct addr *from, char *p, size_t n)
{
    assert_ptr_equal(owner, &f);
    assert_ptr_equal(u, f.b);
    assert_true(addr_eq(from, udp_local(f.a)));
    assert_memory_equal(p, f.big, n);
    if (f.sizes) {
        assert_int_equal(n, f.sizes[f.at_b]);
        send_next();
    }
    f.at_b++;
    if (f.echo)
        assert_true(udp_send(u, from, p, n));
    if (f.close_in_callback) {
        udp_close(u);
        assert_false(udp_send(u, from, p, n));
        loop_stop(&f.loop);
    } else if (!f.echo && f.at_b == f.want) {
        loop_stop(&f.loop);
    }
}

static void on_a(void *owner, struct udp *u, const struct addr *from, char *p, size_t n)
{
    f.at_a++;
    send_next();
    if (f.at_a == f.want)
        loop_stop(&f.loop);
}

static void on_refused(void *owner, struct udp *u, const struct addr *to)
{
    f.refused++;
    f.refused_addr = *to;
    loop_stop(&f.loop);
}

static void on_batch_end(void *owner, struct udp *u)
{
    f.batches++;
}

static const struct udp_ops ops_a = { .datagram = on_a, .refused = on_refused };
static const struct udp_ops ops_b = { .datagram = on_b, .batch_end = on_batch_end };

static struct udp *open_on(const char *text, const struct udp_ops *ops)
{
    struct addr local;
    struct err err;
    struct udp *u;

    assert_true(addr_parse(slice_str(text), 0, &local));
    u = udp_open(&f.loop, &local, ops, &f, &err);
    if (!u)
        fail_msg("%s", err.text);
    return u;
}

static int set_up(void **state)
{
    struct err err;

    memset(&f, 0, sizeof(f));
    f.want = SIZE_MAX;
    f.big = malloc(65536);
    for (size_t i = 0; i < 65536; i++)
        f.big[i] = (char)(i * 31 >> 3);
    timer_init(&f.stop, on_stop);
    assert_int_equal(loop_init(&f.loop, NULL, &err), 0);
    f.a = open_on("127.0.0.1:0", &ops_a);
    f.b = open_on("127.0.0.1:0", &ops_b);
    return 0;
}

static int tear_down(void **state)
{
    udp_close(f.a);
    if (!f.close_in_callback)
        udp_close(f.b);
    loop_fini(&f.loop);
    free(f.big);
    return 0;
}

static void every_size_arrives_whole(void **state)
{
    static const size_t sizes[] = { 0, 1, 500, 1500, 4095, 4096, 4097, 9000, 32768, 65506, 65507, 0, 65507, 1 };

    f.sizes = sizes;
    f.want = sizeof(sizes) / sizeof(sizes[0]);
    send_next();
    run(5000);
    assert_int_equal(f.at_b, f.want);
    assert_int_equal(udp_counters(f.b)->in, f.want);
    assert_int_equal(udp_counters(f.a)->out, f.want);
    assert_int_equal(udp_counters(f.b)->in_bytes, udp_counters(f.a)->out_bytes);
}

static void batches_go_both_ways(void **state)
{
    f.echo = true;
    f.want = 2000;
    for (size_t i = 0; i < 100; i++)
        send_next();
    run(5000);
    assert_int_equal(f.at_b, f.want);
    assert_int_equal(f.at_a, f.want);
    assert_int_equal(f.batches, udp_counters(f.b)->batches);
    assert_true(f.batches < f.want / 5);
    assert_int_equal(udp_counters(f.a)->out_dropped, 0);
}

/* More in one turn than may wait: the first go out early. Whether the receiver has room for them is another matter. */
static void a_full_queue_is_sent_early(void **state)
{
    for (size_t i = 0; i < 3000; i++)
        assert_true(udp_send(f.a, udp_local(f.b), f.big, 300));
    assert_true(udp_counters(f.a)->out >= 3000 - 1024);
    run(1);
    assert_int_equal(udp_counters(f.a)->out, 3000);
}

static void ipv6(void **state)
{
    struct udp *a = f.a, *b = f.b;

    f.a = open_on("[::1]:0", &ops_a);
    f.b = open_on("[::1]:0", &ops_b);
    f.want = 1;
    f.echo = true;
    udp_send(f.a, udp_local(f.b), f.big, 10);
    run(5000);
    assert_int_equal(f.at_a, 1);
    assert_true(addr_is_loopback(udp_local(f.a)));
    udp_close(a);
    udp_close(b);
}

static void a_closed_port_refuses(void **state)
{
    struct addr gone = *udp_local(f.b);

    udp_close(f.b);
    f.close_in_callback = true; /* it is closed */
    for (int round = 0; round < 3; round++) {
        f.refused = 0;
        udp_send(f.a, &gone, "x", 1);
        run(5000);
        assert_int_equal(f.refused, 1);
        assert_true(addr_eq(&f.refused_addr, &gone));
    }
    f.b = open_on("127.0.0.1:0", &ops_b); /* and the socket still works */
    f.close_in_callback = false;
    f.want = 1;
    udp_send(f.a, &gone, "x", 1);
    udp_send(f.a, udp_local(f.b), f.big, 7);
    while (f.at_b == 0)
        run(5000);
}

static void no_route_does_not_stop_the_rest(void **state)
{
    struct addr v6;

    assert_true(addr_parse(SLICE("[::1]:5"), 0, &v6));
    f.want = 2;
    udp_send(f.a, udp_local(f.b), f.big, 7);
    udp_send(f.a, &v6, f.big, 7); /* of the wrong family: cannot be sent from here */
    udp_send(f.a, udp_local(f.b), f.big, 7);
    run(5000);
    assert_int_equal(f.at_b, 2);
    assert_int_equal(udp_counters(f.a)->out_dropped, 1);
}

static void the_owner_may_close_from_a_callback(void **state)
{
    f.close_in_callback = true;
    for (int i = 0; i < 10; i++)
        udp_send(f.a, udp_local(f.b), f.big, 100);
    run(5000);
    assert_int_equal(f.at_b, 1);
    assert_int_equal(f.batches, 0);
}

static void too_much_is_dropped_and_counted(void **state)
{
    assert_false(udp_send(f.a, udp_local(f.b), f.big, 65536));
    assert_int_equal(udp_counters(f.a)->out_dropped, 1);
}

static void closing_sends_the_last_words(void **state)
{
    f.want = 3;
    for (size_t i = 0; i < f.want; i++)
        udp_send(f.a, udp_local(f.b), f.big, 100);
    udp_close(f.a);
    run(5000);
    assert_int_equal(f.at_b, 3);
    f.a = NULL;
}

static void a_taken_port_is_a_sentence(void **state)
{
    struct err err = { "" };
    char text[ADDR_TEXT], want[200];

    assert_null(udp_open(&f.loop, udp_local(f.a), &ops_a, &f, &err));
    snprintf(want, sizeof(want), "cannot receive UDP on %s: Address already in use", addr_text(udp_local(f.a), text));
    assert_string_equal(err.text, want);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(every_size_arrives_whole),
        T(batches_go_both_ways),
        T(a_full_queue_is_sent_early),
        T(ipv6),
        T(a_closed_port_refuses),
        T(no_route_does_not_stop_the_rest),
        T(the_owner_may_close_from_a_callback),
        T(too_much_is_dropped_and_counted),
        T(closing_sends_the_last_words),
        T(a_taken_port_is_a_sentence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
