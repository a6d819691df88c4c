/*
 * At stake: what an administrator is told about DNS. A gateway that is as it should be, the answers that DNS would have to give, and in
 * each row one thing that is not so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "deploy/dns_check.h"
#include "deploy/dns_look.h"
#include "make.h"
#include "test_certs.h"

#define D "contoso.example"
#define GW "gw." D
#define SRV_X "_xmpp-server._tcp." D
#define SRV_S "_sipfederationtls._tcp." D
#define NONCE "nobody-has-this"
#define SAID_MAX 6

/* One answer. The records of SRV are "priority weight port target" with commas between them, those of CAA "tag value". */
struct said {
    enum heard_type type;
    const char *name;
    enum dns_status status;
    const char *records;
    uint16_t port;
    enum dns_fault fault;
    uint32_t ttl_s; /* 0: 3600 */
    bool insecure;
    const char *alias_of;
};

/* What is right. */
static const struct said right[] = {
    { HEARD_SRV, SRV_X, DNS_OK, "5 0 5269 " GW },
    { HEARD_SRV, "_xmpps-server._tcp." D, DNS_NO_DATA },
    { HEARD_SRV, SRV_S, DNS_OK, "5 0 5061 " GW },
    { HEARD_SRV, "_sips._tcp." D, DNS_OK, "5 0 5061 " GW },
    { HEARD_ADDRS, D, DNS_NO_DATA },
    { HEARD_ADDRS, NONCE "." D, DNS_NO_NAME },
    { HEARD_SRV, "_xmpp-server._tcp." NONCE "." D, DNS_NO_NAME },
    { HEARD_ADDRS, GW, DNS_OK, "1.2.3.4" },
    { HEARD_TLSA, GW, DNS_NO_DATA, .port = 5269 },
    { HEARD_TLSA, GW, DNS_NO_DATA, .port = 5061 },
    { HEARD_CAA, D, DNS_NO_DATA },
    { HEARD_CAA, "example", DNS_NO_DATA },
};

#define ADDRS(name, text)                                                                                              \
    {                                                                                                                  \
        HEARD_ADDRS, name, DNS_OK, text                                                                                \
    }

struct row {
    const char *what;
    struct said instead[SAID_MAX];
    const char *checks; /* of all findings but the good ones, each with its mark before it */
    const char *says;   /* in the text, remedy or line of one; NULL: not looked at */
    const char *closed, *authority;
    bool no_anchor, refused;
    bool outer; /* partners come to a proxy at 1.2.3.4 */
};

