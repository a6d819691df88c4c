#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/store_pg.h"

#define PAUSE_MIN_MS 200
#define PAUSE_MAX_MS 5000
#define BEAT_MS 10000  /* a quiet connection is tried this often: a frozen server keeps its sockets */
#define REPLY_MS 3000  /* what one try may take */
#define STEADY_MS 5000 /* a connection that lasted this long was a good one */

/* ---- what wakes the thread ---- */

static void wake(struct pg_watch *w)
{
    const uint64_t one = 1;
    ssize_t n = write(w->wake, &one, sizeof(one));

    (void)n; /* it can only fail when it is full: awake already */
}

/* Until the socket of the connection (when there is one) can be read. False: it was woken. */
static bool sleep_until(struct pg_watch *w, int ms)
{
    struct pollfd p[2] = { { .fd = w->wake, .events = POLLIN },
                           { .fd = w->pg.c ? PQsocket(w->pg.c) : -1, .events = POLLIN } };
    uint64_t count;

    poll(p, 2, ms);
    return !(p[0].revents && read(w->wake, &count, sizeof(count)) > 0);
}

/* ---- what the thread does ---- */

static bool listen_for_changes(struct pg_watch *w, struct err *err)
{
    const char *sql = w->watch.contacts ? "LISTEN " PG_CONTACTS_CHANNEL : "LISTEN " PG_CHANNEL;

    pg_allow(&w->pg, REPLY_MS);
    return pg_connect(&w->pg, err) == STORE_OK && pg_run(&w->pg, sql, NULL, 0, NULL, err) == STORE_OK;
}

static bool is_notified(struct pg_watch *w)
{
    bool any = false;

    for (PGnotify *n; (n = PQnotifies(w->pg.c)); PQfreemem(n))
        any = true;
    return any;
}

/* While the connection lives and nobody doubts it. err: why it ended; empty for doubt. */
static void attend(struct pg_watch *w, struct err *err)
{
    err->text[0] = '\0';
    while (!atomic_load(&w->ending)) {
        uint64_t before = clock_mono_ms();

        if (!sleep_until(w, BEAT_MS))
            return;
        pg_allow(&w->pg, REPLY_MS);
        if (!PQconsumeInput(w->pg.c) || clock_mono_ms() - before >= BEAT_MS) {
            if (pg_run(&w->pg, "SELECT 1", NULL, 0, NULL, err) != STORE_OK)
                return;
        }
        if (is_notified(w))
            w->watch.changed(w->watch.arg);
    }
}

static void *watching(void *arg)
{
    struct pg_watch *w = arg;
    int pause = PAUSE_MIN_MS;
    bool is_away = false;

    while (!atomic_load(&w->ending)) {
        struct err err = { "" };
        uint64_t since = clock_mono_ms();

        if (listen_for_changes(w, &err)) {
            is_away = false;
            w->watch.changed(w->watch.arg);
            attend(w, &err);
            pause = clock_mono_ms() - since >= STEADY_MS ? PAUSE_MIN_MS : pause;
        }
        pg_disconnect(&w->pg);
        if (atomic_load(&w->ending))
            break;
        if (err.text[0] && !is_away) {
            is_away = true;
            w->watch.away(w->watch.arg, err.text);
        }
        sleep_until(w, pause);
        pause = pause * 2 < PAUSE_MAX_MS ? pause * 2 : PAUSE_MAX_MS;
    }
    return NULL;
}

/* ---- start and end ---- */

int pg_watch_start(struct pg_watch *w, struct err *err)
{
    int rc;

    if (w->wake >= 0)
        return err_set(err, "the store is watched already");
    w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->wake < 0)
        return err_set(err, "the store cannot be watched: eventfd: %s", strerror(errno));
    rc = pthread_create(&w->thread, NULL, watching, w);
    if (rc == 0)
        return 0;
    close(w->wake);
    w->wake = -1;
    return err_set(err, "the store cannot be watched: no thread could be started: %s", strerror(rc));
}

void pg_watch_doubt(struct pg_watch *w)
{
    if (w->wake >= 0)
        wake(w);
}

void pg_watch_end(struct pg_watch *w)
{
    if (w->wake < 0)
        return;
    atomic_store(&w->ending, true);
    wake(w);
    pthread_join(w->thread, NULL);
    close(w->wake);
    w->wake = -1;
    pg_disconnect(&w->pg);
}
