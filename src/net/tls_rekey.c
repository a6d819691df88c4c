/*
 * Key updates of TLS 1.3 (RFC 8446 4.6.3) are the one handshake message that a peer may send as often as it likes: each is
 * small for it and makes us derive keys. OpenSSL takes any number. Renegotiation, its like in TLS 1.2, is off.
 */
#include "base/clock.h"
#include "net/tls_priv.h"

enum {
    REKEYS_PER_S = 1, /* those who mean well change keys after 2^24 records or an hour */
    REKEYS_BURST = 60,
};

static void on_message(int sent, int version, int type, const void *message, size_t n, SSL *ssl, void *arg)
{
    const unsigned char *first = message;
    struct tls_note *note;

    if (sent || type != SSL3_RT_HANDSHAKE || n == 0 || *first != SSL3_MT_KEY_UPDATE)
        return;
    note = tls_note_of(ssl);
    if (note && !bucket_try(&note->rekeys, REKEYS_PER_S, REKEYS_BURST, 1, clock_mono_ms()))
        note->rekeys_too_often = true;
}

void tls_rekey_setup(SSL_CTX *ctx)
{
    SSL_CTX_set_msg_callback(ctx, on_message);
}

bool tls_rekeys_too_often(const SSL *ssl)
{
    const struct tls_note *note = tls_note_of(ssl);

    return note && note->rekeys_too_often;
}
