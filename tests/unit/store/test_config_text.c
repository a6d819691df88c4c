/* The bootstrap file, and the configuration as text: what is written is read back as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "make.h"
#include "store/config_text.h"

#define HEAD "state-dir = \"/tmp/x\"\nhost-name = gw.contoso.example\n"

/* ---- the bootstrap file ---- */

static int read_boot(const char *text, struct boot *out, struct arena *arena, struct err *err)
{
    char path[] = "/tmp/stox-boot-XXXXXX";
    int fd = mkstemp(path), rc;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    rc = boot_read(path, out, arena, err);
    unlink(path);
    return rc;
}

static void a_small_bootstrap_file_has_all_defaults(void **state)
{
    struct arena arena;
    struct boot boot;
    struct err err;

    arena_init(&arena, 1 << 20);
    if (read_boot(HEAD, &boot, &arena, &err))
        fail_msg("%s", err.text);
    assert_string_equal(boot.state_dir, "/tmp/x");
    assert_true(slice_is(boot.host_name, "gw.contoso.example"));
    assert_null(boot.store);
    assert_null(boot.admin_socket);
    assert_null(boot.admin_certificate);
    assert_int_equal(boot.log_level, LOG_LEVEL_INFO);
    assert_int_equal(boot.role, STOXD_ALL);
    assert_int_equal(boot.admin.n + boot.sip_udp.n + boot.sip_tcp.n + boot.xmpp.n + boot.dns_servers.n, 0);
    arena_reset(&arena);
}

static void every_setting_of_the_bootstrap_file_can_be_written(void **state)
{
    struct arena arena;
    struct boot boot;
    struct err err;

    arena_init(&arena, 1 << 20);
    if (read_boot(HEAD
                  "store = \"postgresql://stox@db.example/stox\"\nadmin-socket = \"/run/stox/admin.sock\"\n"
                  "listen-admin = {\"127.0.0.1\", \"[2001:db8::1]:9443\"}\nadmin-certificate = \"/c.pem\"\n"
                  "admin-key = '/k.pem'\nlog-level = debug\nrole = \"gateway\"\nlisten-sip-udp = {\"192.0.2.1\", "
                  "\"[2001:db8::1]:5070\"}\n"
                  "listen-sip-tcp = {\"192.0.2.1\"}\nlisten-xmpp = {\"0.0.0.0\"}\nlisten-xmpps = {\"::\"}\ndns-servers "
                  "= {\"127.0.0.1@53\"}\n"
                  "dns-trust-anchor = /root.key # as unbound has it\ntrust-file = \"/ca.pem\"\n",
                  &boot, &arena, &err))
        fail_msg("%s", err.text);
    assert_string_equal(boot.store, "postgresql://stox@db.example/stox");
    assert_int_equal(boot.role, STOXD_GATEWAY);
    assert_string_equal(boot.admin_socket, "/run/stox/admin.sock");
    assert_int_equal(addr_port(&((struct addr *)boot.admin.v)[0]), 8443);
    assert_int_equal(addr_port(&((struct addr *)boot.admin.v)[1]), 9443);
    assert_string_equal(boot.admin_key, "/k.pem");
    assert_int_equal(boot.log_level, LOG_LEVEL_DEBUG);
    assert_int_equal(boot.sip_udp.n, 2);
    assert_int_equal(addr_port(&((struct addr *)boot.sip_udp.v)[1]), 5070);
    assert_int_equal(addr_port(&((struct addr *)boot.xmpp.v)[0]), 5269);
    assert_int_equal(addr_port(&((struct addr *)boot.xmpps.v)[0]), 5270);
    assert_string_equal(boot.dns_trust_anchor, "/root.key");
    assert_string_equal(boot.trust_file, "/ca.pem");
    arena_reset(&arena);
}

