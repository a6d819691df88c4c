/* What OpenSSL's error queue means, in words for an administrator. */
#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <stdio.h>
#include <time.h>

#include "net/tls_priv.h"

static const struct {
    int reason;
    const char *text;
    enum tls_failure kind;
} reasons[] = {
    { SSL_R_UNSUPPORTED_PROTOCOL, "no common protocol version: the peer offers neither TLS 1.2 nor 1.3",
      TLS_FAILURE_VERSION },
    { SSL_R_VERSION_TOO_LOW, "no common protocol version: the peer offers neither TLS 1.2 nor 1.3",
      TLS_FAILURE_VERSION },
    { SSL_R_NO_PROTOCOLS_AVAILABLE, "no common protocol version: TLS 1.2 and 1.3 are switched off on this machine" },
    { SSL_R_WRONG_VERSION_NUMBER, "the peer does not speak TLS here", TLS_FAILURE_NONE },
    { SSL_R_HTTP_REQUEST, "the peer speaks plain HTTP", TLS_FAILURE_NONE },
    { SSL_R_HTTPS_PROXY_REQUEST, "the peer speaks plain HTTP" },
    { SSL_R_NO_SHARED_CIPHER, "no common cipher, or we have no certificate for the peer to see" },
    { SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, "no common signature algorithm for our certificate" },
    { SSL_R_NO_SUITABLE_GROUPS, "no common key exchange group" },
    { SSL_R_NO_SUITABLE_KEY_SHARE, "no common key exchange group" },
    { SSL_R_UNEXPECTED_EOF_WHILE_READING, "the peer closed the connection" },
    { SSL_R_EXCESSIVE_MESSAGE_SIZE, "the peer's certificates are larger than 64 KiB" },
    { SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, "a record was damaged on the way" },
    { SSL_R_UNEXPECTED_MESSAGE, "the peer sent a message out of order" },
    { SSL_R_BAD_SIGNATURE, "the peer cannot prove that it has its certificate's key" },
    /* Alerts from the peer (RFC 8446 section 6). */
    { SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, "the peer found nothing in common (alert handshake_failure)" },
    { SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, "the peer refuses our certificate (alert bad_certificate)",
      TLS_FAILURE_OUR_CERTIFICATE },
    { SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE,
      "the peer refuses the kind of our certificate (alert "
      "unsupported_certificate)",
      TLS_FAILURE_OUR_CERTIFICATE },
    { SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, "the peer says that our certificate is revoked",
      TLS_FAILURE_OUR_CERTIFICATE },
    { SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, "the peer says that our certificate has expired",
      TLS_FAILURE_OUR_CERTIFICATE },
    { SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, "the peer refuses our certificate (alert certificate_unknown)",
      TLS_FAILURE_OUR_CERTIFICATE },
    { SSL_R_TLSV1_ALERT_UNKNOWN_CA, "the peer does not trust the issuer of our certificate (alert unknown_ca)",
      TLS_FAILURE_OUR_CERTIFICATE },
    { SSL_R_TLSV1_ALERT_ACCESS_DENIED, "the peer denies access to our certificate (alert access_denied)",
      TLS_FAILURE_OUR_CERTIFICATE },
    { SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "no common protocol version: the peer speaks neither TLS 1.2 nor 1.3",
      TLS_FAILURE_VERSION },
    { SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY, "the peer asks for stronger ciphers (alert insufficient_security)" },
    { SSL_R_TLSV1_ALERT_INTERNAL_ERROR, "the peer has a fault of its own (alert internal_error)" },
    { SSL_R_TLSV1_UNRECOGNIZED_NAME, "the peer does not serve this name (alert unrecognized_name)" },
    { SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, "the peer asks for a certificate and we have none",
      TLS_FAILURE_OUR_CERTIFICATE },
    { SSL_R_TLSV1_ALERT_NO_RENEGOTIATION, "the peer refuses renegotiation" },
    { SSL_R_NO_RENEGOTIATION, "the peer asks for renegotiation, which is refused" },
    { SSL_AD_REASON_OFFSET + SSL_AD_NO_APPLICATION_PROTOCOL, "the peer does not speak our protocol here (ALPN)" },
};

enum tls_failure tls_fault_text(char *out, size_t n)
{
    unsigned long e = ERR_get_error(); /* the oldest: what came after follows from it */
    enum tls_failure kind = TLS_FAILURE_OTHER;
    const char *text = NULL;

    for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons) && !text && ERR_GET_LIB(e) == ERR_LIB_SSL; i++)
        if (reasons[i].reason == ERR_GET_REASON(e)) {
            text = reasons[i].text;
            kind = reasons[i].kind;
        }
    ERR_clear_error();
    if (!text)
        text = e ? ERR_reason_error_string(e) : "no reason given";
    snprintf(out, n, "%s", text ? text : "unknown error");
    return ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE ? TLS_FAILURE_MEMORY : kind;
}

const char *tls_file_fault(void)
{
    unsigned long e = ERR_get_error();
    const char *text = e ? ERR_reason_error_string(e) : NULL;

    ERR_clear_error();
    return text ? text : "out of memory";
}

void tls_date(const ASN1_TIME *t, char out[16])
{
    struct tm tm;

    if (!t || !ASN1_TIME_to_tm(t, &tm) || strftime(out, 16, "%Y-%m-%d", &tm) == 0)
        memcpy(out, "(no date)", 10);
}
