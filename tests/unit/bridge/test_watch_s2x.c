/* Users of ours watch a partner's: what SIP is told, what XMPP is asked, and that nobody sees what he may not (catalogue 8.5, 8.7). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "bridge/contact_parts.h"
#include "bridge/presence.h"
#include "bridge/watch_s2x_parts.h"
#include "sides.h"

#define OFFICE "192.0.2.10"
#define ALICE "sip:alice@contoso.example"
#define ROMEO "sip:romeo@fabrikam.example"
#define SUBSCRIBE "from='alice@contoso.example' to='romeo@fabrikam.example' id='ask-"

static struct sip_sub *watch(struct sides *s)
{
    struct sip_sub *sub = sides_subscribe(s, OFFICE, ALICE, ROMEO, 3600);

    assert_true(sub->accepted);
    sides_advance(s, 1);
    return sub;
}

static struct sip_sub *poll(struct sides *s)
{
    struct sip_sub *sub = sides_subscribe(s, OFFICE, ALICE, ROMEO, 0);

    assert_true(sub->accepted);
    sides_advance(s, 1);
    return sub;
}

static struct contact *contact(struct sides *s)
{
    static const struct jid alice = { .local = SLICE("alice"), .domain = SLICE("contoso.example") };
    static const struct jid romeo = { .local = SLICE("romeo"), .domain = SLICE("fabrikam.example") };

    return contact_find(s->bridge, &alice, &romeo);
}

/* A presence stanza of Romeo's. */
static void say(struct sides *s, const char *resource, const char *type, const char *inside)
{
    char stanza[1024];

    snprintf(stanza, sizeof(stanza),
             "<presence from='romeo@fabrikam.example%s%s' to='alice@contoso.example'%s%s%s>%s</presence>",
             resource[0] ? "/" : "", resource, type[0] ? " type='" : "", type, type[0] ? "'" : "", inside);
    sides_xmpp(s, stanza, 100 + s->n_handled);
    sides_advance(s, 1);
}

static struct sip_sub *granted(struct sides *s)
{
    struct sip_sub *sub = watch(s);

    say(s, "", "subscribed", "");
    return sub;
}

/* How often this was sent. */
static size_t sent(const struct sides *s, const char *text)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n_sent; i++)
        n += strstr(s->sent[i].stanza, text) != NULL;
    return n;
}

static void ended(struct sides *s, struct sip_sub *sub, enum sip_sub_end_why why)
{
    sides_sub_ended(s, sub, &(struct sip_sub_end){ .why = why });
    sides_advance(s, 1);
}

static size_t count(const char *in, const char *what)
{
    size_t n = 0;

    for (const char *at = in; (at = strstr(at, what)); at++)
        n++;
    return n;
}

/* Row 1 (V-PRS-10): 200 and pending at once; the question leaves when it is remembered. */
static void she_is_pending_until_he_has_said_yes(void **state)
{
    struct sides *s = sides_new();
    struct sip_sub *sub = watch(s);

    sides_describe_sub(s, sub, false);
    assert_int_equal(sub->state, SIP_SUB_PENDING);
    assert_string_equal(sub->body, "");
    assert_int_equal(sent(s, SUBSCRIBE), 1);
    assert_int_equal(contact(s)->s2x, CONTACT_S2X_ASKED);
    assert_true(contact(s)->added);
    say(s, "garden", "", "<show>away</show>"); /* row 8: directed presence gives nothing away */
    sides_describe_sub(s, sub, false);
    assert_int_equal(sub->state, SIP_SUB_PENDING);
    assert_int_equal(sub->changes, 0);
    say(s, "", "subscribed", ""); /* row 5 (V-PRS-11) */
    assert_int_equal(sub->urgent, 1);
    sides_describe_sub(s, sub, false);
    assert_int_equal(sub->state, SIP_SUB_ACTIVE);
    assert_string_equal(sub->body, "");
    assert_int_equal(contact(s)->s2x, CONTACT_S2X_GRANTED);
    sides_free(s);
}

