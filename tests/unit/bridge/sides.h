/*
 * Both sides of the bridge, played by the test: what the bridge asks of sip and xmpp is written down, and the test says what
 * came of it. The bridge, the mapping and the parsers are the real ones.
 */
#ifndef STOX_TESTS_SIDES_H
#define STOX_TESTS_SIDES_H

#include "bridge/bridge_private.h"
#include "bridge/presence.h"
#include "sip/attempt.h"

#define SIDES_MAX 512

struct sip_server {
    unsigned answers; /* must end as 1 */
    unsigned status;
    char reason[256];
    char headers[512];
};

struct sip_attempt {
    bool in_use, forgotten;
    sip_done *done;
    void *arg;
    unsigned transports; /* of the destination, with its first hop */
    struct addr hop;
    enum sip_method method;
    struct sip_dialog *dialog; /* it is inside of; NULL: none */
    char uri[512], from[512], call_id[300], body[4096], branch[200], headers[1024];
};

/* An INVITE session, as the bridge sees it. */
struct sip_dialog {
    bool called; /* by the bridge */
    bool accepted, ended, cancelled;
    unsigned refused; /* by the bridge, with this status */
    void *data;
    struct sip_target target;
    char uri[512], from[512], to[512], call_id[300], user[100], params[200], headers[512], body[2048], remote[512];
};

/* A subscription, as the bridge sees it. */
struct sip_sub {
    bool notifier;       /* the bridge is */
    bool winfo;          /* of presence.winfo */
    size_t body_max;     /* 0: no transport bounds it */
    bool accepted, gone; /* gone: refused, dropped, ended, or ended was called */
    unsigned refused, refreshes, unsubscribes, changes, urgent;
    void *data;
    unsigned expires_s;
    char uri[512], from[512], to[512], user[100], route[100], accept[100], reason[64], headers[300], body[8192];
    enum sip_sub_state state; /* of the last notice */
    enum sip_sub_reason why;  /* likewise */
    unsigned retry_after_s;
};

/* A contact on its way to the store, or in it. */
struct sides_row {
    char local[256], remote[256];
    uint8_t x2s, s2x;
    int64_t x2s_since_s, s2x_since_s;
    bool added, gone;
    struct ledger_place *place;
    uint64_t number;
};

struct sides {
    struct loop loop;
    struct log log;
    struct buf logged;
    struct boot boot;
    struct directory *directory; /* the latest */
    struct bridge *bridge;
    struct arena arena;

    bool refuses, rests; /* what XMPP was told */

    const char *call_id; /* of the next requests; NULL: each its own */
    struct sip_server servers[SIDES_MAX];
    size_t n_servers;
    struct sip_attempt clients[SIDES_MAX];
    size_t n_clients;
    bool too_long; /* for UDP: what the next requests hear */
    struct sip_dialog dialogs[SIDES_MAX];
    size_t n_dialogs;
    size_t dialogs_max;
    struct sip_sub subs[SIDES_MAX];
    size_t n_subs;
    bool no_subs;  /* sip_subscribe fails */
    bool looks_up; /* servers by name: sides_located tells them */
    struct sides_lookup {
        sip_located_done *done; /* NULL: it has ended */
        void *arg;
    } lookups[8];
    size_t n_lookups;
    struct sip_target *known; /* what a name leads to; NULL: it has to be looked up */
    size_t extra_size;        /* added to the sizes that sip_dialog_fits and sip_invite_fits go by */

    struct sides_sent {
        char local[128], remote[128], stanza[8192];
        uint64_t token, until_ms;
        bool withdrawn, settled;
    } sent[SIDES_MAX];
    size_t n_sent;
    bool refuse_sends;
    bool crowded, linked; /* what federation_is_crowded and _is_linked say */
    enum xmpp_fate refusal;
    bool written; /* what federation_withdraw says */
    uint64_t handled[SIDES_MAX];
    size_t n_handled;
    struct sides_row puts[SIDES_MAX], rows[SIDES_MAX]; /* what waits for the ledger; what is stored */
    size_t n_puts, n_rows;
    uint64_t last_put;
    bool ledger_full;  /* it takes nothing */
    bool ledger_holds; /* what waits is not stored by sides_advance, but by sides_settle_contacts */
    int paused, n_pauses;
    int reconsidered;
    struct xmpp_limits limits;
    size_t txns_max, body_max;
    char secret[XMPP_SECRET_MAX + 1];
};

/* sides_federation.c: makes the XMPP side that is written down above. */
extern const struct federation_maker sides_federation;

/* The settings that sides_new starts with. */
#define SIDES_SETTINGS SIDES_ORG SIDES_DOMAINS SIDES_PARTNER
#define SIDES_ORG "org { federation = yes }\npolicy global { federation = yes\n xmpp = yes }\n"
#define SIDES_DOMAINS                                                                                                  \
    "route office { transport = udp\n next-hop = \"192.0.2.10\" }\nroute other { transport = udp\n next-hop = "        \
    "\"192.0.2.20\" }\n"                                                                                               \
    "sip-domain contoso.example { route = office }\nsip-domain other.example { route = other }\n"
