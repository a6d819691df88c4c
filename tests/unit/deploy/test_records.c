/* At stake: what administrators publish. A gateway's settings in, the lines of the zone file out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "deploy/records.h"
#include "make.h"
#include "test_certs.h"

#define ROUTE "route \"r\" { transport = udp\n next-hop = \"192.0.2.10:5060\" }\n"
#define LIST_MAX 4

struct machine {
    const char *host_name;
    const char *xmpp[LIST_MAX], *xmpps[LIST_MAX], *sip_tls[LIST_MAX]; /* as in the bootstrap file */
    const char *interfaces[LIST_MAX];
};

struct row {
    const char *what;
    struct machine site;
    const char *config;
    const char *ask[LIST_MAX]; /* domains; none: all */
    const char *records;       /* owner type data; one a line; an optional one begins with '?' */
    const char *notes;         /* checks of the notes, each with a space behind */
};

#define GW .host_name = "gw.contoso.example"
#define CONTOSO ROUTE "sip-domain \"contoso.example\" { route = \"r\" }\n"
#define TWO CONTOSO "sip-domain \"tailspin.example\" { route = \"r\" }\n"
#define PROXY(name, inner, more) "proxy \"" name "\" { address = \"" inner "\"\n" more "}\n"
#define A_GW "gw.contoso.example A 1.2.3.4\n"
#define XMPP_GW "_xmpp-server._tcp.contoso.example SRV 5 0 5269 gw.contoso.example.\n"
#define SIP_OF(domain, host)                                                                                           \
    "?_sipfederationtls._tcp." domain " SRV 5 0 5061 " host ".\n?_sips._tcp." domain " SRV 5 0 5061 " host ".\n"

