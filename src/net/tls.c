#include "net/tls_priv.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/text.h"
#include "net/wire.h"

enum {
    TICKET_KEY_MS = 12 * 3600 * 1000, /* BCP 195: at most a day */
    TICKET_KEY_LEN = 80,
    SESSION_S = 3600, /* how long a verdict about a peer's certificate may be reused by resumption */
};

static void note_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp)
{
    struct tls_note *note = ptr;

    if (!note)
        return;
    free(note->first.text);
    free(note->hard.text);
    X509_free(note->issuer);
    free(note);
}

static struct tls *tls_of(const SSL *ssl)
{
    return SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
}

struct tls_note *tls_note_of(const SSL *ssl)
{
    return SSL_get_ex_data(ssl, tls_of(ssl)->note_index);
}

/* The server's choice by SNI (RFC 6066 section 3). A name that is not ours is no fault: the identity stays. */
static int on_server_name(SSL *ssl, int *alert, void *arg)
{
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    const struct tls *tls = arg;
    struct tls_identity *id = name && *name ? tls_identities_find(tls->identities, slice_str(name)) : NULL;

    if (!id)
        return SSL_TLSEXT_ERR_NOACK;
    return SSL_set_SSL_CTX(ssl, id->ctx[TLS_SERVER]) ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

/* Takes our protocol if it is offered, and ignores everything else: many peers offer nothing, or something odd. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *n_out, const unsigned char *in, unsigned n_in,
                   void *arg)
{
    const struct tls_note *note = tls_note_of(ssl);
    size_t want = note ? strlen(note->alpn) : 0;

    for (unsigned i = 0; want > 0 && i < n_in && in[i] < n_in - i; i += 1u + in[i]) {
        if (in[i] != want || memcmp(in + i + 1, note->alpn, want) != 0)
            continue;
        *out = in + i + 1;
        *n_out = in[i];
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_NOACK;
}

static void server_setup(struct tls *tls, SSL_CTX *ctx)
{
    SSL_CTX_set_tlsext_servername_callback(ctx, on_server_name);
    SSL_CTX_set_tlsext_servername_arg(ctx, tls);
    SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"stox", 4);
    SSL_CTX_set_timeout(ctx, SESSION_S);
    SSL_CTX_set_num_tickets(ctx, 1);
}

SSL_CTX *tls_context_new(struct tls *tls, enum tls_role role)
{
    SSL_CTX *ctx = SSL_CTX_new(role == TLS_SERVER ? TLS_server_method() : TLS_client_method());

    if (!ctx)
        return NULL;
    SSL_CTX_set_app_data(ctx, tls);
    /* RFC 9325: 1.2 and 1.3; AEAD with forward secrecy. 1.3 has nothing else by default. */
    SSL_CTX_set_security_level(ctx, 2);
    if (!SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) || !SSL_CTX_set_max_proto_version(ctx, 0) ||
        !SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20")) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_PRIORITIZE_CHACHA);
    /* The chain goes out as its file has it: completing it from the authorities costs time and may add the root. */
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_read_ahead(ctx, 1);
    /* No session is kept here: servers resume by tickets, which live with the client. */
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_early_data(ctx, 0);
    SSL_CTX_set_max_cert_list(ctx, TLS_CERT_LIST_MAX);
    SSL_CTX_set1_cert_store(ctx, tls->trust);
    tls_verify_setup(ctx);
    tls_rekey_setup(ctx);
    if (role == TLS_SERVER) {
        server_setup(tls, ctx);
        return ctx;
    }
    tls_ocsp_setup(ctx);
    if (SSL_CTX_dane_enable(ctx) == 1)
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

struct tls *tls_new(struct err *err)
{
    struct tls *tls = calloc(1, sizeof(*tls));

    if (!tls) {
        err_set(err, "cannot set up TLS: out of memory");
        return NULL;
    }
    tls->note_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, note_free);
    tls->trust = X509_STORE_new();
    tls->wire = wire_bio_method();
    if (tls->note_index >= 0 && tls->trust && tls->wire) {
        tls->bare[TLS_CLIENT] = tls_context_new(tls, TLS_CLIENT);
        tls->bare[TLS_SERVER] = tls_context_new(tls, TLS_SERVER);
        /* Tickets are under the key of the context that a session began with, and this one's is never changed. */
        if (tls->bare[TLS_SERVER]) {
            SSL_CTX_set_options(tls->bare[TLS_SERVER], SSL_OP_NO_TICKET);
            SSL_CTX_set_num_tickets(tls->bare[TLS_SERVER], 0);
        }
    }
    if (tls->bare[TLS_CLIENT] && tls->bare[TLS_SERVER])
        return tls;
    err_set(err, "cannot set up TLS: %s", tls_file_fault());
    tls_free(tls);
    return NULL;
}

