/* The proxy's copy of settings: whole, or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>

#include "../net/test_certs.h"
#include "link/copy.h"

static const struct link_frame limits = { .type = LINK_LIMITS,
                                          .limits = { .connection_limit = 1000,
                                                      .partner_connection_limit = 20,
                                                      .establish_s = 60,
                                                      .inactivity_s = 600,
                                                      .keepalive_s = 300,
                                                      .stanza_rate = 7 } };

#define SECRET(text)                                                                                                   \
    {                                                                                                                  \
        .type = LINK_SECRET, .secret.secret = { text, sizeof(text) - 1 }                                               \
    }
#define NETWORK(text)                                                                                                  \
    {                                                                                                                  \
        .type = LINK_NETWORK, .network.network = { text, sizeof(text) - 1 }                                            \
    }
#define SERVED(text, says)                                                                                             \
    {                                                                                                                  \
        .type = LINK_SERVED, .served = {.domain = { text, sizeof(text) - 1 }, .features = { says, sizeof(says) - 1 } } \
    }
#define PARTNER(text, ...)                                                                                             \
    {                                                                                                                  \
        .type = LINK_PARTNER, .partner = {.name = { text, sizeof(text) - 1 }, __VA_ARGS__ }                            \
    }
#define DOMAIN(text)                                                                                                   \
    {                                                                                                                  \
        .type = LINK_PARTNER_DOMAIN, .partner_domain.domain = { text, sizeof(text) - 1 }                               \
    }
#define PIN(text)                                                                                                      \
    {                                                                                                                  \
        .type = LINK_PARTNER_PIN, .partner_pin.pin = { text, sizeof(text) - 1 }                                        \
    }

/* NULL, err: it cannot be used. */
static struct link_copy *copy_of(const struct link_frame *frames, size_t n, struct err *err)
{
    struct link_copy *c = link_copy_new();

    assert_non_null(c);
    err->text[0] = '\0';
    for (size_t i = 0; i < n; i++)
        if (!link_copy_take(c, &frames[i], err)) {
            assert_string_not_equal(err->text, "");
            link_copy_free(c);
            return NULL;
        }
    if (link_copy_end(c, n, err))
        return c;
    link_copy_free(c);
    return NULL;
}

static void count_partner(void *arg, const struct xmpp_partner *p, const struct slice *more, size_t n_more)
{
    *(size_t *)arg += 100 + n_more;
}

static void count_served(void *arg, struct slice domain)
{
    (*(size_t *)arg)++;
}

static void all_that_was_sent_is_found_and_nothing_else(void **state)
{
    const struct link_frame frames[] = {
        limits,
        SECRET("0123456789"),
        NETWORK("10.0.0.0/8"),
        NETWORK("fd00::/8"),
        NETWORK("192.0.2.0/24"),
        SERVED("contoso.example", "<c/>"),
        SERVED("second.example", ""),
        PARTNER("fabrikam.example", .tls = XMPP_REQUIRED, .sasl = XMPP_OPTIONAL, .dialback = true, .stanza_rate = 5),
        DOMAIN("muc.fabrikam.example"),
        DOMAIN("x.fabrikam.example"),
        DOMAIN("y.fabrikam.example"),
        PIN("sha256/a"),
        PIN("sha256/b"),
        PIN("sha256/c"),
        PARTNER("tailspin.example", .tls = XMPP_NOT_SUPPORTED, .proxy = SLICE("gw.tailspin.example:5270"),
                .component = SLICE("127.0.0.1:5347"), .component_secret = SLICE("sesame")),
    };
    struct err err;
    struct link_copy *c = copy_of(frames, sizeof(frames) / sizeof(frames[0]), &err);
    const struct xmpp_partner *p;
    struct slice features;
    size_t n = 0;

    if (!c)
        fail_msg("%s", err.text);
    p = link_copy_partner(c, SLICE("y.fabrikam.example"));
    assert_ptr_equal(p, link_copy_partner(c, SLICE("fabrikam.example")));
    assert_true(slice_is(p->name, "fabrikam.example") && p->dialback && p->stanza_rate == 5 && !p->component);
    assert_true(p->tls == XMPP_REQUIRED && p->sasl == XMPP_OPTIONAL);
    assert_int_equal(p->n_pins, 3);
    assert_true(slice_is(p->pins[2], "sha256/c"));
    p = link_copy_partner(c, SLICE("tailspin.example"));
    assert_int_equal(p->n_pins, 0);
    assert_int_equal(ntohs(p->component->v4.sin_port), 5347);
    assert_true(slice_is(p->component_secret, "sesame") && slice_is(p->proxy, "gw.tailspin.example:5270"));
    assert_null(link_copy_partner(c, SLICE("contoso.example"))); /* ours */
    assert_null(link_copy_partner(c, SLICE("example")));
    assert_true(link_copy_serves(c, SLICE("contoso.example"), &features) && slice_is(features, "<c/>"));
    assert_true(link_copy_serves(c, SLICE("second.example"), &features) && !features.n);
    assert_false(link_copy_serves(c, SLICE("fabrikam.example"), NULL));
    link_copy_each_partner(c, count_partner, &n);
    link_copy_each_served(c, count_served, &n);
    assert_int_equal(n, 205);
    assert_int_equal(link_copy_limits(c)->stanza_rate, 7);
    assert_int_equal(link_copy_limits(c)->n_partner_networks, 3);
    assert_true(slice_is(link_copy_secret(c), "0123456789"));
    link_copy_free(c);
}