/* His presence comes right behind his yes, which is not stored yet: a NOTIFY could only say once more that she waits. */
static void she_is_told_nothing_between_pending_and_active(void **state)
{
    struct sides *s = sides_new();
    struct sip_sub *sub = watch(s);

    s->ledger_holds = true;
    say(s, "", "subscribed", "");
    say(s, "garden", "", "<show>away</show>");
    assert_int_equal(sub->changes, 0);
    sides_settle_contacts(s, true);
    assert_int_equal(sub->urgent, 1);
    sides_describe_sub(s, sub, false);
    assert_int_equal(sub->state, SIP_SUB_ACTIVE);
    assert_non_null(strstr(sub->body, "away"));
    sides_free(s);
}

/* A server answers a probe of one who may not watch any more with `unsubscribed`; she has asked anew meanwhile. */
static void a_no_that_comes_before_the_question_has_left_is_none(void **state)
{
    struct sides *s = sides_new();
    struct sip_sub *sub;

    s->ledger_holds = true;
    sub = watch(s);
    assert_int_equal(sent(s, SUBSCRIBE), 0);
    say(s, "", "unsubscribed", "");
    sides_settle_contacts(s, true);
    assert_int_equal(contact(s)->s2x, CONTACT_S2X_ASKED);
    assert_int_equal(sent(s, SUBSCRIBE), 1);
    assert_false(sub->gone);
    s->ledger_holds = false;
    say(s, "", "unsubscribed", ""); /* this one is */
    assert_true(sub->gone);
    assert_int_equal(contact(s)->s2x, CONTACT_S2X_DENIED);
    sides_free(s);
}

/* Row 2. */
static void STOX_PRS_69_the_question_is_put_once_a_day(void **state)
{
    struct sides *s = sides_new();
    struct sip_sub *sub = watch(s);

    (void)watch(s);
    sides_refreshed(s, sub);
    assert_int_equal(sent(s, SUBSCRIBE), 1);
    bridge_settled(s->bridge, s->sent[0].token, XMPP_FATE_CONFIRMED, "");
    contact(s)->s2x_since_s -= 86400;
    s->bridge->watches_s2x.since_s -= 90000;
    sides_refreshed(s, sub);
    assert_int_equal(sent(s, SUBSCRIBE), 2);
    sides_free(s);
}

/* What a process before this one asked may never have left it. */
static void after_a_start_the_question_is_put_once_more(void **state)
{
    struct sides *s = sides_new();

    ended(s, watch(s), SIP_SUB_END_UNSUBSCRIBED);
    bridge_settled(s->bridge, s->sent[0].token, XMPP_FATE_CONFIRMED, "");
    sides_advance(s, 1);
    assert_null(contact(s)->s2x_watch);
    contact(s)->s2x_since_s -= 10;
    (void)watch(s);
    assert_int_equal(sent(s, SUBSCRIBE), 2);
    (void)watch(s);
    assert_int_equal(sent(s, SUBSCRIBE), 2);
    sides_free(s);
}

/* Rows 3, 7, 10; STOX-PRS-62, 74; V-PRS-14, V-PRS-X02. */
static void all_his_clients_are_in_one_document(void **state)
{
    struct sides *s = sides_new();
    struct sip_sub *sub = granted(s);

    say(s, "a", "", "<priority>5</priority>");
    say(s, "b", "", "<show>dnd</show><priority>-1</priority><status xml:lang='en'>busy</status>");
    assert_int_equal(sub->changes, 3);
    assert_int_equal(sub->urgent, 2); /* the grant, and what was the first to be known */
    sides_describe_sub(s, sub, false);
    assert_int_equal(count(sub->body, "<tuple "), 2);
    assert_non_null(strstr(sub->body, "ID-a"));
    assert_non_null(strstr(sub->body, "dnd"));
    assert_non_null(strstr(sub->body, "busy"));
    assert_non_null(strstr(sub->headers, "Content-Type: application/pidf+xml\r\n"));
    say(s, "a", "unavailable", "<status>bye</status>");
    sides_describe_sub(s, sub, false);
    assert_int_equal(count(sub->body, "closed"), 1);
    say(s, "b", "", "<show>away</show>"); /* STOX-PRS-77: a was told as closed */
    sides_describe_sub(s, sub, false);
    assert_int_equal(count(sub->body, "<tuple "), 1);
    say(s, "", "unavailable", ""); /* STOX-PRS-78 */
    sides_describe_sub(s, sub, false);
    assert_int_equal(count(sub->body, "<tuple "), 1);
    assert_int_equal(count(sub->body, "closed"), 1);
    sides_free(s);
}