static const struct row rows[] = {
    { "one listener", { GW, .xmpp = { "1.2.3.4:5269" } }, CONTOSO, { 0 }, XMPP_GW A_GW, "no-certificate " },
    { "the port is the listener's",
      { GW, .xmpp = { "1.2.3.4:5299" } },
      CONTOSO,
      { 0 },
      "_xmpp-server._tcp.contoso.example SRV 5 0 5299 gw.contoso.example.\n" A_GW,
      "no-certificate " },
    { "two ports are two records, one behind the other; an address is there once",
      { GW, .xmpp = { "1.2.3.4:5269", "1.2.3.4:5299", "127.0.0.1:5301" } },
      CONTOSO,
      { 0 },
      XMPP_GW "_xmpp-server._tcp.contoso.example SRV 10 0 5299 gw.contoso.example.\n" A_GW,
      "no-certificate " },
    { "direct TLS",
      { GW, .xmpp = { "1.2.3.4:5269" }, .xmpps = { "1.2.3.4:5270" } },
      CONTOSO,
      { 0 },
      XMPP_GW "_xmpps-server._tcp.contoso.example SRV 5 0 5270 gw.contoso.example.\n" A_GW,
      "no-certificate " },
    { "both families",
      { GW, .xmpp = { "1.2.3.4:5269", "[2a00:7::7]:5269" } },
      CONTOSO,
      { 0 },
      XMPP_GW A_GW "gw.contoso.example AAAA 2a00:7::7\n",
      "no-certificate " },
    { "a listener for all addresses: the public ones of this machine, of its family",
      { GW, .xmpp = { "0.0.0.0:5269" }, .interfaces = { "127.0.0.1", "10.1.1.1", "1.2.3.4", "2a00:7::7" } },
      CONTOSO,
      { 0 },
      XMPP_GW A_GW,
      "no-certificate " },
    { "a listener for all of both families",
      { GW, .xmpp = { "[::]:5269" }, .interfaces = { "fe80::1", "1.2.3.4", "2a00:7::7" } },
      CONTOSO,
      { 0 },
      XMPP_GW A_GW "gw.contoso.example AAAA 2a00:7::7\n",
      "no-certificate " },
    { "private addresses are better than none, and are spoken of",
      { GW, .xmpp = { "0.0.0.0:5269" }, .interfaces = { "127.0.0.1", "10.1.1.1" } },
      CONTOSO,
      { 0 },
      XMPP_GW "gw.contoso.example A 10.1.1.1\n",
      "no-certificate address-not-public " },
    { "unless partners are in that network",
      { GW, .xmpp = { "10.1.1.1:5269" } },
      CONTOSO "gateway { partner-networks = {\"10.0.0.0/8\"} }\n",
      { 0 },
      XMPP_GW "gw.contoso.example A 10.1.1.1\n",
      "no-certificate " },
    { "nothing that the world could reach",
      { GW, .xmpp = { "127.0.0.1:5269" } },
      CONTOSO,
      { 0 },
      "",
      "not-listening " },
    { "a gateway behind proxies: partners come to them",
      { GW },
      CONTOSO PROXY("a", "10.1.1.1", "outer-xmpp = {\"1.2.3.4:5269\"}\nouter-xmpps = {\"1.2.3.4\"}")
          PROXY("b", "10.1.1.2", "outer-xmpp = {\"1.2.3.5\"}"),
      { 0 },
      XMPP_GW "_xmpps-server._tcp.contoso.example SRV 5 0 5270 gw.contoso.example.\n" A_GW
              "gw.contoso.example A 1.2.3.5\n",
      "no-certificate " },
    { "one that is not enabled, and one that does not say where",
      { GW },
      CONTOSO PROXY("a", "10.1.1.1", "enabled = no\nouter-xmpp = {\"1.2.3.4:5269\"}") PROXY("b", "10.1.1.2", ""),
      { 0 },
      "",
      "not-listening " },
    { "one that listens itself has no proxies",
      { GW, .xmpp = { "1.2.3.4:5269" } },
      CONTOSO PROXY("a", "10.1.1.1", "outer-xmpp = {\"1.2.3.5:5299\"}"),
      { 0 },
      XMPP_GW A_GW,
      "no-certificate " },
    { "SIP in the same domain",
      { GW, .xmpp = { "1.2.3.4:5269" }, .sip_tls = { "1.2.3.4:5061" } },
      CONTOSO,
      { 0 },
      XMPP_GW SIP_OF("contoso.example", "gw.contoso.example") A_GW,
      "no-certificate " },
    { "SIP of another domain needs a name in it",
      { GW, .xmpp = { "1.2.3.4:5269" }, .sip_tls = { "1.2.3.4:5061" } },
      TWO,
      { "tailspin.example" },
      "_xmpp-server._tcp.tailspin.example SRV 5 0 5269 gw.contoso.example.\n" SIP_OF(
          "tailspin.example", "sip.tailspin.example") A_GW "sip.tailspin.example A 1.2.3.4\n",
      "no-certificate " },
    { "SIP on another address needs another name",
      { GW, .xmpp = { "1.2.3.4:5269" }, .sip_tls = { "1.2.3.5:5061" } },
      CONTOSO,
      { 0 },
      XMPP_GW SIP_OF("contoso.example", "sip.contoso.example") A_GW "sip.contoso.example A 1.2.3.5\n",
      "no-certificate " },
    { "the settings come first",
      { GW, .xmpp = { "10.1.1.1:5269" } },
      CONTOSO "gateway { public-name = \"IM.Contoso.Example\" public-addresses = {\"1.2.3.4\", \"2a00:7::7\"} }\n",
      { 0 },
      "_xmpp-server._tcp.contoso.example SRV 5 0 5269 im.contoso.example.\nim.contoso.example A 1.2.3.4\n"
      "im.contoso.example AAAA 2a00:7::7\n",
      "no-certificate " },
    { "no name: one below each domain",
      { .host_name = "1.2.3.4", .xmpp = { "1.2.3.4:5269" } },
      CONTOSO,
      { 0 },
      "_xmpp-server._tcp.contoso.example SRV 5 0 5269 xmpp.contoso.example.\nxmpp.contoso.example A 1.2.3.4\n",
      "no-certificate " },
    { "a name without a domain is none",
      { .host_name = "gw", .xmpp = { "1.2.3.4:5269" } },
      CONTOSO,
      { 0 },
      "_xmpp-server._tcp.contoso.example SRV 5 0 5269 xmpp.contoso.example.\nxmpp.contoso.example A 1.2.3.4\n",
      "no-certificate " },
    { "direct TLS alone",
      { GW, .xmpps = { "1.2.3.4:5270" } },
      CONTOSO,
      { 0 },
      "_xmpps-server._tcp.contoso.example SRV 5 0 5270 gw.contoso.example.\n" A_GW,
      "no-certificate " },
    { "authorities",
      { GW, .xmpp = { "1.2.3.4:5269" } },
      CONTOSO "gateway { certificate-authorities = {\"ca.example\", \"a\\\"b;x=y\"} }\n",
      { 0 },
      XMPP_GW "?contoso.example CAA 0 issue \"ca.example\"\n?contoso.example CAA 0 issue \"ab;x=y\"\n" A_GW,
      "no-certificate " },
    { "names of other scripts are in A-labels",
      { GW, .xmpp = { "1.2.3.4:5269" } },
      ROUTE "sip-domain \"b\u00fccher.example\" { route = \"r\" }\n",
      { 0 },
      "_xmpp-server._tcp.xn--bcher-kva.example SRV 5 0 5269 gw.contoso.example.\n" A_GW,
      "no-certificate " },
    { "asked for twice, and in capitals",
      { GW, .xmpp = { "1.2.3.4:5269" } },
      TWO,
      { "CONTOSO.example", "contoso.example" },
      XMPP_GW A_GW,
      "no-certificate " },
};

static struct setting_list addrs_of(const char *const *texts, struct addr out[LIST_MAX])
{
    struct setting_list list = { out, 0 };

    for (size_t i = 0; i < LIST_MAX && texts[i]; i++, list.n++)
        assert_true(addr_parse(slice_str(texts[i]), 0, &out[i]) || addr_parse_ip(slice_str(texts[i]), 0, &out[i]));
    return list;
}

static void put_record(void *arg, const struct plan_record *r)
{
    buf_printf(arg, "%s%s %s %s\n", r->optional ? "?" : "", r->owner, r->type, r->data);
}

