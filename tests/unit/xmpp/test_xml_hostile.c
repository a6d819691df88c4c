/*
 * Streams that must be refused, whole, by single bytes and in random pieces, always at the same fault and with nothing of
 * them delivered (threats D1, D5, D10, E1, E2). All of it on a stack of 256 kB, lest anything recurses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pthread.h>

#include "base/rand.h"
#include "reader_trace.h"

#define STACK (256 << 10)
#define MEMORY (4u << 20)
#define HEAD                                                                                                           \
    "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' "                            \
    "xmlns:db='jabber:server:dialback'>"

/* What a reader makes of it: the fault, and how many elements came before. */
static enum xml_fault fed(struct slice in, size_t step, unsigned *n_elements)
{
    struct xml_limits limits = TRACE_LIMITS;
    struct reader_trace t;
    enum xml_fault fault;

    assert_true(reader_trace_init(&t, &limits, MEMORY));
    fault = reader_trace_feed(&t, in, step);
    *n_elements = t.n_elements;
    reader_trace_fini(&t);
    return fault;
}

static void expect(const char *what, struct slice in, enum xml_fault fault, unsigned n)
{
    const size_t steps[] = { 1, 2, 7, 1000, in.n ? in.n : 1, 0, 0, 0 };

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        unsigned found;
        enum xml_fault got = fed(in, steps[i], &found);

        if (got != fault || found != n)
            fail_msg("%s by %zu: fault %d after %u elements", what, steps[i], got, found);
    }
}

/* ---- bytes ---- */

#define S(text)                                                                                                        \
    {                                                                                                                  \
        text, sizeof(text) - 1                                                                                         \
    }

static void E2_only_utf_8(void **state)
{
    static const struct {
        const char *what;
        struct slice in;
        enum xml_fault fault;
    } cases[] = {
        { "UTF-16BE", S("\0<\0s\0>"), XML_UNSUPPORTED_ENCODING },
        { "UTF-16LE", S("<\0s\0>\0"), XML_UNSUPPORTED_ENCODING },
        { "UTF-16BE, BOM", S("\xFE\xFF\0<\0s"), XML_UNSUPPORTED_ENCODING },
        { "UTF-16LE, BOM", S("\xFF\xFE<\0s\0"), XML_UNSUPPORTED_ENCODING },
        { "UTF-32BE", S("\0\0\0<\0\0\0s"), XML_UNSUPPORTED_ENCODING },
        { "UTF-32LE", S("<\0\0\0s\0\0\0"), XML_UNSUPPORTED_ENCODING },
        { "UTF-32BE, BOM", S("\0\0\xFE\xFF\0\0\0<"), XML_UNSUPPORTED_ENCODING },
        { "UTF-32LE, BOM", S("\xFF\xFE\0\0<\0\0\0"), XML_UNSUPPORTED_ENCODING },
        { "EBCDIC", S("\x4C\x6F\xA7\x94\x93\x40"), XML_UNSUPPORTED_ENCODING },
        { "UTF-7", S("<?xml version='1.0' encoding='UTF-7'?>" HEAD "<a/>"), XML_UNSUPPORTED_ENCODING },
        { "8859-1", S("<?xml version='1.0' encoding='iso-8859-1'?>" HEAD "<a/>"), XML_UNSUPPORTED_ENCODING },
        { "US-ASCII", S("<?xml version='1.0' encoding='US-ASCII'?>" HEAD "<a/>"), XML_UNSUPPORTED_ENCODING },
        { "UTF-16 declared", S("<?xml version='1.0' encoding='utf-16'?>" HEAD "<a/>"), XML_UNSUPPORTED_ENCODING },
        { "EBCDIC declared", S("<?xml version='1.0' encoding='IBM037'?>" HEAD "<a/>"), XML_UNSUPPORTED_ENCODING },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect(cases[i].what, cases[i].in, cases[i].fault, 0);
}

static void E1_bytes_that_are_no_characters(void **state)
{
    static const struct slice bad[] = {
        S("\xC0\x80"),                 /* overlong */
        S("\xC1\xBF"),                 /* */
        S("\xC0\xBC"),                 /* '<' in two bytes */
        S("\xE0\x80\xBC"),             /* in three */
        S("\xF0\x80\x80\xBC"),         /* in four */
        S("\xE0\x9F\xBF"),             /* */
        S("\xF0\x8F\xBF\xBF"),         /* */
        S("\xED\xA0\x80"),             /* surrogates */
        S("\xED\xBF\xBF"),             /* */
        S("\xED\xA0\xBD\xED\xB8\x80"), /* CESU-8 */
        S("\xF4\x90\x80\x80"),         /* beyond U+10FFFF */
        S("\xF5\x80\x80\x80"),         /* */
        S("\xF8\x88\x80\x80\x80"),     /* five bytes */
        S("\xFC\x84\x80\x80\x80\x80"), /* six */
        S("\x80"),                     /* alone */
        S("\xBF"),
        S("\xFE"),
        S("\xFF"),
        S("\xE2\x82"), /* cut short */
        S("\xF0\x9F\x98"),
        S("\xEF\xBF\xBE"), /* U+FFFE */
        S("\xEF\xBF\xBF"), /* U+FFFF */
        S("\x01"),
        S("\x0B"),
        S("\x1B"),
        { "\0", 1 },
    };
    static const char *const around[][2] = {
        { "<a>", "</a>" }, { "<a b='", "'/>" }, { "<", "/>" }, { "<a ", "='x'/>" }, { "<a xmlns='", "'/>" },
    };
    struct buf b;

    buf_init(&b, 4096);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        for (size_t k = 0; k < sizeof(around) / sizeof(around[0]); k++) {
            buf_clear(&b);
            buf_str(&b, HEAD "<good/>");
            buf_str(&b, around[k][0]);
            buf_put(&b, bad[i]);
            buf_str(&b, around[k][1]);
            expect(around[k][0], buf_slice(&b), XML_NOT_WELL_FORMED, 1);
        }
    }
    buf_free(&b);
}

