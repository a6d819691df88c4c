/* The hop counter that crosses XMPP: what is put into a stanza, and what is read from one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "map/hops.h"
#include "map_support.h"

static void STOX_SEC_20_the_hop_counter_crosses_xmpp(void **state)
{
    static const struct {
        int from_sip;
        unsigned to_sip;
    } cases[] = { { 70, 69 }, { 1, 0 }, { 0, 0 }, { -1, 69 }, { 255, MAP_HOPS }, { 12, 11 } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sip_msg m = { .max_forwards = cases[i].from_sip };
        struct arena a;
        struct buf out;

        arena_init(&a, 1u << 20);
        buf_init(&out, 4096);
        buf_str(&out, "<message xmlns='jabber:server'><body>x</body></message>");
        map_hops_put(&out, &m);
        assert_true(buf_ok(&out));
        assert_int_equal(map_hops_of(&a, stanza_of(&a, buf_slice(&out))), cases[i].to_sip);
        buf_free(&out);
        arena_reset(&a);
    }
}

static void what_is_no_count_says_nothing(void **state)
{
    static const char *const counts[] = { "", "x", "-1", "71", "4294967296", "99999999999999999999", "1 2", "0x0" };

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct arena a;
        struct buf in;

        arena_init(&a, 1u << 20);
        buf_init(&in, 4096);
        buf_printf(&in,
                   "<message xmlns='jabber:server'><headers xmlns='http://jabber.org/protocol/shim'><header "
                   "name='Max-Forwards'>%s</header></headers></message>",
                   counts[i]);
        assert_int_equal(map_hops_of(&a, stanza_of(&a, buf_slice(&in))), MAP_HOPS);
        buf_free(&in);
        arena_reset(&a);
    }
}

static void a_full_buffer_stays_as_it_was(void **state)
{
    struct sip_msg m = { .max_forwards = 70 };
    char memory[16];
    struct buf out = { .p = memory, .cap = sizeof(memory), .max = sizeof(memory) };

    buf_str(&out, "<a/></message>");
    map_hops_put(&out, &m);
    assert_true(buf_ok(&out) && slice_is(buf_slice(&out), "<a/></message>"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(STOX_SEC_20_the_hop_counter_crosses_xmpp),
        cmocka_unit_test(what_is_no_count_says_nothing),
        cmocka_unit_test(a_full_buffer_stays_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
