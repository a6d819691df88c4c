/* Cards of SIP users, as XMPP asks for them, and names in cards of XMPP users. */
#include "map_support.h"

#include "base/text.h"
#include "map/vcard.h"

static const struct jid alice = { { "alice", 5 }, { "contoso.example", 15 }, { NULL, 0 } };

static const struct {
    struct map_vcard card;
    const char *temp, *four;
} cards[] = {
    { { { NULL, 0 }, { NULL, 0 }, { NULL, 0 }, { NULL, 0 } },
      "<vCard xmlns='vcard-temp'><FN>alice@contoso.example</FN><N/><JABBERID>alice@contoso.example</JABBERID></vCard>",
      "<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'><fn><text>alice@contoso.example</text></fn>"
      "<impp><uri>xmpp:alice@contoso.example</uri></impp></vcard>" },
    { { { "Alice & Co", 10 }, { "+1-201-555-0123", 15 }, { "image/png", 9 }, { "\x89PNG", 4 } },
      "<vCard xmlns='vcard-temp'><FN>Alice &amp; "
      "Co</FN><N/><PHOTO><TYPE>image/png</TYPE><BINVAL>iVBORw==</BINVAL></PHOTO>"
      "<TEL><VOICE/><NUMBER>+1-201-555-0123</NUMBER></TEL><JABBERID>alice@contoso.example</JABBERID></vCard>",
      "<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'><fn><text>Alice &amp; Co</text></fn>"
      "<photo><uri>data:image/png;base64,iVBORw==</uri></photo><tel><uri>tel:+1-201-555-0123</uri></tel>"
      "<impp><uri>xmpp:alice@contoso.example</uri></impp></vcard>" },
};

static void cards_are_written_in_both_forms(void **state)
{
    for (size_t i = 0; i < sizeof(cards) / sizeof(cards[0]); i++) {
        struct arena a;
        struct buf b;

        arena_init(&a, ARENA_MAX);
        buf_init(&b, 65536);
        map_put_vcard_temp(&b, &cards[i].card, &alice);
        assert_slice(&a, buf_slice(&b), cards[i].temp);
        assert_non_null(stanza_or_null(&a, buf_slice(&b)));
        buf_clear(&b);
        map_put_vcard4(&b, &cards[i].card, &alice);
        assert_slice(&a, buf_slice(&b), cards[i].four);
        assert_non_null(stanza_or_null(&a, buf_slice(&b)));
        buf_free(&b);
        arena_reset(&a);
    }
}

static void names_are_found_in_cards(void **state)
{
    static const struct {
        const char *card, *name;
    } cases[] = {
        { "<vCard xmlns='vcard-temp'><FN> Juliet </FN><NICKNAME>J</NICKNAME></vCard>", "Juliet" },
        { "<vCard xmlns='vcard-temp'><FN/><NICKNAME>J</NICKNAME></vCard>", "J" },
        { "<vCard xmlns='vcard-temp'><PHOTO/></vCard>", "" },
        { "<vCard xmlns='vcard-temp'><FN xmlns='urn:x'>Juliet</FN></vCard>", "" },
        { "<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'><fn><text>Juliet</text></fn></vcard>", "Juliet" },
        { "<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'><fn/><nickname><text>J</text></nickname></vcard>", "J" },
        { "<query xmlns='urn:x'><FN>Juliet</FN></query>", "" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena a;

        arena_init(&a, ARENA_MAX);
        assert_slice(&a, map_vcard_name(&a, stanza_of(&a, slice_str(cases[i].card))), cases[i].name);
        arena_reset(&a);
    }
}

#define EXTVAL(uri) "<vCard xmlns='vcard-temp'><PHOTO><EXTVAL>" uri "</EXTVAL></PHOTO></vCard>"
#define URI(uri) "<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'><photo><uri>" uri "</uri></photo></vcard>"

static void photos_are_addresses_of_https(void **state)
{
    static const struct {
        const char *card, *photo;
    } cases[] = {
        { EXTVAL(" https://pictures.example/juliet.png?a=1&amp;b=2 "), "https://pictures.example/juliet.png?a=1&b=2" },
        { URI("HTTPS://pictures.example"), "HTTPS://pictures.example" },
        { URI("https://pictures.example/@juliet"), "https://pictures.example/@juliet" },
        { URI("data:image/png;base64,AAAA"), "" },
        { EXTVAL("http://pictures.example/juliet.png"), "" },
        { EXTVAL("file:///etc/passwd"), "" },
        { EXTVAL("https://"), "" },
        { EXTVAL("https:///x"), "" },
        { EXTVAL("https://user:password@pictures.example/"), "" },
        { EXTVAL("https://pictures.example/a b"), "" },
        { EXTVAL("https://pictures.example/&lt;script&gt;"), "" },
        { EXTVAL("https://pictures.example/\u00FC"), "" },
        { EXTVAL(""), "" },
        { "<vCard xmlns='vcard-temp'><PHOTO><TYPE>image/png</TYPE><BINVAL>AAAA</BINVAL></PHOTO></vCard>", "" },
        { "<query xmlns='urn:x'><photo><uri>https://pictures.example</uri></photo></query>", "" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena a;

        arena_init(&a, ARENA_MAX);
        assert_slice(&a, map_vcard_photo(&a, stanza_of(&a, slice_str(cases[i].card))), cases[i].photo);
        arena_reset(&a);
    }
}

static void a_photo_with_a_long_address_is_none(void **state)
{
    struct arena a;

    for (int n = 480; n < 520; n++) {
        const char *card;

        arena_init(&a, ARENA_MAX);
        card = text_of(&a, EXTVAL("https://x.example/%0*d"), n, 7);
        assert_int_equal(map_vcard_photo(&a, stanza_of(&a, slice_str(card))).n, n + 18 <= 512 ? n + 18 : 0);
        arena_reset(&a);
    }
}

static void a_long_name_is_cut(void **state)
{
    struct map_vcard card = { 0 };
    struct arena a;
    struct buf b;
    char *name;

    arena_init(&a, ARENA_MAX);
    buf_init(&b, 65536);
    name = text_of(&a, "%0300d\u20AC", 7);
    card.name = slice_str(name);
    map_put_vcard_temp(&b, &card, &alice);
    assert_int_equal(map_vcard_name(&a, stanza_of(&a, buf_slice(&b))).n, MAP_VCARD_NAME_BYTES);
    buf_free(&b);
    arena_reset(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cards_are_written_in_both_forms),
        cmocka_unit_test(names_are_found_in_cards),
        cmocka_unit_test(a_long_name_is_cut),
        cmocka_unit_test(photos_are_addresses_of_https),
        cmocka_unit_test(a_photo_with_a_long_address_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
