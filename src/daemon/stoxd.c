#include "daemon/stoxd.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#ifdef STOX_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "base/clock.h"
#include "daemon/answers.h"
#include "daemon/certifier.h"
#include "daemon/check_rounds.h"
#include "daemon/descriptors.h"
#include "daemon/expiry.h"
#include "daemon/handover.h"
#include "daemon/history.h"
#include "daemon/links.h"
#include "daemon/live.h"
#include "daemon/proxy.h"
#include "daemon/renewal.h"
#include "daemon/revocation.h"
#include "daemon/service.h"
#include "daemon/state.h"
#include "net/listening.h"
#include "net/relay.h"
#include "pki/wipe.h"
#include "store/config_text.h"
#include "store/ledger.h"
#include "xmpp/xmpp.h"

#define PATH_TEXT_MAX 4096
#define BOOT_MAX (1u << 20)

struct stoxd {
    const struct stoxd_start *how;
    struct log log;
    struct arena arena; /* of boot */
    struct boot boot;
    uint8_t secret[STATE_KEY];
    struct pki_vault *vault;
    struct loop loop;
    bool loop_up;
    struct store *store;
    struct keeper *keeper;
    struct tls *tls;
    struct revocation *revocation; /* NULL: no crl-file */
    struct dns *dns;
    struct xmpp_local xmpp; /* how the bridge comes to its XMPP side */
    struct links links;     /* the same of a gateway with proxies */
    struct loop_door *door;
    struct ledger *ledger;
    struct bridge *bridge;
    struct live live;
    struct renewal *renewal;
    struct checks *checks;
    struct check_rounds check_rounds;
    struct certifier *certifier;
    struct expiry *expiry;
    struct history *history;
    struct answers answers;
    struct admin *admin;
    struct service service;
    struct relay *relay;  /* NULL: there is no process before us, any more */
    uint64_t descriptors; /* how many this process may have */
};

/* Files that were replaced count now, and not only at the next look. */
static void reread(void *owner)
{
    struct stoxd *d = owner;
    struct err err;

    if (d->revocation)
        revocation_look(d->revocation);
    renewal_look(d->renewal);
    if (d->admin && admin_renew(d->admin, &err))
        log_error(&d->log, "admin-certificate-not-loaded", LOG_Z("why", err.text),
                  LOG_Z("effect", "the API goes on with the one before"));
}

/* ---- the start, from the inside out ---- */

static int open_settings(struct stoxd *d, struct err *err)
{
    char url[PATH_TEXT_MAX];
    struct store_conf store = { .url = d->boot.store, .log = &d->log };
    struct keeper_conf keeper = { .ops = &live_ops, .owner = &d->live, .log = &d->log };
    struct ledger_conf ledger = { 0 };

    if (!d->boot.store) {
        if (snprintf(url, sizeof(url), "sqlite:%s/stox.db", d->boot.state_dir) >= (int)sizeof(url))
            return err_set(err, "state-dir: the path is too long");
        store.url = url;
    }
    d->store = store_open(&store, err);
    if (!d->store)
        return err_wrap(err, "store");
    keeper.store = d->store;
    d->keeper = keeper_open(&keeper, err);
    if (!d->keeper)
        return err_wrap(err, "store");
    ledger.store = store;
    d->ledger = ledger_open(&ledger, err);
    return d->ledger ? 0 : err_wrap(err, "store");
}

static void on_revocations(void *owner)
{
    struct stoxd *d = owner;

    bridge_revocations_changed(d->bridge);
}

