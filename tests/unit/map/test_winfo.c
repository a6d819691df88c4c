/* Documents of presence.winfo, both ways. */
#include "presence_support.h"

#include "map/winfo.h"

#define LIST(attrs, inside)                                                                                            \
    "<?xml version='1.0'?><watcherinfo xmlns='urn:ietf:params:xml:ns:watcherinfo' " attrs                              \
    "><watcher-list resource='sip:romeo@example.net' package='presence'>" inside "</watcher-list></watcherinfo>"
#define FULL(inside) LIST("version='0' state='full'", inside)
#define JULIET "<watcher id='1' status='pending' event='subscribe'>sip:juliet@example.com</watcher>"

static const char *lines_of(struct arena *a, const struct map_winfo *w)
{
    const char *text =
        text_of(a, "%s %llu%s", w->full ? "full" : "partial", (unsigned long long)w->version, w->more ? " more" : "");

    for (size_t i = 0; i < w->n; i++)
        text = text_of(a, "%s; %.*s %.*s@%.*s %d %d %llu %llu %.*s", text, SLICE_FMT(w->v[i].id),
                       SLICE_FMT(w->v[i].who.local), SLICE_FMT(w->v[i].who.domain), w->v[i].status, w->v[i].event,
                       (unsigned long long)w->v[i].expires_in_s, (unsigned long long)w->v[i].since_s,
                       SLICE_FMT(w->v[i].name));
    return text;
}

static const struct {
    const char *id, *document, *says; /* NULL: malformed */
} documents[] = {
    { "nobody", FULL(""), "full 0" },
    { "one who asks", FULL(JULIET), "full 0; 1 juliet@example.com 0 0 0 0 " },
    { "all attributes",
      LIST("version='17' state='partial'",
           "<watcher id='x' status='terminated' event='rejected' expiration='9' duration-subscribed='509' "
           "display-name='Juliet C.'> sips:Juliet@EXAMPLE.com;x=y </watcher>"),
      "partial 17; x juliet@example.com 3 4 9 509 Juliet C." },
    { "no SIP address", FULL("<watcher id='1' status='active' event='approved'>tel:+1</watcher>" JULIET),
      "full 0 more; 1 juliet@example.com 0 0 0 0 " },
    { "another package",
      "<watcherinfo xmlns='urn:ietf:params:xml:ns:watcherinfo' version='1' state='full'><watcher-list "
      "resource='sip:romeo@example.net' package='dialog'>" JULIET "</watcher-list></watcherinfo>",
      "full 1" },
    { "another person",
      "<watcherinfo xmlns='urn:ietf:params:xml:ns:watcherinfo' version='1' state='full'><watcher-list "
      "resource='sip:other@example.net' package='presence'>" JULIET "</watcher-list></watcherinfo>",
      "full 1" },
    { "unknown elements", FULL("<x xmlns='urn:x'/>" JULIET "<!-- c -->"), "full 0; 1 juliet@example.com 0 0 0 0 " },
    { "no version", LIST("state='full'", ""), NULL },
    { "version of more than 32 bits", LIST("version='4294967296' state='full'", ""), NULL },
    { "no state", LIST("version='1'", ""), NULL },
    { "unknown state", LIST("version='1' state='half'", ""), NULL },
    { "unknown status", FULL("<watcher id='1' status='x' event='subscribe'>sip:a@b</watcher>"), NULL },
    { "unknown event", FULL("<watcher id='1' status='active' event='x'>sip:a@b</watcher>"), NULL },
    { "no id", FULL("<watcher status='active' event='subscribe'>sip:a@b</watcher>"), NULL },
    { "DTD", "<!DOCTYPE x>" FULL(""), NULL },
    { "another root", "<presence xmlns='urn:ietf:params:xml:ns:pidf'/>", NULL },
    { "nothing", "", NULL },
};

