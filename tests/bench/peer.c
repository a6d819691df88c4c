#include "peer.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "message.h"

#define KEEP_ALIVE_MAX 12 /* nothing that is so short is a message */

static void die(const char *what)
{
    perror(what);
    exit(1);
}

bool bench_peer_open(struct bench_peer *p, int argc, char **argv, int receive_bytes)
{
    struct sockaddr_in own;

    if ((argc != 2 && argc != 5) || !bench_address(argv[1], &p->gateway) ||
        !bench_address(argc == 5 ? argv[2] : "5070", &own))
        return false;
    (void)bench_address_text(&p->gateway, p->gateway_text);
    (void)bench_address_text(&own, p->own_text);
    p->sip_domain = argc == 5 ? argv[3] : "contoso.example";
    p->xmpp_domain = argc == 5 ? argv[4] : "fabrikam.example";
    p->fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (p->fd < 0 || setsockopt(p->fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_bytes, sizeof(receive_bytes)) < 0 ||
        bind(p->fd, (struct sockaddr *)&own, sizeof(own)) < 0)
        die("socket");
    setvbuf(stdout, NULL, _IOLBF, 0);
    return true;
}

void bench_peer_send(const struct bench_peer *p, const char *text, size_t n)
{
    while (sendto(p->fd, text, n, 0, (const struct sockaddr *)&p->gateway, sizeof(p->gateway)) < 0)
        if (errno != EAGAIN && errno != ENOBUFS && errno != ECONNREFUSED)
            die("sendto");
}

long bench_peer_receive(const struct bench_peer *p, char *text, size_t size, int stall_ms)
{
    ssize_t n;

    if (poll(&(struct pollfd){ .fd = p->fd, .events = POLLIN }, 1, stall_ms) == 0)
        return -1;
    n = recv(p->fd, text, size - 1, 0);
    if (n <= KEEP_ALIVE_MAX)
        return 0;
    text[n] = '\0';
    return n;
}
