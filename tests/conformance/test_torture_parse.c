/*
 * What the parser makes of the torture messages of RFC 4475 and RFC 5118 (torture/README.md). What then goes over the
 * wire is another test's subject. argv[1] is the folder of this file.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sip/msg.h"

static const char *folder = ".";

static struct parsed {
    struct sip_msg m;
    struct arena arena;
    char *bytes;
    size_t n, used;
    const char *fault;
    enum sip_parse outcome;
} p;

static void unload(void)
{
    arena_reset(&p.arena);
    free(p.bytes);
    p.bytes = NULL;
}

/* The bytes in a block of exactly their size: a sanitizer sees any read past it. */
static void load(const char *name)
{
    char path[4096];
    FILE *f;
    long n;

    snprintf(path, sizeof(path), "%s/torture/%s.dat", folder, name);
    f = fopen(path, "rb");
    if (!f)
        fail_msg("%s", path);
    fseek(f, 0, SEEK_END);
    n = ftell(f);
    rewind(f);
    unload();
    p.bytes = malloc((size_t)n);
    assert_non_null(p.bytes);
    p.n = fread(p.bytes, 1, (size_t)n, f);
    assert_int_equal(p.n, n);
    fclose(f);
}

static enum sip_parse parse(const char *name, bool is_stream)
{
    load(name);
    arena_init(&p.arena, 64 * 1024);
    p.outcome = sip_msg_parse(&p.m, &p.arena, p.bytes, p.n, is_stream, &p.used, &p.fault);
    return p.outcome;
}

/* Over UDP, and over a stream where nothing else is expected of it. */
static void expect(const char *name, enum sip_parse datagram, enum sip_parse stream)
{
    assert_int_equal(parse(name, true), stream);
    assert_int_equal(parse(name, false), datagram);
    assert_int_equal(p.fault != NULL, datagram != SIP_PARSE_OK);
}

static void expect_ok(const char *name)
{
    expect(name, SIP_PARSE_OK, SIP_PARSE_OK);
}

static void expect_bad(const char *name, const char *fault)
{
    expect(name, SIP_PARSE_BAD, SIP_PARSE_BAD);
    assert_string_equal(p.fault, fault);
}

static void is(struct slice got, const char *wanted)
{
    if (!slice_is(got, wanted))
        fail_msg("\"%.*s\" is not \"%s\"", SLICE_FMT(got), wanted);
}

static struct slice header(const char *name)
{
    for (size_t i = 0; i < p.m.n_headers; i++) {
        if (slice_ieq(p.m.headers[i].name, slice_str(name)))
            return p.m.headers[i].value;
    }
    fail_msg("no header %s", name);
    return slice_of(NULL, 0);
}

static struct sip_name_addr contact(void)
{
    struct sip_name_addr na;

    assert_true(sip_name_addr_parse(sip_msg_header(&p.m, SIP_H_CONTACT)->value, &na));
    return na;
}

#define TORT(name) static void TORT_##name(void **state)

