/* At stake: addresses decide who may speak; two texts of one address must be one address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/addr.h"

static void parses(void **state)
{
    static const struct {
        const char *text, *out; /* NULL: refused */
    } cases[] = {
        { "192.0.2.1:5060", "192.0.2.1:5060" },
        { "192.0.2.1", "192.0.2.1:99" },
        { "[2001:DB8::1]:5060", "[2001:db8::1]:5060" },
        { "[2001:db8:0:0:0:0:0:1]", "[2001:db8::1]:99" },
        { "2001:db8::1", "[2001:db8::1]:99" },
        { "::ffff:192.0.2.1", "192.0.2.1:99" },
        { "[::ffff:c000:201]:7", "192.0.2.1:7" },
        { "::192.0.2.1", "[::192.0.2.1]:99" },
        { "::", "[::]:99" },
        { "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:99" },
        { "0.0.0.0:0", "0.0.0.0:0" },
        { "192.0.2.1:65535", "192.0.2.1:65535" },
        { "192.0.2.1:65536", NULL },
        { "192.0.2.1:", NULL },
        { "192.0.2.1:-1", NULL },
        { "192.0.2.1:5060 ", NULL },
        { "192.0.2.1:sip", NULL },
        { " 192.0.2.1", NULL },
        { "192.0.2", NULL },
        { "192.0.2.256", NULL },
        { "192.0.2.01", NULL },
        { "0x7f.0.0.1", NULL },
        { "3221225985", NULL },
        { "[192.0.2.1]:5060", NULL },
        { "0.0.0.0:1", "0.0.0.0:1" },
        { "255.255.255.255:65535", "255.255.255.255:65535" },
        { "10.0.100.9:80", "10.0.100.9:80" },
        { "[2001:db8::1", NULL },
        { "2001:db8::1]", NULL },
        { "[2001:db8::1]5060", NULL },
        { "[2001:db8::1]:", NULL },
        { "[2001:db8::1]x:1", NULL },
        { "[fe80::1%lo]:1", NULL },
        { "[]", NULL },
        { "[", NULL },
        { "]", NULL },
        { ":", NULL },
        { ":5060", NULL },
        { "", NULL },
        { "localhost", NULL },
        { "localhost:5060", NULL },
        { "1:2:3:4:5:6:7:8:9", NULL },
        { "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct addr a;
        char text[ADDR_TEXT];
        bool ok = addr_parse(slice_str(cases[i].text), 99, &a);

        if (ok != (cases[i].out != NULL))
            fail_msg("%s", cases[i].text);
        if (ok)
            assert_string_equal(addr_text(&a, text), cases[i].out);
    }
    assert_false(addr_parse(slice_of("1.2.3.4\0:5", 10), 99, &(struct addr){ 0 }));
    assert_false(addr_parse(slice_of(NULL, 0), 99, &(struct addr){ 0 }));
}

static struct addr ip(const char *text)
{
    struct addr a;

    assert_true(addr_parse(slice_str(text), 1, &a));
    return a;
}

static void compares(void **state)
{
    static const struct {
        const char *a, *b;
        bool eq, same_ip;
    } cases[] = {
        { "192.0.2.1:5", "192.0.2.1:5", true, true },
        { "192.0.2.1:5", "192.0.2.1:6", false, true },
        { "192.0.2.1:5", "[::ffff:192.0.2.1]:5", true, true },
        { "192.0.2.1", "[::192.0.2.1]", false, false },
        { "[2001:db8::1]:5", "[2001:DB8::0:1]:5", true, true },
        { "[2001:db8::1]", "[2001:db8::2]", false, false },
        { "0.0.0.0", "::", false, false },
    };
    static const uint64_t key[2] = { 1, 2 };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct addr a = ip(cases[i].a), b = ip(cases[i].b);

        assert_int_equal(addr_eq(&a, &b), cases[i].eq);
        assert_int_equal(addr_same_ip(&a, &b), cases[i].same_ip);
        assert_int_equal(addr_hash_ip(&a, key) == addr_hash_ip(&b, key), cases[i].same_ip);
        addr_set_port(&a, 4711);
        addr_set_port(&b, 4711);
        assert_int_equal(addr_port(&a), 4711);
        assert_int_equal(addr_eq(&a, &b), cases[i].same_ip);
    }
}