static int open_bridge(struct stoxd *d, struct err *err)
{
    struct bridge_conf conf = { .loop = &d->loop,
                                .boot = &d->boot,
                                .tls = d->tls,
                                .dns = d->dns,
                                .federation = d->how->role == STOXD_GATEWAY ? &d->links.maker.maker : &d->xmpp.maker,
                                .ledger = d->ledger,
                                .door = d->door };
    struct config *config = keeper_config(d->keeper);

    d->xmpp = (struct xmpp_local){ .maker.make = xmpp_local_make,
                                   .tls = d->tls,
                                   .dns = d->dns,
                                   .listen = d->boot.xmpp.v,
                                   .n_listen = d->boot.xmpp.n,
                                   .direct = d->boot.xmpps.v,
                                   .n_direct = d->boot.xmpps.n };

    if (d->how->role == STOXD_GATEWAY &&
        links_init(&d->links, &d->boot, d->tls, d->how->take_over >= 0, &d->log, err)) {
        config_drop(config);
        return -1;
    }
    conf.directory = live_begin(&d->live, config, err);
    config_drop(config);
    if (!conf.directory)
        return -1;
    memcpy(conf.secret, d->secret, sizeof(conf.secret));
    d->bridge = bridge_new(&conf, err);
    d->live.bridge = d->bridge;
    d->service = (struct service){
        .loop = &d->loop, .log = &d->log, .bridge = d->bridge, .reread = reread, .owner = d, .before = &d->relay
    };
    if (d->bridge)
        links_apply(&d->links, directory_config(conf.directory));
    if (d->bridge && d->revocation)
        revocation_watch(d->revocation, on_revocations, d);
    return d->bridge ? 0 : -1;
}

static void on_applied(void *owner, const struct config *now)
{
    struct stoxd *d = owner;
    struct err err;

    links_apply(&d->links, now);
    if (d->admin && admin_apply(d->admin, now, &err))
        log_error(&d->log, "admin-certificate-not-loaded", LOG_Z("why", err.text),
                  LOG_Z("effect", "the API goes on with the one before"));
}

static int open_admin(struct stoxd *d, struct err *err)
{
    char path[PATH_TEXT_MAX];
    struct checks_conf checks = { .boot = &d->boot,
                                  .keeper = d->keeper,
                                  .bridge = d->bridge,
                                  .door = d->door,
                                  .vault = d->vault,
                                  .service = &d->service,
                                  .links = &d->links,
                                  .log = &d->log };
    struct admin_conf conf = { .loop = &d->loop,
                               .log = &d->log,
                               .keeper = d->keeper,
                               .listen = d->boot.admin.v,
                               .n_listen = d->boot.admin.n,
                               .certificate = d->boot.admin_certificate,
                               .key = d->boot.admin_key,
                               .vault = d->vault,
                               .trust_file = d->boot.trust_file,
                               .socket_path = d->boot.admin_socket,
                               .host_name = d->boot.host_name,
                               .uid = geteuid(),
                               .ops = &answers_ops,
                               .owner = &d->answers };

    checks.certifier = d->certifier = certifier_new(&(struct certifier_conf){ .boot = &d->boot,
                                                                              .keeper = d->keeper,
                                                                              .vault = d->vault,
                                                                              .door = d->door,
                                                                              .service = &d->service,
                                                                              .log = &d->log });
    d->checks = d->certifier ? checks_new(&checks) : NULL;
    if (!d->checks)
        return err_memory(err, "starting");
    d->history = history_new(&d->loop, d->bridge, err);
    if (!d->history)
        return -1;
    d->answers = (struct answers){ .bridge = d->bridge,
                                   .door = d->door,
                                   .service = &d->service,
                                   .keeper = d->keeper,
                                   .tls = d->tls,
                                   .store = store_engine(d->store),
                                   .started_ms = clock_mono_ms(),
                                   .boot = &d->boot,
                                   .checks = d->checks,
                                   .links = &d->links,
                                   .certifier = d->certifier,
                                   .history = d->history };
    if (!conf.socket_path) {
        if (snprintf(path, sizeof(path), "%s/admin.sock", d->boot.state_dir) >= (int)sizeof(path))
            return err_set(err, "state-dir: the path is too long");
        conf.socket_path = path;
    }
    d->live.owner = d;
    d->live.applied = on_applied;
    d->admin = admin_new(&conf, err);
    return d->admin ? certifier_start(d->certifier, d->admin, err) : err_wrap(err, "administration");
}

