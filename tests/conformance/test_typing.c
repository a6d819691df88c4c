/* STOX-CS: who is typing, where it takes a clock to show it. What passes on the wire is in test_status_wire.py. */
#include "status_support.h"

#include "map/typing.h"

#define COMPOSING_TYPE "application/im-iscomposing+xml"
#define DOC(inside) "<isComposing xmlns='urn:ietf:params:xml:ns:im-iscomposing'>" inside "</isComposing>"

static void alice_is(struct sides *s, const char *state)
{
    char body[512];

    snprintf(body, sizeof(body), DOC("<state>%s</state>"), state);
    assert_int_equal(from_sip(s, COMPOSING_TYPE, body), 200);
}

static void romeo_is(struct sides *s, const char *state)
{
    char inside[256];

    snprintf(inside, sizeof(inside), "<%s xmlns='" CHATSTATES "'/>", state);
    from_xmpp(s, "type='chat'", inside);
}

/* Alice's last of n requests tells this state; it is answered. */
static void assert_told(struct sides *s, size_t n, bool active)
{
    const struct sip_attempt *c = last_request(s, n);
    struct map_composing composing;

    assert_string_equal(c->headers, "Content-Type: application/im-iscomposing+xml\r\n");
    assert_int_equal(map_composing_read(slice_str(c->body), &composing), MAP_DOCUMENT_OK);
    assert_int_equal(composing.active, active);
    sides_answer(s, n - 1, 200);
}

static void STOX_CS_01_states_as_in_the_tables(void **state)
{
    static const struct {
        const char *sip, *xmpp;
    } s2x[] = { { "active", "<composing " }, { "idle", "<active " }, { "typing-fast", "<active " } };
    static const struct {
        const char *xmpp;
        bool told;
    } x2s[] = { { "paused", true }, { "active", true }, { "inactive", true }, { "gone", true } };

    for (size_t i = 0; i < 3; i++) {
        struct sides *s = sides_new();

        alice_is(s, s2x[i].sip);
        assert_non_null(strstr(last_stanza(s, 1), s2x[i].xmpp));
        sides_free(s);
    }
    for (size_t i = 0; i < 4; i++) {
        struct sides *s = sides_new();

        alice_writes(s, "hello");
        romeo_is(s, "composing");
        assert_told(s, 1, true);
        sides_advance(s, 5000);
        romeo_is(s, x2s[i].xmpp);
        assert_told(s, 2, false);
        sides_free(s);
    }
}

static void STOX_CS_02_the_document(void **state)
{
    struct sides *s = sides_new();
    const struct sip_attempt *c;

    alice_writes(s, "hello");
    romeo_is(s, "composing");
    c = last_request(s, 1);
    assert_string_equal(c->uri, "sip:" ALICE);
    assert_non_null(strstr(c->from, "<sip:" ROMEO ">;tag="));
    assert_string_equal(c->body, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<isComposing "
                                 "xmlns=\"urn:ietf:params:xml:ns:im-iscomposing\"><state>active</state>"
                                 "<contenttype>text/plain</contenttype><refresh>90</refresh></isComposing>");
    assert_int_equal(from_sip(s, COMPOSING_TYPE, DOC("<refresh>90</refresh>")), 400);
    assert_int_equal(from_sip(s, COMPOSING_TYPE, "<!DOCTYPE x>" DOC("<state>active</state>")), 400);
    sides_free(s);
}

static void STOX_CS_03_unknown_states_are_idle(void **state)
{
    struct sides *s = sides_new();

    alice_is(s, "active");
    alice_is(s, "typing");
    assert_non_null(strstr(last_stanza(s, 2), "<active "));
    assert_int_equal(from_sip(s, COMPOSING_TYPE, DOC("<x xmlns='urn:x'/><state>active</state><y/>")), 200);
    assert_non_null(strstr(last_stanza(s, 3), "<composing "));
    sides_free(s);
}

static void STOX_CS_04_no_state_is_told_twice(void **state)
{
    struct sides *s = sides_new();

    for (int i = 0; i < 3; i++) {
        alice_is(s, "active");
        sides_advance(s, 50000);
    }
    assert_non_null(strstr(last_stanza(s, 1), "<composing "));
    alice_is(s, "idle");
    alice_is(s, "idle");
    assert_non_null(strstr(last_stanza(s, 2), "<active "));
    sides_free(s);
}

