/*
 * The XMPP partner of the benchmark, on our own streams: takes stanzas and acknowledges them (sink), or sends COUNT of them
 * with at most WINDOW unconfirmed (source). Prints one line of JSON when it has sent all, or at its end.
 *
 *   partner sink LISTEN-PORT GATEWAY-PORT CA CERT KEY
 *   partner source LISTEN-PORT GATEWAY-PORT CA CERT KEY COUNT WINDOW RATE [DOMAIN [SECONDS]]
 *   partner people LISTEN GATEWAY CA CERT KEY [DOMAIN SIP-DOMAIN]
 *   partner crowd LISTEN-PORT GATEWAY-PORT CA CERT KEY COUNT
 *
 * A crowd is a sink for COUNT partners, p00000.idle.example and so on, whose certificate names them all.
 *
 * People send what is asked for on standard input, "send COUNT WINDOW FIRST PEOPLE", each answered by such a line (at once, where COUNT is 0): the
 * messages go from and to as many pairs of people from number FIRST on, in turn. "tell" sends presence instead, "ask" that they want
 * to watch. Whoever subscribes to the presence of one of them gets it.
 *
 * Of people LISTEN and GATEWAY may be an address and a port, instead of a port at 127.0.0.1.
 *
 * With SECONDS it ends then, however many are sent.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "message.h"
#include "xmpp/xmpp.h"

#define NUMBERS (1u << 20)
#define PEOPLE_MAX 400000

struct partner_side {
    struct loop loop;
    struct log log;
    struct xmpp *xmpp;
    struct xmpp_partner gateway;
    struct timer pace;
    uint64_t taken, count, sent, settled, failed, start_ns;
    uint32_t window;
    double rate;
    uint64_t sent_at[NUMBERS];
    struct bench_histogram histogram;
    char proxy[32];
    uint64_t probes;           /* that came */
    unsigned told[PEOPLE_MAX]; /* of each SIP user, the number in the last note that told of her */
    struct slice domain;       /* whose partner it is; of a crowd the end that all share */
    bool crowd;
    unsigned first, people; /* pairs that write */
    int (*write)(char *out, size_t size, const struct partner_side *p, unsigned user);
    bool goes_on;    /* after what was asked for: waits for the next command */
    uint64_t before; /* sent before this command */
    uv_poll_t input;
    struct timer end;
};

static const struct xmpp_partner *on_partner(void *owner, struct slice domain)
{
    struct partner_side *p = owner;

    return slice_eq(domain, p->gateway.name) ? &p->gateway : NULL;
}

static bool on_serves(void *owner, struct slice domain)
{
    struct partner_side *p = owner;

    return p->crowd ? slice_ends(domain, p->domain) : slice_eq(domain, p->domain);
}

/* That he is there, and before it "subscribed", where she wants to watch. */
static void answer(struct partner_side *p, const struct xmpp_stanza *ask, bool subscribed)
{
    enum xmpp_fate fate;
    char text[512];

    for (int i = subscribed ? 0 : 1; i < 2; i++) {
        int n = snprintf(text, sizeof(text), "<presence from='%.*s@%.*s%s' to='%.*s@%.*s'%s/>",
                         SLICE_FMT(ask->to->local), SLICE_FMT(ask->to->domain), i ? "/garden" : "",
                         SLICE_FMT(ask->from->local), SLICE_FMT(ask->from->domain), i ? "" : " type='subscribed'");

        if (!xmpp_send(p->xmpp, ask->to->domain, ask->from->domain, slice_of(text, (size_t)n), 0, &fate))
            p->failed++;
    }
}

/* "number 17", as bench-watched tells its changes. */
static void note_number(struct partner_side *p, const struct xmpp_stanza *stanza)
{
    const struct xml *status = xml_child(stanza->el, "jabber:server", "status");
    struct slice text = status ? xml_text(stanza->arena, status) : slice_of(NULL, 0);
    unsigned user = 0, number = 0;
    char line[64];

    (void)snprintf(line, sizeof(line), "%.*s %.*s", SLICE_FMT(stanza->from->local), SLICE_FMT(text));
    if (sscanf(line, "alice%u number %u", &user, &number) == 2 && user < PEOPLE_MAX)
        p->told[user] = number;
}

/* The least number that any of the people who write has been told of. */
static unsigned least_told(const struct partner_side *p)
{
    unsigned least = UINT_MAX;

    for (unsigned i = p->first; i < p->first + p->people && i < PEOPLE_MAX; i++)
        least = p->told[i] < least ? p->told[i] : least;
    return least;
}

static void on_presence(struct partner_side *p, const struct xmpp_stanza *stanza)
{
    struct slice type = xml_attr(stanza->el, "type");

    if (slice_is(type, "subscribe"))
        answer(p, stanza, true);
    else if (slice_is(type, "probe"))
        answer(p, stanza, false);
    else
        note_number(p, stanza);
    p->probes += slice_is(type, "probe");
}

