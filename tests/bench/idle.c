/*
 * Many partners that are connected and silent: one authenticated stream each, over TLS 1.3 with a certificate of its own,
 * made here when it is needed.
 *
 *   idle TARGET PORT DOMAIN SOURCE AUTHORITY AUTHORITY-KEY CHAIN COUNT [both]
 *
 * They come from the address SOURCE and the 249 behind it. The partners are p00000.idle.example and so on; DOMAIN is the server's. AUTHORITY signs, CHAIN is sent behind each leaf.
 * both: each stream is for both directions (XEP-0288), with stream management, and was used both ways once.
 * Prints a line of JSON when all streams stand. A line on stdin asks how many still do; its end ends this.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define THREADS 4
#define SOURCES 250
#define HEADER                                                                                                         \
    "<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' "       \
    "xmlns:db='jabber:server:dialback' from='%s' to='%s' version='1.0' xml:lang='en'>"

struct idle {
    struct sockaddr_in to, from;
    const char *domain;
    SSL_CTX *ctx;
    X509 *authority, *chain;
    EVP_PKEY *authority_key, *key; /* key: of all leaves */
    unsigned count;
    bool both;
    atomic_uint next;
    int *fds;
    SSL **streams;
};

/* One stream while it is set up. ssl is NULL before TLS. */
struct set_up {
    struct idle *idle;
    char name[64];
    int fd;
    SSL *ssl;
};

static void die(const char *what)
{
    perror(what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static void say(struct set_up *s, const char *text)
{
    size_t n = strlen(text), sent;

    if (s->ssl ? SSL_write_ex(s->ssl, text, n, &sent) != 1 : send(s->fd, text, n, MSG_NOSIGNAL) != (ssize_t)n)
        die("send");
}

/* Reads until what has come ends with one of two texts; further bytes cannot follow, the server waits for us. */
static void await(struct set_up *s, const char *end, const char *or_end)
{
    char got[16384];
    size_t n = 0;

    for (;;) {
        int k = s->ssl ? SSL_read(s->ssl, got + n, (int)(sizeof(got) - 1 - n))
                       : (int)recv(s->fd, got + n, sizeof(got) - 1 - n, 0);

        if (k <= 0 || n == sizeof(got) - 1) {
            fprintf(stderr, "%s: no %s; got: %.*s\n", s->name, end, (int)n, got);
            exit(1);
        }
        n += (size_t)k;
        got[n] = 0;
        if (strstr(got, end) || strstr(got, or_end))
            return;
    }
}

static void begin_stream(struct set_up *s)
{
    char text[512];

    snprintf(text, sizeof(text), HEADER, s->name, s->idle->domain);
    say(s, text);
    await(s, "</stream:features>", "<stream:features/>");
}

static void add_extension(X509 *x, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

    if (!e || !X509_add_ext(x, e, -1))
        die(value);
    X509_EXTENSION_free(e);
}

static X509 *certificate(const struct idle *idle, const char *name, unsigned serial)
{
    X509 *x = X509_new();
    X509_NAME *subject = X509_NAME_new();
    char alt[80];

    snprintf(alt, sizeof(alt), "DNS:%s", name);
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1000000 + (long)serial);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 30 * 86400);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_subject_name(x, subject);
    X509_NAME_free(subject);
    X509_set_issuer_name(x, X509_get_subject_name(idle->authority));
    X509_set_pubkey(x, idle->key);
    add_extension(x, NID_subject_alt_name, alt);
    add_extension(x, NID_key_usage, "digitalSignature");
    add_extension(x, NID_ext_key_usage, "serverAuth,clientAuth");
    if (!X509_sign(x, idle->authority_key, EVP_sha256()))
        die("certificate");
    return x;
}

static void begin_tls(struct set_up *s, unsigned number)
{
    X509 *leaf = certificate(s->idle, s->name, number);
    SSL *ssl = SSL_new(s->idle->ctx);

    if (!ssl || SSL_use_certificate(ssl, leaf) != 1 || SSL_use_PrivateKey(ssl, s->idle->key) != 1 ||
        SSL_add1_chain_cert(ssl, s->idle->chain) != 1 || SSL_set_tlsext_host_name(ssl, s->idle->domain) != 1 ||
        SSL_set_fd(ssl, s->fd) != 1 || SSL_connect(ssl) != 1)
        die("TLS");
    X509_free(leaf);
    s->ssl = ssl;
}

