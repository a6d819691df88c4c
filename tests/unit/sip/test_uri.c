/* Who is meant by a URI: what is accepted, how it splits, and when two are the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sip/uri.h"

/* A copy in a block of exactly its size: a sanitizer sees any read past it. */
static struct slice exact(const char *s, size_t n)
{
    char *p = malloc(n ? n : 1);

    assert_non_null(p);
    memcpy(p, s, n);
    return slice_of(p, n);
}

static void is(struct slice got, const char *wanted, const char *of)
{
    if (!slice_is(got, wanted))
        fail_msg("%s: \"%.*s\" is not \"%s\"", of, SLICE_FMT(got), wanted);
}

static const struct {
    const char *text;
    enum sip_scheme scheme;
    const char *user; /* NULL: none */
    const char *password, *host;
    unsigned port;
    const char *params, *headers;
} good[] = {
    /* RFC 3261 19.1.3 */
    { "sip:alice@atlanta.com", SIP_SCHEME_SIP, "alice", "", "atlanta.com", 0, "", "" },
    { "sip:alice:secretword@atlanta.com;transport=tcp", SIP_SCHEME_SIP, "alice", "secretword", "atlanta.com", 0,
      ";transport=tcp", "" },
    { "sips:alice@atlanta.com?subject=project%20x&priority=urgent", SIP_SCHEME_SIPS, "alice", "", "atlanta.com", 0, "",
      "subject=project%20x&priority=urgent" },
    { "sip:+1-212-555-1212:1234@gateway.com;user=phone", SIP_SCHEME_SIP, "+1-212-555-1212", "1234", "gateway.com", 0,
      ";user=phone", "" },
    { "sips:1212@gateway.com", SIP_SCHEME_SIPS, "1212", "", "gateway.com", 0, "", "" },
    { "sip:alice@192.0.2.4", SIP_SCHEME_SIP, "alice", "", "192.0.2.4", 0, "", "" },
    { "sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com", SIP_SCHEME_SIP, NULL, "", "atlanta.com", 0,
      ";method=REGISTER", "to=alice%40atlanta.com" },
    { "sip:alice;day=tuesday@atlanta.com", SIP_SCHEME_SIP, "alice;day=tuesday", "", "atlanta.com", 0, "", "" },
    /* schemes */
    { "SIP:a@b", SIP_SCHEME_SIP, "a", "", "b", 0, "", "" },
    { "im:romeo@example.net", SIP_SCHEME_IM, "romeo", "", "example.net", 0, "", "" },
    { "pres:romeo@example.net?a=b", SIP_SCHEME_PRES, "romeo", "", "example.net", 0, "", "a=b" },
    { "tel:+1-212-555-1212;ext=1", SIP_SCHEME_TEL, NULL, "", "", 0, "", "" },
    { "http://www.example.com/?a=b", SIP_SCHEME_OTHER, NULL, "", "", 0, "", "" },
    { "soap.beep://192.0.2.103:3002", SIP_SCHEME_OTHER, NULL, "", "", 0, "", "" },
    { "sipx:a@b", SIP_SCHEME_OTHER, NULL, "", "", 0, "", "" },
    /* user */
    { "sip:a?b/c;d=e,f&g$+h@x", SIP_SCHEME_SIP, "a?b/c;d=e,f&g$+h", "", "x", 0, "", "" },
    { "sip:a%40b%00@x", SIP_SCHEME_SIP, "a%40b%00", "", "x", 0, "", "" },
    { "sip:-_.!~*'()@x", SIP_SCHEME_SIP, "-_.!~*'()", "", "x", 0, "", "" },
    { "sip:a:@x", SIP_SCHEME_SIP, "a", "", "x", 0, "", "" },
    /* host and port */
    { "sip:a@b.c.", SIP_SCHEME_SIP, "a", "", "b.c.", 0, "", "" },
    { "sip:a@my_host:65535", SIP_SCHEME_SIP, "a", "", "my_host", 65535, "", "" },
    { "sip:a@b:00005060", SIP_SCHEME_SIP, "a", "", "b", 5060, "", "" },
    { "sip:a@[::1]:5060;x", SIP_SCHEME_SIP, "a", "", "[::1]", 5060, ";x", "" },
    { "sip:[2001:db8:::192.0.2.1]", SIP_SCHEME_SIP, NULL, "", "[2001:db8:::192.0.2.1]", 0, "", "" },
    /* parameters and headers */
    { "sip:a@b;gr=urn:uuid:f81d4fae;lr", SIP_SCHEME_SIP, "a", "", "b", 0, ";gr=urn:uuid:f81d4fae;lr", "" },
    { "sip:a@b;p%41=[x]/:&+$?h=", SIP_SCHEME_SIP, "a", "", "b", 0, ";p%41=[x]/:&+$", "h=" },
};

