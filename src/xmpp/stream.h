/*
 * One XML stream between servers, in one of its two directions: header, features, STARTTLS, SASL EXTERNAL or dialback,
 * stanzas, end (RFC 6120 4-6).
 *
 * A stream belongs to the list of its struct xmpp. It comes to its end once (CLOSED), tells those that use it, and frees
 * itself when its connection is gone.
 */
#ifndef STOX_XMPP_STREAM_H
#define STOX_XMPP_STREAM_H

#include "xmpp/cert.h"
#include "xmpp/core.h"
#include "xmpp/pair.h"
#include "xmpp/parties.h"
#include "xmpp/peer_limits.h"
#include "xmpp/sm.h"
#include "xmpp/stream_error.h"
#include "xmpp/trace.h"

/*    name         what is awaited, for the log */
#define XMPP_STATES(X)                                                                                                 \
    X(CONNECTING, "the TCP connection")                                                                                \
    X(HEADER, "the stream header")                                                                                     \
    X(FEATURES, "the stream features")                                                                                 \
    X(STARTTLS, "the answer to STARTTLS")                                                                              \
    X(TLS, "the TLS handshake")                                                                                        \
    X(SASL, "the answer to SASL EXTERNAL")                                                                             \
    X(DIALBACK, "the answer to dialback")                                                                              \
    X(HANDSHAKE, "the answer to the component's handshake")                                                            \
    X(ENABLING, "the answer to stream management")                                                                     \
    X(RESUMING, "the answer to stream resumption")                                                                     \
    X(VERIFYING, "the verification of a dialback key")                                                                 \
    X(NEGOTIATING, "proof of the domain")                                                                              \
    X(READY, "stanzas")                                                                                                \
    X(CLOSING, "the end of the stream")                                                                                \
    X(CLOSED, "the end of the connection")

enum xmpp_stream_state {
#define X(name, awaited) XMPP_STATE_##name,
    XMPP_STATES(X)
#undef X
};

#define XMPP_PROVEN_MAX 64 /* pairs on one inbound stream */

struct xmpp_probe;

struct xmpp_stream {
    struct list link;
    struct hash_node by_serial;
    struct xmpp *x;
    struct conn *conn;
    struct xmpp_connect *connect; /* outbound, until proven: it knows further servers of the partner */
    struct xml_reader *reader;    /* owned */
    struct addr peer;
    enum xmpp_stream_state state;
    uint32_t serial;

    bool inbound;
    bool verifying;          /* outbound: opened for one verification; a stranger can cause it */
    bool header_sent;        /* of the current restart */
    bool header_fed;         /* bytes of the peer's header have been seen */
    bool feeding;            /* inside xml_reader_feed */
    bool start_tls, restart; /* to be done when the reader has returned */
    bool going_on;           /* outbound: the connection was of no use, and the next server is about to be tried */
    bool sasl_done;
    bool bidi; /* both sides have agreed to use it both ways; counts for pairs that are proven (bidi.h) */
    bool was_ready;
    bool ended_in_order; /* the partner has said </stream:stream>, and no error */
    bool cert_ok;        /* acceptable for remote */
    bool cert_forbidden; /* against pins or DNS: dialback does not make good for it */
    enum xmpp_cert_by cert_by;
    uint64_t cert_until_ms; /* it expires then, by the loop's clock */
    bool counted;           /* in x->partners and the total */
    bool counted_ip;        /* in x->ips */
    bool tls_forced;        /* outbound: STARTTLS was sent though it was not offered */
    bool sasl_failed;       /* outbound: the partner refused EXTERNAL on this stream */
    bool sm_offered;        /* outbound */
    bool errors_offered;    /* outbound: the partner can refuse one pair and keep the stream (XEP-0220 2.4.2) */
    bool dane_seen;         /* outbound: DNS vouched for the way to remote */
    bool needless;          /* outbound: its pair rides on another one */
    bool alone;             /* outbound: takes no other pairs */
    bool no_sasl;           /* outbound: the partner refused EXTERNAL on the stream before */
    bool sasl_challenged, external_offered, dialback_offered, bidi_offered; /* inbound */
    bool asked;  /* inbound: a server came to ask whether a dialback key is ours, and need prove nothing for it */
    bool asleep; /* ready and quiet: the reader has given its memory back */
    bool owner_paused, window_paused;
    unsigned n_sasl_failures;