static void faults_of_the_bootstrap_file_are_named(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        { "", "state-dir is missing (Directory" },
        { "state-dir = \"/tmp/x\"\n", "host-name is missing" },
        { HEAD "role = edge\n", "role: \"edge\" is not one of all, gateway, proxy" },
        { HEAD "log-level = loud\n", "log-level: \"loud\" is not one of error, warning, info, debug" },
        { HEAD "listen-xmpp = {\"xmpp.example\"}\n", "listen-xmpp: \"xmpp.example\" is not an address" },
        { HEAD "listen-xmp = {\"0.0.0.0\"}\n",
          "line 3: there is no setting \"listen-xmp\"; did you mean \"listen-xmpp\"?" },
        { HEAD "zzzzzzzzzzzzz = 9\n", "line 3: there is no setting \"zzzzzzzzzzzzz\" here" },
        { HEAD "partner \"fabrikam.example\" { }\n", "line 3: partner is no part of this file: stoxctl sets it" },
        { HEAD "sip-domain contoso.example { route = office }\n", "line 3: sip-domain is no part of this file" },
        { HEAD "gateway { hold-time = 9 }\n", "line 3: gateway is no part of this file" },
        { HEAD "host-name\n", "line 4" },
        { HEAD "host-name = \"\x1b[31m\"\n", "host-name: control characters are not allowed" },
        { HEAD "\x1b[31m\xff = 9\n", "\"\\x1b[31m\\xff\"" },
        { HEAD "log-level = {info}\n", "line 3" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena arena;
        struct boot boot;
        struct err err = { "" };
        int rc;

        arena_init(&arena, 1 << 20);
        rc = read_boot(cases[i].text, &boot, &arena, &err);
        if (!rc || !strstr(err.text, cases[i].says) || !slice_starts(slice_str(err.text), SLICE("/tmp/stox-boot-")))
            fail_msg("case %zu: expected \"%s\", got \"%s\"", i, cases[i].says, rc ? err.text : "accepted");
        assert_null(strchr(err.text, '\x1b'));
        arena_reset(&arena);
    }
}

static void a_file_that_is_not_there_is_named(void **state)
{
    struct arena arena;
    struct boot boot;
    struct err err = { "" };

    arena_init(&arena, 1 << 20);
    assert_int_equal(boot_read("/nonexistent/stox.conf", &boot, &arena, &err), -1);
    assert_non_null(strstr(err.text, "/nonexistent/stox.conf: cannot be read: No such file"));
    assert_int_equal(boot_read("/tmp", &boot, &arena, &err), -1);
    assert_string_equal(err.text, "/tmp: cannot be read: Is a directory");
    assert_int_equal(boot_read("/dev/zero", &boot, &arena, &err), -1);
    assert_non_null(strstr(err.text, "/dev/zero: more than 128 MiB"));
    assert_int_equal(boot_read("/proc/self/cmdline", &boot, &arena, &err), -1);
    assert_non_null(strstr(err.text, "a byte of 0 is in it"));
    assert_null(config_text_read("/nonexistent/export.conf", NULL, &err));
    assert_non_null(strstr(err.text, "/nonexistent/export.conf: cannot be read: No such file"));
    arena_reset(&arena);
}

/* ---- blocks ---- */

static void blocks_come_in_the_order_of_the_kinds(void **state)
{
    struct err err;
    struct config_text *t =
        config_text_read(NULL,
                         "partner b.example { tls = optional }\npartner a.example { }\n"
                         "route office { next-hop = \"192.0.2.1\" sources = {\"192.0.2.0/24\", x} }\n"
                         "org { federation = on }\n# nothing\n",
                         &err);

    if (!t)
        fail_msg("%s", err.text);
    assert_int_equal(t->n, 4);
    assert_ptr_equal(t->blocks[0].kind, &org_kind);
    assert_int_equal(t->blocks[0].name.n, 0);
    assert_ptr_equal(t->blocks[1].kind, &route_kind);
    assert_int_equal(t->blocks[1].n, 2);
    assert_int_equal(t->blocks[1].edits[1].n, 2);
    assert_true(slice_is(t->blocks[1].edits[1].texts[1], "x")); /* values are judged later */
    assert_true(slice_is(t->blocks[2].name, "b.example"));
    assert_true(slice_is(t->blocks[3].name, "a.example"));
    assert_int_equal(t->blocks[3].n, 0);
    config_text_free(t);
    config_text_free(NULL);
    t = config_text_read(NULL, "", &err);
    assert_non_null(t);
    assert_int_equal(t->n, 0);
    config_text_free(t);
}

