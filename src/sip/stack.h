/* The stack's inside: what inspection, transactions and transports share. */
#ifndef STOX_SIP_STACK_H
#define STOX_SIP_STACK_H

#include "sip/client.h"
#include "sip/dialog_priv.h"
#include "sip/health.h"
#include "sip/locate.h"
#include "sip/probe.h"
#include "sip/server.h"
#include "sip/sub_priv.h"
#include "sip/transport.h"

struct sip {
    struct loop *loop;
    struct sip_conf conf;
    char *host; /* owned; conf.host, IPv6 in brackets, lower case */
    struct sip_counters counters;
    struct sip_wire wire; /* the transports, or a test */
    struct sip_servers servers;
    struct sip_clients clients;
    struct sip_logins logins;
    struct sip_invites invites;
    struct sip_dialogs dialogs;
    struct sip_subs subs;
    struct sip_transports transports;
    struct sip_locator locator;
    struct sip_healths healths;
    struct list attempts; /* struct sip_attempt */
    struct list probes;   /* struct sip_probe */
    size_t n_probes;
    uint64_t last_probe;
    sip_pass *pass; /* leave.c; NULL: nothing is passed on */
    void *pass_arg;
    struct buf place;   /* the key of a destination in the making */
    struct buf headers; /* header lines of an answer in the making; taken whole at the start, so that none is cut */
    struct log_limit log_stranger, log_malformed, log_unserved, log_full, log_lost, log_conns, log_peers, log_large,
        log_subs_full, log_notify, log_branch;
};

static inline struct sip_peer sip_peer_of(const struct sip_source *s)
{
    return (struct sip_peer){ .addr = &s->addr, .transport = s->transport, .names = s->names, .n_names = s->n_names };
}

enum sip_next { SIP_GO_ON, SIP_CLOSE };

/* What a received message leads to. SIP_CLOSE: on a stream, nothing more can be read from this peer. */
enum sip_next sip_take(struct sip *sip, enum sip_parse parse, const struct sip_msg *m, const char *fault,
                       const struct sip_source *source);

/* leave.c: false: it is none of ours, and nothing was done. */
bool sip_take_own(struct sip *sip, const struct sip_msg *m, const struct sip_source *source);

/* Does a sent-by name us: our name or address with the port of a listener? */
bool sip_is_our_sent_by(const struct sip *sip, struct slice host, uint16_t port);

/* Is it our name, or the address of a listener? */
bool sip_is_our_host(const struct sip *sip, struct slice host);

/* Would a connection to it arrive where we listen? owner: struct sip. */
bool sip_listens_at(void *owner, const struct addr *to);

/* attempt.c: what runs ends without a word. */
void sip_attempts_fini(struct sip *sip);

/* health.c: OPTIONS to a target. NULL as sip_send. */
struct sip_client *sip_ask_options(struct sip *sip, const struct sip_target *target, sip_done *done, void *arg);

/* answer.c: to a request of a dialog, by a transaction where there is memory for it: its repetition would be out of order. */
void sip_answer(struct sip *sip, const struct sip_incoming *in, unsigned status, const char *reason,
                struct slice headers);

/* Is the method one we serve? 0, 405 or 501 (RFC 3261 8.2.1), with Allow in sip->headers. */
unsigned sip_inspect_method(struct sip *sip, const struct sip_msg *m);

/* Does it belong to a transaction by its branch (RFC 3261 17.2.3), and is another request, or a CANCEL of another one? */
bool sip_reuses_branch(struct sip *sip, const struct sip_msg *m, const struct sip_server_id *id);

/*
 * The UAS checks of RFC 3261 8.2 for a request with a good form that is no retransmission. 0: for the owner, or with a To tag
 * for the dialog. Else the status to answer, with more header lines in sip->headers.
 */
unsigned sip_inspect(struct sip *sip, const struct sip_msg *m, const struct sip_server_id *id);

#endif
