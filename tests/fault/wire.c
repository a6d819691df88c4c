#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"

#define FEATURES "</stream:features>"

bool wire_address(const char *text, struct sockaddr_in *out)
{
    char ip[32];
    unsigned port = 0;

    *out = (struct sockaddr_in){ .sin_family = AF_INET };
    if (sscanf(text, "%31[0-9.]:%u", ip, &port) < 1)
        return false;
    out->sin_port = htons((uint16_t)port);
    return inet_pton(AF_INET, ip, &out->sin_addr) == 1;
}

static void die(const char *what)
{
    fprintf(stderr, "hostile peer: %s: %s\n", what, strerror(errno));
    exit(1);
}

bool wire_option(struct wire_conf *conf, int n, char **a, int *i)
{
    const char *value = a[*i + 1];

    if (strcmp(a[*i], "--tls-cert") == 0)
        conf->cert = value;
    else if (strcmp(a[*i], "--tls-key") == 0)
        conf->key = value;
    else if (strcmp(a[*i], "--names") == 0 && *i + 2 < n)
        conf->name_from = value, conf->name_to = a[++*i + 1];
    else
        return strcmp(a[*i], "--from") == 0 && wire_address(value, &conf->from);
    return true;
}

int wire_socket(const struct wire_conf *conf, int type, uint32_t nth)
{
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in from = conf->from;

    if (fd < 0)
        die("socket");
    from.sin_addr.s_addr = htonl(ntohl(from.sin_addr.s_addr) + nth);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&from, sizeof(from)) != 0)
        die("bind");
    return fd;
}

SSL_CTX *wire_context(const struct wire_conf *conf)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    if (!ctx || (conf->cert && (SSL_CTX_use_certificate_chain_file(ctx, conf->cert) != 1 ||
                                SSL_CTX_use_PrivateKey_file(ctx, conf->key, SSL_FILETYPE_PEM) != 1))) {
        fprintf(stderr, "hostile peer: the certificate cannot be used\n");
        exit(1);
    }
    return ctx;
}

bool wire_open(struct wire *w, const struct wire_conf *conf, uint32_t nth)
{
    const struct timeval bound = { .tv_sec = 20 };
    int on = 1;

    *w = (struct wire){ .conf = conf, .fd = wire_socket(conf, SOCK_STREAM, nth) };
    setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(w->fd, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof(bound));
    setsockopt(w->fd, SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof(bound));
    return connect(w->fd, (const struct sockaddr *)&conf->to, sizeof(conf->to)) == 0;
}

void wire_close(struct wire *w)
{
    SSL_free(w->ssl);
    close(w->fd);
}

void wire_cut(struct wire *w)
{
    const struct linger cut = { .l_onoff = 1 };

    setsockopt(w->fd, SOL_SOCKET, SO_LINGER, &cut, sizeof(cut));
    wire_close(w);
}

void wire_finish(struct wire *w)
{
    char in[4096];
    ssize_t got;

    if (shutdown(w->fd, SHUT_WR) == 0)
        while ((got = recv(w->fd, in, sizeof(in), 0)) > 0)
            w->bytes_in += (uint64_t)got;
    wire_close(w);
}

int wire_read(struct wire *w, char *p, size_t n)
{
    int got = w->ssl ? SSL_read(w->ssl, p, (int)n) : (int)recv(w->fd, p, n, 0);

    w->bytes_in += got > 0 ? (uint64_t)got : 0;
    return got;
}

bool wire_write(struct wire *w, const char *p, size_t n)
{
    while (n > 0) {
        size_t piece = n < 16384 ? n : 16384;
        int put = w->ssl ? SSL_write(w->ssl, p, (int)piece) : (int)send(w->fd, p, piece, MSG_NOSIGNAL);

        if (put <= 0)
            return false;
        w->bytes_out += (uint64_t)put;
        p += put;
        n -= (size_t)put;
    }
    return true;
}

static bool await(struct wire *w, const char *text)
{
    char in[8192];
    size_t n = 0;
    int got;

    while (n < sizeof(in) - 1 && (got = wire_read(w, in + n, sizeof(in) - 1 - n)) > 0) {
        n += (size_t)got;
        if (memmem(in, n, text, strlen(text)))
            return true;
    }
    return false;
}

bool wire_say(struct wire *w, const char *text, const char *answer)
{
    return wire_write(w, text, strlen(text)) && (!answer || await(w, answer));
}

bool wire_header(struct wire *w, const char *answer)
{
    char text[512];

    snprintf(
        text, sizeof(text),
        "<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' "
        "xmlns:db='jabber:server:dialback' from='%s' to='%s' version='1.0'>",
        w->conf->name_from, w->conf->name_to);
    return wire_say(w, text, answer);
}

bool wire_auth(struct wire *w, const char *name, const char *answer)
{
    char text[512];
    struct buf coded;

    buf_init(&coded, 256);
    text_put_base64(&coded, name, strlen(name));
    snprintf(text, sizeof(text), "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>%.*s</auth>",
             (int)coded.n, coded.p);
    buf_free(&coded);
    return wire_say(w, text, answer);
}

bool wire_starttls(struct wire *w)
{
    return wire_header(w, FEATURES) && wire_say(w, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", "<proceed");
}

bool wire_secure(struct wire *w, SSL_CTX *ctx)
{
    w->ssl = SSL_new(ctx);
    return w->ssl && SSL_set_fd(w->ssl, w->fd) && SSL_set_tlsext_host_name(w->ssl, w->conf->name_to) &&
           SSL_connect(w->ssl) == 1;
}

bool wire_authenticate(struct wire *w)
{
    return wire_header(w, FEATURES) && wire_auth(w, w->conf->name_from, "<success") && wire_header(w, FEATURES);
}
