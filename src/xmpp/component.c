#include "xmpp/component.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rand.h"

#define SHORT_LIFE_MS 10000

static void on_again(struct timer *t);

struct component_key {
    struct slice local, partner;
};

static bool same_component(const struct hash_node *node, const void *key)
{
    const struct xmpp_component *c = container_of(node, const struct xmpp_component, node);
    const struct component_key *k = key;

    return slice_eq(c->local, k->local) && slice_eq(c->partner, k->partner);
}

static void component_free(struct xmpp_component *c, bool listed)
{
    if (listed)
        hash_remove(&c->x->components, &c->node);
    timer_stop(&c->x->loop->timers, &c->again);
    xmpp_drop(&c->local);
    xmpp_drop(&c->partner);
    free(c);
}

/* The one of these two, made when it is not there. NULL on memory. */
static struct xmpp_component *component_of(struct xmpp *x, struct slice local, struct slice partner)
{
    const struct component_key key = { local, partner };
    uint64_t hash = hash_more(&x->components, hash_bytes(&x->components, local), partner);
    struct hash_node *node = hash_find(&x->components, hash, same_component, &key);
    struct xmpp_component *c = node ? container_of(node, struct xmpp_component, node) : calloc(1, sizeof(*c));

    if (node || !c)
        return c;
    c->x = x;
    timer_init(&c->again, on_again);
    if (xmpp_keep(&c->local, local) && xmpp_keep(&c->partner, partner) && hash_add(&x->components, &c->node, hash))
        return c;
    component_free(c, false);
    return NULL;
}

/* ---- attaching ---- */

static const struct xmpp_partner *partner_of(const struct xmpp_component *c)
{
    const struct xmpp_partner *p = c->x->conf.ops->partner(c->x->conf.owner, c->partner);

    return p && p->component ? p : NULL;
}

/* By what it was attached, so that a change is seen without keeping the secret. False on memory. */
static bool print_of(const struct xmpp_partner *p, unsigned char out[XMPP_COMPONENT_PRINT])
{
    char text[ADDR_TEXT];
    const char *at = addr_text(p->component, text);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) && EVP_DigestUpdate(md, at, strlen(at) + 1) &&
              EVP_DigestUpdate(md, p->component_secret.p, p->component_secret.n) && EVP_DigestFinal_ex(md, out, NULL);

    EVP_MD_CTX_free(md);
    return ok;
}

static const char *may_attach(struct xmpp_component *c, const struct xmpp_partner *p)
{
    char why[XMPP_REACH_WHY];

    if (c->x->stopping)
        return "this gateway is shutting down";
    if (!p)
        return "the partner is not reached as a component's server any more";
    if (!c->x->conf.ops->serves(c->x->conf.owner, c->local))
        return "the domain is not one of ours any more";
    if (!p->component_secret.n)
        return "component-secret is not set, and without it no server takes a component (stoxctl partner set "
               "--component-secret -)";
    if (xmpp_reach_may(c->x, p->component, REACH_LOCAL, why))
        return print_of(p, c->print) ? NULL : "out of memory";
    snprintf(c->why, sizeof(c->why), "the address of component is %s", why);
    return c->why;
}

static void again_later(struct xmpp_component *c)
{
    unsigned doublings = c->n_failed < 8 ? c->n_failed : 8;
    uint64_t ms = (uint64_t)XMPP_COMPONENT_AGAIN_MS << (doublings ? doublings - 1 : 0);

    if (ms > XMPP_COMPONENT_AGAIN_MAX_MS)
        ms = XMPP_COMPONENT_AGAIN_MAX_MS;
    if (c->n_failed == 0) /* the settings have ended it, or an administrator */
        ms = 0;
    timer_start(&c->x->loop->timers, &c->again, ms / 2 + (ms ? rand_below(ms / 2) : 0));
}

/* NULL when it has a stream now, else a clause. */
static const char *attach(struct xmpp_component *c)
{
    const struct xmpp_partner *p = partner_of(c);
    const char *why = may_attach(c, p);

    timer_stop(&c->x->loop->timers, &c->again);
    if (!why)
        c->stream = xmpp_stream_attach(c, p, &why);
    if (c->stream)
        return NULL;
    c->n_failed++;
    c->x->counters.streams_failed++;
    log_warning(c->x->loop->log, "stream-failed", LOG_S("local", c->local), LOG_S("remote", c->partner),
                LOG_Z("direction", "out"), LOG_Z("why", why));
    if (c->wanted && !c->x->stopping)
        again_later(c);
    return why;
}