/* Sockets that systemd has opened for us. Whether they are ours is seen when an address is listened on. */
static void given_by_manager(struct loop *loop)
{
#ifdef STOX_SYSTEMD
    int n = sd_listen_fds(1);

    for (int i = 0; i < n; i++)
        (void)listening_give(loop, SD_LISTEN_FDS_START + i);
#endif
}

static int open_net(struct stoxd *d, struct err *err)
{
    struct dns_conf dns = { .servers = d->boot.dns_servers.v,
                            .n_servers = d->boot.dns_servers.n,
                            .trust_anchor_file = d->boot.dns_trust_anchor };

    if (loop_init(&d->loop, &d->log, err))
        return -1;
    d->loop_up = true;
    d->door = loop_door_new(&d->loop, err);
    d->tls = tls_new(err);
    if (!d->door || !d->tls)
        return -1;
    if (tls_trust(d->tls, d->boot.trust_file, err))
        return err_wrap(err, "trust-file");
    if (d->boot.crl_file && !(d->revocation = revocation_new(&d->loop, d->tls, d->boot.crl_file, err)))
        return err_wrap(err, "crl-file");
    d->dns = dns_new(&d->loop, &dns, err);
    d->live = (struct live){ .log = &d->log, .tls = d->tls, .vault = d->vault, .door = d->door };
    return d->dns ? 0 : -1;
}

static int open_state(struct stoxd *d, struct err *err)
{
    uint8_t certificates[STATE_KEY];
    int rc;

    if (!pki_wipe_works())
        return err_set(err,
                       "a library of this build uses OpenSSL before stoxd does: keys would not be wiped from memory");
    rc = state_open(d->boot.state_dir, d->secret, certificates, err);
    if (rc == 0 && !(d->vault = pki_vault_new(certificates, err)))
        rc = -1;
    explicit_bzero(certificates, sizeof(certificates));
    return rc;
}

/* Of the process that is taken over, or of systemd (sd_listen_fds(3)). */
static int take_sockets(struct stoxd *d, struct err *err)
{
    int relay = -1;

    given_by_manager(&d->loop);
    if (d->how->take_over < 0)
        return 0;
    if (takeover_ask(d->how->take_over, &d->loop, &relay, err))
        return -1;
    d->loop.hold_datagrams = true;
    return relay_follow(&d->loop, relay, &d->relay) ? 0 : err_memory(err, "starting");
}

/* Who takes over from us is the program that we were started from, as it is on the disk by then. */
static int prepare_handover(struct stoxd *d, struct err *err)
{
    char program[PATH_TEXT_MAX];
    ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);

    if (n <= 0)
        return err_set(err, "cannot read /proc/self/exe, the name of our program");
    program[n] = '\0';
    d->service.handover = handover_new(&d->service, program, d->how, err);
    return d->service.handover ? 0 : -1;
}

/* The settings are watched last: from then on other threads change what the loop goes by. */
static int start(struct stoxd *d, struct err *err)
{
    if (open_state(d, err) || open_net(d, err) || open_settings(d, err) || open_bridge(d, err) ||
        take_sockets(d, err) || bridge_listen(d->bridge, err) || open_admin(d, err))
        return -1;
    listening_forget_given(&d->loop);
    d->renewal = renewal_new(&d->loop, d->keeper, err);
    d->expiry = expiry_new(&d->loop, d->tls, err);
    d->check_rounds = (struct check_rounds){ .checks = d->checks, .keeper = d->keeper };
    if (!d->renewal || !d->expiry || check_rounds_init(&d->check_rounds, &d->loop, err) ||
        service_init(&d->service, err) || prepare_handover(d, err))
        return -1;
    return keeper_watch(d->keeper, err);
}

