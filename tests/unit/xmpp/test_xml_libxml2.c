/* E1: what we print must mean the same to a reader that is not ours. libxml2 prints its tree of our output canonically
 * enough to be compared with its tree of the original. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <libxml/parser.h>
#include <libxml/tree.h>

#include "base/rand.h"
#include "reader_trace.h"

#define STREAM "<s xmlns='d' xmlns:p='u1'>"

/* The pieces stanzas are put together from; any sequence of balanced ones is well-formed. */
static const char *const pieces[] = {
    "text",
    " &lt;&amp;&gt; ",
    "<![CDATA[<a>]]>",
    "&#13;&#10;",
    "\u00FC\u20AC",
    "<e/>",
    "<e xmlns='other'/>",
    "<p:e p:a='1' a='&quot;&#9;'/>",
    "<e xml:lang='de' xmlns:q='u&apos;2' q:b='&lt;' p:b='x'>t<q:f/></e>",
    "<e xmlns=''><p:g/> <h/></e>",
};

/* Writes the tree in one fixed manner, prefixes left out. Recursion: the documents are the test's own. */
static void put_plain(struct buf *b, const xmlNode *node)
{
    if (node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE) {
        buf_str(b, (const char *)node->content);
        return;
    }
    buf_printf(b, "\n{%s}%s", node->ns && node->ns->href ? (const char *)node->ns->href : "", node->name);
    for (const xmlAttr *at = node->properties; at; at = at->next) {
        xmlChar *value = xmlNodeListGetString(node->doc, at->children, 1);

        buf_printf(b, " {%s}%s=%s", at->ns ? (const char *)at->ns->href : "", at->name, value ? (char *)value : "");
        xmlFree(value);
    }
    buf_char(b, '[');
    for (const xmlNode *child = node->children; child; child = child->next)
        put_plain(b, child);
    buf_char(b, ']');
}

static void plain_of(struct buf *out, struct slice inner)
{
    struct buf doc;
    xmlDocPtr parsed;

    buf_init(&doc, 1 << 20);
    buf_str(&doc, STREAM);
    buf_put(&doc, inner);
    buf_str(&doc, "</s>");
    parsed = xmlReadMemory(doc.p, (int)doc.n, NULL, "UTF-8", XML_PARSE_NONET | XML_PARSE_NOWARNING);
    if (!parsed)
        fail_msg("libxml2 refuses: %.*s", SLICE_FMT(buf_slice(&doc)));
    put_plain(out, xmlDocGetRootElement(parsed));
    xmlFreeDoc(parsed);
    buf_free(&doc);
}

static void libxml2_sees_the_same_tree(void **state)
{
    struct buf in, ours, before, after;

    buf_init(&in, 65536);
    buf_init(&ours, 65536);
    buf_init(&before, 65536);
    buf_init(&after, 65536);
    for (int i = 0; i < 1000; i++) {
        struct xml_limits limits = TRACE_LIMITS;
        struct reader_trace t;

        buf_clear(&in);
        buf_clear(&ours);
        buf_clear(&before);
        buf_clear(&after);
        buf_str(&in, "<m>");
        for (uint64_t n = rand_below(8); n > 0; n--)
            buf_str(&in, pieces[rand_below(sizeof(pieces) / sizeof(pieces[0]))]);
        buf_str(&in, "</m>");
        plain_of(&before, buf_slice(&in));

        assert_true(reader_trace_init(&t, &limits, 1 << 20));
        assert_int_equal(reader_trace_feed(&t, SLICE(STREAM), 100), XML_OK);
        buf_clear(&t.events);
        assert_int_equal(reader_trace_feed(&t, buf_slice(&in), 0), XML_OK);
        buf_put(&ours, slice_from(buf_slice(&t.events), strlen("element ")));
        ours.n--; /* the line's end */
        plain_of(&after, buf_slice(&ours));
        if (!slice_eq(buf_slice(&before), buf_slice(&after)))
            fail_msg("%.*s\nwas printed as %.*s", SLICE_FMT(buf_slice(&in)), SLICE_FMT(buf_slice(&ours)));
        reader_trace_fini(&t);
    }
    buf_free(&in);
    buf_free(&ours);
    buf_free(&before);
    buf_free(&after);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(libxml2_sees_the_same_tree) };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    xmlCleanupParser();
    return failed;
}