TORT(wsinv)
{
    struct slice v;
    struct sip_via via;
    struct sip_name_addr na;
    size_t pos = 0;

    expect_ok("wsinv");
    assert_int_equal(p.m.method_id, SIP_INVITE);
    is(p.m.uri.params, ";unknownparam");
    is(p.m.to_tag, "1918181833n");
    is(p.m.from.display, "J Rosenberg \\\\\\\"");
    is(p.m.from_tag, "98asjd8");
    assert_int_equal(p.m.max_forwards, 68);
    assert_int_equal(p.m.cseq, 9);
    is(p.m.via.transport, "UDP");
    is(p.m.via.host, "192.0.2.2");
    is(p.m.via.branch, "390skdjuw");
    assert_int_equal(p.m.n_vias, 3);
    is(sip_msg_header(&p.m, SIP_H_SUBJECT)->value, "");
    is(header("NewFangledHeader"), "newfangled value   continued newfangled value");
    is(header("UnknownHeaderWithUnusualValue"), ";;,,;;,;");
    assert_true(sip_msg_next_value(&p.m, SIP_H_VIA, &pos, &v));
    assert_true(sip_msg_next_value(&p.m, SIP_H_VIA, &pos, &v) && sip_via_parse(v, &via));
    is(via.transport, "TCP");
    is(via.host, "spindle.example.com");
    is(via.branch, "z9hG4bK9ikj8");
    assert_true(sip_msg_next_value(&p.m, SIP_H_VIA, &pos, &v) && sip_via_parse(v, &via));
    is(via.host, "192.168.255.111");
    is(via.branch, "z9hG4bK30239");
    assert_false(sip_msg_next_value(&p.m, SIP_H_VIA, &pos, &v));
    assert_true(sip_name_addr_parse(header("m"), &na));
    is(na.display, "Quoted string \\\"\\\"");
    assert_true(sip_param(na.params, "newparam", &v));
    is(v, "newvalue");
    assert_true(sip_param(na.params, "secondparam", &v) && v.n == 0);
    assert_true(sip_param(na.params, "q", &v));
    is(v, "0.33");
    assert_int_equal(p.m.body.n, 150);
}

TORT(intmeth)
{
    expect_ok("intmeth");
    assert_int_equal(p.m.method_id, SIP_UNKNOWN);
    is(p.m.method, "!interesting-Method0123456789_*+`.%indeed'~");
    is(p.m.uri.user, "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*");
    is(p.m.uri.password, "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)");
    is(p.m.uri.host, "example.com");
    is(p.m.via.branch, "z9hG4bK-.!%66*_+`'~");
    assert_int_equal(p.m.to.display.n, 20);
    assert_memory_equal(p.m.to.display.p, "BEL:\\\a NUL:\\\0 DEL:\\\x7f", 20);
    is(p.m.from.display, "token1~` token2'+_ token3*%!.-");
    is(p.m.from_tag, "_token~1'+`*%!-.");
    is(p.m.call_id, "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{");
    assert_int_equal(p.m.cseq, 139122385);
    assert_int_equal(p.m.max_forwards, 255);
}

TORT(esc01)
{
    expect_ok("esc01");
    is(p.m.uri.user, "sips%3Auser%40example.com");
    is(p.m.uri.host, "example.net");
}

TORT(escnull)
{
    expect_ok("escnull");
    is(p.m.to.uri.user, "null-%00-null");
}

TORT(esc02)
{
    expect_ok("esc02");
    assert_int_equal(p.m.method_id, SIP_UNKNOWN);
    is(p.m.method, "RE%47IST%45R");
    assert_int_equal(p.m.headers[p.m.n_headers - 3].id, SIP_H_OTHER);
    is(header("C%6Fntact"), "<sip:alias2@host2.example.com>");
}

TORT(lwsdisp)
{
    expect_ok("lwsdisp");
    is(p.m.from.display, "caller");
    is(p.m.from.uri_text, "sip:caller@example.com");
}

TORT(longreq)
{
    expect_ok("longreq");
    assert_int_equal(p.m.n_vias, 34);
    is(p.m.via.host, "sip33.example.com");
    assert_int_equal(p.m.from_tag.n, 155);
    assert_int_equal(p.m.to.uri.port, 6000);
}

TORT(dblreq)
{
    expect_ok("dblreq");
    assert_int_equal(p.m.method_id, SIP_REGISTER);
    assert_int_equal(p.m.body.n, 0);
    /* On a stream the second message is the next one. */
    assert_int_equal(parse("dblreq", true), SIP_PARSE_OK);
    arena_reset(&p.arena);
    assert_int_equal(sip_msg_parse(&p.m, &p.arena, p.bytes + p.used, p.n - p.used, true, &p.used, &p.fault),
                     SIP_PARSE_OK);
    assert_int_equal(p.m.method_id, SIP_INVITE);
}

