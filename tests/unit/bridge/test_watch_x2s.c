/* A partner's user watches a user of ours: what SIP is asked, what he is told, in which order, and what outlives what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "bridge/contact_parts.h"
#include "bridge/watch_x2s.h"
#include "sides.h"

#define ROMEO "romeo@fabrikam.example"
#define ALICE "alice@contoso.example"
#define PIDF "application/pidf+xml"
#define DOCUMENT(tuples)                                                                                               \
    "<?xml version='1.0' encoding='UTF-8'?><presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:" ALICE          \
    "'>" tuples "</presence>"
#define TUPLE(id, basic, more) "<tuple id='ID-" id "'><status><basic>" basic "</basic>" more "</status></tuple>"
#define AWAY "<show xmlns='jabber:client'>away</show>"

static struct sides *begin(void)
{
    struct sides *s = sides_new();

    sides_apply(s, SIDES_SETTINGS);
    s->n_sent = 0;
    return s;
}

/* What one thing leads to: the store has it, the pace lets it leave. */
static void settle(struct sides *s)
{
    for (int i = 0; i < 4; i++)
        sides_advance(s, 1);
}

/* In steps, as a loop would. */
static void pass(struct sides *s, uint64_t ms)
{
    uint64_t step = ms < 20000 ? 50 : 5000;

    for (; ms > step; ms -= step)
        sides_advance(s, step);
    sides_advance(s, ms);
    settle(s);
}

static uint64_t number = 100;

static void says_from(struct sides *s, const char *from, const char *type)
{
    char stanza[512];

    snprintf(stanza, sizeof(stanza), "<presence from='%s' to='" ALICE "'%s%s%s/>", from, type ? " type='" : "",
             type ? type : "", type ? "'" : "");
    sides_xmpp(s, stanza, number++);
    settle(s);
}

static void says(struct sides *s, const char *type)
{
    says_from(s, ROMEO, type);
}

static struct sip_sub *last(struct sides *s)
{
    assert_true(s->n_subs > 0);
    return &s->subs[s->n_subs - 1];
}

/* Everything that was sent since, one line each, as "type from to" with what it says; and forgotten. */
static void told(struct sides *s, const char *const *expected)
{
    size_t n = 0;

    while (expected[n])
        n++;
    if (s->n_sent != n)
        for (size_t i = 0; i < s->n_sent; i++)
            print_message("sent: %s\n", s->sent[i].stanza);
    assert_int_equal(s->n_sent, n);
    for (size_t i = 0; i < n; i++)
        if (!strstr(s->sent[i].stanza, expected[i]))
            fail_msg("%s is not in %s", expected[i], s->sent[i].stanza);
    s->n_sent = 0;
}

#define TOLD(s, ...) told(s, (const char *const[]){ __VA_ARGS__, NULL })
#define NOTHING_TOLD(s) assert_int_equal((s)->n_sent, 0)
#define SUBSCRIBED "from='" ALICE "' to='" ROMEO "' type='subscribed'"
#define UNSUBSCRIBED "from='" ALICE "' to='" ROMEO "' type='unsubscribed'"

static unsigned active(struct sides *s, struct sip_sub *sub, const char *document)
{
    unsigned status =
        sides_notify(s, sub, SIP_SUB_ACTIVE, SIP_REASON_NONE, document ? PIDF : NULL, document ? document : "");

    settle(s);
    return status;
}

/* He may see her, and she is there with one device. */
static struct sip_sub *watching(struct sides *s)
{
    says(s, "subscribe");
    assert_int_equal(active(s, last(s), DOCUMENT(TUPLE("desk", "open", ""))), 200);
    TOLD(s, SUBSCRIBED, "from='" ALICE "/desk'");
    return last(s);
}

static void ended(struct sides *s, struct sip_sub *sub, enum sip_sub_end_why why, unsigned status,
                  enum sip_sub_reason reason, unsigned retry_after_s)
{
    struct sip_sub_end end = { .why = why, .status = status, .reason = reason, .retry_after_s = retry_after_s };

