/*
 * INVITE sessions of the bridge with memory running out: each INVITE is accepted or refused, each text that came in is answered once, each
 * stanza handled once and either delivered or given back, nothing that has ended is touched, and with memory back it goes on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../unit/bridge/sides.h"

#include "oom.h"

#define SETTINGS                                                                                                       \
    SIDES_ORG "route office { transport = udp\n next-hop = \"192.0.2.10\"\n im = auto }\nsip-domain contoso.example "  \
              "{ route = office "                                                                                      \
              "}\n" SIDES_PARTNER
#define SDP                                                                                                            \
    "v=0\r\no=- 0 0 IN IP4 h\r\ns=-\r\nc=IN IP4 h\r\nt=0 0\r\nm=message 5060 sip null\r\n"                             \
    "a=accept-types:text/plain application/im-iscomposing+xml application/ms-imdn+xml\r\n"

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

static struct sides *begin(void)
{
    struct sides *s = sides_new();

    s->dialogs_max = SIDES_MAX;
    sides_apply(s, SETTINGS);
    s->n_sent = 0;
    return s;
}

static void say(struct sides *s, int number)
{
    char stanza[512];

    snprintf(stanza, sizeof(stanza),
             "<message from='romeo@fabrikam.example/garden' to='alice@contoso.example' id='m%d' type='chat'><body>no "
             "%d</body>"
             "<thread>t</thread></message>",
             number, number);
    sides_xmpp(s, stanza, (uint64_t)number);
}

/* With memory back, a text goes into a session, or out of one. */
static void goes_on(struct sides *s)
{
    size_t n_handled = s->n_handled, n_dialogs = s->n_dialogs;

    oom_over();
    say(s, 900);
    if (s->n_dialogs > n_dialogs)
        sides_answered(s, &s->dialogs[n_dialogs], SDP);
    sides_answer(s, s->n_clients - 1, 200);
    assert_int_equal(s->n_handled, n_handled + 1);
    assert_int_equal(s->bridge->lanes.n, 0);
    sides_free(s);
}

/* status: what our INVITE is answered. */
static void from_xmpp(const void *arg)
{
    const unsigned *status = arg;
    struct sides *s = begin();

    for (int i = 1; i <= 3; i++)
        say(s, i);
    for (size_t i = 0; i < s->n_dialogs; i++) {
        if (s->dialogs[i].ended)
            continue;
        if (*status == 200)
            sides_answered(s, &s->dialogs[i], SDP);
        else
            sides_ended(s, &s->dialogs[i], SIP_END_REFUSED, *status);
    }
    for (size_t i = 0; i < s->n_clients; i++)
        OOM(sides_answer(s, i, 200));
    assert_int_equal(s->n_handled, 3);
    assert_int_equal(s->bridge->lanes.n, 0);
    goes_on(s);
}

static void texts_of_xmpp(void **state)
{
    static const unsigned statuses[] = { 200, 486, 488 };

    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        oom_each("from XMPP", from_xmpp, &statuses[i]);
}

static void from_sip(const void *arg)
{
    struct sides *s = begin();
    struct sip_dialog *d;
    struct sip_server *t;

    d = sides_invite(s, "192.0.2.10", "<sip:alice@contoso.example>", "sip:romeo@fabrikam.example", "c1",
                     "Content-Type: application/sdp\r\n", SDP);
    assert_true(d->accepted != !!d->refused);
    if (d->accepted) {
        t = sides_inside(s, d, "MESSAGE", "Content-Type: text/plain\r\n", "hello");
        assert_int_equal(t->answers + s->bridge->counters.held, 1);
        if (s->bridge->counters.held)
            OOM(s2x_settled(s->bridge, s->sent[0].token, XMPP_FATE_CONFIRMED, ""));
        assert_int_equal(t->answers, 1);
        t = sides_inside(s, d, "INFO", "Content-Type: application/xml\r\n",
                         "<KeyboardActivity><status status='type'/></KeyboardActivity>");
        assert_int_equal(t->answers, 1);
        say(s, 1);
        for (size_t i = 0; i < s->n_clients; i++)
            OOM(sides_answer(s, i, 200));
        assert_int_equal(s->n_handled, 1);
        sides_ended(s, d, SIP_END_BYE, 0);
    }
    assert_int_equal(s->bridge->sessions.by_pair.n, 0);
    goes_on(s);
}

static void sessions_of_sip(void **state)
{
    oom_each("from SIP", from_sip, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_of_xmpp),
        cmocka_unit_test(sessions_of_sip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
