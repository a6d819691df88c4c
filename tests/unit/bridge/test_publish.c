/* PUBLISH: what is taken, from whom, for how long; what several clients say together; and what watchers hear of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "bridge/publish.h"
#include "sides.h"

#define ALICE "alice@contoso.example"
#define BERT "bert@contoso.example"
#define ROMEO "romeo@fabrikam.example"
#define ROUTE(more)                                                                                                    \
    SIDES_ORG                                                                                                          \
    "route office { transport = udp\n next-hop = \"192.0.2.10\"\n " more                                               \
    " }\nroute other { transport = udp\n next-hop = \"192.0.2.20\" }\n"                                                \
    "sip-domain contoso.example { route = office }\nsip-domain other.example { route = other }\n" SIDES_PARTNER
#define PUBLISHES ROUTE("publish = yes")
#define DOCUMENT(who, tuples)                                                                                          \
    "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:" who "'>" tuples "</presence>"
#define TUPLE(id, basic, more) "<tuple id='" id "'><status><basic>" basic "</basic>" more "</status></tuple>"
#define AWAY "<show xmlns='jabber:client'>away</show>"
#define PHONE DOCUMENT(ALICE, TUPLE("phone", "open", ""))
#define PIDF "Content-Type: application/pidf+xml\r\n"

struct publishing {
    const char *ip, *from, *uri, *headers, *body;
};

static struct sip_server *publish(struct sides *s, const struct publishing *p)
{
    return sides_publish(s, p->ip ? p->ip : "192.0.2.10", p->from ? p->from : ALICE, p->uri ? p->uri : ALICE,
                         p->headers ? p->headers : PIDF, p->body ? p->body : "");
}

/* Published with this tag (NULL: anew); the new one. */
static const char *says(struct sides *s, const char *tag, const char *body)
{
    static char tags[8][PUBLICATION_TAG + 1];
    static unsigned at;
    char headers[200], *made = tags[at++ % 8];
    const char *found;
    struct sip_server *txn;

    (void)snprintf(headers, sizeof(headers), PIDF "%s%s%s", tag ? "SIP-If-Match: " : "", tag ? tag : "",
                   tag ? "\r\n" : "");
    txn = publish(s, &(struct publishing){ .headers = headers, .body = body });
    assert_int_equal(txn->status, 200);
    found = strstr(txn->headers, "SIP-ETag: ");
    assert_non_null(found);
    (void)snprintf(made, PUBLICATION_TAG + 1, "%s", found + sizeof("SIP-ETag: ") - 1);
    assert_true(!tag || strcmp(tag, made) != 0);
    return made;
}

static struct sides *begin(void)
{
    struct sides *s = sides_new();

    sides_apply(s, PUBLISHES);
    return s;
}

static void settle(struct sides *s)
{
    for (int i = 0; i < 4; i++)
        sides_advance(s, 1);
}

static void asks(struct sides *s, const char *type)
{
    char stanza[200];

    (void)snprintf(stanza, sizeof(stanza), "<presence from='" ROMEO "' to='" ALICE "' type='%s'/>", type);
    sides_xmpp(s, stanza, 1000 + s->n_handled);
    settle(s);
}

/* Each stanza that was sent since has this in it; and is forgotten. */
static void told(struct sides *s, const char *const *expected)
{
    size_t n = 0;

    settle(s);
    for (; expected[n]; n++)
        if (n >= s->n_sent || !strstr(s->sent[n].stanza, expected[n]))
            fail_msg("%zu of %zu: %s, not %s", n, s->n_sent, n < s->n_sent ? s->sent[n].stanza : "nothing",
                     expected[n]);
    if (s->n_sent != n)
        fail_msg("more: %s", s->sent[n].stanza);
    s->n_sent = 0;
}
#define TOLD(s, ...) told(s, (const char *const[]){ __VA_ARGS__, NULL })
#define NOTHING_TOLD(s) told(s, (const char *const[]){ NULL })