    sides_sub_ended(s, sub, &end);
    settle(s);
}

/* ---- asking ---- */

static void STOX_PRS_01_subscribe_becomes_SUBSCRIBE(void **state)
{
    struct sides *s = begin();

    says(s, "subscribe");
    assert_int_equal(s->n_subs, 1);
    assert_string_equal(last(s)->uri, "sip:" ALICE);
    assert_string_equal(last(s)->from, "<sip:" ROMEO ">");
    assert_string_equal(last(s)->to, "<sip:" ALICE ">");
    assert_string_equal(last(s)->user, "romeo");
    assert_string_equal(last(s)->accept, PIDF);
    assert_int_equal(last(s)->expires_s, 3600);
    assert_int_equal(s->n_handled, 1);
    sides_accept(s, last(s), 3600);
    NOTHING_TOLD(s);
    sides_free(s);
}

static void STOX_PRS_02_03_04_47_pending_says_nothing_and_active_all(void **state)
{
    struct sides *s = begin();

    says(s, "subscribe");
    assert_int_equal(sides_notify(s, last(s), SIP_SUB_PENDING, SIP_REASON_NONE, PIDF, DOCUMENT(TUPLE("a", "open", ""))),
                     200); /* STOX-PRS-47: nobody sees it */
    NOTHING_TOLD(s);
    assert_int_equal(active(s, last(s), DOCUMENT(TUPLE("dr4hcr0st3lup4c", "open", AWAY))), 200);
    TOLD(s, SUBSCRIBED, "from='" ALICE "/dr4hcr0st3lup4c'");
    sides_free(s);
}

static void STOX_PRS_04_an_empty_body_says_nothing(void **state)
{
    struct sides *s = begin();

    says(s, "subscribe");
    active(s, last(s), NULL);
    TOLD(s, SUBSCRIBED);
    says(s, "probe");
    TOLD(s, "type='unavailable'");
    sides_free(s);
}

static void STOX_PRS_30_31_asked_twice(void **state)
{
    struct sides *s = begin();

    says(s, "subscribe");
    says_from(s, ROMEO "/garden", "subscribe");
    sides_xmpp(s, "<presence from='" ROMEO "' to='" ALICE "/desk' type='subscribe'/>", number++);
    settle(s);
    assert_int_equal(s->n_subs, 1);
    assert_string_equal(last(s)->uri, "sip:" ALICE);
    active(s, last(s), NULL);
    TOLD(s, SUBSCRIBED);
    says(s, "subscribe");
    TOLD(s, SUBSCRIBED);
    assert_int_equal(s->n_subs, 1);
    assert_int_equal(s->n_handled, 4);
    sides_free(s);
}

static void STOX_PRS_17_refused_for_good(void **state)
{
    static const unsigned statuses[] = { 403, 489, 603 };

    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        struct sides *s = begin();
        struct sip_sub *sub;

        says(s, "subscribe");
        ended(s, last(s), SIP_SUB_END_REFUSED, statuses[i], SIP_REASON_NONE, 0);
        TOLD(s, UNSUBSCRIBED);
        assert_int_equal(s->bridge->watches_x2s.n, 0);
        sub = watching(s);
        ended(s, sub, SIP_SUB_END_LOST, statuses[i], SIP_REASON_NONE, 0); /* a refresh */
        TOLD(s, "from='" ALICE "/desk' to='" ROMEO "' type='unavailable'", UNSUBSCRIBED);
        pass(s, 4000000);
        assert_int_equal(s->n_subs, 2);
        assert_int_equal(s->bridge->watches_x2s.n, 0);
        sides_free(s);
    }
}

