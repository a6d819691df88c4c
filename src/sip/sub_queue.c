/*
 * The requests of ours in subscriptions: in turns, a bounded number with each route and in all, so that neither many changes at once
 * nor a server that is silent take the room of other routes and of messages.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sip/charge.h"
#include "sip/route_set.h"
#include "sip/stack.h"
#include "sip/writer.h"

#define TAG_TEXT 22 /* ";tag=" and ours, with the NUL */

/* Credentials and 3xx use up CSeqs behind the one that we know of (client_login.c, attempt.c): less than so many. */
#define SPARE_CSEQ 32

/* One request under way, with all that its targets may need of it. */
struct sub_flight {
    struct list link;
    struct sip *sip;
    struct sip_sub *sub; /* NULL: gone, and nobody cares for the result */
    struct sip_charge *charge;
    struct sip_attempt *attempt;
    struct sip_send request;
    struct sip_contact contact;
    char bytes[];
};

static bool has_room(const struct sip *sip)
{
    return sip->subs.n_flying <= sip->conf.txns_max / 2;
}

static bool route_has_room(const struct sip *sip, const struct sip_charge *c)
{
    return c->n_flying < SIP_SUB_FLYING_MAX && c->n_flying <= sip->conf.txns_max / 8;
}

static void go(struct sip_sub *s)
{
    if (s->notifier)
        sip_notify_go(s);
    else
        sip_subscribe_go(s);
}

void sip_sub_queue(struct sip_sub *s)
{
    struct sip_charge *c = s->charge;

    if (!list_empty(&s->waiting))
        return;
    if (list_empty(&c->waiting) && route_has_room(s->sip, c) && has_room(s->sip)) {
        go(s);
        return;
    }
    list_push(&c->waiting, &s->waiting);
    if (list_empty(&c->in_waiting))
        list_push(&s->sip->subs.waiting, &c->in_waiting);
    sip_sub_schedule(s); /* its end may come first */
}

/* A route that may send more: each in its turn. */
static struct sip_charge *next_route(struct sip *sip)
{
    list_each (l, &sip->subs.waiting) {
        struct sip_charge *c = container_of(l, struct sip_charge, in_waiting);

        if (!route_has_room(sip, c))
            continue;
        list_unlink(&c->in_waiting);
        list_push(&sip->subs.waiting, &c->in_waiting);
        return c;
    }
    return NULL;
}

void sip_subs_pump(struct sip *sip)
{
    struct sip_charge *c;

    while (has_room(sip) && (c = next_route(sip))) {
        struct sip_sub *s = container_of(list_pop(&c->waiting), struct sip_sub, waiting);

        if (list_empty(&c->waiting))
            list_unlink(&c->in_waiting);
        go(s);
    }
}

static void land(struct sub_flight *f)
{
    struct sip *sip = f->sip;

    list_unlink(&f->link);
    sip->subs.n_flying--;
    sip_charge_landed(&sip->subs.charges, f->charge);
    free(f);
}

void sip_subs_fini_flights(struct sip *sip)
{
    list_each_safe (l, tmp, &sip->subs.flights) {
        struct sub_flight *f = container_of(l, struct sub_flight, link);

        sip_request_forget(f->attempt);
        land(f);
    }
}

void sip_sub_let_fly(struct sip_sub *s)
{
    if (s->flight)
        s->flight->sub = NULL;
    s->flight = NULL;
}

/* The number in an answer is the peer's word. */
static uint32_t cseq_after(uint32_t cseq, const struct sip_result *result)
{
    uint32_t more = result->msg ? result->msg->cseq - cseq : SPARE_CSEQ;

    return more <= SPARE_CSEQ ? cseq + more : cseq;
}

static void on_result(void *arg, const struct sip_result *result)
{
    struct sub_flight *f = arg;
    struct sip *sip = f->sip;
    struct sip_sub *s = f->sub;

    land(f);
    if (s) {
        s->flight = NULL;
        s->cseq = cseq_after(s->cseq, result);
        if (s->notifier)
            sip_notify_done(s, result);
        else
            sip_subscribe_done(s, result);
    }
    sip_subs_pump(sip);
}

static struct slice keep(char **at, struct slice text)
{
    struct slice kept = slice_of(*at, text.n);

    if (text.n)
        memcpy(*at, text.p, text.n);
    *at += text.n;
    return kept;
}

static struct slice keep_from(char **at, const struct sip_sub *s)
{
    struct slice local = keep(at, sip_sub_text(s, SUB_LOCAL));
    int n = snprintf(*at, TAG_TEXT, ";tag=%016" PRIx64, s->tag);

    *at += n;
    return slice_of(local.p, local.n + (size_t)n);
}

static void fill(struct sub_flight *f, const struct sip_sub *s, enum sip_method method, struct slice uri,
                 struct slice lines, struct slice body)
{
    struct sip_send *r = &f->request;
    char *at = f->bytes;

    f->contact = sip_sub_contact(s);
    f->contact.user = keep(&at, f->contact.user);
    f->contact.params = keep(&at, f->contact.params);
    r->method = method;
    r->uri = keep(&at, uri);
    r->from = keep_from(&at, s);
    r->to = keep(&at, sip_sub_text(s, SUB_REMOTE));
    r->call_id = keep(&at, sip_sub_text(s, SUB_CALL_ID));
    r->cseq = s->cseq + 1;
    r->max_forwards = 70;
    r->contact = &f->contact;
    r->headers = keep(&at, lines);
    r->body = keep(&at, body);
}

bool sip_sub_fly(struct sip_sub *s, enum sip_method method, const struct sip_destination *to, struct slice lines,
                 struct slice body)
{
    struct sip *sip = s->sip;
    struct sub_flight *f;
    struct slice uri;
    size_t n = lines.n + body.n + TAG_TEXT;

    sip_route_uri(sip_sub_text(s, SUB_ROUTES), sip_sub_text(s, SUB_TARGET), &uri);
    n += uri.n;
    for (size_t i = 0; i < SUB_TEXTS; i++)
        n += s->n_text[i];
    f = malloc(sizeof(*f) + n);
    if (!f)
        return false;
    memset(f, 0, sizeof(*f));
    fill(f, s, method, uri, lines, body);
    f->attempt = sip_request(sip, to, &f->request, 64ull * sip->conf.t1_ms, on_result, f);
    if (!f->attempt) {
        free(f);
        return false;
    }
    f->sip = sip;
    f->sub = s;
    f->charge = s->charge;
    s->charge->n_flying++;
    sip->subs.n_flying++;
    list_push(&sip->subs.flights, &f->link);
    s->flight = f;
    s->cseq++;
    return true;
}

void sip_sub_put_dialog(const struct sip_sub *s, struct buf *b)
{
    struct slice id = sip_sub_text(s, SUB_ID), uri;

    sip_route_put(b, sip_sub_text(s, SUB_ROUTES), sip_sub_text(s, SUB_TARGET), &uri);
    buf_put(b, s->winfo ? SLICE("Event: " SIP_EVENT_WINFO) : SLICE("Event: " SIP_EVENT));
    if (id.n) {
        buf_put(b, SLICE(";id="));
        sip_put_safe(b, id);
    }
    buf_put(b, SLICE("\r\n"));
}
