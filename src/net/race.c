#include "net/race.h"

static void on_stagger(struct timer *t);
static void on_open(void *owner, struct conn *c);
static size_t on_data(void *owner, struct conn *c, char *p, size_t n);
static void on_closed(void *owner, struct conn *c, enum conn_end why, const char *text);

static const struct conn_ops race_conn_ops = { .open = on_open, .data = on_data, .closed = on_closed };

void race_init(struct race *r, struct loop *loop, const struct conn_conf *conf, const struct race_ops *ops, void *owner)
{
    *r = (struct race){ .loop = loop, .conf = *conf, .ops = ops, .owner = owner };
    r->conf.ops = &race_conn_ops;
    timer_init(&r->next, on_stagger);
}

/* Those that still run are cut, and wait again. */
static void cut(struct race *r)
{
    timer_stop(&r->loop->timers, &r->next);
    for (size_t i = 0; i < r->n; i++) {
        struct race_runner *it = &r->runners[i];

        if (it->state != RACE_RUNNING)
            continue;
        conn_detach(it->conn);
        it->conn = NULL;
        it->state = RACE_WAITING;
    }
}

void race_stop(struct race *r)
{
    cut(r);
    r->n = 0;
}

void race_line_up(struct race *r, const struct addr *addrs, size_t n)
{
    cut(r);
    r->n = n < RACE_ADDRS_MAX ? n : RACE_ADDRS_MAX;
    for (size_t i = 0; i < r->n; i++)
        r->runners[i] = (struct race_runner){ .race = r, .to = addrs[i] };
}

static size_t count(const struct race *r, int state)
{
    size_t n = 0;

    for (size_t i = 0; i < r->n; i++)
        n += (int)r->runners[i].state == state;
    return n;
}

bool race_has_more(const struct race *r)
{
    return count(r, RACE_WAITING) > 0;
}

static bool start(struct race_runner *it)
{
    struct race *r = it->race;
    struct conn_conf conf = r->conf;

    it->state = RACE_OUT;
    if (!r->ops->may(r->owner, &it->to, false))
        return false;
    conf.owner = it;
    it->conn = conn_connect(r->loop, &conf, &it->to, NULL, NULL);
    if (!it->conn) {
        r->ops->missed(r->owner, &it->to, CONN_END_MEMORY, "no socket or memory");
        return false;
    }
    it->state = RACE_RUNNING;
    return true;
}

/* Starts the next one that may be tried. False: there is none, or too many run already. */
static bool start_next(struct race *r)
{
    if (count(r, RACE_RUNNING) >= RACE_AT_ONCE_MAX)
        return false;
    for (size_t i = 0; i < r->n; i++) {
        if (r->runners[i].state != RACE_WAITING || !start(&r->runners[i]))
            continue;
        if (race_has_more(r))
            timer_start(&r->loop->timers, &r->next, RACE_STAGGER_MS);
        return true;
    }
    return false;
}

bool race_next(struct race *r)
{
    start_next(r);
    return count(r, RACE_RUNNING) > 0;
}

static void on_stagger(struct timer *t)
{
    start_next(container_of(t, struct race, next));
}

/* One is out. */
static void go_on(struct race *r)
{
    if (!race_next(r))
        r->ops->lost(r->owner);
}

static void on_open(void *owner, struct conn *c)
{
    struct race_runner *it = owner;
    struct race *r = it->race;

    it->conn = NULL;
    it->state = RACE_OUT;
    if (!r->ops->may(r->owner, conn_peer(c), true)) { /* the settings have changed since */
        conn_detach(c);
        go_on(r);
        return;
    }
    cut(r);
    r->ops->won(r->owner, c);
}

static size_t on_data(void *owner, struct conn *c, char *p, size_t n)
{
    return 0;
}

static void on_closed(void *owner, struct conn *c, enum conn_end why, const char *text)
{
    struct race_runner *it = owner;
    struct race *r = it->race;

    it->conn = NULL;
    it->state = RACE_OUT;
    r->ops->missed(r->owner, &it->to, why, text);
    go_on(r);
}
