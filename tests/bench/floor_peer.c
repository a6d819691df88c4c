/*
 * The other end of the floor program's TLS connection, bare as itself: takes fixed-size stanzas and acknowledges each batch
 * with four bytes (sink), or sends them with a window and counts the acknowledgements (source).
 *
 *   floor_peer sink TLS-PORT CERT KEY            floor_peer source TLS-PORT COUNT WINDOW
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "message.h"

static struct sockaddr_in at(int port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static void sink(int port, SSL_CTX *ctx, size_t stanza_n)
{
    int listening = socket(AF_INET, SOCK_STREAM, 0), one = 1, fd;
    struct sockaddr_in a = at(port);
    static char rx[16384];
    size_t have = 0;
    SSL *ssl = SSL_new(ctx);
    int n;

    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(listening, (struct sockaddr *)&a, sizeof(a)) || listen(listening, 1))
        exit(1);
    fd = accept(listening, NULL, NULL);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) != 1)
        exit(1);
    while ((n = SSL_read(ssl, rx, sizeof(rx))) > 0) {
        uint32_t whole;

        have += (size_t)n;
        whole = (uint32_t)(have / stanza_n);
        have %= stanza_n;
        if (whole && SSL_write(ssl, &whole, sizeof(whole)) <= 0)
            return;
    }
}

static void source(int port, SSL_CTX *ctx, size_t stanza_n, uint32_t count, uint32_t window)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct sockaddr_in a = at(port);
    static char tx[1 << 20];
    uint32_t sent = 0, acked = 0, acks[256];
    SSL *ssl = SSL_new(ctx);
    uint64_t start;

    if (connect(fd, (struct sockaddr *)&a, sizeof(a)))
        exit(1);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    SSL_set_fd(ssl, fd);
    if (SSL_connect(ssl) != 1)
        exit(1);
    for (size_t i = 0; i + 1024 < sizeof(tx); i += stanza_n)
        bench_stanza(tx + i, 0);
    start = bench_now_ns();
    while (acked < count) {
        uint32_t k = window - (sent - acked);
        int n;

        if (k > count - sent)
            k = count - sent;
        for (size_t at_byte = 0; at_byte < k * stanza_n;) {
            size_t left = k * stanza_n - at_byte, piece = left > 16384 ? 16384 : left;

            SSL_write(ssl, tx + at_byte, (int)piece);
            at_byte += piece;
        }
        sent += k;
        n = SSL_read(ssl, acks, sizeof(acks));
        if (n <= 0)
            exit(1);
        for (int i = 0; i < n / 4; i++)
            acked += acks[i];
    }
    printf("{\"sent\": %u, \"answered\": %u, \"failed\": 0, \"seconds\": %.6f}\n", sent, acked,
           (double)(bench_now_ns() - start) / 1e9);
}

int main(int argc, char **argv)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());
    char text[1024];
    size_t stanza_n = bench_stanza(text, 0);

    if (argc == 5 && strcmp(argv[1], "sink") == 0 && SSL_CTX_use_certificate_chain_file(ctx, argv[3]) == 1 &&
        SSL_CTX_use_PrivateKey_file(ctx, argv[4], SSL_FILETYPE_PEM) == 1)
        sink(atoi(argv[2]), ctx, stanza_n);
    else if (argc == 5 && strcmp(argv[1], "source") == 0)
        source(atoi(argv[2]), ctx, stanza_n, (uint32_t)atol(argv[3]), (uint32_t)atol(argv[4]));
    else
        return 2;
    return 0;
}