static void classifies(void **state)
{
    static const struct {
        const char *text;
        bool loopback, unusable;
    } cases[] = {
        { "127.0.0.1", true, false },
        { "127.255.255.254", true, false },
        { "128.0.0.1", false, false },
        { "::1", true, false },
        { "::2", false, false },
        { "::ffff:127.0.0.1", true, false },
        { "0.0.0.0", false, true },
        { "0.1.2.3", false, true },
        { "255.255.255.255", false, true },
        { "224.0.0.1", false, true },
        { "239.255.255.255", false, true },
        { "223.255.255.255", false, false },
        { "::", false, true },
        { "ff02::1", false, true },
        { "::ffff:224.0.0.1", false, true },
        { "fe80::1", false, false },
        { "::ffff:0.0.0.0", false, true },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct addr a = ip(cases[i].text);

        assert_int_equal(addr_is_loopback(&a), cases[i].loopback);
        assert_int_equal(addr_is_unusable(&a), cases[i].unusable);
        assert_int_equal(addr_is_wildcard(&a), strcmp(cases[i].text, "0.0.0.0") == 0 ||
                                                   strcmp(cases[i].text, "::") == 0 ||
                                                   strcmp(cases[i].text, "::ffff:0.0.0.0") == 0);
    }
}

static void networks(void **state)
{
    static const struct {
        const char *net, *ip;
        int has; /* -1: the network is refused */
    } cases[] = {
        { "192.0.2.0/24", "192.0.2.255", 1 },
        { "192.0.2.0/24", "192.0.3.0", 0 },
        { "192.0.2.77/24", "192.0.2.1", 1 },
        { "192.0.2.128/25", "192.0.2.127", 0 },
        { "192.0.2.128/25", "192.0.2.129", 1 },
        { "192.0.2.1", "192.0.2.1", 1 },
        { "192.0.2.1", "192.0.2.0", 0 },
        { "192.0.2.1/31", "192.0.2.0", 1 },
        { "0.0.0.0/0", "255.1.2.3", 1 },
        { "0.0.0.0/0", "2001:db8::1", 0 },
        { "::/0", "2001:db8::1", 1 },
        { "::/0", "192.0.2.1", 0 },
        { "2001:db8::/32", "2001:db8:ffff::", 1 },
        { "2001:db8::/33", "2001:db8:8000::", 0 },
        { "2001:db8::1", "2001:db8::1", 1 },
        { "2001:db8::1/128", "2001:db8::2", 0 },
        { "[2001:db8::]/32", "2001:db8::1", 1 },
        { "::ffff:192.0.2.0/120", "192.0.2.9", 1 },
        { "::ffff:192.0.2.0/120", "192.0.3.9", 0 },
        { "::ffff:192.0.2.7", "192.0.2.7", 1 },
        { "::ffff:0:0/96", "192.0.2.9", 1 },
        { "::ffff:0:0/95", "192.0.2.9", -1 },
        { "192.0.2.0/33", "192.0.2.1", -1 },
        { "2001:db8::/129", "192.0.2.1", -1 },
        { "192.0.2.0/", "192.0.2.1", -1 },
        { "192.0.2.0/x", "192.0.2.1", -1 },
        { "192.0.2.0/-1", "192.0.2.1", -1 },
        { "192.0.2.0/8/8", "192.0.2.1", -1 },
        { "/8", "192.0.2.1", -1 },
        { "", "192.0.2.1", -1 },
        { "192.0.2.0:5/24", "192.0.2.1", -1 },
        { "example.com/24", "192.0.2.1", -1 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct addr_net net;
        struct addr a = ip(cases[i].ip);
        bool ok = addr_net_parse(slice_str(cases[i].net), &net);

        if (ok != (cases[i].has >= 0) || (ok && addr_net_has(&net, &a) != cases[i].has))
            fail_msg("%s %s", cases[i].net, cases[i].ip);
    }
}

static void from_the_kernel(void **state)
{
    struct sockaddr_storage s = { .ss_family = AF_UNIX };
    struct addr a = ip("[fe80::1]:5"), b = a;

    assert_false(addr_from_sockaddr((struct sockaddr *)&s, &a));
    assert_true(addr_from_sockaddr(&b.sa, &a));
    assert_true(addr_eq(&a, &b));
    assert_int_equal(addr_len(&a), sizeof(struct sockaddr_in6));
    b.v6.sin6_scope_id = 3; /* the same address on another link is another host */
    assert_false(addr_same_ip(&a, &b));
    a = ip("192.0.2.1");
    assert_int_equal(addr_len(&a), sizeof(struct sockaddr_in));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses),   cmocka_unit_test(compares),        cmocka_unit_test(classifies),
        cmocka_unit_test(networks), cmocka_unit_test(from_the_kernel),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