TORT(semiuri)
{
    expect_ok("semiuri");
    is(p.m.uri.user, "user;par=u%40example.net");
    is(p.m.uri.host, "example.com");
}

TORT(transports)
{
    struct slice v;
    struct sip_via via;

    expect_ok("transports");
    assert_int_equal(p.m.n_vias, 5);
    for (size_t pos = 0; sip_msg_next_value(&p.m, SIP_H_VIA, &pos, &v);)
        assert_true(sip_via_parse(v, &via));
    is(via.transport, "TCP");
}

TORT(mpart01)
{
    expect_ok("mpart01");
    assert_int_equal(p.m.method_id, SIP_MESSAGE);
    assert_int_equal(p.m.body.n, 553);
    assert_non_null(memchr(p.m.body.p, 0, p.m.body.n));
}

TORT(unreason)
{
    expect_ok("unreason");
    assert_false(p.m.is_request);
    assert_int_equal(p.m.status, 200);
    assert_true(slice_starts(p.m.reason, SLICE("= 2**3 * 5**2 ")));
}

TORT(noreason)
{
    expect_ok("noreason");
    assert_int_equal(p.m.status, 100);
    assert_int_equal(p.m.reason.n, 0);
}

TORT(badinv01)
{
    expect_bad("badinv01", "Empty Via");
    is(p.m.via.host, "192.0.2.15");
}

TORT(clerr)
{
    expect("clerr", SIP_PARSE_BAD, SIP_PARSE_MORE);
    is(p.m.via.host, "host5.example.com");
}

TORT(ncl)
{
    expect("ncl", SIP_PARSE_FRAMING, SIP_PARSE_FRAMING);
}

TORT(scalar02)
{
    expect_bad("scalar02", "Bad CSeq number");
    assert_int_equal(p.m.max_forwards, -1);
}

TORT(scalarlg)
{
    expect("scalarlg", SIP_PARSE_DROP, SIP_PARSE_DROP);
}

TORT(quotbal)
{
    expect_bad("quotbal", "Bad To");
}

TORT(ltgtruri)
{
    expect_bad("ltgtruri", "Bad Request-URI");
}

TORT(lwsruri)
{
    expect_bad("lwsruri", "Bad Request-URI");
}

TORT(lwsstart)
{
    expect_bad("lwsstart", "Bad Request-URI");
}

TORT(trws)
{
    expect_ok("trws");
    is(p.m.uri_text, "sip:remote-target@example.com");
}

TORT(escruri)
{
    expect_bad("escruri", "Bad Request-URI");
    assert_false(p.m.uri_ok);
}

TORT(baddate)
{
    expect_ok("baddate");
}

TORT(regbadct)
{
    struct sip_name_addr na;

    expect_ok("regbadct");
    assert_false(sip_name_addr_parse(header("Contact"), &na));
}

TORT(badaspec)
{
    expect_bad("badaspec", "Bad To");
}

/* Its bytes lack the empty line behind the headers: on a stream it has not ended. */
TORT(baddn)
{
    struct sip_name_addr na;

    expect("baddn", SIP_PARSE_BAD, SIP_PARSE_MORE);
    assert_false(sip_name_addr_parse(header("To"), &na));
    assert_false(sip_name_addr_parse(header("From"), &na));
}

TORT(badvers)
{
    expect("badvers", SIP_PARSE_VERSION, SIP_PARSE_VERSION);
}

TORT(mismatch01)
{
    expect_bad("mismatch01", "CSeq has another method");
    assert_int_equal(p.m.method_id, SIP_OPTIONS);
}

TORT(mismatch02)
{
    expect_bad("mismatch02", "CSeq has another method");
    assert_int_equal(p.m.method_id, SIP_UNKNOWN);
}

TORT(bigcode)
{
    expect("bigcode", SIP_PARSE_DROP, SIP_PARSE_DROP);
}

