/* At stake: where a name that a stranger chose may lead. Every border, and every wrapping around each kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "net/addr_scope.h"

static void scopes(void **state)
{
    static const struct {
        const char *ip;
        enum addr_scope scope;
    } cases[] = {
        { "0.0.0.0", ADDR_UNSPECIFIED },
        { "0.255.255.255", ADDR_UNSPECIFIED },
        { "1.0.0.0", ADDR_PUBLIC },
        { "9.255.255.255", ADDR_PUBLIC },
        { "10.0.0.0", ADDR_PRIVATE },
        { "10.255.255.255", ADDR_PRIVATE },
        { "11.0.0.0", ADDR_PUBLIC },
        { "100.63.255.255", ADDR_PUBLIC },
        { "100.64.0.0", ADDR_PRIVATE },
        { "100.127.255.255", ADDR_PRIVATE },
        { "100.128.0.0", ADDR_PUBLIC },
        { "126.255.255.255", ADDR_PUBLIC },
        { "127.0.0.0", ADDR_LOOPBACK },
        { "127.0.0.1", ADDR_LOOPBACK },
        { "127.255.255.255", ADDR_LOOPBACK },
        { "128.0.0.0", ADDR_PUBLIC },
        { "169.253.255.255", ADDR_PUBLIC },
        { "169.254.0.0", ADDR_LINK_LOCAL },
        { "169.254.169.254", ADDR_LINK_LOCAL },
        { "169.255.0.0", ADDR_PUBLIC },
        { "172.15.255.255", ADDR_PUBLIC },
        { "172.16.0.0", ADDR_PRIVATE },
        { "172.31.255.255", ADDR_PRIVATE },
        { "172.32.0.0", ADDR_PUBLIC },
        { "192.0.0.8", ADDR_RESERVED },
        { "192.0.1.0", ADDR_PUBLIC },
        { "192.0.2.1", ADDR_RESERVED },
        { "192.88.99.1", ADDR_RESERVED },
        { "192.167.255.255", ADDR_PUBLIC },
        { "192.168.0.0", ADDR_PRIVATE },
        { "192.168.255.255", ADDR_PRIVATE },
        { "192.169.0.0", ADDR_PUBLIC },
        { "198.17.255.255", ADDR_PUBLIC },
        { "198.18.0.0", ADDR_PRIVATE },
        { "198.19.255.255", ADDR_PRIVATE },
        { "198.20.0.0", ADDR_PUBLIC },
        { "198.51.100.7", ADDR_RESERVED },
        { "203.0.113.7", ADDR_RESERVED },
        { "203.0.114.0", ADDR_PUBLIC },
        { "223.255.255.255", ADDR_PUBLIC },
        { "224.0.0.0", ADDR_MULTICAST },
        { "239.255.255.255", ADDR_MULTICAST },
        { "240.0.0.0", ADDR_RESERVED },
        { "255.255.255.254", ADDR_RESERVED },
        { "255.255.255.255", ADDR_BROADCAST },
        { "::", ADDR_UNSPECIFIED },
        { "::1", ADDR_LOOPBACK },
        { "fe80::1", ADDR_LINK_LOCAL },
        { "febf::1", ADDR_LINK_LOCAL },
        { "fec0::1", ADDR_PRIVATE },
        { "fc00::1", ADDR_PRIVATE },
        { "fdff:ffff::1", ADDR_PRIVATE },
        { "fe00::1", ADDR_RESERVED },
        { "ff02::1", ADDR_MULTICAST },
        { "ff0e::1", ADDR_MULTICAST },
        { "100::1", ADDR_RESERVED },
        { "64:ff9b:1:2::1", ADDR_PRIVATE },
        { "64:ff9b:2::1", ADDR_RESERVED },
        { "2001:2::1", ADDR_PRIVATE },
        { "2001:2:1::1", ADDR_RESERVED },
        { "2001:20::1", ADDR_RESERVED },
        { "2001:1ff:ffff::1", ADDR_RESERVED },
        { "2001:200::1", ADDR_PUBLIC },
        { "2001:db8::1", ADDR_RESERVED },
        { "2001:db9::1", ADDR_PUBLIC },
        { "2003::1", ADDR_PUBLIC },
        { "2a00:1450:4001:81b::200e", ADDR_PUBLIC },
        { "3ffe::1", ADDR_PUBLIC },
        { "3fff:fff::1", ADDR_RESERVED },
        { "3fff:1000::1", ADDR_PUBLIC },
        { "4000::1", ADDR_RESERVED },
        { "5f00::1", ADDR_RESERVED },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct addr a;

        assert_true(addr_parse(slice_str(cases[i].ip), 1, &a));
        if (addr_scope(&a) != cases[i].scope)
            fail_msg("%s is said to be %s", cases[i].ip, addr_scope_text(addr_scope(&a)));
    }
}

static void the_inner_address_decides(void **state)
{
    static const struct {
        unsigned char ip[4];
        enum addr_scope scope;
    } inner[] = {
        { { 9, 9, 9, 9 }, ADDR_PUBLIC },      { { 10, 0, 0, 5 }, ADDR_PRIVATE },
        { { 127, 0, 0, 1 }, ADDR_LOOPBACK },  { { 169, 254, 169, 254 }, ADDR_LINK_LOCAL },
        { { 224, 0, 0, 1 }, ADDR_MULTICAST }, { { 255, 255, 255, 255 }, ADDR_BROADCAST },
        { { 0, 1, 0, 0 }, ADDR_UNSPECIFIED }, { { 192, 0, 2, 1 }, ADDR_RESERVED },
    };
    /* What stands around the four bytes, and what each is changed with before. */
    static const struct {
        const char *before, *after;
        unsigned char mask;
    } wraps[] = {
        { "::", "", 0 },
        { "::ffff:", "", 0 },
        { "::ffff:0:", "", 0 },
        { "2002:", "::1", 0 },
        { "2002:", ":7f00:1:7f00:1:7f00", 0 },
        { "64:ff9b::", "", 0 },
        { "64:ff9b:1::", "", 0 },
        { "2001:0:808:808:0:1234:", "", 0xFF },
    };

    for (size_t i = 0; i < sizeof(inner) / sizeof(inner[0]); i++) {
        for (size_t k = 0; k < sizeof(wraps) / sizeof(wraps[0]); k++) {
            char text[64], got[ADDR_TEXT], want[ADDR_TEXT];
            unsigned char b[4];
            struct addr a, in;

            for (size_t n = 0; n < 4; n++)
                b[n] = inner[i].ip[n] ^ wraps[k].mask;
            snprintf(text, sizeof(text), "%s%02x%02x:%02x%02x%s", wraps[k].before, b[0], b[1], b[2], b[3],
                     wraps[k].after);
            snprintf(want, sizeof(want), "%u.%u.%u.%u:77", inner[i].ip[0], inner[i].ip[1], inner[i].ip[2],
                     inner[i].ip[3]);
            assert_true(addr_parse(slice_str(text), 77, &a));
            if (addr_scope(&a) != inner[i].scope)
                fail_msg("%s is said to be %s", text, addr_scope_text(addr_scope(&a)));
            if (a.sa.sa_family == AF_INET) /* mapped ones are unwrapped when they are read */
                in = a;
            else
                assert_true(addr_unwrap(&a, &in));
            assert_string_equal(addr_text(&in, got), want);
        }
    }
}

