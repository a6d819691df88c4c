/*
 * XMPP federation as its owner (the bridge) sees it: stanzas for a pair of domains go out and each gets one fate; stanzas
 * that come in were sent by an authenticated partner. Finding partners, streams, TLS, SASL, dialback, stream management and
 * the ping barrier are below this line.
 *
 * This is the cut between gateway and proxy (docs/PERIMETER.md): only values and bytes cross it, and a question that is answered at
 * once is answered from what this side knows. Who made it is decided at the start, and its owner cannot tell.
 */
#ifndef STOX_XMPP_FEDERATION_H
#define STOX_XMPP_FEDERATION_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "net/addr.h"
#include "net/loop.h"
#include "xmpp/jid.h"
#include "xmpp/methods.h"
#include "xmpp/trace.h"
#include "xmpp/xml.h"

/* ---- what its owner says, and is told ---- */

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
    uint64_t receipt; /* to be given to federation_handled once; 0: nobody counts it */
    uint64_t stream;  /* that it came by, for federation_close_stream; 0: by none of this process */
};

/* more: its domains besides the primary one. Everything is borrowed until return. */
typedef void xmpp_partner_fn(void *arg, const struct xmpp_partner *partner, const struct slice *more, size_t n_more);

/* What the owner answers and is told. */
struct xmpp_ops {
    /* The partner that owns this domain (prepared form); NULL: not listed, refuse. */
    const struct xmpp_partner *(*partner)(void *owner, struct slice domain);
    /* Do we serve this domain on XMPP, that is, is it a SIP domain of ours? */
    bool (*serves)(void *owner, struct slice domain);
    /* A stanza of an authenticated pair, in order. */
    void (*stanza)(void *owner, const struct xmpp_stanza *stanza);
    /* The fate of federation_send's token. why: a clause for log and reason text. Never called from inside of it. */
    void (*settled)(void *owner, uint64_t token, enum xmpp_fate fate, const char *why);
    /* fn for each partner, and for each domain that is served. NULL: there are none that are not asked for by name. */
    void (*each_partner)(void *owner, xmpp_partner_fn *fn, void *arg);
    void (*each_served)(void *owner, void (*fn)(void *arg, struct slice domain), void *arg);
    /* Would a connection to this address arrive at the owner itself? Those that the maker listens on are known. NULL: it never would. */
    bool (*listens)(void *owner, const struct addr *to);
    /* Does anybody look at noted? It is told of set-ups, step by step, and of the ends of streams; domains are empty where
     * they are not known yet. Both may be NULL. */
    bool (*watched)(void *owner);
    void (*noted)(void *owner, struct slice local, struct slice remote, bool inbound, const char *step,
                  enum step_result result, struct slice text);
    /* A stream is proven for this domain of a partner's; one that was broke, or ended with an error: what it carried may be lost, and
     * what the partner sent meanwhile too. An end in order is none of these. May be NULL. */
    void (*link)(void *owner, struct slice remote, bool up);
    /* The dialback secret of this domain of ours. NULL, or empty: that of federation_set_secret. */
    struct slice (*secret)(void *owner, struct slice local);
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
    /* Where names may lead besides public addresses; borrowed until the next federation_set_limits. */
    const struct addr_net *partner_networks;
    size_t n_partner_networks;
    unsigned stanza_rate; /* a second, of what one partner sends; 0: as many as come */
    unsigned byte_rate;   /* likewise */
};

/* ---- what administrators see: it decides nothing ---- */

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
    size_t n_pairs;     /* of domains, whose stanzas it may carry */
    struct slice proxy; /* that has it; empty: this process */
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
    const struct tls_peer
        *shown; /* the certificate that the peer showed; NULL: none, no memory to read it, or not of this process */
};