static void STOX_PRS_24_errors_to_the_one_who_asks(void **state)
{
    static const struct {
        unsigned status;
        const char *condition;
    } rows[] = {
        { 404, "item-not-found" },          { 604, "item-not-found" },          { 410, "gone" },
        { 405, "feature-not-implemented" }, { 501, "feature-not-implemented" }, { 423, "resource-constraint" }
    }; /* STOX-PRS-24: more than a day */

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sides *s = begin();

        says(s, "subscribe");
        ended(s, last(s), SIP_SUB_END_REFUSED, rows[i].status, SIP_REASON_NONE, 0);
        assert_int_equal(s->n_sent, 1);
        assert_non_null(strstr(s->sent[0].stanza, "type='error'"));
        if (!strstr(s->sent[0].stanza, rows[i].condition))
            fail_msg("%u: no %s in %s", rows[i].status, rows[i].condition, s->sent[0].stanza);
        assert_int_equal(s->bridge->watches_x2s.n, 0);
        sides_free(s);
    }
}

static struct contact *contact(struct sides *s)
{
    struct jid local = { .local = SLICE("alice"), .domain = SLICE("contoso.example") },
               remote = { .local = SLICE("romeo"), .domain = SLICE("fabrikam.example") };

    return contact_find(s->bridge, &local, &remote);
}

static void a_server_that_is_away_is_asked_again_for_three_days(void **state)
{
    struct sides *s = begin();

    says(s, "subscribe");
    for (unsigned hour = 0; hour < 24; hour++) {
        if (!last(s)->gone)
            ended(s, last(s), SIP_SUB_END_UNREACHABLE, 0, SIP_REASON_NONE, 0);
        pass(s, 3600000);
    }
    NOTHING_TOLD(s);
    assert_in_range(s->n_subs, 15, 40); /* a minute at first, then every hour */
    contact(s)->x2s_since_s -= 4 * 86400;
    if (!last(s)->gone)
        ended(s, last(s), SIP_SUB_END_UNREACHABLE, 0, SIP_REASON_NONE, 0);
    pass(s, 4000000);
    TOLD(s, "type='error'");
    assert_int_equal(s->bridge->watches_x2s.n, 0);
    assert_null(contact(s));
    sides_free(s);
}

/* ---- what is seen ---- */

static void STOX_PRS_40_only_the_difference_is_told(void **state)
{
    struct sides *s = begin();
    struct sip_sub *sub = watching(s);

    active(s, sub, DOCUMENT(TUPLE("desk", "open", "") TUPLE("phone", "open", AWAY)));
    TOLD(s, "from='" ALICE "/phone'");
    active(s, sub, DOCUMENT(TUPLE("desk", "open", "") TUPLE("phone", "open", AWAY)));
    NOTHING_TOLD(s);
    active(s, sub, DOCUMENT(TUPLE("phone", "open", AWAY)));
    TOLD(s, "from='" ALICE "/desk' to='" ROMEO "' type='unavailable'");
    active(s, sub, DOCUMENT(TUPLE("phone", "closed", "")));
    TOLD(s, "from='" ALICE "/phone' to='" ROMEO "' type='unavailable'"); /* STOX-PRS-38 */
    sides_free(s);
}

/* A herd's request of one who may see comes between a start and the look at his contact: SIP is asked all the same, once. */
static void B3_who_asks_before_his_contact_is_restored_sees_again(void **state)
{
    static const struct jid alice = { .local = SLICE("alice"), .domain = SLICE("contoso.example") };
    static const struct jid romeo = { .local = SLICE("romeo"), .domain = SLICE("fabrikam.example") };
    struct sides *s = begin();
    struct contact *c = contact_add(s->bridge, &alice, &romeo);

    assert_non_null(c);
    c->x2s = CONTACT_X2S_AUTH;
    c->stored = c->restored = true;
    says(s, "subscribe");
    TOLD(s, SUBSCRIBED);
    assert_int_equal(s->n_subs, 0);
    watches_x2s_restore(s->bridge);
    pass(s, 100);
    assert_int_equal(s->n_subs, 1);
    watches_x2s_restore(s->bridge);
    pass(s, 100);
    assert_int_equal(s->n_subs, 1);
    sides_free(s);
}

