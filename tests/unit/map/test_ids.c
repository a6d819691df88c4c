#include "map_support.h"

#include "base/hash.h"
#include "map/ids.h"

static bool is_call_id_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c && strchr("-.!%*_+`'~()<>:\\\"/[]?{}@", c));
}

/* call_id NULL: encoded, whatever it looks like; "": cannot be. */
static const struct {
    const char *thread, *call_id;
} threads[] = {
    { "29377446-0CBB-4296-8958-590D79094C50", "29377446-0CBB-4296-8958-590D79094C50" },
    { "a@b", "a@b" },
    { "stox-", "stox-" },
    { "stox-!", "stox-!" },
    { "stox-YQ", "stox-YQ" }, /* "a" could stand for itself: nobody encodes it */
    { "a b=c", NULL },
    { "abc==", NULL },
    { "a@b@c", NULL },
    { "@a", NULL },
    { "a@", NULL },
    { "zürich", NULL },
    { "a,b;c", NULL },
    { "x\ny", NULL },
    { "stox-YSBiPWM", NULL }, /* "a b=c", encoded by us: as a thread it is encoded once more */
    { "", "" },
};

static void threads_are_call_ids(void **state)
{
    for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]); i++) {
        struct arena a;
        struct buf b, back;
        const char *expect = threads[i].call_id;
        bool ok;

        arena_init(&a, ARENA_MAX);
        buf_init(&b, 1000);
        buf_init(&back, 1000);
        ok = map_thread_to_call_id(&b, slice_str(threads[i].thread));
        if (ok == (expect && !*expect))
            fail_msg("\"%s\": %d", threads[i].thread, ok);
        if (ok && expect) {
            assert_slice(&a, buf_slice(&b), expect);
            assert_false(map_call_id_to_thread(&back, buf_slice(&b)));
        } else if (ok) {
            assert_true(b.n <= MAP_CALL_ID_MAX);
            for (size_t j = 0; j < b.n; j++)
                assert_true(is_call_id_char(b.p[j]) && b.p[j] != '@');
            assert_true(map_call_id_to_thread(&back, buf_slice(&b)));
            assert_slice(&a, buf_slice(&back), threads[i].thread);
        }
        buf_free(&b);
        buf_free(&back);
        arena_reset(&a);
    }
}

static void length_decides(void **state)
{
    char text[300];

    memset(text, ' ', sizeof(text));
    for (size_t n = 1; n <= sizeof(text); n++) {
        struct buf b, back;

        buf_init(&b, 1000);
        buf_init(&back, 1000);
        assert_int_equal(map_thread_to_call_id(&b, slice_of(text, n)), n <= MAP_THREAD_MAX);
        if (n <= MAP_THREAD_MAX) {
            assert_true(b.n <= MAP_CALL_ID_MAX);
            assert_true(map_call_id_to_thread(&back, buf_slice(&b)));
            assert_true(slice_eq(buf_slice(&back), slice_of(text, n)));
        }
        buf_free(&b);
        buf_free(&back);
    }
    memset(text, 'x', sizeof(text));
    for (size_t n = 250; n < 260; n++) {
        struct buf b;

        buf_init(&b, 1000);
        assert_int_equal(map_thread_to_call_id(&b, slice_of(text, n)), n <= MAP_CALL_ID_MAX);
        buf_free(&b);
    }
}

