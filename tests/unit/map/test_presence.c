/* Presence stanzas, sets of resources and how they are kept; ids and priorities of tuples; how subscriptions end. */
#include "presence_support.h"

#include "map/watch_reason.h"

/* ---- stanzas ---- */

static const struct {
    const char *id, *attrs, *inside, *says;
} stanzas[] = {
    { "nothing", "", "", "/r open at=1790000000" },
    { "all", "xml:lang='de'",
      "<show>dnd</show><priority>-5</priority><status>weg</status><status xml:lang='en'>gone</status>"
      "<idle xmlns='urn:xmpp:idle:1' since='2026-09-21T14:00:00Z'/>"
      "<nick xmlns='http://jabber.org/protocol/nick'> Jule </nick>"
      "<x xmlns='vcard-temp:x:update'><photo>da39a3ee5e6b4b0d3255bfef95601890afd80709</photo></x>"
      "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='v'/><x xmlns='urn:x'><show>xa</show></x>",
      "/r open dnd priority=-5 idle=1789999200 nick=Jule photo=da39a3ee5e6b4b0d3255bfef95601890afd80709 at=1790000000"
      " [de]weg [en]gone" },
    { "unavailable has notes alone", "type='unavailable'",
      "<show>away</show><priority>1</priority><status>bye</status><nick "
      "xmlns='http://jabber.org/protocol/nick'>J</nick>",
      "/r closed at=1790000000 []bye" },
    { "illegal show", "", "<show>sleeping</show>", "/r open at=1790000000" },
    { "show with space", "", "<show> xa\n</show>", "/r open xa at=1790000000" },
    { "priority 127", "", "<priority>+127</priority>", "/r open priority=127 at=1790000000" },
    { "priority too large", "", "<priority>128</priority>", "/r open at=1790000000" },
    { "priority too small", "", "<priority>-129</priority>", "/r open at=1790000000" },
    { "priority of words", "", "<priority>high</priority>", "/r open at=1790000000" },
    { "one note for a language", "",
      "<status>a</status><status>b</status><status xml:lang='EN'>c</status><status xml:lang='en'>d</status>",
      "/r open at=1790000000 []a [EN]c" },
    { "four languages at most", "",
      "<status xml:lang='a'>1</status><status xml:lang='b'>2</status><status xml:lang='c'>3</status>"
      "<status xml:lang='d'>4</status><status xml:lang='e'>5</status>",
      "/r open at=1790000000 [a]1 [b]2 [c]3 [d]4" },
    { "no language", "", "<status xml:lang='4 u'>x</status><status>y</status>", "/r open at=1790000000 []x" },
    { "empty note", "", "<status> \n</status>", "/r open at=1790000000" },
    { "delayed", "", "<delay xmlns='urn:xmpp:delay' stamp='2026-09-21T14:00:00Z'/>", "/r open at=1789999200" },
    { "idle in the future", "", "<idle xmlns='urn:xmpp:idle:1' since='2030-01-01T00:00:00Z'/>",
      "/r open at=1790000000" },
    { "photo that is no hash", "", "<x xmlns='vcard-temp:x:update'><photo>x&gt;</photo></x>", "/r open at=1790000000" },
    { "no photo yet", "", "<x xmlns='vcard-temp:x:update'/>", "/r open at=1790000000" },
};

static void stanzas_are_read(void **state)
{
    for (size_t i = 0; i < sizeof(stanzas) / sizeof(stanzas[0]); i++) {
        struct map_presence p;
        struct arena a;

        arena_init(&a, ARENA_MAX);
        p = presence_of(&a, "r", stanzas[i].attrs, stanzas[i].inside);
        assert_string_equal(line_of(&a, &(struct map_presences){ 1, &p }, true), stanzas[i].says);
        arena_reset(&a);
    }
}

static void what_stands_twice_is_a_bad_request(void **state)
{
    static const char *const twice[] = { "<show>away</show><show>dnd</show>",
                                         "<priority>1</priority><priority>1</priority>" };

    for (size_t i = 0; i < 2; i++) {
        const char *condition = NULL;
        struct map_presence p;
        struct arena a;

        arena_init(&a, ARENA_MAX);
        assert_false(map_presence_of_stanza(&a,
                                            stanza_of(&a, slice_str(text_of(&a, "<presence>%s</presence>", twice[i]))),
                                            SLICE("r"), SLICE("en"), NOW, &p, &condition));
        assert_string_equal(condition, "bad-request");
        arena_reset(&a);
    }
}

