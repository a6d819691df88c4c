/*
 * A hostile peer: random bytes, and valid messages with bits flipped, pieces cut out, repeated and mixed, as many bytes as
 * asked for, the same for the same seed. Prints what it did as one line of JSON.
 *
 *   flood KIND ADDRESS:PORT --bytes N | --cycles N  [--from ADDRESS] [--seed N] [--tls-cert FILE --tls-key FILE]
 *         [--names FROM TO] FILE...
 *
 * KIND: udp; tcp; tls (XMPP: STARTTLS first); auth (XMPP: STARTTLS and SASL EXTERNAL first). FILEs: valid messages. Some
 * messages, and all without FILEs, are random. --cycles: that many connections with a little in each,
 * from the address and the 249 behind it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

#define MESSAGE_MAX 65536
#define SEEDS_MAX 256
#define UDP_BURST 65536 /* bytes, then a millisecond of rest: what the socket drops is not parsed */

struct seed_message {
    char *p;
    size_t n;
};

static struct {
    enum { UDP, TCP, TLS, AUTH } kind;
    struct sockaddr_in to, from;
    uint64_t bytes, cycles, seed;
    const char *cert, *key, *name_from, *name_to;
    struct seed_message seeds[SEEDS_MAX];
    size_t n_seeds;
} conf = { .seed = 1, .name_from = "scripted.example", .name_to = "contoso.example" };

static struct {
    uint64_t messages, bytes_out, bytes_in, packets_in, connections, refused, set_up_failed;
} done;

static uint64_t state;

