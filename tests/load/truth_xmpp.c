/*
 * The XMPP side of the truth test, on our own streams: PAIRS people of DOMAINS partners, each of whom writes EACH
 * numbered messages to a SIP user, in turn and without waiting, at most WINDOW of them not acknowledged. What comes for them
 * it takes, or bounces, as plan.h says.
 *
 *   truth-xmpp LISTEN GATEWAY CA CERT KEY PAIRS EACH DOMAINS WINDOW FOLDER [STALLS-AT]  LISTEN and GATEWAY are ADDRESS:PORT
 *
 * Says "listening", begins at a line "go", and says "settled" when the gateway has acknowledged all of its own. At the message
 * of number STALLS-AT it says "stalls", and stands still (SIGSTOP) until it gets a SIGCONT. Ended by SIGTERM it writes to FOLDER, in 16 bits for each message in the order of pairs:
 * xmpp-arrived (how often it came, and in the upper eight what was done with it), xmpp-errors (1: it came back as "did not
 * answer", outcome unknown; 2: as any other error); and prints its counts as JSON.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"
#include "xmpp/xmpp.h"

#define STANZAS "urn:ietf:params:xml:ns:xmpp-stanzas"
#define UNKNOWN 1
#define REFUSED 2

struct side {
    struct loop loop;
    struct log log;
    struct xmpp *xmpp;
    struct xmpp_partner gateway;
    unsigned n_pairs, each, domains, window;
    uint64_t count, sent, settled, n_came, stalls_at; /* stalls_at: 0: never */
    uint16_t *arrived, *errors;
    long *highest; /* of a pair, that came; -1: none yet */
    unsigned long long overtaken, strays, came_back_twice, unconfirmed;
    unsigned resident_kib; /* after a tenth of what it sends */
    uv_signal_t term;
    uv_poll_t input;
    struct timer again;
};

static size_t at(const struct side *s, unsigned pair, unsigned n)
{
    return (size_t)pair * s->each + n;
}

static const struct xmpp_partner *on_partner(void *owner, struct slice domain)
{
    struct side *s = owner;

    return slice_is(domain, "contoso.example") ? &s->gateway : NULL;
}

static bool on_serves(void *owner, struct slice domain)
{
    return slice_ends(domain, SLICE(".example"));
}

/* Message k goes to pair k modulo their number. Its token is k + 1; those of bounces lie above. */
static bool send_one(struct side *s)
{
    unsigned pair = (unsigned)(s->sent % s->n_pairs), n = (unsigned)(s->sent / s->n_pairs);
    enum xmpp_fate fate;
    char text[512], domain[PLAN_DOMAIN_MAX];
    int size;

    plan_home(pair, s->domains, domain);
    size = snprintf(text, sizeof(text),
                    "<message from='romeo%u@%s/garden' to='alice%u@contoso.example' id='b%ux%u' type='chat'>"
                    "<body>back %u %u</body></message>",
                    pair, domain, pair, pair, n, pair, n);
    return xmpp_send(s->xmpp, slice_str(domain), SLICE("contoso.example"), slice_of(text, (size_t)size), s->sent + 1,
                     &fate);
}

static void send_some(struct side *s)
{
    while (s->sent < s->count && s->sent - s->settled < s->window) {
        if (!send_one(s)) {
            timer_start(&s->loop.timers, &s->again, 10);
            return;
        }
        if (++s->sent == s->count / 10)
            s->resident_kib = plan_resident_kib();
    }
}

static void on_again(struct timer *t)
{
    send_some(container_of(t, struct side, again));
}

/* What a bounce is about stays in its token: the receipt, with a bit above all numbers of messages. */
static const uint64_t bounce_bit = 1ull << 63;

static void on_settled(void *owner, uint64_t token, enum xmpp_fate fate, const char *why)
{
    struct side *s = owner;

    if (fate != XMPP_FATE_CONFIRMED) {
        if (!s->unconfirmed++)
            fprintf(stderr, "fate %d: %s\n", (int)fate, why);
    }
    if (token & bounce_bit) {
        xmpp_handled(s->xmpp, token & ~bounce_bit);
        return;
    }
    if (++s->settled == s->count)
        printf("settled\n");
    send_some(s);
}

