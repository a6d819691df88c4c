/* The gates of every conversation, both ways: organisation, policy, partner, type. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "bridge/gate.h"
#include "sides.h"

#define ALICE "alice@contoso.example"

static const char *const types[] = { "federated", "public-verified", "public-unverified", NULL /* not listed */ };

/* org and policy as bits of open: 1 the organisation, 2 federation of the policy, 4 xmpp of the policy. */
static void settings(char *out, size_t size, unsigned open, const char *type)
{
    int n = snprintf(out, size,
                     "org { federation = %s }\npolicy global { federation = %s\n xmpp = %s }\n" SIDES_DOMAINS
                     "partner tailspin.example { type = federated }\n",
                     open & 1 ? "yes" : "no", open & 2 ? "yes" : "no", open & 4 ? "yes" : "no");

    if (type)
        snprintf(out + n, size - (size_t)n, "partner fabrikam.example { type = %s }\n", type);
}

static struct sip_server *alice_writes(struct sides *s, const char *branch)
{
    return sides_sip(s, "192.0.2.10", "<sip:" ALICE ">", "sip:romeo@fabrikam.example", branch,
                     "Content-Type: text/plain\r\n", "hello");
}

static void romeo_writes(struct sides *s, uint64_t number)
{
    sides_xmpp(s, "<message from='romeo@fabrikam.example/g' to='" ALICE "' id='m'><body>x</body></message>", number);
}

static void all_gates_both_ways(void **state)
{
    for (unsigned open = 0; open < 8; open++) {
        for (size_t type = 0; type < sizeof(types) / sizeof(types[0]); type++) {
            struct sides *s = sides_new();
            bool people = open == 7, out = people && types[type], in = out && type != 2;
            char text[1000];
            struct sip_server *t;

            settings(text, sizeof(text), open, types[type]);
            sides_apply(s, text);
            t = alice_writes(s, "a");
            if (t->answers != (out ? 0 : 1) || (!out && t->status != (people ? 404 : 403)) ||
                s->n_sent != (out ? 1 : 0))
                fail_msg("open %u, type %zu: %u answers, status %u", open, type, t->answers, t->status);
            s->n_sent = 0;
            romeo_writes(s, 1);
            if (s->n_clients != (in ? 1 : 0))
                fail_msg("open %u, type %zu: %zu requests", open, type, s->n_clients);
            if (!in) {
                assert_int_equal(s->n_sent, 1);
                assert_non_null(strstr(s->sent[0].stanza, "<forbidden "));
                assert_non_null(strstr(s->sent[0].stanza, "type='auth'"));
                assert_int_equal(s->n_handled, 1);
            }
            sides_free(s);
        }
    }
}

