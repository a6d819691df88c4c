/*
 * Presence with memory running out: each SUBSCRIBE is accepted or refused, each stanza is handled once, nothing is granted that was
 * not, nothing that has ended is touched, and with memory back people watch each other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../unit/bridge/sides.h"

#include "oom.h"

void sides_enter(void);
void sides_leave(void);
void __wrap_bridge_stanza(struct bridge *b, const struct xmpp_stanza *stanza);
void __real_bridge_stanza(struct bridge *b, const struct xmpp_stanza *stanza);

void __wrap_bridge_stanza(struct bridge *b, const struct xmpp_stanza *stanza)
{
    OOM(__real_bridge_stanza(b, stanza));
}

void sides_enter(void)
{
    oom_on();
}

void sides_leave(void)
{
    oom_off();
}

static void say(struct sides *s, const char *resource, const char *type)
{
    char stanza[512];

    snprintf(stanza, sizeof(stanza),
             "<presence from='romeo@fabrikam.example%s%s' to='alice@contoso.example'%s%s%s><show>%s</show></presence>",
             resource[0] ? "/" : "", resource, type[0] ? " type='" : "", type, type[0] ? "'" : "", "away");
    sides_xmpp(s, stanza, 1 + s->n_handled);
    OOM(sides_advance(s, 1));
}

static struct sip_sub *subscribe(struct sides *s, unsigned expires_s)
{
    struct sip_sub *sub =
        sides_subscribe(s, "192.0.2.10", "sip:alice@contoso.example", "sip:romeo@fabrikam.example", expires_s);

    assert_true(sub->accepted != !!sub->refused);
    OOM(sides_advance(s, 1));
    return sub;
}

static bool is_there(const struct sip_sub *sub)
{
    return sub->accepted && !sub->gone;
}

static void end(struct sides *s, struct sip_sub *sub)
{
    if (is_there(sub))
        sides_sub_ended(s, sub, &(struct sip_sub_end){ .why = SIP_SUB_END_UNSUBSCRIBED });
    OOM(sides_advance(s, 1));
}

/* With memory back, whatever is left of before. */
static void goes_on(struct sides *s)
{
    struct sip_sub *sub;

    oom_over();
    sides_advance(s, 86400000); /* what lingers goes */
    sub = sides_subscribe(s, "192.0.2.10", "sip:alice@contoso.example", "sip:juliet@fabrikam.example", 3600);
    assert_true(sub->accepted);
    sides_advance(s, 1);
    assert_non_null(strstr(s->sent[s->n_sent - 1].stanza, "type='subscribe'"));
    sides_free(s);
}

static void a_sip_user(const void *arg)
{
    struct sides *s = sides_new();
    struct sip_sub *sub = subscribe(s, 3600), *poll;
    bool yes;

    say(s, "", "subscribed");
    say(s, "garden", "");
    say(s, "garden", "unavailable");
    say(s, "balcony", "");
    yes = is_there(sub);
    if (yes)
        sides_describe_sub(s, sub, false);
    poll = subscribe(s, 0);
    if (is_there(poll))
        sides_describe_sub(s, poll, true);
    end(s, poll);
    if (is_there(sub))
        OOM(presence_link(s->bridge, SLICE("fabrikam.example"), false));
    if (is_there(sub))
        OOM(presence_link(s->bridge, SLICE("fabrikam.example"), true));
    OOM(sides_advance(s, 1));
    say(s, "", "unsubscribed");
    assert_int_equal(s->n_handled, 5);
    end(s, sub);
    assert_int_equal(s->bridge->watches_s2x.n_dialogs, 0);
    goes_on(s);
}

static void sip_users_watch(void **state)
{
    oom_each("a SIP user watches", a_sip_user, NULL);
}

