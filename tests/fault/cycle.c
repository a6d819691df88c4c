/*
 * A hostile peer that connects, goes up to one state of the set-up, sends garbage or half of what is due, and is gone: by
 * RST, at once, or when the other side has closed too; through all states, again and again. Prints as one line of JSON
 * how often each state was reached, and how often it was missed.
 *
 *   cycle xmpp|sip ADDRESS:PORT --cycles N --from ADDRESS [--jobs N] [--seed N] [--tls-cert FILE --tls-key FILE]
 *         [--names FROM TO]
 *
 * The connections come from the address and the 249 behind it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chance.h"
#include "wire.h"

#define N_SOURCES 250
#define STATES_MAX 20
#define GARBAGE_MAX 200

struct job {
    SSL_CTX *ctx;
    uint64_t chance;
};

/* Goes up to its state on an open connection. False: did not get there. */
typedef bool reach(struct job *job, struct wire *w);

struct state {
    const char *name;
    reach *reach;
};

static bool garbage(struct job *job, struct wire *w)
{
    char out[GARBAGE_MAX + 8];
    size_t n = 1 + chance_below(&job->chance, GARBAGE_MAX);

    for (size_t i = 0; i < n; i += 8) {
        uint64_t v = chance(&job->chance);

        memcpy(out + i, &v, 8);
    }
    (void)wire_write(w, out, n); /* the other side may have had enough of it before the end */
    return true;
}

static bool nothing(struct job *job, struct wire *w)
{
    return true;
}

/* ---- XMPP ---- */

static bool header_half(struct job *job, struct wire *w)
{
    return wire_say(w, "<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://ethe", NULL);
}

static bool header_sent(struct job *job, struct wire *w)
{
    return wire_header(w, NULL) && garbage(job, w);
}

static bool features_read(struct job *job, struct wire *w)
{
    return wire_header(w, "</stream:features>") && garbage(job, w);
}

static bool starttls_half(struct job *job, struct wire *w)
{
    return wire_header(w, "</stream:features>") && wire_say(w, "<starttls xmlns='urn:ietf:par", NULL);
}

static bool proceed_read(struct job *job, struct wire *w)
{
    return wire_starttls(w) && garbage(job, w);
}

/* A ClientHello, to be sent in pieces of the caller's choice. */
static size_t client_hello(struct job *job, struct wire *w, char *out, size_t max)
{
    SSL *ssl = SSL_new(job->ctx);
    BIO *in = BIO_new(BIO_s_mem()), *sent = BIO_new(BIO_s_mem());
    int n;

    if (!ssl || !in || !sent)
        exit(1);
    SSL_set_bio(ssl, in, sent);
    SSL_set_tlsext_host_name(ssl, w->conf->name_to);
    (void)SSL_connect(ssl);
    n = BIO_read(sent, out, (int)max);
    SSL_free(ssl);
    return n > 0 ? (size_t)n : 0;
}

static bool hello_half(struct job *job, struct wire *w)
{
    char hello[4096];
    size_t n = client_hello(job, w, hello, sizeof(hello));

    return n && wire_starttls(w) && wire_write(w, hello, n / 2);
}

/* The server has signed and waits for our Finished. */
static bool hello_answered(struct job *job, struct wire *w)
{
    char hello[4096], in[4096];
    size_t n = client_hello(job, w, hello, sizeof(hello));

    return n && wire_starttls(w) && wire_write(w, hello, n) && wire_read(w, in, sizeof(in)) > 0 && garbage(job, w);
}

static bool secured(struct job *job, struct wire *w)
{
    return wire_starttls(w) && wire_secure(w, job->ctx);
}

static bool secured_garbage(struct job *job, struct wire *w)
{
    return secured(job, w) && garbage(job, w);
}

static bool secured_header(struct job *job, struct wire *w)
{
    return secured(job, w) && wire_header(w, NULL) && garbage(job, w);
}

static bool secured_features(struct job *job, struct wire *w)
{
    return secured(job, w) && wire_header(w, "</stream:features>") && garbage(job, w);
}

