/* What proxies are told: all of it, as one version, whenever something has changed and whenever a link begins. */
#include <stdio.h>

#include "link/gateway_parts.h"

#define SETTINGS_MAX ((size_t)64 << 20)
#define PART_MAX (128 * 1024) /* of revocation lists, in a frame */
#define AGAIN_MS 30000        /* memory may be there again */
#define LENGTH 4              /* bytes that say how long a frame is */

struct making {
    struct link_gateway *g;
    uint64_t n;
    bool ok;
};

static void put(struct making *m, const struct link_frame *f)
{
    m->ok = m->ok && link_frame_write(&m->g->settings, f);
    m->n++;
}

static void put_limits(struct making *m)
{
    const struct xmpp_limits *limits = &m->g->conf.limits;
    const struct link_frame f = { .type = LINK_LIMITS,
                                  .limits = { .connection_limit = limits->connection_limit,
                                              .partner_connection_limit = limits->partner_connection_limit,
                                              .establish_s = limits->establish_s,
                                              .inactivity_s = limits->inactivity_s,
                                              .keepalive_s = limits->keepalive_s,
                                              .stanza_rate = limits->stanza_rate,
                                              .byte_rate = limits->byte_rate } };

    put(m, &f);
}

static void put_networks(struct making *m)
{
    const struct xmpp_limits *limits = &m->g->conf.limits;

    for (size_t i = 0; i < limits->n_partner_networks; i++) {
        char ip[ADDR_TEXT], text[ADDR_TEXT + 16];
        struct link_frame f = { .type = LINK_NETWORK };

        snprintf(text, sizeof(text), "%s/%u", addr_ip_text(&limits->partner_networks[i].ip, ip),
                 limits->partner_networks[i].prefix);
        f.network.network = slice_str(text);
        put(m, &f);
    }
}

static void put_served(void *arg, struct slice domain)
{
    struct making *m = arg;
    const struct link_gateway_conf *conf = &m->g->conf;
    struct link_frame f = { .type = LINK_SERVED, .served.domain = domain };
    struct buf features;

    buf_init(&features, 16384);
    if (conf->ops->features)
        conf->ops->features(conf->owner, domain, &features);
    m->ok = m->ok && buf_ok(&features);
    f.served.features = buf_slice(&features);
    put(m, &f);
    buf_free(&features);
}

static void put_partner(void *arg, const struct xmpp_partner *p, const struct slice *more, size_t n_more)
{
    struct making *m = arg;
    char component[ADDR_TEXT] = "";
    struct link_frame f = { .type = LINK_PARTNER,
                            .partner = { .name = p->name,
                                         .tls = p->tls,
                                         .sasl = p->sasl,
                                         .dialback = p->dialback,
                                         .keep_alive = p->keep_alive,
                                         .bidi = p->bidi,
                                         .connection_limit = p->connection_limit,
                                         .stanza_rate = p->stanza_rate,
                                         .byte_rate = p->byte_rate,
                                         .proxy = p->proxy,
                                         .component_secret = p->component_secret } };

    if (p->component)
        f.partner.component = slice_str(addr_text(p->component, component));
    put(m, &f);
    for (size_t i = 0; i < n_more; i++)
        put(m, &(struct link_frame){ .type = LINK_PARTNER_DOMAIN, .partner_domain.domain = more[i] });
    for (size_t i = 0; i < p->n_pins; i++)
        put(m, &(struct link_frame){ .type = LINK_PARTNER_PIN, .partner_pin.pin = p->pins[i] });
}

static void put_identity(void *arg, const struct link_identity_frame *identity)
{
    put(arg, &(struct link_frame){ .type = LINK_IDENTITY, .identity = *identity });
}

static void wipe(struct link_gateway *g)
{
    if (g->settings.p)
        explicit_bzero(g->settings.p, g->settings.cap);
    buf_free(&g->settings);
}

/* A proxy that goes on without them may have none at all, and then nothing goes through it. */
static void try_again(struct link_gateway *g)
{
    timer_start(&g->conf.loop->timers, &g->again, AGAIN_MS);
}

void gateway_make_settings(struct link_gateway *g)
{
    const struct link_gateway_conf *conf = &g->conf;
    struct making m = { .g = g, .ok = true };

    wipe(g);
    buf_init(&g->settings, SETTINGS_MAX);
    put(&m, &(struct link_frame){ .type = LINK_SETTINGS, .settings.version = ++g->version });
    m.n = 0;
    put_limits(&m);
    put(&m, &(struct link_frame){ .type = LINK_SECRET, .secret.secret = conf->dialback_secret });
    put_networks(&m);
    conf->ops->each_served(conf->owner, put_served, &m);
    conf->ops->each_partner(conf->owner, put_partner, &m);
    if (conf->each_identity)
        conf->each_identity(conf->arg, put_identity, &m);
    put(&m, &(struct link_frame){ .type = LINK_SETTINGS_END, .settings_end.frames = m.n });
    if (!m.ok) {
        wipe(g);
        if (!g->settings_missing)
            log_error(conf->loop->log, "settings-not-told", LOG_U("version", g->version), LOG_Z("why", LINK_NOT_TOLD),
                      LOG_Z("effect", "proxies go on with what they have; it is tried again every 30 s"));
        try_again(g);
    }
    g->settings_missing = !m.ok;
}