static void what_was_told_is_not_told_again(void **state)
{
    struct sides *s = sides_new();
    struct sip_sub *sub = granted(s);
    unsigned changes;

    say(s, "a", "", "<show>away</show>");
    changes = sub->changes;
    say(s, "a", "", "<show>away</show>"); /* the answer to a probe */
    assert_int_equal(sub->changes, changes);
    sides_free(s);
}

static void a_closed_client_is_told_of_for_a_while(void **state)
{
    struct sides *s = sides_new();
    struct sip_sub *sub = granted(s);

    say(s, "a", "", "");
    say(s, "b", "", "");
    say(s, "a", "unavailable", "");
    sides_advance(s, 60000);
    sides_describe_sub(s, sub, false);
    assert_int_equal(count(sub->body, "<tuple "), 1);
    assert_int_equal(count(sub->body, "closed"), 0);
    sides_free(s);
}

/* Row 6 (V-PRS-12) and row 4. */
static void his_no_ends_it_and_holds_for_a_day(void **state)
{
    struct sides *s = sides_new();
    struct sip_sub *first = granted(s), *second = watch(s), *third;

    say(s, "a", "", "");
    say(s, "", "unsubscribed", "");
    assert_true(first->gone && second->gone);
    assert_int_equal(first->state, SIP_SUB_TERMINATED);
    assert_int_equal(second->why, SIP_REASON_REJECTED);
    assert_string_equal(second->body, "");
    assert_int_equal(contact(s)->s2x, CONTACT_S2X_DENIED);
    third = sides_subscribe(s, OFFICE, ALICE, ROMEO, 3600);
    assert_int_equal(third->refused, 403);
    contact(s)->s2x_since_s -= 86400;
    (void)watch(s);
    assert_int_equal(contact(s)->s2x, CONTACT_S2X_ASKED);
    assert_int_equal(sent(s, SUBSCRIBE), 2);
    sides_free(s);
}

static void STOX_PRS_84_politely_blocked_he_is_away(void **state)
{
    struct sides *s = sides_new();
    struct sip_sub *sub, *again;

    sides_apply(s, SIDES_SETTINGS "gateway { polite-blocking = yes }\n");
    sub = granted(s);
    say(s, "a", "", "");
    say(s, "", "unsubscribed", "");
    assert_false(sub->gone);
    sides_describe_sub(s, sub, false);
    assert_int_equal(sub->state, SIP_SUB_ACTIVE);
    assert_int_equal(count(sub->body, "closed"), 1);
    assert_null(strstr(sub->body, "ID-a"));
    again = watch(s);
    sides_describe_sub(s, again, false);
    assert_int_equal(count(again->body, "closed"), 1);
    sides_free(s);
}

static void error(struct sides *s, const char *condition)
{
    char stanza[1024], id[40];

    snprintf(id, sizeof(id), "%s%llx", WATCH_ASK_ID, (unsigned long long)s->sent[s->n_sent - 1].token);
    snprintf(
        stanza, sizeof(stanza),
        "<presence from='romeo@fabrikam.example' to='alice@contoso.example' id='%s' type='error'><error type='cancel'>"
        "<%s xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>",
        id, condition);
    sides_xmpp(s, stanza, 1);
    sides_advance(s, 1);
}

