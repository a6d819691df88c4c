/* Keys: made as asked, sealed so that only the same installation and the same name opens them, and wiped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "pki/key.h"
#include "pki/vault.h"

static const uint8_t kek[PKI_VAULT_KEY] = { 1, 2, 3 }, other_kek[PKI_VAULT_KEY] = { 9 };

static struct pki_vault *vault_of(const uint8_t *k)
{
    struct err err = { "" };
    struct pki_vault *v = pki_vault_new(k, &err);

    assert_non_null(v);
    return v;
}

static void a_key_is_of_the_type_that_was_asked_for(void **state)
{
    static const struct {
        enum pki_key_type type;
        const char *name, *text;
    } cases[] = { { PKI_RSA_2048, "rsa-2048", "RSA, 2048 bits" },
                  { PKI_RSA_3072, "rsa-3072", "RSA, 3072 bits" },
                  { PKI_P256, "p256", "ECDSA P-256" } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = { "" };
        EVP_PKEY *key = pki_key_make(cases[i].type, &err);
        char text[80];

        assert_non_null(key);
        assert_string_equal(pki_key_types[cases[i].type], cases[i].name);
        pki_key_describe(key, text, sizeof(text));
        assert_string_equal(text, cases[i].text);
        EVP_PKEY_free(key);
    }
    assert_string_equal(pki_key_types[PKI_RSA_4096], "rsa-4096");
}

static bool is_enough(void *arg)
{
    size_t *asked = arg;

    return ++*asked > 3;
}

static void a_key_that_nobody_wants_any_more_is_given_up(void **state)
{
    struct err err = { "" };
    size_t asked = 0;

    assert_null(pki_key_make_unless(PKI_RSA_4096, is_enough, &asked, &err));
    assert_int_equal(asked, 4);
    assert_string_equal(err.text, "cannot make a key (rsa-4096): it was given up");
}

static void what_is_sealed_opens_again_and_shows_nothing(void **state)
{
    struct err err = { "" };
    struct pki_vault *v = vault_of(kek);
    EVP_PKEY *key = pki_key_make(PKI_P256, &err), *back;
    struct buf sealed, again;

    buf_init(&sealed, PKI_SEALED_MAX);
    buf_init(&again, PKI_SEALED_MAX);
    assert_int_equal(pki_vault_seal(v, key, SLICE("edge"), &sealed, &err), 0);
    assert_int_equal(pki_vault_seal(v, key, SLICE("edge"), &again, &err), 0);
    assert_false(slice_eq(buf_slice(&sealed), buf_slice(&again))); /* a nonce of its own each time */
    back = pki_vault_open(v, buf_slice(&sealed), SLICE("edge"), &err);
    assert_non_null(back);
    assert_true(pki_key_same(key, back));
    EVP_PKEY_free(back);
    EVP_PKEY_free(key);
    pki_wipe(&sealed);
    pki_wipe(&again);
    pki_vault_free(v);
}

static void what_is_sealed_opens_for_nobody_else(void **state)
{
    struct err err = { "" };
    struct pki_vault *v = vault_of(kek), *other = vault_of(other_kek);
    EVP_PKEY *key = pki_key_make(PKI_P256, &err);
    struct buf sealed;

    buf_init(&sealed, PKI_SEALED_MAX);
    assert_int_equal(pki_vault_seal(v, key, SLICE("edge"), &sealed, &err), 0);
    assert_null(pki_vault_open(other, buf_slice(&sealed), SLICE("edge"), &err));
    assert_string_equal(err.text,
                        "its key was sealed by another installation; gateways that share a store must have the "
                        "same file \"certificates.key\" in their state directories");
    assert_null(pki_vault_open(v, buf_slice(&sealed), SLICE("edge2"), &err));
    assert_string_equal(err.text, "its key is damaged, or belongs to another certificate");
    for (size_t i = 0; i < sealed.n; i++) {
        sealed.p[i] ^= 1;
        assert_null(pki_vault_open(v, buf_slice(&sealed), SLICE("edge"), &err));
        sealed.p[i] ^= 1;
        assert_null(pki_vault_open(v, slice_first(buf_slice(&sealed), i), SLICE("edge"), &err));
    }
    EVP_PKEY_free(key);
    pki_wipe(&sealed);
    pki_vault_free(other);
    pki_vault_free(v);
}

/* The flag "dd" of the page that holds it: MADV_DONTDUMP (proc(5), smaps). */
static void a_vault_is_left_out_of_core_dumps(void **state)
{
    struct pki_vault *v = vault_of(kek);
    unsigned long from, to, at = (unsigned long)(uintptr_t)v;
    FILE *f = fopen("/proc/self/smaps", "re");
    bool in = false, found = false;
    char line[512];

    assert_non_null(f);
    while (fgets(line, sizeof(line), f)) {
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            in = at >= from && at < to;
        else if (in && strncmp(line, "VmFlags:", 8) == 0)
            found = strstr(line, " dd") != NULL;
    }
    fclose(f);
    assert_true(found);
    pki_vault_free(v);
}

/* In place of buf_free in src/pki (--wrap): what it is given must hold nothing any more. */
static bool was_wiped;
void __wrap_buf_free(struct buf *b);
void __real_buf_free(struct buf *b);

void __wrap_buf_free(struct buf *b)
{
    was_wiped = b->p != NULL;
    for (size_t i = 0; i < b->cap; i++)
        was_wiped = was_wiped && b->p[i] == 0;
    __real_buf_free(b);
}

static void a_secret_is_wiped_before_its_memory_goes(void **state)
{
    struct buf b;

    buf_init(&b, 1000);
    buf_str(&b, "a secret");
    pki_wipe(&b);
    assert_true(was_wiped);
    assert_null(b.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_of_the_type_that_was_asked_for),
        cmocka_unit_test(a_key_that_nobody_wants_any_more_is_given_up),
        cmocka_unit_test(what_is_sealed_opens_again_and_shows_nothing),
        cmocka_unit_test(what_is_sealed_opens_for_nobody_else),
        cmocka_unit_test(a_vault_is_left_out_of_core_dumps),
        cmocka_unit_test(a_secret_is_wiped_before_its_memory_goes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
