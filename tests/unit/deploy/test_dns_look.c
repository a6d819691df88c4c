/* At stake: a daemon that ends while a check waits for somebody who says nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "deploy/dns_look.h"
#include "make.h"

static struct fixture {
    struct log log;
    struct arena arena;
    struct config *config;
    struct addr xmpp;
    struct boot boot;
    struct plan plan;
    struct book book;
    int silent; /* a UDP socket that nobody reads */
    char server[ADDR_TEXT];
} f;

static int set_up(void **state)
{
    struct plan_site site = { .boot = &f.boot };
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t n = sizeof(at);
    struct err err;

    log_init(&f.log);
    arena_init(&f.arena, 1u << 20);
    f.config = make_config(
        "route \"r\" { transport = udp\n next-hop = \"192.0.2.10:5060\" }\nsip-domain \"contoso.example\" { route = "
        "\"r\" }\n");
    assert_true(addr_parse(SLICE("1.2.3.4:5269"), 0, &f.xmpp));
    f.boot = (struct boot){ .host_name = SLICE("gw.contoso.example"), .xmpp = { &f.xmpp, 1 } };
    site.config = f.config;
    assert_int_equal(plan_make(&f.plan, &site, NULL, 0, &err), 0);
    book_init(&f.book, &f.arena, "silent", "nonce");
    f.silent = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(f.silent, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(getsockname(f.silent, (struct sockaddr *)&at, &n), 0);
    snprintf(f.server, sizeof(f.server), "127.0.0.1@%u", (unsigned)ntohs(at.sin_port));
    return 0;
}

static int tear_down(void **state)
{
    close(f.silent);
    plan_fini(&f.plan);
    config_drop(f.config);
    arena_reset(&f.arena);
    return 0;
}

static void who_is_told_to_stop_leaves_questions_unanswered(void **state)
{
    const struct slice server = slice_str(f.server);
    const atomic_bool stop = true;
    struct dns_look_conf conf = {
        .plan = &f.plan, .servers = &server, .n_servers = 1, .connect = true, .stop = &stop, .log = &f.log
    };
    struct err err = { "" };
    size_t asked = 0, answered = 0;

    assert_int_equal(dns_look(&conf, &f.book, &err), 0);
    list_each (l, &f.book.heard) {
        const struct heard *h = container_of(l, struct heard, link);

        asked += h->state == HEARD_ASKED;
        answered += h->state == HEARD_ANSWERED;
    }
    assert_true(asked > 5 && answered == 0);
    assert_true(list_empty(&f.book.reached));
    assert_int_equal(book_find(&f.book, HEARD_SRV, "_xmpp-server._tcp.contoso.example", 0)->status, DNS_FAILED);
    assert_true(book_is_silent(&f.book));
}

static void a_resolver_that_cannot_be_asked_is_said(void **state)
{
    const struct slice server = SLICE("not-an-address");
    struct dns_look_conf conf = { .plan = &f.plan, .servers = &server, .n_servers = 1, .log = &f.log };
    struct err err = { "" };

    assert_int_equal(dns_look(&conf, &f.book, &err), -1);
    assert_non_null(strstr(err.text, "not-an-address"));
    conf.n_servers = 0;
    conf.trust_anchor_file = "/does/not/exist";
    assert_int_equal(dns_look(&conf, &f.book, &err), -1);
    assert_non_null(strstr(err.text, "trust anchor"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_is_told_to_stop_leaves_questions_unanswered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_resolver_that_cannot_be_asked_is_said, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
