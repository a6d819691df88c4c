#include "acme/responder.h"

#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "acme/answers.h"

#define PATH "/.well-known/acme-challenge/"
#define LISTENERS_MAX 16
#define CONNECTIONS 64
#define CONNECTIONS_OF_ONE 16
#define CONNECTION_BYTES (8u << 10)
#define IDLE_S 10

struct acme_responder {
    pthread_mutex_t lock;
    char path[sizeof(PATH) + ACME_TOKEN_MAX]; /* under the lock, as text; "": nothing is shown */
    char text[ACME_PROOF_MAX + 1];
    struct MHD_Daemon *http[LISTENERS_MAX];
    size_t n;
};

static bool answers(struct acme_responder *r, const char *url, char out[ACME_PROOF_MAX + 1])
{
    bool ours;

    pthread_mutex_lock(&r->lock);
    ours = r->path[0] && strcmp(url, r->path) == 0;
    memcpy(out, ours ? r->text : "", ours ? strlen(r->text) + 1 : 1);
    pthread_mutex_unlock(&r->lock);
    return ours;
}

static enum MHD_Result on_access(void *arg, struct MHD_Connection *conn, const char *url, const char *method,
                                 const char *version, const char *data, size_t *n, void **state)
{
    bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    char text[ACME_PROOF_MAX + 1];
    bool ours = reads && answers(arg, url, text);
    struct MHD_Response *r =
        MHD_create_response_from_buffer(ours ? strlen(text) : 0, ours ? text : NULL, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result result = MHD_NO;

    if (r && MHD_add_response_header(r, "Connection", "close") == MHD_YES &&
        MHD_add_response_header(r, "Content-Type", "application/octet-stream") == MHD_YES)
        result = MHD_queue_response(conn, ours ? MHD_HTTP_OK : MHD_HTTP_NOT_FOUND, r);
    if (r)
        MHD_destroy_response(r);
    return result;
}

/* The library would write to stderr. */
static void keep_quiet(void *arg, const char *fmt, va_list ap)
{
}

static struct MHD_Daemon *listen_on(struct acme_responder *r, const struct addr *addr)
{
    unsigned v6 = addr->sa.sa_family == AF_INET6 ? MHD_USE_IPv6 : 0;

    return MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ERROR_LOG | v6, 0, NULL, NULL, on_access, r,
                            MHD_OPTION_EXTERNAL_LOGGER, keep_quiet, NULL, MHD_OPTION_SOCK_ADDR, &addr->sa,
                            MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
                            CONNECTIONS_OF_ONE, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
                            MHD_OPTION_LISTENING_ADDRESS_REUSE, 1U, MHD_OPTION_END);
}

struct acme_responder *acme_responder_open(const struct addr *addrs, size_t n, struct err *err)
{
    struct acme_responder *r = calloc(1, sizeof(*r));
    sigset_t all, before;

    if (!r) {
        err_memory(err, "listening for the ACME server");
        return NULL;
    }
    pthread_mutex_init(&r->lock, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the loop's alone */
    while (r->n < n && r->n < LISTENERS_MAX && (r->http[r->n] = listen_on(r, &addrs[r->n])))
        r->n++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r->n == n)
        return r;
    err_set(err, "listen-acme-http: address %zu cannot be listened on: is the port taken, or not allowed to stoxd?",
            r->n + 1);
    acme_responder_close(r);
    return NULL;
}

void acme_responder_close(struct acme_responder *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->n; i++)
        MHD_stop_daemon(r->http[i]);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

int acme_responder_show(struct acme_responder *r, const char *token, struct slice text, struct err *err)
{
    if (!acme_is_token(slice_str(token)) || text.n > ACME_PROOF_MAX)
        return err_set(err, "the authority's token is none");
    pthread_mutex_lock(&r->lock);
    snprintf(r->path, sizeof(r->path), "%s%s", PATH, token);
    snprintf(r->text, sizeof(r->text), "%.*s", SLICE_FMT(text));
    pthread_mutex_unlock(&r->lock);
    return 0;
}

void acme_responder_hide(struct acme_responder *r)
{
    pthread_mutex_lock(&r->lock);
    r->path[0] = '\0';
    pthread_mutex_unlock(&r->lock);
}
