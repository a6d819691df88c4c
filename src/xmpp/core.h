/* struct xmpp as the files of this layer see it; everybody else sees xmpp.h. */
#ifndef STOX_XMPP_CORE_H
#define STOX_XMPP_CORE_H

#include "base/hash.h"
#include "xmpp/handshakes.h"
#include "xmpp/pace.h"
#include "xmpp/redirect.h"
#include "xmpp/tally.h"
#include "xmpp/xmpp.h"

#define NS_STREAM "http://etherx.jabber.org/streams"
#define NS_SERVER "jabber:server"
#define NS_COMPONENT "jabber:component:accept"
#define NS_DIALBACK "jabber:server:dialback"
#define NS_DIALBACK_FEATURE "urn:xmpp:features:dialback"
#define NS_TLS "urn:ietf:params:xml:ns:xmpp-tls"
#define NS_SASL "urn:ietf:params:xml:ns:xmpp-sasl"
#define NS_STREAM_ERROR "urn:ietf:params:xml:ns:xmpp-streams"
#define NS_SM "urn:xmpp:sm:3"
#define NS_PING "urn:xmpp:ping"

#define XMPP_UNAUTHENTICATED_ELEMENT_MAX 16384 /* STOX-S2S-96 */
#define XMPP_VERIFY_MAX 256                    /* dialback verifications of ours that run at the same time */
#define XMPP_VERIFY_PER_REMOTE 8
#define XMPP_VERIFY_MS 25000     /* less than an unauthenticated stream lives, so that the sender hears the reason */
#define XMPP_CLOSE_WAIT_MS 10000 /* STOX-S2S-93 */
#define XMPP_RIDE_MS 30000       /* for the answer about one pair more (STOX-S2S-07) */
#define XMPP_ANSWER_MS 60000     /* a keep-alive or <r/> unanswered for so long ends its stream (STOX-S2S-78) */
#define XMPP_BARRIER_MS 20000
#define XMPP_BARRIER_MISSES 3
#define XMPP_BROKE_MS 5000   /* after a stream broke, a set-up that fails is tried again, though nothing was written */
#define XMPP_RETRY_MS 500    /* between attempts while something written has no fate */
#define XMPP_AHEAD_MAX 65536 /* bytes written ahead of the acknowledgements, one stanza more at most */
#define XMPP_WRITES_MAX 3    /* one stanza is written at most so often, lest a poisonous one breaks streams for ever */
#define XMPP_STOP_MS 5000
#define XMPP_HANDSHAKES_BURST 64 /* as many as may be unauthenticated at the same time */

struct xmpp_listener {
    struct list link;
    struct xmpp *x;
    bool direct;               /* TLS from the first byte */
    struct listener *listener; /* owned */
};

struct xmpp {
    struct federation federation; /* how its owner sees it; not of one that was made directly */
    struct xmpp_local local;      /* with it */
    struct loop *loop;
    struct xmpp_conf conf; /* without dialback_secret */
    char secret[XMPP_SECRET_MAX];
    size_t secret_n;
    struct xmpp_counters counters;
    struct list listeners;
    struct list left;    /* stream_next.c: connections that say their last words */
    struct list streams; /* struct xmpp_stream, owned: they free themselves when their connection is gone */
    struct hash serials; /* struct xmpp_stream by serial, for receipts */
    uint32_t last_serial;
    struct hash pairs;    /* struct xmpp_pair, owned */
    struct hash sessions; /* struct xmpp_session by id: live ones and those away */
    struct list away;     /* struct xmpp_session, owned: whose connection is lost */
    size_t n_away;
    struct hash carried;    /* struct xmpp_carried by receipt */
    struct hash tokens;     /* struct xmpp_out that somebody waits for */
    struct hash components; /* struct xmpp_component, owned */
    struct list verifies;
    struct list probes; /* probe.c: tests of partners */
    size_t n_probes;
    uint64_t last_probe;
    struct list attempts; /* attempts.c: set-ups that failed */
    size_t n_attempts[2]; /* of them, by inbound */
    size_t n_verifies;
    size_t n_unauthenticated;
    struct xmpp_tally ips; /* unauthenticated inbound streams by source */
    struct xmpp_handshakes handshakes;
    struct xmpp_tally partners; /* streams that count against a partner's limit, by primary domain */
    struct xmpp_tally paused;   /* partners whose streams are not read now */
    struct xmpp_redirects redirects;
    struct xmpp_pace pace; /* of set-ups that we begin */
    struct hash rates;     /* rate.c: what partners have used up */
    struct log_limit log_refused, log_ignored, log_failed, log_throttled;
    bool leaving;  /* leave.c */
    bool refusing; /* streams that partners begin */
    bool stopping;
    bool freeing;          /* xmpp_free runs: nobody is told anything any more */
    struct deferred again; /* look at everything anew: settings have changed */
    bool revocations;      /* at certificates too: there are new revocation lists */
    uint32_t look;         /* number of the last look; a stream with another one is still to be looked at */
    struct timer look_on;  /* goes on with it */
    struct deferred stop;
    struct timer stop_timer;
    void (*stop_done)(void *arg);
    void *stop_arg;
};

/* Does the owner want no more, or are all streams gone? Called whenever a stream is freed. */
void xmpp_stream_gone(struct xmpp *x);

/* As xmpp_pause, by the partner's name itself. */
bool xmpp_pause_partner(struct xmpp *x, struct slice name, bool pause);

/* How the partner may prove itself and we to it; all false for NULL. */
struct xmpp_methods xmpp_methods_of_partner(const struct xmpp_partner *p);

/*
 * What limits for strangers count by: the address, of IPv6 its /64 network, as each customer of a provider has one at least.
 * In out; without port.
 */
struct slice xmpp_source(const struct addr *peer, char out[ADDR_TEXT]);

/* Of dialback, for keys in the name of this domain of ours. */
static inline struct slice xmpp_secret(const struct xmpp *x, struct slice local)
{
    const struct xmpp_ops *ops = x->conf.ops;
    struct slice own = ops->secret ? ops->secret(x->conf.owner, local) : (struct slice){ 0 };

    return own.n ? own : slice_of(x->secret, x->secret_n);
}

/* A copy on the heap, NUL behind it; false on memory, *dst then empty. Frees what was there. */
bool xmpp_keep(struct slice *dst, struct slice src);
void xmpp_drop(struct slice *s);

#endif
