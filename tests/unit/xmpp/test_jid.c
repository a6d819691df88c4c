/* Addresses decide who is who: what is accepted, and into which one form it is brought. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "xmpp/jid.h"

static const struct {
    const char *text;
    const char *local, *domain, *resource; /* domain NULL: refused */
} cases[] = {
    /* RFC 7622, table 1 */
    { "juliet@example.com", "juliet", "example.com", "" },
    { "juliet@example.com/foo", "juliet", "example.com", "foo" },
    { "juliet@example.com/foo bar", "juliet", "example.com", "foo bar" },
    { "juliet@example.com/foo@bar", "juliet", "example.com", "foo@bar" },
    { "foo\\20bar@example.com", "foo\\20bar", "example.com", "" },
    { "fussball@example.com", "fussball", "example.com", "" },
    { "fu\u00DFball@example.com", "fu\u00DFball", "example.com", "" },
    { "\u03C0@example.com", "\u03C0", "example.com", "" },
    { "\u03A3@example.com/foo", "\u03C3", "example.com", "foo" },
    { "\u03C3@example.com/foo", "\u03C3", "example.com", "foo" },
    { "\u03C2@example.com/foo", "\u03C2", "example.com", "foo" },
    { "king@example.com/\u265A", "king", "example.com", "\u265A" },
    { "example.com", "", "example.com", "" },
    { "example.com/foobar", "", "example.com", "foobar" },
    { "a.example.com/b@example.net", "", "a.example.com", "b@example.net" },
    /* table 2 */
    { "\"juliet\"@example.com", NULL, NULL, NULL },
    { "foo bar@example.com", NULL, NULL, NULL },
    { "juliet@example.com/ foo", NULL, NULL, NULL },
    { "@example.com/", NULL, NULL, NULL },
    { "henry\u2163@example.com", NULL, NULL, NULL },
    { "\u265A@example.com", NULL, NULL, NULL },
    { "juliet@", NULL, NULL, NULL },
    { "/foobar", NULL, NULL, NULL },
    /* separators */
    { "", NULL, NULL, NULL },
    { "@", NULL, NULL, NULL },
    { "/", NULL, NULL, NULL },
    { "@/", NULL, NULL, NULL },
    { "@example.com", NULL, NULL, NULL },
    { "juliet@example.com/", NULL, NULL, NULL },
    { "a@b@example.com", NULL, NULL, NULL },
    { "a@example.com/b/c", "a", "example.com", "b/c" },
    { "a/b@example.com/c", "", "a", "b@example.com/c" },
    /* what maps to a separator does not become one */
    { "a\uFF20example.com", NULL, NULL, NULL },
    { "a\uFF20b@example.com", NULL, NULL, NULL },
    { "a\uFF0Fb@example.com", NULL, NULL, NULL },
    { "a@example.com\uFF0Fb", NULL, NULL, NULL },
    { "a@\u2100.example", NULL, NULL, NULL },
    /* case and width */
    { "JULIET@EXAMPLE.COM/Foo", "juliet", "example.com", "Foo" },
    { "\uFF2Auliet@example.com", "juliet", "example.com", "" },
    { "J\u00DCRGEN@b\u00DCcher.example/\u00DC", "j\u00FCrgen", "b\u00FCcher.example", "\u00DC" },
    { "ju\u0308rgen@example.com/u\u0308", "j\u00FCrgen", "example.com", "\u00FC" },
    /* each of the excluded */
    { "a&b@example.com", NULL, NULL, NULL },
    { "a'b@example.com", NULL, NULL, NULL },
    { "a:b@example.com", NULL, NULL, NULL },
    { "a<b@example.com", NULL, NULL, NULL },
    { "a>b@example.com", NULL, NULL, NULL },
    { "\u00FC'b@example.com", NULL, NULL, NULL },
    { "a\x01@example.com", NULL, NULL, NULL },
    { "a\x7F@example.com", NULL, NULL, NULL },
    { "a!#$%*+,-.;=?[\\]^_`{|}~@example.com", "a!#$%*+,-.;=?[\\]^_`{|}~", "example.com", "" },
    /* resources */
    { "a@example.com/\x07", NULL, NULL, NULL },
    { "a@example.com/\x7F", NULL, NULL, NULL },
    { "a@example.com/b ", "a", "example.com", "b " },
    { "a@example.com/b\u00A0\u2003c", "a", "example.com", "b  c" },
    { "a@example.com/\u00A0c", NULL, NULL, NULL },
    { "a@example.com/\u200B", NULL, NULL, NULL },
    { "a@example.com/\u05D0 a", "a", "example.com", "\u05D0 a" },
    /* faulty UTF-8: overlong, surrogate, cut, above the end */
    { "\xC0\xAF@example.com", NULL, NULL, NULL },
    { "a@example.com/\xED\xA0\x80", NULL, NULL, NULL },
    { "a@example.com/\xE2\x99", NULL, NULL, NULL },
    { "a@\xF4\x90\x80\x80", NULL, NULL, NULL },
};

