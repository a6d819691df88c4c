/*
 * The SIP side of the truth test: one UDP socket, and PAIRS people behind it. Each writes EACH numbered messages to a person
 * of his own, the next one when the one before has its final answer (RFC 3428 8), with the timers of RFC 3261 17.1.2; all of
 * them at once. What comes for them is answered as plan.h says, and what is repeated as it was answered before.
 *
 *   truth-sip OWN TO PAIRS EACH DOMAINS FOLDER        OWN and TO are ADDRESS:PORT
 *
 * Says "listening", begins at a line "go", says "answered" when all its messages have an answer. Ended by SIGTERM it writes
 * to FOLDER, in 16 bits for each message in the order of pairs: sip-answers (the final status; 1: none came in time),
 * sip-arrived (how often it came in transactions of its own), sip-refused (the status it was refused with, or 0); and
 * prints its counts as JSON.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../bench/message.h"
#include "plan.h"
#include "seen.h"
#include "udp.h"

#define T1_MS 500
#define T2_MS 4000
#define TIMER_F_MS (64 * T1_MS)
#define NO_ANSWER 1
#define BATCH 64
#define LOOK_MS 5 /* how often timers are looked at */

/* Two people. Their message under way is made again when it is sent again: nothing of it is kept. */
struct pair {
    unsigned n; /* under way; each: none, all have their answers */
    unsigned gap_ms;
    uint64_t since_ms, again_ms;
    long highest; /* that came to the SIP user; -1: none yet */
};

struct side {
    int fd;
    const char *own;
    struct sockaddr_in to;
    unsigned n_pairs, each, domains;
    uint64_t now_ms;
    struct pair *pairs;
    uint16_t *answers, *arrived, *refused;
    struct seen seen;
    unsigned n_done; /* pairs whose messages all have their answers */
    unsigned long long repeated, absorbed, overtaken, strays, answered;
    unsigned resident_kib; /* after a tenth of the answers */
};

static volatile sig_atomic_t over;

static void on_signal(int number)
{
    (void)number;
    over = 1;
}

static size_t at(const struct side *s, unsigned pair, unsigned n)
{
    return (size_t)pair * s->each + n;
}

/* Its branch behind the cookie is the stanza's id: "t", the pair, "x", the number (STOX-IM-16). */
static void emit(struct side *s, unsigned pair)
{
    char body[32], domain[PLAN_DOMAIN_MAX], out[1024];
    unsigned n = s->pairs[pair].n;
    int size, body_n = snprintf(body, sizeof(body), "there %u %u", pair, n);

    plan_domain(pair, s->domains, domain);
    size = snprintf(out, sizeof(out),
                    "MESSAGE sip:romeo%u@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKt%ux%u;rport\r\n"
                    "Max-Forwards: 70\r\nTo: <sip:romeo%u@%s>\r\n"
                    "From: <sip:alice%u@contoso.example>;tag=f%ux%u\r\nCall-ID: c%ux%u@office.contoso.example\r\n"
                    "CSeq: 1 MESSAGE\r\nContent-Type: text/plain;charset=UTF-8\r\nContent-Length: %d\r\n\r\n%s",
                    pair, domain, s->own, pair, n, pair, domain, pair, pair, n, pair, n, body_n, body);

    udp_send(s->fd, out, (size_t)size, &s->to);
}

static void begin(struct side *s, unsigned pair)
{
    struct pair *p = &s->pairs[pair];

    p->gap_ms = T1_MS;
    p->since_ms = s->now_ms;
    p->again_ms = s->now_ms + T1_MS;
    emit(s, pair);
}

static void ended(struct side *s, unsigned pair, unsigned status)
{
    struct pair *p = &s->pairs[pair];

    s->answers[at(s, pair, p->n)] = (uint16_t)status;
    if (++s->answered == (unsigned long long)s->n_pairs * s->each / 10)
        s->resident_kib = plan_resident_kib();
    if (++p->n < s->each)
        begin(s, pair);
    else if (++s->n_done == s->n_pairs)
        printf("answered\n");
}

/* Timers E and F. */
static void look(struct side *s)
{
    for (unsigned i = 0; i < s->n_pairs; i++) {
        struct pair *p = &s->pairs[i];

        if (p->n == s->each)
            continue;
        if (s->now_ms - p->since_ms >= TIMER_F_MS) {
            ended(s, i, NO_ANSWER);
        } else if (s->now_ms >= p->again_ms) {
            p->gap_ms = 2 * p->gap_ms < T2_MS ? 2 * p->gap_ms : T2_MS;
            p->again_ms = s->now_ms + p->gap_ms;
            s->repeated++;
            emit(s, i);
        }
    }
}

/* Of the topmost Via. */
static const char *branch_of(const char *text, size_t *n)
{
    const char *branch = strstr(text, "branch=");

    *n = branch ? strcspn(branch + 7, ";, \r\n") : 0;
    return branch ? branch + 7 : NULL;
}

static void on_response(struct side *s, const char *text)
{
    unsigned status = (unsigned)strtoul(text + 8, NULL, 10), pair, n;
    size_t branch_n;
    const char *branch = branch_of(text, &branch_n);
    struct pair *p;

    if (!branch || sscanf(branch, "z9hG4bKt%ux%u", &pair, &n) != 2 || pair >= s->n_pairs) {
        s->strays++;
        return;
    }
    p = &s->pairs[pair];
    if (p->n != n)
        return; /* has its answer already */
    if (status >= 200)
        ended(s, pair, status);
    else
        p->gap_ms = T2_MS;
}