    struct slice local, remote; /* prepared domains; empty when the peer did not say */
    struct slice id;            /* the receiving side's */
    struct slice cert_why;      /* why not cert_ok */
    struct slice pin;           /* of the peer's key; empty: no certificate */
    struct dane *dane;          /* outbound, owned, until TLS stands; NULL: DNS says nothing secure */
    struct slice partner_name;  /* key in x->partners */
    struct slice lang;

    /* outbound: of the servers that were tried in vain, the failure that says most; see stream_next.c */
    struct slice told;
    enum xmpp_fate told_fate;
    enum xmpp_fault told_fault;
    struct addr told_at;
    unsigned told_rank, n_vain;
    uint64_t establish_by_ms;

    enum xmpp_method method;         /* outbound: how we were proven; inbound: the first pair */
    uint64_t opened_ms, n_in, n_out; /* stanzas */
    bool close_asked;                /* by the owner */
    uint32_t look;                   /* as x->look: when the settings were last asked */

    struct list pairs;                /* struct xmpp_pair by on_stream: whose stanzas it carries */
    struct xmpp_sm_out sm_out;        /* of all of them */
    struct timer answer;              /* to our <r/> is due, or it is time to ask again */
    struct xmpp_component *component; /* outbound: it is that one's, and carries both directions; NULL: none's */
    struct xmpp_verify *verify;       /* outbound: the only purpose of this stream */
    struct list proven;               /* struct xmpp_proven, owned: whose stanzas come in on it */
    struct xmpp_sm_in *sm_in;         /* NULL: not enabled */
    struct xmpp_resume *resume;       /* outbound, owned: how it can be resumed; NULL: it cannot */
    struct xmpp_session *session;     /* inbound, owned: by which it can be resumed; NULL: it cannot */
    uint32_t n_ignored;

    struct xmpp_trace *trace; /* owned, but by the probe when there is one; NULL: nothing noted yet, or given away */
    struct xmpp_probe *probe; /* outbound: the test that it was opened for; NULL: another purpose */

    uint64_t bytes_ms, stanza_ms;    /* last of them */
    uint64_t wrote_ms;               /* the last byte of ours */
    struct xmpp_peer_limits limits;  /* of what we write on it */
    uint64_t bidi_ms;                /* inbound: since when ours may go on it; 0: they may not yet */
    struct timer timer;              /* deadline of the set-up, idle check, close wait */
    struct xmpp_handshake handshake; /* inbound: waits for its turn */
    struct deferred turn;            /* acknowledgements owed; and freeing when there is no connection */
};

/* stream_begin.c */
/* direct: TLS comes before the first byte. */
void xmpp_stream_accept(struct xmpp *x, int fd, const struct addr *peer, bool direct);

/* Outbound, for a pair's stanzas or for one verification. NULL with *fate and *why (a constant). */
struct xmpp_stream *xmpp_stream_open(struct xmpp *x, struct xmpp_pair *pair, struct xmpp_verify *verify,
                                     uint64_t establish_by_ms, enum xmpp_fate *fate, const char **why);

struct xmpp_stream_wish {
    struct slice local, remote;
    struct xmpp_pair *pair; /* one of these three: its purpose */
    struct xmpp_verify *verify;
    struct xmpp_probe *probe;
    struct xmpp_trace *trace; /* the probe's */
    bool no_sasl;             /* the partner has refused EXTERNAL */
    uint64_t establish_by_ms;
};

/* Outbound, for any purpose; a test and a verification count against no limit of the partner. Fails as xmpp_stream_open does. */
struct xmpp_stream *xmpp_stream_open_wish(struct xmpp *x, const struct xmpp_stream_wish *wish, enum xmpp_fate *fate,
                                          const char **why);

