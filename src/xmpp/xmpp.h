/*
 * XMPP federation as its owner (the bridge) sees it: stanzas for a pair of domains go out and each gets one fate; stanzas
 * that come in were sent by an authenticated partner. Finding partners, streams, TLS, SASL, dialback, stream management and
 * the ping barrier are below this line. This is the cut at which a proxy role can be put between (DESIGN, "Two roles"):
 * only values and bytes cross it.
 */
#ifndef STOX_XMPP_XMPP_H
#define STOX_XMPP_XMPP_H

#include "net/conn.h"
#include "net/dns.h"
#include "net/loop.h"
#include "xmpp/jid.h"
#include "xmpp/methods.h"
#include "xmpp/trace.h"
#include "xmpp/xml.h"

struct xmpp;

/* What the settings say of the partner a domain belongs to. Strings are the owner's, valid until it says otherwise. */
struct xmpp_partner {
    struct slice name; /* primary domain, for logs */
    enum xmpp_need tls, sasl;
    bool dialback;
    bool keep_alive;
    bool bidi;                 /* one stream for both directions, where its server can (XEP-0288) */
    unsigned connection_limit; /* streams in all, both directions */
    unsigned stanza_rate;      /* a second, of what it sends; 0: that of all */
    unsigned byte_rate;        /* likewise */
    struct slice proxy;        /* fixed next hop "host" or "host:port" instead of SRV; empty: none */
    const struct slice *pins;  /* of keys, as base/pin.h writes them; any: the partner's key is one of them */
    size_t n_pins;
    const struct addr *component;  /* its server, that we attach to as components (XEP-0114) instead; NULL: none */
    struct slice component_secret; /* empty: not set */
};

/* What became of a stanza we were asked to send. Each asked-for stanza gets exactly one. */
enum xmpp_fate {
    XMPP_FATE_CONFIRMED,   /* the partner's server has acknowledged it (XEP-0198 a, or the ping barrier) */
    XMPP_FATE_UNCONFIRMED, /* written, but this partner confirms nothing (three barriers unanswered on a live stream) */
    XMPP_FATE_NO_SERVER,   /* DNS: no such domain, or it offers no XMPP (remote-server-not-found) */
    XMPP_FATE_UNREACHABLE, /* could not connect, negotiate or authenticate (remote-server-timeout) */
    XMPP_FATE_REFUSED,  /* settings or partner forbid it: TLS, certificate, dialback invalid (remote-server-timeout) */
    XMPP_FATE_FULL,     /* the partner's queue is full (resource-constraint) */
    XMPP_FATE_TOO_LONG, /* longer than the partner's server takes; it was not written (policy-violation) */
    XMPP_FATE_LOST, /* written, then the stream broke before the acknowledgement, and it was withdrawn or cannot be repeated */
};

/* An incoming stanza. */
struct xmpp_stanza {
    struct xml *el;              /* message, presence or iq in jabber:server; borrowed until return */
    struct arena *arena;         /* of this stanza; for the owner's own small needs, gone on return */
    const struct jid *from, *to; /* prepared; domains are the authenticated pair */
    struct slice stream_lang;
    uint64_t receipt; /* to be given to xmpp_handled once */
};

struct xmpp_ops {
    /* The partner that owns this domain (prepared form); NULL: not listed, refuse. */
    const struct xmpp_partner *(*partner)(void *owner, struct slice domain);
    /* Do we serve this domain on XMPP, that is, is it a SIP domain of ours? */
    bool (*serves)(void *owner, struct slice domain);
    /* A stanza of an authenticated pair, in order. */
    void (*stanza)(void *owner, const struct xmpp_stanza *stanza);
    /* The fate of xmpp_send's token. why: a clause for log and reason text. Never called from inside xmpp_send. */
    void (*settled)(void *owner, uint64_t token, enum xmpp_fate fate, const char *why);
    /* fn for each domain of ours with each partner that has a component address. NULL: there is none. */
    void (*components)(void *owner, void (*fn)(void *arg, struct slice local, const struct xmpp_partner *partner),
                       void *arg);
    /* Would a connection to this address arrive at the owner itself? xmpp_listen's are known. NULL: it never would. */
    bool (*listens)(void *owner, const struct addr *to);
    /* Does anybody look at noted? It is told of set-ups, step by step, and of the ends of streams; domains are empty where
     * they are not known yet. Both may be NULL. */
    bool (*watched)(void *owner);
    void (*noted)(void *owner, struct slice local, struct slice remote, bool inbound, const char *step,
                  enum step_result result, struct slice text);
    /* A stream is proven for this domain of a partner's; one that was broke, or ended with an error: what it carried may be lost, and
     * what the partner sent meanwhile too. An end in order is none of these. May be NULL. */
    void (*link)(void *owner, struct slice remote, bool up);
    /* Appends what this domain of ours says of itself in the features of an authenticated stream. NULL: nothing. */
    void (*features)(void *owner, struct slice domain, struct buf *out);
};

