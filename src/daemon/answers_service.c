/* How the daemon is as a service, and what it is told to do. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#ifdef STOX_SYSTEMD
#include <systemd/sd-login.h>
#endif

#include "base/clock.h"
#include "daemon/answers_parts.h"
#include "daemon/handover.h"

struct asked {
    struct service *service;
    enum admin_service_action action;
    struct bridge_work work;
    const char *state, *why;
    bool done, handing_over;
    char fault[600];
};

static void look(void *arg)
{
    struct asked *q = arg;

    bridge_work(q->service->bridge, &q->work);
    q->state = service_state(q->service);
    q->handing_over = handover_runs(q->service->handover);
    snprintf(q->fault, sizeof(q->fault), "%s", handover_fault(q->service->handover));
}

/* The unit that we run as. */
static json_t *unit_json(void)
{
    json_t *v = NULL;
#ifdef STOX_SYSTEMD
    char *unit = NULL;

    if (getenv("NOTIFY_SOCKET") && sd_pid_get_unit(0, &unit) >= 0)
        v = json_string(unit);
    free(unit);
#endif
    return v ? v : json_null();
}

json_t *answer_service(void *owner)
{
    struct answers *a = owner;
    struct asked q = { .service = a->service };

    if (!loop_call(a->door, look, &q))
        return NULL;
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:I, s:o, s:b, s:o}", "state", q.state, "held",
                     (json_int_t)q.work.held, "queued", (json_int_t)q.work.queued, "sessions",
                     (json_int_t)q.work.sessions, "streams", (json_int_t)q.work.streams, "stop-within-s",
                     (json_int_t)(q.work.stop_ms / 1000), "pid", (json_int_t)getpid(), "version", STOX_VERSION,
                     "uptime-s", (json_int_t)((clock_mono_ms() - a->started_ms) / 1000), "unit", unit_json(),
                     "handing-over", q.handing_over, "hand-over-fault", answers_text(slice_str(q.fault)));
}

static void act(void *arg)
{
    struct asked *q = arg;

    switch (q->action) {
    case ADMIN_SERVICE_DRAIN: q->done = service_drain(q->service); break;
    case ADMIN_SERVICE_RESUME: q->done = service_resume(q->service); break;
    case ADMIN_SERVICE_HAND_OVER: q->done = handover_begin(q->service->handover, &q->why); break;
    case ADMIN_SERVICE_STOP: q->done = service_stop_soon(q->service); break;
    }
}

bool answer_service_do(void *owner, enum admin_service_action action, struct admin_refusal *no)
{
    struct answers *a = owner;
    struct asked q = { .service = a->service, .action = action };

    if (loop_call(a->door, act, &q) && !q.done)
        *no = (struct admin_refusal){ 409, q.why ? q.why : "stoxd is ending already" };
    return q.done;
}