static void what_is_refused(void **state)
{
    static const struct {
        struct publishing publishing;
        unsigned status;
        const char *headers;
    } cases[] = {
        { { .ip = "192.0.2.99", .body = PHONE }, 403, "" },
        { { .from = BERT, .body = PHONE }, 403, "" }, /* for somebody else */
        { { .from = "alice@other.example", .uri = "alice@other.example", .ip = "192.0.2.20", .body = PHONE }, 403, "" },
        { { .body = "" }, 400, "" },
        { { .body = "<presence" }, 400, "" },
        { { .body = DOCUMENT(BERT, TUPLE("phone", "open", "")) }, 400, "" },
        { { .headers = "Content-Type: text/plain\r\n", .body = "here" }, 415, "Accept: application/pidf+xml\r\n" },
        { { .headers = PIDF "Content-Encoding: gzip\r\n", .body = "x" }, 415, "Accept-Encoding: identity\r\n" },
        { { .headers = PIDF "Expires: 59\r\n", .body = PHONE }, 423, "Min-Expires: 60\r\n" },
        { { .headers = PIDF "Expires: soon\r\n", .body = PHONE }, 400, "" },
        { { .headers = PIDF "SIP-If-Match: 0123456789abcdef\r\n", .body = PHONE }, 412, "" },
        { { .headers = "SIP-If-Match: x\r\nExpires: 0\r\n" }, 412, "" },
        { { .headers = PIDF "SIP-If-Match: x, y\r\n", .body = PHONE }, 400, "" },
        { { .headers = PIDF "SIP-If-Match: x\r\nSIP-If-Match: y\r\n", .body = PHONE }, 400, "" },
    };
    struct sides *s = begin();

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sip_server *txn = publish(s, &cases[i].publishing);

        if (txn->status != cases[i].status || strcmp(txn->headers, cases[i].headers) != 0)
            fail_msg("%zu: %u %s %s", i, txn->status, txn->reason, txn->headers);
    }
    assert_int_equal(s->bridge->publications.memory.n, 0);
    assert_int_equal(s->bridge->publications.refused, sizeof(cases) / sizeof(cases[0]));
    sides_free(s);
}

static void whose_publications_are_taken(void **state)
{
    struct sides *s = begin();

    assert_int_equal(publish_allowed(s->bridge, SLICE("")), SIP_PUBLISHING_ALLOWED);
    assert_int_equal(publish_allowed(s->bridge, SLICE("contoso.example")), SIP_PUBLISHING_ALLOWED);
    assert_int_equal(publish_allowed(s->bridge, SLICE("other.example")), SIP_PUBLISHING_FORBIDDEN);
    assert_int_equal(publish_allowed(s->bridge, SLICE("fabrikam.example")), SIP_PUBLISHING_FORBIDDEN);
    assert_int_equal(publish_allowed(s->bridge, SLICE("stranger.example")), SIP_PUBLISHING_UNSERVED);
    assert_int_equal(publish_allowed(s->bridge, SLICE("not a name")), SIP_PUBLISHING_UNSERVED);
    sides_apply(s, ROUTE(""));
    assert_int_equal(publish_allowed(s->bridge, SLICE("")), SIP_PUBLISHING_FORBIDDEN);
    assert_int_equal(publish(s, &(struct publishing){ .body = PHONE })->status, 403);
    sides_free(s);
}

static void published_refreshed_changed_removed(void **state)
{
    struct sides *s = begin();
    const char *first = says(s, NULL, PHONE), *second = says(s, first, ""), *third;
    char headers[100];

    assert_int_equal(s->bridge->publications.memory.n, 1);
    third = says(s, second, DOCUMENT(ALICE, TUPLE("phone", "open", AWAY)));
    assert_int_equal(s->bridge->publications.memory.n, 1);
    (void)snprintf(headers, sizeof(headers), "SIP-If-Match: %s\r\n", second);
    assert_int_equal(publish(s, &(struct publishing){ .headers = headers })->status, 412);
    (void)snprintf(headers, sizeof(headers), "SIP-If-Match: %s\r\nExpires: 0\r\n", third);
    assert_int_equal(publish(s, &(struct publishing){ .headers = headers })->status, 200);
    assert_int_equal(s->bridge->publications.memory.n, 0);
    assert_int_equal(s->bridge->publications.users.n, 0);
    assert_int_equal(publish(s, &(struct publishing){ .headers = headers })->status, 412);
    sides_free(s);
}

static void a_watcher_is_told_and_nobody_subscribes(void **state)
{
    struct sides *s = begin();
    const char *tag;

    asks(s, "subscribe");
    TOLD(s, "type='subscribed'", "type='unavailable'");
    tag = says(s, NULL, PHONE);
    TOLD(s, "from='" ALICE "/phone' to='" ROMEO "'");
    (void)says(s, tag, DOCUMENT(ALICE, TUPLE("phone", "open", AWAY)));
    TOLD(s, "<show>away</show>");
    asks(s, "probe");
    TOLD(s, "<show>away</show>");
    sides_advance(s, 3599000);
    NOTHING_TOLD(s);
    sides_advance(s, 2000);
    TOLD(s, "type='unavailable'");
    asks(s, "unsubscribe");
    TOLD(s, "type='unsubscribed'");
    assert_int_equal(s->n_subs, 0);
    sides_free(s);
}

