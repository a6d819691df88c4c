/* Which certificates speak for a partner: the matrix of threats I3, as server and as client. */
#include "certs_rig.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- the matrix ---- */

enum by { ROOT, STRANGER, ABSENT, SELF, MID, TIGHT, NARROW, NOT_CA, REVOKED_MID, OLD_MID, LINK };

static const struct leaf {
    const char *what;
    struct cert_spec spec;
    enum by by;
    const char *domain_a, *domain_u; /* NULL: THEM */
    const char *why;                 /* in the sentence; NULL: it passes */
    const char *remedy;              /* also */
} leaves[] = {
    { "dNSName", { .cn = "x", .sans = THEM_SAN }, ROOT },
    { "dNSName, RSA", { .cn = "x", .sans = THEM_SAN, .rsa_bits = 2048 }, ROOT },
    { "dNSName by an intermediate", { .cn = "x", .sans = THEM_SAN }, MID },
    { "xmppAddr only", { .cn = "x", .sans = XMPP_ADDR THEM }, ROOT },
    { "SRVName only", { .cn = "x", .sans = SRV_NAME THEM }, ROOT },
    { "second of two", { .cn = "x", .sans = "DNS:a.example," THEM_SAN }, ROOT },
    { "wildcard of one level", { .cn = "x", .sans = "DNS:*.fabrikam.example" }, ROOT },
    { "upper case", { .cn = "x", .sans = "DNS:IM.Fabrikam.EXAMPLE" }, ROOT },
    { "trailing dot", { .cn = "x", .sans = THEM_SAN "." }, ROOT },
    { "A-label",
      { .cn = "x", .sans = "DNS:xn--bcher-kva.example" },
      ROOT,
      "xn--bcher-kva.example",
      "b\u00FCcher.example" },
    { "xmppAddr in U-labels",
      { .cn = "x", .raw_xmpp = "b\u00FCcher.example" },
      ROOT,
      "xn--bcher-kva.example",
      "b\u00FCcher.example" },
    { "server usage", { .cn = "x", .sans = THEM_SAN, .eku = "serverAuth" }, ROOT },
    { "client usage", { .cn = "x", .sans = THEM_SAN, .eku = "clientAuth" }, ROOT },
    { "both kinds of name", { .cn = "x", .sans = THEM_SAN "," SRV_NAME THEM }, MID },

    { "URI sip: only", { .cn = "x", .sans = "URI:sip:" THEM }, ROOT, .why = "does not name the domain (it names URI" },
    { "URI xmpp: only", { .cn = "x", .sans = "URI:xmpp:" THEM }, ROOT, .why = "does not name the domain" },
    { "CN only",
      { .cn = THEM },
      ROOT,
      .why = "the common name does not",
      .remedy = "one is needed with the domain as" },
    { "CN inside OU", { .cn = "x", .ou = "CN=" THEM }, ROOT, .why = "no name that counts" },
    { "CN beside another name", { .cn = THEM, .sans = "DNS:other.example" }, ROOT, .why = "it names other.example" },
    { "NUL in the name",
      { .cn = "x", .raw_dns = THEM "\0.evil.example", .raw_dns_n = sizeof(THEM "\0.evil.example") - 1 },
      ROOT,
      .why = "it names " THEM "\\x00.evil.example" },
    { "NUL behind the name",
      { .cn = "x", .raw_dns = THEM "\0", .raw_dns_n = sizeof(THEM) },
      ROOT,
      .why = "does not name" },
    { "an empty dNSName", { .cn = THEM, .raw_dns = "", .raw_dns_n = 0 }, ROOT, .why = "does not name" },
    { "partial wildcard",
      { .cn = "x", .sans = "DNS:i*.fabrikam.example" },
      ROOT,
      .why = "it names i*.fabrikam.example" },
    { "wildcard for two levels",
      { .cn = "x", .sans = "DNS:*.fabrikam.example" },
      ROOT,
      "a.im.fabrikam.example",
      .why = "does not name" },
    { "two wildcards", { .cn = "x", .sans = "DNS:*.*.example" }, ROOT, .why = "does not name" },
    { "wildcard of a top level",
      { .cn = "x", .sans = "DNS:*.example" },
      ROOT,
      "fabrikam.example",
      .why = "does not name" },
    { "wildcard of a public suffix",
      { .cn = "x", .sans = "DNS:*.co.uk" },
      ROOT,
      "fabrikam.co.uk",
      .why = "does not name" },
    { "wildcard in xmppAddr", { .cn = "x", .sans = XMPP_ADDR "*.fabrikam.example" }, ROOT, .why = "does not name" },
    { "wildcard in SRVName", { .cn = "x", .sans = SRV_NAME "*.fabrikam.example" }, ROOT, .why = "does not name" },
    { "U-label as dNSName",
      { .cn = "x",
        .raw_dns = "b\xC3\xBC"
                   "cher.example",
        .raw_dns_n = 15 },
      ROOT,
      "xn--bcher-kva.example",
      "b\u00FCcher.example",
      .why = "does not name" },
    { "xmppAddr of a user", { .cn = "x", .sans = XMPP_ADDR "juliet@" THEM }, ROOT, .why = "it names XmppAddr juliet@" },
    { "SRVName of clients",
      { .cn = "x", .sans = "otherName:1.3.6.1.5.5.7.8.7;IA5STRING:_xmpp-client." THEM },
      ROOT,
      .why = "it names SRVName _xmpp-client" },
    { "parent", { .cn = "x", .sans = "DNS:fabrikam.example" }, ROOT, .why = "it names fabrikam.example" },
    { "child", { .cn = "x", .sans = "DNS:x." THEM }, ROOT, .why = "it names x." THEM },
    { "longer name", { .cn = "x", .sans = THEM_SAN ".evil.example" }, ROOT, .why = "does not name" },
    { "IP SAN", { .cn = "x", .sans = "IP:192.0.2.1" }, ROOT, .why = "no name that counts" },
    { "IP SAN for an address", { .cn = "x", .sans = "IP:192.0.2.1" }, ROOT, "192.0.2.1", .why = "no name that counts" },
    { "e-mail SAN", { .cn = "x", .sans = "email:im@" THEM }, ROOT, .why = "no name that counts" },
    { "no SAN", { .cn = "x" }, ROOT, .why = "no name that counts" },

    { "self-signed", { .cn = "x", .sans = THEM_SAN }, SELF, .why = "self-signed", .remedy = "pin it: sha256/" },
    { "unknown authority",
      { .cn = "x", .sans = THEM_SAN },
      STRANGER,
      .why = "root CN=Stranger Root is not trusted",
      .remedy = "pin it: sha256/" },
    { "unknown authority by which it is not sent",
      { .cn = "x", .sans = THEM_SAN },
      ABSENT,
      .why = "issuer CN=Stranger Root is not trusted",
      .remedy = "pin it: sha256/" },
    { "expired",
      { .cn = "x", .sans = THEM_SAN, .from_days = -20, .until_days = -10 },
      ROOT,
      .why = "certificate expired 20",
      .remedy = "must be renewed" },
    { "not yet valid",
      { .cn = "x", .sans = THEM_SAN, .from_days = 10, .until_days = 20 },
      ROOT,
      .why = "not valid before 20",
      .remedy = "check the clocks" },
    { "expired issuer",
      { .cn = "x", .sans = THEM_SAN },
      OLD_MID,
      .why = "an issuer's certificate expired",
      .remedy = "must be renewed" },
    { "code signing",
      { .cn = "x", .sans = THEM_SAN, .eku = "codeSigning" },
      ROOT,
      .why = "extended key usage",
      .remedy = "serverAuth" },
    { "CA:FALSE issuer",
      { .cn = "x", .sans = THEM_SAN },
      NOT_CA,
      .why = "no authority (CA:FALSE)",
      .remedy = "must be issued by one" },
    { "path length", { .cn = "x", .sans = THEM_SAN }, TIGHT, .why = "path length", .remedy = "issued by another" },
    { "name constraints",
      { .cn = "x", .sans = THEM_SAN },
      NARROW,
      .why = "name constraints",
      .remedy = "come from one that may" },
    { "SHA-1", { .cn = "x", .sans = THEM_SAN, .sha1 = true }, ROOT, .why = "broken hash", .remedy = "SHA-256" },
    { "RSA-1024",
      { .cn = "x", .sans = THEM_SAN, .rsa_bits = 1024 },
      ROOT,
      .why = "key is too short",
      .remedy = "2048" },
    { "chain of 12", { .cn = "x", .sans = THEM_SAN }, LINK, .why = "longer than 8", .remedy = "shorter" },
};

