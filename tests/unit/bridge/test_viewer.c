/* Viewers see what they asked for and nothing else, in bounded memory, for their time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "sides.h"

#define ALICE SLICE("alice@contoso.example")
#define ROMEO SLICE("romeo@fabrikam.example")
#define ANNA SLICE("user:anna")

struct seen {
    unsigned n;
    uint64_t last;
    char text[4000];
};

static void see(void *arg, const struct viewer_event *e)
{
    struct seen *seen = arg;

    seen->n++;
    assert_true(e->n > seen->last);
    seen->last = e->n;
    snprintf(seen->text, sizeof(seen->text), "%.*s|%.*s", SLICE_FMT(e->what), SLICE_FMT(e->body));
}

struct scene {
    struct viewers w;
    struct directory *d;
    struct viewer_state state;
};

static void begin(struct scene *s)
{
    viewers_init(&s->w);
    s->d =
        sides_directory(SIDES_SETTINGS "partner wingtip.example { additional-domains = {\"im.wingtip.example\"} }\n");
}

static void finish(struct scene *s)
{
    viewers_fini(&s->w);
    directory_drop(s->d);
}

static uint64_t view(struct scene *s, struct slice user, struct slice partner, bool bodies, uint64_t for_ms)
{
    const struct viewer_wish wish = { .users = &user,
                                      .n_users = user.n > 0,
                                      .partners = &partner,
                                      .n_partners = partner.n > 0,
                                      .bodies = bodies,
                                      .for_ms = for_ms,
                                      .who = ANNA };
    bool full;
    uint64_t id = viewers_add(&s->w, &wish, 0, &full);

    assert_true(id && !full);
    return id;
}

static void tell(struct scene *s, enum viewer_leg leg, struct slice local, struct slice remote, struct slice what,
                 uint64_t now)
{
    const struct viewer_event e = {
        .leg = leg, .local = local, .remote = remote, .what = what, .body = SLICE("words")
    };

    viewers_tell(&s->w, s->d, &e, now);
}

static unsigned count(struct scene *s, uint64_t id, uint64_t after, uint64_t now)
{
    struct seen seen = { 0 };

    assert_true(viewers_read(&s->w, id, ANNA, after, 1000000, now, see, &seen, &s->state));
    return seen.n;
}

static void each_sees_what_it_asked_for(void **state)
{
    const struct slice none = { 0 };
    struct seen seen = { 0 };
    struct scene s;
    uint64_t alice, romeo, wingtip;

    begin(&s);
    alice = view(&s, ALICE, none, false, 60000);
    romeo = view(&s, ROMEO, none, true, 60000);
    wingtip = view(&s, none, SLICE("wingtip.example"), false, 60000);
    tell(&s, VIEWER_STREAM, SLICE("contoso.example"), SLICE("fabrikam.example"), SLICE("before"), 1);
    tell(&s, VIEWER_SIP, ALICE, ROMEO, SLICE("one"), 1);
    tell(&s, VIEWER_SIP, SLICE("bob@contoso.example"), SLICE("juliet@im.wingtip.example"), SLICE("two"), 1);
    tell(&s, VIEWER_SIP, SLICE("alice@contoso.example.evil"), SLICE("x@else.example"), SLICE("three"), 1);
    tell(&s, VIEWER_STREAM, SLICE("contoso.example"), SLICE("fabrikam.example"), SLICE("four"), 1);
    tell(&s, VIEWER_STREAM, SLICE("contoso.example"), SLICE("wingtip.example"), SLICE("five"), 1);
    assert_int_equal(count(&s, alice, 0, 2), 2);
    assert_int_equal(count(&s, wingtip, 0, 2), 2);
    assert_true(viewers_read(&s.w, romeo, ANNA, 0, 1, 2, see, &seen, &s.state));
    assert_string_equal(seen.text, "one|words");
    memset(&seen, 0, sizeof(seen));
    assert_true(viewers_read(&s.w, alice, ANNA, 0, 1, 2, see, &seen, &s.state));
    assert_string_equal(seen.text, "one|"); /* no bodies were asked for */
    finish(&s);
}