static const struct row rows[] = {
    { "all is well", { { 0 } }, "" },
    { "no SRV record",
      { { HEARD_SRV, SRV_X, DNS_NO_DATA } },
      "failed:srv-missing ",
      SRV_X ". 3600 IN SRV 5 0 5269 " GW "." },
    { "no such domain",
      { { HEARD_SRV, SRV_X, DNS_NO_NAME }, { HEARD_ADDRS, D, DNS_NO_NAME } },
      "failed:domain-unknown ",
      "NXDOMAIN" },
    { "no such name, but the domain is there", { { HEARD_SRV, SRV_X, DNS_NO_NAME } }, "failed:srv-missing " },
    { "another server",
      { { HEARD_SRV, SRV_X, DNS_OK, "5 0 5269 old." D }, ADDRS("old." D, "1.2.3.9") },
      "failed:srv-wrong-target ",
      "old." D " port 5269, which is not this gateway" },
    { "another port",
      { { HEARD_SRV, SRV_X, DNS_OK, "5 0 5222 " GW } },
      "failed:srv-wrong-port ",
      "port 5222 of " GW ", but this gateway listens on port 5269" },
    { "another server first",
      { { HEARD_SRV, SRV_X, DNS_OK, "1 0 5269 old." D ",5 0 5269 " GW }, ADDRS("old." D, "1.2.3.9") },
      "warning:srv-priority ",
      "priority 1, ours 5" },
    { "another server beside",
      { { HEARD_SRV, SRV_X, DNS_OK, "5 0 5269 old." D ",5 0 5269 " GW }, ADDRS("old." D, "1.2.3.9") },
      "warning:srv-shared ",
      SRV_X ". IN SRV 5 0 5269 old." D "." },
    { "another server behind",
      { { HEARD_SRV, SRV_X, DNS_OK, "9 0 5269 old." D ",5 0 5269 " GW }, ADDRS("old." D, "1.2.3.9") },
      "note:srv-backup " },
    { "a record that is left over",
      { { HEARD_SRV, SRV_X, DNS_OK, "5 0 5269 old." D ",5 0 5269 " GW }, { HEARD_ADDRS, "old." D, DNS_NO_NAME } },
      "warning:srv-stale " },
    { "another name of ours",
      { { HEARD_SRV, SRV_X, DNS_OK, "5 0 5269 im." D },
        ADDRS("im." D, "1.2.3.4"),
        { HEARD_TLSA, "im." D, DNS_NO_DATA, .port = 5269 } },
      "note:srv-other-name " },
    { "another name of ours, with TLSA",
      { { HEARD_SRV, SRV_X, DNS_OK, "5 0 5269 im." D },
        ADDRS("im." D, "1.2.3.4"),
        { HEARD_TLSA, "im." D, DNS_OK, "ours", .port = 5269 } },
      "note:srv-other-name " },
    { "the service is declared not to be offered", { { HEARD_SRV, SRV_X, DNS_OK, "0 0 0 ." } }, "failed:srv-dot " },
    { "a service that does not listen",
      { { HEARD_SRV, "_xmpps-server._tcp." D, DNS_OK, "5 0 5270 " GW } },
      "failed:srv-not-served ",
      "listen-xmpps" },
    { "a service that does not listen, elsewhere",
      { { HEARD_SRV, "_xmpps-server._tcp." D, DNS_OK, "5 0 5270 old." D }, ADDRS("old." D, "1.2.3.9") },
      "" },
    { "SIP is another server's",
      { { HEARD_SRV, SRV_S, DNS_OK, "5 0 5061 edge." D }, ADDRS("edge." D, "1.2.3.9") },
      "note:srv-elsewhere " },
    { "SIP is nowhere", { { HEARD_SRV, SRV_S, DNS_NO_NAME } }, "note:srv-missing " },
    { "SIP by a name of another domain",
      { { HEARD_SRV, SRV_S, DNS_OK, "5 0 5061 gw.tailspin.example" },
        ADDRS("gw.tailspin.example", "1.2.3.4"),
        { HEARD_TLSA, "gw.tailspin.example", DNS_NO_DATA, .port = 5061 } },
      "note:srv-other-name failed:srv-domain-conflict ",
      "1009" },
    { "the target is an alias",
      { { HEARD_ADDRS, GW, DNS_OK, "1.2.3.4", .alias_of = "host.hoster.example" } },
      "failed:target-alias ",
      GW ". 3600 IN A 1.2.3.4" },
    { "the target has no address", { { HEARD_ADDRS, GW, DNS_NO_DATA } }, "failed:target-no-address " },
    { "there is no target", { { HEARD_ADDRS, GW, DNS_NO_NAME } }, "failed:target-unknown " },
    { "an address of others beside ours",
      { ADDRS(GW, "1.2.3.4,1.2.3.9") },
      "failed:address-foreign ",
      "--add-public-address 1.2.3.9" },
    { "an address of others alone", { ADDRS(GW, "1.2.3.9") }, "failed:address-foreign note:address-missing " },
    { "nobody listens there",
      { { 0 } },
      "failed:port-closed ",
      "from here",
      .closed = "1.2.3.4:5269",
      .refused = true },
    { "nothing comes back", { { 0 } }, "failed:port-closed ", NULL, .closed = "1.2.3.4:5269" },
    { "the proxy's address", { { 0 } }, "", "port 5269, which answers from the proxy", .outer = true },
    { "nobody listens at the proxy's address",
      { { 0 } },
      "failed:port-closed ",
      "1.2.3.4:5269 cannot be connected to from the proxy",
      .closed = "1.2.3.4:5269",
      .refused = true,
      .outer = true },
    { "SERVFAIL",
      { { HEARD_SRV, SRV_X, DNS_FAILED, .fault = DNS_FAULT_SERVER } },
      "failed:dns-servfail ",
      "delegated" },
    { "a name server that is silent",
      { { HEARD_SRV, SRV_X, DNS_FAILED, .fault = DNS_FAULT_SILENCE } },
      "failed:dns-silent " },
    { "a signature that is wrong",
      { { HEARD_SRV, SRV_X, DNS_FAILED, .fault = DNS_FAULT_BOGUS } },
      "failed:dnssec-bogus ",
      "DS record" },
    { "the target's signature is wrong",
      { { HEARD_ADDRS, GW, DNS_FAILED, .fault = DNS_FAULT_BOGUS } },
      "failed:dnssec-bogus " },
    { "not signed", { { HEARD_SRV, SRV_X, DNS_OK, "5 0 5269 " GW, .insecure = true } }, "note:dnssec-unsigned " },
    { "signatures are not looked at",
      { { HEARD_SRV, SRV_X, DNS_OK, "5 0 5269 " GW, .insecure = true } },
      "note:dnssec-not-checked ",
      .no_anchor = true },
    { "TLSA that fits", { { HEARD_TLSA, GW, DNS_OK, "ours", .port = 5269 } }, "" },
    { "TLSA that does not fit",
      { { HEARD_TLSA, GW, DNS_OK, "another", .port = 5269 } },
      "warning:tlsa-stale failed:tlsa-mismatch ",
      "_5269._tcp." GW ". 3600 IN TLSA 3 1 1 " },
    { "TLSA that is left over beside one that fits",
      { { HEARD_TLSA, GW, DNS_OK, "ours,another", .port = 5269 } },
      "warning:tlsa-stale " },
    { "TLSA of an authority, which cannot be judged here",
      { { HEARD_TLSA, GW, DNS_OK, "authority", .port = 5269 } },
      "" },
    { "TLSA without DNSSEC",
      { { HEARD_TLSA, GW, DNS_OK, "ours", .port = 5269, .insecure = true } },
      "warning:tlsa-insecure " },
    { "TLSA where only the way there is not signed",
      { { HEARD_TLSA, GW, DNS_OK, "ours", .port = 5269 }, { HEARD_ADDRS, GW, DNS_OK, "1.2.3.4", .insecure = true } },
      "warning:tlsa-insecure " },
    { "TLSA, and nothing to show",
      { { HEARD_TLSA, GW, DNS_OK, "ours", .port = 5061 } },
      "warning:tlsa-stale failed:tlsa-without-certificate " },
    { "a time to live of a day",
      { { HEARD_SRV, SRV_X, DNS_OK, "5 0 5269 " GW, .ttl_s = 86400 } },
      "warning:ttl-long ",
      "86400 s" },
    { "a time to live of seconds",
      { { HEARD_ADDRS, GW, DNS_OK, "1.2.3.4", .ttl_s = 10 } },
      "warning:ttl-short ",
      "10 s" },
    { "CAA lets ours issue",
      { { HEARD_CAA, D, DNS_OK, "issue CA.example; x=y" } },
      "",
      NULL,
      .authority = "ca.example" },
    { "CAA does not",
      { { HEARD_CAA, D, DNS_OK, "issue other.example,issue third.example" } },
      "failed:caa-forbids ",
      "other.example, third.example",
      .authority = "ca.example" },
    { "CAA of the domain above",
      { { HEARD_CAA, "example", DNS_OK, "issue ;" } },
      "failed:caa-forbids ",
      "let nobody issue",
      .authority = "ca.example" },
    { "CAA without issue says nothing",
      { { HEARD_CAA, D, DNS_OK, "iodef mailto:a@b.example" } },
      "",
      NULL,
      .authority = "ca.example" },
    { "CAA, and nobody has said who issues",
      { { HEARD_CAA, D, DNS_OK, "issue other.example" } },
      "note:caa-unjudged " },
    { "CAA that cannot be had",
      { { HEARD_CAA, D, DNS_FAILED, .fault = DNS_FAULT_SERVER } },
      "warning:dns-servfail ",
      NULL,
      .authority = "ca.example" },
    { "a wildcard SRV",
      { { HEARD_SRV, "_xmpp-server._tcp." NONCE "." D, DNS_OK, "5 0 5269 " GW } },
      "warning:wildcard-srv " },
    { "a wildcard address", { ADDRS(NONCE "." D, "1.2.3.4") }, "warning:wildcard-address " },
    { "a wildcard that leads to others", { ADDRS(NONCE "." D, "1.2.3.9") }, "" },
};

