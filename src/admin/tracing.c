/* Traces and test messages: whoever reads other people's traffic or writes in their name is in the audit before it happens. */
#include <inttypes.h>

#include "admin/changing.h"
#include "admin/routes.h"
#include "store/json.h"

#define SECONDS 600
#define SECONDS_MAX 86400
#define PAGE 500
#define TEXT_MAX (64u << 10) /* of one event's lines */
#define NAME_MAX_BYTES 200   /* of what the audit calls it by */

static bool take_trace(struct call *c, struct admin_trace *t)
{
    static const char *const known[] = { "users", "partners", "bodies", "seconds", NULL };
    static const char too_many[] = "a list of 16 texts at most is expected here";
    const json_t *seconds = json_object_get(c->json, "seconds"), *bodies = json_object_get(c->json, "bodies");

    *t = (struct admin_trace){ .seconds = SECONDS, .bodies = json_is_true(bodies), .who = slice_str(c->who.text) };
    if (!call_knows(c, known) || !call_texts(c, "users", too_many, t->users, ADMIN_TRACE_NAMES, &t->n_users) ||
        !call_texts(c, "partners", too_many, t->partners, ADMIN_TRACE_NAMES, &t->n_partners))
        return false;
    if (bodies && !json_is_boolean(bodies))
        return call_refuse(c, "bodies", "true or false is expected here");
    if (seconds &&
        (!json_is_integer(seconds) || json_integer_value(seconds) < 1 || json_integer_value(seconds) > SECONDS_MAX))
        return call_refuse(c, "seconds", "a number from 1 to 86400 is expected here");
    if (seconds)
        t->seconds = (uint64_t)json_integer_value(seconds);
    if (!t->bodies || c->who.role >= ADMIN_ADMINISTRATOR)
        return true;
    reply_problem(c, 403, "forbidden", "to see bodies takes the role of an administrator");
    return false;
}

/* "alice@contoso.example, fabrikam.example" */
static struct slice names_of(struct call *c, const struct admin_trace *t)
{
    struct buf b;
    struct slice out;

    buf_init(&b, 64u << 10);
    for (size_t i = 0; i < t->n_users + t->n_partners; i++) {
        buf_str(&b, i ? ", " : "");
        buf_put(&b, i < t->n_users ? t->users[i] : t->partners[i - t->n_users]);
    }
    out = arena_dup(&c->arena, slice_first(buf_slice(&b), NAME_MAX_BYTES));
    buf_free(&b);
    while (out.n && (out.p[out.n - 1] & 0x80)) /* not in the middle of a character */
        out.n--;
    return out;
}

bool admin_note(struct call *c, const char *action, struct slice name, json_t *after)
{
    struct keeper_note note = { .action = action,
                                .kind = slice_str(action),
                                .name = name,
                                .who = slice_str(c->who.text),
                                .from = slice_str(c->from) };
    struct err err = { "" };
    enum keeper_result result;
    struct buf b;

    buf_init(&b, 64u << 10);
    json_put(&b, after, JSON_SORT_KEYS);
    if (!buf_ok(&b)) {
        buf_free(&b);
        reply_no_memory(c);
        return false;
    }
    note.after = buf_slice(&b);
    result = keeper_note(c->admin->conf.keeper, &note, &err);
    buf_free(&b);
    if (result != KEEPER_OK) {
        change_problem(c, result, NULL, &err);
        return false;
    }
    log_info(c->admin->conf.log, "admin-look", LOG_Z("who", c->who.text), LOG_Z("from", c->from),
             LOG_Z("action", action), LOG_S("name", name));
    return true;
}

void traces_new(struct call *c)
{
    const struct admin_ops *ops = c->admin->conf.ops;
    struct admin_refusal no = admin_away;
    struct admin_trace t;
    json_t *v;

    if (!take_trace(c, &t))
        return;
    /* What is refused anyway does not go into the audit. */
    v = ops && ops->trace_start ? ops->trace_start(c->admin->conf.owner, &t, true, &no) : NULL;
    if (!v) {
        admin_refuse_away(c, &no);
        return;
    }
    json_decref(v);
    if (!admin_note(c, "trace", names_of(c, &t),
                    json_pack("{s:O*, s:O*, s:b, s:I}", "users", json_object_get(c->json, "users"), "partners",
                              json_object_get(c->json, "partners"), "bodies", t.bodies, "seconds",
                              (json_int_t)t.seconds)))
        return;
    v = ops->trace_start(c->admin->conf.owner, &t, false, &no);
    if (v)
        reply_json(c, 201, v);
    else
        admin_refuse_away(c, &no);
}

