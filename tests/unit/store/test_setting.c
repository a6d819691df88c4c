/* Values of every type: their normal form, and the sentence for what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/model.h"

struct all {
    struct slice text, brief, name, domain, user, host;
    const char *file;
    unsigned number, choice;
    bool flag;
    struct addr addr;
    struct setting_list domains, addrs, hosts, nets, texts, patterns;
};

static const char *const choices[] = { "required", "optional", "not-supported", NULL };

#define ROW(t, field) .type = t, .at = offsetof(struct all, field), .name = #field
static const struct setting rows[] = {
    { ROW(SETTING_TEXT, text) },
    { ROW(SETTING_TEXT, brief), .max = 5 },
    { ROW(SETTING_NAME, name) },
    { ROW(SETTING_DOMAIN, domain) },
    { ROW(SETTING_USER, user) },
    { ROW(SETTING_HOST, host) },
    { ROW(SETTING_FILE, file) },
    { ROW(SETTING_UINT, number), .min = 4, .max = 28, .unit = "s" },
    { ROW(SETTING_CHOICE, choice), .choices = choices },
    { ROW(SETTING_BOOL, flag) },
    { ROW(SETTING_ADDR, addr), .default_port = 5060 },
    { ROW(SETTING_DOMAINS, domains), .max = 3 },
    { ROW(SETTING_ADDRS, addrs), .max = 3, .default_port = 5060 },
    { ROW(SETTING_HOSTS, hosts), .max = 3, .default_port = 5060 },
    { ROW(SETTING_NETS, nets), .max = 3 },
    { ROW(SETTING_TEXTS, texts), .max = 3 },
    { ROW(SETTING_PATTERNS, patterns), .max = 3 },
};
static const struct setting_kind kind = {
    .name = "all", .noun = "all", .size = sizeof(struct all), .settings = rows, .n = sizeof(rows) / sizeof(rows[0])
};

#define BUECHER                                                                                                        \
    "b\xc3\xbc"                                                                                                        \
    "cher.example"

/* One text (lists: one entry), and its normal form; NULL: the same. */
static const struct {
    const char *setting, *in, *out;
} good[] = {
    { "text", "", NULL },
    { "text", "Fabrikam Ltd. \"\\${HOME}\" = +1 \xf0\x9f\x8c\x8d", NULL },
    { "brief", "12345", NULL },
    { "name", "site:Redmond.1_a-b", NULL },
    { "name", "...", NULL },
    { "domain", "Fabrikam.EXAMPLE.", "fabrikam.example" },
    { "domain", "xn--bcher-kva.example", BUECHER },
    { "domain",
      "B\xc3\x9c"
      "CHER.example",
      BUECHER },
    { "domain", "\xd0\xbf\xd1\x80\xd0\xb8\xd0\xbc\xd0\xb5\xd1\x80.example", NULL },
    { "domain",
      "\xe6\x97\xa5\xe6\x9c\xac\xe3\x81\x94"
      "abc.example",
      NULL },
    { "user", "sip:Alice@Contoso.Example", "alice@contoso.example" },
    { "user", "SIP:bob@xn--bcher-kva.example", "bob@" BUECHER },
    { "host", "", NULL },
    { "host", "XMPP.Fabrikam.example", "xmpp.fabrikam.example" },
    { "host", "xmpp.fabrikam.example:05270", "xmpp.fabrikam.example:5270" },
    { "host", "192.0.2.1:5270", NULL },
    { "host", "[2001:db8::1]:5270", NULL },
    { "file", "", NULL },
    { "file", "/etc/stox/a b.pem", NULL },
    { "number", "4", NULL },
    { "number", "028", "28" },
    { "choice", "NotSupported", "not-supported" },
    { "choice", "REQUIRED", "required" },
    { "choice", "not-supported", NULL },
    { "flag", "TRUE", "yes" },
    { "flag", "on", "yes" },
    { "flag", "off", "no" },
    { "flag", "False", "no" },
    { "addr", "192.0.2.1", NULL },
    { "addr", "192.0.2.1:5060", "192.0.2.1" },
    { "addr", "192.0.2.1:5061", NULL },
    { "addr", "[2001:DB8:0::1]:5061", "[2001:db8::1]:5061" },
    { "addr", "2001:db8::1", NULL },
    { "addr", "::ffff:192.0.2.1", "192.0.2.1" },
    { "domains", "Fabrikam.example", "fabrikam.example" },
    { "addrs", "0.0.0.0:5070", NULL },
    { "hosts", "192.0.2.1:5060", "192.0.2.1" },
    { "hosts", "[2001:db8::1]:5061", NULL },
    { "hosts", "SIP.Contoso.example.", "sip.contoso.example" },
    { "hosts", "sip.contoso.example:5070", NULL },
    { "nets", "192.0.2.0/24", NULL },
    { "nets", "192.0.2.1/32", "192.0.2.1" },
    { "nets", "2001:db8::/32", NULL },
    { "nets", "::ffff:192.0.2.0/120", "192.0.2.0/24" },
    { "nets", "0.0.0.0/0", NULL },
    { "texts", "127.0.0.1@53", NULL },
    { "patterns", "Alice@Contoso.example", "alice@contoso.example" },
    { "patterns", "*@Contoso.example", "*@contoso.example" },
    { "patterns", "sip:SBA-*@Contoso.example", "sba-*@contoso.example" },
};

