/*
 * Bad input for every setting of every kind, made from the tables: a new setting is tested by being declared. Each bad value
 * is refused with a sentence that names the setting, fit for a terminal, and nothing is stored.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "fake_store.h"
#include "make.h"
#include "store/json.h"
#include "store/keeper.h"

#define MEGABYTE 1000000
#define CYRILLIC_A "\xd0\xb0"

struct rig {
    struct store store;
    struct keeper *keeper;
    struct config *config; /* before any bad input */
    char *megabyte;
    size_t n_tried;
};

static int rig_new(void **state)
{
    struct rig *r = calloc(1, sizeof(*r));
    struct keeper_conf conf = { .store = r ? &r->store : NULL };
    struct err err;

    assert_non_null(r);
    r->keeper = keeper_open(&conf, &err);
    assert_non_null(r->keeper);
    r->config = keeper_config(r->keeper);
    r->megabyte = malloc(MEGABYTE);
    assert_non_null(r->megabyte);
    memset(r->megabyte, 'a', MEGABYTE);
    *state = r;
    return 0;
}

static int rig_free(void **state)
{
    struct rig *r = *state;

    config_drop(r->config);
    keeper_close(r->keeper);
    fake_store_fini(&r->store);
    free(r->megabyte);
    free(r);
    return 0;
}