#define SIDES_PARTNER "partner fabrikam.example { type = federated }\n"

/* For the other files of sides. */
struct sides *sides_now(void);
void sides_copy(char *out, size_t size, struct slice s);

/* Around each call into the bridge. */
void sides_begin(void);
void sides_done(void);

/* A message that comes from ip; text is freed by sides_left. */
struct sides_arrival {
    struct arena arena;
    struct sip_msg msg;
    struct addr source;
    struct sip_peer peer;
    char *text;
};
void sides_arrive(struct sides_arrival *a, const char *ip, char *text, int n);
void sides_left(struct sides_arrival *a);

/* A directory of settings in text form. */
struct directory *sides_directory(const char *settings);
/* Other settings from now on. */
void sides_apply(struct sides *s, const char *settings);
/* The partner's server takes all errors that were sent. */
void sides_settle_errors(struct sides *s);
bool sides_logged(const struct sides *s, const char *text);

/* contoso.example by UDP at 192.0.2.10, fabrikam.example a partner. */
struct sides *sides_new(void);
void sides_free(struct sides *s);

/* A MESSAGE arrives from ip; what is between From and body can be added as header lines. */
struct sip_server *sides_sip(struct sides *s, const char *ip, const char *from, const char *uri, const char *branch,
                             const char *headers, const char *body);

/* A stanza arrives on an authenticated stream; the receipt is its number. */
void sides_xmpp(struct sides *s, const char *stanza, uint64_t receipt);

/* The SIP side answers request number i. */
void sides_answer(struct sides *s, size_t i, unsigned status);
/* All lookups have their result: known's, or none. */
void sides_located(struct sides *s, struct sip_target *known);
size_t sides_looks(const struct sides *s); /* how many are under way */

/* An INVITE with this offer (empty: none), and its Contact. */
struct sip_dialog *sides_invite(struct sides *s, const char *ip, const char *from, const char *uri, const char *call_id,
                                const char *type, const char *offer);
/* The ACK to our 200. answer: the description in it, empty: none. */
void sides_acked(struct sides *s, struct sip_dialog *d, const char *answer);
/* A request in the session. headers: Content-Type and others. */
struct sip_server *sides_inside(struct sides *s, struct sip_dialog *d, const char *method, const char *headers,
                                const char *body);
/* The other side answers our INVITE: 200 with this description; or the session ends, with this status if there is one. */
void sides_answered(struct sides *s, struct sip_dialog *d, const char *body);
void sides_ended(struct sides *s, struct sip_dialog *d, enum sip_end_why why, unsigned status);
/* New offer or none inside the session; what the bridge describes is in d->body. */
unsigned sides_describe(struct sides *s, struct sip_dialog *d, const char *offer);

/* The notifier of a subscription of ours: its 2xx; a NOTIFY (value of Subscription-State, and a document or none), whose answer
 * this is; its end. */
void sides_accept(struct sides *s, struct sip_sub *sub, unsigned expires_s);
unsigned sides_notify(struct sides *s, struct sip_sub *sub, enum sip_sub_state state, enum sip_sub_reason reason,
                      const char *type, const char *body);
void sides_sub_ended(struct sides *s, struct sip_sub *sub, const struct sip_sub_end *end);

/* A SUBSCRIBE outside of dialogs arrives from ip, as the stack has granted it (0: a poll). */
struct sip_sub *sides_subscribe(struct sides *s, const char *ip, const char *from, const char *uri, unsigned expires_s);
struct sip_sub *sides_subscribe_winfo(struct sides *s, const char *ip, const char *from, const char *uri,
                                      unsigned expires_s);
/* Its NOTIFY may leave: what the bridge describes is in sub->state, sub->body, sub->headers. */
void sides_describe_sub(struct sides *s, struct sip_sub *sub, bool last);
void sides_refreshed(struct sides *s, struct sip_sub *sub);

/* A PUBLISH of from ("alice@contoso.example") for uri's user, answered. headers: lines with CRLF. */
struct sip_server *sides_publish(struct sides *s, const char *ip, const char *from, const char *uri,
                                 const char *headers, const char *body);

/* All that waits for the ledger is stored, or given up; who waits for it is told. */
void sides_settle_contacts(struct sides *s, bool durable);
/* NULL: it is not stored. */
const struct sides_row *sides_stored(const struct sides *s, const char *local, const char *remote);
/* The process is killed and starts anew, as far as contacts are concerned: what was not stored is lost. */
void sides_restart_contacts(struct sides *s);

/* The end of a turn: what was deferred. */
void sides_turn(struct sides *s);
void sides_advance(struct sides *s, uint64_t ms); /* with it, and with what the ledger has to do */

#endif