static bool auth_half(struct job *job, struct wire *w)
{
    return secured(job, w) && wire_header(w, "</stream:features>") &&
           wire_say(w, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>c2Nya", NULL);
}

static bool auth_refused(struct job *job, struct wire *w)
{
    return secured(job, w) && wire_header(w, "</stream:features>") && wire_auth(w, "other.example", "<failure") &&
           garbage(job, w);
}

static bool auth_taken(struct job *job, struct wire *w)
{
    return secured(job, w) && wire_header(w, "</stream:features>") && wire_auth(w, w->conf->name_from, "<success") &&
           garbage(job, w);
}

static bool authenticated(struct job *job, struct wire *w)
{
    return secured(job, w) && wire_authenticate(w) && garbage(job, w);
}

/* Has the other side ask our server, which is not there. */
static bool dialback(struct job *job, struct wire *w)
{
    char text[512];

    snprintf(text, sizeof(text), "<db:result from='%s' to='%s'>%016llx</db:result>", w->conf->name_from,
             w->conf->name_to, (unsigned long long)chance(&job->chance));
    return secured(job, w) && wire_header(w, "</stream:features>") && wire_say(w, text, NULL);
}

/* ---- SIP ---- */

#define SIP_HALF "MESSAGE sip:romeo@recorder.example SIP/2.0\r\nVia: SIP/2.0/TCP 10.99.201.1;branch=z9hG4bKcycle\r\n"

static bool line_half(struct job *job, struct wire *w)
{
    return wire_say(w, "MESSAGE sip:rom", NULL);
}

static bool head_half(struct job *job, struct wire *w)
{
    return wire_say(w, SIP_HALF, NULL);
}

static bool head_garbage(struct job *job, struct wire *w)
{
    return wire_say(w, SIP_HALF, NULL) && garbage(job, w) && wire_say(w, "\r\n\r\n", NULL);
}

static bool body_half(struct job *job, struct wire *w)
{
    return wire_say(w, SIP_HALF "Content-Length: 1000\r\n\r\n", NULL) && garbage(job, w);
}

static const struct state xmpp_states[STATES_MAX] = {
    { "connected", nothing },
    { "garbage", garbage },
    { "header half", header_half },
    { "header", header_sent },
    { "features", features_read },
    { "starttls half", starttls_half },
    { "proceed", proceed_read },
    { "hello half", hello_half },
    { "hello answered", hello_answered },
    { "secured", secured },
    { "secured, garbage", secured_garbage },
    { "secured, header", secured_header },
    { "secured, features", secured_features },
    { "dialback", dialback },
    { "auth half", auth_half },
    { "auth refused", auth_refused },
    { "auth taken", auth_taken },
    { "authenticated", authenticated },
};

static const struct state sip_states[STATES_MAX] = {
    { "connected", nothing },   { "garbage", garbage },           { "line half", line_half },
    { "head half", head_half }, { "head garbage", head_garbage }, { "body half", body_half },
};

/* ---- the cycles ---- */

static struct {
    struct wire_conf wire;
    const struct state *states;
    uint64_t cycles, seed, jobs;
} conf = { .seed = 1, .jobs = 4, .wire = { .name_from = "scripted.example", .name_to = "contoso.example" } };

/* Shared by the jobs; each adds when it is done. */
struct counts {
    _Atomic uint64_t reached[STATES_MAX], missed[STATES_MAX], refused;
};

static size_t n_states(void)
{
    size_t n = 0;

    while (n < STATES_MAX && conf.states[n].name)
        n++;
    return n;
}

static void leave(struct job *job, struct wire *w)
{
    switch (chance_below(&job->chance, 3)) {
    case 0: wire_cut(w); break;
    case 1: wire_finish(w); break;
    default: wire_close(w); break;
    }
}

/* Every jobs-th cycle is this job's. */
static void run_job(uint64_t number, struct counts *counts)
{
    struct job job = { .ctx = wire_context(&conf.wire), .chance = conf.seed + number };
    size_t n = n_states();

    for (uint64_t i = number; i < conf.cycles; i += conf.jobs) {
        size_t state = i / conf.jobs % n;
        struct wire w;

        if (!wire_open(&w, &conf.wire, (uint32_t)(i % N_SOURCES)))
            counts->refused++;
        else if (conf.states[state].reach(&job, &w))
            counts->reached[state]++;
        else
            counts->missed[state]++;
        leave(&job, &w);
    }
    SSL_CTX_free(job.ctx);
}

/* False if one of the jobs did not come to its end. */
static bool run_jobs(struct counts *counts)
{
    bool good = true;
    int status;

    for (uint64_t i = 0; i < conf.jobs; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            run_job(i, counts);
            exit(0);
        }
        good = good && pid > 0;
    }
    while (wait(&status) > 0 || errno == EINTR)
        good = good && status == 0;
    return good;
}

static void print_states(const char *title, const _Atomic uint64_t *numbers)
{
    printf("\"%s\": {", title);
    for (size_t i = 0, n = n_states(); i < n; i++)
        printf("%s\"%s\": %llu", i ? ", " : "", conf.states[i].name, (unsigned long long)numbers[i]);
    printf("}, ");
}

static bool read_arguments(int n, char **a)
{
    if (n < 3 || !wire_address(a[2], &conf.wire.to))
        return false;
    conf.states = strcmp(a[1], "sip") == 0 ? sip_states : strcmp(a[1], "xmpp") == 0 ? xmpp_states : NULL;
    wire_address("0.0.0.0", &conf.wire.from);
    for (int i = 3; i + 1 < n; i += 2) {
        if (strcmp(a[i], "--cycles") == 0)
            conf.cycles = strtoull(a[i + 1], NULL, 10);
        else if (strcmp(a[i], "--seed") == 0)
            conf.seed = strtoull(a[i + 1], NULL, 10);
        else if (strcmp(a[i], "--jobs") == 0)
            conf.jobs = strtoull(a[i + 1], NULL, 10);
        else if (!wire_option(&conf.wire, n, a, &i))
            return false;
    }
    return conf.states && conf.cycles && conf.jobs && !conf.wire.cert == !conf.wire.key;
}

int main(int n, char **arguments)
{
    struct counts *counts;

    signal(SIGPIPE, SIG_IGN);
    if (!read_arguments(n, arguments)) {
        fprintf(stderr, "usage: cycle xmpp|sip ADDRESS:PORT --cycles N --from ADDRESS [--jobs N] [--seed N]\n"
                        "             [--tls-cert FILE --tls-key FILE] [--names FROM TO]\n");
        return 2;
    }
    counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (counts == MAP_FAILED || !run_jobs(counts)) {
        fprintf(stderr, "cycle: not all jobs came to their end\n");
        return 1;
    }
    printf("{");
    print_states("reached", counts->reached);
    print_states("missed", counts->missed);
    printf("\"refused\": %llu}\n", (unsigned long long)counts->refused);
    return 0;
}
