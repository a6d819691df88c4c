/*
 * What Lync Server exported, in three formats: the same objects become the same plan, and what is not said is not
 * guessed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/lync_plan.h"
#include "store/model.h"

struct folder {
    const char *path;
};

static struct lync_file *read_text(const char *text, size_t n, struct err *err)
{
    return lync_read(slice_of(text, n), err);
}

static struct lync_file *read_sample(void **state, const char *name)
{
    const struct folder *folder = *state;
    static char bytes[1 << 16];
    char path[500];
    struct err err = { "" };
    struct lync_file *f;
    FILE *in;
    size_t n;

    snprintf(path, sizeof(path), "%s/%s", folder->path, name);
    in = fopen(path, "rb");
    assert_non_null(in);
    n = fread(bytes, 1, sizeof(bytes), in);
    fclose(in);
    f = read_text(bytes, n, &err);
    if (!f)
        fail_msg("%s: %s", name, err.text);
    return f;
}

/* The plan of one file as text: "kind name json" lines; then the notes. The caller frees it. */
static char *plan_text(struct lync_file *f, bool numbers)
{
    struct lync_plan p;
    struct err err = { "" };
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);

    lync_plan_init(&p, numbers);
    if (lync_plan_add(&p, f, &err) || lync_plan_check(&p, &err))
        fprintf(out, "error: %s\n", err.text);
    for (size_t i = 0; i < p.n; i++) {
        char *values = json_dumps(p.items[i].values, JSON_COMPACT | JSON_SORT_KEYS);

        fprintf(out, "%s %.*s %s\n", p.items[i].kind->noun, SLICE_FMT(p.items[i].name), values);
        free(values);
    }
    fprintf(out, "%.*s", SLICE_FMT(buf_slice(&p.notes)));
    if (p.numbers.n)
        fprintf(out, "numbers: %.*s\n", SLICE_FMT(p.numbers));
    lync_plan_fini(&p);
    fclose(out);
    return text;
}

static void assert_sample(void **state, const char *name, bool numbers, const char *expected)
{
    struct lync_file *f = read_sample(state, name);
    char *text = plan_text(f, numbers);

    if (strcmp(text, expected) != 0)
        fail_msg("%s:\n%s\nis not\n%s", name, text, expected);
    free(text);
    lync_free(f);
}

#define FABRIKAM_DOMAINS "\"additional-domains\":[\"sales.fabrikam.example\",\"fabrikam-labs.example\"],"
#define FABRIKAM(domains, description)                                                                                 \
    "partner fabrikam.example {" domains "\"connection-limit\":12," description                                        \
    "\"dialback\":true,\"keep-alive\":true,"                                                                           \
    "\"sasl\":\"optional\",\"tls\":\"required\",\"type\":\"federated\"}\n"
#define GMAIL(domains)                                                                                                 \
    "partner gmail.example {" domains "\"dialback\":true,\"keep-alive\":false,\"proxy\":\"xmpp.gmail.example\","       \
    "\"sasl\":\"not-supported\",\"tls\":\"not-supported\",\"type\":\"public-unverified\"}\n"
#define EMPTY "\"additional-domains\":[],"

static void partners_of_all_formats(void **state)
{
    assert_sample(
        state, "partners.xml", false,
        FABRIKAM(FABRIKAM_DOMAINS, "")
            GMAIL(EMPTY) "Description of fabrikam.example: description: control characters are not allowed (U+000A)\n");
    assert_sample(state, "partners.json", false,
                  FABRIKAM(FABRIKAM_DOMAINS, "\"description\":\"Fabrikam & sons\",") GMAIL(EMPTY));
    assert_sample(
        state, "partners.csv", false,
        FABRIKAM("", "\"description\":\"Fabrikam \\\"&\\\" sons, Ltd.\",") GMAIL(
            "") "AdditionalDomains of fabrikam.example: not readable: the file has the name of a type in place of "
                "the list's entries\n");
}

static void numbers_of_enumerations_are_taken_only_when_asked(void **state)
{
    assert_sample(state, "partners-numbers.json", true,
                  FABRIKAM(FABRIKAM_DOMAINS, "\"description\":\"Fabrikam & sons\",") GMAIL(EMPTY));
    assert_sample(
        state, "partners-numbers.json", false,
        "partner fabrikam.example {" FABRIKAM_DOMAINS
        "\"connection-limit\":12,\"description\":\"Fabrikam & sons\",\"dialback\":true,\"keep-alive\":true}\n"
        "partner gmail.example {" EMPTY "\"dialback\":true,\"keep-alive\":false,\"proxy\":\"xmpp.gmail.example\"}\n"
        "PartnerType of fabrikam.example: not taken: it is a number, and which name that stands for is not said\n"
        "TlsNegotiation of fabrikam.example: not taken: it is a number, and which name that stands for is not said\n"
        "SaslNegotiation of fabrikam.example: not taken: it is a number, and which name that stands for is not said\n"
        "PartnerType of gmail.example: not taken: it is a number, and which name that stands for is not said\n"
        "TlsNegotiation of gmail.example: not taken: it is a number, and which name that stands for is not said\n"
        "SaslNegotiation of gmail.example: not taken: it is a number, and which name that stands for is not said\n"
        "numbers: PartnerType\n");
}

