/*
 * The SIP stack as its owner (the bridge) sees it: requests come in and are answered, requests go out and get one result.
 * Transports, transactions, retransmissions and timers are below this line. RFC 3261 8, 17, 18; RFC 4320; RFC 6026.
 *
 * What the stack settles itself, in the order of RFC 3261 8.2 (STOX-SIP-10): garbage (dropped, counted), sources nobody
 * knows (UDP: dropped and counted, whatever they sent; TCP: 403 and close), malformed requests (400, with a reason that
 * names the fault), 505, 513, retransmissions, requests that have to prove who they are from and do not (401, without a
 * transaction), methods not implemented (405 known, 501 unknown, both with Allow), CANCEL (481, or it ends an INVITE), our
 * own Via (482), the Request-URI's scheme (416) and host (404), merged requests (482), Require (420), To-tags of unknown
 * dialogs (481), bodies too large (413), OPTIONS to a served domain or to our own address (200). What belongs to INVITE
 * sessions: sip/dialog.h; to event subscriptions: sip/subscription.h.
 */
#ifndef STOX_SIP_SIP_H
#define STOX_SIP_SIP_H

#include "net/conn.h"
#include "net/dns.h"
#include "net/loop.h"
#include "net/udp.h"
#include "sip/msg.h"

enum sip_transport { SIP_UDP, SIP_TCP, SIP_TLS };
const char *sip_transport_name(enum sip_transport t); /* "udp" */

struct sip;
struct sip_server;     /* a server transaction: a request that waits for our final response; owned by the stack */
struct sip_client;     /* a client transaction: a request of ours that waits for its result; owned by the stack */
struct sip_dialog_ops; /* INVITE sessions: sip/dialog.h */
struct sip_event_ops;  /* event subscriptions: sip/subscription.h */

/* Who is at the other end. The names are those of a valid certificate that it has shown; of no other one. */
struct sip_peer {
    const struct addr *addr;
    enum sip_transport transport;
    const struct tls_name *names;
    size_t n_names;
    const struct sip_proof
        *proof; /* what ops.prove found of this request: the owner's, and valid as long as it says; NULL: nothing */
};

/* Whom we prove to be, to servers that ask. Borrowed until the owner is called again. */
struct sip_account {
    struct slice user, password; /* user empty: we have no account there */
    bool md5;                    /* is the weak hash good enough? */
};

/* What a request is answered with that does not prove who it is from. */
struct sip_challenge {
    unsigned status;
    const char *reason;  /* NULL: the standard phrase */
    struct buf *headers; /* lines are appended, each with CRLF */
    struct slice route;  /* with SIP_PROVING_DONE: of the one who has proven himself; kept by the owner */
};

enum sip_proving {
    SIP_PROVING_NONE,    /* nothing is asked of this request but its source */
    SIP_PROVING_DONE,    /* it has proven itself: peer->proof is set */
    SIP_PROVING_REFUSED, /* the challenge is filled in */
};

struct sip_request {
    struct sip_server *txn;
    const struct sip_msg *msg;   /* borrowed until return */
    const struct sip_peer *from; /* borrowed until return */
    struct slice route;          /* what ops.source said: borrowed until return */
};

#define SIP_HOST_MAX 255
#define SIP_ROUTE_MAX 64

/*
 * Where a request goes. A connection is shared by all requests whose targets are the same in every field, so that what was
 * proven for one name is never used for another.
 */
struct sip_target {
    enum sip_transport transport;
    struct addr addr;
    char host[SIP_HOST_MAX + 1]; /* SIP_TLS: the server's name, for SNI; empty: it has none */
    char route[SIP_ROUTE_MAX +
               1];  /* the owner's, for ops.meant and ops.account; tells targets apart over SIP_TLS only */
    uint64_t apart; /* a stream of its own, of a test (probe.h); 0: shared */
};