/* Any Call-ID, as thread, comes back as itself; any thread too: nobody's conversation becomes another one. */
static void both_ways_are_one_to_one(void **state)
{
    static const char *const pieces[] = { "stox-", "YSBiPWM", "c3RveC1ZU0JpUFdN", "a", " ", "=", "@", "ü", "YQ", "Cg" };
    uint64_t seed = 20260131;

    for (unsigned round = 0; round < 100000; round++) {
        struct buf text, coded, back;

        buf_init(&text, 1000);
        buf_init(&coded, 1000);
        buf_init(&back, 1000);
        buf_str(&text, next_random(&seed) % 2 ? "stox-" : "");
        for (uint64_t n = 1 + next_random(&seed) % 3; n; n--)
            buf_str(&text, pieces[next_random(&seed) % 10]);
        assert_true(map_thread_to_call_id(&coded, buf_slice(&text)));
        if (!map_call_id_to_thread(&back, buf_slice(&coded)))
            buf_put(&back, buf_slice(&coded));
        if (!slice_eq(buf_slice(&back), buf_slice(&text)))
            fail_msg("seed 20260131, round %u: \"%.*s\" comes back as \"%.*s\"", round, SLICE_FMT(buf_slice(&text)),
                     SLICE_FMT(buf_slice(&back)));
        if (round % 3 == 0) {
            buf_clear(&coded);
            buf_clear(&back);
            if (!map_call_id_to_thread(&back, buf_slice(&text)))
                buf_put(&back, buf_slice(&text));
            assert_true(map_thread_to_call_id(&coded, buf_slice(&back)));
            /* Only what can be a Call-ID arrives as one. */
            if (slice_find(buf_slice(&text), ' ') == text.n && slice_find(buf_slice(&text), '=') == text.n &&
                slice_find(buf_slice(&text), '@') == text.n && slice_find(buf_slice(&text), '\xc3') == text.n)
                assert_true(slice_eq(buf_slice(&coded), buf_slice(&text)));
        }
        buf_free(&text);
        buf_free(&coded);
        buf_free(&back);
    }
}

static struct slice id_of(struct arena *a, const struct map_conf *conf, const char *via, const char *call_id,
                          const char *tag, unsigned cseq)
{
    const char *text = text_of(a,
                               "MESSAGE sip:juliet@example.com SIP/2.0\r\nVia: SIP/2.0/UDP %s\r\nMax-Forwards: 70\r\n"
                               "To: <sip:juliet@example.com>\r\nFrom: <sip:romeo@example.net>;tag=%s\r\n"
                               "Call-ID: %s\r\nCSeq: %u MESSAGE\r\nContent-Length: 0\r\n\r\n",
                               via, tag, call_id, cseq);
    struct slice id = map_stanza_id(a, conf, sip_of_bytes(a, slice_str(text)));

    assert_non_null(id.p);
    return id;
}

static void stanza_ids_derive_from_the_transaction(void **state)
{
    struct map_conf conf = { .key = "0123456789abcdef0123456789abcde" };
    struct arena a;
    struct slice old;
    char long_branch[400];

    arena_init(&a, ARENA_MAX);
    assert_slice(&a, id_of(&a, &conf, "h;branch=z9hG4bKabc-1.2~x", "c", "t", 1), "abc-1.2~x");
    old = id_of(&a, &conf, "h;branch=abc", "c", "t", 1);
    assert_int_equal(old.n, 32);
    assert_true(slice_eq(old, id_of(&a, &conf, "h;branch=abc", "c", "t", 1)));
    assert_false(slice_eq(old, id_of(&a, &conf, "h;branch=abd", "c", "t", 1)));
    assert_false(slice_eq(old, id_of(&a, &conf, "g;branch=abc", "c", "t", 1)));
    assert_false(slice_eq(old, id_of(&a, &conf, "h:5070;branch=abc", "c", "t", 1)));
    assert_false(slice_eq(old, id_of(&a, &conf, "h;branch=abc", "d", "t", 1)));
    assert_false(slice_eq(old, id_of(&a, &conf, "h;branch=abc", "c", "u", 1)));
    assert_false(slice_eq(old, id_of(&a, &conf, "h;branch=abc", "c", "t", 2)));
    memset(long_branch, 'x', sizeof(long_branch));
    memcpy(long_branch, "h;branch=z9hG4bK", 16);
    long_branch[16 + 201] = 0;
    assert_int_equal(id_of(&a, &conf, long_branch, "c", "t", 1).n, 32);
    long_branch[16 + 200] = 0;
    assert_int_equal(id_of(&a, &conf, long_branch, "c", "t", 1).n, 200);
    assert_int_equal(id_of(&a, &conf, "h;branch=z9hG4bK", "c", "t", 1).n, 32);
    assert_int_equal(id_of(&a, &conf, "h", "c", "t", 1).n, 32);
    conf.key[0]++;
    assert_false(slice_eq(old, id_of(&a, &conf, "h;branch=abc", "c", "t", 1)));
    arena_reset(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_are_call_ids),
        cmocka_unit_test(length_decides),
        cmocka_unit_test(both_ways_are_one_to_one),
        cmocka_unit_test(stanza_ids_derive_from_the_transaction),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
