/* What we write of presence and of watchers is valid, whoever is written about. */
#include "presence_support.h"

#include "map/winfo.h"
#include "schema.h"

static const char *folder;

static const struct {
    const char *id, *document;
    bool valid;
} checks[] = {
    { "empty", PIDF(""), true },
    { "a tuple", PIDF("<tuple id='a'><status><basic>open</basic></status></tuple>"), true },
    { "no status", PIDF("<tuple id='a'/>"), false },
    { "no id", PIDF("<tuple><status/></tuple>"), false },
    { "no name", PIDF("<tuple id='9'><status/></tuple>"), false },
    { "one name for two", PIDF("<tuple id='a'><status/></tuple><tuple id='a'><status/></tuple>"), false },
    { "another word", PIDF("<tuple id='a'><status><basic>on</basic></status></tuple>"), false },
    { "a note before its contact", PIDF("<tuple id='a'><status/><note>x</note><contact>sip:a</contact></tuple>"),
      false },
    { "a note after the time",
      PIDF("<tuple id='a'><status/><timestamp>2026-01-01T00:00:00Z</timestamp><note>x</note></tuple>"), false },
    { "no time", PIDF("<tuple id='a'><status/><timestamp>now</timestamp></tuple>"), false },
    { "priority of four decimals", PIDF("<tuple id='a'><status/><contact priority='0.1234'>sip:a</contact></tuple>"),
      false },
    { "priority above one", PIDF("<tuple id='a'><status/><contact priority='1.5'>sip:a</contact></tuple>"), false },
    { "no language", PIDF("<tuple id='a'><status/><note xml:lang='4u'>x</note></tuple>"), false },
    { "a tuple behind a person", PIDF("<dm:person id='p'/><tuple id='a'><status/></tuple>"), false },
    { "a note behind a person", PIDF("<dm:person id='p'/><note>x</note>"), false },
    { "a person behind notes",
      PIDF("<note>x</note><dm:person id='p'><rpid:activities><rpid:busy/></rpid:activities></dm:person>"), true },
    { "no activity of RPID", PIDF("<dm:person id='p'><rpid:activities><rpid:dnd/></rpid:activities></dm:person>"),
      false },
    { "no show of XMPP", PIDF("<tuple id='a'><status><show xmlns='jabber:client'>busy</show></status></tuple>"),
      false },
};

static void the_schema_knows_good_from_bad(void **state)
{
    struct schema s;

    schema_init(&s, folder, "pidf.xsd");
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
        if (schema_takes(&s, slice_str(checks[i].document)) != checks[i].valid)
            fail_msg("%s: %.*s", checks[i].id, SLICE_FMT(buf_slice(&s.complaint)));
    schema_fini(&s);
}

static void every_document_of_presence_is_valid(void **state)
{
    uint64_t seed = 5;
    struct schema s;

    schema_init(&s, folder, "pidf.xsd");
    for (int i = 0; i < 1500; i++) {
        struct map_presences p;
        struct arena a;

        arena_init(&a, ARENA_MAX);
        p = any_presences(&a, &seed, i % 20 ? 3 : MAP_PRESENCE_MAX, false);
        assert_taken(&s, pidf_of(&a, &p, i % 2));
        arena_reset(&a);
    }
    schema_fini(&s);
}

static void every_document_about_watchers_is_valid(void **state)
{
    struct schema s;

    schema_init(&s, folder, "winfo.xsd");
    for (unsigned i = 0; i < 64; i++) {
        struct map_watcher v[2] = { { SLICE("a"), juliet, i % 3, i % 6, i % 5 },
                                    { SLICE("b c"), romeo, i / 3 % 3, i / 11, 0 } };
        struct map_winfo w = { .version = i, .full = i % 2, .n = i % 3, .v = v };
        struct buf b;

        buf_init(&b, 4096);
        assert_int_equal(map_put_winfo(&b, &romeo, NULL, &w, i % 2 ? MAP_WINFO_MAX : 345), i % 2 || w.n < 2 ? w.n : 1);
        assert_taken(&s, buf_slice(&b));
        buf_free(&b);
    }
    schema_fini(&s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_schema_knows_good_from_bad),
        cmocka_unit_test(every_document_of_presence_is_valid),
        cmocka_unit_test(every_document_about_watchers_is_valid),
    };

    folder = argc > 1 ? argv[1] : ".";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
