#include "line_rig.h"

#include <stdio.h>

#include <openssl/evp.h>

struct end gateway, proxy;
struct listener *outer;
struct raw raw;

static struct link_session *on_hello(void *owner, struct link_line *line, const struct link_hello_frame *h,
                                     struct slice pin)
{
    struct end *e = owner;
    struct link_session *s = &e->session;
    bool again = s->begun && slice_eq(h->session, slice_of((const char *)s->id, LINK_RANDOM));

    assert_true(slice_is(pin, e->conf.role == LINK_GATEWAY ? proxy.pin : gateway.pin));
    e->line = line;
    if (e->refuses) {
        link_line_end(line, LINK_TOO_MANY, "the test wants none");
        return NULL;
    }
    if (!again) {
        e->n_new++;
        link_session_fini(s);
        link_session_init(s);
        s->begun = true;
        if (e->conf.role == LINK_PROXY)
            memset(s->id, (int)e->n_new, LINK_RANDOM);
        else
            memcpy(s->id, h->session.p, LINK_RANDOM);
    }
    return s;
}

static void on_up(void *owner, struct link_line *line)
{
    struct end *e = owner;

    e->n_up++;
    if (!e->slow)
        link_line_go(line);
}

static void on_frame(void *owner, struct link_line *line, const struct link_frame *f)
{
    struct end *e = owner;

    if (e->on_frame) {
        e->on_frame(f);
        return;
    }
    assert_true(e->n_heard < HEARD_MAX);
    e->heard[e->n_heard++] = f->type == LINK_HANDLED ? f->handled.receipt : f->type == LINK_FATE ? f->fate.id : f->type;
}

static void on_alive(void *owner, struct link_line *line)
{
    ((struct end *)owner)->n_alive++;
}

static void on_closed(void *owner, struct link_line *line, enum link_reason reason, const char *why)
{
    struct end *e = owner;

    e->line = NULL;
    e->n_closed++;
    e->reason = reason;
    snprintf(e->why, sizeof(e->why), "%s", why);
    assert_null(e->session.line);
}

static const struct link_line_ops ops = {
    .hello = on_hello, .up = on_up, .frame = on_frame, .alive = on_alive, .closed = on_closed
};

static void on_raw_open(void *owner, struct conn *c)
{
    raw.open = true;
}

static size_t on_raw_data(void *owner, struct conn *c, char *p, size_t n)
{
    buf_add(&raw.heard, p, n);
    return n;
}

static void on_raw_closed(void *owner, struct conn *c, enum conn_end why, const char *text)
{
    raw.conn = NULL;
    raw.open = false;
}

static const struct conn_ops raw_ops = { .open = on_raw_open, .data = on_raw_data, .closed = on_raw_closed };

static void raw_accept(int fd, const struct addr *peer)
{
    const struct tls_wish wish = { .role = TLS_SERVER, .identity = SLICE(LINK_CERTIFICATE) };
    const struct conn_conf conf = { .ops = &raw_ops, .tls = proxy.tls, .rx_max = 65536, .tx_max = 1 << 20 };

    assert_null(raw.conn);
    raw.conn = conn_accept(&rig_loop, &conf, fd, peer, &wish);
    assert_non_null(raw.conn);
}

void raw_say(struct slice bytes)
{
    rig_until(raw.open);
    assert_true(conn_write(raw.conn, bytes.p, bytes.n));
}

static void on_accepted(void *owner, struct listener *l, int fd, const struct addr *peer)
{
    if (raw.wanted) {
        raw_accept(fd, peer);
        return;
    }
    assert_null(proxy.line);
    proxy.line = link_line_accept(&proxy.conf, fd, peer);
    assert_non_null(proxy.line);
}

static const struct listener_ops listener_ops = { .accepted = on_accepted };

static void pin_of(const struct cert *c, char out[PIN_TEXT])
{
    unsigned char *der = NULL, hash[PIN_HASH];
    int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(c->x), &der);

    assert_true(n > 0 && EVP_Digest(der, (size_t)n, hash, NULL, EVP_sha256(), NULL) && pin_print(hash, out));
    OPENSSL_free(der);
}

/* Signed by nobody, and naming nobody: the key is all that counts. */
void line_rig_end_begin(struct end *e, enum link_role role, const char *name)
{
    struct err err = { "" };

    *e = (struct end){ .cert = cert_make(&(struct cert_spec){ .cn = name, .eku = "emailProtection" }, NULL),
                       .tls = tls_new(&err) };
    assert_non_null(e->tls);
    if (tls_add_identity(e->tls, SLICE(LINK_CERTIFICATE), certs_write_chain(name, &e->cert, NULL),
                         certs_write_key("key", &e->cert, NULL), &err))
        fail_msg("%s", err.text);
    pin_of(&e->cert, e->pin);
    link_session_init(&e->session);
    e->conf = (struct link_line_conf){ .loop = &rig_loop,
                                       .tls = e->tls,
                                       .role = role,
                                       .pins = e->pins,
                                       .n_pins = 1,
                                       .name = slice_str(name),
                                       .ops = &ops,
                                       .owner = e,
                                       .session = &e->session };
    memset(e->conf.process, name[0], LINK_RANDOM);
}

int line_rig_setup(void **state)
{
    struct err err = { "" };
    struct addr any;

    if (rig_setup(state))
        return -1;
    line_rig_end_begin(&gateway, LINK_GATEWAY, "gw.contoso.example");
    line_rig_end_begin(&proxy, LINK_PROXY, "edge.contoso.example");
    gateway.pins[0] = slice_str(proxy.pin);
    proxy.pins[0] = slice_str(gateway.pin);
    addr_parse(SLICE("127.0.0.1:0"), 0, &any);
    raw = (struct raw){ 0 };
    buf_init(&raw.heard, 1 << 20);
    outer = listener_open(&rig_loop, &any, &listener_ops, NULL, &err);
    return outer ? 0 : -1;
}

void line_rig_end_end(struct end *e)
{
    link_line_free(e->line);
    link_session_fini(&e->session);
    cert_free(&e->cert);
    tls_free(e->tls);
}

int line_rig_teardown(void **state)
{
    link_line_free(gateway.line);
    link_line_free(proxy.line);
    gateway.line = proxy.line = NULL;
    if (raw.conn)
        conn_detach(raw.conn);
    buf_free(&raw.heard);
    if (outer)
        listener_close(outer);
    rig_turns(3); /* connections use tls until they are gone */
    line_rig_end_end(&gateway);
    line_rig_end_end(&proxy);
    return rig_teardown(state);
}

void end_begin_process(struct end *e, char name)
{
    memset(e->conf.process, name, LINK_RANDOM);
    link_session_fini(&e->session);
    link_session_init(&e->session);
}

void link_up_to(const struct addr *to)
{
    unsigned up = gateway.n_up;

    gateway.line = link_line_connect(&gateway.conf, to);
    assert_non_null(gateway.line);
    rig_until(gateway.n_up > up);
}

void link_up(void)
{
    link_up_to(listener_local(outer));
    rig_until(proxy.session.line && gateway.session.line);
}

void cut(void)
{
    link_line_free(gateway.line);
    link_line_free(proxy.line);
    gateway.line = proxy.line = NULL;
}

unsigned n_logged(const char *text)
{
    const char *at = rig_log.p;
    unsigned n = 0;

    while (rig_log.n && (at = memmem(at, (size_t)(rig_log.p + rig_log.n - at), text, strlen(text))) != NULL) {
        n++;
        at++;
    }
    return n;
}
