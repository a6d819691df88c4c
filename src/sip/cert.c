#include "sip/cert.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "sip/uri.h"

#define NAMES_SHOWN 8
#define KEPT_MAX 65536 /* bytes of names that one connection may keep */

struct sip_cert {
    struct arena arena;
    struct tls_name *names;
    size_t n_names;
};

static struct slice without_dot(struct slice s)
{
    return s.n && s.p[s.n - 1] == '.' ? slice_first(s, s.n - 1) : s;
}

static bool has_nul(struct slice s)
{
    return slice_find(s, '\0') != s.n;
}

/* The domain of a URI that is a SIP identity of a domain, not of a user (RFC 5922 7.1). */
static bool domain_of_uri(struct slice text, struct slice *domain)
{
    struct sip_uri uri;

    if (has_nul(text) || !sip_uri_parse(text, &uri) || uri.scheme != SIP_SCHEME_SIP || uri.has_user)
        return false;
    *domain = uri.host;
    return true;
}

static bool dns_is(const struct tls_name *name, struct slice host)
{
    return name->kind == TLS_NAME_DNS && !has_nul(name->text) && slice_ieq(without_dot(name->text), host);
}

static bool uri_is(const struct tls_name *name, struct slice host)
{
    struct slice domain;

    return name->kind == TLS_NAME_URI && domain_of_uri(name->text, &domain) && slice_ieq(without_dot(domain), host);
}

bool sip_cert_covers(const struct tls_name *names, size_t n_names, struct slice domain)
{
    struct slice wanted = without_dot(domain), ignored;
    bool has_uri = false;

    if (wanted.n == 0)
        return false;
    for (size_t i = 0; i < n_names; i++) {
        if (uri_is(&names[i], wanted))
            return true;
        has_uri = has_uri || (names[i].kind == TLS_NAME_URI && domain_of_uri(names[i].text, &ignored));
    }
    for (size_t i = 0; i < n_names && !has_uri; i++)
        if (dns_is(&names[i], wanted))
            return true;
    return false;
}

bool sip_cert_names(const struct tls_name *names, size_t n_names, struct slice host)
{
    struct slice wanted = without_dot(host);

    for (size_t i = 0; i < n_names && wanted.n; i++)
        if (dns_is(&names[i], wanted) || uri_is(&names[i], wanted))
            return true;
    return false;
}

void sip_cert_put_names(const struct tls_name *names, size_t n_names, char *out, size_t size)
{
    size_t at = 0;

    snprintf(out, size, "no name that counts");
    for (size_t i = 0; i < n_names && i < NAMES_SHOWN && at < size; i++) {
        char name[80];

        log_escape(name, sizeof(name), names[i].text);
        at += (size_t)snprintf(out + at, size - at, "%s%s", i ? ", " : "", name);
    }
}

static struct sip_cert *keep(const struct tls_peer *peer)
{
    struct sip_cert *c = calloc(1, sizeof(*c));
    bool ok;

    if (!c)
        return NULL;
    arena_init(&c->arena, KEPT_MAX);
    c->names = arena_alloc(&c->arena, (peer->n_names + 1) * sizeof(*c->names));
    ok = c->names != NULL;
    for (size_t i = 0; ok && i < peer->n_names; i++) {
        c->names[i] = (struct tls_name){ peer->names[i].kind, arena_dup(&c->arena, peer->names[i].text) };
        ok = c->names[i].text.p != NULL;
        c->n_names += ok;
    }
    if (ok)
        return c;
    sip_cert_free(c);
    return NULL;
}

struct sip_cert *sip_cert_of(SSL *ssl, struct arena *arena, const char **fault)
{
    struct tls_peer peer;
    struct sip_cert *c;

    *fault = "out of memory";
    if (!ssl || !tls_peer(ssl, arena, &peer))
        return NULL;
    if (!peer.trusted) {
        *fault = peer.presented ? peer.fault : NULL;
        return NULL;
    }
    c = keep(&peer);
    if (!c)
        *fault = "its names do not fit into the memory there is for them";
    return c;
}

void sip_cert_free(struct sip_cert *c)
{
    if (!c)
        return;
    arena_reset(&c->arena);
    free(c);
}

const struct tls_name *sip_cert_list(const struct sip_cert *c, size_t *n)
{
    *n = c ? c->n_names : 0;
    return c ? c->names : NULL;
}
