#include "ctl/change.h"

#include "ctl/client.h"
#include "ctl/command.h"
#include "ctl/item.h"
#include "ctl/object.h"
#include "ctl/term.h"
#include "store/model.h"

#define RESULTS_NAMED 20 /* more than these are counted only */

bool changes_init(struct ctl *c, struct changes *changes)
{
    *changes = (struct changes){ .list = json_array() };
    if (!changes->list)
        ctl_fail_memory(c);
    return changes->list != NULL;
}

void changes_fini(struct changes *changes)
{
    json_decref(changes->list);
    changes->list = NULL;
}

enum ctl_exit changes_add(struct ctl *c, struct changes *changes, const char *op, const struct setting_kind *kind,
                          struct slice name, json_t *values)
{
    const char *revision = args_value(&c->args, OPT_IF_REVISION);
    uint64_t number = 0;
    json_t *one;

    if (revision && !slice_u64(slice_str(revision), INT64_MAX, &number)) {
        json_decref(values);
        return ctl_fail(c, CTL_USAGE, "--if-revision: \"%s\" is not a number", revision);
    }
    if (json_array_size(changes->list) == CHANGES_MAX) {
        json_decref(values);
        return ctl_fail(c, CTL_REFUSED, "more than %d changes are too many for one batch", CHANGES_MAX);
    }
    if (strcmp(op, "remove") == 0 && changes->n_removals++ == 0)
        changes->first = name;
    one = json_pack("{ss ss so*}", "op", op, "kind", kind->name, "values", values);
    if (!one)
        return ctl_fail_memory(c);
    if ((kind->title && json_object_set_new(one, "name", json_stringn(name.p, name.n))) ||
        (revision && json_object_set_new(one, "if-revision", json_integer((json_int_t)number))) ||
        json_array_append(changes->list, one)) {
        json_decref(one);
        return ctl_fail(c, CTL_REFUSED, "\"%.*s\" is no name: it is not UTF-8, or memory is missing", SLICE_FMT(name));
    }
    json_decref(one);
    return CTL_DONE;
}

int change_confirm(struct ctl *c)
{
    const char *confirm = args_value(&c->args, OPT_CONFIRM);

    if (confirm && strcmp(confirm, "on") != 0 && strcmp(confirm, "off") != 0) {
        ctl_fail(c, CTL_USAGE, "--confirm: \"%s\" is neither on nor off", confirm);
        return -2;
    }
    if (confirm && strcmp(confirm, "on") == 0)
        return 1;
    return confirm || args_has(&c->args, OPT_FORCE) ? 0 : -1;
}

static bool ask(struct ctl *c, const char *question)
{
    if (!c->interactive) {
        ctl_fail(c, CTL_REFUSED, "there is no terminal to ask on: --force does it without asking");
        return false;
    }
    if (term_ask(c, question))
        return true;
    ctl_fail(c, CTL_REFUSED, "nothing was changed");
    return false;
}

bool change_may_remove(struct ctl *c, const char *noun, size_t n, struct slice first)
{
    char question[400];

    switch (change_confirm(c)) {
    case 0: return true;
    case -2: return false;
    default: break;
    }
    if (n == 1)
        snprintf(question, sizeof(question), "Remove %s %.*s?", noun, (int)(first.n < 300 ? first.n : 300), first.p);
    else
        snprintf(question, sizeof(question), "Remove %zu %ss, %.*s and others?", n, noun,
                 (int)(first.n < 300 ? first.n : 300), first.p);
    return ask(c, question);
}

static bool may_change(struct ctl *c, const struct changes *changes)
{
    char question[100];

    if (changes->n_removals)
        return change_may_remove(c, c->args.command->kind ? c->args.command->kind->noun : "object", changes->n_removals,
                                 changes->first);
    switch (change_confirm(c)) {
    case 1:
        snprintf(question, sizeof(question), "Make %zu changes?", json_array_size(changes->list));
        return ask(c, question);
    case -2: return false;
    default: return true;
    }
}

static enum ctl_exit post(struct ctl *c, const struct changes *changes, bool dry, struct answer *out)
{
    bool strict = args_has(&c->args, OPT_STRICT);
    const char *path = dry      ? strict ? "/v1/changes?dry-run=1&strict=1" : "/v1/changes?dry-run=1"
                       : strict ? "/v1/changes?strict=1"
                                : "/v1/changes";
    json_t *body = json_pack("{sO}", "changes", changes->list);
    enum ctl_exit rc;

    *out = (struct answer){ NULL };
    if (!body)
        return ctl_fail_memory(c);
    rc = client_call(c, "POST", path, body, out);
    json_decref(body);
    return rc;
}

