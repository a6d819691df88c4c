#include "bridge/note.h"
#include "bridge/trial.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

#include "bridge/presence.h"
#include "bridge/receipts.h"
#include "bridge/way.h"
#include "map/content.h"

#define SCRATCH_MAX (512 * 1024)
#define KEPT_MAX 500000 /* about 60 MB; four seconds at full load on one core, 64*T1 in ordinary times */

static bool on_source(void *owner, const struct sip_peer *from, struct slice *route)
{
    struct bridge *b = owner;
    const struct route *r = speaker_route(b->directory, from);

    if (r)
        *route = r->name;
    return r || (directory_asks_digest(b->directory) && provers_knows(&b->provers, from, loop_now(b->loop)));
}

static enum sip_proving on_prove(void *owner, const struct sip_msg *m, struct sip_peer *from, struct sip_challenge *out)
{
    return prove(owner, m, from, out);
}

static bool on_speaks(void *owner, struct slice name, struct slice domain, const struct sip_peer *from)
{
    const struct bridge *b = owner;
    const struct record *route = config_find(directory_config(b->directory), &route_kind, name);

    return route && speaker_may(route->object, domain, from);
}

static bool on_meant(void *owner, const struct sip_target *target, const struct sip_peer *peer, const char **why)
{
    const struct bridge *b = owner;
    const struct record *route = config_find(directory_config(b->directory), &route_kind, slice_str(target->route));
    const struct route *r = route ? route->object : NULL;

    *why = "the route is gone";
    return r && way_is_meant(r, target, peer, why);
}

static bool on_sip_serves(void *owner, struct slice host)
{
    struct bridge *b = owner;

    return directory_partner(b->directory, host) != NULL;
}

static void on_unserved(void *owner, const struct sip_request *request, const char *reason, const char *why)
{
    note_sip_unserved(owner, request, reason, why);
}

static void on_message(void *owner, const struct sip_request *request)
{
    s2x_message(owner, request);
}

static const struct xmpp_partner *on_partner(void *owner, struct slice domain)
{
    struct bridge *b = owner;
    const struct listed *partner = directory_partner(b->directory, domain);

    return partner ? &partner->xmpp : NULL;
}

static bool on_account(void *owner, struct slice name, struct sip_account *out)
{
    const struct bridge *b = owner;
    const struct record *record = config_find(directory_config(b->directory), &route_kind, name);
    const struct route *route = record ? record->object : NULL;

    if (!route)
        return false;
    *out = (struct sip_account){ route->next_hop_user, route->next_hop_password, route->digest_md5 };
    return true;
}

/* To users of its own domains, and to what is its next hop itself: anywhere else is somebody else's business. */
static bool on_leads(void *owner, struct slice name, const struct sip_uri *uri)
{
    const struct bridge *b = owner;
    const struct record *record = config_find(directory_config(b->directory), &route_kind, name);

    return record && way_leads(b->directory, record->object, uri);
}

static bool on_xmpp_serves(void *owner, struct slice domain)
{
    struct bridge *b = owner;

    return directory_route_to(b->directory, domain) != NULL;
}

static void on_each_partner(void *owner, xmpp_partner_fn *fn, void *arg)
{
    const struct bridge *b = owner;
    size_t n;
    const struct listed *partners = directory_partners(b->directory, &n);

    for (size_t i = 0; i < n; i++)
        fn(arg, &partners[i].xmpp, partners[i].settings->additional_domains.v,
           partners[i].settings->additional_domains.n);
}

static void on_each_served(void *owner, void (*fn)(void *arg, struct slice domain), void *arg)
{
    const struct bridge *b = owner;
    const struct config_list *domains = config_list(directory_config(b->directory), &sip_domain_kind);

    for (size_t i = 0; i < domains->n; i++)
        fn(arg, domains->v[i]->name);
}

static bool takes_any(const struct setting_list *listeners, const struct addr *to)
{
    const struct addr *at = listeners->v;

    for (size_t i = 0; i < listeners->n; i++)
        if (listener_takes(&at[i], to))
            return true;
    return false;
}

static bool on_listens(void *owner, const struct addr *to)
{
    const struct boot *boot = ((const struct bridge *)owner)->boot;

    return takes_any(&boot->sip_tcp, to) || takes_any(&boot->sip_tls, to) || takes_any(&boot->sip_udp, to) ||
           takes_any(&boot->admin, to);
}

