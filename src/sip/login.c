#include "sip/login.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/rand.h"
#include "sip/auth.h"
#include "sip/digest.h"

#define CHALLENGE_MAX 2048 /* a longer one is none that we answer */
#define LOG_BURST 50       /* only our own next hops cause them */
#define TIMES_MAX 3        /* that a request is signed: a server that calls each nonce stale is not asked for ever */
#define LINE_FIXED 232     /* of a line, what is neither the account nor the challenge nor the URI */

enum asker { ASKER_SERVER, ASKER_PROXY };

static const struct {
    const char *asks, *answer;
} headers[] = {
    [ASKER_SERVER] = { "www-authenticate", "Authorization" },
    [ASKER_PROXY] = { "proxy-authenticate", "Proxy-Authorization" },
};

/* What one asker has asked. The slices point into text. */
struct asked {
    struct hash_node node;
    struct slice route, realm, nonce, opaque;
    bool has_opaque, refused;
    enum asker asker;
    enum sip_digest digest;
    const char *qop; /* "auth", "auth-int", or "" */
    uint32_t nc;
    uint64_t refused_ms;
    char text[];
};

struct key {
    struct slice route;
    enum asker asker;
};

static bool is(const struct hash_node *node, const void *key)
{
    const struct asked *a = container_of(node, struct asked, node);
    const struct key *k = key;

    return a->asker == k->asker && slice_eq(a->route, k->route);
}

static struct asked *find(const struct sip_logins *t, struct slice route, enum asker asker)
{
    struct key key = { route, asker };
    struct hash_node *node = t->asked.n ? hash_find(&t->asked, hash_bytes(&t->asked, route), is, &key) : NULL;

    return node ? container_of(node, struct asked, node) : NULL;
}

static void forget(struct sip_logins *t, struct asked *a)
{
    if (!a)
        return;
    hash_remove(&t->asked, &a->node);
    free(a);
}

static void forget_one(struct hash_node *node, void *arg)
{
    forget(arg, container_of(node, struct asked, node));
}

void sip_logins_init(struct sip_logins *t)
{
    hash_init(&t->asked);
    buf_init(&t->put, SIP_HEAD_MAX);
}

void sip_logins_forget(struct sip_logins *t)
{
    hash_each(&t->asked, forget_one, t);
}

void sip_logins_fini(struct sip_logins *t)
{
    sip_logins_forget(t);
    hash_free(&t->asked);
    buf_free(&t->put);
}

static bool account_of(const struct sip_logins *t, struct slice route, struct sip_account *out)
{
    return t->ops->account && route.n && t->ops->account(t->owner, route, out);
}

static struct slice keep(char **at, struct slice s)
{
    char *p = *at;

    if (s.n)
        memcpy(p, s.p, s.n);
    *at += s.n;
    return slice_of(p, s.n);
}

/* Remembers a challenge in place of the one before. NULL: no memory. */
static struct asked *remember(struct sip_logins *t, struct slice route, enum asker asker, const struct sip_auth *c,
                              enum sip_digest digest, const char *qop)
{
    struct asked *a = calloc(1, sizeof(*a) + route.n + c->realm.n + c->nonce.n + c->opaque.n);
    char *at;

    forget(t, find(t, route, asker));
    if (!a)
        return NULL;
    at = a->text;
    a->asker = asker;
    a->digest = digest;
    a->qop = qop;
    a->route = keep(&at, route);
    a->realm = keep(&at, c->realm);
    a->nonce = keep(&at, c->nonce);
    a->opaque = keep(&at, c->opaque);
    a->has_opaque = c->opaque.p != NULL;
    if (hash_add(&t->asked, &a->node, hash_bytes(&t->asked, a->route)))
        return a;
    free(a);
    return NULL;
}

/* ---- what we show ---- */

/* What a line answers: to whom, as whom, with which request. */
struct answer {
    struct asked *asked;
    struct sip_account account;
    enum sip_method method;
    struct slice uri, body;
};

/* nonce-count and what goes with it. */
static bool put_response(struct buf *b, const struct answer *r)
{
    struct asked *a = r->asked;
    char ha1[SIP_DIGEST_HEX], response[SIP_DIGEST_HEX], cnonce[17], nc[9];
    struct sip_digest_ask ask = { .digest = a->digest,
                                  .ha1 = ha1,
                                  .nonce = a->nonce,
                                  .qop = slice_str(a->qop),
                                  .method = slice_str(sip_method_name(r->method)),
                                  .uri = r->uri,
                                  .body = r->body };
    bool ok;

    rand_hex(cnonce, sizeof(cnonce) - 1);
    snprintf(nc, sizeof(nc), "%08x", ++a->nc);
    ask.cnonce = slice_str(cnonce);
    ask.nc_text = slice_str(nc);
    ok = sip_digest_ha1(a->digest, r->account.user, a->realm, r->account.password, ha1) &&
         sip_digest_response(&ask, response);
    explicit_bzero(ha1, sizeof(ha1));
    if (!ok)
        return false;
    buf_printf(b, ",response=\"%s\"", response);
    if (a->qop[0])
        buf_printf(b, ",qop=%s,nc=%s,cnonce=\"%s\"", a->qop, nc, cnonce);
    return true;
}

static bool put_credentials(struct buf *b, const struct answer *r)
{
    const struct asked *a = r->asked;

    buf_printf(b, "%s: Digest username=\"%.*s\",realm=\"%.*s\",nonce=\"%.*s\",uri=\"%.*s\"", headers[a->asker].answer,
               SLICE_FMT(r->account.user), SLICE_FMT(a->realm), SLICE_FMT(a->nonce), SLICE_FMT(r->uri));
    if (!put_response(b, r))
        return false;
    buf_printf(b, ",algorithm=%s", sip_digest_name(a->digest));
    if (a->has_opaque)
        buf_printf(b, ",opaque=\"%.*s\"", SLICE_FMT(a->opaque));
    buf_str(b, "\r\n");
    return buf_ok(b);
}

