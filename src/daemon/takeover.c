/* The new process's side of a hand-over; it blocks, as every start does. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/handover.h"
#include "net/listening.h"

#define ANSWER_MS 30000

static int say(int fd, const char *text)
{
    return send(fd, text, strlen(text), MSG_NOSIGNAL) < 0 ? -1 : 0;
}

void takeover_step_aside(void)
{
    if (fork() > 0)
        _exit(0);
    /* Where no process can be made any more, this one goes on as it is. */
}

void takeover_serving(int fd)
{
    (void)say(fd, "serving");
}

void takeover_failed(int fd, const char *why)
{
    char text[600];

    snprintf(text, sizeof(text), "failed %s", why);
    (void)say(fd, text);
}

/* The first is the relay; all others listen. */
static int take_sockets(const struct cmsghdr *c, struct loop *loop, int *relay)
{
    size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

    for (size_t i = 0; i < n; i++) {
        int fd;

        memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
        if (i == 0)
            *relay = fd;
        else
            (void)listening_give(loop, fd);
    }
    return n ? 0 : -1;
}

int takeover_ask(int fd, struct loop *loop, int *relay, struct err *err)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE((LISTENING_MAX + 1) * sizeof(int))];
    } control;
    char text[64];
    struct iovec iov = { text, sizeof(text) };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
    struct pollfd in = { .fd = fd, .events = POLLIN };
    struct cmsghdr *c;

    *relay = -1;
    if (say(fd, "ready 1") || poll(&in, 1, ANSWER_MS) <= 0 || recvmsg(fd, &m, MSG_CMSG_CLOEXEC) <= 0)
        return err_set(err, "the process that is to be taken over gives no sockets");
    c = CMSG_FIRSTHDR(&m);
    if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || (m.msg_flags & MSG_CTRUNC) ||
        take_sockets(c, loop, relay))
        return err_set(err, "the process that is to be taken over speaks of other things than sockets");
    return 0;
}
