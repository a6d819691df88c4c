/*
 * A scripted DNS in place of libunbound, and a clock that runs the loop's deferred work too. A zone is lines:
 *
 *     NAPTR example.org 10 20 sip+d2u _sip._udp.example.org
 *     SRV _sip._udp.example.org 0 5 5060 a.example.org
 *     A a.example.org 192.0.2.1
 */
#ifndef STOX_TESTS_SIP_NAMES_H
#define STOX_TESTS_SIP_NAMES_H

#include "fake.h"
#include "net/dns_record.h"
#include "sip/attempt.h"
#include "sip/find.h"

static struct {
    const char *const *zone;
    size_t n;
    uint32_t ttl_s;
    bool away; /* nothing is answered but failures */
    bool mute; /* nothing is answered at all */
    unsigned n_asked;
    struct loop *loop;
} names;

enum names_kind { NAMES_NAPTR, NAMES_SRV, NAMES_ADDRS };

struct dns_query {
    struct timer timer;
    enum names_kind kind;
    char name[256];
    uint16_t port;
    dns_done *done;
    void *arg;
};

static inline bool names_line(const struct dns_query *q, const char *line, char rest[300])
{
    static const char *const words[] = { "NAPTR", "SRV", "A" };
    char word[8], owner[256];
    int at = 0;

    if (sscanf(line, "%7s %255s %n", word, owner, &at) < 2 || strcmp(word, words[q->kind]) != 0 ||
        strcmp(owner, q->name) != 0)
        return false;
    snprintf(rest, 300, "%s", line + at);
    return true;
}

static inline bool names_has(const char *name)
{
    char word[8], owner[256];

    for (size_t i = 0; i < names.n; i++)
        if (sscanf(names.zone[i], "%7s %255s", word, owner) == 2 && strcmp(owner, name) == 0)
            return true;
    return false;
}

static inline void names_answer(struct timer *t)
{
    struct dns_query *q = container_of(t, struct dns_query, timer);
    static struct dns_naptr naptr[32];
    static struct dns_srv srv[32];
    static struct addr addrs[32];
    struct dns_answer a = { .status = DNS_OK, .ttl_s = names.ttl_s, .naptr = naptr, .srv = srv, .addrs = addrs };
    unsigned x, y, z;
    char rest[300], text[256];

    for (size_t i = 0; i < names.n && !names.away; i++) {
        if (!names_line(q, names.zone[i], rest))
            continue;
        if (q->kind == NAMES_NAPTR &&
            sscanf(rest, "%u %u %31s %255s", &x, &y, naptr[a.n_naptr].service, naptr[a.n_naptr].replacement) == 4) {
            naptr[a.n_naptr].order = (uint16_t)x;
            naptr[a.n_naptr++].preference = (uint16_t)y;
        } else if (q->kind == NAMES_SRV && sscanf(rest, "%u %u %u %255s", &x, &y, &z, text) == 4) {
            srv[a.n_srv] = (struct dns_srv){ .priority = (uint16_t)x, .weight = (uint16_t)y, .port = (uint16_t)z };
            snprintf(srv[a.n_srv++].target, 256, "%s", strcmp(text, ".") == 0 ? "" : text);
        } else if (q->kind == NAMES_ADDRS) {
            assert_true(addr_parse_ip(slice_str(rest), q->port, &addrs[a.n_addrs++]));
        }
    }
    dns_naptr_order(naptr, a.n_naptr);
    if (names.away)
        a = (struct dns_answer){ .status = DNS_FAILED, .why = "no server gave an answer (SERVFAIL)" };
    else if (!a.n_naptr && !a.n_srv && !a.n_addrs)
        a = (struct dns_answer){ .status = names_has(q->name) ? DNS_NO_DATA : DNS_NO_NAME };
    q->done(q->arg, &a);
    free(q);
}

static inline struct dns_query *names_ask(enum names_kind kind, const char *name, uint16_t port, dns_done *done,
                                          void *arg)
{
    struct dns_query *q = calloc(1, sizeof(*q));

    if (!q)
        return NULL;
    names.n_asked++;
    q->kind = kind;
    q->port = port;
    q->done = done;
    q->arg = arg;
    snprintf(q->name, sizeof(q->name), "%s", name);
    timer_init(&q->timer, names_answer);
    if (!names.mute)
        timer_start(&names.loop->timers, &q->timer, 1);
    return q;
}

struct dns_query *dns_query_naptr(struct dns *dns, const char *name, dns_done *done, void *arg)
{
    return names_ask(NAMES_NAPTR, name, 0, done, arg);
}

struct dns_query *dns_query_srv(struct dns *dns, const char *name, dns_done *done, void *arg)
{
    return names_ask(NAMES_SRV, name, 0, done, arg);
}

struct dns_query *dns_query_addrs(struct dns *dns, const char *name, uint16_t port, dns_done *done, void *arg)
{
    return names_ask(NAMES_ADDRS, name, port, done, arg);
}

struct dns_query *dns_query_tlsa(struct dns *dns, const char *host, uint16_t port, dns_done *done, void *arg)
{
    return NULL;
}

void dns_cancel(struct dns_query *q)
{
    if (!q)
        return;
    timer_stop(&names.loop->timers, &q->timer);
    free(q);
}

struct dns *dns_new(struct loop *loop, const struct dns_conf *conf, struct err *err)
{
    return NULL;
}

void dns_free(struct dns *dns)
{
}

/* Time passes, and what was put off to the end of a turn is done. */
static inline void names_pass(struct fake *f, uint64_t ms)
{
    for (uint64_t i = 0; i <= ms; i++) {
        struct list *l;

        while ((l = list_pop(&f->loop.deferred)) != NULL) {
            struct deferred *d = container_of(l, struct deferred, link);

            d->run(d);
        }
        if (i < ms)
            timers_advance(&f->loop.timers, loop_now(&f->loop) + 1);
    }
}

static inline void names_zone(const char *const *zone, size_t n)
{
    names.zone = zone;
    names.n = n;
}

static inline struct fake *names_new(void)
{
    struct fake *f = calloc(1, sizeof(*f));
    struct sip_conf conf;
    struct err err;

    assert_non_null(f);
    conf = fake_conf(f);
    conf.dns = (struct dns *)&names;
    log_init(&f->log);
    f->log.write = fake_log;
    assert_int_equal(loop_init(&f->loop, &f->log, &err), 0);
    f->sip = sip_new(&f->loop, &conf, &err);
    assert_non_null(f->sip);
    f->sip->wire = (struct sip_wire){ .owner = f, .send = fake_send, .reach = fake_reach, .via_port = fake_via_port };
    f->reach = SIP_REACH_UP;
    memset(&names, 0, sizeof(names));
    names.loop = &f->loop;
    names.ttl_s = 60;
    return f;
}

#endif
