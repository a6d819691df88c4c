/* Names and photos: of partners' users in what SIP is told, by their cards; of ours in the cards that XMPP reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "bridge/cards.h"
#include "sides.h"

#define OFFICE "192.0.2.10"
#define ALICE "alice@contoso.example"
#define ROMEO "romeo@fabrikam.example"
#define SETTINGS(more) SIDES_ORG SIDES_DOMAINS "partner fabrikam.example { type = federated\n " more " }\n"
#define CARD(inside) "<vCard xmlns='vcard-temp'>" inside "</vCard>"
#define PHOTO "<PHOTO><EXTVAL>https://pictures.example/r.png</EXTVAL></PHOTO>"
#define NAME(name) "<ci:display-name xmlns:ci='urn:ietf:params:xml:ns:pidf:cipid'>" name "</ci:display-name>"
#define ICON "<ci:icon xmlns:ci='urn:ietf:params:xml:ns:pidf:cipid'>https://pictures.example/r.png</ci:icon>"

static void says(struct sides *s, const char *resource, const char *type, const char *inside)
{
    char stanza[1024];

    (void)snprintf(stanza, sizeof(stanza), "<presence from='" ROMEO "%s%s' to='" ALICE "'%s%s%s>%s</presence>",
                   resource[0] ? "/" : "", resource, type[0] ? " type='" : "", type, type[0] ? "'" : "", inside);
    sides_xmpp(s, stanza, 100 + s->n_handled);
    sides_advance(s, 1);
}

/* Alice watches Romeo, who lets her. */
static struct sip_sub *granted(struct sides *s)
{
    struct sip_sub *sub = sides_subscribe(s, OFFICE, "sip:" ALICE, "sip:" ROMEO, 3600);

    assert_true(sub->accepted);
    sides_advance(s, 1);
    says(s, "", "subscribed", "");
    return sub;
}

/* The id of the n-th question for a card; NULL: there is none. */
static const char *question(const struct sides *s, size_t n)
{
    static char id[64];

    for (size_t i = 0; i < s->n_sent; i++) {
        const char *at = strstr(s->sent[i].stanza, " id='card-");

        if (!at || n-- > 0)
            continue;
        assert_non_null(strstr(s->sent[i].stanza, " from='" ALICE "' to='" ROMEO "'><vCard xmlns='vcard-temp'/></iq>"));
        (void)snprintf(id, sizeof(id), "%.*s", (int)strcspn(at + 5, "'"), at + 5);
        return id;
    }
    return NULL;
}

static void answers(struct sides *s, const char *from, const char *type, const char *id, const char *inside)
{
    char *stanza = NULL;

    assert_true(asprintf(&stanza, "<iq from='%s' to='" ALICE "' type='%s' id='%s'>%s</iq>", from, type, id, inside) >
                0);
    sides_xmpp(s, stanza, 100 + s->n_handled);
    sides_advance(s, 1);
    free(stanza);
}

static const char *document(struct sides *s, struct sip_sub *sub)
{
    sides_describe_sub(s, sub, false);
    return sub->body;
}

static void the_name_of_his_card_is_shown(void **state)
{
    struct sides *s = sides_new();
    struct sip_sub *sub = granted(s);
    unsigned changes;

    assert_null(question(s, 0)); /* not before he is there */
    says(s, "garden", "", "");
    assert_non_null(question(s, 0));
    assert_null(strstr(document(s, sub), "display-name"));
    changes = sub->changes;
    answers(s, ROMEO, "result", question(s, 0), CARD("<FN>Romeo &amp; Co</FN>" PHOTO));
    assert_int_equal(sub->changes, changes + 1);
    assert_non_null(strstr(document(s, sub), NAME("Romeo &amp; Co") "</dm:person>"));
    assert_null(strstr(sub->body, "pictures.example"));
    says(s, "garden", "", "<nick xmlns='http://jabber.org/protocol/nick'>Ro</nick>"); /* what he says himself counts */
    assert_non_null(strstr(document(s, sub), NAME("Ro") "</dm:person>"));
    says(s, "garden", "unavailable", "");
    assert_null(strstr(document(s, sub), "display-name"));
    assert_null(question(s, 1)); /* once a day */
    sides_free(s);
}