static struct fixture {
    struct arena arena;
    struct cert cert, other;
    unsigned char ours[TLS_KEY_HASH], another[TLS_KEY_HASH];
    char *config;
    struct plan plan;
    struct config *made;
    struct boot boot;
    struct addr xmpp, sip_tls;
} f;

static void hash_of(const char *file, unsigned char hash[TLS_KEY_HASH])
{
    struct tls_chain *chain = tls_chain_load(file, NULL);

    assert_non_null(chain);
    assert_true(tls_chain_key_hash(chain, hash));
    tls_chain_free(chain);
}

static int group_up(void **state)
{
    const struct cert_spec spec = { .cn = D, .sans = "DNS:" D };

    certs_begin();
    f.cert = cert_make(&spec, NULL);
    f.other = cert_make(&spec, NULL);
    hash_of(certs_write_chain("ours.pem", &f.cert, NULL), f.ours);
    hash_of(certs_write_chain("other.pem", &f.other, NULL), f.another);
    certs_write_key("ours.key", &f.cert, NULL);
    return 0;
}

static int group_down(void **state)
{
    cert_free(&f.cert);
    cert_free(&f.other);
    certs_end();
    return 0;
}

static void count(void *arg, const struct addr *to)
{
    assert_true(addr_eq(to, &f.xmpp));
    ++*(size_t *)arg;
}

