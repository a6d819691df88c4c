/*
 * check --users: who of a list would be reached through this gateway, and who would not, by name and why. What users share (their
 * domain in DNS, the route) is looked at once for all of them.
 */
#include <errno.h>
#include <time.h>

#include "ctl/check_users.h"
#include "ctl/client.h"
#include "ctl/findings.h"
#include "ctl/ladder.h"
#include "ctl/names.h"
#include "ctl/object.h"
#include "ctl/term.h"

#define POLL_MS 100
#define POLLS_MAX 3000  /* five minutes: the daemon's own bounds are shorter */
#define DNS_DOMAINS 500 /* of one check, as the API has it */
#define TEXT_MAX 1000

struct users {
    struct names names;
    json_t *domains; /* our SIP domains: {name: its route, or ""} */
    json_t *dns;     /* {domain: why partners do not come here} */
    json_t *routes;  /* {route: its test's verdict; "": it works} */
    json_t *found;   /* as of other checks */
    size_t n_failed;
};

static struct slice domain_of(struct slice user)
{
    struct slice local, domain = { 0 };

    return slice_cut(user, '@', &local, &domain) && local.n ? domain : (struct slice){ 0 };
}

/* The name of one of our domains; NULL: it is none. It is as long as the command. */
static const char *served(const struct users *u, struct slice domain)
{
    const char *name;
    json_t *route;

    json_object_foreach(u->domains, name, route)
    {
        if (slice_ieq(domain, slice_str(name)))
            return name;
    }
    return NULL;
}

/* ---- what they share ---- */

static enum ctl_exit take_domain(struct ctl *c, const json_t *item, void *arg)
{
    struct users *u = arg;

    return json_object_set_new(u->domains, ladder_text(item, "name"), json_string(ladder_text(item, "route")))
               ? ctl_fail_memory(c)
               : CTL_DONE;
}

/* Begins by POST and asks until it is done. body is given back. *out is what it came to; finish it. */
static enum ctl_exit run(struct ctl *c, const char *begin, const char *at, json_t *body, struct answer *out)
{
    const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
    enum ctl_exit rc = body ? client_call(c, "POST", begin, body, out) : ctl_fail_memory(c);
    char id[24];
    const char *path;

    json_decref(body);
    if (rc != CTL_DONE)
        return rc;
    snprintf(id, sizeof(id), "%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(out->body, "id")));
    path = client_path(c, at, slice_str(id), "");
    for (unsigned i = 0; path && i < POLLS_MAX; i++) {
        answer_fini(out);
        rc = client_call(c, "GET", path, NULL, out);
        if (rc != CTL_DONE || json_is_true(json_object_get(out->body, "done")))
            return rc;
        nanosleep(&pause, NULL);
    }
    return path ? ctl_fail(c, CTL_UNREACHABLE, "the daemon does not come to an end with the check") : CTL_REFUSED;
}

/* Some or all partners go elsewhere. */
static bool leads_away(const json_t *finding)
{
    const char *check = ladder_text(finding, "check");

    return strcmp(ladder_text(finding, "mark"), "failed") == 0 || strcmp(check, "srv-priority") == 0 ||
           strcmp(check, "srv-shared") == 0;
}

static enum ctl_exit look_at_dns(struct ctl *c, struct users *u, json_t *domains)
{
    struct answer a = { 0 };
    enum ctl_exit rc =
        run(c, "/v1/checks", "/v1/checks/", json_pack("{s:s, s:o}", "what", "dns", "domains", domains), &a);
    const json_t *list = json_object_get(a.body, "findings");

    for (size_t i = 0; rc == CTL_DONE && i < json_array_size(list); i++) {
        const json_t *it = json_array_get(list, i);
        const char *about = ladder_text(it, "about");

        if (leads_away(it) && !json_object_get(u->dns, about) &&
            json_object_set_new(u->dns, about, json_string(ladder_text(it, "text"))))
            rc = ctl_fail_memory(c);
    }
    answer_fini(&a);
    return rc;
}

static enum ctl_exit test_route(struct ctl *c, struct users *u, const char *route)
{
    const char *begin = client_path(c, "/v1/routes/", slice_str(route), "/test");
    const char *at = client_path(c, "/v1/routes/", slice_str(route), "/test/");
    struct answer a = { 0 };
    enum ctl_exit rc;

