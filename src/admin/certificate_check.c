/* What is assigned, held against what it is for and against what handshakes show at this moment. */
#include <stdio.h>

#include "admin/certificates.h"
#include "admin/routes.h"
#include "pki/facts.h"
#include "pki/key.h"

struct checking {
    struct call *c;
    struct config *config;
    X509_STORE *trust;
    json_t *shown; /* what handshakes show; NULL: the daemon does not say */
    json_t *items;
    enum pki_weight worst;
    bool is_short; /* of memory */
};

/* ---- one certificate, wherever it is ---- */

static bool read_file(const char *path, struct buf *out, struct pki_defect *defect)
{
    FILE *f = fopen(path, "re");
    char *at = buf_reserve(out, PKI_BUNDLE_MAX + 1);

    if (f && at)
        out->n += fread(at, 1, PKI_BUNDLE_MAX + 1, f);
    if (f)
        fclose(f);
    return f && at ? true : pki_defect_set(defect, PKI_NOT_A_CERTIFICATE, "cannot read the file %.300s: %m", path);
}

static bool open_files(const struct certificate_use *use, struct certificate_open *open, struct pki_defect *defect)
{
    struct pki_bundle bundle = { 0 };
    struct buf chain, key;
    bool ok;

    buf_init(&chain, PKI_BUNDLE_MAX + 2);
    buf_init(&key, PKI_BUNDLE_MAX + 2);
    ok = read_file(use->certificate.p, &chain, defect) && (!use->key || read_file(use->key, &key, defect));
    if (ok) {
        struct pki_source from = { .bytes = buf_slice(&chain), .key_bytes = buf_slice(&key) };

        ok = pki_bundle_read(&bundle, &from, defect);
        if (ok) {
            *open = (struct certificate_open){ bundle.chain, bundle.key };
            bundle = (struct pki_bundle){ 0 };
        }
    }
    pki_bundle_fini(&bundle);
    pki_wipe(&key);
    pki_wipe(&chain);
    return ok;
}

static bool open_use(struct checking *k, const struct certificate_use *use, struct certificate_open *open,
                     struct pki_defect *defect)
{
    struct err err = { "" };

    if (!use->stored)
        return open_files(use, open, defect);
    if (certificate_open(k->config, use->certificate, k->c->admin->conf.vault, open, &err) == 0)
        return true;
    return pki_defect_set(defect, err.memory ? PKI_NO_MEMORY : PKI_NO_KEY, "%s", err.text);
}

/* ---- what handshakes show ---- */

static const json_t *shown_for(struct checking *k, const struct certificate_use *use, const char *ascii)
{
    const char *name = strcmp(use->kind, "sip-domain") == 0 ? ascii : use->kind;
    size_t i;
    json_t *v;

    json_array_foreach(k->shown, i, v) if (strcmp(json_string_value(json_object_get(v, "name")), name) == 0) return v;
    return NULL;
}

/* NULL: it cannot be said, or it is the one; else a sentence. */
static const char *not_shown(struct checking *k, const struct certificate_use *use, const char *ascii,
                             const char *sha256)
{
    const json_t *v;

    if (!k->shown || strcmp(use->kind, "admin") == 0)
        return NULL;
    v = shown_for(k, use, ascii);
    if (!v)
        return "handshakes show no certificate: it could not be loaded, and the log says why (certificate-not-loaded)";
    if (strcmp(json_string_value(json_object_get(v, "sha256")), sha256) != 0)
        return "handshakes show another certificate, that of before: this one could not be loaded, and the log says "
               "why "
               "(certificate-not-loaded), or its file was replaced less than a minute ago";
    return NULL;
}

/* ---- items ---- */

static void put_item(struct checking *k, const struct certificate_use *use, const struct pki_defects *defects,
                     const struct pki_facts *facts, const char *not_served)
{
    enum pki_weight weight = not_served ? PKI_FATAL : pki_defects_weight(defects);
    json_t *list = certificate_defects(defects), *item;

    if (list && not_served &&
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:s}", "kind", "not-served", "weight", "fatal", "text", not_served)) != 0) {
        json_decref(list);
        list = NULL;
    }
    if (weight > k->worst)
        k->worst = weight;
    item = json_pack("{s:o, s:o, s:o, s:b, s:o}", "of",
                     use->name.n ? json_sprintf("domain %.*s", SLICE_FMT(use->name)) : json_string(use->kind),
                     "certificate", json_stringn(use->certificate.p ? use->certificate.p : "", use->certificate.n),
                     "not-after", facts ? json_string(facts->until) : json_null(), "good", weight == PKI_HINT,
                     "defects", list);
    if (item && facts)
        json_object_set_new(item, "days-left", json_integer((facts->until_s - admin_wall_s(k->c->admin)) / 86400));
    if (!item || json_array_append_new(k->items, item) != 0)
        k->is_short = true;
}