static void he_is_asked_once_a_day(void **state)
{
    struct sides *s = sides_new();
    struct sip_sub *sub = granted(s);

    says(s, "garden", "", "");
    answers(s, ROMEO, "result", question(s, 0), CARD("<FN>Romeo</FN>"));
    sides_advance(s, 23ull * 3600 * 1000);
    says(s, "garden", "", "<show>away</show>");
    assert_null(question(s, 1));
    sides_advance(s, 3600 * 1000);
    says(s, "garden", "", "");
    assert_non_null(question(s, 1));
    answers(s, ROMEO, "error", question(s, 1), "");
    assert_non_null(strstr(document(s, sub), NAME("Romeo")));
    sides_advance(s, 24ull * 3600 * 1000);
    says(s, "garden", "", "");
    answers(s, ROMEO, "result", question(s, 2), CARD(""));
    assert_null(strstr(document(s, sub), "display-name")); /* he has none any more */
    sides_free(s);
}

static void a_name_lasts_a_week(void **state)
{
    struct sides *s = sides_new();
    struct jid romeo = { .local = SLICE("romeo"), .domain = SLICE("fabrikam.example") };

    (void)granted(s);
    says(s, "garden", "", "");
    answers(s, ROMEO, "result", question(s, 0), CARD("<FN>Romeo</FN>"));
    assert_true(slice_is(cards_name(s->bridge, &romeo), "Romeo"));
    sides_advance(s, 7ull * 86400 * 1000);
    assert_int_equal(cards_name(s->bridge, &romeo).n, 0);
    sides_free(s);
}

/* What did not answer our question is none. */
static void whose_answers_count(void **state)
{
    static const struct {
        const char *from, *type, *id; /* id NULL: the right one */
    } cases[] = {
        { "juliet@fabrikam.example", "result", NULL }, { ROMEO "/garden", "result", NULL },
        { "fabrikam.example", "result", NULL },        { ROMEO, "get", NULL },
        { ROMEO, "result", "card-0000000000000001" },  { ROMEO, "result", "card-1" },
        { ROMEO, "result", "card-zzzzzzzzzzzzzzzz" },  { ROMEO, "result", "" },
    };
    struct sides *s = sides_new();
    struct jid romeo = { .local = SLICE("romeo"), .domain = SLICE("fabrikam.example") };

    (void)granted(s);
    says(s, "garden", "", "");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        answers(s, cases[i].from, cases[i].type, cases[i].id ? cases[i].id : question(s, 0), CARD("<FN>Tybalt</FN>"));
        if (cards_name(s->bridge, &romeo).n)
            fail_msg("%zu", i);
    }
    answers(s, ROMEO, "result", question(s, 0), CARD("<FN>Romeo</FN>"));
    answers(s, ROMEO, "result", question(s, 0), CARD("<FN>Tybalt</FN>")); /* once */
    assert_true(slice_is(cards_name(s->bridge, &romeo), "Romeo"));
    sides_free(s);
}

static void settings_decide(void **state)
{
    struct sides *s = sides_new();
    struct sip_sub *sub;

    sides_apply(s, SETTINGS("names = no"));
    sub = granted(s);
    says(s, "garden", "", "<nick xmlns='http://jabber.org/protocol/nick'>Ro</nick>");
    says(s, "balcony", "", "");
    assert_null(question(s, 0));
    assert_null(strstr(document(s, sub), "display-name"));
    sides_apply(s, SETTINGS("photos = yes"));
    says(s, "garden", "", "<nick xmlns='http://jabber.org/protocol/nick'>Ro</nick><priority>1</priority>");
    answers(s, ROMEO, "result", question(s, 0), CARD("<FN>Romeo</FN>" PHOTO));
    assert_non_null(strstr(document(s, sub), NAME("Ro") ICON "</dm:person>"));
    sides_apply(s, SETTINGS("photos = yes\n names = no"));
    assert_null(strstr(document(s, sub), "cipid"));
    sides_free(s);
}

