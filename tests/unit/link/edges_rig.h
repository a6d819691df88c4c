/*
 * Both ends of links: a gateway's end with an owner that is the test, two proxies with real streams, and a whole server as the
 * partner, in one loop.
 */
#ifndef STOX_TESTS_EDGES_RIG_H
#define STOX_TESTS_EDGES_RIG_H

#include "line_rig.h"
#include "link/gateway_parts.h"
#include "link/line_parts.h"
#include "link/proxy.h"
#include "xmpp/xmpp.h"

/* A proxy with its own key and its own streams. */
struct edge {
    struct end key;
    struct link_proxy *p;
    struct xmpp_local local;
    struct federation_maker maker;
    struct xmpp *x;
    struct addr inner, outer; /* where it is once it has been started */
};

/* What the gateway's owner was told. */
struct told {
    struct fate fates[4096];
    size_t n_fates;
    uint64_t receipts[512];
    size_t n_stanzas;
    struct buf bodies;
    bool holds; /* nothing is handled */
    size_t n_up, n_down;
    bool watches; /* it looks at steps */
    size_t notes;
    bool first_is_out; /* the first of them was about a header that the partner has answered with */
};

extern struct edge edges[2];
extern struct link_gateway *g;
extern struct link_gateway_proxy known[2]; /* by it, when it is started */
extern struct node b;
extern struct told told;
extern bool beside;  /* the next gateway takes over from one that goes on for a while */
extern bool removed; /* the partner, from the settings */

int edges_setup(void **state);
int edges_teardown(void **state);
void edge_start(struct edge *e); /* at the place where it was, if it was anywhere */
void edge_kill(struct edge *e);  /* as if it were killed: nobody is told anything but by its sockets */
void gateway_start(void);

void send_one(uint64_t token);
bool has_fate(uint64_t token);
enum xmpp_fate fate_of(uint64_t token); /* waits for it */
bool got(const char *text);             /* the partner's server */
bool heard(const char *text);           /* the gateway's owner */

/* 30 s pass, in steps that links bear, or less until it holds. */
#define LATER(cond)                                                                                                    \
    do {                                                                                                               \
        for (int step_ = 0; step_ < 60 && !(cond); step_++)                                                            \
            rig_pass(LINK_PING_MS / 2);                                                                                \
    } while (0)
#define later_until(cond)                                                                                              \
    do {                                                                                                               \
        LATER(cond);                                                                                                   \
        rig_until(cond);                                                                                               \
    } while (0)

#endif