/* Row 9 with 8.7. */
static void an_error_to_the_question_ends_it(void **state)
{
    static const struct {
        const char *condition;
        enum sip_sub_reason reason;
        unsigned retry_after_s;
    } rows[] = {
        { "item-not-found", SIP_REASON_NORESOURCE, 0 },          { "forbidden", SIP_REASON_REJECTED, 0 },
        { "remote-server-not-found", SIP_REASON_NORESOURCE, 0 }, { "remote-server-timeout", SIP_REASON_PROBATION, 300 },
        { "service-unavailable", SIP_REASON_GIVEUP, 3600 },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sides *s = sides_new();
        struct sip_sub *sub = watch(s);

        error(s, rows[i].condition);
        assert_true(sub->gone);
        assert_int_equal(sub->why, rows[i].reason);
        assert_int_equal(sub->retry_after_s, rows[i].retry_after_s);
        assert_null(contact(s)); /* nothing is left of it */
        (void)watch(s);          /* she may ask again */
        assert_int_equal(sent(s, SUBSCRIBE), 2);
        sides_free(s);
    }
}

static void a_question_that_could_not_be_put_ends_it(void **state)
{
    static const struct {
        enum xmpp_fate fate;
        enum sip_sub_reason reason;
    } rows[] = {
        { XMPP_FATE_NO_SERVER, SIP_REASON_NORESOURCE },
        { XMPP_FATE_UNREACHABLE, SIP_REASON_PROBATION },
        { XMPP_FATE_LOST, SIP_REASON_PROBATION },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sides *s = sides_new();
        struct sip_sub *sub = watch(s);

        bridge_settled(s->bridge, s->sent[0].token, rows[i].fate, "a test");
        sides_advance(s, 1);
        assert_true(sub->gone);
        assert_int_equal(sub->why, rows[i].reason);
        sides_free(s);
    }
}

static void a_queue_that_is_full_ends_it(void **state)
{
    struct sides *s = sides_new();
    struct sip_sub *sub;

    s->refuse_sends = true;
    s->refusal = XMPP_FATE_FULL;
    sub = watch(s);
    sides_advance(s, 1);
    assert_true(sub->gone);
    assert_int_equal(sub->why, SIP_REASON_PROBATION);
    sides_free(s);
}

/* Row 11 (V-PRS-13), STOX-PRS-64, 95; row 13. */
static void STOX_PRS_64_95_the_last_dialog_leaves(void **state)
{
    struct sides *s = sides_new();
    struct sip_sub *first = granted(s), *second = watch(s);

    say(s, "a", "", "");
    sides_describe_sub(s, first, true);
    assert_int_equal(count(first->body, "closed"), 1);
    ended(s, first, SIP_SUB_END_UNSUBSCRIBED);
    assert_int_equal(sent(s, "type='unavailable'"), 0);
    sides_describe_sub(s, second, true);
    ended(s, second, SIP_SUB_END_EXPIRED);
    assert_int_equal(sent(s, "from='alice@contoso.example' to='romeo@fabrikam.example' type='unavailable'"), 1);
    assert_int_equal(sent(s, "type='unsubscribe'"), 0);
    assert_int_equal(contact(s)->s2x, CONTACT_S2X_GRANTED);
    sides_free(s);
}

/* Where he watches her himself, it is SIP that says how she is. */
static void she_is_not_told_as_away_to_one_who_watches_her(void **state)
{
    struct sides *s = sides_new();
    struct sip_sub *sub = granted(s);

    contact_set_x2s(s->bridge, contact(s), CONTACT_X2S_AUTH);
    ended(s, sub, SIP_SUB_END_UNSUBSCRIBED);
    assert_int_equal(sent(s, "type='unavailable'"), 0);
    sides_free(s);
}