void gateway_free_settings(struct link_gateway *g)
{
    wipe(g);
    buf_free(&g->lists);
}

/* ---- revocation lists ---- */

static bool put_lists(struct link_gateway *g, struct slice pem)
{
    bool ok = link_frame_write(&g->lists, &(struct link_frame){ .type = LINK_REVOCATIONS, .revocations.bytes = pem.n });

    while (ok && pem.n) {
        const struct link_frame f = { .type = LINK_REVOCATION_PART, .revocation_part.pem = slice_first(pem, PART_MAX) };

        ok = link_frame_write(&g->lists, &f);
        pem = slice_from(pem, f.revocation_part.pem.n);
    }
    return ok;
}

void gateway_make_lists(struct link_gateway *g)
{
    const struct link_gateway_conf *conf = &g->conf;
    struct buf pem;
    bool ok, was_missing = g->lists_missing;

    buf_free(&g->lists);
    buf_init(&g->lists, 2 * LINK_REVOCATIONS_MAX);
    buf_init(&pem, LINK_REVOCATIONS_MAX);
    ok = (!conf->revocations || conf->revocations(conf->arg, &pem)) && buf_ok(&pem) && put_lists(g, buf_slice(&pem));
    buf_free(&pem);
    g->lists_missing = !ok;
    if (ok)
        return;
    buf_free(&g->lists);
    if (!was_missing)
        log_error(conf->loop->log, "revocation-lists-not-told",
                  LOG_Z("why", "they are more than 16 MiB, or memory is missing"),
                  LOG_Z("effect", "proxies go on with what they have; it is tried again every 30 s"));
    try_again(g);
}

/* The frame that begins there: our own writing. */
static struct slice frame_at(const struct buf *settings, size_t at)
{
    struct slice rest = slice_from(buf_slice(settings), at);
    const unsigned char *p = (const unsigned char *)rest.p;

    return slice_first(rest, LENGTH + ((size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3]));
}

/* Frame by frame, as others come between. False: the next room goes on. */
static bool push(struct gateway_link *l, const struct buf *frames, size_t *at)
{
    while (*at < frames->n) {
        struct slice frame = frame_at(frames, *at);

        if (!link_line_has_room(l->line) || !link_line_write_bytes(l->line, frame))
            return false;
        *at += frame.n;
    }
    return true;
}

/* By the settings streams are, so that these come first; what is to be sent waits for both. */
void gateway_push_settings(struct gateway_link *l)
{
    struct link_gateway *g = l->gateway;

    if (l->session.line && push(l, &g->settings, &l->settings_at) && push(l, &g->lists, &l->lists_at))
        link_line_go(l->line);
}

/* It is told again and again, and says the same. */
static void refused(struct gateway_link *l, const struct link_settings_used_frame *used)
{
    char why[sizeof(l->refused)];

    snprintf(why, sizeof(why), "it does not take our settings: %.*s", SLICE_FMT(used->why));
    if (strcmp(why, l->refused) == 0)
        return;
    memcpy(l->refused, why, sizeof(why));
    log_error(l->gateway->conf.loop->log, "settings-not-used", LOG_S("proxy", l->conf.name),
              LOG_U("version", used->version), LOG_S("why", used->why),
              LOG_Z("effect", "the proxy goes on with those it had; it is told again every 30 s, and logged when the "
                              "reason is another one"));
}

void gateway_on_used(struct gateway_link *l, const struct link_settings_used_frame *used)
{
    struct log *log = l->gateway->conf.loop->log;

    if (used->version > l->gateway->version) {
        gateway_complain(l, LINK_LIED, "SETTINGS_USED, version: it was not told");
        return;
    }
    if (used->used) {
        log_info(log, "settings-used", LOG_S("proxy", l->conf.name), LOG_U("version", used->version));
        if (!l->used)
            l->since_ms = loop_now(l->gateway->conf.loop);
        l->used = used->version;
        l->refused[0] = '\0';
        gateway_turn(l->gateway);
        return;
    }
    refused(l, used);
    if (used->version == l->gateway->version)
        try_again(l->gateway);
}
