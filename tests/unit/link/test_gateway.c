/*
 * Both ends of links: a gateway's end with an owner that is this test, two proxies with real streams, and a whole server as the
 * partner. Ends of links, of proxies and of gateways are made in the middle of it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "line_rig.h"
#include "link/gateway_parts.h"
#include "link/line_parts.h"
#include "link/proxy.h"
#include "xmpp/xmpp.h"

/* A proxy with its own key and its own streams. */
struct edge {
    struct end key;
    struct link_proxy *p;
    struct xmpp_local local;
    struct federation_maker maker;
    struct xmpp *x;
    struct addr inner, outer; /* where it is once it has been started */
};

static struct edge edges[2];
static struct link_gateway *g;
static struct link_gateway_proxy known[2];
static struct node b;
static struct addr any;
static char where[ADDR_TEXT];
static struct xmpp_partner partner;
static bool removed; /* the partner, from the settings */

/* What the owner was told. */
static struct {
    struct fate fates[4096];
    size_t n_fates;
    uint64_t receipts[512];
    size_t n_stanzas;
    struct buf bodies;
    bool holds; /* nothing is handled */
    size_t n_up, n_down;
} told;

static const struct xmpp_partner *on_partner(void *owner, struct slice domain)
{
    return !removed && slice_is(domain, THEIRS) ? &partner : NULL;
}

static bool on_serves(void *owner, struct slice domain)
{
    return slice_is(domain, OURS);
}

static void on_stanza(void *owner, const struct xmpp_stanza *s)
{
    const struct xml *body = xml_child(s->el, "jabber:server", "body");

    assert_true(told.n_stanzas < 512);
    assert_true(slice_is(s->from->domain, THEIRS) && slice_is(s->to->domain, OURS));
    told.receipts[told.n_stanzas++] = s->receipt;
    if (body)
        buf_put(&told.bodies, xml_text(s->arena, body));
    buf_char(&told.bodies, '\n');
    if (!told.holds)
        link_gateway_handled(g, s->receipt);
}

static void on_settled(void *owner, uint64_t token, enum xmpp_fate fate, const char *why)
{
    struct fate *f = &told.fates[told.n_fates++];

    assert_true(told.n_fates < 4096);
    for (size_t i = 0; i + 1 < told.n_fates; i++)
        assert_true(told.fates[i].token != token); /* one each */
    f->token = token;
    f->fate = fate;
    snprintf(f->why, sizeof(f->why), "%s", why);
}

static void on_each_partner(void *owner, xmpp_partner_fn *fn, void *arg)
{
    if (!removed)
        fn(arg, &partner, NULL, 0);
}

static void on_each_served(void *owner, void (*fn)(void *arg, struct slice domain), void *arg)
{
    fn(arg, SLICE(OURS));
}

static void on_link(void *owner, struct slice remote, bool up)
{
    (*(up ? &told.n_up : &told.n_down))++;
}

static void on_features(void *owner, struct slice domain, struct buf *out)
{
    buf_str(out, "<c xmlns='http://jabber.org/protocol/caps' node='of-the-gateway'/>");
}

static const struct xmpp_ops ops = { .partner = on_partner,
                                     .serves = on_serves,
                                     .stanza = on_stanza,
                                     .settled = on_settled,
                                     .each_partner = on_each_partner,
                                     .each_served = on_each_served,
                                     .link = on_link,
                                     .features = on_features };

static void read_file(const char *name, char *out, size_t size, struct slice *s)
{
    FILE *f = fopen(certs_path(name), "r");

    assert_non_null(f);
    *s = slice_of(out, fread(out, 1, size, f));
    fclose(f);
}

static void each_identity(void *owner, link_identity_fn *fn, void *arg)
{
    static char chain[8192], key[8192];
    struct link_identity_frame identity = { .revision = 1 };
    struct tls *tls = rig_tls(CERT_OURS);

    read_file("c.pem", chain, sizeof(chain), &identity.chain);
    read_file("k.pem", key, sizeof(key), &identity.key);
    tls_free(tls);
    fn(arg, &identity);
}

