#include "deploy/dns_look.h"

#include <stdio.h>

#include "net/conn.h"

#define GLANCE_MS 200 /* at the flag that ends it early */

struct look {
    const struct dns_look_conf *conf;
    struct book *book;
    struct loop loop;
    struct dns *dns;
    struct timer over, pump, glance;
    struct list asked; /* struct question.link */
    size_t n_asked;
    struct list knocks; /* struct knock.link */
};

/* A question on its way. */
struct question {
    struct list link;
    struct look *look;
    struct heard *heard;
    struct dns_query *query;
};

/* A connection on its way. */
struct knock {
    struct list link;
    struct look *look;
    struct addr to;
    struct conn *conn;
};

/* ---- what is asked ---- */

static void want(struct look *k, enum heard_type type, uint16_t port, const char *label, const char *name)
{
    char full[400];

    snprintf(full, sizeof(full), "%s%s%s", label, label[0] ? "." : "", name);
    (void)book_want(k->book, type, full, port);
}

/* The name and all above it but the root (RFC 8659 3). */
static void want_caa(struct look *k, const char *name)
{
    for (const char *at = name; at && *at; at = strchr(at, '.') ? strchr(at, '.') + 1 : NULL)
        want(k, HEARD_CAA, 0, "", at);
}

static void want_domain(struct look *k, const struct plan_domain *d)
{
    char label[100];

    for (enum plan_service_id id = 0; id < PLAN_SERVICES; id++)
        want(k, HEARD_SRV, 0, plan_service_label(id), d->ascii);
    want(k, HEARD_ADDRS, 0, "", d->ascii);
    want(k, HEARD_ADDRS, 0, k->book->nonce, d->ascii);
    snprintf(label, sizeof(label), "%s.%s", plan_service_label(PLAN_XMPP), k->book->nonce);
    want(k, HEARD_SRV, 0, label, d->ascii);
    want_caa(k, d->ascii);
}

static void want_all(struct look *k)
{
    list_each (l, &k->conf->plan->domains)
        want_domain(k, container_of(l, struct plan_domain, link));
    list_each (l, &k->conf->plan->hosts)
        want(k, HEARD_ADDRS, 0, "", container_of(l, struct plan_host, link)->name);
}

/* Where SRV records lead. */
static void want_targets(struct look *k, const struct dns_answer *a)
{
    for (size_t i = 0; i < a->n_srv; i++) {
        if (!a->srv[i].target[0])
            continue;
        want(k, HEARD_ADDRS, 0, "", a->srv[i].target);
        want(k, HEARD_TLSA, a->srv[i].port, "", a->srv[i].target);
    }
}

/* ---- asking ---- */

static void pump_soon(struct look *k)
{
    timer_start(&k->loop.timers, &k->pump, 0);
}

static void on_answer(void *arg, const struct dns_answer *answer)
{
    struct question *q = arg;
    struct look *k = q->look;

    book_answer(k->book, q->heard, answer);
    if (q->heard->type == HEARD_SRV)
        want_targets(k, &q->heard->answer);
    list_unlink(&q->link);
    k->n_asked--;
    pump_soon(k);
}

static struct dns_query *send_question(struct question *q)
{
    struct dns *dns = q->look->dns;
    const struct heard *h = q->heard;

    switch (h->type) {
    case HEARD_SRV: return dns_query_srv(dns, h->name, on_answer, q);
    case HEARD_ADDRS: return dns_query_addrs(dns, h->name, 0, on_answer, q);
    case HEARD_TLSA: return dns_query_tlsa(dns, h->name, h->port, on_answer, q);
    case HEARD_CAA: return dns_query_caa(dns, h->name, on_answer, q);
    }
    return NULL;
}

static void ask(struct look *k, struct heard *h)
{
    static const struct dns_answer refused = { .status = DNS_FAILED,
                                               .fault = DNS_FAULT_HERE,
                                               .why = "it cannot be asked for: it is no name of DNS" };
    struct question *q = arena_zalloc(k->book->arena, sizeof(*q));

    h->state = HEARD_ASKED;
    if (q) {
        *q = (struct question){ .look = k, .heard = h };
        list_init(&q->link);
        q->query = send_question(q);
    }
    if (!q || !q->query) {
        book_answer(k->book, h, &refused);
        return;
    }
    list_push(&k->asked, &q->link);
    k->n_asked++;
}

/* ---- connecting ---- */

static void knock_ended(struct knock *n, bool open, bool refused, const char *why)
{
    struct look *k = n->look;

    book_reached(k->book, &n->to, open, refused, why);
    list_unlink(&n->link);
    if (list_empty(&k->knocks))
        loop_stop(&k->loop);
}

static void on_open(void *owner, struct conn *c)
{
    conn_detach(c);
    knock_ended(owner, true, false, NULL);
}

static size_t on_data(void *owner, struct conn *c, char *p, size_t n)
{
    return n;
}

static void on_closed(void *owner, struct conn *c, enum conn_end why, const char *text)
{
    knock_ended(owner, false, why == CONN_END_REFUSED, text);
}

static void knock(struct look *k, const struct addr *to)
{
    static const struct conn_ops ops = { .open = on_open, .data = on_data, .secured = on_open, .closed = on_closed };
    struct conn_conf conf = { .ops = &ops, .rx_max = 65536, .tx_max = 65536, .connect_ms = DNS_CONNECT_MS };
    struct knock *n = arena_zalloc(k->book->arena, sizeof(*n));

    if (!n) {
        k->book->short_of_memory = true;
        return;
    }
    *n = (struct knock){ .look = k, .to = *to };
    list_init(&n->link);
    conf.owner = n;
    n->conn = conn_connect(&k->loop, &conf, to, NULL, NULL);
    if (n->conn)
        list_push(&k->knocks, &n->link);
    else
        book_reached(k->book, to, false, false, "no socket could be had here");
}

