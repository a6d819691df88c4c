/*
 * The bridge with memory running out: each request is answered once, each stanza handled once, what was answered with an
 * error is not delivered, what was not delivered is given back, and with memory back the bridge goes on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../unit/bridge/sides.h"

#include "bridge/lane.h"
#include "bridge/trial.h"
#include "oom.h"

/* What comes in is parsed with memory there; the bridge itself runs without. */
void __wrap_s2x_message(struct bridge *b, const struct sip_request *request);
void __real_s2x_message(struct bridge *b, const struct sip_request *request);
void __wrap_bridge_stanza(struct bridge *b, const struct xmpp_stanza *stanza);
void __real_bridge_stanza(struct bridge *b, const struct xmpp_stanza *stanza);

void __wrap_s2x_message(struct bridge *b, const struct sip_request *request)
{
    OOM(__real_s2x_message(b, request));
}

void __wrap_bridge_stanza(struct bridge *b, const struct xmpp_stanza *stanza)
{
    OOM(__real_bridge_stanza(b, stanza));
}

static struct sip_server *say(struct sides *s, int number)
{
    char branch[16], body[16];

    snprintf(branch, sizeof(branch), "b%d", number);
    snprintf(body, sizeof(body), "no %d", number);
    return sides_sip(s, "192.0.2.10", "<sip:alice@contoso.example>", "sip:romeo@fabrikam.example", branch,
                     "Content-Type: text/html\r\nSubject: s\r\n", body);
}

/* The token of a message's stanza, or 0: it was never handed over. */
static uint64_t token_of(const struct sides *s, int number)
{
    char body[16];

    snprintf(body, sizeof(body), "no %d<", number);
    for (size_t i = 0; i < s->n_sent; i++)
        if (strstr(s->sent[i].stanza, body))
            return s->sent[i].token;
    return 0;
}

static void message_out(struct sides *s, const char *from, const char *to, int number)
{
    char stanza[512];

    snprintf(stanza, sizeof(stanza), "<message from='%s' to='%s' id='m%d'><body>no %d</body></message>", from, to,
             number, number);
    sides_xmpp(s, stanza, (uint64_t)number);
}

/* With memory back both directions work as if nothing had been. */
static void goes_on(struct sides *s)
{
    struct sip_server *t;
    size_t n_clients = s->n_clients;

    oom_over();
    t = say(s, 900);
    assert_int_equal(t->answers, 0);
    s2x_settled(s->bridge, token_of(s, 900), XMPP_FATE_CONFIRMED, "");
    assert_int_equal(t->answers, 1);
    assert_int_equal(t->status, 200);
    message_out(s, "nurse@fabrikam.example/x", "alice@contoso.example", 901);
    assert_int_equal(s->n_clients, n_clients + 1);
    sides_answer(s, n_clients, 200);
    assert_int_equal(s->bridge->counters.held, 0);
    assert_int_equal(s->bridge->lanes.n, 0);
    assert_int_equal(s->bridge->queued_bytes, 0);
    assert_int_equal(s->paused, 0);
    sides_free(s);
}

#define N_REQUESTS 20 /* more than the hash tables start with */

static void with_fate(const void *arg)
{
    const enum xmpp_fate *fate = arg;
    struct sides *s = sides_new();

    for (int i = 0; i < N_REQUESTS; i++)
        say(s, i);
    for (int i = 0; i < N_REQUESTS; i++) {
        struct sip_server *t = &s->servers[i];
        uint64_t token = token_of(s, i);

        assert_int_equal(t->answers, token ? 0 : 1);
        if (!token) {
            assert_int_equal(t->status, 503);
            assert_non_null(strstr(t->headers, "Retry-After: "));
            assert_true(oom_failed());
            continue;
        }
        OOM(s2x_settled(s->bridge, token, *fate, "because"));
        OOM(s2x_settled(s->bridge, token, XMPP_FATE_CONFIRMED, ""));
        assert_int_equal(t->answers, 1);
        assert_int_equal(t->status == 200, *fate == XMPP_FATE_CONFIRMED);
        assert_int_equal(t->status == 202, *fate == XMPP_FATE_UNCONFIRMED);
    }
    goes_on(s);
}

static void requests_with_every_fate(void **state)
{
    static const enum xmpp_fate fates[] = { XMPP_FATE_CONFIRMED,   XMPP_FATE_UNCONFIRMED, XMPP_FATE_NO_SERVER,
                                            XMPP_FATE_UNREACHABLE, XMPP_FATE_REFUSED,     XMPP_FATE_FULL,
                                            XMPP_FATE_LOST };

    for (size_t i = 0; i < sizeof(fates) / sizeof(fates[0]); i++)
        oom_each("a fate", with_fate, &fates[i]);
}