static void splits_and_prepares(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena a;
        struct jid j;

        arena_init(&a, 16384);
        if (jid_parse(&a, slice_str(cases[i].text), &j) != (cases[i].domain != NULL))
            fail_msg("%s: %s", cases[i].text, cases[i].domain ? "refused" : "accepted");
        if (cases[i].domain) {
            if (!slice_is(j.local, cases[i].local) || !slice_is(j.domain, cases[i].domain) ||
                !slice_is(j.resource, cases[i].resource))
                fail_msg("%s: %.*s %.*s %.*s", cases[i].text, SLICE_FMT(j.local), SLICE_FMT(j.domain),
                         SLICE_FMT(j.resource));
        }
        arena_reset(&a);
    }
}

static const struct {
    const char *in, *u, *a; /* u NULL: refused */
} domains[] = {
    { "example.com", "example.com", "example.com" },
    { "example.com.", "example.com", "example.com" },
    { "example.com..", NULL, NULL },
    { ".", NULL, NULL },
    { ".example.com", NULL, NULL },
    { "a..b", NULL, NULL },
    { "localhost", "localhost", "localhost" },
    { "1.2.3.4", "1.2.3.4", "1.2.3.4" },
    { "3com.example", "3com.example", "3com.example" },
    { "-a.example", NULL, NULL },
    { "a-.example", NULL, NULL },
    { "a_b.example", NULL, NULL },
    { "a b.example", NULL, NULL },
    { "ab--c.example", NULL, NULL },
    { "a--b.example", "a--b.example", "a--b.example" },
    { "b\u00FCcher.example", "b\u00FCcher.example", "xn--bcher-kva.example" },
    { "B\u00DCCHER.Example", "b\u00FCcher.example", "xn--bcher-kva.example" },
    { "bu\u0308cher.example", "b\u00FCcher.example", "xn--bcher-kva.example" },
    { "xn--bcher-kva.example", "b\u00FCcher.example", "xn--bcher-kva.example" },
    { "XN--BCHER-KVA.example.", "b\u00FCcher.example", "xn--bcher-kva.example" },
    { "xn--bcher-kva.b\u00FCcher.example", "b\u00FCcher.b\u00FCcher.example", "xn--bcher-kva.xn--bcher-kva.example" },
    { "fa\u00DF.example", "fa\u00DF.example", "xn--fa-hia.example" },
    { "\uFF45xample.com", "example.com", "example.com" },
    { "example\u3002com", "example.com", "example.com" },
    { "xn--", NULL, NULL },
    { "xn--a", NULL, NULL },
    { "xn--example-.com", NULL, NULL },
    { "xn--\u00FC.example", NULL, NULL },
    { "\u2665.example", NULL, NULL },  /* symbols are not in IDNA2008 */
    { "\u05D0a.example", NULL, NULL }, /* bidi */
    { "a\u0660.example", NULL, NULL }, /* Arabic digit in a Latin label */
    { "\u0300a.example", NULL, NULL }, /* begins with a combining mark */
    { "\u05D0\u05D1.example", "\u05D0\u05D1.example", "xn--4dbc.example" },
    { "exam\u00ADple.com", NULL, NULL }, /* soft hyphen */
    { "exam\u200Bple.com", NULL, NULL },
    { "a\uFF20b.example", NULL, NULL }, /* fullwidth @ _ / */
    { "a\uFF3Fb.example", NULL, NULL },
    { "\u00FC\uFF0Fb.example", NULL, NULL },
    { "[::1]", "[::1]", "[::1]" },
    { "[2001:DB8:0:0::1]", "[2001:db8::1]", "[2001:db8::1]" },
    { "[::ffff:1.2.3.4]", "[::ffff:1.2.3.4]", "[::ffff:1.2.3.4]" },
    { "[::1", NULL, NULL },
    { "[]", NULL, NULL },
    { "[1.2.3.4]", NULL, NULL },
    { "[::1].", NULL, NULL },
    { "[fe80::1%25eth0]", NULL, NULL },
    { "::1", NULL, NULL },
};

static void domains_have_one_form_each(void **state)
{
    for (size_t i = 0; i < sizeof(domains) / sizeof(domains[0]); i++) {
        struct slice u, ascii;
        struct arena a;

        arena_init(&a, 16384);
        if (jid_prep_domain(&a, slice_str(domains[i].in), &u) != (domains[i].u != NULL))
            fail_msg("%s: %s", domains[i].in, domains[i].u ? "refused" : "accepted");
        if (domains[i].u) {
            if (!slice_is(u, domains[i].u))
                fail_msg("%s: %.*s", domains[i].in, SLICE_FMT(u));
            assert_true(jid_domain_to_ascii(&a, u, &ascii));
            if (!slice_is(ascii, domains[i].a))
                fail_msg("%s: %.*s", domains[i].in, SLICE_FMT(ascii));
        }
        arena_reset(&a);
    }
}