/* struct addr never holds a mapped address; if one came there by itself, it would be seen through all the same. */
static void mapped_by_hand(void **state)
{
    struct addr a = { .v6 = { .sin6_family = AF_INET6, .sin6_addr.s6_addr = { [10] = 0xFF, 0xFF, 127, 0, 0, 1 } } };

    assert_int_equal(addr_scope(&a), ADDR_LOOPBACK);
}

static void what_is_no_wrapping(void **state)
{
    static const char *const cases[] = { "192.0.2.1", "::", "::1", "2001:db8::1", "64:ff9b:1:1::a00:5", "fe80::1" };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct addr a, inner;

        assert_true(addr_parse(slice_str(cases[i]), 1, &a));
        if (addr_unwrap(&a, &inner))
            fail_msg("%s", cases[i]);
    }
}

static void every_scope_has_a_name(void **state)
{
    for (int i = ADDR_PUBLIC; i <= ADDR_RESERVED; i++)
        assert_non_null(addr_scope_text((enum addr_scope)i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scopes),
        cmocka_unit_test(the_inner_address_decides),
        cmocka_unit_test(mapped_by_hand),
        cmocka_unit_test(what_is_no_wrapping),
        cmocka_unit_test(every_scope_has_a_name),
    };

    return cmocka_run_group_tests_name("net/addr_scope", tests, NULL, NULL);
}
