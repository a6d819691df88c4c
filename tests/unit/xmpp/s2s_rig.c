#include "s2s_rig.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../net/test_certs.h"
#include "base/clock.h"

struct loop rig_loop;
struct buf rig_log;
static struct list fakes = { &fakes, &fakes };
static struct log log_of_rig;
static struct cert root, ours, theirs, mallory, self_signed, two_names;

static void write_log(struct log *log, const char *line, size_t n)
{
    if (getenv("RIG_LOG"))
        fwrite(line, 1, n, stderr);
    buf_add(&rig_log, line, n);
}

#define WAIT_MS 20000
#define UNHEARD_MS 100 /* of real time: then the other end does not read */

static bool certs_made;

static void make_certs(void)
{
    if (certs_made)
        return;
    certs_made = true;
    certs_begin();
    root = cert_make(&(struct cert_spec){ .cn = "Root", .ca = true }, NULL);
    ours = cert_make(&(struct cert_spec){ .cn = "o", .sans = "DNS:" OURS ",DNS:second.example" }, &root);
    theirs = cert_make(&(struct cert_spec){ .cn = "t", .sans = "DNS:" THEIRS }, &root);
    mallory = cert_make(&(struct cert_spec){ .cn = THEIRS, .sans = "DNS:mallory.example" }, &root);
    self_signed = cert_make(&(struct cert_spec){ .cn = THEIRS, .sans = "DNS:" THEIRS }, NULL);
    two_names = cert_make(&(struct cert_spec){ .cn = "2", .sans = "DNS:" THEIRS ",DNS:tailspin.example" }, &root);
    certs_write_chain("root.pem", &root, NULL);
}

static void free_certs(void)
{
    struct cert *all[] = { &root, &ours, &theirs, &mallory, &self_signed, &two_names };

    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        cert_free(all[i]);
    certs_end();
    certs_made = false;
}

int rig_setup(void **state)
{
    struct err err;

    make_certs();
    buf_init(&rig_log, 1 << 20);
    buf_reserve(&rig_log, rig_log.max); /* at once, here and below: memory may be made to run out later on */
    log_of_rig = (struct log){ .level = LOG_LEVEL_DEBUG, .write = write_log };
    if (loop_init(&rig_loop, &log_of_rig, &err))
        return -1;
    /* From now on time passes when a test says so. */
    timers_advance(&rig_loop.timers, loop_now(&rig_loop) + 24 * 3600000);
    return 0;
}

int rig_teardown(void **state)
{
    loop_fini(&rig_loop);
    buf_free(&rig_log);
    free_certs();
    return 0;
}

/* ---- the loop ---- */

static void stop_after_turn(struct deferred *d)
{
    loop_stop(&rig_loop);
}

/* False: there was nothing to be done, and nothing came for so long. */
static bool turn(int ms)
{
    struct deferred d;
    struct pollfd ready = { .fd = uv_backend_fd(&rig_loop.uv), .events = POLLIN };
    bool any = !list_empty(&rig_loop.deferred) || poll(&ready, 1, ms) > 0;

    deferred_init(&d, stop_after_turn);
    loop_defer(&rig_loop, &d);
    loop_run(&rig_loop);
    return any;
}

void rig_turn(void)
{
    (void)turn(2);
}

/* Has all that they have said come to the other end? Who is given up is not waited for before he says more. */
static bool fakes_were_heard(bool give_up)
{
    bool any = false;

    list_each (it, &fakes) {
        struct fake *f = container_of(it, struct fake, link);

        f->unheard = f->unheard && !give_up && f->conn && !conn_is_acked(f->conn);
        any |= f->unheard;
    }
    return !any;
}

void rig_turns(int n)
{
    uint64_t until = clock_mono_ms() + UNHEARD_MS;

    while (n-- > 0)
        rig_turn();
    if (fakes_were_heard(false))
        return;
    while (!fakes_were_heard(rig_late(until)))
        rig_turn();
    rig_turn();
}

void rig_quiet(int n)
{
    int idle = 0;

    for (; n > 0 && idle < 3; n--)
        idle = turn(idle == 2 ? 1 : 0) ? 0 : idle + 1; /* what one side writes the other one has, nearly always */
}

uint64_t rig_deadline(void)
{
    return clock_mono_ms() + WAIT_MS;
}

bool rig_late(uint64_t until)
{
    return clock_mono_ms() > until;
}