static void STOX_CS_05_composing_runs_out(void **state)
{
    struct sides *s = sides_new();

    alice_is(s, "active"); /* without refresh: 120 s */
    sides_advance(s, 119000);
    (void)last_stanza(s, 1);
    sides_advance(s, 1000);
    assert_non_null(strstr(last_stanza(s, 2), "<active "));
    assert_int_equal(from_sip(s, COMPOSING_TYPE, DOC("<state>active</state><refresh>60</refresh>")), 200);
    sides_advance(s, 59000);
    assert_non_null(strstr(last_stanza(s, 3), "<composing "));
    assert_int_equal(from_sip(s, COMPOSING_TYPE, DOC("<state>active</state><refresh>60</refresh>")), 200);
    sides_advance(s, 59000); /* refreshed: it goes on */
    (void)last_stanza(s, 3);
    sides_advance(s, 1000);
    assert_non_null(strstr(last_stanza(s, 4), "<active "));
    sides_free(s);
}

static void STOX_CS_05_a_text_ends_it_without_a_stanza(void **state)
{
    struct sides *s = sides_new();

    alice_is(s, "active");
    alice_writes(s, "done");
    sides_advance(s, 200000);
    alice_is(s, "idle"); /* as everybody knows by the text */
    assert_non_null(strstr(last_stanza(s, 2), "<body>done</body>"));
    alice_is(s, "active");
    assert_non_null(strstr(last_stanza(s, 3), "<composing "));
    sides_free(s);
}

static void STOX_CS_06_composing_is_refreshed_every_minute(void **state)
{
    struct sides *s = sides_new();

    alice_writes(s, "hello");
    romeo_is(s, "composing");
    assert_told(s, 1, true);
    for (size_t i = 0; i < 5; i++) {
        sides_advance(s, 59000);
        romeo_is(s, "composing"); /* his client says it again: no reason to */
        (void)last_request(s, 1 + i);
        sides_advance(s, 1000);
        assert_told(s, 2 + i, true);
    }
    romeo_is(s, "paused");
    sides_advance(s, 5000);
    assert_told(s, 7, false);
    sides_advance(s, 300000);
    (void)last_request(s, 7);
    sides_free(s);
}

static void STOX_CS_06_refreshing_ends_with_the_conversation(void **state)
{
    struct sides *s = sides_new();
    size_t n;

    alice_writes(s, "hello");
    romeo_is(s, "composing"); /* and his client dies */
    for (n = 1; n < 100 && s->n_clients == n; n++) {
        sides_answer(s, n - 1, 200);
        sides_advance(s, 60000);
    }
    assert_int_equal(s->n_clients, 11); /* ten minutes after alice's last word */
    assert_int_equal(s->loop.timers.n, 0);
    sides_free(s);
}

static void STOX_CS_07_none_after_415_for_a_day(void **state)
{
    struct sides *s = sides_new();

    alice_writes(s, "hello");
    romeo_is(s, "composing");
    sides_answer(s, 0, 415);
    for (int i = 0; i < 3; i++) {
        sides_advance(s, 60000);
        romeo_is(s, i % 2 ? "composing" : "paused");
    }
    (void)last_request(s, 1);
    sides_xmpp(
        s, "<message from='tybalt@fabrikam.example/x' to='" ALICE "'><composing xmlns='" CHATSTATES "'/></message>", 1);
    (void)last_request(s, 1);
    sides_advance(s, 86400000);
    alice_writes(s, "good morning");
    romeo_is(s, "composing");
    assert_told(s, 2, true);
    sides_free(s);
}

static void STOX_CS_09_only_who_wrote_in_ten_minutes_is_told(void **state)
{
    struct sides *s = sides_new();

    romeo_is(s, "composing");
    romeo_writes(s, "<body>hello</body><active xmlns='" CHATSTATES "'/>");
    romeo_is(s, "composing");
    (void)last_request(s, 1); /* the text alone */
    alice_writes(s, "yes?");
    sides_advance(s, 600000);
    romeo_is(s, "composing");
    assert_told(s, 2, true);
    sides_advance(s, 5001);
    romeo_is(s, "paused"); /* too late by now, and it runs out there by itself */
    (void)last_request(s, 2);
    sides_free(s);
}

