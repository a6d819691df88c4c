#include "sip/stack.h"

#include <stdlib.h>

#define HOST_MAX 255
#define PLACE_MAX 16384

static void on_room(void *arg)
{
    sip_streams_resume(arg);
}

/* Our name as it stands in Via: IPv6 in brackets. */
static char *host_text(struct slice host)
{
    bool bare_v6 = host.n && host.p[0] != '[' && memchr(host.p, ':', host.n);
    char *text = malloc(host.n + 3);

    if (!text)
        return NULL;
    text[0] = '[';
    memcpy(text + bare_v6, host.p, host.n);
    memcpy(text + bare_v6 + host.n, bare_v6 ? "]" : "", bare_v6 ? 2 : 1);
    return text;
}

static bool init_servers(struct sip *sip)
{
    struct sip_servers *t = &sip->servers;

    t->timers = &sip->loop->timers;
    t->wire = &sip->wire;
    t->counters = &sip->counters;
    t->provisional_ms = sip->conf.provisional_ms;
    t->keep_ms = 64ull * sip->conf.t1_ms;
    t->max = sip->conf.txns_max;
    t->kept_max = sip->conf.kept_max;
    t->room = on_room;
    t->room_arg = sip;
    return sip_servers_init(t);
}

static bool init_invites(struct sip *sip)
{
    struct sip_invites *t = &sip->invites;

    t->servers = &sip->servers;
    t->t1_ms = sip->conf.t1_ms;
    t->t2_ms = sip->conf.t2_ms;
    t->t4_ms = sip->conf.t4_ms;
    t->max = sip->conf.txns_max;
    return sip_invites_init(t);
}

static void init_clients(struct sip *sip)
{
    struct sip_clients *t = &sip->clients;

    t->timers = &sip->loop->timers;
    t->wire = &sip->wire;
    t->counters = &sip->counters;
    t->logins = &sip->logins;
    t->host = slice_str(sip->host);
    t->t1_ms = sip->conf.t1_ms;
    t->t2_ms = sip->conf.t2_ms;
    t->t4_ms = sip->conf.t4_ms;
    t->max = sip->conf.txns_max;
    sip_clients_init(t);
}

static void init_logins(struct sip *sip)
{
    struct sip_logins *t = &sip->logins;

    t->ops = sip->conf.ops;
    t->owner = sip->conf.owner;
    t->log = sip->loop->log;
    t->timers = &sip->loop->timers;
    sip_logins_init(t);
}

struct sip *sip_new(struct loop *loop, const struct sip_conf *conf, struct err *err)
{
    struct sip *sip;
    bool ok;

    if (!conf->host.n || conf->host.n > HOST_MAX || !conf->ops || !conf->t1_ms || !conf->t2_ms || !conf->txns_max) {
        err_set(err, "SIP: a host name, callbacks, timers T1 and T2 and a number of transactions are needed");
        return NULL;
    }
    sip = calloc(1, sizeof(*sip));
    if (sip)
        sip->host = host_text(conf->host);
    if (!sip || !sip->host) {
        free(sip);
        err_set(err, "SIP: no memory");
        return NULL;
    }
    sip->loop = loop;
    sip->conf = *conf;
    sip->conf.host = slice_str(sip->host);
    sip->wire = sip_socket_wire;
    sip->wire.owner = sip;
    buf_init(&sip->headers, SIP_HEAD_MAX);
    buf_init(&sip->place, PLACE_MAX);
    list_init(&sip->attempts);
    list_init(&sip->probes);
    sip_locator_init(&sip->locator, sip);
    sip_healths_init(&sip->healths, sip);
    sip_transports_init(&sip->transports);
    sip_dialogs_init(&sip->dialogs);
    init_logins(sip);
    sip_subs_init(&sip->subs);
    init_clients(sip);
    ok = init_servers(sip);
    ok = init_invites(sip) && ok;
    if (ok && buf_reserve(&sip->headers, SIP_HEAD_MAX) && buf_reserve(&sip->subs.lines, SIP_HEAD_MAX))
        return sip;
    sip_free(sip);
    err_set(err, "SIP: no memory");
    return NULL;
}

void sip_set_limits(struct sip *sip, size_t txns_max, size_t body_max)
{
    sip->conf.txns_max = txns_max;
    sip->conf.body_max = body_max;
    sip->clients.max = txns_max;
    sip->invites.max = txns_max;
    sip_servers_limit(&sip->servers, txns_max);
}

void sip_set_dialog_limits(struct sip *sip, size_t max, size_t per_route_max)
{
    sip->conf.dialogs_max = max;
    sip->conf.dialogs_per_route_max = per_route_max;
}

void sip_free(struct sip *sip)
{
    if (!sip)
        return;
    sip_subs_fini(sip);
    sip_dialogs_fini(sip);
    sip_invites_fini(&sip->invites);
    sip_attempts_fini(sip);
    sip_probes_fini(sip);
    sip_locator_fini(&sip->locator);
    sip_healths_fini(&sip->healths);
    sip_servers_fini(&sip->servers);
    sip_clients_fini(&sip->clients);
    sip_transports_fini(sip);
    sip_logins_fini(&sip->logins);
    buf_free(&sip->headers);
    buf_free(&sip->place);
    free(sip->host);
    free(sip);
}

int sip_listen(struct sip *sip, enum sip_transport transport, const struct addr *local, struct err *err)
{
    char text[ADDR_TEXT];
    int rc = -1;

    switch (transport) {
    case SIP_UDP: rc = sip_udp_listen(sip, local, err); break;
    case SIP_TCP:
    case SIP_TLS: rc = sip_stream_listen(sip, transport, local, err); break;
    }
    return rc ? err_wrap(err, "SIP over %s at %s", sip_transport_name(transport), addr_text(local, text)) : 0;
}

struct sip_client *sip_send(struct sip *sip, const struct sip_target *target, const struct sip_send *request,
                            sip_done *done, void *arg)
{
    return sip_clients_send(&sip->clients, target, request, done, arg);
}

bool sip_send_fits(struct sip *sip, const struct sip_target *target, const struct sip_send *request, size_t max)
{
    return sip_clients_fits(&sip->clients, target, request, max);
}

const struct sip_counters *sip_counters(const struct sip *sip)
{
    return &sip->counters;
}
