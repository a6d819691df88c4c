/* Tests of presence: each gate by its name, a question in each direction, one verdict; and no contact is the worse for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "bridge/presence_trial.h"
#include "sides.h"

#define ALICE "alice@contoso.example"
#define ROMEO "romeo@fabrikam.example"
#define PIDF "application/pidf+xml"
#define DOCUMENT(basic)                                                                                                \
    "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:" ALICE "'><tuple id='a'><status><basic>" basic        \
    "</basic></status></tuple></presence>"

static const bool TO_XMPP[] = { true, false }, TO_SIP[] = { false, true }, BOTH[] = { true, true };

static const struct presence_trial *begin(struct sides *s, const bool ways[PRESENCE_WAYS])
{
    unsigned status;
    const char *why;
    uint64_t id = presence_trial_start(s->bridge, SLICE(ALICE), SLICE(ROMEO), ways, &status, &why);

    if (!id)
        fail_msg("%u %s", status, why);
    return presence_trial_find(s->bridge, id);
}

static struct contact *contact_with(struct sides *s, enum contact_s2x s2x, enum contact_x2s x2s)
{
    const struct jid local = { SLICE("alice"), SLICE("contoso.example"), { 0 } },
                     remote = { SLICE("romeo"), SLICE("fabrikam.example"), { 0 } };
    const char *why;
    struct contact *c = contact_make(s->bridge, &local, &remote, &why);

    assert_non_null(c);
    if (s2x)
        assert_true(contact_set_s2x(s->bridge, c, s2x));
    if (x2s)
        assert_true(contact_set_x2s(s->bridge, c, x2s));
    sides_settle_contacts(s, true);
    return c;
}

static void says(const struct presence_trial *t, enum presence_fault fault, const char *verdict)
{
    assert_true(t->entry.done);
    if (t->fault != fault || t->works != (fault == PRESENCE_FAULT_NONE) || !strstr(t->verdict, verdict))
        fail_msg("%s: %s", presence_fault_name(t->fault), t->verdict);
}

static void nothing_changed(struct sides *s, const struct contact *c, enum contact_s2x s2x, enum contact_x2s x2s)
{
    const struct sides_row *row = sides_stored(s, ALICE, ROMEO);

    assert_int_equal(c->s2x, s2x);
    assert_int_equal(c->x2s, x2s);
    assert_true(row && row->s2x == s2x && row->x2s == x2s);
}

static void a_closed_gate_is_named_and_nobody_is_asked(void **state)
{
    static const struct {
        const char *settings;
        enum presence_fault fault;
        const char *verdict;
    } cases[] = {
        { SIDES_DOMAINS SIDES_PARTNER, PRESENCE_FAULT_POLICY, "stoxctl org set --federation on" },
        { "org { federation = yes }\n" SIDES_DOMAINS SIDES_PARTNER, PRESENCE_FAULT_POLICY,
          "stoxctl policy effective " ALICE },
        { SIDES_ORG SIDES_DOMAINS, PRESENCE_FAULT_PARTNER, "stoxctl partner new fabrikam.example" },
        { SIDES_ORG SIDES_DOMAINS "partner fabrikam.example { presence = no }\n", PRESENCE_FAULT_PARTNER,
          "stoxctl partner set fabrikam.example --presence yes" },
        { SIDES_ORG SIDES_DOMAINS SIDES_PARTNER "block " ROMEO " {}\n", PRESENCE_FAULT_BLOCKED,
          "the partner's user is on the block list" },
        { SIDES_ORG "route office { transport = udp\n next-hop = \"192.0.2.10\"\n presence = no }\n"
                    "sip-domain contoso.example { route = office }\n" SIDES_PARTNER,
          PRESENCE_FAULT_ROUTE, "stoxctl route set office --presence yes" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sides *s = sides_new();

        sides_apply(s, cases[i].settings);
        says(begin(s, BOTH), cases[i].fault, cases[i].verdict);
        assert_int_equal(s->n_sent + s->n_subs, 0);
        sides_free(s);
    }
}

/* The partner's user has to be added by her before he may ask. */
static void an_unverified_partner_is_told_apart(void **state)
{
    struct sides *s = sides_new();

    sides_apply(s, SIDES_ORG SIDES_DOMAINS "partner fabrikam.example { type = public-unverified }\n");
    says(begin(s, TO_SIP), PRESENCE_FAULT_TYPE, "type is public-unverified");
    assert_int_equal(s->n_subs, 0);
    sides_free(s);
}