static void events_are_read_once_and_by_their_owner(void **state)
{
    struct scene s;
    uint64_t id;

    begin(&s);
    id = view(&s, ALICE, (struct slice){ 0 }, false, 60000);
    for (unsigned i = 0; i < 5; i++)
        tell(&s, VIEWER_SIP, ALICE, ROMEO, SLICE("x"), 1);
    assert_int_equal(count(&s, id, 0, 1), 5);
    assert_int_equal(count(&s, id, 3, 1), 2);
    assert_int_equal(count(&s, id, 0, 1), 2); /* those before are forgotten */
    assert_false(viewers_read(&s.w, id, SLICE("user:bert"), 0, 10, 1, see, NULL, &s.state));
    assert_false(viewers_end(&s.w, id, SLICE("user:bert")));
    assert_false(viewers_read(&s.w, id + 1, ANNA, 0, 10, 1, see, NULL, &s.state));
    assert_true(viewers_end(&s.w, id, ANNA));
    assert_int_equal(s.w.n, 0);
    finish(&s);
}

static void a_slow_reader_loses_the_oldest_and_is_told(void **state)
{
    static char long_text[2 * VIEWER_TEXT_MAX];
    struct seen seen = { 0 };
    struct scene s;
    uint64_t id;

    memset(long_text, 'x', sizeof(long_text));
    begin(&s);
    id = view(&s, ALICE, (struct slice){ 0 }, true, 60000);
    for (unsigned i = 0; i < 10000; i++)
        tell(&s, VIEWER_SIP, ALICE, ROMEO, slice_of(long_text, sizeof(long_text)), 1);
    assert_true(viewers_read(&s.w, id, ANNA, 0, 1000000, 1, see, &seen, &s.state));
    assert_int_equal(seen.last, 10000);
    assert_true(seen.n >= 100 && seen.n <= VIEWER_BYTES_MAX / VIEWER_TEXT_MAX);
    assert_int_equal(s.state.dropped, 10000 - seen.n);
    finish(&s);
}

static void it_ends_with_its_time_or_when_nobody_reads(void **state)
{
    struct scene s;
    uint64_t brief, unread;

    begin(&s);
    brief = view(&s, ALICE, (struct slice){ 0 }, true, 1000);
    unread = view(&s, ALICE, (struct slice){ 0 }, true, 86400000);
    assert_int_equal(count(&s, brief, 0, 999), 0);
    assert_int_equal(s.state.left_ms, 1);
    assert_false(viewers_read(&s.w, brief, ANNA, 0, 10, 1000, see, NULL, &s.state));
    tell(&s, VIEWER_SIP, ALICE, ROMEO, SLICE("x"), VIEWER_IDLE_MS - 1);
    assert_int_equal(s.w.n, 1);
    tell(&s, VIEWER_SIP, ALICE, ROMEO, SLICE("x"), VIEWER_IDLE_MS);
    assert_int_equal(s.w.n, 0);
    assert_int_equal(s.w.n_bodies, 0);
    assert_false(viewers_end(&s.w, unread, ANNA));
    finish(&s);
}

static void there_are_so_many_and_no_more(void **state)
{
    const struct slice user = ALICE;
    const struct viewer_wish wish = { .users = &user, .n_users = 1, .for_ms = 1000, .who = ANNA };
    struct scene s;
    bool full;

    begin(&s);
    for (unsigned i = 0; i < VIEWERS_MAX; i++)
        (void)view(&s, user, (struct slice){ 0 }, false, 1000);
    assert_int_equal(viewers_add(&s.w, &wish, 999, &full), 0);
    assert_true(full);
    assert_int_not_equal(viewers_add(&s.w, &wish, 1000, &full), 0); /* the others' time is over */
    finish(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_sees_what_it_asked_for),
        cmocka_unit_test(events_are_read_once_and_by_their_owner),
        cmocka_unit_test(a_slow_reader_loses_the_oldest_and_is_told),
        cmocka_unit_test(it_ends_with_its_time_or_when_nobody_reads),
        cmocka_unit_test(there_are_so_many_and_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