/* ---- the rig ---- */

static struct federation *make(const struct federation_maker *maker, struct loop *loop,
                               const struct federation_conf *conf, struct err *err)
{
    struct edge *e = container_of(maker, struct edge, maker);
    struct federation *f = xmpp_local_make(&e->local.maker, loop, conf, err);

    e->x = f ? container_of(f, struct xmpp, federation) : NULL;
    return f;
}

/* At the place where it was, if it was anywhere. */
static void edge_start(struct edge *e)
{
    struct err err = { "" };
    struct link_proxy_conf conf = { .loop = &rig_loop,
                                    .tls = e->key.tls,
                                    .federation = &e->maker,
                                    .name = SLICE("edge.contoso.example"),
                                    .listen = &e->inner,
                                    .n_listen = 1,
                                    .pins = e->key.pins,
                                    .n_pins = 1 };

    e->maker.make = make;
    e->local =
        (struct xmpp_local){ .maker.make = xmpp_local_make, .tls = e->key.tls, .listen = &e->outer, .n_listen = 1 };
    e->p = link_proxy_new(&conf, &err);
    if (!e->p || link_proxy_start(e->p, &err))
        fail_msg("%s", err.text);
    e->inner = *link_proxy_local(e->p, 0);
    e->outer = *listener_local(container_of(e->x->listeners.next, struct xmpp_listener, link)->listener);
}

/* As if it were killed: nobody is told anything but by its sockets. */
static void edge_kill(struct edge *e)
{
    link_proxy_free(e->p);
    e->p = NULL;
}

static void gateway_start(void)
{
    struct err err = { "" };
    const struct link_gateway_conf conf = { .loop = &rig_loop,
                                            .tls = gateway.tls,
                                            .name = SLICE("gw.contoso.example"),
                                            .proxies = known,
                                            .n_proxies = 2,
                                            .ops = &ops,
                                            .each_identity = each_identity,
                                            .dialback_secret = SLICE("0123456789abcdef-contoso"),
                                            .limits = { .connection_limit = 1000,
                                                        .partner_connection_limit = 20,
                                                        .establish_s = 60,
                                                        .inactivity_s = 600,
                                                        .keepalive_s = 300 } };

    g = link_gateway_new(&conf, &err);
    if (!g)
        fail_msg("%s", err.text);
    link_gateway_start(g);
}

static int begin(void **state)
{
    struct err err = { "" };

    if (line_rig_setup(state))
        return -1;
    memset(&told, 0, sizeof(told));
    memset(edges, 0, sizeof(edges));
    removed = false;
    buf_init(&told.bodies, 1 << 20);
    addr_parse(SLICE("127.0.0.1:0"), 0, &any);
    for (int i = 0; i < 2; i++) {
        if (i)
            line_rig_end_begin(&edges[i].key, LINK_PROXY, "edge2");
        else
            edges[i].key = proxy;
        edges[i].key.pins[0] = slice_str(gateway.pin);
        assert_int_equal(tls_trust(edges[i].key.tls, certs_path("root.pem"), &err), 0);
        edges[i].inner = edges[i].outer = any;
        edge_start(&edges[i]);
        known[i] = (struct link_gateway_proxy){ .name = i ? SLICE("edge2") : SLICE("edge1"),
                                                .addr = edges[i].inner,
                                                .pin = slice_str(edges[i].key.pin),
                                                .priority = 10u * (unsigned)i };
    }
    node_start(&b, THEIRS, OURS, CERT_THEIRS);
    node_points_to(&b, &edges[0].outer);
    addr_text(node_addr(&b), where);
    partner = (struct xmpp_partner){ .name = SLICE(THEIRS), .keep_alive = true, .proxy = slice_str(where) };
    gateway_start();
    return 0;
}

