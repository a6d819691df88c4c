/* The configuration with memory running out: it is read whole, or there is a sentence about memory and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

#include "bridge/directory.h"
#include "oom.h"
#include "store/config.h"

static const char text[] =
    "state-dir = \"/tmp/x\"\nhost-name = gw.contoso.example\nlisten-sip-udp = {\"192.0.2.1\", \"[2001:db8::1]:5070\"}\n"
    "gateway { connection-limit = 1200\n hold-time = 15 }\n"
    "route a { next-hop = \"192.0.2.10:5080\" transport = tcp sources = {\"192.0.2.0/24\", \"2001:db8::5\"} }\n"
    "sip-domain \"xn--bcher-kva.example\" { route = a certificate = \"/c.pem\" key = \"/k.pem\" }\n"
    "partner fabrikam.example { additional-domains = {\"xn--bcher-kva.test\", \"more.example\"}\n"
    " type = federated tls = optional sasl = not-supported dialback = yes description = \"Fabrikam Ltd\" }\n"
    "partner wingtip.example { }\n";
static char path[] = "/tmp/stox-config-XXXXXX";

static int write_file(void **state)
{
    int fd = mkstemp(path);

    return fd >= 0 && write(fd, text, sizeof(text) - 1) == (ssize_t)sizeof(text) - 1 ? close(fd) : -1;
}

static int remove_file(void **state)
{
    return unlink(path);
}

static void reading(const void *arg)
{
    struct err err = { "" };
    struct config *c;

    OOM(c = config_read(path, NULL, &err));
    if (c) {
        assert_false(oom_failed());
        assert_int_equal(c->n_partners, 2);
        config_free(c);
        return;
    }
    assert_true(oom_failed());
    if (!strstr(err.text, "memory"))
        fail_msg("without memory it says: %s", err.text);
}

static void the_file_is_read_whole_or_not_at_all(void **state)
{
    oom_each("config_read", reading, NULL);
}

static void indexing(const void *arg)
{
    const struct config *c = arg;
    struct directory *d;

    OOM(d = directory_new(c));
    assert_int_equal(d == NULL, oom_failed());
    if (d)
        assert_non_null(directory_partner(d, SLICE("more.example")));
    directory_free(d);
}

static void the_directory_knows_all_or_is_not_there(void **state)
{
    struct err err = { "" };
    struct config *c = config_read(path, NULL, &err);

    assert_non_null(c);
    oom_each("directory_new", indexing, c);
    config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_is_read_whole_or_not_at_all),
        cmocka_unit_test(the_directory_knows_all_or_is_not_there),
    };

    return cmocka_run_group_tests(tests, write_file, remove_file);
}