TORT(badbranch)
{
    expect_ok("badbranch");
    is(p.m.via.branch, "z9hG4bK");
}

TORT(insuf)
{
    expect("insuf", SIP_PARSE_BAD, SIP_PARSE_BAD);
    assert_true(p.m.via.host.n && !p.m.call_id.n && !p.m.from_text.n && !p.m.to_text.n);
}

TORT(unkscm)
{
    expect_ok("unkscm");
    assert_int_equal(p.m.uri.scheme, SIP_SCHEME_OTHER);
    is(p.m.uri.scheme_text, "nobodyKnowsThisScheme");
}

TORT(novelsc)
{
    expect_ok("novelsc");
    assert_int_equal(p.m.uri.scheme, SIP_SCHEME_OTHER);
    is(p.m.uri.scheme_text, "soap.beep");
}

TORT(unksm2)
{
    expect_ok("unksm2");
    is(p.m.to.uri.scheme_text, "isbn");
    is(p.m.from.uri.scheme_text, "http");
    assert_int_equal(p.m.from.uri.scheme, SIP_SCHEME_OTHER);
}

TORT(bext01)
{
    struct slice v;
    size_t pos = 0;

    expect_ok("bext01");
    assert_true(sip_msg_next_value(&p.m, SIP_H_REQUIRE, &pos, &v));
    is(v, "nothingSupportsThis");
    assert_true(sip_msg_next_value(&p.m, SIP_H_REQUIRE, &pos, &v));
    is(v, "nothingSupportsThisEither");
    assert_false(sip_msg_next_value(&p.m, SIP_H_REQUIRE, &pos, &v));
}

TORT(invut)
{
    struct slice type, params;

    expect_ok("invut");
    assert_true(sip_media_type(sip_msg_header(&p.m, SIP_H_CONTENT_TYPE)->value, &type, &params));
    is(type, "application/unknownformat");
}

TORT(regaut01)
{
    expect_ok("regaut01");
}

TORT(multi01)
{
    expect_bad("multi01", "A header that may stand once stands twice");
}

TORT(mcl01)
{
    expect("mcl01", SIP_PARSE_FRAMING, SIP_PARSE_FRAMING);
}

TORT(bcast)
{
    expect_ok("bcast");
    assert_int_equal(p.m.n_vias, 2);
}

TORT(zeromf)
{
    expect_ok("zeromf");
    assert_int_equal(p.m.max_forwards, 0);
}

TORT(cparam01)
{
    struct slice v;

    expect_ok("cparam01");
    assert_true(sip_param(contact().params, "unknownparam", &v));
    assert_false(sip_param(contact().uri.params, "unknownparam", &v));
}

TORT(cparam02)
{
    struct slice v;

    expect_ok("cparam02");
    assert_false(sip_param(contact().params, "unknownparam", &v));
    assert_true(sip_param(contact().uri.params, "unknownparam", &v));
}

TORT(regescrt)
{
    expect_ok("regescrt");
    is(contact().uri.headers, "Route=%3Csip:sip.example.com%3E");
}

TORT(sdp01)
{
    expect_ok("sdp01");
    is(sip_msg_header(&p.m, SIP_H_ACCEPT)->value, "text/nobodyKnowsThis");
}

TORT(inv2543)
{
    expect("inv2543", SIP_PARSE_OK, SIP_PARSE_FRAMING);
    assert_int_equal(p.m.via.branch.n, 0);
    assert_int_equal(p.m.from_tag.n, 0);
    assert_int_equal(p.m.max_forwards, -1);
    assert_int_equal(p.m.body.n, 105);
}

TORT(ipv6_good)
{
    expect_ok("ipv6-good");
    is(p.m.uri.host, "[2001:db8::10]");
    is(p.m.via.host, "[2001:db8::9:1]");
    is(contact().uri.host, "[2001:db8::1]");
}

