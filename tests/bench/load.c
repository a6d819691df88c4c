/*
 * The SIP side of the benchmark.
 *
 *   load send udp|tcp PORT COUNT WINDOW RATE   sends COUNT requests to PORT, at most WINDOW unanswered; RATE per second, or 0
 *                                              for as fast as answers come. Prints one line of JSON.
 *   load answer udp|tcp PORT                   answers every request with 200, until it is ended
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "message.h"

#define BATCH 64
#define NUMBERS (1u << 20)

static uint64_t sent_at[NUMBERS];
static struct bench_histogram histogram;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static struct sockaddr_in at(int port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

struct link {
    int fd;
    bool udp;
    char rx[1 << 18]; /* TCP: bytes not used yet */
    size_t n_rx;
    char tx[1 << 18]; /* TCP: corked */
    size_t n_tx;
    struct mmsghdr in[BATCH], out[BATCH];
    struct iovec in_iov[BATCH], out_iov[BATCH];
    struct sockaddr_in from[BATCH];
    char in_data[BATCH][2048], out_data[BATCH][1024];
    unsigned n_out;
};

static struct link the_link;

static void flush(struct link *l)
{
    if (l->udp) {
        if (l->n_out && sendmmsg(l->fd, l->out, l->n_out, 0) < 0 && errno != EAGAIN && errno != ECONNREFUSED)
            die("sendmmsg");
        l->n_out = 0;
        return;
    }
    for (size_t sent = 0; sent < l->n_tx;) {
        ssize_t n = send(l->fd, l->tx + sent, l->n_tx - sent, MSG_NOSIGNAL);

        if (n > 0)
            sent += (size_t)n;
        else if (errno == EAGAIN)
            poll(&(struct pollfd){ .fd = l->fd, .events = POLLOUT }, 1, 1000);
        else
            die("send");
    }
    l->n_tx = 0;
}

/* Where the next message of at most 1024 bytes goes; emit() queues it. */
static char *slot(struct link *l)
{
    if (l->udp ? l->n_out == BATCH : l->n_tx > sizeof(l->tx) - 2048)
        flush(l);
    return l->udp ? l->out_data[l->n_out] : l->tx + l->n_tx;
}

static void emit(struct link *l, size_t n, struct sockaddr_in *to)
{
    if (!l->udp) {
        l->n_tx += n;
        return;
    }
    l->out_iov[l->n_out] = (struct iovec){ l->out_data[l->n_out], n };
    l->out[l->n_out].msg_hdr = (struct msghdr){
        .msg_iov = &l->out_iov[l->n_out], .msg_iovlen = 1, .msg_name = to, .msg_namelen = to ? sizeof(*to) : 0
    };
    l->n_out++;
}

/* One message on a stream: up to the blank line, and 81 bytes of text when it is a request. 0: not whole. */
static size_t whole(const char *p, size_t n)
{
    const char *blank = memmem(p, n, "\r\n\r\n", 4);
    const char *length = blank ? memmem(p, (size_t)(blank - p), "Content-Length: ", 16) : NULL;
    size_t all = length ? (size_t)(blank - p) + 4 + strtoul(length + 16, NULL, 10) : 0;

    return all && all <= n ? all : 0;
}

typedef void handler(struct link *l, char *p, size_t n, struct sockaddr_in *from);

static bool receive(struct link *l, handler *handle)
{
    if (l->udp) {
        int n = recvmmsg(l->fd, l->in, BATCH, MSG_DONTWAIT, NULL);

        for (int i = 0; i < n; i++)
            handle(l, l->in_data[i], l->in[i].msg_len, &l->from[i]);
        return true;
    }
    ssize_t n = recv(l->fd, l->rx + l->n_rx, sizeof(l->rx) - l->n_rx, MSG_DONTWAIT);
    size_t used = 0, k;

    if (n == 0)
        return false;
    l->n_rx += n > 0 ? (size_t)n : 0;
    while ((k = whole(l->rx + used, l->n_rx - used)) != 0) {
        handle(l, l->rx + used, k, NULL);
        used += k;
    }
    memmove(l->rx, l->rx + used, l->n_rx - used);
    l->n_rx -= used;
    return true;
}

static uint32_t answered, failed;

static void on_answer(struct link *l, char *p, size_t n, struct sockaddr_in *from)
{
    uint32_t number = bench_number(p, n);

    (void)l, (void)from;
    if (n > 8 && p[8] == '1')
        return;
    if (number == UINT32_MAX || !sent_at[number % NUMBERS])
        return;
    bench_count(&histogram, bench_now_ns() - sent_at[number % NUMBERS]);
    sent_at[number % NUMBERS] = 0;
    answered++;
    failed += n > 8 && p[8] != '2';
}

static void on_request(struct link *l, char *p, size_t n, struct sockaddr_in *from)
{
    size_t k;
    char *out = slot(l);

    if (n > 7 && memcmp(p, "MESSAGE", 7) == 0 && (k = bench_answer(out, 1024, p, n)) != 0)
        emit(l, k, from);
}

