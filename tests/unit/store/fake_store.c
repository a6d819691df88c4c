#include "fake_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

static char *copy(struct slice s)
{
    return s.p ? strndup(s.p, s.n) : NULL;
}

static struct fake_row *find(const struct store *s, struct slice kind, struct slice name)
{
    for (size_t i = 0; i < s->n; i++)
        if (slice_is(kind, s->rows[i].kind) && slice_is(name, s->rows[i].name))
            return &s->rows[i];
    return NULL;
}

/* As the next number, which the caller counts. */
static void put(struct store *s, struct slice kind, struct slice name, struct slice body)
{
    struct fake_row *row = find(s, kind, name);

    if (!row) {
        s->rows = realloc(s->rows, (s->n + 1) * sizeof(*s->rows));
        assert_non_null(s->rows);
        row = &s->rows[s->n++];
        *row = (struct fake_row){ .kind = copy(kind), .name = copy(slice_of(name.p ? name.p : "", name.n)) };
    }
    free(row->body);
    row->body = copy(body);
    row->revision = s->seq + 1;
}

void fake_store_other(struct store *s, const char *kind, const char *name, const char *body)
{
    put(s, slice_str(kind), slice_str(name), slice_str(body));
    s->seq++;
}

const char *fake_store_body(const struct store *s, const char *kind, const char *name)
{
    const struct fake_row *row = find(s, slice_str(kind), slice_str(name));

    return row ? row->body : NULL;
}

void fake_store_fini(struct store *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->rows[i].kind);
        free(s->rows[i].name);
        free(s->rows[i].body);
    }
    for (size_t i = 0; i < s->n_audit; i++) {
        free(s->audit[i].kind);
        free(s->audit[i].name);
        free(s->audit[i].before);
        free(s->audit[i].after);
    }
    free(s->rows);
    free(s->audit);
    *s = (struct store){ 0 };
}

static enum store_result failure(const struct store *s, struct err *err)
{
    if (s->fails != STORE_OK)
        err_set(err, "the database does not answer");
    return s->fails;
}

struct store *store_open(const struct store_conf *conf, struct err *err)
{
    return NULL;
}

void store_close(struct store *s)
{
}

enum store_result store_load(struct store *s, uint64_t since, store_row_fn *fn, void *arg, uint64_t *seq,
                             struct err *err)
{
    if (failure(s, err) != STORE_OK)
        return s->fails;
    for (size_t i = 0; i < s->n; i++) {
        const struct fake_row *r = &s->rows[i];
        struct store_row row = { slice_str(r->kind), slice_str(r->name), r->revision, slice_str(r->body) };

        if (r->revision <= since || (since == 0 && !r->body))
            continue;
        if (fn(arg, &row, err))
            return STORE_NO_MEMORY;
    }
    *seq = s->seq;
    return STORE_OK;
}

static void note(struct store *s, const struct store_write *w)
{
    s->audit = realloc(s->audit, (s->n_audit + 1) * sizeof(*s->audit));
    assert_non_null(s->audit);
    s->audit[s->n_audit++] = (struct fake_audit){ .kind = copy(w->kind),
                                                  .name = copy(slice_of(w->name.p ? w->name.p : "", w->name.n)),
                                                  .before = copy(w->before),
                                                  .after = copy(w->after),
                                                  .seq = s->seq + 1 };
}

enum store_result store_commit(struct store *s, const struct store_commit *c, uint64_t *seq, struct err *err)
{
    s->commits++;
    if (s->others && !s->reserved) {
        s->others--;
        fake_store_other(s, s->other_kind, s->other_name, s->other_body);
    }
    if (failure(s, err) != STORE_OK)
        return s->fails;
    if (c->seq != s->seq)
        return STORE_BEHIND;
    for (size_t i = 0; i < c->n; i++) {
        if (!c->writes[i].note)
            put(s, c->writes[i].kind, c->writes[i].name, c->writes[i].body);
        note(s, &c->writes[i]);
    }
    snprintf(s->who, sizeof(s->who), "%.*s", SLICE_FMT(c->who));
    snprintf(s->from, sizeof(s->from), "%.*s", SLICE_FMT(c->from));
    *seq = ++s->seq;
    return STORE_OK;
}

enum store_result store_reserve(struct store *s, struct err *err)
{
    s->reserved = s->reserves && failure(s, err) == STORE_OK;
    return failure(s, err);
}

void store_release(struct store *s)
{
    s->reserved = false;
}

enum store_result store_audit(struct store *s, const struct store_audit_query *q, store_audit_fn *fn, void *arg,
                              struct err *err)
{
    if (failure(s, err) != STORE_OK)
        return s->fails;
    for (size_t i = s->n_audit; i > 0; i--) {
        const struct fake_audit *a = &s->audit[i - 1];
        struct store_audit_row row = { .seq = a->seq, .kind = slice_str(a->kind), .name = slice_str(a->name) };

        if (fn(arg, &row, err))
            return STORE_NO_MEMORY;
    }
    return STORE_OK;
}

int store_watch(struct store *s, const struct store_watch *watch, struct err *err)
{
    s->watch = *watch;
    return 0;
}
