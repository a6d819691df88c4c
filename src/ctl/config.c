/* config export, diff, apply: the whole configuration as text. */
#include <errno.h>

#include "ctl/change.h"
#include "ctl/command.h"
#include "ctl/snapshot.h"
#include "ctl/term.h"
#include "store/config_text.h"
#include "store/json.h"

#define VALUE_MAX (256u << 10)

/* ---- export ---- */

static bool write_record(FILE *f, const struct record *r)
{
    struct buf b;
    bool ok;

    if (snapshot_is_untouched(r))
        return true;
    buf_init(&b, 4u << 20);
    config_text_put(&b, r);
    ok = buf_ok(&b) && fwrite(b.p, 1, b.n, f) == b.n;
    buf_free(&b);
    return ok;
}

static enum ctl_exit write_all(struct ctl *c, const struct snapshot *s, FILE *f, const char *file)
{
    bool ok =
        fputs("# configuration of Stox; secrets are left out, and stay as they are when this is applied\n", f) >= 0;

    for (size_t i = 0; i < s->n && ok; i++)
        ok = write_record(f, s->v[i]);
    if (fflush(f) || !ok)
        return ctl_fail(c, CTL_REFUSED, "%s could not be written: %s", file, strerror(errno));
    return CTL_DONE;
}

enum ctl_exit config_export(struct ctl *c)
{
    const char *file = c->args.n_operands ? c->args.operands[0] : "-";
    struct snapshot s;
    enum ctl_exit rc = snapshot_read(c, &s);
    FILE *f = NULL;

    if (rc == CTL_DONE && strcmp(file, "-") == 0) {
        rc = write_all(c, &s, c->out, "the output");
    } else if (rc == CTL_DONE) {
        f = fopen(file, "we");
        rc = f ? write_all(c, &s, f, file) : ctl_fail(c, CTL_REFUSED, "%s cannot be made: %s", file, strerror(errno));
    }
    if (f && fclose(f) && rc == CTL_DONE)
        rc = ctl_fail(c, CTL_REFUSED, "%s could not be written: %s", file, strerror(errno));
    snapshot_fini(&s);
    return rc;
}

/* ---- diff ---- */

/* All entries of a value, by commas. */
static void put_value(struct buf *out, const struct setting *s, const void *object)
{
    for (size_t i = 0; i < setting_count(s, object); i++) {
        buf_str(out, i ? ", " : "");
        setting_print(out, s, object, i);
    }
}

static void put_line(struct buf *out, char sign, const struct setting *s, struct slice value)
{
    buf_printf(out, "%c    %s = ", sign, s->name);
    term_put(out, s->secret ? SLICE(SETTING_HIDDEN) : value);
    buf_char(out, '\n');
}

/* Lines of one setting; either record may be missing. A secret can only be seen to be there or not. */
static void put_setting(struct buf *out, FILE *diag, const struct setting *s, size_t i, const struct record *a,
                        const struct record *b)
{
    bool a_gives = a && record_gives(a, i), b_gives = b && record_gives(b, i);
    struct buf was, is;
    bool same;

    if (s->secret && (a_gives || !b_gives)) {
        if (a_gives && b_gives)
            fprintf(diag, "%s: %s is there on both sides, and cannot be compared\n", a->kind->noun, s->name);
        return;
    }
    buf_init(&was, VALUE_MAX);
    buf_init(&is, VALUE_MAX);
    if (a)
        put_value(&was, s, a->object);
    if (b)
        put_value(&is, s, b->object);
    same = a && b && slice_eq(buf_slice(&was), buf_slice(&is));
    if (!same && a && (a_gives || b))
        put_line(out, '-', s, buf_slice(&was));
    if (!same && b && (b_gives || a))
        put_line(out, '+', s, buf_slice(&is));
    buf_free(&was);
    buf_free(&is);
}

/* False: there is no difference. */
static bool print_difference(struct ctl *c, const struct record *a, const struct record *b, const char *file)
{
    const struct record *one = a ? a : b;
    struct buf lines, head;
    bool differs;

    buf_init(&lines, 4u << 20);
    buf_init(&head, 16384);
    for (size_t i = 0; i < one->kind->n; i++)
        put_setting(&lines, c->diag, &one->kind->settings[i], i, a, b);
    differs = lines.n > 0 || !(a && b);
    if (differs) {
        buf_printf(&head, "@@ %s%s", one->kind->name, one->kind->title ? " \"" : "");
        term_put(&head, one->name);
        buf_str(&head, one->kind->title ? "\": " : ": ");
        buf_str(&head, a && b ? "differs" : a ? "only in the store" : "only in ");
        term_put(&head, slice_str(a ? "" : file));
        buf_str(&head, " @@\n");
        term_flush(c->out, &head);
        term_flush(c->out, &lines);
    }
    buf_free(&lines);
    buf_free(&head);
    return differs;
}