static void refused_at_once(const void *arg)
{
    struct sides *s = sides_new();
    struct sip_server *t;

    s->refuse_sends = true;
    s->refusal = XMPP_FATE_FULL;
    t = say(s, 1);
    assert_int_equal(t->answers, 1);
    assert_true(t->status == 480 || (oom_failed() && t->status == 503));
    s->refuse_sends = false;
    goes_on(s);
}

static void requests_that_are_refused_at_once(void **state)
{
    oom_each("refused at once", refused_at_once, NULL);
}

static void held_too_long(const void *arg)
{
    struct sides *s = sides_new();
    struct sip_server *t = say(s, 1);
    uint64_t token = token_of(s, 1);

    s->written = true;
    OOM(sides_advance(s, 20001));
    assert_int_equal(t->answers, 1);
    assert_int_equal(t->status, token ? 504 : 503);
    assert_true(!token || s->sent[0].withdrawn);
    OOM(s2x_settled(s->bridge, token, XMPP_FATE_CONFIRMED, ""));
    assert_int_equal(t->answers, 1);
    goes_on(s);
}

static void requests_held_too_long(void **state)
{
    oom_each("hold time", held_too_long, NULL);
}

static void bounced(const void *arg)
{
    struct sides *s = sides_new();
    struct sip_server *t = say(s, 1);
    uint64_t token = token_of(s, 1);

    sides_xmpp(s,
               "<message type='error' id='b1' from='romeo@fabrikam.example' to='alice@contoso.example'>"
               "<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>xmpp:r@fabrikam.example</gone>"
               "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>moved</text></error></message>",
               7);
    assert_int_equal(s->n_handled, 1);
    assert_int_equal(s->handled[0], 7);
    assert_int_equal(t->answers, 1);
    assert_true(token ? t->status >= 300 && t->status != 503 : t->status == 503);
    assert_true(!t->headers[0] || strcmp(t->headers + strlen(t->headers) - 2, "\r\n") == 0);
    assert_true(!token || s->sent[0].withdrawn);
    OOM(s2x_settled(s->bridge, token, XMPP_FATE_CONFIRMED, ""));
    assert_int_equal(t->answers, 1);
    goes_on(s);
}

static void requests_whose_stanza_bounces(void **state)
{
    oom_each("bounce", bounced, NULL);
}

static bool was_given_back(const struct sides *s, int number)
{
    char id[16];

    snprintf(id, sizeof(id), "id='m%d'", number);
    for (size_t i = 0; i < s->n_sent; i++)
        if (strstr(s->sent[i].stanza, id) && strstr(s->sent[i].stanza, "type='error'"))
            return true;
    return false;
}

/* The message's last SIP request, or NULL: there was none. */
static const struct sip_attempt *client_of(const struct sides *s, int number)
{
    const struct sip_attempt *found = NULL;
    char body[16];

    snprintf(body, sizeof(body), "no %d", number);
    for (size_t i = 0; i < s->n_clients; i++)
        if (strcmp(s->clients[i].body, body) == 0)
            found = &s->clients[i];
    return found;
}

#define N_STANZAS 16

/* Three pairs; one lane is long enough to pause the partner. status: what SIP answers, 0 for nothing. */
static void lanes(const void *arg)
{
    const unsigned *status = arg;
    struct sides *s = sides_new();
    size_t n_handled[N_STANZAS] = { 0 };

    for (int i = 0; i < N_STANZAS; i++)
        message_out(s, i == 3 ? "tybalt@fabrikam.example/y" : "romeo@fabrikam.example/garden",
                    i == 5 ? "bob@contoso.example/desk" : "alice@contoso.example", i);
    for (size_t i = 0; i < s->n_clients; i++)
        OOM(sides_answer(s, i, *status));
    assert_int_equal(s->n_handled, N_STANZAS);
    for (size_t i = 0; i < s->n_handled; i++)
        n_handled[s->handled[i]]++;
    for (int i = 0; i < N_STANZAS; i++) {
        bool delivered = client_of(s, i) && *status >= 200 && *status < 300;

        assert_int_equal(n_handled[i], 1);
        if (was_given_back(s, i) == delivered)
            fail_msg("number %d: %s", i, delivered ? "delivered and given back" : "neither delivered nor given back");
        assert_true(client_of(s, i) || oom_failed());
    }
    goes_on(s);
}

static void stanzas_with_every_answer(void **state)
{
    static const unsigned statuses[] = { 200, 202, 404, 480, 503, 0 };

    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        oom_each("lanes", lanes, &statuses[i]);
}

