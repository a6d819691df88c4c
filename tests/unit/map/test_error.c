#include "map_support.h"

#include "map/error.h"

static struct sip_msg *response(struct arena *a, unsigned status, const char *reason, const char *lines)
{
    return sip_of_bytes(
        a, slice_str(text_of(a,
                             "SIP/2.0 %u %s\r\nVia: SIP/2.0/TCP gw.example;branch=z9hG4bKa\r\n"
                             "To: <sip:romeo@example.net>;tag=b\r\nFrom: <sip:juliet@example.com>;tag=a\r\n"
                             "Call-ID: c\r\nCSeq: 1 MESSAGE\r\n%sContent-Length: 0\r\n\r\n",
                             status, reason, lines)));
}

static struct map_sip_error to_sip(struct arena *a, const char *inside)
{
    const char *text = text_of(a, "<message type='error' from='a@b' to='c@d'>%s</message>", inside);
    struct map_sip_error e;

    map_error_to_sip(a, stanza_of(a, slice_str(text)), false, false, NULL, &e);
    return e;
}

#define NS " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'"

static void addresses_of_redirects(void **state)
{
    static const struct {
        const char *in, *contact;
        unsigned status;
    } cases[] = {
        { "xmpp:romeo@afterlife.example", "sip:romeo@afterlife.example", 301 },
        { "xmpp:o%5C27malley@b%C3%BCcher.example/Verona%20x", "sip:o'malley@xn--bcher-kva.example;gr=Verona%20x", 301 },
        { "xmpp://account@host/a%2Fb@d?message#x", "", 410 },
        { "xmpp://account@host/romeo@d?message;body=x#y", "sip:romeo@d", 301 },
        { "xmpp:afterlife.example", "sip:afterlife.example", 301 },
        { " XMPP:ROMEO@D ", "sip:romeo@d", 301 },
        { "xmpp:", "", 410 },
        { "xmpp:a@b@c", "", 410 },
        { "xmpp://only", "", 410 },
        { "xmpp:a%zz@b", "", 410 },
        { "sip:romeo@new.example;transport=tcp", "sip:romeo@new.example;transport=tcp", 301 },
        { "sip:romeo@new.example&gt;&#13;&#10;X: y", "", 410 },
        { "im:romeo@new.example", "sip:romeo@new.example", 301 },
        { "tel:+15551234", "tel:+15551234", 301 },
        { "romeo@new.example", "", 410 },
        { "", "", 410 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena a;
        struct map_sip_error e;

        arena_init(&a, ARENA_MAX);
        e = to_sip(&a, text_of(&a, "<error type='cancel'><gone" NS ">%s</gone></error>", cases[i].in));
        if (e.status != cases[i].status || !slice_is(e.contact, cases[i].contact))
            fail_msg("%s: %u %s", cases[i].in, e.status, c_str(&a, e.contact));
        arena_reset(&a);
    }
}

static void contacts_of_redirects(void **state)
{
    static const struct {
        const char *lines, *payload;
    } cases[] = {
        { "Contact: <sip:romeo@new.example>\r\n", "xmpp:romeo@new.example" },
        { "Contact: \"a, b\" <sip:o'malley@new.example;gr=x%20y>;q=0.5, <sip:other@d>\r\n",
          "xmpp:o%5C27malley@new.example/x%20y" },
        { "m: sip:tschüss@new.example\r\n", "" },
        { "Contact: <sip:tsch%C3%BCss@xn--bcher-kva.example>\r\n", "xmpp:tsch%C3%BCss@b%C3%BCcher.example" },
        { "Contact: <tel:+15551234>\r\n", "tel:+15551234" },
        { "Contact: <sips:romeo@new.example>\r\n", "sips:romeo@new.example" },
        { "Contact: *\r\n", "" },
        { "", "" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena a;
        struct map_stanza_error e;

        arena_init(&a, ARENA_MAX);
        map_error_to_stanza(&a, 302, response(&a, 302, "Moved", cases[i].lines), NULL, &e);
        assert_int_equal(e.condition, MAP_REDIRECT);
        if (!slice_is(e.payload, cases[i].payload))
            fail_msg("%s: %s", cases[i].lines, c_str(&a, e.payload));
        arena_reset(&a);
    }
}

static void texts_are_one_short_line(void **state)
{
    struct arena a;
    struct map_sip_error e;
    struct buf b;

    arena_init(&a, ARENA_MAX);
    e = to_sip(&a, "<error type='cancel'><item-not-found" NS "/><text" NS
                   ">a&#13;&#10;Route: &#127;&#x85;b</text></error>");
    assert_slice(&a, e.reason, "a  Route:   b");
    e = to_sip(&a, "<error type='cancel'><text" NS ">  </text><item-not-found" NS "/></error>");
    assert_slice(&a, e.reason, "Does Not Exist Anywhere");
    buf_init(&b, 10000);
    for (unsigned i = 0; i < 100; i++)
        buf_str(&b, "é€😀");
    e = to_sip(
        &a, text_of(&a, "<error type='cancel'><item-not-found" NS "/><text" NS ">%.*s</text></error>", (int)b.n, b.p));
    assert_int_equal(e.reason.n, 28 * 9 + 2);
    assert_memory_equal(e.reason.p, b.p, e.reason.n);
    buf_free(&b);
    arena_reset(&a);
}

static void stanzas_without_a_good_error(void **state)
{
    static const char *const inside[] = {
        "",
        "<error/>",
        "<error type='cancel'/>",
        "<error type='x'><made-up" NS "/></error>",
        "<error><gone xmlns='x'/></error>",
        "<error xmlns='other'><gone" NS "/></error>",
        "text",
        "<body>x</body>",
    };

    for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
        struct arena a;
        struct map_sip_error e;

        arena_init(&a, ARENA_MAX);
        e = to_sip(&a, inside[i]);
        if (e.status != 400 || e.reason.n == 0)
            fail_msg("%s: %u", inside[i], e.status);
        arena_reset(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_of_redirects),
        cmocka_unit_test(contacts_of_redirects),
        cmocka_unit_test(texts_are_one_short_line),
        cmocka_unit_test(stanzas_without_a_good_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