static void a_partners_user(const void *arg)
{
    struct sides *s = sides_new();

    say(s, "", "subscribe");
    if (s->n_subs && !s->subs[0].gone) {
        sides_accept(s, &s->subs[0], 3600);
        (void)sides_notify(s, &s->subs[0], SIP_SUB_ACTIVE, SIP_REASON_NONE, "application/pidf+xml",
                           "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:alice@contoso.example'><tuple "
                           "id='phone'><status><basic>open</basic></status></tuple></presence>");
        OOM(sides_advance(s, 1));
    }
    say(s, "garden", "probe");
    say(s, "", "unsubscribe");
    assert_int_equal(s->n_handled, 3);
    goes_on(s);
}

static void partners_users_watch(void **state)
{
    oom_each("a partner's user watches", a_partners_user, NULL);
}

#define PUBLISHED(show)                                                                                                \
    "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:alice@contoso.example'><tuple id='phone'><status>"     \
    "<basic>open</basic><show xmlns='jabber:client'>" show "</show></status></tuple></presence>"

/* Each PUBLISH is taken or refused for now; with memory back she publishes, and he sees it. */
static void a_publisher(const void *arg)
{
    const char *type = "Content-Type: application/pidf+xml\r\n";
    struct sides *s = sides_new();
    struct sip_server *txn;
    char headers[200];

    sides_apply(s, SIDES_ORG "route office { transport = udp\n next-hop = \"192.0.2.10\"\n publish = yes }\n"
                             "sip-domain contoso.example { route = office }\n" SIDES_PARTNER);
    say(s, "", "subscribe");
    txn = sides_publish(s, "192.0.2.10", "alice@contoso.example", "alice@contoso.example", type, PUBLISHED("away"));
    assert_true(txn->status == 200 || (oom_failed() && txn->status >= 403));
    (void)snprintf(headers, sizeof(headers), "%sSIP-If-Match: %.16s\r\n", type,
                   txn->status == 200 ? strstr(txn->headers, "SIP-ETag: ") + 10 : "0123456789abcdef");
    txn = sides_publish(s, "192.0.2.10", "alice@contoso.example", "alice@contoso.example", headers, PUBLISHED("dnd"));
    assert_true(txn->status == 200 || (oom_failed() && txn->status >= 403));
    say(s, "garden", "probe");
    assert_int_equal(s->n_handled, 2);
    oom_over();
    say(s, "", "subscribe");
    sides_advance(s, 7200000);
    assert_int_equal(s->bridge->publications.memory.n, 0);
    txn = sides_publish(s, "192.0.2.10", "alice@contoso.example", "alice@contoso.example", type, PUBLISHED("xa"));
    assert_int_equal(txn->status, 200);
    sides_advance(s, 1);
    assert_non_null(strstr(s->sent[s->n_sent - 1].stanza, "<show>xa</show>"));
    sides_free(s);
}

static void sip_users_publish(void **state)
{
    oom_each("a SIP user publishes", a_publisher, NULL);
}

static void a_test(const void *arg)
{
    static const bool both[] = { true, true };
    struct sides *s = sides_new();
    const struct presence_trial *t;
    const char *why = NULL;
    unsigned status = 0;
    uint64_t id = 0;

    OOM(id = presence_trial_start(s->bridge, SLICE("alice@contoso.example"), SLICE("romeo@fabrikam.example"), both,
                                  &status, &why));
    assert_true(id ? !why : oom_failed() && status >= 422 && why);
    if (id && s->n_sent)
        OOM(presence_settled(s->bridge, s->sent[0].token, XMPP_FATE_CONFIRMED, NULL));
    if (id && s->n_subs)
        (void)sides_notify(s, &s->subs[0], SIP_SUB_ACTIVE, SIP_REASON_NONE, "application/pidf+xml", PUBLISHED("away"));
    sides_advance(s, PRESENCE_TRIAL_PROBE_MS);
    t = id ? presence_trial_find(s->bridge, id) : NULL;
    assert_true(!t || (t->entry.done && (t->works || oom_failed())));
    goes_on(s);
}

static void presence_is_tested(void **state)
{
    oom_each("a test of presence", a_test, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(sip_users_watch), cmocka_unit_test(partners_users_watch),
                                        cmocka_unit_test(sip_users_publish), cmocka_unit_test(presence_is_tested) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
