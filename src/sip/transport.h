/*
 * The sockets of the stack: UDP sockets, listeners, connections that were accepted or opened. Connections we open are
 * kept and used again for the same target. One that we accepted over TLS carries our requests too when its peer has asked for it
 * (";alias" in Via) and has shown the very certificate that we want to see at the target (RFC 5923 8, 9); all others carry only
 * answers to what came over them.
 *
 * A response whose connection is gone opens one to where its request came from, at the port that the Via names (RFC 3261 18.2.2).
 * Over TLS that must be somebody who may speak, or nothing is sent.
 *
 * On what we opened, and nobody uses, we send two line ends every KEEP_MS (RFC 5626 4.4.1). Some answer them: one that has done so
 * once and then does not is gone.
 */
#ifndef STOX_SIP_TRANSPORT_H
#define STOX_SIP_TRANSPORT_H

#include "sip/cert.h"
#include "sip/flow.h"

#define SIP_ARENA_MAX (64 * 1024) /* for the header table of one message */
#define SIP_CONNECT_MS 10000
#define SIP_KEEP_MS 60000         /* between pings on a connection of ours */
#define SIP_PONG_MS 10000         /* RFC 5626 4.4.1 */
#define SIP_BACK_MAX (64 * 1024)  /* of responses that wait for one connection */
#define SIP_APART_BACK UINT64_MAX /* sip_target.apart: of connections for responses */

struct sip_transports {
    struct list udp;       /* struct sip_udp */
    struct list listeners; /* struct sip_listener */
    struct list streams;   /* struct sip_stream */
    struct hash by_link;   /* struct sip_stream */
    struct hash by_target; /* those we opened */
    uint64_t last_link;
    size_t n_streams;
};

/* A UDP socket. */
struct sip_udp {
    struct list link;
    struct sip *sip;
    struct udp *udp;
    uint64_t id;
};

/* A listening TCP socket. */
struct sip_listener {
    struct list link;
    struct sip *sip;
    enum sip_transport transport; /* SIP_TCP or SIP_TLS */
    struct listener *listener;
};

/* Why a stream is not read. */
#define SIP_HOLD_FULL 1u /* the transaction table is full */
#define SIP_HOLD_TX 2u   /* the peer does not read its answers */

struct sip_stream {
    struct list link;
    struct hash_node by_link, by_target;
    struct sip *sip;
    struct conn *conn;
    struct sip_cert *cert;    /* owned; of the peer, when it is valid; NULL: none */
    struct sip_target target; /* whom we connected to; accepted: the peer */
    uint64_t id;
    struct timer deadline;
    struct timer expiry; /* of the peer's certificate; transport_standing.c */
    size_t wanted;       /* bytes of the next message without which parsing is in vain */
    unsigned holds;      /* SIP_HOLD_... */
    unsigned n_crlf;     /* line ends since the last message or pong */
    bool opened;         /* by us: it carries our requests */
    bool up;             /* connected */
    bool heard;          /* something has come */
    bool partial;        /* part of a message has come */
    bool closing;        /* no more input, no more output */
    uint16_t alias;      /* accepted: the port that it may stand for; 0: none */
    struct buf back;     /* responses that wait for it to be up; it was opened for them */
    struct timer ping;
    bool pinged, pongs; /* a ping is not answered yet; one was, once */
    bool is_stranger;   /* accepted from an address that no route has */
    bool worn;          /* its certificate has expired: it only finishes what is under way */
};

void sip_transports_init(struct sip_transports *t);
void sip_transports_fini(struct sip *sip);

/* The wire of the real stack; owner is struct sip. */
extern const struct sip_wire sip_socket_wire;

int sip_udp_listen(struct sip *sip, const struct addr *local, struct err *err);
struct sip_udp *sip_udp_for(struct sip *sip, const struct addr *to);
bool sip_udp_send(struct sip *sip, uint64_t id, const struct addr *to, const char *p, size_t n);
void sip_udp_free(struct sip_udp *u);

int sip_stream_listen(struct sip *sip, enum sip_transport transport, const struct addr *local, struct err *err);
void sip_listener_free(struct sip_listener *l);

struct sip_stream *sip_stream_find(struct sip *sip, const struct sip_target *target);
struct sip_stream *sip_stream_open(struct sip *sip, const struct sip_target *target);
bool sip_stream_send(struct sip *sip, uint64_t id, const char *p, size_t n);
bool sip_stream_send_back(struct sip *sip, const struct sip_flow *flow, const char *p, size_t n);
void sip_stream_free(struct sip_stream *s);
void sip_stream_close(struct sip_stream *s); /* when what waits has been written; requests go elsewhere from now on */

/* The connections of a test (target.apart). */
void sip_streams_close_apart(struct sip *sip, uint64_t apart);

/* transport_alias.c: one that was accepted and may stand for target, which it is from now on; NULL: none. */
struct sip_stream *sip_stream_adopt(struct sip *sip, const struct sip_target *target);

/* transport_tls.c: is the peer at the other end of this TLS connection the one that the target means? */
bool sip_stream_is_meant(struct sip_stream *s, const struct sip_target *target, const char **why);

/* transport_tls.c: the handshake is done. False: the peer is not the one we wanted, and the stream was closed. */
bool sip_stream_secured(struct sip_stream *s);

/* transport_tls.c: one line about the peer, with the names that it shows. */
void sip_stream_log_peer(struct sip_stream *s, const char *event, const char *why);

/* transport_standing.c: it has shown a valid certificate; what becomes of the connection when that expires. */
void sip_stream_watch_certificate(struct sip_stream *s);
void sip_stream_expires(struct timer *timer);

/* From now on it is not found for requests. */
void sip_stream_retire(struct sip_stream *s);

/* The transaction table has room again. */
void sip_streams_resume(struct sip *sip);

#endif
