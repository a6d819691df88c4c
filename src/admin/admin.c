#include "admin/admin.h"

#include <assert.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "admin/admin_private.h"
#include "admin/maker.h"
#include "admin/password.h"
#include "store/certificate.h"

struct sockaddr_un origin_pack(const struct origin *origin)
{
    struct sockaddr_un packed = { .sun_family = AF_UNIX };

    static_assert(sizeof(*origin) <= sizeof(packed.sun_path), "an origin fits into a socket address");
    memcpy(packed.sun_path, origin, sizeof(*origin));
    return packed;
}

void origin_unpack(const struct sockaddr *packed, struct origin *out)
{
    memcpy(out, ((const struct sockaddr_un *)packed)->sun_path, sizeof(*out));
}

static bool hand_over(void *owner, int fd, const struct origin *origin)
{
    struct admin *a = owner;
    const struct sockaddr_un packed = origin_pack(origin);

    /* It closes fd when it cannot take it. */
    return MHD_add_connection(a->http, fd, (const struct sockaddr *)&packed, sizeof(packed)) == MHD_YES;
}

static void on_accepted(void *owner, struct listener *l, int fd, const struct addr *peer)
{
    struct admin *a = owner;
    const struct origin origin = { .kind = a->tls ? ORIGIN_TLS : ORIGIN_PLAIN, .peer = *peer };

    splice_accept(&a->splices, fd, &origin);
}

static const struct listener_ops listener_ops = { .accepted = on_accepted };

static void on_local_accepted(void *owner, int fd, uid_t uid)
{
    struct admin *a = owner;
    const struct origin origin = { .kind = ORIGIN_UNIX, .uid = uid };

    splice_accept(&a->splices, fd, &origin);
}

__attribute__((format(printf, 2, 0))) static void on_http_log(void *arg, const char *fmt, va_list ap)
{
    struct admin *a = arg;
    char text[200];

    vsnprintf(text, sizeof(text), fmt, ap);
    log_debug(a->conf.log, "admin-http", LOG_S("says", slice_trim(slice_str(text))));
}

/* Paths and queries are decoded by us, once (target.h). */
static size_t leave_as_is(void *arg, struct MHD_Connection *c, char *s)
{
    return strlen(s);
}

static int start_http(struct admin *a, struct err *err)
{
    const unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC | MHD_USE_EPOLL |
                           MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;

    a->maker = maker_new(err);
    if (!a->maker)
        return -1;
    a->http = MHD_start_daemon(flags, 0, NULL, NULL, admin_on_access, a, MHD_OPTION_EXTERNAL_LOGGER, on_http_log, a,
                               MHD_OPTION_URI_LOG_CALLBACK, admin_on_request, a, MHD_OPTION_NOTIFY_COMPLETED,
                               admin_on_completed, a, MHD_OPTION_UNESCAPE_CALLBACK, leave_as_is, NULL,
                               MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_CONNECTION_LIMIT, 2 * SPLICE_MAX + 16u,
                               MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)(64u << 10), MHD_OPTION_END);
    return a->http ? 0 : err_set(err, "cannot start the HTTP library of the API: no memory, threads or descriptors");
}

/* The stored certificate that the API is to show: of the settings, or of the bootstrap file. NULL: a file's, or none. */
static const char *stored_certificate(struct admin *a)
{
    struct slice set = config_gateway(a->config)->admin_certificate;

    snprintf(a->stored, sizeof(a->stored), "%.*s", SLICE_FMT(set));
    if (set.n)
        return a->stored;
    return certificate_is_stored(a->conf.certificate) ? a->conf.certificate : NULL;
}

