#include "bridge/replays.h"

struct seen {
    struct recent_entry entry; /* seen: for the first time */
    unsigned n;
};

void replays_init(struct replays *r)
{
    recent_init(&r->seen, sizeof(struct seen), REPLAYS_KEPT_MAX, REPLAYS_MS);
}

void replays_fini(struct replays *r)
{
    recent_fini(&r->seen);
}

bool replays_is_excess(struct replays *r, uint64_t message, uint64_t now_ms)
{
    struct recent_entry *e = recent_find(&r->seen, message);

    if (e && now_ms - e->seen_ms < REPLAYS_MS)
        return ++container_of(e, struct seen, entry)->n > REPLAYS_SEEN_MAX;
    e = recent_see(&r->seen, message, now_ms);
    if (e)
        container_of(e, struct seen, entry)->n = 1;
    return false;
}