static void not_prompt(const void *arg)
{
    struct sides *s = sides_new();

    for (int i = 0; i < LANE_PAUSE + 3; i++)
        message_out(s, "romeo@fabrikam.example", "alice@contoso.example", i);
    OOM(sides_advance(s, LANE_PROMPT_MS + 1));
    assert_int_equal(s->paused, 0);
    OOM(sides_advance(s, LANE_WAIT_MS));
    for (size_t i = 0; i < s->n_clients; i++)
        OOM(sides_answer(s, i, 0));
    assert_int_equal(s->n_handled, LANE_PAUSE + 3);
    for (int i = 0; i < LANE_PAUSE + 3; i++)
        assert_true(was_given_back(s, i));
    goes_on(s);
}

static void stanzas_that_wait_too_long(void **state)
{
    oom_each("waiting", not_prompt, NULL);
}

/* A thread that only the table can give back: at worst it is lost, and with it nothing else. */
static void long_thread(const void *arg)
{
    struct sides *s = sides_new();
    char thread[300], stanza[600], want[350];
    struct sip_server *t;
    size_t n_sent;

    memset(thread, '=', sizeof(thread) - 1);
    thread[sizeof(thread) - 1] = '\0';
    snprintf(stanza, sizeof(stanza),
             "<message from='romeo@fabrikam.example' to='alice@contoso.example' id='m1'><body>no 1</body>"
             "<thread>%s</thread></message>",
             thread);
    sides_xmpp(s, stanza, 1);
    assert_true(client_of(s, 1) || (was_given_back(s, 1) && oom_failed()));
    if (s->n_clients) {
        assert_int_equal(strlen(s->clients[0].call_id), 32);
        OOM(sides_answer(s, 0, 200));
        s->call_id = s->clients[0].call_id;
        n_sent = s->n_sent;
        oom_over();
        t = say(s, 2);
        assert_int_equal(t->answers, 0);
        snprintf(want, sizeof(want), "<thread>%s</thread>", thread);
        assert_true(strstr(s->sent[n_sent].stanza, want) || oom_failed());
        s2x_settled(s->bridge, token_of(s, 2), XMPP_FATE_CONFIRMED, "");
        s->call_id = NULL;
    }
    goes_on(s);
}

static void threads_that_are_kept(void **state)
{
    oom_each("thread", long_thread, NULL);
}

static struct sip_server *tell(struct sides *s, const char *branch, const char *type, const char *body)
{
    char line[128];

    snprintf(line, sizeof(line), "Content-Type: %s\r\n", type);
    return sides_sip(s, "192.0.2.10", "<sip:alice@contoso.example>", "sip:romeo@fabrikam.example", branch, line, body);
}

/* Typing and receipts each way: they may get lost, the texts among them do not, and each is answered or handled once. */
static void statuses(const void *arg)
{
    static const char imdn[] = "NS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: a1\r\n";
    struct sides *s = sides_new();
    char body[512], stanza[512];
    struct sip_server *text, *typing, *notice;

    snprintf(body, sizeof(body), "%simdn.Disposition-Notification: positive-delivery, display\r\n\r\n\r\nno 2", imdn);
    text = tell(s, "b2", "message/cpim", body);
    assert_int_equal(text->answers, token_of(s, 2) ? 0 : 1);
    if (token_of(s, 2))
        OOM(s2x_settled(s->bridge, token_of(s, 2), XMPP_FATE_CONFIRMED, ""));
    typing = tell(s, "b3", "application/im-iscomposing+xml",
                  "<isComposing xmlns='urn:ietf:params:xml:ns:im-iscomposing'><state>active</state></isComposing>");
    assert_true(typing->answers == 1 && (typing->status == 200 || oom_failed()));
    sides_xmpp(s,
               "<message from='romeo@fabrikam.example/x' to='alice@contoso.example'>"
               "<composing xmlns='http://jabber.org/protocol/chatstates'/></message>",
               1);
    snprintf(stanza, sizeof(stanza),
             "<message from='romeo@fabrikam.example/x' to='alice@contoso.example'>"
             "<received xmlns='urn:xmpp:receipts' id='b2'/></message>");
    sides_xmpp(s, stanza, 2);
    sides_xmpp(s,
               "<message from='romeo@fabrikam.example/x' to='alice@contoso.example' id='m3'><body>no 3</body>"
               "<request xmlns='urn:xmpp:receipts'/></message>",
               3);
    snprintf(body, sizeof(body),
             "%s\r\nContent-Type: message/imdn+xml\r\n\r\n<imdn xmlns='urn:ietf:params:xml:ns:imdn'>"
             "<message-id>x</message-id></imdn>",
             imdn);
    notice = tell(s, "b4", "message/cpim", body);
    assert_true(notice->answers == 1 && (notice->status == 200 || oom_failed()));
    for (size_t i = 0; i < s->n_clients; i++)
        if (s->clients[i].in_use)
            OOM(sides_answer(s, i, 200));
    assert_int_equal(s->n_handled, 3);
    assert_int_equal(text->answers, 1);
    assert_true(oom_failed() || s->n_clients == 3);
    goes_on(s);
}

