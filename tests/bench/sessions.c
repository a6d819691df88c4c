/*
 * The SIP side of the benchmark of INVITE sessions, over UDP. It opens sessions, each of another SIP user with another XMPP
 * user, and holds them; then sends MESSAGE requests in them, one after the other.
 *
 *   sessions PORT            commands on standard input, each answered by a line of JSON: "open COUNT WINDOW" (more
 *                            sessions), "send COUNT WINDOW"
 *   sessions PORT answer     the other way: takes every INVITE and answers every request in its session, until it is ended
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

#define SESSIONS_MAX 400000
#define IN_FLIGHT_MAX 4096
#define STALL_MS 5000
#define SDP                                                                                                            \
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=session\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=message 5060 sip null\r\n"       \
    "a=accept-types:text/plain text/html application/im-iscomposing+xml application/ms-imdn+xml\r\n"

struct held {
    char tag[24]; /* the gateway's */
    uint32_t cseq;
};

static struct held sessions[SESSIONS_MAX];
static uint32_t n_sessions;
static uint64_t sent_at[1 << 20];
static struct bench_histogram histogram;
static struct sockaddr_in gateway;
static int fd;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void emit(const char *text, int n)
{
    while (sendto(fd, text, (size_t)n, 0, (struct sockaddr *)&gateway, sizeof(gateway)) < 0)
        if (errno != EAGAIN && errno != ENOBUFS && errno != ECONNREFUSED)
            die("sendto");
}

/* The lines that all requests of session i share. */
static int begin(char *out, size_t size, const char *method, uint32_t i, const char *branch, uint32_t number)
{
    const struct held *s = &sessions[i];

    return snprintf(out, size,
                    "%s sip:%s%06u@%s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK%s%08u\r\n"
                    "Max-Forwards: 70\r\nFrom: <sip:alice%06u@contoso.example>;tag=a%06u\r\n"
                    "To: <sip:romeo%06u@fabrikam.example>%s%s\r\nCall-ID: call%06u@office.contoso.example\r\n"
                    "CSeq: %u %s\r\nContact: <sip:alice%06u@127.0.0.1:5070>\r\n",
                    method, s->tag[0] ? "x" : "romeo", i, s->tag[0] ? "127.0.0.1" : "fabrikam.example", branch, number,
                    i, i, i, s->tag[0] ? ";tag=" : "", s->tag, i, s->cseq, method, i);
}

static void finish(char *out, size_t size, int n, const char *type, const char *body)
{
    n += snprintf(out + n, size - (size_t)n, "%s%s%sContent-Length: %zu\r\n\r\n%s", *type ? "Content-Type: " : "", type,
                  *type ? "\r\n" : "", strlen(body), body);
    emit(out, n);
}

static void invite(uint32_t i)
{
    char text[2048];

    sessions[i].cseq = 1;
    finish(text, sizeof(text), begin(text, sizeof(text), "INVITE", i, "inv", i), "application/sdp", SDP);
}

static void acknowledge(uint32_t i)
{
    char text[2048];

    finish(text, sizeof(text), begin(text, sizeof(text), "ACK", i, "ack", i), "", "");
}

static void message(uint32_t i, uint32_t number)
{
    char text[2048];

    sessions[i].cseq++;
    sent_at[number & ((1 << 20) - 1)] = bench_now_ns();
    finish(text, sizeof(text), begin(text, sizeof(text), "MESSAGE", i, "msg", number), "text/plain;charset=UTF-8",
           "The quick brown fox jumps over the lazy dog, and a line of chat is about so long.");
}

/* The number behind this mark in the top Via; UINT32_MAX: it is not there. */
static uint32_t number_in(const char *text, const char *mark)
{
    const char *at = strstr(text, mark);

    return at ? (uint32_t)strtoul(at + strlen(mark), NULL, 10) : UINT32_MAX;
}

static void keep_tag(uint32_t i, const char *text)
{
    const char *to = strstr(text, "\r\nTo:"), *tag = to ? strstr(to, ";tag=") : NULL;
    size_t n = tag ? strcspn(tag + 5, ";\r\n") : 0;

    if (!n || n >= sizeof(sessions[i].tag)) {
        fprintf(stderr, "a 200 without a tag:\n%s\n", text);
        exit(1);
    }
    memcpy(sessions[i].tag, tag + 5, n);
}

