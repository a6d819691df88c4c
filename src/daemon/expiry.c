#include "daemon/expiry.h"

#include <stdlib.h>

#include "base/clock.h"
#include "daemon/served.h"

#define FIRST_MS 1000
#define DAY_MS 86400000

struct expiry {
    struct loop *loop;
    struct tls *tls;
    struct timer look;
};

static void tell_one(struct log *log, const struct served *s)
{
    if (s->days < 0)
        log_error(log, "certificate-expired", LOG_Z("certificate", s->source),
                  LOG_Z("effect", "partners and SIP systems refuse it"),
                  LOG_Z("hint", "stoxctl cert check says who shows it; stoxctl cert request makes its successor"));
    else if (s->days < SERVED_URGENT_DAYS)
        log_error(log, "certificate-expires", LOG_Z("certificate", s->source), LOG_U("days", (uint64_t)s->days),
                  LOG_Z("hint", "put its successor to use now"));
    else if (s->days < SERVED_WARN_DAYS)
        log_warning(log, "certificate-expires", LOG_Z("certificate", s->source), LOG_U("days", (uint64_t)s->days),
                    LOG_Z("hint", "request its successor: stoxctl cert request"));
}

void expiry_tell(struct log *log, const struct tls *tls, int64_t now_s)
{
    struct tls_identities *set = tls_identities_in_use(tls);
    struct served_list list;

    if (served_of(set, now_s, &list))
        for (size_t i = 0; i < list.n; i++)
            tell_one(log, &list.v[i]);
    served_fini(&list);
    tls_identities_drop(set);
}

static void on_look(struct timer *t)
{
    struct expiry *e = container_of(t, struct expiry, look);

    expiry_tell(e->loop->log, e->tls, clock_wall_s());
    timer_start(&e->loop->timers, &e->look, DAY_MS);
}

struct expiry *expiry_new(struct loop *loop, struct tls *tls, struct err *err)
{
    struct expiry *e = calloc(1, sizeof(*e));

    if (!e) {
        err_memory(err, "watching certificates");
        return NULL;
    }
    e->loop = loop;
    e->tls = tls;
    timer_init(&e->look, on_look);
    timer_start(&loop->timers, &e->look, FIRST_MS);
    return e;
}

void expiry_free(struct expiry *e)
{
    if (!e)
        return;
    timer_stop(&e->loop->timers, &e->look);
    free(e);
}
