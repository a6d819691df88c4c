#include "store/store_engine.h"

#include "base/text.h"

#define AUDIT_MAX (1u << 20) /* rows of one page */

struct store *store_open(const struct store_conf *conf, struct err *err)
{
    struct slice url = slice_str(conf->url);

    if (slice_starts(url, SLICE("sqlite:")))
        return store_sqlite_open(conf, err);
    if (slice_starts(url, SLICE("postgresql://")) || slice_starts(url, SLICE("postgres://")))
        return store_pg_open(conf, err);
    err_set(err, "the URL of the store begins neither with \"sqlite:/\" nor with \"postgresql://\"");
    return NULL;
}

const char *store_engine(const struct store *s)
{
    return s->ops->name;
}

void store_close(struct store *s)
{
    if (s)
        s->ops->close(s);
}

enum store_result store_load(struct store *s, uint64_t since, store_row_fn *fn, void *arg, uint64_t *seq,
                             struct err *err)
{
    return s->ops->load(s, since, fn, arg, seq, err);
}

/* What both engines can keep and give back byte for byte. */
static bool is_text(struct slice s)
{
    return s.n == 0 || (slice_find(s, '\0') == s.n && text_is_utf8(s));
}

static bool is_write(const struct store_write *w)
{
    return is_text(w->kind) && is_text(w->name) && is_text(w->body) && is_text(w->before) && is_text(w->after);
}

enum store_result store_commit(struct store *s, const struct store_commit *commit, uint64_t *seq, struct err *err)
{
    bool ok = is_text(commit->who) && is_text(commit->from);

    for (size_t i = 0; ok && i < commit->n; i++)
        ok = is_write(&commit->writes[i]);
    if (ok)
        return s->ops->commit(s, commit, seq, err);
    err_set(err, "the change holds a text that is not UTF-8 or has a NUL in it");
    return STORE_FAULT;
}

enum store_result store_reserve(struct store *s, struct err *err)
{
    return s->ops->reserve ? s->ops->reserve(s, err) : STORE_OK;
}

void store_release(struct store *s)
{
    if (s->ops->release)
        s->ops->release(s);
}

enum store_result store_audit(struct store *s, const struct store_audit_query *query, store_audit_fn *fn, void *arg,
                              struct err *err)
{
    struct store_audit_query q = *query;

    q.limit = q.limit < AUDIT_MAX ? q.limit : AUDIT_MAX;
    return s->ops->audit(s, &q, fn, arg, err);
}

int store_watch(struct store *s, const struct store_watch *watch, struct err *err)
{
    return s->ops->watch(s, watch, err);
}

/* ---- for the engines ---- */

int store_schema_known(uint64_t have, struct err *err)
{
    if (have <= store_schema)
        return 0;
    return err_set(
        err,
        "the store was made by a newer Stox (schema %llu, this one knows %u): install that version or restore "
        "the backup",
        (unsigned long long)have, store_schema);
}

enum store_result store_went_back(uint64_t since, uint64_t head, struct err *err)
{
    err_set(
        err,
        "the store ends with change %llu, but change %llu was read from it before; it was replaced by an older one: "
        "restart Stox to work with that",
        (unsigned long long)head, (unsigned long long)since);
    return STORE_FAULT;
}

const char *const store_notes[] = { "trace", "test", "contact", "export", NULL };

const char *store_action(const struct store_write *w)
{
    return w->note ? w->note : !w->body.p ? "remove" : !w->before.p ? "new" : "set";
}

const char *store_action_of(struct slice text)
{
    static const char *const actions[] = { "new", "set", "remove" };

    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
        if (slice_is(text, actions[i]))
            return actions[i];
    for (size_t i = 0; store_notes[i]; i++)
        if (slice_is(text, store_notes[i]))
            return store_notes[i];
    return NULL;
}
