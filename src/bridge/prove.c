#include "bridge/prove.h"

#include "base/text.h"
#include "bridge/bridge_private.h"
#include "bridge/identity.h"
#include "map/address.h"
#include "sip/auth.h"

#define OPAQUE_TEXT 9
#define LOG_BURST 20 /* lines in 10 s: for a wrong password each source has one, and each wants a remedy of its own */

/* One request on trial. */
struct trial {
    struct bridge *b;
    const struct sip_msg *m;
    struct sip_peer *peer;
    struct identity from;
    struct sip_auth auth; /* what was given for the realm */
    enum sip_digest digest;
    struct slice who; /* whom nonces are made for */
    char ip[ADDR_TEXT], opaque[OPAQUE_TEXT];
    struct sip_challenge *out;
};

static void put_challenge(struct trial *t, enum sip_digest digest, bool stale)
{
    struct buf *b = t->out->headers;
    char nonce[SIP_NONCE_TEXT];

    sip_nonce_make(&t->b->sip_nonces, digest, t->who, loop_now(t->b->loop), nonce);
    buf_printf(b, "WWW-Authenticate: Digest realm=\"%.*s\",nonce=\"%s\",opaque=\"%s\",algorithm=%s,qop=\"auth\"%s\r\n",
               SLICE_FMT(t->from.domain), nonce, t->opaque, sip_digest_name(digest), stale ? ",stale=true" : "");
}

/* 401; the strongest first (RFC 8760 2.3). */
static enum sip_proving ask(struct trial *t, bool stale)
{
    t->b->counters.challenges++;
    t->out->status = 401;
    put_challenge(t, SIP_DIGEST_SHA_256, stale);
    if (t->from.route->digest_md5)
        put_challenge(t, SIP_DIGEST_MD5, stale);
    return SIP_PROVING_REFUSED;
}

static enum sip_proving refuse(struct trial *t, unsigned status, const char *reason)
{
    t->out->status = status;
    t->out->reason = reason;
    return SIP_PROVING_REFUSED;
}

static void tell(struct trial *t, struct log_limit *limit, const char *why)
{
    char from[ADDR_TEXT];
    unsigned held;

    if (log_allowed(limit, loop_now(t->b->loop), LOG_BURST, &held))
        log_warning(t->b->log, "sip-digest-refused", LOG_Z("peer", addr_text(t->peer->addr, from)),
                    LOG_S("realm", t->from.domain), LOG_S("user", t->auth.username), LOG_S("from", t->m->from.uri_text),
                    LOG_S("route", t->from.route->name), LOG_Z("why", why), LOG_U("not-logged", held));
}

/* The credentials for our realm. Two are as good as none: another reader might take the other one. */
static bool find_credentials(struct trial *t)
{
    struct slice value;
    struct sip_auth auth;
    unsigned n = 0;

    for (size_t pos = 0; sip_auth_next(t->m, "authorization", &pos, &value);)
        if (sip_auth_parse(value, &auth) && slice_ieq(auth.realm, t->from.domain) && n++ == 0)
            t->auth = auth;
    return n == 1;
}

/* Do they answer what we asked: algorithm, protection, everything there? */
static bool is_answer(struct trial *t)
{
    const struct sip_auth *a = &t->auth;

    if (!sip_digest_by_name(a->algorithm, &t->digest) || !a->username.n || !a->nonce.n || !a->cnonce.n || !a->nc)
        return false;
    return (t->digest == SIP_DIGEST_SHA_256 || (t->digest == SIP_DIGEST_MD5 && t->from.route->digest_md5)) &&
           slice_ieq(a->qop, SLICE("auth")) && (!a->opaque.n || slice_is(a->opaque, t->opaque));
}

/* RFC 3261 22.4, RFC 7616 3.4.6: the hash is of this URI, so it must be the one that is asked for. */
static bool is_for_this_uri(const struct trial *t)
{
    struct sip_uri uri;

    return slice_eq(t->auth.uri, t->m->uri_text) ||
           (sip_uri_parse(t->auth.uri, &uri) && t->m->uri_ok && sip_uri_eq(&uri, &t->m->uri));
}

/* The user of this name in the realm, "alice" or "alice@contoso.example". Its local part goes into the proof. */
static const struct sip_user *user_named(struct trial *t, struct slice name, struct sip_proof *proof)
{
    char memory[4 * JID_PART_MAX];
    struct buf key = { .p = memory, .cap = sizeof(memory), .max = sizeof(memory) };
    struct slice local = name, text;
    const struct record *r = NULL;
    struct buf escaped;
    struct arena a;
    char mem[4096];

    arena_init_on(&a, mem, sizeof(mem), 64 * 1024);
    buf_init(&escaped, 4 * JID_PART_MAX);
    if (name.n > t->from.domain.n && name.p[name.n - t->from.domain.n - 1] == '@' &&
        slice_ieq(slice_from(name, name.n - t->from.domain.n), t->from.domain))
        local.n = name.n - t->from.domain.n - 1;
    if (text_is_utf8(local) && map_escape_local(&escaped, local) && jid_prep_local(&a, buf_slice(&escaped), &text) &&
        text.n <= sizeof(proof->local) && t->from.jid.domain.n <= sizeof(proof->domain)) {
        memcpy(proof->local, text.p, text.n);
        memcpy(proof->domain, t->from.jid.domain.p, t->from.jid.domain.n);
        proof->user = (struct jid){ .local = slice_of(proof->local, text.n),
                                    .domain = slice_of(proof->domain, t->from.jid.domain.n) };
        jid_put_bare(&key, &proof->user);
        r = config_find(directory_config(t->b->directory), &sip_user_kind, buf_slice(&key));
    }
    buf_free(&escaped);
    arena_reset(&a);
    return r ? r->object : NULL;
}

