#include "admin/changing.h"

#include <inttypes.h>

#include "admin/routes.h"
#include "store/json.h"

#define LOGGED_MAX 100 /* of one batch; the audit has them all */

static bool stale(struct call *c, const char *detail)
{
    reply_problem(c, 412, "stale", "%s", detail);
    return false;
}

/* False without memory: the reply says so. */
static bool what_is_there(struct call *c, const struct request *r, struct config *config, const struct record **now)
{
    struct err err = { "" };
    struct slice name;

    *now = NULL;
    if (setting_title(r->kind, &name, r->name, &c->arena, &err) == 0)
        *now = config_find(config, r->kind, name);
    return !err.memory || change_refuse(c, NULL, &err);
}

/* "17", with its quotes. */
static bool take_etag(struct slice tag, uint64_t *revision)
{
    return tag.n > 2 && tag.p[0] == '"' && tag.p[tag.n - 1] == '"' &&
           slice_u64(slice_of(tag.p + 1, tag.n - 2), INT64_MAX, revision);
}

/* What can be said now; the rest is the keeper's to see, in the moment of the change. */
static bool take_condition(struct call *c, struct request *r, const struct record *now)
{
    struct slice match = slice_trim(call_header(c, MHD_HTTP_HEADER_IF_MATCH));
    struct slice none = slice_trim(call_header(c, MHD_HTTP_HEADER_IF_NONE_MATCH));

    if (none.n && !slice_is(none, "*"))
        return stale(c, "If-None-Match may only be * here");
    if (none.n) {
        r->conditional = true; /* with if_revision 0: it was never stored */
        return !now || !now->revision || stale(c, "it is already there");
    }
    if (slice_is(match, "*"))
        return now || stale(c, "it is not there");
    r->conditional = match.n > 0;
    return match.n == 0 || take_etag(match, &r->if_revision) ||
           stale(c, "the ETag in If-Match is none of ours: look at the object again");
}

bool change_condition(struct call *c, struct request *r)
{
    struct config *config = keeper_config(c->admin->conf.keeper);
    const struct record *now;
    bool ok = what_is_there(c, r, config, &now) && take_condition(c, r, now);

    config_drop(config);
    return ok;
}

void change_problem(struct call *c, enum keeper_result result, const struct reply_about *about, const struct err *err)
{
    static const struct {
        unsigned status;
        const char *code;
    } problems[] = {
        [KEEPER_INVALID] = { 422, "invalid" },     [KEEPER_EXISTS] = { 409, "exists" },
        [KEEPER_NOT_FOUND] = { 404, "not-found" }, [KEEPER_STALE] = { 412, "stale" },
        [KEEPER_AWAY] = { 503, "away" },           [KEEPER_NO_MEMORY] = { 503, "memory" },
    };

    reply_problem_about(c, problems[result].status, problems[result].code, about, err->text);
    if (problems[result].status == 503)
        reply_header(c, "Retry-After", "5");
}

bool change_refuse(struct call *c, const char *setting, const struct err *err)
{
    change_problem(c, err->memory ? KEEPER_NO_MEMORY : KEEPER_INVALID, &(struct reply_about){ setting, -1 }, err);
    return false;
}

bool change_differs(const struct keeper_outcome *out, size_t i)
{
    const struct record *before = out->before[i], *after = out->after[i];

    return before && after ? before->revision != after->revision : before != after;
}

static void log_changes(struct call *c, const struct request *requests, const struct keeper_outcome *out)
{
    size_t logged = 0;

    for (size_t i = 0; i < out->n && logged < LOGGED_MAX; i++) {
        const struct record *r = out->after[i] ? out->after[i] : out->before[i];

        if (!change_differs(out, i))
            continue;
        logged++;
        log_info(c->admin->conf.log, "admin-change", LOG_Z("who", c->who.text), LOG_Z("from", c->from),
                 LOG_Z("kind", requests[i].kind->name), LOG_S("name", r->name),
                 LOG_Z("action", !out->after[i]   ? "remove"
                                 : out->before[i] ? "set"
                                                  : "new"));
    }
    if (out->n_changed > logged)
        log_info(c->admin->conf.log, "admin-changes", LOG_Z("who", c->who.text), LOG_Z("from", c->from),
                 LOG_U("not-listed", out->n_changed - logged), LOG_Z("see", "the audit has them"));
}

bool change_make(struct call *c, const struct request *requests, size_t n, struct keeper_outcome *out)
{
    struct keeper_change change = {
        .requests = requests, .n = n, .who = slice_str(c->who.text), .from = slice_str(c->from)
    };
    struct err err = { "" };
    enum keeper_result result;

    *out = (struct keeper_outcome){ .n = 0 };
    if (!call_flag(c, "dry-run", &change.dry) || !call_flag(c, "strict", &change.strict))
        return false;
    result = keeper_change(c->admin->conf.keeper, &change, out, &err);
    if (result == KEEPER_OK) {
        if (!change.dry)
            log_changes(c, requests, out);
        return true;
    }
    change_problem(c, result,
                   &(struct reply_about){ out->setting ? out->setting->name : NULL,
                                          strcmp(c->route->path, "/v1/changes") == 0 ? (long)out->fault : -1 },
                   &err);
    return false;
}

json_t *change_shown(const struct record *r)
{
    json_t *o = r ? record_to_json(r, RECORD_SHOWN) : json_null();

    if (!o || !r || !r->kind->internal)
        return o;
    for (size_t i = 0; i < r->kind->n; i++)
        if (r->kind->settings[i].secret)
            json_object_del(o, r->kind->settings[i].name);
    return o;
}

json_t *change_warnings(const struct keeper_outcome *out)
{
    struct slice left = buf_slice(&out->warnings.text), line;
    json_t *list = json_array();

    while (list && slice_cut(left, '\n', &line, &left)) {
        if (json_array_append_new(list, json_stringn(line.p, line.n)) == 0)
            continue;
        json_decref(list);
        list = NULL;
    }
    return list;
}

json_t *change_json(struct call *c, const struct keeper_outcome *out)
{
    const struct record *r = out->after[0];

    if (r)
        reply_header(c, "ETag", "\"%" PRIu64 "\"", r->revision);
    return json_pack("{s:o, s:b, s:o}", "item", change_shown(r), "changed", out->n_changed > 0, "warnings",
                     change_warnings(out));
}