static void plan_up(const char *authority, bool outer)
{
    struct plan_site site = { .boot = &f.boot };
    struct err err = { "" };
    size_t n_outer = 0;

    assert_true(asprintf(&f.config,
                         "route \"r\" { transport = udp\n next-hop = \"192.0.2.10:5060\" }\n"
                         "sip-domain \"" D "\" { route = \"r\" certificate = \"%s\" key = \"%s\" }\n"
                         "gateway { certificate-authorities = {%s%s%s} }\n%s",
                         certs_path("ours.pem"), certs_path("ours.key"), authority ? "\"" : "",
                         authority ? authority : "", authority ? "\"" : "",
                         outer ? "proxy \"edge\" { address = \"192.0.2.20\" outer-xmpp = \"1.2.3.4\" }\n" : "") > 0);
    f.made = make_config(f.config);
    assert_true(addr_parse(SLICE("1.2.3.4:5269"), 0, &f.xmpp) && addr_parse(SLICE("1.2.3.4:5061"), 0, &f.sip_tls));
    f.boot = (struct boot){ .host_name = SLICE(GW), .xmpp = { &f.xmpp, 1 }, .sip_tls = { &f.sip_tls, 1 } };
    if (outer)
        f.boot.xmpp.n = 0;
    site.config = f.made;
    assert_int_equal(plan_make(&f.plan, &site, NULL, 0, &err), 0);
    dns_look_outer(&f.plan, count, &n_outer);
    assert_int_equal(n_outer, outer);
}

static void plan_down(void)
{
    plan_fini(&f.plan);
    config_drop(f.made);
    free(f.config);
}

/* ---- answers ---- */

static struct dane_record tlsa_of(struct slice word)
{
    const unsigned char *hash = slice_is(word, "another") ? f.another : f.ours;

    return (struct dane_record){ slice_is(word, "authority") ? DANE_TA : DANE_EE, 1, 1,
                                 slice_of((const char *)hash, TLS_KEY_HASH) };
}

static void read_record(const struct said *s, struct slice word, struct dns_answer *a)
{
    static struct dns_srv srv[8];
    static struct addr addrs[8];
    static struct dane_record tlsa[8];
    static struct dns_caa caa[8];
    char text[300];
    unsigned p, w, port;
    int at = 0;

    snprintf(text, sizeof(text), "%.*s", SLICE_FMT(word));
    switch (s->type) {
    case HEARD_SRV:
        assert_int_equal(sscanf(text, "%u %u %u %n", &p, &w, &port, &at), 3);
        srv[a->n_srv] = (struct dns_srv){ .priority = (uint16_t)p, .weight = (uint16_t)w, .port = (uint16_t)port };
        snprintf(srv[a->n_srv].target, 256, "%s", strcmp(text + at, ".") ? text + at : "");
        a->srv = srv;
        a->n_srv++;
        break;
    case HEARD_ADDRS:
        assert_true(addr_parse_ip(word, 0, &addrs[a->n_addrs++]));
        a->addrs = addrs;
        break;
    case HEARD_TLSA:
        tlsa[a->n_tlsa++] = tlsa_of(word);
        a->tlsa = tlsa;
        break;
    case HEARD_CAA:
        assert_int_equal(sscanf(text, "%15s %n", caa[a->n_caa].tag, &at), 1);
        snprintf(caa[a->n_caa++].value, 256, "%s", text + at);
        a->caa = caa;
        break;
    }
}

static void say(struct book *b, const struct said *s)
{
    struct dns_answer a = { .status = s->status, .fault = s->fault, .secure = !s->insecure };
    struct heard *h = book_want(b, s->type, s->name, s->port);
    struct slice rest = slice_str(s->records), word;
    bool more = rest.n > 0;

    a.ttl_s = s->ttl_s ? s->ttl_s : 3600;
    a.alias_of = s->alias_of;
    while (more) {
        more = slice_cut(rest, ',', &word, &rest);
        read_record(s, word, &a);
    }
    assert_non_null(h);
    book_answer(b, h, &a);
}

static void knock(struct book *b, const struct row *row, const char *at)
{
    struct addr a;
    bool open = !row->closed || strcmp(row->closed, at) != 0;

    assert_true(addr_parse(slice_str(at), 0, &a));
    book_reached(b, &a, open, row->refused, open ? NULL : "nobody listens there");
}