static void on_stopped(void *arg)
{
    *(bool *)arg = true;
}

static int end(void **state)
{
    bool stopped = false;

    link_gateway_stop(g, on_stopped, &stopped);
    rig_until(stopped);
    link_gateway_free(g);
    for (int i = 0; i < 2; i++)
        link_proxy_free(edges[i].p);
    node_stop(&b);
    buf_free(&told.bodies);
    rig_turns(3);
    line_rig_end_end(&edges[1].key);
    return line_rig_teardown(state);
}

static void send_one(uint64_t token)
{
    char text[200];
    struct federation_stanza s = {
        .local = SLICE(OURS), .remote = SLICE(THEIRS), .token = token, .until_ms = loop_now(&rig_loop) + 20000
    };
    enum xmpp_fate fate;

    s.bytes = slice_of(text, (size_t)snprintf(text, sizeof(text),
                                              "<message from='romeo@" OURS "' to='juliet@" THEIRS
                                              "' id='m%u'><body>out %u.</body></message>",
                                              (unsigned)token, (unsigned)token));
    assert_true(link_gateway_send(g, &s, &fate));
}

static enum xmpp_fate fate_of(uint64_t token)
{
    size_t i = 0;

    rig_until(({
        for (i = 0; i < told.n_fates && told.fates[i].token != token; i++) {
        }
        i < told.n_fates;
    }));
    return told.fates[i].fate;
}

static bool got(const char *text)
{
    return b.got.n && memmem(b.got.p, b.got.n, text, strlen(text));
}

static bool heard(const char *text)
{
    return told.bodies.n && memmem(told.bodies.p, told.bodies.n, text, strlen(text));
}

/* ---- */

static void one_message_each_way(void **state)
{
    send_one(1); /* before there is a link */
    assert_int_equal(fate_of(1), XMPP_FATE_CONFIRMED);
    assert_true(got("romeo@" OURS ">juliet@" THEIRS ":message:out 1."));
    assert_true(node_send(&b, 1, "in 1."));
    assert_int_equal(node_fate(&b, 1), XMPP_FATE_CONFIRMED);
    assert_true(heard("in 1.\n"));
    assert_true(told.n_up >= 1 && link_gateway_is_linked(g, SLICE(THEIRS)));
    assert_int_equal(xmpp_counters(edges[1].x)->streams_opened, 0); /* the first by priority has done all */
}

static void what_the_owner_has_not_handled_is_not_acknowledged(void **state)
{
    told.holds = true;
    send_one(1);
    assert_int_equal(fate_of(1), XMPP_FATE_CONFIRMED);
    assert_true(node_send(&b, 1, "in 1."));
    rig_until(told.n_stanzas == 1);
    rig_turns(30);
    assert_false(node_has_fate(&b, 1));
    link_gateway_handled(g, told.receipts[0]);
    assert_int_equal(node_fate(&b, 1), XMPP_FATE_CONFIRMED);
}

static void while_the_owner_pauses_a_partner_no_more_of_it_comes_than_there_was_credit_for(void **state)
{
    send_one(1);
    assert_int_equal(fate_of(1), XMPP_FATE_CONFIRMED);
    assert_true(link_gateway_pause(g, SLICE(THEIRS), true));
    assert_true(link_gateway_pause(g, SLICE(THEIRS), true));
    for (unsigned i = 1; i <= 120; i++)
        assert_true(node_send(&b, i, "in"));
    rig_until(told.n_stanzas == 64);
    rig_turns(50);
    assert_true(link_gateway_pause(g, SLICE(THEIRS), false));
    rig_turns(50);
    assert_int_equal(told.n_stanzas, 64); /* two have asked for it */
    assert_true(link_gateway_pause(g, SLICE(THEIRS), false));
    rig_until(told.n_stanzas == 120);
    assert_int_equal(node_fate(&b, 120), XMPP_FATE_CONFIRMED);
}