static void splits_uris(void **state)
{
    struct sip_uri u;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        const char *t = good[i].text;
        struct slice in = exact(t, strlen(t));

        if (!sip_uri_parse(in, &u))
            fail_msg("%s", t);
        assert_int_equal(u.scheme, good[i].scheme);
        assert_int_equal(u.has_user, good[i].user != NULL);
        is(u.user, good[i].user ? good[i].user : "", t);
        is(u.password, good[i].password, t);
        is(u.host, good[i].host, t);
        assert_int_equal(u.port, good[i].port);
        is(u.params, good[i].params, t);
        is(u.headers, good[i].headers, t);
        free((char *)in.p);
    }
}

static const char *const bad[] = {
    "",
    ":",
    "sip",
    "sip:",
    "sip:@",
    "sip:@b",
    "sip:a@",
    "1sip:a@b",
    ":a@b",
    " sip:a@b",
    "sip:a@b ",
    "sip: a@b",
    "sip:a @b",
    "sip:a@ b",
    "sip:a@b@c",
    "sip:a@b:",
    "sip:a@b:0",
    "sip:a@b:65536",
    "sip:a@b:99999999999999999999",
    "sip:a@b:-1",
    "sip:a@b:5060x",
    "sip:a@b;",
    "sip:a@b;;x",
    "sip:a@b;x=",
    "sip:a@b;=x",
    "sip:a@b;x=y=z",
    "sip:a@b;x=\"y\"",
    "sip:a@b?",
    "sip:a@b?x",
    "sip:a@b?=y",
    "sip:a@b?x=y&",
    "sip:a@b?x=y&&z=",
    "sip:a@b?x=y=z",
    "sip:a@b;x=@",
    "sip:a%@b",
    "sip:a%4@b",
    "sip:a%4g@b",
    "sip:a%%40@b",
    "sip:a@b%41",
    "sip:a@b;x=%4",
    "sip:a\"@b",
    "sip:a<b>@c",
    "sip:a\\b@c",
    "sip:a#b@c",
    "sip:a|b@c",
    "sip:a{b@c",
    "sip:\xc3\xa9@b",
    "sip:a:b:c@d",
    "sip:a:b;c@d",
    "sip:.b",
    "sip:a@b..c",
    "sip:a@-b",
    "sip:a@b-",
    "sip:a@b-.c",
    "sip:a@b.-c",
    "sip:a@b,c",
    "sip:a@b/c",
    "sip:a@[",
    "sip:a@[]",
    "sip:a@[::1",
    "sip:a@[::1]x",
    "sip:a@::1",
    "sip:2001:db8::10",
    "sip:a@[1]",
    "sip:a@[g::1]",
    "sip:a@[fe80::1%25eth0]",
    "sip:a@[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]",
    "<sip:a@b>",
    "sip:<a@b>",
    "im:b",
    "pres:b",
    "im:@b",
    "tel:",
    "http:",
    "http://a b",
    "x:\"",
    "sip:a@b\r\nX: y",
    "sip:a@b\t",
};

static void refuses_uris(void **state)
{
    struct sip_uri u;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct slice in = exact(bad[i], strlen(bad[i]));

        if (sip_uri_parse(in, &u))
            fail_msg("%s", bad[i]);
        assert_true(u.host.n == 0 && u.user.n == 0 && u.scheme_text.n == 0);
        free((char *)in.p);
    }
    assert_false(sip_uri_parse(slice_of("sip:a\0b@c", 9), &u));
    assert_false(sip_uri_parse(slice_of(NULL, 0), &u));
}

static void survives_every_prefix_and_byte(void **state)
{
    struct sip_uri u;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        for (size_t n = 0; n <= strlen(good[i].text); n++) {
            struct slice in = exact(good[i].text, n);

            sip_uri_parse(in, &u);
            for (int c = 0; n && c < 256; c += 3) {
                ((char *)in.p)[n - 1] = (char)c;
                sip_uri_parse(in, &u);
            }
            free((char *)in.p);
        }
    }
}

