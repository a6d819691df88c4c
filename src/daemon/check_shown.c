/*
 * What our listeners show: handshakes with them from this machine, as a peer would begin one. Blocking, each step within a bound, in the
 * check's thread.
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "daemon/check_rows.h"
#include "pki/facts.h"

#define STEP_S 5
#define ANSWER_MAX 8192

static const char header[] = "<?xml version='1.0'?><stream:stream xmlns='jabber:server' "
                             "xmlns:stream='http://etherx.jabber.org/streams' version='1.0' to='";
static const char starttls[] = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";

struct knock {
    const struct addr *at;
    const char *name; /* SNI, and the stream's domain */
    bool by_starttls;
    char *why;
    size_t why_max;
};

static bool fail(const struct knock *k, const char *why)
{
    snprintf(k->why, k->why_max, "%s", why);
    return false;
}

static bool say(int fd, const char *text)
{
    size_t n = strlen(text);

    return send(fd, text, n, MSG_NOSIGNAL) == (ssize_t)n;
}

/* Reads until the answer has this in it. */
static bool hear(const struct knock *k, int fd, const char *what)
{
    char answer[ANSWER_MAX];
    size_t n = 0;

    while (n < sizeof(answer) - 1) {
        ssize_t got = recv(fd, answer + n, sizeof(answer) - 1 - n, 0);

        if (got <= 0)
            return fail(k, got < 0 && errno == EAGAIN ? "no answer" : "the stream was ended before TLS");
        n += (size_t)got;
        answer[n] = '\0';
        if (memmem(answer, n, what, strlen(what)))
            return true;
    }
    return fail(k, "the answer is too long");
}

static bool begin_tls(const struct knock *k, int fd)
{
    return say(fd, header) && say(fd, k->name) && say(fd, "'>") && hear(k, fd, "</stream:features>") &&
           say(fd, starttls) && hear(k, fd, "<proceed");
}

/* sha256: of what was shown. */
static bool handshake(const struct knock *k, int fd, char sha256[CERTS_SHA256])
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = context ? SSL_new(context) : NULL;
    X509 *x = NULL;
    struct pki_facts facts;
    bool ok;

    if (ssl && SSL_set_fd(ssl, fd) == 1 && SSL_set_tlsext_host_name(ssl, k->name) == 1 && SSL_connect(ssl) == 1)
        x = SSL_get1_peer_certificate(ssl);
    ok = x && pki_facts_of(x, &facts);
    if (ok)
        snprintf(sha256, CERTS_SHA256, "%s", facts.sha256);
    else
        fail(k, "there was no TLS handshake: the log says why");
    X509_free(x);
    SSL_free(ssl);
    SSL_CTX_free(context);
    ERR_clear_error();
    return ok;
}

static bool knock(const struct knock *k, char sha256[CERTS_SHA256])
{
    const struct timeval bound = { .tv_sec = STEP_S };
    int fd = socket(k->at->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof(bound)) == 0 &&
              setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof(bound)) == 0; /* of connect too */

    k->why[0] = '\0';
    if (!ok || connect(fd, &k->at->sa, addr_len(k->at)) != 0)
        ok = fail(k, strerror(errno));
    ok = ok && (!k->by_starttls || begin_tls(k, fd)) && handshake(k, fd, sha256);
    if (!ok && !k->why[0])
        fail(k, strerror(errno));
    if (fd >= 0)
        close(fd);
    return ok;
}

/* Where such a certificate is shown; false: nowhere. */
static bool find_listener(const struct boot *b, const struct certificate_use *use, struct knock *k)
{
    const bool is_domain = use->name.n, is_sip = strcmp(use->kind, "sip") == 0;
    const struct setting_list *list = is_domain ? b->xmpp.n ? &b->xmpp : &b->xmpps : is_sip ? &b->sip_tls : &b->admin;

    k->by_starttls = is_domain && b->xmpp.n;
    k->at = list->v;
    return list->n > 0;
}

enum certs_shown check_shown(void *arg, const struct certificate_use *use, const char *name,
                             struct certs_handshake *out)
{
    const struct check *c = arg;
    struct knock k = { .why = out->why, .why_max = sizeof(out->why) };
    char host[PKI_NAME_MAX + 1];
    struct addr to;

    if (use->name.n && check_is_given(c))
        return check_given(c, name, out);
    if (!find_listener(c->conf->boot, use, &k))
        return CERTS_NOWHERE;
    snprintf(host, sizeof(host), "%.*s", SLICE_FMT(c->conf->boot->host_name));
    if (k.by_starttls && !check_takes_work(c))
        return CERTS_NOWHERE; /* partners are sent away before TLS: no fault of the certificate */
    k.name = use->name.n ? name : host;
    to = check_reachable(k.at);
    k.at = &to;
    addr_text(&to, out->at);
    return knock(&k, out->sha256) ? CERTS_SHOWN : CERTS_NOT_SHOWN;
}
