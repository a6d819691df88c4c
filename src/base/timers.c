#include "base/timers.h"

/*
 * Level 0 has a slot for each of the next 64 ticks; a slot of level L covers 64^L ticks and is dealt out to the levels
 * below when its time begins. Timers beyond the last level wait in its farthest slot and are filed again from there.
 */

#define BITS 6
#define SPAN_MAX ((uint64_t)1 << (BITS * TIMERS_LEVELS))

_Static_assert(TIMERS_SLOTS == 1 << BITS, "a slot number is one digit of the time");

void timers_init(struct timers *w, uint64_t now_ms)
{
    *w = (struct timers){ .now_ms = now_ms, .tick = now_ms + 1 };
    list_init(&w->soon);
    for (int level = 0; level < TIMERS_LEVELS; level++) {
        for (int slot = 0; slot < TIMERS_SLOTS; slot++)
            list_init(&w->slots[level][slot]);
    }
}

void timer_init(struct timer *t, void (*fire)(struct timer *t))
{
    *t = (struct timer){ .fire = fire };
    list_init(&t->link);
}

bool timer_running(const struct timer *t)
{
    return !list_empty(&t->link);
}

static void file(struct timers *w, struct timer *t)
{
    uint64_t due = t->due_ms, span = due - w->tick;
    int level = 0;
    unsigned slot;

    if (span >= SPAN_MAX) {
        span = SPAN_MAX - 1;
        due = w->tick + span;
    }
    if (span > 0)
        level = (63 - __builtin_clzll(span)) / BITS;
    slot = due >> (BITS * level) & (TIMERS_SLOTS - 1);
    list_push(&w->slots[level][slot], &t->link);
    w->busy[level] |= (uint64_t)1 << slot;
}

void timer_start(struct timers *w, struct timer *t, uint64_t delay_ms)
{
    timer_stop(w, t);
    t->due_ms = delay_ms < UINT64_MAX - w->now_ms ? w->now_ms + delay_ms : UINT64_MAX;
    w->n++;
    if (delay_ms == 0)
        list_push(&w->soon, &t->link);
    else
        file(w, t);
}

void timer_stop(struct timers *w, struct timer *t)
{
    struct list *head = t->link.next;
    uintptr_t offset = (uintptr_t)head - (uintptr_t)w->slots;
    bool last = head == t->link.prev;

    if (!timer_running(t))
        return;
    list_unlink(&t->link);
    w->n--;
    if (last && offset < sizeof(w->slots)) {
        size_t i = offset / sizeof(struct list);

        w->busy[i / TIMERS_SLOTS] &= ~((uint64_t)1 << i % TIMERS_SLOTS);
    }
}

/* The next tick at which a slot fires or is dealt out; UINT64_MAX when there is none. */
static uint64_t next_event(const struct timers *w)
{
    uint64_t next = UINT64_MAX;

    for (int level = 0; level < TIMERS_LEVELS; level++) {
        unsigned shift = (unsigned)(BITS * level);
        uint64_t first = (w->tick + ((uint64_t)1 << shift) - 1) >> shift; /* the first slot that has not begun */
        unsigned by = first & (TIMERS_SLOTS - 1);
        uint64_t busy = w->busy[level], at;

        if (busy == 0)
            continue;
        busy = busy >> by | busy << (-by & 63);
        at = (first + (unsigned)__builtin_ctzll(busy)) << shift;
        if (at < next)
            next = at;
    }
    return next;
}

static void take_slot(struct timers *w, int level, struct list *into)
{
    unsigned slot = w->tick >> (BITS * level) & (TIMERS_SLOTS - 1);

    list_move_all(into, &w->slots[level][slot]);
    w->busy[level] &= ~((uint64_t)1 << slot);
}

/* Deals out the slots of higher levels that begin now. */
static void deal_out(struct timers *w)
{
    for (int level = TIMERS_LEVELS - 1; level > 0; level--) {
        struct list all, *l;

        if ((w->tick & (((uint64_t)1 << (BITS * level)) - 1)) != 0)
            continue;
        list_init(&all);
        take_slot(w, level, &all);
        while ((l = list_pop(&all)))
            file(w, container_of(l, struct timer, link));
    }
}

void timers_set_now(struct timers *w, uint64_t now_ms)
{
    if (now_ms > w->now_ms)
        w->now_ms = now_ms;
}

/* Fires from the front of a list, which is in order of time, what is due at until_ms. True when there was any. */
static bool fire(struct timers *w, struct list *due, uint64_t until_ms)
{
    bool any = false;

    while (!list_empty(due)) {
        struct timer *t = container_of(due->next, struct timer, link);

        if (t->due_ms > until_ms)
            break;
        list_unlink(&t->link);
        w->n--;
        t->fire(t);
        any = true;
    }
    return any;
}

/* The next event is looked for again after every callback, because it may have started a timer before that event. */
void timers_advance(struct timers *w, uint64_t now_ms)
{
    struct list soon, due;

    timers_set_now(w, now_ms);
    list_init(&soon);
    list_init(&due);
    list_move_all(&soon, &w->soon);
    for (;;) {
        uint64_t at = next_event(w);

        if (fire(w, &soon, at < w->now_ms ? at : w->now_ms))
            continue;
        if (at > w->now_ms)
            break;
        w->tick = at;
        deal_out(w);
        take_slot(w, 0, &due);
        w->tick++;
        fire(w, &due, at);
    }
    w->tick = w->now_ms + 1;
}

uint64_t timers_wait(const struct timers *w)
{
    uint64_t at;

    if (!list_empty(&w->soon))
        return 0;
    at = next_event(w);
    if (at == UINT64_MAX)
        return UINT64_MAX;
    return at > w->now_ms ? at - w->now_ms : 0;
}
