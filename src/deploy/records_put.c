/* Records as texts: what zone files and administrators read. */
#include <stdio.h>

#include "base/buf.h"
#include "base/text.h"
#include "deploy/records.h"

#define PRIORITY 5 /* of the first port; each further one comes 5 behind */

struct writer {
    const struct plan *plan;
    void (*fn)(void *arg, const struct plan_record *record);
    void *arg;
};

/* ---- data ---- */

static void put_srv(const struct plan_service *s, size_t port, char out[PLAN_LINE])
{
    snprintf(out, PLAN_LINE, "%zu 0 %u %.253s.", PRIORITY * (port + 1), (unsigned)s->ports[port], s->host->name);
}

static void put_tlsa(const unsigned char hash[TLS_KEY_HASH], char out[PLAN_LINE])
{
    struct buf b;

    buf_init(&b, PLAN_LINE);
    buf_str(&b, "3 1 1 ");
    text_put_hex(&b, hash, TLS_KEY_HASH);
    buf_char(&b, '\0');
    snprintf(out, PLAN_LINE, "%s", buf_ok(&b) ? b.p : "");
    buf_free(&b);
}

/* A name of an authority holds nothing that a zone file could not have between quotes: the rest is left out. */
static void put_caa(struct slice authority, char out[PLAN_LINE])
{
    size_t n = (size_t)snprintf(out, PLAN_LINE, "0 issue \"");

    for (size_t i = 0; i < authority.n && n + 2 < PLAN_LINE; i++)
        if (authority.p[i] > ' ' && authority.p[i] <= '~' && authority.p[i] != '"' && authority.p[i] != '\\')
            out[n++] = authority.p[i];
    out[n++] = '"';
    out[n] = '\0';
}

static const char *addr_type(const struct addr *a)
{
    return a->sa.sa_family == AF_INET6 ? "AAAA" : "A";
}

/* ---- all of a plan ---- */

static void put_domain(const struct writer *w, const struct plan_domain *d)
{
    const struct setting_list *authorities = &config_gateway(w->plan->site.config)->authorities;
    const struct slice *names = authorities->v;
    char owner[PLAN_LINE], data[PLAN_LINE];
    struct plan_record r = { .domain = d->name, .owner = owner, .ttl_s = w->plan->ttl_s, .data = data };

    for (enum plan_service_id id = 0; id < PLAN_SERVICES; id++) {
        const struct plan_service *s = &d->services[id];

        r.type = "SRV";
        r.optional = plan_service_is_optional(id);
        r.why = r.optional ? "how SIP systems find this gateway; not where a server of your own has this name"
                           : "how XMPP servers find this gateway";
        snprintf(owner, sizeof(owner), "%s.%s", plan_service_label(id), d->ascii);
        for (size_t i = 0; i < s->n_ports; i++) {
            put_srv(s, i, data);
            w->fn(w->arg, &r);
        }
    }
    r.type = "CAA";
    r.optional = true;
    r.why = "who may issue certificates for it";
    snprintf(owner, sizeof(owner), "%s", d->ascii);
    for (size_t i = 0; i < authorities->n; i++) {
        put_caa(names[i], data);
        w->fn(w->arg, &r);
    }
}

static void put_host(const struct writer *w, const struct plan_host *h)
{
    char owner[PLAN_LINE], data[PLAN_LINE];
    struct plan_record r = { .domain = "", .owner = owner, .ttl_s = w->plan->ttl_s, .data = data };

    r.why = "where it is";
    snprintf(owner, sizeof(owner), "%s", h->name);
    for (size_t i = 0; i < h->n_addrs; i++) {
        r.type = addr_type(&h->addrs[i]);
        addr_ip_text(&h->addrs[i], data);
        w->fn(w->arg, &r);
    }
    r.type = "TLSA";
    r.optional = true;
    r.why =
        "which certificate is right there (DANE); counts only in a zone that DNSSEC signs, and changes with the key";
    list_each (l, &h->keys) {
        const struct plan_key *k = container_of(l, struct plan_key, link);

        if (h->too_many_keys)
            break;
        snprintf(owner, sizeof(owner), "_%u._tcp.%s", (unsigned)k->port, h->name);
        put_tlsa(k->hash, data);
        w->fn(w->arg, &r);
    }
}

void plan_each(const struct plan *p, void (*fn)(void *arg, const struct plan_record *record), void *arg)
{
    const struct writer w = { p, fn, arg };

    list_each (l, &p->domains)
        put_domain(&w, container_of(l, struct plan_domain, link));
    list_each (l, &p->hosts)
        put_host(&w, container_of(l, struct plan_host, link));
}

/* ---- single lines ---- */

void plan_srv_line(const struct plan *p, const struct plan_domain *d, enum plan_service_id id, size_t port,
                   char out[PLAN_LINE])
{
    char data[PLAN_LINE];

    put_srv(&d->services[id], port, data);
    snprintf(out, PLAN_LINE, "%s.%.253s. %u IN SRV %.300s", plan_service_label(id), d->ascii, (unsigned)p->ttl_s, data);
}

void plan_addr_line(const struct plan *p, const char *host, const struct addr *a, char out[PLAN_LINE])
{
    char text[ADDR_TEXT];

    snprintf(out, PLAN_LINE, "%.253s. %u IN %s %s", host, (unsigned)p->ttl_s, addr_type(a), addr_ip_text(a, text));
}

void plan_tlsa_line(const struct plan *p, const char *host, uint16_t port, const struct chain *chain,
                    char out[PLAN_LINE])
{
    unsigned char hash[TLS_KEY_HASH];
    char data[PLAN_LINE] = "";

    if (chain && chain->chain && tls_chain_key_hash(chain->chain, hash))
        put_tlsa(hash, data);
    snprintf(out, PLAN_LINE, "_%u._tcp.%.253s. %u IN TLSA %.100s", (unsigned)port, host, (unsigned)p->ttl_s, data);
}

void plan_caa_line(const struct plan *p, const struct plan_domain *d, struct slice authority, char out[PLAN_LINE])
{
    char data[PLAN_LINE];

    put_caa(authority, data);
    snprintf(out, PLAN_LINE, "%.253s. %u IN CAA %.300s", d->ascii, (unsigned)p->ttl_s, data);
}
