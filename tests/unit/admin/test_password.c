#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "admin/password.h"
#include "admin/secret.h"

static void a_hash_fits_its_password_only(void **state)
{
    struct buf one, two;

    buf_init(&one, 400);
    buf_init(&two, 400);
    assert_true(password_hash(&one, SLICE("correct horse battery")));
    assert_true(password_hash(&two, SLICE("correct horse battery")));
    assert_false(slice_eq(buf_slice(&one), buf_slice(&two))); /* salted */
    assert_true(slice_starts(buf_slice(&one), SLICE("scrypt$15$8$1$")));
    assert_true(password_matches(buf_slice(&one), SLICE("correct horse battery")));
    assert_false(password_matches(buf_slice(&one), SLICE("correct horse batterY")));
    assert_false(password_matches(buf_slice(&one), SLICE("")));
    buf_free(&one);
    buf_free(&two);
}

static void what_is_no_hash_fits_nothing(void **state)
{
    static const char *const stored[] = {
        "",
        "scrypt",
        "scrypt$",
        "scrypt$15$8$1$",
        "scrypt$15$8$1$c2FsdA==$",
        "scrypt$15$8$1$c2FsdA==$AAAA",
        "scrypt$0$8$1$c2FsdA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "scrypt$40$8$1$c2FsdA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "scrypt$15$99999$1$c2FsdA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "scrypt$-1$8$1$c2FsdA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "md5$15$8$1$c2FsdA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "plain text",
    };

    for (size_t i = 0; i < sizeof(stored) / sizeof(stored[0]); i++)
        if (password_matches(slice_str(stored[i]), slice_str("")) ||
            password_matches(slice_str(stored[i]), slice_str(stored[i])))
            fail_msg("\"%s\" fits", stored[i]);
}

static void passwords_are_judged_by_characters(void **state)
{
    static const struct {
        const char *password;
        bool good;
    } cases[] = {
        { "twelve chars", true },
        { "elevenchars", false },
        { "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", true },
        { "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", false },
        { "a tab\tis not taken", false },
        { "nor is \xff this one", false },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if ((password_judge(slice_str(cases[i].password), NULL) == 0) != cases[i].good)
            fail_msg("case %zu", i);
}

static void secrets_differ_and_have_their_form(void **state)
{
    char one[SECRET_CHARS + 1], two[SECRET_CHARS + 1], digest[SECRET_DIGEST + 1];

    secret_make(one);
    secret_make(two);
    assert_int_equal(strlen(one), SECRET_CHARS);
    assert_string_not_equal(one, two);
    assert_true(secret_digest(SLICE("abc"), digest)); /* FIPS 180-2 B.1 */
    assert_string_equal(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hash_fits_its_password_only),
        cmocka_unit_test(what_is_no_hash_fits_nothing),
        cmocka_unit_test(passwords_are_judged_by_characters),
        cmocka_unit_test(secrets_differ_and_have_their_form),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
