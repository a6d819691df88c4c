#include "store/certificate_judge.h"

#include <stdio.h>

#include "pki/key.h"

struct judging {
    const struct config *config;
    const struct certificate_terms *terms;
    certificate_verdict_fn *fn;
    void *arg;
};

/* ---- opening ---- */

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

static bool open_use(const struct judging *j, const struct certificate_use *use, struct certificate_open *open,
                     struct pki_defect *defect)
{
    struct err err = { "" };

    if (!use->stored)
        return open_files(use, open, defect);
    if (certificate_open(j->config, use->certificate, j->terms->vault, open, &err) == 0)
        return true;
    return pki_defect_set(defect, err.memory ? PKI_NO_MEMORY : PKI_NO_KEY, "%s", err.text);
}

/* ---- judging ---- */

/* The names that it must have. */
static void want_names(const struct judging *j, const struct certificate_use *use, struct pki_names *names)
{
    struct err ignored;

    pki_names_init(names);
    if (use->name.n)
        pki_names_add(names, use->name, &ignored);
    else if (strcmp(use->kind, "sip") == 0 && j->terms->host_name.n)
        pki_names_add(names, j->terms->host_name, &ignored); /* which refuses addresses */
}

static void judge_open(const struct judging *j, const struct certificate_open *open, const struct pki_names *names,
                       struct certificate_verdict *v)
{
    struct pki_case c = { .chain = open->chain,
                          .key = open->key,
                          .names = names->v,
                          .n_names = names->n,
                          .trust = j->terms->trust,
                          .now_s = j->terms->now_s,
                          .warn_days = CERTIFICATE_WARN_DAYS };

    pki_check(&c, &v->defects);
    v->is_read = pki_facts_of(pki_chain_leaf(open->chain), &v->facts);
}

static void judge_use(void *arg, const struct certificate_use *use)
{
    const struct judging *j = arg;
    struct certificate_verdict v = { .is_read = false };
    struct certificate_open open = { NULL, NULL };
    struct pki_names names;

    want_names(j, use, &names);
    if (use->name.n && names.n)
        snprintf(v.name, sizeof(v.name), "%.*s", SLICE_FMT(names.v[0]));
    if (open_use(j, use, &open, &v.defects.v[0]))
        judge_open(j, &open, &names, &v);
    else
        v.defects.n = 1;
    if (!v.is_read && v.defects.n == 0) {
        pki_defect_set(&v.defects.v[0], PKI_NO_MEMORY, "it cannot be described: memory is missing");
        v.defects.n = 1;
    }
    j->fn(j->arg, use, &v);
    certificate_close(&open);
    pki_names_fini(&names);
}

/* Domains that have none: partners can use neither TLS nor SASL with them. */
static void judge_missing(const struct judging *j)
{
    const struct config_list *list = config_list(j->config, &sip_domain_kind);
    struct certificate_verdict v = { .is_read = false };

    v.defects.n = 1;
    pki_defect_set(&v.defects.v[0], PKI_NO_KEY,
                   "it has no certificate, so that partners can use neither TLS nor SASL with it: stoxctl cert "
                   "request, or stoxctl cert assign");
    for (size_t i = 0; i < list->n; i++) {
        const struct sip_domain *d = CONFIG_OBJECT(sip_domain, list, i);
        struct certificate_use use = { .kind = "sip-domain", .name = d->name };

        if (!d->certificate)
            j->fn(j->arg, &use, &v);
    }
}

void certificate_judge(const struct config *c, const struct certificate_terms *terms, certificate_verdict_fn *fn,
                       void *arg)
{
    struct judging j = { c, terms, fn, arg };
    struct certificate_use boot = { .kind = "admin",
                                    .certificate = slice_str(terms->boot_certificate),
                                    .key = terms->boot_key,
                                    .stored = certificate_is_stored(terms->boot_certificate) };

    certificate_each_use(c, judge_use, &j);
    judge_missing(&j);
    if (terms->boot_certificate && !config_gateway(c)->admin_certificate.n)
        judge_use(&j, &boot);
}
