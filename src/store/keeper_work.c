#include "store/keeper_work.h"

#include <stdlib.h>
#include <time.h>

#include "base/rand.h"
#include "store/json.h"

#define WORK_MAX (512u << 20)
#define BODY_MAX (1u << 20) /* of one object as JSON: a record has a quarter of it */
#define PASSPHRASE_CHARS 64 /* 256 bits in hex */

bool work_init(struct work *w, const struct config *from, size_t n_requests)
{
    *w = (struct work){ .from = from };
    arena_init(&w->arena, WORK_MAX);
    hash_init(&w->by_name);
    w->items = calloc(n_requests + 1, sizeof(struct work_item *));
    w->asked = calloc(n_requests + 1, sizeof(struct work_item *));
    return w->items && w->asked;
}

void work_fini(struct work *w)
{
    for (size_t i = 0; i < w->n; i++)
        record_drop(w->items[i]->after);
    free(w->items);
    free(w->asked);
    hash_free(&w->by_name);
    arena_reset(&w->arena);
}

struct item_key {
    const struct setting_kind *kind;
    struct slice name;
};

static bool item_is(const struct hash_node *node, const void *key)
{
    const struct work_item *item = container_of(node, const struct work_item, node);
    const struct item_key *k = key;

    return item->kind == k->kind && slice_eq(item->name, k->name);
}

/* The item of this object, made from the configuration when it is named first. NULL on memory. */
static struct work_item *item_of(struct work *w, const struct setting_kind *kind, struct slice name)
{
    const struct item_key key = { kind, name };
    uint64_t hash = hash_more(&w->by_name, hash_bytes(&w->by_name, slice_str(kind->name)), name);
    struct hash_node *node = hash_find(&w->by_name, hash, item_is, &key);
    struct work_item *item;

    if (node)
        return container_of(node, struct work_item, node);
    item = arena_zalloc(&w->arena, sizeof(*item));
    if (!item || !hash_add(&w->by_name, &item->node, hash))
        return NULL;
    item->kind = kind;
    item->name = name;
    item->before = config_find(w->from, kind, name);
    item->after = record_keep(item->before);
    w->items[w->n++] = item;
    return item;
}

static bool is_always(const struct work_item *item)
{
    return item->kind->always && slice_is(item->name, item->kind->always);
}

/* How an object is called in sentences: partner "fabrikam.example", gateway. */
#define ITEM_FMT "%s%s%.*s%s"
#define ITEM_ARGS(item)                                                                                                \
    (item)->kind->name, (item)->name.n ? " \"" : "", SLICE_FMT((item)->name), (item)->name.n ? "\"" : ""

static enum keeper_result fail(enum keeper_result result, struct err *err, const char *what,
                               const struct work_item *item)
{
    err_set(err, ITEM_FMT " %s", ITEM_ARGS(item), what);
    return result;
}

static enum keeper_result check_there(const struct work_item *item, const struct request *r, struct err *err)
{
    uint64_t revision = item->after ? item->after->revision : 0;

    if (r->op == REQUEST_NEW && item->after)
        return fail(KEEPER_EXISTS, err,
                    is_always(item) ? "is always there: set it" : "is already there: set it, or remove it first", item);
    if (!item->after && (r->op == REQUEST_REMOVE || (r->op == REQUEST_SET && !item->kind->on_demand)))
        return fail(KEEPER_NOT_FOUND, err, "is not there", item);
    if (r->conditional && r->if_revision != revision)
        return fail(KEEPER_STALE, err, "was changed by somebody else meanwhile: look at it again", item);
    return KEEPER_OK;
}

/*
 * Who puts a whole object was never shown its secrets: they stay unless they are given or reset. So a put is a change of what
 * is there that begins with a reset of all else. NULL on memory.
 */
static struct edit *put_edits(const struct request *r, size_t *n)
{
    const struct setting_kind *kind = r->kind;
    struct edit *edits = calloc(kind->n + r->n + 1, sizeof(*edits));

    *n = 0;
    for (size_t i = 0; edits && i < kind->n; i++)
        if (!kind->settings[i].secret)
            edits[(*n)++] = (struct edit){ .setting = &kind->settings[i], .op = EDIT_RESET };
    for (size_t i = 0; edits && i < r->n; i++)
        edits[(*n)++] = r->edits[i];
    return edits;
}

static struct record *make_record(const struct work_item *item, const struct request *r, const struct setting **fault,
                                  struct err *err)
{
    struct record *made = NULL;
    struct edit *edits;
    size_t n;

    if (r->op != REQUEST_PUT || !item->after)
        return record_make(item->kind, item->name, item->after, r->edits, r->n, fault, err);
    edits = put_edits(r, &n);
    if (edits)
        made = record_make(item->kind, item->name, item->after, edits, n, fault, err);
    else
        err_memory(err, "changing the configuration");
    free(edits);
    return made;
}

static enum keeper_result make_after(struct work_item *item, const struct request *r, const struct setting **fault,
                                     struct err *err)
{
    struct record *made = make_record(item, r, fault, err);

