/* import lync: reads, shows what becomes of it, asks, and makes one batch of it. */
#include <errno.h>
#include <stdlib.h>

#include "ctl/change.h"
#include "ctl/command.h"
#include "ctl/item.h"
#include "ctl/lync_plan.h"
#include "ctl/snapshot.h"
#include "ctl/term.h"
#include "store/model.h"

struct import {
    struct lync_plan plan;
    struct lync_file **files;
    size_t n_files;
    struct snapshot store;
    struct changes changes;
};

/* The whole file; .p NULL with a sentence said. The caller frees it. */
static struct slice read_file(struct ctl *c, const char *name)
{
    FILE *f = strcmp(name, "-") == 0 ? c->in : fopen(name, "re");
    struct buf b;

    if (!f) {
        ctl_fail(c, CTL_REFUSED, "%s cannot be read: %s", name, strerror(errno));
        return slice_of(NULL, 0);
    }
    buf_init(&b, LYNC_FILE_MAX + 1);
    while (buf_ok(&b) && !feof(f) && !ferror(f)) {
        char *at = buf_reserve(&b, 65536);

        if (at)
            b.n += fread(at, 1, 65536, f);
    }
    if (ferror(f) || !buf_ok(&b)) {
        ctl_fail(c, CTL_REFUSED, "%s cannot be read: %s", name, ferror(f) ? strerror(errno) : "it is too large");
        buf_free(&b);
    }
    if (f != c->in)
        fclose(f);
    return buf_slice(&b);
}

static enum ctl_exit read_one(struct ctl *c, struct import *im, const char *name)
{
    struct slice bytes = read_file(c, name);
    struct lync_file *f;
    struct err err;

    if (!bytes.p)
        return CTL_REFUSED;
    f = lync_read(bytes, &err);
    free((char *)bytes.p);
    if (f)
        im->files[im->n_files++] = f;
    if (!f || lync_plan_add(&im->plan, f, &err))
        return ctl_fail(c, CTL_REFUSED, "%s: %s", name, err.text);
    fprintf(c->diag, "%s: %zu object%s, %s\n", name, f->n, f->n == 1 ? "" : "s", f->format);
    return CTL_DONE;
}

static enum ctl_exit read_all(struct ctl *c, struct import *im)
{
    enum ctl_exit rc = CTL_DONE;
    struct err err;

    im->files = calloc(c->args.n_operands, sizeof(*im->files));
    if (!im->files)
        return ctl_fail_memory(c);
    for (size_t i = 0; i < c->args.n_operands && rc == CTL_DONE; i++)
        rc = read_one(c, im, c->args.operands[i]);
    if (rc == CTL_DONE && lync_plan_check(&im->plan, &err))
        rc = ctl_fail(c, CTL_REFUSED, "%s", err.text);
    return rc;
}

/* ---- what becomes of it ---- */

static void put_item(struct buf *b, const struct lync_item *item, bool is_new)
{
    const char *name;
    json_t *v;

    term_put(b, item->old_name.n ? item->old_name : SLICE("Global"));
    buf_printf(b, " -> %s%s", item->kind->noun, item->name.n ? " " : "");
    term_put(b, item->name);
    buf_str(b, is_new ? " (new)\n" : "\n");
    json_object_foreach(item->values, name, v)
    {
        const struct setting *s = setting_find(item->kind, slice_str(name));
        struct buf text;

        buf_init(&text, 1u << 20);
        item_put_value(&text, v);
        buf_printf(b, "    %s -> %s: ", s && s->lync ? s->lync : "", name);
        term_put(b, s && s->secret ? SLICE(SETTING_HIDDEN) : buf_slice(&text));
        buf_char(b, '\n');
        buf_free(&text);
    }
}