/* ---- markup ---- */

static void D1_what_a_stream_may_not_hold(void **state)
{
    static const struct {
        const char *in;
        enum xml_fault fault;
        unsigned n;
    } cases[] = {
        { "<!DOCTYPE s [<!ENTITY a 'x'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>]>" HEAD "<a>&b;</a>", XML_RESTRICTED, 0 },
        { "<!DOCTYPE s SYSTEM 'file:///etc/passwd'>" HEAD, XML_RESTRICTED, 0 },
        { "<!DOCTYPE s PUBLIC 'x' 'http://192.0.2.1/'>" HEAD, XML_RESTRICTED, 0 },
        { "<!DOCTYPE s [<!ENTITY % x SYSTEM 'http://192.0.2.1/'> %x;]>" HEAD, XML_RESTRICTED, 0 },
        { "<!DOCTYPE s [<!ATTLIST a b CDATA 'd'>]>" HEAD "<a/>", XML_RESTRICTED, 0 },
        { "<?xml-stylesheet href='x'?>" HEAD, XML_RESTRICTED, 0 },
        { HEAD "<a/><?php x?>", XML_RESTRICTED, 1 },
        { HEAD "<a/><!-- x -->", XML_RESTRICTED, 1 },
        { HEAD "<a><b><!-- x --></b></a>", XML_RESTRICTED, 0 },
        { HEAD "<a>&unknown;</a>", XML_RESTRICTED, 0 },
        { HEAD "<a/><x:a/>", XML_BAD_NAMESPACE_PREFIX, 1 },
        { HEAD "<a><x:b/></a>", XML_BAD_NAMESPACE_PREFIX, 0 },
        { HEAD "<a x:b='c'/>", XML_BAD_NAMESPACE_PREFIX, 0 },
        { HEAD "<a xmlns:x=''><b/></a>", XML_NOT_WELL_FORMED, 0 },
        { HEAD "<a b='1' b='2'/>", XML_NOT_WELL_FORMED, 0 },
        { HEAD "<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>", XML_NOT_WELL_FORMED, 0 },
        { HEAD "<a b=c/>", XML_NOT_WELL_FORMED, 0 },
        { HEAD "<a>]]></a></b>", XML_NOT_WELL_FORMED, 0 },
        { HEAD "<a></stream:stream>", XML_NOT_WELL_FORMED, 0 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect(cases[i].in, slice_str(cases[i].in), cases[i].fault, cases[i].n);
}

/* ---- amounts ---- */

/* The number of each piece takes the place of its '#'. */
static void put_many(struct buf *b, const char *before, const char *piece, size_t n, const char *after)
{
    struct slice left, right;

    buf_clear(b);
    buf_str(b, HEAD);
    buf_str(b, before);
    for (size_t i = 0; i < n; i++) {
        slice_cut(slice_str(piece), '#', &left, &right);
        buf_put(b, left);
        buf_u64(b, i);
        buf_put(b, right);
    }
    buf_str(b, after);
    assert_true(buf_ok(b));
}

/* 0, 1, one below its bound, the bound, one above, and far too many. */
static void D10_repeats_up_to_their_bound(void **state)
{
    static const struct {
        const char *what, *before, *piece, *after;
        size_t cap; /* so many are good; 0: what fits into the sizes */
    } cases[] = {
        { "attributes", "<a", " a#='v'", "/>", 128 },
        { "attributes with namespaces", "<a xmlns:p='u'", " p:a#='v'", "/>", 127 },
        { "declared namespaces", "<a", " xmlns:n#='u'", "/>", 0 },
        { "children", "<a>", "<b c='#'/>", "</a>", 0 },
        { "runs of text", "<a>", "x#&lt;", "</a>", 0 },
        { "stanzas", "<a/>", "<a b='#'/>", "", 0 },
    };
    static const size_t repeats[] = { 0, 1, 126, 127, 128, 129, 10000 };
    struct buf b;

    buf_init(&b, 4 << 20);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t k = 0; k < sizeof(repeats) / sizeof(repeats[0]); k++) {
            enum xml_fault fault;
            unsigned n;

            put_many(&b, cases[i].before, cases[i].piece, repeats[k], cases[i].after);
            fault = fed(buf_slice(&b), 0, &n);
            if (cases[i].cap)
                assert_int_equal(fault, repeats[k] <= cases[i].cap ? XML_OK : XML_TOO_BIG);
            else if (fault != XML_OK && fault != XML_TOO_BIG && fault != XML_NO_MEMORY)
                fail_msg("%s, %zu: fault %d", cases[i].what, repeats[k], fault);
            assert_true(fault != XML_OK || n == (i == 5 ? repeats[k] + 1 : 1));
        }
    }
    buf_free(&b);
}

