/*
 * One connection of a link, as either end has it: TLS whose keys are pinned on both sides, a HELLO each way, then frames. It knows
 * what all frames of the connection need (HELLO, BYE, ACK, PING, PONG), and nothing of the others.
 *
 * A session outlives its lines. It has one at most, and the owner says which session a new one belongs to.
 */
#ifndef STOX_LINK_LINE_H
#define STOX_LINK_LINE_H

#include "link/lease.h"
#include "link/numbered.h"
#include "net/conn.h"

#define LINK_PORT 23456
#define LINK_CERTIFICATE "_link" /* the name of the certificate that both ends show: no host has it */
#define LINK_PINS_MAX 16         /* keys that a peer may have */
#define LINK_TX_MAX (4u << 20)   /* of a line; a peer that lets so much wait is gone */

struct link_line;

/* What one process of a gateway and one of a proxy know of each other. */
struct link_session {
    struct link_line *line; /* NULL: none now; set by the line */
    struct link_numbered numbered;
    struct link_lease lease;         /* at the proxy */
    uint32_t trip_ms;                /* at the proxy: from the last question to its answer */
    uint64_t answered_ms;            /* at the gateway: when it last answered a PING; 0: not yet */
    uint64_t asked_ms;               /* likewise: what the proxy's clock showed when it sent that PING */
    unsigned char id[LINK_RANDOM];   /* the proxy's choice */
    unsigned char peer[LINK_RANDOM]; /* the process at the other end */
    bool begun;                      /* id is known */
};

void link_session_init(struct link_session *s);
void link_session_fini(struct link_session *s); /* without a line */

/* Sends a numbered frame: now, or when there is a line again. False: as link_numbered_add; or it has not begun. */
bool link_session_send(struct link_session *s, const struct link_frame *frame);

/* From the loop. Inside of them the line may be ended; it is freed after closed, which is the last one. */
struct link_line_ops {
    /*
     * The peer has shown a pinned key, and its HELLO can be understood. Which session is this? The gateway's end: its own, which goes on
     * if hello->session is its id, and else is a new one that the owner has emptied. The proxy's: that of hello->session, or a new one.
     * NULL: none; the owner has ended the line. pin: of the peer's key.
     */
    struct link_session *(*hello)(void *owner, struct link_line *line, const struct link_hello_frame *hello,
                                  struct slice pin);
    /* HELLOs are exchanged: what is not numbered is said anew, then link_line_go. */
    void (*up)(void *owner, struct link_line *line);
    /* Any other frame, already counted when it is numbered. Borrowed until return. */
    void (*frame)(void *owner, struct link_line *line, const struct link_frame *frame);
    /* The gateway has answered a question, or the proxy has got an answer: the session may send stanzas, and goes on having its lease. */
    void (*alive)(void *owner, struct link_line *line);
    /* What waits has become less: there is room again (link_line_has_room). May be NULL. */
    void (*room)(void *owner, struct link_line *line);
    /* why: a clause for the log. The session has no line any more. */
    void (*closed)(void *owner, struct link_line *line, enum link_reason reason, const char *why);
};

/* Borrowed by the line. */
struct link_line_conf {
    struct loop *loop;
    struct tls *tls;
    enum link_role role;      /* ours */
    const struct slice *pins; /* of keys that the peer may have */
    size_t n_pins;
    struct slice name; /* ours, for the peer's log */
    bool beside;       /* gateway: see HELLO */
    unsigned char process[LINK_RANDOM];
    const struct link_line_ops *ops;
    void *owner;
    struct link_session *session; /* gateway: whose line it is to be */
};

/* NULL: memory or sockets; no callback follows. */
struct link_line *link_line_connect(const struct link_line_conf *conf, const struct addr *to);
struct link_line *link_line_accept(const struct link_line_conf *conf, int fd, const struct addr *peer);

/* Sends a frame that is not numbered. False: the line is ending, or the frame is not as the table says. */
bool link_line_write(struct link_line *line, const struct link_frame *frame);

/* The same of a whole frame that link_frame_write has written, not a numbered one. */
bool link_line_write_bytes(struct link_line *line, struct slice bytes);

/* After up, all that has to come first was said: what is numbered follows. */
void link_line_go(struct link_line *line);

/* Does little enough wait, that more may be written? */
bool link_line_has_room(const struct link_line *line);

/* Bytes that wait for the peer. */
size_t link_line_pending(const struct link_line *line);

/* Says BYE and closes; closed follows. what: a clause. */
void link_line_end(struct link_line *line, enum link_reason reason, const char *what);

/* At once, and telling nobody: the owner is gone. NULL is fine. */
void link_line_free(struct link_line *line);

const struct addr *link_line_peer(const struct link_line *line);
struct slice link_line_name(const struct link_line *line); /* the peer's own, from HELLO; empty before */
const char *link_reason_name(enum link_reason reason);

#endif
