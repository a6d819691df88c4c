/* The whole bridge on loopback, SIP by UDP on one side and partners' streams on the other, while its settings change. */
#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../store/make.h"
#include "../xmpp/s2s_rig.h"
#include "bridge/bridge_private.h"
#include "net/udp.h"
#include "sip/stack.h"

#define TAILSPIN "tailspin.example"

static struct bridge *bridge;
static struct boot boot;
static struct addr any;
static struct tls *tls;
static struct xmpp_local xmpp;
static struct node gate; /* only to say where the bridge listens */
static struct fake f, g, server;
static int phone;
static uint16_t phone_port;
static char heard[4096]; /* what the phone got last */

static struct directory *directory_of(const char *org, const char *partners)
{
    char text[2000], proxy[ADDR_TEXT] = "127.0.0.1:1";
    struct directory_conf conf = { 0 };
    struct err err = { "" };
    struct directory *d;

    if (server.listener)
        addr_text(listener_local(server.listener), proxy);
    snprintf(text, sizeof(text),
             "org { federation = %s }\npolicy global { federation = yes\n xmpp = yes }\n"
             "route office { transport = udp\n next-hop = \"127.0.0.1:%u\" }\nsip-domain " OURS " { route = office }\n",
             org, phone_port);
    if (strstr(partners, "fabrikam"))
        snprintf(text + strlen(text), sizeof(text) - strlen(text),
                 "partner " THEIRS " { type = federated proxy = \"%s\" }\n", proxy);
    if (strstr(partners, "tailspin"))
        strcat(text, "partner " TAILSPIN " { type = federated }\n");
    conf.config = make_config(text);
    d = directory_new(&conf, &err);
    config_drop(conf.config);
    if (!d)
        fail_msg("%s", err.text);
    return d;
}

static void apply(const char *org, const char *partners)
{
    struct directory *next = directory_of(org, partners);

    directory_drop(bridge_apply(bridge, next));
    directory_drop(next);
}

static void open_phone(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof(a);

    phone = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(phone >= 0 && bind(phone, (struct sockaddr *)&a, n) == 0);
    assert_int_equal(getsockname(phone, (struct sockaddr *)&a, &n), 0);
    phone_port = ntohs(a.sin_port);
}

static int begin(void **state)
{
    struct err err = { "" };
    struct bridge_conf conf = { .loop = &rig_loop, .boot = &boot, .federation = &xmpp.maker, .secret = { 1 } };

    if (rig_setup(state))
        return -1;
    open_phone();
    addr_parse(SLICE("127.0.0.1:0"), 0, &any);
    boot = (struct boot){ .host_name = SLICE("gw.contoso.example"), .sip_udp = { &any, 1 }, .xmpp = { &any, 1 } };
    fake_listen(&server, CERT_THEIRS);
    tls = rig_tls(CERT_OURS);
    conf.tls = tls;
    xmpp = (struct xmpp_local){ .maker.make = xmpp_local_make, .tls = tls, .listen = &any, .n_listen = 1 };
    conf.directory = directory_of("yes", "fabrikam tailspin");
    bridge = bridge_new(&conf, &err);
    directory_drop(conf.directory);
    if (!bridge || bridge_listen(bridge, &err))
        fail_msg("%s", err.text);
    gate.x = container_of(bridge->federation, struct xmpp, federation);
    return 0;
}

static int end(void **state)
{
    bridge_free(bridge);
    rig_turns(3); /* its connections go in the loop's own time, and use tls until then */
    tls_free(tls);
    fake_close(&server);
    close(phone);
    return rig_teardown(state);
}

static bool phone_has(const char *text)
{
    ssize_t n = recv(phone, heard, sizeof(heard) - 1, 0);

    if (n > 0)
        heard[n] = '\0';
    return n > 0 && strncmp(heard, text, strlen(text)) == 0;
}

static void phone_send(const char *text)
{
    struct sip_udp *u = container_of(bridge->sip->transports.udp.next, struct sip_udp, link);
    const struct addr *to = udp_local(u->udp);

    assert_int_equal(sendto(phone, text, strlen(text), 0, &to->sa, sizeof(struct sockaddr_in)), strlen(text));
}

static void phone_says(const char *branch, const char *to)
{
    char text[1000];

    snprintf(
        text, sizeof(text),
        "MESSAGE sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%u;branch=z9hG4bK%s\r\nFrom: <sip:alice@" OURS
        ">;tag=1\r\nTo: <sip:%s>\r\nCall-ID: c%s\r\nCSeq: 1 MESSAGE\r\nMax-Forwards: 70\r\nContent-Type: text/plain"
        "\r\nContent-Length: 5\r\n\r\nhello",
        to, phone_port, branch, to, branch);
    phone_send(text);
}