/* The deepest tree that is taken is read, printed and freed; one more, and a hundred thousand, are refused in time. */
static void STOX_SEC_14_D5_depth_is_bounded_on_a_small_stack(void **state)
{
    static const size_t depths[] = { 1, 62, 63, 64, 65, 66, 100000 };
    enum xml_fault last = XML_OK;
    struct buf b;

    buf_init(&b, 4 << 20);
    for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
        enum xml_fault fault;
        unsigned n;

        put_many(&b, "", "<x a='#'>", depths[i], "");
        for (size_t k = 0; k < depths[i]; k++)
            buf_str(&b, "</x>");
        fault = fed(buf_slice(&b), 0, &n);
        assert_true(fault == XML_OK ? n == 1 && last == XML_OK : fault == XML_TOO_BIG && n == 0);
        last = fault;
    }
    assert_int_equal(last, XML_TOO_BIG);
    buf_free(&b);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(E2_only_utf_8),
    cmocka_unit_test(E1_bytes_that_are_no_characters),
    cmocka_unit_test(D1_what_a_stream_may_not_hold),
    cmocka_unit_test(D10_repeats_up_to_their_bound),
    cmocka_unit_test(STOX_SEC_14_D5_depth_is_bounded_on_a_small_stack),
};

static void *run(void *failed)
{
    *(int *)failed = cmocka_run_group_tests_name("xmpp/xml_hostile", tests, NULL, NULL);
    return NULL;
}

int main(void)
{
    pthread_attr_t small;
    pthread_t thread;
    int failed = 1;

    if (pthread_attr_init(&small) || pthread_attr_setstacksize(&small, STACK) ||
        pthread_create(&thread, &small, run, &failed) || pthread_join(thread, NULL))
        return 1;
    return failed;
}
