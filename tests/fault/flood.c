/*
 * A hostile peer: random bytes, and valid messages with bits flipped, pieces cut out, repeated and mixed, as many bytes as
 * asked for, the same for the same seed. Prints what it did as one line of JSON.
 *
 *   flood KIND ADDRESS:PORT --bytes N [--from ADDRESS] [--seed N] [--tls-cert FILE --tls-key FILE] [--names FROM TO] FILE...
 *
 * KIND: udp; tcp; tls (XMPP: STARTTLS first); auth (XMPP: STARTTLS and SASL EXTERNAL first). FILEs: valid messages. Some
 * messages, and all without FILEs, are random.
 */
#include <errno.h>
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

#include "chance.h"
#include "wire.h"

#define MESSAGE_MAX 65536
#define SEEDS_MAX 256
#define UDP_BURST 65536 /* bytes, then a millisecond of rest: what the socket drops is not parsed */

struct seed_message {
    char *p;
    size_t n;
};

static struct {
    enum { UDP, TCP, TLS, AUTH } kind;
    struct wire_conf wire;
    uint64_t bytes, seed;
    struct seed_message seeds[SEEDS_MAX];
    size_t n_seeds;
} conf = { .seed = 1, .wire = { .name_from = "scripted.example", .name_to = "contoso.example" } };

static struct {
    uint64_t messages, bytes_out, bytes_in, packets_in, connections, refused, set_up_failed;
} done;

static uint64_t state;

static uint64_t rnd(void)
{
    return chance(&state);
}

static size_t below(size_t n)
{
    return chance_below(&state, n);
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
    return done.bytes_out < conf.bytes;
}

static void die(const char *what)
{
    fprintf(stderr, "flood: %s: %s\n", what, strerror(errno));
    exit(1);
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
    int fd = wire_socket(&conf.wire, SOCK_DGRAM, 0);

    while (more_to_do()) {
        size_t n = next_message(out, below(20) ? 4000 : 65000);

        if (sendto(fd, out, n, 0, (struct sockaddr *)&conf.wire.to, sizeof(conf.wire.to)) >= 0)
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

static bool set_up(struct wire *w, SSL_CTX *ctx)
{
    if (conf.kind == TCP)
        return true;
    return wire_starttls(w) && wire_secure(w, ctx) && (conf.kind == TLS || wire_authenticate(w));
}

/* Half of the connections end when the peer has read all that it wants to read, a quarter with RST. */
static void end(struct wire *w)
{
    if (below(2))
        wire_finish(w);
    else if (below(2))
        wire_cut(w);
    else
        wire_close(w);
    done.bytes_in += w->bytes_in;
}

/* One connection, until the peer ends it or it had its share. */
static void one_connection(SSL_CTX *ctx)
{
    struct wire w;
    char out[MESSAGE_MAX];
    size_t share = 1 + below(32), size = below(8) ? 2000 : MESSAGE_MAX;
    uint64_t before = done.bytes_out;

    done.connections++;
    if (!wire_open(&w, &conf.wire, 0)) {
        done.refused++;
    } else if (!set_up(&w, ctx)) {
        done.set_up_failed++;
    } else {
        while (share-- > 0 && more_to_do() && !is_over(&w)) {
            if (!wire_write(&w, out, next_message(out, size)))
                break;
            done.bytes_out = before + w.bytes_out;
        }
    }
    done.bytes_out = before + w.bytes_out;
    end(&w);
}

static void flood_stream(void)
{
    SSL_CTX *ctx = wire_context(&conf.wire);

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

static bool read_arguments(int n, char **a)
{
    static const char *const kinds[] = { "udp", "tcp", "tls", "auth" };
    int i = 3;

    if (n < 5 || !wire_address(a[2], &conf.wire.to))
        return false;
    for (conf.kind = UDP; strcmp(a[1], kinds[conf.kind]) != 0; conf.kind++)
        if (conf.kind == AUTH)
            return false;
    wire_address("0.0.0.0", &conf.wire.from);
    for (; i + 1 < n && a[i][0] == '-'; i += 2) {
        if (strcmp(a[i], "--bytes") == 0)
            conf.bytes = strtoull(a[i + 1], NULL, 10);
        else if (strcmp(a[i], "--seed") == 0)
            conf.seed = strtoull(a[i + 1], NULL, 10);
        else if (!wire_option(&conf.wire, n, a, &i))
            return false;
    }
    for (; i < n; i++)
        read_seed(a[i]);
    return conf.bytes && !conf.wire.cert == !conf.wire.key;
}

int main(int n, char **arguments)
{
    signal(SIGPIPE, SIG_IGN);
    if (!read_arguments(n, arguments)) {
        fprintf(stderr, "usage: flood udp|tcp|tls|auth ADDRESS:PORT --bytes N [--from ADDRESS] [--seed N]\n"
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
