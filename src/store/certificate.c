#include "store/certificate.h"

#include "pki/key.h"

const struct record *certificate_find(const struct config *c, struct slice name)
{
    return config_find(c, &certificate_kind, name);
}

static int fault(struct err *err, struct slice name, const char *what)
{
    return err_set(err, "certificate \"%.*s\": %s", SLICE_FMT(name), what);
}

int certificate_open(const struct config *c, struct slice name, const struct pki_vault *vault,
                     struct certificate_open *out, struct err *err)
{
    const struct record *r = certificate_find(c, name);
    const struct certificate *cert = r ? r->object : NULL;

    *out = (struct certificate_open){ NULL, NULL };
    if (!cert)
        return fault(err, name, "there is none of this name; stoxctl cert list shows them");
    if (!cert->chain.n)
        return fault(err, name, "it is only requested; import what the authority sends: stoxctl cert import");
    if (!vault)
        return fault(err, name, "this process has no vault to open its key with");
    out->chain = pki_chain_read(cert->chain);
    if (!out->chain)
        return fault(err, name, "what the store has of it is damaged, or memory is missing; import it again");
    out->key = pki_vault_open(vault, cert->key, name, err);
    if (out->key)
        return 0;
    certificate_close(out);
    return err_wrap(err, "certificate \"%.*s\"", SLICE_FMT(name));
}

void certificate_close(struct certificate_open *open)
{
    sk_X509_pop_free(open->chain, X509_free);
    pki_key_free(open->key);
    *open = (struct certificate_open){ NULL, NULL };
}

static void each(certificate_use_fn *fn, void *arg, const char *kind, struct slice name, const char *certificate,
                 const char *key)
{
    struct certificate_use use = { .kind = kind,
                                   .name = name,
                                   .certificate = slice_str(certificate),
                                   .key = key,
                                   .stored = certificate_is_stored(certificate) };

    if (certificate)
        fn(arg, &use);
}

void certificate_each_use(const struct config *c, certificate_use_fn *fn, void *arg)
{
    const struct config_list *domains = config_list(c, &sip_domain_kind);
    const struct gateway *g = config_gateway(c);
    struct certificate_use admin = { .kind = "admin", .certificate = g->admin_certificate, .stored = true };

    for (size_t i = 0; i < domains->n; i++) {
        const struct sip_domain *d = CONFIG_OBJECT(sip_domain, domains, i);

        each(fn, arg, "sip-domain", d->name, d->certificate, d->key);
    }
    each(fn, arg, "sip", SLICE(""), g->sip_certificate, g->sip_key);
    if (g->admin_certificate.n)
        fn(arg, &admin);
}

struct check {
    const struct config *config;
    struct err *err;
    int rc;
};

static void check_use(void *arg, const struct certificate_use *use)
{
    struct check *check = arg;
    const struct record *r;
    const char *what;

    if (check->rc || !use->stored)
        return;
    r = certificate_find(check->config, use->certificate);
    if (!r)
        what = "there is no such stored certificate (a file is given with its whole path)";
    else if (!((const struct certificate *)r->object)->chain.n)
        what = "it is only requested, and cannot be shown to anybody yet";
    else if (use->key)
        what = "a stored certificate has its key with it: reset the setting for the key's file";
    else
        return;
    check->rc = use->name.n ? err_set(check->err, "%s \"%.*s\": certificate \"%.*s\": %s", use->kind,
                                      SLICE_FMT(use->name), SLICE_FMT(use->certificate), what)
                            : err_set(check->err, "gateway: %s-certificate \"%.*s\": %s", use->kind,
                                      SLICE_FMT(use->certificate), what);
}

int certificate_check_uses(const struct config *c, struct err *err)
{
    struct check check = { c, err, 0 };

    certificate_each_use(c, check_use, &check);
    return check.rc;
}