/* The same, when both come in one turn of the loop. */
static void B3_who_asks_while_his_contact_is_restored_sees_again(void **state)
{
    static const struct jid alice = { .local = SLICE("alice"), .domain = SLICE("contoso.example") };
    static const struct jid romeo = { .local = SLICE("romeo"), .domain = SLICE("fabrikam.example") };
    struct sides *s = begin();
    struct contact *c = contact_add(s->bridge, &alice, &romeo);

    assert_non_null(c);
    c->x2s = CONTACT_X2S_AUTH;
    c->stored = c->restored = true;
    watches_x2s_restore(s->bridge);
    sides_xmpp(s, "<presence from='" ROMEO "' to='" ALICE "' type='subscribe'/>", number++);
    pass(s, 100);
    TOLD(s, SUBSCRIBED);
    assert_int_equal(s->n_subs, 1);
    sides_free(s);
}

/* Where much waits for the partner, presence does not wait behind it: the newest state takes the place of those before. */
static void B3_a_partner_that_is_slow_is_told_the_newest_state(void **state)
{
    struct sides *s = begin();
    struct sip_sub *sub = watching(s);

    s->crowded = true;
    active(s, sub, DOCUMENT(TUPLE("desk", "open", AWAY)));
    active(s, sub, DOCUMENT(TUPLE("phone", "open", "")));
    active(s, sub, DOCUMENT(TUPLE("phone", "open", AWAY)));
    pass(s, 5000);
    NOTHING_TOLD(s);
    s->crowded = false;
    pass(s, 1000);
    TOLD(s, "from='" ALICE "/desk' to='" ROMEO "' type='unavailable'", "<show>away</show>");
    active(s, sub, DOCUMENT(TUPLE("phone", "open", "")));
    TOLD(s, "from='" ALICE "/phone'");
    sides_free(s);
}

static void B3_what_is_held_goes_with_its_watcher(void **state)
{
    struct sides *s = begin();
    struct sip_sub *sub = watching(s);

    s->crowded = true;
    active(s, sub, DOCUMENT(TUPLE("phone", "open", "")));
    ended(s, sub, SIP_SUB_END_TERMINATED, 0, SIP_REASON_REJECTED, 0);
    s->crowded = false;
    s->n_sent = 0;
    pass(s, 1000);
    NOTHING_TOLD(s);
    sides_free(s);
}

static void STOX_PRS_43_45_46_documents_that_are_not_taken(void **state)
{
    struct sides *s = begin();
    struct sip_sub *sub = watching(s);

    assert_int_equal(active(s, sub, "<presence"), 400);
    assert_int_equal(sides_notify(s, sub, SIP_SUB_ACTIVE, SIP_REASON_NONE, "text/plain", "she is there"), 415);
    assert_string_equal(sub->accept, PIDF);
    assert_int_equal(sides_notify(s, sub, SIP_SUB_ACTIVE, SIP_REASON_NONE, "multipart/related", "--x"), 415);
    assert_int_equal(active(s, sub, "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:eve@evil.example'/>"),
                     200);
    NOTHING_TOLD(s);
    says(s, "probe");
    TOLD(s, "from='" ALICE "/desk'"); /* the last one counts on */
    sides_free(s);
}

static void STOX_PRS_33_36_39_probes(void **state)
{
    struct sides *s = begin();
    struct sip_sub *sub;

    says(s, "probe");
    TOLD(s, UNSUBSCRIBED);
    assert_int_equal(s->n_subs, 0);
    sub = watching(s);
    says_from(s, ROMEO "/garden", "probe");
    TOLD(s, "from='" ALICE "/desk' to='" ROMEO "/garden'");
    active(s, sub, DOCUMENT(TUPLE("desk", "closed", "")));
    s->n_sent = 0;
    says(s, "probe");
    TOLD(s, "from='" ALICE "' to='" ROMEO "' type='unavailable'");
    assert_int_equal(s->n_subs, 1); /* what is known is told; SIP is not asked */
    sides_free(s);
}

