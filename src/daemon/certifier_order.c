/* One order: the request, the authority, the import. Request and import are those of the API, with its checks and its audit. */
#include <stdio.h>

#include "base/text.h"
#include "daemon/certifier_parts.h"
#include "pki/bundle.h"
#include "pki/key.h"
#include "store/certificate.h"

#define URI_MAX 1024

static int ask(const struct certifier_order *o, const char *what, json_t *body, struct err *err)
{
    char uri[URI_MAX];
    struct text_set keep = text_set("-_.");
    struct buf name;

    buf_init(&name, URI_MAX / 2);
    text_put_percent(&name, slice_str(o->name), &keep);
    snprintf(uri, sizeof(uri), "/v1/certificates/%.*s/%s", SLICE_FMT(buf_slice(&name)), what);
    buf_free(&name);
    return admin_ask(o->admin, "acme", uri, body, err);
}

/* ---- the account's key: made once, and kept with the certificate ---- */

static void seal_name(const struct certifier_order *o, char out[SETTING_NAME_MAX + 8])
{
    snprintf(out, SETTING_NAME_MAX + 8, "acme/%s", o->name);
}

/* sealed empty: there is none any more. */
static int keep_account(const struct certifier_order *o, struct slice sealed, struct err *err)
{
    const struct edit edit = { .setting = setting_find(&certificate_kind, SLICE("acme-account")),
                               .op = sealed.n ? EDIT_SET : EDIT_RESET,
                               .texts = &sealed,
                               .n = sealed.n ? 1 : 0 };
    const struct request request = {
        .op = REQUEST_SET, .kind = &certificate_kind, .name = slice_str(o->name), .edits = &edit, .n = 1
    };
    const struct keeper_change change = { .requests = &request, .n = 1, .who = SLICE("acme"), .from = SLICE("stoxd") };
    struct keeper_outcome out;
    enum keeper_result result = keeper_change(o->conf->keeper, &change, &out, err);

    keeper_outcome_fini(&out);
    return result == KEEPER_OK ? 0 : -1;
}

static EVP_PKEY *make_account(const struct certifier_order *o, struct err *err)
{
    EVP_PKEY *key = pki_key_make(PKI_P256, err);
    char name[SETTING_NAME_MAX + 8];
    struct buf sealed;

    if (!key)
        return NULL;
    seal_name(o, name);
    buf_init(&sealed, PKI_SEALED_MAX);
    if (pki_vault_seal(o->conf->vault, key, slice_str(name), &sealed, err) ||
        keep_account(o, buf_slice(&sealed), err)) {
        pki_key_free(key);
        key = NULL;
    }
    pki_wipe(&sealed);
    return key;
}

static EVP_PKEY *account_of(const struct certifier_order *o, const struct certificate *cert, struct err *err)
{
    char name[SETTING_NAME_MAX + 8];

    seal_name(o, name);
    return cert->acme_account.n ? pki_vault_open(o->conf->vault, cert->acme_account, slice_str(name), err)
                                : make_account(o, err);
}

/* ---- the authority ---- */

static int add_names(const struct certificate *cert, struct pki_names *out, struct err *err)
{
    const struct slice *names = cert->names.v;

    for (size_t i = 0; i < cert->names.n; i++)
        if (pki_names_add(out, names[i], err))
            return -1;
    return 0;
}

static int obtain(const struct certifier_order *o, const struct gateway *g, struct acme_wish *wish,
                  struct acme_refusal *no, struct buf *chain, struct err *err)
{
    char directory[ACME_URL_MAX + 1], contact[255];
    struct certifier_proofs proofs;
    int rc;

    if (!g->acme_directory.n)
        return err_set(err, "there is no ACME authority: set acme-directory (stoxctl gateway set)");
    snprintf(directory, sizeof(directory), "%.*s", SLICE_FMT(g->acme_directory));
    snprintf(contact, sizeof(contact), "%.*s", SLICE_FMT(g->acme_contact));
    wish->directory = directory;
    wish->contact = contact[0] ? contact : NULL;
    wish->terms_agreed = g->acme_terms;
    wish->trust_file = g->acme_trust_file;
    wish->binding_id = g->acme_binding_id;
    wish->binding_key = g->acme_binding_key;
    wish->stop = o->stop;
    rc = certifier_proofs_open(&proofs, o->conf->boot, wish, err);
    if (rc == 0)
        rc = acme_obtain(wish, chain, no, err);
    certifier_proofs_close(&proofs);
    return rc;
}

/* The next try opens another account. What failed is what is told of, also when this fails. */
static void forget_account(const struct certifier_order *o)
{
    struct err ignored = { "" };

    (void)keep_account(o, slice_of(NULL, 0), &ignored);
}

static int obtain_for(const struct certifier_order *o, const struct config *config, const struct record *r,
                      struct acme_refusal *no, struct buf *chain, struct err *err)
{
    const struct certificate *cert = r->object;
    struct pki_names names;
    struct acme_wish wish = { .names = &names };
    int rc = -1;

    pki_names_init(&names);
    wish.key = pki_vault_open(o->conf->vault, cert->request_key, r->name, err);
    if (wish.key && add_names(cert, &names, err) == 0 && (wish.account = account_of(o, cert, err)))
        rc = obtain(o, config_gateway(config), &wish, no, chain, err);
    pki_key_free(wish.key);
    pki_key_free(wish.account);
    pki_names_fini(&names);
    if (no->account_lost)
        forget_account(o);
    return rc;
}

/* ---- all of it ---- */

static int import(const struct certifier_order *o, const struct buf *chain, struct err *err)
{
    struct buf text;
    json_t *body;

    buf_init(&text, 2 * PKI_BUNDLE_MAX);
    text_put_base64(&text, chain->p, chain->n);
    body = buf_ok(&text) ? json_pack("{s:s%}", "data", text.p, text.n) : NULL;
    buf_free(&text);
    return ask(o, "import", body, err) ? err_wrap(err, "what the ACME authority sent") : 0;
}

static bool waits(const struct record *r)
{
    return r && ((const struct certificate *)r->object)->request_key.n > 0;
}

int certifier_order(const struct certifier_order *o, struct acme_refusal *no, struct err *err)
{
    struct config *config = keeper_config(o->conf->keeper);
    const struct record *r = certificate_find(config, slice_str(o->name));
    struct buf chain;
    int rc = 0;

    *no = (struct acme_refusal){ 0 };
    buf_init(&chain, PKI_BUNDLE_MAX);
    if (r && !waits(r) && (rc = ask(o, "request", json_object(), err)) == 0) {
        config_drop(config);
        config = keeper_config(o->conf->keeper);
        r = certificate_find(config, slice_str(o->name));
    }
    if (rc == 0)
        rc = waits(r) ? obtain_for(o, config, r, no, &chain, err)
                      : err_set(err, "the certificate is not there any more");
    if (rc == 0)
        rc = import(o, &chain, err);
    buf_free(&chain);
    config_drop(config);
    return rc;
}
