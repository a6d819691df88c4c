#include "udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define SOCKET_BYTES (16 << 20)

void udp_die(const char *what)
{
    perror(what);
    exit(1);
}

struct sockaddr_in udp_address(const char *text)
{
    struct sockaddr_in a = { .sin_family = AF_INET };
    const char *colon = strchr(text, ':');
    char host[INET_ADDRSTRLEN] = "";

    if (colon && (size_t)(colon - text) < sizeof(host)) {
        memcpy(host, text, (size_t)(colon - text));
        a.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    }
    if (inet_pton(AF_INET, host, &a.sin_addr) != 1 || !a.sin_port) {
        fprintf(stderr, "%s is not ADDRESS:PORT\n", text);
        exit(2);
    }
    return a;
}

/* Beyond the system's limit where we may. */
static void widen(int fd, int forced, int plain)
{
    int size = SOCKET_BYTES;

    if (setsockopt(fd, SOL_SOCKET, forced, &size, sizeof(size)))
        setsockopt(fd, SOL_SOCKET, plain, &size, sizeof(size));
}

int udp_bound(const char *text)
{
    struct sockaddr_in a = udp_address(text);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        udp_die("socket");
    widen(fd, SO_RCVBUFFORCE, SO_RCVBUF);
    widen(fd, SO_SNDBUFFORCE, SO_SNDBUF);
    if (bind(fd, (const struct sockaddr *)&a, sizeof(a)))
        udp_die(text);
    return fd;
}

void udp_send(int fd, const char *data, size_t n, const struct sockaddr_in *to)
{
    while (sendto(fd, data, n, 0, (const struct sockaddr *)to, sizeof(*to)) < 0) {
        if (errno == ECONNREFUSED)
            return;
        if (errno != EINTR && errno != EAGAIN && errno != ENOBUFS)
            udp_die("sendto");
    }
}

uint64_t udp_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