/* True: it went, and with a token something will be said of it. */
static bool bounce(struct side *s, const struct xmpp_stanza *stanza, unsigned pair, uint64_t token)
{
    struct slice id = slice_first(xml_attr(stanza->el, "id"), 200), domain = stanza->to->domain;
    enum xmpp_fate fate;
    char text[512];
    int size = snprintf(text, sizeof(text),
                        "<message from='romeo%u@%.*s' to='alice%u@contoso.example' id='%.*s' type='error'>"
                        "<error type='cancel'><item-not-found xmlns='" STANZAS "'/></error></message>",
                        pair, SLICE_FMT(domain), pair, SLICE_FMT(id));

    return xmpp_send(s->xmpp, domain, SLICE("contoso.example"), slice_of(text, (size_t)size), token, &fate);
}

static void on_message(struct side *s, const struct xmpp_stanza *stanza, unsigned pair, unsigned n)
{
    if (++s->n_came == s->stalls_at) {
        printf("stalls\n");
        raise(SIGSTOP);
    }
    s->overtaken += (long)n < s->highest[pair];
    if ((long)n > s->highest[pair])
        s->highest[pair] = n;
    s->arrived[at(s, pair, n)] = (uint16_t)((s->arrived[at(s, pair, n)] + 1) | plan_fate(pair, n) << 8);
    switch (plan_fate(pair, n)) {
    case PLAN_TAKEN: xmpp_handled(s->xmpp, stanza->receipt); return;
    case PLAN_BOUNCED:
        if (bounce(s, stanza, pair, stanza->receipt | bounce_bit))
            return;
        break;
    case PLAN_BOUNCED_LATE:
        xmpp_handled(s->xmpp, stanza->receipt);
        if (bounce(s, stanza, pair, 0))
            return;
        break;
    }
    fprintf(stderr, "a bounce could not be sent\n");
    exit(1);
}

static void on_error(struct side *s, const struct xmpp_stanza *stanza)
{
    const struct xml *error = xml_child(stanza->el, "jabber:server", "error");
    const struct xml *text = error ? xml_child(error, STANZAS, "text") : NULL;
    struct slice id = xml_attr(stanza->el, "id");
    unsigned pair, n;
    char copy[64];

    snprintf(copy, sizeof(copy), "%.*s", SLICE_FMT(slice_first(id, sizeof(copy) - 1)));
    if (sscanf(copy, "b%ux%u", &pair, &n) != 2 || pair >= s->n_pairs || n >= s->each) {
        s->strays++;
        return;
    }
    s->came_back_twice += s->errors[at(s, pair, n)] != 0;
    s->errors[at(s, pair, n)] =
        text && slice_is(xml_text(stanza->arena, text), "The SIP side did not answer") ? UNKNOWN : REFUSED;
}

static void on_stanza(void *owner, const struct xmpp_stanza *stanza)
{
    struct side *s = owner;
    const struct xml *body = xml_child(stanza->el, "jabber:server", "body");
    struct slice text = body ? xml_text(stanza->arena, body) : SLICE("");
    unsigned pair, n;

    if (slice_is(xml_attr(stanza->el, "type"), "error")) {
        on_error(s, stanza);
    } else if (plan_parse(text.p, text.n, "there ", s->n_pairs, s->each, &pair, &n)) {
        on_message(s, stanza, pair, n);
        return;
    } else {
        s->strays++;
    }
    xmpp_handled(s->xmpp, stanza->receipt);
}

static const struct xmpp_ops ops = {
    .partner = on_partner, .serves = on_serves, .stanza = on_stanza, .settled = on_settled
};

static void on_go(uv_poll_t *input, int status, int events)
{
    uv_poll_stop(input);
    send_some(input->data);
}

static void on_term(uv_signal_t *term, int number)
{
    loop_stop(&((struct side *)term->data)->loop);
}

static void fail(const struct err *err)
{
    fprintf(stderr, "truth-xmpp: %s\n", err->text);
    exit(1);
}