    if (!made) {
        err_wrap(err, ITEM_FMT, ITEM_ARGS(item));
        return err->memory ? KEEPER_NO_MEMORY : KEEPER_INVALID;
    }
    made->revision = item->after ? item->after->revision : 0;
    record_drop(item->after);
    item->after = made;
    if (item->kind->on_demand && made->given == 0) {
        record_drop(made);
        item->after = NULL;
    }
    return KEEPER_OK;
}

/* Dialback keys must never derive from nothing: where the passphrase is empty a new one is made. */
static enum keeper_result give_passphrase(struct work_item *item, struct err *err)
{
    const struct gateway *now = item->after ? item->after->object : NULL;
    char secret[PASSPHRASE_CHARS + 1];
    struct slice text = { secret, PASSPHRASE_CHARS };
    struct edit edit = {
        .setting = setting_find(&gateway_kind, SLICE("dialback-passphrase")), .op = EDIT_SET, .texts = &text, .n = 1
    };
    struct record *made;

    if (now && now->dialback_passphrase.n)
        return KEEPER_OK;
    rand_hex(secret, PASSPHRASE_CHARS);
    made = record_make(&gateway_kind, item->name, item->after, &edit, 1, NULL, err);
    explicit_bzero(secret, sizeof(secret));
    if (!made)
        return err->memory ? KEEPER_NO_MEMORY : KEEPER_INVALID;
    made->revision = item->before ? item->before->revision : 0;
    record_drop(item->after);
    item->after = made;
    return KEEPER_OK;
}

enum keeper_result work_request(struct work *w, const struct request *r, struct work_item **item,
                                const struct setting **fault, struct err *err)
{
    enum keeper_result result;
    struct slice name;

    *item = NULL;
    *fault = NULL;
    if (setting_title(r->kind, &name, r->name, &w->arena, err)) {
        err_wrap(err, "%s", r->kind->name);
        return err->memory ? KEEPER_NO_MEMORY : KEEPER_INVALID;
    }
    *item = item_of(w, r->kind, name);
    if (!*item) {
        err_memory(err, "changing the configuration");
        return KEEPER_NO_MEMORY;
    }
    result = check_there(*item, r, err);
    if (result == KEEPER_OK && r->op != REQUEST_REMOVE)
        result = make_after(*item, r, fault, err);
    if (result == KEEPER_OK && r->op == REQUEST_REMOVE) {
        record_drop((*item)->after);
        (*item)->after = NULL;
    }
    if (result == KEEPER_OK && r->kind == &gateway_kind)
        result = give_passphrase(*item, err);
    return result;
}

bool work_item_changed(const struct work_item *item)
{
    if (!item->before || !item->after)
        return item->before != item->after && !(is_always(item) && item->before && item->before->revision == 0);
    return item->before != item->after && !record_same(item->before, item->after);
}

struct config *work_result(struct work *w)
{
    struct config_step *steps = calloc(w->n + 1, sizeof(*steps));
    struct config *next = NULL;
    size_t n = 0;

    for (size_t i = 0; steps && i < w->n; i++) {
        struct work_item *item = w->items[i];

        if (!work_item_changed(item))
            continue;
        if (item->after)
            item->after->revision = w->from->seq + 1;
        steps[n++] = (struct config_step){ item->kind, item->name, item->after };
    }
    if (steps)
        next = config_next(w->from, steps, n, w->from->seq + 1);
    free(steps);
    return next;
}

/* ---- to the store ---- */

/* v as text in the arena, and given back; false on memory. */
static bool dump(struct arena *arena, json_t *v, struct slice *out)
{
    struct buf b;

    buf_init(&b, BODY_MAX);
    json_put(&b, v, JSON_SORT_KEYS);
    if (buf_ok(&b))
        *out = arena_dup(arena, buf_slice(&b));
    buf_free(&b);
    return out->p != NULL;
}

static const struct record *stored(const struct record *r)
{
    return r && r->revision ? r : NULL;
}

static bool put_write(struct arena *arena, const struct work_item *item, struct store_write *out)
{
    const struct record *before = stored(item->before), *after = item->after;

    *out = (struct store_write){ .kind = slice_str(item->kind->name), .name = item->name };
    return (!after || dump(arena, record_to_json(after, RECORD_STORED), &out->body)) &&
           (!before || dump(arena, record_to_json(before, RECORD_AUDIT), &out->before)) &&
           (!after || dump(arena, record_to_audit(after, before), &out->after));
}

static int64_t wall_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

enum store_result work_commit(struct work *w, struct store *store, const struct keeper_change *change, uint64_t *seq,
                              struct err *err)
{
    struct store_write *writes = calloc(w->n + 1, sizeof(*writes));
    struct store_commit commit = { .seq = w->from->seq, .writes = writes, .who = change->who, .from = change->from };
    enum store_result result = STORE_NO_MEMORY;
    struct arena arena;
    bool ok = writes != NULL;

    arena_init(&arena, WORK_MAX);
    err_memory(err, "changing the configuration");
    for (size_t i = 0; ok && i < w->n; i++)
        if (work_item_changed(w->items[i]))
            ok = put_write(&arena, w->items[i], &writes[commit.n++]);
    commit.at_ms = wall_ms();
    if (ok)
        result = store_commit(store, &commit, seq, err);
    arena_reset(&arena);
    free(writes);
    return result;
}