static const struct cert *issuer_of(enum by by)
{
    static const struct cert *const issuers[] = { [ROOT] = &root,
                                                  [STRANGER] = &stranger,
                                                  [ABSENT] = &stranger,
                                                  [MID] = &mid,
                                                  [TIGHT] = &tight,
                                                  [NARROW] = &narrow,
                                                  [NOT_CA] = &not_ca,
                                                  [OLD_MID] = &old_mid,
                                                  [REVOKED_MID] = &revoked_mid,
                                                  [LINK] = &chain[CHAIN - 1] };

    return by == SELF ? NULL : issuers[by];
}

static void both_ways(const struct leaf *l)
{
    const struct cert *by = issuer_of(l->by);
    struct cert below = { 0 }, c;
    struct shown s = { 0 };
    struct asked q = { .domain_a = l->domain_a ? l->domain_a : THEM, .domain_u = l->domain_u };

    if (l->by == TIGHT)
        below = cert_make(&(struct cert_spec){ .cn = "Below", .ca = true }, &tight);
    c = cert_make(&l->spec, below.x ? &below : by);
    s.leaf = &c;
    if (l->by == LINK) {
        for (int i = 0; i < CHAIN; i++)
            s.rest[i] = &chain[CHAIN - 1 - i];
    } else if (by && by != &root && l->by != ABSENT) {
        s.rest[0] = below.x ? &below : by;
        s.rest[1] = below.x ? by : NULL;
    }
    for (enum tls_role role = TLS_CLIENT; role <= TLS_SERVER; role++) {
        struct found f = meet(&s, &q, role);

        expect(l->what, &f, l->why, l->remedy);
    }
    cert_free(&c);
    cert_free(&below);
}

