#include <zlib.h>

#include "map_support.h"

#include "map/content.h"

#define CPIM "From: Romeo <sip:romeo@example.net>\r\nTo: <sip:juliet@example.com>\r\n"

/* expect: the text, when fault is MAP_CONTENT_OK. */
static const struct {
    const char *id, *type, *encoding, *body, *expect;
    enum map_content_fault fault;
} cases[] = {
    { "no type", "", "", "hello", "hello", MAP_CONTENT_OK },
    { "text/plain", "text/plain", "", "hello\r\nyou", "hello\r\nyou", MAP_CONTENT_OK },
    { "upper case", "TEXT/Plain ; CHARSET=\"UTF-8\"", "", "\xc3\xbc", "\xc3\xbc", MAP_CONTENT_OK },
    { "charset absent, UTF-8", "text/plain", "", "obého", "obého", MAP_CONTENT_OK },
    { "charset absent, not UTF-8", "text/plain", "", "\xfc", "", MAP_CONTENT_MALFORMED },
    { "latin-1", "text/plain;charset=ISO-8859-1", "", "Z\xfcrich \x80", "Zürich \xc2\x80", MAP_CONTENT_OK },
    { "windows-1252", "text/plain;charset=windows-1252", "", "\x80 \x93x\x94", "€ “x”", MAP_CONTENT_OK },
    { "us-ascii", "text/plain;charset=us-ascii", "", "abc", "abc", MAP_CONTENT_OK },
    { "other charset", "text/plain;charset=koi8-r", "", "abc", "", MAP_CONTENT_CHARSET },
    { "identity", "text/plain", "Identity", "abc", "abc", MAP_CONTENT_OK },
    { "gzip", "text/plain", "gzip", "abc", "", MAP_CONTENT_ENCODING },
    { "image", "image/png", "", "abc", "", MAP_CONTENT_TYPE },
    { "no type at all", "nonsense", "", "abc", "", MAP_CONTENT_TYPE },

    { "html", "text/html", "", "<p>Hello <b>you</b></p><p>there</p>", "Hello you\nthere", MAP_CONTENT_OK },
    { "html script", "text/html", "", "a<script>alert('<p>x')</script>b<STYLE>p{}</style >c", "abc", MAP_CONTENT_OK },
    { "html script without end", "text/html", "", "a<script>b", "a", MAP_CONTENT_OK },
    { "html entities", "text/html", "", "&lt;a&gt; &amp;amp; &#65;&#x42; &nbsp;&uuml;&bogus; &#xD800; &",
      "<a> &amp; AB  ü&bogus; \xef\xbf\xbd &", MAP_CONTENT_OK },
    { "html white space", "text/html", "", "  a \r\n\t b<br>c<br/>\n d ", "a b\nc\nd", MAP_CONTENT_OK },
    { "html pre", "text/html", "", "x<pre>a  b\r\n c</pre>y", "x\na  b\n c\ny", MAP_CONTENT_OK },
    { "html comment", "text/html", "", "a<!-- <b> > -->b<!doctype html>c<?x ?>d", "abcd", MAP_CONTENT_OK },
    { "html attribute", "text/html", "", "<img alt=\"a>b\" x='>'>c<a href='u'>d</a>", "cd", MAP_CONTENT_OK },
    { "html quote without end", "text/html", "", "<a x=\"y>b<i>c</i>", "bc", MAP_CONTENT_OK },
    { "html no tag", "text/html", "", "1 < 2 <3 a<b", "1 < 2 <3 a<b", MAP_CONTENT_OK },
    { "html list", "text/html", "", "<ul><li>a</li>\n<li>b</li></ul>", "a\nb", MAP_CONTENT_OK },
    { "html table", "text/html", "", "<table><tr><td>a</td><td>b</td></tr></table>", "a b", MAP_CONTENT_OK },
    { "html latin-1", "text/html;charset=iso-8859-1", "", "<b>\xfc</b>", "ü", MAP_CONTENT_OK },
    { "html nothing", "text/html", "", "<p></p>", "", MAP_CONTENT_OK },

    { "rtf", "text/rtf", "",
      "{\\rtf1\\ansi\\ansicpg1252{\\fonttbl{\\f0\\fnil Segoe UI;}}{\\colortbl ;\\red0\\green0\\blue0;}\r\n"
      "{\\*\\generator x;}\\viewkind4\\uc1\\pard\\cf1\\f0\\fs20 Hello \\b you\\b0\\par there\\par\r\n}\r\n",
      "Hello you\nthere", MAP_CONTENT_OK },
    { "rtf characters", "text/rtf;charset=UTF-8", "",
      "{\\rtf1 Z\\'fcrich \\'80 \\u8364? \\u-10179?\\u-8704?\\{\\\\\\}\\~x}", "Zürich € € 😀{\\} x", MAP_CONTENT_OK },
    { "rtf for old readers", "application/rtf", "", "{\\rtf1\\uc2 \\u252 \\'75\\'65x{\\uc0 \\u252 y}}", "üxüy",
      MAP_CONTENT_OK },
    { "rtf marks", "text/rtf", "", "{\\rtf1 a\\tab b\\line c\\emdash d\\ldblquote e\\rdblquote  f}", "a\tb\nc—d“e” f",
      MAP_CONTENT_OK },
    { "rtf picture", "text/rtf", "", "{\\rtf1 a{\\pict\\wmetafile8 0102{\\*\\x y}03}b}", "ab", MAP_CONTENT_OK },
    { "rtf half a pair", "text/rtf", "", "{\\rtf1 \\u-8704?a\\u-10179?}",
      "\xef\xbf\xbd"
      "a",
      MAP_CONTENT_OK },
    { "rtf that ends everywhere", "text/rtf", "", "{\\rtf1 a\\'f", "af", MAP_CONTENT_OK },
    { "rtf closed too often", "text/rtf", "", "a}}}b{{{c\\", "abc\\", MAP_CONTENT_OK },
    { "plain before rtf", "multipart/alternative;boundary=x", "",
      "--x\r\nContent-Type: text/rtf\r\n\r\n{\\rtf1 r}\r\n--x\r\nContent-Type: text/plain\r\n\r\np\r\n--x--", "p",
      MAP_CONTENT_OK },

    { "cpim", "message/cpim", "", CPIM "\r\nContent-Type: text/plain;charset=UTF-8\r\n\r\nhello", "hello",
      MAP_CONTENT_OK },
    { "cpim LF", "message/cpim", "", "From: <sip:a@b>\n\nContent-Type: text/plain\n\nhello", "hello", MAP_CONTENT_OK },
    { "cpim without the blank line", "message/cpim", "", CPIM "Content-Type: text/plain\r\n\r\nhello", "hello",
      MAP_CONTENT_OK },
    { "cpim html", "message/cpim", "", CPIM "\r\nContent-Type: text/html\r\n\r\n<i>hello</i>", "hello",
      MAP_CONTENT_OK },
    { "cpim image", "message/cpim", "", CPIM "\r\nContent-Type: image/png\r\n\r\nx", "", MAP_CONTENT_TYPE },
    { "cpim in cpim", "message/cpim", "", CPIM "\r\nContent-Type: message/cpim\r\n\r\n" CPIM "\r\n\r\nx", "",
      MAP_CONTENT_TYPE },
    { "cpim folded", "message/cpim", "", "From: <sip:a@b>\r\n x\r\n\r\n\r\nhello", "", MAP_CONTENT_MALFORMED },
    { "cpim no space", "message/cpim", "", "From:<sip:a@b>\r\n\r\n\r\nhello", "", MAP_CONTENT_MALFORMED },
    { "cpim two senders", "message/cpim", "", "From: <sip:a@b>\r\nFrom: <sip:c@d>\r\n\r\n\r\nx", "",
      MAP_CONTENT_MALFORMED },
    { "cpim bad sender", "message/cpim", "", "From: a@b\r\n\r\n\r\nx", "", MAP_CONTENT_MALFORMED },
    { "cpim lower case", "message/cpim", "", "from: <sip:evil@d>\r\n\r\n\r\nx", "x", MAP_CONTENT_OK },
    { "cpim Require known", "message/cpim", "", "Require: Subject, To\r\n\r\n\r\nx", "x", MAP_CONTENT_OK },
    { "cpim Require unknown", "message/cpim", "", "Require: Subject,x.Vital\r\n\r\n\r\nx", "", MAP_CONTENT_TYPE },
    { "cpim base64", "message/cpim", "",
      CPIM "\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\naGVs\r\nbG8=\r\n", "hello",
      MAP_CONTENT_OK },
    { "cpim quoted-printable", "message/cpim", "",
      CPIM "\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nh=C3=BC=\r\nx=zz",
      "hüx=zz", MAP_CONTENT_OK },
    { "cpim not UTF-8", "message/cpim", "", "Subject: \xff\r\n\r\n\r\nx", "", MAP_CONTENT_MALFORMED },

    { "alternative", "multipart/alternative;boundary=b", "",
      "--b\r\nContent-Type: text/html\r\n\r\n<i>html</i>\r\n--b\r\nContent-Type: text/plain\r\n\r\nplain\r\n--b--\r\n",
      "plain", MAP_CONTENT_OK },
    { "alternative of html", "multipart/alternative; boundary=\"b\"", "",
      "--b\r\nContent-Type: text/rtf\r\n\r\n{}\r\n--b\r\nContent-Type: text/html\r\n\r\n<i>html</i>\r\n--b--", "html",
      MAP_CONTENT_OK },
    { "alternative of none", "multipart/alternative;boundary=b", "",
      "--b\r\nContent-Type: text/enriched\r\n\r\n{}\r\n--b--", "", MAP_CONTENT_TYPE },
    { "mixed", "multipart/mixed;boundary=b", "",
      "preamble --b\r\n--b\r\nContent-Type: image/png\r\n\r\nx\r\n--b  \r\nContent-Type: "
      "text/plain\r\n\r\nfirst\r\n\r\n--bb\r\n--b\r\n\r\nsecond\r\n--b--\r\nepilogue",
      "first\r\n\r\n--bb", MAP_CONTENT_OK },
    { "mixed without headers", "multipart/mixed;boundary=b", "", "--b\r\n\r\nfirst\r\n--b--", "first", MAP_CONTENT_OK },
    { "mixed LF", "multipart/mixed;boundary=b", "", "--b\n\nfirst\n--b--\n", "first", MAP_CONTENT_OK },
    { "mixed without end", "multipart/mixed;boundary=b", "", "--b\r\n\r\nfirst", "first", MAP_CONTENT_OK },
    { "mixed, nested, second level first", "multipart/mixed;boundary=a", "",
      "--a\r\nContent-Type: multipart/mixed;boundary=b\r\n\r\n--b\r\nContent-Type: "
      "image/png\r\n\r\n1\r\n--b--\r\n--a\r\n"
      "Content-Type: text/plain\r\n\r\nfound\r\n--a--",
      "found", MAP_CONTENT_OK },
    { "mixed of alternative", "multipart/mixed;boundary=a", "",
      "--a\r\nContent-Type: multipart/alternative;\r\n boundary=b\r\n\r\n--b\r\n\r\nfound\r\n--b--\r\n--a--", "found",
      MAP_CONTENT_OK },
    { "signed", "multipart/signed;protocol=\"application/pkcs7-signature\";micalg=sha1;boundary=b", "",
      "--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b\r\nContent-Type: "
      "application/pkcs7-signature\r\n\r\n\x01\x02\r\n--b--",
      "hello", MAP_CONTENT_OK },
    { "no boundary", "multipart/mixed", "", "--b\r\n\r\nx\r\n--b--", "", MAP_CONTENT_MALFORMED },
    { "no part", "multipart/mixed;boundary=b", "", "nothing", "", MAP_CONTENT_MALFORMED },
    { "only the end", "multipart/mixed;boundary=b", "", "--b--", "", MAP_CONTENT_MALFORMED },
    { "part with gzip", "multipart/mixed;boundary=b", "", "--b\r\nContent-Encoding: gzip\r\n\r\nx\r\n--b--", "",
      MAP_CONTENT_ENCODING },
};

