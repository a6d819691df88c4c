/* Accepting, also when it cannot be done. */
#include <ifaddrs.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "conn_rig.h"

/* Descriptors run out: accepting pauses instead of spinning, and goes on later. */
static void test_listener_without_descriptors(void **state)
{
    struct rig *r = *state;
    struct rlimit was, low;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), spare = dup(0);

    getrlimit(RLIMIT_NOFILE, &was);
    low = was;
    low.rlim_cur = (rlim_t)spare + 1;
    close(spare);
    while ((spare = dup(0)) >= 0 && spare < (int)low.rlim_cur - 1)
        continue;
    setrlimit(RLIMIT_NOFILE, &low);
    assert_int_equal(connect(fd, &r->at.sa, addr_len(&r->at)), 0);
    turns(r, 10);
    assert_null(r->b.c);
    setrlimit(RLIMIT_NOFILE, &was);
    timers_advance(&r->loop.timers, loop_now(&r->loop) + 300);
    until(r, r->b.c != NULL);
    close(spare);
    close(fd);
}

static void test_listener_sentences(void **state)
{
    struct rig *r = *state;
    struct err err = { "" };
    struct addr a;
    char text[ADDR_TEXT], want[256];
    struct listener *six;

    assert_null(listener_open(&r->loop, &r->at, &rig_listener_ops, r, &err));
    snprintf(want, sizeof(want), "cannot listen on %s: address already in use", addr_text(&r->at, text));
    assert_string_equal(err.text, want);
    assert_true(addr_parse(SLICE("192.0.2.7:5061"), 0, &a));
    assert_null(listener_open(&r->loop, &a, &rig_listener_ops, r, &err));
    assert_string_equal(err.text, "cannot listen on 192.0.2.7:5061: address not available");
    assert_true(addr_parse(SLICE("[::]:0"), 0, &a)); /* does not take IPv4's port */
    addr_set_port(&a, addr_port(&r->at));
    six = listener_open(&r->loop, &a, &rig_listener_ops, r, &err);
    if (six)
        listener_close(six);
    else
        assert_non_null(strstr(err.text, "cannot listen on [::]"));
    listener_close(NULL);
}

static void test_what_a_listener_takes(void **state)
{
    static const struct {
        const char *local, *to;
        bool takes;
    } cases[] = {
        { "127.0.0.1:5269", "127.0.0.1:5269", true },  { "127.0.0.1:5269", "127.0.0.1:5270", false },
        { "127.0.0.1:5269", "127.0.0.2:5269", false }, { "0.0.0.0:5269", "127.0.0.2:5269", true },
        { "0.0.0.0:5269", "127.0.0.2:5270", false },   { "0.0.0.0:5269", "0.0.0.0:5269", true },
        { "0.0.0.0:5269", "192.0.2.7:5269", false },   { "0.0.0.0:5269", "[::1]:5269", false },
        { "[::]:5269", "[::1]:5269", true },           { "[::]:5269", "[2001:db8::1]:5269", false },
        { "[::]:5269", "127.0.0.1:5269", false },      { "[::1]:5269", "[::1]:5269", true },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct addr local, to;

        assert_true(addr_parse(slice_str(cases[i].local), 0, &local) && addr_parse(slice_str(cases[i].to), 0, &to));
        if (listener_takes(&local, &to) != cases[i].takes)
            fail_msg("%s, bound to %s", cases[i].to, cases[i].local);
    }
}

/* An address of this machine that is not loopback, when there is one: through the wildcard it leads to us. */
static void test_the_wildcard_takes_what_the_machine_has(void **state)
{
    struct ifaddrs *all;
    struct addr local, to;

    assert_int_equal(getifaddrs(&all), 0);
    for (struct ifaddrs *i = all; i; i = i->ifa_next) {
        if (!i->ifa_addr || !addr_from_sockaddr(i->ifa_addr, &to))
            continue;
        addr_set_port(&to, 5269);
        assert_true(addr_parse(to.sa.sa_family == AF_INET ? SLICE("0.0.0.0:5269") : SLICE("[::]:5269"), 0, &local));
        if (!listener_takes(&local, &to))
            fail_msg("an address of %s", i->ifa_name);
    }
    freeifaddrs(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(test_listener_without_descriptors),
        RIG_TEST(test_listener_sentences),
        RIG_TEST(test_what_a_listener_takes),
        RIG_TEST(test_the_wildcard_takes_what_the_machine_has),
    };

    return cmocka_run_group_tests(tests, conn_rig_certs, conn_rig_certs_drop);
}