static void I3_certificate_matrix(void **state)
{
    size_t n = sizeof(leaves) / sizeof(*leaves);

    assert_true(n >= 40);
    for (size_t i = 0; i < n; i++)
        both_ways(&leaves[i]);
}

static void I3_an_unordered_chain_is_put_in_order(void **state)
{
    struct cert low = cert_make(&(struct cert_spec){ .cn = "Low", .ca = true }, &mid),
                c = cert_make(&(struct cert_spec){ .cn = "x", .sans = THEM_SAN }, &low);
    struct shown s = { .leaf = &c, .rest = { &root, &stranger, &mid, &low } };

    for (enum tls_role role = TLS_CLIENT; role <= TLS_SERVER; role++) {
        struct found f = meet(&s, &(struct asked){ .domain_a = THEM }, role);

        expect("unordered", &f, NULL, NULL);
    }
    cert_free(&low);
    cert_free(&c);
}

static void I3_a_certificate_of_a_megabyte_ends_the_handshake(void **state)
{
    size_t size = 1 << 20;
    char *name = calloc(1, size);
    struct cert c;

    memset(name, 'a', size - 1);
    c = cert_make(&(struct cert_spec){ .cn = "x", .raw_dns = name, .raw_dns_n = (int)size - 1 }, &root);
    for (enum tls_role role = TLS_CLIENT; role <= TLS_SERVER; role++) {
        struct found f = meet(&(struct shown){ .leaf = &c }, &(struct asked){ .domain_a = THEM }, role);

        assert_false(f.shaken);
        expect("huge", &f, "larger than 64 KiB", NULL);
    }
    cert_free(&c);
    free(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(I3_certificate_matrix),
        cmocka_unit_test(I3_an_unordered_chain_is_put_in_order),
        cmocka_unit_test(I3_a_certificate_of_a_megabyte_ends_the_handshake),
    };

    return cmocka_run_group_tests_name("conformance/certs", tests, certs_setup, certs_teardown);
}
