/*
 * TLS as both protocols use it: our certificates by name, the authorities we trust, and what a peer's certificate says.
 * Whether a name in a certificate is good enough is not decided here: XMPP and SIP have different rules (RFC 6120 13.7,
 * RFC 5922), so this reports the chain's verdict and the names, and the protocol judges.
 */
#ifndef STOX_NET_TLS_H
#define STOX_NET_TLS_H

#include <openssl/ssl.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/pin.h"
#include "base/slice.h"
#include "net/dane.h"

struct tls; /* identities and trust, shared by all connections; owned by the daemon, outlives them */

struct tls *tls_new(struct err *err);
void tls_free(struct tls *tls);

/* Adds a certificate chain (leaf first) and its key, PEM files, for the names in name (a domain; "" is the default). The
 * sentence in err names the file and the fault: unreadable, not PEM, key does not match, expired. Only while nobody else
 * has the set in use: at the start, and in tests. */
int tls_add_identity(struct tls *tls, struct slice name, const char *chain_file, const char *key_file, struct err *err);

/*
 * Our certificates as one set. It is made off the loop, shared by count across threads, and never changes once it is in
 * use; those whose files are the same as before are taken over from the set before and not read again.
 */
struct tls_identities;
struct tls_identities *tls_identities_new(void);
struct tls_identities *tls_identities_keep(struct tls_identities *set);
void tls_identities_drop(struct tls_identities *set); /* NULL is fine */

/* As tls_add_identity; before may be NULL. From any thread: of tls it reads only what tls_trust has set. */
int tls_identities_add(struct tls_identities *set, struct tls *tls, struct slice name, const char *chain_file,
                       const char *key_file, const struct tls_identities *before, struct err *err);

/*
 * A certificate that is in no file: source names it, and revision tells one state of it from another. tls_identities_same: before
 * has it under that name in that state, and it is taken over; else it is added, chain leaf first. -1 with a sentence.
 */
struct tls_own {
    const char *source; /* without a slash */
    uint64_t revision;
    STACK_OF(X509) * chain; /* borrowed, as key */
    EVP_PKEY *key;
};
bool tls_identities_same(struct tls_identities *set, struct slice name, const struct tls_own *own,
                         const struct tls_identities *before);
int tls_identities_add_own(struct tls_identities *set, struct tls *tls, struct slice name, const struct tls_own *own,
                           struct err *err);

/* The set in use, with a count for the caller; NULL: none. On the loop. */
struct tls_identities *tls_identities_in_use(const struct tls *tls);

/* One certificate of a set, as its handshakes show it. Borrowed. */
struct tls_shown {
    const char *name;   /* the domain; "": the default */
    const char *source; /* its file, or what names it */
    const X509 *leaf;
    const STACK_OF(X509) * chain; /* above leaf; NULL: none */
    const EVP_PKEY *key;
};
typedef void tls_shown_fn(void *arg, const struct tls_shown *shown);
void tls_identities_each(const struct tls_identities *set, tls_shown_fn *fn, void *arg);

/* Is there one of that name, made of these files (or of that source, and ""), whatever has become of them since? */
bool tls_identities_has(const struct tls_identities *set, struct slice name, const char *chain_file,
                        const char *key_file);

/* Takes over what before has under that name. False: nothing, or no memory. */
bool tls_identities_retain(struct tls_identities *set, const struct tls_identities *before, struct slice name);

/* New connections use this set from now on; those that are there keep what they have. On the loop; cannot fail. */
void tls_use_identities(struct tls *tls, struct tls_identities *set);

/* A number that changes when the file is replaced or written; also of one that is not there. */
uint64_t tls_file_mark(const char *file);

/* Authorities: a PEM file, or NULL for the system's. */
int tls_trust(struct tls *tls, const char *ca_file, struct err *err);

/*
 * Revocation lists, one PEM file with any number of them. They are looked at when there is one of a certificate's issuer;
 * one that is past its date is better than none. NULL with a sentence. From any thread.
 */
