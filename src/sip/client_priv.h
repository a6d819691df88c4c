/* The inside of client transactions: what the machine for INVITE (invite_client.c) shares with the one for all others. */
#ifndef STOX_SIP_CLIENT_PRIV_H
#define STOX_SIP_CLIENT_PRIV_H

#include "sip/client.h"

enum client_state {
    CLIENT_WAITING,    /* for a connection: nothing was written */
    CLIENT_TRYING,     /* INVITE: Calling */
    CLIENT_PROCEEDING, /* a provisional answer came */
    CLIENT_COMPLETED,  /* done was called; absorbs repeated responses */
    CLIENT_ACCEPTED,   /* INVITE: a 2xx came, others may (RFC 6026 7.2) */
};

/* The next hop of unfinished transactions and of dialogs; lives as long as there are any. */
struct hop {
    struct hash_node node;
    struct sip_clients *table;
    struct sip_target target;
    struct sip_flow flow;
    enum sip_reach reach;
    struct list clients;
    size_t n_waiting;
    size_t n_held; /* by dialogs */
};

struct sip_client {
    struct hash_node by_branch;
    struct list in_hop; /* when it is completed: in the table's completed */
    struct timer timer; /* E and F, or K; INVITE: A and B, or D, or M */
    struct sip_clients *table;
    struct hop *hop; /* NULL: completed, but never of an INVITE */
    sip_done *done;  /* NULL: called, or forgotten */
    void *arg;
    struct invite_part *invite; /* owned; what only an INVITE needs; NULL: none */
    struct sip_dialog *dialog;  /* hears the result after done; NULL: none, or it is gone */
    struct list in_dialog;      /* in the dialog's */
    uint64_t deadline_ms;       /* Timer F or B */
    uint64_t link;              /* of the connection that it was written to */
    char *wire;                 /* owned; the request, as long as it may have to be sent or read */
    size_t n_wire;
    unsigned interval_ms; /* Timer E or A */
    enum sip_method method;
    enum client_state state;
    uint32_t *counter;      /* the owner's: what goes again takes the next number there; NULL: it counts for itself */
    struct sip_login login; /* for all but INVITE, whose session counts */
    bool is_last;           /* forgotten: it never goes again */
    uint16_t via_port;
    uint8_t n_route;
    size_t n_base;   /* of the branch that it was given; 0: made here */
    size_t n_branch; /* with what tells signed ones apart */
    size_t n_room;   /* for the branch; behind it the route that the request belongs to */
    char branch[];
};

/* A transaction that has its request and its place, but is not on its way. NULL: as sip_send. */
struct sip_client *sip_client_make(struct sip_clients *t, const struct sip_target *target,
                                   const struct sip_send *request);

/* Puts it on its way. Nothing that happens here calls back: what fails at once is heard from the timer. */
void sip_client_set_out(struct sip_client *c);

void sip_client_free(struct sip_client *c);

/* The target of its hop, for what belongs to the same route. */
struct sip_target sip_client_target(const struct sip_client *c);

/* Our request as it was written. Edits it: for the last look at it, or an INVITE's. False: it is gone, or no memory. */
bool sip_client_read_back(const struct sip_client *c, struct sip_msg *m, struct arena *arena);

/* client.c, for what client_login.c makes anew. */
struct slice sip_client_route(const struct sip_client *c);
bool sip_client_build(struct sip_client *c, const struct sip_send *r, struct slice branch, struct slice login);
bool sip_client_rename(
    struct sip_client *c); /* out of the table, with a new branch in. False: no memory, and in no table */

/* client_login.c: a request that is answered 401 or 407 has set out again. False: it has not; *signable as in sip_result. */
bool sip_client_login(struct sip_client *c, const struct sip_msg *m, bool *signable);
bool sip_client_may_sign(enum sip_method method);
void sip_put_credentials(struct buf *b, const struct sip_msg *m); /* those lines of m */
bool sip_client_transmit(struct sip_client *c);

/* The last word about c, which is freed. It is out of all tables first: who hears it may start new transactions. */
void sip_client_end(struct sip_client *c, const struct sip_result *result);
void sip_client_fail(struct sip_client *c, enum sip_no_answer why);

/* done hears the result, then the dialog; of an INVITE, who listens to it. */
void sip_client_report(struct sip_client *c, const struct sip_result *result);

/* Runs the timer until the next repetition or the deadline. */
void sip_client_wait(struct sip_client *c);

/* The same hop for the same target; NULL: no memory. Every hold is dropped once. */
struct hop *sip_hop_hold(struct sip_clients *t, const struct sip_target *target);
void sip_hop_drop(struct hop *hop);

/*
 * Builds a request in t->scratch, with a new branch when it has none. sip_hop_write sends what is there, if the hop is up; if
 * not, a connection is on its way for the next time.
 */
bool sip_hop_build(struct hop *hop, const struct sip_send *request);
bool sip_hop_write(struct hop *hop, struct slice bytes);

/* invite_client.c */
void sip_invite_client_timer(struct sip_client *c);
void sip_invite_client_response(struct sip_client *c, const struct sip_msg *m);
void sip_invite_client_hear(struct sip_client *c, const struct sip_result *result);
void sip_invite_client_fini(struct sip_client *c);

/* dialog.c: a request of ours in the dialog has its result. */
void sip_dialog_heard(struct sip_dialog *d, struct sip_client *c, const struct sip_result *result);

#endif