static void book_up(struct book *b, const struct row *row, const char *resolver)
{
    book_init(b, &f.arena, resolver, NONCE);
    b->validates = !row->no_anchor;
    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
        say(b, &right[i]);
    for (size_t i = 0; i < SAID_MAX && row->instead[i].name; i++)
        say(b, &row->instead[i]);
    knock(b, row, "1.2.3.4:5269");
    knock(b, row, "1.2.3.4:5061");
}

static bool holds(const struct findings *found, const char *text)
{
    list_each (l, &found->list) {
        const struct finding *it = container_of(l, struct finding, link);

        if (strstr(it->text, text) || strstr(it->remedy, text) || strstr(it->line, text))
            return true;
    }
    return false;
}

static void put_checks(const struct findings *found, struct buf *out)
{
    list_each (l, &found->list) {
        const struct finding *it = container_of(l, struct finding, link);

        if (it->mark != FINDING_OK)
            buf_printf(out, "%s:%s ", finding_mark_name(it->mark), it->check);
    }
    buf_char(out, '\0');
}

static void judge_row(const struct row *row)
{
    struct book book;
    struct findings found;
    struct buf out;

    print_message("%s\n", row->what);
    arena_init(&f.arena, 1u << 20);
    plan_up(row->authority, row->outer);
    book_up(&book, row, "192.0.2.53");
    findings_init(&found);
    dns_check(&f.plan, &book, NULL, &found);
    buf_init(&out, 65536);
    put_checks(&found, &out);
    assert_string_equal(out.p, row->checks);
    if (row->says)
        assert_true(holds(&found, row->says));
    assert_int_equal(findings_pass(&found), strstr(row->checks, "failed") == NULL);
    buf_free(&out);
    findings_fini(&found);
    plan_down();
    arena_reset(&f.arena);
}

static void each_fault_is_named_with_its_remedy(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        judge_row(&rows[i]);
}

static void two_resolvers_that_differ_are_told_apart(void **state)
{
    const struct row one = { .what = "" }, two = {
        .what = "", .instead = { { HEARD_SRV, SRV_X, DNS_OK, "5 0 5269 old." D }, ADDRS("old." D, "1.2.3.9") }
    };
    struct book book, other;
    struct findings found;
    struct buf out;

    arena_init(&f.arena, 1u << 20);
    plan_up(NULL, false);
    book_up(&book, &one, "192.0.2.53");
    book_up(&other, &two, "192.0.2.54");
    findings_init(&found);
    dns_check(&f.plan, &book, &other, &found);
    buf_init(&out, 65536);
    put_checks(&found, &out);
    assert_string_equal(out.p, "warning:resolvers-differ ");
    assert_true(holds(&found, "192.0.2.53 says 5 0 5269 " GW ", 192.0.2.54 says 5 0 5269 old." D));
    buf_free(&out);
    findings_fini(&found);
    plan_down();
    arena_reset(&f.arena);
}

static void a_resolver_that_says_nothing_is_one_finding(void **state)
{
    struct book book;
    struct findings found;
    struct buf out;
    char verdict[300];

    arena_init(&f.arena, 1u << 20);
    plan_up(NULL, false);
    book_init(&book, &f.arena, "192.0.2.53", NONCE);
    findings_init(&found);
    dns_check(&f.plan, &book, NULL, &found);
    buf_init(&out, 65536);
    put_checks(&found, &out);
    assert_string_equal(out.p, "failed:resolver-silent ");
    dns_check_verdict(&f.plan, &found, verdict, sizeof(verdict));
    assert_string_equal(verdict, "DNS is not right: 1 fault and 0 warnings for 1 domain.");
    buf_free(&out);
    findings_fini(&found);
    plan_down();
    arena_reset(&f.arena);
}

/* Whatever is said, there is a verdict, and never that all is well. */
static void without_memory_nothing_is_called_right(void **state)
{
    const struct row row = { .what = "" };
    struct book book;
    struct findings found;

    arena_init(&f.arena, 1u << 20);
    plan_up(NULL, false);
    book_up(&book, &row, "192.0.2.53");
    book.short_of_memory = true;
    findings_init(&found);
    dns_check(&f.plan, &book, NULL, &found);
    assert_false(findings_pass(&found));
    findings_fini(&found);
    plan_down();
    arena_reset(&f.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_is_named_with_its_remedy),
        cmocka_unit_test(two_resolvers_that_differ_are_told_apart),
        cmocka_unit_test(a_resolver_that_says_nothing_is_one_finding),
        cmocka_unit_test(without_memory_nothing_is_called_right),
    };

    return cmocka_run_group_tests(tests, group_up, group_down);
}
