/*
 * Intrusive circular list: the link is embedded in the object, so that linking never allocates and an object can leave
 * without searching. A link that is in no list points to itself.
 */
#ifndef STOX_BASE_LIST_H
#define STOX_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next, *prev;
};

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* Walks; the body must not unlink the current entry. */
#define list_each(it, head) for (struct list *it = (head)->next; it != (head); it = it->next)

/* Walks; the body may unlink or free the current entry, but no other. */
#define list_each_safe(it, tmp, head)                                                                                  \
    for (struct list *it = (head)->next, *tmp = it->next; it != (head); it = tmp, tmp = it->next)

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

static inline void list_push(struct list *head, struct list *l)
{
    l->prev = head->prev;
    l->next = head;
    head->prev->next = l;
    head->prev = l;
}

static inline void list_unlink(struct list *l)
{
    l->prev->next = l->next;
    l->next->prev = l->prev;
    list_init(l);
}

/* Takes out the oldest entry; NULL when empty. */
static inline struct list *list_pop(struct list *head)
{
    struct list *l = head->next;

    if (l == head)
        return NULL;
    list_unlink(l);
    return l;
}

/* Moves all entries of from to the end of to. */
static inline void list_move_all(struct list *to, struct list *from)
{
    if (list_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

#endif
