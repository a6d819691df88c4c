/* The XML of streams as the catalogue asks for it (STOX-S2S-13, 18, 85, 86, 88). */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "xmpp/xml.h"

#define HEAD "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
#define STANZA_MAX ((size_t)256 * 1024)

struct counts {
    unsigned roots, elements;
};

static void on_open(void *owner, const struct xml *root)
{
    ((struct counts *)owner)->roots++;
}

static void on_element(void *owner, struct xml *el)
{
    ((struct counts *)owner)->elements++;
}

static void on_close(void *owner)
{
}

static struct xml_reader *reader_new(struct counts *counts)
{
    static const struct xml_reader_ops ops = { on_open, on_element, on_close };
    struct xml_limits limits = { .element_max = STANZA_MAX, .tag_max = 16384, .depth_max = 64, .attrs_max = 128 };
    struct xml_reader *r = xml_reader_new(&ops, counts, &limits, (size_t)4 << 20);

    *counts = (struct counts){ 0 };
    assert_non_null(r);
    return r;
}

static enum xml_fault read_all(const char *text, struct counts *counts)
{
    struct xml_reader *r = reader_new(counts);
    enum xml_fault fault = xml_reader_feed(r, text, strlen(text));

    xml_reader_free(r);
    return fault;
}

static void STOX_S2S_13_foreign_prefixes_are_refused(void **state)
{
    struct counts c;

    assert_int_equal(read_all("<stream:stream xmlns='jabber:server'>", &c), XML_BAD_NAMESPACE_PREFIX);
    assert_int_equal(read_all(HEAD "<db:result/>", &c), XML_BAD_NAMESPACE_PREFIX);
    assert_int_equal(read_all(HEAD "<message x:y='z'/>", &c), XML_BAD_NAMESPACE_PREFIX);
    assert_int_equal(c.elements, 0);
}

static void STOX_S2S_18_only_utf_8_and_no_standalone(void **state)
{
    struct counts c;

    assert_int_equal(read_all(HEAD, &c), XML_OK);
    assert_int_equal(read_all("<?xml version='1.0'?>" HEAD, &c), XML_OK);
    assert_int_equal(read_all("\xEF\xBB\xBF<?xml version='1.0' encoding='utf-8'?>" HEAD, &c), XML_OK);
    assert_int_equal(c.roots, 1);
    assert_int_equal(read_all("<?xml version='1.0' standalone='no'?>" HEAD, &c), XML_RESTRICTED);
    assert_int_equal(read_all("<?xml version='1.0' standalone='yes'?>" HEAD, &c), XML_RESTRICTED);
    assert_int_equal(read_all("<?xml version='1.0' encoding='ISO-8859-1'?>" HEAD, &c), XML_UNSUPPORTED_ENCODING);
    assert_int_equal(read_all("<?xml version='1.0' encoding='UTF-16'?>" HEAD, &c), XML_UNSUPPORTED_ENCODING);
    assert_int_equal(read_all("\xFF\xFE", &c), XML_UNSUPPORTED_ENCODING);
    assert_int_equal(read_all("\xFE\xFF", &c), XML_UNSUPPORTED_ENCODING);
    assert_int_equal(c.roots, 0);
}

static void STOX_S2S_85_restricted_and_not_well_formed(void **state)
{
    struct counts c;

    assert_int_equal(read_all(HEAD "<a><!-- comment --></a>", &c), XML_RESTRICTED);
    assert_int_equal(read_all(HEAD "<?php ?>", &c), XML_RESTRICTED);
    assert_int_equal(read_all("<!DOCTYPE stream [<!ENTITY a 'b'>]>" HEAD, &c), XML_RESTRICTED);
    assert_int_equal(read_all(HEAD "<a>&nbsp;</a>", &c), XML_RESTRICTED);
    assert_int_equal(c.elements, 0);
    assert_int_equal(read_all(HEAD "<a>&lt;&gt;&amp;&apos;&quot;&#65;</a>", &c), XML_OK);
    assert_int_equal(c.elements, 1);
    assert_int_equal(read_all(HEAD "<a></b>", &c), XML_NOT_WELL_FORMED);
    assert_int_equal(read_all(HEAD "<a>\xED\xA0\x80</a>", &c), XML_NOT_WELL_FORMED);
    assert_int_equal(c.elements, 0);
}

