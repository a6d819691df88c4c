#include "admin/local.h"

#include "net/listening.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 64
#define ACCEPTS_PER_TURN 16
#define PAUSE_MS 250 /* when descriptors are used up */

struct local {
    struct loop *loop;
    local_accepted *accepted;
    void *owner;
    uv_poll_t poll;
    struct timer pause;
    struct listening listening;
    bool still;
    struct sockaddr_un at;
    int fd;
};

static void on_acceptable(uv_poll_t *handle, int status, int events);

static void on_pause_over(struct timer *t)
{
    struct local *l = container_of(t, struct local, pause);

    if (!l->still)
        uv_poll_start(&l->poll, UV_READABLE, on_acceptable);
}

static void on_hold(struct listening *listening, bool still)
{
    struct local *l = container_of(listening, struct local, listening);

    l->still = still;
    if (still)
        uv_poll_stop(&l->poll);
    else if (!timer_running(&l->pause))
        uv_poll_start(&l->poll, UV_READABLE, on_acceptable);
}

static void on_acceptable(uv_poll_t *handle, int status, int events)
{
    struct local *l = handle->data;

    for (int i = 0; i < ACCEPTS_PER_TURN && l->fd >= 0 && !l->still; i++) {
        struct ucred peer;
        socklen_t n = sizeof(peer);
        int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (fd < 0 && errno == EAGAIN)
            return;
        if (fd < 0) {
            uv_poll_stop(&l->poll);
            timer_start(&l->loop->timers, &l->pause, PAUSE_MS);
            return;
        }
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0)
            l->accepted(l->owner, fd, peer.uid);
        else
            close(fd);
    }
}

/* A file left behind by one who is gone is taken away. */
static int clear_path(const struct sockaddr_un *at, struct err *err)
{
    struct stat st;
    int fd, rc;

    if (lstat(at->sun_path, &st) != 0)
        return errno == ENOENT ? 0 : err_set(err, "cannot look at %s: %s", at->sun_path, uv_strerror(-errno));
    if (!S_ISSOCK(st.st_mode))
        return err_set(err, "%s is there and is no socket: remove it, or name another path", at->sun_path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    rc = fd >= 0 ? connect(fd, (const struct sockaddr *)at, sizeof(*at)) : -1;
    if (fd >= 0 && rc != 0 && errno == ECONNREFUSED)
        rc = unlink(at->sun_path) == 0 ? 0 : err_set(err, "cannot remove %s: %s", at->sun_path, uv_strerror(-errno));
    else
        rc = err_set(err, "%s is in use: another stoxd listens on it", at->sun_path);
    if (fd >= 0)
        close(fd);
    return rc;
}

static int open_socket(const struct sockaddr_un *at, struct err *err)
{
    int fd, fault;
    mode_t before;
    bool ok;

    if (clear_path(at, err))
        return -1;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    before = umask(0177);
    ok = fd >= 0 && bind(fd, (const struct sockaddr *)at, sizeof(*at)) == 0 && listen(fd, BACKLOG) == 0;
    fault = errno;
    umask(before);
    if (ok)
        return fd;
    if (fd >= 0)
        close(fd);
    return err_set(err, "cannot listen on %s: %s", at->sun_path, uv_strerror(-fault));
}

struct local *local_open(struct loop *loop, const char *path, local_accepted *accepted, void *owner, struct err *err)
{
    struct local *l = calloc(1, sizeof(*l));
    size_t n = strlen(path);
    int rc;

    if (!l || n >= sizeof(l->at.sun_path)) {
        err_set(err, l ? "the path of the admin socket is too long: %s" : "out of memory for the admin socket %s",
                path);
        free(l);
        return NULL;
    }
    *l = (struct local){ .loop = loop, .accepted = accepted, .owner = owner, .at.sun_family = AF_UNIX };
    memcpy(l->at.sun_path, path, n);
    l->fd = listening_take(loop, SOCK_STREAM, (const struct sockaddr *)&l->at);
    if (l->fd < 0)
        l->fd = open_socket(&l->at, err);
    rc = l->fd >= 0 ? uv_poll_init(&loop->uv, &l->poll, l->fd) : UV_EINVAL;
    if (rc != 0) {
        if (l->fd >= 0) {
            err_set(err, "cannot listen on %s: %s", path, uv_strerror(rc));
            close(l->fd);
        }
        free(l);
        return NULL;
    }
    l->poll.data = l;
    timer_init(&l->pause, on_pause_over);
    l->listening = (struct listening){ .fd = l->fd, .type = SOCK_STREAM, .hold = on_hold };
    listening_add(loop, &l->listening);
    uv_poll_start(&l->poll, UV_READABLE, on_acceptable);
    return l;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void local_close(struct local *l)
{
    if (!l || l->fd < 0)
        return;
    timer_stop(&l->loop->timers, &l->pause);
    listening_drop(&l->listening);
    if (!l->loop->given_away)
        unlink(l->at.sun_path);
    uv_close((uv_handle_t *)&l->poll, on_closed);
    close(l->fd);
    l->fd = -1;
}