/* A set-up that failed (xmpp/attempts.h). Everything is borrowed until return. */
struct xmpp_attempt_info {
    bool inbound;
    struct slice local, remote; /* what was said; inbound it is proven by nothing */
    const char *address;        /* "": none was reached */
    const char *why;
    enum xmpp_fault fault;
    uint64_t age_ms;   /* since it ended */
    uint64_t began_ms; /* of the loop's clock, as in the trace */
    const struct xmpp_trace *trace;
    struct slice proxy; /* as of a stream; likewise of a test */
};

/* A test of a partner (xmpp/probe.h). Everything is borrowed until return. */
struct xmpp_probe_info {
    uint64_t id;
    struct slice local, remote;
    bool done;
    bool works;            /* when done, as the next two */
    enum xmpp_fault fault; /* NONE when it works */
    const char *verdict;
    uint64_t began_ms; /* of the loop's clock, as in the trace */
    uint64_t took_ms;
    const struct xmpp_trace *trace;
    struct slice proxy;
};

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

struct xmpp_counters {
    uint64_t stanzas_in, stanzas_out, confirmed, unconfirmed, failed, resent;
    uint64_t streams_opened, streams_failed, streams_refused;
    uint64_t streams_failed_in;       /* of those that failed */
    uint64_t throttles, throttled_ms; /* pauses of partners that were faster than their rate, and how long these were */
    size_t streams, streams_authenticated, queued;
};

typedef void xmpp_stream_fn(void *arg, const struct xmpp_stream_info *info);
typedef void xmpp_detail_fn(void *arg, const struct xmpp_stream_detail *detail);
typedef void xmpp_attempt_fn(void *arg, const struct xmpp_attempt_info *info);
typedef void xmpp_probe_fn(void *arg, const struct xmpp_probe_info *info);
typedef void xmpp_queue_fn(void *arg, const struct xmpp_queue_info *info);

/* ---- what its owner asks ---- */

struct federation;

/* One complete stanza (with from and to inside; jabber:server as default namespace) from our domain to the partner's. */
struct federation_stanza {
    struct slice local, remote;
    struct slice bytes;
    uint64_t token; /* unique among those unsettled; 0: nobody wants to know its fate (errors, answers to IQs) */
    /*
     * Of the loop's clock: when the owner will have withdrawn it. A maker that is not in this process stops in time by this alone, if it
     * must. 0: no such time.
     */
    uint64_t until_ms;
};

/* The functions below, as a maker has them. All are there. */
struct federation_calls {
    int (*start)(struct federation *f, struct err *err);
    void (*stop)(struct federation *f, void (*done)(void *arg), void *arg);
    void (*free)(struct federation *f);
    void (*refuse)(struct federation *f, bool refuse);
    void (*rest)(struct federation *f);
    void (*leave)(struct federation *f);
    size_t (*leave_close)(struct federation *f);

    bool (*send)(struct federation *f, const struct federation_stanza *stanza, enum xmpp_fate *fate);
    const char *(*refusal)(const struct federation *f, struct slice local, struct slice remote, enum xmpp_fate fate);
    bool (*withdraw)(struct federation *f, uint64_t token);
    bool (*is_crowded)(const struct federation *f, struct slice local, struct slice remote);
    bool (*is_linked)(const struct federation *f, struct slice remote);
    void (*handled)(struct federation *f, uint64_t receipt);
    bool (*pause)(struct federation *f, struct slice remote, bool pause);

    void (*reconsider)(struct federation *f);
    void (*revocations_changed)(struct federation *f);
    void (*set_limits)(struct federation *f, const struct xmpp_limits *limits);
    bool (*set_secret)(struct federation *f, struct slice secret);

