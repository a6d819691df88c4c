/* Files of certificates, with and without a passphrase: whatever comes out is in order, and is checked and written without harm. */
#include <stdlib.h>
#include <string.h>

#include "pki/bundle.h"
#include "pki/export.h"
#include "pki/key.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void look_at(const struct pki_bundle *b)
{
    static const struct slice names[] = { SLICE("contoso.example"), SLICE("_xmpp-server.contoso.example") };
    struct pki_case c = { .chain = b->chain, .key = b->key, .names = names, .n_names = 2, .now_s = 1764330000 };
    struct pki_export e = { .chain = b->chain, .form = PKI_PEM };
    struct pki_defects found;
    struct err err;
    struct buf out;

    check(sk_X509_num(b->chain) > 0 && sk_X509_num(b->chain) <= PKI_CHAIN_MAX);
    pki_check(&c, &found);
    for (size_t i = 0; i < found.n; i++)
        for (const char *p = found.v[i].text; *p; p++)
            check(*p >= ' ' && *p <= '~');
    buf_init(&out, 4 * PKI_BUNDLE_MAX);
    check(pki_export(&e, &out, &err) == 0);
    pki_wipe(&out);
}

static void read_with(struct slice bytes, struct slice passphrase)
{
    struct pki_source from = { .bytes = bytes, .passphrase = passphrase };
    struct pki_defect defect;
    struct pki_bundle b;

    if (pki_bundle_read(&b, &from, &defect))
        look_at(&b);
    else
        check(defect.kind != PKI_FINE && defect.text[0]);
    pki_bundle_fini(&b);
}

/* A request of the store is read back as hostile as everything else. */
static void as_request(struct slice bytes)
{
    struct buf text;

    buf_init(&text, 1 << 20);
    pki_request_describe(&text, bytes);
    buf_free(&text);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
    char *copy = malloc(n ? n : 1);
    struct slice bytes = slice_of(copy, n);

    check(copy != NULL);
    if (n)
        memcpy(copy, data, n);
    read_with(bytes, slice_of(NULL, 0));
    read_with(bytes, SLICE("correct horse"));
    as_request(bytes);
    free(copy);
    return 0;
}