static void STOX_CS_09_one_in_five_seconds(void **state)
{
    struct sides *s = sides_new();

    alice_writes(s, "hello");
    romeo_is(s, "composing");
    assert_told(s, 1, true);
    for (int i = 0; i < 11; i++)
        romeo_is(s, i % 2 ? "composing" : "paused");
    sides_advance(s, 4999);
    (void)last_request(s, 1);
    sides_advance(s, 1);
    assert_told(s, 2, false); /* the latest, once */
    romeo_is(s, "composing");
    romeo_is(s, "paused"); /* back where it was: nothing to be told */
    sides_advance(s, 100000);
    (void)last_request(s, 2);
    sides_free(s);
}

static void STOX_CS_10_a_state_beside_a_text_is_not_told(void **state)
{
    struct sides *s = sides_new();

    alice_writes(s, "hello");
    romeo_is(s, "composing");
    assert_told(s, 1, true);
    romeo_writes(s, "<body>what</body><active xmlns='" CHATSTATES "'/>");
    assert_string_equal(last_request(s, 2)->body, "what");
    romeo_is(s, "active");
    sides_advance(s, 100000);
    (void)last_request(s, 2);
    sides_free(s);
}

static void STOX_CS_11_the_stanza(void **state)
{
    struct sides *s = sides_new();

    s->call_id = "conversation-1";
    alice_writes(s, "hello");
    s->call_id = NULL;
    alice_is(s, "active");
    assert_string_equal(last_stanza(s, 2),
                        "<message from='" ALICE "' to='" ROMEO "' type='chat'><composing xmlns='" CHATSTATES
                        "'/><thread>conversation-1</thread><no-store xmlns='urn:xmpp:hints'/></message>");
    assert_int_equal(s->sent[1].token, 0);
    sides_free(s);
}

static void STOX_CS_12_none_to_a_contact_without_states(void **state)
{
    struct sides *s = sides_new();

    romeo_writes(s, "<body>hello</body>");
    alice_is(s, "active");
    alice_is(s, "idle");
    sides_advance(s, 200000);
    assert_int_equal(s->n_sent, 0);
    romeo_writes(s, "<body>hello</body><active xmlns='" CHATSTATES "'/>");
    alice_is(s, "active");
    assert_non_null(strstr(last_stanza(s, 1), "<composing "));
    romeo_writes(s, "<body>another client</body>");
    sides_advance(s, 200000); /* it does not even run out in words */
    (void)last_stanza(s, 1);
    sides_free(s);
}

static void STOX_CS_12_none_after_they_came_back(void **state)
{
    struct sides *s = sides_new();

    alice_is(s, "active");
    (void)last_stanza(s, 1);
    from_xmpp(s, "type='error'",
              "<composing xmlns='" CHATSTATES "'/><error type='cancel'><service-unavailable "
              "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>");
    alice_is(s, "idle");
    alice_is(s, "active");
    (void)last_stanza(s, 1);
    assert_int_equal(s->bridge->counters.bounces_late, 0);
    sides_free(s);
}

static void STOX_CS_14_nothing_of_groupchats(void **state)
{
    struct sides *s = sides_new();

    alice_writes(s, "hello");
    from_xmpp(s, "type='groupchat'", "<composing xmlns='" CHATSTATES "'/>");
    from_xmpp(s, "type='groupchat'", "<gone xmlns='" CHATSTATES "'/>");
    assert_int_equal(s->n_clients, 0);
    (void)last_stanza(s, 1); /* no error either */
    assert_int_equal(s->n_handled, 2);
    sides_free(s);
}

static void STOX_CS_15_a_state_opens_nothing(void **state)
{
    struct sides *s = sides_new();

    romeo_is(s, "composing");
    romeo_is(s, "gone");
    from_xmpp(s, "", "<active xmlns='" CHATSTATES "'/><thread>t</thread><no-store xmlns='urn:xmpp:hints'/>");
    sides_advance(s, 200000);
    assert_int_equal(s->n_clients, 0);
    assert_int_equal(s->n_sent, 0);
    assert_int_equal(s->n_handled, 3);
    assert_int_equal(s->bridge->typings.pairs.n, 0);
    sides_free(s);
}

/* ---- what must survive ---- */

