/* Stanzas that come again after a break are known again, and the count says what was handled: against a model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "xmpp/repeats.h"

#define N 20000
#define AHEAD 300 /* the peer sends so far ahead of the acknowledgements */

static uint32_t chance = 1;

static uint32_t random_below(uint32_t n)
{
    chance = chance * 1664525 + 1013904223;
    return (chance >> 8) % n;
}

/* Both ends of a stream that breaks. Stanza i has number first + i in the count, and print i + 1. */
struct world {
    struct hash by_receipt;
    struct xmpp_repeats r;
    struct xmpp_sm_in *sm;
    uint32_t serial, first;
    unsigned sent, acked; /* by the peer */
    unsigned n_served[N];
    bool handled[N];
    uint64_t open[2 * AHEAD]; /* receipts that SIP still has, and of which stanza */
    unsigned open_of[2 * AHEAD];
    unsigned n_open;
    unsigned withdraw_each; /* each so many'th repeat has nothing of its stanza any more: 0: none */
};

static void arrive(struct world *w, unsigned i, uint64_t print)
{
    uint32_t seq;

    assert_true(xmpp_sm_in_received(w->sm, &seq));
    assert_int_equal(seq, (uint32_t)(w->first + i));
    if (xmpp_repeats_is_one(&w->r, w->sm, seq, print))
        return;
    if (print != i + 1) { /* the one that stands for a withdrawn stanza: served at once */
        xmpp_sm_in_handled(w->sm, seq);
        return;
    }
    w->n_served[i]++;
    assert_true(w->n_open < 2 * AHEAD);
    w->open_of[w->n_open] = i;
    w->open[w->n_open++] = (uint64_t)w->serial << 32 | seq;
}

static void sip_answers(struct world *w)
{
    unsigned k = w->n_open ? random_below(w->n_open) : 0;
    struct xmpp_carried *c;
    uint64_t receipt = w->open[k];
    uint32_t seq = (uint32_t)receipt;

    if (!w->n_open)
        return;
    w->handled[w->open_of[k]] = true;
    w->open[k] = w->open[--w->n_open];
    w->open_of[k] = w->open_of[w->n_open];
    c = xmpp_repeats_find(&w->by_receipt, receipt);
    if (c ? xmpp_repeats_handled(c, &seq) : receipt >> 32 == w->serial)
        xmpp_sm_in_handled(w->sm, seq);
}

static void acknowledge(struct world *w)
{
    unsigned h = (uint32_t)(w->sm->handled - w->first);

    assert_in_range(h, w->acked, w->sent);
    w->acked = h;
}

static void cut(struct world *w)
{
    assert_true(xmpp_repeats_carry(&w->r, w->sm, w->serial));
    for (uint32_t n = random_below(20); n > 0; n--)
        sip_answers(w);
    w->serial++;
    xmpp_repeats_go_on(&w->r, w->sm);
    assert_true(w->r.n <= 2 * AHEAD);
    acknowledge(w);
}

/* Stanzas go; every now and then some that were sent do not arrive, and all that is not acknowledged goes again. */
static void run(struct world *w)
{
    unsigned arrived = 0;

    while (w->acked < N) {
        switch (random_below(40) ? random_below(3) : 3) {
        case 0:
            if (w->sent < N && w->sent - w->acked < AHEAD)
                w->sent++;
            break;
        case 1:
            if (arrived < w->sent) {
                bool gone = w->withdraw_each && w->n_served[arrived] && arrived % w->withdraw_each == 0;

                arrive(w, arrived, gone ? 1000000 + arrived : arrived + 1);
                arrived++;
            }
            break;
        case 2:
            sip_answers(w);
            acknowledge(w);
            break;
        case 3:
            cut(w);
            arrived = w->acked;
            break;
        }
    }
}

static struct world *world_new(uint32_t first)
{
    struct world *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    w->sm = calloc(1, sizeof(*w->sm));
    assert_non_null(w->sm);
    w->first = first;
    w->sm->received = w->sm->handled = w->sm->asked = first;
    hash_init(&w->by_receipt);
    xmpp_repeats_init(&w->r, &w->by_receipt);
    return w;
}

