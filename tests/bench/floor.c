/*
 * The floor: what the same traffic costs with bare sockets and OpenSSL. Same system calls in the same batches, same record
 * sizes, no parsing, no state but a queue of who waits. What the gateway costs above this is its own work. The -tcp forms are
 * the same with one TCP connection on the SIP side.
 *
 *   s2x: requests come by UDP, stanzas go out on TLS to TLS-PORT, acknowledgements come back, then the 200s leave
 *   x2s: stanzas come in by TLS at TLS-PORT, requests leave by UDP to SIP-PORT, 200s come back, then one acknowledgement
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "message.h"

#define BATCH 64
#define QUEUE 65536

static struct mmsghdr headers[BATCH], answers[BATCH];
static struct iovec in_iov[BATCH], out_iov[BATCH];
static struct sockaddr_in peers[BATCH];
static char in[BATCH][2048], out[BATCH][1024];
static char waiting[QUEUE][600]; /* answers that wait for the acknowledgement */
static unsigned short waiting_n[QUEUE];
static struct sockaddr_in waiting_to[QUEUE];
static unsigned queue_head, queue_tail;

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

static int udp_socket(int port)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), size = 4 << 20;
    struct sockaddr_in a = at(port);

    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    if (bind(fd, (struct sockaddr *)&a, sizeof(a)))
        die("bind");
    for (int i = 0; i < BATCH; i++) {
        in_iov[i] = (struct iovec){ in[i], sizeof(in[i]) };
        headers[i].msg_hdr = (struct msghdr){
            .msg_name = &peers[i], .msg_namelen = sizeof(peers[i]), .msg_iov = &in_iov[i], .msg_iovlen = 1
        };
    }
    return fd;
}

/* TLS over memory BIOs, one send for all that was written: as the gateway does it. */
struct tls {
    SSL *ssl;
    BIO *rx, *tx;
    int fd;
};

static void tls_flush(struct tls *t)
{
    char *p;
    long n = BIO_get_mem_data(t->tx, &p), sent = 0;

    while (sent < n) {
        ssize_t k = send(t->fd, p + sent, (size_t)(n - sent), MSG_NOSIGNAL);

        if (k > 0)
            sent += k;
        else if (errno == EAGAIN)
            poll(&(struct pollfd){ .fd = t->fd, .events = POLLOUT }, 1, 1000);
        else
            die("send");
    }
    (void)BIO_reset(t->tx);
}

static int tls_read(struct tls *t, char *p, int n)
{
    char raw[16384];
    int got = SSL_read(t->ssl, p, n);

    if (got > 0)
        return got;
    ssize_t k = recv(t->fd, raw, sizeof(raw), MSG_DONTWAIT);
    if (k == 0)
        exit(0);
    if (k < 0)
        return 0;
    BIO_write(t->rx, raw, (int)k);
    got = SSL_read(t->ssl, p, n);
    return got > 0 ? got : 0;
}

static void tls_up(struct tls *t, int fd, SSL_CTX *ctx, int server)
{
    int one = 1, rc;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    t->fd = fd;
    t->ssl = SSL_new(ctx);
    t->rx = BIO_new(BIO_s_mem());
    t->tx = BIO_new(BIO_s_mem());
    SSL_set_bio(t->ssl, t->rx, t->tx);
    if (server)
        SSL_set_accept_state(t->ssl);
    else
        SSL_set_connect_state(t->ssl);
    while ((rc = SSL_do_handshake(t->ssl)) != 1) {
        char raw[16384];
        ssize_t n;

        tls_flush(t);
        n = recv(fd, raw, sizeof(raw), 0);
        if (n <= 0)
            die("handshake");
        BIO_write(t->rx, raw, (int)n);
    }
    tls_flush(t);
}