static void a_text_does_not_wait_for_a_state(void **state)
{
    struct sides *s = sides_new();

    alice_writes(s, "hello");
    romeo_is(s, "composing"); /* alice's phone does not answer */
    from_xmpp(s, "id='m1'", "<body>text</body><active xmlns='" CHATSTATES "'/>");
    (void)last_request(s, 1);
    sides_advance(s, LANE_GRACE_MS);
    assert_string_equal(last_request(s, 2)->body, "text");
    assert_true(s->clients[0].forgotten);
    sides_answer(s, 1, 200);
    assert_int_equal(s->bridge->lanes.n, 0);
    assert_int_equal(s->bridge->queued_bytes, 0);
    sides_free(s);
}

static void an_answered_state_lets_the_text_go_at_once(void **state)
{
    struct sides *s = sides_new();

    alice_writes(s, "hello");
    romeo_is(s, "composing");
    from_xmpp(s, "id='m1'", "<body>text</body><active xmlns='" CHATSTATES "'/>");
    sides_answer(s, 0, 200);
    assert_string_equal(last_request(s, 2)->body, "text");
    sides_advance(s, 10000);
    assert_false(s->clients[1].forgotten);
    sides_free(s);
}

static void a_state_behind_a_text_gives_way_to_the_next_text(void **state)
{
    struct sides *s = sides_new();

    alice_writes(s, "hello");
    from_xmpp(s, "", "<body>one</body><active xmlns='" CHATSTATES "'/>");
    romeo_is(s, "composing");
    from_xmpp(s, "", "<body>two</body><active xmlns='" CHATSTATES "'/>");
    sides_answer(s, 0, 200);
    assert_string_equal(last_request(s, 2)->body, "two");
    sides_answer(s, 1, 200);
    (void)last_request(s, 2);
    assert_int_equal(s->bridge->lanes.n, 0);
    sides_free(s);
}

static void what_may_not_pass_is_dropped_without_a_word(void **state)
{
    struct sides *s = sides_new();

    alice_writes(s, "hello");
    sides_apply(s, SIDES_SETTINGS "block " ROMEO " { }\n");
    romeo_is(s, "composing");
    from_xmpp(s, "", "<received xmlns='urn:xmpp:receipts' id='x'/>");
    assert_int_equal(s->n_clients, 0);
    (void)last_stanza(s, 1);
    assert_int_equal(s->n_handled, 2);
    sides_free(s);
}

static void a_block_ends_what_was_to_be_told_later(void **state)
{
    struct sides *s = sides_new();

    alice_writes(s, "hello");
    romeo_is(s, "composing");
    sides_answer(s, 0, 200);
    alice_is(s, "active");
    sides_apply(s, SIDES_SETTINGS "block " ROMEO " { }\n");
    sides_advance(s, 120000);
    (void)last_request(s, 1);
    (void)last_stanza(s, 2);
    sides_free(s);
}

static void the_rates_are_those_of_texts(void **state)
{
    struct sides *s = sides_new();

    sides_apply(s, SIDES_SETTINGS "gateway { user-message-rate = 1 }\n");
    alice_writes(s, "hello");
    for (int i = 0; i < 12; i++)
        romeo_is(s, "active");
    assert_int_equal(s->bridge->counters.x2s_throttled, 2);
    assert_int_equal(s->n_handled, 12);
    (void)last_stanza(s, 1); /* and no error for it */
    sides_free(s);
}

static void states_are_no_messages(void **state)
{
    struct sides *s = sides_new();
    const struct bridge_counters *c = &s->bridge->counters;

    alice_writes(s, "hello");
    alice_is(s, "active");
    romeo_is(s, "composing");
    sides_answer(s, 0, 200);
    assert_int_equal(c->s2x_delivered, 1);
    assert_int_equal(c->x2s_delivered, 0);
    assert_int_equal(c->typing_to_xmpp, 1);
    assert_int_equal(c->typing_to_sip, 1);
    romeo_is(s, "paused");
    sides_advance(s, 5000);
    sides_answer(s, 1, 0);
    assert_int_equal(c->statuses_dropped, 1);
    assert_int_equal(c->x2s_refused, 0);
    (void)last_stanza(s, 2); /* nobody hears of it */
    sides_free(s);
}

/* ---- a session that tells in its own way ---- */

struct told {
    unsigned n;
    bool active;
    unsigned refresh_s;
};

static void on_tell(void *arg, bool active, unsigned refresh_s)
{
    struct told *t = arg;

    t->n++;
    t->active = active;
    t->refresh_s = refresh_s;
}