static void put_line(struct buf *out, char sign, const char *name, const json_t *v)
{
    struct buf text;

    buf_init(&text, 1u << 20);
    item_put_value(&text, v);
    if (text.n) {
        buf_printf(out, "  %c ", sign);
        term_put(out, slice_str(name));
        buf_str(out, ": ");
        term_put(out, buf_slice(&text));
        buf_char(out, '\n');
    }
    buf_free(&text);
}

void change_put_difference(struct buf *out, const json_t *before, const json_t *after)
{
    const char *name;
    json_t *v;

    json_object_foreach((json_t *)(after ? after : before), name, v)
    {
        json_t *old = json_object_get(before, name), *now = json_object_get(after, name);

        if (strcmp(name, "revision") == 0 || strcmp(name, "name") == 0 || (old && now && json_equal(old, now)))
            continue;
        put_line(out, '-', name, old);
        put_line(out, '+', name, now);
    }
}

static bool is_same(const json_t *before, const json_t *after)
{
    struct buf b;
    bool same;

    /* A secret shows no difference, but it makes a new revision. */
    if (json_is_object(before) != json_is_object(after) ||
        !json_equal(json_object_get(before, "revision"), json_object_get(after, "revision")))
        return false;
    buf_init(&b, 1u << 20);
    change_put_difference(&b, before, after);
    same = b.n == 0;
    buf_free(&b);
    return same;
}

/* "partner fabrikam.example: changed" */
static void put_result(struct buf *out, const json_t *result, bool dry)
{
    json_t *before = json_object_get(result, "before"), *after = json_object_get(result, "after");
    const char *kind = json_string_value(json_object_get(result, "kind"));
    const char *name = json_string_value(json_object_get(result, "name"));
    const struct setting_kind *known = model_kind(slice_str(kind));

    before = json_is_object(before) ? before : NULL;
    after = json_is_object(after) ? after : NULL;
    term_put(out, slice_str(known ? known->noun : kind));
    buf_str(out, name && *name ? " " : "");
    term_put(out, slice_str(name));
    if (is_same(before, after))
        buf_str(out, ": unchanged");
    else if (!before)
        buf_str(out, dry ? " would be made:" : ": made");
    else if (!after)
        buf_str(out, dry ? " would be removed:" : ": removed");
    else
        buf_str(out, dry ? " would change:" : ": changed");
    buf_char(out, '\n');
    if (dry)
        change_put_difference(out, before, after);
}

static void print_results(struct ctl *c, const json_t *answer, bool dry)
{
    const json_t *results = json_object_get(answer, "results");
    size_t n = json_array_size(results);
    struct buf b;

    buf_init(&b, 4u << 20);
    for (size_t i = 0; i < n && (dry || n <= RESULTS_NAMED); i++) {
        put_result(&b, json_array_get(results, i), dry);
        term_flush(c->out, &b);
    }
    if (n > RESULTS_NAMED) {
        buf_printf(&b, "%" JSON_INTEGER_FORMAT " of %zu %s\n", json_integer_value(json_object_get(answer, "changed")),
                   n, dry ? "would change" : "changed");
        term_flush(c->out, &b);
    }
    buf_free(&b);
}

static void print_warnings(struct ctl *c, const json_t *answer)
{
    const json_t *warnings = json_object_get(answer, "warnings");
    struct buf b;

    buf_init(&b, 64u << 10);
    for (size_t i = 0; i < json_array_size(warnings); i++) {
        buf_str(&b, "warning: ");
        term_put(&b, slice_str(json_string_value(json_array_get(warnings, i))));
        buf_char(&b, '\n');
        term_flush(c->diag, &b);
    }
    buf_free(&b);
}

static enum ctl_exit run(struct ctl *c, const struct changes *changes, bool dry)
{
    struct answer a;
    enum ctl_exit rc = post(c, changes, dry, &a);

    if (rc == CTL_DONE) {
        print_warnings(c, a.body);
        if (args_has(&c->args, OPT_JSON)) {
            object_print_json(c, a.body);
        } else {
            print_results(c, a.body, dry);
        }
    }
    answer_fini(&a);
    return rc;
}

enum ctl_exit changes_run(struct ctl *c, struct changes *changes, bool asked)
{
    bool dry = args_has(&c->args, OPT_WHAT_IF);

    if (json_array_size(changes->list) == 0) {
        fputs("nothing to change\n", c->out);
        return CTL_DONE;
    }
    if (!dry && !asked && !may_change(c, changes))
        return CTL_REFUSED;
    return run(c, changes, dry);
}

enum ctl_exit changes_try(struct ctl *c, struct changes *changes)
{
    return run(c, changes, true);
}
