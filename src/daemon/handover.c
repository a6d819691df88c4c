#include "daemon/handover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/listening.h"
#include "net/relay.h"

#define WITHIN_MS 60000 /* from its start until it serves */
#define LOOK_MS 20
#define CHILD_FD 3
#define WHY_MAX 600

enum state {
    HANDOVER_NONE,
    HANDOVER_STARTING, /* the new process reads its settings */
    HANDOVER_FREEZING, /* it is ready; contacts are being written */
    HANDOVER_GIVEN,    /* it has the sockets */
    HANDOVER_DONE,     /* it serves */
};

struct child {
    uv_process_t process;
    struct handover *handover; /* NULL: given up */
};

struct handover {
    struct service *service;
    char *program, *config;
    enum stoxd_role role;
    enum state state;
    struct child
        *child;      /* what was started; it steps aside for a process of its own. Freed by libuv when it has ended */
    pid_t pid;       /* who speaks at the other end of fd, by the kernel's word; 0: nobody has yet */
    int pidfd;       /* the same; -1 */
    uv_poll_t *poll; /* of fd */
    int fd;          /* to the new process */
    int relay_fd;    /* ours; -1: none */
    struct relay *relay;
    struct timer timer;
    uint64_t until_ms;
    char why[WHY_MAX];
};

static void on_timer(struct timer *t);

struct handover *handover_new(struct service *s, const char *program, const struct stoxd_start *how, struct err *err)
{
    struct handover *h = calloc(1, sizeof(*h));

    if (h) {
        h->service = s;
        h->fd = h->relay_fd = h->pidfd = -1;
        h->program = strdup(program);
        h->config = strdup(how->config_file);
        h->role = how->role;
        timer_init(&h->timer, on_timer);
    }
    if (h && h->program && h->config)
        return h;
    handover_free(h);
    err_memory(err, "starting");
    return NULL;
}

static void on_poll_closed(uv_handle_t *handle)
{
    free(handle);
}

static void hang_up(struct handover *h)
{
    timer_stop(&h->service->loop->timers, &h->timer);
    if (h->poll)
        uv_close((uv_handle_t *)h->poll, on_poll_closed);
    if (h->fd >= 0)
        close(h->fd);
    if (h->relay_fd >= 0)
        close(h->relay_fd);
    if (h->pidfd >= 0)
        close(h->pidfd);
    h->poll = NULL;
    h->fd = h->relay_fd = h->pidfd = -1;
}

/* ---- it does not come to it ---- */

static void fail(struct handover *h, const char *why)
{
    struct loop *loop = h->service->loop;

    if (h->state == HANDOVER_NONE || h->state == HANDOVER_DONE)
        return;
    snprintf(h->why, sizeof(h->why), "%s", why);
    log_error(h->service->log, "hand-over-failed", LOG_Z("why", why), LOG_Z("effect", "this process goes on"));
    if (h->pidfd >= 0)
        (void)pidfd_send_signal(h->pidfd, SIGKILL, NULL, 0);
    hang_up(h);
    if (h->child) {
        (void)uv_process_kill(&h->child->process, SIGKILL);
        h->child->handover = NULL;
        h->child = NULL;
    }
    if (h->state >= HANDOVER_FREEZING) {
        listening_hold(loop, 0, false);
        bridge_thaw(h->service->bridge);
    }
    h->state = HANDOVER_NONE;
}

void handover_give_up(struct handover *h)
{
    if (h)
        fail(h, "stoxd was told to stop meanwhile");
}

/* ---- step by step ---- */

static void on_pass(void *arg, const struct addr *local, const struct addr *from, const char *p, size_t n)
{
    struct handover *h = arg;

    if (h->relay)
        (void)relay_pass(h->relay, local, from, p, n);
}

static void on_serving(struct handover *h)
{
    struct loop *loop = h->service->loop;

    h->state = HANDOVER_DONE;
    log_info(h->service->log, "handed-over", LOG_U("to-pid", (uint64_t)h->pid),
             LOG_Z("effect", "the new process serves; this one ends what it has"));
    h->relay = relay_open(loop, h->relay_fd);
    h->relay_fd = -1;
    hang_up(h);
    loop->given_away = true;
    if (h->relay)
        listening_hold(loop, SOCK_DGRAM, false); /* connections are accepted by the other one only */
    service_left(h->service, on_pass, h);
}