static void arrived(struct side *s, unsigned pair, unsigned n, unsigned status)
{
    struct pair *p = &s->pairs[pair];

    s->overtaken += (long)n < p->highest;
    if ((long)n > p->highest)
        p->highest = n;
    if (status == 200)
        s->arrived[at(s, pair, n)]++;
    else
        s->refused[at(s, pair, n)] = (uint16_t)status;
}

static void on_request(struct side *s, const char *text, size_t size, const struct sockaddr_in *from)
{
    const char *body = strstr(text, "\r\n\r\n");
    size_t branch_n;
    const char *branch = branch_of(text, &branch_n);
    unsigned pair, n, status;
    char first[64], out[2048];
    size_t out_n;

    if (!body || !branch ||
        !plan_parse(body + 4, size - (size_t)(body + 4 - text), "back ", s->n_pairs, s->each, &pair, &n)) {
        s->strays++;
        return;
    }
    status = seen_status(&s->seen, branch, branch_n);
    if (status) {
        s->absorbed++;
    } else {
        status = plan_status(pair, n);
        seen_add(&s->seen, branch, branch_n, status, s->now_ms);
        arrived(s, pair, n, status);
    }
    snprintf(first, sizeof(first), "SIP/2.0 %u %s\r\n", status, status == 200 ? "OK" : "As planned");
    out_n = bench_respond(out, sizeof(out), first, text, size);
    if (out_n)
        udp_send(s->fd, out, out_n, from);
}

static void receive(struct side *s)
{
    static char data[BATCH][2048];
    static struct mmsghdr in[BATCH];
    static struct iovec iov[BATCH];
    static struct sockaddr_in from[BATCH];
    int n;

    for (int i = 0; i < BATCH; i++) {
        iov[i] = (struct iovec){ data[i], sizeof(data[i]) - 1 };
        in[i].msg_hdr = (struct msghdr){
            .msg_iov = &iov[i], .msg_iovlen = 1, .msg_name = &from[i], .msg_namelen = sizeof(from[i])
        };
    }
    n = recvmmsg(s->fd, in, BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < n; i++) {
        data[i][in[i].msg_len] = '\0';
        if (strncmp(data[i], "SIP/2.0 ", 8) == 0)
            on_response(s, data[i]);
        else if (strncmp(data[i], "MESSAGE ", 8) == 0)
            on_request(s, data[i], in[i].msg_len, &from[i]);
        else
            s->strays++;
    }
}

static void run(struct side *s)
{
    struct pollfd p[2] = { { .fd = s->fd, .events = POLLIN }, { .fd = STDIN_FILENO, .events = POLLIN } };
    uint64_t looked_ms = 0;

    while (!over) {
        poll(p, 2, LOOK_MS);
        s->now_ms = udp_now_ns() / 1000000;
        if (p[0].revents)
            receive(s);
        if (p[1].revents && p[1].fd >= 0) {
            p[1].fd = -1;
            for (unsigned i = 0; i < s->n_pairs; i++)
                begin(s, i);
        }
        if (p[1].fd < 0 && s->now_ms - looked_ms >= LOOK_MS) {
            look(s);
            looked_ms = s->now_ms;
        }
    }
}

static void report(const struct side *s, const char *folder)
{
    size_t count = (size_t)s->n_pairs * s->each;

    plan_write(folder, "sip-answers", s->answers, count, sizeof(s->answers[0]));
    plan_write(folder, "sip-arrived", s->arrived, count, sizeof(s->arrived[0]));
    plan_write(folder, "sip-refused", s->refused, count, sizeof(s->refused[0]));
    printf("{\"repeated\": %llu, \"absorbed\": %llu, \"overtaken\": %llu, \"strays\": %llu, \"kib_at_a_tenth\": %u, "
           "\"kib_at_the_end\": %u}\n",
           s->repeated, s->absorbed, s->overtaken, s->strays, s->resident_kib, plan_resident_kib());
}

int main(int argc, char **argv)
{
    static struct side s;
    size_t count;

    if (argc != 7) {
        fprintf(stderr, "usage: truth-sip OWN TO PAIRS EACH DOMAINS FOLDER\n");
        return 2;
    }
    s.own = argv[1];
    s.fd = udp_bound(argv[1]);
    s.to = udp_address(argv[2]);
    s.n_pairs = (unsigned)atoi(argv[3]);
    s.each = (unsigned)atoi(argv[4]);
    s.domains = (unsigned)atoi(argv[5]);
    count = (size_t)s.n_pairs * s.each;
    s.pairs = plan_array(s.n_pairs, sizeof(s.pairs[0]));
    s.answers = plan_array(count, sizeof(s.answers[0]));
    s.arrived = plan_array(count, sizeof(s.arrived[0]));
    s.refused = plan_array(count, sizeof(s.refused[0]));
    for (unsigned i = 0; i < s.n_pairs; i++)
        s.pairs[i].highest = -1;
    signal(SIGTERM, on_signal);
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("listening\n");
    run(&s);
    report(&s, argv[6]);
    return 0;
}
