#include "proxy_rig.h"

#include <stdio.h>

#include "xmpp/xmpp.h"

struct link_proxy *p;
struct node b;

static struct xmpp_local local;
static struct federation *streams; /* that it has made, kept to be looked at */

static struct federation *make(const struct federation_maker *maker, struct loop *loop,
                               const struct federation_conf *conf, struct err *err)
{
    streams = xmpp_local_make(&local.maker, loop, conf, err);
    return streams;
}

void proxy_rig_begin(const struct slice *pins, size_t n_pins)
{
    static const struct federation_maker maker = { make };
    static struct addr any;
    struct err err = { "" };
    struct link_proxy_conf conf = { .loop = &rig_loop,
                                    .tls = proxy.tls,
                                    .federation = &maker,
                                    .name = SLICE("edge.contoso.example"),
                                    .listen = &any,
                                    .n_listen = 1,
                                    .pins = pins,
                                    .n_pins = n_pins };

    addr_parse(SLICE("127.0.0.1:0"), 0, &any);
    assert_int_equal(tls_trust(proxy.tls, certs_path("root.pem"), &err), 0);
    local = (struct xmpp_local){ .maker.make = xmpp_local_make, .tls = proxy.tls, .listen = &any, .n_listen = 1 };
    p = link_proxy_new(&conf, &err);
    if (!p || link_proxy_start(p, &err))
        fail_msg("%s", err.text);
    node_start(&b, THEIRS, OURS, CERT_THEIRS);
    node_points_to(&b, listener_local(container_of(container_of(streams, struct xmpp, federation)->listeners.next,
                                                   struct xmpp_listener, link)
                                          ->listener));
}

static void on_stopped(void *arg)
{
    *(bool *)arg = true;
}

void proxy_rig_end(void)
{
    bool stopped = false;

    link_proxy_stop(p, on_stopped, &stopped);
    rig_until(stopped);
    link_proxy_free(p);
    node_stop(&b);
}

void end_say(struct end *e, const struct link_frame *f)
{
    if (link_frame_is_numbered(f->type))
        assert_true(link_session_send(&e->session, f));
    else
        assert_true(link_line_write(e->line, f));
}

static struct slice read_file(const char *name, char *out, size_t size)
{
    FILE *f = fopen(certs_path(name), "r");
    size_t n;

    assert_non_null(f);
    n = fread(out, 1, size, f);
    fclose(f);
    return slice_of(out, n);
}

void end_say_identity(struct end *e)
{
    static char chain[8192], key[8192];
    struct link_frame f = { .type = LINK_IDENTITY, .identity.revision = 1 };
    struct tls *tls = rig_tls(CERT_OURS);

    f.identity.chain = read_file("c.pem", chain, sizeof(chain));
    f.identity.key = read_file("k.pem", key, sizeof(key));
    tls_free(tls);
    end_say(e, &f);
}
