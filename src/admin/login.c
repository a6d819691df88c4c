/* Logging in and out, and the first administrator. */
#include "admin/auth.h"
#include "admin/changing.h"
#include "admin/routes.h"
#include "admin/user.h"
#include "base/text.h"

static const char *role_name(enum admin_role role)
{
    static const char *const names[] = { "reader", "helpdesk", "administrator" };

    return names[role];
}

static void set_cookie(struct call *c, const char *secret, unsigned seconds)
{
    reply_header(c, "Set-Cookie", "%s=%s; Max-Age=%u; Path=/; HttpOnly; SameSite=Strict%s", auth_cookie_name(c), secret,
                 seconds, c->origin.kind == ORIGIN_TLS ? "; Secure" : "");
}

static json_t *session_json(struct call *c, const char *name, enum admin_role role, const struct session *s)
{
    if (!s)
        return json_pack("{s:s, s:s}", "name", name, "role", role_name(role));
    return json_pack("{s:s, s:s, s:s, s:I}", "name", name, "role", role_name(role), "csrf", s->csrf, "expires",
                     (json_int_t)session_left_s(s, admin_mono_ms(c->admin)));
}

static void log_in(struct call *c, const struct account *a)
{
    char cookie[SECRET_CHARS + 1];
    struct session *s;

    /* Whoever had a session here before has a new one now: nobody can plant one. */
    s = session_new(&c->admin->sessions, a->name, a->password, admin_mono_ms(c->admin), cookie);
    if (!s) {
        reply_no_memory(c);
        return;
    }
    memcpy(s->from, c->from, sizeof(s->from));
    log_escape(s->agent, sizeof(s->agent), call_header(c, MHD_HTTP_HEADER_USER_AGENT));
    log_info(c->admin->conf.log, "admin-login", LOG_S("name", a->name), LOG_Z("from", c->from));
    reply_json(c, 200, session_json(c, s->account, a->role, s));
    set_cookie(c, cookie, SESSION_MS / 1000);
    explicit_bzero(cookie, sizeof(cookie));
}

void session_post(struct call *c)
{
    static const char *const members[] = { "name", "password", NULL };
    struct slice name, password;
    const struct account *a;
    struct config *config;

    if (!call_knows(c, members) || !call_text(c, "name", true, &name) || !call_text(c, "password", true, &password) ||
        !auth_may_try(c, name))
        return;
    config = keeper_config(c->admin->conf.keeper);
    a = auth_password(c, config, name, password);
    if (a) {
        auth_forgive(c, name);
        if (auth_find(c) && c->who.session)
            session_end(c->who.session);
        log_in(c, a);
    } else {
        log_warning(c->admin->conf.log, "admin-login-failed", LOG_S("name", name), LOG_Z("from", c->from));
        reply_unauthenticated(c);
    }
    config_drop(config);
}

void session_get(struct call *c)
{
    reply_json(c, 200,
               session_json(c, c->who.kind == WHO_UNIX ? c->who.text : c->who.name, c->who.role, c->who.session));
}

void session_remove(struct call *c)
{
    if (c->who.kind != WHO_SESSION) {
        reply_problem(c, 409, "invalid", "there is no session to end: nobody has logged in here");
        return;
    }
    log_info(c->admin->conf.log, "admin-logout", LOG_Z("name", c->who.name), LOG_Z("from", c->from));
    session_end(c->who.session);
    c->who.session = NULL;
    reply_nothing(c, c->route->status);
    set_cookie(c, "", 0);
}

static bool is_first(struct call *c)
{
    struct config *config = keeper_config(c->admin->conf.keeper);
    bool first = config_list(config, &account_kind)->n == 0;

    config_drop(config);
    return first;
}

void setup_post(struct call *c)
{
    static const char *const members[] = { "token", "name", "password", NULL };
    struct admin *a = c->admin;
    struct slice token;

    if (!call_knows(c, members) || !call_text(c, "token", true, &token) || !auth_may_try(c, slice_of(NULL, 0)))
        return;
    if (!a->setup_token[0] || !is_first(c) || !text_equal_secret(token, slice_of(a->setup_token, SECRET_CHARS))) {
        log_warning(a->conf.log, "admin-setup-refused", LOG_Z("from", c->from));
        reply_unauthenticated(c);
        return;
    }
    memcpy(c->who.text, "setup", 6);
    if (json_object_set_new(c->json, "role", json_string("administrator")) != 0)
        reply_no_memory(c);
    else if (user_make(c))
        explicit_bzero(a->setup_token, sizeof(a->setup_token));
}
