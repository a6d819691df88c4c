#include "link/copy.h"

#include <stdlib.h>

#include "base/hash.h"

struct copy_partner {
    struct list link;
    struct xmpp_partner xmpp;
    struct slice *pins, *more;
    size_t n_more;
};

/* A domain of ours, or of a partner's. */
struct copy_domain {
    struct hash_node node;
    struct list link; /* of ours */
    struct slice name;
    const struct copy_partner *partner; /* NULL: ours */
    struct slice features;
};

struct link_copy {
    struct arena arena;
    struct hash domains;
    struct list partners, served, identities;
    struct xmpp_limits limits;
    struct addr_net *networks;
    bool has_limits;
    char secret[XMPP_SECRET_MAX];
    size_t secret_n;
    uint64_t n_frames;
};

struct link_copy *link_copy_new(void)
{
    struct link_copy *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    arena_init(&c->arena, LINK_COPY_BYTES_MAX);
    hash_init(&c->domains);
    list_init(&c->partners);
    list_init(&c->served);
    list_init(&c->identities);
    return c;
}

void link_copy_free(struct link_copy *c)
{
    struct list *l;

    if (!c)
        return;
    while ((l = list_pop(&c->identities)))
        link_identity_fini(container_of(l, struct link_identity, link));
    list_each (it, &c->partners) {
        struct slice secret = container_of(it, struct copy_partner, link)->xmpp.component_secret;

        if (secret.n)
            explicit_bzero((char *)secret.p, secret.n);
    }
    explicit_bzero(c->secret, sizeof(c->secret));
    hash_free(&c->domains);
    arena_reset(&c->arena);
    free(c);
}

/* ---- building ---- */

static bool no_room(struct err *err)
{
    err_set(err, "the settings need more memory than there is, or than a proxy takes");
    return false;
}

static bool keep(struct link_copy *c, struct slice *out, struct slice s)
{
    *out = s.n ? arena_dup(&c->arena, s) : (struct slice){ 0 };
    return out->p || !s.n;
}

/* Room for one more in an array of n that grows by doubling: the array. */
static void *one_more(struct arena *a, void *array, size_t n, size_t size)
{
    void *bigger;

    if (n & (n - 1)) /* no power of two: what was made at the last one is not full */
        return array;
    bigger = arena_alloc(a, (n ? 2 * n : 1) * size);
    if (bigger && n)
        memcpy(bigger, array, n * size);
    return bigger;
}

static bool domain_is(const struct hash_node *node, const void *key)
{
    return slice_eq(container_of(node, struct copy_domain, node)->name, *(const struct slice *)key);
}

static struct copy_domain *find(const struct link_copy *c, struct slice name)
{
    struct hash_node *node = hash_find(&c->domains, hash_bytes(&c->domains, name), domain_is, &name);

    return node ? container_of(node, struct copy_domain, node) : NULL;
}

/* partner NULL: a domain of ours. */
static struct copy_domain *add_domain(struct link_copy *c, struct slice name, const struct copy_partner *partner,
                                      struct err *err)
{
    struct copy_domain *d;

    if (find(c, name)) {
        err_set(err, "the domain \"%.*s\" is there twice", SLICE_FMT(name));
        return NULL;
    }
    d = arena_zalloc(&c->arena, sizeof(*d));
    if (!d || !keep(c, &d->name, name) || !hash_add(&c->domains, &d->node, hash_bytes(&c->domains, name))) {
        no_room(err);
        return NULL;
    }
    list_init(&d->link);
    d->partner = partner;
    return d;
}

static bool take_limits(struct link_copy *c, const struct link_limits_frame *f, struct err *err)
{
    if (c->has_limits) {
        err_set(err, "the limits are there twice");
        return false;
    }
    c->has_limits = true;
    c->limits.connection_limit = (unsigned)f->connection_limit;
    c->limits.partner_connection_limit = (unsigned)f->partner_connection_limit;
    c->limits.establish_s = (unsigned)f->establish_s;
    c->limits.inactivity_s = (unsigned)f->inactivity_s;
    c->limits.keepalive_s = (unsigned)f->keepalive_s;
    c->limits.stanza_rate = (unsigned)f->stanza_rate;
    c->limits.byte_rate = (unsigned)f->byte_rate;
    return true;
}