static const struct {
    const char *a, *b;
    bool equal;
} pairs[] = {
    /* RFC 3261 19.1.4 */
    { "sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", true },
    { "sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true },
    { "sip:carol@chicago.com", "sip:carol@chicago.com;security=on", true },
    { "sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on", true },
    { "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
      "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com", true },
    { "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
      "sip:alice@atlanta.com?priority=urgent&subject=project%20x", true },
    { "SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false },
    { "sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false },
    { "sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false },
    { "sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false },
    { "sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false },
    { "sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false },
    { "sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false },
    /* its rules, one by one */
    { "sip:a@b", "sips:a@b", false },
    { "sip:a@b", "sip:b", false },
    { "sip:a@b", "sip:a:@b", false },
    { "sip:a:p@b", "sip:a:P@b", false },
    { "sip:a@b;user=phone", "sip:a@b", false },
    { "sip:a@b;ttl=1", "sip:a@b", false },
    { "sip:a@b;maddr=1.1.1.1", "sip:a@b", false },
    { "sip:a@b;method=INVITE", "sip:a@b", false },
    { "sip:a@b;lr", "sip:a@b", true },
    { "sip:a@b;X=Y", "sip:a@b;x=y", true },
    { "sip:a%2Db@c", "sip:a-b@c", true },
    { "sip:a%3Bb@c", "sip:a;b@c", false },
    { "sip:a%3bb@c", "sip:a%3Bb@c", true },
    { "sip:a%00@c", "sip:a%00b@c", false },
    { "sip:a@b?x=1&x=1", "sip:a@b?x=1", false },
    { "sip:a@b?x=1&y=1", "sip:a@b?x=1&x=1", false },
    { "sip:a@[::A]", "sip:a@[::a]", true },
    { "im:a@b", "im:a@B", true },
    { "im:a@b", "pres:a@b", false },
    { "tel:1", "tel:1", false },
};

static void compares_uris(void **state)
{
    struct sip_uri a, b;

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        assert_true(sip_uri_parse(slice_str(pairs[i].a), &a) && sip_uri_parse(slice_str(pairs[i].b), &b));
        if (sip_uri_eq(&a, &b) != pairs[i].equal || sip_uri_eq(&b, &a) != pairs[i].equal)
            fail_msg("%s | %s", pairs[i].a, pairs[i].b);
    }
}

/* 64 parameters are compared, 65 are not: the cost stays bounded. */
static void bounds_comparison(void **state)
{
    char text[400] = "sip:a@b";
    struct sip_uri u;

    for (int i = 0; i < 64; i++)
        strcat(text, ";x");
    assert_true(sip_uri_parse(slice_str(text), &u) && sip_uri_eq(&u, &u));
    strcat(text, ";x");
    assert_true(sip_uri_parse(slice_str(text), &u));
    assert_false(sip_uri_eq(&u, &u));
}

static const struct {
    const char *text;
    const char *display, *uri, *params; /* uri NULL: refused */
} addrs[] = {
    { "\"A. G. Bell\" <sip:agb@bell-telephone.com> ;tag=a48s", "A. G. Bell", "sip:agb@bell-telephone.com",
      ";tag=a48s" },
    { "sip:+12125551212@server.phone2net.com;tag=887s", "", "sip:+12125551212@server.phone2net.com", ";tag=887s" },
    { "Anonymous <sip:c8oqz84zk7z@privacy.org>;tag=hyh8", "Anonymous", "sip:c8oqz84zk7z@privacy.org", ";tag=hyh8" },
    { "<sip:a@b;lr>", "", "sip:a@b;lr", "" },
    { "  <sip:a@b>\t", "", "sip:a@b", "" },
    { "sip:a@b;c=d", "", "sip:a@b", ";c=d" },
    { "sip:a@b ; tag = x", "", "sip:a@b", "; tag = x" },
    { "a<sip:a@b>", "a", "sip:a@b", "" },
    { "J.  R. Ewing\t<sip:a@b>", "J.  R. Ewing", "sip:a@b", "" },
    { "J\xc3\xbcrgen <sip:a@b>", "J\xc3\xbcrgen", "sip:a@b", "" },
    { "\"a\\\"b\" <sip:a@b>", "a\\\"b", "sip:a@b", "" },
    { "\"<sip:x@y>, \" <sip:a@b>", "<sip:x@y>, ", "sip:a@b", "" },
    { "\"\"<sip:a@b>", "", "sip:a@b", "" },
    { "<sip:a@b?x=y>", "", "sip:a@b?x=y", "" },
    { "<sip:a,b@c>", "", "sip:a,b@c", "" },
    { "<sip:a@b>;+sip.instance=\"<urn:uuid:1>\";q=0.1", "", "sip:a@b", ";+sip.instance=\"<urn:uuid:1>\";q=0.1" },
    { "<sip:a@b>;tag=abc==", "", "sip:a@b", ";tag=abc==" },
    { "isbn:2983792873", "", "isbn:2983792873", "" },
    { "", NULL, NULL, NULL },
    { "*", NULL, NULL, NULL },
    { "a b", NULL, NULL, NULL },
    { "a@b", NULL, NULL, NULL },
    { "\"a <sip:a@b>", NULL, NULL, NULL },
    { "\"a\\\" <sip:a@b>", NULL, NULL, NULL },
    { "\"a\" sip:a@b", NULL, NULL, NULL },
    { "\"a\"", NULL, NULL, NULL },
    { "Bell, Alexander <sip:a@b>", NULL, NULL, NULL },
    { "<sip:a@b", NULL, NULL, NULL },
    { "<sip:a@b>x", NULL, NULL, NULL },
    { "<sip:a@b>, <sip:c@d>", NULL, NULL, NULL },
    { "< sip:a@b>", NULL, NULL, NULL },
    { "<sip:a@b >", NULL, NULL, NULL },
    { "<>", NULL, NULL, NULL },
    { "sip:a@b?x=y", NULL, NULL, NULL },
    { "sip:a,b@c", NULL, NULL, NULL },
    { "<sip:a@b>;", NULL, NULL, NULL },
    { "<sip:a@b>;;a", NULL, NULL, NULL },
    { "<sip:a@b>;tag=", NULL, NULL, NULL },
    { "<sip:a@b>;tag=\"x", NULL, NULL, NULL },
    { "<sip:a@b>;tag=x y", NULL, NULL, NULL },
};

static void splits_addresses(void **state)
{
    struct sip_name_addr na;

    for (size_t i = 0; i < sizeof(addrs) / sizeof(addrs[0]); i++) {
        const char *t = addrs[i].text;
        struct slice in = exact(t, strlen(t));

        if (sip_name_addr_parse(in, &na) != (addrs[i].uri != NULL))
            fail_msg("%s", t);
        is(na.display, addrs[i].display ? addrs[i].display : "", t);
        is(na.uri_text, addrs[i].uri ? addrs[i].uri : "", t);
        is(na.params, addrs[i].params ? addrs[i].params : "", t);
        free((char *)in.p);
    }
}

static const struct {
    const char *params, *name, *value; /* value NULL: not found */
} params[] = {
    { ";a=b;c=d", "c", "d" },
    { ";a;b", "a", "" },
    { "; A = b ;c", "a", "b" },
    { ";a=\"x;b=y\";b=z", "b", "z" },
    { ";a=\"x\"", "a", "\"x\"" },
    { ";a=1;a=2", "a", "1" },
    { ";ab=1", "a", NULL },
    { ";a=1", "ab", NULL },
    { "", "a", NULL },
    { "a=1", "a", NULL },
    { ";a=1 x;b=2", "b", NULL },
    { ";content-type-long=1", "content-type-long", "1" },
    { ";Content-Type-Long=1", "content-type-lonh", NULL },
};

static void finds_params(void **state)
{
    struct slice v;

    for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++) {
        struct slice in = exact(params[i].params, strlen(params[i].params));

        if (sip_param(in, params[i].name, &v) != (params[i].value != NULL))
            fail_msg("%s", params[i].params);
        is(v, params[i].value ? params[i].value : "", params[i].params);
        free((char *)in.p);
    }
}

static const struct {
    const char *text, *gr; /* NULL: none */
} gruus[] = {
    { "<sip:u@d;gr=x>", "x" },      { "<sip:u@d>;gr=x", "x" },
    { "<sip:u@d;gr=x>;gr=y", "x" }, { "<sip:u@d;gr>", NULL },
    { "<sip:u@d;gr>;gr=y", NULL },  { "<sip:u@d>;gr", NULL },
    { "<sip:u@d>", NULL },          { "<sip:u@d;GR=a%20b>", "a%20b" },
    { "<sip:u;gr=x@d>", NULL },     { "<sip:u@d;gr=urn:uuid:f8>", "urn:uuid:f8" },
};

static void STOX_ADDR_13_gruu_as_uri_or_header_parameter(void **state)
{
    struct sip_name_addr na;
    struct slice gr;

    for (size_t i = 0; i < sizeof(gruus) / sizeof(gruus[0]); i++) {
        assert_true(sip_name_addr_parse(slice_str(gruus[i].text), &na));
        if (sip_gruu(&na, &gr) != (gruus[i].gr != NULL))
            fail_msg("%s", gruus[i].text);
        if (gruus[i].gr)
            is(gr, gruus[i].gr, gruus[i].text);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_uris),
        cmocka_unit_test(refuses_uris),
        cmocka_unit_test(survives_every_prefix_and_byte),
        cmocka_unit_test(compares_uris),
        cmocka_unit_test(bounds_comparison),
        cmocka_unit_test(splits_addresses),
        cmocka_unit_test(finds_params),
        cmocka_unit_test(STOX_ADDR_13_gruu_as_uri_or_header_parameter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