static void notes_are_for_federated_partners(void **state)
{
    static const char with_note[] =
        "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:" ALICE
        "'><tuple id='ID-desk'><status><basic>open</basic></status><note>At lunch</note></tuple>"
        "</presence>";
    struct sides *s = begin();

    says(s, "subscribe");
    active(s, last(s), with_note);
    TOLD(s, SUBSCRIBED, "<status>At lunch</status>");
    sides_apply(s, SIDES_ORG SIDES_DOMAINS "partner fabrikam.example { type = public-verified }\n");
    says(s, "probe");
    assert_int_equal(s->n_sent, 1);
    assert_null(strstr(s->sent[0].stanza, "lunch"));
    sides_free(s);
}

/* ---- is he there? ---- */

/* Our user may see him too: so his server tells us when he comes and goes. */
static void granted(struct sides *s)
{
    contact_set_s2x(s->bridge, contact(s), CONTACT_S2X_GRANTED);
    settle(s);
    s->n_sent = 0;
}

static void STOX_PRS_14_who_comes_online_has_it_refreshed(void **state)
{
    struct sides *s = begin();
    struct sip_sub *sub = watching(s);

    granted(s);
    pass(s, 70000);
    says_from(s, ROMEO "/garden", NULL);
    assert_int_equal(sub->refreshes, 1);
    says_from(s, ROMEO "/orchard", NULL); /* a second client of his is no news */
    assert_int_equal(sub->refreshes, 1);
    sides_free(s);
}

static void STOX_PRS_15_who_is_offline_costs_no_refresh(void **state)
{
    struct sides *s = begin();
    struct sip_sub *sub = watching(s);

    assert_true(presence_ops.refresh(s->bridge, sub)); /* nothing is known of him: he counts as there */
    granted(s);
    says_from(s, ROMEO "/garden", NULL);
    says_from(s, ROMEO "/orchard", NULL);
    says_from(s, ROMEO "/garden", "unavailable");
    assert_true(presence_ops.refresh(s->bridge, sub));
    says_from(s, ROMEO "/orchard", "unavailable");
    s->n_sent = 0;
    assert_false(presence_ops.refresh(s->bridge, sub));
    TOLD(s, "type='probe'"); /* in case that is not true any more */
    ended(s, sub, SIP_SUB_END_LAPSED, 0, SIP_REASON_NONE, 0);
    NOTHING_TOLD(s);
    pass(s, 90000);
    assert_int_equal(s->n_subs, 1);
    says_from(s, ROMEO "/garden", NULL);
    assert_int_equal(s->n_subs, 2);
    active(s, last(s), DOCUMENT(TUPLE("desk", "open", "")));
    TOLD(s, "from='" ALICE "/desk' to='" ROMEO "'");
    sides_free(s);
}

static void STOX_PRS_34_35_a_probe_is_answered_by_the_subscription_it_begins(void **state)
{
    struct sides *s = begin();
    struct sip_sub *sub = watching(s);

    granted(s);
    says_from(s, ROMEO "/garden", NULL);
    says_from(s, ROMEO "/garden", "unavailable");
    ended(s, sub, SIP_SUB_END_LAPSED, 0, SIP_REASON_NONE, 0);
    pass(s, 90000);
    s->n_sent = 0;
    for (int i = 0; i < 20; i++)
        says_from(s, ROMEO "/chamber", "probe");
    assert_int_equal(s->n_subs, 2); /* once, in a dialog of its own */
    NOTHING_TOLD(s);
    active(s, last(s), DOCUMENT(TUPLE("x", "open", "")));
    TOLD(s, "from='" ALICE "/x' to='" ROMEO "/chamber'");
    sides_free(s);
}