    if (!begin || !at)
        return CTL_REFUSED;
    rc = run(c, begin, at, json_object(), &a);
    if (rc == CTL_DONE &&
        json_object_set_new(
            u->routes, route,
            json_string(json_is_true(json_object_get(a.body, "works")) ? "" : ladder_text(a.body, "verdict"))))
        rc = ctl_fail_memory(c);
    answer_fini(&a);
    return rc;
}

/* DNS and routes of all domains that the users have. */
static enum ctl_exit look_at_domains(struct ctl *c, struct users *u)
{
    json_t *seen = json_object(), *list = json_array();
    enum ctl_exit rc = seen && list ? CTL_DONE : ctl_fail_memory(c);

    for (size_t i = 0; i < u->names.n && rc == CTL_DONE; i++) {
        const char *domain = served(u, domain_of(u->names.v[i]));
        const char *route = domain ? ladder_text(u->domains, domain) : "";

        if (!domain || json_object_get(seen, domain))
            continue;
        if (json_object_set_new(seen, domain, json_true()) || json_array_append_new(list, json_string(domain)))
            rc = ctl_fail_memory(c);
        else if (*route && !json_object_get(u->routes, route))
            rc = test_route(c, u, route);
    }
    json_decref(seen);
    if (rc == CTL_DONE && json_array_size(list) > DNS_DOMAINS)
        rc = ctl_fail(c, CTL_REFUSED, "the users of more than %d domains are too many for one check: divide the file",
                      DNS_DOMAINS);
    if (rc == CTL_DONE && json_array_size(list))
        return look_at_dns(c, u, list);
    json_decref(list);
    return rc;
}

/* ---- each of them ---- */

static enum ctl_exit add(struct ctl *c, struct users *u, struct slice user, const char *mark, const char *check,
                         const char *text, const char *line)
{
    json_t *v = json_pack("{s:s, s:s, s:s, s:s%, s:s, s:s, s:s}", "mark", mark, "area", "users", "check", check,
                          "about", user.p, user.n, "text", text, "remedy", "", "line", line);

    u->n_failed += strcmp(mark, "failed") == 0;
    return v && json_array_append_new(u->found, v) == 0
               ? CTL_DONE
               : ctl_fail(c, CTL_REFUSED, "the name of a user is not written in UTF-8, or memory is missing");
}

/* Has anything of the user's passed here? *passed is not touched when that cannot be asked. */
static enum ctl_exit has_passed(struct ctl *c, struct slice user, bool *passed)
{
    const char *path = client_path(c, "/v1/conversations?limit=1&user=", user, "");
    struct answer a;
    enum ctl_exit rc;

    if (!path)
        return CTL_REFUSED;
    rc = client_call(c, "GET", path, NULL, &a);
    if (rc == CTL_DONE)
        *passed = json_array_size(json_object_get(a.body, "items")) > 0;
    answer_fini(&a);
    return rc;
}

/* out: why the user may not; empty when allowed. */
static enum ctl_exit ask_policy(struct ctl *c, struct slice user, char out[TEXT_MAX])
{
    const char *path = client_path(c, "/v1/effective?user=", user, "");
    struct answer a;
    enum ctl_exit rc;

    out[0] = '\0';
    if (!path)
        return CTL_REFUSED;
    rc = client_call(c, "GET", path, NULL, &a);
    if (rc == CTL_DONE && !json_is_true(json_object_get(a.body, "allowed")))
        snprintf(out, TEXT_MAX, "%.*s may not talk to XMPP partners: %s", SLICE_FMT(user), ladder_text(a.body, "why"));
    answer_fini(&a);
    return rc;
}

/* The user's domain is ours, and the policy allows: does the rest lead here? */
static enum ctl_exit judge_way(struct ctl *c, struct users *u, struct slice user, const char *domain)
{
    const char *dns = ladder_text(u->dns, domain), *route = ladder_text(u->domains, domain);
    const char *broken = ladder_text(u->routes, route);
    char text[2 * TEXT_MAX], line[TEXT_MAX];
    bool passed = false;
    enum ctl_exit rc;