TORT(ipv6_bad)
{
    expect_bad("ipv6-bad", "Bad Request-URI");
}

TORT(port_ambiguous)
{
    expect_ok("port-ambiguous");
    is(p.m.uri.host, "[2001:db8::10:5070]");
    assert_int_equal(p.m.uri.port, 0);
}

TORT(port_unambiguous)
{
    expect_ok("port-unambiguous");
    is(p.m.uri.host, "[2001:db8::10]");
    assert_int_equal(p.m.uri.port, 5070);
}

TORT(via_received_param_with_delim)
{
    struct slice v;

    expect_ok("via-received-param-with-delim");
    assert_true(sip_param(p.m.via.params, "received", &v));
    is(v, "[2001:db8::9:255]");
    is(p.m.via.branch, "z9hG4bKas3-111");
}

TORT(via_received_param_no_delim)
{
    struct slice v;

    expect_ok("via-received-param-no-delim");
    assert_true(sip_param(p.m.via.params, "received", &v));
    is(v, "2001:db8::9:255");
}

TORT(ipv6_in_sdp)
{
    expect_ok("ipv6-in-sdp");
    is(p.m.uri.host, "[2001:db8::10]");
}

TORT(mult_ip_in_header)
{
    expect_ok("mult-ip-in-header");
    assert_int_equal(p.m.n_vias, 3);
    assert_int_equal(p.m.via.port, 6050);
}

TORT(mult_ip_in_sdp)
{
    expect_ok("mult-ip-in-sdp");
}

TORT(ipv4_mapped_ipv6)
{
    expect_ok("ipv4-mapped-ipv6");
    is(p.m.via.host, "[::ffff:192.0.2.10]");
    assert_int_equal(p.m.via.port, 19823);
}

TORT(ipv6_bug_abnf_3_colons)
{
    expect_ok("ipv6-bug-abnf-3-colons");
    is(p.m.uri.host, "[2001:db8:::192.0.2.1]");
}

TORT(ipv6_correct_abnf_2_colons)
{
    expect_ok("ipv6-correct-abnf-2-colons");
    is(p.m.uri.host, "[2001:db8::192.0.2.1]");
}

/*
 * Cut anywhere: as a datagram nothing may break, as a stream the outcome is that of the whole or that more is needed.
 */
static void cut_anywhere(const char *name)
{
    enum sip_parse whole = parse(name, true);
    size_t used = p.used, n = p.n;
    char *bytes;

    for (size_t i = 0; i <= n; i++) {
        for (int is_stream = 0; is_stream < 2; is_stream++) {
            load(name);
            bytes = malloc(i ? i : 1);
            assert_non_null(bytes);
            memcpy(bytes, p.bytes, i);
            arena_reset(&p.arena);
            p.outcome = sip_msg_parse(&p.m, &p.arena, bytes, i, is_stream, &p.used, &p.fault);
            free(bytes);
        }
        assert_true(p.outcome == whole || p.outcome == SIP_PARSE_MORE);
        if (p.outcome != SIP_PARSE_MORE && p.outcome != SIP_PARSE_FRAMING)
            assert_int_equal(p.used, used);
    }
    /* The bytes come one by one and stay where they are: what was edited in place does no harm. */
    load(name);
    arena_reset(&p.arena);
    for (size_t i = 0; i <= n; i++) {
        p.outcome = sip_msg_parse(&p.m, &p.arena, p.bytes, i, true, &p.used, &p.fault);
        assert_true(p.outcome == whole || p.outcome == SIP_PARSE_MORE);
        arena_reset(&p.arena);
    }
    assert_int_equal(p.outcome, whole);
}