static void what_is_not_whole_or_contradicts_itself_is_refused_with_a_sentence(void **state)
{
    static const struct {
        size_t n;
        struct link_frame frames[4];
        const char *why;
    } cases[] = {
        { 0, { { 0 } }, "no limits" },
        { 1, { { .type = LINK_LIMITS } }, "no dialback secret" },
        { 1, { SECRET("x") }, "no limits" },
        { 2, { { .type = LINK_LIMITS }, { .type = LINK_LIMITS } }, "the limits are there twice" },
        { 2, { SECRET("x"), SECRET("y") }, "the dialback secret is there twice" },
        { 2, { SERVED("a.example", ""), SERVED("a.example", "") }, "\"a.example\" is there twice" },
        { 2, { SERVED("a.example", ""), PARTNER("a.example", .dialback = true) }, "\"a.example\" is there twice" },
        { 2, { PARTNER("a.example", .dialback = true), DOMAIN("a.example") }, "\"a.example\" is there twice" },
        { 1, { DOMAIN("a.example") }, "before all partners" },
        { 1, { PIN("sha256/a") }, "before all partners" },
        { 1, { NETWORK("10.0.0.0/99") }, "no network" },
        { 1, { PARTNER("a.example", .component = SLICE("somewhere")) }, "no address that can be read" },
        { 1, { { .type = LINK_SEND } }, "no setting" },
        { 1,
          { { .type = LINK_IDENTITY,
              .identity = { .name = SLICE("a.example"), .chain = SLICE("x"), .key = SLICE("y") } } },
          "the certificate of \"a.example\" cannot be read" },
    };
    struct err err;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_null(copy_of(cases[i].frames, cases[i].n, &err));
        if (!strstr(err.text, cases[i].why))
            fail_msg("case %zu: %s", i, err.text);
    }
}

static void a_frame_too_few_or_too_many_is_seen(void **state)
{
    const struct link_frame secret = SECRET("x");
    struct link_copy *c = link_copy_new();
    struct err err;

    assert_true(link_copy_take(c, &limits, &err) && link_copy_take(c, &secret, &err));
    assert_false(link_copy_end(c, 3, &err));
    assert_string_equal(err.text, "3 frames of settings were sent, and 2 have come");
    assert_false(link_copy_end(c, 1, &err));
    assert_true(link_copy_end(c, 2, &err));
    link_copy_free(c);
}

static void as_many_as_may_be_and_no_more(void **state)
{
    struct link_copy *c = link_copy_new();
    char name[32], last[32];
    struct err err;
    size_t n = 0;

    for (;; n++) {
        struct link_frame f = { .type = LINK_SERVED };

        f.served.domain = slice_of(name, (size_t)snprintf(name, sizeof(name), "d%zu.example", n));
        if (!link_copy_take(c, &f, &err))
            break;
        memcpy(last, name, sizeof(last));
    }
    assert_int_equal(n, LINK_COPY_FRAMES_MAX);
    assert_true(link_copy_serves(c, slice_str(last), NULL));
    assert_non_null(strstr(err.text, "than a proxy takes"));
    link_copy_free(c);
}

static void see_identity(void *arg, const struct link_identity *id)
{
    *(const struct link_identity **)arg = id;
}

static void read_file(const char *path, char *out, size_t size, struct slice *s)
{
    FILE *f = fopen(path, "r");

    assert_non_null(f);
    *s = slice_of(out, fread(out, 1, size, f));
    fclose(f);
}

static void a_certificate_and_its_key_come_from_memory_and_must_belong_together(void **state)
{
    struct cert ours = cert_make(&(struct cert_spec){ .cn = "contoso.example" }, NULL);
    struct cert other = cert_make(&(struct cert_spec){ .cn = "other.example" }, NULL);
    const struct link_identity *id = NULL;
    char chain[8192], key[8192];
    struct link_frame f = { .type = LINK_IDENTITY, .identity = { .name = SLICE("contoso.example"), .revision = 3 } };
    struct link_copy *c = link_copy_new();
    struct err err;

    certs_begin();
    read_file(certs_write_chain("chain", &ours, NULL), chain, sizeof(chain), &f.identity.chain);
    read_file(certs_write_key("other", &other, NULL), key, sizeof(key), &f.identity.key);
    assert_false(link_copy_take(c, &f, &err));
    assert_non_null(strstr(err.text, "its key is another one's"));
    read_file(certs_write_key("key", &ours, NULL), key, sizeof(key), &f.identity.key);
    assert_true(link_copy_take(c, &f, &err));
    link_copy_each_identity(c, see_identity, &id);
    assert_true(id && slice_is(id->name, "contoso.example") && id->revision == 3 && sk_X509_num(id->chain) == 1);
    assert_int_equal(X509_check_private_key(sk_X509_value(id->chain, 0), id->key), 1);
    link_copy_free(c);
    cert_free(&ours);
    cert_free(&other);
    certs_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_was_sent_is_found_and_nothing_else),
        cmocka_unit_test(what_is_not_whole_or_contradicts_itself_is_refused_with_a_sentence),
        cmocka_unit_test(a_frame_too_few_or_too_many_is_seen),
        cmocka_unit_test(as_many_as_may_be_and_no_more),
        cmocka_unit_test(a_certificate_and_its_key_come_from_memory_and_must_belong_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
