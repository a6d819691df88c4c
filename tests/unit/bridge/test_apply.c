/* Settings change while messages are on their way, in both directions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "bridge/lane.h"
#include "sides.h"

#define ROMEO "romeo@fabrikam.example/garden"
#define ALICE "alice@contoso.example"
#define ALONE SIDES_ORG SIDES_DOMAINS /* no partner */

static struct sip_server *out(struct sides *s, const char *branch, const char *body)
{
    return sides_sip(s, "192.0.2.10", "<sip:" ALICE ">", "sip:romeo@fabrikam.example", branch,
                     "Content-Type: text/plain\r\n", body);
}

static void in(struct sides *s, const char *from, uint64_t number, const char *body)
{
    char stanza[5000];

    snprintf(stanza, sizeof(stanza), "<message from='%s' to='" ALICE "' id='m%d'><body>%s</body></message>", from,
             (int)number, body);
    sides_xmpp(s, stanza, number);
}

static void a_removed_partner_is_refused_from_that_moment(void **state)
{
    struct sides *s = sides_new();
    struct sip_server *held = out(s, "a1", "x"), *later;

    sides_apply(s, ALONE);
    assert_int_equal(s->reconsidered, 1);
    assert_int_equal(held->answers, 0); /* its fate is xmpp's to tell */
    s2x_settled(s->bridge, s->sent[0].token, XMPP_FATE_REFUSED, "the partner is not listed");
    assert_int_equal(held->status, 504);
    later = out(s, "a2", "x");
    assert_int_equal(later->status, 404);
    in(s, ROMEO, 1, "x"); /* before its stream is closed, in the same turn */
    assert_int_equal(s->n_clients, 0);
    assert_int_equal(s->n_handled, 1);
    sides_apply(s, SIDES_SETTINGS);
    out(s, "a3", "x");
    assert_int_equal(s->n_sent, 3);
    sides_free(s);
}

static void what_waits_from_a_removed_partner_is_given_back(void **state)
{
    struct sides *s = sides_new();

    for (uint64_t i = 0; i < 5; i++)
        in(s, ROMEO, i, "x");
    assert_int_equal(s->n_clients, 1);
    sides_apply(s, ALONE);
    assert_int_equal(s->n_handled, 4);
    assert_int_equal(s->n_sent, 4);
    assert_non_null(strstr(s->sent[0].stanza, "<forbidden "));
    sides_answer(s, 0, 200); /* the one that flew: what SIP says is the truth */
    assert_int_equal(s->n_handled, 5);
    assert_int_equal(s->n_clients, 1);
    assert_int_equal(s->bridge->lanes.n, 0);
    assert_int_equal(s->bridge->queued_bytes, 0);
    sides_free(s);
}

static void what_waits_for_people_no_longer_allowed_is_given_back(void **state)
{
    static const char bob_only[] = SIDES_SETTINGS "policy shut { }\nsip-user \"" ALICE "\" { policy = shut }\n";
    struct sides *s = sides_new();

    for (uint64_t i = 0; i < 3; i++) {
        char bob[300];

        in(s, ROMEO, i, "x");
        snprintf(bob, sizeof(bob),
                 "<message from='" ROMEO "' to='bob@contoso.example' id='b%d'><body>y</body></message>", (int)i);
        sides_xmpp(s, bob, 10 + i);
    }
    assert_int_equal(s->n_clients, 2);
    sides_apply(s, bob_only);
    assert_int_equal(s->n_handled, 2); /* hers */
    sides_answer(s, 1, 200);
    assert_string_equal(s->clients[2].uri, "sip:bob@contoso.example");
    sides_answer(s, 2, 200);
    sides_answer(s, 3, 200);
    sides_answer(s, 0, 480);
    assert_int_equal(s->n_handled, 6);
    assert_int_equal(s->bridge->lanes.n, 0);
    sides_free(s);
}

/* A message that is tried again after its first way failed passes the gates again. */
static void a_second_try_is_judged_anew(void **state)
{
    struct sides *s = sides_new();

    sides_xmpp(s, "<message from='" ROMEO "' to='" ALICE "/desk' id='m1'><body>x</body></message>", 1);
    sides_apply(s, "org { federation = no }\n" SIDES_DOMAINS SIDES_PARTNER);
    sides_answer(s, 0, 480);
    assert_int_equal(s->n_clients, 1);
    assert_non_null(strstr(s->sent[0].stanza, "<forbidden "));
    assert_int_equal(s->n_handled, 1);
    sides_free(s);
}