static void set_up(struct side *s, char **argv)
{
    struct xmpp_conf conf = { .ops = &ops,
                              .owner = s,
                              .dialback_secret = SLICE("0123456789abcdef0123456789abcdef"),
                              .limits.connection_limit = 1000,
                              .limits.partner_connection_limit = 1000,
                              .limits.establish_s = 60,
                              .limits.inactivity_s = 600,
                              .limits.keepalive_s = 300,
                              .per_ip_unauthenticated = 64,
                              .unauthenticated_s = 30,
                              .connect_s = 10,
                              .stanza_max = 262144,
                              .queue_max_stanzas = 65536,
                              .queue_max_bytes = 64u << 20,
                              .port = 5269 };
    const char *colon = strrchr(argv[1], ':');
    struct slice host = slice_of(argv[1], colon ? (size_t)(colon - argv[1]) : 0);
    struct addr local;
    struct err err = { "" };

    log_init(&s->log);
    s->log.level = LOG_LEVEL_WARNING;
    s->gateway = (struct xmpp_partner){ .name = SLICE("contoso.example"),
                                        .tls = XMPP_REQUIRED,
                                        .sasl = XMPP_REQUIRED,
                                        .connection_limit = 1000,
                                        .proxy = slice_str(argv[2]) };
    conf.tls = tls_new(&err);
    if (!conf.tls || tls_trust(conf.tls, argv[3], &err) ||
        tls_add_identity(conf.tls, SLICE(PLAN_BOUNCER), argv[4], argv[5], &err) || loop_init(&s->loop, &s->log, &err))
        fail(&err);
    for (unsigned i = 0; i < s->domains; i++) {
        char domain[PLAN_DOMAIN_MAX];

        plan_home(i, s->domains, domain);
        if (tls_add_identity(conf.tls, slice_str(domain), argv[4], argv[5], &err))
            fail(&err);
    }
    s->xmpp = xmpp_new(&s->loop, &conf, &err);
    if (!s->xmpp || !colon || !addr_parse(host, (uint16_t)atoi(colon + 1), &local) ||
        xmpp_listen(s->xmpp, &local, &err))
        fail(&err);
}

static void listen_to_the_test(struct side *s)
{
    s->term.data = s->input.data = s;
    timer_init(&s->again, on_again);
    if (uv_signal_init(&s->loop.uv, &s->term) || uv_signal_start(&s->term, on_term, SIGTERM) ||
        uv_poll_init(&s->loop.uv, &s->input, 0) || uv_poll_start(&s->input, UV_READABLE, on_go)) {
        fprintf(stderr, "truth-xmpp: no signals, or no standard input\n");
        exit(1);
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("listening\n");
}

int main(int argc, char **argv)
{
    static struct side s;

    if (argc != 11 && argc != 12) {
        fprintf(stderr, "usage: truth-xmpp LISTEN GATEWAY CA CERT KEY PAIRS EACH DOMAINS WINDOW FOLDER [STALLS-AT]\n");
        return 2;
    }
    s.n_pairs = (unsigned)atoi(argv[6]);
    s.each = (unsigned)atoi(argv[7]);
    s.domains = (unsigned)atoi(argv[8]);
    s.window = (unsigned)atoi(argv[9]);
    s.stalls_at = argc > 11 ? (uint64_t)atoi(argv[11]) : 0;
    s.count = (uint64_t)s.n_pairs * s.each;
    s.arrived = plan_array(s.count, sizeof(s.arrived[0]));
    s.errors = plan_array(s.count, sizeof(s.errors[0]));
    s.highest = plan_array(s.n_pairs, sizeof(s.highest[0]));
    for (unsigned i = 0; i < s.n_pairs; i++)
        s.highest[i] = -1;
    set_up(&s, argv);
    listen_to_the_test(&s);
    loop_run(&s.loop);
    plan_write(argv[10], "xmpp-arrived", s.arrived, s.count, sizeof(s.arrived[0]));
    plan_write(argv[10], "xmpp-errors", s.errors, s.count, sizeof(s.errors[0]));
    printf(
        "{\"overtaken\": %llu, \"strays\": %llu, \"came_back_twice\": %llu, \"unconfirmed\": %llu, \"settled\": %llu, "
        "\"kib_at_a_tenth\": %u, \"kib_at_the_end\": %u}\n",
        s.overtaken, s.strays, s.came_back_twice, s.unconfirmed, (unsigned long long)s.settled, s.resident_kib,
        plan_resident_kib());
    return 0;
}
