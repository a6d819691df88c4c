#include "daemon/service.h"

#include "daemon/handover.h"

#include <stdio.h>

#define ANSWER_MS 200
#define LOOK_MS 50
#define BEFORE_MS 3000 /* what the process before takes on top of the same bound */
#define CLOSE_MS 8000  /* what an end takes on top of its bound: people are told, streams are closed */

const char *service_state(const struct service *s)
{
    struct bridge_work w;

    bridge_work(s->bridge, &w);
    if (s->stopping && !s->left)
        return "stopping";
    switch (w.phase) {
    case BRIDGE_SERVING:
    case BRIDGE_FROZEN: return "serving";
    case BRIDGE_LEAVING: return "leaving";
    case BRIDGE_DRAINING: return w.quiet ? "drained" : "draining";
    case BRIDGE_STOPPING: return "stopping";
    }
    return "";
}

/* As `systemctl status` shows it. */
static void put_status(void *owner, char *out, size_t max)
{
    const struct service *s = owner;
    struct bridge_work w;

    bridge_work(s->bridge, &w);
    snprintf(out, max, "%s: %zu messages held, %zu streams", service_state(s), w.held + w.queued, w.streams);
}

void service_ready(struct service *s)
{
    notify_ready(&s->notify);
}

/* ---- the end ---- */

static void on_stopped(void *arg)
{
    struct service *s = arg;

    handover_end(s->handover);
    loop_stop(s->loop);
}

void service_left(struct service *s, sip_pass *pass, void *arg)
{
    notify_fini(&s->notify);
    s->notify.every_ms = 0;
    s->left = true;
    bridge_leave(s->bridge, pass, arg, on_stopped, s);
}

/*
 * The process before us still answers what it holds, and a service manager kills all that is left once the main process has ended: so we end
 * after it. Until then we rest, drained.
 */
static void on_alone(struct timer *t)
{
    struct service *s = container_of(t, struct service, alone);

    if (*s->before && loop_now(s->loop) < s->alone_until_ms)
        timer_start(&s->loop->timers, &s->alone, LOOK_MS);
    else
        bridge_stop(s->bridge, on_stopped, s);
}

static void begin_end(struct service *s, uint64_t stop_ms)
{
    if (!*s->before || s->left) {
        bridge_stop(s->bridge, on_stopped, s);
        return;
    }
    bridge_drain(s->bridge);
    s->alone_until_ms = loop_now(s->loop) + stop_ms + BEFORE_MS;
    timer_start(&s->loop->timers, &s->alone, LOOK_MS);
}

void service_stop(struct service *s, const char *why)
{
    struct bridge_work w;

    bridge_work(s->bridge, &w);
    if (s->stopping) {
        log_warning(s->log, "stopping-at-once", LOG_Z("why", why), LOG_U("held", w.held), LOG_U("queued", w.queued),
                    LOG_Z("effect", "what is under way is answered with an error"));
        loop_stop(s->loop);
        return;
    }
    s->stopping = true;
    log_info(s->log, "stopping", LOG_Z("why", why), LOG_U("held", w.held), LOG_U("queued", w.queued),
             LOG_U("within-s", w.stop_ms / 1000));
    if (!s->left)
        handover_give_up(s->handover);
    begin_end(s, w.stop_ms);
    if (s->left)
        return;
    notify_stopping(w.stop_ms + CLOSE_MS);
    notify_status(&s->notify);
}

static void on_asked(struct timer *t)
{
    struct service *s = container_of(t, struct service, asked);

    if (!s->stopping)
        service_stop(s, "an administrator");
}

bool service_stop_soon(struct service *s)
{
    if (!s->stopping)
        timer_start(&s->loop->timers, &s->asked, ANSWER_MS);
    return !s->stopping;
}

bool service_drain(struct service *s)
{
    if (s->stopping || s->left)
        return false;
    log_info(s->log, "draining", LOG_Z("effect", "new work is refused until stoxctl service resume"));
    bridge_drain(s->bridge);
    notify_status(&s->notify);
    return true;
}

bool service_resume(struct service *s)
{
    if (s->stopping || s->left)
        return false;
    log_info(s->log, "resumed", LOG_Z("effect", "new work is taken again"));
    bridge_resume(s->bridge);
    notify_status(&s->notify);
    return true;
}

/* ---- signals ---- */

static void on_end(uv_signal_t *handle, int number)
{
    service_stop(handle->data, number == SIGTERM ? "SIGTERM" : "SIGINT");
}

static void on_hangup(uv_signal_t *handle, int number)
{
    struct service *s = handle->data;

    notify_reloading();
    s->reread(s->owner);
    notify_ready(&s->notify);
}

int service_init(struct service *s, struct err *err)
{
    struct uv_loop_s *uv = &s->loop->uv;

    timer_init(&s->asked, on_asked);
    timer_init(&s->alone, on_alone);
    notify_init(&s->notify, s->loop, put_status, s);
    s->term.data = s->intr.data = s->hup.data = s;
    if (uv_signal_init(uv, &s->term) || uv_signal_init(uv, &s->intr) || uv_signal_init(uv, &s->hup) ||
        uv_signal_start(&s->hup, on_hangup, SIGHUP) || uv_signal_start(&s->term, on_end, SIGTERM) ||
        uv_signal_start(&s->intr, on_end, SIGINT))
        return err_set(err, "cannot watch signals");
    return 0;
}

static void close_handle(uv_signal_t *handle)
{
    if (handle->data && !uv_is_closing((uv_handle_t *)handle))
        uv_close((uv_handle_t *)handle, NULL);
}

void service_fini(struct service *s)
{
    notify_fini(&s->notify);
    if (s->asked.fire)
        timer_stop(&s->loop->timers, &s->asked);
    if (s->alone.fire)
        timer_stop(&s->loop->timers, &s->alone);
    close_handle(&s->term);
    close_handle(&s->intr);
    close_handle(&s->hup);
}