struct tls_crls;
struct tls_crls *tls_crls_load(const char *file, struct err *err);
/* The same from text; and, of the lists in use, that text. False: no room in out. On the loop. */
struct tls_crls *tls_crls_read(struct slice pem, struct err *err);
bool tls_put_crls(const struct tls *tls, struct buf *out);
size_t tls_crls_count(const struct tls_crls *crls);
void tls_crls_free(struct tls_crls *crls);

/* Has the file changed since it was loaded? */
bool tls_crls_changed(const struct tls_crls *crls, const char *file);

/*
 * Do the lists that are in use now revoke the certificate that this peer showed, or one of its issuers'? Cheap for all that
 * no list names. It needs the chain of before, of which only the leaf was kept: false when it cannot be built any more,
 * as that of a certificate that only a pin made good.
 */
bool tls_is_revoked(struct tls *tls, SSL *ssl);

/* Handshakes from now on go by these, and sessions made before are not resumed any more. Takes them over; NULL: there are none any more. On the loop. */
void tls_use_crls(struct tls *tls, struct tls_crls *crls);

enum tls_role { TLS_CLIENT, TLS_SERVER };

/* What a connection wants of its handshake. Slices are copied. */
struct tls_wish {
    enum tls_role role;
    struct slice server_name; /* client: SNI, without trailing dot, A-label; empty: none */
    struct slice identity;    /* domain whose certificate we present; server: when the client sends no SNI */
    const char *alpn;         /* "xmpp-server", "sip" or NULL */
    const struct dane *dane;  /* client: records that decide about the certificate; NULL or without any: none do */
};

/* A new SSL for one connection: TLS 1.2 and 1.3, AEAD and forward secrecy only, no compression, no renegotiation, no
 * 0-RTT; asks for the peer's certificate without insisting on a valid one, and as client for a stapled OCSP response.
 * NULL on memory. */
SSL *tls_session(struct tls *tls, const struct tls_wish *wish);

enum tls_name_kind { TLS_NAME_DNS, TLS_NAME_SRV, TLS_NAME_XMPP, TLS_NAME_URI };

struct tls_name {
    enum tls_name_kind kind; /* TLS_NAME_SRV: id-on-dnsSRV, "_xmpp-server.example.com"; TLS_NAME_XMPP: id-on-xmppAddr */
    struct slice text;       /* may hold any bytes, NUL too */
};

/* What DNS has decided about a certificate. */
enum tls_dane {
    TLS_DANE_NONE,     /* nothing: there were no records, or none that OpenSSL can use */
    TLS_DANE_NO_MATCH, /* it is none of those that the records name, or its chain is at fault */
    TLS_DANE_MATCH,    /* usage 0, 1 or 2: its names still have to be right */
    TLS_DANE_FINAL,    /* usage 3: the record stands for names, dates and authority (RFC 7671 5.1) */
};

/* The kind of a fault of its certificate. */
enum tls_cert_fault {
    TLS_CERT_FINE,
    TLS_CERT_EXPIRED,
    TLS_CERT_NOT_YET,
    TLS_CERT_SELF_SIGNED,
    TLS_CERT_UNKNOWN_ISSUER,
    TLS_CERT_REVOKED,
    TLS_CERT_OTHER,
};

/* What the peer showed. Memory is the given arena's. */
struct tls_peer {
    bool presented;    /* it sent a certificate */
    bool trusted;      /* chain to an authority (or what DANE has instead), dates and purpose are right, not revoked */
    const char *fault; /* when not trusted: "certificate expired 2026-03-01; ..." with what to do, "issuer ... */
    enum tls_cert_fault fault_kind, unsound_kind; /* of the two sentences */
    bool sound;          /* nothing is wrong with it but, perhaps, that its authority is not trusted */
    const char *unsound; /* when not sound: what else, as fault */
    enum tls_dane dane;
    struct slice pin; /* of its key, as base/pin.h writes it */
    uint64_t left_ms; /* until it expires; 0: it has */
    struct tls_name *names;
    size_t n_names;
    struct slice subject, issuer; /* for logs only, never for matching */
    char until[16];               /* 2026-03-01: its last day */
};
bool tls_peer(SSL *ssl, struct arena *arena, struct tls_peer *out);

/* By the clock of now: how long the certificate that the peer showed is still good. 0: it has expired, or there is none. */
uint64_t tls_left_ms(SSL *ssl);

#endif
