#include "daemon/links.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "daemon/link_key.h"
#include "pki/wipe.h"

/* ---- certificates for proxies ---- */

struct telling {
    link_identity_fn *fn;
    void *arg;
};

static struct slice memory_of(BIO *bio)
{
    char *p = NULL;
    long n = BIO_get_mem_data(bio, &p);

    return slice_of(p, n > 0 ? (size_t)n : 0);
}

static bool put_chain(BIO *out, const struct tls_shown *shown)
{
    bool ok = PEM_write_bio_X509(out, (X509 *)shown->leaf) == 1;

    for (int i = 0; i < sk_X509_num(shown->chain); i++)
        ok = ok && PEM_write_bio_X509(out, sk_X509_value(shown->chain, i)) == 1;
    return ok;
}

/* Tells one state of a certificate from another: its key cannot change without it. */
static uint64_t revision_of(struct slice chain)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    uint64_t revision = 0;

    if (EVP_Digest(chain.p, chain.n, hash, NULL, EVP_sha256(), NULL) == 1)
        memcpy(&revision, hash, sizeof(revision));
    return revision;
}

/* Names of ours that are no host's are for SIP and for links. */
static void tell_one(void *arg, const struct tls_shown *shown)
{
    const struct telling *t = arg;
    BIO *chain = BIO_new(BIO_s_mem()), *key = BIO_new(BIO_s_secmem());
    struct link_identity_frame f = { .name = slice_str(shown->name) };

    if (shown->name[0] != '_' && chain && key && put_chain(chain, shown) &&
        PEM_write_bio_PrivateKey(key, shown->key, NULL, NULL, 0, NULL, NULL) == 1) {
        f.chain = memory_of(chain);
        f.key = memory_of(key);
        f.revision = revision_of(f.chain);
        t->fn(t->arg, &f);
    }
    BIO_free(chain);
    BIO_free(key);
    ERR_clear_error();
}

static void each_identity(void *arg, link_identity_fn *fn, void *fn_arg)
{
    const struct links *l = arg;
    struct tls_identities *set = tls_identities_in_use(l->outer);
    struct telling t = { fn, fn_arg };

    pki_wipe_begin();
    tls_identities_each(set, tell_one, &t);
    pki_wipe_end();
    tls_identities_drop(set);
}

static bool put_revocations(void *arg, struct buf *out)
{
    return tls_put_crls(((const struct links *)arg)->outer, out);
}

/* ---- the whole ---- */

int links_init(struct links *l, const struct boot *boot, struct tls *outer, bool takes_over, struct log *log,
               struct err *err)
{
    if (boot->xmpp.n || boot->xmpps.n)
        return err_set(err, "%s is the proxy's: remove it from the bootstrap file, or give this stoxd the role all",
                       boot->xmpp.n ? "listen-xmpp" : "listen-xmpps");
    l->outer = outer;
    l->tls = tls_new(err);
    if (!l->tls || link_key_use(l->tls, boot, l->pin, err))
        return -1;
    l->maker = (struct link_maker){ .maker.make = link_make,
                                    .tls = l->tls,
                                    .name = boot->host_name,
                                    .each_identity = each_identity,
                                    .revocations = put_revocations,
                                    .arg = l,
                                    .beside = takes_over,
                                    .made = &l->gateway };
    log_info(log, "link-key", LOG_Z("pin", l->pin), LOG_Z("hint", "link-pins of each proxy must have it"));
    return 0;
}

void links_fini(struct links *l)
{
    tls_free(l->tls);
}

void links_apply(struct links *l, const struct config *config)
{
    const struct config_list *list = config_list(config, &proxy_kind);
    struct link_gateway_proxy proxies[LINK_PROXIES_MAX];
    size_t n = 0;

    if (!l->gateway)
        return;
    for (size_t i = 0; i < list->n && n < LINK_PROXIES_MAX; i++) {
        const struct proxy *p = CONFIG_OBJECT(proxy, list, i);

        if (p->enabled && p->pin.n)
            proxies[n++] = (struct link_gateway_proxy){
                .name = p->name, .addr = p->address, .pin = p->pin, .priority = p->priority
            };
    }
    link_gateway_set_proxies(l->gateway, proxies, n);
}
