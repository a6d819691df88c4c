/*
 * The HTTP API (docs/API.md): a unix socket, TCP on loopback, and TLS everywhere. Connections are accepted and TLS is
 * spoken on the loop; requests are answered in a thread of its own, because changes wait for the store. Who asks is found
 * out before anything else: without authentication every path looks the same.
 */
#ifndef STOX_ADMIN_ADMIN_H
#define STOX_ADMIN_ADMIN_H

#include <jansson.h>

#include "net/loop.h"
#include "pki/vault.h"
#include "store/keeper.h"
#include "store/model.h"

struct admin;

/*
 * What the daemon knows and the store does not. Called from the API's thread, never from the loop's; each may take its time,
 * but must come back although the loop stands still in admin_free. NULL members, and NULL or false as an answer: 503.
 */
struct admin_refusal {
    unsigned status; /* 404, 409, 422, 429 or 503 */
    const char *why; /* a sentence */
};

/* Whom to watch, as written. Arrays are borrowed. */
#define ADMIN_TRACE_NAMES 16
struct admin_trace {
    struct slice users[ADMIN_TRACE_NAMES], partners[ADMIN_TRACE_NAMES];
    size_t n_users, n_partners;
    bool bodies;
    uint64_t seconds;
    struct slice who; /* asks */
};

/* What of a list is asked for; empty: anything. */
struct admin_look {
    struct slice user, partner, state; /* as written */
    uint64_t before;                   /* the "next" of the page before; 0: the first page */
    uint64_t limit;
    struct slice search,
        sort; /* of lists that people look through: a text, in lower case; a column, with - before it backwards */
    uint64_t offset;
};

/* A check: of DNS, or of everything. Arrays are borrowed. */
#define ADMIN_CHECK_DOMAINS 500
#define ADMIN_CHECK_RESOLVERS 2
struct admin_check {
    bool all;              /* everything; else DNS alone */
    struct slice *domains; /* of ours, as written; none: all */
    size_t n_domains;
    struct slice resolvers[ADMIN_CHECK_RESOLVERS]; /* "ip" or "ip@port"; none: those of the bootstrap file */
    size_t n_resolvers;
};

enum admin_service_action { ADMIN_SERVICE_DRAIN, ADMIN_SERVICE_RESUME, ADMIN_SERVICE_STOP, ADMIN_SERVICE_HAND_OVER };

