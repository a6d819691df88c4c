/* Administrators as they are looked at: what is stored, and besides who is signed in and who has to wait. */
#include "admin/browse.h"
#include "admin/changing.h"
#include "admin/objects.h"
#include "admin/routes.h"
#include "admin/user.h"

static size_t n_sessions(struct call *c, struct slice name, uint64_t now_ms)
{
    const struct sessions *all = &c->admin->sessions;
    size_t n = 0;

    for (size_t i = 0; i < SESSIONS_MAX; i++)
        n += all->all[i].id[0] && !session_is_over(&all->all[i], now_ms) && slice_is(name, all->all[i].account);
    return n;
}

json_t *user_states(struct call *c)
{
    struct config *config = keeper_config(c->admin->conf.keeper);
    const struct config_list *list = config_list(config, &account_kind);
    uint64_t now_ms = admin_mono_ms(c->admin) + 1; /* as auth_may_try counts */
    json_t *states = json_object();
    bool ok = states != NULL;

    for (size_t i = 0; ok && i < list->n; i++) {
        struct slice name = list->v[i]->name;
        json_t *state = json_pack("{s:I, s:I}", "sessions", (json_int_t)n_sessions(c, name, now_ms), "waits-s",
                                  (json_int_t)throttle_left(&c->admin->by_account, name, now_ms));

        ok = json_object_setn_new(states, name.p, name.n, state) == 0;
    }
    config_drop(config);
    if (ok)
        return states;
    json_decref(states);
    return NULL;
}

void users_list(struct call *c)
{
    c->kind = &account_kind;
    objects_list(c);
}

void user_get(struct call *c)
{
    c->kind = &account_kind;
    object_get(c);
}

void tokens_list(struct call *c)
{
    c->kind = &token_kind;
    objects_list(c);
}