static int send_sockets(struct handover *h, int theirs)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE((LISTENING_MAX + 1) * sizeof(int))];
    } control = { 0 };
    int fds[LISTENING_MAX + 1] = { theirs };
    size_t size = (1 + listening_list(h->service->loop, fds + 1)) * sizeof(int);
    char text[] = "sockets";
    struct iovec iov = { text, sizeof(text) - 1 };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(size) };
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(c), fds, size);
    return sendmsg(h->fd, &m, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

static void give(struct handover *h)
{
    int pair[2];
    bool given;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair)) {
        fail(h, "there is no descriptor for the relay of datagrams: raise LimitNOFILE");
        return;
    }
    h->relay_fd = pair[0];
    h->state = HANDOVER_GIVEN;
    given = send_sockets(h, pair[1]) == 0;
    close(pair[1]);
    if (!given)
        fail(h, "the sockets could not be given to the new process");
}

static void on_timer(struct timer *t)
{
    struct handover *h = container_of(t, struct handover, timer);
    uint64_t now = loop_now(h->service->loop);

    if (now >= h->until_ms) {
        fail(h, "the new process does not serve within 60 s");
        return;
    }
    if (h->state == HANDOVER_FREEZING && bridge_is_frozen(h->service->bridge))
        give(h);
    if (h->state != HANDOVER_NONE)
        timer_start(&h->service->loop->timers, &h->timer, h->state == HANDOVER_FREEZING ? LOOK_MS : h->until_ms - now);
}

static void on_ready(struct handover *h)
{
    h->state = HANDOVER_FREEZING;
    listening_hold(h->service->loop, 0, true);
    bridge_freeze(h->service->bridge);
    timer_start(&h->service->loop->timers, &h->timer, 0);
}

static void take(struct handover *h, char *text)
{
    if (strncmp(text, "failed ", 7) == 0)
        fail(h, text + 7);
    else if (h->state == HANDOVER_STARTING && strcmp(text, "ready 1") == 0)
        on_ready(h);
    else if (h->state == HANDOVER_GIVEN && strcmp(text, "serving") == 0)
        on_serving(h);
    else
        fail(h, "the new process speaks of other things than this one: is it a stoxd of another age? Restart without "
                "hand-over");
}

/* As recv; the first who speaks is remembered. */
static ssize_t receive(struct handover *h, char *text, size_t max)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(struct ucred))];
    } control = { 0 };
    struct iovec iov = { text, max };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
    ssize_t n = recvmsg(h->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
    struct ucred who;

    if (h->pidfd < 0 && c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS) {
        memcpy(&who, CMSG_DATA(c), sizeof(who));
        h->pid = who.pid;
        h->pidfd = pidfd_open(who.pid, 0);
    }
    return n;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct handover *h = poll->data;
    char text[WHY_MAX];
    ssize_t n = receive(h, text, sizeof(text) - 1);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        fail(h, "the new process ended before it served: it was no stoxd, or the log has its reason");
        return;
    }
    text[n] = '\0';
    take(h, text);
}

/* ---- the new process ---- */

static void on_child_closed(uv_handle_t *handle)
{
    free(container_of((uv_process_t *)handle, struct child, process));
}

static void on_child_ended(uv_process_t *process, int64_t status, int signal)
{
    struct child *child = container_of(process, struct child, process);
    struct handover *h = child->handover;

    if (h)
        h->child = NULL;
    if (h && (status || signal)) /* otherwise it has stepped aside, or the end of the socket tells */
        fail(h, "the new process ended before it served: it was no stoxd, or the log has its reason");
    uv_close((uv_handle_t *)process, on_child_closed);
}

