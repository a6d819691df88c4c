/*
 * The gateway's end of links: what is asked of federation (xmpp/federation.h), carried to proxies. The queue of each pair of domains is
 * here; a proxy has of it what it may write. See docs/PERIMETER.md for what the answers mean when links are cut.
 *
 * Its owner has it as a federation, by link_maker. The functions here are those of the same names there, and those about proxies.
 */
#ifndef STOX_LINK_GATEWAY_H
#define STOX_LINK_GATEWAY_H

#include "link/line.h"

#define LINK_PROXIES_MAX 16
#define LINK_QUEUE_STANZAS 8192 /* of a pair, without a fate */
#define LINK_QUEUE_BYTES ((size_t)4 << 20)
#define LINK_WRITES_MAX 3 /* times that a stanza may have been written; see XMPP_WRITES_MAX */

struct link_gateway;

/* A proxy, as the settings say. */
struct link_gateway_proxy {
    struct slice name;
    struct addr addr;  /* its inner one */
    struct slice pin;  /* of its key, as base/pin.h writes it */
    unsigned priority; /* the least is used first */
};

/* A certificate of ours, for proxies: PEM. */
typedef void link_identity_fn(void *arg, const struct link_identity_frame *identity);

/* Everything is borrowed, and outlives the gateway's end. */
struct link_gateway_conf {
    struct loop *loop;
    struct tls *tls; /* with LINK_CERTIFICATE */
    struct slice name;
    const struct link_gateway_proxy *proxies; /* the first ones: link_gateway_set_proxies */
    size_t n_proxies;
    const struct xmpp_ops *ops; /* each_partner and each_served are asked, too */
    void *owner;
    void (*each_identity)(void *arg, link_identity_fn *fn, void *fn_arg); /* NULL: there are none */
    bool (*revocations)(void *arg, struct buf *out);                      /* adds them as PEM; NULL: there are none */
    void *arg;                                                            /* the first argument of both */
    bool beside; /* another process of this gateway has handed over to us, and still ends what it has */
    struct slice dialback_secret;
    struct xmpp_limits limits;
};

struct link_gateway *link_gateway_new(const struct link_gateway_conf *conf, struct err *err);

/*
 * The proxies that there are from now on, at most LINK_PROXIES_MAX, each name once; copied. On the loop, at any time. One whose address
 * and pin are as before keeps its link; one that is not among them any more, or is at another place, is left: what it had goes on by
 * another one as soon as it can write no more.
 */
void link_gateway_set_proxies(struct link_gateway *g, const struct link_gateway_proxy *proxies, size_t n);

/* What administrators see of a proxy. Everything is borrowed until return; times are of the loop's clock. */
struct link_proxy_info {
    struct slice name;
    const struct addr *addr;
    unsigned priority;
    enum link_state {
        LINK_IS_DOWN,  /* no link; it is dialled again */
        LINK_DIALS,    /* a connection is being set up */
        LINK_LEARNS,   /* linked; it has not taken our settings yet, or has refused them */
        LINK_IS_READY, /* partners can come in by it, and stanzas can go out */
        LINK_IS_SILENT /* linked, and not heard for 3 s: what goes out waits, or goes by another one */
    } state;
    bool chosen;          /* what begins now goes out by it */
    const char *why;      /* the end of its last link, or why it refuses our settings, or SILENT; "": neither */
    struct slice host;    /* as it calls itself; empty: it was never linked */
    uint64_t since_ms;    /* it is so */
    uint64_t answered_ms; /* it was heard last: a question of its was answered; 0: never */
    uint64_t dials_ms;    /* DOWN: when it is dialled again */
    uint64_t n_links;     /* so far */
    size_t under_way;     /* stanzas that it has, without a fate */
    size_t waiting;       /* inside, for any proxy */
    const char *program;  /* its version; "": it has not said yet */
    uint64_t trip_ms;     /* of the last question, there and back; when program says something */
    struct xmpp_counters counters; /* its own; queued is 0 */
};
typedef void link_proxy_fn(void *arg, const struct link_proxy_info *info);
void link_gateway_each_proxy(struct link_gateway *g, link_proxy_fn *fn, void *arg);

