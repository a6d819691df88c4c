/* Documents of presence.winfo, as they are written. */
#include "presence_support.h"

#include "map/winfo.h"

#define HEAD(version, state)                                                                                           \
    "<?xml version='1.0' encoding='UTF-8'?>\n<watcherinfo xmlns='urn:ietf:params:xml:ns:watcherinfo' "                 \
    "version='" version "' state='" state "'><watcher-list resource='sip:romeo@example.net' package='presence'>"
#define END "</watcher-list></watcherinfo>"
#define JULIET(id, more) "<watcher id='" id "' status=" more ">sip:juliet@example.com</watcher>"
#define PENDING JULIET("1", "'pending' event='subscribe'")
#define WHO(id, domain)                                                                                                \
    {                                                                                                                  \
        SLICE(id), { SLICE("juliet"), SLICE(domain), { NULL, 0 } }, MAP_WATCHER_PENDING, MAP_WATCHER_SUBSCRIBE, 0      \
    }
#define LONG_DOMAIN "a-name-of-some-length.a-name-of-some-length.a-name-of-some-length.example"

struct written {
    const char *what;
    uint32_t version;
    bool partial;
    struct map_watcher v[3];
    size_t n, max, done;
    const char *document;
};

static const struct written cases[] = {
    { "nobody", .document = HEAD("0", "full") END },
    { "one who asks", .v = { WHO("1", "example.com") }, .n = 1, .done = 1, .document = HEAD("0", "full") PENDING END },
    { "all that can be said", .version = 4294967295u, .partial = true,
      .v = { { SLICE("a&'"),
               { SLICE("juliet"), SLICE("example.com"), { NULL, 0 } },
               MAP_WATCHER_TERMINATED,
               MAP_WATCHER_REJECTED,
               509 } },
      .n = 1, .done = 1,
      .document = HEAD("4294967295", "partial")
          JULIET("a&amp;&apos;", "'terminated' event='rejected' duration-subscribed='509'") END },
    { "one who is nobody on SIP",
      .v = { { SLICE("1"), { { NULL, 0 }, { NULL, 0 }, { NULL, 0 } }, 0, 0, 0 }, WHO("1", "example.com") }, .n = 2,
      .done = 2, .document = HEAD("0", "full") PENDING END },
    { "room for one", .v = { WHO("1", "example.com"), WHO("2", "example.com") }, .n = 2,
      .max = sizeof(HEAD("0", "full") PENDING END) + 20, .done = 1, .document = HEAD("0", "full") PENDING END },
    { "one for whom there is never room",
      .v = { WHO("3", LONG_DOMAIN), WHO("1", "example.com"), WHO("2", "example.com") }, .n = 3,
      .max = sizeof(HEAD("0", "full") PENDING END) - 1, .done = 2, .document = HEAD("0", "full") PENDING END },
};

static void written_as(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct written *c = &cases[i];
        const struct map_winfo w = { .version = c->version, .full = !c->partial, .n = c->n, .v = c->v };
        struct buf b;
        size_t done;

        buf_init(&b, 65536);
        done = map_put_winfo(&b, &romeo, NULL, &w, c->max ? c->max : MAP_WINFO_MAX);
        if (!buf_ok(&b) || done != c->done || !slice_is(buf_slice(&b), c->document))
            fail_msg("%s: %zu: %.*s", c->what, done, SLICE_FMT(buf_slice(&b)));
        buf_free(&b);
    }
}

/* All of them, a few in each document, and no document is longer than it may be. */
static void what_has_no_room_follows(void **state)
{
    struct map_watcher v[200];
    struct buf b;
    size_t told = 0, n_documents = 0;

    for (size_t i = 0; i < 200; i++)
        v[i] = (struct map_watcher)WHO("1", "example.com");
    buf_init(&b, 65536);
    for (; told < 200; n_documents++) {
        const struct map_winfo w = { .n = 200 - told, .v = v + told };

        buf_clear(&b);
        told += map_put_winfo(&b, &romeo, NULL, &w, 900);
        assert_true(buf_ok(&b) && b.n <= 900 && b.n > 700);
    }
    assert_int_equal(n_documents, 25);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_as),
        cmocka_unit_test(what_has_no_room_follows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