/* STOX-PRS-70: a late yes counts for the next SUBSCRIBE. */
static void a_late_yes_is_remembered(void **state)
{
    struct sides *s = sides_new();
    struct sip_sub *sub = watch(s);

    ended(s, sub, SIP_SUB_END_EXPIRED);
    bridge_settled(s->bridge, s->sent[0].token, XMPP_FATE_CONFIRMED, "");
    say(s, "", "subscribed", "");
    sub = watch(s);
    sides_describe_sub(s, sub, false);
    assert_int_equal(sub->state, SIP_SUB_ACTIVE);
    assert_int_equal(sent(s, SUBSCRIBE), 1);
    sides_advance(s, 1);
    assert_int_equal(sent(s, "type='probe'"), 1); /* row 3 */
    sides_free(s);
}

/* Row 12, STOX-PRS-66 to 68 (V-PRS-09). */
static void a_poll_says_what_is_known_and_no_more(void **state)
{
    struct sides *s = sides_new();
    struct sip_sub *sub = poll(s);

    sides_describe_sub(s, sub, true);
    assert_string_equal(sub->body, "");
    ended(s, sub, SIP_SUB_END_UNSUBSCRIBED);
    assert_int_equal(s->n_sent, 0);
    assert_null(contact(s)); /* nothing is kept of it */
    ended(s, granted(s), SIP_SUB_END_UNSUBSCRIBED);
    bridge_settled(s->bridge, s->sent[0].token, XMPP_FATE_CONFIRMED, "");
    s->n_sent = 0;
    sub = poll(s);
    sides_advance(s, 1);
    sides_describe_sub(s, sub, true);
    assert_string_equal(sub->body, "");
    ended(s, sub, SIP_SUB_END_UNSUBSCRIBED);
    assert_int_equal(sent(s, "type='probe'"), 1);
    assert_int_equal(s->n_sent, 1); /* not unavailable: nobody has left */
    say(s, "a", "", "");            /* the answer is there for the next one */
    sub = poll(s);
    sides_describe_sub(s, sub, true);
    assert_int_equal(count(sub->body, "open"), 1);
    ended(s, sub, SIP_SUB_END_UNSUBSCRIBED);
    sides_advance(s, WATCH_LINGER_MS + 1);
    assert_null(contact(s)->s2x_watch); /* what nobody looks at is not kept (STOX-PRS-57) */
    say(s, "a", "", "<show>away</show>");
    assert_null(contact(s)->s2x_watch);
    sides_free(s);
}

static void probes_are_few(void **state)
{
    struct sides *s = sides_new();
    struct sip_sub *sub = granted(s);

    for (int i = 0; i < 5; i++) {
        sides_refreshed(s, sub);
        sides_advance(s, 1000);
    }
    assert_int_equal(sent(s, "type='probe'"), 1);
    sides_advance(s, 1000 * WATCH_PROBE_S);
    sides_refreshed(s, sub);
    sides_advance(s, 1);
    assert_int_equal(sent(s, "type='probe'"), 2);
    sides_free(s);
}

/* Row 15, STOX-PRS-91. */
static void STOX_PRS_91_without_a_stream_nobody_is_known_to_be_there(void **state)
{
    struct sides *s = sides_new();
    struct sip_sub *sub = granted(s);

    say(s, "a", "", "");
    presence_link(s->bridge, SLICE("fabrikam.example"), false);
    sides_advance(s, WATCH_GRACE_MS - 1);
    sides_describe_sub(s, sub, false);
    assert_int_equal(count(sub->body, "open"), 1);
    sides_advance(s, 2);
    sides_describe_sub(s, sub, false);
    assert_int_equal(sub->state, SIP_SUB_ACTIVE);
    assert_int_equal(count(sub->body, "open"), 0);
    assert_int_equal(count(sub->body, "closed"), 1);
    presence_link(s->bridge, SLICE("fabrikam.example"), true);
    sides_advance(s, 1);
    assert_int_equal(sent(s, "type='probe'"), 1);
    say(s, "a", "", "");
    sides_describe_sub(s, sub, false);
    assert_int_equal(count(sub->body, "open"), 1);
    sides_free(s);
}

