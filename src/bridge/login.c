#include "bridge/login.h"

#include <stdlib.h>

#include "bridge/bridge_private.h"
#include "sip/auth.h"
#include "sip/digest.h"

#define CHALLENGE_MAX 2048 /* a longer one is none that we answer */
#define LOG_BURST 5

enum asker { ASKER_SERVER, ASKER_PROXY };

static const struct {
    const char *asks, *answer;
} headers[] = {
    [ASKER_SERVER] = { "www-authenticate", "Authorization" },
    [ASKER_PROXY] = { "proxy-authenticate", "Proxy-Authorization" },
};

/* What one asker has asked. The slices point into text. */
struct login {
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
    const struct login *l = container_of(node, struct login, node);
    const struct key *k = key;

    return l->asker == k->asker && slice_eq(l->route, k->route);
}

static struct login *find(const struct logins *t, const struct route *route, enum asker asker)
{
    struct key key = { route->name, asker };
    struct hash_node *node = t->asked.n ? hash_find(&t->asked, hash_bytes(&t->asked, route->name), is, &key) : NULL;

    return node ? container_of(node, struct login, node) : NULL;
}

static void forget(struct logins *t, struct login *l)
{
    if (!l)
        return;
    hash_remove(&t->asked, &l->node);
    free(l);
}

static void forget_one(struct hash_node *node, void *arg)
{
    forget(arg, container_of(node, struct login, node));
}

void logins_init(struct logins *t)
{
    hash_init(&t->asked);
}

void logins_forget(struct logins *t)
{
    hash_each(&t->asked, forget_one, t);
}