static void a_long_note_is_cut_at_a_character(void **state)
{
    struct map_presence p;
    struct arena a;
    struct buf b;

    arena_init(&a, ARENA_MAX);
    buf_init(&b, 1 << 16);
    buf_str(&b, "<status>x");
    for (int i = 0; i < 1000; i++)
        buf_str(&b, "\u20AC");
    buf_str(&b, "</status>");
    p = presence_of(&a, "r", "", c_str(&a, buf_slice(&b)));
    assert_int_equal(p.n_notes, 1);
    assert_int_equal(p.notes[0].text.n, 1 + 341 * 3);
    assert_true(text_is_utf8(p.notes[0].text));
    buf_free(&b);
    arena_reset(&a);
}

static void what_is_written_is_read_as_the_same(void **state)
{
    uint64_t seed = 1;

    for (int i = 0; i < 3000; i++) {
        const char *condition = NULL;
        struct map_presence p, again;
        struct arena a;
        struct xml *el;
        struct buf b;

        arena_init(&a, ARENA_MAX);
        buf_init(&b, 1 << 16);
        p = any_presence(&a, &seed, false);
        map_put_presence_stanza(&b, &romeo, &p, &juliet, true, NULL);
        el = stanza_of(&a, buf_slice(&b));
        assert_string_equal(attr_text(&a, el, "to"), "juliet@example.com");
        assert_true(slice_starts(xml_attr(el, "from"), SLICE("romeo@example.net/")));
        assert_true(map_presence_of_stanza(&a, el, slice_from(xml_attr(el, "from"), 18), slice_of(NULL, 0), NOW, &again,
                                           &condition));
        assert_string_equal(line_of(&a, &(struct map_presences){ 1, &again }, false),
                            line_of(&a, &(struct map_presences){ 1, &p }, false));
        buf_clear(&b);
        map_put_presence_stanza(&b, &romeo, &p, &juliet, false, NULL);
        assert_null(xml_child(stanza_of(&a, buf_slice(&b)), "jabber:server", "status"));
        buf_free(&b);
        arena_reset(&a);
    }
}

/* ---- sets ---- */

/* "a open 5 note; b closed": enough of a presence for the tests of sets. */
static struct map_presences set_of(struct arena *a, const char *text)
{
    struct map_presences p = { .v = arena_zalloc(a, MAP_PRESENCE_MAX * sizeof(*p.v)) };
    struct slice rest = slice_str(text), one, word;

    assert_non_null(p.v);
    while (rest.n) {
        struct map_presence *at = &p.v[p.n++];

        slice_cut(rest, ';', &one, &rest);
        one = slice_trim(one);
        slice_cut(one, ' ', &at->resource, &one);
        at->resource = slice_from(at->resource, 1);
        slice_cut(one, ' ', &word, &one);
        at->available = slice_is(word, "open");
        while (one.n) {
            slice_cut(one, ' ', &word, &one);
            if (slice_starts(word, SLICE("at=")))
                at->at_s = atoll(c_str(a, slice_from(word, 3)));
            else if (slice_starts(word, SLICE("[]")))
                map_presence_add_note(at, slice_of(NULL, 0), slice_from(word, 2));
            else if (slice_starts(word, SLICE("priority=")))
                at->has_priority = true, at->priority = (int8_t)atoi(c_str(a, slice_from(word, 9)));
            else
                at->show = map_show_of(word);
        }
    }
    return p;
}

static void note_told(void *arg, const struct map_presence *p)
{
    struct buf *b = arg;

    if (b->n)
        buf_str(b, "; ");
    put_line(b, p, false);
}

