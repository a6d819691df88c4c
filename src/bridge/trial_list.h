/* Tests that administrators have begun: how many at once, how many a minute, and for how long their results are known. */
#ifndef STOX_BRIDGE_TRIAL_LIST_H
#define STOX_BRIDGE_TRIAL_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

#define TRIALS_RUNNING 8
#define TRIALS_A_MINUTE 10
#define TRIALS_KEPT 32

/* Of a test, which is its owner's. */
struct trial_entry {
    struct list link;
    uint64_t id, began_ms; /* of the loop's clock */
    bool done;
};

/* Of a bridge, for one kind of test. */
struct trial_list {
    struct list all; /* the oldest first */
    size_t n;
    uint64_t last_id;
};

void trial_list_init(struct trial_list *l);

/* NULL: another may begin; else a sentence. */
const char *trial_list_objection(const struct trial_list *l, uint64_t now_ms);

/* Which has to go before another is taken: the oldest that is done, when as many are kept as may be. NULL: none. */
struct trial_entry *trial_list_oldest(const struct trial_list *l);

/* It begins now, under an id of its own. */
void trial_list_add(struct trial_list *l, struct trial_entry *e, uint64_t now_ms);
void trial_list_remove(struct trial_list *l, struct trial_entry *e);

/* NULL: there is none with this id, or no longer. */
struct trial_entry *trial_list_find(const struct trial_list *l, uint64_t id);

#endif