static void STOX_PRS_11_a_NOTIFY_is_answered_whatever_XMPP_does(void **state)
{
    struct sides *s = begin();
    struct sip_sub *sub = watching(s);

    s->refuse_sends = true;
    s->refusal = XMPP_FATE_FULL;
    assert_int_equal(active(s, sub, DOCUMENT(TUPLE("desk", "open", AWAY))), 200);
    s->refuse_sends = false;
    says(s, "probe");
    TOLD(s, "<show>away</show>"); /* and nothing is forgotten */
    sides_free(s);
}

static void STOX_PRS_32_what_he_writes_to_it_is_dropped(void **state)
{
    struct sides *s = begin();

    sides_xmpp(s, "<presence from='" ROMEO "' to='" ALICE "' type='subscribe'><status>let me in</status></presence>",
               number++);
    settle(s);
    assert_null(strstr(last(s)->from, "let me"));
    assert_null(strstr(last(s)->uri, "let me"));
    assert_string_equal(last(s)->to, "<sip:" ALICE ">");
    sides_free(s);
}

/* ---- what is lost ---- */

static void STOX_PRS_18_20_21_a_lost_dialog_takes_nothing_away(void **state)
{
    struct sides *s = begin();
    struct sip_sub *sub = watching(s);

    ended(s, sub, SIP_SUB_END_LOST, 481, SIP_REASON_NONE, 0);
    assert_int_equal(s->n_subs, 2); /* at once, in a dialog of its own */
    NOTHING_TOLD(s);                /* unless it is not back within 64*T1 */
    active(s, last(s), DOCUMENT(TUPLE("desk", "open", "")));
    pass(s, 40000);
    NOTHING_TOLD(s);
    ended(s, last(s), SIP_SUB_END_LOST, 0, SIP_REASON_NONE, 0);
    pass(s, 33000);
    TOLD(s, "from='" ALICE "/desk' to='" ROMEO "' type='unavailable'");
    pass(s, 90000 + 60000);
    assert_true(s->n_subs >= 3);
    active(s, last(s), DOCUMENT(TUPLE("desk", "open", "")));
    TOLD(s, "from='" ALICE "/desk'");
    sides_free(s);
}

static void STOX_PRS_22_reasons(void **state)
{
    static const struct {
        enum sip_sub_reason reason;
        unsigned retry_after_s;
        uint64_t not_before_ms, by_ms; /* the next SUBSCRIBE; by 0: none in a day */
        const char *told;
    } rows[] = {
        { SIP_REASON_DEACTIVATED, 0, 0, 10, NULL },
        { SIP_REASON_DEACTIVATED, 99, 0, 10, NULL },
        { SIP_REASON_TIMEOUT, 0, 0, 10, NULL },
        { SIP_REASON_TIMEOUT, 7, 0, 10, NULL },
        { SIP_REASON_PROBATION, 120, 108000, 135000, "type='unavailable'" },
        { SIP_REASON_PROBATION, 0, 54000, 67000, "type='unavailable'" },
        { SIP_REASON_GIVEUP, 0, 3240000, 3970000, "type='unavailable'" },
        { SIP_REASON_PROBATION, 4000000, 77760000, 95100000, "type='unavailable'" }, /* a day at most */
        { SIP_REASON_GIVEUP, 30, 27000, 35000, "type='unavailable'" },
        { SIP_REASON_NONE, 0, 54000, 67000, "type='unavailable'" },
        { SIP_REASON_NONE, 90, 81000, 101000, "type='unavailable'" },
        { SIP_REASON_INVARIANT, 0, 0, 0, NULL },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sides *s = begin();
        struct sip_sub *sub = watching(s);

        ended(s, sub, SIP_SUB_END_TERMINATED, 0, rows[i].reason, rows[i].retry_after_s);
        if (rows[i].told)
            TOLD(s, rows[i].told);
        NOTHING_TOLD(s);
        if (rows[i].not_before_ms) {
            pass(s, rows[i].not_before_ms - 10);
            assert_int_equal(s->n_subs, 1);
        }
        pass(s, rows[i].by_ms ? rows[i].by_ms - rows[i].not_before_ms : 86400000);
        assert_int_equal(s->n_subs, rows[i].by_ms ? 2 : 1);
        sides_free(s);
    }
}

