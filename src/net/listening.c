#include "net/listening.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

/* Not taken yet. */
struct given {
    struct list link; /* in loop.given */
    int fd, type;
    struct sockaddr_storage at;
};

void listening_add(struct loop *loop, struct listening *l)
{
    list_init(&l->link);
    list_push(&loop->listening, &l->link);
}

void listening_drop(struct listening *l)
{
    if (l->link.next)
        list_unlink(&l->link);
}

void listening_hold(struct loop *loop, int type, bool still)
{
    list_each (it, &loop->listening) {
        struct listening *l = container_of(it, struct listening, link);

        if (!type || type == l->type)
            l->hold(l, still);
    }
}

size_t listening_list(const struct loop *loop, int out[LISTENING_MAX])
{
    size_t n = 0;

    list_each (it, &loop->listening)
        if (n < LISTENING_MAX)
            out[n++] = container_of(it, const struct listening, link)->fd;
    return n;
}

static bool is_listening(int fd, struct given *g)
{
    socklen_t n = sizeof(g->type), size = sizeof(g->at);
    int accepts = 0, flags = fcntl(fd, F_GETFL);

    if (flags < 0 || getsockopt(fd, SOL_SOCKET, SO_TYPE, &g->type, &n) ||
        getsockname(fd, (struct sockaddr *)&g->at, &size))
        return false;
    n = sizeof(accepts);
    if (g->type == SOCK_STREAM && (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &n) || !accepts))
        return false;
    return fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

bool listening_give(struct loop *loop, int fd)
{
    struct given *g = calloc(1, sizeof(*g));

    if (!g || !is_listening(fd, g)) {
        free(g);
        close(fd);
        return false;
    }
    g->fd = fd;
    list_init(&g->link);
    list_push(&loop->given, &g->link);
    return true;
}

static bool is_at(const struct given *g, const struct sockaddr *at)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&g->at, *want4 = (const struct sockaddr_in *)at;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&g->at, *want6 = (const struct sockaddr_in6 *)at;

    if (g->at.ss_family != at->sa_family)
        return false;
    switch (at->sa_family) {
    case AF_INET:
        return v4->sin_addr.s_addr == want4->sin_addr.s_addr && (!want4->sin_port || v4->sin_port == want4->sin_port);
    case AF_INET6:
        return memcmp(&v6->sin6_addr, &want6->sin6_addr, sizeof(v6->sin6_addr)) == 0 &&
               (!want6->sin6_port || v6->sin6_port == want6->sin6_port);
    case AF_UNIX:
        return strncmp(((const struct sockaddr_un *)&g->at)->sun_path, ((const struct sockaddr_un *)at)->sun_path,
                       sizeof(((const struct sockaddr_un *)at)->sun_path)) == 0;
    default: return false;
    }
}

int listening_take(struct loop *loop, int type, const struct sockaddr *at)
{
    list_each (it, &loop->given) {
        struct given *g = container_of(it, struct given, link);
        int fd = g->fd;

        if (g->type != type || !is_at(g, at))
            continue;
        list_unlink(&g->link);
        free(g);
        return fd;
    }
    return -1;
}

void listening_forget_given(struct loop *loop)
{
    struct list *it;

    while ((it = list_pop(&loop->given))) {
        struct given *g = container_of(it, struct given, link);

        close(g->fd);
        free(g);
    }
}
