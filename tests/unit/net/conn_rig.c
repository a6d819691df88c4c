#include "conn_rig.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void enter(struct end *e)
{
    assert_false(e->called);
    assert_int_equal(e->n_closed, 0);
    e->called = true;
}

static void on_open(void *owner, struct conn *c)
{
    struct end *e = owner;

    enter(e);
    e->n_open++;
    e->called = false;
}

static size_t on_data(void *owner, struct conn *c, char *p, size_t n)
{
    struct end *e = owner;
    size_t used = n;

    enter(e);
    assert_true(n > 0);
    e->n_data++;
    if (e->on_data)
        used = e->on_data(e, p, n);
    else
        buf_add(&e->in, p, n);
    e->called = false;
    return used;
}

static void on_secured(void *owner, struct conn *c)
{
    struct end *e = owner;

    enter(e);
    e->n_secured++;
    e->called = false;
}

static void on_drained(void *owner, struct conn *c)
{
    struct end *e = owner;

    enter(e);
    e->n_drained++;
    assert_int_equal(conn_tx_pending(c), 0);
    e->called = false;
}

static void on_closed(void *owner, struct conn *c, enum conn_end why, const char *text)
{
    struct end *e = owner;

    enter(e);
    e->n_closed++;
    e->why = why;
    snprintf(e->text, sizeof(e->text), "%s", text);
    e->c = NULL;
    e->called = false;
}

const struct conn_ops rig_conn_ops = { on_open, on_data, on_secured, on_drained, on_closed };

static void on_accepted(void *owner, struct listener *l, int fd, const struct addr *peer)
{
    struct rig *r = owner;
    struct conn_conf conf = { &rig_conn_ops, &r->b, r->tls, r->rx_max, r->tx_max, 0 };

    if (r->accept_raw || r->b.c) {
        r->raw = fd;
        return;
    }
    r->b.c = conn_accept(&r->loop, &conf, fd, peer, r->accept_wish);
    assert_non_null(r->b.c);
}

const struct listener_ops rig_listener_ops = { on_accepted };

static void on_stop(struct deferred *d)
{
    loop_stop(&container_of(d, struct rig, stop)->loop);
}

void turn(struct rig *r)
{
    loop_defer(&r->loop, &r->stop);
    loop_run(&r->loop);
}

void turns(struct rig *r, int n)
{
    while (n-- > 0)
        turn(r);
}

static void quiet(struct log *log, const char *line, size_t n)
{
}

int open_rig(void **state)
{
    struct rig *r = calloc(1, sizeof(*r));
    struct err err = { "" };

    log_init(&r->log);
    r->log.write = quiet;
    assert_int_equal(loop_init(&r->loop, &r->log, &err), 0);
    timers_advance(&r->loop.timers, loop_now(&r->loop) + 3600000); /* from now on time passes when a test says so */
    r->tls = tls_new(&err);
    r->bare_tls = tls_new(&err);
    assert_int_equal(tls_trust(r->tls, certs_path("root.pem"), &err), 0);
    assert_int_equal(tls_add_identity(r->tls, SLICE(""), certs_path("default.pem"), certs_path("default.key"), &err),
                     0);
    assert_int_equal(tls_add_identity(r->tls, SLICE("a.example"), certs_path("a.pem"), certs_path("a.key"), &err), 0);
    assert_true(addr_parse(SLICE("127.0.0.1:0"), 0, &r->at));
    r->listener = listener_open(&r->loop, &r->at, &rig_listener_ops, r, &err);
    assert_non_null(r->listener);
    r->at = *listener_local(r->listener);
    r->raw = -1;
    r->tx_max = r->rx_max = LIMIT;
    r->a.loop = r->b.loop = &r->loop;
    buf_init(&r->a.in, 64 << 20);
    buf_init(&r->b.in, 64 << 20);
    deferred_init(&r->stop, on_stop);
    *state = r;
    return 0;
}

int close_rig(void **state)
{
    struct rig *r = *state;

    if (r->a.c)
        conn_detach(r->a.c);
    if (r->b.c)
        conn_detach(r->b.c);
    listener_close(r->listener);
    if (r->raw >= 0)
        close(r->raw);
    turns(r, 3);
    loop_fini(&r->loop);
    tls_free(r->tls);
    tls_free(r->bare_tls);
    buf_free(&r->a.in);
    buf_free(&r->b.in);
    free(r);
    assert_int_equal(ERR_peek_error(), 0);
    return 0;
}

struct conn *dial(struct rig *r, struct tls *tls, const struct tls_wish *wish)
{
    struct conn_conf conf = { &rig_conn_ops, &r->a, tls, r->rx_max, r->tx_max, 5000 };

    r->a.c = conn_connect(&r->loop, &conf, &r->at, NULL, wish);
    assert_non_null(r->a.c);
    return r->a.c;
}

const struct tls_wish client_wish = { .role = TLS_CLIENT, .server_name = { "a.example", 9 }, .alpn = "xmpp-server" };
const struct tls_wish server_wish = { .role = TLS_SERVER, .alpn = "xmpp-server" };

void join(struct rig *r, bool tls)
{
    r->accept_wish = tls ? &server_wish : NULL;
    dial(r, r->tls, tls ? &client_wish : NULL);
    until(r, r->a.n_open == 1 && r->b.c && (!tls || r->b.n_open == 1));
}

int join_raw(struct rig *r)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(connect(fd, &r->at.sa, addr_len(&r->at)), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    until(r, r->b.c != NULL);
    return fd;
}

bool heard(const struct end *e, const char *s)
{
    return slice_is(buf_slice(&e->in), s);
}

void say(struct end *e, const char *s)
{
    assert_true(conn_write(e->c, s, strlen(s)));
}

void wants_end(struct rig *r, struct end *e, enum conn_end why, const char *text)
{
    until(r, e->n_closed == 1);
    if (e->why != why || strcmp(e->text, text) != 0)
        fail_msg("ended: %s, \"%s\"", conn_end_name(e->why), e->text);
}

int conn_rig_certs(void **state)
{
    struct cert root, def, a;

    certs_begin();
    root = cert_make(&(struct cert_spec){ .cn = "Test Root", .ca = true }, NULL);
    def = cert_make(&(struct cert_spec){ .cn = "default", .sans = "DNS:default.example" }, &root);
    a = cert_make(&(struct cert_spec){ .cn = "a",
                                       .sans = "DNS:a.example,"
                                               "otherName:1.3.6.1.5.5.7.8.7;IA5STRING:_xmpp-server.a.example,"
                                               "otherName:1.3.6.1.5.5.7.8.5;UTF8:a.example" },
                  &root);
    certs_write_chain("root.pem", &root, NULL);
    certs_write_chain("default.pem", &def, NULL);
    certs_write_key("default.key", &def, NULL);
    certs_write_chain("a.pem", &a, NULL);
    certs_write_key("a.key", &a, NULL);
    cert_free(&root);
    cert_free(&def);
    cert_free(&a);
    return 0;
}

int conn_rig_certs_drop(void **state)
{
    certs_end();
    return 0;
}
