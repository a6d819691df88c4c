/*
 * An order at an ACME server, with memory running out: it comes to its end with the whole chain, or it fails with a sentence, and
 * what proves the name is not shown any more. The server's answers stand for the network (acme_http_ask).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>

#include "acme/acme.h"
#include "acme/alpn.h"
#include "acme/http.h"
#include "acme/responder.h"
#include "oom.h"
#include "pki/key.h"

#define HERE "https://ca.example"
#define CHAIN "-----BEGIN CERTIFICATE-----"

struct server {
    bool proved, finalized, showing;
};

static struct server server; /* the wrapped function has no owner */

static const char *authorization(void)
{
    return server.proved ? "{\"status\":\"valid\",\"identifier\":{\"type\":\"dns\",\"value\":\"contoso.example\"}}"
                         : "{\"status\":\"pending\",\"identifier\":{\"type\":\"dns\",\"value\":\"contoso.example\"},"
                           "\"challenges\":[{\"type\":\"tls-alpn-01\",\"status\":\"pending\",\"url\":\"" HERE
                           "/proof\",\"token\":\"abc\"}]}";
}

static const char *order(void)
{
    return server.finalized ? "{\"status\":\"valid\",\"finalize\":\"" HERE "/finalize\",\"certificate\":\"" HERE
                              "/cert\",\"authorizations\":[\"" HERE "/name\"]}"
                            : "{\"status\":\"ready\",\"finalize\":\"" HERE "/finalize\",\"authorizations\":[\"" HERE
                              "/name\"]}";
}

static const char *say(const char *path)
{
    if (strcmp(path, "/dir") == 0)
        return "{\"newNonce\":\"" HERE "/nonce\",\"newAccount\":\"" HERE "/account\",\"newOrder\":\"" HERE
               "/order\",\"meta\":{\"externalAccountRequired\":true}}";
    if (strcmp(path, "/name") == 0)
        return authorization();
    if (strcmp(path, "/order") == 0 || strcmp(path, "/order/1") == 0)
        return order();
    server.proved = server.proved || strcmp(path, "/proof") == 0;
    server.finalized = server.finalized || strcmp(path, "/finalize") == 0;
    return strcmp(path, "/cert") == 0 ? CHAIN : "{}";
}

int __wrap_acme_http_ask(struct acme_http *h, enum acme_method method, const char *url, struct slice body,
                         struct acme_answer *out, struct err *err);

int __wrap_acme_http_ask(struct acme_http *h, enum acme_method method, const char *url, struct slice body,
                         struct acme_answer *out, struct err *err)
{
    *out = (struct acme_answer){ .status = 200 };
    buf_init(&out->body, ACME_ANSWER_MAX);
    buf_str(&out->body, say(url + strlen(HERE)));
    strcpy(out->nonce, "n");
    strcpy(out->location, HERE "/order/1");
    return buf_ok(&out->body) ? 0 : err_memory(err, "reading the answer");
}

static int show(void *owner, const struct acme_proof *proof, struct err *err)
{
    assert_string_equal(proof->name, "contoso.example");
    server.showing = true;
    return 0;
}

static void hide(void *owner)
{
    server.showing = false;
}

struct keys {
    EVP_PKEY *account, *key;
};

static void ordering(const void *arg)
{
    const struct keys *keys = arg;
    const atomic_bool stop = false;
    struct pki_names names;
    struct err err = { "" };
    struct acme_wish wish = { .directory = HERE "/dir",
                              .contact = "admin@contoso.example",
                              .binding_id = SLICE("us"),
                              .binding_key = SLICE("c2VjcmV0"),
                              .account = keys->account,
                              .key = keys->key,
                              .names = &names,
                              .shows = { [ACME_TLS_ALPN_01] = true },
                              .show = show,
                              .hide = hide,
                              .stop = &stop };
    struct acme_refusal no;
    struct buf chain;
    int rc;

    server = (struct server){ 0 };
    pki_names_init(&names);
    assert_int_equal(pki_names_add(&names, SLICE("contoso.example"), &err), 0);
    buf_init(&chain, 1u << 20);
    OOM(rc = acme_obtain(&wish, &chain, &no, &err));
    if (rc == 0)
        assert_true(slice_is(buf_slice(&chain), CHAIN));
    else
        assert_true(oom_failed() && err.text[0]);
    assert_false(server.showing);
    buf_free(&chain);
    pki_names_fini(&names);
}

static void proving(const void *arg)
{
    struct addr here;
    struct err err = { "" };
    struct acme_responder *http;
    struct acme_alpn *tls;
    int rc;

    assert_true(addr_parse_ip(SLICE("127.0.0.1"), 0, &here));
    OOM(http = acme_responder_open(&here, 1, &err));
    assert_true(http || (oom_failed() && err.text[0]));
    OOM(tls = acme_alpn_open(&here, 1, &err));
    assert_true(tls || (oom_failed() && err.text[0]));
    if (tls) {
        OOM(rc = acme_alpn_show(tls, "contoso.example", SLICE("abc.def"), &err));
        assert_true(rc == 0 || oom_failed());
        acme_alpn_hide(tls);
    }
    acme_responder_close(http);
    acme_alpn_close(tls);
}

static void an_order_ends_whole_or_with_a_sentence(void **state)
{
    struct err err = { "" };
    struct keys keys = { pki_key_make(PKI_P256, &err), pki_key_make(PKI_P256, &err) };

    json_set_alloc_funcs(malloc, free); /* of this file: they can fail */
    assert_true(keys.account && keys.key);
    oom_each("acme_obtain", ordering, &keys);
    pki_key_free(keys.account);
    pki_key_free(keys.key);
}

static void what_proves_is_there_or_a_sentence(void **state)
{
    oom_each("acme_alpn_open", proving, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_order_ends_whole_or_with_a_sentence),
        cmocka_unit_test(what_proves_is_there_or_a_sentence),
    };

    return cmocka_run_group_tests_name("acme, memory running out", tests, NULL, NULL);
}
