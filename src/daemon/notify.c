#include "daemon/notify.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#ifdef STOX_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "base/clock.h"

#define STATUS_MS 10000
#define STATUS_MAX 200
#define LATE_MS 5000 /* on top of a bound, before the manager gives up */

__attribute__((format(printf, 1, 2))) static void say(const char *fmt, ...)
{
#ifdef STOX_SYSTEMD
    char text[STATUS_MAX + 100];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    sd_notify(0, text);
#endif
}

static void on_timer(struct timer *t)
{
    struct notify *n = container_of(t, struct notify, timer);

    notify_status(n);
    if (n->watched)
        say("WATCHDOG=1");
    timer_start(&n->loop->timers, &n->timer, n->every_ms);
}

void notify_init(struct notify *n, struct loop *loop, void (*status)(void *owner, char *out, size_t max), void *owner)
{
    uint64_t watchdog_us = 0;

    *n = (struct notify){ .loop = loop, .status = status, .owner = owner };
    timer_init(&n->timer, on_timer);
#ifdef STOX_SYSTEMD
    n->watched = sd_watchdog_enabled(0, &watchdog_us) > 0;
    if (getenv("NOTIFY_SOCKET"))
        n->every_ms = STATUS_MS;
#endif
    if (n->watched && watchdog_us / 2000 < n->every_ms)
        n->every_ms = watchdog_us / 2000 ? watchdog_us / 2000 : 1;
}

void notify_fini(struct notify *n)
{
    if (n->loop)
        timer_stop(&n->loop->timers, &n->timer);
}

void notify_status(struct notify *n)
{
    char line[STATUS_MAX];

    if (!n->every_ms)
        return;
    n->status(n->owner, line, sizeof(line));
    say("STATUS=%s", line);
}

void notify_ready(struct notify *n)
{
    say("READY=1");
    if (n->every_ms)
        on_timer(&n->timer);
}

void notify_reloading(void)
{
    say("RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)clock_mono_ms() * 1000);
}

void notify_stopping(uint64_t within_ms)
{
    say("STOPPING=1\nEXTEND_TIMEOUT_USEC=%llu", (unsigned long long)(within_ms + LATE_MS) * 1000);
}

void notify_main_process(pid_t pid)
{
    say("MAINPID=%ld", (long)pid);
}