static size_t n_lost(struct sides *s)
{
    size_t n = 0;

    list_each (it, &s->bridge->watches_s2x.all)
        n += container_of(it, struct watch_s2x, link)->lost;
    return n;
}

/* Very many hear of an outage a part in each turn, and all of them in the end; back at once, the rest only hears that. */
static void B3_very_many_hear_of_an_outage_in_slices(void **state)
{
    static const struct jid romeo = { .local = SLICE("romeo"), .domain = SLICE("fabrikam.example") };
    struct sides *s = sides_new();

    for (int i = 0; i < 1200; i++) {
        char name[16];
        struct jid user = { .domain = SLICE("contoso.example") };
        struct contact *c;

        snprintf(name, sizeof(name), "user%d", i);
        user.local = slice_str(name);
        c = contact_add(s->bridge, &user, &romeo);
        watch_s2x_of(s->bridge, c)->linger_ms = UINT64_MAX / 2;
    }
    presence_link(s->bridge, SLICE("fabrikam.example"), false);
    sides_advance(s, WATCH_GRACE_MS + 1);
    assert_in_range(n_lost(s), 1, 600);
    for (int i = 0; i < 3; i++)
        sides_advance(s, 5);
    assert_int_equal(n_lost(s), 1200);
    sides_free(s);
}

static void a_short_outage_only_asks(void **state)
{
    struct sides *s = sides_new();
    struct sip_sub *sub = granted(s);

    say(s, "a", "", "");
    presence_link(s->bridge, SLICE("fabrikam.example"), false);
    presence_link(s->bridge, SLICE("fabrikam.example"), true);
    sides_advance(s, WATCH_GRACE_MS + 1);
    assert_int_equal(sent(s, "type='probe'"), 1);
    sides_describe_sub(s, sub, false);
    assert_int_equal(count(sub->body, "open"), 1);
    sides_free(s);
}

/* Row 14: removal by failure is as expiry. */
static void a_dialog_that_fails_is_dropped(void **state)
{
    struct sides *s = sides_new();
    struct sip_sub *sub = granted(s);

    ended(s, sub, SIP_SUB_END_FAILED);
    assert_int_equal(sent(s, "type='unavailable'"), 1);
    assert_int_equal(s->bridge->watches_s2x.n_dialogs, 0);
    sides_free(s);
}

static void STOX_PRS_65_permissions_that_nobody_uses_are_given_back(void **state)
{
    struct sides *s = sides_new();

    ended(s, granted(s), SIP_SUB_END_UNSUBSCRIBED);
    bridge_settled(s->bridge, s->sent[0].token, XMPP_FATE_CONFIRMED, "");
    sides_advance(s, WATCH_LINGER_MS + 1);
    watch_s2x_keep_house(s->bridge, contact(s));
    assert_int_equal(contact(s)->s2x, CONTACT_S2X_GRANTED);
    contact(s)->s2x_since_s -= 30 * 86400;
    watch_s2x_keep_house(s->bridge, contact(s)); /* a process before this one has seen somebody watch, perhaps */
    assert_int_equal(contact(s)->s2x, CONTACT_S2X_GRANTED);
    s->bridge->watches_s2x.since_s -= 30 * 86400;
    watch_s2x_keep_house(s->bridge, contact(s));
    sides_advance(s, 1);
    assert_null(contact(s));
    assert_int_equal(sent(s, "type='unsubscribe'"), 1);
    sides_free(s);
}

static void who_is_watched_is_not_given_back(void **state)
{
    struct sides *s = sides_new();

    (void)granted(s);
    contact(s)->s2x_since_s -= 60 * 86400;
    s->bridge->watches_s2x.since_s -= 60 * 86400;
    watch_s2x_keep_house(s->bridge, contact(s));
    sides_advance(s, 1);
    assert_int_equal(contact(s)->s2x, CONTACT_S2X_GRANTED);
    sides_free(s);
}

