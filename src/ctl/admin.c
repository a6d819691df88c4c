/* Administrators of Stox itself, their tokens, and the first of them. */
#include <stdlib.h>

#include "base/text.h"
#include "ctl/change.h"
#include "ctl/client.h"
#include "ctl/command.h"
#include "ctl/item.h"
#include "ctl/object.h"
#include "ctl/term.h"

static const char *operand(const struct ctl *c)
{
    return c->args.operands[0];
}

/* Adds a text to body; false with a sentence said. */
static bool add_text(struct ctl *c, json_t *body, const char *name, struct slice text)
{
    if (json_object_set_new(body, name, json_stringn(text.p, text.n)) == 0)
        return true;
    ctl_fail(c, CTL_USAGE, "%s: this is not UTF-8 text, or memory is missing", name);
    return false;
}

static bool add_password(struct ctl *c, json_t *body, const char *prompt)
{
    struct slice password = term_secret(c, prompt, true);

    return password.p && add_text(c, body, "password", password);
}

/* Sends body and says what was done. */
static enum ctl_exit send_about(struct ctl *c, const char *method, const char *path, const json_t *body,
                                const char *done)
{
    struct answer a;
    enum ctl_exit rc = client_call(c, method, path, body, &a);

    if (rc == CTL_DONE && args_has(&c->args, OPT_JSON)) {
        object_print_json(c, a.body);
    } else if (rc == CTL_DONE) {
        fprintf(c->out, "%s %s: %s\n", c->args.command->noun, operand(c), done);
    }
    answer_fini(&a);
    return rc;
}

enum ctl_exit user_new(struct ctl *c)
{
    json_t *body = item_values(c);
    enum ctl_exit rc = CTL_REFUSED;

    if (body && add_text(c, body, "name", slice_str(operand(c))) && add_password(c, body, "Password: "))
        rc = send_about(c, "POST", "/v1/users", body, "made");
    json_decref(body);
    return rc;
}

enum ctl_exit user_passwd(struct ctl *c)
{
    const char *path = client_path(c, "/v1/users/", slice_str(operand(c)), "");
    json_t *body = json_object();
    enum ctl_exit rc = CTL_REFUSED;

    if (path && body && add_password(c, body, "New password: "))
        rc = send_about(c, "PATCH", path, body, "password set");
    json_decref(body);
    return rc;
}

enum ctl_exit user_set(struct ctl *c)
{
    const char *path = client_path(c, "/v1/users/", slice_str(operand(c)), "");
    json_t *body = item_values(c);
    enum ctl_exit rc = CTL_REFUSED;

    if (body && json_object_size(body) == 0)
        rc = ctl_fail(c, CTL_USAGE, "set what? stoxctl help user set lists the flags");
    else if (path && body)
        rc = send_about(c, "PATCH", path, body, "changed");
    json_decref(body);
    return rc;
}

static enum ctl_exit remove_each(struct ctl *c, const char *prefix, const char *done)
{
    enum ctl_exit rc = CTL_DONE;

    if (!change_may_remove(c, c->args.command->noun, c->args.n_operands, slice_str(operand(c))))
        return CTL_REFUSED;
    for (size_t i = 0; i < c->args.n_operands && rc == CTL_DONE; i++) {
        const char *path = client_path(c, prefix, slice_str(c->args.operands[i]), "");
        struct answer a;

        if (!path)
            return CTL_REFUSED;
        rc = client_call(c, "DELETE", path, NULL, &a);
        if (rc == CTL_DONE)
            fprintf(c->out, "%s %s: %s\n", c->args.command->noun, c->args.operands[i], done);
        answer_fini(&a);
    }
    return rc;
}

enum ctl_exit user_remove(struct ctl *c)
{
    return remove_each(c, "/v1/users/", "removed");
}

enum ctl_exit token_revoke(struct ctl *c)
{
    return remove_each(c, "/v1/tokens/", "revoked");
}

static enum ctl_exit add_expiry(struct ctl *c, json_t *body)
{
    const char *given = args_value(&c->args, OPT_EXPIRES);
    uint64_t seconds = given ? option_seconds(slice_str(given)) : 0;

    if (!given)
        return CTL_DONE;
    if (!seconds)
        return ctl_fail(c, CTL_USAGE, "--expires: \"%s\" is no time like 3600, 90m, 12h or 30d", given);
    return json_object_set_new(body, "expires", json_integer((json_int_t)seconds)) ? ctl_fail_memory(c) : CTL_DONE;
}

/* The token alone goes to out, so that a script can keep it; what people should know goes beside it. */
static enum ctl_exit print_token(struct ctl *c, const json_t *answer)
{
    const char *token = json_string_value(json_object_get(answer, "token"));

    if (args_has(&c->args, OPT_JSON)) {
        object_print_json(c, answer);
        return CTL_DONE;
    }
    if (!token)
        return ctl_fail(c, CTL_REFUSED, "the daemon's answer has no token: is it of another version?");
    term_write(c->out, slice_str(token));
    fputc('\n', c->out);
    fputs("(this is the only time it is shown)\n", c->diag);
    return CTL_DONE;
}

enum ctl_exit token_new(struct ctl *c)
{
    json_t *body = item_values(c);
    enum ctl_exit rc = CTL_REFUSED;
    struct answer a;

    if (!body)
        return rc;
    rc = add_text(c, body, "name", slice_str(operand(c))) ? add_expiry(c, body) : CTL_REFUSED;
    if (rc == CTL_DONE) {
        rc = client_call(c, "POST", "/v1/tokens", body, &a);
        if (rc == CTL_DONE)
            rc = print_token(c, a.body);
        answer_fini(&a);
    }
    json_decref(body);
    return rc;
}

enum ctl_exit setup_first(struct ctl *c)
{
    json_t *body = json_object();
    struct slice token;
    enum ctl_exit rc = CTL_REFUSED;

    fputs("The daemon wrote a token for this to its log when it started.\n", c->diag);
    token = term_secret(c, "Setup token: ", false);
    if (body && token.p && add_text(c, body, "token", token) && add_text(c, body, "name", slice_str(operand(c))) &&
        add_password(c, body, "Password of the first administrator: "))
        rc = send_about(c, "POST", "/v1/setup", body, "is the first administrator");
    json_decref(body);
    return rc;
}
