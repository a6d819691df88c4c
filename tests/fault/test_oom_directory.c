/* Settings with memory running out: they are read whole and known whole, or there is a sentence about memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

#include "../unit/net/test_certs.h"
#include "../unit/store/make.h"
#include "bridge/directory.h"
#include "oom.h"
#include "store/config_text.h"

static const char boot_text[] = "state-dir = \"/tmp/x\"\nhost-name = gw.contoso.example\nlisten-sip-udp = "
                                "{\"192.0.2.1\", \"[2001:db8::1]:5070\"}\n";
static const char text[] =
    "gateway { connection-limit = 1200\n hold-time = 15 }\n"
    "route a { next-hop = \"192.0.2.10:5080\" transport = tcp sources = {\"192.0.2.0/24\", \"2001:db8::5\"} }\n"
    "partner fabrikam.example { additional-domains = {\"xn--bcher-kva.test\", \"more.example\"}\n"
    " type = federated tls = optional sasl = not-supported dialback = yes description = \"Fabrikam Ltd\" }\n"
    "partner wingtip.example { }\nsite berlin { users = {\"a*@contoso.example\"} }\n"
    "sip-user \"alice@contoso.example\" { site = berlin }\n";

static struct tls *tls;
static struct directory *before; /* has the certificate of a.example already */

/* With two domains, whose certificates are in these files. */
static struct config *settings(void)
{
    struct config *c;
    struct buf all;

    buf_init(&all, 65536);
    buf_str(&all, text);
    buf_printf(&all,
               "sip-domain a.example { route = a certificate = \"%s\" key = \"%s\" }\n"
               "sip-domain \"xn--bcher-kva.example\" { route = a certificate = \"%s\" key = \"%s\" }\n",
               certs_path("c.pem"), certs_path("k.pem"), certs_path("c.pem"), certs_path("k.pem"));
    buf_char(&all, '\0');
    c = make_config(all.p);
    buf_free(&all);
    return c;
}

static int begin(void **state)
{
    struct err err = { "" };
    struct cert c;
    struct directory_conf conf;

    certs_begin();
    c = cert_make(&(struct cert_spec){ .cn = "a.example" }, NULL);
    certs_write_chain("c.pem", &c, NULL);
    certs_write_key("k.pem", &c, NULL);
    certs_write("boot", boot_text);
    cert_free(&c);
    tls = tls_new(&err);
    conf = (struct directory_conf){ .config = settings(), .tls = tls };
    before = directory_new(&conf, &err);
    config_drop(conf.config);
    return before ? 0 : -1;
}

static int end(void **state)
{
    directory_drop(before);
    tls_free(tls);
    certs_end();
    return 0;
}

static void says_memory(const struct err *err)
{
    assert_true(oom_failed());
    if (!err->memory || !strstr(err->text, "memory"))
        fail_msg("without memory it says: %s", err->text);
}

static void reading_boot(const void *arg)
{
    struct err err = { "" };
    struct arena arena;
    struct boot boot;
    int rc;

    arena_init(&arena, 1u << 20);
    OOM(rc = boot_read(certs_path("boot"), &boot, &arena, &err));
    if (rc == 0)
        assert_int_equal(boot.sip_udp.n, 2);
    else
        says_memory(&err);
    arena_reset(&arena);
}

static void the_bootstrap_file(void **state)
{
    oom_each("boot_read", reading_boot, NULL);
}

static void reading_text(const void *arg)
{
    struct err err = { "" };
    struct config_text *t;

    OOM(t = config_text_read(NULL, text, &err));
    if (t)
        assert_int_equal(t->n, 6);
    else
        says_memory(&err);
    config_text_free(t);
}

static void the_configuration_as_text(void **state)
{
    oom_each("config_text_read", reading_text, NULL);
}

static void indexing(const void *arg)
{
    struct directory_conf conf = *(const struct directory_conf *)arg;
    struct err err = { "" };
    struct directory *d;

    OOM(d = directory_new(&conf, &err));
    if (!d) {
        says_memory(&err);
        return;
    }
    assert_non_null(directory_partner(d, SLICE("more.example")));
    assert_non_null(directory_route_to(d, SLICE("bücher.example")));
    assert_int_equal(directory_faults(d).n, 0);
    directory_drop(d);
}

static void the_directory_knows_all_or_is_not_there(void **state)
{
    struct config *c = settings();
    const struct directory_conf confs[] = { { .config = c },
                                            { .config = c, .tls = tls },
                                            { .config = c, .tls = tls, .strict = true },
                                            { .config = c, .tls = tls, .before = before } };

    for (size_t i = 0; i < sizeof(confs) / sizeof(confs[0]); i++)
        oom_each("directory_new", indexing, &confs[i]);
    assert_int_equal(atomic_load(&c->refs), 1);
    config_drop(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bootstrap_file),
        cmocka_unit_test(the_configuration_as_text),
        cmocka_unit_test(the_directory_knows_all_or_is_not_there),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