/* What may change while streams are up. */
struct xmpp_limits {
    unsigned connection_limit;         /* 1000 in all */
    unsigned partner_connection_limit; /* 20, unless the partner says otherwise */
    unsigned establish_s;              /* StreamEstablishmentTimeout 60: all of an outbound set-up */
    unsigned inactivity_s;             /* StreamInactivityTimeout 600 */
    unsigned keepalive_s;              /* KeepAliveInterval 300 */
    /* Where names may lead besides public addresses; borrowed until the next xmpp_set_limits. */
    const struct addr_net *partner_networks;
    size_t n_partner_networks;
    unsigned stanza_rate; /* a second, of what one partner sends; 0: as many as come */
    unsigned byte_rate;   /* likewise */
};

#define XMPP_SECRET_MAX 256

struct xmpp_conf {
    const struct xmpp_ops *ops;
    void *owner;
    struct tls *tls;
    struct dns *dns;
    struct slice dialback_secret; /* see xmpp_set_secret */
    struct xmpp_limits limits;
    unsigned per_ip_unauthenticated; /* 64; of IPv6 by /64 */
    unsigned per_ip_handshakes;      /* 50: TLS handshakes of inbound streams, a second; 0: no limit */
    unsigned unauthenticated_s;      /* 30: life of an inbound stream before authentication */
    unsigned connect_s;              /* 10 for one address */
    size_t stanza_max;               /* 256 KiB */
    size_t queue_max_stanzas;        /* per pair, unsent and unacknowledged: 2048 */
    size_t queue_max_bytes;          /* per pair: 1 MiB */
    unsigned port;                   /* 5269; tests may differ */
};

struct xmpp *xmpp_new(struct loop *loop, const struct xmpp_conf *conf, struct err *err);

/* Says system-shutdown on every stream, then closes. done is called when all are gone, at most 5 s later. */
void xmpp_stop(struct xmpp *x, void (*done)(void *arg), void *arg);
void xmpp_free(struct xmpp *x);

/*
 * From now on a stream that a partner begins is told system-shutdown in answer to its header; or no more. What is open goes on. After
 * xmpp_rest, false also wakes all of it up.
 */
void xmpp_refuse(struct xmpp *x, bool refuse);
/* Says system-shutdown on every stream, and opens and sends nothing until xmpp_refuse(x, false). Listeners stay. */
void xmpp_rest(struct xmpp *x);

/*
 * leave.c: another process takes over. Partners' streams are not read any more, so that what was read can be counted; xmpp_leave_close
 * closes them in order, with the last count, and says how many are left: it is called until there are none. What a partner with
 * stream management sends meanwhile is left to the other process, to which it comes again. Our streams go on.
 */
void xmpp_leave(struct xmpp *x);
size_t xmpp_leave_close(struct xmpp *x);

int xmpp_listen(struct xmpp *x, const struct addr *local, struct err *err);
/* Where partners begin with TLS at the first byte (XEP-0368). */
int xmpp_listen_direct(struct xmpp *x, const struct addr *local, struct err *err);

/*
 * Sends one complete stanza (with from and to inside; jabber:server as default namespace) from our domain to the partner's.
 * Copied. Opens the stream when there is none. token must be unique among those unsettled, and not 0: then settled() tells
 * its fate. token 0: nobody wants to know (errors, answers to IQs). False: refused at once, no settled() follows; *fate says why.
 */
bool xmpp_send(struct xmpp *x, struct slice local, struct slice remote, struct slice stanza, uint64_t token,
               enum xmpp_fate *fate);

/*
 * The owner no longer waits: the stanza is not sent any more if it was not written, and never repeated. No settled() follows.
 * Returns true when it had been written already (its outcome is unknown).
 */
bool xmpp_withdraw(struct xmpp *x, uint64_t token);

/* Does as much wait between these domains as half of what may? Who sends what can be told later, and by its newest state, waits then. */
bool xmpp_is_crowded(struct xmpp *x, struct slice local, struct slice remote);

/* The owner has settled an incoming stanza: it may be counted in XEP-0198 h, in order (DESIGN: a counts what SIP has
 * answered). */
void xmpp_handled(struct xmpp *x, uint64_t receipt);

/* Stop reading from the partner that owns this domain, and go on: flow control. Calls nest: it is read again when every
 * pause has been taken back. False: nothing was done (no memory, no such partner), so there is nothing to take back. */
bool xmpp_pause(struct xmpp *x, struct slice remote, bool pause);