/* One that cannot even be looked at. */
static void put_fault(struct checking *k, const struct certificate_use *use, const struct pki_defect *defect)
{
    struct pki_defects one = { .v = { *defect }, .n = 1 };

    put_item(k, use, &one, NULL, NULL);
}

static void check_use(void *arg, const struct certificate_use *use)
{
    struct checking *k = arg;
    struct certificate_open open = { NULL, NULL };
    struct pki_defect defect = { PKI_FINE, "" };
    struct pki_defects defects = { .n = 0 };
    struct pki_names names;
    struct pki_facts facts = { .until = "" };
    struct err ignored;
    char ascii[PKI_NAME_MAX + 1] = "";

    pki_names_init(&names);
    if (use->name.n && pki_names_add(&names, use->name, &ignored) == 0)
        snprintf(ascii, sizeof(ascii), "%.*s", SLICE_FMT(names.v[0]));
    if (strcmp(use->kind, "sip") == 0)
        certificate_want_host(k->c, &names);
    if (!open_use(k, use, &open, &defect)) {
        put_fault(k, use, &defect);
    } else {
        struct pki_case c = { .chain = open.chain,
                              .key = open.key,
                              .names = names.v,
                              .n_names = names.n,
                              .trust = k->trust,
                              .now_s = admin_wall_s(k->c->admin),
                              .warn_days = CERTIFICATE_WARN_DAYS };

        pki_check(&c, &defects);
        if (pki_facts_of(pki_chain_leaf(open.chain), &facts))
            put_item(k, use, &defects, &facts, not_shown(k, use, ascii, facts.sha256));
        else
            k->is_short = true;
    }
    certificate_close(&open);
    pki_names_fini(&names);
}

/* Domains that have none: partners can use neither TLS nor SASL with them. */
static void check_missing(struct checking *k)
{
    const struct config_list *list = config_list(k->config, &sip_domain_kind);

    for (size_t i = 0; i < list->n; i++) {
        const struct sip_domain *d = CONFIG_OBJECT(sip_domain, list, i);
        struct certificate_use use = { .kind = "sip-domain", .name = d->name };
        struct pki_defect defect;

        if (d->certificate)
            continue;
        pki_defect_set(&defect, PKI_NO_KEY,
                       "it has no certificate, so that partners can use neither TLS nor SASL with it: stoxctl cert "
                       "request, or stoxctl cert assign");
        put_fault(k, &use, &defect);
    }
}

static void check_boot(struct checking *k)
{
    const struct admin_conf *conf = &k->c->admin->conf;
    struct certificate_use use = { .kind = "admin",
                                   .certificate = slice_str(conf->certificate),
                                   .key = conf->key,
                                   .stored = certificate_is_stored(conf->certificate) };

    if (conf->certificate && !config_gateway(k->config)->admin_certificate.n)
        check_use(k, &use);
}

void certificate_check_get(struct call *c)
{
    static const char *const verdicts[] = { [PKI_HINT] = "good", [PKI_SERIOUS] = "doubtful", [PKI_FATAL] = "broken" };
    const struct admin_ops *ops = admin_ops_of(c);
    struct err err = { "" };
    struct checking k = { .c = c,
                          .config = keeper_config(c->admin->conf.keeper),
                          .trust = pki_trust_load(c->admin->conf.trust_file, &err),
                          .shown = ops->identities ? ops->identities(c->admin->conf.owner) : NULL,
                          .items = json_array() };

    if (k.items) {
        certificate_each_use(k.config, check_use, &k);
        check_missing(&k);
        check_boot(&k);
    }
    reply_json(c, 200,
               k.items && !k.is_short ? json_pack("{s:s, s:O}", "verdict", verdicts[k.worst], "items", k.items) : NULL);
    json_decref(k.items);
    json_decref(k.shown);
    X509_STORE_free(k.trust);
    config_drop(k.config);
}
