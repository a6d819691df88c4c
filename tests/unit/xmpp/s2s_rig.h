/*
 * Both ends of a server-to-server wire in one loop: nodes, which are whole struct xmpp with a domain and one partner each,
 * and fakes, which are scripted peers that say and read bytes. Time beyond real time is made by rig_advance.
 */
#ifndef STOX_TESTS_S2S_RIG_H
#define STOX_TESTS_S2S_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "xmpp/core.h"
#include "xmpp/stream.h"

#define OURS "contoso.example"
#define THEIRS "fabrikam.example"

struct fate {
    uint64_t token;
    enum xmpp_fate fate;
    char why[256];
};

struct node {
    struct xmpp *x;
    struct tls *tls;
    const char *domain; /* what it serves */
    const char *also;   /* and this, if not NULL */
    struct xmpp_partner partner;
    const char *partner_domain; /* "*": every other domain is a partner */
    struct xmpp_partner second;
    const char *second_domain; /* a partner with settings of its own, if not NULL */
    char proxy[64];
    struct addr component; /* of partner, when node_attaches_to was called */
    struct buf got;        /* stanzas received: "from>to:name:body\n" */
    unsigned n_got;
    bool hold; /* do not call xmpp_handled; the first receipts are kept */
    uint64_t receipts[64];
    unsigned n_receipts;
    struct fate fates[128];
    unsigned n_fates;
    bool stopped;
    bool insists; /* sends again from inside settled() */
};

struct fake {
    struct conn *conn;
    struct listener *listener;
    struct tls *tls;
    struct buf rx;
    size_t seen; /* fake_expect has matched up to here */
    bool secured, closed;
    bool direct; /* listening: TLS from the first byte */
    enum conn_end why;
    unsigned n_accepted;
    struct list link; /* of all that are open */
    bool unheard;     /* something was said that may still be on its way */
};

extern struct loop rig_loop;
extern struct buf rig_log;

/* Which certificate a side shows. */
enum { CERT_NONE, CERT_OURS, CERT_THEIRS, CERT_MALLORY, CERT_SELF_SIGNED, CERT_TWO_NAMES };

int rig_setup(void **state);
int rig_teardown(void **state);

struct tls *rig_tls(int cert);
/* tls goes by a list that names this certificate, signed by the rig's authority, or by somebody of its name. */
void rig_revoke(struct tls *tls, int cert, bool forged);
void node_start(struct node *n, const char *domain, const char *partner, int cert);
/* As node_start, the settings of the partner or of all changed by the caller before. */
void node_conf(struct xmpp_conf *conf, struct node *n);
void node_start_with(struct node *n, const struct xmpp_conf *conf);
void node_stop(struct node *n);
const struct addr *node_addr(const struct node *n);
/* n's partner is found at to. */
void node_points_to(struct node *n, const struct addr *to);
/* n's partner's server takes components there; counts with xmpp_reconsider. */
void node_attaches_to(struct node *n, const struct addr *to, const char *secret);
void node_set(struct node *n, enum xmpp_need tls, enum xmpp_need sasl, bool dialback);

/* A message from n's domain to its partner. False as xmpp_send. */
bool node_send(struct node *n, uint64_t token, const char *body);
/* The fate of token; waits for it. */
enum xmpp_fate node_fate(struct node *n, uint64_t token);
bool node_has_fate(const struct node *n, uint64_t token);

void fake_connect(struct fake *f, const struct addr *to, int cert);
void fake_listen(struct fake *f, int cert);
void fake_say(struct fake *f, const char *text);
/* Waits until text comes after what was matched before; fails the test when it does not. Returns what stood before it. */
const char *fake_expect(struct fake *f, const char *text);
/* What has come so far does not hold text. */
void fake_lacks(struct fake *f, const char *text);
void fake_expect_closed(struct fake *f);
void fake_tls_client(struct fake *f);
void fake_tls_server(struct fake *f);
void fake_close(struct fake *f);
/* Forgets what came; for a new header. */
void fake_forget(struct fake *f);
/* Value of an attribute of the last stream header that came, in static storage. */
const char *fake_stream_id(struct fake *f);

#define HEADER_FROM(from, to)                                                                                          \
    "<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' "       \
    "xmlns:db='jabber:server:dialback' from='" from "' to='" to "' version='1.0'>"
#define HEADER HEADER_FROM(THEIRS, OURS)
#define STARTTLS "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
#define AUTH(text) "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>" text "</auth>"
#define MESSAGE(from, to, body) "<message from='" from "' to='" to "' id='m'><body>" body "</body></message>"

/* From connect to STARTTLS done. */
void fake_to_tls(struct fake *f, const struct node *n, int cert);
/* ... and SASL EXTERNAL, up to the features after it. */
void fake_to_ready(struct fake *f, const struct node *n, int cert);

/* As the server that a node connects to: up to the features behind SASL, and up to where the node may send stanzas. */
void fake_serve_proven(struct fake *f, bool sm);
void fake_serve(struct fake *f, bool sm);

/* Runs the loop until the condition holds, at most 20 s; fails the test then. */
#define rig_until(cond)                                                                                                \
    do {                                                                                                               \
        uint64_t until_ = rig_deadline();                                                                              \
        while (!(cond)) {                                                                                              \
            if (rig_late(until_))                                                                                      \
                fail_msg("not in time: %s\n%.*s", #cond, (int)rig_log.n, rig_log.p ? rig_log.p : "");                  \
            rig_wait(until_);                                                                                          \
        }                                                                                                              \
    } while (0)
uint64_t rig_deadline(void);
bool rig_late(uint64_t until);
/* A turn. When there has been nothing for a second the loop's time passes too: somebody may rest before he tries again. */
void rig_wait(uint64_t until);
void rig_turn(void);
/* So many, and more until what the fakes have said has been read, if the nodes read at all: loopback is no faster than the machine. */
void rig_turns(int n);
void rig_advance(uint64_t ms);
/* The same two, but no more turns when nothing happens any more: for what does it hundreds of times. */
void rig_quiet(int n);
void rig_pass(uint64_t ms);
bool rig_logged(const char *text);

#endif