static int read_stored(struct admin *a, struct tls_identities *set, const char *name, struct err *err)
{
    const struct record *r = certificate_find(a->config, slice_str(name));
    struct tls_own own = { .source = name, .revision = r ? r->revision : 0 };
    struct tls_identities *before = tls_identities_in_use(a->tls);
    struct certificate_open open;
    int rc = 0;

    if (!tls_identities_same(set, SLICE(""), &own, before)) {
        rc = certificate_open(a->config, slice_str(name), a->conf.vault, &open, err);
        if (rc == 0) {
            own.chain = open.chain;
            own.key = open.key;
            rc = tls_identities_add_own(set, a->tls, SLICE(""), &own, err);
        }
        certificate_close(&open);
    }
    tls_identities_drop(before);
    return rc;
}

static int read_certificate(struct admin *a, struct err *err)
{
    struct tls_identities *set = tls_identities_new();
    const char *stored = stored_certificate(a);
    int rc = 0;

    if (!set)
        return err_memory(err, "reading the API's certificate");
    if (stored)
        rc = read_stored(a, set, stored, err);
    else if (a->conf.certificate)
        rc = tls_identities_add(set, a->tls, SLICE(""), a->conf.certificate, a->conf.key, NULL, err);
    if (rc == 0 && (stored || a->conf.certificate))
        tls_use_identities(a->tls, set);
    tls_identities_drop(set);
    return rc;
}

static int open_tls(struct admin *a, struct err *err)
{
    const struct admin_conf *conf = &a->conf;

    if (certificate_is_stored(conf->certificate) ? conf->key != NULL : !conf->certificate != !conf->key)
        return err_set(err, "the API's certificate and key belong together, and %s",
                       certificate_is_stored(conf->certificate)
                           ? "a stored one has its key with it: leave out admin-key"
                       : conf->key ? "admin-certificate is missing"
                                   : "admin-key is missing");
    if (!conf->certificate && !stored_certificate(a))
        return 0;
    a->tls = tls_new(err);
    return a->tls ? read_certificate(a, err) : -1;
}

static int listen_on(struct admin *a, const struct addr *at, struct err *err)
{
    char text[ADDR_TEXT];

    if (a->n_listeners == ADMIN_LISTENERS)
        return err_set(err, "the API listens on %d addresses at most", ADMIN_LISTENERS);
    if (!a->tls && !addr_is_loopback(at))
        return err_set(
            err,
            "the API cannot listen on %s without TLS: passwords would travel in clear; give admin-certificate and "
            "admin-key, or an address of loopback",
            addr_text(at, text));
    a->listeners[a->n_listeners] = listener_open(a->conf.loop, at, &listener_ops, a, err);
    if (!a->listeners[a->n_listeners])
        return -1;
    log_info(a->conf.log, "admin-listening", LOG_Z("at", addr_text(listener_local(a->listeners[a->n_listeners]), text)),
             LOG_Z("by", a->tls ? "https" : "http"));
    a->n_listeners++;
    return 0;
}

static int open_all(struct admin *a, struct err *err)
{
    for (size_t i = 0; i < a->conf.n_listen; i++)
        if (listen_on(a, &a->conf.listen[i], err))
            return -1;
    if (!a->conf.socket_path)
        return 0;
    a->local = local_open(a->conf.loop, a->conf.socket_path, on_local_accepted, a, err);
    return a->local ? 0 : -1;
}

/* While nobody could log in, whoever reads the log may make the first account. */
static void offer_setup(struct admin *a)
{
    struct config *config = keeper_config(a->conf.keeper);

    if (config_list(config, &account_kind)->n == 0 && a->n_listeners > 0) {
        secret_make(a->setup_token);
        log_warning(a->conf.log, "admin-setup", LOG_Z("token", a->setup_token),
                    LOG_Z("hint", "there is no administrator yet: POST /v1/setup with this token makes the first one"));
    }
    config_drop(config);
}

static int make_decoy(struct admin *a, struct err *err)
{
    char nobody[SECRET_CHARS + 1];

    secret_make(nobody);
    return password_hash(&a->decoy, slice_str(nobody)) ? 0 : err_memory(err, "starting the API");
}

