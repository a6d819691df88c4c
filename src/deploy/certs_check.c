#include "deploy/certs_check.h"

#include "net/tls.h"
#include "xmpp/jid.h"

#define DAY_S 86400

/* Could connections show it? -1 with a sentence: its key is missing, or of another certificate. */
static int try_it(struct tls *tls, const struct chain *chain, struct err *err)
{
    struct tls_identities *set = tls_identities_new();
    int rc = set ? tls_identities_add(set, tls, SLICE(""), chain->file, chain->key, NULL, err)
                 : err_memory(err, "trying a certificate");

    tls_identities_drop(set);
    return rc;
}

/* False: it is not good at this moment. */
static bool check_dates(const struct chain *chain, const char *whose, int64_t now_s, struct findings *out)
{
    int64_t ends = tls_chain_ends_s(chain->chain);
    struct finding *it;
    char day[16];

    tls_chain_until(chain->chain, day);
    if (ends <= now_s) {
        it = findings_add(out, FINDING_FAILED, "certificate-expired", whose, "the certificate of %s expired %s (%s)",
                          whose, day, chain->file);
        findings_remedy(out, it, "Renew it now: partners refuse it.");
        return false;
    }
    if (tls_chain_begins_s(chain->chain) > now_s) {
        it = findings_add(out, FINDING_FAILED, "certificate-not-yet", whose,
                          "the certificate of %s is not valid yet (%s)", whose, chain->file);
        findings_remedy(out, it, "Check the clock of this machine, or wait.");
        return false;
    }
    if (ends - now_s < CERTS_SOON_S) {
        it = findings_add(out, FINDING_WARNING, "certificate-expires", whose,
                          "the certificate of %s expires %s, in %lld days (%s)", whose, day,
                          (long long)((ends - now_s) / DAY_S), chain->file);
        findings_remedy(out, it, "Renew it. A file that is replaced is read within a minute.");
    }
    return true;
}

static void check_chain(const struct certs_wish *wish, const struct chain *chain, const char *whose, const char *host,
                        struct findings *out)
{
    struct err err = { "" };
    struct finding *it;
    char day[16];

    if (!chain->chain) {
        findings_add(out, FINDING_FAILED, "certificate-unreadable", whose, "the certificate of %s: %s", whose,
                     chain->why);
        return;
    }
    if (!check_dates(chain, whose, wish->now_s, out))
        return;
    if (!tls_chain_names(chain->chain, host)) {
        it = findings_add(out, FINDING_FAILED, "certificate-wrong-name", whose,
                          "the certificate of %s does not name %s (%s)", whose, host, chain->file);
        findings_remedy(out, it, "Ask for one with %s as dNSName among its subjectAltNames.", host);
        return;
    }
    if (try_it(wish->tls, chain, &err) < 0) {
        findings_add(out, FINDING_FAILED, "certificate-unusable", whose, "the certificate of %s cannot be shown: %s",
                     whose, err.text);
        return;
    }
    tls_chain_until(chain->chain, day);
    findings_add(out, FINDING_OK, "certificate", whose, "the certificate of %s names it and is good until %s", whose,
                 day);
}

static void check_domain(const struct certs_wish *wish, struct chains *chains, const struct sip_domain *d,
                         struct findings *out)
{
    const char *name = arena_strdup(&out->arena, d->name), *ascii;
    const struct chain *chain = chains_of_domain(chains, d);
    struct finding *it;
    struct slice a;

    ascii = name && jid_domain_to_ascii(&out->arena, d->name, &a) ? arena_strdup(&out->arena, a) : NULL;
    if (!name || !ascii) {
        out->left_out++;
        return;
    }
    if (chain) {
        check_chain(wish, chain, name, ascii, out);
        return;
    }
    it = findings_add(out, FINDING_FAILED, "certificate-missing", name,
                      "%s has no certificate: partners can use neither TLS nor SASL with it", name);
    findings_line(out, it, "stoxctl domain set %s --certificate FILE --key FILE", name);
}

void certs_check(const struct certs_wish *wish, struct findings *out)
{
    const struct config_list *domains = config_list(wish->config, &sip_domain_kind);
    const struct chain *sip;
    struct chains chains;

    chains_init(&chains, &out->arena);
    for (size_t i = 0; i < domains->n; i++)
        check_domain(wish, &chains, CONFIG_OBJECT(sip_domain, domains, i), out);
    sip = chains_of_sip(&chains, config_gateway(wish->config));
    if (sip && wish->sip_name)
        check_chain(wish, sip, "the SIP side", wish->sip_name, out);
    else if (wish->sip_name)
        findings_line(out,
                      findings_add(out, FINDING_FAILED, "certificate-missing", "the SIP side",
                                   "SIP over TLS listens, but there is no sip-certificate: nobody can connect to it"),
                      "stoxctl gateway set --sip-certificate FILE --sip-key FILE");
    chains_fini(&chains);
}
