/*
 * A bad line for UDP: a relay between two ends that loses, doubles, delays and so reorders datagrams, each way by a sequence
 * of chances of its own that the seed decides. What comes from one end goes to the other; each end speaks to a socket of
 * the relay, so that answers find their way back. Held datagrams are bounded; one too many is lost, and counted as over.
 *
 *   bad-line NEAR LEFT FAR RIGHT SEED LOSS DOUBLE LATE JITTER-MS [SILENT-AFTER SILENT-MS]
 *
 * The first four are ADDRESS:PORT: LEFT sends to NEAR, RIGHT to FAR. LOSS, DOUBLE and LATE are percentages; what is late is
 * delayed by up to twice the jitter. With the last two everything is lost for SILENT-MS once SILENT-AFTER have come.
 * Ended by SIGTERM it lets go what it holds, then prints what it did, each way, as JSON.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "udp.h"

#define HELD_MAX 32768
#define DATAGRAM_MAX 2048
#define BATCH 64

struct way {
    int fd; /* what arrives here ... */
    const struct way *out;
    struct sockaddr_in to; /* ... leaves from the other one to there */
    uint64_t chances;
    unsigned long long came, lost, doubled, late, went, over;
};

/* A datagram under way; those free are chained by next. */
struct held {
    uint64_t due_ns;
    struct way *way;
    uint32_t next;
    uint16_t n;
    char data[DATAGRAM_MAX];
};

struct line {
    struct way ways[2];
    double loss, late, twice, jitter_ns;
    unsigned long long silent_after;
    uint64_t silent_ns, silent_until_ns;
    struct held held[HELD_MAX];
    uint32_t heap[HELD_MAX]; /* indices of held, the earliest first */
    uint32_t n, free;
};

static volatile sig_atomic_t over;

static void on_signal(int number)
{
    (void)number;
    over = 1;
}

/* splitmix64, as a fraction of 1 */
static double chance(struct way *way)
{
    uint64_t z = way->chances += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (double)((z ^ z >> 31) >> 11) / 9007199254740992.0;
}

static uint64_t due(const struct line *l, uint32_t at)
{
    return l->held[l->heap[at]].due_ns;
}

static void swap(struct line *l, uint32_t a, uint32_t b)
{
    uint32_t tmp = l->heap[a];

    l->heap[a] = l->heap[b];
    l->heap[b] = tmp;
}

static void hold(struct line *l, struct way *way, const char *data, size_t n, double ns, uint64_t now)
{
    struct held *h;

    if (l->free == HELD_MAX) {
        way->over++;
        return;
    }
    h = &l->held[l->free];
    l->heap[l->n] = l->free;
    l->free = h->next;
    h->due_ns = now + (uint64_t)ns;
    h->way = way;
    h->n = (uint16_t)n;
    memcpy(h->data, data, n);
    for (uint32_t at = l->n++; at > 0 && due(l, at) < due(l, (at - 1) / 2); at = (at - 1) / 2)
        swap(l, at, (at - 1) / 2);
}

static void let_go(struct line *l)
{
    struct held *h = &l->held[l->heap[0]];

    h->way->went++;
    udp_send(h->way->out->fd, h->data, h->n, &h->way->to);
    h->next = l->free;
    l->free = l->heap[0];
    l->heap[0] = l->heap[--l->n];
    for (uint32_t at = 0, least;; at = least) {
        least = at;
        for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < l->n; child++)
            if (due(l, child) < due(l, least))
                least = child;
        if (least == at)
            return;
        swap(l, at, least);
    }
}

static void take(struct line *l, struct way *way, const char *data, size_t n, uint64_t now)
{
    bool lost = chance(way) < l->loss, twice = chance(way) < l->twice, late = chance(way) < l->late;

    if (++way->came == l->silent_after) {
        l->silent_until_ns = now + l->silent_ns;
        l->silent_after = 0; /* once */
    }
    if (lost || now < l->silent_until_ns) {
        way->lost++;
        return;
    }
    way->doubled += twice;
    way->late += late;
    for (int i = 0; i < 1 + twice; i++)
        hold(l, way, data, n, (chance(way) + late) * l->jitter_ns, now);
}

static void receive(struct line *l, struct way *way, uint64_t now)
{
    static char data[BATCH][DATAGRAM_MAX];
    static struct mmsghdr in[BATCH];
    static struct iovec iov[BATCH];
    int n;

    for (int i = 0; i < BATCH; i++) {
        iov[i] = (struct iovec){ data[i], DATAGRAM_MAX };
        in[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
    }
    n = recvmmsg(way->fd, in, BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < n; i++)
        take(l, way, data[i], in[i].msg_len, now);
}

static void run(struct line *l)
{
    while (!over || l->n) {
        struct pollfd p[2] = { { .fd = l->ways[0].fd, .events = POLLIN }, { .fd = l->ways[1].fd, .events = POLLIN } };
        uint64_t now = udp_now_ns(), wait = l->n ? (due(l, 0) > now ? due(l, 0) - now : 0) : 100000000;
        struct timespec t = { .tv_nsec = (long)(wait < 100000000 ? wait : 100000000) };

        if (ppoll(p, over ? 0 : 2, &t, NULL) < 0 && errno != EINTR)
            udp_die("ppoll");
        now = udp_now_ns();
        for (int i = 0; i < 2; i++)
            if (!over && p[i].revents)
                receive(l, &l->ways[i], now);
        while (l->n && due(l, 0) <= now)
            let_go(l);
    }
}

static void report(const struct way *w, const char *end)
{
    printf("{\"came\": %llu, \"lost\": %llu, \"doubled\": %llu, \"late\": %llu, \"went\": %llu, \"over\": %llu}%s",
           w->came, w->lost, w->doubled, w->late, w->went, w->over, end);
}

int main(int argc, char **argv)
{
    static struct line l;

    if (argc != 10 && argc != 12) {
        fprintf(stderr,
                "usage: bad-line NEAR LEFT FAR RIGHT SEED LOSS DOUBLE LATE JITTER-MS [SILENT-AFTER SILENT-MS]\n");
        return 2;
    }
    for (uint32_t i = 0; i < HELD_MAX; i++)
        l.held[i].next = i + 1;
    for (int i = 0; i < 2; i++) {
        l.ways[i].fd = udp_bound(argv[1 + 2 * i]);
        l.ways[i].to = udp_address(argv[4 - 2 * i]);
        l.ways[i].out = &l.ways[1 - i];
        l.ways[i].chances = strtoull(argv[5], NULL, 10) * 2 + (uint64_t)i;
    }
    l.loss = atof(argv[6]) / 100;
    l.twice = atof(argv[7]) / 100;
    l.late = atof(argv[8]) / 100;
    l.jitter_ns = atof(argv[9]) * 1e6;
    if (argc == 12) {
        l.silent_after = strtoull(argv[10], NULL, 10);
        l.silent_ns = strtoull(argv[11], NULL, 10) * 1000000;
    }
    signal(SIGTERM, on_signal);
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("listening\n");
    run(&l);
    printf("[");
    report(&l.ways[0], ", ");
    report(&l.ways[1], "]\n");
    return 0;
}