#define CYRILLIC_A "\xd0\xb0"

static const struct {
    const char *setting, *in, *says;
} bad[] = {
    { "text", "a\nb", "text: control characters are not allowed (U+000A)" },
    { "text", "\x1b[31m", "U+001B" },
    { "text", "a\x7f", "U+007F" },
    { "text",
      "\xc2\x9b"
      "31m",
      "U+009B" },
    { "text",
      "a\xe2\x80\xa8"
      "b",
      "U+2028" },
    { "text",
      "a\xe2\x80\xae"
      "b",
      "U+202E" },
    { "text",
      "a\xe2\x81\xa6"
      "b",
      "U+2066" },
    { "text", "\xef\xbf\xbe", "U+FFFE" },
    { "text", "\xff", "text: this is not UTF-8 text" },
    { "text", "\xc0\xaf", "this is not UTF-8 text" },
    { "text", "\xed\xa0\x80", "this is not UTF-8 text" },
    { "brief", "123456", "brief: 6 bytes are more than the 5 allowed" },
    { "name", "a b", "name: \"a b\" is not a name" },
    { "name", "\x1b]0;x\x07", "\"\\x1b]0;x\\x07\" is not a name" },
    { "name", "..", "is not a name" },
    { "name", ".", "is not a name" },
    { "name", "a/b", "is not a name" },
    { "name", "12345678901234567890123456789012345678901234567890123456789012345", "at most 64 characters" },
    { "domain", "", "domain: \"\" is not a domain name" },
    { "domain", "not a domain", "is not a domain name" },
    { "domain", "a..example", "is not a domain name" },
    { "domain", "f" CYRILLIC_A "brikam.example", "mixes scripts" },
    { "domain", "xn--fbrikam-2fg.example", "domain: \"xn--fbrikam-2fg.example\" " },
    { "domain", "a.example\x1b", "is not a domain name" },
    { "user", "", "user: \"\" is not an address like" },
    { "user", "contoso.example", "is not an address like" },
    { "user", "alice@contoso.example/desk", "is not an address like" },
    { "user", "@contoso.example", "is not an address like" },
    { "user", "alice@cont" CYRILLIC_A ".example", "mixes scripts" },
    { "host", "xmpp.fabrikam.example:0", "does not end in a port" },
    { "host", "xmpp.fabrikam.example:65536", "does not end in a port" },
    { "host", "xmpp.fabrikam.example:", "does not end in a port" },
    { "host", "f" CYRILLIC_A "brikam.example:5269", "mixes scripts" },
    { "host", "two words", "is not a domain name" },
    { "file", "/etc/\n", "control characters" },
    { "number", "", "number: \"\" is not a number" },
    { "number", "3", "number: 3 is not in 4..28 s" },
    { "number", "29", "29 is not in 4..28 s" },
    { "number", "-1", "\"-1\" is not a number" },
    { "number", "+5", "is not a number" },
    { "number", "5.0", "is not a number" },
    { "number", "0x10", "is not a number" },
    { "number", "9223372036854775808", "9223372036854775808 is not in 4..28 s" },
    { "number", "18446744073709551616", "is not a number" },
    { "number", "4294967300", "4294967300 is not in" },
    { "choice", "", "choice: \"\" is not one of required, optional, not-supported" },
    { "choice", "require", "is not one of" },
    { "choice", "requiredd", "is not one of" },
    { "choice", "\x01", "\"\\x01\" is not one of" },
    { "flag", "", "flag: \"\" is neither yes nor no" },
    { "flag", "1", "is neither yes nor no" },
    { "addr", "somewhere", "addr: \"somewhere\" is not an address" },
    { "addr", "192.0.2.1:65536", "is not an address" },
    { "addr", "192.0.2.256", "is not an address" },
    { "addr", "", "is not an address" },
    { "hosts", "", "hosts: \"\" is not a domain name" },
    { "hosts", "two words", "hosts: \"two words\" is not a domain name" },
    { "hosts", "a.example:0", "neither an address nor a name with a port" },
    { "hosts", "a.example:", "neither an address nor a name with a port" },
    { "hosts", "192.0.2.1:65536", "neither an address nor a name with a port" },
    { "hosts", "f" CYRILLIC_A "brikam.example:5060", "mixes scripts" },
    { "domains", "f" CYRILLIC_A "brikam.example", "domains: " },
    { "addrs", "nowhere", "addrs: \"nowhere\" is not an address" },
    { "nets", "192.0.2.0/33", "nets: \"192.0.2.0/33\" is not an address or network" },
    { "nets", "::ffff:192.0.2.0/95", "is not an address or network" },
    { "texts", "a\tb", "texts: control characters" },
    { "patterns", "a*b@contoso.example", "patterns: \"a*b@contoso.example\" is neither user@domain" },
    { "patterns", "a*b*@contoso.example", "is neither user@domain" },
    { "patterns", "**@contoso.example", "is neither user@domain" },
    { "patterns", "*", "is neither user@domain" },
    { "patterns", "*@", "is not a domain name" },
    { "patterns", "*@*", "is not a domain name" },
    { "patterns", "a@*.example", "is neither user@domain" },
    { "patterns", "*@f" CYRILLIC_A "brikam.example", "mixes scripts" },
    { "patterns", "a@f" CYRILLIC_A "brikam.example", "mixes scripts" },
};

