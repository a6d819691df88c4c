/* What administrators see of what waits: all of it, though it is looked at in parts while messages go on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "bridge/queue.h"
#include "sides.h"

#define N_LANES 450

struct seen {
    unsigned times[N_LANES];
    size_t messages, written;
    bool odd; /* something that was not asked for */
};

static void say(struct sides *s, int user, int number)
{
    char stanza[300];

    snprintf(stanza, sizeof(stanza),
             "<message from='user%d@fabrikam.example/a' to='alice@contoso.example' id='m%d'><body>x</body></message>",
             user, number);
    sides_xmpp(s, stanza, (uint64_t)number);
}

static void see(void *arg, const struct bridge_queue_info *info)
{
    struct seen *seen = arg;
    char from[100];
    int user = -1;

    snprintf(from, sizeof(from), "%.*s", SLICE_FMT(info->from));
    if (sscanf(from, "user%d@fabrikam.example", &user) != 1 || user < 0 || user >= N_LANES || !info->to_sip ||
        !slice_is(info->to, "alice@contoso.example") || !slice_is(info->remote, "fabrikam.example")) {
        seen->odd = true;
        return;
    }
    seen->times[user]++;
    seen->messages += info->n;
    seen->written += info->n_written;
}

static void parts_show_each_lane_once(void **state)
{
    struct sides *s = sides_new();
    struct bridge_queue_at at = { 0 };
    struct seen seen = { .odd = false };
    unsigned parts = 1;

    for (int i = 0; i < N_LANES; i++)
        say(s, i, i);
    say(s, 3, N_LANES);
    while (bridge_walk_queue(s->bridge, &at, see, &seen))
        parts++;
    assert_true(parts > 2);
    assert_false(seen.odd);
    for (size_t i = 0; i < N_LANES; i++)
        assert_int_equal(seen.times[i], 1);
    assert_int_equal(seen.messages, N_LANES + 1);
    assert_int_equal(seen.written, N_LANES);
    sides_free(s);
}

/* Between the parts every other lane ends, and the first ones are begun anew. */
static void what_comes_and_goes_meanwhile_is_seen_once_at_most(void **state)
{
    struct sides *s = sides_new();
    struct bridge_queue_at at = { 0 };
    struct seen seen = { .odd = false };

    for (int i = 0; i < N_LANES; i++)
        say(s, i, i);
    (void)bridge_walk_queue(s->bridge, &at, see, &seen);
    for (size_t i = 0; i < N_LANES; i += 2)
        sides_answer(s, i, 200);
    for (int i = 0; i < 40; i++)
        say(s, i, N_LANES + i);
    while (bridge_walk_queue(s->bridge, &at, see, &seen))
        ;
    assert_false(seen.odd);
    for (size_t i = 0; i < N_LANES; i++)
        assert_in_range(seen.times[i], i % 2, 1);
    sides_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_show_each_lane_once),
        cmocka_unit_test(what_comes_and_goes_meanwhile_is_seen_once_at_most),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