static void on_stanza(void *owner, const struct xmpp_stanza *stanza)
{
    struct partner_side *p = owner;

    p->taken++;
    p->failed += p->count && slice_is(xml_attr(stanza->el, "type"), "error"); /* of what it sent */
    if (slice_is(stanza->el->name, "presence"))
        on_presence(p, stanza);
    xmpp_handled(p->xmpp, stanza->receipt);
}

static void report(struct partner_side *p)
{
    printf("{\"least\": %u, \"probes\": %llu, \"taken\": %llu, \"sent\": %llu, \"answered\": %llu, \"failed\": %llu, "
           "\"seconds\": "
           "%.6f, \"p50_us\": "
           "%.1f, \"p99_us\": %.1f, "
           "\"p999_us\": %.1f}\n",
           least_told(p), (unsigned long long)p->probes, (unsigned long long)p->taken,
           (unsigned long long)(p->sent - p->before), (unsigned long long)(p->settled - p->before),
           (unsigned long long)p->failed, (double)(bench_now_ns() - p->start_ns) / 1e9,
           bench_percentile_us(&p->histogram, 50), bench_percentile_us(&p->histogram, 99),
           bench_percentile_us(&p->histogram, 99.9));
    if (!p->goes_on)
        exit(p->failed ? 1 : 0);
}

static int write_presence(char *out, size_t size, const struct partner_side *p, unsigned user)
{
    static const char *const shows[] = { "away", "dnd", "xa" };

    return snprintf(out, size,
                    "<presence from='romeo%06u@%.*s/garden' to='alice%06u@%.*s'><show>%s</show>"
                    "<status>number %llu</status></presence>",
                    user, SLICE_FMT(p->domain), user, SLICE_FMT(p->gateway.name), shows[p->sent % 3],
                    (unsigned long long)p->sent);
}

static int write_message(char *out, size_t size, const struct partner_side *p, unsigned user)
{
    return snprintf(out, size,
                    "<message from='romeo%03u@%.*s/garden' to='alice%03u@contoso.example' id='b%08llu' "
                    "type='chat'><body>The quick brown fox jumps over the lazy dog, and a line of chat is about so "
                    "long.</body></message>",
                    user, SLICE_FMT(p->domain), user, (unsigned long long)p->sent);
}

static int write_request(char *out, size_t size, const struct partner_side *p, unsigned user)
{
    return snprintf(out, size, "<presence from='romeo%06u@%.*s' to='alice%06u@%.*s' type='subscribe'/>", user,
                    SLICE_FMT(p->domain), user, SLICE_FMT(p->gateway.name));
}

static void send_some(struct partner_side *p)
{
    uint64_t now = bench_now_ns();
    uint64_t may = p->rate > 0 ? (uint64_t)((double)(now - p->start_ns) / 1e9 * p->rate) + 1 : p->count;

    while (p->sent < p->count && p->sent < may && p->sent - p->settled < p->window) {
        char text[1024];
        unsigned user = p->first + (unsigned)((p->sent - p->before) % p->people);
        enum xmpp_fate fate;
        int n = p->write(text, sizeof(text), p, user);

        if (!xmpp_send(p->xmpp, p->domain, p->gateway.name, slice_of(text, (size_t)n), p->sent + 1, &fate))
            break;
        p->sent_at[p->sent++ % NUMBERS] = bench_now_ns();
    }
}

static void on_settled(void *owner, uint64_t token, enum xmpp_fate fate, const char *why)
{
    struct partner_side *p = owner;

    if (fate != XMPP_FATE_CONFIRMED) {
        fprintf(stderr, "fate %d: %s\n", (int)fate, why);
        p->failed++;
    }
    bench_count(&p->histogram, bench_now_ns() - p->sent_at[(token - 1) % NUMBERS]);
    if (++p->settled == p->count)
        report(p);
    if (p->rate <= 0)
        send_some(p);
}

static void on_pace(struct timer *t)
{
    struct partner_side *p = container_of(t, struct partner_side, pace);

    send_some(p);
    if (p->sent < p->count)
        timer_start(&p->loop.timers, t, 1);
}

static void on_end(struct timer *t)
{
    report(container_of(t, struct partner_side, end));
}

static const struct xmpp_ops ops = {
    .partner = on_partner, .serves = on_serves, .stanza = on_stanza, .settled = on_settled
};

static void fail(const struct err *err)
{
    fprintf(stderr, "partner: %s\n", err->text);
    exit(1);
}