static void documents_are_read(void **state)
{
    for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
        struct map_winfo w;
        struct arena a;
        enum map_winfo_fault fault;

        arena_init(&a, MAP_WINFO_ARENA);
        fault = map_read_winfo(&a, slice_str(documents[i].document), &romeo, NULL, &w);
        if (fault != (documents[i].says ? MAP_WINFO_OK : MAP_WINFO_MALFORMED))
            fail_msg("%s", documents[i].id);
        if (documents[i].says)
            assert_string_equal(lines_of(&a, &w), documents[i].says);
        arena_reset(&a);
    }
}

static void what_is_written_is_read_as_the_same(void **state)
{
    for (unsigned status = 0; status < 4; status++) {
        for (unsigned event = 0; event < 8; event++) {
            struct map_watcher v[2] = { { SLICE("a&b"), juliet, status, event, SLICE("J'\"<>"), 7, 0 },
                                        { SLICE("2"), romeo, event % 4, event, { NULL, 0 }, 0, 8 } };
            struct map_winfo w = { .version = event, .full = event % 2, .n = 2, .v = v }, again;
            struct arena a;
            struct buf b;

            arena_init(&a, MAP_WINFO_ARENA);
            buf_init(&b, 4096);
            map_put_winfo(&b, &romeo, NULL, &w);
            assert_true(buf_ok(&b));
            assert_int_equal(map_read_winfo(&a, buf_slice(&b), &romeo, NULL, &again), MAP_WINFO_OK);
            assert_string_equal(lines_of(&a, &again), lines_of(&a, &w));
            buf_free(&b);
            arena_reset(&a);
        }
    }
}

/* Also those whose addresses are none, at which preparing takes the most memory. */
static void watchers_have_a_bound(void **state)
{
    static const char *const who[] = { "sip:a@b.example", "sip:%2f%00@\u00DF..", "sip:\u00E9\u0301@b" };

    for (size_t k = 0; k < 3; k++) {
        struct map_winfo w;
        struct arena a;
        struct buf b;

        arena_init(&a, MAP_WINFO_ARENA);
        buf_init(&b, 1 << 20);
        buf_str(&b, "<watcherinfo xmlns='urn:ietf:params:xml:ns:watcherinfo' version='0' state='full'><watcher-list "
                    "resource='sip:romeo@example.net' package='presence'>");
        for (int i = 0; i < 700; i++)
            buf_printf(&b, "<watcher id='' status='active' event='approved'>%s</watcher>", who[k]);
        buf_str(&b, "</watcher-list></watcherinfo>");
        assert_int_equal(map_read_winfo(&a, buf_slice(&b), &romeo, NULL, &w), MAP_WINFO_OK);
        assert_true(w.more);
        assert_int_equal(w.n, k == 0 ? MAP_WATCHERS_MAX : 0);
        buf_free(&b);
        arena_reset(&a);
    }
}

static void versions_are_in_order(void **state)
{
    static const struct {
        uint64_t version, last;
        bool full, has_last;
        enum map_winfo_order order;
    } cases[] = {
        { 0, 0, true, false, MAP_WINFO_REPLACE }, { 5, 0, true, false, MAP_WINFO_REPLACE },
        { 0, 0, false, false, MAP_WINFO_GAP },    { 1, 0, false, true, MAP_WINFO_CHANGE },
        { 2, 0, false, true, MAP_WINFO_GAP },     { 2, 0, true, true, MAP_WINFO_REPLACE },
        { 3, 3, true, true, MAP_WINFO_OLD },      { 2, 3, false, true, MAP_WINFO_OLD },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct map_winfo w = { .version = cases[i].version, .full = cases[i].full };

        assert_int_equal(map_winfo_order(&w, cases[i].has_last, cases[i].last), cases[i].order);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_are_read),
        cmocka_unit_test(what_is_written_is_read_as_the_same),
        cmocka_unit_test(watchers_have_a_bound),
        cmocka_unit_test(versions_are_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
