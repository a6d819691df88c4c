#include "bridge/trial_list.h"

void trial_list_init(struct trial_list *l)
{
    *l = (struct trial_list){ 0 };
    list_init(&l->all);
}

const char *trial_list_objection(const struct trial_list *l, uint64_t now_ms)
{
    unsigned running = 0, recent = 0;

    list_each (it, &l->all) {
        const struct trial_entry *e = container_of(it, const struct trial_entry, link);

        running += !e->done;
        recent += now_ms - e->began_ms < 60000;
    }
    return running >= TRIALS_RUNNING   ? "so many tests run at this moment that no other can begin"
           : recent >= TRIALS_A_MINUTE ? "ten tests a minute are enough: try again later"
                                       : NULL;
}

struct trial_entry *trial_list_oldest(const struct trial_list *l)
{
    if (l->n < TRIALS_KEPT)
        return NULL;
    list_each (it, &l->all)
        if (container_of(it, struct trial_entry, link)->done)
            return container_of(it, struct trial_entry, link);
    return NULL;
}

void trial_list_add(struct trial_list *l, struct trial_entry *e, uint64_t now_ms)
{
    *e = (struct trial_entry){ .id = ++l->last_id, .began_ms = now_ms };
    list_push(&l->all, &e->link);
    l->n++;
}

void trial_list_remove(struct trial_list *l, struct trial_entry *e)
{
    list_unlink(&e->link);
    l->n--;
}

struct trial_entry *trial_list_find(const struct trial_list *l, uint64_t id)
{
    list_each (it, &l->all)
        if (container_of(it, struct trial_entry, link)->id == id)
            return container_of(it, struct trial_entry, link);
    return NULL;
}
