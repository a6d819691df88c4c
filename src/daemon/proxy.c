#include "daemon/proxy.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "daemon/descriptors.h"
#include "daemon/link_key.h"
#include "daemon/notify.h"
#include "daemon/sandbox.h"
#include "link/proxy.h"
#include "net/dns.h"
#include "pki/wipe.h"
#include "store/config_text.h"
#include "xmpp/xmpp.h"

#define BOOT_MAX (1u << 20)
#define STREAMS_MAX 1000 /* a gateway's connection-limit unless it says otherwise, which is not known yet */
#define CLOSE_MS 8000    /* what an end takes */

struct proxyd {
    struct log log;
    struct arena arena; /* of boot */
    struct boot boot;
    struct loop loop;
    bool loop_up;
    struct tls *tls;
    struct dns *dns;
    struct xmpp_local xmpp;
    struct link_proxy *links;
    char pin[PIN_TEXT];
    struct notify notify;
    uv_signal_t term, intr, hup;
    bool stopping;
};

/* ---- what it goes by ---- */

static int refuse_setting(const char *name, struct err *err)
{
    return err_set(err, "%s is no setting of a proxy: remove it from its bootstrap file", name);
}

int proxy_judge(const struct boot *b, struct err *err)
{
    const struct {
        const char *name;
        bool set;
    } inside[] = { { "store", b->store != NULL },           { "admin-socket", b->admin_socket != NULL },
                   { "listen-admin", b->admin.n > 0 },      { "listen-sip-udp", b->sip_udp.n > 0 },
                   { "listen-sip-tcp", b->sip_tcp.n > 0 },  { "listen-sip-tls", b->sip_tls.n > 0 },
                   { "crl-file", b->crl_file != NULL },     { "listen-acme-http", b->acme_http.n > 0 },
                   { "listen-acme-tls", b->acme_tls.n > 0 } };
    const struct slice *pins = b->link_pins.v;
    unsigned char hash[PIN_HASH];

    for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++)
        if (inside[i].set)
            return refuse_setting(inside[i].name, err);
    if (!b->link.n)
        return err_set(err, "listen-link: a proxy needs an inner address, at which its gateways reach it");
    if (!b->link_pins.n)
        return err_set(err,
                       "link-pins: a proxy needs the pin of each gateway's key, which the gateway logs when it starts");
    for (size_t i = 0; i < b->link_pins.n; i++)
        if (!pin_parse(pins[i], hash))
            return err_set(err, "link-pins: \"%.*s\" is not sha256/ and the base64 of 32 bytes",
                           SLICE_FMT(slice_first(pins[i], 100)));
    return 0;
}

/* ---- signals ---- */

static void put_status(void *owner, char *out, size_t max)
{
    const struct proxyd *p = owner;

    snprintf(out, max, "%s: proxy", p->stopping ? "stopping" : "serving");
}

static void on_stopped(void *arg)
{
    loop_stop(&((struct proxyd *)arg)->loop);
}

static void on_end(uv_signal_t *handle, int number)
{
    struct proxyd *p = handle->data;

    if (p->stopping) {
        loop_stop(&p->loop);
        return;
    }
    p->stopping = true;
    log_info(&p->log, "stopping", LOG_Z("why", number == SIGTERM ? "SIGTERM" : "SIGINT"));
    notify_stopping(CLOSE_MS);
    link_proxy_stop(p->links, on_stopped, p);
}

static void on_hangup(uv_signal_t *handle, int number)
{
    struct proxyd *p = handle->data;

    log_warning(
        &p->log, "nothing-read-again", LOG_Z("why", "a proxy has no file system after its start"),
        LOG_Z("hint", "restart it to have it read trust-file again: partners' streams come again by themselves"));
}

static int watch_signals(struct proxyd *p, struct err *err)
{
    struct uv_loop_s *uv = &p->loop.uv;

    p->term.data = p->intr.data = p->hup.data = p;
    if (uv_signal_init(uv, &p->term) || uv_signal_init(uv, &p->intr) || uv_signal_init(uv, &p->hup) ||
        uv_signal_start(&p->term, on_end, SIGTERM) || uv_signal_start(&p->intr, on_end, SIGINT) ||
        uv_signal_start(&p->hup, on_hangup, SIGHUP))
        return err_set(err, "cannot watch signals");
    return 0;
}

