/*
 * The SIP side of the benchmark of presence, over UDP: watchers, each of another SIP user who watches another XMPP user by a
 * SUBSCRIBE that stands. They answer every NOTIFY with 200, and are refreshed when it is asked for.
 *
 *   watchers PORT
 *
 * Commands on standard input, each answered by a line of JSON: "open COUNT WINDOW" (more watchers; each is there when its first
 * NOTIFY with a document has come), "hear COUNT 0" (until so many NOTIFYs with documents have come since the last command, or none
 * for a while), "refresh COUNT WINDOW" (SUBSCRIBEs in the dialogs, in turn, each until its NOTIFY has come).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "message.h"

#define WATCHERS_MAX 400000
#define STALL_MS 5000

static unsigned cseq_heard[WATCHERS_MAX]; /* of the last NOTIFY with a document; 0: none yet */
static unsigned refreshes[WATCHERS_MAX];
static char gateway_tag[WATCHERS_MAX][20];
static uint32_t n_watchers, n_there, n_heard, n_refused;
static struct sockaddr_in gateway;
static int fd;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void emit(const char *text, size_t n)
{
    while (sendto(fd, text, n, 0, (struct sockaddr *)&gateway, sizeof(gateway)) < 0)
        if (errno != EAGAIN && errno != ENOBUFS && errno != ECONNREFUSED)
            die("sendto");
}

static void subscribe(uint32_t i)
{
    char text[1024];
    int n = snprintf(
        text, sizeof(text),
        "SUBSCRIBE sip:romeo%06u@fabrikam.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKsub%06u\r\n"
        "Max-Forwards: 70\r\nFrom: <sip:alice%06u@contoso.example>;tag=a%06u\r\n"
        "To: <sip:romeo%06u@fabrikam.example>\r\nCall-ID: watch%06u@office.contoso.example\r\n"
        "CSeq: 1 SUBSCRIBE\r\nContact: <sip:alice%06u@127.0.0.1:5070>\r\nEvent: presence\r\n"
        "Accept: application/pidf+xml\r\nExpires: 3600\r\nContent-Length: 0\r\n\r\n",
        i, i, i, i, i, i, i);

    emit(text, (size_t)n);
}

/* Of the dialog: it is in the NOTIFY's From. */
static void keep_tag(uint32_t i, const char *text)
{
    const char *from = strstr(text, "\r\nFrom: "), *tag = from ? strstr(from, ";tag=") : NULL;
    size_t n = tag ? strcspn(tag + 5, ";\r") : 0;

    if (n && n < sizeof(gateway_tag[i]))
        memcpy(gateway_tag[i], tag + 5, n);
}

static void refresh_one(uint32_t i)
{
    char text[1024];
    unsigned cseq = ++refreshes[i] + 1;
    int n =
        snprintf(text, sizeof(text),
                 "SUBSCRIBE sip:127.0.0.1:%u SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKref%06u-%u\r\n"
                 "Max-Forwards: 70\r\nFrom: <sip:alice%06u@contoso.example>;tag=a%06u\r\n"
                 "To: <sip:romeo%06u@fabrikam.example>;tag=%s\r\nCall-ID: watch%06u@office.contoso.example\r\n"
                 "CSeq: %u SUBSCRIBE\r\nContact: <sip:alice%06u@127.0.0.1:5070>\r\nEvent: presence\r\n"
                 "Accept: application/pidf+xml\r\nExpires: 3600\r\nContent-Length: 0\r\n\r\n",
                 ntohs(gateway.sin_port), i, cseq, i, i, i, gateway_tag[i], i, cseq, i);

    emit(text, (size_t)n);
}

static void on_notify(const char *text, size_t n)
{
    const char *cseq = strstr(text, "\r\nCSeq: "), *type = strstr(text, "\r\nContent-Type: ");
    uint32_t i = (uint32_t)strtoul(text + sizeof("NOTIFY sip:alice") - 1, NULL, 10);
    unsigned number = cseq ? (unsigned)strtoul(cseq + 8, NULL, 10) : 0;
    char out[4096];
    size_t k = bench_answer(out, sizeof(out), text, n);

    if (k)
        emit(out, k);
    if (i >= n_watchers || !type || number <= cseq_heard[i])
        return;
    n_there += !cseq_heard[i];
    cseq_heard[i] = number;
    keep_tag(i, text);
    n_heard++;
}

/* False: nothing has come for STALL_MS. */
static bool receive(void)
{
    static char text[65536];
    ssize_t n;

    if (poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, STALL_MS) == 0)
        return false;
    n = recv(fd, text, sizeof(text) - 1, 0);
    if (n <= 12)
        return true;
    text[n] = '\0';
    if (strncmp(text, "NOTIFY sip:alice", 16) == 0)
        on_notify(text, (size_t)n);
    else if (strncmp(text, "SIP/2.0 ", 8) == 0 && text[8] > '2' && n_refused++ == 0)
        fprintf(stderr, "%.60s\n", text);
    return true;
}

static void open_watchers(uint32_t count, uint32_t window)
{
    uint32_t from = n_watchers;
    uint64_t start = bench_now_ns();

    while (n_there + n_refused < from + count) {
        while (n_watchers < from + count && n_watchers - n_there - n_refused < window)
            subscribe(n_watchers++);
        if (!receive())
            break;
    }
    printf("{\"opened\": %u, \"refused\": %u, \"seconds\": %.6f}\n", n_there - from, n_refused,
           (double)(bench_now_ns() - start) / 1e9);
    n_heard = 0;
}

static void hear(uint32_t count)
{
    uint64_t start = bench_now_ns(), last = start;

    while (n_heard < count && receive())
        last = bench_now_ns();
    printf("{\"answered\": %u, \"seconds\": %.6f}\n", n_heard, (double)(last - start) / 1e9);
    n_heard = 0;
}

static void refresh(uint32_t count, uint32_t window)
{
    uint64_t start = bench_now_ns();
    uint32_t sent = 0;

    n_heard = 0;
    while (n_heard < count) {
        for (; sent < count && sent - n_heard < window; sent++)
            refresh_one(sent % n_watchers);
        if (!receive())
            break;
    }
    printf("{\"answered\": %u, \"seconds\": %.6f}\n", n_heard, (double)(bench_now_ns() - start) / 1e9);
    n_heard = 0;
}

int main(int argc, char **argv)
{
    struct sockaddr_in own = { .sin_family = AF_INET,
                               .sin_port = htons(5070),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int size = 8 << 20;
    uint32_t count, window;
    char word[16];

    if (argc != 2)
        return 2;
    gateway = own;
    gateway.sin_port = htons((uint16_t)atoi(argv[1]));
    fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0 ||
        bind(fd, (struct sockaddr *)&own, sizeof(own)) < 0)
        die("socket");
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (scanf("%15s %u %u", word, &count, &window) == 3) {
        if (n_watchers + count > WATCHERS_MAX && word[0] == 'o')
            return 2;
        if (strcmp(word, "open") == 0)
            open_watchers(count, window);
        else if (word[0] == 'r')
            refresh(count, window);
        else
            hear(count);
    }
    return 0;
}