    void (*each_stream)(const struct federation *f, xmpp_stream_fn *fn, void *arg);
    bool (*show_stream)(const struct federation *f, uint64_t id, xmpp_detail_fn *fn, void *arg);
    bool (*close_stream)(struct federation *f, uint64_t id);
    void (*each_attempt)(const struct federation *f, xmpp_attempt_fn *fn, void *arg);
    uint64_t (*probe_start)(struct federation *f, struct slice local, struct slice remote, const char **why);
    bool (*probe_show)(const struct federation *f, uint64_t id, xmpp_probe_fn *fn, void *arg);
    bool (*walk_queue)(struct federation *f, uint64_t *at, size_t n, xmpp_queue_fn *fn, void *arg);
    const struct xmpp_counters *(*counters)(const struct federation *f);
};

/* The first thing in what a maker makes. */
struct federation {
    const struct federation_calls *calls;
};

struct federation_conf {
    const struct xmpp_ops *ops;
    void *owner;
    struct slice dialback_secret; /* see federation_set_secret */
    struct xmpp_limits limits;
};

/* A maker; what it needs besides is behind it. NULL with a sentence. */
struct federation_maker {
    struct federation *(*make)(const struct federation_maker *maker, struct loop *loop,
                               const struct federation_conf *conf, struct err *err);
};

static inline struct federation *federation_new(const struct federation_maker *maker, struct loop *loop,
                                                const struct federation_conf *conf, struct err *err)
{
    return maker->make(maker, loop, conf, err);
}

/* Once, when ops can be asked: from now on partners can come in. */
static inline int federation_start(struct federation *f, struct err *err)
{
    return f->calls->start(f, err);
}

/* Says system-shutdown on every stream, then closes. done is called when all are gone, at most 5 s later. */
static inline void federation_stop(struct federation *f, void (*done)(void *arg), void *arg)
{
    f->calls->stop(f, done, arg);
}

/* NULL is fine. */
static inline void federation_free(struct federation *f)
{
    if (f)
        f->calls->free(f);
}

/*
 * From now on a stream that a partner begins is told system-shutdown in answer to its header; or no more. What is open goes on. After
 * federation_rest, false also wakes all of it up.
 */
static inline void federation_refuse(struct federation *f, bool refuse)
{
    f->calls->refuse(f, refuse);
}

/* Says system-shutdown on every stream, and opens and sends nothing until federation_refuse(f, false). Listeners stay. */
static inline void federation_rest(struct federation *f)
{
    f->calls->rest(f);
}

/*
 * Another process takes over. Partners' streams are not read any more, so that what was read can be counted; federation_leave_close
 * closes them in order, with the last count, and says how many are left: it is called until there are none. What a partner with
 * stream management sends meanwhile is left to the other process, to which it comes again. Our streams go on.
 */
static inline void federation_leave(struct federation *f)
{
    f->calls->leave(f);
}

static inline size_t federation_leave_close(struct federation *f)
{
    return f->calls->leave_close(f);
}

/*
 * Copied. Opens the stream when there is none. With a token settled() tells its fate. False: refused at once, no settled() follows;
 * *fate and federation_refusal say why.
 */
static inline bool federation_send(struct federation *f, const struct federation_stanza *stanza, enum xmpp_fate *fate)
{
    return f->calls->send(f, stanza, fate);
}

/* Why federation_send has just refused with this fate: a clause as of settled(), borrowed until anything else is asked for. */
static inline const char *federation_refusal(const struct federation *f, struct slice local, struct slice remote,
                                             enum xmpp_fate fate)
{
    return f->calls->refusal(f, local, remote, fate);
}

/*
 * The owner no longer waits: the stanza is not sent any more if it was not written, and never repeated. No settled() follows.
 * Returns true when it had been written already, or may have been (its outcome is unknown).
 */
static inline bool federation_withdraw(struct federation *f, uint64_t token)
{
    return f->calls->withdraw(f, token);
}

/* Does as much wait between these domains as half of what may? Who sends what can be told later, and by its newest state, waits then. */
static inline bool federation_is_crowded(const struct federation *f, struct slice local, struct slice remote)
{
    return f->calls->is_crowded(f, local, remote);
}

/* Is there a stream that is proven for this domain of a partner's? As ops.link tells it. */
static inline bool federation_is_linked(const struct federation *f, struct slice remote)
{
    return f->calls->is_linked(f, remote);
}