/*
 * What TLS connections still use until the loop has closed them: handles are closed in rounds, and a second handle that is
 * closed in the round of the connections comes after all of them.
 */
struct grave {
    uv_idle_t first, second;
    struct tls *tls;
};

static void on_second_closed(uv_handle_t *handle)
{
    struct grave *g = handle->data;

    tls_free(g->tls);
    free(g);
}

static void on_first_closed(uv_handle_t *handle)
{
    struct grave *g = handle->data;

    uv_close((uv_handle_t *)&g->second, on_second_closed);
}

static void bury(struct admin *a)
{
    struct grave *g = a->grave;

    if (!g)
        return;
    g->tls = a->tls;
    uv_close((uv_handle_t *)&g->first, on_first_closed);
}

static int dig(struct admin *a, struct err *err)
{
    struct grave *g = calloc(1, sizeof(*g));

    if (!g)
        return err_memory(err, "starting the API");
    uv_idle_init(&a->conf.loop->uv, &g->first); /* cannot fail */
    uv_idle_init(&a->conf.loop->uv, &g->second);
    g->first.data = g->second.data = g;
    a->grave = g;
    return 0;
}

struct admin *admin_new(const struct admin_conf *conf, struct err *err)
{
    struct admin *a = calloc(1, sizeof(*a));

    if (!a) {
        err_memory(err, "starting the API");
        return NULL;
    }
    a->conf = *conf;
    buf_init(&a->decoy, 400);
    splices_init(&a->splices, conf->loop, NULL);
    if (conf->host_name.n < sizeof(a->host_name) && conf->host_name.n)
        memcpy(a->host_name, conf->host_name.p, conf->host_name.n);
    a->config = keeper_config(conf->keeper);
    if (dig(a, err) == 0 && events_init(&a->events, conf->loop, err) == 0 && make_decoy(a, err) == 0 &&
        open_tls(a, err) == 0 && start_http(a, err) == 0) {
        a->splices.tls = a->tls;
        a->splices.hand_over = hand_over;
        a->splices.owner = a;
        if (conf->idle_ms)
            a->splices.idle_ms = conf->idle_ms;
        if (conf->request_ms)
            a->splices.request_ms = conf->request_ms;
        if (open_all(a, err) == 0) {
            a->conf.listen = NULL; /* borrowed for the start */
            a->conf.socket_path = NULL;
            a->conf.host_name = slice_of(NULL, 0);
            offer_setup(a);
            return a;
        }
    }
    admin_free(a);
    return NULL;
}

void admin_free(struct admin *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->n_listeners; i++)
        listener_close(a->listeners[i]);
    local_close(a->local);
    events_close(&a->events);
    if (a->maker)
        maker_stop(a->maker);
    if (a->http)
        MHD_stop_daemon(a->http);
    maker_free(a->maker);
    events_fini(&a->events);
    splices_close(&a->splices);
    bury(a);
    config_drop(a->config);
    buf_free(&a->decoy);
    explicit_bzero(a, sizeof(*a));
    free(a);
}

int admin_renew(struct admin *a, struct err *err)
{
    return a->tls ? read_certificate(a, err) : 0;
}

int admin_apply(struct admin *a, const struct config *next, struct err *err)
{
    struct config *before = a->config;

    a->config = config_keep((struct config *)next);
    config_drop(before);
    return a->tls && stored_certificate(a) ? read_certificate(a, err) : 0;
}

const struct addr *admin_listening(const struct admin *a, size_t i)
{
    return i < a->n_listeners ? listener_local(a->listeners[i]) : NULL;
}

struct addr origin_source(const struct origin *origin)
{
    struct addr a = origin->peer;

    if (origin->kind != ORIGIN_UNIX && a.sa.sa_family == AF_INET6)
        memset(&a.v6.sin6_addr.s6_addr[8], 0, 8);
    return a;
}
