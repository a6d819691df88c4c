#include "edges_rig.h"

#include <stdio.h>

struct edge edges[2];
struct link_gateway *g;
struct told told;
struct node b;
bool removed, beside;
struct link_gateway_proxy known[2];
static struct addr any;
static char where[ADDR_TEXT];
static struct xmpp_partner partner;

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

static bool on_watched(void *owner)
{
    return told.watches;
}

static void on_noted(void *owner, struct slice local, struct slice remote, bool inbound, const char *step,
                     enum step_result result, struct slice text)
{
    assert_true(text.n && result <= STEP_NOTE);
    if (told.notes++ == 0)
        told.first_is_out = !inbound && strcmp(step, "stream") == 0;
}

static const struct xmpp_ops ops = { .partner = on_partner,
                                     .serves = on_serves,
                                     .stanza = on_stanza,
                                     .settled = on_settled,
                                     .each_partner = on_each_partner,
                                     .each_served = on_each_served,
                                     .watched = on_watched,
                                     .noted = on_noted,
                                     .link = on_link,
                                     .features = on_features };

static void read_file(const char *name, char *out, size_t size, struct slice *s)
{
    FILE *f = fopen(certs_path(name), "r");

    assert_non_null(f);
    *s = slice_of(out, fread(out, 1, size, f));
    fclose(f);
}

static struct link_identity_frame identity; /* of our domain */

static void read_identity(void)
{
    static char chain[8192], key[8192];
    struct tls *tls = rig_tls(CERT_OURS);

    identity.revision = 1;
    read_file("c.pem", chain, sizeof(chain), &identity.chain);
    read_file("k.pem", key, sizeof(key), &identity.key);
    tls_free(tls);
}

static bool put_revocations(void *arg, struct buf *out)
{
    return tls_put_crls(gateway.tls, out);
}

static void each_identity(void *owner, link_identity_fn *fn, void *arg)
{
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
void edge_start(struct edge *e)
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
void edge_kill(struct edge *e)
{
    link_proxy_free(e->p);
    e->p = NULL;
}

void gateway_start(void)
{
    struct err err = { "" };
    const struct link_gateway_conf conf = { .loop = &rig_loop,
                                            .tls = gateway.tls,
                                            .name = SLICE("gw.contoso.example"),
                                            .proxies = known,
                                            .n_proxies = 2,
                                            .ops = &ops,
                                            .each_identity = each_identity,
                                            .revocations = put_revocations,
                                            .beside = beside,
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

int edges_setup(void **state)
{
    struct err err = { "" };

    if (line_rig_setup(state))
        return -1;
    memset(&told, 0, sizeof(told));
    memset(edges, 0, sizeof(edges));
    removed = beside = false;
    buf_init(&told.bodies, 1 << 20);
    buf_reserve(&told.bodies, told.bodies.max);
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
    read_identity();
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

int edges_teardown(void **state)
{
    bool stopped = false;

    link_gateway_stop(g, on_stopped, &stopped);
    rig_turns(20);
    for (unsigned i = 0; i < 400 && !stopped; i++) /* it may rest before it tries again */
        rig_advance(500);
    assert_true(stopped);
    link_gateway_free(g);
    for (int i = 0; i < 2; i++)
        link_proxy_free(edges[i].p);
    node_stop(&b);
    buf_free(&told.bodies);
    rig_turns(3);
    line_rig_end_end(&edges[1].key);
    return line_rig_teardown(state);
}

void send_one(uint64_t token)
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

static const struct fate *find_fate(uint64_t token)
{
    for (size_t i = 0; i < told.n_fates; i++)
        if (told.fates[i].token == token)
            return &told.fates[i];
    return NULL;
}

bool has_fate(uint64_t token)
{
    return find_fate(token) != NULL;
}

enum xmpp_fate fate_of(uint64_t token)
{
    rig_until(has_fate(token));
    return find_fate(token)->fate;
}

bool got(const char *text)
{
    return b.got.n && memmem(b.got.p, b.got.n, text, strlen(text));
}

bool heard(const char *text)
{
    return told.bodies.n && memmem(told.bodies.p, told.bodies.n, text, strlen(text));
}