struct sip_ops {
    /* Who is this? False: nobody we know. *route gets the name of the source's route, kept by the owner. */
    bool (*source)(void *owner, const struct sip_peer *from, struct slice *route);
    /*
     * Does the request prove by credentials who it is from (RFC 3261 22)? Asked of every request with a good form but ACK and
     * CANCEL, which cannot be challenged (22.1), before anything else is done with it. From a source that nobody knows, NONE
     * leaves it a stranger's. NULL: nobody has credentials.
     */
    enum sip_proving (*prove)(void *owner, const struct sip_msg *m, struct sip_peer *from, struct sip_challenge *out);
    /*
     * A TLS connection that we opened to a target is up, or the settings have changed: is it the one we wanted? False, and
     * *why (a clause, borrowed until return) says why not. A peer without a valid certificate is never asked about.
     */
    bool (*meant)(void *owner, const struct sip_target *target, const struct sip_peer *peer, const char **why);
    /* May it speak for a domain (A-labels) of this route? Asked by tests of a route; NULL: nobody may. */
    bool (*speaks)(void *owner, struct slice route, struct slice domain, const struct sip_peer *from);
    /* Would a connection to it arrive at a listener of the owner's, of SIP or of anything else? NULL: there is none. */
    bool (*listens)(void *owner, const struct addr *to);
    /* Our account with the servers of this route (sip_target.route), which have answered 401 or 407. False: there is no such
     * route. NULL: there are no accounts. */
    bool (*account)(void *owner, struct slice route, struct sip_account *out);
    /* May a request by this route that is sent elsewhere (3xx) go to this URI, by the same servers? NULL: nowhere. */
    bool (*leads)(void *owner, struct slice route, const struct sip_uri *uri);
    /* Is the host (lower case, no trailing dot) one we answer for on SIP, that is an XMPP partner's domain? */
    bool (*serves)(void *owner, struct slice host);
    /* A MESSAGE for a host that serves does not know, from a known source, gets 404 with this reason, for this why. NULL: nobody
     * wants to know. */
    void (*unserved)(void *owner, const struct sip_request *request, const char *reason, const char *why);
    /* A MESSAGE with a good form, from a known source. Must be answered once, now or later, by sip_respond. */
    void (*message)(void *owner, const struct sip_request *request);
    /* For INVITE sessions. NULL: there are none, INVITE gets 405. */
    const struct sip_dialog_ops *dialogs;
    /* For event subscriptions. NULL: there are none, SUBSCRIBE, NOTIFY and PUBLISH get 405. */
    const struct sip_event_ops *events;
};

struct sip_conf {
    struct slice host; /* our name in Via: a name or address others reach us at */
    const struct sip_ops *ops;
    void *owner;
    struct dns *dns; /* NULL: only addresses are found */
    struct tls *tls;
    struct slice identity;        /* our certificate's name in tls, for both roles; outlives the stack */
    unsigned t1_ms, t2_ms, t4_ms; /* 500, 4000, 5000 */
    unsigned provisional_ms;      /* 100 to a MESSAGE that is not answered by then: 3500 (RFC 4320 4.1) */
    size_t txns_max;              /* transactions held at once, each way; full: UDP dropped, TCP not read */
    size_t kept_max;              /* answered UDP requests remembered for retransmissions; the oldest goes first */
    size_t conns_max;             /* TCP connections; others open seven eighths at most, strangers half of these */
    size_t conns_per_ip_max;      /* ... from one address */
    uint64_t conn_idle_ms; /* an idle TCP connection is closed after this, one with half a message after a sixtieth */
    size_t body_max;       /* 413 above: 64 KiB (STOX-IM-31) */
    size_t dialogs_max;    /* INVITE sessions held at once, both ways together; full: 503 */
    size_t dialogs_per_route_max; /* ... with one route; 0: dialogs_max */
    unsigned session_s; /* the session interval that we ask for (RFC 4028): 1800; 0: none, only what the peer wants */
    unsigned session_min_s; /* a shorter one is refused with 422: at least 90 */
    struct slice accept;    /* value of Accept in answers to OPTIONS; empty: text/plain; outlives the stack */
};

struct sip *sip_new(struct loop *loop, const struct sip_conf *conf, struct err *err);

/* As in sip_conf, for what comes from now on; what is there stays. */
void sip_set_limits(struct sip *sip, size_t txns_max, size_t body_max);

void sip_set_dialog_limits(struct sip *sip, size_t max, size_t per_route_max);

/* What ops.meant and ops.account say may have changed: TLS connections that are not approved any more are closed, and who asks
 * for credentials is asked anew. On the loop. */
void sip_reconsider(struct sip *sip);

/* There are new revocation lists: TLS connections whose peer has shown a certificate that they name are closed. On the loop. */
void sip_revocations_changed(struct sip *sip);

/* Transactions that still run end without a word: nothing is answered, no done is called. */
void sip_free(struct sip *sip);

/*
 * leave.c: from now on another process has what begins: pass gets each datagram that belongs to no transaction, dialog or subscription
 * of this stack. p is borrowed until return; folded lines in it may have become one.
 */
typedef void sip_pass(void *arg, const struct addr *local, const struct addr *from, const char *p, size_t n);
void sip_leave(struct sip *sip, sip_pass *pass, void *arg);
/* Is there a transaction, those included that only wait for repetitions? */
bool sip_is_busy(const struct sip *sip);

/* Listens. May be called several times. Over TLS each client is asked for its certificate, and may have none. */
int sip_listen(struct sip *sip, enum sip_transport transport, const struct addr *local, struct err *err);