static void bodies_become_text(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena a;
        struct map_content c;
        enum map_content_fault fault;

        arena_init(&a, ARENA_MAX);
        fault =
            map_content_read(&a, slice_str(cases[i].type), slice_str(cases[i].encoding), slice_str(cases[i].body), &c);
        if (fault != cases[i].fault)
            fail_msg("%s: fault %d, not %d", cases[i].id, fault, cases[i].fault);
        if (fault == MAP_CONTENT_OK && !slice_is(c.text, cases[i].expect))
            fail_msg("%s: \"%s\"", cases[i].id, c_str(&a, c.text));
        arena_reset(&a);
    }
}

static void cpim_headers_are_read(void **state)
{
    static const char body[] =
        "From: \"a<b>\" <sip:romeo@example.net>\r\nTo: <sip:juliet@example.com>\r\nTo: <sip:x@y>\r\n"
        "DateTime: 2020-01-01T00:00:00Z\r\nSubject:;lang=fr \\u00e9t\\u00E9 \\\\ \\\"x\\q\\ud83d\\ude00\\n\\\r\n"
        "NS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: 1\r\nSubject: second\r\n\r\n"
        "Content-Type: text/plain\r\nContent-Language: cs\r\n\r\nx";
    struct arena a;
    struct map_content c;

    arena_init(&a, ARENA_MAX);
    assert_int_equal(map_content_read(&a, SLICE("message/CPIM"), SLICE(""), slice_str(body), &c), MAP_CONTENT_OK);
    assert_true(c.has_cpim);
    assert_slice(&a, c.cpim_from.user, "romeo");
    assert_slice(&a, c.cpim_to.user, "juliet");
    assert_slice(&a, c.subject, "été \\ \"xq😀\n");
    assert_slice(&a, c.language, "cs");
    assert_true(c.has_date);
    assert_int_equal(c.date_wall_s, 1577836800);
    arena_reset(&a);
}

