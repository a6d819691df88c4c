/* The daemon as a service: does it take new work, and is somebody there who starts it again? */
#include <stdlib.h>

#include "daemon/check_rows.h"

struct asked {
    const struct service *service;
    const char *state;
};

static void look(void *arg)
{
    struct asked *q = arg;

    q->state = service_state(q->service);
}

/* NULL: it is about to end. */
static const char *state_of(const struct check *c)
{
    struct asked q = { .service = c->conf->service };

    return loop_call(c->conf->door, look, &q) ? q.state : NULL;
}

static bool is_refusing(const char *state)
{
    return strcmp(state, "draining") == 0 || strcmp(state, "drained") == 0;
}

bool check_takes_work(const struct check *c)
{
    const char *state = state_of(c);

    return state && !is_refusing(state);
}

static void check_state(struct check *c)
{
    const char *state = state_of(c);
    struct finding *it;

    if (!state)
        return;
    if (is_refusing(state)) {
        it = findings_add(c->out, FINDING_WARNING, "draining", "", "the gateway is %s: it refuses new work", state);
        findings_line(c->out, it, "stoxctl service resume");
    } else {
        findings_add(c->out, FINDING_OK, "service", "", "the gateway is %s", state);
    }
}

void check_service(struct check *c)
{
    check_state(c);
    if (!getenv("NOTIFY_SOCKET"))
        findings_remedy(c->out,
                        findings_add(c->out, FINDING_NOTE, "no-supervisor", "",
                                     "stoxd runs under no service manager: nobody starts it again when it ends"),
                        "Run it as stoxd.service, which make install puts there.");
}