static void clients_together_are_one_person(void **state)
{
    struct sides *s = begin();
    const char *phone, *desk;
    char headers[100];

    asks(s, "subscribe");
    TOLD(s, "type='subscribed'", "type='unavailable'");
    phone = says(s, NULL, PHONE);
    TOLD(s, ALICE "/phone'");
    desk = says(s, NULL, DOCUMENT(ALICE, TUPLE("desk", "open", AWAY)));
    TOLD(s, ALICE "/desk'");
    (void)says(s, NULL, DOCUMENT(ALICE, "")); /* one that is nowhere takes nothing from the others */
    NOTHING_TOLD(s);
    (void)says(s, NULL, DOCUMENT(ALICE, TUPLE("phone", "open", AWAY))); /* the newest word of a device counts */
    TOLD(s, "<show>away</show>");
    (void)snprintf(headers, sizeof(headers), "SIP-If-Match: %s\r\nExpires: 0\r\n", desk);
    assert_int_equal(publish(s, &(struct publishing){ .headers = headers })->status, 200);
    TOLD(s, "type='unavailable'");
    (void)says(s, phone, "");
    NOTHING_TOLD(s);
    sides_free(s);
}

static void he_who_is_away_is_told_when_he_is_back(void **state)
{
    struct sides *s = begin();

    asks(s, "subscribe");
    s->n_sent = 0;
    asks(s, "probe");
    TOLD(s, "type='unavailable'");
    (void)says(s, NULL, PHONE);
    TOLD(s, ALICE "/phone'");
    sides_free(s);
}

static void a_setting_leads_from_one_to_the_other(void **state)
{
    struct sides *s = begin();

    asks(s, "subscribe");
    (void)says(s, NULL, PHONE);
    s->n_sent = 0;
    sides_apply(s, ROUTE(""));
    settle(s);
    sides_advance(s, 5000);
    assert_int_equal(s->n_subs, 1); /* SIP is asked from now on */
    (void)sides_notify(s, &s->subs[0], SIP_SUB_ACTIVE, SIP_REASON_NONE, "application/pidf+xml",
                       DOCUMENT(ALICE, TUPLE("phone", "open", AWAY)));
    TOLD(s, "<show>away</show>");
    sides_apply(s, PUBLISHES);
    settle(s);
    assert_true(s->subs[0].gone);
    settle(s);
    assert_int_equal(s->n_sent, 1); /* what was published was kept */
    assert_null(strstr(s->sent[0].stanza, "away"));
    s->n_sent = 0;
    sides_apply(s, ROUTE("publish = yes\n presence = no"));
    settle(s);
    TOLD(s, "type='unavailable'");
    sides_free(s);
}

static void what_is_kept_is_bounded(void **state)
{
    struct sides *s = begin();
    char headers[100];

    (void)snprintf(headers, sizeof(headers), "SIP-If-Match: %s\r\n", says(s, NULL, PHONE));
    for (size_t i = 1; i < PUBLICATIONS_PER_USER + 3; i++)
        (void)says(s, NULL, PHONE);
    assert_int_equal(s->bridge->publications.memory.n, PUBLICATIONS_PER_USER);
    assert_int_equal(publish(s, &(struct publishing){ .headers = headers })->status, 412);
    s->bridge->publications.memory.n_max = PUBLICATIONS_PER_USER; /* full: the oldest of the route goes */
    (void)publish(s, &(struct publishing){ .from = BERT, .uri = BERT, .body = DOCUMENT(BERT, TUPLE("a", "open", "")) });
    assert_int_equal(s->bridge->publications.memory.n, PUBLICATIONS_PER_USER);
    assert_int_equal(s->bridge->publications.users.n, 2);
    sides_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(whose_publications_are_taken),
        cmocka_unit_test(published_refreshed_changed_removed),
        cmocka_unit_test(a_watcher_is_told_and_nobody_subscribes),
        cmocka_unit_test(clients_together_are_one_person),
        cmocka_unit_test(he_who_is_away_is_told_when_he_is_back),
        cmocka_unit_test(a_setting_leads_from_one_to_the_other),
        cmocka_unit_test(what_is_kept_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