static void on_again(struct timer *t)
{
    struct xmpp_component *c = container_of(t, struct xmpp_component, again);

    if (!c->stream && c->wanted && !c->x->stopping)
        (void)attach(c);
}

struct xmpp_stream *xmpp_component_join(struct xmpp_pair *pair, const struct xmpp_partner *partner,
                                        enum xmpp_fate *fate, const char **why)
{
    struct xmpp_component *c = component_of(pair->x, pair->local, partner->name);

    *fate = XMPP_FATE_UNREACHABLE;
    *why = c ? NULL : "out of memory";
    if (c && !c->stream)
        *why = attach(c);
    if (*why || c->stream->state == XMPP_STATE_CLOSING) /* the next one comes when this one is gone */
        return NULL;
    list_push(&c->stream->pairs, &pair->on_stream);
    return c->stream;
}

void xmpp_component_ended(struct xmpp_component *c, bool in_order)
{
    bool was_ready = c->stream->was_ready;

    c->stream->component = NULL;
    c->stream = NULL;
    if (c->x->stopping)
        return;
    if (!c->wanted) {
        component_free(c, true);
        return;
    }
    if (in_order)
        c->n_failed = 0;
    else if (was_ready && loop_now(c->x->loop) - c->ready_ms >= SHORT_LIFE_MS)
        c->n_failed = 1;
    else
        c->n_failed++;
    again_later(c);
}

/* ---- settings ---- */

struct wanting {
    struct xmpp *x;
    const struct xmpp_partner *partner;
};

static void want(void *arg, struct slice local)
{
    const struct wanting *w = arg;
    const struct xmpp_partner *partner = w->partner;
    struct xmpp *x = w->x;
    struct xmpp_component *c = component_of(x, local, partner->name);

    if (c)
        c->wanted = true;
    else
        log_error(x->loop->log, "component-not-attached", LOG_S("local", local), LOG_S("remote", partner->name),
                  LOG_Z("why", "out of memory; it is tried again with the next change of settings"));
}

/* Every domain of ours attaches to its server. */
static void want_of(void *arg, const struct xmpp_partner *partner, const struct slice *more, size_t n_more)
{
    struct xmpp *x = arg;
    struct wanting w = { x, partner };

    if (partner->component)
        x->conf.ops->each_served(x->conf.owner, want, &w);
}

static void unwant(struct hash_node *node, void *arg)
{
    container_of(node, struct xmpp_component, node)->wanted = false;
}

static bool is_outdated(struct xmpp_component *c, const struct xmpp_partner *p)
{
    unsigned char print[XMPP_COMPONENT_PRINT];
    char why[XMPP_REACH_WHY];

    if (!xmpp_reach_may(c->x, p->component, REACH_LOCAL, why))
        return true;
    return print_of(p, print) && memcmp(print, c->print, sizeof(print)) != 0;
}

static void follow(struct hash_node *node, void *arg)
{
    struct xmpp_component *c = container_of(node, struct xmpp_component, node);
    const struct xmpp_partner *p = c->wanted ? partner_of(c) : NULL;

    if (!p) {
        c->wanted = false;
        if (c->stream)
            xmpp_stream_close(c->stream, "the settings do not ask for this component any more");
        else
            component_free(c, true);
    } else if (!c->stream) { /* what was wrong may have been set right */
        c->n_failed = 0;
        again_later(c);
    } else if (is_outdated(c, p)) {
        xmpp_stream_close(c->stream, "the settings of this component have changed");
    }
}

void xmpp_components_reconsider(struct xmpp *x)
{
    hash_each(&x->components, unwant, NULL);
    if (x->conf.ops->each_partner)
        x->conf.ops->each_partner(x->conf.owner, want_of, x);
    hash_each(&x->components, follow, NULL);
}

static void free_one(struct hash_node *node, void *arg)
{
    component_free(container_of(node, struct xmpp_component, node), true);
}

void xmpp_components_free(struct xmpp *x)
{
    hash_each(&x->components, free_one, NULL);
}