void rig_wait(uint64_t until)
{
    rig_turn();
    if (clock_mono_ms() + WAIT_MS > until + 1000)
        timers_advance(&rig_loop.timers, rig_loop.timers.now_ms + 20);
}

void rig_advance(uint64_t ms)
{
    timers_advance(&rig_loop.timers, rig_loop.timers.now_ms + ms);
    rig_turns(3);
}

void rig_pass(uint64_t ms)
{
    timers_advance(&rig_loop.timers, rig_loop.timers.now_ms + ms);
    rig_quiet(20);
}

static bool holds(const struct buf *b, size_t from, const char *text)
{
    return b->n > from && memmem(b->p + from, b->n - from, text, strlen(text));
}

bool rig_logged(const char *text)
{
    return holds(&rig_log, 0, text);
}

/* ---- nodes ---- */

static const struct cert *const certs[] = {
    [CERT_OURS] = &ours,           [CERT_THEIRS] = &theirs,
    [CERT_MALLORY] = &mallory,     [CERT_SELF_SIGNED] = &self_signed,
    [CERT_TWO_NAMES] = &two_names,
};

void rig_revoke(struct tls *tls, int cert, bool forged)
{
    struct cert somebody = cert_make(&(struct cert_spec){ .cn = "Root", .ca = true }, NULL);
    struct err err = { "" };
    struct tls_crls *crls;

    crls = tls_crls_load(certs_write_crl("crl.pem", forged ? &somebody : &root, &certs[cert], 1, 3), &err);
    if (!crls)
        fail_msg("%s", err.text);
    tls_use_crls(tls, crls);
    cert_free(&somebody);
}

struct tls *rig_tls(int cert)
{
    struct err err = { "" };
    struct tls *tls = tls_new(&err);

    assert_non_null(tls);
    assert_int_equal(tls_trust(tls, certs_path("root.pem"), &err), 0);
    if (cert != CERT_NONE && tls_add_identity(tls, SLICE(""), certs_write_chain("c.pem", certs[cert], NULL),
                                              certs_write_key("k.pem", certs[cert], NULL), &err) != 0)
        fail_msg("%s", err.text);
    return tls;
}

static const struct xmpp_partner *partner(void *owner, struct slice domain)
{
    struct node *n = owner;

    if (n->second_domain && slice_is(domain, n->second_domain))
        return &n->second;
    if (slice_is(slice_str(n->partner_domain), "*") ? !slice_is(domain, "stranger.example")
                                                    : slice_is(domain, n->partner_domain))
        return &n->partner;
    return NULL;
}

static bool serves(void *owner, struct slice domain)
{
    struct node *n = owner;

    return slice_is(domain, n->domain) || (n->also && slice_is(domain, n->also));
}

static void stanza(void *owner, const struct xmpp_stanza *s)
{
    struct node *n = owner;
    const struct xml *body = xml_child(s->el, NS_SERVER, "body");

    jid_put(&n->got, s->from);
    buf_char(&n->got, '>');
    jid_put(&n->got, s->to);
    buf_char(&n->got, ':');
    buf_put(&n->got, s->el->name);
    buf_char(&n->got, ':');
    if (body)
        buf_put(&n->got, xml_text(s->arena, body));
    buf_add(&n->got, "\n", 2); /* with its NUL, which is not counted */
    n->got.n--;
    n->n_got++;
    /* What a server does with a ping: the way back to the asker. */
    if (slice_is(s->el->name, "iq") && slice_is(xml_attr(s->el, "type"), "get")) {
        struct buf b;
        enum xmpp_fate fate;

        buf_init(&b, 4096);
        buf_printf(&b, "<iq type='result' from='%.*s' to='%.*s' id='%.*s'/>", SLICE_FMT(s->to->domain),
                   SLICE_FMT(s->from->domain), SLICE_FMT(xml_attr(s->el, "id")));
        if (buf_ok(&b))
            xmpp_send(n->x, s->to->domain, s->from->domain, buf_slice(&b), 0, &fate);
        buf_free(&b);
    }
    if (n->hold && n->n_receipts < 64)
        n->receipts[n->n_receipts++] = s->receipt;
    else if (!n->hold)
        xmpp_handled(n->x, s->receipt);
}