/* Answers the request that was heard last, with its own Via, From, To, Call-ID and CSeq. */
static void phone_answers(const char *status)
{
    static const char *const names[] = { "Via: ", "From: ", "To: ", "Call-ID: ", "CSeq: " };
    char text[4096];
    int n = snprintf(text, sizeof(text), "SIP/2.0 %s\r\n", status);

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *at = strstr(heard, names[i]);

        assert_non_null(at);
        n += snprintf(text + n, sizeof(text) - (size_t)n, "%.*s%s\r\n", (int)(strstr(at, "\r\n") - at), at,
                      strcmp(names[i], "To: ") == 0 ? ";tag=2" : "");
    }
    snprintf(text + n, sizeof(text) - (size_t)n, "Content-Length: 0\r\n\r\n");
    phone_send(text);
}

static void a_removed_partner_leaves_no_request_unanswered(void **state)
{
    phone_says("a1", "juliet@" THEIRS);
    rig_until(server.n_accepted == 1);
    fake_serve(&server, true);
    fake_expect(&server, "<message"); /* it has it, and does not acknowledge */
    apply("yes", "tailspin");
    rig_until(phone_has("SIP/2.0 504 "));
    fake_expect(&server, "<policy-violation");
    fake_expect(&server, "</stream:stream>");
    phone_says("a2", "juliet@" THEIRS);
    rig_until(phone_has("SIP/2.0 404 "));
    apply("yes", "fabrikam tailspin");
    phone_says("a3", "juliet@" THEIRS);
    rig_until(server.n_accepted == 2);
    fake_serve(&server, true);
    fake_expect(&server, "<message");
    fake_say(&server, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
    rig_until(phone_has("SIP/2.0 200 "));
}

static void tailspin_is_there(void)
{
    fake_connect(&g, node_addr(&gate), CERT_TWO_NAMES);
    fake_say(&g, HEADER_FROM(TAILSPIN, OURS) STARTTLS);
    fake_expect(&g, "<proceed");
    fake_tls_client(&g);
    fake_say(&g, HEADER_FROM(TAILSPIN, OURS));
    fake_expect(&g, "<mechanism>EXTERNAL</mechanism>");
    fake_say(&g, AUTH("="));
    fake_expect(&g, "<success");
    fake_forget(&g);
    fake_say(&g, HEADER_FROM(TAILSPIN, OURS));
    fake_expect(&g, "</stream:features>");
}

static void streams_of_others_go_on_with_their_messages(void **state)
{
    tailspin_is_there();
    fake_to_ready(&f, &gate, CERT_THEIRS);
    fake_say(&f, MESSAGE("juliet@" THEIRS, "alice@" OURS, "one"));
    rig_until(phone_has("MESSAGE sip:alice@" OURS));
    phone_answers("200 OK");
    fake_say(&g, MESSAGE("nurse@" TAILSPIN, "alice@" OURS, "two"));
    rig_until(phone_has("MESSAGE sip:alice@" OURS));
    apply("yes", "tailspin"); /* hers is on its way */
    phone_answers("200 OK");
    fake_expect(&f, "<policy-violation");
    fake_expect_closed(&f);
    fake_say(&g, MESSAGE("nurse@" TAILSPIN, "alice@" OURS, "three"));
    rig_until(phone_has("MESSAGE sip:alice@" OURS));
    phone_answers("200 OK");
    rig_until(bridge_counters(bridge)->x2s_delivered == 3);
    fake_lacks(&g, "stream:error");
    fake_close(&f);
    fake_close(&g);
}

static void what_waits_when_the_organisation_closes_comes_back(void **state)
{
    fake_to_ready(&f, &gate, CERT_THEIRS);
    for (int i = 0; i < 3; i++)
        fake_say(&f, MESSAGE("juliet@" THEIRS, "alice@" OURS, "x"));
    rig_until(bridge_counters(bridge)->x2s_in == 3);
    rig_until(phone_has("MESSAGE sip:alice@" OURS));
    apply("no", "fabrikam tailspin");
    rig_until(server.n_accepted == 1); /* the errors go their own way */
    fake_serve(&server, true);
    fake_expect(&server, "<forbidden ");
    fake_expect(&server, "<forbidden ");
    phone_answers("200 OK");
    rig_until(bridge_counters(bridge)->x2s_delivered == 1);
    assert_int_equal(bridge_counters(bridge)->x2s_refused, 2);
    fake_lacks(&f, "stream:error"); /* nobody is at fault */
    phone_says("b1", "juliet@" THEIRS);
    rig_until(phone_has("SIP/2.0 403 Your organisation does not allow conversations with others"));
    fake_close(&f);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        T(a_removed_partner_leaves_no_request_unanswered),
        T(streams_of_others_go_on_with_their_messages),
        T(what_waits_when_the_organisation_closes_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
