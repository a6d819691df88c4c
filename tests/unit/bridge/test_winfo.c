/* presence.winfo: who may look, what he is told of those who watch him, and what of that is his approval. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "bridge/winfo.h"
#include "sides.h"

#define ALICE "alice@contoso.example"
#define ROMEO "romeo@fabrikam.example"
#define ROUTE_OF(more, domains)                                                                                        \
    SIDES_ORG "route office { transport = udp\n next-hop = \"192.0.2.10\"\n " more                                     \
              " }\nroute other { transport = udp\n next-hop = \"192.0.2.20\" }\nsip-domain contoso.example { route = " \
              "office }\n"                                                                                             \
              "sip-domain other.example { route = other }\n" domains
#define ROUTE(more) ROUTE_OF(more, SIDES_PARTNER)
#define AT_ONCE "publish = yes"
#define APPROVES "publish = yes\n publish-approval = yes"
#define HEAD(version, state)                                                                                           \
    "<?xml version='1.0' encoding='UTF-8'?>\n<watcherinfo xmlns='urn:ietf:params:xml:ns:watcherinfo' "                 \
    "version='" version "' state='" state "'><watcher-list resource='sip:" ALICE "' package='presence'>"
#define END "</watcher-list></watcherinfo>"

static struct sides *begin(const char *settings)
{
    struct sides *s = sides_new();

    sides_apply(s, settings);
    return s;
}

static void settle(struct sides *s)
{
    for (int i = 0; i < 4; i++)
        sides_advance(s, 1);
}

static void says(struct sides *s, const char *who, const char *type)
{
    char stanza[200];

    (void)snprintf(stanza, sizeof(stanza), "<presence from='%s' to='" ALICE "' type='%s'/>", who, type);
    sides_xmpp(s, stanza, 1000 + s->n_handled);
    settle(s);
}

static struct sip_sub *looks(struct sides *s)
{
    struct sip_sub *sub = sides_subscribe_winfo(s, "192.0.2.10", "sip:" ALICE, "sip:" ALICE, 3600);

    assert_true(sub->accepted);
    return sub;
}

/* The document without what differs from one run to the next: ids. */
static const char *plain(const char *document)
{
    static char out[8192];
    size_t n = 0;

    for (const char *at = document; *at && n < sizeof(out) - 1;) {
        if (strncmp(at, " id='", 5) == 0) {
            assert_int_equal(strspn(at + 5, "0123456789abcdef"), 16);
            at += 5 + 16 + 1;
        } else if (strncmp(at, " duration-subscribed='", 22) == 0) {
            at = strchr(at + 22, '\'') + 1;
        } else {
            out[n++] = *at++;
        }
    }
    out[n] = '\0';
    return out;
}

#define WATCHER(status, event, who) "<watcher status='" status "' event='" event "'>sip:" who "</watcher>"
#define PENDING(who) WATCHER("pending", "subscribe", who)
#define ACTIVE(who) WATCHER("active", "approved", who)

static void reads(struct sides *s, struct sip_sub *sub, const char *document)
{
    sides_describe_sub(s, sub, false);
    assert_int_equal(sub->state, SIP_SUB_ACTIVE);
    assert_string_equal(plain(sub->body), document);
    assert_string_equal(sub->headers, "Content-Type: application/watcherinfo+xml\r\n");
    sub->changes = 0;
}

