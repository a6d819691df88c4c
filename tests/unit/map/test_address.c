#include "map_support.h"

#include "base/text.h"
#include "map/address.h"

/* Romeo's URI in angle brackets or alone; expect: the JID, NULL: MAP_ADDRESS_MALFORMED. */
static const struct {
    const char *id, *in, *expect;
} to_jid[] = {
    { "V-ADDR-S2X-01", "sip:f%C3%BC@sip.example", "fü@sip.example" },
    { "V-ADDR-S2X-02", "sip:o'malley@sip.example", "o\\27malley@sip.example" },
    { "V-ADDR-S2X-03", "<sip:foo@sip.example;gr=bar>", "foo@sip.example/bar" },
    { "V-ADDR-S2X-03 header", "<sip:foo@sip.example>;gr=bar", "foo@sip.example/bar" },
    { "V-ADDR-S2X-04", "sip:m&m@sip.example", "m\\26m@sip.example" },
    { "V-ADDR-S2X-05", "sip:a/b@sip.example", "a\\2fb@sip.example" },
    { "V-ADDR-S2X-06", "sip:user%40corp@sip.example", "user\\40corp@sip.example" },
    { "V-ADDR-S2X-07", "sip:a%20b@sip.example", "a\\20b@sip.example" },
    { "V-ADDR-S2X-08", "sip:%20b@sip.example", NULL },
    { "V-ADDR-S2X-08 end", "sip:b%20@sip.example", NULL },
    { "V-ADDR-S2X-09", "sip:c%5C40d@sip.example", "c\\5c40d@sip.example" },
    { "V-ADDR-S2X-10", "sip:c%5C2Fd@sip.example", "c\\5c2fd@sip.example" },
    { "V-ADDR-S2X-11", "sip:x%5Cy@sip.example", "x\\y@sip.example" },
    { "V-ADDR-S2X-12", "sip:ROMEO@SIP.Example.", "romeo@sip.example" },
    { "V-ADDR-S2X-13", "<sip:a;p=1@sip.example>", "a;p=1@sip.example" },
    { "V-ADDR-S2X-14", "sip:%22q%22@sip.example", "\\22q\\22@sip.example" },
    { "V-ADDR-S2X-15", "sip:a%3Ab@sip.example", "a\\3ab@sip.example" },
    { "V-ADDR-S2X-16", "sip:a%3Cb%3E@sip.example", "a\\3cb\\3e@sip.example" },
    { "V-ADDR-S2X-17", "<sip:foo@sip.example;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>",
      "foo@sip.example/urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6" },
    { "V-ADDR-S2X-18", "<sip:foo@sip.example;gr=a%20b%40c%3B>", "foo@sip.example/a b@c;" },
    { "V-ADDR-S2X-19", "<sip:foo@sip.example;gr>", "foo@sip.example" },
    { "V-ADDR-S2X-20", "<sip:+15551234@sip.example;user=phone>", "+15551234@sip.example" },
    { "V-ADDR-S2X-21", "sip:100%25@sip.example", "100%@sip.example" },
    { "V-ADDR-S2X-22", "sip:%2541@sip.example", "%41@sip.example" },
    { "V-ADDR-S2X-23", "<sip:foo:secret@sip.example:5070;transport=tcp?subject=x>", "foo@sip.example" },
    { "V-ADDR-S2X-24", "sip:a%00b@sip.example", NULL },
    { "V-ADDR-S2X-24 DEL", "sip:a%7Fb@sip.example", NULL },
    { "V-ADDR-S2X-24 CRLF", "sip:a%0D%0Ab@sip.example", NULL },
    { "V-ADDR-S2X-25", "sip:%FF@sip.example", NULL },
    { "V-ADDR-S2X-25 surrogate", "sip:%ED%A0%80@sip.example", NULL },
    { "V-ADDR-S2X-26", "sip:a@xn--bcher-kva.example", "a@bücher.example" },
    { "V-ADDR-S2X-27", "sip:sip.example", "sip.example" },
    { "V-ADDR-S2X-28", "im:foo@sip.example", "foo@sip.example" },
    { "V-ADDR-S2X-28 pres", "pres:foo@sip.example", "foo@sip.example" },
    { "V-ADDR-S2X-29", "<sip:user;par=u%40example.net@example.com>", "user;par=u\\40example.net@example.com" },
    { "V-ADDR-S2X-30", "sip:null-%00-null@example.com", NULL },
    { "gr not UTF-8", "<sip:foo@sip.example;gr=%FF>", "foo@sip.example" },
    { "gr with a control", "<sip:foo@sip.example;gr=a%01b>", "foo@sip.example" },
    { "gr keeps case", "<sip:foo@sip.example;gr=ABC>", "foo@sip.example/ABC" },
    { "upper-case \\5C", "sip:a%5C5Cb@sip.example", "a\\5c5cb@sip.example" },
    { "full-width backslash makes an escape", "sip:c%EF%BC%BC40d@sip.example", NULL },
    { "full-width @", "sip:a%EF%BC%A0b@sip.example", NULL },
    { "full-width digits behind a backslash", "sip:a%5C%EF%BC%94%EF%BC%90b@sip.example", NULL },
    { "a combining mark breaks \\3a", "sip:a%3A%CC%81@sip.example", NULL },
    { "a combining mark makes \\5c needless", "sip:%5C5c%CC%81@sip.example", NULL },
    { "ideographic space", "sip:a%E3%80%80b@sip.example", NULL },
};