/* What XMPP listens on, too: SIP's names must not lead there. */
static bool on_sip_listens(void *owner, const struct addr *to)
{
    const struct boot *boot = ((const struct bridge *)owner)->boot;

    return on_listens(owner, to) || takes_any(&boot->xmpp, to) || takes_any(&boot->xmpps, to);
}

static void on_stanza(void *owner, const struct xmpp_stanza *stanza)
{
    bridge_stanza(owner, stanza);
}

static void on_settled(void *owner, uint64_t token, enum xmpp_fate fate, const char *why)
{
    bridge_settled(owner, token, fate, why);
}

static const struct sip_ops sip_ops = { .source = on_source,
                                        .prove = on_prove,
                                        .meant = on_meant,
                                        .account = on_account,
                                        .leads = on_leads,
                                        .speaks = on_speaks,
                                        .listens = on_sip_listens,
                                        .serves = on_sip_serves,
                                        .unserved = on_unserved,
                                        .message = on_message,
                                        .dialogs = &im_session_ops,
                                        .events = &presence_ops };

static void on_features(void *owner, struct slice domain, struct buf *out)
{
    entity_put_features(owner, out);
}

static bool on_watched(void *owner)
{
    return ((const struct bridge *)owner)->viewers.n > 0;
}

static void on_noted(void *owner, struct slice local, struct slice remote, bool inbound, const char *step,
                     enum step_result result, struct slice text)
{
    note_stream(owner, local, remote, inbound, step, result, text);
}

static void on_link(void *owner, struct slice remote, bool up)
{
    presence_link(owner, remote, up);
}

static const struct xmpp_ops xmpp_ops = {
    .partner = on_partner,
    .serves = on_xmpp_serves,
    .stanza = on_stanza,
    .settled = on_settled,
    .each_partner = on_each_partner,
    .each_served = on_each_served,
    .listens = on_listens,
    .features = on_features,
    .watched = on_watched,
    .noted = on_noted,
    .link = on_link,
};

/* One secret of the installation, one key for each purpose. */
static bool derive(const uint8_t secret[32], const char *purpose, uint8_t out[32])
{
    unsigned n = 32;

    return HMAC(EVP_sha256(), secret, 32, (const unsigned char *)purpose, strlen(purpose), out, &n) != NULL;
}

static struct sip *new_sip(struct bridge *b, const struct bridge_conf *conf, struct err *err)
{
    const struct gateway *g = directory_gateway(conf->directory);
    struct sip_conf sip = { .host = conf->boot->host_name,
                            .ops = &sip_ops,
                            .owner = b,
                            .dns = conf->dns,
                            .tls = conf->tls,
                            .identity = SLICE(DIRECTORY_SIP_IDENTITY),
                            .t1_ms = 500,
                            .t2_ms = 4000,
                            .t4_ms = 5000,
                            .provisional_ms = 3500,
                            .txns_max = g->transactions_max,
                            .kept_max = KEPT_MAX,
                            .dialogs_max = g->session_limit,
                            .session_s = 1800,
                            .session_min_s = 90,
                            .conns_max = 2000,
                            .conns_per_ip_max = 100,
                            .conn_idle_ms = 600000,
                            .body_max = g->message_max,
                            .accept = SLICE(MAP_CONTENT_ACCEPT) };

    return sip_new(b->loop, &sip, err);
}

static struct federation *new_federation(struct bridge *b, const struct bridge_conf *conf, struct err *err)
{
    struct federation_conf federation = {
        .ops = &xmpp_ops, .owner = b, .dialback_secret = slice_of((const char *)b->own_secret, sizeof(b->own_secret))
    };

    return federation_new(conf->federation, b->loop, &federation, err);
}

static int derive_keys(struct bridge *b, const struct bridge_conf *conf, struct err *err)
{
    uint8_t talks[32];

    if (!derive(conf->secret, "ids", b->map.key) || !derive(conf->secret, "dialback", b->own_secret) ||
        !derive(conf->secret, "conversations", talks))
        return err_set(err, "the keys of this installation cannot be derived: OpenSSL has no HMAC-SHA256");
    talks_init(&b->talks, TALKS_BYTES_MAX, talks);
    return 0;
}

static int set_up(struct bridge *b, const struct bridge_conf *conf, struct err *err)
{
    if (!buf_reserve(&b->scratch, SCRATCH_MAX) || !buf_reserve(&b->key, BRIDGE_KEY_MAX))
        return err_set(err, "out of memory while starting");
    if (derive_keys(b, conf, err))
        return -1;
    b->federation = new_federation(b, conf, err);
    if (!b->federation)
        return -1;
    b->sip = new_sip(b, conf, err);
    if (!b->sip)
        return -1;
    bridge_take_settings(b);
    return 0;
}

