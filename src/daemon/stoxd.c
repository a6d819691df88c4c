#include "daemon/stoxd.h"

#include <signal.h>
#include <stdlib.h>
#ifdef STOX_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "bridge/bridge.h"
#include "daemon/state.h"
#include "store/config_text.h"

struct stoxd {
    struct log log;
    struct arena arena; /* of boot */
    struct boot boot;
    struct directory *directory;
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

static int take_settings(struct stoxd *d, struct err *err)
{
    struct directory_conf conf = { .config = config_new(), .tls = d->tls };

    if (!conf.config)
        return err_set(err, "out of memory while starting");
    d->directory = directory_new(&conf, err);
    config_drop(conf.config);
    return d->directory ? 0 : -1;
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
    struct dns_conf dns = { .servers = d->boot.dns_servers.v,
                            .n_servers = d->boot.dns_servers.n,
                            .trust_anchor_file = d->boot.dns_trust_anchor };
    struct bridge_conf bridge = { .loop = &d->loop, .boot = &d->boot };

    if (state_open(d->boot.state_dir, d->secret, err) || loop_init(&d->loop, &d->log, err))
        return -1;
    d->loop_up = true;
    d->tls = tls_new(err);
    if (!d->tls)
        return -1;
    if (tls_trust(d->tls, d->boot.trust_file, err))
        return err_wrap(err, "trust-file");
    if (take_settings(d, err))
        return -1;
    d->dns = dns_new(&d->loop, &dns, err);
    if (!d->dns)
        return -1;
    bridge.directory = d->directory;
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
    directory_drop(d->directory);
    arena_reset(&d->arena);
}

int stoxd_run(const char *config_file, struct err *err)
{
    struct stoxd *d = calloc(1, sizeof(*d));
    int rc = -1;

    if (!d)
        return err_set(err, "out of memory while starting");
    log_init(&d->log);
    arena_init(&d->arena, 1u << 20);
    if (boot_read(config_file, &d->boot, &d->arena, err) == 0) {
        d->log.level = d->boot.log_level;
        rc = start(d, err);
    }
    if (rc == 0) {
        log_info(&d->log, "ready", LOG_Z("version", STOX_VERSION));
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
    struct arena arena;
    struct boot boot;
    int rc;

    arena_init(&arena, 1u << 20);
    rc = boot_read(config_file, &boot, &arena, err);
    arena_reset(&arena);
    return rc;
}