static void all_messages_cut_anywhere(void **state)
{
    char path[4096], name[256];
    struct dirent *entry;
    size_t n = 0;
    DIR *dir;

    snprintf(path, sizeof(path), "%s/torture", folder);
    dir = opendir(path);
    assert_non_null(dir);
    while ((entry = readdir(dir))) {
        const char *dot = strstr(entry->d_name, ".dat");

        if (!dot)
            continue;
        snprintf(name, sizeof(name), "%.*s", (int)(dot - entry->d_name), entry->d_name);
        cut_anywhere(name);
        n++;
    }
    closedir(dir);
    assert_int_equal(n, 49 + 12);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_messages_cut_anywhere),
        cmocka_unit_test(TORT_wsinv),
        cmocka_unit_test(TORT_intmeth),
        cmocka_unit_test(TORT_esc01),
        cmocka_unit_test(TORT_escnull),
        cmocka_unit_test(TORT_esc02),
        cmocka_unit_test(TORT_lwsdisp),
        cmocka_unit_test(TORT_longreq),
        cmocka_unit_test(TORT_dblreq),
        cmocka_unit_test(TORT_semiuri),
        cmocka_unit_test(TORT_transports),
        cmocka_unit_test(TORT_mpart01),
        cmocka_unit_test(TORT_unreason),
        cmocka_unit_test(TORT_noreason),
        cmocka_unit_test(TORT_badinv01),
        cmocka_unit_test(TORT_clerr),
        cmocka_unit_test(TORT_ncl),
        cmocka_unit_test(TORT_scalar02),
        cmocka_unit_test(TORT_scalarlg),
        cmocka_unit_test(TORT_quotbal),
        cmocka_unit_test(TORT_ltgtruri),
        cmocka_unit_test(TORT_lwsruri),
        cmocka_unit_test(TORT_lwsstart),
        cmocka_unit_test(TORT_trws),
        cmocka_unit_test(TORT_escruri),
        cmocka_unit_test(TORT_baddate),
        cmocka_unit_test(TORT_regbadct),
        cmocka_unit_test(TORT_badaspec),
        cmocka_unit_test(TORT_baddn),
        cmocka_unit_test(TORT_badvers),
        cmocka_unit_test(TORT_mismatch01),
        cmocka_unit_test(TORT_mismatch02),
        cmocka_unit_test(TORT_bigcode),
        cmocka_unit_test(TORT_badbranch),
        cmocka_unit_test(TORT_insuf),
        cmocka_unit_test(TORT_unkscm),
        cmocka_unit_test(TORT_novelsc),
        cmocka_unit_test(TORT_unksm2),
        cmocka_unit_test(TORT_bext01),
        cmocka_unit_test(TORT_invut),
        cmocka_unit_test(TORT_regaut01),
        cmocka_unit_test(TORT_multi01),
        cmocka_unit_test(TORT_mcl01),
        cmocka_unit_test(TORT_bcast),
        cmocka_unit_test(TORT_zeromf),
        cmocka_unit_test(TORT_cparam01),
        cmocka_unit_test(TORT_cparam02),
        cmocka_unit_test(TORT_regescrt),
        cmocka_unit_test(TORT_sdp01),
        cmocka_unit_test(TORT_inv2543),
        cmocka_unit_test(TORT_ipv6_good),
        cmocka_unit_test(TORT_ipv6_bad),
        cmocka_unit_test(TORT_port_ambiguous),
        cmocka_unit_test(TORT_port_unambiguous),
        cmocka_unit_test(TORT_via_received_param_with_delim),
        cmocka_unit_test(TORT_via_received_param_no_delim),
        cmocka_unit_test(TORT_ipv6_in_sdp),
        cmocka_unit_test(TORT_mult_ip_in_header),
        cmocka_unit_test(TORT_mult_ip_in_sdp),
        cmocka_unit_test(TORT_ipv4_mapped_ipv6),
        cmocka_unit_test(TORT_ipv6_bug_abnf_3_colons),
        cmocka_unit_test(TORT_ipv6_correct_abnf_2_colons),
    };
    int failed;

    if (argc > 1)
        folder = argv[1];
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    unload();
    return failed;
}