/* STOX-PRS-87: the owner alone, where users publish. */
static void who_may_look(void **state)
{
    static const struct {
        const char *route, *ip, *from, *uri;
        unsigned refused;
    } cases[] = {
        { AT_ONCE, "192.0.2.10", "sip:" ALICE, "sip:" ALICE, 0 },
        { AT_ONCE, "192.0.2.10", "sip:" ALICE, "sip:ALICE@Contoso.example", 0 },
        { AT_ONCE, "192.0.2.10", "sip:bert@contoso.example", "sip:" ALICE, 403 },
        { AT_ONCE, "192.0.2.10", "sip:contoso.example", "sip:contoso.example", 403 },
        { AT_ONCE, "192.0.2.10", "sip:" ROMEO, "sip:" ALICE, 403 },
        { AT_ONCE, "192.0.2.99", "sip:" ALICE, "sip:" ALICE, 403 },
        { AT_ONCE, "192.0.2.20", "sip:" ALICE, "sip:" ALICE, 403 },
        { AT_ONCE, "192.0.2.20", "sip:a@other.example", "sip:a@other.example", 403 },
        { AT_ONCE, "192.0.2.20", "sip:a@other.example", "sip:" ALICE, 403 },
        { "publish = no", "192.0.2.10", "sip:" ALICE, "sip:" ALICE, 403 },
        { "publish = yes\n presence = no", "192.0.2.10", "sip:" ALICE, "sip:" ALICE, 403 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char settings[1024];
        struct sides *s;
        struct sip_sub *sub;

        (void)snprintf(settings, sizeof(settings), ROUTE("%s"), cases[i].route);
        s = begin(settings);
        sub = sides_subscribe_winfo(s, cases[i].ip, cases[i].from, cases[i].uri, 3600);
        if (sub->refused != cases[i].refused || sub->accepted == (cases[i].refused != 0))
            fail_msg("%zu: %u %s", i, sub->refused, sub->reason);
        assert_int_equal(s->bridge->winfos.n, cases[i].refused ? 0 : 1);
        assert_int_equal(s->bridge->winfos.users.n, cases[i].refused ? 0 : 1);
        sides_free(s);
    }
}

static void pending_approved_and_over(void **state)
{
    struct sides *s = begin(ROUTE(APPROVES));
    struct sip_sub *sub = looks(s);

    reads(s, sub, HEAD("0", "full") END);
    says(s, ROMEO, "subscribe");
    assert_int_equal(s->n_sent, 0); /* he waits */
    assert_int_equal(sub->changes, 1);
    reads(s, sub, HEAD("1", "partial") PENDING(ROMEO) END);
    sides_advance(s, 5ull * 86400 * 1000);
    assert_int_equal(s->n_sent, 0); /* for as long as it takes */
    assert_true(sides_subscribe(s, "192.0.2.10", "sip:" ALICE, "sip:" ROMEO, 3600)->accepted);
    settle(s);
    assert_true(s->n_sent == 3 && strstr(s->sent[0].stanza, "'subscribe'")); /* hers */
    assert_true(strstr(s->sent[1].stanza, "'subscribed'") && strstr(s->sent[2].stanza, "'unavailable'"));
    reads(s, sub, HEAD("2", "partial") ACTIVE(ROMEO) END);
    says(s, ROMEO, "unsubscribe");
    assert_int_equal(sub->changes, 1);
    reads(s, sub, HEAD("3", "partial") WATCHER("terminated", "timeout", ROMEO) END);
    says(s, ROMEO, "subscribe"); /* she has him among her contacts */
    reads(s, sub, HEAD("4", "partial") ACTIVE(ROMEO) END);
    sides_refreshed(s, sub);
    reads(s, sub, HEAD("5", "full") ACTIVE(ROMEO) END);
    reads(s, sub, HEAD("6", "full") ACTIVE(ROMEO) END); /* the one before was lost */
    sides_free(s);
}

static void writing_first_may_be_the_approval(void **state)
{
    struct sides *s = begin(ROUTE(APPROVES "\n contact-added-by = message"));

    says(s, ROMEO, "subscribe");
    assert_int_equal(s->n_sent, 0);
    (void)sides_sip(s, "192.0.2.10", "sip:" ALICE, "sip:" ROMEO, "1", "", "hello");
    settle(s);
    assert_true(s->n_sent == 3 && strstr(s->sent[0].stanza, "<message"));
    assert_non_null(strstr(s->sent[1].stanza, "'subscribed'"));
    sides_free(s);
}

static void without_approval_he_may_at_once(void **state)
{
    struct sides *s = begin(ROUTE(AT_ONCE));
    struct sip_sub *sub;

    says(s, ROMEO, "subscribe");
    assert_true(s->n_sent == 2 && strstr(s->sent[0].stanza, "'subscribed'"));
    sub = looks(s);
    reads(s, sub, HEAD("0", "full") ACTIVE(ROMEO) END);
    sides_apply(s, ROUTE(APPROVES)); /* what was granted stays */
    settle(s);
    reads(s, sub, HEAD("1", "full") ACTIVE(ROMEO) END);
    says(s, "juliet@fabrikam.example", "subscribe");
    reads(s, sub, HEAD("2", "partial") PENDING("juliet@fabrikam.example") END);
    sides_apply(s, ROUTE(AT_ONCE)); /* nobody has to wait any more */
    settle(s);
    reads(s, sub, HEAD("3", "full") ACTIVE(ROMEO) ACTIVE("juliet@fabrikam.example") END);
    sides_free(s);
}

/* Invariant 13: told when it is on the disk. */
static void not_before_it_is_stored(void **state)
{
    struct sides *s = begin(ROUTE(APPROVES));
    struct sip_sub *sub = looks(s), *second;

    reads(s, sub, HEAD("0", "full") END);
    s->ledger_holds = true;
    says(s, ROMEO, "subscribe");
    assert_int_equal(sub->changes, 0);
    second = looks(s);
    reads(s, second, HEAD("0", "full") END);
    reads(s, sub, HEAD("1", "full") END);
    sides_settle_contacts(s, true);
    settle(s);
    assert_true(sub->changes && second->changes);
    reads(s, sub, HEAD("2", "partial") PENDING(ROMEO) END);
    reads(s, second, HEAD("1", "full") PENDING(ROMEO) END);
    says(s, "juliet@fabrikam.example", "subscribe");
    sides_settle_contacts(s, false);
    settle(s);
    sides_refreshed(s, sub);
    reads(s, sub, HEAD("3", "full") PENDING(ROMEO) END);
    sides_free(s);
}

static void what_has_no_room_follows(void **state)
{
    struct sides *s = begin(ROUTE(APPROVES));
    struct sip_sub *sub;
    char who[64];

    for (unsigned i = 0; i < 7; i++) {
        (void)snprintf(who, sizeof(who), "person%u@fabrikam.example", i);
        says(s, who, "subscribe");
    }
    sub = looks(s);
    sub->body_max = 600;
    for (unsigned i = 0, told = 0; told < 7; i++) {
        sides_describe_sub(s, sub, false);
        assert_true(strlen(sub->body) <= 600);
        assert_non_null(strstr(sub->body, i == 0 ? "version='0' state='full'" : "state='partial'"));
        for (const char *at = sub->body; (at = strstr(at, "<watcher id")); at++)
            told++;
        assert_int_equal(sub->urgent, told < 7 ? i + 1 : i); /* until all are told */
        assert_true(i < 7);
    }
    sides_free(s);
}

static void a_poll_and_the_end(void **state)
{
    struct sides *s = begin(ROUTE(APPROVES));
    struct sip_sub *sub = sides_subscribe_winfo(s, "192.0.2.10", "sip:" ALICE, "sip:" ALICE, 0), *oldest;
    const struct sip_sub_end end = { .why = SIP_SUB_END_UNSUBSCRIBED };

    says(s, ROMEO, "subscribe");
    sides_describe_sub(s, sub, true);
    assert_string_equal(plain(sub->body), HEAD("0", "full") PENDING(ROMEO) END);
    sides_sub_ended(s, sub, &end);
    assert_int_equal(s->bridge->winfos.users.n, 0);
    oldest = looks(s);
    for (unsigned i = 0; i < 8; i++)
        (void)looks(s);
    assert_true(oldest->gone && oldest->why == SIP_REASON_PROBATION);
    assert_int_equal(s->bridge->winfos.n, 8);
    sides_apply(s, ROUTE("publish = no"));
    assert_int_equal(s->bridge->winfos.n, 0);
    assert_int_equal(s->subs[s->n_subs - 1].why, SIP_REASON_REJECTED);
    sides_free(s);
}

static void who_may_watch_no_more_is_left_out(void **state)
{
    struct sides *s = begin(ROUTE(APPROVES));
    struct sip_sub *sub;

    says(s, ROMEO, "subscribe");
    sub = looks(s);
    reads(s, sub, HEAD("0", "full") PENDING(ROMEO) END);
    sides_apply(s, ROUTE_OF(APPROVES, SIDES_PARTNER "block \"" ROMEO "\" { }\n"));
    settle(s);
    assert_true(sub->changes > 0);
    reads(s, sub, HEAD("1", "full") END);
    sides_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_may_look),
        cmocka_unit_test(pending_approved_and_over),
        cmocka_unit_test(writing_first_may_be_the_approval),
        cmocka_unit_test(without_approval_he_may_at_once),
        cmocka_unit_test(not_before_it_is_stored),
        cmocka_unit_test(what_has_no_room_follows),
        cmocka_unit_test(a_poll_and_the_end),
        cmocka_unit_test(who_may_watch_no_more_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
