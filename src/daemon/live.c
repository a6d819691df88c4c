#include "daemon/live.h"

static void tell_faults(struct live *l, const struct directory *d)
{
    struct slice rest = directory_faults(d), line;

    while (rest.n) {
        slice_cut(rest, '\n', &line, &rest);
        if (line.n)
            log_error(l->log, "certificate-not-loaded", LOG_S("why", line));
    }
}

static struct directory *build(struct live *l, struct config *config, bool strict, struct err *err)
{
    struct directory_conf conf = {
        .config = config, .tls = l->tls, .vault = l->vault, .before = l->now, .strict = strict
    };

    return directory_new(&conf, err);
}

struct directory *live_begin(struct live *l, struct config *config, struct err *err)
{
    l->now = build(l, config, false, err);
    if (l->now)
        tell_faults(l, l->now);
    return l->now;
}

void live_fini(struct live *l)
{
    directory_drop(l->prepared);
    directory_drop(l->now);
    l->prepared = l->now = NULL;
}

static int on_judge(void *owner, struct config *next, struct err *err)
{
    struct live *l = owner;

    directory_drop(l->prepared);
    l->prepared = NULL;
    if (!l->bridge)
        return 0;
    l->prepared = build(l, next, true, err);
    return l->prepared ? 0 : -1;
}

struct swap {
    struct live *live;
    struct bridge *bridge;
    struct directory *next, *before;
};

static void swap(void *arg)
{
    struct swap *s = arg;

    s->before = bridge_apply(s->bridge, s->next);
    if (s->live->applied)
        s->live->applied(s->live->owner, directory_config(s->next));
}

static void on_publish(void *owner, struct config *next)
{
    struct live *l = owner;
    struct swap s = { .live = l, .bridge = l->bridge };
    struct err err;

    if (!l->bridge)
        return;
    if (l->prepared && directory_config(l->prepared) == next) {
        s.next = l->prepared;
        l->prepared = NULL;
    } else {
        s.next = build(l, next, false, &err);
    }
    if (!s.next) {
        log_error(l->log, "settings-not-applied", LOG_Z("why", err.text),
                  LOG_Z("effect", "they are stored; the former ones are in force until the next change or start"));
        return;
    }
    tell_faults(l, s.next);
    if (!loop_call(l->door, swap, &s)) { /* the end has come */
        directory_drop(s.next);
        return;
    }
    directory_drop(s.before);
    directory_drop(l->now);
    l->now = s.next;
}

const struct keeper_ops live_ops = { .judge = on_judge, .publish = on_publish };