static void typing_and_receipts(void **state)
{
    oom_each("status", statuses, NULL);
}

/* Those that are no message: each is handled once; what is answered may be missing, as nothing is held for it. */
static void other_stanzas(const void *arg)
{
    struct sides *s = sides_new();

    sides_xmpp(
        s, "<iq type='get' id='1' from='fabrikam.example' to='contoso.example'><ping xmlns='urn:xmpp:ping'/></iq>", 1);
    sides_xmpp(s, "<iq type='set' id='2' from='a@fabrikam.example' to='alice@contoso.example'><x xmlns='x'/></iq>", 2);
    sides_xmpp(s, "<presence type='nonsense' from='a@fabrikam.example' to='alice@contoso.example'/>", 3);
    sides_xmpp(s, "<message from='a@fabrikam.example' to='nobody@unserved.example' id='m4'><body>x</body></message>",
               4);
    sides_xmpp(s,
               "<iq type='get' id='5' from='fabrikam.example' to='contoso.example'>"
               "<query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
               5);
    assert_int_equal(s->n_handled, 5);
    for (uint64_t i = 0; i < 5; i++)
        assert_int_equal(s->handled[i], i + 1);
    assert_int_equal(s->n_sent, 5);
    assert_true(was_given_back(s, 4));
    goes_on(s);
}

static void stanzas_that_are_no_message(void **state)
{
    oom_each("iq, presence", other_stanzas, NULL);
}

/* Settings change with messages on their way: each stanza is handled once, whatever is missing. */
static void changing(const void *arg)
{
    const char *const *settings = arg;
    struct sides *s = sides_new();
    struct directory *next = sides_directory(*settings), *before;
    size_t n_handled[N_STANZAS] = { 0 };

    say(s, 1);
    for (int i = 0; i < N_STANZAS; i++)
        message_out(s, i == 3 ? "tybalt@fabrikam.example/y" : "romeo@fabrikam.example/garden",
                    i == 5 ? "bob@contoso.example/desk" : "alice@contoso.example", i);
    OOM(before = bridge_apply(s->bridge, next));
    assert_ptr_equal(before, s->directory);
    directory_drop(before);
    say(s, 2);
    for (size_t i = 0; i < s->n_clients; i++)
        OOM(sides_answer(s, i, 200));
    sides_settle_errors(s);
    assert_int_equal(s->n_handled, N_STANZAS);
    for (size_t i = 0; i < s->n_handled; i++)
        n_handled[s->handled[i]]++;
    for (int i = 0; i < N_STANZAS; i++)
        assert_int_equal(n_handled[i], 1);
    for (int i = 1; i <= 2; i++)
        if (token_of(s, i))
            s2x_settled(s->bridge, token_of(s, i), XMPP_FATE_REFUSED, "");
    assert_int_equal(s->servers[0].answers, 1);
    assert_int_equal(s->servers[1].answers, 1);
    directory_drop(next);
    OOM(before = bridge_apply(s->bridge, s->directory)); /* and back, for what follows */
    directory_drop(before);
    goes_on(s);
}

static void settings_that_change(void **state)
{
    static const char *const settings[] = {
        SIDES_SETTINGS,                                                                    /* all stays */
        SIDES_ORG SIDES_DOMAINS,                                                           /* the partner goes */
        "org { federation = no }\n" SIDES_DOMAINS SIDES_PARTNER,                           /* nobody may */
        SIDES_ORG SIDES_PARTNER "route r { transport = udp\n next-hop = \"192.0.2.1\" }\n" /* our domain goes */
    };

    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
        oom_each("a change", changing, &settings[i]);
}

static void putting_metrics(const void *arg)
{
    struct sides *s = sides_new();
    struct buf out;

    message_out(s, "romeo@fabrikam.example", "alice@contoso.example", 1);
    for (size_t i = 0; i < s->n_clients; i++)
        OOM(sides_answer(s, i, 200));
    buf_init(&out, 1u << 20);
    OOM(bridge_put_metrics(s->bridge, &out));
    assert_true(buf_ok(&out) || oom_failed());
    assert_int_equal(s->bridge->counters.x2s_delivered, s->n_clients);
    buf_free(&out);
    goes_on(s);
}