static void set_up(struct link *l, bool udp)
{
    int size = 4 << 20, one = 1;

    l->udp = udp;
    l->fd = socket(AF_INET, (udp ? SOCK_DGRAM : SOCK_STREAM), 0);
    if (!udp)
        setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    setsockopt(l->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    for (int i = 0; i < BATCH; i++) {
        l->in_iov[i] = (struct iovec){ l->in_data[i], sizeof(l->in_data[i]) };
        l->in[i].msg_hdr = (struct msghdr){
            .msg_iov = &l->in_iov[i], .msg_iovlen = 1, .msg_name = &l->from[i], .msg_namelen = sizeof(l->from[i])
        };
    }
}

/*
 * Sleeps until an answer is there or the next request is due. Spinning here would take the core from the partner, who has
 * it too: what is measured then is the scheduler's tick.
 */
static short wait_for_answer(struct link *l, uint64_t start, uint32_t sent, uint32_t count, double rate)
{
    struct pollfd p = { .fd = l->fd, .events = POLLIN };
    struct timespec wait = { .tv_nsec = 100000000 };
    uint64_t now = bench_now_ns();

    if (rate > 0 && sent < count) {
        uint64_t due = start + (uint64_t)(sent / rate * 1e9);

        wait.tv_nsec = due <= now ? 0 : due - now < 100000000 ? (long)(due - now) : 100000000;
    }
    ppoll(&p, 1, &wait, NULL);
    return p.revents;
}

static int run_send(struct link *l, int port, uint32_t count, uint32_t window, double rate)
{
    struct sockaddr_in a = at(port), local;
    socklen_t n = sizeof(local);
    uint64_t start, last_answer;
    /* Another run's numbers would be repeats of its requests, which a SIP server remembers for 32 s. */
    uint32_t sent = 0, seen = 0, base = (uint32_t)(bench_now_ns() / 1000 % 50000000);
    char host[32];

    if (connect(l->fd, (struct sockaddr *)&a, sizeof(a)))
        die("connect");
    getsockname(l->fd, (struct sockaddr *)&local, &n);
    snprintf(host, sizeof(host), "127.0.0.1:%u", ntohs(local.sin_port));
    for (int i = 0; l->udp && i < BATCH; i++)
        l->in[i].msg_hdr.msg_name = NULL, l->in[i].msg_hdr.msg_namelen = 0;
    start = last_answer = bench_now_ns();
    while (answered < count) {
        uint64_t now = bench_now_ns();
        uint32_t may = rate > 0 ? (uint32_t)((double)(now - start) / 1e9 * rate) + 1 : count;

        while (sent < count && sent < may && sent - answered < window) {
            size_t k = bench_message(slot(l), base + sent, l->udp ? "UDP" : "TCP", host);

            sent_at[(base + sent++) % NUMBERS] = bench_now_ns();
            emit(l, k, NULL);
        }
        flush(l);
        if (wait_for_answer(l, start, sent, count, sent - answered < window ? rate : 0) && !receive(l, on_answer))
            break;
        if (answered != seen)
            last_answer = bench_now_ns();
        seen = answered;
        if (bench_now_ns() - last_answer > 5000000000u)
            break;
    }
    printf("{\"sent\": %u, \"answered\": %u, \"failed\": %u, \"seconds\": %.6f, \"p50_us\": %.1f, \"p99_us\": %.1f, "
           "\"p999_us\": %.1f}\n",
           sent, answered, failed, (double)(bench_now_ns() - start) / 1e9, bench_percentile_us(&histogram, 50),
           bench_percentile_us(&histogram, 99), bench_percentile_us(&histogram, 99.9));
    return answered == count && !failed ? 0 : 1;
}

static int run_answer(struct link *l, int port)
{
    struct sockaddr_in a = at(port);
    int one = 1;

    setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(l->fd, (struct sockaddr *)&a, sizeof(a)))
        die("bind");
    if (!l->udp) {
        int listening = l->fd;

        if (listen(listening, 4))
            die("listen");
        l->fd = accept(listening, NULL, NULL);
        setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    }
    for (;;) {
        struct pollfd p = { .fd = l->fd, .events = POLLIN };

        poll(&p, 1, -1);
        if (!receive(l, on_request))
            return 0;
        flush(l);
    }
}

int main(int argc, char **argv)
{
    bool udp = argc > 2 && strcmp(argv[2], "udp") == 0;

    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_TIMERSLACK, 1000); /* ns */
    set_up(&the_link, udp);
    if (argc == 7 && strcmp(argv[1], "send") == 0)
        return run_send(&the_link, atoi(argv[3]), (uint32_t)atol(argv[4]), (uint32_t)atol(argv[5]), atof(argv[6]));
    if (argc == 4 && strcmp(argv[1], "answer") == 0)
        return run_answer(&the_link, atoi(argv[3]));
    fprintf(stderr, "usage: load send udp|tcp PORT COUNT WINDOW RATE, or load answer udp|tcp PORT\n");
    return 2;
}