static void each_refusal_says_why(void **state)
{
    static const struct {
        unsigned open;
        size_t type;
        const char *reason, *text, *logged; /* NULL: it passes */
    } cases[] = {
        { 6, 0, "Your organisation does not allow conversations with others",
          "not allowed to talk to people of other organisations", "federation is turned off for the organisation" },
        { 3, 0, "You are not allowed to talk to people on XMPP", "not allowed to talk to people of other organisations",
          "the policy does not allow XMPP partners" },
        { 7, 3, "No XMPP partner has that domain", "no federation with your domain", "the partner is not listed" },
        { 7, 2, NULL, "only be written to who have you among their contacts", "public-unverified" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sides *s = sides_new();
        char text[1000];
        struct sip_server *t;

        settings(text, sizeof(text), cases[i].open, types[cases[i].type]);
        sides_apply(s, text);
        t = alice_writes(s, "a");
        if (cases[i].reason)
            assert_string_equal(t->reason, cases[i].reason);
        s->n_sent = 0;
        romeo_writes(s, 1);
        if (!strstr(s->sent[0].stanza, cases[i].text) || !sides_logged(s, cases[i].logged))
            fail_msg("case %zu: %s\n%.*s", i, s->sent[0].stanza, (int)s->logged.n, s->logged.p);
        sides_free(s);
    }
}

/* The closest policy decides, by the address in normal form: however SIP writes it, and in A-labels too. */
static void the_policy_of_the_user_decides(void **state)
{
    static const char text[] = SIDES_ORG SIDES_PARTNER
        "policy shut { federation = yes }\nroute office { transport = udp\n next-hop = \"192.0.2.10\" }\n"
        "sip-domain contoso.example { route = office }\nsip-domain \"xn--bcher-kva.example\" { route = office }\n"
        "sip-user \"mallory@contoso.example\" { policy = shut }\n"
        "sip-user \"eve@xn--bcher-kva.example\" { policy = shut }\n"
        "sip-user \"gone@contoso.example\" { served = no }\n";
    static const struct {
        const char *from;
        bool passes;
    } cases[] = {
        { "<sip:alice@contoso.example>", true },
        { "<sip:mallory@contoso.example>", false },
        { "<sip:MALLORY@Contoso.Example>", false },
        { "<sip:m%61llory@contoso.example>", false },
        { "\"Alice\" <sip:mallory@contoso.example;transport=tcp>", false },
        { "<sip:gone@contoso.example>", false },
        { "<sip:alice@xn--bcher-kva.example>", true },
        { "<sip:eve@xn--bcher-kva.example>", false },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sides *s = sides_new();
        struct sip_server *t;

        sides_apply(s, text);
        t = sides_sip(s, "192.0.2.10", cases[i].from, "sip:romeo@fabrikam.example", "a", "Content-Type: text/plain\r\n",
                      "x");
        if ((t->answers == 0) != cases[i].passes || (t->answers && t->status != 403))
            fail_msg("%s: %u answers, status %u", cases[i].from, t->answers, t->status);
        sides_free(s);
    }
}

#define OPEN SIDES_SETTINGS "partner tailspin.example { type = federated }\n"

/* Persons and domains on both sides, in any spelling, with all partners or with some; nobody else is touched. */
static void STOX_IQ_20_the_block_list_keeps_apart(void **state)
{
    static const struct {
        const char *block, *ours, *theirs; /* block NULL: none */
        const char *why;                   /* NULL: it passes */
    } cases[] = {
        { "", ALICE, "romeo@fabrikam.example", NULL },
        { "block \"romeo@fabrikam.example\" { }", ALICE, "romeo@fabrikam.example", "the partner's user is on" },
        { "block \"ROMEO@Fabrikam.Example\" { }", ALICE, "romeo@fabrikam.example", "the partner's user is on" },
        { "block \"romeo@fabrikam.example\" { }", ALICE, "romeo@fabrikam.example/x", "the partner's user is on" },
        { "block \"romeo@fabrikam.example\" { }", ALICE, "romeo2@fabrikam.example", NULL },
        { "block \"romeo@fabrikam.example\" { }", ALICE, "romeo@tailspin.example", NULL },
        { "block \"fabrikam.example\" { }", ALICE, "romeo@fabrikam.example", "the partner's domain is on" },
        { "block \"*@fabrikam.example\" { }", ALICE, "romeo@fabrikam.example", "the partner's domain is on" },
        { "block \"fabrikam.example\" { }", ALICE, "romeo@tailspin.example", NULL },
        { "block \"brikam.example\" { }", ALICE, "romeo@fabrikam.example", NULL },
        { "block \"sip:" ALICE "\" { }", ALICE, "romeo@fabrikam.example", "our user is on" },
        { "block \"" ALICE "\" { }", "bob@contoso.example", "romeo@fabrikam.example", NULL },
        { "block \"contoso.example\" { }", ALICE, "romeo@fabrikam.example", "our domain is on" },
        { "block \"other.example\" { }", ALICE, "romeo@fabrikam.example", NULL },
        { "block \"" ALICE "\" { partners = {\"tailspin.example\"} }", ALICE, "romeo@fabrikam.example", NULL },
        { "block \"" ALICE "\" { partners = {\"tailspin.example\"} }", ALICE, "romeo@tailspin.example",
          "our user is on" },
        { "block \"contoso.example\" { partners = {\"tailspin.example\", \"fabrikam.example\"} }", ALICE,
          "romeo@fabrikam.example", "our domain is on" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sides *s = sides_new();
        bool passes = !cases[i].why;
        char text[1000];
        struct sip_server *t;

        snprintf(text, sizeof(text), OPEN "%s\n", cases[i].block);
        sides_apply(s, text);
        snprintf(text, sizeof(text), "<message from='%s' to='%s' id='m'><body>x</body></message>", cases[i].theirs,
                 cases[i].ours);
        sides_xmpp(s, text, 1);
        if (s->n_clients != passes || s->n_sent != !passes ||
            (!passes && (!strstr(s->sent[0].stanza, "<error type='modify'") ||
                         !strstr(s->sent[0].stanza, "<policy-violation ") || !sides_logged(s, cases[i].why))))
            fail_msg("case %zu: %zu requests, %s\n%.*s", i, s->n_clients, s->sent[0].stanza, (int)s->logged.n,
                     s->logged.p);
        s->n_sent = 0;
        snprintf(text, sizeof(text), "<sip:%s>", cases[i].ours);
        t = sides_sip(s, "192.0.2.10", text,
                      strstr(cases[i].theirs, "tailspin") ? "sip:romeo@tailspin.example"
                      : strstr(cases[i].theirs, "romeo2") ? "sip:romeo2@fabrikam.example"
                                                          : "sip:romeo@fabrikam.example",
                      "b", "Content-Type: text/plain\r\n", "x");
        if (t->answers != !passes || (!passes && t->status != 403) || s->n_sent != passes)
            fail_msg("case %zu: %u answers, %u", i, t->answers, t->status);
        sides_free(s);
    }
}

#define CYRILLIC_O "\xd0\xbe"

/* "r\u043emeo", which looks like romeo; whole words of one script are fine, also with what had to be escaped. */
static void STOX_SEC_21_mixed_scripts_are_refused_unless_allowed(void **state)
{
    static const struct {
        const char *local;
        bool mixed;
    } cases[] = {
        { "romeo", false },
        { "r" CYRILLIC_O "meo", true },
        { "\xd1\x80\xd0\xbe\xd0\xbc\xd0\xb5\xd0\xbe", false },
        { "\xd1\x80\\2f\xd0\xbe", false },
        { "romeo.\xd1\x80\xd0\xbe", false },
        { "j\xc3\xbcrgen", false },
        { "\xce\xb1lice", true },
        { "\xe6\xbc\xa2\xe5\xad\x97romaji", false },
    };

    for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        const char *local = cases[i / 2].local;
        bool allowed = i % 2, passes = allowed || !cases[i / 2].mixed;
        struct sides *s = sides_new();
        char text[1000];
        struct sip_server *t;

        sides_apply(s, allowed ? OPEN "gateway { mixed-scripts = yes }\n" : OPEN);
        snprintf(text, sizeof(text),
                 "<message from='%s@fabrikam.example' to='" ALICE "' id='m'><body>x</body></message>", local);
        sides_xmpp(s, text, 1);
        if (s->n_clients != passes || (!passes && !strstr(s->sent[0].stanza, "<policy-violation ")))
            fail_msg("%s, %d: %zu requests", local, allowed, s->n_clients);
        t = sides_sip(s, "192.0.2.10", "<sip:r%D0%BEmeo@contoso.example>", "sip:nurse@fabrikam.example", "b",
                      "Content-Type: text/plain\r\n", "x");
        assert_int_equal(t->answers ? t->status : 0, allowed ? 0 : 403);
        sides_free(s);
    }
}

/* Five times within ten seconds, as a partner may whose stream breaks; then the id, or time, must be another. */
static void STOX_SEC_20_the_same_message_passes_five_times_in_ten_seconds(void **state)
{
    static const char stanza[] = "<message from='romeo@fabrikam.example/g' to='" ALICE "' %s><body>x</body></message>";
    struct sides *s = sides_new();
    char text[200];

    for (int lap = 0; lap < 2; lap++) {
        s->n_clients = 0;
        snprintf(text, sizeof(text), stanza, "id='m'");
        for (uint64_t i = 0; i < 7; i++)
            sides_xmpp(s, text, i);
        for (size_t i = 0; i < s->n_clients; i++)
            sides_answer(s, i, 200);
        assert_int_equal(s->n_clients, 5);
        assert_non_null(strstr(s->sent[s->n_sent - 1].stanza, "<policy-violation "));
        sides_advance(s, 10000);
    }
    s->n_clients = 0;
    for (uint64_t i = 0; i < 7; i++) {
        snprintf(text, sizeof(text), stanza, i == 0 ? "id='1'" : i == 1 ? "id='2'" : "");
        sides_xmpp(s, text, i);
        sides_answer(s, s->n_clients - 1, 200);
    }
    assert_int_equal(s->n_clients, 7);
    sides_free(s);
}

static void STOX_SEC_20_the_same_request_passes_five_times_in_ten_seconds(void **state)
{
    struct sides *s = sides_new();
    unsigned refused = 0;

    s->call_id = "ring";
    for (int i = 0; i < 7; i++) {
        struct sip_server *t;
        char branch[16];

        snprintf(branch, sizeof(branch), "r%d", i);
        t = alice_writes(s, branch);
        if (t->answers) {
            assert_int_equal(t->status, 482);
            refused++;
        } else {
            s2x_settled(s->bridge, s->sent[s->n_sent - 1].token, XMPP_FATE_CONFIRMED, "");
        }
    }
    assert_int_equal(refused, 2);
    sides_advance(s, 10000);
    assert_int_equal(alice_writes(s, "later")->answers, 0);
    sides_free(s);
}

/* Whoever asks why is shown the entries by their names. */
static void a_look_at_the_gates_names_what_decides(void **state)
{
    static const struct {
        const char *block, *theirs, *name, *partner; /* NULL: none */
    } cases[] = {
        { "", "romeo@fabrikam.example", NULL, "fabrikam.example" },
        { "", "romeo@other.example", NULL, NULL },
        { "block \"romeo@fabrikam.example\" { }", "romeo@fabrikam.example", "romeo@fabrikam.example",
          "fabrikam.example" },
        { "block \"" ALICE "\" { partners = {\"tailspin.example\"} }", "romeo@fabrikam.example", NULL,
          "fabrikam.example" },
        { "block \"" ALICE "\" { partners = {\"fabrikam.example\"} }", "fabrikam.example", ALICE, "fabrikam.example" },
        { "block \"contoso.example\" { }", "romeo@fabrikam.example", "contoso.example", "fabrikam.example" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sides *s = sides_new();
        struct arena a;
        struct jid sip, xmpp;
        struct gate_look look;
        char text[1000];

        snprintf(text, sizeof(text), OPEN "%s\n", cases[i].block);
        sides_apply(s, text);
        arena_init(&a, 10000);
        assert_true(jid_parse(&a, SLICE(ALICE), &sip) && jid_parse(&a, slice_str(cases[i].theirs), &xmpp));
        gate_look(s->bridge->directory, &xmpp, &sip, &look);
        assert_non_null(look.route);
        assert_true(!look.partner == !cases[i].partner && !look.block == !cases[i].name &&
                    !look.blocked == !look.block);
        assert_true(!look.partner || slice_is(look.partner->name, cases[i].partner));
        assert_true(!look.block || slice_is(look.block->name, cases[i].name));
        arena_reset(&a);
        sides_free(s);
    }
}

/* Questions and presence of a blocked sender: one answer, the same; answers and what needs none get none. */
static void STOX_IQ_20_questions_of_the_blocked(void **state)
{
    static const struct {
        const char *stanza;
        bool answered;
    } cases[] = {
        { "<iq type='get' from='romeo@fabrikam.example' to='contoso.example' id='1'><ping xmlns='urn:xmpp:ping'/></iq>",
          true },
        { "<iq type='set' from='romeo@fabrikam.example/x' to='" ALICE "' id='1'><x xmlns='y'/></iq>", true },
        { "<iq type='result' from='romeo@fabrikam.example' to='contoso.example' id='1'/>", false },
        { "<iq type='error' from='romeo@fabrikam.example' to='contoso.example' id='1'/>", false },
        { "<presence type='subscribe' from='romeo@fabrikam.example' to='" ALICE "'/>", true },
        { "<presence from='romeo@fabrikam.example/x' to='" ALICE "'/>", false },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sides *s = sides_new();

        sides_apply(s, SIDES_SETTINGS "block \"romeo@fabrikam.example\" { }\n");
        sides_xmpp(s, cases[i].stanza, 1);
        if (s->n_sent != cases[i].answered || s->n_handled != 1 ||
            (s->n_sent && !strstr(s->sent[0].stanza, "<policy-violation ")))
            fail_msg("case %zu: %zu answers, %s", i, s->n_sent, s->sent[0].stanza);
        sides_free(s);
    }
}

/* Who may not speak for an address learns nothing of its policy: the same answer, whatever it is. */
static void a_foreign_source_learns_nothing_of_policies(void **state)
{
    struct sides *s = sides_new();
    char shut[1000];
    struct sip_server *open, *closed;

    settings(shut, sizeof(shut), 0, NULL);
    open = sides_sip(s, "192.0.2.20", "<sip:" ALICE ">", "sip:romeo@fabrikam.example", "a", "", "x");
    sides_apply(s, shut);
    closed = sides_sip(s, "192.0.2.20", "<sip:" ALICE ">", "sip:romeo@fabrikam.example", "b", "", "x");
    assert_int_equal(open->status, 403);
    assert_int_equal(closed->status, 403);
    assert_string_equal(open->reason, closed->reason);
    sides_free(s);
}

static void refusals_are_logged_within_bounds(void **state)
{
    struct sides *s = sides_new();
    char shut[1000];
    size_t lines = 0;

    settings(shut, sizeof(shut), 0, NULL);
    sides_apply(s, shut);
    for (int i = 0; i < 200; i++) {
        char branch[16];

        snprintf(branch, sizeof(branch), "f%d", i);
        alice_writes(s, branch);
    }
    for (const char *p = s->logged.p;
         p && (p = memmem(p, (size_t)(s->logged.p + s->logged.n - p), "message-refused", 15)); p++)
        lines++;
    assert_in_range(lines, 1, 50);
    sides_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_gates_both_ways),
        cmocka_unit_test(each_refusal_says_why),
        cmocka_unit_test(the_policy_of_the_user_decides),
        cmocka_unit_test(STOX_IQ_20_the_block_list_keeps_apart),
        cmocka_unit_test(STOX_SEC_21_mixed_scripts_are_refused_unless_allowed),
        cmocka_unit_test(STOX_SEC_20_the_same_message_passes_five_times_in_ten_seconds),
        cmocka_unit_test(STOX_SEC_20_the_same_request_passes_five_times_in_ten_seconds),
        cmocka_unit_test(a_look_at_the_gates_names_what_decides),
        cmocka_unit_test(STOX_IQ_20_questions_of_the_blocked),
        cmocka_unit_test(a_foreign_source_learns_nothing_of_policies),
        cmocka_unit_test(refusals_are_logged_within_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
