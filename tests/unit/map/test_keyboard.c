/* Lync's documents of who types, and the report of failure. */
#include "map_support.h"

#include "map/keyboard.h"

static const struct {
    const char *id, *text;
    enum map_document_fault fault;
    bool typing;
} documents[] = {
    { "type", "<KeyboardActivity>\n  <status status=\"type\" />\n</KeyboardActivity>", MAP_DOCUMENT_OK, true },
    { "idle", "<?xml version=\"1.0\"?><KeyboardActivity><status status=\"idle\"/></KeyboardActivity>", MAP_DOCUMENT_OK,
      false },
    { "unknown status", "<KeyboardActivity><status status=\"dance\"/></KeyboardActivity>", MAP_DOCUMENT_OK, false },
    { "no attribute", "<KeyboardActivity><status/></KeyboardActivity>", MAP_DOCUMENT_OK, false },
    { "two: the first", "<KeyboardActivity><status status=\"type\"/><status status=\"idle\"/></KeyboardActivity>",
      MAP_DOCUMENT_OK, true },
    { "others around it", "<KeyboardActivity><x/><status status=\"type\" since='1'/><y/></KeyboardActivity>",
      MAP_DOCUMENT_OK, true },
    { "no status", "<KeyboardActivity/>", MAP_DOCUMENT_MALFORMED, false },
    { "another root", "<Keyboard><status status=\"type\"/></Keyboard>", MAP_DOCUMENT_MALFORMED, false },
    { "another namespace", "<KeyboardActivity xmlns='urn:x'><status status=\"type\"/></KeyboardActivity>",
      MAP_DOCUMENT_MALFORMED, false },
    { "cut off", "<KeyboardActivity><status status=\"type\"/>", MAP_DOCUMENT_MALFORMED, false },
    { "DTD", "<!DOCTYPE x [<!ENTITY a 'type'>]><KeyboardActivity><status status=\"&a;\"/></KeyboardActivity>",
      MAP_DOCUMENT_MALFORMED, false },
    { "nothing", "", MAP_DOCUMENT_MALFORMED, false },
    { "no XML", "type", MAP_DOCUMENT_MALFORMED, false },
};

static void documents_are_read(void **state)
{
    for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
        bool typing;
        enum map_document_fault fault = map_keyboard_read(slice_str(documents[i].text), &typing);

        if (fault != documents[i].fault || (fault == MAP_DOCUMENT_OK && typing != documents[i].typing))
            fail_msg("%s: fault %d, typing %d", documents[i].id, fault, typing);
    }
}

static void what_is_written_is_read(void **state)
{
    for (int typing = 0; typing < 2; typing++) {
        struct buf b;
        bool again;

        buf_init(&b, 1000);
        map_keyboard_put(&b, typing);
        assert_int_equal(map_keyboard_read(buf_slice(&b), &again), MAP_DOCUMENT_OK);
        assert_int_equal(again, typing);
        buf_free(&b);
    }
}

static void a_report_of_failure(void **state)
{
    struct buf b;

    buf_init(&b, 1000);
    map_ms_imdn_put(&b, SLICE("a1b2"), SLICE("sip:x&y@fabrikam.example"), 480);
    assert_true(slice_is(buf_slice(&b),
                         "<?xml version=\"1.0\"?>\r\n<imdn>\r\n<message-id>a1b2</message-id>\r\n"
                         "<recipient uri='sip:x&amp;y@fabrikam.example'><status>480</status></recipient>\r\n"
                         "</imdn>"));
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_are_read),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_report_of_failure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
