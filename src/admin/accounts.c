/* Stox's own administrators. */
#include "admin/auth.h"
#include "admin/changing.h"
#include "admin/objects.h"
#include "admin/password.h"
#include "admin/routes.h"
#include "admin/user.h"
#include "store/json.h"

static const char *const members[] = { "name", "role", "locked", "password", "description", NULL };
static const char *const copied[] = { "role", "locked", "description" }; /* as they stand */

static bool is_wrong(struct call *c, const char *member, const char *why)
{
    reply_problem_about(c, 422, "invalid", &(struct reply_about){ member, -1 }, why);
    return false;
}

/* The new password of the body as an edit; none without one. */
static bool take_password(struct call *c, const char *member, bool required, struct edit *edit, bool *given)
{
    struct slice password, *stored = arena_zalloc(&c->arena, sizeof(*stored));
    struct err err;
    struct buf hash;

    *given = false;
    if (!call_text(c, member, required, &password) || !password.p)
        return c->reply.status == 0;
    if (password_judge(password, &err))
        return is_wrong(c, member, err.text);
    buf_init(&hash, 400);
    if (stored && password_hash(&hash, password))
        *stored = arena_dup(&c->arena, buf_slice(&hash));
    buf_free(&hash);
    if (!stored || !stored->p) {
        reply_no_memory(c);
        return false;
    }
    *edit = (struct edit){
        .setting = setting_find(&account_kind, SLICE("password")), .op = EDIT_SET, .texts = stored, .n = 1
    };
    *given = true;
    return true;
}

/* What is given besides the name, and the password hashed. The texts stay the body's. */
static bool take_edits(struct call *c, const char *password_member, bool new, struct request *r)
{
    json_t *plain = json_object();
    const struct setting *fault;
    struct edit *edits = NULL, password, *all;
    struct err err = { "" };
    bool given, ok = plain != NULL;

    if (!take_password(c, password_member, new, &password, &given)) {
        json_decref(plain);
        return false;
    }
    for (size_t i = 0; ok && i < sizeof(copied) / sizeof(copied[0]); i++) {
        json_t *v = json_object_get(c->json, copied[i]);

        ok = !v || json_object_set(plain, copied[i], v) == 0;
    }
    if (!ok || json_to_edits(&account_kind, plain, &c->arena, &edits, &r->n, &fault, &err)) {
        json_decref(plain);
        return ok ? change_refuse(c, fault ? fault->name : NULL, &err) : (reply_no_memory(c), false);
    }
    json_decref(plain);
    all = arena_alloc(&c->arena, (r->n + 1) * sizeof(*all));
    if (!all) {
        reply_no_memory(c);
        return false;
    }
    memcpy(all, edits, r->n * sizeof(*all));
    if (given)
        all[r->n++] = password;
    r->edits = all;
    return true;
}

/* Would anybody be left who may do everything, without this one? */
static bool is_last(const struct config *config, struct slice name)
{
    const struct config_list *list = config_list(config, &account_kind);
    const struct account *it = auth_account(config, name);
    size_t others = 0;

    for (size_t i = 0; i < list->n; i++) {
        const struct account *a = CONFIG_OBJECT(account, list, i);

        others += a != it && a->role == ADMIN_ADMINISTRATOR && a->password.n > 0 && !a->locked;
    }
    return it && it->role == ADMIN_ADMINISTRATOR && !it->locked && others == 0;
}

static bool may_lose(struct call *c, struct slice name)
{
    struct config *config = keeper_config(c->admin->conf.keeper);
    struct err err = { "" };
    struct slice normal;
    bool last = setting_title(&account_kind, &normal, name, &c->arena, &err) == 0 && is_last(config, normal);

    config_drop(config);
    if (err.memory)
        return change_refuse(c, NULL, &err);
    if (last)
        reply_problem(c, 409, "invalid", "%.*s is the last administrator: make another one first", SLICE_FMT(name));
    return !last;
}

static void change_user(struct call *c, const struct request *r)
{
    struct keeper_outcome out;

    if (change_make(c, r, 1, &out)) {
        reply_json(c, c->route->status, change_json(c, &out));
        if (r->op == REQUEST_NEW && out.after[0])
            objects_location(c, &account_kind, out.after[0]->name);
    }
    keeper_outcome_fini(&out);
}

bool user_make(struct call *c)
{
    struct request r = { .op = REQUEST_NEW, .kind = &account_kind };

    if (!call_text(c, "name", true, &r.name) || !take_edits(c, "password", true, &r))
        return false;
    change_user(c, &r);
    return c->reply.status == c->route->status;
}

void users_new(struct call *c)
{
    if (call_knows(c, members))
        user_make(c);
}

/* Does the body leave him able to do everything, if he was? */
static bool keeps_all(const struct call *c)
{
    const json_t *role = json_object_get(c->json, "role"), *locked = json_object_get(c->json, "locked");
    const char *name = json_string_value(role), *word = json_string_value(locked);

    return (!role || (name && strcmp(name, "administrator") == 0)) &&
           (!locked || json_is_false(locked) || json_is_null(locked) || (word && strcmp(word, "no") == 0));
}

void user_set(struct call *c)
{
    struct request r = { .op = REQUEST_SET, .kind = &account_kind, .name = c->name };
    bool keeps = keeps_all(c);

    if (call_knows(c, members + 1) && change_condition(c, &r) && take_edits(c, "password", false, &r) &&
        (keeps || may_lose(c, c->name)))
        change_user(c, &r);
}

void user_remove(struct call *c)
{
    struct request r = { .op = REQUEST_REMOVE, .kind = &account_kind, .name = c->name };

    if (change_condition(c, &r) && may_lose(c, c->name))
        change_user(c, &r);
}

void session_password(struct call *c)
{
    static const char *const known[] = { "old", "new", NULL };
    struct request r = { .op = REQUEST_SET, .kind = &account_kind, .name = slice_str(c->who.name) };
    struct config *config;
    struct slice old;
    bool right;

    if (c->who.kind != WHO_SESSION) {
        reply_problem(c, 403, "forbidden", "only who has logged in with a password has one to change");
        return;
    }
    if (!call_knows(c, known) || !call_text(c, "old", true, &old) || !auth_may_try(c, r.name))
        return;
    config = keeper_config(c->admin->conf.keeper);
    right = auth_password(c, config, r.name, old) != NULL;
    config_drop(config);
    if (!right) {
        reply_problem_about(c, 403, "forbidden", &(struct reply_about){ "old", -1 }, "the old password is wrong");
        return;
    }
    auth_forgive(c, r.name);
    if (take_edits(c, "new", true, &r))
        user_replace_password(c, &r);
}

void user_replace_password(struct call *c, const struct request *r)
{
    struct keeper_outcome out;

    if (change_make(c, r, 1, &out)) {
        const struct account *a = out.after[0]->object;

        /* Whoever had got hold of one of its sessions has none now: this one goes on with a new cookie. */
        sessions_end_of(&c->admin->sessions, a->name, c->who.session);
        session_renewed(c, a);
    }
    keeper_outcome_fini(&out);
}