static void cpim_default_namespace_can_change(void **state)
{
    static const char body[] =
        "NS: <urn:other>\r\nFrom: whatever\r\nNS: <urn:ietf:params:cpim-headers:>\r\nSubject: s\r\n\r\n\r\nx";
    struct arena a;
    struct map_content c;

    arena_init(&a, ARENA_MAX);
    assert_int_equal(map_content_read(&a, SLICE("message/cpim"), SLICE(""), slice_str(body), &c), MAP_CONTENT_OK);
    assert_int_equal(c.cpim_from.scheme_text.n, 0);
    assert_slice(&a, c.subject, "s");
    arena_reset(&a);
}

/* depth levels of multipart around a text. */
static enum map_content_fault nested(struct arena *a, unsigned depth, const char *subtype)
{
    struct buf b;
    struct map_content c;
    enum map_content_fault fault;

    buf_init(&b, ARENA_MAX);
    for (unsigned i = 1; i < depth; i++)
        buf_printf(&b, "--b%u\r\nContent-Type: multipart/%s;boundary=b%u\r\n\r\n", i, subtype, i + 1);
    buf_printf(&b, "--b%u\r\n\r\nx", depth);
    fault =
        map_content_read(a, slice_str(text_of(a, "multipart/%s;boundary=b1", subtype)), SLICE(""), buf_slice(&b), &c);
    if (fault == MAP_CONTENT_OK)
        assert_slice(a, c.text, "x");
    buf_free(&b);
    return fault;
}

