/* Certificates: requested, listed, shown, checked, removed. */
#include "ctl/cert.h"

#include "ctl/change.h"
#include "ctl/command.h"
#include "ctl/item.h"
#include "ctl/ladder.h"
#include "ctl/look.h"
#include "ctl/object.h"
#include "ctl/term.h"

/* Nothing was said but the name: then it is asked. */
static bool is_bare(const struct ctl *c)
{
    return c->args.n_flags == 0 && !args_has(&c->args, OPT_CSR) && !args_has(&c->args, OPT_JSON) &&
           !args_has(&c->args, OPT_WHAT_IF);
}

enum ctl_exit cert_request(struct ctl *c)
{
    json_t *answers = item_values(c), *before = NULL;
    enum ctl_exit rc = answers ? cert_find(c, &before) : CTL_REFUSED;

    if (rc == CTL_DONE && c->interactive && is_bare(c))
        rc = cert_ask(c, before);
    else if (rc == CTL_DONE)
        rc = cert_send_request(c, answers, before != NULL, args_value(&c->args, OPT_CSR));
    json_decref(before);
    json_decref(answers);
    return rc;
}

/* ---- list and show ---- */

/* What lists show of one. */
static json_t *row_of(const json_t *item)
{
    const json_t *leaf = json_object_get(item, "certificate");
    const json_t *names = json_object_get(json_is_object(leaf) ? leaf : item, "names");

    return json_pack("{s:O, s:O, s:O, s:O*, s:O*, s:O, s:O}", "name", json_object_get(item, "name"), "use",
                     json_object_get(item, "use"), "state", json_object_get(item, "state"), "until",
                     json_object_get(leaf, "not-after"), "days", json_object_get(leaf, "days-left"), "names", names,
                     "assigned", json_object_get(item, "assigned"));
}

static enum ctl_exit gather(struct ctl *c, const json_t *item, void *arg)
{
    json_t *row = args_has(&c->args, OPT_JSON) ? json_incref((json_t *)item) : row_of(item);

    return row && json_array_append_new(arg, row) == 0 ? CTL_DONE : ctl_fail_memory(c);
}

enum ctl_exit cert_list(struct ctl *c)
{
    static const char *const columns[] = { "name", "use", "state", "until", "days", "names", "assigned" };
    json_t *items = json_array(), *whole;
    enum ctl_exit rc = items ? client_each(c, "certificates", gather, items) : ctl_fail_memory(c);

    if (rc == CTL_DONE && args_has(&c->args, OPT_JSON)) {
        whole = json_pack("{sO}", "items", items);
        if (whole)
            object_print_json(c, whole);
        json_decref(whole);
    } else if (rc == CTL_DONE && json_array_size(items) == 0) {
        fputs("(no certificates)\n", c->diag);
    } else if (rc == CTL_DONE) {
        rc = look_table(c, items, columns, sizeof(columns) / sizeof(columns[0]));
    }
    json_decref(items);
    return rc;
}

/* Texts of several lines come behind the rest. */
static void print_text(struct ctl *c, const json_t *item, const char *member, const char *title)
{
    struct slice rest = slice_str(ladder_text(item, member)), line;

    if (!rest.n)
        return;
    fprintf(c->out, "\n%s\n", title);
    while (rest.n) {
        (void)slice_cut(rest, '\n', &line, &rest);
        term_write(c->out, line);
        fputc('\n', c->out);
    }
}

static void print_one(struct ctl *c, const json_t *item)
{
    static const char *const texts[] = { "request", "request-text", "chain" };
    json_t *rest = json_copy((json_t *)item);

    if (!rest)
        return;
    for (size_t i = 0; i < 3; i++)
        json_object_del(rest, texts[i]);
    if (json_is_null(json_object_get(rest, "acme-order")))
        json_object_del(rest, "acme-order");
    object_print(c, rest);
    json_decref(rest);
    print_text(c, item, "request-text", "Request that waits for its certificate:");
    print_text(c, item, "request", "");
}

enum ctl_exit cert_show(struct ctl *c)
{
    const char *path = cert_path(c, "");

    return path ? look_show(c, path, print_one) : CTL_REFUSED;
}

/* ---- check ---- */

static void print_item(struct ctl *c, const json_t *item)
{
    struct buf b;

    buf_init(&b, 64u << 10);
    buf_str(&b, json_is_true(json_object_get(item, "good")) ? "ok   " : "BAD  ");
    term_put(&b, slice_str(ladder_text(item, "of")));
    if (ladder_text(item, "certificate")[0]) {
        buf_str(&b, ": ");
        term_put(&b, slice_str(ladder_text(item, "certificate")));
    }
    if (ladder_text(item, "not-after")[0]) {
        buf_str(&b, ", until ");
        term_put(&b, slice_str(ladder_text(item, "not-after")));
    }
    buf_char(&b, '\n');
    for (size_t i = 0; i < json_array_size(json_object_get(item, "defects")); i++) {
        buf_str(&b, "       ");
        term_put(&b, slice_str(ladder_text(json_array_get(json_object_get(item, "defects"), i), "text")));
        buf_char(&b, '\n');
    }
    term_flush(c->out, &b);
    buf_free(&b);
}

enum ctl_exit cert_check(struct ctl *c)
{
    struct answer a;
    enum ctl_exit rc = client_call(c, "GET", "/v1/certificate-check", NULL, &a);
    size_t i;
    json_t *v;

    if (rc == CTL_DONE && args_has(&c->args, OPT_JSON)) {
        object_print_json(c, a.body);
    } else if (rc == CTL_DONE) {
        json_array_foreach(json_object_get(a.body, "items"), i, v) print_item(c, v);
        if (i == 0)
            fputs("(no certificate is assigned, and no domain needs one)\n", c->diag);
    }
    if (rc == CTL_DONE && strcmp(ladder_text(a.body, "verdict"), "good") != 0)
        rc = CTL_REFUSED;
    answer_fini(&a);
    return rc;
}

/* ---- remove ---- */

enum ctl_exit cert_remove(struct ctl *c)
{
    enum ctl_exit rc = CTL_DONE;

    if (!change_may_remove(c, "certificate", c->args.n_operands, slice_str(c->args.operands[0])))
        return CTL_REFUSED;
    for (size_t i = 0; i < c->args.n_operands && rc == CTL_DONE; i++) {
        const char *path = client_path(c, "/v1/certificates/", slice_str(c->args.operands[i]), "");
        struct answer a;

        if (!path)
            return CTL_REFUSED;
        rc = client_call(c, "DELETE", path, NULL, &a);
        if (rc == CTL_DONE)
            fprintf(c->out, "certificate %s: removed\n", c->args.operands[i]);
        answer_fini(&a);
    }
    return rc;
}
