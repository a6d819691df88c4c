#include "message.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

size_t bench_message(char *out, uint32_t n, const char *via_transport, const char *via_host)
{
    static const char text[] = "The quick brown fox jumps over the lazy dog, and a line of chat is about so long.";
    unsigned user = n % BENCH_USERS;

    return (size_t)snprintf(
        out, 1024,
        "MESSAGE sip:romeo%03u@fabrikam.example SIP/2.0\r\n"
        "Via: SIP/2.0/%s %s;branch=z9hG4bKbench%08u-7d4e91c2a6b35f08;rport\r\n"
        "Max-Forwards: 70\r\n"
        "To: <sip:romeo%03u@fabrikam.example>\r\n"
        "From: \"Alice Example\" <sip:alice%03u@contoso.example>;tag=a6c85cf%08u\r\n"
        "Call-ID: f81d4fae-7dec-11d0-a765-00a0%08u@office.contoso.example\r\n"
        "CSeq: 1 MESSAGE\r\n"
        "User-Agent: Example Phone 1.0 (padding up to the size of a message as phones send them today)\r\n"
        "Accept: text/plain\r\n"
        "Content-Type: text/plain;charset=UTF-8\r\n"
        "Content-Length: %zu\r\n\r\n%s",
        user, via_transport, via_host, n % 100000000, user, user, n % 100000000, n % 100000000, sizeof(text) - 1, text);
}

size_t bench_stanza(char *out, uint32_t n)
{
    unsigned user = n % BENCH_USERS;

    return (size_t)snprintf(
        out, 1024,
        "<message from='alice%03u@contoso.example' to='romeo%03u@fabrikam.example' "
        "id='bench%08u-7d4e91c2a6b35f08'><body>The quick brown fox jumps over the lazy dog, and a line "
        "of chat is about so long.</body><thread>f81d4fae-7dec-11d0-a765-00a0%08u@office.contoso.example"
        "</thread></message>",
        user, user, n % 100000000, n % 100000000);
}

uint32_t bench_number(const char *p, size_t n)
{
    static const char mark[] = "bKbench";
    const char *at = memmem(p, n < 200 ? n : 200, mark, sizeof(mark) - 1);
    uint32_t v = 0;

    if (!at || (size_t)(p + n - at) < sizeof(mark) - 1 + 8)
        return UINT32_MAX;
    for (int i = 0; i < 8; i++)
        v = v * 10 + (uint32_t)(at[sizeof(mark) - 1 + i] - '0');
    return v;
}

static int is_echoed(const char *line)
{
    return memcmp(line, "Via:", 4) == 0 || memcmp(line, "From", 4) == 0 || memcmp(line, "To: ", 4) == 0 ||
           memcmp(line, "Call", 4) == 0 || memcmp(line, "CSeq", 4) == 0;
}

size_t bench_answer(char *out, size_t size, const char *request, size_t n)
{
    return bench_respond(out, size, "SIP/2.0 200 OK\r\n", request, n);
}

size_t bench_respond(char *out, size_t size, const char *first, const char *request, size_t n)
{
    static const char last[] = "Content-Length: 0\r\n\r\n";
    const char *line = memchr(request, '\n', n), *end = request + n;
    size_t at = strlen(first);

    memcpy(out, first, at);
    while (line && end - ++line > 4 && *line != '\r') {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        size_t length = next ? (size_t)(next + 1 - line) : 0;

        if (length && is_echoed(line)) {
            if (at + length + 64 > size)
                return 0;
            memcpy(out + at, line, length);
            at += length;
            if (line[0] == 'T' && !memmem(line, length, ";tag=", 5)) { /* within a dialog it has ours */
                memcpy(out + at - 2, ";tag=bench\r\n", 12);
                at += 10;
            }
        }
        line = next;
    }
    memcpy(out + at, last, sizeof(last) - 1);
    return at + sizeof(last) - 1;
}

bool bench_address(const char *text, struct sockaddr_in *out)
{
    const char *colon = strchr(text, ':');
    char ip[INET_ADDRSTRLEN] = "127.0.0.1";

    if (colon && (size_t)(colon - text) < sizeof(ip)) {
        memcpy(ip, text, (size_t)(colon - text));
        ip[colon - text] = '\0';
    }
    *out = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(colon ? colon + 1 : text)) };
    return out->sin_port && inet_pton(AF_INET, ip, &out->sin_addr) == 1;
}

const char *bench_address_text(const struct sockaddr_in *a, char out[32])
{
    char ip[INET_ADDRSTRLEN] = "";

    (void)inet_ntop(AF_INET, &a->sin_addr, ip, sizeof(ip));
    (void)snprintf(out, 32, "%s:%u", ip, ntohs(a->sin_port));
    return out;
}

uint64_t bench_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void bench_count(struct bench_histogram *h, uint64_t ns)
{
    unsigned octave = ns < 16 ? 0 : 63u - (unsigned)__builtin_clzll(ns) - 3;
    unsigned bucket = octave * 16 + (ns < 16 ? (unsigned)ns : (unsigned)(ns >> (octave - 1) & 15));

    h->buckets[bucket < 1024 ? bucket : 1023]++;
    h->n++;
}

double bench_percentile_us(const struct bench_histogram *h, double p)
{
    uint64_t want = (uint64_t)(p / 100 * (double)h->n), seen = 0;

    for (unsigned i = 0; i < 1024; i++) {
        unsigned octave = i / 16;

        seen += h->buckets[i];
        if (seen > want)
            return octave == 0 ? i / 1000.0 : (double)((16 + (uint64_t)(i % 16)) << (octave - 1)) / 1000.0;
    }
    return 0;
}