/* STOX-PRS-82, 97, and who may at all. */
static void who_may_not_ask_is_refused(void **state)
{
    static const struct {
        const char *settings, *ip, *from, *uri;
        unsigned status;
    } rows[] = {
        { SIDES_SETTINGS, "192.0.2.20", ALICE, ROMEO, 403 },
        { SIDES_SETTINGS, OFFICE, ALICE, "sip:romeo@nobody.example", 404 },
        { SIDES_SETTINGS, OFFICE, ALICE, "sip:fabrikam.example", 404 },
        { SIDES_SETTINGS "block romeo@fabrikam.example { }\n", OFFICE, ALICE, ROMEO, 403 },
        { SIDES_ORG SIDES_DOMAINS "partner fabrikam.example { type = federated\n presence = no }\n", OFFICE, ALICE,
          ROMEO, 403 },
        { SIDES_SETTINGS "gateway { user-contact-limit = 0 }\n", OFFICE, ALICE, ROMEO, 480 },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sides *s = sides_new();
        struct sip_sub *sub;

        sides_apply(s, rows[i].settings);
        sub = sides_subscribe(s, rows[i].ip, rows[i].from, rows[i].uri, 3600);
        assert_int_equal(sub->refused, rows[i].status);
        assert_int_equal(s->n_sent, 0);
        assert_null(contact(s));
        sides_free(s);
    }
}

/* STOX-SEC-15. */
static void she_may_not_ask_too_fast(void **state)
{
    struct sides *s = sides_new();
    char uri[64];

    sides_apply(s, SIDES_SETTINGS "gateway { sip-user-subscription-rate = 1 }\n");
    for (int i = 0; i < 11; i++) {
        snprintf(uri, sizeof(uri), "sip:romeo%d@fabrikam.example", i);
        assert_int_equal(sides_subscribe(s, OFFICE, ALICE, uri, 3600)->refused, i < 10 ? 0 : 480);
    }
    sides_free(s);
}

static void settings_that_forbid_it_end_it(void **state)
{
    struct sides *s = sides_new();
    struct sip_sub *sub = granted(s);

    sides_apply(s, SIDES_SETTINGS "block romeo@fabrikam.example { }\n");
    sides_advance(s, 1);
    assert_true(sub->gone);
    assert_int_equal(sub->why, SIP_REASON_REJECTED);
    assert_int_equal(contact(s)->s2x, CONTACT_S2X_GRANTED); /* it rests */
    sides_apply(s, SIDES_SETTINGS);
    sub = watch(s);
    sides_describe_sub(s, sub, false);
    assert_int_equal(sub->state, SIP_SUB_ACTIVE);
    sides_free(s);
}

/* STOX-PRS-93. */
static void STOX_PRS_93_at_the_end_everybody_hears_to_come_back(void **state)
{
    struct sides *s = sides_new();
    struct sip_sub *sub = granted(s);

    assert_true(presence_stop(s->bridge, 100));
    assert_true(sub->gone);
    assert_int_equal(sub->why, SIP_REASON_PROBATION);
    assert_int_equal(sent(s, "type='unsubscribe"), 0);
    assert_int_equal(contact(s)->s2x, CONTACT_S2X_GRANTED);
    sides_free(s);
}

/* Telephones that forget their subscriptions do not pile up. */
static void the_oldest_of_too_many_dialogs_goes(void **state)
{
    struct sides *s = sides_new();
    struct sip_sub *first = granted(s);

    for (int i = 0; i < 15; i++)
        (void)watch(s);
    assert_false(first->gone);
    (void)watch(s);
    assert_true(first->gone);
    assert_int_equal(s->bridge->watches_s2x.n_dialogs, 16);
    sides_free(s);
}

