#include <stdio.h>

#include "admin/changing.h"
#include "admin/objects.h"
#include "admin/routes.h"
#include "store/json.h"

/* When it stops to be good, as the store keeps it. */
static bool take_expiry(struct call *c, json_t *plain)
{
    const json_t *v = json_object_get(c->json, "expires");
    int64_t now = admin_wall_s(c->admin), most = (int64_t)UINT32_MAX - now;

    if (!v || json_is_null(v))
        return true;
    if (!json_is_integer(v) || json_integer_value(v) < 1 || json_integer_value(v) > most) {
        reply_problem_about(c, 422, "invalid", &(struct reply_about){ "expires", -1 },
                            "expires is a number of seconds from now, at least 1");
        return false;
    }
    if (json_object_set_new(plain, "expires", json_integer(now + json_integer_value(v))) == 0)
        return true;
    reply_no_memory(c);
    return false;
}

/* The token's record as JSON of the store: what was given, and the digest of its secret. */
static json_t *plain_token(struct call *c, const char *secret)
{
    static const char *const copied[] = { "role", "description" };
    char text[sizeof(TOKEN_PREFIX) + SECRET_CHARS], digest[SECRET_DIGEST + 1];
    json_t *plain = json_object();
    bool ok;

    snprintf(text, sizeof(text), "%s%s", TOKEN_PREFIX, secret);
    ok =
        plain && secret_digest(slice_str(text), digest) && json_object_set_new(plain, "hash", json_string(digest)) == 0;
    for (size_t i = 0; ok && i < 2; i++) {
        json_t *v = json_object_get(c->json, copied[i]);

        ok = !v || json_object_set(plain, copied[i], v) == 0;
    }
    explicit_bzero(text, sizeof(text));
    if (!ok)
        reply_no_memory(c);
    if (ok && take_expiry(c, plain))
        return plain;
    json_decref(plain);
    return NULL;
}

static void answer_new(struct call *c, const struct keeper_outcome *out, const char *secret)
{
    json_t *o = change_json(c, out);
    bool dry = false;

    call_flag(c, "dry-run", &dry);
    if (o && !dry && json_object_set_new(o, "token", json_sprintf("%s%s", TOKEN_PREFIX, secret)) != 0) {
        json_decref(o);
        o = NULL;
    }
    reply_json(c, c->route->status, o);
    if (out->after[0])
        objects_location(c, &token_kind, out->after[0]->name);
}

static void make(struct call *c, struct request *r, const json_t *plain, const char *secret)
{
    const struct setting *fault;
    struct keeper_outcome out;
    struct edit *edits = NULL;
    struct err err = { "" };

    if (json_to_edits(&token_kind, plain, &c->arena, &edits, &r->n, &fault, &err)) {
        change_refuse(c, fault ? fault->name : NULL, &err);
        return;
    }
    r->edits = edits;
    if (change_make(c, r, 1, &out))
        answer_new(c, &out, secret);
    keeper_outcome_fini(&out);
}

void tokens_new(struct call *c)
{
    static const char *const members[] = { "name", "role", "expires", "description", NULL };
    struct request r = { .op = REQUEST_NEW, .kind = &token_kind };
    char secret[SECRET_CHARS + 1];
    json_t *plain;

    if (!call_knows(c, members) || !call_text(c, "name", true, &r.name))
        return;
    secret_make(secret);
    plain = plain_token(c, secret);
    if (plain)
        make(c, &r, plain, secret);
    json_decref(plain);
    explicit_bzero(secret, sizeof(secret));
}

void token_remove(struct call *c)
{
    struct request r = { .op = REQUEST_REMOVE, .kind = &token_kind, .name = c->name };
    struct keeper_outcome out;

    if (!change_condition(c, &r))
        return;
    if (change_make(c, &r, 1, &out))
        reply_json(c, c->route->status, change_json(c, &out));
    keeper_outcome_fini(&out);
}