static bool is_ours_alone(const char *entry)
{
    static const char *const names[] = { "WATCHDOG_PID=", "LISTEN_PID=", "LISTEN_FDS=", "LISTEN_FDNAMES=" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strncmp(entry, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

/* Its environment is ours, but for what is said of this process alone. Freed by the caller, without the entries. */
static char **environment(void)
{
    size_t n = 0, k = 0;
    char **env;

    while (environ[n])
        n++;
    env = calloc(n + 1, sizeof(*env));
    for (size_t i = 0; env && i < n; i++)
        if (!is_ours_alone(environ[i]))
            env[k++] = environ[i];
    return env;
}

static int spawn(struct handover *h, int theirs)
{
    char take_over[] = "--take-over", number[] = "3", config[] = "--config", role[] = "--role", gateway[] = "gateway";
    bool says_role = h->role == STOXD_GATEWAY; /* a program of before, which we may go back to, knows no roles */
    char *argv[] = { h->program, config, h->config, take_over, number, says_role ? role : NULL, gateway, NULL };
    uv_stdio_container_t stdio[CHILD_FD + 1] = { { .flags = UV_INHERIT_FD, .data.fd = 0 },
                                                 { .flags = UV_INHERIT_FD, .data.fd = 1 },
                                                 { .flags = UV_INHERIT_FD, .data.fd = 2 },
                                                 { .flags = UV_INHERIT_FD, .data.fd = theirs } };
    uv_process_options_t options = { .exit_cb = on_child_ended,
                                     .file = h->program,
                                     .args = argv,
                                     .env = environment(),
                                     .stdio = stdio,
                                     .stdio_count = CHILD_FD + 1 };
    struct child *child = options.env ? calloc(1, sizeof(*child)) : NULL;
    int rc = child ? uv_spawn(&h->service->loop->uv, &child->process, &options) : UV_ENOMEM;

    free(options.env);
    if (rc == 0) {
        child->handover = h;
        h->child = child;
    } else if (child) { /* libuv has made the handle all the same */
        uv_close((uv_handle_t *)&child->process, on_child_closed);
    }
    return rc;
}

static int watch(struct handover *h)
{
    uv_poll_t *poll = calloc(1, sizeof(*poll));
    int rc = poll ? uv_poll_init(&h->service->loop->uv, poll, h->fd) : UV_ENOMEM;

    if (rc) {
        free(poll);
        return rc;
    }
    poll->data = h;
    h->poll = poll;
    return uv_poll_start(poll, UV_READABLE, on_readable);
}

bool handover_begin(struct handover *h, const char **why)
{
    struct bridge_work w;
    char text[WHY_MAX];
    int pair[2], rc, on = 1;

    bridge_work(h->service->bridge, &w);
    *why = h->state != HANDOVER_NONE   ? "a hand-over is under way already"
           : w.phase != BRIDGE_SERVING ? "only a process that serves can hand over: stoxctl service resume"
           : socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)
               ? "there is no descriptor for it: raise LimitNOFILE"
               : NULL;
    if (*why)
        return false;
    h->fd = pair[0];
    h->pid = 0;
    h->why[0] = '\0';
    (void)setsockopt(h->fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
    h->state = HANDOVER_STARTING;
    h->until_ms = loop_now(h->service->loop) + WITHIN_MS;
    timer_start(&h->service->loop->timers, &h->timer, WITHIN_MS);
    log_info(h->service->log, "handing-over", LOG_Z("program", h->program), LOG_Z("config", h->config));
    rc = watch(h);
    if (rc == 0)
        rc = spawn(h, pair[1]);
    close(pair[1]);
    if (rc) {
        snprintf(text, sizeof(text), "cannot start %s: %s", h->program, uv_strerror(rc));
        fail(h, text);
        *why = h->why;
    }
    return rc == 0;
}

bool handover_runs(const struct handover *h)
{
    return h->state != HANDOVER_NONE && h->state != HANDOVER_DONE;
}

const char *handover_fault(const struct handover *h)
{
    return h->why;
}

void handover_end(struct handover *h)
{
    if (!h)
        return;
    relay_close(h->relay);
    h->relay = NULL;
}

/* A child that goes on is not ours to end. */
void handover_free(struct handover *h)
{
    if (!h)
        return;
    if (handover_runs(h))
        fail(h, "stoxd ends");
    handover_end(h);
    if (h->child) {
        uv_close((uv_handle_t *)&h->child->process, on_child_closed);
        h->child = NULL;
    }
    free(h->program);
    free(h->config);
    free(h);
}