static void send_answers(int fd, unsigned n)
{
    while (n && queue_head != queue_tail) {
        unsigned k = 0;

        while (k < BATCH && k < n && queue_head != queue_tail) {
            unsigned q = queue_head++ % QUEUE;

            out_iov[k] = (struct iovec){ waiting[q], waiting_n[q] };
            answers[k].msg_hdr = (struct msghdr){ .msg_name = &waiting_to[q],
                                                  .msg_namelen = sizeof(waiting_to[q]),
                                                  .msg_iov = &out_iov[k],
                                                  .msg_iovlen = 1 };
            k++;
        }
        n -= k;
        sendmmsg(fd, answers, k, 0);
    }
}

/* Columns of the benchmark's message, so that an answer is two copies. */
static size_t echo_from, echo_n, stanza_n;
static char stanza[1024];

static void measure_columns(void)
{
    char m[1024];
    size_t n = bench_message(m, 0, "UDP", "127.0.0.1");

    echo_from = (size_t)((char *)memmem(m, n, "Via:", 4) - m);
    echo_n = (size_t)((char *)memmem(m, n, "User-Agent", 10) - m) - echo_from;
    stanza_n = bench_stanza(stanza, 0);
}

static void keep_answer(unsigned i)
{
    static const char first[] = "SIP/2.0 200 OK\r\n", last[] = "Content-Length: 0\r\n\r\n";
    unsigned q = queue_tail++ % QUEUE;

    memcpy(waiting[q], first, sizeof(first) - 1);
    memcpy(waiting[q] + sizeof(first) - 1, in[i] + echo_from, echo_n);
    memcpy(waiting[q] + sizeof(first) - 1 + echo_n, last, sizeof(last) - 1);
    waiting_n[q] = (unsigned short)(sizeof(first) - 1 + echo_n + sizeof(last) - 1);
    waiting_to[q] = peers[i];
}

static void tls_write(struct tls *t, const char *p, size_t n)
{
    for (size_t sent = 0; sent < n;) {
        size_t k = n - sent > 16384 ? 16384 : n - sent;

        SSL_write(t->ssl, p + sent, (int)k);
        sent += k;
    }
    if (n)
        tls_flush(t);
}

/* The peer acknowledges with four bytes: how many it has taken since it last did. */
static void s2x(int udp_port, int tls_port, SSL_CTX *ctx)
{
    int udp = udp_socket(udp_port), fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = at(tls_port);
    static char cork[BATCH * 1024];
    struct tls t;

    if (connect(fd, (struct sockaddr *)&a, sizeof(a)))
        die("connect");
    tls_up(&t, fd, ctx, 0);
    for (;;) {
        struct pollfd p[2] = { { .fd = udp, .events = POLLIN }, { .fd = fd, .events = POLLIN } };
        uint32_t acks[64];
        int n, got;

        poll(p, 2, -1);
        n = p[0].revents & POLLIN ? recvmmsg(udp, headers, BATCH, 0, NULL) : 0;
        for (int i = 0; i < n; i++) {
            memcpy(cork + (size_t)i * stanza_n, stanza, stanza_n);
            keep_answer((unsigned)i);
        }
        if (n > 0)
            tls_write(&t, cork, (size_t)n * stanza_n);
        while (p[1].revents && (got = tls_read(&t, (char *)acks, sizeof(acks))) > 0)
            for (int i = 0; i < got / 4; i++)
                send_answers(udp, acks[i]);
    }
}