static int connected(const struct idle *idle, unsigned number)
{
    struct sockaddr_in from = idle->from;
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

    from.sin_addr.s_addr = htonl(ntohl(from.sin_addr.s_addr) + number % SOURCES);
    if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof(from)) ||
        connect(fd, (const struct sockaddr *)&idle->to, sizeof(idle->to)))
        die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

/* A ping of ours, whose answer comes back on the stream and is acknowledged. */
static void use_both_ways(struct set_up *s)
{
    char text[300];

    say(s, "<enable xmlns='urn:xmpp:sm:3'/>");
    await(s, "<enabled", "<failed");
    snprintf(text, sizeof(text), "<iq type='get' id='1' from='%s' to='%s'><ping xmlns='urn:xmpp:ping'/></iq>", s->name,
             s->idle->domain);
    say(s, text);
    await(s, "<r ", "</stream:stream>");
    say(s, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
}

/* RFC 6120 and XEP-0178, step by step. */
static void set_up(struct idle *idle, unsigned number)
{
    struct set_up s = { .idle = idle, .fd = connected(idle, number) };
    unsigned char base64[128];
    char text[256];

    snprintf(s.name, sizeof(s.name), "p%05u.idle.example", number);
    EVP_EncodeBlock(base64, (const unsigned char *)s.name, (int)strlen(s.name));
    begin_stream(&s);
    say(&s, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    await(&s, "<proceed", "<proceed");
    begin_tls(&s, number);
    begin_stream(&s);
    if (idle->both)
        say(&s, "<bidi xmlns='urn:xmpp:bidi'/>");
    snprintf(text, sizeof(text), "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>%s</auth>",
             (const char *)base64);
    say(&s, text);
    await(&s, "<success", "<success");
    begin_stream(&s);
    if (idle->both)
        use_both_ways(&s);
    idle->fds[number] = s.fd;
    idle->streams[number] = s.ssl;
}

static void *work(void *arg)
{
    struct idle *idle = arg;
    unsigned number;

    while ((number = atomic_fetch_add(&idle->next, 1)) < idle->count)
        set_up(idle, number);
    return NULL;
}

/* Neither FIN nor close_notify nor a stream error: keep-alives are taken. */
static unsigned standing(const struct idle *idle)
{
    unsigned n = 0;
    char got[4096];

    for (unsigned i = 0; i < idle->count; i++) {
        struct timeval soon = { .tv_usec = 1 };
        int k;

        setsockopt(idle->fds[i], SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon));
        k = SSL_read(idle->streams[i], got, sizeof(got) - 1);
        if (k > 0)
            got[k] = 0;
        n +=
            k > 0 ? strstr(got, "</stream:stream>") == NULL : SSL_get_error(idle->streams[i], k) == SSL_ERROR_WANT_READ;
    }
    return n;
}

static void *read_pem(const char *path, bool key)
{
    FILE *f = fopen(path, "r");
    void *got =
        f ? key ? (void *)PEM_read_PrivateKey(f, NULL, NULL, NULL) : (void *)PEM_read_X509(f, NULL, NULL, NULL) : NULL;

    if (!got)
        die(path);
    fclose(f);
    return got;
}

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    struct idle idle = { .ctx = SSL_CTX_new(TLS_client_method()), .key = EVP_EC_gen("P-256") };
    double began = seconds();
    pthread_t threads[THREADS];
    char line[16];

    if (argc != 9 && argc != 10) {
        fprintf(stderr, "usage: idle TARGET PORT DOMAIN SOURCE AUTHORITY AUTHORITY-KEY CHAIN COUNT [both]\n");
        return 2;
    }
    idle.to = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2])) };
    inet_pton(AF_INET, argv[1], &idle.to.sin_addr);
    idle.domain = argv[3];
    idle.from.sin_family = AF_INET;
    inet_pton(AF_INET, argv[4], &idle.from.sin_addr);
    idle.authority = read_pem(argv[5], false);
    idle.authority_key = read_pem(argv[6], true);
    idle.chain = read_pem(argv[7], false);
    idle.count = (unsigned)atoi(argv[8]);
    idle.both = argc == 10;
    idle.fds = calloc(idle.count, sizeof(*idle.fds));
    idle.streams = calloc(idle.count, sizeof(*idle.streams));
    SSL_CTX_set_mode(idle.ctx, SSL_MODE_RELEASE_BUFFERS);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, work, &idle))
            die("thread");
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    printf("{\"streams\": %u, \"seconds\": %.1f}\n", idle.count, seconds() - began);
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin)) {
        printf("{\"standing\": %u}\n", standing(&idle));
        fflush(stdout);
    }
    return 0;
}
