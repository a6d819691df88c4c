/*
 * The SIP side of the benchmark of presence, over UDP: watchers, each of another SIP user who watches another XMPP user by a
 * SUBSCRIBE that stands. They answer every NOTIFY with 200, and are refreshed when it is asked for.
 *
 *   watchers GATEWAY [OWN SIP-DOMAIN XMPP-DOMAIN]
 *
 * GATEWAY and OWN are a port, or an address and a port.
 *
 * Commands on standard input, each answered by a line of JSON: "open COUNT WINDOW" (more watchers; each is there when its first
 * NOTIFY with a document has come), "hear COUNT 0" (until so many NOTIFYs with documents have come since the last command, or none
 * for a while), "refresh COUNT WINDOW" (SUBSCRIBEs in the dialogs, in turn, each until its NOTIFY has come), "newest BASE 0" (until watcher i has been told
 * change BASE + i).
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "message.h"
#include "peer.h"

#define WATCHERS_MAX 400000
#define STALL_MS 30000 /* nothing comes any more of what has to come */
#define SILENT_MS 5000 /* nothing comes where nothing has to */

static unsigned cseq_heard[WATCHERS_MAX]; /* of the last NOTIFY with a document; 0: none yet */
static unsigned refreshes[WATCHERS_MAX];
static char gateway_tag[WATCHERS_MAX][20];
static unsigned long long heard_number[WATCHERS_MAX]; /* of the change that the last document tells */
static uint32_t n_watchers, n_there, n_heard, n_refused;
static struct bench_peer peer;

/* to_tag: of the dialog; empty: it begins one. The pid tells those of a process before this one from ours. */
static void subscribe(uint32_t i, unsigned cseq, const char *to_tag)
{
    char text[1024], domain_uri[128];
    int n;

    (void)snprintf(domain_uri, sizeof(domain_uri), "romeo%06u@%s", i, peer.xmpp_domain);
    n = snprintf(text, sizeof(text),
                 "SUBSCRIBE sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKsub%06u-%u-%d\r\nMax-Forwards: 70\r\n"
                 "From: <sip:alice%06u@%s>;tag=a%06u\r\nTo: <sip:%s>%s%s\r\nCall-ID: watch%06u-%d@office\r\n"
                 "CSeq: %u SUBSCRIBE\r\nContact: <sip:alice%06u@%s>\r\nEvent: presence\r\n"
                 "Accept: application/pidf+xml\r\nExpires: 3600\r\nContent-Length: 0\r\n\r\n",
                 *to_tag ? peer.gateway_text : domain_uri, peer.own_text, i, cseq, getpid(), i, peer.sip_domain, i,
                 domain_uri, *to_tag ? ";tag=" : "", to_tag, i, getpid(), cseq, i, peer.own_text);
    bench_peer_send(&peer, text, (size_t)n);
}

/* Of the dialog: it is in the NOTIFY's From. */
static void keep_tag(uint32_t i, const char *text)
{
    const char *from = strstr(text, "\r\nFrom: "), *tag = from ? strstr(from, ";tag=") : NULL;
    size_t n = tag ? strcspn(tag + 5, ";\r") : 0;

    if (n && n < sizeof(gateway_tag[i]))
        memcpy(gateway_tag[i], tag + 5, n);
}

/* "number 17": as bench-partner tells its changes. */
static void note_number(uint32_t i, const char *text)
{
    const char *at = strstr(text, ">number ");

    heard_number[i] = at ? strtoull(at + 8, NULL, 10) : 0;
}

static bool is_ours(const char *text)
{
    const char *id = strstr(text, "\r\nCall-ID: watch"), *dash = id ? strchr(id + 16, '-') : NULL;

    return dash && strtol(dash + 1, NULL, 10) == getpid();
}

static void on_notify(const char *text, size_t n)
{
    const char *cseq = strstr(text, "\r\nCSeq: "), *type = strstr(text, "\r\nContent-Type: ");
    uint32_t i = (uint32_t)strtoul(text + sizeof("NOTIFY sip:alice") - 1, NULL, 10);
    unsigned number = cseq ? (unsigned)strtoul(cseq + 8, NULL, 10) : 0;
    char out[4096];
    bool ours = i < n_watchers && is_ours(text);
    size_t k =
        bench_respond(out, sizeof(out), ours ? "SIP/2.0 200 OK\r\n" : "SIP/2.0 481 No Such Subscription\r\n", text, n);

    if (k)
        bench_peer_send(&peer, out, k);
    if (!ours || !type || number <= cseq_heard[i])
        return;
    n_there += !cseq_heard[i];
    cseq_heard[i] = number;
    keep_tag(i, text);
    note_number(i, text);
    n_heard++;
}

/* False: nothing has come for so long. */
static bool receive(int stall_ms)
{
    static char text[65536];
    long n = bench_peer_receive(&peer, text, sizeof(text), stall_ms);

    if (n <= 0)
        return n == 0;
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
            subscribe(n_watchers++, 1, "");
        if (!receive(STALL_MS))
            break;
    }
    printf("{\"opened\": %u, \"refused\": %u, \"seconds\": %.6f}\n", n_there - from, n_refused,
           (double)(bench_now_ns() - start) / 1e9);
    n_heard = 0;
}

static void hear(uint32_t count)
{
    uint64_t start = bench_now_ns(), last = start;

    while (n_heard < count && receive(SILENT_MS))
        last = bench_now_ns();
    printf("{\"answered\": %u, \"seconds\": %.6f}\n", n_heard, (double)(last - start) / 1e9);
    n_heard = 0;
}

/* Until the last document of each watcher i tells change base + i or a later one; how many of them do. */
static void newest(uint32_t base)
{
    uint64_t start = bench_now_ns();
    uint32_t n = 0;

    do {
        while (n < n_watchers && heard_number[n] >= base + n)
            n++;
    } while (n < n_watchers && receive(STALL_MS));
    printf("{\"newest\": %u, \"answered\": %u, \"seconds\": %.6f}\n", n, n_heard,
           (double)(bench_now_ns() - start) / 1e9);
    n_heard = 0;
}

static void refresh(uint32_t count, uint32_t window)
{
    uint64_t start = bench_now_ns();
    uint32_t sent = 0;

    n_heard = 0;
    while (n_heard < count) {
        for (; sent < count && sent - n_heard < window; sent++)
            subscribe(sent % n_watchers, ++refreshes[sent % n_watchers] + 1, gateway_tag[sent % n_watchers]);
        if (!receive(STALL_MS))
            break;
    }
    printf("{\"answered\": %u, \"seconds\": %.6f}\n", n_heard, (double)(bench_now_ns() - start) / 1e9);
    n_heard = 0;
}

int main(int argc, char **argv)
{
    uint32_t count, window;
    char word[16];

    if (!bench_peer_open(&peer, argc, argv, 8 << 20))
        return 2;
    while (scanf("%15s %u %u", word, &count, &window) == 3) {
        if (n_watchers + count > WATCHERS_MAX && word[0] == 'o')
            return 2;
        if (strcmp(word, "open") == 0)
            open_watchers(count, window);
        else if (word[0] == 'r')
            refresh(count, window);
        else if (word[0] == 'n')
            newest(count);
        else
            hear(count);
    }
    return 0;
}