static const struct {
    const char *was, *now, *told;
} diffs[] = {
    { "", "/a open", "/a open" },
    { "/a open", "/a open", "" },
    { "/a open at=5", "/a open at=9", "" },
    { "/a open", "/a open dnd", "/a open dnd" },
    { "/a open; /b open", "/b open", "/a closed" },
    { "/a open; /b closed", "/a open", "" },
    { "/a open []x", "/a open", "/a open" },
    { "/a open", "/b open", "/a closed; /b open" },
    { "/a open; /b open", "/ closed", "/a closed; /b closed" },
    { "/a open; /b open", "/ closed []gone", "/a closed []gone; /b closed []gone" },
    { "", "/ closed []gone", "/ closed []gone" },
    { "", "", "/ closed" },
    { "/ closed []gone", "/ closed []gone", "" },
    { "/ closed []gone", "/ closed []back", "/ closed []back" },
    { "/ closed", "/a open", "/a open" },
    { "/a closed", "/ closed", "/ closed" },
    { "", "/a closed", "/a closed" },
    { "/a open", "/a closed []bye", "/a closed []bye" },
};

static void only_what_has_changed_is_told(void **state)
{
    for (size_t i = 0; i < sizeof(diffs) / sizeof(diffs[0]); i++) {
        struct map_presences was, now;
        struct arena a;
        struct buf told;

        arena_init(&a, ARENA_MAX);
        buf_init(&told, 4096);
        was = set_of(&a, diffs[i].was);
        now = set_of(&a, diffs[i].now);
        map_presence_diff(&was, &now, note_told, &told);
        assert_slice(&a, buf_slice(&told), diffs[i].told);
        buf_free(&told);
        arena_reset(&a);
    }
}

static const struct {
    const char *was, *said, *now, *after_telling;
} takes[] = {
    { "", "/a open priority=5", "/a open priority=5", "/a open priority=5" },
    { "/a open", "/b open dnd", "/a open; /b open dnd", "/a open; /b open dnd" },
    { "/a open; /b open", "/a closed []bye", "/a closed []bye; /b open", "/b open" },
    { "/a closed; /b open", "/b open away", "/a closed; /b open away", "/b open away" },
    { "/b open away", "/ closed", "/b closed", "/b closed" },
    { "/a open; /b open", "/ closed []all", "/a closed []all; /b closed []all", "/a closed []all" },
    { "/a closed at=1; /b open", "/b closed at=2", "/a closed; /b closed", "/b closed" },
    { "", "/ closed", "/ closed", "/ closed" },
    { "/b closed", "/c open", "/b closed; /c open", "/c open" },
};

static void a_stanza_takes_its_place(void **state)
{
    for (size_t i = 0; i < sizeof(takes) / sizeof(takes[0]); i++) {
        struct map_presences was, said, now;
        struct arena a;

        arena_init(&a, ARENA_MAX);
        was = set_of(&a, takes[i].was);
        said = set_of(&a, takes[i].said);
        assert_true(map_presences_take(&a, &was, &said.v[0], &now));
        assert_string_equal(line_of(&a, &now, false), takes[i].now);
        map_presences_told(&now);
        assert_string_equal(line_of(&a, &now, false), takes[i].after_telling);
        arena_reset(&a);
    }
}

static void one_too_many_pushes_out_the_least_available(void **state)
{
    struct map_presences was, now;
    struct map_presence one = { .resource = SLICE("new"), .available = true, .priority = 1, .has_priority = true };
    struct arena a;
    struct buf b;

    arena_init(&a, ARENA_MAX);
    buf_init(&b, 4096);
    for (int i = 0; i < MAP_PRESENCE_MAX; i++)
        buf_printf(&b, "%s/r%d open priority=%d", i ? "; " : "", i, i == 7 ? 0 : 2);
    was = set_of(&a, c_str(&a, buf_slice(&b)));
    assert_true(map_presences_take(&a, &was, &one, &now));
    assert_int_equal(now.n, MAP_PRESENCE_MAX);
    assert_slice(&a, now.v[7].resource, "new");
    one.resource = SLICE("least");
    one.priority = -1;
    assert_true(map_presences_take(&a, &now, &one, &was));
    assert_slice(&a, was.v[7].resource, "new");
    buf_free(&b);
    arena_reset(&a);
}

