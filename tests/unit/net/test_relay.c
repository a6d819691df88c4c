/* At stake: while two processes share their sockets, each datagram gets to one of them, in order; and what is given is what is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/conn.h"
#include "net/listening.h"
#include "net/relay.h"

#define MANY 3000

struct side {
    struct loop loop;
    struct log log;
    struct udp *udp;
    struct relay *relay;
    uint32_t n, last; /* received, and the number in the last one */
    bool in_order;
};

static struct fixture {
    struct side old, next;
    int peer;
    struct addr at;
    uint32_t sent;
} f;

static void turn(struct side *s)
{
    uv_run(&s->loop.uv, UV_RUN_NOWAIT);
}

static void on_pass(void *owner, struct udp *u, const struct addr *from, char *p, size_t n)
{
    struct side *s = owner;

    s->n++;
    assert_true(relay_pass(s->relay, udp_local(u), from, p, n));
}

static void on_last(void *owner, struct udp *u, const struct addr *from, char *p, size_t n)
{
    struct side *s = owner;
    uint32_t number;

    assert_true(n >= sizeof(number));
    memcpy(&number, p, sizeof(number));
    s->in_order = s->in_order && number == s->last + 1;
    s->last = number;
    s->n++;
}

static const struct udp_ops passes = { .datagram = on_pass }, takes = { .datagram = on_last };

static void side_init(struct side *s)
{
    struct err err;

    *s = (struct side){ .in_order = true };
    log_init(&s->log);
    s->log.level = LOG_LEVEL_ERROR;
    assert_int_equal(loop_init(&s->loop, &s->log, &err), 0);
}

static void side_fini(struct side *s)
{
    relay_close(s->relay);
    udp_close(s->udp);
    listening_forget_given(&s->loop);
    loop_fini(&s->loop);
}

/* The old side's socket is also the new side's, which follows by a relay. */
static void set_up(void)
{
    struct addr any;
    struct err err;
    int pair[2];

    memset(&f, 0, sizeof(f));
    side_init(&f.old);
    side_init(&f.next);
    assert_true(addr_parse(SLICE("127.0.0.1:0"), 0, &any));
    f.old.udp = udp_open(&f.old.loop, &any, &passes, &f.old, &err);
    f.peer = socket(AF_INET, SOCK_DGRAM, 0);
    assert_non_null(f.old.udp);
    f.at = *udp_local(f.old.udp);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    f.old.relay = relay_open(&f.old.loop, pair[0]);
    f.next.loop.hold_datagrams = true;
    assert_true(relay_follow(&f.next.loop, pair[1], &f.next.relay));
}

static void tear_down(void)
{
    close(f.peer);
    side_fini(&f.old);
    side_fini(&f.next);
}

static void give_all(void)
{
    int fds[LISTENING_MAX];
    size_t n = listening_list(&f.old.loop, fds);
    struct err err;

    assert_int_equal(n, 1);
    for (size_t i = 0; i < n; i++)
        assert_true(listening_give(&f.next.loop, dup(fds[i])));
    f.next.udp = udp_open(&f.next.loop, &f.at, &takes, &f.next, &err);
    assert_non_null(f.next.udp);
    assert_true(addr_eq(udp_local(f.next.udp), &f.at));
}

static void send_one(size_t size)
{
    static char bytes[60000];

    f.sent++;
    memcpy(bytes, &f.sent, sizeof(f.sent));
    assert_int_equal(sendto(f.peer, bytes, size, 0, &f.at.sa, addr_len(&f.at)), size);
}

static void until(uint32_t n)
{
    for (int i = 0; i < 10000 && f.next.n < n; i++) {
        turn(&f.old);
        turn(&f.next);
    }
    assert_int_equal(f.next.n, n);
    assert_true(f.next.in_order);
}

static void every_datagram_arrives_once_and_in_order_though_the_next_process_is_slow(void **state)
{
    set_up();
    give_all();
    while (f.sent < MANY) {
        send_one(f.sent % 50 ? 400 : 50000);
        turn(&f.old);
        if (f.sent % 400 == 0) /* meanwhile much waits, and the socket is held still */
            until(f.sent);
    }
    until(MANY);
    tear_down();
}

static void at_the_end_of_the_relay_the_next_process_reads_by_itself(void **state)
{
    set_up();
    give_all();
    for (int i = 0; i < 10; i++)
        send_one(100);
    turn(&f.old);
    send_one(100); /* it waits in the socket */
    relay_close(f.old.relay);
    f.old.relay = NULL;
    until(11);
    assert_null(f.next.relay);
    assert_int_equal(f.old.n, 10);
    send_one(100);
    until(12);
    tear_down();
}

static void a_process_that_is_gone_is_not_waited_for(void **state)
{
    set_up();
    give_all();
    relay_close(f.next.relay);
    assert_null(f.next.relay);
    for (int i = 0; i < 100; i++) {
        send_one(1000);
        turn(&f.old);
    }
    assert_int_equal(f.old.n, 100);
    tear_down();
}

static void what_is_no_relay_ends_it(void **state)
{
    char bytes[200];
    int pair[2];

    set_up();
    give_all();
    memset(bytes, 0xff, sizeof(bytes));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    relay_close(f.next.relay);
    assert_true(relay_follow(&f.next.loop, pair[1], &f.next.relay));
    assert_int_equal(write(pair[0], bytes, sizeof(bytes)), sizeof(bytes));
    turn(&f.next);
    assert_null(f.next.relay);
    close(pair[0]);
    tear_down();
}

static void only_what_listens_at_that_address_is_taken(void **state)
{
    struct addr other;
    int quiet = socket(AF_INET, SOCK_STREAM, 0), fds[LISTENING_MAX];

    set_up();
    assert_int_equal(listening_list(&f.old.loop, fds), 1);
    assert_false(listening_give(&f.next.loop, quiet)); /* it does not listen, and is closed */
    assert_false(listening_give(&f.next.loop, -1));
    assert_true(listening_give(&f.next.loop, dup(fds[0])));
    assert_true(addr_parse(SLICE("127.0.0.2:0"), 0, &other));
    assert_int_equal(listening_take(&f.next.loop, SOCK_DGRAM, &other.sa), -1);
    assert_int_equal(listening_take(&f.next.loop, SOCK_STREAM, &f.at.sa), -1);
    f.next.udp = NULL;
    tear_down(); /* which closes what nobody took */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_datagram_arrives_once_and_in_order_though_the_next_process_is_slow),
        cmocka_unit_test(at_the_end_of_the_relay_the_next_process_reads_by_itself),
        cmocka_unit_test(a_process_that_is_gone_is_not_waited_for),
        cmocka_unit_test(what_is_no_relay_ends_it),
        cmocka_unit_test(only_what_listens_at_that_address_is_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
