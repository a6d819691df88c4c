/*
 * The SIP side of the benchmark of presence the other way, over UDP: users whom a partner's users watch. Each SUBSCRIBE is answered
 * and told a document at once; then they change, in turn.
 *
 *   watched GATEWAY [OWN SIP-DOMAIN XMPP-DOMAIN]
 *
 * GATEWAY and OWN are a port, or an address and a port.
 *
 * Commands on standard input, each answered by a line of JSON: "serve COUNT 0" (until so many more are watched, or nothing has come for
 * a while), "tell COUNT WINDOW" (NOTIFYs with another state, so many unanswered at a time), "shorten COUNT WINDOW" (NOTIFYs that let
 * the subscription end in a minute, until each has been refreshed).
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "peer.h"

#define WATCHED_MAX 400000
#define STALL_MS 30000
#define REFRESH_STALL_MS 40000 /* a refresh comes after half a minute */

/* A dialog, as the SUBSCRIBE that began it has it. */
struct watched {
    char call_id[48], watcher[112], target[72]; /* From with its tag, Contact's URI */
    unsigned cseq, expires_s;
    bool there; /* a document was taken */
};

static struct watched all[WATCHED_MAX];
static uint32_t n_watched, n_there, n_told, n_answered, n_refreshed;
static struct bench_peer peer;

/* What stands between start and the next of end. */
static bool between(const char *text, const char *start, const char *end, char *out, size_t size)
{
    const char *at = strstr(text, start);
    size_t n;

    if (!at)
        return false;
    at += strlen(start);
    n = strcspn(at, end);
    if (n >= size)
        return false;
    memcpy(out, at, n);
    out[n] = '\0';
    return true;
}

static void notify(uint32_t i, unsigned expires_s)
{
    struct watched *w = &all[i];
    const char *basic = w->cseq % 2 ? "closed" : "open";
    char body[512], text[2048];
    int n_body =
        snprintf(body, sizeof(body),
                 "<?xml version='1.0' encoding='UTF-8'?>\n<presence xmlns='urn:ietf:params:xml:ns:pidf' "
                 "entity='sip:alice%06u@%s'><tuple id='phone'><status><basic>%s</basic></status><note>number %u"
                 "</note></tuple></presence>",
                 i, peer.sip_domain, basic, w->cseq);
    int n = snprintf(text, sizeof(text),
                     "NOTIFY %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKntf%06u-%u\r\n"
                     "Max-Forwards: 70\r\nFrom: <sip:alice%06u@%s>;tag=bench\r\nTo: %s\r\nCall-ID: %s\r\n"
                     "CSeq: %u NOTIFY\r\nContact: <sip:alice%06u@%s>\r\nEvent: presence\r\n"
                     "Subscription-State: active;expires=%u\r\nContent-Type: application/pidf+xml\r\n"
                     "Content-Length: %d\r\n\r\n%s",
                     w->target, peer.own_text, i, w->cseq, i, peer.sip_domain, w->watcher, w->call_id, w->cseq, i,
                     peer.own_text, expires_s, n_body, body);

    w->cseq++;
    n_told++;
    bench_peer_send(&peer, text, (size_t)n);
}

static void on_subscribe(const char *text, size_t n)
{
    uint32_t i = (uint32_t)strtoul(text + sizeof("SUBSCRIBE sip:alice") - 1, NULL, 10);
    struct watched *w = &all[i < WATCHED_MAX ? i : 0];
    char out[4096], first[160], expires[16] = "3600";
    bool again;
    size_t k;

    (void)between(text, "\r\nExpires: ", "\r", expires, sizeof(expires));
    (void)snprintf(first, sizeof(first), "SIP/2.0 200 OK\r\nExpires: %s\r\nContact: <sip:alice%06u@%s>\r\n", expires, i,
                   peer.own_text);
    k = bench_respond(out, sizeof(out), first, text, n);
    if (k)
        bench_peer_send(&peer, out, k);
    again = w->cseq > 0;
    if (!again && !(between(text, "\r\nCall-ID: ", "\r", w->call_id, sizeof(w->call_id)) &&
                    between(text, "\r\nFrom: ", "\r", w->watcher, sizeof(w->watcher)) &&
                    between(text, "\r\nContact: <", ">", w->target, sizeof(w->target))))
        return;
    w->cseq += !again;
    w->expires_s = (unsigned)strtoul(expires, NULL, 10);
    n_refreshed += again;
    notify(i, w->expires_s);
}

static void on_answer(const char *text)
{
    const char *from = strstr(text, "\r\nFrom: <sip:alice");
    uint32_t i = from ? (uint32_t)strtoul(from + 18, NULL, 10) : WATCHED_MAX;

    n_answered++;
    if (i >= WATCHED_MAX || all[i].there)
        return;
    all[i].there = true;
    n_there++;
}

/* False: nothing has come for so long. */
static bool receive(int stall_ms)
{
    static char text[65536];
    long n = bench_peer_receive(&peer, text, sizeof(text), stall_ms);

    if (n <= 0)
        return n == 0;
    if (strncmp(text, "SUBSCRIBE sip:alice", 19) == 0)
        on_subscribe(text, (size_t)n);
    else if (strncmp(text, "SIP/2.0 200", 11) == 0)
        on_answer(text);
    else if (strncmp(text, "SIP/2.0 ", 8) == 0)
        fprintf(stderr, "%.60s\n", text);
    return true;
}

static void report(const char *what, uint32_t n, uint64_t start)
{
    printf("{\"%s\": %u, \"refused\": 0, \"seconds\": %.6f}\n", what, n, (double)(bench_now_ns() - start) / 1e9);
}

/* Datagrams get lost: who has not taken his document is told again. */
static void tell_again(void)
{
    for (uint32_t i = 0; i < WATCHED_MAX; i++)
        if (all[i].cseq && !all[i].there)
            notify(i, all[i].expires_s);
}

static void serve(uint32_t count)
{
    uint64_t start = bench_now_ns();
    uint32_t from = n_there, patience = 2 * STALL_MS / 1000;

    while (n_there - from < count) {
        if (receive(1000))
            continue;
        if (patience-- == 0)
            break;
        tell_again();
    }
    n_watched = n_there;
    report("opened", n_there - from, start);
}

static void tell(uint32_t count, uint32_t window, unsigned expires_s)
{
    uint64_t start = bench_now_ns();
    uint32_t told = n_told, answered = n_answered, i = 0;

    while (n_answered - answered < count) {
        for (; i < count && n_told - told - (n_answered - answered) < window; i++)
            notify(i % n_watched, expires_s ? expires_s : all[i % n_watched].expires_s);
        if (!receive(STALL_MS))
            break;
    }
    if (!expires_s)
        report("answered", n_answered - answered, start);
}

static void shorten(uint32_t count, uint32_t window)
{
    uint64_t start = bench_now_ns();
    uint32_t from = n_refreshed, answered;

    tell(count, window, 60);
    answered = n_answered;
    while ((n_refreshed - from < count || n_answered - answered < count) && receive(REFRESH_STALL_MS))
        continue;
    report("answered", n_refreshed - from, start);
}

int main(int argc, char **argv)
{
    uint32_t count, window;
    char word[16];

    if (!bench_peer_open(&peer, argc, argv, 32 << 20))
        return 2;
    while (scanf("%15s %u %u", word, &count, &window) == 3) {
        if (word[0] == 's' && word[1] == 'e')
            serve(count);
        else if (word[0] == 's')
            shorten(count, window);
        else
            tell(count, window, 0);
    }
    return 0;
}
