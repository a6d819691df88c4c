/*
 * Both sides of the bridge, played by the test: what the bridge asks of sip and xmpp is written down, and the test says what
 * came of it. The bridge, the mapping and the parsers are the real ones.
 */
#ifndef STOX_TESTS_SIDES_H
#define STOX_TESTS_SIDES_H

#include "bridge/bridge_private.h"
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

struct sides {
    struct loop loop;
    struct log log;
    struct buf logged;
    struct boot boot;
    struct directory *directory; /* the latest */
    struct bridge *bridge;
    struct arena arena;

    const char *call_id; /* of the next requests; NULL: each its own */
    struct sip_server servers[SIDES_MAX];
    size_t n_servers;
    struct sip_attempt clients[SIDES_MAX];
    size_t n_clients;
    bool too_long; /* for UDP: what the next requests hear */
    struct sip_dialog dialogs[SIDES_MAX];
    size_t n_dialogs;
    size_t dialogs_max;
    bool looks_up; /* servers by name: sides_located tells them */
    struct sides_lookup {
        sip_located_done *done; /* NULL: it has ended */
        void *arg;
    } lookups[8];
    size_t n_lookups;
    struct sip_target *known; /* what a name leads to; NULL: it has to be looked up */
    size_t extra_size;        /* added to the sizes that sip_dialog_fits and sip_invite_fits go by */

    struct {
        char local[128], remote[128], stanza[8192];
        uint64_t token;
        bool withdrawn, settled;
    } sent[SIDES_MAX];
    size_t n_sent;
    bool refuse_sends;
    enum xmpp_fate refusal;
    bool written; /* what xmpp_withdraw says */
    uint64_t handled[SIDES_MAX];
    size_t n_handled;
    int paused, n_pauses;
    int reconsidered;
    struct xmpp_limits limits;
    size_t txns_max, body_max;
    char secret[XMPP_SECRET_MAX + 1];
};

/* The settings that sides_new starts with. */
#define SIDES_SETTINGS SIDES_ORG SIDES_DOMAINS SIDES_PARTNER
#define SIDES_ORG "org { federation = yes }\npolicy global { federation = yes\n xmpp = yes }\n"
#define SIDES_DOMAINS                                                                                                  \
    "route office { next-hop = \"192.0.2.10\" }\nroute other { next-hop = \"192.0.2.20\" }\n"                          \
    "sip-domain contoso.example { route = office }\nsip-domain other.example { route = other }\n"
#define SIDES_PARTNER "partner fabrikam.example { type = federated }\n"

/* For sides_session.c. */
struct sides *sides_now(void);
void sides_copy(char *out, size_t size, struct slice s);

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
/* A request in the session. headers: Content-Type and others. */
struct sip_server *sides_inside(struct sides *s, struct sip_dialog *d, const char *method, const char *headers,
                                const char *body);
/* The other side answers our INVITE: 200 with this description; or the session ends, with this status if there is one. */
void sides_answered(struct sides *s, struct sip_dialog *d, const char *body);
void sides_ended(struct sides *s, struct sip_dialog *d, enum sip_end_why why, unsigned status);
/* New offer or none inside the session; what the bridge describes is in d->body. */
unsigned sides_describe(struct sides *s, struct sip_dialog *d, const char *offer);

void sides_advance(struct sides *s, uint64_t ms);

#endif