static struct sip_name_addr name_addr(const char *text)
{
    struct sip_name_addr na;

    if (!sip_name_addr_parse(slice_str(text), &na))
        fail_msg("not an address: %s", text);
    return na;
}

static enum map_address_fault jid_of(struct arena *a, const char *text, const struct map_aliases *aliases,
                                     struct jid *jid)
{
    struct sip_name_addr na = name_addr(text);
    struct slice gr;

    if (!sip_gruu(&na, &gr))
        gr = (struct slice){ 0 };
    return map_uri_to_jid(a, &na.uri, gr, aliases, jid);
}

static const char *jid_text(struct arena *a, const struct jid *jid)
{
    struct buf b;
    const char *text;

    buf_init(&b, 8192);
    jid_put(&b, jid);
    text = c_str(a, buf_slice(&b));
    buf_free(&b);
    return text;
}

static void uris_become_jids(void **state)
{
    for (size_t i = 0; i < sizeof(to_jid) / sizeof(to_jid[0]); i++) {
        struct arena a;
        struct jid jid;
        enum map_address_fault fault;

        arena_init(&a, ARENA_MAX);
        fault = jid_of(&a, to_jid[i].in, NULL, &jid);
        if (!to_jid[i].expect && fault != MAP_ADDRESS_MALFORMED)
            fail_msg("%s: %s is not refused but %d", to_jid[i].id, to_jid[i].in, fault);
        if (to_jid[i].expect && (fault != MAP_ADDRESS_OK || strcmp(jid_text(&a, &jid), to_jid[i].expect) != 0))
            fail_msg("%s: %s becomes %s (fault %d)", to_jid[i].id, to_jid[i].in,
                     fault == MAP_ADDRESS_OK ? jid_text(&a, &jid) : "nothing", fault);
        arena_reset(&a);
    }
}