static const struct setting *row(const char *name)
{
    const struct setting *s = setting_find(&kind, slice_str(name));

    assert_non_null(s);
    return s;
}

static void print(struct buf *out, const struct setting *s, const struct all *obj)
{
    buf_init(out, 10000);
    setting_print(out, s, obj, 0);
    assert_true(buf_ok(out));
}

static void values_have_one_normal_form(void **state)
{
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        const struct setting *s = row(good[i].setting);
        const char *wanted = good[i].out ? good[i].out : good[i].in;
        struct slice text = slice_str(good[i].in);
        struct buf first, again;
        struct all obj = { 0 };
        struct arena arena;
        struct err err;

        arena_init(&arena, 1 << 20);
        if (setting_set(s, &obj, &text, 1, &arena, &err))
            fail_msg("%s = \"%s\": %s", s->name, good[i].in, err.text);
        assert_int_equal(setting_count(s, &obj), 1);
        print(&first, s, &obj);
        if (!slice_is(buf_slice(&first), wanted))
            fail_msg("%s = \"%s\": \"%.*s\", not \"%s\"", s->name, good[i].in, SLICE_FMT(buf_slice(&first)), wanted);
        text = buf_slice(&first);
        assert_int_equal(setting_set(s, &obj, &text, 1, &arena, &err), 0);
        print(&again, s, &obj);
        assert_true(slice_eq(buf_slice(&first), buf_slice(&again)));
        buf_free(&first);
        buf_free(&again);
        arena_reset(&arena);
    }
}