static void settled(void *owner, uint64_t token, enum xmpp_fate fate, const char *why)
{
    struct node *n = owner;
    struct fate *f;

    for (unsigned i = 0; i < n->n_fates; i++)
        assert_true(n->fates[i].token != token); /* one fate each */
    assert_true(n->n_fates < 128);
    f = &n->fates[n->n_fates++];
    f->token = token;
    f->fate = fate;
    snprintf(f->why, sizeof(f->why), "%s", why);
    if (n->insists && token < 1000)
        node_send(n, token + 1000, "again");
}

static void each_partner(void *owner, xmpp_partner_fn *fn, void *arg)
{
    struct node *n = owner;

    fn(arg, &n->partner, NULL, 0);
}

static void each_served(void *owner, void (*fn)(void *arg, struct slice domain), void *arg)
{
    struct node *n = owner;

    fn(arg, slice_str(n->domain));
    if (n->also)
        fn(arg, slice_str(n->also));
}

static const struct xmpp_ops node_ops = {
    .partner = partner,
    .serves = serves,
    .stanza = stanza,
    .settled = settled,
    .each_partner = each_partner,
    .each_served = each_served,
};

void node_conf(struct xmpp_conf *conf, struct node *n)
{
    *conf = (struct xmpp_conf){
        .ops = &node_ops,
        .owner = n,
        .tls = n->tls,
        .dialback_secret = slice_str(n->domain[0] == 'c' ? "0123456789abcdef-contoso" : "0123456789abcdef-fabrikam"),
        .limits.connection_limit = 1000,
        .limits.partner_connection_limit = 20,
        .per_ip_unauthenticated = 64,
        .limits.establish_s = 60,
        .unauthenticated_s = 30,
        .limits.inactivity_s = 600,
        .limits.keepalive_s = 300,
        .connect_s = 10,
        .stanza_max = 262144,
        .queue_max_stanzas = 2048,
        .queue_max_bytes = 1048576,
        .port = 5269,
    };
}

static void node_init(struct node *n, const char *domain, const char *partner_domain, int cert)
{
    *n = (struct node){ .domain = domain, .partner_domain = partner_domain };
    n->tls = rig_tls(cert);
    buf_init(&n->got, 1 << 20);
    buf_reserve(&n->got, n->got.max);
    n->partner = (struct xmpp_partner){
        .name = slice_str(partner_domain),
        .tls = XMPP_REQUIRED,
        .sasl = XMPP_REQUIRED,
        .keep_alive = true,
    };
}

void node_start_with(struct node *n, const struct xmpp_conf *conf)
{
    struct addr any;
    struct err err = { "" };

    assert_true(addr_parse(SLICE("127.0.0.1:0"), 0, &any));
    if (n->x)
        xmpp_free(n->x);
    n->x = xmpp_new(&rig_loop, conf, &err);
    if (!n->x || xmpp_listen(n->x, &any, &err) != 0)
        fail_msg("%s", err.text);
}

void node_start(struct node *n, const char *domain, const char *partner_domain, int cert)
{
    struct xmpp_conf conf;

    node_init(n, domain, partner_domain, cert);
    node_conf(&conf, n);
    node_start_with(n, &conf);
}

static void on_stopped(void *arg)
{
    struct node *n = arg;

    n->stopped = true;
}

void node_stop(struct node *n)
{
    if (!n->stopped) {
        xmpp_stop(n->x, on_stopped, n);
        rig_turns(5);
        if (!n->stopped)
            rig_advance(5000);
    }
    assert_true(n->stopped);
    assert_int_equal(xmpp_counters(n->x)->streams, 0);
    assert_int_equal(xmpp_counters(n->x)->streams_authenticated, 0);
    assert_int_equal(xmpp_counters(n->x)->queued, 0);
    assert_int_equal(n->x->n_unauthenticated, 0);
    xmpp_free(n->x);
    tls_free(n->tls);
    buf_free(&n->got);
}

const struct addr *node_addr(const struct node *n)
{
    return listener_local(container_of(n->x->listeners.next, struct xmpp_listener, link)->listener);
}

void node_points_to(struct node *n, const struct addr *to)
{
    addr_text(to, n->proxy);
    n->partner.proxy = slice_str(n->proxy);
}

void node_attaches_to(struct node *n, const struct addr *to, const char *secret)
{
    n->component = *to;
    n->partner.component = &n->component;
    n->partner.component_secret = slice_str(secret);
}

void node_set(struct node *n, enum xmpp_need tls, enum xmpp_need sasl, bool dialback)
{
    n->partner.tls = tls;
    n->partner.sasl = sasl;
    n->partner.dialback = dialback;
}