static void a_lane_takes_the_route_of_its_moment(void **state)
{
    static const char moved[] = SIDES_ORG SIDES_PARTNER
        "route office { next-hop = \"192.0.2.10\" }\nroute other { next-hop = \"192.0.2.99:5070\"\n transport = tcp }\n"
        "sip-domain contoso.example { route = other }\n";
    static const char gone[] = SIDES_ORG SIDES_PARTNER "route office { transport = udp\n next-hop = \"192.0.2.10\" }\n";
    struct sides *s = sides_new();
    char addr[ADDR_TEXT];

    for (uint64_t i = 0; i < 3; i++)
        in(s, ROMEO, i, "x");
    sides_apply(s, moved);
    sides_answer(s, 0, 200);
    assert_int_equal(s->clients[1].transports, SIP_MAY(SIP_TCP));
    assert_string_equal(addr_text(&s->clients[1].hop, addr), "192.0.2.99:5070");
    sides_apply(s, gone);
    assert_int_equal(s->n_handled, 2);
    assert_non_null(strstr(s->sent[0].stanza, "<item-not-found "));
    sides_answer(s, 1, 200);
    assert_int_equal(s->n_clients, 2);
    sides_free(s);
}

static void who_may_speak_is_who_the_route_says_now(void **state)
{
    static const char moved[] = SIDES_ORG SIDES_PARTNER
        "route office { transport = udp\n next-hop = \"192.0.2.10\"\n sources = {\"198.51.100.0/24\"} }\n"
        "sip-domain contoso.example { route = office }\n";
    struct sides *s = sides_new();
    struct sip_server *t;

    sides_apply(s, moved);
    t = out(s, "a", "x");
    assert_int_equal(t->status, 403);
    t = sides_sip(s, "198.51.100.7", "<sip:" ALICE ">", "sip:romeo@fabrikam.example", "b",
                  "Content-Type: text/plain\r\n", "x");
    assert_int_equal(t->answers, 0);
    sides_free(s);
}

/* A domain that goes over to another partner takes its pauses along; none is left behind. */
static void pauses_follow_the_partner(void **state)
{
    static const char renamed[] = SIDES_ORG SIDES_DOMAINS
        "partner litware.example { type = federated\n additional-domains = {\"fabrikam.example\"} }\n";
    struct sides *s = sides_new();

    for (uint64_t i = 0; i < LANE_PAUSE + 2; i++)
        in(s, ROMEO, i, "x");
    assert_int_equal(s->paused, 1);
    sides_apply(s, renamed);
    assert_int_equal(s->paused, 1);
    assert_int_equal(s->n_pauses, 2); /* taken back under the former name, taken again */
    sides_apply(s, ALONE);
    assert_int_equal(s->paused, 0);
    sides_answer(s, 0, 200);
    assert_int_equal(s->bridge->lanes.n, 0);
    sides_free(s);
}

static void gateway_settings_count_at_once(void **state)
{
    static const char settings[] = SIDES_SETTINGS
        "gateway { hold-time = 5\n pager-type = chat\n message-max = 2000\n connection-limit = 7\n"
        "partner-connection-limit = 3\n keep-alive-interval = 20\n stream-establishment-timeout = 9\n"
        "stream-inactivity-timeout = 40\n transactions-max = 500\n dialback-passphrase = \"open sesame\"\n"
        "partner-stanza-rate = 200\n partner-byte-rate = 100000\n"
        "partner-networks = { \"10.0.0.0/8\", \"fd00::7\" } }\n";
    struct sides *s = sides_new();
    char own[XMPP_SECRET_MAX + 1], long_text[3000];
    struct sip_server *t;

    memcpy(own, s->secret, sizeof(own));
    assert_int_equal(s->limits.connection_limit, 1000);
    assert_int_equal(s->limits.n_partner_networks, 0);
    sides_apply(s, settings);
    assert_int_equal(s->limits.connection_limit, 7);
    assert_int_equal(s->limits.partner_connection_limit, 3);
    assert_int_equal(s->limits.keepalive_s, 20);
    assert_int_equal(s->limits.establish_s, 9);
    assert_int_equal(s->limits.inactivity_s, 40);
    assert_int_equal(s->limits.n_partner_networks, 2);
    assert_int_equal(s->limits.partner_networks[0].prefix, 8);
    assert_int_equal(s->limits.partner_networks[1].prefix, 128);
    assert_int_equal(s->limits.stanza_rate, 200);
    assert_int_equal(s->limits.byte_rate, 100000);
    assert_int_equal(s->txns_max, 500);
    assert_int_equal(s->body_max, 2000);
    assert_string_equal(s->secret, "open sesame");
    t = out(s, "a", "x");
    assert_non_null(strstr(s->sent[0].stanza, "type='chat'"));
    sides_advance(s, 5001);
    assert_int_equal(t->status, 504);
    memset(long_text, 'x', sizeof(long_text));
    long_text[2500] = '\0';
    t = out(s, "b", long_text);
    assert_int_equal(t->status, 413);
    sides_apply(s, SIDES_SETTINGS);
    assert_memory_equal(s->secret, own, sizeof(own)); /* without a passphrase the installation's own again */
    out(s, "c", "x");
    assert_null(strstr(s->sent[1].stanza, "type='chat'"));
    sides_free(s);
}