/* The owner has settled an incoming stanza: it may be counted in XEP-0198 h, in order (DESIGN: a counts what SIP has
 * answered). */
static inline void federation_handled(struct federation *f, uint64_t receipt)
{
    f->calls->handled(f, receipt);
}

/* Stop reading from the partner that owns this domain, and go on: flow control. Calls nest: it is read again when every
 * pause has been taken back. False: nothing was done (no memory, no such partner), so there is nothing to take back. */
static inline bool federation_pause(struct federation *f, struct slice remote, bool pause)
{
    return f->calls->pause(f, remote, pause);
}

/*
 * What ops answers of partners and served domains has changed. From the end of this turn on everything is looked at anew, in
 * slices, and what moves before its turn is judged then: streams whose partner or domain of ours is gone, or whose method is
 * not allowed any more, end with a stream error; a partner that is gone gets nothing that waits for it (XMPP_FATE_REFUSED, or
 * LOST for what was written), one that is still there gets it on a new stream by the new rules. Of a stream with several pairs
 * of domains, those that are still allowed go on, until a message comes for one that is not: it goes back with the stream. All
 * other streams stay. Pauses must have been taken back before the answers change, and are asked for again after.
 */
static inline void federation_reconsider(struct federation *f)
{
    f->calls->reconsider(f);
}

/*
 * There are new revocation lists. Streams that a certificate has proven which is revoked now end with reset, from the end of
 * this turn on, in slices (RFC 6120 13.7.2.3).
 */
static inline void federation_revocations_changed(struct federation *f)
{
    f->calls->revocations_changed(f);
}

/* Streams beyond a lower limit stay. Set-ups that run keep their deadline. Streams to where no name may lead any more end
 * with federation_reconsider. */
static inline void federation_set_limits(struct federation *f, const struct xmpp_limits *limits)
{
    f->calls->set_limits(f, limits);
}

#define XMPP_SECRET_MAX 256

/* 1 to XMPP_SECRET_MAX bytes; copied. Verifications that run with the former one may fail once. False: not of that size. */
static inline bool federation_set_secret(struct federation *f, struct slice secret)
{
    return f->calls->set_secret(f, secret);
}

static inline void federation_each_stream(const struct federation *f, xmpp_stream_fn *fn, void *arg)
{
    f->calls->each_stream(f, fn, arg);
}

/* False: there is none with this id; as the next one. */
static inline bool federation_show_stream(const struct federation *f, uint64_t id, xmpp_detail_fn *fn, void *arg)
{
    return f->calls->show_stream(f, id, fn, arg);
}

/* Closes it in order, at the end of this turn. */
static inline bool federation_close_stream(struct federation *f, uint64_t id)
{
    return f->calls->close_stream(f, id);
}

static inline void federation_each_attempt(const struct federation *f, xmpp_attempt_fn *fn, void *arg)
{
    f->calls->each_attempt(f, fn, arg);
}

/* Begins a test. local is a domain of ours, remote one of a partner, both prepared. 0 with a clause why not. */
static inline uint64_t federation_probe_start(struct federation *f, struct slice local, struct slice remote,
                                              const char **why)
{
    return f->calls->probe_start(f, local, remote, why);
}

/* False: there is none with this id, or no longer. */
static inline bool federation_probe_show(const struct federation *f, uint64_t id, xmpp_probe_fn *fn, void *arg)
{
    return f->calls->probe_show(f, id, fn, arg);
}

/* In parts, as hash_walk. */
static inline bool federation_walk_queue(struct federation *f, uint64_t *at, size_t n, xmpp_queue_fn *fn, void *arg)
{
    return f->calls->walk_queue(f, at, n, fn, arg);
}

static inline const struct xmpp_counters *federation_counters(const struct federation *f)
{
    return f->calls->counters(f);
}

#endif
