/* Names of certificates, kept chains and sealed keys, a line each: what is taken is in its one normal form, and nothing opens that was not sealed. */
#include <stdlib.h>
#include <string.h>

#include "pki/bundle.h"
#include "pki/key.h"
#include "pki/vault.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void as_names(struct slice text)
{
    struct pki_names names, again;
    struct err err;
    struct slice line;
    bool more = true;

    pki_names_init(&names);
    pki_names_init(&again);
    while (more) {
        more = slice_cut(text, '\n', &line, &text);
        pki_names_add(&names, line, &err);
    }
    for (size_t i = 0; i < names.n; i++) {
        check(names.v[i].n > 0 && names.v[i].n <= PKI_NAME_MAX);
        check(pki_names_add(&again, names.v[i], &err) == 0 && slice_eq(again.v[i], names.v[i]));
    }
    pki_names_fini(&names);
    pki_names_fini(&again);
}

static void as_chain(struct slice text)
{
    STACK_OF(X509) *chain = pki_chain_read(text), *again;
    struct buf out;

    if (!chain)
        return;
    buf_init(&out, 4 << 20);
    check(pki_chain_write(&out, chain));
    again = pki_chain_read(buf_slice(&out));
    check(again && sk_X509_num(again) == sk_X509_num(chain));
    buf_free(&out);
    sk_X509_pop_free(chain, X509_free);
    sk_X509_pop_free(again, X509_free);
}

static void as_sealed(struct slice text)
{
    static const uint8_t kek[PKI_VAULT_KEY] = { 7 };
    struct pki_vault *v = pki_vault_new(kek, NULL);
    struct err err = { "" };

    check(v != NULL);
    check(pki_vault_open(v, text, SLICE("edge"), &err) == NULL && err.text[0]);
    pki_vault_free(v);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
    char *copy = malloc(n ? n : 1);

    check(copy != NULL);
    if (n)
        memcpy(copy, data, n);
    as_names(slice_of(copy, n));
    as_chain(slice_of(copy, n));
    as_sealed(slice_of(copy, n));
    free(copy);
    return 0;
}