static void faults_of_blocks_are_named(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        { "partner a.example = 5\n", "line 1" },
        { "partner { }\n", "line 1" },
        { "partner a.example {\n", "the text ends within a block: a } is missing" },
        { "partner a.example { tls = ", "line" },
        { "partner a.example { additional-domains = {a.example, ", "line" },
        { "partner a.example { }\n/* } ", "the text ends within a comment" },
        { "partner a.example { }\npartner \"b.example", "line" },
        { "partner a.example {\n tsl = optional }\n", "line 2: there is no setting \"tsl\"; did you mean \"tls\"?" },
        { "partner a.example { }\n\npartner a.example { }\n", "line 3: partner \"a.example\" is declared twice" },
        { "partner a.example { }\npartner b.example { }\npartner 'a.example' {\n}\n",
          "line 4: partner \"a.example\" is" },
        { "policy a.example { }\npolicy \"\x1b[1m\" { }\npolicy \"\x1b[1m\" { }\n", "policy \"\\x1b[1m\" is declared" },
        { "state-dir = \"/x\"\n", "line 1: there is no setting \"state-dir\" here" },
        { "account anna { }\n", "there is no setting \"account\" here" },
        { "token t { }\n", "there is no setting \"token\" here" },
        { "partner \"a.example { }\n", "line" },
        { "org { }\norg { }\n", "line 2: org is declared twice" },
        { "include(\"/etc/passwd\")\n", "there is no setting \"include\" here" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = { "" };
        struct config_text *t = config_text_read(NULL, cases[i].text, &err);

        if (t || !strstr(err.text, cases[i].says))
            fail_msg("case %zu: expected \"%s\", got \"%s\"", i, cases[i].says, t ? "accepted" : err.text);
    }
}

/* ---- there and back ---- */

static struct record *back(const char *text)
{
    struct err err = { "" };
    struct config_text *t = config_text_read(NULL, text, &err);
    struct record *r;

    if (!t)
        fail_msg("%s\n%s", err.text, text);
    assert_int_equal(t->n, 1);
    r = record_make(t->blocks[0].kind, t->blocks[0].name, NULL, t->blocks[0].edits, t->blocks[0].n, NULL, &err);
    if (!r)
        fail_msg("%s\n%s", err.text, text);
    config_text_free(t);
    return r;
}

static void there_and_back(struct record *r)
{
    struct record *again;
    struct buf b;

    buf_init(&b, 1 << 20);
    config_text_put(&b, r);
    buf_char(&b, '\0');
    assert_true(buf_ok(&b));
    again = back(b.p);
    assert_true(slice_eq(r->name, again->name));
    if (!record_same(r, again))
        fail_msg("%s", b.p);
    record_drop(again);
    record_drop(r);
    buf_free(&b);
}

static void hostile_texts_are_read_as_they_were(void **state)
{
    static const char *const hostile[] = { "\"",
                                           "\\",
                                           "\\\"",
                                           "${HOME}",
                                           "$HOME",
                                           "$",
                                           "$$",
                                           "\\${HOME}",
                                           "${",
                                           "'",
                                           "#",
                                           "//",
                                           "/* */",
                                           "}",
                                           "{",
                                           "\\n",
                                           "\\x41",
                                           "a = b",
                                           ",",
                                           "~root",
                                           "%s",
                                           "%n",
                                           "=1+1",
                                           " a ",
                                           "\\\\",
                                           "",
                                           "\xc3\xbc",
                                           "`id`",
                                           "'; DROP TABLE objects; --",
                                           "${HOME",
                                           "$\\{HOME}",
                                           "\\",
                                           "\"\"",
                                           "+=",
                                           "(",
                                           "a\\" };

    for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
        struct slice text = slice_str(hostile[i]);
        struct edit e = { setting_find(&partner_kind, SLICE("description")), EDIT_SET, &text, 1 };
        struct record *r = record_make(&partner_kind, SLICE("f.example"), NULL, &e, 1, NULL, NULL);

        assert_non_null(r);
        there_and_back(r);
    }
}