bool node_send(struct node *n, uint64_t token, const char *body)
{
    enum xmpp_fate fate = XMPP_FATE_FULL; /* if it could not even be put together */
    struct buf b;
    bool ok;

    buf_init(&b, 1 << 20);
    buf_printf(&b, "<message from='romeo@%s' to='juliet@%s' id='t%llu'><body>%s</body></message>", n->domain,
               n->partner_domain, (unsigned long long)token, body);
    ok = buf_ok(&b) && xmpp_send(n->x, slice_str(n->domain), slice_str(n->partner_domain), buf_slice(&b), token, &fate);
    buf_free(&b);
    if (!ok && token) {
        settled(n, token, fate, "refused at once");
    }
    return ok;
}

bool node_has_fate(const struct node *n, uint64_t token)
{
    for (unsigned i = 0; i < n->n_fates; i++)
        if (n->fates[i].token == token)
            return true;
    return false;
}

enum xmpp_fate node_fate(struct node *n, uint64_t token)
{
    rig_until(node_has_fate(n, token));
    for (unsigned i = 0; i < n->n_fates; i++)
        if (n->fates[i].token == token)
            return n->fates[i].fate;
    fail();
    return XMPP_FATE_LOST;
}

/* ---- fakes ---- */

static size_t fake_data(void *owner, struct conn *c, char *p, size_t n)
{
    struct fake *f = owner;

    buf_add(&f->rx, p, n);
    return n;
}

static void fake_secured(void *owner, struct conn *c)
{
    struct fake *f = owner;

    f->secured = true;
}

static void fake_closed(void *owner, struct conn *c, enum conn_end why, const char *text)
{
    struct fake *f = owner;

    f->conn = NULL;
    f->closed = true;
    f->why = why;
}

static void fake_open(void *owner, struct conn *c)
{
    struct fake *f = owner;

    f->secured = conn_is_secure(c);
}

static const struct conn_ops fake_ops = {
    .open = fake_open, .data = fake_data, .secured = fake_secured, .closed = fake_closed
};

static void fake_init(struct fake *f, int cert)
{
    *f = (struct fake){ .tls = rig_tls(cert) };
    buf_init(&f->rx, 4 << 20);
    list_push(&fakes, &f->link);
}

static struct conn_conf fake_conn_conf(struct fake *f)
{
    return (struct conn_conf){
        .ops = &fake_ops, .owner = f, .tls = f->tls, .rx_max = 65536, .tx_max = 64 << 20, .connect_ms = 5000
    };
}

void fake_connect(struct fake *f, const struct addr *to, int cert)
{
    struct conn_conf conf;

    fake_init(f, cert);
    conf = fake_conn_conf(f);
    f->conn = conn_connect(&rig_loop, &conf, to, NULL, NULL);
    assert_non_null(f->conn);
}

static void fake_accepted(void *owner, struct listener *l, int fd, const struct addr *peer)
{
    struct fake *f = owner;
    struct conn_conf conf = fake_conn_conf(f);
    const struct tls_wish direct = { .role = TLS_SERVER };

    f->n_accepted++;
    if (f->conn)
        conn_detach(f->conn);
    f->closed = f->secured = false;
    fake_forget(f);
    f->conn = conn_accept(&rig_loop, &conf, fd, peer, f->direct ? &direct : NULL);
}

static const struct listener_ops fake_listener_ops = { .accepted = fake_accepted };

void fake_listen(struct fake *f, int cert)
{
    struct addr any;
    struct err err = { "" };

    fake_init(f, cert);
    assert_true(addr_parse(SLICE("127.0.0.1:0"), 0, &any));
    f->listener = listener_open(&rig_loop, &any, &fake_listener_ops, f, &err);
    assert_non_null(f->listener);
}

void fake_say(struct fake *f, const char *text)
{
    assert_non_null(f->conn);
    conn_write(f->conn, text, strlen(text));
    f->unheard = true;
}

