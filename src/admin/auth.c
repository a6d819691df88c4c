#include "admin/auth.h"

#include <stdio.h>

#include "admin/password.h"
#include "admin/routes.h"
#include "base/clock.h"
#include "base/text.h"

uint64_t admin_mono_ms(const struct admin *a)
{
    return a->conf.mono_ms ? a->conf.mono_ms(a->conf.clock_arg) : clock_mono_ms();
}

int64_t admin_wall_s(const struct admin *a)
{
    return a->conf.wall_s ? a->conf.wall_s(a->conf.clock_arg) : clock_wall_s();
}

static void become(struct call *c, enum who_kind kind, struct slice name, unsigned role)
{
    static const char *const prefixes[] = {
        [WHO_NOBODY] = "", [WHO_UNIX] = "unix", [WHO_TOKEN] = "token", [WHO_SESSION] = "user"
    };
    struct who *w = &c->who;

    w->kind = kind;
    w->role = role;
    snprintf(w->name, sizeof(w->name), "%.*s", SLICE_FMT(name));
    snprintf(w->text, sizeof(w->text), "%s:%s", prefixes[kind], w->name);
}

static bool find_unix(struct call *c)
{
    char uid[24];

    if (c->origin.uid != 0 && c->origin.uid != c->admin->conf.uid)
        return false;
    snprintf(uid, sizeof(uid), "%lu", (unsigned long)c->origin.uid);
    become(c, WHO_UNIX, slice_str(c->origin.uid == 0 ? "root" : uid), ADMIN_ADMINISTRATOR);
    return true;
}

static bool is_good(const struct call *c, const struct token *t)
{
    int64_t now = admin_wall_s(c->admin);

    return t->expires_s == 0 || (now >= 0 && (uint64_t)now < t->expires_s);
}

/* All tokens are looked at, whichever it is. */
static bool find_token(struct call *c, const struct config *config, struct slice secret)
{
    const struct config_list *tokens = config_list(config, &token_kind);
    const struct token *found = NULL;
    char digest[SECRET_DIGEST + 1];

    if (!slice_starts(secret, SLICE(TOKEN_PREFIX)) || secret.n != sizeof(TOKEN_PREFIX) - 1 + SECRET_CHARS ||
        !secret_digest(secret, digest))
        return false;
    for (size_t i = 0; i < tokens->n; i++) {
        const struct token *t = CONFIG_OBJECT(token, tokens, i);

        if (text_equal_secret(t->hash, slice_of(digest, SECRET_DIGEST)))
            found = t;
    }
    if (!found || !is_good(c, found))
        return false;
    become(c, WHO_TOKEN, found->name, found->role);
    return true;
}

const char *auth_cookie_name(const struct call *c)
{
    return c->origin.kind == ORIGIN_TLS ? "__Host-stox" : "stox";
}

static struct slice cookie(const struct call *c)
{
    struct slice left = call_header(c, MHD_HTTP_HEADER_COOKIE), part, name, value;
    bool more = left.n > 0;

    while (more) {
        more = slice_cut(left, ';', &part, &left);
        if (slice_cut(slice_trim(part), '=', &name, &value) && slice_is(name, auth_cookie_name(c)))
            return value;
    }
    return slice_of(NULL, 0);
}

const struct account *auth_account(const struct config *config, struct slice name)
{
    const struct record *r = config_find(config, &account_kind, name);

    return r ? r->object : NULL;
}

static bool find_session(struct call *c, const struct config *config)
{
    /* What a page asks by itself keeps nobody signed in. */
    bool use = !call_header(c, "X-Stox-Quiet").n && !(c->route && c->route->quiet);
    struct session *s = session_find(&c->admin->sessions, cookie(c), admin_mono_ms(c->admin), use);
    const struct account *a = s ? auth_account(config, slice_str(s->account)) : NULL;

    if (!s)
        return false;
    if (!a || !session_fits(s, a->password)) {
        session_end(s);
        return false;
    }
    become(c, WHO_SESSION, a->name, a->role);
    c->who.session = s;
    return true;
}