    if (!*route || *broken) {
        snprintf(text, sizeof(text), "%.*s is not reached: %s", SLICE_FMT(user),
                 *route ? broken : "the domain has no route");
        snprintf(line, sizeof(line), *route ? "stoxctl route test %s" : "stoxctl domain show %s",
                 *route ? route : domain);
        return add(c, u, user, "failed", "user-route", text, line);
    }
    if (*dns) {
        snprintf(text, sizeof(text), "%.*s is not routed to Stox: %s", SLICE_FMT(user), dns);
        snprintf(line, sizeof(line), "stoxctl dns check %s", domain);
        return add(c, u, user, "failed", "user-dns", text, line);
    }
    rc = has_passed(c, user, &passed);
    snprintf(text, sizeof(text), "%.*s is routed to Stox%s", SLICE_FMT(user),
             passed ? "" : "; nothing to or from this user has passed here yet");
    return rc == CTL_DONE ? add(c, u, user, passed ? "ok" : "note", passed ? "user" : "user-silent", text, "") : rc;
}

static enum ctl_exit judge(struct ctl *c, struct users *u, struct slice user)
{
    struct slice domain = domain_of(user);
    const char *name = served(u, domain);
    char text[TEXT_MAX], line[TEXT_MAX] = "";
    enum ctl_exit rc;

    if (!name) {
        if (domain.n)
            snprintf(text, sizeof(text), "%.*s is not routed to Stox: it does not serve the domain %.*s",
                     SLICE_FMT(user), SLICE_FMT(domain));
        else
            snprintf(text, sizeof(text), "%.*s is no address: user@domain is expected", SLICE_FMT(user));
        if (domain.n)
            snprintf(line, sizeof(line), "stoxctl domain new %.*s --route ROUTE", SLICE_FMT(domain));
        return add(c, u, user, "failed", domain.n ? "user-domain" : "user-address", text, line);
    }
    rc = ask_policy(c, user, text);
    if (rc == CTL_DONE && *text) {
        snprintf(line, sizeof(line), "stoxctl policy effective %.*s", SLICE_FMT(user));
        return add(c, u, user, "failed", "user-policy", text, line);
    }
    return rc == CTL_DONE ? judge_way(c, u, user, name) : rc;
}

/* ---- the command ---- */

static enum ctl_exit read_users(struct ctl *c, const char *path, struct names *names)
{
    FILE *before = c->in, *f = strcmp(path, "-") == 0 ? before : fopen(path, "re");
    enum ctl_exit rc;

    if (!f)
        return ctl_fail(c, CTL_USAGE, "the file %s cannot be read: %s", path, strerror(errno));
    c->in = f;
    rc = names_of_word(c, "-", names);
    c->in = before;
    if (f != before)
        fclose(f);
    if (rc == CTL_DONE && names->n == 0)
        return ctl_fail(c, CTL_USAGE, "there are no users in %s: one address on each line is expected", path);
    for (size_t i = 0; i < names->n; i++) /* as Lync Server writes them */
        if (slice_starts(names->v[i], SLICE("sip:")))
            names->v[i] = slice_from(names->v[i], 4);
    return rc;
}

static enum ctl_exit sum_up(struct ctl *c, const struct users *u)
{
    char verdict[200];
    json_t *v;

    if (u->n_failed)
        snprintf(verdict, sizeof(verdict), "%zu of %zu users %s not routed to Stox.", u->n_failed, u->names.n,
                 u->n_failed == 1 ? "is" : "are");
    else
        snprintf(verdict, sizeof(verdict), "All %zu users are routed to Stox.", u->names.n);
    if (args_has(&c->args, OPT_JSON)) {
        v = json_pack("{s:b, s:s, s:O}", "works", u->n_failed == 0, "verdict", verdict, "findings", u->found);
        if (!v)
            return ctl_fail_memory(c);
        object_print_json(c, v);
        json_decref(v);
    } else {
        findings_print(c->out, u->found, 0, false);
        fprintf(c->out, "\n%s\n", verdict);
    }
    return u->n_failed ? CTL_REFUSED : CTL_DONE;
}

enum ctl_exit check_users(struct ctl *c, const char *path)
{
    struct users u = { .domains = json_object(), .dns = json_object(), .routes = json_object(), .found = json_array() };
    enum ctl_exit rc = u.domains && u.dns && u.routes && u.found ? read_users(c, path, &u.names) : ctl_fail_memory(c);

    if (rc == CTL_DONE)
        rc = client_each(c, "domains", take_domain, &u);
    if (rc == CTL_DONE)
        rc = look_at_domains(c, &u);
    for (size_t i = 0; i < u.names.n && rc == CTL_DONE; i++)
        rc = judge(c, &u, u.names.v[i]);
    if (rc == CTL_DONE)
        rc = sum_up(c, &u);
    json_decref(u.domains);
    json_decref(u.dns);
    json_decref(u.routes);
    json_decref(u.found);
    return rc;
}