static void random_texts_are_read_as_they_were(void **state)
{
    static const char *const parts[] = { "\"", "\\", "$", "{", "}", "'", "#",        "/",
                                         "*",  "n",  "x", "0", " ", "~", "\xc3\xbc", "=" };
    uint64_t seed = 7;

    for (unsigned round = 0; round < 5000; round++) {
        char text[100] = "";
        struct slice slice;
        struct edit e = { setting_find(&partner_kind, SLICE("description")), EDIT_SET, &slice, 1 };
        struct record *r;
        size_t n = 0;

        for (size_t k = make_random(&seed) % 20; k > 0; k--)
            n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", parts[make_random(&seed) % 16]);
        slice = slice_of(text, n);
        r = record_make(&partner_kind, SLICE("f.example"), NULL, &e, 1, NULL, NULL);
        assert_non_null(r);
        there_and_back(r);
    }
}

static void every_kind_goes_there_and_back(void **state)
{
    there_and_back(make_record(&org_kind, "", "federation=on;description=Contoso \"AG\""));
    there_and_back(make_record(&gateway_kind, "", "hold-time=9;pager-type=chat;log-message-bodies=yes"));
    there_and_back(make_record(&route_kind, "two", "next-hop=192.0.2.1,sip.contoso.example:5070,[2001:db8::1]:5061"));
    there_and_back(make_record(&route_kind, "a.b:c_-", "next-hop=[2001:db8::1]:5061;sources=192.0.2.0/24,2001:db8::5"));
    there_and_back(
        make_record(&sip_domain_kind, "xn--bcher-kva.example", "route=a;certificate=/a b/c.pem;key=/$k.pem"));
    there_and_back(make_record(&partner_kind, "f.example",
                               "additional-domains=a.example,b.example;proxy=[2001:db8::1]:5270;tls=not-supported"));
    there_and_back(make_record(&partner_kind, "f.example", "component=[2001:db8::1]:5275"));
    there_and_back(make_record(&policy_kind, "site:berlin", "federation=yes;xmpp=yes"));
    there_and_back(make_record(&site_kind, "berlin", "users=*@c.example,ann*@c.example;served=no"));
    there_and_back(make_record(&sip_user_kind, "al$\\ice@c.example", "policy=p;served=no"));
}

static void secrets_are_left_out_with_a_remark(void **state)
{
    struct record *r = make_record(&gateway_kind, "", "dialback-passphrase=sesame;hold-time=9");
    struct buf b;

    buf_init(&b, 10000);
    config_text_put(&b, r);
    assert_true(
        slice_is(buf_slice(&b), "gateway {\n    hold-time = 9\n    # dialback-passphrase is set, and not shown\n}\n"));
    buf_free(&b);
    record_drop(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_bootstrap_file_has_all_defaults),
        cmocka_unit_test(every_setting_of_the_bootstrap_file_can_be_written),
        cmocka_unit_test(faults_of_the_bootstrap_file_are_named),
        cmocka_unit_test(a_file_that_is_not_there_is_named),
        cmocka_unit_test(blocks_come_in_the_order_of_the_kinds),
        cmocka_unit_test(faults_of_blocks_are_named),
        cmocka_unit_test(hostile_texts_are_read_as_they_were),
        cmocka_unit_test(random_texts_are_read_as_they_were),
        cmocka_unit_test(every_kind_goes_there_and_back),
        cmocka_unit_test(secrets_are_left_out_with_a_remark),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