/* With a resource the URI has gr. expect NULL: map_jid_to_uri refuses. */
static const struct {
    const char *id, *in, *expect;
} to_uri[] = {
    { "V-ADDR-X2S-01", "m\\26m@xmpp.example", "sip:m&m@xmpp.example" },
    { "V-ADDR-X2S-02", "tschüss@xmpp.example", "sip:tsch%C3%BCss@xmpp.example" },
    { "V-ADDR-X2S-03", "baz@xmpp.example/qux", "sip:baz@xmpp.example;gr=qux" },
    { "V-ADDR-X2S-04", "o\\27malley@xmpp.example", "sip:o'malley@xmpp.example" },
    { "V-ADDR-X2S-05", "a\\2fb@xmpp.example", "sip:a/b@xmpp.example" },
    { "V-ADDR-X2S-06", "user\\40host@xmpp.example", "sip:user%40host@xmpp.example" },
    { "V-ADDR-X2S-07", "a\\20b@xmpp.example", "sip:a%20b@xmpp.example" },
    { "V-ADDR-X2S-08", "c\\5c40d@xmpp.example", "sip:c%5C40d@xmpp.example" },
    { "V-ADDR-X2S-09", "a\\zb@xmpp.example", "sip:a%5Czb@xmpp.example" },
    { "V-ADDR-X2S-10", "#team@xmpp.example", "sip:%23team@xmpp.example" },
    { "V-ADDR-X2S-11", "50%off@xmpp.example", "sip:50%25off@xmpp.example" },
    { "V-ADDR-X2S-12", "a[b]c@xmpp.example", "sip:a%5Bb%5Dc@xmpp.example" },
    { "V-ADDR-X2S-13", "a\\3ab@xmpp.example", "sip:a%3Ab@xmpp.example" },
    { "V-ADDR-X2S-14", "a^b`c{d|e}@xmpp.example", "sip:a%5Eb%60c%7Bd%7Ce%7D@xmpp.example" },
    { "V-ADDR-X2S-15", "juliet@xmpp.example/Bücher Regal@1;x=2",
      "sip:juliet@xmpp.example;gr=B%C3%BCcher%20Regal%401%3Bx%3D2" },
    { "V-ADDR-X2S-16", "juliet@xmpp.example/a/b?c", "sip:juliet@xmpp.example;gr=a/b%3Fc" },
    { "V-ADDR-X2S-17", "\\20a@xmpp.example", "sip:%5C20a@xmpp.example" },
    { "V-ADDR-X2S-18", "a@bücher.example", "sip:a@xn--bcher-kva.example" },
    { "V-ADDR-X2S-20", "a.example.com/b@example.net", "sip:a.example.com;gr=b%40example.net" },
    { "no escape: \\7e", "a\\7eb@xmpp.example", "sip:a%5C7eb@xmpp.example" },
    { "needless \\5c", "x\\5cy@xmpp.example", NULL },
    { "needless \\5c at the end", "x\\5c@xmpp.example", NULL },
    { "needless \\5c before an escape", "x\\5c\\40@xmpp.example", NULL },
    { "two escapes in a row", "x\\5c5c\\40@xmpp.example", "sip:x%5C5c%40@xmpp.example" },
};

static void jids_become_uris(void **state)
{
    for (size_t i = 0; i < sizeof(to_uri) / sizeof(to_uri[0]); i++) {
        struct arena a;
        struct jid jid;
        struct buf b;
        bool ok;

        arena_init(&a, ARENA_MAX);
        buf_init(&b, 8192);
        buf_str(&b, "<");
        if (!jid_parse(&a, slice_str(to_uri[i].in), &jid))
            fail_msg("%s: %s is no JID", to_uri[i].id, to_uri[i].in);
        ok = map_jid_to_uri(&b, &jid, true, NULL);
        if (ok != (to_uri[i].expect != NULL) || (ok && !slice_is(slice_from(buf_slice(&b), 1), to_uri[i].expect)))
            fail_msg("%s: %s becomes %.*s", to_uri[i].id, to_uri[i].in, SLICE_FMT(buf_slice(&b)));
        if (!ok)
            assert_int_equal(b.n, 1);
        buf_free(&b);
        arena_reset(&a);
    }
}

static void malformed_jids_are_none(void **state)
{
    static const char *const none[] = {
        "\"juliet\"@example.com", "foo bar@example.com", "@example.com/", "juliet@", "/foobar",
        "juliet@example.com/ foo"
    };

    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        struct arena a;
        struct jid jid;

        arena_init(&a, ARENA_MAX);
        if (jid_parse(&a, slice_str(none[i]), &jid))
            fail_msg("V-ADDR-X2S-19: %s is a JID", none[i]);
        arena_reset(&a);
    }
}

static void other_schemes_have_their_faults(void **state)
{
    static const struct {
        const char *uri;
        enum map_address_fault fault;
    } cases[] = {
        { "<sips:juliet@example.com>", MAP_ADDRESS_SIPS },
        { "<tel:+15551234>", MAP_ADDRESS_SCHEME },
        { "<mailto:juliet@example.com>", MAP_ADDRESS_SCHEME },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena a;
        struct jid jid;

        arena_init(&a, ARENA_MAX);
        assert_int_equal(jid_of(&a, cases[i].uri, NULL, &jid), cases[i].fault);
        arena_reset(&a);
    }
}