static void world_free(struct world *w)
{
    xmpp_repeats_fini(&w->r);
    assert_int_equal(w->by_receipt.n, 0);
    hash_free(&w->by_receipt);
    free(w->sm);
    free(w);
}

static void each_is_served_once_and_h_counts_what_was_handled(void **state)
{
    static const uint32_t firsts[] = { 0, UINT32_MAX - N / 2,
                                       UINT32_MAX }; /* the counters wrap in the middle, at once */

    for (size_t i = 0; i < sizeof(firsts) / sizeof(*firsts); i++) {
        struct world *w = world_new(firsts[i]);

        run(w);
        for (unsigned k = 0; k < N; k++) {
            assert_int_equal(w->n_served[k], 1);
            assert_true(w->handled[k]);
        }
        world_free(w);
    }
}

/* Each third repeat has another in its place, because its sender was told meanwhile that it is not delivered. */
static void what_stands_for_a_withdrawn_one_does_not_disturb_the_others(void **state)
{
    struct world *w = world_new(UINT32_MAX - 1000);

    w->withdraw_each = 3;
    run(w);
    for (unsigned k = 0; k < N; k++)
        assert_int_equal(w->n_served[k], 1);
    world_free(w);
}

/* The peer repeats nothing: it must not grow, and what is new is served, though it looks like nothing that is carried. */
static void a_peer_that_never_repeats_costs_no_more_than_a_window(void **state)
{
    struct world *w = world_new(0);
    unsigned n_refused = 0;
    uint32_t seq;

    for (unsigned turn = 0; turn < 50; turn++) {
        for (unsigned i = 0; i < 1000; i++) {
            assert_true(xmpp_sm_in_received(w->sm, &seq));
            assert_false(xmpp_repeats_is_one(&w->r, w->sm, seq, turn * 1000 + i));
        }
        n_refused += !xmpp_repeats_carry(&w->r, w->sm, w->serial++);
        assert_true(w->r.n <= XMPP_SM_WINDOW + 1000);
        if (n_refused) /* its owner drops it */
            break;
        xmpp_repeats_go_on(&w->r, w->sm);
    }
    world_free(w);
}

static struct xml element(const char *name, struct xml_attr *attrs, struct xml *body)
{
    return (struct xml){ .name = slice_str(name), .attrs = attrs, .first = body };
}

static void a_print_tells_apart_what_differs_in_kind_addresses_type_id_or_without_id_in_content(void **state)
{
    struct hash h;
    struct xml_attr id = { .name = SLICE("id"), .value = SLICE("1") },
                    from = { .name = SLICE("from"), .value = SLICE("1") };
    struct xml text = { .is_text = true, .text = SLICE("a") }, other = { .is_text = true, .text = SLICE("b") };
    struct xml body = { .name = SLICE("body"), .first = &text }, another = { .name = SLICE("body"), .first = &other };
    struct xml all[] = {
        element("message", NULL, &body), element("message", NULL, &another), element("presence", NULL, &body),
        element("message", &id, &body),  element("message", &from, &body),
    };
    struct xml same = element("message", &id, &another);

    hash_init(&h);
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        for (size_t k = 0; k < i; k++)
            assert_true(xmpp_repeats_print(&h, &all[i]) != xmpp_repeats_print(&h, &all[k]));
    assert_true(xmpp_repeats_print(&h, &same) == xmpp_repeats_print(&h, &all[3])); /* a delay may have come to it */
    hash_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_served_once_and_h_counts_what_was_handled),
        cmocka_unit_test(what_stands_for_a_withdrawn_one_does_not_disturb_the_others),
        cmocka_unit_test(a_peer_that_never_repeats_costs_no_more_than_a_window),
        cmocka_unit_test(a_print_tells_apart_what_differs_in_kind_addresses_type_id_or_without_id_in_content),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