static void each_answer_to_the_probe_has_its_verdict(void **state)
{
    static const struct {
        enum contact_s2x s2x;
        const char *answer;
        enum presence_fault fault;
        const char *verdict;
    } cases[] = {
        { CONTACT_S2X_GRANTED, "from='" ROMEO "/orchard'/>", PRESENCE_FAULT_NONE, "who is available now" },
        { CONTACT_S2X_GRANTED, "type='unavailable' from='" ROMEO "'/>", PRESENCE_FAULT_NONE, "who is unavailable now" },
        { CONTACT_S2X_GRANTED, NULL, PRESENCE_FAULT_NONE, "he is not there" },
        { CONTACT_S2X_NONE, "type='unsubscribed' from='" ROMEO "'/>", PRESENCE_FAULT_NONE, "he is asked" },
        { CONTACT_S2X_NONE, NULL, PRESENCE_FAULT_NONE, "it tells strangers nothing" },
        { CONTACT_S2X_NONE,
          "type='error' from='" ROMEO "'><error type='cancel'><item-not-found "
          "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>",
          PRESENCE_FAULT_OTHER, "with the error item-not-found" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sides *s = sides_new();
        struct contact *c = cases[i].s2x ? contact_with(s, cases[i].s2x, CONTACT_X2S_NONE) : NULL;
        const struct presence_trial *t = begin(s, TO_XMPP);
        char stanza[512];

        assert_int_equal(s->n_sent, 1);
        assert_non_null(strstr(s->sent[0].stanza, "type='probe'"));
        assert_true(presence_settled(s->bridge, s->sent[0].token, XMPP_FATE_CONFIRMED, NULL));
        assert_false(t->entry.done);
        (void)snprintf(stanza, sizeof(stanza), "<presence to='" ALICE "' %s", cases[i].answer ? cases[i].answer : "");
        if (cases[i].answer)
            sides_xmpp(s, stanza, 1);
        else
            sides_advance(s, PRESENCE_TRIAL_PROBE_MS);
        says(t, cases[i].fault, cases[i].verdict);
        if (c)
            nothing_changed(s, c, cases[i].s2x, CONTACT_X2S_NONE);
        else
            assert_null(sides_stored(s, ALICE, ROMEO));
        sides_free(s);
    }
}

/* A probe's "unsubscribed" would count as his no. */
static void who_has_not_answered_is_not_probed(void **state)
{
    struct sides *s = sides_new();
    struct contact *c = contact_with(s, CONTACT_S2X_ASKED, CONTACT_X2S_NONE);
    const struct presence_trial *t = begin(s, TO_XMPP);

    assert_int_equal(s->n_sent, 1);
    assert_non_null(strstr(s->sent[0].stanza, "<ping xmlns='urn:xmpp:ping'/>"));
    assert_true(presence_settled(s->bridge, s->sent[0].token, XMPP_FATE_CONFIRMED, NULL));
    says(t, PRESENCE_FAULT_PENDING, "he has to accept");
    nothing_changed(s, c, CONTACT_S2X_ASKED, CONTACT_X2S_NONE);
    sides_free(s);
}

static void who_has_refused_is_not_asked_again(void **state)
{
    struct sides *s = sides_new();
    struct contact *c = contact_with(s, CONTACT_S2X_DENIED, CONTACT_X2S_NONE);

    says(begin(s, TO_XMPP), PRESENCE_FAULT_REFUSED, "stoxctl contact remove");
    assert_int_equal(s->n_sent, 0);
    nothing_changed(s, c, CONTACT_S2X_DENIED, CONTACT_X2S_NONE);
    sides_free(s);
}

static void a_partner_out_of_reach_is_named(void **state)
{
    struct sides *s = sides_new();
    const struct presence_trial *t = begin(s, TO_XMPP);

    assert_true(presence_settled(s->bridge, s->sent[0].token, XMPP_FATE_UNREACHABLE, "nobody listens there"));
    says(t, PRESENCE_FAULT_UNREACHABLE, "nobody listens there. \"stoxctl partner test fabrikam.example\"");
    s->refuse_sends = true;
    s->refusal = XMPP_FATE_FULL;
    says(begin(s, TO_XMPP), PRESENCE_FAULT_UNREACHABLE, "too much waits");
    sides_free(s);
}

static void each_answer_to_the_poll_has_its_verdict(void **state)
{
    static const struct {
        enum contact_x2s x2s;
        enum sip_sub_state state;
        enum sip_sub_reason reason;
        const char *body;
        enum presence_fault fault;
        const char *verdict;
    } cases[] = {
        { CONTACT_X2S_AUTH, SIP_SUB_TERMINATED, SIP_REASON_TIMEOUT, DOCUMENT("open"), PRESENCE_FAULT_NONE,
          "who is available now" },
        { CONTACT_X2S_NONE, SIP_SUB_ACTIVE, SIP_REASON_NONE, DOCUMENT("closed"), PRESENCE_FAULT_NONE,
          "who is unavailable now" },
        { CONTACT_X2S_NONE, SIP_SUB_TERMINATED, SIP_REASON_TIMEOUT, "", PRESENCE_FAULT_NONE, "says nothing of her" },
        { CONTACT_X2S_NONE, SIP_SUB_PENDING, SIP_REASON_NONE, "", PRESENCE_FAULT_NONE,
          "when the partner's user wants" },
        { CONTACT_X2S_ASKING, SIP_SUB_PENDING, SIP_REASON_NONE, "", PRESENCE_FAULT_PENDING, "waits for the SIP user" },
        { CONTACT_X2S_AUTH, SIP_SUB_TERMINATED, SIP_REASON_REJECTED, "", PRESENCE_FAULT_REFUSED,
          "(terminated, rejected)" },
        { CONTACT_X2S_NONE, SIP_SUB_ACTIVE, SIP_REASON_NONE, "<no", PRESENCE_FAULT_OTHER, "no PIDF document" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sides *s = sides_new();
        struct contact *c = cases[i].x2s ? contact_with(s, CONTACT_S2X_NONE, cases[i].x2s) : NULL;
        const struct presence_trial *t = begin(s, TO_SIP);
        struct sip_sub *sub = &s->subs[0];

        assert_int_equal(s->n_subs, 1);
        assert_int_equal(sub->expires_s, 0);
        sides_accept(s, sub, 0);
        (void)sides_notify(s, sub, cases[i].state, cases[i].reason, cases[i].body[0] ? PIDF : NULL, cases[i].body);
        says(t, cases[i].fault, cases[i].verdict);
        sides_sub_ended(s, sub, &(struct sip_sub_end){ .why = SIP_SUB_END_TERMINATED });
        assert_null(t->sub);
        if (c)
            nothing_changed(s, c, CONTACT_S2X_NONE, cases[i].x2s);
        else
            assert_null(sides_stored(s, ALICE, ROMEO));
        assert_int_equal(s->n_sent, 0);
        sides_free(s);
    }
}

static void a_poll_without_notify_says_why(void **state)
{
    static const struct {
        struct sip_sub_end end;
        enum presence_fault fault;
        const char *verdict;
    } cases[] = {
        { { .why = SIP_SUB_END_REFUSED, .status = 403 }, PRESENCE_FAULT_REFUSED, "with 403: it does not let" },
        { { .why = SIP_SUB_END_REFUSED, .status = 404 }, PRESENCE_FAULT_OTHER, "it knows no such person" },
        { { .why = SIP_SUB_END_REFUSED, .status = 489 }, PRESENCE_FAULT_OTHER, "it has no presence" },
        { { .why = SIP_SUB_END_SILENT }, PRESENCE_FAULT_OTHER, "no NOTIFY has come" },
        { { .why = SIP_SUB_END_UNREACHABLE }, PRESENCE_FAULT_UNREACHABLE, "\"stoxctl route test office\"" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sides *s = sides_new();
        const struct presence_trial *t = begin(s, TO_SIP);

        sides_sub_ended(s, &s->subs[0], &cases[i].end);
        says(t, cases[i].fault, cases[i].verdict);
        sides_free(s);
    }
}

static void both_ways_make_one_verdict_and_end_by_themselves(void **state)
{
    struct sides *s = sides_new();
    const struct presence_trial *t = begin(s, BOTH);

    assert_true(presence_settled(s->bridge, s->sent[0].token, XMPP_FATE_CONFIRMED, NULL));
    sides_advance(s, PRESENCE_TRIAL_PROBE_MS);
    assert_false(t->entry.done);
    (void)sides_notify(s, &s->subs[0], SIP_SUB_ACTIVE, SIP_REASON_NONE, PIDF, DOCUMENT("open"));
    says(t, PRESENCE_FAULT_NONE, "The SIP system lets the partner's user see");
    assert_non_null(strstr(t->verdict, "The way to the partner's server works"));
    t = begin(s, BOTH);
    sides_advance(s, PRESENCE_TRIAL_MS);
    says(t, PRESENCE_FAULT_UNREACHABLE, "nothing has acknowledged it");
    assert_non_null(strstr(t->verdict, "No SIP server of route office"));
    sides_advance(s, PRESENCE_TRIAL_KEEP_MS);
    assert_int_equal(s->bridge->presence_trials.n, 0);
    assert_true(s->subs[1].gone);
    sides_free(s);
}

static void what_cannot_be_tested_is_refused_in_words(void **state)
{
    static const struct {
        const char *sip, *xmpp, *why;
    } cases[] = {
        { "contoso.example", ROMEO, "sip: this is no address" },
        { ALICE, "fabrikam.example", "xmpp: this is no address" },
        { ROMEO, ALICE, "in no SIP domain of ours" },
        { ALICE, "bert@other.example", "both are on SIP" },
    };
    struct sides *s = sides_new();
    unsigned status, n = 0;
    const char *why;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(
            presence_trial_start(s->bridge, slice_str(cases[i].sip), slice_str(cases[i].xmpp), BOTH, &status, &why), 0);
        assert_int_equal(status, 422);
        assert_non_null(strstr(why, cases[i].why));
    }
    while (presence_trial_start(s->bridge, SLICE(ALICE), SLICE(ROMEO), TO_XMPP, &status, &why))
        n++;
    assert_int_equal(n, TRIALS_RUNNING);
    assert_int_equal(status, 429);
    sides_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_closed_gate_is_named_and_nobody_is_asked),
        cmocka_unit_test(an_unverified_partner_is_told_apart),
        cmocka_unit_test(each_answer_to_the_probe_has_its_verdict),
        cmocka_unit_test(who_has_not_answered_is_not_probed),
        cmocka_unit_test(who_has_refused_is_not_asked_again),
        cmocka_unit_test(a_partner_out_of_reach_is_named),
        cmocka_unit_test(each_answer_to_the_poll_has_its_verdict),
        cmocka_unit_test(a_poll_without_notify_says_why),
        cmocka_unit_test(both_ways_make_one_verdict_and_end_by_themselves),
        cmocka_unit_test(what_cannot_be_tested_is_refused_in_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
