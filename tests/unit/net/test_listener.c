/* Accepting, also when it cannot be done. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(test_listener_without_descriptors),
        RIG_TEST(test_listener_sentences),
    };

    return cmocka_run_group_tests(tests, conn_rig_certs, conn_rig_certs_drop);
}
