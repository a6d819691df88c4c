/* A trace as text: every leg and direction in its column, whatever the texts hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/columns.h"
#include "base/trace_text.h"

#define DASHES "------------------------------"
#define BLANKS "                                                  "

static void lines_are(const struct trace_text *e, bool ascii, const char *want)
{
    struct buf b;

    buf_init(&b, 4096);
    trace_text_event(&b, e, ascii);
    buf_char(&b, '\0');
    assert_true(buf_ok(&b));
    assert_string_equal(b.p, want);
    buf_free(&b);
}

static void each_leg_has_its_side(void **state)
{
    static const struct {
        const char *leg, *direction, *what, *details, *body, *want;
        bool ascii;
    } rows[] = {
        { "sip", "in", "MESSAGE sip:a@b", "call-id=1", "Hi",
          "00:00:01.002Z MESSAGE sip:a@b " DASHES "--->|\n                call-id=1\n                body: Hi\n" },
        { "sip", "out", "200 OK", "", "", "00:00:01.002Z <---- 200 OK                                      |\n" },
        { "xmpp", "out", "message id=1", "", "", "00:00:01.002Z " BLANKS "|---> message id=1\n" },
        { "xmpp", "in", "handled", "more", "",
          "00:00:01.002Z " BLANKS "|<--- handled\n              " BLANKS "|      more\n" },
        { "gateway", "here", "refused: no", "", "", "00:00:01.002Z " BLANKS "* refused: no\n" },
        { "stream", "out", "ready", "ready ok", "", "00:00:01.002Z " BLANKS "|...> [ready ok] ready\n" },
        { "stream", "in", "ended", "end note", "", "00:00:01.002Z " BLANKS "|<... [end note] ended\n" },
        { "sip", "out", "404 \xe6\x97\xa5\xe6\x9c\xac", "", "",
          "00:00:01.002Z <---- 404 \xe6\x97\xa5\xe6\x9c\xac                                    |\n" },
        { "sip", "out", "404 \xe6\x97\xa5", "", "",
          "00:00:01.002Z <---- 404 \\u{65e5}                                |\n", .ascii = true },
        { "xmpp", "in", "a\x1b[2J\xe2\x80\xae", "", "", "00:00:01.002Z " BLANKS "|<--- a\\u{1b}[2J\\u{202e}\n" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct trace_text e = { .at_ms = 1002,
                                      .leg = slice_str(rows[i].leg),
                                      .direction = slice_str(rows[i].direction),
                                      .what = slice_str(rows[i].what),
                                      .details = slice_str(rows[i].details),
                                      .body = slice_str(rows[i].body) };

        lines_are(&e, rows[i].ascii, rows[i].want);
    }
}

static void head_people_and_what_is_missing(void **state)
{
    const struct trace_text e = { .sip = SLICE("a@b.example"),
                                  .xmpp = SLICE("<c>@d.example"),
                                  .conversation = SLICE("7b") };
    const struct trace_text stream = { .sip = SLICE("b.example"), .xmpp = SLICE("d.example") };
    struct buf b;

    buf_init(&b, 4096);
    trace_text_head(&b);
    trace_text_people(&b, &e, false);
    trace_text_people(&b, &stream, false);
    trace_text_missing(&b, 12);
    buf_char(&b, '\0');
    assert_string_equal(b.p, "time (UTC)    SIP                                               | XMPP\n"
                             "-- SIP: a@b.example   XMPP: <c>@d.example   conversation 7b\n"
                             "-- SIP: b.example   XMPP: d.example\n"
                             "(12 events are missing here: more passed than could be read)\n");
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_leg_has_its_side),
        cmocka_unit_test(head_people_and_what_is_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