static void STOX_PRS_22_noresource_is_an_error_once(void **state)
{
    static const struct {
        unsigned retry_after_s;
        uint64_t not_before_ms;
    } rows[] = { { 0, 3600000 }, { 10, 3600000 }, { 7200, 7200000 } };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sides *s = begin();
        struct sip_sub *sub = watching(s);

        ended(s, sub, SIP_SUB_END_TERMINATED, 0, SIP_REASON_NORESOURCE, rows[i].retry_after_s);
        TOLD(s, "type='unavailable'", "item-not-found");
        pass(s, rows[i].not_before_ms - 1000);
        assert_int_equal(s->n_subs, 1);
        pass(s, rows[i].not_before_ms / 10 + 2000);
        assert_int_equal(s->n_subs, 2);
        ended(s, last(s), SIP_SUB_END_REFUSED, 404, SIP_REASON_NONE, 0);
        NOTHING_TOLD(s);
        sides_free(s);
    }
}

/* A notifier that ends each subscription at once does not make us a hammer. */
static void a_notifier_that_ends_all_is_asked_ever_more_seldom(void **state)
{
    struct sides *s = begin();

    says(s, "subscribe");
    for (int i = 0; i < 3000 && s->n_subs < 100; i++) {
        if (!last(s)->gone) {
            active(s, last(s), NULL);
            ended(s, last(s), SIP_SUB_END_TERMINATED, 0, SIP_REASON_TIMEOUT, 0);
        }
        pass(s, 1000);
    }
    assert_in_range(s->n_subs, 4, 9); /* 50 minutes: at once, then 2, 4, 8, 16 ... minutes */
    sides_free(s);
}

/* ---- the end ---- */

static void STOX_PRS_25_26_28_29_unsubscribe(void **state)
{
    struct sides *s = begin();
    struct sip_sub *sub;

    says(s, "unsubscribe");
    TOLD(s, UNSUBSCRIBED);
    assert_int_equal(s->n_subs, 0);
    sub = watching(s);
    granted(s); /* the other direction */
    says(s, "unsubscribe");
    assert_int_equal(sub->unsubscribes, 1);
    TOLD(s, "from='" ALICE "/desk' to='" ROMEO "' type='unavailable'");
    ended(s, sub, SIP_SUB_END_UNSUBSCRIBED, 0, SIP_REASON_NONE, 0);
    TOLD(s, UNSUBSCRIBED);
    assert_int_equal(s->bridge->watches_x2s.n, 0);
    assert_int_equal(contact(s)->x2s, CONTACT_X2S_NONE);
    assert_int_equal(contact(s)->s2x, CONTACT_S2X_GRANTED);
    sides_free(s);
}

static void who_changes_his_mind_is_not_told_the_old_end(void **state)
{
    struct sides *s = begin();
    struct sip_sub *sub = watching(s);

    says(s, "unsubscribe");
    s->n_sent = 0;
    says(s, "subscribe");
    assert_int_equal(s->n_subs, 2);
    ended(s, sub, SIP_SUB_END_UNSUBSCRIBED, 0, SIP_REASON_NONE, 0);
    NOTHING_TOLD(s);
    active(s, last(s), NULL);
    TOLD(s, SUBSCRIBED);
    sides_free(s);
}

static void an_end_that_nobody_answers_is_an_end(void **state)
{
    struct sides *s = begin();

    watching(s);
    says(s, "unsubscribe");
    s->n_sent = 0;
    pass(s, 80000);
    TOLD(s, UNSUBSCRIBED);
    assert_int_equal(s->bridge->watches_x2s.n, 0);
    sides_free(s);
}

/* ---- many ---- */