/* Fixed-size stanzas come in, requests leave in one call, answers are counted and acknowledged in one record. */
static void x2s(int udp_port, int tls_port, int sip_port, SSL_CTX *ctx)
{
    int udp = udp_socket(udp_port), listening = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct sockaddr_in a = at(tls_port), to = at(sip_port);
    static char rx[65536];
    size_t have = 0, mark, message_n = 0;
    uint32_t number = 0, answered = 0;
    struct tls t;

    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(listening, (struct sockaddr *)&a, sizeof(a)) || listen(listening, 1))
        die("listen");
    for (int i = 0; i < BATCH; i++)
        message_n = bench_message(out[i], 0, "UDP", "127.0.0.1");
    mark = (size_t)((char *)memmem(out[0], 600, "bKbench", 7) - out[0]) + 7;
    tls_up(&t, accept(listening, NULL, NULL), ctx, 1);
    for (;;) {
        struct pollfd p[2] = { { .fd = udp, .events = POLLIN }, { .fd = t.fd, .events = POLLIN } };
        int n, got;

        poll(p, 2, -1);
        while (p[1].revents && (got = tls_read(&t, rx + have, (int)(sizeof(rx) - have))) > 0) {
            size_t used = 0;
            unsigned k = 0;

            have += (size_t)got;
            for (; have - used >= stanza_n; used += stanza_n) {
                char digits[16];

                snprintf(digits, sizeof(digits), "%08u", number++ % 100000000);
                memcpy(out[k] + mark, digits, 8);
                out_iov[k] = (struct iovec){ out[k], message_n };
                answers[k].msg_hdr = (struct msghdr){
                    .msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &out_iov[k], .msg_iovlen = 1
                };
                if (++k == BATCH) {
                    sendmmsg(udp, answers, k, 0);
                    k = 0;
                }
            }
            if (k)
                sendmmsg(udp, answers, k, 0);
            memmove(rx, rx + used, have - used);
            have -= used;
        }
        n = p[0].revents & POLLIN ? recvmmsg(udp, headers, BATCH, 0, NULL) : 0;
        if (n > 0) {
            answered = (uint32_t)n;
            tls_write(&t, (const char *)&answered, sizeof(answered));
        }
    }
}

/* Bytes that came in on a stream, and the ones that go out in one call. */
struct stream {
    int fd;
    char rx[1 << 17], tx[1 << 17];
    size_t n_rx, n_tx, unit; /* unit: the constant size of what comes in, known from the first */
};

static struct stream sip_side;

/* How many whole units there are now. */
static size_t stream_read(struct stream *s)
{
    ssize_t n = recv(s->fd, s->rx + s->n_rx, sizeof(s->rx) - s->n_rx, MSG_DONTWAIT);

    if (n == 0)
        exit(0);
    s->n_rx += n > 0 ? (size_t)n : 0;
    if (!s->unit && s->n_rx) {
        char *blank = memmem(s->rx, s->n_rx, "\r\n\r\n", 4);
        char *length = memmem(s->rx, s->n_rx, "Content-Length: ", 16);

        if (blank && length)
            s->unit = (size_t)(blank - s->rx) + 4 + strtoul(length + 16, NULL, 10);
    }
    return s->unit ? s->n_rx / s->unit : 0;
}

static void stream_used(struct stream *s, size_t units)
{
    size_t n = units * s->unit;

    memmove(s->rx, s->rx + n, s->n_rx - n);
    s->n_rx -= n;
}

static void stream_flush(struct stream *s)
{
    for (size_t sent = 0; sent < s->n_tx;) {
        ssize_t n = send(s->fd, s->tx + sent, s->n_tx - sent, MSG_NOSIGNAL);

        if (n <= 0)
            exit(0);
        sent += (size_t)n;
    }
    s->n_tx = 0;
}

static int tcp_listen(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct sockaddr_in a = at(port);

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 1))
        die("listen");
    return fd;
}