/* presence-rate is the pace of what nobody has waited for. */
static void servers_are_asked_at_a_pace(void **state)
{
    struct sides *s = sides_new();

    sides_apply(s, SIDES_SETTINGS "gateway { presence-rate = 1 }\n");
    for (unsigned i = 0; i < 4; i++) {
        char uri[64], stanza[300];

        (void)snprintf(uri, sizeof(uri), "sip:p%u@fabrikam.example", i);
        assert_true(sides_subscribe(s, OFFICE, "sip:" ALICE, uri, 3600)->accepted);
        sides_advance(s, 1);
        (void)snprintf(stanza, sizeof(stanza), "<presence from='%s' to='" ALICE "' type='subscribed'/>", uri + 4);
        sides_xmpp(s, stanza, 100 + s->n_handled);
        sides_advance(s, 1);
        (void)snprintf(stanza, sizeof(stanza), "<presence from='%s/x' to='" ALICE "'/>", uri + 4);
        sides_xmpp(s, stanza, 100 + s->n_handled);
        sides_advance(s, 1);
    }
    assert_int_equal(s->bridge->cards.asked, 1);
    sides_free(s);
}

/* ---- users of ours ---- */

static const char *card_of_alice(struct sides *s)
{
    sides_xmpp(s, "<iq from='" ROMEO "/x' to='" ALICE "' type='get' id='q'><vCard xmlns='vcard-temp'/></iq>",
               100 + s->n_handled);
    sides_advance(s, 1);
    return s->sent[s->n_sent - 1].stanza;
}

static void her_display_name_is_on_her_card(void **state)
{
    static const struct {
        const char *from, *name;
    } cases[] = {
        { "<sip:" ALICE ">", "" },
        { "\"Alice Example\" <sip:" ALICE ">", "Alice Example" },
        { "\"Bert\" <sip:bert@contoso.example>", "Alice Example" },
        { "\"Tybalt\" <sip:alice@other.example>", "Alice Example" },
        { "Alice <sip:" ALICE ">", "Alice" },
        { "\" \" <sip:" ALICE ">", "Alice" },
        { "<sip:" ALICE ">", "Alice" },
        { "\"\xff\" <sip:" ALICE ">", "Alice" },
        { "\"A \\\"Q\\\" \\\\ <b>\" <sip:" ALICE ">", "A \"Q\" \\ <b>" },
    };
    struct jid alice = { .local = SLICE("alice"), .domain = SLICE("contoso.example") };
    struct sides *s = sides_new();

    sides_apply(s, SIDES_ORG "route office { transport = udp\n next-hop = \"192.0.2.10\"\n publish = yes }\n"
                             "sip-domain contoso.example { route = office }\n" SIDES_PARTNER);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char branch[16];

        (void)snprintf(branch, sizeof(branch), "b%zu", i);
        (void)sides_sip(s, OFFICE, cases[i].from, "sip:" ROMEO, branch, "", "hello");
        if (!slice_is(cards_name(s->bridge, &alice), cases[i].name))
            fail_msg("%s: %.*s", cases[i].from, SLICE_FMT(cards_name(s->bridge, &alice)));
    }
    assert_non_null(strstr(card_of_alice(s), "item-not-found")); /* he may not see her */
    says(s, "", "subscribe", "");
    sides_advance(s, 10);
    assert_non_null(strstr(card_of_alice(s), "<FN>A &quot;Q&quot; \\ &lt;b&gt;</FN>"));
    sides_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_name_of_his_card_is_shown),
        cmocka_unit_test(he_is_asked_once_a_day),
        cmocka_unit_test(a_name_lasts_a_week),
        cmocka_unit_test(whose_answers_count),
        cmocka_unit_test(settings_decide),
        cmocka_unit_test(servers_are_asked_at_a_pace),
        cmocka_unit_test(her_display_name_is_on_her_card),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