/*
 * What ops.partner, ops.serves and ops.components answer has changed; and once when it can be asked for the first time. From the end of this turn on everything is looked at anew, in slices, and what moves before its turn is judged then: streams whose
 * partner or domain of ours is gone, or whose method is not allowed any more, end with a stream error; a partner that is
 * gone gets nothing that waits for it (XMPP_FATE_REFUSED, or LOST for what was written), one that is still there gets it on
 * a new stream by the new rules. Of a stream with several pairs of domains, those that are still allowed go on, until a
 * message comes for one that is not: it goes back with the stream. All other streams stay. Pauses must have been taken back
 * before the answers change, and are asked for again after.
 */
void xmpp_reconsider(struct xmpp *x);

/*
 * There are new revocation lists. Streams that a certificate has proven which is revoked now end with reset, from the end of
 * this turn on, in slices (RFC 6120 13.7.2.3).
 */
void xmpp_revocations_changed(struct xmpp *x);

/* Streams beyond a lower limit stay. Set-ups that run keep their deadline. Streams to where no name may lead any more end
 * with xmpp_reconsider. */
void xmpp_set_limits(struct xmpp *x, const struct xmpp_limits *limits);

/* 1 to XMPP_SECRET_MAX bytes; copied. Verifications that run with the former one may fail once. False: not of that size. */
bool xmpp_set_secret(struct xmpp *x, struct slice secret);

/* One stream, for a listing. Everything is borrowed until return. */
struct xmpp_stream_info {
    uint64_t id;
    bool inbound;
    bool both; /* whoever opened it, stanzas may go both ways */
    bool authenticated;
    struct slice local, remote; /* empty: not said yet; remote is only proven when authenticated */
    struct slice partner;       /* primary domain; empty: not authenticated */
    const struct addr *peer;
    const char *state;        /* "connecting", "negotiating", "ready", "closing" */
    const char *tls, *cipher; /* "" in clear */
    const char *method;       /* "none" before authentication */
    struct slice certificate; /* of the peer: why it is refused, or "ok", "dane", "pinned"; empty: none yet */
    uint64_t age_ms, idle_ms; /* since it was opened, since the last stanza */
    uint64_t stanzas_in, stanzas_out;
    size_t n_pairs; /* of domains, whose stanzas it may carry */
};

/* A pair of domains on it. */
struct xmpp_stream_pair {
    struct slice local, remote;
    const char *method; /* "none": being proven */
};

/* All there is of one stream. Everything is borrowed until return. */
struct xmpp_stream_detail {
    struct xmpp_stream_info info;
    const char *awaits; /* what it waits for */
    struct slice pin;   /* of the peer's key; empty: none yet */
    bool sm;            /* stream management is on */
    const struct xmpp_stream_pair *pairs;
    size_t n_pairs;
    uint64_t opened_ms;             /* of the loop's clock, as in the trace */
    const struct xmpp_trace *trace; /* NULL: none */
    const struct tls_peer *shown;   /* the certificate that the peer showed; NULL: none, or no memory to read it */
};
bool xmpp_show_stream(const struct xmpp *x, uint64_t id, void (*fn)(void *arg, const struct xmpp_stream_detail *detail),
                      void *arg);
void xmpp_each_stream(const struct xmpp *x, void (*fn)(void *arg, const struct xmpp_stream_info *info), void *arg);

/* Closes it in order, at the end of this turn. False: there is none with this id. */
bool xmpp_close_stream(struct xmpp *x, uint64_t id);

/* What waits for one pair of domains; also one for which nothing waits because new messages are refused at once. Everything
 * is borrowed until return; times are of the loop's clock. */
#define XMPP_QUEUE_TEXT 200
struct xmpp_queue_info {
    struct slice local, remote;
    size_t n, bytes;   /* of what was not acknowledged */
    size_t n_written;  /* of these */
    uint64_t since_ms; /* the oldest of them */
    const char *waits_for;
    uint64_t until_ms; /* then something else happens; 0: not by time */
    uint64_t stream;   /* 0: none */
};
/* In parts, as hash_walk. */
bool xmpp_walk_queue(struct xmpp *x, uint64_t *at, size_t n, void (*fn)(void *arg, const struct xmpp_queue_info *info),
                     void *arg);

struct xmpp_counters {
    uint64_t stanzas_in, stanzas_out, confirmed, unconfirmed, failed, resent;
    uint64_t streams_opened, streams_failed, streams_refused;
    uint64_t streams_failed_in;       /* of those that failed */
    uint64_t throttles, throttled_ms; /* pauses of partners that were faster than their rate, and how long these were */
    size_t streams, streams_authenticated, queued;
};
const struct xmpp_counters *xmpp_counters(const struct xmpp *x);

#endif