static void aliases_work_both_ways(void **state)
{
    static const struct map_alias table[] = { { SLICE("example.net"), SLICE("sip.example.net") } };
    const struct map_aliases aliases = { table, 1 };
    struct arena a;
    struct jid jid;
    struct buf b;

    arena_init(&a, ARENA_MAX);
    buf_init(&b, 8192);
    assert_int_equal(jid_of(&a, "<sip:romeo@EXAMPLE.net;gr=x>", &aliases, &jid), MAP_ADDRESS_OK);
    assert_string_equal(jid_text(&a, &jid), "romeo@sip.example.net/x");
    assert_true(map_jid_to_uri(&b, &jid, false, &aliases));
    assert_slice(&a, buf_slice(&b), "sip:romeo@example.net");
    buf_free(&b);
    arena_reset(&a);
}

static void lengths_are_bounded(void **state)
{
    static const struct {
        size_t user;
        bool ok;
    } cases[] = { { 1023, true }, { 1024, false }, { 4000, false } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena a;
        struct jid jid;
        char user[4096];
        const char *uri;

        arena_init(&a, ARENA_MAX);
        memset(user, 'a', sizeof(user));
        uri = text_of(&a, "<sip:%.*s@sip.example>", (int)cases[i].user, user);
        assert_int_equal(jid_of(&a, uri, NULL, &jid) == MAP_ADDRESS_OK, cases[i].ok);
        uri = text_of(&a, "<sip:a@sip.example;gr=%.*s>", (int)cases[i].user, user);
        assert_int_equal(jid_of(&a, uri, NULL, &jid), MAP_ADDRESS_OK);
        assert_int_equal(jid.resource.n, cases[i].ok ? cases[i].user : 0);
        arena_reset(&a);
    }
}

static void each_of_the_ten_is_escaped(void **state)
{
    static const char plain[] = "a \"&'/:<>@b\\5cz\\c\\2Fd",
                      escaped[] = "a\\20\\22\\26\\27\\2f\\3a\\3c\\3e\\40b\\5c5cz\\c\\5c2Fd";
    struct arena a;
    struct buf b, back;

    arena_init(&a, ARENA_MAX);
    buf_init(&b, 8192);
    buf_init(&back, 8192);
    assert_true(map_escape_local(&b, slice_str(plain)));
    assert_slice(&a, buf_slice(&b), escaped);
    map_unescape_local(&back, buf_slice(&b));
    assert_slice(&a, buf_slice(&back), plain);
    assert_false(map_escape_local(&b, SLICE(" a")));
    assert_false(map_escape_local(&b, SLICE("a ")));
    buf_free(&b);
    buf_free(&back);
    arena_reset(&a);
}

/* The character classes of the catalogue's section 2.1, against what is left unescaped. */
static void sets_are_those_of_the_grammar(void **state)
{
    struct text_set user = text_set("-_.!~*'()&=+$,;?/"), param = text_set("-_.!~*'()[]/:&+$");

    for (unsigned c = 0x21; c < 0x7f; c++) {
        struct jid jid = { .local = { (const char[]){ (char)c }, 1 }, .domain = SLICE("d"), .resource = jid.local };
        struct buf b;

        buf_init(&b, 100);
        jid.resource = jid.local;
        assert_true(map_jid_to_uri(&b, &jid, true, NULL));
        assert_int_equal(b.p[5] == '@', text_in(&user, (unsigned char)c));
        assert_int_equal(b.p[b.n - 2] == '=', text_in(&param, (unsigned char)c));
        buf_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uris_become_jids),           cmocka_unit_test(jids_become_uris),
        cmocka_unit_test(malformed_jids_are_none),    cmocka_unit_test(other_schemes_have_their_faults),
        cmocka_unit_test(aliases_work_both_ways),     cmocka_unit_test(lengths_are_bounded),
        cmocka_unit_test(each_of_the_ten_is_escaped), cmocka_unit_test(sets_are_those_of_the_grammar),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