struct admin_ops {
    /* What handshakes show: an array of {"name", "source", "sha256", "not-after"}. */
    json_t *(*identities)(void *owner);
    json_t *(*status)(void *owner);                    /* GET /v1/status: an object; the reply owns it */
    json_t *(*history)(void *owner, uint64_t minutes); /* GET /v1/history: an object; minutes: at most */
    json_t *(*service)(void *owner);                   /* GET /v1/service: an object */
    /* POST /v1/service. False: *no says why. */
    bool (*service_do)(void *owner, enum admin_service_action action, struct admin_refusal *no);
    bool (*metrics)(void *owner, struct buf *out);  /* GET /metrics: OpenMetrics text, with its "# EOF" */
    json_t *(*streams)(void *owner);                /* GET /v1/streams: an array of objects with "id" */
    bool (*stream_close)(void *owner, uint64_t id); /* false: there is none */
    json_t *(*stream)(void *owner, uint64_t id);    /* GET /v1/streams/ID: all of one; JSON null: there is none */
    /* GET /v1/partners/NAME/status. name is any domain of a partner; JSON null: it belongs to none. */
    json_t *(*partner_status)(void *owner, struct slice name);
    /* Of all partners that have streams or have failed of late: {NAME: {"is": "connected", "failing" or "idle", ...}}. */
    json_t *(*partner_states)(void *owner);
    /* POST /v1/partners/NAME/test: begins a test and gives {"id": ...}. from empty: our first domain. NULL: *no says why */
    json_t *(*test_start)(void *owner, struct slice name, struct slice from, struct admin_refusal *no);
    /* GET /v1/partners/NAME/test/ID; JSON null: there is none of that partner, or no longer. */
    json_t *(*test)(void *owner, struct slice name, uint64_t id);
    /* GET /v1/routes/NAME/status; JSON null: there is no such route. */
    json_t *(*route_status)(void *owner, struct slice name);
    /* POST /v1/routes/NAME/test and GET /v1/routes/NAME/test/ID, as those of partners. */
    json_t *(*route_test_start)(void *owner, struct slice name, struct admin_refusal *no);
    json_t *(*route_test)(void *owner, struct slice name, uint64_t id);
    /* GET /v1/link: {"role", "pin"}: what proxies have to know of this gateway. */
    json_t *(*link)(void *owner);
    /* GET /v1/proxies/NAME/status; JSON null: there is no such proxy. Its tests as those of partners. */
    json_t *(*proxy_status)(void *owner, struct slice name);
    json_t *(*proxy_test_start)(void *owner, struct slice name, struct admin_refusal *no);
    json_t *(*proxy_test)(void *owner, struct slice name, uint64_t id);
    /* GET /v1/conversations and /v1/queue: {"items": [...], ...}. NULL: *no says why. */
    json_t *(*conversations)(void *owner, const struct admin_look *look, struct admin_refusal *no);
    json_t *(*queue)(void *owner, const struct admin_look *look, struct admin_refusal *no);
    json_t *(*conversation)(void *owner, struct slice id); /* JSON null: there is none */
    /* GET /v1/subscriptions: {"items": [...], ...}. before: where to go on. NULL: *no says why. */
    json_t *(*subscriptions)(void *owner, const struct admin_look *look, struct admin_refusal *no);
    /* GET /v1/subscription, POST /v1/subscription/refresh. JSON null: these two have none. */
    json_t *(*subscription)(void *owner, struct slice sip, struct slice xmpp, struct admin_refusal *no);
    json_t *(*subscription_refresh)(void *owner, struct slice sip, struct slice xmpp, struct admin_refusal *no);
    /* GET /v1/effective with "with": what stands between the two besides the policy. NULL: *no says why. */
    json_t *(*gates)(void *owner, struct slice sip, struct slice xmpp, struct admin_refusal *no);
    /* GET /v1/contacts: {"items": [...], ...}. before: where to go on. NULL: *no says why. */
    json_t *(*contacts)(void *owner, const struct admin_look *look, struct admin_refusal *no);
    /* The same by search, sort and offset: {"items": [...], "total": ..., "next": null}. */
    json_t *(*contacts_browse)(void *owner, const struct admin_look *look, struct admin_refusal *no);
    /* GET /v1/contact. JSON null: there is none. DELETE: the same before it was removed; both: in both directions. */
    json_t *(*contact)(void *owner, struct slice sip, struct slice xmpp, struct admin_refusal *no);
    json_t *(*contact_remove)(void *owner, struct slice sip, struct slice xmpp, bool both, struct admin_refusal *no);
    /* POST /v1/contacts/purge: {"contacts": how many}. Of look, user and partner count. */
    json_t *(*contacts_purge)(void *owner, const struct admin_look *look, bool dry, struct admin_refusal *no);
    /* POST /v1/contacts: a list of objects, as contacts gives them: {"contacts": how many}. NULL: *no names the first bad one. */
    json_t *(*contacts_put)(void *owner, const json_t *list, struct admin_refusal *no);
    /* POST /v1/traces: {"id": ...}. dry: only says whether it would be begun. NULL: *no says why. */
    json_t *(*trace_start)(void *owner, const struct admin_trace *trace, bool dry, struct admin_refusal *no);
    /* GET /v1/traces/ID: {"events": [...], ...} after that number; JSON null: who has none of this id (any more). */
    json_t *(*trace_read)(void *owner, uint64_t id, struct slice who, uint64_t after, uint64_t limit);
    /* POST /v1/message-tests: sends a test message and gives {"id": ...}; text empty: the usual one. NULL: *no says why */
    json_t *(*im_test_start)(void *owner, struct slice from, struct slice to, struct slice text,
                             struct admin_refusal *no);
    json_t *(*im_test)(void *owner, uint64_t id); /* JSON null: there is none, or no longer */
    /* POST /v1/presence-tests and GET /v1/presence-tests/ID, as those of messages. to_xmpp: the SIP user watches; to_sip: the other. */
    json_t *(*presence_test_start)(void *owner, struct slice sip, struct slice xmpp, bool to_xmpp, bool to_sip,
                                   struct admin_refusal *no);
    json_t *(*presence_test)(void *owner, uint64_t id);
    bool (*trace_end)(void *owner, uint64_t id, struct slice who); /* false: there is none */
    /* GET /v1/dns/records: {"items": [...], "notes": [...]}. Of check, domains count. NULL: *no says why. */
    json_t *(*dns_records)(void *owner, const struct admin_check *what, uint64_t ttl_s, struct admin_refusal *no);
    /* POST /v1/checks: begins a check and gives {"id": ...}. NULL: *no says why. */
    json_t *(*check_start)(void *owner, const struct admin_check *what, struct admin_refusal *no);
    /* GET /v1/checks/ID; JSON null: there is none, or no longer. */
    json_t *(*check)(void *owner, uint64_t id);
    /* POST /v1/certificates/NAME/acme: asks the ACME authority for it, and gives {"id": ...}. NULL: *no says why. */
    json_t *(*acme_start)(void *owner, struct slice name, struct admin_refusal *no);
    /* GET of the same: what became of the last one, and when it is renewed; JSON null: there was none, and it is not. */
    json_t *(*acme)(void *owner, struct slice name);
};