/* The next response above 100, ended by a NUL; false: nothing for STALL_MS. */
static bool receive(char *out, size_t size)
{
    for (;;) {
        ssize_t n;

        if (poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, STALL_MS) == 0)
            return false;
        n = recv(fd, out, size - 1, 0);
        if (n > 12 && memcmp(out, "SIP/2.0 ", 8) == 0 && out[8] != '1') {
            out[n] = '\0';
            return true;
        }
    }
}

static void open_sessions(uint32_t count, uint32_t window)
{
    uint32_t from = n_sessions, next = from, done = 0, refused = 0;
    uint64_t start = bench_now_ns();
    char text[65536];

    while (done < count) {
        uint32_t i;

        while (next - from < count && next - from - done < window)
            invite(next++);
        if (!receive(text, sizeof(text)))
            break;
        i = number_in(text, "z9hG4bKinv");
        if (i == UINT32_MAX || sessions[i].tag[0])
            continue;
        done++;
        refused += memcmp(text + 8, "200", 3) != 0;
        if (memcmp(text + 8, "200", 3) != 0 && refused == 1)
            fprintf(stderr, "%.60s\n", text);
        keep_tag(i, text);
        acknowledge(i);
    }
    n_sessions = from + done;
    printf("{\"opened\": %u, \"refused\": %u, \"seconds\": %.6f}\n", done - refused, refused,
           (double)(bench_now_ns() - start) / 1e9);
}

static void send_messages(uint32_t count, uint32_t window)
{
    uint32_t sent = 0, done = 0, failed = 0;
    static uint32_t number;
    uint32_t first = number;
    uint64_t start = bench_now_ns();
    char text[65536];

    memset(&histogram, 0, sizeof(histogram));
    while (done < count) {
        uint32_t n;

        for (; sent < count && sent - done < window && sent - done < n_sessions; sent++)
            message(sent % n_sessions, number++);
        if (!receive(text, sizeof(text)))
            break;
        n = number_in(text, "z9hG4bKmsg");
        if (n == UINT32_MAX || n < first)
            continue;
        done++;
        failed += memcmp(text + 8, "200", 3) != 0;
        if (memcmp(text + 8, "200", 3) != 0 && failed == 1)
            fprintf(stderr, "%.60s\n", text);
        bench_count(&histogram, bench_now_ns() - sent_at[n & ((1 << 20) - 1)]);
    }
    printf("{\"sent\": %u, \"answered\": %u, \"failed\": %u, \"seconds\": %.6f, \"p50_us\": %.1f, \"p99_us\": %.1f}\n",
           sent, done, failed + (sent - done), (double)(bench_now_ns() - start) / 1e9,
           bench_percentile_us(&histogram, 50), bench_percentile_us(&histogram, 99));
}

static void answer_one(const char *text, size_t n)
{
    static const char end[] = "Content-Length: 0\r\n\r\n";
    char out[4096];
    size_t k = bench_answer(out, sizeof(out) - 512, text, n);

    if (!k || memcmp(text, "ACK ", 4) == 0)
        return;
    if (memcmp(text, "INVITE ", 7) == 0) {
        k -= sizeof(end) - 1;
        k += (size_t)snprintf(out + k, sizeof(out) - k,
                              "Contact: <sip:127.0.0.1:5070>\r\nContent-Type: application/sdp\r\nContent-Length: "
                              "%zu\r\n\r\n" SDP,
                              sizeof(SDP) - 1);
    }
    emit(out, (int)k);
}

static void answer(void)
{
    char text[65536];

    for (;;) {
        ssize_t n = recv(fd, text, sizeof(text), 0);

        if (n > 12 && memcmp(text, "SIP/2.0 ", 8) != 0)
            answer_one(text, (size_t)n);
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in own = { .sin_family = AF_INET,
                               .sin_port = htons(5070),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int size = 8 << 20;
    char word[16];
    uint32_t count, window;

    if (argc != 2 && (argc != 3 || strcmp(argv[2], "answer") != 0))
        return 2;
    gateway = own;
    gateway.sin_port = htons((uint16_t)atoi(argv[1]));
    fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0 ||
        bind(fd, (struct sockaddr *)&own, sizeof(own)) < 0)
        die("socket");
    if (argc == 3)
        answer();
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (scanf("%15s %u %u", word, &count, &window) == 3) {
        if (window > IN_FLIGHT_MAX || n_sessions + count > SESSIONS_MAX * (word[0] == 'o' ? 1ull : 10000ull))
            return 2;
        if (strcmp(word, "open") == 0)
            open_sessions(count, window);
        else
            send_messages(count, window);
    }
    return 0;
}
