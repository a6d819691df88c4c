/* At stake: that DNS publishes the key which handshakes show, wherever the certificate is kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/chains.h"
#include "make.h"
#include "pki/bundle.h"
#include "test_certs.h"

static struct config *config_of(const struct cert *cert)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    struct record *records[6];
    struct buf text;
    char *stored, *file;

    buf_init(&text, 1u << 16);
    assert_true(chain && sk_X509_push(chain, cert->x) && pki_chain_write(&text, chain));
    assert_true(asprintf(&stored, "chain=%.*s", SLICE_FMT(buf_slice(&text))) > 0);
    assert_true(asprintf(&file, "route=r;certificate=%s", certs_write_chain("c.pem", cert, NULL)) > 0);
    records[0] = make_record(&certificate_kind, "edge", stored);
    records[1] = make_record(&certificate_kind, "asked", "");
    records[2] = make_record(&sip_domain_kind, "file.example", file);
    records[3] = make_record(&sip_domain_kind, "stored.example", "route=r;certificate=edge");
    records[4] = make_record(&sip_domain_kind, "asked.example", "route=r;certificate=asked");
    records[5] = make_record(&sip_domain_kind, "gone.example", "route=r;certificate=gone");
    free(stored);
    free(file);
    sk_X509_free(chain);
    buf_free(&text);
    return make_next(config_new(), records, 6);
}

static const struct chain *of(struct chains *c, const char *domain)
{
    const struct record *r = config_find(c->config, &sip_domain_kind, slice_str(domain));
    const struct chain *chain;

    assert_non_null(r);
    chain = chains_of_domain(c, r->object);
    assert_non_null(chain);
    return chain;
}

static void a_stored_certificate_has_the_key_that_its_file_has(void **state)
{
    const struct cert_spec spec = { .cn = "x", .sans = "DNS:stored.example" };
    struct cert cert = cert_make(&spec, NULL);
    struct config *config = config_of(&cert);
    unsigned char file[TLS_KEY_HASH], stored[TLS_KEY_HASH];
    struct chains chains;
    struct arena arena;

    arena_init(&arena, 1u << 20);
    chains_init(&chains, config, &arena);
    assert_true(tls_chain_key_hash(of(&chains, "file.example")->chain, file));
    assert_true(tls_chain_key_hash(of(&chains, "stored.example")->chain, stored));
    assert_memory_equal(file, stored, sizeof(file));
    assert_ptr_equal(of(&chains, "stored.example"), of(&chains, "stored.example")); /* read once */
    assert_null(of(&chains, "asked.example")->chain);
    assert_non_null(strstr(of(&chains, "asked.example")->why, "stoxctl cert import"));
    assert_null(of(&chains, "gone.example")->chain);
    assert_non_null(strstr(of(&chains, "gone.example")->why, "stoxctl cert list"));
    chains_fini(&chains);
    arena_reset(&arena);
    config_drop(config);
    cert_free(&cert);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stored_certificate_has_the_key_that_its_file_has),
    };
    int failed;

    certs_begin();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    certs_end();
    return failed;
}