static void nesting_is_bounded(void **state)
{
    struct arena a;

    arena_init(&a, ARENA_MAX);
    assert_int_equal(nested(&a, 8, "mixed"), MAP_CONTENT_OK);
    assert_int_equal(nested(&a, 9, "mixed"), MAP_CONTENT_TYPE);
    assert_int_equal(nested(&a, 8, "alternative"), MAP_CONTENT_OK);
    assert_int_equal(nested(&a, 9, "alternative"), MAP_CONTENT_TYPE);
    assert_int_equal(nested(&a, 5000, "mixed"), MAP_CONTENT_TYPE);
    arena_reset(&a);
}

/* Texts that are dear for a reader that goes back: each must pass in far less than a second. */
static void time_is_linear(void **state)
{
    static const struct {
        const char *type, *unit;
    } texts[] = {
        { "text/html", "<a '>" },
        { "text/html", "<" },
        { "text/html", "<a" },
        { "text/html", "<a '>' " },
        { "text/html", "<!" },
        { "text/html", "<!--" },
        { "text/html", "<script></" },
        { "text/html", "&" },
        { "multipart/mixed;boundary=-", "-" },
        { "multipart/mixed;boundary=b", "--b\r\nContent-Type: x/y\r\n\r\n" },
        { "multipart/alternative;boundary=b", "--b\r\nContent-Type: x/y\r\n\r\n" },
        { "multipart/mixed;boundary=b", "--b\r\nContent-Type: multipart/mixed;boundary=c\r\n\r\n--c\r\nA: b\r\n\r\n" },
        { "message/cpim", "a: b\r\n" },
        { "message/cpim", "\r\n " },
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct arena a;
        struct buf b;
        struct map_content c;

        arena_init(&a, ARENA_MAX);
        buf_init(&b, ARENA_MAX);
        while (b.n < 256 * 1024)
            buf_str(&b, texts[i].unit);
        map_content_read(&a, slice_str(texts[i].type), SLICE(""), buf_slice(&b), &c);
        buf_free(&b);
        arena_reset(&a);
    }
}