static void much_at_once_goes_out_in_order_and_every_stanza_has_one_fate(void **state)
{
    const char *at;

    for (uint64_t i = 1; i <= 3000; i++)
        send_one(i);
    assert_false(link_gateway_is_crowded(g, SLICE(OURS), SLICE(THEIRS)));
    rig_until(told.n_fates == 3000);
    for (size_t i = 0; i < 3000; i++)
        assert_int_equal(told.fates[i].fate, XMPP_FATE_CONFIRMED);
    assert_int_equal(b.n_got, 3000);
    at = b.got.p;
    for (unsigned i = 1; i <= 3000; i++) {
        char text[32];

        at = memmem(at, (size_t)(b.got.p + b.got.n - at), text, (size_t)snprintf(text, sizeof(text), "out %u.", i));
        assert_non_null(at);
    }
}

static void a_partner_that_is_removed_gets_nothing_that_waits(void **state)
{
    enum xmpp_fate fate;
    const struct federation_stanza s = {
        .local = SLICE(OURS), .remote = SLICE(THEIRS), .bytes = SLICE("<message/>"), .token = 2
    };

    edge_kill(&edges[0]);
    edge_kill(&edges[1]);
    rig_turns(20);
    send_one(1);
    removed = true;
    link_gateway_reconsider(g);
    assert_int_equal(fate_of(1), XMPP_FATE_REFUSED);
    assert_false(link_gateway_send(g, &s, &fate));
    assert_int_equal(fate, XMPP_FATE_REFUSED);
    edge_start(&edges[0]);
    edge_start(&edges[1]);
}

static void a_withdrawn_stanza_says_whether_it_may_have_been_written(void **state)
{
    send_one(1);
    assert_false(link_gateway_withdraw(g, 1)); /* no proxy has it */
    send_one(2);
    assert_int_equal(fate_of(2), XMPP_FATE_CONFIRMED);
    send_one(3);
    rig_turn();
    rig_turn();
    (void)link_gateway_withdraw(g, 3);
    assert_false(link_gateway_withdraw(g, 3));
    rig_turns(50);
    assert_int_equal(told.n_fates, 1);
}

/* ---- ends ---- */

/* Time passes, in steps that links bear, until it holds. */
#define later_until(cond)                                                                                              \
    do {                                                                                                               \
        for (int step_ = 0; step_ < 60 && !(cond); step_++) {                                                          \
            rig_advance(LINK_PING_MS / 2);                                                                             \
            rig_turns(20);                                                                                             \
        }                                                                                                              \
        rig_until(cond);                                                                                               \
    } while (0)

static void a_proxy_that_is_killed_loses_nothing_and_the_other_one_goes_on(void **state)
{
    send_one(1);
    assert_int_equal(fate_of(1), XMPP_FATE_CONFIRMED);
    for (uint64_t i = 2; i <= 200; i++)
        send_one(i);
    rig_turns(3);
    edge_kill(&edges[0]);
    for (uint64_t i = 201; i <= 300; i++)
        send_one(i);
    later_until(told.n_fates == 300);
    for (uint64_t i = 1; i <= 300; i++)
        assert_int_equal(fate_of(i), XMPP_FATE_CONFIRMED);
    for (unsigned i = 1; i <= 300; i++) {
        char text[32];

        snprintf(text, sizeof(text), "out %u.", i);
        assert_true(got(text));
    }
    assert_true(told.n_down >= 1);
    buf_clear(&rig_log);
    edge_start(&edges[0]); /* where it was: it is linked again */
    later_until(rig_logged("settings-used proxy=edge1"));
    node_points_to(&b, &edges[0].outer);
    assert_true(node_send(&b, 1, "in 1."));
    assert_int_equal(node_fate(&b, 1), XMPP_FATE_CONFIRMED);
}