static void a_session_is_told_without_a_message(void **state)
{
    static const struct typing_way way = { .tell = on_tell, .gap_ms = 1000, .refresh_ms = 10000 };
    struct sides *s = sides_new();
    struct jid romeo, alice;
    struct told told = { 0 }, other = { 0 };

    assert_true(jid_parse(&s->arena, SLICE(ROMEO), &romeo) && jid_parse(&s->arena, SLICE(ALICE), &alice));
    assert_true(typing_attach(s->bridge, &romeo, &alice, &way, &told));
    romeo_is(s, "composing"); /* though alice has not written */
    assert_true(told.n == 1 && told.active && told.refresh_s == 40);
    sides_advance(s, 10000);
    assert_int_equal(told.n, 2);
    romeo_is(s, "gone");
    sides_advance(s, 1000);
    assert_true(told.n == 3 && !told.active);
    typing_detach(s->bridge, &romeo, &alice, &other);
    sides_advance(s, 1000);
    romeo_is(s, "composing");
    assert_int_equal(told.n, 4);
    typing_detach(s->bridge, &romeo, &alice, &told);
    sides_advance(s, 60000);
    romeo_is(s, "composing");
    assert_int_equal(told.n, 4);
    assert_int_equal(s->n_clients, 0);
    sides_free(s);
}

static void pairs_are_bounded_and_partners_have_their_share(void **state)
{
    struct sides *s = sides_new();
    struct jid remote = { .domain = SLICE("fabrikam.example") }, alice;
    char local[32];

    assert_true(jid_parse(&s->arena, SLICE(ALICE), &alice));
    alice_writes(s, "hello");
    for (int i = 0; i < 100000; i++) {
        snprintf(local, sizeof(local), "user%d", i);
        remote.local = slice_str(local);
        typing_text_from_xmpp(s->bridge, &remote, &alice, MAP_CHAT_NONE, (struct slice){ 0 });
    }
    assert_true(s->bridge->typings.shares.bytes <= TYPING_BYTES_MAX);
    assert_int_equal(s->bridge->typings.shares.n, s->bridge->typings.pairs.n);
    assert_true(s->bridge->typings.pairs.n > 40000);
    sides_free(s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(STOX_CS_01_states_as_in_the_tables),
        cmocka_unit_test(STOX_CS_02_the_document),
        cmocka_unit_test(STOX_CS_03_unknown_states_are_idle),
        cmocka_unit_test(STOX_CS_04_no_state_is_told_twice),
        cmocka_unit_test(STOX_CS_05_composing_runs_out),
        cmocka_unit_test(STOX_CS_05_a_text_ends_it_without_a_stanza),
        cmocka_unit_test(STOX_CS_06_composing_is_refreshed_every_minute),
        cmocka_unit_test(STOX_CS_06_refreshing_ends_with_the_conversation),
        cmocka_unit_test(STOX_CS_07_none_after_415_for_a_day),
        cmocka_unit_test(STOX_CS_09_only_who_wrote_in_ten_minutes_is_told),
        cmocka_unit_test(STOX_CS_09_one_in_five_seconds),
        cmocka_unit_test(STOX_CS_10_a_state_beside_a_text_is_not_told),
        cmocka_unit_test(STOX_CS_11_the_stanza),
        cmocka_unit_test(STOX_CS_12_none_to_a_contact_without_states),
        cmocka_unit_test(STOX_CS_12_none_after_they_came_back),
        cmocka_unit_test(STOX_CS_14_nothing_of_groupchats),
        cmocka_unit_test(STOX_CS_15_a_state_opens_nothing),
        cmocka_unit_test(a_text_does_not_wait_for_a_state),
        cmocka_unit_test(an_answered_state_lets_the_text_go_at_once),
        cmocka_unit_test(a_state_behind_a_text_gives_way_to_the_next_text),
        cmocka_unit_test(what_may_not_pass_is_dropped_without_a_word),
        cmocka_unit_test(a_block_ends_what_was_to_be_told_later),
        cmocka_unit_test(the_rates_are_those_of_texts),
        cmocka_unit_test(states_are_no_messages),
        cmocka_unit_test(a_session_is_told_without_a_message),
        cmocka_unit_test(pairs_are_bounded_and_partners_have_their_share),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