/* zlib's own work, then what is wrong with it: cut off, something behind it, damaged, too much in it. */
static void a_deflated_body_is_read_within_bounds(void **state)
{
    static char plain[70000];
    static const struct {
        size_t n;
        int cut, damage;
        enum map_content_fault fault;
    } made[] = {
        { 5, 0, 0, MAP_CONTENT_OK },        { 60000, 0, 0, MAP_CONTENT_OK },
        { 0, 0, 0, MAP_CONTENT_OK },        { 5, -1, 0, MAP_CONTENT_MALFORMED },
        { 5, 1, 0, MAP_CONTENT_MALFORMED }, { 5, -12, 0, MAP_CONTENT_MALFORMED },
        { 5, 0, 1, MAP_CONTENT_MALFORMED }, { 70000, 0, 0, MAP_CONTENT_MALFORMED },
    };

    memset(plain, 'x', sizeof(plain));
    for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
        unsigned char packed[1024];
        uLongf n = sizeof(packed) - 1;
        struct map_content c;
        struct arena a;
        enum map_content_fault fault;

        assert_int_equal(compress(packed, &n, (unsigned char *)plain, made[i].n), Z_OK);
        packed[n] = 0;
        packed[n - 1] ^= (unsigned char)made[i].damage;
        arena_init(&a, ARENA_MAX);
        fault = map_content_read(&a, slice_str("text/plain"), slice_str(" Deflate"),
                                 slice_of((char *)packed, (size_t)((long)n + made[i].cut)), &c);
        if (fault != made[i].fault)
            fail_msg("%zu: fault %d, not %d", i, fault, made[i].fault);
        if (fault == MAP_CONTENT_OK)
            assert_true(slice_eq(c.text, slice_of(plain, made[i].n)));
        arena_reset(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_become_text),    cmocka_unit_test(a_deflated_body_is_read_within_bounds),
        cmocka_unit_test(cpim_headers_are_read), cmocka_unit_test(cpim_default_namespace_can_change),
        cmocka_unit_test(nesting_is_bounded),    cmocka_unit_test(time_is_linear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
