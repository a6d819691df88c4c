/* Inside the keeper: a change while it is judged. Each object that the requests name, as it was and as it would be. */
#ifndef STOX_STORE_KEEPER_WORK_H
#define STOX_STORE_KEEPER_WORK_H

#include "base/hash.h"
#include "base/list.h"
#include "store/keeper.h"

struct work_item {
    struct hash_node node;
    const struct setting_kind *kind;
    struct slice name;     /* normal form */
    struct record *before; /* borrowed from work.from; NULL: there is none */
    struct record *after;  /* owned; NULL: there will be none */
};

struct work {
    const struct config *from; /* borrowed */
    struct arena arena;        /* owns items and names */
    struct hash by_name;
    struct work_item **items; /* in the order in which they were first named */
    size_t n;
    struct work_item **asked; /* what each request is about */
};

bool work_init(struct work *w, const struct config *from, size_t n_requests);
void work_fini(struct work *w);

/* Makes one request on the work. *item gets the object it was about. The sentence in err begins with the object. */
enum keeper_result work_request(struct work *w, const struct request *request, struct work_item **item,
                                const struct setting **fault, struct err *err);

/* Does the object end as something else than it began? */
bool work_item_changed(const struct work_item *item);

/* What the work leads to, as number from->seq + 1; revisions of what changed are set. NULL on memory. */
struct config *work_result(struct work *w);

/* Writes it to the store, with the audit. */
enum store_result work_commit(struct work *w, struct store *store, const struct keeper_change *change, uint64_t *seq,
                              struct err *err);

#endif