/* ---- bodies in the log (threats E7) ---- */

static const char *line_with(const struct sides *s, const char *text, char *line, size_t size)
{
    const char *end = s->logged.p + s->logged.n;
    const char *at = memmem(s->logged.p, s->logged.n, text, strlen(text));
    size_t n;

    assert_non_null(at);
    n = slice_find(slice_of(at, (size_t)(end - at)), '\n');
    assert_true(n < size);
    memcpy(line, at, n);
    line[n] = '\0';
    return line;
}

static void bodies_are_logged_only_where_the_setting_asks(void **state)
{
    struct sides *s = sides_new();

    out(s, "a", "top secret one");
    in(s, ROMEO, 1, "top secret two");
    assert_false(sides_logged(s, "secret"));
    assert_false(sides_logged(s, "body="));
    sides_apply(s, SIDES_SETTINGS "gateway { log-message-bodies = yes }\n");
    s->log.level = LOG_LEVEL_INFO;
    out(s, "b", "spoken out");
    in(s, "tybalt@fabrikam.example", 2, "written back");
    assert_true(sides_logged(s, "info message direction=sip-to-xmpp"));
    assert_true(sides_logged(s, "body=\"spoken out\""));
    assert_true(sides_logged(s, "body=\"written back\""));
    sides_apply(s, SIDES_SETTINGS);
    out(s, "c", "quiet again");
    assert_false(sides_logged(s, "quiet"));
    sides_free(s);
}

static void a_logged_body_cannot_forge_a_line(void **state)
{
    struct sides *s = sides_new();
    char body[4000], line[8000];

    sides_apply(s, SIDES_SETTINGS "gateway { log-message-bodies = yes }\n");
    out(s, "a", "x\" to=\"root\"\r\ninfo forged=\x1b[31m \\ \xe2\x80\xae");
    line_with(s, "direction=sip-to-xmpp", line, sizeof(line));
    assert_non_null(strstr(line, "body=\"x\\\" to=\\\"root\\\"\\x0d\\x0ainfo forged=\\x1b[31m \\\\ \\xe2\\x80\\xae\""));
    memset(body, '\n', 3000); /* every byte escaped, and too long */
    body[0] = 'x';
    body[2999] = 'x';
    body[3000] = '\0';
    buf_clear(&s->logged);
    out(s, "b", body);
    line_with(s, "direction=sip-to-xmpp", line, sizeof(line));
    assert_non_null(strstr(line, "body=\"x\\x0a\\x0a"));
    assert_string_equal(line + strlen(line) - 8, "\\x0a...\"");
    assert_in_range(strlen(strstr(line, "body=")), 4 * 999, 4 * 1000 + 20);
    sides_free(s);
}

/* ---- again and again ---- */

#define SWAPS 10000

static void ten_thousand_changes_under_traffic(void **state)
{
    struct sides *s = sides_new();
    struct directory *all = sides_directory(SIDES_SETTINGS), *none = sides_directory(ALONE);
    struct directory *now = s->directory;

    for (uint64_t i = 0; i < SWAPS; i++) {
        struct directory *next = i % 3 == 2 ? none : all, *before;

        s->n_servers = s->n_sent = s->n_handled = s->n_clients = 0;
        for (uint64_t k = 0; k < 3; k++)
            in(s, ROMEO, k, "x");
        out(s, "a", "x");
        before = bridge_apply(s->bridge, next);
        assert_ptr_equal(before, now);
        directory_drop(before);
        now = next;
        for (size_t k = 0; k < s->n_clients; k++)
            sides_answer(s, k, 200);
        for (size_t k = 0; k < s->n_sent; k++)
            bridge_settled(s->bridge, s->sent[k].token, XMPP_FATE_REFUSED, "");
        assert_int_equal(s->n_handled, 3);
        assert_int_equal(s->bridge->lanes.n, 0);
        assert_int_equal(s->bridge->counters.held, 0);
        assert_int_equal(s->bridge->owed.n, 0);
        buf_clear(&s->logged);
    }
    directory_drop(all);
    directory_drop(none);
    assert_int_equal(s->bridge->queued_bytes, 0);
    sides_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_removed_partner_is_refused_from_that_moment),
        cmocka_unit_test(what_waits_from_a_removed_partner_is_given_back),
        cmocka_unit_test(what_waits_for_people_no_longer_allowed_is_given_back),
        cmocka_unit_test(a_second_try_is_judged_anew),
        cmocka_unit_test(a_lane_takes_the_route_of_its_moment),
        cmocka_unit_test(who_may_speak_is_who_the_route_says_now),
        cmocka_unit_test(pauses_follow_the_partner),
        cmocka_unit_test(gateway_settings_count_at_once),
        cmocka_unit_test(bodies_are_logged_only_where_the_setting_asks),
        cmocka_unit_test(a_logged_body_cannot_forge_a_line),
        cmocka_unit_test(ten_thousand_changes_under_traffic),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