static void what_is_no_value_is_named(void **state)
{
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const struct setting *s = row(bad[i].setting);
        struct slice text = slice_str(bad[i].in);
        struct all obj = { 0 };
        struct arena arena;
        struct err err = { "" };

        arena_init(&arena, 1 << 20);
        if (!setting_set(s, &obj, &text, 1, &arena, &err) || !strstr(err.text, bad[i].says))
            fail_msg("%s = \"%s\": expected \"%s\", got \"%s\"", s->name, bad[i].in, bad[i].says, err.text);
        assert_true(slice_starts(slice_str(err.text), slice_str(s->name)));
        assert_false(err.memory);
        arena_reset(&arena);
    }
}

static void lists_are_bounded_in_entries_and_bytes(void **state)
{
    struct slice texts[4] = { SLICE("a.example"), SLICE("b.example"), SLICE("c.example"), SLICE("d.example") };
    char *much = calloc(1, SETTING_LIST_BYTES + 1);
    struct all obj = { 0 };
    struct arena arena;
    struct err err;

    assert_non_null(much);
    memset(much, 'a', SETTING_LIST_BYTES);
    arena_init(&arena, 1 << 20);
    assert_int_equal(setting_set(row("domains"), &obj, texts, 3, &arena, &err), 0);
    assert_int_equal(setting_count(row("domains"), &obj), 3);
    assert_int_equal(setting_set(row("domains"), &obj, texts, 4, &arena, &err), -1);
    assert_string_equal(err.text, "domains: 4 entries are more than the 3 allowed");
    assert_int_equal(setting_set(row("domains"), &obj, NULL, 0, &arena, &err), 0);
    assert_int_equal(setting_count(row("domains"), &obj), 0);
    assert_int_equal(setting_set(row("number"), &obj, texts, 2, &arena, &err), -1);
    assert_string_equal(err.text, "number: one value is expected, not 2");
    texts[1] = slice_of(much, SETTING_LIST_BYTES);
    assert_int_equal(setting_set(row("texts"), &obj, texts, 2, &arena, &err), -1);
    assert_string_equal(err.text, "texts: 131081 bytes are more than the 131072 allowed");
    arena_reset(&arena);
    free(much);
}

static void every_type_describes_itself(void **state)
{
    struct buf b;

    for (size_t i = 0; i < kind.n; i++) {
        buf_init(&b, 1000);
        setting_describe(&b, &rows[i]);
        assert_true(buf_ok(&b) && b.n > 0);
        buf_free(&b);
    }
    buf_init(&b, 1000);
    setting_describe(&b, row("choice"));
    setting_describe(&b, row("number"));
    setting_describe(&b, row("nets"));
    assert_true(slice_is(buf_slice(&b), "one of required, optional, not-supportednumber from 4 to 28 s"
                                        "list of addresses or networks, at most 3"));
    buf_free(&b);
}

/* ---- the tables ---- */

static void check_row(const struct setting_kind *k, const struct setting *s, const void *object)
{
    struct buf b;

    assert_true(s->at < k->size);
    assert_true(s->brief && s->brief[0] && s->help && s->help[0]);
    assert_true(setting_is_list(s) ? s->max > 0 && !s->def : true);
    assert_true(s->type != SETTING_CHOICE || s->choices);
    assert_true(s->type != SETTING_UINT || s->max > s->min);
    assert_ptr_equal(setting_find(k, slice_str(s->name)), s);
    for (const char *p = s->name; *p; p++)
        assert_true((*p >= 'a' && *p <= 'z') || (p > s->name && ((*p >= '0' && *p <= '9') || *p == '-')));
    if (!s->def)
        return;
    buf_init(&b, 1000);
    setting_print(&b, s, object, 0);
    assert_true(slice_is(buf_slice(&b), s->def)); /* what help and manual say is what the program has */
    buf_free(&b);
}