/* n times the character, prepared as a part of the given kind. */
static bool part_of(bool (*prep)(struct arena *, struct slice, struct slice *), const char *ch, size_t n, size_t *len)
{
    size_t one = strlen(ch);
    char *text = malloc(one * n + 1);
    struct slice out;
    struct arena a;
    bool ok;

    assert_non_null(text);
    for (size_t i = 0; i < n; i++)
        memcpy(text + i * one, ch, one);
    arena_init(&a, 65536);
    ok = prep(&a, slice_of(text, one * n), &out);
    *len = ok ? out.n : 0;
    arena_reset(&a);
    free(text);
    return ok;
}

static void limits_hold_after_preparation(void **state)
{
    size_t n;

    assert_true(part_of(jid_prep_local, "a", 1023, &n));
    assert_false(part_of(jid_prep_local, "a", 1024, &n));
    assert_true(part_of(jid_prep_resource, "a", 1023, &n));
    assert_false(part_of(jid_prep_resource, "a", 1024, &n));
    assert_true(part_of(jid_prep_resource, "\u265A", 341, &n));
    assert_int_equal(n, 1023);
    assert_false(part_of(jid_prep_resource, "\u265A", 342, &n));
    assert_true(part_of(jid_prep_local, "\uFF41", 1023, &n)); /* 3069 bytes that become 1023 */
    assert_int_equal(n, 1023);
    assert_false(part_of(jid_prep_local, "\uFF41", 1024, &n));
    assert_false(part_of(jid_prep_local, "\uFF41", 100000, &n));
    assert_true(part_of(jid_prep_domain, "a", 63, &n));
    assert_false(part_of(jid_prep_domain, "a", 64, &n));
    assert_true(part_of(jid_prep_domain, "a.", 127, &n));
    assert_int_equal(n, 253);
    assert_false(part_of(jid_prep_domain, "a.", 128, &n));
    assert_false(part_of(jid_prep_domain, "\u00FC.", 100, &n)); /* too long in A-labels */
    assert_false(part_of(jid_prep_domain, "\u00FC", 5000, &n));
}

static void nul_is_a_byte_like_any_other(void **state)
{
    struct arena a;
    struct jid j;

    arena_init(&a, 4096);
    assert_false(jid_parse(&a, slice_of("a\0b@example.com", 15), &j));
    assert_false(jid_parse(&a, slice_of("a@exa\0mple.com", 14), &j));
    assert_false(jid_parse(&a, slice_of("a@b\xC3\xBC\0.example", 14), &j));
    assert_false(jid_parse(&a, slice_of("a@example.com/\0", 15), &j));
    assert_false(jid_parse(&a, slice_of("a@example.com/\xC3\xBC\0", 17), &j));
    assert_false(jid_parse(&a, slice_of("[::1\0]", 6), &j));
    arena_reset(&a);
}

static void prints_and_compares(void **state)
{
    struct jid j, bare, other;
    struct arena a;
    struct buf b;

    arena_init(&a, 4096);
    buf_init(&b, 4096);
    assert_true(jid_parse(&a, SLICE("Juliet@Example.com/Balcony"), &j));
    assert_true(jid_parse(&a, SLICE("juliet@example.com"), &bare));
    assert_true(jid_parse(&a, SLICE("example.com"), &other));
    jid_put(&b, &j);
    assert_true(slice_is(buf_slice(&b), "juliet@example.com/Balcony"));
    buf_clear(&b);
    jid_put_bare(&b, &j);
    assert_true(slice_is(buf_slice(&b), "juliet@example.com"));
    buf_clear(&b);
    jid_put(&b, &other);
    assert_true(slice_is(buf_slice(&b), "example.com"));
    assert_true(jid_eq(&j, &j));
    assert_false(jid_eq(&j, &bare));
    assert_true(jid_bare_eq(&j, &bare));
    assert_false(jid_bare_eq(&other, &bare));
    buf_free(&b);
    arena_reset(&a);
}

/* An arena that is full refuses the name; it never yields half of one. */
static void fails_cleanly_without_memory(void **state)
{
    for (size_t max = 0; max < 2048; max += 8) {
        struct arena a;
        struct jid j;

        arena_init(&a, max);
        if (jid_parse(&a, SLICE("j\u00FCrgen@b\u00FCcher.example/balc\u00F3n"), &j))
            assert_true(slice_is(j.domain, "b\u00FCcher.example"));
        arena_reset(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_and_prepares),           cmocka_unit_test(domains_have_one_form_each),
        cmocka_unit_test(limits_hold_after_preparation), cmocka_unit_test(nul_is_a_byte_like_any_other),
        cmocka_unit_test(prints_and_compares),           cmocka_unit_test(fails_cleanly_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
