/* Handshakes in memory between us and a peer that shows anything, and what is judged of its certificate. */
#ifndef STOX_TESTS_CERTS_RIG_H
#define STOX_TESTS_CERTS_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../unit/net/test_certs.h"
#include "net/tls_priv.h"
#include "xmpp/cert.h"

#define THEM "im.fabrikam.example"
#define THEM_SAN "DNS:" THEM
#define SRV_NAME "otherName:1.3.6.1.5.5.7.8.7;IA5STRING:_xmpp-server."
#define XMPP_ADDR "otherName:1.3.6.1.5.5.7.8.5;UTF8:"
#define CHAIN 12

/* Authorities: all below root, which we trust, but stranger. */
extern struct cert root, stranger, mid, tight, narrow, not_ca, revoked_mid, old_mid, chain[CHAIN];
extern struct tls *us;

int certs_setup(void **state);
int certs_teardown(void **state);

/* What a peer sends: its leaf, and certificates behind it in this order. */
struct shown {
    const struct cert *leaf;
    const struct cert *rest[CHAIN + 2];
    const unsigned char *staple; /* as server */
    size_t staple_n;
};

/* What is asked of the judge beside the certificate. */
struct asked {
    const char *domain_a, *domain_u, *target;
    const char *pin; /* NULL: none */
    const struct dane *dane;
    int version;
    const struct cert *later, *later_by; /* after the handshake a list of later_by's comes that names later */
};

struct found {
    bool shaken;
    char fault[256]; /* when not shaken */
    struct xmpp_cert_verdict v;
    char pin[PIN_TEXT];
    bool ends; /* the later list revokes it */
};

/* We as server or client, and a peer that shows s. */
struct found meet(const struct shown *s, const struct asked *q, enum tls_role role);

/* Accepted when why is NULL; else refused with why and remedy (NULL: any) in what is said. */
void expect(const char *what, const struct found *f, const char *why, const char *remedy);

#endif