static void the_gateway_of_all_formats(void **state)
{
    static const char *const names[] = { "gateway.xml", "gateway.json", "gateway.csv" };

    for (size_t i = 0; i < 3; i++)
        assert_sample(state, names[i], false,
                      "gateway  {\"connection-limit\":1200,\"dialback-passphrase\":\"a passphrase of Lync\","
                      "\"keep-alive-interval\":300,\"log-message-bodies\":false,\"partner-connection-limit\":40,"
                      "\"stream-establishment-timeout\":60,\"stream-inactivity-timeout\":600,"
                      "\"subscription-refresh-interval\":28800}\n");
}

static void policies_of_all_formats(void **state)
{
    static const char *const names[] = { "policies.xml", "policies-utf16.xml", "policies.json", "policies.csv" };

    for (size_t i = 0; i < 4; i++)
        assert_sample(state, names[i], false,
                      "policy Fed-Pic {\"federation\":true,\"xmpp\":true}\n"
                      "policy global {\"federation\":false,\"xmpp\":false}\n"
                      "policy site:Redmond {\"description\":\"Redmond\",\"federation\":true,\"xmpp\":false}\n");
}

#define CLIXML(body) "<Objs Version='1.1.0.1' xmlns='http://schemas.microsoft.com/powershell/2004/04'>" body "</Objs>"
#define PARTNER_XML(list)                                                                                              \
    CLIXML("<Obj RefId='0'><Props><S N='Identity'>a.example</S><Obj N='AdditionalDomains' RefId='1'>" list             \
           "</Obj><S N='TlsNegotiation'>Optional</S></Props></Obj>")