bool auth_find(struct call *c)
{
    struct slice given = call_header(c, MHD_HTTP_HEADER_AUTHORIZATION), scheme, secret;
    struct config *config;
    bool found;

    if (c->origin.kind == ORIGIN_UNIX)
        return find_unix(c);
    config = keeper_config(c->admin->conf.keeper);
    if (given.n)
        found = slice_cut(given, ' ', &scheme, &secret) && slice_ieq(scheme, SLICE("bearer")) &&
                find_token(c, config, slice_trim(secret));
    else
        found = find_session(c, config);
    config_drop(config);
    return found;
}

/* "host", "host:port", "[v6]:port" without the port. */
static struct slice without_port(struct slice host)
{
    size_t end;

    if (host.n && host.p[0] == '[') {
        end = slice_find(host, ']');
        return end < host.n ? slice_of(host.p + 1, end - 1) : host;
    }
    return slice_first(host, slice_find(host, ':'));
}

bool auth_host_fits(const struct call *c)
{
    struct slice host = without_port(call_header(c, MHD_HTTP_HEADER_HOST));
    struct addr ip;

    if (c->origin.kind == ORIGIN_UNIX)
        return true;
    return host.n && (slice_ieq(host, SLICE("localhost")) || slice_ieq(host, slice_str(c->admin->host_name)) ||
                      addr_parse_ip(host, 0, &ip));
}

bool auth_origin_fits(const struct call *c)
{
    struct slice origin = call_header(c, "Origin"), site = call_header(c, "Sec-Fetch-Site");
    struct slice scheme = c->origin.kind == ORIGIN_TLS ? SLICE("https://") : SLICE("http://");

    if (site.n && !slice_is(site, "same-origin"))
        return false;
    return !origin.n || (slice_starts(origin, scheme) &&
                         slice_ieq(slice_from(origin, scheme.n), call_header(c, MHD_HTTP_HEADER_HOST)));
}

bool auth_csrf_fits(const struct call *c)
{
    return c->who.kind != WHO_SESSION ||
           (auth_origin_fits(c) &&
            text_equal_secret(call_header(c, "X-Stox-CSRF"), slice_of(c->who.session->csrf, SECRET_CHARS)));
}

const struct account *auth_password(struct call *c, const struct config *config, struct slice name,
                                    struct slice password)
{
    const struct account *a = auth_account(config, name);
    struct slice stored = a && a->password.n ? a->password : buf_slice(&c->admin->decoy);

    return password_matches(stored, password) && a && a->password.n ? a : NULL;
}

static struct slice address_key(const struct call *c, char out[ADDR_TEXT])
{
    struct addr a = origin_source(&c->origin);

    return c->origin.kind == ORIGIN_UNIX ? SLICE("unix") : slice_str(addr_ip_text(&a, out));
}

bool auth_may_try(struct call *c, struct slice account)
{
    uint64_t now = admin_mono_ms(c->admin) + 1;
    char ip[ADDR_TEXT];
    unsigned wait = throttle_try(&c->admin->by_address, address_key(c, ip), now), held;

    if (wait == 0 && account.n)
        wait = throttle_try(&c->admin->by_account, account, now);
    if (wait == 0)
        return true;
    if (log_allowed(&c->admin->throttled, now, 5, &held))
        log_warning(c->admin->conf.log, "admin-login-throttled", LOG_Z("from", c->from), LOG_S("name", account),
                    LOG_U("wait-s", wait), LOG_U("held-back", held));
    reply_problem(c, 429, "too-many", "too many tries; the next one counts in %u s", wait);
    reply_header(c, "Retry-After", "%u", wait);
    return false;
}

void auth_forgive(struct call *c, struct slice account)
{
    char ip[ADDR_TEXT];

    throttle_forgive(&c->admin->by_address, address_key(c, ip));
    throttle_forgive(&c->admin->by_account, account);
}