/* Feeds a stanza of n bytes, in pieces as a socket would. */
static enum xml_fault read_stanza(struct xml_reader *r, size_t n)
{
    static char xs[1000];
    enum xml_fault fault = xml_reader_feed(r, "<a>", 3);

    memset(xs, 'x', sizeof(xs));
    for (n -= 7; n && !fault;) {
        size_t piece = n < sizeof(xs) ? n : sizeof(xs);

        fault = xml_reader_feed(r, xs, piece);
        n -= piece;
    }
    return fault ? fault : xml_reader_feed(r, "</a>", 4);
}

static void STOX_S2S_86_stanzas_have_a_limit(void **state)
{
    struct counts c;
    struct xml_reader *r = reader_new(&c);
    size_t before;

    assert_int_equal(xml_reader_feed(r, HEAD, sizeof(HEAD) - 1), XML_OK);
    assert_int_equal(read_stanza(r, 10000), XML_OK);
    assert_int_equal(read_stanza(r, STANZA_MAX), XML_OK);
    assert_int_equal(c.elements, 2);
    before = mallinfo2().uordblks;
    assert_int_equal(read_stanza(r, STANZA_MAX + 1), XML_TOO_BIG);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(xml_reader_feed(r, HEAD, sizeof(HEAD) - 1), XML_TOO_BIG);
    assert_true(mallinfo2().uordblks <= before + 65536);
    assert_int_equal(c.elements, 2);
    xml_reader_free(r);
}

static enum xml_fault read_nested(unsigned depth, struct counts *c)
{
    struct xml_reader *r = reader_new(c);
    enum xml_fault fault = xml_reader_feed(r, HEAD, sizeof(HEAD) - 1);

    for (unsigned i = 1; i < depth && !fault; i++)
        fault = xml_reader_feed(r, "<a>", 3);
    for (unsigned i = 1; i < depth && !fault; i++)
        fault = xml_reader_feed(r, "</a>", 4);
    xml_reader_free(r);
    return fault;
}

static enum xml_fault read_attributes(unsigned n, struct counts *c)
{
    struct xml_reader *r = reader_new(c);
    enum xml_fault fault;
    struct buf b;

    buf_init(&b, 65536);
    buf_str(&b, HEAD "<a");
    for (unsigned i = 0; i < n; i++)
        buf_printf(&b, " a%u=''", i);
    buf_str(&b, "/>");
    fault = xml_reader_feed(r, b.p, b.n);
    buf_free(&b);
    xml_reader_free(r);
    return fault;
}

static void STOX_S2S_88_depth_and_attributes_have_limits(void **state)
{
    struct counts c;

    assert_int_equal(read_nested(64, &c), XML_OK);
    assert_int_equal(c.elements, 1);
    assert_int_equal(read_nested(65, &c), XML_TOO_BIG);
    assert_int_equal(c.elements, 0);
    assert_int_equal(read_nested(50000, &c), XML_TOO_BIG);
    assert_int_equal(c.elements, 0);
    assert_int_equal(read_attributes(128, &c), XML_OK);
    assert_int_equal(c.elements, 1);
    assert_int_equal(read_attributes(129, &c), XML_TOO_BIG);
    assert_int_equal(c.elements, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(STOX_S2S_13_foreign_prefixes_are_refused),
        cmocka_unit_test(STOX_S2S_18_only_utf_8_and_no_standalone),
        cmocka_unit_test(STOX_S2S_85_restricted_and_not_well_formed),
        cmocka_unit_test(STOX_S2S_86_stanzas_have_a_limit),
        cmocka_unit_test(STOX_S2S_88_depth_and_attributes_have_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