static void every_row_of_the_tables_is_sound(void **state)
{
    for (size_t i = 0; i <= MODEL_N_KINDS; i++) {
        const struct setting_kind *k = i < MODEL_N_KINDS ? model_kinds[i] : &boot_kind;
        void *object = malloc(k->size);
        struct arena arena;
        struct err err;

        assert_non_null(object);
        assert_true(k->n <= 64);
        arena_init(&arena, 1 << 20);
        if (setting_defaults(k, object, &arena, &err))
            fail_msg("%s: %s", k->name, err.text);
        for (size_t r = 0; r < k->n; r++)
            check_row(k, &k->settings[r], object);
        arena_reset(&arena);
        free(object);
        if (k == &boot_kind)
            continue;
        assert_int_equal(model_index(k), i);
        assert_ptr_equal(model_kind(slice_str(k->name)), k);
        assert_ptr_equal(model_kind(slice_str(k->noun)), k);
        assert_ptr_equal(model_kind(slice_str(k->plural)), k);
    }
    assert_null(model_kind(SLICE("")));
    assert_null(model_kind(SLICE("nothing")));
}

static void a_name_with_a_slip_finds_its_setting(void **state)
{
    assert_string_equal(setting_nearest(&gateway_kind, SLICE("hold-tme")), "hold-time");
    assert_string_equal(setting_nearest(&partner_kind, SLICE("dialbak")), "dialback");
    assert_null(setting_nearest(&gateway_kind, SLICE("zzzzzzzzzzzzz")));
    assert_null(setting_nearest(&gateway_kind, SLICE("0123456789012345678901234567890123456789")));
    assert_null(setting_find(&gateway_kind, SLICE("hold-tim")));
}

static void titles_are_as_their_kind_asks(void **state)
{
    static const struct {
        const struct setting_kind *kind;
        const char *in, *out, *says;
    } cases[] = {
        { &partner_kind, "Fabrikam.example.", "fabrikam.example", NULL },
        { &sip_user_kind, "sip:Alice@contoso.example", "alice@contoso.example", NULL },
        { &policy_kind, "site:berlin", "site:berlin", NULL },
        { &gateway_kind, "", "", NULL },
        { &gateway_kind, "x", NULL, "there is one gateway, without a name" },
        { &partner_kind, "", NULL, "the partner's domain is missing" },
        { &partner_kind, "a b", NULL, "is not a domain name" },
        { &policy_kind, "..", NULL, "is not a name" },
        { &block_kind, "Mallory@Evil.example", "mallory@evil.example", NULL },
        { &block_kind, "xmpp:mallory@evil.example", "mallory@evil.example", NULL },
        { &block_kind, "Evil.Example.", "evil.example", NULL },
        { &block_kind, "*@evil.example", "evil.example", NULL },
        { &block_kind, "mallory@evil.example/phone", NULL, "is not an address like" },
        { &block_kind, "@evil.example", NULL, "is not an address like" },
        { &block_kind, "a b", NULL, "is not a domain name" },
        { &sip_user_kind, "*@contoso.example", "*@contoso.example", NULL },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena arena;
        struct slice name;
        struct err err;
        int rc;

        arena_init(&arena, 1 << 16);
        rc = setting_title(cases[i].kind, &name, slice_str(cases[i].in), &arena, &err);
        if (cases[i].out ? rc || !slice_is(name, cases[i].out) : !rc || !strstr(err.text, cases[i].says))
            fail_msg("case %zu: %s", i, rc ? err.text : "accepted");
        arena_reset(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_have_one_normal_form),
        cmocka_unit_test(what_is_no_value_is_named),
        cmocka_unit_test(lists_are_bounded_in_entries_and_bytes),
        cmocka_unit_test(every_type_describes_itself),
        cmocka_unit_test(every_row_of_the_tables_is_sound),
        cmocka_unit_test(a_name_with_a_slip_finds_its_setting),
        cmocka_unit_test(titles_are_as_their_kind_asks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