static bool take_secret(struct link_copy *c, const struct link_secret_frame *f, struct err *err)
{
    if (c->secret_n) {
        err_set(err, "the dialback secret is there twice");
        return false;
    }
    memcpy(c->secret, f->secret.p, f->secret.n);
    c->secret_n = f->secret.n;
    return true;
}

static bool take_network(struct link_copy *c, const struct link_network_frame *f, struct err *err)
{
    size_t n = c->limits.n_partner_networks;
    struct addr_net net;

    if (!addr_net_parse(f->network, &net)) {
        err_set(err, "\"%.*s\" is no network", SLICE_FMT(f->network));
        return false;
    }
    c->networks = one_more(&c->arena, c->networks, n, sizeof(net));
    if (!c->networks)
        return no_room(err);
    c->networks[n] = net;
    c->limits.partner_networks = c->networks;
    c->limits.n_partner_networks = n + 1;
    return true;
}

static bool take_served(struct link_copy *c, const struct link_served_frame *f, struct err *err)
{
    struct copy_domain *d = add_domain(c, f->domain, NULL, err);

    if (!d)
        return false;
    list_push(&c->served, &d->link);
    return keep(c, &d->features, f->features) || no_room(err);
}

static bool keep_component(struct link_copy *c, struct xmpp_partner *p, const struct link_partner_frame *f,
                           struct err *err)
{
    struct addr *at;

    if (!f->component.n)
        return true;
    at = arena_zalloc(&c->arena, sizeof(*at));
    if (!at)
        return no_room(err);
    if (!addr_parse(f->component, 0, at)) {
        err_set(err, "partner \"%.*s\": its component has no address that can be read", SLICE_FMT(f->name));
        return false;
    }
    p->component = at;
    return true;
}

static bool take_partner(struct link_copy *c, const struct link_partner_frame *f, struct err *err)
{
    struct copy_partner *p = arena_zalloc(&c->arena, sizeof(*p));

    if (!p)
        return no_room(err);
    p->xmpp = (struct xmpp_partner){ .tls = (enum xmpp_need)f->tls,
                                     .sasl = (enum xmpp_need)f->sasl,
                                     .dialback = f->dialback,
                                     .keep_alive = f->keep_alive,
                                     .bidi = f->bidi,
                                     .connection_limit = (unsigned)f->connection_limit,
                                     .stanza_rate = (unsigned)f->stanza_rate,
                                     .byte_rate = (unsigned)f->byte_rate };
    list_push(&c->partners, &p->link);
    if (!keep(c, &p->xmpp.name, f->name) || !keep(c, &p->xmpp.proxy, f->proxy) ||
        !keep(c, &p->xmpp.component_secret, f->component_secret))
        return no_room(err);
    return keep_component(c, &p->xmpp, f, err) && add_domain(c, f->name, p, err);
}

/* The partner that the next frames are about; NULL with a sentence. */
static struct copy_partner *last_partner(struct link_copy *c, struct err *err)
{
    if (!list_empty(&c->partners))
        return container_of(c->partners.prev, struct copy_partner, link);
    err_set(err, "a domain or a pin comes before all partners");
    return NULL;
}

static bool take_partner_domain(struct link_copy *c, const struct link_partner_domain_frame *f, struct err *err)
{
    struct copy_partner *p = last_partner(c, err);
    struct copy_domain *d = p ? add_domain(c, f->domain, p, err) : NULL;

    if (!d)
        return false;
    p->more = one_more(&c->arena, p->more, p->n_more, sizeof(*p->more));
    if (!p->more)
        return no_room(err);
    p->more[p->n_more++] = d->name;
    return true;
}

