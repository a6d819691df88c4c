/* Flags and commands come from the setting tables: each setting has its flag, and no word means two things. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "ctl/command.h"
#include "ctl/help.h"
#include "store/model.h"

static void every_setting_of_every_kind_has_its_flags(void **state)
{
    for (size_t k = 0; k < MODEL_N_KINDS; k++) {
        const struct setting_kind *kind = model_kinds[k];

        for (size_t i = 0; i < kind->n; i++) {
            for (enum flag_op op = FLAG_SET; op < FLAG_N_OPS; op++) {
                struct flag f = { &kind->settings[i], op }, found;
                struct buf name;

                if (!flag_exists(kind, f.setting, op))
                    continue;
                buf_init(&name, 200);
                flag_name(&name, &f);
                assert_true(flag_find(kind, buf_slice(&name), &found));
                assert_ptr_equal(found.setting, f.setting);
                assert_int_equal(found.op, op);
                buf_free(&name);
            }
        }
    }
}

static void a_list_has_words_for_one_entry(void **state)
{
    static const struct {
        const char *word;
        enum flag_op op;
        bool found;
    } cases[] = { { "additional-domains", FLAG_SET, true },
                  { "add-domain", FLAG_ADD, true },
                  { "remove-domain", FLAG_REMOVE, true },
                  { "clear-additional-domains", FLAG_CLEAR, true },
                  { "add-additional-domains", 0, false },
                  { "clear-domain", 0, false },
                  { "add-tls", 0, false },
                  { "tls", FLAG_SET, true },
                  { "", 0, false },
                  { "add-", 0, false } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct flag f;

        assert_int_equal(flag_find(&partner_kind, slice_str(cases[i].word), &f), cases[i].found);
        if (cases[i].found)
            assert_int_equal(f.op, cases[i].op);
    }
}

static void a_password_has_no_flag(void **state)
{
    struct flag f;

    assert_false(flag_find(&account_kind, SLICE("password"), &f));
    assert_false(flag_find(&token_kind, SLICE("hash"), &f));
    assert_true(flag_find(&gateway_kind, SLICE("dialback-passphrase"), &f));
}

/* A setting that is called as an option of its command is called could never be given. */
static void no_setting_hides_behind_an_option(void **state)
{
    struct command all[COMMANDS_MAX];
    size_t n = command_list(all);

    assert_true(n > 40 && n < COMMANDS_MAX);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; all[i].settings && !all[i].kind->internal && k < all[i].kind->n; k++)
            assert_int_equal(option_find(slice_str(all[i].kind->settings[k].name), all[i].options | OPTIONS_ALWAYS),
                             OPTION_N);
        assert_non_null(all[i].run);
    }
}

static void count_setting(const struct help_flag *f, void *arg)
{
    *(size_t *)arg += f->option == NULL && f->flag.op == FLAG_SET;
}

static void help_names_every_setting(void **state)
{
    struct command all[COMMANDS_MAX];
    size_t n = command_list(all);

    for (size_t i = 0; i < n; i++) {
        size_t found = 0;

        if (!all[i].settings || all[i].kind->internal)
            continue;
        help_each_flag(&all[i], count_setting, &found);
        assert_int_equal(found, all[i].kind->n);
    }
}

static void every_kind_has_the_verbs_that_suit_it(void **state)
{
    static const struct {
        const char *noun, *verb;
        bool found;
    } cases[] = { { "partner", "new", true },   { "partner", "remove", true }, { "gateway", "set", true },
                  { "gateway", "new", false },  { "gateway", "list", false },  { "org", "show", true },
                  { "sip-user", "set", true },  { "sip-user", "new", false },  { "policy", "grant", true },
                  { "policy", "remove", true }, { "site", "new", true },       { "route", "list", true },
                  { "domain", "new", true },    { "user", "passwd", true },    { "user", "show", false },
                  { "token", "revoke", true },  { "token", "set", false },     { "matrix", "", true },
                  { "partner", "", false },     { "account", "new", false } };
    struct command cmd;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(command_find(slice_str(cases[i].noun), slice_str(cases[i].verb), &cmd), cases[i].found);
}

static int read_line(struct args *out, struct arena *arena, struct err *err, const char *line)
{
    static const char *words[32];
    static char text[500];
    int argc = 0;
    char *rest = text;

    snprintf(text, sizeof(text), "stoxctl %s", line);
    for (char *word; (word = strsep(&rest, " "));)
        words[argc++] = word;
    return args_read(out, argc, (char **)words, arena, err);
}

static void wrong_usage_says_what_helps(void **state)
{
    static const struct {
        const char *line, *part;
    } cases[] = { { "partner", "partner what? stoxctl help partner" },
                  { "partner sing", "partner has no \"sing\"" },
                  { "sing", "there is no command \"sing\"" },
                  { "partner set", "needs DOMAIN..." },
                  { "partner set a.example --tsl required", "did you mean --tls?" },
                  { "partner set a.example --tls", "--tls needs a value" },
                  { "partner list a.example", "\"a.example\" is too much" },
                  { "partner list --tls required", "does not take --tls" },
                  { "partner list --names=x", "takes no value" },
                  { "matrix --force", "matrix does not take" },
                  { "--force matrix", "--force is not known here" } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena arena;
        struct args args;
        struct err err;

        arena_init(&arena, 1 << 20);
        assert_int_equal(read_line(&args, &arena, &err, cases[i].line), -1);
        if (!strstr(err.text, cases[i].part))
            fail_msg("%s: %s", cases[i].line, err.text);
        arena_reset(&arena);
    }
}

static void options_stand_before_and_after_and_with_or_without_a_sign(void **state)
{
    struct arena arena;
    struct args args;
    struct err err;

    arena_init(&arena, 1 << 20);
    assert_int_equal(
        read_line(&args, &arena, &err, "--server=unix:/x partner set a.example --tls optional - -f -- --b"), 0);
    assert_string_equal(args_value(&args, OPT_SERVER), "unix:/x");
    assert_true(args_has(&args, OPT_FORCE));
    assert_int_equal(args.n_flags, 1);
    assert_string_equal(args.flags[0].value, "optional");
    assert_int_equal(args.n_operands, 3);
    assert_string_equal(args.operands[1], "-");
    assert_string_equal(args.operands[2], "--b");
    arena_reset(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_setting_of_every_kind_has_its_flags),
        cmocka_unit_test(a_list_has_words_for_one_entry),
        cmocka_unit_test(a_password_has_no_flag),
        cmocka_unit_test(no_setting_hides_behind_an_option),
        cmocka_unit_test(help_names_every_setting),
        cmocka_unit_test(every_kind_has_the_verbs_that_suit_it),
        cmocka_unit_test(wrong_usage_says_what_helps),
        cmocka_unit_test(options_stand_before_and_after_and_with_or_without_a_sign),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