/* Other threads first: admin's and the store's wait for the loop at most until the door is shut. */
static void finish(struct stoxd *d)
{
    revocation_free(d->revocation);
    if (d->door)
        loop_door_shut(d->door);
    renewal_free(d->renewal);
    check_rounds_fini(&d->check_rounds);
    expiry_free(d->expiry);
    certifier_stop(d->certifier);
    admin_free(d->admin);
    checks_free(d->checks);
    certifier_free(d->certifier);
    history_free(d->history);
    store_close(d->store);
    keeper_close(d->keeper);
    ledger_close(d->ledger);
    bridge_free(d->bridge);
    links_fini(&d->links);
    live_fini(&d->live);
    dns_free(d->dns);
    loop_door_free(d->door);
    if (d->loop_up) {
        relay_close(d->relay);
        handover_free(d->service.handover);
        service_fini(&d->service);
        listening_forget_given(&d->loop);
        loop_fini(&d->loop);
    }
    tls_free(d->tls);
    pki_vault_free(d->vault);
    arena_reset(&d->arena);
    explicit_bzero(d->secret, sizeof(d->secret));
}

static void say_ready(struct stoxd *d)
{
    struct config *config = keeper_config(d->keeper);

    descriptors_check(&d->log, d->descriptors, config_gateway(config)->connection_limit);
    if (config_list(config, &sip_domain_kind)->n == 0)
        log_warning(&d->log, "nobody-to-serve",
                    LOG_Z("hint", "no sip-domain is declared yet: stoxctl route new, then stoxctl domain new"));
    log_info(&d->log, "ready", LOG_Z("version", STOX_VERSION), LOG_Z("store", store_engine(d->store)),
             LOG_U("sip-domains", config_list(config, &sip_domain_kind)->n),
             LOG_U("partners", config_list(config, &partner_kind)->n), LOG_U("descriptors", d->descriptors));
    config_drop(config);
    if (d->how->take_over >= 0) {
        notify_main_process(getpid());
        takeover_serving(d->how->take_over);
        close(d->how->take_over);
    }
    service_ready(&d->service);
}

int stoxd_run(const struct stoxd_start *how, struct err *err)
{
    struct stoxd *d = calloc(1, sizeof(*d));
    int rc;

    if (!d)
        return err_set(err, "out of memory while starting");
    if (how->take_over >= 0)
        takeover_step_aside();
    d->how = how;
    log_init(&d->log);
    arena_init(&d->arena, BOOT_MAX);
    rc = boot_read(how->config_file, &d->boot, &d->arena, err);
    if (rc == 0) {
        d->log.level = d->boot.log_level;
        d->descriptors = descriptors_raise();
        rc = start(d, err);
    }
    if (rc && how->take_over >= 0)
        takeover_failed(how->take_over, err->text);
    if (rc == 0) {
        say_ready(d);
        loop_run(&d->loop);
        log_info(&d->log, "stopped", LOG_Z("state", "all work ended"));
    }
    finish(d);
    free(d);
    return rc;
}

int stoxd_take_role(struct stoxd_start *how, bool says, struct err *err)
{
    struct err unread = { "" };
    struct arena arena;
    struct boot boot;
    int rc = 0;

    arena_init(&arena, BOOT_MAX);
    if (boot_read(how->config_file, &boot, &arena, &unread) == 0 && boot.role != STOXD_ALL) {
        if (says && how->role != boot.role)
            rc = err_set(err,
                         "%s: role is %s, and the command line says --role %s: which of both is meant? Remove the "
                         "other one",
                         how->config_file, stoxd_roles[boot.role], stoxd_roles[how->role]);
        how->role = boot.role;
    }
    arena_reset(&arena);
    return rc;
}

int stoxd_check(const struct stoxd_start *how, struct err *err)
{
    struct arena arena;
    struct boot boot;
    int rc;

    arena_init(&arena, BOOT_MAX);
    rc = boot_read(how->config_file, &boot, &arena, err);
    if (rc == 0 && how->role == STOXD_PROXY)
        rc = proxy_judge(&boot, err);
    arena_reset(&arena);
    return rc;
}