/* The password of that name, and what it would prove. Empty: there is no such account. */
static struct slice password_of(struct trial *t, struct sip_proof *proof)
{
    const struct route *route = t->from.route;
    const struct sip_user *user;

    *proof = (struct sip_proof){ .route = route };
    user = user_named(t, t->auth.username,
                      proof); /* always looked for: those who guess names learn nothing from the time */
    if (route->digest_password.n && slice_eq(t->auth.username, route->digest_user)) {
        proof->user = (struct jid){ 0 };
        return route->digest_password;
    }
    return user ? user->password : (struct slice){ 0 };
}

/* Is the response the right one? An account that does not exist is judged by a password that nobody has. */
static bool is_right(struct trial *t, struct slice password)
{
    char ha1[SIP_DIGEST_HEX], wanted[SIP_DIGEST_HEX];
    struct slice nobodys = slice_of((const char *)t->b->own_secret, sizeof(t->b->own_secret));
    struct sip_digest_ask ask = { .digest = t->digest,
                                  .ha1 = ha1,
                                  .nonce = t->auth.nonce,
                                  .nc_text = t->auth.nc_text,
                                  .cnonce = t->auth.cnonce,
                                  .qop = t->auth.qop,
                                  .method = t->m->method,
                                  .uri = t->auth.uri };
    bool right = sip_digest_ha1(t->digest, t->auth.username, t->auth.realm, password.n ? password : nobodys, ha1) &&
                 sip_digest_response(&ask, wanted) && text_equal_secret(slice_str(wanted), t->auth.response);

    explicit_bzero(ha1, sizeof(ha1));
    explicit_bzero(wanted, sizeof(wanted));
    return right && password.n;
}

static enum sip_proving fail(struct trial *t, bool has_account)
{
    t->b->counters.digest_failures++;
    if (provers_failed(&t->b->provers, t->peer->addr, loop_now(t->b->loop)))
        tell(t, &t->b->log_digest,
             has_account
                 ? "the password is another one (stoxctl route set --digest-password -, or stoxctl sip-user set "
                   "--password -, and the same in the SIP system)"
                 : "there is no account of that name with a password (stoxctl sip-user set USER --password -, or the "
                   "route's digest-user and digest-password)");
    return ask(t, false);
}

/* It is who it says it is: the nonce is counted, so that the same request proves nothing again. */
static enum sip_proving pass(struct trial *t)
{
    switch (sip_nonce_count(&t->b->sip_nonces, t->auth.nonce, t->auth.nc)) {
    case SIP_NONCE_GOOD: break;
    case SIP_NONCE_STALE: return ask(t, true);
    case SIP_NONCE_REPLAYED: t->b->counters.digest_replays++; return ask(t, true);
    case SIP_NONCE_NO_MEMORY: return refuse(t, 503, NULL);
    }
    provers_passed(&t->b->provers, t->peer, loop_now(t->b->loop));
    t->peer->proof = &t->b->proof;
    t->out->route = t->from.route->name;
    return SIP_PROVING_DONE;
}

static enum sip_proving judge(struct trial *t)
{
    uint64_t now = loop_now(t->b->loop);
    struct slice password;

    if (!find_credentials(t))
        return ask(t, false);
    if (!is_answer(t)) {
        tell(t, &t->b->log_answers,
             "the answer is not what was asked for: SHA-256 with qop auth, or MD5 where the route's digest-md5 allows "
             "it "
             "(stoxctl route set --digest-md5 yes, if the SIP system can do no other)");
        return ask(t, false);
    }
    /* Whose nonce is not ours is not looked at any further: it would be a way to guess passwords without being counted. */
    if (sip_nonce_check(&t->b->sip_nonces, t->auth.nonce, t->digest, t->who, now) != SIP_NONCE_GOOD)
        return ask(t, true);
    if (!is_for_this_uri(t))
        return refuse(t, 400, "The uri of the credentials is not the Request-URI");
    if (!provers_may(&t->b->provers, t->peer->addr, now))
        return refuse(t, 403, "Too many wrong passwords from this address, wait a minute");
    password = password_of(t, &t->b->proof);
    return is_right(t, password) ? pass(t) : fail(t, password.n > 0);
}

enum sip_proving prove(struct bridge *b, const struct sip_msg *m, struct sip_peer *from, struct sip_challenge *out)
{
    _Alignas(16) char memory[4096];
    struct trial t = { .b = b, .m = m, .peer = from, .out = out };
    enum sip_proving result = SIP_PROVING_NONE;
    struct arena a;

    if (!directory_asks_digest(b->directory))
        return SIP_PROVING_NONE;
    arena_init_on(&a, memory, sizeof(memory), 1u << 20);
    t.who = slice_str(addr_ip_text(from->addr, t.ip));
    if (identity_of(b, m, from, &a, &t.from) && t.from.route && route_asks_digest(t.from.route) &&
        speaker_is_source(t.from.route, t.from.domain, from)) {
        struct buf opaque = { .p = t.opaque, .cap = OPAQUE_TEXT, .max = OPAQUE_TEXT };
        uint32_t mark = (uint32_t)hash_bytes(&b->sip_nonces.used, t.from.domain);

        text_put_hex(&opaque, &mark, sizeof(mark));
        result = judge(&t);
    }
    arena_reset(&a);
    return result;
}

bool proof_covers(const struct sip_proof *proof, const struct jid *sender)
{
    return proof->user.local.n == 0 || jid_bare_eq(&proof->user, sender);
}