static bool take_partner_pin(struct link_copy *c, const struct link_partner_pin_frame *f, struct err *err)
{
    struct copy_partner *p = last_partner(c, err);

    if (!p)
        return false;
    p->pins = one_more(&c->arena, p->pins, p->xmpp.n_pins, sizeof(*p->pins));
    if (!p->pins || !keep(c, &p->pins[p->xmpp.n_pins], f->pin))
        return no_room(err);
    p->xmpp.pins = p->pins;
    p->xmpp.n_pins++;
    return true;
}

static bool take_identity(struct link_copy *c, const struct link_identity_frame *f, struct err *err)
{
    struct link_identity *id = arena_zalloc(&c->arena, sizeof(*id));

    if (!id || !keep(c, &id->name, f->name))
        return no_room(err);
    if (!link_identity_read(id, f, err))
        return false;
    list_push(&c->identities, &id->link);
    return true;
}

bool link_copy_take(struct link_copy *c, const struct link_frame *f, struct err *err)
{
    if (++c->n_frames > LINK_COPY_FRAMES_MAX)
        return no_room(err);
    switch (f->type) {
    case LINK_LIMITS: return take_limits(c, &f->limits, err);
    case LINK_SECRET: return take_secret(c, &f->secret, err);
    case LINK_NETWORK: return take_network(c, &f->network, err);
    case LINK_SERVED: return take_served(c, &f->served, err);
    case LINK_PARTNER: return take_partner(c, &f->partner, err);
    case LINK_PARTNER_DOMAIN: return take_partner_domain(c, &f->partner_domain, err);
    case LINK_PARTNER_PIN: return take_partner_pin(c, &f->partner_pin, err);
    case LINK_IDENTITY: return take_identity(c, &f->identity, err);
    default: break;
    }
    err_set(err, "between SETTINGS and SETTINGS_END there is a frame that is no setting");
    return false;
}

bool link_copy_end(struct link_copy *c, uint64_t n_frames, struct err *err)
{
    if (n_frames != c->n_frames)
        err_set(err, "%llu frames of settings were sent, and %llu have come", (unsigned long long)n_frames,
                (unsigned long long)c->n_frames);
    else if (!c->has_limits || !c->secret_n)
        err_set(err, "the settings have no %s", c->has_limits ? "dialback secret" : "limits");
    else
        return true;
    return false;
}

/* ---- answering ---- */

const struct xmpp_partner *link_copy_partner(const struct link_copy *c, struct slice domain)
{
    const struct copy_domain *d = find(c, domain);

    return d && d->partner ? &d->partner->xmpp : NULL;
}

bool link_copy_serves(const struct link_copy *c, struct slice domain, struct slice *features)
{
    const struct copy_domain *d = find(c, domain);

    if (!d || d->partner)
        return false;
    if (features)
        *features = d->features;
    return true;
}

void link_copy_each_partner(const struct link_copy *c, xmpp_partner_fn *fn, void *arg)
{
    list_each (it, &c->partners) {
        const struct copy_partner *p = container_of(it, const struct copy_partner, link);

        fn(arg, &p->xmpp, p->more, p->n_more);
    }
}

void link_copy_each_served(const struct link_copy *c, void (*fn)(void *arg, struct slice domain), void *arg)
{
    list_each (it, &c->served)
        fn(arg, container_of(it, const struct copy_domain, link)->name);
}

const struct xmpp_limits *link_copy_limits(const struct link_copy *c)
{
    return &c->limits;
}

struct slice link_copy_secret(const struct link_copy *c)
{
    return slice_of(c->secret, c->secret_n);
}

void link_copy_each_identity(const struct link_copy *c, void (*fn)(void *arg, const struct link_identity *id),
                             void *arg)
{
    list_each (it, &c->identities)
        fn(arg, container_of(it, const struct link_identity, link));
}