static void metrics(void **state)
{
    oom_each("metrics", putting_metrics, NULL);
}

static void stop_is_done(void *arg)
{
    *(bool *)arg = true;
}

static void stopping(const void *arg)
{
    struct sides *s = sides_new();
    bool done = false;

    say(s, 1);
    for (int i = 2; i < 6; i++)
        message_out(s, "romeo@fabrikam.example", "alice@contoso.example", i);
    bridge_stop(s->bridge, stop_is_done, &done);
    OOM(sides_advance(s, 26000)); /* stop-within */
    assert_true(done);
    assert_int_equal(s->n_handled, 4);
    for (int i = 2; i < 6; i++)
        assert_true(was_given_back(s, i));
    sides_free(s);
}

static void the_orderly_end(void **state)
{
    oom_each("end", stopping, NULL);
}

static void starting(const void *arg)
{
    struct sides *s = sides_new();
    struct bridge_conf conf = {
        .loop = &s->loop, .boot = &s->boot, .directory = s->directory, .federation = &sides_federation
    };
    struct err err = { "" };
    struct bridge *b;

    oom_on();
    b = bridge_new(&conf, &err);
    oom_off();
    assert_int_equal(b == NULL, oom_failed());
    assert_true(b || strstr(err.text, "memory"));
    bridge_free(b);
    sides_free(s);
}

static void the_start(void **state)
{
    oom_each("start", starting, NULL);
}

/* Somebody looks: what there is no memory for he does not see, and the messages are as they are without him. */
static void while_somebody_looks(const void *arg)
{
    struct sides *s = sides_new();
    const struct slice user = SLICE("alice@contoso.example");
    const struct viewer_wish wish = { .users = &user, .n_users = 1, .bodies = true, .for_ms = 60000, .who = user };
    struct sip_server *t;
    uint64_t id = 0;
    bool full;

    OOM(id = viewers_add(&s->bridge->viewers, &wish, loop_now(&s->loop), &full));
    assert_true(id || oom_failed());
    t = say(s, 1);
    if (token_of(s, 1))
        OOM(s2x_settled(s->bridge, token_of(s, 1), XMPP_FATE_CONFIRMED, "because"));
    assert_int_equal(t->answers, 1);
    message_out(s, "nurse@fabrikam.example/x", "alice@contoso.example", 2);
    if (s->n_clients)
        OOM(sides_answer(s, 0, 200));
    goes_on(s);
}

static void messages_that_are_looked_at(void **state)
{
    oom_each("a viewer", while_somebody_looks, NULL);
}

static void a_test(const void *arg)
{
    struct sides *s = sides_new();
    const struct slice alice = SLICE("alice@contoso.example"), romeo = SLICE("romeo@fabrikam.example");
    const bool *back = arg;
    unsigned status = 0;
    const char *why = NULL;
    uint64_t id = 0;

    OOM(id = trial_start(s->bridge, *back ? romeo : alice, *back ? alice : romeo, slice_of(NULL, 0), &status, &why));
    assert_true(id ? !why : oom_failed() && status >= 422 && why);
    if (id && *back && s->n_clients)
        OOM(sides_answer(s, 0, 200));
    if (id && !*back && s->n_sent)
        OOM(s2x_settled(s->bridge, s->sent[0].token, XMPP_FATE_CONFIRMED, "because"));
    sides_advance(s, TRIAL_BOUNCE_MS);
    if (id) {
        assert_true(trial_find(s->bridge, id)->entry.done);
        assert_true(trial_find(s->bridge, id)->works || oom_failed());
    }
    goes_on(s);
}

static void test_messages_both_ways(void **state)
{
    static const bool ways[] = { false, true };

    for (size_t i = 0; i < 2; i++)
        oom_each("a test message", a_test, &ways[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_that_are_looked_at),
        cmocka_unit_test(test_messages_both_ways),
        cmocka_unit_test(requests_with_every_fate),
        cmocka_unit_test(requests_that_are_refused_at_once),
        cmocka_unit_test(requests_held_too_long),
        cmocka_unit_test(requests_whose_stanza_bounces),
        cmocka_unit_test(stanzas_with_every_answer),
        cmocka_unit_test(stanzas_that_wait_too_long),
        cmocka_unit_test(threads_that_are_kept),
        cmocka_unit_test(stanzas_that_are_no_message),
        cmocka_unit_test(settings_that_change),
        cmocka_unit_test(metrics),
        cmocka_unit_test(typing_and_receipts),
        cmocka_unit_test(the_orderly_end),
        cmocka_unit_test(the_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