/* What of one partner is on its way by this proxy; of those of whom something is. Beyond LINK_*_STANZAS and _BYTES no more sets out. */
struct link_share_info {
    struct slice partner;
    size_t in_stanzas,
        in_bytes; /* taken from the proxy, and its credit not given back yet: the bridge has paused the partner */
    size_t out_stanzas, out_bytes; /* the proxy has it, without a fate */
};
typedef void link_share_fn(void *arg, const struct link_share_info *info);
void link_gateway_each_share(struct link_gateway *g, struct slice proxy, link_share_fn *fn, void *arg);

const char *link_state_name(enum link_state state); /* "down", "dialling", "learning", "ready", "silent" */

/* Dials it now, if it has no link. False: there is none of that name. */
bool link_gateway_dial(struct link_gateway *g, struct slice name);

/*
 * Has a proxy connect to an outer address, as from where the gateway is there is no way: the one of this name if it is ready, else the
 * one that is used. 0: none can be asked now.
 */
uint64_t link_gateway_knock(struct link_gateway *g, struct slice name, const struct addr *to);

struct link_knock_info {
    bool done, open;
    bool refused;               /* somebody there has said no; else nothing came back */
    char why[LINK_WHY_MAX + 1]; /* not open: a clause */
};
/* What came of it, so far; told once when it is done. False: nothing is known of it, or its proxy was lost. */
bool link_gateway_knocked(struct link_gateway *g, uint64_t id, struct link_knock_info *out);

void link_gateway_start(struct link_gateway *g);
void link_gateway_stop(struct link_gateway *g, void (*done)(void *arg), void *arg);
void link_gateway_free(struct link_gateway *g); /* NULL is fine */

/* ---- as a federation ---- */

/*
 * A maker of federation by proxies. All but the last is the caller's to set, borrowed, and outlives what is made. One is made at a time.
 */
struct link_maker {
    struct federation_maker maker;                                        /* .make is link_make */
    struct tls *tls;                                                      /* with LINK_CERTIFICATE */
    struct slice name;                                                    /* of this host */
    void (*each_identity)(void *arg, link_identity_fn *fn, void *fn_arg); /* asked whenever settings are told */
    bool (*revocations)(void *arg, struct buf *out);                      /* likewise, when they have changed */
    void *arg;
    bool beside;                /* as above */
    struct link_gateway **made; /* told what was made, for the functions above; NULL again once it is freed */
};

struct federation *link_make(const struct federation_maker *maker, struct loop *loop,
                             const struct federation_conf *conf, struct err *err);

bool link_gateway_send(struct link_gateway *g, const struct federation_stanza *stanza, enum xmpp_fate *fate);
const char *link_gateway_refusal(const struct link_gateway *g, enum xmpp_fate fate);
bool link_gateway_withdraw(struct link_gateway *g, uint64_t token);
bool link_gateway_is_crowded(const struct link_gateway *g, struct slice local, struct slice remote);
bool link_gateway_is_linked(const struct link_gateway *g, struct slice remote);
void link_gateway_handled(struct link_gateway *g, uint64_t receipt);
bool link_gateway_pause(struct link_gateway *g, struct slice remote, bool pause);

void link_gateway_reconsider(struct link_gateway *g);
void link_gateway_revocations_changed(struct link_gateway *g);
void link_gateway_set_limits(struct link_gateway *g, const struct xmpp_limits *limits);
bool link_gateway_set_secret(struct link_gateway *g, struct slice secret);
void link_gateway_refuse(struct link_gateway *g, bool refuse);
void link_gateway_rest(struct link_gateway *g);
void link_gateway_leave(struct link_gateway *g);

/*
 * Of all proxies together, as they were a second ago; of one that is lost, what it had counted. queued is of this moment, and of the
 * stanzas whose fate nobody wants to know only those that no proxy has.
 */
const struct xmpp_counters *link_gateway_counters(const struct link_gateway *g);

/* What a proxy has counts as written: it may have been. */
bool link_gateway_walk_queue(struct link_gateway *g, uint64_t *at, size_t n, xmpp_queue_fn *fn, void *arg);

#endif
