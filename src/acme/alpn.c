#include "acme/alpn.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "acme/alpn_identity.h"
#include "base/clock.h"
#include "pki/wipe.h"

#define LISTENERS_MAX 16
#define CONNECTIONS 64
#define BACKLOG 64
#define HANDSHAKE_MS 10000 /* all that a connection is given */
#define TURN_MS 1000

struct conn {
    SSL *ssl;
    int fd;
    short waits_for;
    uint64_t until_ms;
};

struct acme_alpn {
    pthread_mutex_t lock;
    SSL_CTX *shown; /* under the lock; NULL: nothing */
    atomic_bool stop;
    int wake; /* an eventfd */
    pthread_t thread;
    bool started;
    int listening[LISTENERS_MAX];
    size_t n;
    struct conn conns[CONNECTIONS]; /* the thread's */
    size_t n_conns;
};

/* ---- connections ---- */

static void drop(struct acme_alpn *a, size_t i)
{
    struct conn *c = &a->conns[i];

    pki_wipe_begin(); /* it may be the last that has the key */
    SSL_free(c->ssl);
    pki_wipe_end();
    close(c->fd);
    *c = a->conns[--a->n_conns];
}

/* The handshake is the proof: nothing is said after it. False: it is over. */
static bool go_on(struct conn *c)
{
    int rc = SSL_accept(c->ssl), why = SSL_get_error(c->ssl, rc);

    if (rc == 1)
        SSL_shutdown(c->ssl);
    c->waits_for = why == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN;
    return rc != 1 && (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE);
}

static SSL *session_of(struct acme_alpn *a, int fd)
{
    SSL *ssl = NULL;

    pthread_mutex_lock(&a->lock);
    if (a->shown)
        ssl = SSL_new(a->shown);
    pthread_mutex_unlock(&a->lock);
    if (ssl && SSL_set_fd(ssl, fd) == 1)
        return ssl;
    SSL_free(ssl);
    return NULL;
}

/* While there is no room, the kernel's queue waits. */
static void take(struct acme_alpn *a, int listening)
{
    int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    SSL *ssl = fd >= 0 ? session_of(a, fd) : NULL;

    if (!ssl) {
        if (fd >= 0)
            close(fd);
        return;
    }
    a->conns[a->n_conns++] =
        (struct conn){ .ssl = ssl, .fd = fd, .waits_for = POLLIN, .until_ms = clock_mono_ms() + HANDSHAKE_MS };
}

/* ---- the thread ---- */

static void turn(struct acme_alpn *a)
{
    struct pollfd fds[1 + LISTENERS_MAX + CONNECTIONS] = { { .fd = a->wake, .events = POLLIN } };
    size_t first = 1 + a->n, room = CONNECTIONS - a->n_conns;
    uint64_t now_ms;

    for (size_t i = 0; i < a->n; i++)
        fds[1 + i] = (struct pollfd){ .fd = room ? a->listening[i] : -1, .events = POLLIN };
    for (size_t i = 0; i < a->n_conns; i++)
        fds[first + i] = (struct pollfd){ .fd = a->conns[i].fd, .events = a->conns[i].waits_for };
    if (poll(fds, first + a->n_conns, TURN_MS) < 0)
        return;
    now_ms = clock_mono_ms();
    for (size_t i = a->n_conns; i-- > 0;) /* backwards: the last one takes the place of one that is dropped */
        if (now_ms >= a->conns[i].until_ms || (fds[first + i].revents && !go_on(&a->conns[i])))
            drop(a, i);
    for (size_t i = 0; i < a->n && a->n_conns < CONNECTIONS; i++)
        if (fds[1 + i].revents)
            take(a, a->listening[i]);
}

static void *work(void *arg)
{
    struct acme_alpn *a = arg;

    while (!atomic_load(&a->stop))
        turn(a);
    while (a->n_conns)
        drop(a, a->n_conns - 1);
    return NULL;
}

/* ---- from outside ---- */

static int listen_on(const struct addr *addr)
{
    int fd = socket(addr->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, fault;

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (addr->sa.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(fd, &addr->sa, addr_len(addr)) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    fault = errno;
    close(fd);
    errno = fault;
    return -1;
}

static bool begin(struct acme_alpn *a)
{
    sigset_t all, before;

    a->wake = eventfd(0, EFD_CLOEXEC);
    if (a->wake < 0)
        return false;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the loop's alone */
    a->started = pthread_create(&a->thread, NULL, work, a) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return a->started;
}

struct acme_alpn *acme_alpn_open(const struct addr *addrs, size_t n, struct err *err)
{
    struct acme_alpn *a = calloc(1, sizeof(*a));
    char text[ADDR_TEXT];

    if (!a) {
        err_memory(err, "listening for the ACME server");
        return NULL;
    }
    pthread_mutex_init(&a->lock, NULL);
    a->wake = -1;
    while (a->n < n && a->n < LISTENERS_MAX && (a->listening[a->n] = listen_on(&addrs[a->n])) >= 0)
        a->n++;
    if (a->n == n && begin(a))
        return a;
    if (a->n < n) {
        addr_text(&addrs[a->n], text);
        err_set(err, "listen-acme-tls: %s cannot be listened on: %s", text, strerror(errno));
    } else {
        err_memory(err, "listening for the ACME server");
    }
    acme_alpn_close(a);
    return NULL;
}

void acme_alpn_close(struct acme_alpn *a)
{
    if (!a)
        return;
    atomic_store(&a->stop, true);
    if (a->started) {
        eventfd_write(a->wake, 1); /* without it the turn would end by itself */
        pthread_join(a->thread, NULL);
    }
    for (size_t i = 0; i < a->n; i++)
        close(a->listening[i]);
    if (a->wake >= 0)
        close(a->wake);
    acme_alpn_forget(a->shown);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

int acme_alpn_show(struct acme_alpn *a, const char *name, struct slice text, struct err *err)
{
    SSL_CTX *ctx = acme_alpn_identity(name, text, err), *before;

    if (!ctx)
        return -1;
    pthread_mutex_lock(&a->lock);
    before = a->shown;
    a->shown = ctx;
    pthread_mutex_unlock(&a->lock);
    acme_alpn_forget(before);
    return 0;
}

void acme_alpn_hide(struct acme_alpn *a)
{
    SSL_CTX *before;

    pthread_mutex_lock(&a->lock);
    before = a->shown;
    a->shown = NULL;
    pthread_mutex_unlock(&a->lock);
    acme_alpn_forget(before);
}