static void print_rest(struct ctl *c, const struct lync_plan *p)
{
    struct slice rest = buf_slice(&p->notes), line;

    if (rest.n || p->n_unknown)
        fputs("\nNot taken:\n", c->out);
    while (rest.n) {
        slice_cut(rest, '\n', &line, &rest);
        fputs("    ", c->out);
        term_write(c->out, line);
        fputc('\n', c->out);
    }
    for (size_t i = 0; i < p->n_unknown; i++) {
        fputs("    ", c->out);
        term_write(c->out, p->unknown[i].name);
        fprintf(c->out, " (of %zu object%s): Stox has nothing like it\n", p->unknown[i].n,
                p->unknown[i].n == 1 ? "" : "s");
    }
    fputc('\n', c->out);
}

/* A site's policy needs the site. Who belongs to it Lync knew by network; here people have to say. */
static enum ctl_exit add_site(struct ctl *c, struct import *im, const struct lync_item *item)
{
    struct slice site = slice_from(item->name, sizeof(POLICY_SITE) - 1);
    struct buf b;

    if (item->kind != &policy_kind || !slice_starts(item->name, SLICE(POLICY_SITE)) ||
        snapshot_find(&im->store, &site_kind, site))
        return CTL_DONE;
    buf_init(&b, 4096);
    term_put(&b, item->old_name);
    buf_str(&b, " -> site ");
    term_put(&b, site);
    buf_str(&b, " (new, with no users: stoxctl site set NAME --add-user *@DOMAIN says who belongs to it)\n");
    term_flush(c->out, &b);
    buf_free(&b);
    return changes_add(c, &im->changes, "new", &site_kind, site, json_object());
}

static enum ctl_exit make_changes(struct ctl *c, struct import *im)
{
    enum ctl_exit rc = CTL_DONE;
    struct buf b;

    buf_init(&b, 4u << 20);
    for (size_t i = 0; i < im->plan.n && rc == CTL_DONE; i++) {
        struct lync_item *item = &im->plan.items[i];
        bool is_new = !snapshot_find(&im->store, item->kind, item->name);

        rc = add_site(c, im, item);
        put_item(&b, item, is_new);
        term_flush(c->out, &b);
        if (rc == CTL_DONE)
            rc = changes_add(c, &im->changes, is_new && !item->kind->on_demand ? "new" : "set", item->kind, item->name,
                             json_incref(item->values));
    }
    buf_free(&b);
    print_rest(c, &im->plan);
    return rc;
}

static enum ctl_exit ask_and_run(struct ctl *c, struct import *im)
{
    int confirm = change_confirm(c);

    if (confirm == -2)
        return CTL_USAGE;
    if (im->plan.numbers.n)
        return ctl_fail(
            c, CTL_REFUSED,
            "%.*s and perhaps others are numbers, and Lync Server's documentation does not say which number is "
            "which name: export with Export-Clixml or Export-Csv, which have the names; or say --enum-numbers to "
            "take them in the documentation's order, and look at the result",
            SLICE_FMT(im->plan.numbers));
    if (confirm != 0 && !args_has(&c->args, OPT_WHAT_IF) && json_array_size(im->changes.list)) {
        if (!c->interactive)
            return ctl_fail(c, CTL_REFUSED, "there is no terminal to ask on: --force imports without asking");
        if (!term_ask(c, "Import this?"))
            return ctl_fail(c, CTL_REFUSED, "nothing was changed");
    }
    return changes_run(c, &im->changes, true);
}

enum ctl_exit import_lync(struct ctl *c)
{
    struct import im = { .n_files = 0 };
    enum ctl_exit rc;

    lync_plan_init(&im.plan, args_has(&c->args, OPT_ENUM_NUMBERS));
    rc = read_all(c, &im);
    if (rc == CTL_DONE)
        rc = snapshot_read(c, &im.store);
    if (rc == CTL_DONE)
        rc = changes_init(c, &im.changes) ? make_changes(c, &im) : CTL_REFUSED;
    if (rc == CTL_DONE)
        rc = ask_and_run(c, &im);
    changes_fini(&im.changes);
    snapshot_fini(&im.store);
    for (size_t i = 0; i < im.n_files; i++)
        lync_free(im.files[i]);
    free(im.files);
    lync_plan_fini(&im.plan);
    return rc;
}
