/* policy grant, revoke, effective: what a policy means for users. */
#include "ctl/change.h"
#include "ctl/client.h"
#include "ctl/command.h"
#include "ctl/names.h"
#include "ctl/object.h"
#include "ctl/term.h"
#include "store/model.h"

/* One policy for each user, NULL for none. */
static enum ctl_exit set_policy(struct ctl *c, const struct names *users, const char *policy)
{
    struct changes changes;
    enum ctl_exit rc = CTL_DONE;

    if (!changes_init(c, &changes))
        return CTL_REFUSED;
    for (size_t i = 0; i < users->n && rc == CTL_DONE; i++) {
        json_t *values = json_pack("{ss?}", "policy", policy);

        rc = values ? changes_add(c, &changes, "set", &sip_user_kind, users->v[i], values)
                    : ctl_fail(c, CTL_USAGE, "this is no name of a policy, or memory is missing");
    }
    if (rc == CTL_DONE)
        rc = changes_run(c, &changes, false);
    changes_fini(&changes);
    return rc;
}

enum ctl_exit policy_grant(struct ctl *c)
{
    struct names users = { 0 };
    enum ctl_exit rc = CTL_DONE;

    for (size_t i = 0; i < c->args.n_options && rc == CTL_DONE; i++)
        if (c->args.options[i].id == OPT_TO)
            rc = names_of_word(c, c->args.options[i].value, &users);
    if (rc == CTL_DONE)
        rc = names_of_operands(c, 1, &users);
    if (rc != CTL_DONE)
        return rc;
    if (c->args.n_operands == 1 && !args_has(&c->args, OPT_TO))
        return ctl_fail(c, CTL_USAGE, "to whom? stoxctl policy grant %s --to USER..., or --to - for standard input",
                        c->args.operands[0]);
    return set_policy(c, &users, c->args.operands[0]);
}

enum ctl_exit policy_revoke(struct ctl *c)
{
    struct names users = { 0 };
    enum ctl_exit rc = names_of_operands(c, 0, &users);

    return rc == CTL_DONE ? set_policy(c, &users, NULL) : rc;
}

static const char *text_of(const json_t *o, const char *member)
{
    const char *text = json_string_value(json_object_get(o, member));

    return text ? text : "";
}

static const char *yes_no(const json_t *o, const char *member)
{
    return json_is_true(json_object_get(o, member)) ? "yes" : "no";
}

/* Whose policy it is: a closer one would have decided before. */
static const char *level_words(const char *level)
{
    if (strcmp(level, "user") == 0)
        return "granted to the user, it comes before the site's and the global one";
    if (strcmp(level, "site") == 0)
        return "the site's: none is granted to the user";
    return "the global one: none is granted to the user, and the user's site has none";
}

static void print_effective(struct ctl *c, const json_t *v)
{
    const char *site = text_of(v, "site");
    struct buf b;

    buf_init(&b, 64u << 10);
    term_put(&b, slice_str(text_of(v, "user")));
    buf_str(&b, json_is_true(json_object_get(v, "allowed")) ? " may talk to XMPP partners"
                                                            : " may not talk to XMPP partners");
    if (*text_of(v, "why")) {
        buf_str(&b, ": ");
        term_put(&b, slice_str(text_of(v, "why")));
    }
    buf_str(&b, ".\nThe policy \"");
    term_put(&b, slice_str(text_of(v, "policy")));
    buf_printf(&b, "\" decides (%s): federation %s, xmpp %s.\n", level_words(text_of(v, "level")),
               yes_no(v, "federation"), yes_no(v, "xmpp"));
    buf_printf(&b, "Federation of the organisation: %s. Served: %s. Site: ", yes_no(v, "org"), yes_no(v, "served"));
    term_put(&b, slice_str(*site ? site : "none"));
    buf_str(&b, ".\n");
    term_flush(c->out, &b);
    buf_free(&b);
}

enum ctl_exit policy_show_effective(struct ctl *c)
{
    const char *path = client_path(c, "/v1/effective?user=", slice_str(c->args.operands[0]), "");
    struct answer a;
    enum ctl_exit rc;

    if (!path)
        return CTL_REFUSED;
    rc = client_call(c, "GET", path, NULL, &a);
    if (rc == CTL_DONE && args_has(&c->args, OPT_JSON)) {
        object_print_json(c, a.body);
    } else if (rc == CTL_DONE) {
        print_effective(c, a.body);
    }
    answer_fini(&a);
    return rc;
}
