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

static void check_state(struct check *c)
{
    struct asked q = { .service = c->conf->service };
    struct finding *it;

    if (!loop_call(c->conf->door, look, &q))
        return; /* it is about to end */
    if (strcmp(q.state, "draining") == 0 || strcmp(q.state, "drained") == 0) {
        it = findings_add(c->out, FINDING_WARNING, "draining", "", "the gateway is %s: it refuses new work", q.state);
        findings_line(c->out, it, "stoxctl service resume");
    } else {
        findings_add(c->out, FINDING_OK, "service", "", "the gateway is %s", q.state);
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
