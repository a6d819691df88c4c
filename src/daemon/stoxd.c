#include "daemon/stoxd.h"

#include <signal.h>
#include <stdlib.h>
#ifdef STOX_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "bridge/bridge.h"
#include "daemon/state.h"

struct stoxd {
    struct log log;
    struct config *config;
    struct loop loop;
    bool loop_up;
    struct tls *tls;
    struct dns *dns;
    struct bridge *bridge;
    uv_signal_t term, intr;
    bool stopping;
    uint8_t secret[32];
};

static void notify(const char *state)
{
#ifdef STOX_SYSTEMD
    sd_notify(0, state);
#endif
}

static int load_certificates(struct stoxd *d, struct err *err)
{
    if (tls_trust(d->tls, d->config->boot.trust_file, err))
        return err_wrap(err, "trust-file");
    for (size_t i = 0; i < d->config->n_sip_domains; i++) {
        const struct sip_domain *domain = &d->config->sip_domains[i];

        if (domain->certificate && tls_add_identity(d->tls, domain->name, domain->certificate, domain->key, err))
            return err_wrap(err, "sip-domain \"%.*s\"", SLICE_FMT(domain->name));
    }
    return 0;
}

static void on_stopped(void *arg)
{
    struct stoxd *d = arg;

    loop_stop(&d->loop);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct stoxd *d = handle->data;

    if (d->stopping)
        return;
    d->stopping = true;
    log_info(&d->log, "stopping", LOG_Z("signal", number == SIGTERM ? "SIGTERM" : "SIGINT"));
    notify("STOPPING=1");
    bridge_stop(d->bridge, on_stopped, d);
}

static int watch_signals(struct stoxd *d, struct err *err)
{
    d->term.data = d->intr.data = d;
    if (uv_signal_init(&d->loop.uv, &d->term) || uv_signal_init(&d->loop.uv, &d->intr) ||
        uv_signal_start(&d->term, on_signal, SIGTERM) || uv_signal_start(&d->intr, on_signal, SIGINT))
        return err_set(err, "cannot watch signals");
    return 0;
}

static int start(struct stoxd *d, struct err *err)
{
    struct dns_conf dns = { .servers = d->config->boot.dns_servers.v,
                            .n_servers = d->config->boot.dns_servers.n,
                            .trust_anchor_file = d->config->boot.dns_trust_anchor };
    struct bridge_conf bridge = { .loop = &d->loop, .config = d->config };

    if (state_open(d->config->boot.state_dir, d->secret, err) || loop_init(&d->loop, &d->log, err))
        return -1;
    d->loop_up = true;
    d->tls = tls_new(err);
    if (!d->tls || load_certificates(d, err))
        return -1;
    d->dns = dns_new(&d->loop, &dns, err);
    if (!d->dns)
        return -1;
    bridge.tls = d->tls;
    bridge.dns = d->dns;
    memcpy(bridge.secret, d->secret, sizeof(d->secret));
    d->bridge = bridge_new(&bridge, err);
    if (!d->bridge || bridge_listen(d->bridge, err))
        return -1;
    return watch_signals(d, err);
}

static void close_handle(uv_signal_t *handle)
{
    if (handle->data && !uv_is_closing((uv_handle_t *)handle))
        uv_close((uv_handle_t *)handle, NULL);
}

static void finish(struct stoxd *d)
{
    bridge_free(d->bridge);
    dns_free(d->dns);
    if (d->loop_up) {
        close_handle(&d->term);
        close_handle(&d->intr);
        loop_fini(&d->loop);
    }
    tls_free(d->tls);
    config_free(d->config);
}

int stoxd_run(const char *config_file, struct err *err)
{
    struct stoxd *d = calloc(1, sizeof(*d));
    int rc = -1;

    if (!d)
        return err_set(err, "out of memory while starting");
    log_init(&d->log);
    d->config = config_read(config_file, &d->log, err);
    if (d->config) {
        d->log.level = d->config->boot.log_level;
        rc = start(d, err);
    }
    if (rc == 0) {
        log_info(&d->log, "ready", LOG_Z("version", STOX_VERSION), LOG_U("sip-domains", d->config->n_sip_domains),
                 LOG_U("partners", d->config->n_partners));
        notify("READY=1");
        loop_run(&d->loop);
        log_info(&d->log, "stopped", LOG_Z("state", "all work ended"));
    }
    finish(d);
    free(d);
    return rc;
}

int stoxd_check(const char *config_file, struct err *err)
{
    struct log log;
    struct config *config;

    log_init(&log);
    config = config_read(config_file, &log, err);
    config_free(config);
    return config ? 0 : -1;
}