static size_t print_differences(struct ctl *c, const struct snapshot *store, const struct snapshot *text,
                                const char *file)
{
    size_t n = 0;

    fprintf(c->out, "--- the store\n+++ %s\n", file);
    for (size_t i = 0; i < store->n; i++) {
        const struct record *a = store->v[i], *b = snapshot_find(text, a->kind, a->name);

        if (b || !snapshot_is_untouched(a))
            n += print_difference(c, a, b, file);
    }
    for (size_t i = 0; i < text->n; i++)
        if (!snapshot_find(store, text->v[i]->kind, text->v[i]->name))
            n += print_difference(c, NULL, text->v[i], file);
    return n;
}

static enum ctl_exit read_both(struct ctl *c, struct snapshot *store, struct snapshot *text)
{
    enum ctl_exit rc = snapshot_read_file(c, c->args.operands[0], text);

    *store = (struct snapshot){ 0 };
    return rc == CTL_DONE ? snapshot_read(c, store) : rc;
}

enum ctl_exit config_diff(struct ctl *c)
{
    struct snapshot store, text;
    enum ctl_exit rc = read_both(c, &store, &text);

    if (rc == CTL_DONE && print_differences(c, &store, &text, c->args.operands[0]))
        rc = CTL_REFUSED;
    snapshot_fini(&store);
    snapshot_fini(&text);
    return rc;
}

/* ---- apply ---- */

/*
 * What makes an object that is there what wanted says: what it does not say goes back to its default, but secrets
 * stay.
 */
static json_t *values_for(const struct record *there, const struct record *wanted)
{
    json_t *values = wanted ? record_to_json(wanted, RECORD_STORED) : json_object();

    for (size_t i = 0; there && values && i < there->kind->n; i++) {
        const struct setting *s = &there->kind->settings[i];

        if (s->secret || (wanted && record_gives(wanted, i)) || !record_gives(there, i))
            continue;
        if (json_object_set_new(values, s->name, json_null())) {
            json_decref(values);
            return NULL;
        }
    }
    return values;
}

static enum ctl_exit add_wanted(struct ctl *c, struct changes *changes, const struct record *there,
                                const struct record *wanted)
{
    json_t *values;

    if (there && record_same(there, wanted))
        return CTL_DONE;
    values = values_for(there, wanted);
    if (!values)
        return ctl_fail_memory(c);
    return changes_add(c, changes, there ? "set" : "put", wanted->kind, wanted->name, values);
}

/* What the file does not name goes; what is always there gets its defaults. */
static enum ctl_exit add_unnamed(struct ctl *c, struct changes *changes, const struct record *there)
{
    json_t *values;

    if (snapshot_is_untouched(there))
        return CTL_DONE;
    if (!there->kind->always || !slice_is(there->name, there->kind->always))
        return changes_add(c, changes, "remove", there->kind, there->name, NULL);
    values = values_for(there, NULL);
    if (!values)
        return ctl_fail_memory(c);
    if (json_object_size(values))
        return changes_add(c, changes, "set", there->kind, there->name, values);
    json_decref(values);
    return CTL_DONE;
}

static enum ctl_exit add_all(struct ctl *c, struct changes *changes, const struct snapshot *store,
                             const struct snapshot *text)
{
    enum ctl_exit rc = CTL_DONE;

    for (size_t i = 0; i < text->n && rc == CTL_DONE; i++)
        rc = add_wanted(c, changes, snapshot_find(store, text->v[i]->kind, text->v[i]->name), text->v[i]);
    for (size_t i = 0; i < store->n && rc == CTL_DONE && args_has(&c->args, OPT_PRUNE); i++)
        if (!snapshot_find(text, store->v[i]->kind, store->v[i]->name))
            rc = add_unnamed(c, changes, store->v[i]);
    return rc;
}

enum ctl_exit config_apply(struct ctl *c)
{
    struct snapshot store, text;
    struct changes changes = { NULL };
    enum ctl_exit rc = read_both(c, &store, &text);

    if (rc == CTL_DONE)
        rc = changes_init(c, &changes) ? add_all(c, &changes, &store, &text) : CTL_REFUSED;
    if (rc == CTL_DONE)
        rc = changes_run(c, &changes, false);
    changes_fini(&changes);
    snapshot_fini(&store);
    snapshot_fini(&text);
    return rc;
}