/* Counts it against the limits of all and of its partner. NULL, or a clause why it may not be. */
const char *xmpp_stream_count(struct xmpp_stream *s, const struct xmpp_partner *partner);

/* The only place where the state changes. */
void xmpp_stream_become(struct xmpp_stream *s, enum xmpp_stream_state state);

/* As c, to the address that the partner's settings name. NULL with *why (a constant). */
struct xmpp_stream *xmpp_stream_attach(struct xmpp_component *c, const struct xmpp_partner *partner, const char **why);

/* Do the partner's stanzas come in on it? */
static inline bool xmpp_stream_hears(const struct xmpp_stream *s)
{
    return s->inbound || s->component || s->bidi;
}

bool xmpp_stream_write(struct xmpp_stream *s, struct slice bytes);
/* What the set-up cannot go on without: if there was no memory to put it together, the stream ends, lest both sides wait. */
void xmpp_stream_write_all(struct xmpp_stream *s, const struct buf *b);
bool xmpp_stream_has_room(const struct xmpp_stream *s); /* for one stanza more */
bool xmpp_stream_is_taken(const struct xmpp_stream *s); /* the partner's kernel has all we wrote */
void xmpp_stream_touch(struct xmpp_stream *s);          /* a stanza passed */

/* Sends the header, if that has not been done. May end the stream. */
void xmpp_stream_put_header(struct xmpp_stream *s);

/* Sends a stream error and ends the stream (RFC 6120 4.9.1.1). text may be NULL. */
void xmpp_stream_error(struct xmpp_stream *s, enum xmpp_stream_error e, const char *text);
void xmpp_stream_error_extra(struct xmpp_stream *s, enum xmpp_stream_error e, const char *text, const char *extra);

/* The same because settings forbid the stream: what waits for it gets XMPP_FATE_REFUSED. */
void xmpp_stream_refuse(struct xmpp_stream *s, enum xmpp_stream_error e, const char *text);

