/* Numbered frames: each is taken once and in order, wherever connections are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "link/numbered.h"

/* The same in each run. */
static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static struct link_frame handled(uint64_t receipt)
{
    return (struct link_frame){ .type = LINK_HANDLED, .handled.receipt = receipt };
}

static struct link_frame big(uint64_t id)
{
    static char bytes[LINK_SENT_MAX];

    return (struct link_frame){ .type = LINK_SEND,
                                .send = { .id = id,
                                          .local = SLICE("a.example"),
                                          .remote = SLICE("b.example"),
                                          .stanza = slice_of(bytes, sizeof(bytes)) } };
}

/* Two ends, and what one connection has carried from the first to the second without being read yet. */
struct pair {
    struct link_numbered a, b;
    struct buf wire;
    uint64_t expected; /* the number of the next frame that the second has to take */
};

static void give(struct pair *p, size_t most)
{
    struct slice bytes = slice_first(link_numbered_unwritten(&p->a), most);

    buf_put(&p->wire, bytes);
    link_numbered_wrote(&p->a, bytes.n);
}

static void receive(struct pair *p)
{
    struct link_read r;

    while (link_frame_read(buf_slice(&p->wire), LINK_GATEWAY, &r) == LINK_FINE) {
        assert_true(r.numbered);
        assert_int_equal(r.frame.handled.receipt, p->expected);
        p->expected++;
        link_numbered_took(&p->b);
        buf_consume(&p->wire, r.n);
    }
}

static void acknowledge(struct pair *p)
{
    struct link_frame ack;

    if (link_numbered_owes(&p->b, &ack))
        assert_true(link_numbered_acked(&p->a, ack.ack.taken));
    assert_false(link_numbered_owes(&p->b, &ack));
}

/* What is on its way is lost; the ACK of what was taken, too. */
static void cut(struct pair *p)
{
    buf_clear(&p->wire);
    assert_true(link_numbered_again(&p->a, p->b.n_taken));
    assert_true(link_numbered_again(&p->b, p->a.n_taken));
}

static void each_is_taken_once_and_in_order_wherever_the_connection_is_cut(void **state)
{
    for (uint32_t run = 1; run <= 50; run++) {
        struct pair p = { .expected = 1 };
        uint32_t seed = run;
        uint64_t sent = 0;

        link_numbered_init(&p.a);
        link_numbered_init(&p.b);
        buf_init(&p.wire, LINK_KEPT_MAX);
        for (int step = 0; step < 2000; step++) {
            struct link_frame f = handled(sent + 1);

            switch (next(&seed) % 8) {
            case 0: cut(&p); break;
            case 1: acknowledge(&p); break;
            case 2:
            case 3: receive(&p); break;
            case 4: give(&p, next(&seed) % 100); break;
            default: sent += link_numbered_add(&p.a, &f); break;
            }
        }
        cut(&p);
        give(&p, SIZE_MAX);
        receive(&p);
        acknowledge(&p);
        assert_int_equal(p.expected, sent + 1);
        assert_int_equal(link_numbered_unwritten(&p.a).n, 0);
        assert_int_equal(p.a.kept.n, p.a.front);
        buf_free(&p.wire);
        link_numbered_fini(&p.b);
        link_numbered_fini(&p.a);
    }
}

static void what_cannot_have_been_taken_ends_the_link(void **state)
{
    struct link_frame f = handled(1);
    struct link_numbered n;

    link_numbered_init(&n);
    for (int i = 0; i < 3; i++)
        assert_true(link_numbered_add(&n, &f));
    assert_false(link_numbered_again(&n, 4)); /* more than there are */
    assert_false(link_numbered_acked(&n, 1)); /* none is written */
    link_numbered_fini(&n);
    link_numbered_init(&n);
    for (int i = 0; i < 3; i++)
        assert_true(link_numbered_add(&n, &f));
    link_numbered_wrote(&n, link_numbered_unwritten(&n).n);
    assert_true(link_numbered_acked(&n, 2));
    assert_true(link_numbered_acked(&n, 2));
    assert_false(link_numbered_acked(&n, 1)); /* less than before */
    assert_false(link_numbered_acked(&n, 4));
    assert_true(link_numbered_acked(&n, 3));
    link_numbered_fini(&n);
}

static void memory_is_bounded_and_full_is_said_before_nothing_goes_any_more(void **state)
{
    struct link_numbered n;
    struct link_frame f;
    uint64_t sent = 0;

    link_numbered_init(&n);
    while (!link_numbered_is_full(&n)) {
        f = big(++sent);
        assert_true(link_numbered_add(&n, &f));
    }
    assert_in_range(sent, 15, 17);
    for (uint64_t i = 1; i <= 10000; i++) { /* what must be told all the same */
        f = handled(i);
        assert_true(link_numbered_add(&n, &f));
    }
    do
        f = big(++sent);
    while (link_numbered_add(&n, &f));
    assert_in_range(n.kept.n, LINK_KEPT_MAX - LINK_FRAME_MAX, LINK_KEPT_MAX);
    link_numbered_wrote(&n, link_numbered_unwritten(&n).n);
    assert_true(link_numbered_acked(&n, n.n_sent));
    assert_false(link_numbered_is_full(&n));
    assert_in_range(n.kept.cap, 0, 65536); /* it was given back */
    assert_true(link_numbered_add(&n, &f));
    link_numbered_fini(&n);
}

static void what_is_not_numbered_or_not_as_the_table_says_is_not_kept(void **state)
{
    const struct link_frame ping = { .type = LINK_PING }, nothing = { .type = LINK_HANDLED };
    struct link_frame good = handled(1);
    struct link_numbered n;

    link_numbered_init(&n);
    assert_false(link_numbered_add(&n, &ping));
    assert_false(link_numbered_add(&n, &nothing));
    assert_int_equal(n.n_sent, 0);
    assert_true(link_numbered_add(&n, &good));
    assert_int_equal(n.n_sent, 1);
    link_numbered_fini(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_taken_once_and_in_order_wherever_the_connection_is_cut),
        cmocka_unit_test(what_cannot_have_been_taken_ends_the_link),
        cmocka_unit_test(memory_is_bounded_and_full_is_said_before_nothing_goes_any_more),
        cmocka_unit_test(what_is_not_numbered_or_not_as_the_table_says_is_not_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