struct bridge *bridge_new(const struct bridge_conf *conf, struct err *err)
{
    struct bridge *b = calloc(1, sizeof(*b));

    if (!b) {
        err_set(err, "out of memory while starting");
        return NULL;
    }
    b->loop = conf->loop;
    b->log = conf->loop->log;
    b->boot = conf->boot;
    b->tls = conf->tls;
    b->directory = directory_keep(conf->directory);
    scores_init(&b->scores);
    rates_init(&b->rates);
    rates_init(&b->route_rates);
    rates_init(&b->watch_rates);
    rates_init(&b->watch_route_rates);
    sip_nonces_init(&b->sip_nonces);
    provers_init(&b->provers);
    replays_init(&b->replays);
    viewers_init(&b->viewers);
    trial_list_init(&b->trials);
    talks_init(&b->talks, 0, (const uint8_t[16]){ 0 });
    b->since_ms = loop_now(b->loop);
    b->next_token = 1;
    buf_init(&b->scratch, SCRATCH_MAX);
    buf_init(&b->key, BRIDGE_KEY_MAX);
    hash_init(&b->held_by_token);
    hash_init(&b->held_by_id);
    hash_init(&b->held_by_text);
    hash_init(&b->lanes);
    list_init(&b->pausing);
    hash_init(&b->owed);
    contacts_init(b, conf->ledger, conf->door);
    sessions_init(&b->sessions);
    threads_init(&b->threads, THREADS_BYTES_MAX);
    typings_init(&b->typings);
    receipt_table_init(&b->receipts, RECEIPTS_BYTES_MAX, RECEIPTS_MAX);
    abilities_init(&b->abilities);
    bridge_drain_init(b);
    timer_init(&b->review.timer, bridge_review);
    watch_init(&b->watch);
    presence_init(b);
    if (set_up(b, conf, err) == 0)
        return b;
    bridge_free(b);
    return NULL;
}

static int listen_sip(struct bridge *b, enum sip_transport transport, const struct setting_list *list, struct err *err)
{
    const struct addr *addrs = list->v;

    for (size_t i = 0; i < list->n; i++)
        if (sip_listen(b->sip, transport, &addrs[i], err))
            return -1;
    return 0;
}

int bridge_listen(struct bridge *b, struct err *err)
{
    const struct boot *boot = b->boot;

    if (contacts_start(b, err))
        return -1;
    if (listen_sip(b, SIP_UDP, &boot->sip_udp, err) || listen_sip(b, SIP_TCP, &boot->sip_tcp, err) ||
        listen_sip(b, SIP_TLS, &boot->sip_tls, err))
        return -1;
    if (federation_start(b->federation, err))
        return -1;
    watch_start(b);
    presence_start(b);
    return 0;
}

void bridge_free(struct bridge *b)
{
    if (!b)
        return;
    timer_stop(&b->loop->timers, &b->drain);
    timer_stop(&b->loop->timers, &b->review.timer);
    watch_fini(b);
    /* Lanes and held requests speak to both sides while they end, so the sides go last. */
    if (b->sip && b->federation) {
        x2s_free(b);
        s2x_free(b);
    }
    if (b->sip && b->federation)
        sessions_fini(b);
    presence_fini(b);
    trials_free(b);
    bridge_free_owed(b);
    threads_fini(&b->threads);
    typings_fini(b);
    contacts_fini(b);
    receipt_table_fini(&b->receipts);
    abilities_fini(&b->abilities);
    sip_free(b->sip);
    federation_free(b->federation);
    if (b->tls)
        tls_use_identities(b->tls, NULL);
    directory_drop(b->directory);
    scores_fini(&b->scores);
    rates_fini(&b->rates);
    rates_fini(&b->route_rates);
    rates_fini(&b->watch_rates);
    rates_fini(&b->watch_route_rates);
    sip_nonces_fini(&b->sip_nonces);
    provers_fini(&b->provers);
    replays_fini(&b->replays);
    viewers_fini(&b->viewers);
    talks_fini(&b->talks);
    explicit_bzero(b->own_secret, sizeof(b->own_secret));
    buf_free(&b->scratch);
    buf_free(&b->key);
    free(b);
}

const struct bridge_counters *bridge_counters(const struct bridge *b)
{
    return &b->counters;
}
