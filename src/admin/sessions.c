/* Who is signed in, and from where. */
#include "admin/routes.h"

/* A session of this account, or of anybody to those who may do everything. */
static bool may_see(const struct call *c, const struct session *s)
{
    return c->who.role == ADMIN_ADMINISTRATOR ||
           (c->who.kind == WHO_SESSION && slice_is(slice_str(s->account), c->who.name));
}

static json_t *session_row(const struct call *c, const struct session *s, uint64_t now_ms)
{
    return json_pack("{s:I, s:s, s:s, s:s, s:I, s:I, s:b}", "id", (json_int_t)s->number, "name", s->account, "from",
                     s->from, "agent", s->agent, "age-s", (json_int_t)((now_ms - s->made_ms) / 1000), "idle-s",
                     (json_int_t)((now_ms - s->used_ms) / 1000), "own", s == c->who.session);
}

void sessions_get(struct call *c)
{
    const struct sessions *all = &c->admin->sessions;
    uint64_t now_ms = admin_mono_ms(c->admin);
    json_t *items = json_array();
    bool ok = items != NULL;

    for (size_t i = 0; ok && i < SESSIONS_MAX; i++) {
        const struct session *s = &all->all[i];

        if (s->id[0] && !session_is_over(s, now_ms) && may_see(c, s))
            ok = json_array_append_new(items, session_row(c, s, now_ms)) == 0;
    }
    if (ok) {
        reply_json(c, 200, json_pack("{s:o}", "items", items));
        return;
    }
    json_decref(items);
    reply_no_memory(c);
}

void sessions_remove(struct call *c)
{
    uint64_t number;
    struct session *s = slice_u64(c->id, UINT64_MAX, &number)
                            ? session_numbered(&c->admin->sessions, number, admin_mono_ms(c->admin))
                            : NULL;

    if (!s || !may_see(c, s)) {
        reply_problem(c, 404, "not-found", "there is no such session of yours; it may have ended");
        return;
    }
    log_info(c->admin->conf.log, "admin-session-ended", LOG_Z("who", c->who.text), LOG_Z("from", c->from),
             LOG_Z("of", s->account), LOG_Z("session-from", s->from));
    session_end(s);
    if (s == c->who.session)
        c->who.session = NULL;
    reply_json(c, 200, json_pack("{s:b}", "changed", 1));
}