void logins_fini(struct logins *t)
{
    logins_forget(t);
    hash_free(&t->asked);
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
static struct login *remember(struct logins *t, const struct route *route, enum asker asker, const struct sip_auth *c,
                              enum sip_digest digest, const char *qop)
{
    struct login *l = calloc(1, sizeof(*l) + route->name.n + c->realm.n + c->nonce.n + c->opaque.n);
    char *at;

    forget(t, find(t, route, asker));
    if (!l)
        return NULL;
    at = l->text;
    l->asker = asker;
    l->digest = digest;
    l->qop = qop;
    l->route = keep(&at, route->name);
    l->realm = keep(&at, c->realm);
    l->nonce = keep(&at, c->nonce);
    l->opaque = keep(&at, c->opaque);
    l->has_opaque = c->opaque.p != NULL;
    if (hash_add(&t->asked, &l->node, hash_bytes(&t->asked, l->route)))
        return l;
    free(l);
    return NULL;
}

/* nonce-count and what goes with it; a login whose counter is used up is asked anew. */
static bool put_response(struct buf *b, struct login *l, const struct route *route, const struct sip_send *request)
{
    char ha1[SIP_DIGEST_HEX], response[SIP_DIGEST_HEX], cnonce[17], nc[9];
    struct sip_digest_ask ask = { .digest = l->digest,
                                  .ha1 = ha1,
                                  .nonce = l->nonce,
                                  .qop = slice_str(l->qop),
                                  .method = slice_str(sip_method_name(request->method)),
                                  .uri = request->uri,
                                  .body = request->body };
    bool ok;

    rand_hex(cnonce, sizeof(cnonce) - 1);
    snprintf(nc, sizeof(nc), "%08x", ++l->nc);
    ask.cnonce = slice_str(cnonce);
    ask.nc_text = slice_str(nc);
    ok = sip_digest_ha1(l->digest, route->next_hop_user, l->realm, route->next_hop_password, ha1) &&
         sip_digest_response(&ask, response);
    explicit_bzero(ha1, sizeof(ha1));
    if (!ok)
        return false;
    buf_printf(b, ",response=\"%s\"", response);
    if (l->qop[0])
        buf_printf(b, ",qop=%s,nc=%s,cnonce=\"%s\"", l->qop, nc, cnonce);
    return true;
}

static bool put_credentials(struct buf *b, struct login *l, const struct route *route, const struct sip_send *request)
{
    buf_printf(b, "%s: Digest username=\"%.*s\",realm=\"%.*s\",nonce=\"%.*s\",uri=\"%.*s\"", headers[l->asker].answer,
               SLICE_FMT(route->next_hop_user), SLICE_FMT(l->realm), SLICE_FMT(l->nonce), SLICE_FMT(request->uri));
    if (!put_response(b, l, route, request))
        return false;
    buf_printf(b, ",algorithm=%s", sip_digest_name(l->digest));
    if (l->has_opaque)
        buf_printf(b, ",opaque=\"%.*s\"", SLICE_FMT(l->opaque));
    buf_str(b, "\r\n");
    return buf_ok(b);
}

/* A transaction of its own, which a restart of ours makes again: it must not be another message (RFC 3261 8.1.3.5). */
static bool renew(struct login_state *s, struct arena *a, struct sip_send *request)
{
    char suffix[] = { '.', (char)('0' + ++s->n_signed) };
    char *branch;

    request->cseq += s->n_signed;
    if (!request->branch.n)
        return true;
    branch = arena_alloc(a, request->branch.n + sizeof(suffix));
    if (!branch)
        return false;
    memcpy(branch, request->branch.p, request->branch.n);
    memcpy(branch + request->branch.n, suffix, sizeof(suffix));
    request->branch = slice_of(branch, request->branch.n + sizeof(suffix));
    return true;
}

static bool is_paused(const struct bridge *b, const struct login *l)
{
    return l->refused && loop_now(b->loop) - l->refused_ms < LOGIN_PAUSE_MS;
}

bool login_sign(struct bridge *b, const struct route *route, struct login_state *s, struct arena *a,
                struct sip_send *request)
{
    struct buf lines;
    bool ok = true;

    if (!b->logins.asked.n || !route->next_hop_user.n)
        return true;
    buf_init(&lines, SIP_HEAD_MAX);
    for (enum asker i = ASKER_SERVER; i <= ASKER_PROXY && ok; i++) {
        struct login *l = find(&b->logins, route, i);

        if (l && !is_paused(b, l))
            ok = put_credentials(&lines, l, route, request);
    }
    if (ok && lines.n) {
        buf_put(&lines, request->headers);
        request->headers = buf_ok(&lines) ? arena_dup(a, buf_slice(&lines)) : slice_of(NULL, 0);
        ok = request->headers.p && renew(s, a, request);
    }
    buf_free(&lines);
    return ok;
}

static const char *qop_of(const struct sip_auth *c)
{
    if (!c->qop.n)
        return "";
    if (sip_auth_lists(c->qop, "auth"))
        return "auth";
    return sip_auth_lists(c->qop, "auth-int") ? "auth-int" : NULL;
}

/* The strongest challenge that we may answer (RFC 8760 2.4). False, and *why. */
static bool choose(const struct sip_msg *m, const struct route *route, enum asker asker, struct sip_auth *out,
                   enum sip_digest *digest, const char **why)
{
    struct slice value;
    struct sip_auth c;
    enum sip_digest d;
    bool found = false;

    *why = "it asks in a way that we do not know: digest with SHA-256, SHA-512-256 or MD5 is needed";
    for (size_t pos = 0; sip_auth_next(m, headers[asker].asks, &pos, &value);) {
        if (value.n > CHALLENGE_MAX || !sip_auth_parse(value, &c) || !c.realm.n || !c.nonce.n ||
            !sip_digest_by_name(c.algorithm, &d) || !qop_of(&c))
            continue;
        if (d == SIP_DIGEST_MD5 && !route->digest_md5) {
            *why = "it asks for MD5, which is not allowed (stoxctl route set --digest-md5 yes, if it can do no other)";
            continue;
        }
        if (found && d <= *digest)
            continue;
        found = true;
        *out = c;
        *digest = d;
    }
    return found;
}

static bool refused(struct bridge *b, const struct route *route, struct slice realm, unsigned status, const char *why)
{
    unsigned held;

    if (log_allowed(&b->log_login, loop_now(b->loop), LOG_BURST, &held))
        log_warning(b->log, "sip-login-failed", LOG_S("route", route->name), LOG_S("realm", realm),
                    LOG_U("status", status), LOG_Z("why", why), LOG_U("not-logged", held));
    return false;
}

/* It was shown a name and a password and asks again, about the same or a new nonce. */
static bool is_refusal(const struct login *before, const struct login_state *s, enum asker asker,
                       const struct sip_auth *c)
{
    return s->retried[asker] || (before && s->n_signed && slice_eq(before->nonce, c->nonce) && !c->stale);
}

bool login_asked(struct bridge *b, const struct route *route, struct login_state *s, const struct sip_result *result)
{
    enum asker asker = result->status == 407 ? ASKER_PROXY : ASKER_SERVER;
    struct login *before = find(&b->logins, route, asker), *l;
    enum sip_digest digest = SIP_DIGEST_MD5;
    struct slice realm = { 0 };
    struct sip_auth c;
    const char *why;

    if (result->status != 401 && result->status != 407)
        return false;
    if (!choose(result->msg, route, asker, &c, &digest, &why))
        return refused(b, route, realm, result->status, why);
    if (!route->next_hop_user.n)
        return refused(
            b, route, c.realm, result->status,
            "the next hop asks who we are (stoxctl route set --next-hop-user NAME --next-hop-password -, with "
            "an account of the SIP server, or let the SIP server trust our address)");
    if (before && is_paused(b, before))
        return false;
    if (is_refusal(before, s, asker, &c)) {
        l = remember(&b->logins, route, asker, &c, digest, qop_of(&c));
        if (l) {
            l->refused = true;
            l->refused_ms = loop_now(b->loop);
        }
        return refused(
            b, route, c.realm, result->status,
            "the next hop does not take next-hop-user with next-hop-password (set both anew; tried again in 30 s)");
    }
    s->retried[asker] = true;
    return remember(&b->logins, route, asker, &c, digest, qop_of(&c)) != NULL;
}