const char *fake_expect(struct fake *f, const char *text)
{
    static char before[65536];
    uint64_t until = rig_deadline();
    const char *at;
    size_t n;

    while (!holds(&f->rx, f->seen, text)) {
        if (rig_late(until) || (f->closed && !f->conn))
            fail_msg("awaited %s, got %.*s\n%.*s", text, (int)(f->rx.n - f->seen), f->rx.p ? f->rx.p + f->seen : "",
                     (int)rig_log.n, rig_log.p ? rig_log.p : "");
        rig_wait(until);
    }
    at = memmem(f->rx.p + f->seen, f->rx.n - f->seen, text, strlen(text));
    n = (size_t)(at - (f->rx.p + f->seen));
    if (n >= sizeof(before))
        n = sizeof(before) - 1;
    memcpy(before, f->rx.p + f->seen, n);
    before[n] = 0;
    f->seen = (size_t)(at - f->rx.p) + strlen(text);
    return before;
}

void fake_lacks(struct fake *f, const char *text)
{
    rig_turns(5);
    if (holds(&f->rx, 0, text))
        fail_msg("there is %s in %.*s", text, (int)f->rx.n, f->rx.p);
}

void fake_expect_closed(struct fake *f)
{
    rig_until(f->closed);
}

static void fake_start_tls(struct fake *f, enum tls_role role)
{
    const struct tls_wish wish = { .role = role, .server_name = role == TLS_CLIENT ? SLICE(OURS) : SLICE("") };

    f->secured = false;
    fake_forget(f);
    assert_true(conn_start_tls(f->conn, &wish));
    rig_until(f->secured || f->closed);
    assert_true(f->secured);
}

void fake_tls_client(struct fake *f)
{
    fake_start_tls(f, TLS_CLIENT);
}

void fake_tls_server(struct fake *f)
{
    fake_start_tls(f, TLS_SERVER);
}

void fake_forget(struct fake *f)
{
    buf_clear(&f->rx);
    f->seen = 0;
}

void fake_close(struct fake *f)
{
    if (f->conn)
        conn_detach(f->conn);
    f->conn = NULL;
    if (f->listener)
        listener_close(f->listener);
    rig_turns(3);
    tls_free(f->tls);
    buf_free(&f->rx);
    if (f->link.next)
        list_unlink(&f->link);
    *f = (struct fake){ 0 };
}

const char *fake_stream_id(struct fake *f)
{
    static char id[256];
    struct slice all = buf_slice(&f->rx);
    const char *at = NULL, *p;
    size_t n;

    for (p = all.p; (p = memmem(p, (size_t)(all.p + all.n - p), " id='", 5)); p += 5)
        at = p + 5;
    assert_non_null(at);
    n = slice_find(slice_of(at, (size_t)(all.p + all.n - at)), '\'');
    assert_true(n < sizeof(id));
    memcpy(id, at, n);
    id[n] = 0;
    return id;
}

void fake_to_tls(struct fake *f, const struct node *n, int cert)
{
    fake_connect(f, node_addr(n), cert);
    fake_say(f, HEADER STARTTLS);
    fake_expect(f, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    fake_tls_client(f);
}

void fake_to_ready(struct fake *f, const struct node *n, int cert)
{
    fake_to_tls(f, n, cert);
    fake_say(f, HEADER);
    fake_expect(f, "<mechanism>EXTERNAL</mechanism>");
    fake_say(f, AUTH("="));
    fake_expect(f, "<success");
    fake_forget(f);
    fake_say(f, HEADER);
    fake_expect(f, "</stream:features>");
}

#define SERVER_HEADER                                                                                                  \
    "<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' "       \
    "xmlns:db='jabber:server:dialback' from='" THEIRS "' to='" OURS "' id='i' version='1.0'>"

void fake_serve_proven(struct fake *f, bool sm)
{
    fake_expect(f, "version='1.0'");
    fake_say(f, SERVER_HEADER "<stream:features>" STARTTLS "</stream:features>");
    fake_expect(f, "<starttls");
    fake_say(f, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    fake_tls_server(f);
    fake_expect(f, "version='1.0'");
    fake_say(f, SERVER_HEADER "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
                              "<mechanism>EXTERNAL</mechanism></mechanisms></stream:features>");
    fake_expect(f, "</auth>");
    fake_say(f, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    fake_expect(f, "version='1.0'");
    fake_say(f, sm ? SERVER_HEADER "<stream:features><sm xmlns='urn:xmpp:sm:3'/></stream:features>"
                   : SERVER_HEADER "<stream:features/>");
}

void fake_serve(struct fake *f, bool sm)
{
    fake_serve_proven(f, sm);
    if (!sm)
        return;
    fake_expect(f, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    fake_say(f, "<enabled xmlns='urn:xmpp:sm:3'/>");
}