static void close_handle(uv_signal_t *handle)
{
    if (handle->data && !uv_is_closing((uv_handle_t *)handle))
        uv_close((uv_handle_t *)handle, NULL);
}

/* ---- start and end ---- */

/*
 * The system's authorities as one file: they are read now, because there is no file system later. OpenSSL's own way would look into their
 * directory when a certificate comes.
 */
static const char *trust_file(const struct boot *b)
{
    static const char *const bundles[] = { "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                                           "/etc/ssl/cert.pem", NULL };
    size_t i = 0;

    if (b->trust_file)
        return b->trust_file;
    while (bundles[i] && access(bundles[i], R_OK))
        i++;
    return bundles[i];
}

static int open_trust(struct proxyd *p, struct err *err)
{
    const char *file = trust_file(&p->boot);

    if (!file)
        return err_set(err, "trust-file: this system has no file of all authorities: name one in the bootstrap file");
    return tls_trust(p->tls, file, err) ? err_wrap(err, "trust-file") : 0;
}

static int open_net(struct proxyd *p, struct err *err)
{
    const struct dns_conf dns = { .servers = p->boot.dns_servers.v,
                                  .n_servers = p->boot.dns_servers.n,
                                  .trust_anchor_file = p->boot.dns_trust_anchor };

    if (!pki_wipe_works())
        return err_set(err,
                       "a library of this build uses OpenSSL before stoxd does: keys would not be wiped from memory");
    if (loop_init(&p->loop, &p->log, err))
        return -1;
    p->loop_up = true;
    notify_init(&p->notify, &p->loop, put_status, p);
    p->tls = tls_new(err);
    if (!p->tls)
        return -1;
    if (open_trust(p, err) || link_key_use(p->tls, &p->boot, p->pin, err))
        return -1;
    p->dns = dns_new(&p->loop, &dns, err);
    return p->dns ? 0 : -1;
}

static int open_links(struct proxyd *p, struct err *err)
{
    const struct link_proxy_conf conf = { .loop = &p->loop,
                                          .tls = p->tls,
                                          .federation = &p->xmpp.maker,
                                          .name = p->boot.host_name,
                                          .listen = p->boot.link.v,
                                          .n_listen = p->boot.link.n,
                                          .pins = p->boot.link_pins.v,
                                          .n_pins = p->boot.link_pins.n };

    p->xmpp = (struct xmpp_local){ .maker.make = xmpp_local_make,
                                   .tls = p->tls,
                                   .dns = p->dns,
                                   .listen = p->boot.xmpp.v,
                                   .n_listen = p->boot.xmpp.n,
                                   .direct = p->boot.xmpps.v,
                                   .n_direct = p->boot.xmpps.n };
    p->links = link_proxy_new(&conf, err);
    return p->links ? link_proxy_start(p->links, err) : -1;
}

static int start(struct proxyd *p, const char *file, struct err *err)
{
    if (boot_read(file, &p->boot, &p->arena, err) || proxy_judge(&p->boot, err))
        return -1;
    p->log.level = p->boot.log_level;
    return open_net(p, err) || open_links(p, err) || watch_signals(p, err) || sandbox_enter(err) ? -1 : 0;
}

static void finish(struct proxyd *p)
{
    link_proxy_free(p->links);
    dns_free(p->dns);
    if (p->loop_up) {
        notify_fini(&p->notify);
        close_handle(&p->term);
        close_handle(&p->intr);
        close_handle(&p->hup);
        loop_fini(&p->loop);
    }
    tls_free(p->tls);
    arena_reset(&p->arena);
}

int proxy_run(const struct stoxd_start *how, struct err *err)
{
    struct proxyd *p = calloc(1, sizeof(*p));
    uint64_t descriptors;
    int rc;

    if (!p)
        return err_set(err, "out of memory while starting");
    log_init(&p->log);
    arena_init(&p->arena, BOOT_MAX);
    descriptors = descriptors_raise();
    rc = start(p, how->config_file, err);
    if (rc == 0) {
        descriptors_check(&p->log, descriptors, STREAMS_MAX);
        log_info(&p->log, "ready", LOG_Z("version", STOX_VERSION), LOG_Z("role", "proxy"), LOG_Z("pin", p->pin),
                 LOG_U("descriptors", descriptors));
        notify_ready(&p->notify);
        loop_run(&p->loop);
        log_info(&p->log, "stopped", LOG_Z("state", "all work ended"));
    }
    finish(p);
    free(p);
    return rc;
}
