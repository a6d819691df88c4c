#include "xmpp/servers.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/rand.h"

#define TOLD_MAX 6 /* servers of one set that a trace names */

static void on_other_late(struct timer *t);

static const char *label(const struct xmpp_servers *s, const struct xmpp_servers_set *set)
{
    return set == &s->sets[XMPP_SERVICE_DIRECT] ? "_xmpps-server._tcp" : "_xmpp-server._tcp";
}

static void stop_asking(struct xmpp_servers *s)
{
    timer_stop(&s->loop->timers, &s->other);
    for (size_t i = 0; i < 2; i++) {
        if (s->sets[i].query)
            dns_cancel(s->sets[i].query);
        s->sets[i].query = NULL;
    }
}

void xmpp_servers_fini(struct xmpp_servers *s)
{
    if (!s->loop)
        return;
    stop_asking(s);
    free(s->v);
    *s = (struct xmpp_servers){ 0 };
}

/* "a.example:5269, b.example:5269 and 3 more" */
static void list_text(const struct dns_srv *srv, size_t n, char *out, size_t size)
{
    size_t at = 0;

    out[0] = '\0';
    for (size_t i = 0; i < n && i < TOLD_MAX && at < size; i++)
        at += (size_t)snprintf(out + at, size - at, "%s%s:%u", i ? ", " : "", srv[i].target, srv[i].port);
    if (n > TOLD_MAX && at < size)
        snprintf(out + at, size - at, " and %zu more", n - TOLD_MAX);
}

static void note(const struct xmpp_servers *s, const struct xmpp_servers_set *set, const struct dns_answer *answer)
{
    const char *secure = set->secure ? "secure" : "not secured by DNSSEC";
    char list[TOLD_MAX * 264 + 32];

    switch (set->status) {
    case DNS_NO_DATA:
    case DNS_NO_NAME:
        xmpp_trace_add(s->trace, loop_now(s->loop), XMPP_STEP_DNS, STEP_NOTE, "%s.%s: no SRV records (%s)",
                       label(s, set), s->domain, secure);
        return;
    case DNS_FAILED:
        xmpp_trace_add(s->trace, loop_now(s->loop), XMPP_STEP_DNS, STEP_FAILED, "%s.%s: no answer: %s", label(s, set),
                       s->domain, answer->why ? answer->why : "?");
        return;
    case DNS_OK: break;
    }
    list_text(answer->srv, answer->n_srv, list, sizeof(list));
    if (set->dot)
        xmpp_trace_add(s->trace, loop_now(s->loop), XMPP_STEP_DNS, STEP_NOTE, "%s.%s: not offered (target \".\", %s)",
                       label(s, set), s->domain, secure);
    else
        xmpp_trace_add(s->trace, loop_now(s->loop), XMPP_STEP_DNS, STEP_OK, "%s.%s: %s (%s)", label(s, set), s->domain,
                       list, secure);
}

/* Adds the records of one set. False: no memory for them. */
static bool add(struct xmpp_servers *s, struct xmpp_servers_set *set, const struct dns_answer *answer)
{
    size_t room = s->n + answer->n_srv;
    struct dns_srv *v = realloc(s->v, room * sizeof(*v));

    if (!v)
        return false;
    s->v = v;
    for (size_t i = 0; i < answer->n_srv && s->n < XMPP_SERVERS_MAX; i++) {
        if (!answer->srv[i].target[0])
            continue;
        v[s->n] = answer->srv[i];
        v[s->n++].mark = (unsigned)(set - s->sets);
        set->n++;
    }
    return true;
}

static void finish(struct xmpp_servers *s)
{
    stop_asking(s);
    if (s->n)
        dns_srv_order(s->v, s->n, rand_below);
    s->known(s);
}

static void on_srv(void *arg, const struct dns_answer *answer)
{
    struct xmpp_servers_set *set = arg;
    struct xmpp_servers *s = set->of;
    struct xmpp_servers_set *other = &s->sets[set == s->sets ? 1 : 0];

    set->query = NULL;
    set->done = true;
    set->status = answer->status;
    set->secure = answer->secure;
    set->dot = answer->status == DNS_OK && answer->n_srv == 1 && !answer->srv[0].target[0];
    if (answer->status == DNS_FAILED)
        snprintf(s->why, sizeof(s->why), "DNS cannot find %s.%s: %s", label(s, set), s->domain,
                 answer->why ? answer->why : "?");
    else if (answer->status == DNS_OK && answer->n_srv && !add(s, set, answer)) {
        set->status = DNS_FAILED;
        snprintf(s->why, sizeof(s->why), "out of memory");
    }
    note(s, set, answer);
    if (!other->asked || other->done)
        finish(s);
    else if (set->n || set == &s->sets[XMPP_SERVICE_STARTTLS])
        timer_start(&s->loop->timers, &s->other, XMPP_SERVERS_OTHER_MS);
}

static void on_other_late(struct timer *t)
{
    struct xmpp_servers *s = container_of(t, struct xmpp_servers, other);

    for (size_t i = 0; i < 2; i++) {
        struct xmpp_servers_set *set = &s->sets[i];

        if (!set->asked || set->done)
            continue;
        set->status = DNS_FAILED;
        note(s, set, &(struct dns_answer){ .status = DNS_FAILED, .why = "it is not waited for any longer" });
    }
    finish(s);
}

static bool ask(struct xmpp_servers *s, struct dns *dns, enum xmpp_service service)
{
    struct xmpp_servers_set *set = &s->sets[service];
    char name[256 + 32];

    snprintf(name, sizeof(name), "%s.%s", label(s, set), s->domain);
    set->of = s;
    set->query = dns_query_srv(dns, name, on_srv, set);
    set->asked = set->query != NULL;
    return set->asked;
}

bool xmpp_servers_ask(struct xmpp_servers *s, struct loop *loop, struct dns *dns, const char *domain, bool direct,
                      struct xmpp_trace *trace, void (*known)(struct xmpp_servers *s))
{
    *s = (struct xmpp_servers){ .loop = loop, .trace = trace, .domain = domain, .known = known };
    timer_init(&s->other, on_other_late);
    if (!dns || !ask(s, dns, XMPP_SERVICE_STARTTLS))
        return false;
    if (direct)
        ask(s, dns, XMPP_SERVICE_DIRECT); /* its name is longer by a byte: a domain may have no room for it */
    return true;
}

enum xmpp_servers_said xmpp_servers_say(struct xmpp_servers *s)
{
    const struct xmpp_servers_set *starttls = &s->sets[XMPP_SERVICE_STARTTLS];
    const struct xmpp_servers_set *direct = &s->sets[XMPP_SERVICE_DIRECT];

    if (s->n)
        return XMPP_SERVERS_LISTED;
    if (starttls->status == DNS_FAILED)
        return XMPP_SERVERS_UNKNOWN;
    if (starttls->status != DNS_OK) /* RFC 6120 3.2.1 point 9; "." for direct TLS says nothing about STARTTLS */
        return XMPP_SERVERS_DOMAIN;
    if (direct->asked && direct->status == DNS_FAILED)
        return XMPP_SERVERS_UNKNOWN;
    snprintf(s->why, sizeof(s->why), "DNS says that %s offers no XMPP (SRV target \".\")", s->domain);
    return XMPP_SERVERS_NONE;
}

bool xmpp_servers_secure(const struct xmpp_servers *s, enum xmpp_service service)
{
    return s->sets[service].secure;
}
