/* Test messages: the same gates as anybody's, one end each, told to nobody but the administrator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "bridge/trial.h"
#include "sides.h"

#define ALICE SLICE("alice@contoso.example")
#define ROMEO SLICE("romeo@fabrikam.example")

static const struct trial *begin(struct sides *s, struct slice from, struct slice to)
{
    unsigned status;
    const char *why;
    uint64_t id = trial_start(s->bridge, from, to, slice_of(NULL, 0), &status, &why);

    if (!id)
        fail_msg("%u %s", status, why);
    return trial_find(s->bridge, id);
}

static void says(const struct trial *t, bool works, const char *error, const char *diagnosis)
{
    assert_true(t->entry.done);
    assert_int_equal(t->works, works);
    assert_string_equal(t->error, error);
    if (!strstr(t->diagnosis, diagnosis))
        fail_msg("%s", t->diagnosis);
}

static void each_fate_toward_xmpp_has_its_verdict(void **state)
{
    static const struct {
        enum xmpp_fate fate;
        const char *error, *diagnosis;
    } cases[] = {
        { XMPP_FATE_UNCONFIRMED, "202", "this partner confirms nothing" },
        { XMPP_FATE_NO_SERVER, "404", "cannot be reached: because. \"stoxctl partner test fabrikam.example\"" },
        { XMPP_FATE_UNREACHABLE, "504", "cannot be reached: because. \"stoxctl partner test" },
        { XMPP_FATE_REFUSED, "504", "cannot be reached: because. \"stoxctl partner test" },
        { XMPP_FATE_FULL, "480", "A limit refused it: because" },
        { XMPP_FATE_LOST, "504", "The stream broke before the acknowledgement: because" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sides *s = sides_new();
        const struct trial *t = begin(s, ALICE, ROMEO);

        assert_false(t->entry.done);
        s2x_settled(s->bridge, s->sent[0].token, cases[i].fate, "because");
        says(t, false, cases[i].error, cases[i].diagnosis);
        sides_free(s);
    }
}

static void success_waits_for_an_error_that_may_follow(void **state)
{
    struct sides *s = sides_new();
    const struct trial *good = begin(s, ALICE, ROMEO), *bad = begin(s, ALICE, ROMEO);
    char bounce[400];

    assert_non_null(strstr(s->sent[0].stanza, "This is a test message. An administrator"));
    sides_advance(s, 100);
    s2x_settled(s->bridge, s->sent[0].token, XMPP_FATE_CONFIRMED, "acknowledged");
    s2x_settled(s->bridge, s->sent[1].token, XMPP_FATE_CONFIRMED, "acknowledged");
    assert_false(good->entry.done);
    snprintf(
        bounce, sizeof(bounce),
        "<message type='error' id='%s' from='romeo@fabrikam.example' to='alice@contoso.example'><error type='cancel'>"
        "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
        bad->tag);
    sides_xmpp(s, bounce, 1);
    says(bad, false, "200, item-not-found", "acknowledged and then gave back the message (item-not-found)");
    sides_advance(s, TRIAL_BOUNCE_MS);
    says(good, true, "", "has acknowledged the message");
    assert_int_equal(good->answered_ms - good->entry.began_ms, 100);
    sides_free(s);
}

static void an_unacknowledged_one_says_so_at_the_hold_time(void **state)
{
    struct sides *s = sides_new();
    const struct trial *t = begin(s, ALICE, ROMEO);

    sides_advance(s, 20001);
    says(t, false, "504", "did not acknowledge within hold-time");
    assert_true(s->sent[0].withdrawn);
    sides_advance(s, TRIAL_KEEP_MS);
    assert_int_equal(s->bridge->trials.n, 0);
    sides_free(s);
}

/* No partner gets an error for what he did not send. */
static void toward_sip_nothing_is_told_to_the_partner(void **state)
{
    static const struct {
        unsigned status;
        bool works;
        const char *error, *diagnosis;
    } cases[] = {
        { 200, true, "", "of route office has taken the message" },
        { 404, false, "404, item-not-found", "it knows no such person" },
        { 480, false, "480, recipient-unavailable", "not signed in" },
        { 403, false, "403, forbidden", "let it trust Stox" },
        { 0, false, "remote-server-timeout", "Is it up, does it listen there" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sides *s = sides_new();
        const struct trial *t = begin(s, ROMEO, ALICE);

        assert_int_equal(s->n_clients, 1);
        sides_answer(s, 0, cases[i].status);
        says(t, cases[i].works, cases[i].error, cases[i].diagnosis);
        assert_int_equal(s->n_sent, 0);
        sides_free(s);
    }
}

static void a_closed_gate_is_named_both_ways(void **state)
{
    static const struct {
        const char *settings, *diagnosis;
    } cases[] = {
        { SIDES_DOMAINS SIDES_PARTNER, "stoxctl org set --federation on" },
        { "org { federation = yes }\n" SIDES_DOMAINS SIDES_PARTNER, "stoxctl policy effective alice@contoso.example" },
        { SIDES_ORG SIDES_DOMAINS, "stoxctl partner new fabrikam.example" },
        { SIDES_ORG SIDES_DOMAINS SIDES_PARTNER "block alice@contoso.example {}\n", "our user is on the block list" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sides *s = sides_new();
        const struct trial *there, *back;

        sides_apply(s, cases[i].settings);
        there = begin(s, ALICE, ROMEO);
        back = begin(s, ROMEO, ALICE);
        says(there, false, i == 2 ? "404" : "403", cases[i].diagnosis);
        says(back, false, i == 3 ? "policy-violation" : "forbidden", cases[i].diagnosis);
        assert_int_equal(s->n_sent + s->n_clients, 0);
        sides_free(s);
    }
}

static void what_cannot_be_tested_is_refused_in_words(void **state)
{
    static char long_text[TRIAL_TEXT_MAX + 1];
    static const struct {
        const char *from, *to;
        struct slice text;
        const char *why;
    } cases[] = {
        { "contoso.example", "romeo@fabrikam.example", { 0 }, "from: this is no address" },
        { "alice@contoso.example", "fabrikam.example", { 0 }, "to: this is no address" },
        { "alice@contoso.example", "", { 0 }, "to: this is no address" },
        { "alice@contoso.example", "bob@other.example", { 0 }, "both are on SIP" },
        { "a@x.example", "b@y.example", { 0 }, "neither from nor to" },
        { "alice@contoso.example", "romeo@fabrikam.example", { long_text, sizeof(long_text) }, "1000 bytes" },
    };
    struct sides *s = sides_new();

    memset(long_text, 'x', sizeof(long_text));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned status;
        const char *why;

        assert_int_equal(
            trial_start(s->bridge, slice_str(cases[i].from), slice_str(cases[i].to), cases[i].text, &status, &why), 0);
        assert_int_equal(status, 422);
        assert_non_null(strstr(why, cases[i].why));
    }
    assert_int_equal(s->bridge->trials.n, 0);
    sides_free(s);
}

static void so_many_run_and_so_many_in_a_minute(void **state)
{
    struct sides *s = sides_new();
    unsigned status;
    const char *why;

    for (unsigned i = 0; i < TRIALS_RUNNING; i++)
        (void)begin(s, ALICE, ROMEO);
    assert_int_equal(trial_start(s->bridge, ALICE, ROMEO, slice_of(NULL, 0), &status, &why), 0);
    assert_int_equal(status, 429);
    sides_advance(s, 30000); /* these are over */
    for (unsigned i = TRIALS_RUNNING; i < TRIALS_A_MINUTE; i++)
        (void)begin(s, ALICE, ROMEO);
    assert_int_equal(trial_start(s->bridge, ALICE, ROMEO, slice_of(NULL, 0), &status, &why), 0);
    assert_non_null(strstr(why, "ten tests a minute"));
    for (unsigned i = 0; i < 100; i++) {
        sides_advance(s, 10000);
        (void)trial_start(s->bridge, ALICE, ROMEO, slice_of(NULL, 0), &status, &why);
        assert_true(s->bridge->trials.n <= TRIALS_KEPT);
    }
    sides_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fate_toward_xmpp_has_its_verdict),
        cmocka_unit_test(success_waits_for_an_error_that_may_follow),
        cmocka_unit_test(an_unacknowledged_one_says_so_at_the_hold_time),
        cmocka_unit_test(toward_sip_nothing_is_told_to_the_partner),
        cmocka_unit_test(a_closed_gate_is_named_both_ways),
        cmocka_unit_test(what_cannot_be_tested_is_refused_in_words),
        cmocka_unit_test(so_many_run_and_so_many_in_a_minute),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
