/* One blocking connection of a hostile peer, in clear or in TLS, and the steps of an XMPP set-up on it. */
#ifndef STOX_FAULT_WIRE_H
#define STOX_FAULT_WIRE_H

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

/* Who connects to whom. cert, key: PEM files, or NULL. */
struct wire_conf {
    struct sockaddr_in to, from;
    const char *cert, *key, *name_from, *name_to;
};

struct wire {
    const struct wire_conf *conf;
    int fd;
    SSL *ssl; /* NULL: in clear */
    uint64_t bytes_in, bytes_out;
};

/* "ADDRESS" or "ADDRESS:PORT" */
bool wire_address(const char *text, struct sockaddr_in *out);

/* The option at a[*i], of n words, if it is one of a connection: --tls-cert, --tls-key, --names FROM TO, --from ADDRESS. Of the last
 * two words of --names *i is moved to the first. False: it is none, or wrong. */
bool wire_option(struct wire_conf *conf, int n, char **a, int *i);

/* A socket bound to the nth address from conf->from on. Ends the program if there is none. */
int wire_socket(const struct wire_conf *conf, int type, uint32_t nth);

/* For wire_secure; ends the program if the certificate cannot be used. */
SSL_CTX *wire_context(const struct wire_conf *conf);

/* Connects; each read and write is bounded by 20 s. False: refused. wire_close in either case. */
bool wire_open(struct wire *w, const struct wire_conf *conf, uint32_t nth);
void wire_close(struct wire *w);

/* With RST. */
void wire_cut(struct wire *w);

/* Says that no more comes, and reads to the other side's end. */
void wire_finish(struct wire *w);

int wire_read(struct wire *w, char *p, size_t n);

/* Writes until the peer has enough. */
bool wire_write(struct wire *w, const char *p, size_t n);

/* Writes text, and reads until answer has come (NULL: does not). */
bool wire_say(struct wire *w, const char *text, const char *answer);

/* A stream header; answer as above. */
bool wire_header(struct wire *w, const char *answer);

/* SASL EXTERNAL as name. */
bool wire_auth(struct wire *w, const char *name, const char *answer);

/* From the connection on: up to <proceed/>; TLS and its handshake; an authenticated stream. */
bool wire_starttls(struct wire *w);
bool wire_secure(struct wire *w, SSL_CTX *ctx);
bool wire_authenticate(struct wire *w);

#endif