#define NO_TRACE "you have no such trace; one ends when its time is over, or when it was not read for a minute"

/* A text of a ladder, made by put; false: no memory. */
static bool set_text(json_t *o, const char *name, void (*put)(struct buf *out, const struct trace_text *e, bool ascii),
                     const struct trace_text *e)
{
    struct buf b;
    bool ok;

    buf_init(&b, TEXT_MAX);
    put(&b, e, false);
    ok = buf_ok(&b) && json_object_set_new(o, name, json_stringn(b.n ? b.p : "", b.n)) == 0;
    buf_free(&b);
    return ok;
}

static void put_head(struct buf *out, const struct trace_text *e, bool ascii)
{
    trace_text_head(out);
}

/* What stoxctl trace would print of it: each event with its lines, and with the line of its people. */
static bool add_texts(json_t *page)
{
    json_t *e;
    size_t i;

    json_array_foreach(json_object_get(page, "events"), i, e)
    {
        const struct trace_text text = json_trace_text(e);

        if (!set_text(e, "between", trace_text_people, &text) || !set_text(e, "text", trace_text_event, &text))
            return false;
    }
    return set_text(page, "head", put_head, NULL);
}

static void reply_trace(struct call *c, json_t *page, bool texts)
{
    if (!texts || add_texts(page)) {
        reply_json(c, 200, page);
        return;
    }
    json_decref(page);
    reply_no_memory(c);
}

void trace_get(struct call *c)
{
    const struct admin_ops *ops = c->admin->conf.ops;
    uint64_t id, after = 0, limit;
    struct slice given = target_query(&c->target, "after");
    json_t *v = NULL;
    bool texts;

    if (given.p && !slice_u64(given, INT64_MAX, &after)) {
        reply_problem(c, 400, "bad-request", "after is the number of an event");
        return;
    }
    if (!call_number(c, "limit", PAGE, PAGE, &limit) || !call_flag(c, "text", &texts))
        return;
    if (ops && ops->trace_read)
        v = slice_u64(c->id, UINT64_MAX, &id)
                ? ops->trace_read(c->admin->conf.owner, id, slice_str(c->who.text), after, limit)
                : json_null();
    if (!v)
        admin_refuse_away(c, &admin_away);
    else if (!json_is_null(v))
        reply_trace(c, v, texts);
    else
        reply_problem(c, 404, "not-found", NO_TRACE);
}

void trace_remove(struct call *c)
{
    const struct admin_ops *ops = c->admin->conf.ops;
    uint64_t id;

    if (ops && ops->trace_end && slice_u64(c->id, UINT64_MAX, &id) &&
        ops->trace_end(c->admin->conf.owner, id, slice_str(c->who.text)))
        reply_json(c, 200, json_pack("{s:b}", "changed", 1));
    else
        reply_problem(c, 404, "not-found", NO_TRACE);
}

/* ---- test messages ---- */

void im_tests_new(struct call *c)
{
    static const char *const known[] = { "from", "to", "text", NULL };
    const struct admin_ops *ops = c->admin->conf.ops;
    struct admin_refusal no = admin_away;
    struct slice from, to, text;
    json_t *v;

    if (!call_knows(c, known) || !call_text(c, "from", true, &from) || !call_text(c, "to", true, &to) ||
        !call_text(c, "text", false, &text))
        return;
    if (!ops || !ops->im_test_start) {
        admin_refuse_away(c, &admin_away);
        return;
    }
    if (!admin_note(c, "test", to, json_incref(c->json)))
        return;
    v = ops->im_test_start(c->admin->conf.owner, from, to, text, &no);
    if (v)
        reply_json(c, 202, v);
    else
        admin_refuse_away(c, &no);
}

void im_test_get(struct call *c)
{
    const struct admin_ops *ops = c->admin->conf.ops;
    uint64_t id;
    json_t *v = NULL;

    if (ops && ops->im_test)
        v = slice_u64(c->id, UINT64_MAX, &id) ? ops->im_test(c->admin->conf.owner, id) : json_null();
    if (!v)
        admin_refuse_away(c, &admin_away);
    else if (!json_is_null(v))
        reply_json(c, 200, v);
    else
        reply_problem(c, 404, "not-found", "there is no such test; results are forgotten after ten minutes");
}