static void STOX_PRS_92_97_what_nobody_has_asked_for_is_dropped(void **state)
{
    struct sides *s = sides_new();

    say(s, "a", "", ""); /* STOX-PRS-92, 97 */
    say(s, "a", "unavailable", "");
    say(s, "", "subscribed", "");
    say(s, "", "unsubscribed", "");
    assert_int_equal(s->n_sent, 0);
    assert_int_equal(s->n_subs, 0);
    assert_int_equal(s->n_handled, 4);
    assert_null(contact(s));
    sides_free(s);
}

static void an_unknown_type_is_refused(void **state)
{
    struct sides *s = sides_new();

    say(s, "", "bogus", "");
    assert_int_equal(sent(s, "bad-request"), 1);
    sides_free(s);
}

/* Type public-unverified: nothing until she has added him (lync-gateway.md 6). */
static void her_subscription_opens_what_is_closed(void **state)
{
    struct sides *s = sides_new();

    sides_apply(s, SIDES_ORG SIDES_DOMAINS "partner fabrikam.example { type = public-unverified }\n");
    say(s, "", "subscribe", "");
    assert_int_equal(sent(s, "forbidden"), 1);
    sides_xmpp(s, "<message from='romeo@fabrikam.example' to='alice@contoso.example' id='1'><body>x</body></message>",
               900);
    assert_int_equal(sent(s, "forbidden"), 2);
    (void)watch(s);
    sides_xmpp(s, "<message from='romeo@fabrikam.example' to='alice@contoso.example' id='2'><body>x</body></message>",
               901);
    assert_int_equal(sent(s, "forbidden"), 2);
    assert_int_equal(s->n_clients, 1);
    sides_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(she_is_pending_until_he_has_said_yes),
        cmocka_unit_test(she_is_told_nothing_between_pending_and_active),
        cmocka_unit_test(a_no_that_comes_before_the_question_has_left_is_none),
        cmocka_unit_test(STOX_PRS_69_the_question_is_put_once_a_day),
        cmocka_unit_test(after_a_start_the_question_is_put_once_more),
        cmocka_unit_test(all_his_clients_are_in_one_document),
        cmocka_unit_test(what_was_told_is_not_told_again),
        cmocka_unit_test(a_closed_client_is_told_of_for_a_while),
        cmocka_unit_test(his_no_ends_it_and_holds_for_a_day),
        cmocka_unit_test(STOX_PRS_84_politely_blocked_he_is_away),
        cmocka_unit_test(an_error_to_the_question_ends_it),
        cmocka_unit_test(a_question_that_could_not_be_put_ends_it),
        cmocka_unit_test(a_queue_that_is_full_ends_it),
        cmocka_unit_test(STOX_PRS_64_95_the_last_dialog_leaves),
        cmocka_unit_test(she_is_not_told_as_away_to_one_who_watches_her),
        cmocka_unit_test(a_late_yes_is_remembered),
        cmocka_unit_test(a_poll_says_what_is_known_and_no_more),
        cmocka_unit_test(probes_are_few),
        cmocka_unit_test(STOX_PRS_91_without_a_stream_nobody_is_known_to_be_there),
        cmocka_unit_test(B3_very_many_hear_of_an_outage_in_slices),
        cmocka_unit_test(a_short_outage_only_asks),
        cmocka_unit_test(a_dialog_that_fails_is_dropped),
        cmocka_unit_test(STOX_PRS_65_permissions_that_nobody_uses_are_given_back),
        cmocka_unit_test(who_is_watched_is_not_given_back),
        cmocka_unit_test(who_may_not_ask_is_refused),
        cmocka_unit_test(she_may_not_ask_too_fast),
        cmocka_unit_test(settings_that_forbid_it_end_it),
        cmocka_unit_test(STOX_PRS_93_at_the_end_everybody_hears_to_come_back),
        cmocka_unit_test(the_oldest_of_too_many_dialogs_goes),
        cmocka_unit_test(STOX_PRS_92_97_what_nobody_has_asked_for_is_dropped),
        cmocka_unit_test(an_unknown_type_is_refused),
        cmocka_unit_test(her_subscription_opens_what_is_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