static int tcp_connect(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct sockaddr_in a = at(port);

    if (connect(fd, (struct sockaddr *)&a, sizeof(a)))
        die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

static void stream_answer(struct stream *s, unsigned n)
{
    for (; n && queue_head != queue_tail; n--) {
        unsigned q = queue_head++ % QUEUE;

        if (s->n_tx + waiting_n[q] > sizeof(s->tx))
            stream_flush(s);
        memcpy(s->tx + s->n_tx, waiting[q], waiting_n[q]);
        s->n_tx += waiting_n[q];
    }
    stream_flush(s);
}

static void s2x_tcp(int sip_port, int tls_port, SSL_CTX *ctx)
{
    struct stream *s = &sip_side;
    static char cork[1 << 17];
    struct tls t;

    tls_up(&t, tcp_connect(tls_port), ctx, 0);
    s->fd = accept(tcp_listen(sip_port), NULL, NULL);
    for (;;) {
        struct pollfd p[2] = { { .fd = s->fd, .events = POLLIN }, { .fd = t.fd, .events = POLLIN } };
        uint32_t acks[64];
        size_t n;
        int got;

        poll(p, 2, -1);
        n = p[0].revents ? stream_read(s) : 0;
        for (size_t i = 0; i < n; i++) {
            memcpy(in[0], s->rx + i * s->unit, s->unit);
            memcpy(cork + i * stanza_n, stanza, stanza_n);
            keep_answer(0);
        }
        if (n) {
            stream_used(s, n);
            tls_write(&t, cork, n * stanza_n);
        }
        while (p[1].revents && (got = tls_read(&t, (char *)acks, sizeof(acks))) > 0)
            for (int i = 0; i < got / 4; i++)
                stream_answer(s, acks[i]);
    }
}

static void x2s_tcp(int tls_port, int sip_port, SSL_CTX *ctx)
{
    struct stream *s = &sip_side;
    static char rx[65536], request[1024];
    size_t have = 0, mark, request_n = bench_message(request, 0, "TCP", "127.0.0.1");
    uint32_t number = 0, answered;
    struct tls t;

    mark = (size_t)((char *)memmem(request, request_n, "bKbench", 7) - request) + 7;
    s->fd = tcp_connect(sip_port);
    tls_up(&t, accept(tcp_listen(tls_port), NULL, NULL), ctx, 1);
    for (;;) {
        struct pollfd p[2] = { { .fd = s->fd, .events = POLLIN }, { .fd = t.fd, .events = POLLIN } };
        int got;

        poll(p, 2, -1);
        while (p[1].revents && (got = tls_read(&t, rx + have, (int)(sizeof(rx) - have))) > 0) {
            size_t used = 0;

            have += (size_t)got;
            for (; have - used >= stanza_n; used += stanza_n) {
                char digits[16];

                snprintf(digits, sizeof(digits), "%08u", number++ % 100000000);
                if (s->n_tx + request_n > sizeof(s->tx))
                    stream_flush(s);
                memcpy(s->tx + s->n_tx, request, request_n);
                memcpy(s->tx + s->n_tx + mark, digits, 8);
                s->n_tx += request_n;
            }
            memmove(rx, rx + used, have - used);
            have -= used;
        }
        stream_flush(s);
        answered = p[0].revents ? (uint32_t)stream_read(s) : 0;
        if (answered) {
            stream_used(s, answered);
            tls_write(&t, (const char *)&answered, sizeof(answered));
        }
    }
}

int main(int argc, char **argv)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());
    int sip_in = argc > 6 ? atoi(argv[2]) : 0, tls = argc > 6 ? atoi(argv[3]) : 0,
        sip_out = argc > 6 ? atoi(argv[4]) : 0;

    if (argc < 7) {
        fprintf(stderr, "usage: floor s2x|x2s|s2x-tcp|x2s-tcp SIP-PORT-IN TLS-PORT SIP-PORT-OUT CERT KEY\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    measure_columns();
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    if (argv[1][0] == 'x' && (SSL_CTX_use_certificate_chain_file(ctx, argv[5]) != 1 ||
                              SSL_CTX_use_PrivateKey_file(ctx, argv[6], SSL_FILETYPE_PEM) != 1))
        die("certificate");
    if (strcmp(argv[1], "s2x") == 0)
        s2x(sip_in, tls, ctx);
    else if (strcmp(argv[1], "x2s") == 0)
        x2s(sip_in, tls, sip_out, ctx);
    else if (strcmp(argv[1], "s2x-tcp") == 0)
        s2x_tcp(sip_in, tls, ctx);
    else
        x2s_tcp(tls, sip_out, ctx);
    return 0;
}