static void a_gateway_that_is_killed_has_falsely_acknowledged_nothing(void **state)
{
    told.holds = true;
    send_one(1);
    assert_int_equal(fate_of(1), XMPP_FATE_CONFIRMED);
    assert_true(node_send(&b, 1, "in 1."));
    rig_until(told.n_stanzas == 1);
    link_gateway_free(g);
    told.holds = false;
    gateway_start();
    rig_until(told.n_stanzas == 2);
    assert_int_equal(node_fate(&b, 1), XMPP_FATE_CONFIRMED);
    send_one(2);
    assert_int_equal(fate_of(2), XMPP_FATE_CONFIRMED);
}

/* ---- under traffic ---- */

/* The same in each run. */
static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void cut_a_link(size_t i)
{
    if (g->links[i].line && g->links[i].line->conn)
        conn_abort(g->links[i].line->conn);
}

static void restart(struct edge *e)
{
    edge_kill(e);
    rig_turns(1);
    edge_start(e);
}

#define ROUNDS 60
#define EACH 20

/* Ends of links and of proxies, and waits without an end, as they come. */
static void disturb(uint32_t *seed)
{
    switch (next(seed) % 6) {
    case 0: cut_a_link(0); break;
    case 1: cut_a_link(1); break;
    case 2: restart(&edges[0]); break;
    case 3: restart(&edges[1]); break;
    default: break;
    }
    rig_turns((int)(next(seed) % 12));
}

static void every_fate_is_true_wherever_links_and_proxies_end(void **state)
{
    uint32_t seed = 7;

    for (uint64_t round = 0; round < ROUNDS; round++) {
        for (uint64_t i = 1; i <= EACH; i++)
            send_one(round * EACH + i);
        disturb(&seed);
    }
    later_until(told.n_fates == ROUNDS * EACH);
    for (uint64_t i = 1; i <= ROUNDS * EACH; i++) {
        enum xmpp_fate fate = fate_of(i);
        char text[32];

        snprintf(text, sizeof(text), "out %u.", (unsigned)i);
        if (fate == XMPP_FATE_CONFIRMED)
            assert_true(got(text));
        else if (got(text) && fate != XMPP_FATE_LOST) /* what came cannot be called undelivered */
            fail_msg("%s came, and its fate is %d", text, fate);
    }
    assert_int_equal(told.n_fates, ROUNDS * EACH);
}

static void nothing_of_a_partner_is_lost_wherever_links_end(void **state)
{
    uint32_t seed = 11;
    unsigned n = 0;

    send_one(1);
    assert_int_equal(fate_of(1), XMPP_FATE_CONFIRMED);
    for (int round = 0; round < 30; round++) {
        for (int i = 0; i < 4; i++) {
            char text[32];

            snprintf(text, sizeof(text), "in %u.", ++n);
            assert_true(node_send(&b, n, text));
        }
        if (next(&seed) % 2)
            cut_a_link(0);
        rig_turns((int)(next(&seed) % 12));
    }
    for (unsigned i = 1; i <= n; i++) {
        char text[32];

        assert_int_equal(node_fate(&b, i), XMPP_FATE_CONFIRMED);
        snprintf(text, sizeof(text), "in %u.\n", i);
        assert_true(heard(text));
    }
    assert_int_equal(told.n_stanzas, n); /* nor told twice: the session goes on */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(one_message_each_way),
        TEST(what_the_owner_has_not_handled_is_not_acknowledged),
        TEST(while_the_owner_pauses_a_partner_no_more_of_it_comes_than_there_was_credit_for),
        TEST(much_at_once_goes_out_in_order_and_every_stanza_has_one_fate),
        TEST(a_partner_that_is_removed_gets_nothing_that_waits),
        TEST(a_withdrawn_stanza_says_whether_it_may_have_been_written),
        TEST(a_proxy_that_is_killed_loses_nothing_and_the_other_one_goes_on),
        TEST(a_gateway_that_is_killed_has_falsely_acknowledged_nothing),
        TEST(every_fate_is_true_wherever_links_and_proxies_end),
        TEST(nothing_of_a_partner_is_lost_wherever_links_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