void tls_free(struct tls *tls)
{
    if (!tls)
        return;
    tls_identities_drop(tls->identities);
    SSL_CTX_free(tls->bare[TLS_CLIENT]);
    SSL_CTX_free(tls->bare[TLS_SERVER]);
    X509_STORE_free(tls->trust);
    tls_crls_free(tls->crls);
    sk_X509_pop_free(tls->issuers, X509_free);
    BIO_meth_free(tls->wire);
    if (tls->note_index >= 0)
        CRYPTO_free_ex_index(CRYPTO_EX_INDEX_SSL, tls->note_index);
    free(tls);
}

int tls_trust(struct tls *tls, const char *ca_file, struct err *err)
{
    int ok;

    ERR_clear_error();
    if (!ca_file)
        ok = X509_STORE_set_default_paths(tls->trust);
    else if (tls_file_check(ca_file, "authorities", err) != 0)
        return -1;
    else
        ok = X509_STORE_load_file(tls->trust, ca_file);
    if (!ok)
        err_set(err, "cannot use the authorities in %s: %s", ca_file ? ca_file : "the system's store",
                tls_file_fault());
    ERR_clear_error();
    return ok ? 0 : -1;
}

/* Our own ticket keys in place of OpenSSL's, which live as long as the context (threats: key rotation). */
static void tickets_rotate(const struct tls *tls, struct tls_identity *id)
{
    unsigned char key[TICKET_KEY_LEN];
    uint64_t now = clock_mono_ms();

    if ((now < id->tickets_until && id->tickets_era == tls->tickets_era) || RAND_bytes(key, sizeof(key)) != 1)
        return;
    SSL_CTX_set_tlsext_ticket_keys(id->ctx[TLS_SERVER], key, sizeof(key));
    OPENSSL_cleanse(key, sizeof(key));
    id->tickets_until = now + TICKET_KEY_MS;
    id->tickets_era = tls->tickets_era;
}

static SSL_CTX *context_for(struct tls *tls, const struct tls_wish *wish)
{
    struct tls_identity *id = tls_identities_find(tls->identities, wish->identity);

    if (!id && wish->identity.n > 0)
        id = tls_identities_find(tls->identities, slice_of("", 0));
    if (!id)
        return tls->bare[wish->role];
    if (wish->role == TLS_SERVER)
        tickets_rotate(tls, id);
    return id->ctx[wish->role];
}

/* A record that OpenSSL cannot read is as if it were not there; names are compared by whoever reads tls_peer. */
static bool dane_setup(SSL *ssl, const struct dane *dane)
{
    struct tls_note *note = tls_note_of(ssl);

    if (!dane || dane->n == 0)
        return true;
    if (SSL_dane_enable(ssl, NULL) != 1)
        return false;
    for (size_t i = 0; i < dane->n; i++) {
        const struct dane_record *r = &dane->records[i];

        int rc =
            SSL_dane_tlsa_add(ssl, r->usage, r->selector, r->matching, (const unsigned char *)r->data.p, r->data.n);

        if (rc < 0) /* want of memory: without the record the session would believe the authorities alone */
            return false;
        if (rc > 0)
            note->dane = true;
    }
    ERR_clear_error();
    return true;
}

static bool client_setup(SSL *ssl, const struct tls_wish *wish)
{
    char name[TLS_NAME_MAX + 1];
    unsigned char alpn[256];
    size_t n = wish->alpn ? strlen(wish->alpn) : 0;

    SSL_set_connect_state(ssl);
    if (wish->server_name.n > 0) {
        size_t len;
        if (!tls_name_fold(wish->server_name, name, &len) || !SSL_set_tlsext_host_name(ssl, name))
            return false;
    }
    if (!dane_setup(ssl, wish->dane))
        return false;
    if (n == 0 || n > 255)
        return n == 0;
    alpn[0] = (unsigned char)n;
    memcpy(alpn + 1, wish->alpn, n);
    return SSL_set_alpn_protos(ssl, alpn, (unsigned)n + 1) == 0;
}

SSL *tls_session(struct tls *tls, const struct tls_wish *wish)
{
    size_t n = wish->alpn ? strlen(wish->alpn) : 0;
    struct tls_note *note = calloc(1, sizeof(*note) + n + 1);
    SSL *ssl = note ? SSL_new(context_for(tls, wish)) : NULL;

    if (!ssl || !SSL_set_ex_data(ssl, tls->note_index, note)) {
        SSL_free(ssl);
        free(note);
        ERR_clear_error();
        return NULL;
    }
    if (n > 0)
        memcpy(note->alpn, wish->alpn, n);
    if (wish->role == TLS_SERVER) {
        SSL_set_accept_state(ssl);
    } else if (!client_setup(ssl, wish)) {
        SSL_free(ssl);
        ERR_clear_error();
        return NULL;
    }
    return ssl;
}