static void the_most_available_is_found(void **state)
{
    static const struct {
        const char *set, *best;
    } cases[] = {
        { "/a open priority=1; /b open dnd priority=2", "b" },
        { "/a open away; /b open", "b" },
        { "/a open; /b open chat", "b" },
        { "/a open dnd; /b open xa", "b" },
        { "/a open xa; /b open away", "b" },
        { "/a open at=1; /b open at=2", "b" },
        { "/a closed at=9; /b open dnd priority=-1", "b" },
        { "/a open priority=-1; /b open", "b" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct map_presences p;
        struct arena a;

        arena_init(&a, ARENA_MAX);
        p = set_of(&a, cases[i].set);
        assert_slice(&a, map_presences_best(&p)->resource, cases[i].best);
        arena_reset(&a);
    }
    assert_null(map_presences_best(&(struct map_presences){ 0 }));
}

static void older_timestamps_change_nothing(void **state)
{
    struct map_presences was, now;
    struct arena a;

    arena_init(&a, ARENA_MAX);
    was = set_of(&a, "/a open at=9; /b open at=3");
    now = set_of(&a, "/a open dnd at=8; /b open dnd at=4; /c open at=1; /d open");
    map_presences_keep_newer(&was, &now);
    assert_string_equal(line_of(&a, &now, false), "/a open; /b open dnd; /c open; /d open");
    arena_reset(&a);
}

/* ---- packed ---- */

static void what_is_packed_is_unpacked_as_the_same(void **state)
{
    uint64_t seed = 2;

    for (int i = 0; i < 2000; i++) {
        struct map_presences p, again;
        struct map_packed *packed;
        struct arena a;

        arena_init(&a, ARENA_MAX);
        p = any_presences(&a, &seed, i % 50 ? 3 : MAP_PRESENCE_MAX, false);
        packed = map_presences_pack(&p);
        assert_non_null(packed);
        assert_true(map_presences_unpack(&a, packed, &again));
        assert_string_equal(line_of(&a, &again, true), line_of(&a, &p, true));
        free(packed);
        arena_reset(&a);
    }
}

static void a_person_with_one_device_is_small(void **state)
{
    struct map_presence p = { .resource = SLICE("Conversations.Nx4T"),
                              .available = true,
                              .show = MAP_SHOW_DND,
                              .has_priority = true,
                              .priority = 5,
                              .at_s = NOW,
                              .n_notes = 1,
                              .notes = { { SLICE("en"), SLICE("In a meeting until three") } } };
    struct map_packed *packed = map_presences_pack(&(struct map_presences){ 1, &p });

    assert_non_null(packed);
    assert_true(map_packed_size(packed) <= 66);
    free(packed);
    p.photo = SLICE("da39a3ee5e6b4b0d3255bfef95601890afd80709");
    packed = map_presences_pack(&(struct map_presences){ 1, &p });
    assert_non_null(packed);
    assert_true(map_packed_size(packed) <= 87);
    free(packed);
}

/* ---- tuples ---- */

static void resources_become_ids_and_come_back(void **state)
{
    static const struct {
        const char *resource, *id;
    } cases[] = {
        { "yn0cl4", "ID-yn0cl4" },
        { "9 \u00FC", "ID-9_20_C3_BC" },
        { "a_b", "ID-a_5Fb" },
        { "x/y", "ID-x_2Fy" },
        { "", "ID-" },
        { "ID-x", "ID-ID-x" },
        { ".-", "ID-.-" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct slice id, back;
        struct arena a;

        arena_init(&a, ARENA_MAX);
        assert_true(map_tuple_id(&a, slice_str(cases[i].resource), &id));
        assert_slice(&a, id, cases[i].id);
        assert_true(map_resource_of_tuple(&a, id, &back));
        assert_slice(&a, back, cases[i].resource);
        arena_reset(&a);
    }
}

static void ids_of_others_are_resources(void **state)
{
    static const struct {
        const char *id, *resource;
    } cases[] = {
        { "t4109", "t4109" },
        { "0", "0" },
        { "ID-a_b", "a_b" },
        { "ID-a_5f", "a_5f" },
        { "ID-_61", "_61" },
        { "ID-a_FF", "a_FF" },
        { "a_20b", "a_20b" },
        { "e\u0301", "\u00E9" },
        { "\x01"
          "x",
          "0178" },
        { "", "" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct slice back;
        struct arena a;

        arena_init(&a, ARENA_MAX);
        assert_true(map_resource_of_tuple(&a, slice_str(cases[i].id), &back));
        assert_slice(&a, back, cases[i].resource);
        arena_reset(&a);
    }
}

static void all_priorities_are_distinct_and_come_back(void **state)
{
    unsigned last = 0;

    for (int n = 0; n <= 127; n++) {
        unsigned thousandths = map_priority_to_contact((int8_t)n);
        char text[16];
        int8_t back;

        assert_true(n == 0 ? thousandths == 0 : thousandths > last);
        last = thousandths;
        snprintf(text, sizeof(text), "%u.%03u", thousandths / 1000, thousandths % 1000);
        assert_true(map_priority_of_contact(slice_str(text), &back));
        assert_int_equal(back, n);
    }
    assert_int_equal(last, 1000);
}

static void qvalues_are_read(void **state)
{
    static const struct {
        const char *q;
        int priority; /* -1: none */
    } cases[] = {
        { "0", 0 },    { "1", 127 },    { "0.5", 64 },   { "1.0", 127 }, { "1.5", -1 },   { "", -1 },
        { "0.", 0 },   { "0.8", 102 },  { "2", -1 },     { "-0.1", -1 }, { "0.0001", 0 }, { ".5", -1 },
        { "0,5", -1 }, { " 0.5 ", 64 }, { "1.001", -1 }, { "0.5x", -1 }, { "00.5", -1 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int8_t priority = -1;
        bool ok = map_priority_of_contact(slice_str(cases[i].q), &priority);

        assert_int_equal(ok, cases[i].priority >= 0);
        if (ok)
            assert_int_equal(priority, cases[i].priority);
    }
}

/* ---- ends ---- */

static void errors_end_subscriptions(void **state)
{
    static const struct {
        const char *condition, *reason;
        unsigned retry_after_s;
    } cases[] = {
        { "item-not-found", "noresource", 0 },
        { "gone", "noresource", 0 },
        { "jid-malformed", "noresource", 0 },
        { "remote-server-not-found", "noresource", 0 },
        { "forbidden", "rejected", 0 },
        { "not-allowed", "rejected", 0 },
        { "not-authorized", "rejected", 0 },
        { "policy-violation", "rejected", 0 },
        { "registration-required", "rejected", 0 },
        { "subscription-required", "rejected", 0 },
        { "remote-server-timeout", "probation", 300 },
        { "recipient-unavailable", "probation", 300 },
        { "resource-constraint", "probation", 300 },
        { "internal-server-error", "probation", 300 },
        { "service-unavailable", "giveup", 3600 },
        { "feature-not-implemented", "giveup", 3600 },
        { "undefined-condition", "giveup", 3600 },
        { "what-nobody-knows", "giveup", 3600 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sip_sub_notice notice;

        map_notice_of_error(slice_str(cases[i].condition), &notice);
        assert_int_equal(notice.state, SIP_SUB_TERMINATED);
        assert_string_equal(sip_sub_reason_name(notice.reason), cases[i].reason);
        assert_int_equal(notice.retry_after_s, cases[i].retry_after_s);
        assert_int_equal(notice.content.body.n, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stanzas_are_read),
        cmocka_unit_test(what_stands_twice_is_a_bad_request),
        cmocka_unit_test(a_long_note_is_cut_at_a_character),
        cmocka_unit_test(what_is_written_is_read_as_the_same),
        cmocka_unit_test(only_what_has_changed_is_told),
        cmocka_unit_test(a_stanza_takes_its_place),
        cmocka_unit_test(one_too_many_pushes_out_the_least_available),
        cmocka_unit_test(the_most_available_is_found),
        cmocka_unit_test(older_timestamps_change_nothing),
        cmocka_unit_test(what_is_packed_is_unpacked_as_the_same),
        cmocka_unit_test(a_person_with_one_device_is_small),
        cmocka_unit_test(resources_become_ids_and_come_back),
        cmocka_unit_test(ids_of_others_are_resources),
        cmocka_unit_test(all_priorities_are_distinct_and_come_back),
        cmocka_unit_test(qvalues_are_read),
        cmocka_unit_test(errors_end_subscriptions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
