/* XML written by hand: whatever the values hold, nobody's bytes become our markup. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "xmpp/writer.h"

static void must_be(struct buf *b, const char *text)
{
    assert_true(buf_ok(b));
    if (!slice_is(buf_slice(b), text))
        fail_msg("%.*s", SLICE_FMT(buf_slice(b)));
    buf_clear(b);
}

static void escapes_values(void **state)
{
    struct buf b;

    buf_init(&b, 4096);
    xml_put_attr(&b, "id", SLICE("1"));
    must_be(&b, " id='1'");
    xml_put_attr(&b, "id", SLICE("a'/><evil b=\"&\n\t\r"));
    must_be(&b, " id='a&apos;/&gt;&lt;evil b=&quot;&amp;&#10;&#9;&#13;'");
    xml_put_attr(&b, "id", slice_of(NULL, 0));
    must_be(&b, " id=''");
    xml_put_attr(&b, "id", SLICE("\0\x01\xFF"));
    must_be(&b, " id='\uFFFD\uFFFD\uFFFD'");
    xml_put_text_element(&b, "body", SLICE("</body>&\r\n\r"));
    must_be(&b, "<body>&lt;/body&gt;&amp;\n\n</body>");
    xml_put_text_element(&b, "body", SLICE(""));
    must_be(&b, "<body></body>");
    buf_free(&b);
}

static void writes_addresses(void **state)
{
    struct jid j = { SLICE("o\\27hara"), SLICE("example.com"), SLICE("a'b<c&d") };
    struct buf b;

    buf_init(&b, 4096);
    xml_put_attr_jid(&b, "to", &j);
    must_be(&b, " to='o\\27hara@example.com/a&apos;b&lt;c&amp;d'");
    j.resource = SLICE("");
    xml_put_attr_jid(&b, "to", &j);
    must_be(&b, " to='o\\27hara@example.com'");
    j.local = SLICE("");
    xml_put_attr_jid(&b, "from", &j);
    must_be(&b, " from='example.com'");
    buf_free(&b);
}

static void writes_errors(void **state)
{
    struct slice none = SLICE("");
    struct buf b;

    buf_init(&b, 4096);
    xml_put_error(&b, "cancel", "service-unavailable", none, none, none);
    must_be(&b, "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>");
    xml_put_error(&b, "modify", "gone", SLICE("contoso.example"), SLICE("moved & gone"), SLICE("xmpp:a@b?x&y"));
    must_be(&b, "<error type='modify' by='contoso.example'>"
                "<gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>xmpp:a@b?x&amp;y</gone>"
                "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>moved &amp; gone</text></error>");
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_values),
        cmocka_unit_test(writes_addresses),
        cmocka_unit_test(writes_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
