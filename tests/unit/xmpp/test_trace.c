#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "xmpp/trace.h"

struct seen {
    unsigned n;
    uint64_t at_ms;
    enum xmpp_step step;
    enum step_result result;
    char text[1100];
};

static void on_entry(void *arg, const struct step *e)
{
    struct seen *seen = arg;

    seen->n++;
    seen->at_ms = e->at_ms;
    seen->step = e->kind;
    seen->result = e->result;
    snprintf(seen->text, sizeof(seen->text), "%.*s", SLICE_FMT(e->text));
}

static void entries_come_back_in_their_order(void **state)
{
    struct xmpp_trace *t = xmpp_trace_new();
    struct seen seen = { 0 };

    xmpp_trace_add(t, 5, XMPP_STEP_DNS, STEP_OK, "%s has %d records", "a.example", 2);
    xmpp_trace_add(t, 7, XMPP_STEP_TLS, STEP_FAILED, "no common version");
    assert_int_equal(xmpp_trace_each(t, on_entry, &seen), 0);
    assert_int_equal(seen.n, 2);
    assert_int_equal(seen.at_ms, 7);
    assert_int_equal(seen.step, XMPP_STEP_TLS);
    assert_int_equal(seen.result, STEP_FAILED);
    assert_string_equal(seen.text, "no common version");
    xmpp_trace_free(t);
}

static void what_is_too_much_is_counted(void **state)
{
    struct xmpp_trace *t = xmpp_trace_new();
    struct seen seen = { 0 };
    unsigned out;

    for (int i = 0; i < 50; i++)
        xmpp_trace_add(t, 1, XMPP_STEP_CONNECT, STEP_NOTE, "%0200d", i);
    xmpp_trace_add(t, 1, XMPP_STEP_CONNECT, STEP_NOTE, "%02000d", 1);
    out = xmpp_trace_each(t, on_entry, &seen);
    assert_int_equal(out + seen.n, 51);
    assert_in_range(seen.n, 10, 40);
    xmpp_trace_free(t);
}

static void none_is_fine(void **state)
{
    struct seen seen = { 0 };

    xmpp_trace_add(NULL, 1, XMPP_STEP_DNS, STEP_OK, "x");
    assert_int_equal(xmpp_trace_each(NULL, on_entry, &seen), 0);
    xmpp_trace_free(NULL);
    assert_int_equal(seen.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_come_back_in_their_order),
        cmocka_unit_test(what_is_too_much_is_counted),
        cmocka_unit_test(none_is_fine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