/*
 * Answers. headers: further header lines, each with CRLF, already safe; usually empty. reason NULL: the standard phrase.
 * A 1xx leaves the transaction waiting (and is not sent: the one 100 that may go goes by itself, RFC 4320 4.1); any other
 * status ends it, and txn must not be used again. A 408 goes out as 504 (RFC 4320 4.2).
 */
void sip_respond(struct sip_server *txn, unsigned status, const char *reason, struct slice headers);

/* The owner's own state of a waiting transaction; the stack never looks at it. */
void sip_server_set_data(struct sip_server *txn, void *data);
void *sip_server_data(const struct sip_server *txn);

/* Our Contact, in a request as the target that it goes to needs it. */
struct sip_contact {
    struct slice user;   /* escaped; empty: none */
    struct slice params; /* further URI parameters, escaped, each with its ';': ";gr=x" */
    bool secure;         /* sips */
};

/* A request to send. Via, Max-Forwards, CSeq, Content-Length are the stack's. Everything is copied. */
struct sip_send {
    enum sip_method method;
    struct slice uri;      /* Request-URI */
    struct slice from, to; /* whole header values, tag of From included */
    struct slice call_id;
    uint32_t cseq;
    struct slice branch;               /* with the magic cookie, unique; empty: made here */
    unsigned max_forwards;             /* 70 */
    const struct sip_contact *contact; /* NULL: none, or it is in headers */
    struct slice headers;              /* further lines, each with CRLF, already safe */
    struct slice body;
    bool to_proxy; /* a Route header names the target, a loose router (8.1.2): on requests out of dialogs only */
};

struct sip_result {
    unsigned status;           /* final response, or 0: none came */
    const struct sip_msg *msg; /* borrowed until return; NULL when status is 0 */
    enum sip_no_answer {
        SIP_ANSWERED,
        SIP_TIMED_OUT,
        SIP_UNREACHABLE,
        SIP_NO_MEMORY,
        /* Of sip_request (attempt.h) only: */
        SIP_NOT_FOUND,  /* DNS names no server */
        SIP_LEFT_ALONE, /* every server has asked to be left alone (503 with Retry-After) */
        SIP_TOO_LONG,   /* over 1300 bytes, and no way but UDP */
    } no_answer;
    bool signable; /* 401 or 407 that can be answered, but with credentials the request would be too long for UDP */
};

/*
 * Called once for each sip_send, from the loop; the transaction must not be used after it. SIP_UNREACHABLE: it was
 * never written, or the target refuses datagrams. SIP_TIMED_OUT: it may have arrived; this is also what follows, in time,
 * when a connection breaks before the answer (STOX-SIP-57).
 */
typedef void sip_done(void *arg, const struct sip_result *result);

/* NULL: no memory, too many, or a branch whose request has no answer yet; done will not be called. Requests over 1300 bytes never leave on
 * UDP (STOX-IM-28,34): NULL too, the caller asks sip_send_fits first. */
struct sip_client *sip_send(struct sip *sip, const struct sip_target *target, const struct sip_send *request,
                            sip_done *done, void *arg);

/* Would the request have at most max bytes on the wire to this target? */
bool sip_send_fits(struct sip *sip, const struct sip_target *target, const struct sip_send *request, size_t max);

/* done will not be called; the transaction runs on to absorb what comes, and sends nothing new. */
void sip_client_forget(struct sip_client *client);

/*
 * Where a request is numbered that goes again by itself, because it was asked for credentials (login.h): it takes the next number
 * after *cseq and leaves it there. Valid until done, or sip_client_forget. Without it the request has its old CSeq plus one.
 */
void sip_client_count(struct sip_client *client, uint32_t *cseq);

/* How far it has come. */
enum sip_client_progress {
    SIP_CLIENT_UNSENT, /* nothing was written yet */
    SIP_CLIENT_SILENT, /* written, and nothing has come back */
    SIP_CLIENT_HEARD,  /* a provisional answer has come, or the final one */
};
enum sip_client_progress sip_client_progress(const struct sip_client *client);

/* It is not repeated any more, and waits on for its answer. */
void sip_client_quiet(struct sip_client *client);

/* It ends without a word, and what was not written never is. */
void sip_client_drop(struct sip_client *client);

struct sip_counters {
    uint64_t requests_in, responses_out, requests_out, responses_in;
    uint64_t retransmissions_in, retransmissions_out;
    uint64_t dropped_garbage, dropped_unknown_source, dropped_stray_response, dropped_full;
    uint64_t malformed, refused;
    size_t servers, clients, conns;
    size_t dialogs, invites; /* sessions; INVITE server transactions */
    size_t subscriptions;
};
const struct sip_counters *sip_counters(const struct sip *sip);

#endif
