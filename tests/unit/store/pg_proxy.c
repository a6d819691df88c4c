#include "pg_proxy.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un address(const char *dir)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };

    snprintf(a.sun_path, sizeof(a.sun_path), "%.60s/.s.PGSQL.5432", dir);
    return a;
}

struct passage {
    struct pg_proxy *p;
    int client, server;
};

static bool move(int from, int to)
{
    char data[65536];
    ssize_t n = recv(from, data, sizeof(data), 0);

    return n > 0 && send(to, data, (size_t)n, MSG_NOSIGNAL) == n;
}

/* True when the connection is cut here. */
static bool cut(struct passage *w, const char *data, size_t n)
{
    enum proxy_mode mode = atomic_load(&w->p->mode);
    char answer[4096];

    if (mode == PROXY_PASS || mode == PROXY_DENY || !memmem(data, n, "\0COMMIT\0", 8))
        return false;
    if (mode != PROXY_CUT_BEFORE)
        send(w->server, data, n, MSG_NOSIGNAL);
    if (mode == PROXY_CUT_ANSWERED || mode == PROXY_CUT_AND_DENY)
        recv(w->server, answer, sizeof(answer), 0);
    atomic_store(&w->p->mode, mode == PROXY_CUT_AND_DENY ? PROXY_DENY : PROXY_PASS);
    atomic_fetch_add(&w->p->n_cuts, 1);
    return true;
}

static void *pass(void *arg)
{
    struct passage *w = arg;
    char data[65536];

    for (;;) {
        struct pollfd p[2] = { { .fd = w->client, .events = POLLIN }, { .fd = w->server, .events = POLLIN } };

        poll(p, 2, -1);
        if (p[0].revents) {
            ssize_t n = recv(w->client, data, sizeof(data), 0);

            if (n <= 0 || cut(w, data, (size_t)n) || send(w->server, data, (size_t)n, MSG_NOSIGNAL) != n)
                break;
        }
        if (p[1].revents && !move(w->server, w->client))
            break;
    }
    close(w->client);
    close(w->server);
    free(w);
    return NULL;
}

static void *accepting(void *arg)
{
    struct pg_proxy *p = arg;
    int client;

    while ((client = accept(p->listening, NULL, NULL)) >= 0) {
        struct sockaddr_un to = address(p->pg->dir);
        struct passage *w = malloc(sizeof(*w));
        pthread_t thread;

        *w = (struct passage){ p, client, socket(AF_UNIX, SOCK_STREAM, 0) };
        if (atomic_load(&p->mode) == PROXY_DENY || connect(w->server, (struct sockaddr *)&to, sizeof(to))) {
            close(client);
            close(w->server);
            free(w);
            continue;
        }
        pthread_create(&thread, NULL, pass, w);
        pthread_detach(thread);
    }
    return NULL;
}

void pg_proxy_start(struct pg_proxy *p, struct postgres *pg, char *url, size_t n)
{
    struct sockaddr_un at;

    *p = (struct pg_proxy){ .pg = pg };
    snprintf(p->dir, sizeof(p->dir), "/tmp/stox-proxy-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    at = address(p->dir);
    p->listening = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(p->listening, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(p->listening, 10), 0);
    assert_int_equal(pthread_create(&p->thread, NULL, accepting, p), 0);
    snprintf(url, n, "postgresql:///stox?host=%s&user=super", p->dir);
}

void pg_proxy_end(struct pg_proxy *p)
{
    struct sockaddr_un at = address(p->dir);

    shutdown(p->listening, SHUT_RDWR);
    pthread_join(p->thread, NULL);
    close(p->listening);
    unlink(at.sun_path);
    rmdir(p->dir);
}
