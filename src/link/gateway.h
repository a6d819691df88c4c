/*
 * The gateway's end of links: what is asked of federation (xmpp/federation.h), carried to proxies. The queue of each pair of domains is
 * here; a proxy has of it what it may write. See docs/PERIMETER.md for what the answers mean when links are cut.
 *
 * It is not a federation yet: what administrators see of proxies' streams has no frames. The functions are those of the same names there.
 */
#ifndef STOX_LINK_GATEWAY_H
#define STOX_LINK_GATEWAY_H

#include "link/line.h"

#define LINK_PROXIES_MAX 16
#define LINK_QUEUE_STANZAS 8192 /* of a pair, without a fate */
#define LINK_QUEUE_BYTES ((size_t)4 << 20)
#define LINK_WRITES_MAX 3 /* times that a stanza may have been written; see XMPP_WRITES_MAX */

struct link_gateway;

struct link_gateway_proxy {
    struct slice name; /* for logs */
    struct addr addr;
    struct slice pin;
    unsigned priority; /* the least is used first */
};

/* A certificate of ours, for proxies: PEM. */
typedef void link_identity_fn(void *arg, const struct link_identity_frame *identity);

/* Everything is borrowed, and outlives the gateway's end. */
struct link_gateway_conf {
    struct loop *loop;
    struct tls *tls; /* with LINK_CERTIFICATE */
    struct slice name;
    const struct link_gateway_proxy *proxies;
    size_t n_proxies;
    const struct xmpp_ops *ops; /* each_partner and each_served are asked, too */
    void *owner;
    void (*each_identity)(void *owner, link_identity_fn *fn, void *arg); /* NULL: there are none */
    struct slice dialback_secret;
    struct xmpp_limits limits;
};

struct link_gateway *link_gateway_new(const struct link_gateway_conf *conf, struct err *err);
void link_gateway_start(struct link_gateway *g);
void link_gateway_stop(struct link_gateway *g, void (*done)(void *arg), void *arg);
void link_gateway_free(struct link_gateway *g); /* NULL is fine */

bool link_gateway_send(struct link_gateway *g, const struct federation_stanza *stanza, enum xmpp_fate *fate);
bool link_gateway_withdraw(struct link_gateway *g, uint64_t token);
bool link_gateway_is_crowded(const struct link_gateway *g, struct slice local, struct slice remote);
bool link_gateway_is_linked(const struct link_gateway *g, struct slice remote);
void link_gateway_handled(struct link_gateway *g, uint64_t receipt);
bool link_gateway_pause(struct link_gateway *g, struct slice remote, bool pause);

void link_gateway_reconsider(struct link_gateway *g);
void link_gateway_set_limits(struct link_gateway *g, const struct xmpp_limits *limits);
bool link_gateway_set_secret(struct link_gateway *g, struct slice secret);
void link_gateway_refuse(struct link_gateway *g, bool refuse);
void link_gateway_rest(struct link_gateway *g);

/*
 * Of all proxies together, as they were a second ago; of one that is lost, what it had counted. queued is of this moment, and of the
 * stanzas whose fate nobody wants to know only those that no proxy has.
 */
const struct xmpp_counters *link_gateway_counters(const struct link_gateway *g);

/* What a proxy has counts as written: it may have been. */
bool link_gateway_walk_queue(struct link_gateway *g, uint64_t *at, size_t n, xmpp_queue_fn *fn, void *arg);

#endif