static void on_command(uv_poll_t *input, int status, int events)
{
    struct partner_side *p = input->data;
    unsigned count, window, first, people;
    char word[8];

    if (scanf("%7s %u %u %u %u", word, &count, &window, &first, &people) != 5 || !people || p->settled != p->count)
        exit(2);
    if (!count) { /* only what is known until now */
        p->first = first;
        p->people = people;
        report(p);
        return;
    }
    p->write = word[0] == 't' ? write_presence : word[0] == 'a' ? write_request : write_message;
    p->before = p->count;
    p->count += count;
    p->window = window;
    p->first = first;
    p->people = people;
    p->failed = 0;
    p->histogram = (struct bench_histogram){ 0 };
    p->start_ns = bench_now_ns();
    send_some(p);
}

static void take_commands(struct partner_side *p)
{
    p->goes_on = true;
    p->input.data = p;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (uv_poll_init(&p->loop.uv, &p->input, 0) || uv_poll_start(&p->input, UV_READABLE, on_command))
        fail(&(struct err){ "no standard input" });
}

/* One certificate for all names of a crowd. */
static void add_crowd(struct partner_side *p, struct tls *tls, char **argv)
{
    char name[64];
    struct err err = { "" };

    for (int i = 0, n = atoi(argv[7]); i < n; i++) {
        snprintf(name, sizeof(name), "p%05d.idle.example", i);
        if (tls_add_identity(tls, slice_str(name), argv[5], argv[6], &err))
            fail(&err);
    }
}

int main(int argc, char **argv)
{
    struct partner_side *p = calloc(1, sizeof(*p));
    struct xmpp_conf conf = { .ops = &ops,
                              .owner = p,
                              .dialback_secret = SLICE("0123456789abcdef0123456789abcdef"),
                              .limits.connection_limit = 100,
                              .limits.partner_connection_limit = 100,
                              .per_ip_unauthenticated = 64,
                              .limits.establish_s = 60,
                              .unauthenticated_s = 30,
                              .limits.inactivity_s = 600,
                              .limits.keepalive_s = 300,
                              .connect_s = 10,
                              .stanza_max = 262144,
                              .queue_max_stanzas = 65536,
                              .queue_max_bytes = 64u << 20 };
    struct sockaddr_in listen, gateway;
    char ip[32];
    struct addr local;
    struct err err = { "" };

    if (!p || argc < 7) {
        fprintf(stderr, "usage: partner sink|source|people LISTEN-PORT GATEWAY-PORT CA CERT KEY [COUNT WINDOW RATE]\n");
        return 2;
    }
    log_init(&p->log);
    p->log.level = LOG_LEVEL_WARNING;
    p->people = BENCH_USERS;
    p->write = write_message;
    p->crowd = strcmp(argv[1], "crowd") == 0 && argc == 8;
    p->domain = p->crowd    ? SLICE(".idle.example")
                : argc == 9 ? slice_str(argv[7])
                : argc > 10 ? slice_str(argv[10])
                            : SLICE("fabrikam.example");
    if (!bench_address(argv[2], &listen) || !bench_address(argv[3], &gateway))
        return 2;
    (void)bench_address_text(&gateway, p->proxy);
    (void)bench_address_text(&listen, ip);
    ip[strcspn(ip, ":")] = '\0';
    p->gateway = (struct xmpp_partner){ .name = argc == 9 ? slice_str(argv[8]) : SLICE("contoso.example"),
                                        .tls = XMPP_REQUIRED,
                                        .sasl = XMPP_REQUIRED,
                                        .connection_limit = 100,
                                        .proxy = slice_str(p->proxy) };
    conf.port = ntohs(gateway.sin_port);
    conf.tls = tls_new(&err);
    if (!conf.tls || tls_trust(conf.tls, argv[4], &err) ||
        tls_add_identity(conf.tls, p->domain, argv[5], argv[6], &err) || loop_init(&p->loop, &p->log, &err))
        fail(&err);
    if (p->crowd) {
        add_crowd(p, conf.tls, argv);
        p->gateway.connection_limit = conf.limits.connection_limit = conf.limits.partner_connection_limit = 100000;
    }
    p->xmpp = xmpp_new(&p->loop, &conf, &err);
    if (!p->xmpp || !addr_parse(slice_str(ip), ntohs(listen.sin_port), &local) || xmpp_listen(p->xmpp, &local, &err))
        fail(&err);
    if (strcmp(argv[1], "people") == 0)
        take_commands(p);
    if (argc >= 10) {
        p->count = (uint64_t)atoll(argv[7]);
        p->window = (uint32_t)atoi(argv[8]);
        p->rate = atof(argv[9]);
        p->start_ns = bench_now_ns();
        timer_init(&p->pace, on_pace);
        timer_start(&p->loop.timers, &p->pace, 1);
        timer_init(&p->end, on_end);
        if (argc > 11)
            timer_start(&p->loop.timers, &p->end, 1000 * (uint64_t)atoi(argv[11]));
    }
    loop_run(&p->loop);
    return 0;
}