/* Fit for a terminal, a log and JSON? */
static void check_sentence(const struct err *err, const char *what)
{
    assert_true(text_is_utf8(slice_str(err->text)));
    for (const char *p = err->text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            fail_msg("%s: a raw byte %02x in \"%s\"", what, (unsigned char)*p, err->text);
}

static void check_unchanged(struct rig *r)
{
    struct config *now = keeper_config(r->keeper);

    assert_ptr_equal(now, r->config);
    assert_int_equal(r->store.commits, 1); /* the passphrase */
    config_drop(now);
    r->n_tried++;
}

/* What else an object of this kind must have. */
static json_t *rest_of(const struct setting_kind *kind, const struct setting *but)
{
    json_t *o = json_object();

    for (size_t i = 0; i < kind->n; i++) {
        const struct setting *s = &kind->settings[i];

        if (s != but && !s->def && !setting_is_list(s))
            json_object_set_new(o, s->name, json_string(s->type == SETTING_ADDR ? "192.0.2.1" : "x"));
    }
    return o;
}

static struct slice good_name(const struct setting_kind *kind)
{
    if (!kind->title)
        return SLICE("");
    return kind->title_type == SETTING_USER   ? SLICE("a@c.example")
           : kind->title_type == SETTING_NAME ? SLICE("n")
                                              : SLICE("c.example");
}

/* As the API does it: members to edits, edits to the keeper. */
static void refuse_json(struct rig *r, const struct setting_kind *kind, const struct setting *s, json_t *value)
{
    json_t *o = rest_of(kind, s);
    struct keeper_outcome out = { 0 };
    const struct setting *fault = NULL;
    struct err err = { "" };
    struct arena arena;
    struct edit *edits;
    size_t n;

    json_object_set_new(o, s->name, value);
    arena_init(&arena, 8 << 20);
    if (json_to_edits(kind, o, &arena, &edits, &n, &fault, &err)) {
        assert_true(slice_starts(slice_str(err.text), slice_str(s->name)));
    } else {
        struct request request = { REQUEST_PUT, kind, good_name(kind), edits, n, false, 0 };
        struct keeper_change change = { &request, 1, false, false, SLICE("a"), SLICE("b") };

        if (keeper_change(r->keeper, &change, &out, &err) != KEEPER_INVALID)
            fail_msg("%s %s: %.300s was taken (%s)", kind->name, s->name, json_dumps(o, JSON_ENSURE_ASCII), err.text);
        fault = out.setting;
        keeper_outcome_fini(&out);
    }
    assert_ptr_equal(fault, s);
    assert_non_null(strstr(err.text, s->name));
    check_sentence(&err, s->name);
    check_unchanged(r);
    arena_reset(&arena);
    json_decref(o);
}

/* As the command line and the text form do it: bytes of any kind. */
static void refuse_text(struct rig *r, const struct setting_kind *kind, const struct setting *s, struct slice text)
{
    struct edit edits[8] = { { .setting = s, .op = EDIT_SET, .texts = &text, .n = 1 } };
    struct slice x = SLICE("x"), addr = SLICE("192.0.2.1");
    struct request request = { REQUEST_PUT, kind, good_name(kind), edits, 1, false, 0 };
    struct keeper_change change = { &request, 1, false, false, SLICE("a"), SLICE("b") };
    struct keeper_outcome out = { 0 };
    struct err err = { "" };

    for (size_t i = 0; i < kind->n; i++) {
        const struct setting *other = &kind->settings[i];

        if (other != s && !other->def && !setting_is_list(other))
            edits[request.n++] = (struct edit){ other, EDIT_SET, other->type == SETTING_ADDR ? &addr : &x, 1 };
    }
    if (keeper_change(r->keeper, &change, &out, &err) != KEEPER_INVALID)
        fail_msg("%s %s: a text of %zu bytes was taken (%s)", kind->name, s->name, text.n, err.text);
    assert_ptr_equal(out.setting, s);
    assert_non_null(strstr(err.text, s->name));
    check_sentence(&err, s->name);
    check_unchanged(r);
    keeper_outcome_fini(&out);
}

static bool is_domain(enum setting_type type)
{
    return type == SETTING_DOMAIN || type == SETTING_DOMAINS || type == SETTING_HOST || type == SETTING_HOSTS;
}

static bool is_user(enum setting_type type)
{
    return type == SETTING_USER || type == SETTING_PATTERNS;
}

static void each_setting(struct rig *r,
                         void (*fn)(struct rig *r, const struct setting_kind *k, const struct setting *s))
{
    for (size_t k = 0; k < MODEL_N_KINDS; k++)
        for (size_t i = 0; i < model_kinds[k]->n; i++)
            fn(r, model_kinds[k], &model_kinds[k]->settings[i]);
    print_message("%zu bad values\n", r->n_tried);
}

/* ---- types ---- */

static void refuse_texts_of_json(struct rig *r, const struct setting_kind *kind, const struct setting *s,
                                 const char *const *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        json_t *v = json_loads(values[i], JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

        assert_non_null(v);
        refuse_json(r, kind, s, v);
    }
}

#define REFUSE(...)                                                                                                    \
    refuse_texts_of_json(r, kind, s, (const char *const[]){ __VA_ARGS__ },                                             \
                         sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static void wrong_types(struct rig *r, const struct setting_kind *kind, const struct setting *s)
{
    if (setting_is_list(s)) {
        REFUSE(s->lone ? "\"two words\"" : "\"x\"", "5", "true", "1.5", "{}", "[null]", "[5]", "[true]", "[[]]", "[{}]",
               "[1.5]", "{\"add\":\"x\"}", "{\"add\":null}", "{\"add\":[5]}", "{\"add\":[],\"x\":[]}",
               "{\"add\":{\"add\":[]}}", "{\"set\":[]}");
        return;
    }
    REFUSE("[]", "[\"x\"]", "[null]", "{}", "{\"x\":1}", "{\"add\":[\"x\"]}", "1.5", "1e9");
    if (s->type != SETTING_UINT)
        REFUSE("5", "-1", "0", "9223372036854775807");
    if (s->type != SETTING_BOOL)
        REFUSE("true", "false");
    if (s->type == SETTING_BOOL)
        REFUSE("\"\"", "\"2\"", "\"yes \"", "\"null\"");
    if (s->type == SETTING_CHOICE)
        REFUSE("\"\"", "\"x\"", "\"0\"");
}

static void values_of_a_wrong_type_are_refused(void **state)
{
    each_setting(*state, wrong_types);
}

/* ---- numbers ---- */

static void numbers_out_of_bounds(struct rig *r, const struct setting_kind *kind, const struct setting *s)
{
    if (s->type != SETTING_UINT)
        return;
    REFUSE("-1", "-9223372036854775808", "9223372036854775807", "4294967296", "\"\"", "\"-1\"",
           "\"9223372036854775808\"", "\"18446744073709551616\"", "\"99999999999999999999999999999999\"", "\"1 \"",
           "\"+1\"", "\"1e3\"", "\"0x1\"", "\"\\u0661\"");
    if (s->max < UINT32_MAX)
        refuse_json(r, kind, s, json_integer((json_int_t)s->max + 1));
    if (s->min > 0)
        refuse_json(r, kind, s, json_integer((json_int_t)s->min - 1));
}

static void numbers_out_of_bounds_are_refused(void **state)
{
    json_error_t fault;

    each_setting(*state, numbers_out_of_bounds);
    assert_null(json_loads("9223372036854775808", JSON_DECODE_ANY, &fault)); /* 2^63 is no JSON to us */
    assert_null(json_loads("NaN", JSON_DECODE_ANY, &fault));
}

/* ---- texts ---- */

static void hostile_texts(struct rig *r, const struct setting_kind *kind, const struct setting *s)
{
    static const struct slice texts[] = {
        { "\0", 1 },
        { "a\0b", 3 },
        { "\x1b[31mred", 8 },
        { "a\nb", 3 },
        { "\r", 1 },
        { "\t", 1 },
        { "\x07", 1 },
        { "\x7f", 1 },
        { "\xc2\x80", 2 },
        { "\xc2\x9b"
          "31m",
          5 },
        { "\xff", 1 },
        { "\xc0\x80", 2 },
        { "\xed\xa0\x80", 3 },
        { "\xf4\x90\x80\x80", 4 },
        { "\xe2\x82", 2 },
        { "\xe2\x80\xae", 3 },
        { "\xe2\x80\xa8", 3 },
        { "\xef\xbf\xbf", 3 },
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        json_t *v = json_stringn(texts[i].p, texts[i].n); /* NULL where JSON cannot have it */

        refuse_text(r, kind, s, texts[i]);
        if (v)
            refuse_json(r, kind, s, setting_is_list(s) ? json_pack("[o]", v) : v);
    }
    refuse_text(r, kind, s, slice_of(r->megabyte, MEGABYTE));
    refuse_text(r, kind, s, slice_of(r->megabyte, 1 + (s->type == SETTING_TEXT && s->max ? s->max : SETTING_TEXT_MAX)));
}

static void texts_that_do_harm_are_refused(void **state)
{
    each_setting(*state, hostile_texts);
}

/* ---- domains ---- */

static const char *const bad_domains[] = {
    "f" CYRILLIC_A "brikam.example", /* Latin and Cyrillic */
    "fabrikam.ex" CYRILLIC_A "mple", /* in any label */
    "xn--fbrikam-7fg.example",       /* the same in its A-label */
    "f\xce\xb1"
    "brikam.example",           /* Latin and Greek */
    "\xce\xb1\xd0\xb1.example", /* Greek and Cyrillic */
    "\xd5\xa1\xd7\x90.example", /* Armenian and Hebrew */
    "\xe1\x83\x90z.example",    /* Georgian and Latin */
    "a..example",
    ".example",
    "-a.example",
    "a b.example",
    "a\xe3\x80\x80"
    "b.example",                                                                /* ideographic space */
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example", /* a label of 64 */
    "xn--a.example",                                                            /* no Punycode */
    "a/b.example",
    "a@b.example",
};

static void forged_domains(struct rig *r, const struct setting_kind *kind, const struct setting *s)
{
    for (size_t i = 0; i < sizeof(bad_domains) / sizeof(bad_domains[0]); i++) {
        char text[200];

        if (is_domain(s->type))
            refuse_text(r, kind, s, slice_str(bad_domains[i]));
        if (!is_user(s->type))
            continue;
        snprintf(text, sizeof(text), "alice@%s", bad_domains[i]);
        refuse_text(r, kind, s, slice_str(text));
        snprintf(text, sizeof(text), "*@%s", bad_domains[i]);
        refuse_text(r, kind, s, slice_str(text));
    }
}

static void domains_that_are_forged_or_none_are_refused(void **state)
{
    each_setting(*state, forged_domains);
}

/* ---- lists ---- */

static void long_lists(struct rig *r, const struct setting_kind *kind, const struct setting *s)
{
    json_t *one, *many;

    if (!setting_is_list(s))
        return;
    one = json_string(is_user(s->type) ? "*@c.example" : s->type == SETTING_NETS ? "192.0.2.1" : "d.example");
    many = json_array();
    for (unsigned i = 0; i <= s->max; i++)
        json_array_append(many, one);
    refuse_json(r, kind, s, json_deep_copy(many));
    refuse_json(r, kind, s, json_pack("{s:O}", "add", many));
    refuse_json(r, kind, s, json_pack("{s:[O]}", "remove", one)); /* it is not in the list */
    for (unsigned i = s->max; i < 20000; i++)
        json_array_append(many, one);
    refuse_json(r, kind, s, many);
    json_decref(one);
}

static void lists_that_are_too_long_are_refused(void **state)
{
    each_setting(*state, long_lists);
}

/* ---- names ---- */

static void refuse_name(struct rig *r, const struct setting_kind *kind, struct slice name)
{
    struct request request = { REQUEST_PUT, kind, name, NULL, 0, false, 0 };
    struct keeper_change change = { &request, 1, false, false, SLICE("a"), SLICE("b") };
    struct keeper_outcome out = { 0 };
    struct err err = { "" };

    if (keeper_change(r->keeper, &change, &out, &err) != KEEPER_INVALID)
        fail_msg("%s: a name of %zu bytes was taken (%s)", kind->name, name.n, err.text);
    assert_null(out.setting);
    assert_true(slice_starts(slice_str(err.text), slice_str(kind->name)));
    check_sentence(&err, kind->name);
    check_unchanged(r);
    keeper_outcome_fini(&out);
}

static void names_that_are_none_are_refused(void **state)
{
    static const struct slice names[] = { { "\0", 1 },  { "\x1b[31m", 5 }, { "a\nb", 3 }, { "\xff", 1 },
                                          { "a b", 3 }, { "..", 2 },       { "a/b", 3 },  { "\xe2\x80\xa8", 3 } };
    struct rig *r = *state;

    for (size_t k = 0; k < MODEL_N_KINDS; k++) {
        const struct setting_kind *kind = model_kinds[k];

        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
            refuse_name(r, kind, names[i]);
        refuse_name(r, kind, slice_of(r->megabyte, MEGABYTE));
        if (kind->title)
            refuse_name(r, kind, SLICE(""));
        for (size_t i = 0; kind->title_type == SETTING_DOMAIN && i < sizeof(bad_domains) / sizeof(bad_domains[0]); i++)
            refuse_name(r, kind, slice_str(bad_domains[i]));
        for (size_t i = 0; kind->title_type == SETTING_USER && i < sizeof(bad_domains) / sizeof(bad_domains[0]); i++) {
            char text[200];

            snprintf(text, sizeof(text), "alice@%s", bad_domains[i]);
            refuse_name(r, kind, slice_str(text));
        }
    }
    print_message("%zu bad names\n", r->n_tried);
}

/* ---- members ---- */

static void members_that_are_none_are_refused(void **state)
{
    static const char *const texts[] = { "{\"__proto__\":1}",
                                         "{\"\":1}",
                                         "{\"TLS\":1}",
                                         "{\"\\u001b]0;x\\u0007\":1}",
                                         "[]",
                                         "5",
                                         "\"x\"",
                                         "null",
                                         "true",
                                         "{\"names\":1}" };
    struct rig *r = *state;

    for (size_t k = 0; k < MODEL_N_KINDS; k++) {
        for (size_t i = 0; i <= sizeof(texts) / sizeof(texts[0]); i++) {
            json_t *o = i < sizeof(texts) / sizeof(texts[0]) ? json_loads(texts[i], JSON_DECODE_ANY, NULL)
                                                             : json_pack("{s#:i}", r->megabyte, MEGABYTE, 1);
            struct err err = { "" };
            struct arena arena;
            struct edit *edits;
            size_t n;

            assert_non_null(o);
            arena_init(&arena, 1 << 20);
            assert_int_equal(json_to_edits(model_kinds[k], o, &arena, &edits, &n, NULL, &err), -1);
            check_sentence(&err, model_kinds[k]->name);
            check_unchanged(r);
            arena_reset(&arena);
            json_decref(o);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_of_a_wrong_type_are_refused, rig_new, rig_free),
        cmocka_unit_test_setup_teardown(numbers_out_of_bounds_are_refused, rig_new, rig_free),
        cmocka_unit_test_setup_teardown(texts_that_do_harm_are_refused, rig_new, rig_free),
        cmocka_unit_test_setup_teardown(domains_that_are_forged_or_none_are_refused, rig_new, rig_free),
        cmocka_unit_test_setup_teardown(lists_that_are_too_long_are_refused, rig_new, rig_free),
        cmocka_unit_test_setup_teardown(names_that_are_none_are_refused, rig_new, rig_free),
        cmocka_unit_test_setup_teardown(members_that_are_none_are_refused, rig_new, rig_free),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