static void STOX_PRS_90_subscriptions_leave_at_a_pace(void **state)
{
    struct sides *s = begin();

    sides_apply(s, SIDES_SETTINGS "gateway { presence-rate = 10 }\n");
    for (int i = 0; i < 100; i++) {
        char from[64];

        snprintf(from, sizeof(from), "user%d@fabrikam.example", i);
        says_from(s, from, "subscribe");
    }
    assert_in_range(s->n_subs, 10, 15);
    pass(s, 3000);
    assert_in_range(s->n_subs, 38, 45);
    pass(s, 10000);
    assert_int_equal(s->n_subs, 100);
    sides_free(s);
}

static void no_memory_for_a_subscription_is_no_answer_but_a_delay(void **state)
{
    struct sides *s = begin();

    s->no_subs = true;
    says(s, "subscribe");
    NOTHING_TOLD(s);
    s->no_subs = false;
    pass(s, 70000);
    assert_int_equal(s->n_subs, 1);
    sides_free(s);
}

static void settings_that_forbid_it_let_it_rest(void **state)
{
    struct sides *s = begin();
    struct sip_sub *sub = watching(s);

    sides_apply(s, SIDES_ORG SIDES_DOMAINS); /* no partner any more */
    pass(s, 1000);
    assert_true(sub->gone);
    sides_apply(s, SIDES_SETTINGS);
    pass(s, 1000);
    assert_int_equal(s->n_subs, 2);
    sides_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(STOX_PRS_01_subscribe_becomes_SUBSCRIBE),
        cmocka_unit_test(STOX_PRS_02_03_04_47_pending_says_nothing_and_active_all),
        cmocka_unit_test(STOX_PRS_04_an_empty_body_says_nothing),
        cmocka_unit_test(STOX_PRS_30_31_asked_twice),
        cmocka_unit_test(STOX_PRS_17_refused_for_good),
        cmocka_unit_test(STOX_PRS_24_errors_to_the_one_who_asks),
        cmocka_unit_test(a_server_that_is_away_is_asked_again_for_three_days),
        cmocka_unit_test(STOX_PRS_40_only_the_difference_is_told),
        cmocka_unit_test(B3_a_partner_that_is_slow_is_told_the_newest_state),
        cmocka_unit_test(B3_what_is_held_goes_with_its_watcher),
        cmocka_unit_test(B3_who_asks_before_his_contact_is_restored_sees_again),
        cmocka_unit_test(B3_who_asks_while_his_contact_is_restored_sees_again),
        cmocka_unit_test(STOX_PRS_43_45_46_documents_that_are_not_taken),
        cmocka_unit_test(STOX_PRS_33_36_39_probes),
        cmocka_unit_test(notes_are_for_federated_partners),
        cmocka_unit_test(STOX_PRS_14_who_comes_online_has_it_refreshed),
        cmocka_unit_test(STOX_PRS_15_who_is_offline_costs_no_refresh),
        cmocka_unit_test(STOX_PRS_34_35_a_probe_is_answered_by_the_subscription_it_begins),
        cmocka_unit_test(STOX_PRS_11_a_NOTIFY_is_answered_whatever_XMPP_does),
        cmocka_unit_test(STOX_PRS_32_what_he_writes_to_it_is_dropped),
        cmocka_unit_test(STOX_PRS_18_20_21_a_lost_dialog_takes_nothing_away),
        cmocka_unit_test(STOX_PRS_22_reasons),
        cmocka_unit_test(STOX_PRS_22_noresource_is_an_error_once),
        cmocka_unit_test(a_notifier_that_ends_all_is_asked_ever_more_seldom),
        cmocka_unit_test(STOX_PRS_25_26_28_29_unsubscribe),
        cmocka_unit_test(who_changes_his_mind_is_not_told_the_old_end),
        cmocka_unit_test(an_end_that_nobody_answers_is_an_end),
        cmocka_unit_test(STOX_PRS_90_subscriptions_leave_at_a_pace),
        cmocka_unit_test(no_memory_for_a_subscription_is_no_answer_but_a_delay),
        cmocka_unit_test(settings_that_forbid_it_let_it_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