static void half_a_list_is_not_a_list(void **state)
{
    static const struct {
        const char *text, *plan;
    } cases[] = {
        { PARTNER_XML("<LST><S>b.example</S><Obj RefId='2'><ToString>c.example</ToString></Obj></LST>"),
          "partner a.example {\"additional-domains\":[\"b.example\",\"c.example\"],\"tls\":\"optional\"}\n" },
        { PARTNER_XML("<LST><S>b.example</S><Obj RefId='2'><Props /></Obj></LST>"),
          "partner a.example {\"tls\":\"optional\"}\nAdditionalDomains of a.example: not readable: the file does not "
          "say what it is\n" },
        { PARTNER_XML("<LST><S>b.example</S><Ref RefId='9' /></LST>"),
          "partner a.example {\"tls\":\"optional\"}\nAdditionalDomains of a.example: not readable: the file does not "
          "say what it is\n" },
        { PARTNER_XML("<ToString>System.Object[]</ToString>"),
          "partner a.example {\"tls\":\"optional\"}\nAdditionalDomains of a.example: not readable: the file does not "
          "say what it is\n" },
        { "[{\"Identity\": \"a.example\", \"TlsNegotiation\": \"Optional\", \"AdditionalDomains\": [\"b.example\", "
          "{}]}]",
          "partner a.example {\"tls\":\"optional\"}\nAdditionalDomains of a.example: not readable: the file does not "
          "say what it is\n" },
        { "{\"Identity\": \"a.example\", \"TlsNegotiation\": \"Optional\", \"AdditionalDomains\": \"b.example "
          "c.example\"}",
          "partner a.example {\"additional-domains\":[\"b.example\",\"c.example\"],\"tls\":\"optional\"}\n" },
        { "Identity,TlsNegotiation,AdditionalDomains\r\na.example,Optional,\"b.example;c.example\"",
          "partner a.example {\"additional-domains\":[\"b.example\",\"c.example\"],\"tls\":\"optional\"}\n" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = { "" };
        struct lync_file *f = read_text(cases[i].text, strlen(cases[i].text), &err);
        char *text;

        if (!f)
            fail_msg("%s: %s", cases[i].text, err.text);
        text = plan_text(f, false);
        assert_string_equal(text, cases[i].plan);
        free(text);
        lync_free(f);
    }
}

static void granted_policies_and_the_organisation_come_too(void **state)
{
    static const char users[] =
        "[{\"SipAddress\": \"sip:Alice@contoso.example\", \"ExternalAccessPolicy\": \"Fed Pic\"},"
        "{\"SipAddress\": \"sip:bob@contoso.example\", \"ExternalAccessPolicy\": null}]";
    static const char org[] =
        "{\"Identity\": \"Global\", \"AllowFederatedUsers\": true, \"EnablePartnerDiscovery\": false}";
    struct err err;
    struct lync_file *f = read_text(users, sizeof(users) - 1, &err);
    char *text = plan_text(f, false);

    assert_string_equal(text, "sip-user alice@contoso.example {\"policy\":\"Fed-Pic\"}\n");
    free(text);
    lync_free(f);
    f = read_text(org, sizeof(org) - 1, &err);
    text = plan_text(f, false);
    assert_string_equal(text, "org  {\"federation\":true}\n");
    free(text);
    lync_free(f);
}

static void what_cannot_be_read_is_refused_with_a_sentence(void **state)
{
    static const struct {
        const char *text, *part;
    } cases[] = {
        { "", "as CSV: there is nothing in it" },
        { "<html></html>", "none of Export-Clixml's" },
        { "<Objs><Obj>", "as Clixml: line 1: " },
        { "<!DOCTYPE Objs [<!ENTITY a 'x'>]><Objs>&a;</Objs>", "document type declaration" },
        { "[1, 2]", "something else than objects" },
        { "{\"Identity\": ", "as JSON: line 1" },
        { "a,b\n\"x", "line 2: a quote is not closed" },
        { "a,b\nx", "line 2: fewer cells" },
        { "a,b\nx,y,z", "line 2: more cells" },
        { "\xff\xfe"
          "a",
          "UTF-16" },
        { "\xff\xfe\x00\xd8"
          "a",
          "UTF-16" },
        { "caf\xe9", "neither UTF-8 nor UTF-16" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = { "" };
        size_t n = i == 10 ? 5 : strlen(cases[i].text);

        assert_null(read_text(cases[i].text, n, &err));
        if (!strstr(err.text, cases[i].part))
            fail_msg("%zu: %s", i, err.text);
    }
}

static void objects_that_are_none_of_ours_are_refused(void **state)
{
    static const struct {
        const char *text, *plan;
    } cases[] = {
        { "[{\"Identity\": \"x\", \"Color\": \"red\"}]", "error: there is an object in it that is neither" },
        { "#TYPE System.IO.FileInfo\r\nName\r\nx\r\n", "error: there is an object of type System.IO.FileInfo" },
        { "[{\"TlsNegotiation\": \"Required\"}]", "error: a XmppAllowedPartner without a readable Identity" },
        { "[{\"Identity\": \"not a domain\", \"TlsNegotiation\": \"Required\"}]",
          "error: XmppAllowedPartner \"not a domain\"" },
        { "[{\"Identity\": \"a.example\", \"TlsNegotiation\": \"Required\"}, {\"Identity\": \"A.example\", "
          "\"TlsNegotiation\": \"Required\"}]",
          "error: partner \"a.example\" is there twice" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = { "" };
        struct lync_file *f = read_text(cases[i].text, strlen(cases[i].text), &err);
        char *text;

        assert_non_null(f);
        text = plan_text(f, false);
        if (strncmp(text, cases[i].plan, strlen(cases[i].plan)) != 0)
            fail_msg("%s", text);
        free(text);
        lync_free(f);
    }
}

static void depth_and_number_are_bounded(void **state)
{
    struct err err;
    struct buf b;

    buf_init(&b, 8 << 20);
    buf_str(&b, "<Objs>");
    for (int i = 0; i < 100; i++)
        buf_str(&b, "<Obj>");
    assert_null(read_text(b.p, b.n, &err));
    assert_non_null(strstr(err.text, "nested too deeply"));
    buf_clear(&b);
    buf_str(&b, "[");
    for (int i = 0; i <= LYNC_OBJECTS_MAX; i++)
        buf_str(&b, i ? ",{\"a\":1}" : "{\"a\":1}");
    buf_str(&b, "]");
    assert_null(read_text(b.p, b.n, &err));
    assert_non_null(strstr(err.text, "objects: there are more than 200000"));
    buf_clear(&b);
    for (int i = 0; i < 1000; i++)
        buf_str(&b, "x,");
    assert_null(read_text(b.p, b.n, &err));
    assert_non_null(strstr(err.text, "more than 200 columns"));
    buf_free(&b);
}

int main(int argc, char **argv)
{
    struct folder folder = { argc > 1 ? argv[1] : "tests/ctl/lync" };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(partners_of_all_formats, &folder),
        cmocka_unit_test_prestate(numbers_of_enumerations_are_taken_only_when_asked, &folder),
        cmocka_unit_test_prestate(the_gateway_of_all_formats, &folder),
        cmocka_unit_test_prestate(policies_of_all_formats, &folder),
        cmocka_unit_test(half_a_list_is_not_a_list),
        cmocka_unit_test(granted_policies_and_the_organisation_come_too),
        cmocka_unit_test(what_cannot_be_read_is_refused_with_a_sentence),
        cmocka_unit_test(objects_that_are_none_of_ours_are_refused),
        cmocka_unit_test(depth_and_number_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