static void put_notes(const struct plan *p, struct buf *out)
{
    list_each (l, &p->notes.list)
        buf_printf(out, "%s ", container_of(l, struct finding, link)->check);
}

static int make(struct plan *p, const struct row *row, struct config **config, struct addr addrs[4][LIST_MAX],
                struct boot *boot, struct err *err)
{
    struct plan_site site = { .boot = boot };
    struct slice names[LIST_MAX];
    size_t n = 0;

    *boot = (struct boot){ .host_name = slice_str(row->site.host_name),
                           .xmpp = addrs_of(row->site.xmpp, addrs[0]),
                           .xmpps = addrs_of(row->site.xmpps, addrs[1]),
                           .sip_tls = addrs_of(row->site.sip_tls, addrs[2]) };
    *config = make_config(row->config);
    site.config = *config;
    site.interfaces = addrs[3];
    site.n_interfaces = addrs_of(row->site.interfaces, addrs[3]).n;
    while (n < LIST_MAX && row->ask[n]) {
        names[n] = slice_str(row->ask[n]);
        n++;
    }
    return plan_make(p, &site, names, n, err);
}

static void the_records_follow_from_the_settings(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct addr addrs[4][LIST_MAX];
        struct config *config;
        struct boot boot;
        struct plan p;
        struct buf out;
        struct err err = { "" };

        print_message("%s\n", rows[i].what);
        assert_int_equal(make(&p, &rows[i], &config, addrs, &boot, &err), 0);
        buf_init(&out, 1u << 20);
        plan_each(&p, put_record, &out);
        buf_char(&out, '\0');
        assert_string_equal(out.p, rows[i].records);
        buf_clear(&out);
        put_notes(&p, &out);
        buf_char(&out, '\0');
        assert_string_equal(out.p, rows[i].notes);
        buf_free(&out);
        plan_fini(&p);
        config_drop(config);
    }
}

static void a_domain_of_others_is_refused(void **state)
{
    const struct row row = { "", { GW, .xmpp = { "1.2.3.4:5269" } }, CONTOSO, { "fabrikam.example" }, "", "" };
    struct addr addrs[4][LIST_MAX];
    struct config *config;
    struct boot boot;
    struct plan p;
    struct err err = { "" };

    assert_int_equal(make(&p, &row, &config, addrs, &boot, &err), -1);
    assert_non_null(strstr(err.text, "fabrikam.example is none of the SIP domains"));
    plan_fini(&p);
    config_drop(config);
}

static char *text_of_two(const struct cert *a, const struct cert *b)
{
    char *text;

    assert_true(asprintf(&text,
                         ROUTE "sip-domain \"contoso.example\" { route = \"r\" certificate = \"%s\" key = \"%s\" }\n"
                               "sip-domain \"tailspin.example\" { route = \"r\" certificate = \"%s\" key = \"%s\" }\n",
                         certs_write_chain("a.pem", a, NULL), certs_write_key("a.key", a, NULL),
                         certs_write_chain("b.pem", b, NULL), certs_write_key("b.key", b, NULL)) > 0);
    return text;
}

static void count_tlsa(void *arg, const struct plan_record *r)
{
    if (strcmp(r->type, "TLSA") == 0 && strcmp(r->owner, "_5269._tcp.gw.contoso.example") == 0 &&
        strncmp(r->data, "3 1 1 ", 6) == 0 && strlen(r->data) == 6 + 64 && r->optional)
        ++*(size_t *)arg;
}

/* Whoever connects is shown one of them, by the name that he asks for. */
static void the_keys_of_all_domains_at_a_name_are_published_also_when_one_is_asked_for(void **state)
{
    const struct cert_spec spec = { .cn = "x", .sans = "DNS:contoso.example" };
    struct cert a = cert_make(&spec, NULL), b = cert_make(&spec, NULL);
    struct row row = { "", { GW, .xmpp = { "1.2.3.4:5269" } }, "", { "contoso.example" }, "", "" };
    struct addr addrs[4][LIST_MAX];
    struct config *config;
    struct boot boot;
    struct plan p;
    size_t n = 0;
    char *text = text_of_two(&a, &b);

    row.config = text;
    assert_int_equal(make(&p, &row, &config, addrs, &boot, NULL), 0);
    plan_each(&p, count_tlsa, &n);
    assert_int_equal(n, 2);
    plan_fini(&p);
    config_drop(config);
    free(text);
    cert_free(&a);
    cert_free(&b);
}

static void what_is_within_a_domain(void **state)
{
    assert_true(plan_is_within("contoso.example", "contoso.example"));
    assert_true(plan_is_within("sip.contoso.example", "contoso.example"));
    assert_false(plan_is_within("notcontoso.example", "contoso.example"));
    assert_false(plan_is_within("example", "contoso.example"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_records_follow_from_the_settings),
        cmocka_unit_test(a_domain_of_others_is_refused),
        cmocka_unit_test(the_keys_of_all_domains_at_a_name_are_published_also_when_one_is_asked_for),
        cmocka_unit_test(what_is_within_a_domain),
    };
    int failed;

    certs_begin();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    certs_end();
    return failed;
}