static bool is_paused(const struct sip_logins *t, const struct asked *a)
{
    return a->refused && t->timers->now_ms - a->refused_ms < SIP_LOGIN_PAUSE_MS;
}

struct slice sip_login_lines(struct sip_logins *t, struct slice route, enum sip_method method, struct slice uri,
                             struct slice body)
{
    struct answer r = { .method = method, .uri = uri, .body = body };
    bool ok;

    buf_clear(&t->put);
    if (!t->asked.n || !account_of(t, route, &r.account) || !r.account.user.n)
        return slice_of(NULL, 0);
    ok = true;
    for (enum asker i = ASKER_SERVER; i <= ASKER_PROXY && ok; i++) {
        r.asked = find(t, route, i);
        if (r.asked && !is_paused(t, r.asked))
            ok = put_credentials(&t->put, &r);
    }
    return ok && buf_ok(&t->put) ? buf_slice(&t->put) : slice_of(NULL, 0);
}

size_t sip_login_room(const struct sip_logins *t, struct slice route, struct slice uri)
{
    struct sip_account account;
    size_t n = 0;

    if (!t->asked.n || !account_of(t, route, &account) || !account.user.n)
        return 0;
    for (enum asker i = ASKER_SERVER; i <= ASKER_PROXY; i++) {
        const struct asked *a = find(t, route, i);

        if (a && !is_paused(t, a))
            n += LINE_FIXED + account.user.n + uri.n + a->realm.n + a->nonce.n + a->opaque.n;
    }
    return n;
}

/* ---- what they ask ---- */

static const char *qop_of(const struct sip_auth *c)
{
    if (!c->qop.n)
        return "";
    if (sip_auth_lists(c->qop, "auth"))
        return "auth";
    return sip_auth_lists(c->qop, "auth-int") ? "auth-int" : NULL;
}

/* A challenge that we may answer. */
struct choice {
    struct sip_auth asks;
    enum sip_digest digest;
};

/* The strongest of them (RFC 8760 2.4). False, and *why. */
static bool choose(const struct sip_msg *m, bool md5, enum asker asker, struct choice *out, const char **why)
{
    struct slice value;
    struct choice c;
    bool found = false;

    *why = "it asks in a way that we do not know: digest with SHA-256, SHA-512-256 or MD5 is needed";
    for (size_t pos = 0; sip_auth_next(m, headers[asker].asks, &pos, &value);) {
        if (value.n > CHALLENGE_MAX || !sip_auth_parse(value, &c.asks) || !c.asks.realm.n || !c.asks.nonce.n ||
            !sip_digest_by_name(c.asks.algorithm, &c.digest) || !qop_of(&c.asks))
            continue;
        if (c.digest == SIP_DIGEST_MD5 && !md5) {
            *why = "it asks for MD5, which is not allowed (stoxctl route set --digest-md5 yes, if it can do no other)";
            continue;
        }
        if (found && c.digest <= out->digest)
            continue;
        found = true;
        *out = c;
    }
    return found;
}

static bool refused(struct sip_logins *t, struct slice route, struct slice realm, unsigned status, const char *why)
{
    unsigned held;

    if (log_allowed(&t->lines, t->timers->now_ms, LOG_BURST, &held))
        log_warning(t->log, "sip-login-failed", LOG_S("route", route), LOG_S("realm", realm), LOG_U("status", status),
                    LOG_Z("why", why), LOG_U("not-logged", held));
    return false;
}

/* It was shown a name and a password and asks again, about the same or a new nonce; a stale nonce says nothing about them. */
static bool is_refusal(const struct asked *before, const struct sip_login *s, enum asker asker,
                       const struct sip_auth *c)
{
    if (c->stale)
        return s->n_signed >= TIMES_MAX;
    return s->retried[asker] || (before && s->n_signed && slice_eq(before->nonce, c->nonce));
}

static bool pause_login(struct sip_logins *t, struct slice route, enum asker asker, const struct choice *c,
                        unsigned status)
{
    struct asked *a = remember(t, route, asker, &c->asks, c->digest, qop_of(&c->asks));

    if (a) {
        a->refused = true;
        a->refused_ms = t->timers->now_ms;
    }
    return refused(
        t, route, c->asks.realm, status,
        "the next hop does not take next-hop-user with next-hop-password (set both anew; tried again in 30 s)");
}

bool sip_login_asked(struct sip_logins *t, struct slice route, struct sip_login *s, const struct sip_msg *answer)
{
    enum asker asker = answer->status == 407 ? ASKER_PROXY : ASKER_SERVER;
    const struct asked *before = find(t, route, asker);
    struct sip_account account;
    struct choice c = { 0 };
    const char *why;

    if ((answer->status != 401 && answer->status != 407) || !account_of(t, route, &account))
        return false;
    if (!choose(answer, account.md5, asker, &c, &why))
        return refused(t, route, c.asks.realm, answer->status, why);
    if (!account.user.n)
        return refused(
            t, route, c.asks.realm, answer->status,
            "the next hop asks who we are (stoxctl route set --next-hop-user NAME --next-hop-password -, with "
            "an account of the SIP server, or let the SIP server trust our address)");
    if (before && is_paused(t, before))
        return false;
    if (is_refusal(before, s, asker, &c.asks))
        return pause_login(t, route, asker, &c, answer->status);
    s->retried[asker] = true;
    return remember(t, route, asker, &c.asks, c.digest, qop_of(&c.asks)) != NULL;
}