/* splitmix64 */
static uint64_t rnd(void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static size_t below(size_t n)
{
    return n ? rnd() % n : 0;
}

/* Small ones as often as large ones. */
static size_t some_size(size_t max)
{
    size_t n = (size_t)1 << below(17);

    n += below(n);
    return n < max ? n : max;
}

static size_t random_message(char *out, size_t max)
{
    size_t n = some_size(max);

    for (size_t i = 0; i < n; i += 8) {
        uint64_t v = rnd();

        memcpy(out + i, &v, n - i < 8 ? n - i : 8);
    }
    return n;
}

/* One change of out[0..n), which has room for max. Returns the new length. */
static size_t mutate(char *out, size_t n, size_t max)
{
    size_t at = below(n), len = below(n - at) + 1, times;
    const struct seed_message *other = &conf.seeds[below(conf.n_seeds)];

    if (n == 0)
        return 0;
    if (len > n - at)
        len = n - at;
    switch (below(7)) {
    case 0: out[at] ^= (char)(1 << below(8)); return n;
    case 1: out[at] = (char)rnd(); return n;
    case 2: return at;
    case 3: memmove(out + at, out + at + len, n - at - len); return n - len;
    case 4: /* a piece again and again */
        len = len > 200 ? 200 : len;
        for (times = below(200); times > 0 && n + len <= max; times--, n += len)
            memmove(out + at + len, out + at, n - at);
        return n;
    case 5: /* the rest of another */
        len = other->n - below(other->n);
        len = len < max - at ? len : max - at;
        memcpy(out + at, other->p + other->n - len, len);
        return at + len;
    default: /* a number where none was */
        len = below(20) + 1;
        len = len < max - at ? len : max - at;
        memset(out + at, '0' + (int)below(10), len);
        return at + len > n ? at + len : n;
    }
}

static size_t next_message(char *out, size_t max)
{
    const struct seed_message *seed;
    size_t n;

    done.messages++;
    if (!conf.n_seeds || below(conf.kind == UDP ? 3 : 8) == 0) /* on a stream it is the last thing that is looked at */
        return random_message(out, max);
    seed = &conf.seeds[below(conf.n_seeds)];
    n = seed->n < max ? seed->n : max;
    memcpy(out, seed->p, n);
    for (size_t changes = below(6); changes > 0; changes--)
        n = mutate(out, n, max);
    return n;
}

static bool more_to_do(void)
{
    return conf.cycles ? done.connections < conf.cycles : done.bytes_out < conf.bytes;
}

static void die(const char *what)
{
    fprintf(stderr, "flood: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int open_socket(int type)
{
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in from = conf.from;

    if (fd < 0)
        die("socket");
    if (conf.cycles) /* or the ports of one address would all be in TIME_WAIT soon */
        from.sin_addr.s_addr = htonl(ntohl(from.sin_addr.s_addr) + (uint32_t)(done.connections % 250));
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&from, sizeof(from)) != 0)
        die("bind");
    return fd;
}

/* ---- UDP ---- */

static void read_packets(int fd)
{
    char in[MESSAGE_MAX];
    ssize_t got;

    while ((got = recv(fd, in, sizeof(in), MSG_DONTWAIT)) >= 0 || errno == ECONNREFUSED) {
        done.packets_in += got >= 0;
        done.bytes_in += got > 0 ? (uint64_t)got : 0;
    }
}

static void flood_udp(void)
{
    const struct timespec rest = { .tv_nsec = 1000000 };
    char out[MESSAGE_MAX];
    uint64_t burst = 0;
    int fd = open_socket(SOCK_DGRAM);

    while (more_to_do()) {
        size_t n = next_message(out, below(20) ? 4000 : 65000);

        if (sendto(fd, out, n, 0, (struct sockaddr *)&conf.to, sizeof(conf.to)) >= 0)
            done.bytes_out += n;
        burst += n + 64;
        read_packets(fd);
        if (burst > UDP_BURST) {
            burst = 0;
            nanosleep(&rest, NULL);
        }
    }
    poll(NULL, 0, 200);
    read_packets(fd);
    close(fd);
}

/* ---- TCP and TLS ---- */

struct wire {
    int fd;
    SSL *ssl; /* NULL: in clear */
};

static int wire_read(struct wire *w, char *p, size_t n)
{
    int got = w->ssl ? SSL_read(w->ssl, p, (int)n) : (int)recv(w->fd, p, n, 0);

    done.bytes_in += got > 0 ? (uint64_t)got : 0;
    return got;
}

/* Writes until the peer has enough. */
static bool wire_write(struct wire *w, const char *p, size_t n)
{
    while (n > 0) {
        size_t piece = n < 16384 ? n : 16384;
        int put = w->ssl ? SSL_write(w->ssl, p, (int)piece) : (int)send(w->fd, p, piece, MSG_NOSIGNAL);

        if (put <= 0)
            return false;
        done.bytes_out += (uint64_t)put;
        p += put;
        n -= (size_t)put;
    }
    return true;
}

/* Has the peer ended it? */
static bool is_over(struct wire *w)
{
    struct pollfd ready = { .fd = w->fd, .events = POLLIN };
    char in[4096];

    while (poll(&ready, 1, 0) > 0)
        if (recv(w->fd, in, sizeof(in), MSG_DONTWAIT) <= 0)
            return true;
    return false;
}

/* Reads until text has come. */
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

static bool say(struct wire *w, const char *text, const char *answer)
{
    return wire_write(w, text, strlen(text)) && (!answer || await(w, answer));
}

static bool header(struct wire *w)
{
    char text[512];

    snprintf(
        text, sizeof(text),
        "<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' "
        "xmlns:db='jabber:server:dialback' from='%s' to='%s' version='1.0'>",
        conf.name_from, conf.name_to);
    return say(w, text, "</stream:features>");
}

static bool authenticate(struct wire *w)
{
    char text[512];
    struct buf name;

    buf_init(&name, 256);
    text_put_base64(&name, conf.name_from, strlen(conf.name_from));
    snprintf(text, sizeof(text), "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>%.*s</auth>",
             (int)name.n, name.p);
    buf_free(&name);
    return header(w) && say(w, text, "<success") && header(w);
}

static bool set_up(struct wire *w, SSL_CTX *ctx)
{
    if (conf.kind == TCP)
        return true;
    if (!header(w) || !say(w, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", "<proceed"))
        return false;
    w->ssl = SSL_new(ctx);
    if (!w->ssl || !SSL_set_fd(w->ssl, w->fd) || !SSL_set_tlsext_host_name(w->ssl, conf.name_to) ||
        SSL_connect(w->ssl) != 1)
        return false;
    return conf.kind == TLS || authenticate(w);
}

/* Half of the connections end with RST, the others when the peer has read all that it wants to read. */
static void end(struct wire *w)
{
    const struct linger cut = { .l_onoff = 1 };
    char in[4096];

    if (!conf.cycles && below(2) && shutdown(w->fd, SHUT_WR) == 0)
        while (recv(w->fd, in, sizeof(in), 0) > 0)
            continue;
    else if (below(2))
        setsockopt(w->fd, SOL_SOCKET, SO_LINGER, &cut, sizeof(cut));
    SSL_free(w->ssl);
    close(w->fd);
}

/* One connection, until the peer ends it or it had its share. */
static void one_connection(SSL_CTX *ctx)
{
    struct wire w = { .fd = open_socket(SOCK_STREAM) };
    char out[MESSAGE_MAX];
    size_t share = conf.cycles ? 1 : 1 + below(32), size = conf.cycles ? 200 : below(8) ? 2000 : MESSAGE_MAX;
    int on = 1;

    done.connections++;
    setsockopt(w.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(w.fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ .tv_sec = 5 }, sizeof(struct timeval));
    setsockopt(w.fd, SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){ .tv_sec = 5 }, sizeof(struct timeval));
    if (connect(w.fd, (struct sockaddr *)&conf.to, sizeof(conf.to)) != 0) {
        done.refused++;
    } else if (!set_up(&w, ctx)) {
        done.set_up_failed++;
    } else {
        while (share-- > 0 && (conf.cycles || more_to_do()) && !is_over(&w))
            if (!wire_write(&w, out, next_message(out, size)))
                break;
    }
    end(&w);
}

static void flood_stream(void)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    if (!ctx)
        exit(1);
    if (conf.cert && (SSL_CTX_use_certificate_chain_file(ctx, conf.cert) != 1 ||
                      SSL_CTX_use_PrivateKey_file(ctx, conf.key, SSL_FILETYPE_PEM) != 1)) {
        fprintf(stderr, "flood: the certificate cannot be used\n");
        exit(1);
    }
    while (more_to_do())
        one_connection(ctx);
    SSL_CTX_free(ctx);
}

/* ---- what was asked for ---- */

static void read_seed(const char *file)
{
    FILE *f = fopen(file, "rb");
    struct seed_message *s = &conf.seeds[conf.n_seeds];

    if (!f)
        die(file);
    if (conf.n_seeds == SEEDS_MAX)
        exit(2);
    s->p = malloc(MESSAGE_MAX);
    s->n = s->p ? fread(s->p, 1, MESSAGE_MAX, f) : 0;
    conf.n_seeds += s->n > 0;
    fclose(f);
}

static bool read_address(const char *text, struct sockaddr_in *out)
{
    char ip[32];
    unsigned port = 0;

    *out = (struct sockaddr_in){ .sin_family = AF_INET };
    if (sscanf(text, "%31[0-9.]:%u", ip, &port) < 1)
        return false;
    out->sin_port = htons((uint16_t)port);
    return inet_pton(AF_INET, ip, &out->sin_addr) == 1;
}

static bool read_arguments(int n, char **a)
{
    static const char *const kinds[] = { "udp", "tcp", "tls", "auth" };
    int i = 3;

    if (n < 5 || !read_address(a[2], &conf.to))
        return false;
    for (conf.kind = UDP; strcmp(a[1], kinds[conf.kind]) != 0; conf.kind++)
        if (conf.kind == AUTH)
            return false;
    read_address("0.0.0.0", &conf.from);
    for (; i + 1 < n && a[i][0] == '-'; i += 2) {
        if (strcmp(a[i], "--bytes") == 0)
            conf.bytes = strtoull(a[i + 1], NULL, 10);
        else if (strcmp(a[i], "--cycles") == 0)
            conf.cycles = strtoull(a[i + 1], NULL, 10);
        else if (strcmp(a[i], "--seed") == 0)
            conf.seed = strtoull(a[i + 1], NULL, 10);
        else if (strcmp(a[i], "--tls-cert") == 0)
            conf.cert = a[i + 1];
        else if (strcmp(a[i], "--tls-key") == 0)
            conf.key = a[i + 1];
        else if (strcmp(a[i], "--names") == 0 && i + 2 < n)
            conf.name_from = a[i + 1], conf.name_to = a[++i + 1];
        else if (strcmp(a[i], "--from") != 0 || !read_address(a[i + 1], &conf.from))
            return false;
    }
    for (; i < n; i++)
        read_seed(a[i]);
    return (conf.bytes || conf.cycles) && !conf.cert == !conf.key;
}

int main(int n, char **arguments)
{
    signal(SIGPIPE, SIG_IGN);
    if (!read_arguments(n, arguments)) {
        fprintf(stderr,
                "usage: flood udp|tcp|tls|auth ADDRESS:PORT --bytes N | --cycles N [--from ADDRESS] [--seed N]\n"
                "             [--tls-cert FILE --tls-key FILE] [--names FROM TO] FILE...\n");
        return 2;
    }
    state = conf.seed;
    if (conf.kind == UDP)
        flood_udp();
    else
        flood_stream();
    printf("{\"seed\": %llu, \"messages\": %llu, \"bytes_out\": %llu, \"bytes_in\": %llu, \"packets_in\": %llu, "
           "\"connections\": %llu, \"refused\": %llu, \"set_up_failed\": %llu}\n",
           (unsigned long long)conf.seed, (unsigned long long)done.messages, (unsigned long long)done.bytes_out,
           (unsigned long long)done.bytes_in, (unsigned long long)done.packets_in, (unsigned long long)done.connections,
           (unsigned long long)done.refused, (unsigned long long)done.set_up_failed);
    for (size_t i = 0; i < conf.n_seeds; i++)
        free(conf.seeds[i].p);
    return 0;
}