/* Outbound set-up that cannot go on: </stream:stream>, the fate for the queue, the sentence for the log. */
void xmpp_stream_fail(struct xmpp_stream *s, enum xmpp_fate fate, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Orderly end: </stream:stream>, then wait for the peer's (4.4). */
void xmpp_stream_close(struct xmpp_stream *s, const char *why);

/* From a reader callback: nothing behind the current element counts; TLS or a new header follows. */
void xmpp_stream_then_tls(struct xmpp_stream *s);
void xmpp_stream_then_restart(struct xmpp_stream *s);

void xmpp_stream_pause(struct xmpp_stream *s, bool owner, bool window);
bool xmpp_stream_is_secure(const struct xmpp_stream *s);
struct xmpp_methods xmpp_stream_methods(const struct xmpp_stream *s);
const struct xmpp_partner *xmpp_stream_partner(const struct xmpp_stream *s);
/* Whose stream it is: of the first domain proven on it that is allowed, or xmpp_stream_partner. */
const struct xmpp_partner *xmpp_stream_owner(const struct xmpp_stream *s);
void xmpp_stream_free(struct xmpp_stream *s); /* at once, telling nobody */

/* stream_sm.c: what we write is counted from now on (sm_out.on). */
void xmpp_stream_sm_start(struct xmpp_stream *s);
uint32_t xmpp_stream_sm_wrote(struct xmpp_stream *s); /* the place of the stanza that was just written */
void xmpp_stream_sm_ask(struct xmpp_stream *s);       /* <r/>, unless one is out or it is too early */
void xmpp_stream_sm_on_a(struct xmpp_stream *s, const struct xml *a);

/* stream_next.c */
/* Outbound: what failed now every server of the partner would share, or nobody wants to know any more. */
void xmpp_stream_no_other_server(struct xmpp_stream *s);

/* stream_log.c */
const char *xmpp_stream_direction(const struct xmpp_stream *s);
void xmpp_stream_ignore(struct xmpp_stream *s, const char *what); /* rate-limited */
void xmpp_stream_log_end(struct xmpp_stream *s, const char *why);
void xmpp_stream_log_authenticated(struct xmpp_stream *s, struct slice local, struct slice remote,
                                   enum xmpp_method method, const char *confirm);
/* After TLS: judges the peer's certificate for remote and logs the result. */
void xmpp_stream_judge_certificate(struct xmpp_stream *s);
/* Is it acceptable for another domain, too? */
bool xmpp_stream_certifies(const struct xmpp_stream *s, struct slice remote);

/* Has a certificate proven it that dates and revocation count for? */
bool xmpp_stream_rests_on_certificate(const struct xmpp_stream *s);

/* stream_trace.c: what is noted for administrators (xmpp/trace.h). One sentence, without what can steer a terminal. */
void xmpp_stream_note(struct xmpp_stream *s, enum xmpp_step step, enum step_result result, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void xmpp_stream_blame(struct xmpp_stream *s, enum xmpp_fault fault); /* see xmpp_trace_blame */
void xmpp_stream_note_features(struct xmpp_stream *s, const struct xml *features);
/* peer NULL: it could not be read. */
void xmpp_stream_note_certificate(struct xmpp_stream *s, const struct tls_peer *peer,
                                  const struct xmpp_cert_verdict *v);
enum xmpp_fault xmpp_stream_fault_of(enum xmpp_stream_error received);
void xmpp_stream_trace_end(struct xmpp_stream *s, const char *why); /* it ends: where the trace goes */

/* reconsider.c */
struct xmpp_objection {
    enum xmpp_stream_error error;
    const char *text; /* NULL: there is none; addressed to the partner */
};
/* What speaks against stanzas between these domains on a stream that was proven so. NONE: not proven yet. */
struct xmpp_objection xmpp_object(const struct xmpp *x, struct slice local, struct slice remote, enum xmpp_method how);
/* The same, and whether the stream's certificate is still good for remote: pins may have come or gone. */
struct xmpp_objection xmpp_object_stream(const struct xmpp_stream *s, struct slice local, struct slice remote,
                                         enum xmpp_method how);
void xmpp_reconsider_streams(struct xmpp *x); /* tells owners: only from the loop; in slices */
void xmpp_reconsider_on_time(struct timer *t);
/* Its turn has not come, and it is about to be used: may a stanza be taken from it (looked at now), or written for a pair of it? */
bool xmpp_reconsider_may_read(struct xmpp_stream *s);
bool xmpp_reconsider_may_write(const struct xmpp_pair *p);
void xmpp_reconsider_pairs(struct xmpp *x); /* tells nobody anything */

/* stream_in.c */
void xmpp_stream_in_header(struct xmpp_stream *s, const struct xml *root);
void xmpp_stream_in_stanza(struct xmpp_stream *s, struct xml *el); /* one of the three, in jabber:server */
void xmpp_stream_in_element(struct xmpp_stream *s, struct xml *el);
/* A pair is proven. False: the stream was ended, limits forbid it. */
bool xmpp_stream_in_proven(struct xmpp_stream *s, struct slice local, struct slice remote, enum xmpp_method method);
void xmpp_stream_in_handled(struct xmpp_stream *s, uint32_t seq);
void xmpp_stream_in_turn(struct xmpp_stream *s);
void xmpp_stream_in_asked(struct xmpp_stream *s); /* <r/>, with sm_in */
/* Before we end a stream: what is handled and not acknowledged its partner would send again, or give back (XEP-0198 4). */
void xmpp_stream_in_last_a(struct xmpp_stream *s);

/* stream_out.c */
void xmpp_stream_out_connected(struct xmpp_stream *s);
void xmpp_stream_out_header(struct xmpp_stream *s, const struct xml *root);
void xmpp_stream_out_element(struct xmpp_stream *s, struct xml *el);
/* The partner accepts one of the stream's pairs. */
void xmpp_stream_out_proven(struct xmpp_stream *s, struct xmpp_pair *pair, enum xmpp_method method);
/* ... or does not. */
void xmpp_stream_out_no_dialback(struct xmpp_stream *s, struct xmpp_pair *pair, enum xmpp_fate fate, const char *what);

#endif
