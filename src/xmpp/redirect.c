#include "xmpp/redirect.h"

#include <stdlib.h>
#include <string.h>

#include "net/addr.h"
#include "xmpp/jid.h"

struct remembered {
    struct list link;
    struct xmpp_redirect to;
    bool used;
    unsigned hops;
    uint64_t at_ms;
    size_t n_local;
    size_t n;
    char pair[]; /* both domains, one behind the other */
};

static bool keep_host(struct slice host, struct xmpp_redirect *out)
{
    char mem[1024];
    struct arena arena;
    struct slice prepared, ascii;
    bool ok;

    arena_init_on(&arena, mem, sizeof(mem), 16384);
    ok = jid_prep_domain(&arena, host, &prepared) && jid_domain_to_ascii(&arena, prepared, &ascii) && ascii.n > 0 &&
         ascii.n < sizeof(out->host);
    if (ok) {
        memcpy(out->host, ascii.p, ascii.n);
        out->host[ascii.n] = '\0';
    }
    arena_reset(&arena);
    return ok;
}

bool xmpp_redirect_parse(struct slice text, struct xmpp_redirect *out)
{
    struct slice host = slice_trim(text), port = { 0 };
    struct addr addr;
    char ip[ADDR_TEXT];
    uint64_t n = 0;

    *out = (struct xmpp_redirect){ .port = 0 };
    if (addr_parse(host, 5269, &addr)) {
        memcpy(out->host, addr_ip_text(&addr, ip), sizeof(ip));
        out->port = addr_port(&addr);
        out->is_ip = true;
        return out->port > 0;
    }
    if (slice_cut(host, ':', &host, &port) && (!slice_u64(port, UINT16_MAX, &n) || n == 0))
        return false;
    out->port = (uint16_t)n;
    return keep_host(host, out) && !addr_parse_ip(slice_str(out->host), 1, &addr); /* such as "192.0.2.1." */
}

void xmpp_redirects_init(struct xmpp_redirects *r)
{
    *r = (struct xmpp_redirects){ .n = 0 };
    list_init(&r->list);
}

static void forget(struct xmpp_redirects *r, struct remembered *m)
{
    list_unlink(&m->link);
    r->n--;
    free(m);
}

void xmpp_redirects_fini(struct xmpp_redirects *r)
{
    while (!list_empty(&r->list))
        forget(r, container_of(r->list.next, struct remembered, link));
}

static struct remembered *find(struct xmpp_redirects *r, struct slice local, struct slice remote, uint64_t now_ms)
{
    list_each_safe (it, tmp, &r->list) {
        struct remembered *m = container_of(it, struct remembered, link);

        if (now_ms - m->at_ms >= XMPP_REDIRECT_MS)
            forget(r, m);
        else if (slice_eq(slice_of(m->pair, m->n_local), local) &&
                 slice_eq(slice_of(m->pair + m->n_local, m->n - m->n_local), remote))
            return m;
    }
    return NULL;
}

static struct remembered *add(struct xmpp_redirects *r, struct slice local, struct slice remote)
{
    struct remembered *m = calloc(1, sizeof(*m) + local.n + remote.n);

    if (!m)
        return NULL;
    if (r->n >= XMPP_REDIRECTS_MAX)
        forget(r, container_of(r->list.next, struct remembered, link));
    m->n_local = local.n;
    m->n = local.n + remote.n;
    memcpy(m->pair, local.p, local.n);
    memcpy(m->pair + local.n, remote.p, remote.n);
    list_push(&r->list, &m->link);
    r->n++;
    return m;
}

bool xmpp_redirects_note(struct xmpp_redirects *r, struct slice local, struct slice remote,
                         const struct xmpp_redirect *to, uint64_t now_ms)
{
    struct remembered *m = find(r, local, remote, now_ms);

    if (!m)
        m = add(r, local, remote);
    if (!m)
        return false;
    if (m->hops >= XMPP_REDIRECT_HOPS_MAX) {
        forget(r, m);
        return false;
    }
    m->hops++;
    m->used = false;
    m->at_ms = now_ms;
    m->to = *to;
    list_unlink(&m->link);
    list_push(&r->list, &m->link);
    return true;
}

bool xmpp_redirects_take(struct xmpp_redirects *r, struct slice local, struct slice remote, uint64_t now_ms,
                         struct xmpp_redirect *out)
{
    struct remembered *m = find(r, local, remote, now_ms);

    if (!m || m->used)
        return false;
    m->used = true; /* it stays a while, for its count of hops */
    *out = m->to;
    return true;
}