struct admin_conf {
    struct loop *loop;
    struct log *log;           /* written from the API's thread too */
    struct keeper *keeper;     /* outlives admin */
    const struct addr *listen; /* copied; other than loopback only with a certificate */
    size_t n_listen;
    const char *certificate,
        *key; /* borrowed; PEM files, both or none; or the name of a stored one, alone. With them every TCP address speaks TLS */
    const struct pki_vault *vault; /* opens and seals keys of stored certificates; NULL: there are none */
    const char *trust_file;        /* borrowed; the authorities by which certificates are checked; NULL: the system's */
    const char *socket_path;       /* NULL: no unix socket */
    struct slice host_name;        /* what browsers may call us, besides localhost and addresses; may be empty */
    uid_t uid;                     /* the daemon's own: besides root, an administrator on the unix socket */
    const struct admin_ops *ops;   /* borrowed; NULL: none */
    void *owner;
    /* Tests: the clocks, called from the API's thread with clock_arg. NULL: the real ones. */
    uint64_t (*mono_ms)(void *arg);
    int64_t (*wall_s)(void *arg);
    void *clock_arg;
    unsigned idle_ms, request_ms; /* tests: instead of SPLICE_IDLE_MS and SPLICE_REQUEST_MS; 0: those */
};

/*
 * Listens from now on. Without any account the log gets a setup token, once. NULL with a sentence: an address cannot be
 * listened on, is not loopback and has no certificate, a file cannot be read.
 */
struct admin *admin_new(const struct admin_conf *conf, struct err *err);

/* From the loop's thread: waits for the request that is being answered, cuts the others. NULL is fine. */
void admin_free(struct admin *a);

/*
 * Reads certificate and key again: new connections get them, open ones go on. -1 with a sentence: the old ones stay. From the
 * loop's thread; without certificate it does nothing.
 */
int admin_renew(struct admin *a, struct err *err);

/*
 * A POST that the daemon makes to its own API, as who ("acme", in audit and log): the same code, checks and audit as for
 * administrators. body is given back. From any thread but the loop's. -1 with the sentence of the refusal.
 */
int admin_ask(struct admin *a, const char *who, const char *uri, json_t *body, struct err *err);

/* Settings that count from now on: the API's stored certificate may be another. As admin_renew otherwise. */
int admin_apply(struct admin *a, const struct config *next, struct err *err);

/* The address that listen[i] became (port 0: what the kernel chose); NULL: there is no such. */
const struct addr *admin_listening(const struct admin *a, size_t i);

#endif