static bool is_tried(const struct look *k, const struct addr *to)
{
    list_each (l, &k->knocks)
        if (addr_eq(&container_of(l, struct knock, link)->to, to))
            return true;
    return false;
}

/* Only what is ours is connected to: whoever writes into a DNS must not have us knock at others' doors. */
static void knock_at(struct look *k, const struct plan_service *s, size_t *n)
{
    for (size_t i = 0; i < s->n_ports; i++) {
        for (size_t a = 0; a < s->host->n_addrs && *n < DNS_CONNECTS_MAX; a++) {
            struct addr to = s->host->addrs[a];

            addr_set_port(&to, s->ports[i]);
            if (is_tried(k, &to))
                continue;
            knock(k, &to);
            ++*n;
        }
    }
}

static void knock_at_all(struct look *k)
{
    size_t n = 0;

    list_each (l, &k->conf->plan->domains) {
        const struct plan_domain *d = container_of(l, struct plan_domain, link);

        for (enum plan_service_id id = 0; id < PLAN_SERVICES; id++)
            if (d->services[id].n_ports && !d->services[id].outer)
                knock_at(k, &d->services[id], &n);
    }
}

/* ---- the course of it ---- */

/* All questions are answered. */
static void go_on(struct look *k)
{
    timer_stop(&k->loop.timers, &k->over);
    if (k->conf->connect)
        knock_at_all(k);
    if (list_empty(&k->knocks))
        loop_stop(&k->loop);
}

static void on_pump(struct timer *t)
{
    struct look *k = container_of(t, struct look, pump);
    size_t waiting = 0;

    list_each (l, &k->book->heard) {
        struct heard *h = container_of(l, struct heard, link);

        if (h->state == HEARD_WAITS && k->n_asked < DNS_LOOK_AT_ONCE)
            ask(k, h);
        waiting += h->state == HEARD_WAITS;
    }
    if (k->n_asked == 0 && waiting == 0)
        go_on(k);
    else if (k->n_asked == 0)
        pump_soon(k); /* none of those could be asked */
}

static void on_over(struct timer *t)
{
    struct look *k = container_of(t, struct look, over);

    list_each_safe (l, tmp, &k->asked) {
        struct question *q = container_of(l, struct question, link);

        dns_cancel(q->query);
        list_unlink(&q->link);
    }
    k->n_asked = 0;
    timer_stop(&k->loop.timers, &k->pump);
    go_on(k);
}

static void on_glance(struct timer *t)
{
    struct look *k = container_of(t, struct look, glance);

    if (k->conf->stop && atomic_load(k->conf->stop))
        loop_stop(&k->loop);
    else
        timer_start(&k->loop.timers, &k->glance, GLANCE_MS);
}

/* Whatever is still on its way when the loop has stopped. */
static void give_up(struct look *k)
{
    timer_stop(&k->loop.timers, &k->over);
    timer_stop(&k->loop.timers, &k->pump);
    timer_stop(&k->loop.timers, &k->glance);
    list_each_safe (l, tmp, &k->knocks) {
        struct knock *n = container_of(l, struct knock, link);

        conn_detach(n->conn);
        list_unlink(&n->link);
    }
}

int dns_look(const struct dns_look_conf *conf, struct book *out, struct err *err)
{
    const struct dns_conf dns = { .servers = conf->servers,
                                  .n_servers = conf->n_servers,
                                  .trust_anchor_file = conf->trust_anchor_file };
    struct look k = { .conf = conf, .book = out };

    if (loop_init(&k.loop, conf->log, err))
        return -1;
    list_init(&k.asked);
    list_init(&k.knocks);
    timer_init(&k.over, on_over);
    timer_init(&k.pump, on_pump);
    timer_init(&k.glance, on_glance);
    out->validates = conf->trust_anchor_file != NULL;
    k.dns = dns_new(&k.loop, &dns, err);
    if (k.dns) {
        want_all(&k);
        timer_start(&k.loop.timers, &k.over, DNS_LOOK_MS);
        timer_start(&k.loop.timers, &k.glance, GLANCE_MS);
        pump_soon(&k);
        loop_run(&k.loop);
        give_up(&k);
        dns_free(k.dns);
    }
    loop_fini(&k.loop);
    return k.dns ? 0 : -1;
}

/* ---- what is the proxies' ---- */

struct outer {
    struct addr seen[DNS_OUTER_MAX];
    size_t n;
};

static bool is_new(struct outer *o, const struct addr *to)
{
    for (size_t i = 0; i < o->n; i++)
        if (addr_eq(&o->seen[i], to))
            return false;
    if (o->n == DNS_OUTER_MAX)
        return false;
    o->seen[o->n++] = *to;
    return true;
}

void dns_look_outer(const struct plan *plan, void (*fn)(void *arg, const struct addr *to), void *arg)
{
    struct outer o = { .n = 0 };

    list_each (l, &plan->domains)
        for (enum plan_service_id id = 0; id < PLAN_SERVICES; id++) {
            const struct plan_service *s = &container_of(l, struct plan_domain, link)->services[id];

            for (size_t i = 0; s->outer && s->host && i < s->n_ports * s->host->n_addrs; i++) {
                struct addr to = s->host->addrs[i / s->n_ports];

                addr_set_port(&to, s->ports[i % s->n_ports]);
                if (is_new(&o, &to))
                    fn(arg, &to);
            }
        }
}
