/* Who watches whose presence: listed, shown, removed. */
#include "ctl/contact.h"

#include <stdlib.h>

#include "base/text.h"
#include "ctl/change.h"
#include "ctl/command.h"
#include "ctl/look.h"
#include "ctl/object.h"
#include "ctl/term.h"

#define LIMIT 100

const char *const contact_columns[CONTACT_COLUMNS] = { "sip",   "xmpp",      "sip-watches", "xmpp-watches",
                                                       "added", "sip-since", "xmpp-since",  "partner" };

const char *contact_query(struct ctl *c, const char *path, const char *key, const char *value)
{
    char mark[40];

    if (!path || !value)
        return path;
    snprintf(mark, sizeof(mark), "%c%s=", strchr(path, '?') ? '&' : '?', key);
    path = client_path(c, path, SLICE(""), mark);
    return path ? client_path(c, path, slice_str(value), "") : NULL;
}

/* client_path encodes only its middle part, so that a path can be added to. */
enum ctl_exit contact_page(struct ctl *c, json_int_t limit, json_int_t *cursor, bool *more, struct answer *out)
{
    const char *path = "/v1/contacts";
    const json_t *next;
    char number[32];
    enum ctl_exit rc;

    *out = (struct answer){ NULL };
    snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, limit);
    path = contact_query(c, path, "limit", number);
    path = contact_query(c, path, "user", args_value(&c->args, OPT_USER));
    path = contact_query(c, path, "partner", args_value(&c->args, OPT_PARTNER));
    path = contact_query(c, path, "state", args_value(&c->args, OPT_STATE));
    snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, *cursor);
    path = contact_query(c, path, "after", *cursor ? number : NULL);
    if (!path)
        return CTL_REFUSED;
    rc = client_call(c, "GET", path, NULL, out);
    next = json_object_get(out->body, "next");
    *more = rc == CTL_DONE && json_is_integer(next);
    *cursor = *more ? json_integer_value(next) : 0;
    return rc;
}

/* ---- list ---- */

static enum ctl_exit gather(struct ctl *c, json_t *items, json_int_t limit, bool *more)
{
    enum ctl_exit rc = CTL_DONE;
    json_int_t cursor = 0;

    *more = true;
    while (rc == CTL_DONE && *more && (json_int_t)json_array_size(items) < limit) {
        json_int_t left = limit - (json_int_t)json_array_size(items);
        struct answer a;

        rc = contact_page(c, left < CONTACT_PAGE ? left : CONTACT_PAGE, &cursor, more, &a);
        if (rc == CTL_DONE && json_array_extend(items, json_object_get(a.body, "items")))
            rc = ctl_fail_memory(c);
        *more = *more || json_integer_value(json_object_get(a.body, "left-out")) > 0;
        answer_fini(&a);
        if (rc == CTL_DONE && !cursor)
            break;
    }
    return rc;
}

static enum ctl_exit print_list(struct ctl *c, json_t *items, bool more)
{
    enum ctl_exit rc = CTL_DONE;

    if (args_has(&c->args, OPT_JSON)) {
        json_t *whole = json_pack("{sO}", "items", items);

        if (!whole)
            return ctl_fail_memory(c);
        object_print_json(c, whole);
        json_decref(whole);
    } else if (json_array_size(items) == 0) {
        fputs("(no contacts)\n", c->diag);
    } else {
        rc = look_table(c, items, contact_columns, CONTACT_COLUMNS);
    }
    if (rc == CTL_DONE && more)
        fputs("(there are more: --limit shows them)\n", c->diag);
    return rc;
}

enum ctl_exit contact_list(struct ctl *c)
{
    const char *text = args_value(&c->args, OPT_LIMIT);
    uint64_t limit = LIMIT;
    json_t *items;
    enum ctl_exit rc;
    bool more = false;

    if (text && (!slice_u64(slice_str(text), 100000000, &limit) || !limit))
        return ctl_fail(c, CTL_USAGE, "--limit: \"%s\" is no number from 1 on", text);
    items = json_array();
    rc = items ? gather(c, items, (json_int_t)limit, &more) : ctl_fail_memory(c);
    if (rc == CTL_DONE)
        rc = print_list(c, items, more);
    json_decref(items);
    return rc;
}

/* ---- one ---- */

static const char *pair_path(struct ctl *c)
{
    return contact_query(c, contact_query(c, "/v1/contact", "sip", c->args.operands[0]), "xmpp", c->args.operands[1]);
}

enum ctl_exit contact_show(struct ctl *c)
{
    const char *path = pair_path(c);

    return path ? look_show(c, path, object_print) : CTL_REFUSED;
}

enum ctl_exit contact_remove(struct ctl *c)
{
    bool both = args_has(&c->args, OPT_BOTH);
    const char *path = contact_query(c, pair_path(c), "both", both ? "yes" : NULL);
    struct answer a;
    enum ctl_exit rc;
    struct buf b;

    if (!path)
        return CTL_REFUSED;
    rc = client_call(c, "DELETE", path, NULL, &a);
    if (rc == CTL_DONE && args_has(&c->args, OPT_JSON)) {
        object_print_json(c, a.body);
    } else if (rc == CTL_DONE) {
        buf_init(&b, 64u << 10);
        term_put(&b, slice_str(c->args.operands[0]));
        buf_str(&b, both ? " and " : " watches ");
        term_put(&b, slice_str(c->args.operands[1]));
        buf_str(&b, both ? " watch each other no more\n" : " no more\n");
        term_flush(c->out, &b);
        buf_free(&b);
    }
    answer_fini(&a);
    return rc;
}

/* ---- many ---- */

static enum ctl_exit purge(struct ctl *c, const json_t *body, bool dry, json_int_t *n)
{
    struct answer a;
    enum ctl_exit rc = client_call(c, "POST", dry ? "/v1/contacts/purge?dry-run=1" : "/v1/contacts/purge", body, &a);

    *n = json_integer_value(json_object_get(a.body, "contacts"));
    answer_fini(&a);
    return rc;
}

enum ctl_exit contact_purge(struct ctl *c)
{
    const char *user = args_value(&c->args, OPT_USER), *domain = args_value(&c->args, OPT_DOMAIN);
    json_t *body = json_pack("{s:s*, s:s*}", "user", user, "domain", domain);
    json_int_t n = 0;
    enum ctl_exit rc;

    if (!body)
        return ctl_fail_memory(c);
    rc = user || domain ? purge(c, body, true, &n)
                        : ctl_fail(c, CTL_USAGE, "whose? --user alice@contoso.example, or --domain fabrikam.example");
    if (rc == CTL_DONE && n && !args_has(&c->args, OPT_WHAT_IF)) {
        if (change_may_remove(c, "contact", (size_t)n, slice_str(user ? user : domain)))
            rc = purge(c, body, false, &n);
        else
            rc = CTL_REFUSED;
    }
    if (rc == CTL_DONE)
        fprintf(c->out, "%" JSON_INTEGER_FORMAT " contact%s %s\n", n, n == 1 ? "" : "s",
                args_has(&c->args, OPT_WHAT_IF) ? "would be removed" : "removed");
    json_decref(body);
    return rc;
}
