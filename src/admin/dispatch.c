/* The way of a request: what is asked in which order. Nothing about paths is said before it is known who asks. */
#include <stdlib.h>

#include "admin/auth.h"
#include "admin/panel.h"
#include "admin/routes.h"

#define BODY_AT_ONCE (1u << 20) /* bodies that may hold secrets are smaller */

void *admin_on_request(void *admin, const char *uri, struct MHD_Connection *c)
{
    return call_new(admin, uri);
}

void admin_on_completed(void *admin, struct MHD_Connection *c, void **call, enum MHD_RequestTerminationCode why)
{
    call_free(*call);
    *call = NULL;
}

static bool find_origin(struct call *c)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(c->conn, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

    if (!info || !info->client_addr)
        return false;
    origin_unpack(info->client_addr, &c->origin);
    if (c->origin.kind == ORIGIN_UNIX)
        memcpy(c->from, "unix", 5);
    else
        addr_ip_text(&c->origin.peer, c->from);
    return true;
}

static void refuse_method(struct call *c)
{
    struct buf allow;

    buf_init(&allow, 200);
    route_allow(c, &allow);
    reply_problem(c, 405, "method", "this path has no such method; it has: %.*s", SLICE_FMT(buf_slice(&allow)));
    reply_header(c, "Allow", "%.*s", SLICE_FMT(buf_slice(&allow)));
    buf_free(&allow);
}

static bool queries_fit(struct call *c)
{
    for (size_t i = 0; i < c->target.n_queries; i++) {
        char shown[80];

        if (route_takes_query(c->route, c->target.queries[i].key))
            continue;
        log_escape(shown, sizeof(shown), c->target.queries[i].key);
        reply_problem(c, 400, "bad-request", "there is no query parameter \"%s\" here", shown);
        return false;
    }
    return true;
}

static bool body_fits(struct call *c)
{
    struct slice length = call_header(c, MHD_HTTP_HEADER_CONTENT_LENGTH);
    struct slice type = call_header(c, MHD_HTTP_HEADER_CONTENT_TYPE), rest;
    uint64_t n = 0;

    slice_u64(length, UINT64_MAX, &n);
    c->body_max = c->route->body_max;
    if (n > c->body_max) {
        reply_problem(c, 413, "too-large",
                      c->body_max ? "the body may have %zu bytes at most" : "no body is taken here", c->body_max);
        return false;
    }
    slice_cut(type, ';', &type, &rest);
    type = slice_trim(type);
    if (n == 0 || slice_ieq(type, SLICE("application/json")) || slice_ieq(type, SLICE("application/merge-patch+json")))
        return true;
    reply_problem(c, 415, "bad-request", "the body must be application/json");
    return false;
}

/* Method and path, for those who are known. */
static bool judge_path(struct call *c, bool parsed, const char *why, enum route_match match)
{
    static const char *const roles[] = { "a reader", "the helpdesk", "an administrator" };

    if (!parsed && strcmp(why, TARGET_NO_MEMORY) == 0)
        reply_no_memory(c);
    else if (!parsed)
        reply_problem(c, 400, "bad-request", "the request's path is not taken: %s", why);
    else if (match == ROUTE_NO_PATH)
        reply_problem(c, 404, "not-found", "there is no such path");
    else if (match == ROUTE_NO_METHOD)
        refuse_method(c);
    else if (c->who.role < c->route->role && !c->route->open)
        reply_problem(c, 403, "forbidden", "this takes the role of %s at least", roles[c->route->role]);
    else
        return true;
    return false;
}

static bool is_reading(const char *method)
{
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

/* All that can be said before the body. False: the reply is there. */
static bool judge_head(struct call *c, const char *method)
{
    enum route_match match = ROUTE_NO_PATH;
    const char *why = "";
    bool parsed = target_parse(&c->target, c->uri, &c->arena, &why);
    const struct panel_file *file = parsed ? panel_find(c) : NULL;

    if (!auth_host_fits(c)) {
        reply_problem(c, 421, "bad-request", "this is not the server of that host");
        return false;
    }
    if (file) {
        panel_reply(c, file, method);
        return false;
    }
    if (parsed)
        match = route_find(c, slice_str(method));
    if (match == ROUTE_FOUND && c->route->open) {
        if (!auth_origin_fits(c)) {
            reply_problem(c, 403, "forbidden", "this comes from a page of another origin");
            return false;
        }
    } else if (!auth_find(c)) {
        reply_unauthenticated(c);
        return false;
    }
    if (!judge_path(c, parsed, why, match))
        return false;
    if (!c->route->open && !is_reading(method) && !auth_csrf_fits(c)) {
        reply_problem(c, 403, "forbidden",
                      "with a session, changes need its X-Stox-CSRF header and must come from our own pages");
        return false;
    }
    return queries_fit(c) && body_fits(c);
}

static size_t length_of(const struct call *c)
{
    uint64_t n = 0;

    return slice_u64(call_header(c, MHD_HTTP_HEADER_CONTENT_LENGTH), c->body_max, &n) ? (size_t)n : 0;
}

static void take_body(struct call *c, const char *data, size_t n)
{
    /* The length was judged by the head; this is the same bound once more. */
    if (n > c->body_max - c->body.n) {
        c->body_max = 0;
        buf_clear(&c->body);
        c->body.failed = true;
        return;
    }
    if (!c->body.p && c->body_max <= BODY_AT_ONCE)
        buf_reserve(&c->body, length_of(c)); /* one that grows leaves copies behind */
    buf_add(&c->body, data, n);
}

static bool has_body(const struct call *c)
{
    struct slice length = call_header(c, MHD_HTTP_HEADER_CONTENT_LENGTH);

    return length.n && !slice_is(length, "0");
}

/* What it waited for is there. Meanwhile a session may have ended, or a role been taken. False: the reply is there. */
static bool go_on(struct call *c)
{
    c->is_waiting = false;
    if (!auth_find(c)) {
        reply_unauthenticated(c);
        return false;
    }
    return judge_path(c, true, "", ROUTE_FOUND);
}

enum MHD_Result admin_on_access(void *admin, struct MHD_Connection *conn, const char *url, const char *method,
                                const char *version, const char *data, size_t *n, void **call)
{
    struct call *c = *call;

    if (!c)
        return MHD_NO; /* no memory for even the call */
    if (!c->started) {
        c->started = true;
        c->conn = conn;
        if (!find_origin(c))
            return MHD_NO;
        c->is_refused = !judge_head(c, method);
        /* An answer before the body ends the connection; without a body it can wait, and the connection be kept. */
        return c->is_refused && has_body(c) ? reply_send(c) : MHD_YES;
    }
    if (*n > 0) {
        take_body(c, data, *n);
        explicit_bzero((char *)(uintptr_t)data, *n); /* the library's buffer, which it does not look at again */
        *n = 0;
        return MHD_YES;
    }
    if (c->is_waiting ? go_on(c) : !c->is_refused && (c->route->body_max == 0 || call_take_json(c)))
        c->route->run(c);
    return c->is_waiting ? MHD_YES : reply_send(c);
}
