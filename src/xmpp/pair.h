/*
 * Everything on its way from one domain of ours to one of a partner: the queue of what is not yet written, the window of
 * what is written and not yet acknowledged, and how this partner acknowledges (DESIGN, "What an answer means"). A pair is
 * carried by at most one stream at a time, which may carry others too; what a broken stream had not acknowledged goes out
 * again on the next one.
 *
 * The window is bounded: what a slow partner has not been sent yet can still be withdrawn, and its sender told the truth.
 */
#ifndef STOX_XMPP_PAIR_H
#define STOX_XMPP_PAIR_H

#include "xmpp/backoff.h"
#include "xmpp/core.h"

struct xmpp_stream;
struct xmpp_resume;

enum xmpp_confirm {
    XMPP_CONFIRM_PING, /* XEP-0199 from domain to domain, answered on the partner's stream to us */
    XMPP_CONFIRM_SM,   /* XEP-0198 */
    XMPP_CONFIRM_NO,   /* it left three pings unanswered */
};
const char *xmpp_confirm_name(enum xmpp_confirm c);

/* What the partner says of the pair on its stream. */
enum xmpp_proof {
    XMPP_PROOF_AWAITED, /* it has not been asked yet */
    XMPP_PROOF_ASKED,   /* by dialback */
    XMPP_PROOF_GIVEN,
};

/* One stanza that we were asked to send. */
struct xmpp_out {
    struct list link;          /* in queue or window of its pair */
    struct hash_node by_token; /* in x->tokens while somebody waits */
    struct xmpp_pair *pair;
    uint64_t token; /* 0: nobody wants to know, or no longer */
    uint64_t cover; /* the ping that covers it */
    uint32_t place; /* among all that its stream was given, as stream management counts */
    uint64_t since_ms;
    unsigned writes;
    bool in_window;
    bool withdrawn;
    size_t n;
    char bytes[];
};

struct xmpp_pair {
    struct hash_node node;
    struct xmpp *x;
    struct slice local, remote;
    struct list owed; /* struct xmpp_out, owned, as the next two: errors and answers, which overtake the queue */
    struct list queue, window;
    struct list again; /* of a stream that was resumed: behind window, to be written first and by the same places */
    struct xmpp_resume *resume; /* owned: without a stream, how the last one can be resumed; NULL: it cannot */
    struct slice instead;       /* with again: for withdrawn ones; the stream's */
    size_t ahead;               /* bytes of window */
    size_t n, bytes;            /* of both */
    struct xmpp_stream *stream; /* being set up or ready; NULL: none */
    struct list on_stream;      /* link in its pairs */
    enum xmpp_proof proof;      /* on it */
    bool rides;                 /* it was opened for another pair (ride.h) */
    bool rode;                  /* the last one was */
    bool alone;                 /* remembered: a partner that was asked for several pairs refused or broke */
    bool ready;
    bool no_sasl;             /* this attempt: the partner refused EXTERNAL, use dialback */
    unsigned n_short;         /* streams in a row that broke soon after they were ready, with nothing acknowledged */
    uint64_t establish_by_ms; /* of the attempt that runs */
    uint64_t ready_ms, broke_ms;
    enum xmpp_confirm confirm;
    bool heard;        /* something was acknowledged on this stream */
    bool confirms_not; /* remembered from earlier streams */
    char ping_prefix[17];
    uint64_t ping_n, ping_answered;
    bool ping_open, ping_idle; /* idle: a keep-alive, no stanza waits for it */
    uint64_t ping_ms;          /* when the last one was asked */
    unsigned misses;
    struct timer answer; /* the answer to a ping is due */
    struct timer retry;  /* without a stream: time to try again; on another's: the partner does not answer */
    struct timer forget; /* the pair itself, when nothing happens any more */
    struct deferred turn;
    struct xmpp_backoff backoff; /* while it holds, new stanzas are refused with this fate */
    enum xmpp_fate failed_fate;
    char *failed_why; /* and this clause; owned; NULL on memory */
    struct xmpp_pace_place place;
    bool taken_off; /* hash_remove was done: being freed */
};

/* See xmpp_send. */
bool xmpp_pair_send(struct xmpp *x, struct slice local, struct slice remote, struct slice stanza, uint64_t token,
                    enum xmpp_fate *fate);
#define XMPP_WHY_TOO_LONG "it is longer than the partner's server says it takes"

/* See xmpp_refusal. */
const char *xmpp_pair_refusal(const struct xmpp *x, struct slice local, struct slice remote, enum xmpp_fate fate);
bool xmpp_pair_withdraw(struct xmpp *x, uint64_t token);
struct xmpp_pair *xmpp_pair_find(const struct xmpp *x, struct slice local, struct slice remote);

/* Puts the pair, made if it is not there, on a stream that is ready, unless it has another one. */
void xmpp_pair_put_on(struct xmpp_stream *s, struct slice remote);

/* The pair's stream may carry stanzas now. sm: the peer has enabled stream management. */
void xmpp_pair_ready(struct xmpp_pair *pair, bool sm);

/* Its stream has come to its end; it is not touched any more. retry: open another one now and leave out SASL. */
void xmpp_pair_ended(struct xmpp_pair *pair, enum xmpp_fate fate, const char *why, bool retry);

/* The count of its stream begins, after the pair perhaps: it changes over if nothing is open, else it goes on by ping. */
void xmpp_pair_sm_started(struct xmpp_pair *pair);

/* Its stream's first h stanzas are acknowledged, of whatever pairs they were. */
void xmpp_pair_acked(struct xmpp_pair *pair, uint32_t h);

/*
 * Its stream is lost, and ends next: the window stays, to be resumed on another one, or not. r is the pair's. Resumed: h are
 * handled, the others are written again, and instead of those that are withdrawn this (borrowed while the stream is there).
 */
void xmpp_pair_resume_later(struct xmpp_pair *pair, struct xmpp_resume *r);
void xmpp_pair_resume_not(struct xmpp_pair *pair);
void xmpp_pair_resumed(struct xmpp_pair *pair, uint32_t h, struct slice instead);

/* An iq result or error from remote to local. True when it answers a ping of ours and is to be told to nobody. */
bool xmpp_pair_pong(struct xmpp *x, struct slice local, struct slice remote, struct slice id);

/*
 * The partner's stream to us is there, so that it can be tried again: what it answered before it had one may be lost, as with a server that holds off after
 * a refusal, and is asked for again.
 */
void xmpp_pair_way_back(struct xmpp *x, struct slice local, struct slice remote);

/* Nothing was heard for a while. */
void xmpp_pair_keep_alive(struct xmpp_pair *pair);

/* More may be written. */
void xmpp_pair_drained(struct xmpp_pair *pair);

/* Settings have changed: an attempt may be worth while again; gone, of one that waits for a stream: none may be opened any more. */
void xmpp_pair_reconsider(struct xmpp_pair *pair, bool gone);

/* The set-up is over or gives up, whatever is queued: everything gets this fate. */
void xmpp_pair_fail(struct xmpp_pair *pair, enum xmpp_fate fate, const char *why);

void xmpp_pair_free(struct xmpp_pair *pair);

#endif
