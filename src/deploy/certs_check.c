#include "deploy/certs_check.h"

#include <stdio.h>
#include <string.h>

#include "store/certificate_judge.h"

#define WHOSE_MAX 300

struct rows {
    const struct certs_wish *wish;
    struct findings *out;
    size_t n_handshakes;
    bool sip_is_there;
};

/* In words, for sentences and as what a finding is about. */
static const char *whose_of(const struct certificate_use *use, char out[WHOSE_MAX])
{
    if (use->name.n)
        snprintf(out, WHOSE_MAX, "%.*s", SLICE_FMT(use->name));
    else
        snprintf(out, WHOSE_MAX, "%s", strcmp(use->kind, "sip") == 0 ? "the SIP side" : "the admin API");
    return out;
}

/* An import asks whether it was meant so; here it is in use, and what everybody refuses is a fault. */
static enum finding_mark mark_of(enum pki_defect_kind kind)
{
    if (kind == PKI_NAME_MISSING || kind == PKI_NOT_YET_VALID || pki_defect_weight(kind) == PKI_FATAL)
        return FINDING_FAILED;
    return FINDING_WARNING;
}

/* The check bears the name that the API has for the defect. */
static void add_defect(struct findings *out, const struct certificate_use *use, const struct pki_defect *d)
{
    char whose[WHOSE_MAX];

    findings_add(out, mark_of(d->kind), pki_defect_name(d->kind), whose_of(use, whose), "%s, certificate %.*s: %s",
                 whose, SLICE_FMT(use->certificate), d->text);
}

static void add_missing(struct findings *out, const struct certificate_use *use)
{
    char whose[WHOSE_MAX];
    struct finding *it = findings_add(out, FINDING_FAILED, "certificate-missing", whose_of(use, whose),
                                      "%s has no certificate: partners can use neither TLS nor SASL with it", whose);

    findings_remedy(out, it, "Ask for one with stoxctl cert request, or assign one that is there.");
    findings_line(out, it, "stoxctl cert assign NAME --domain %s", whose);
}

/* Held against what is shown; false: a row says what is wrong. */
static bool check_handshake(struct rows *rows, const struct certificate_use *use, const struct certificate_verdict *v)
{
    struct certs_handshake h = { .at = "" };
    char whose[WHOSE_MAX];
    enum certs_shown shown;

    if (!rows->wish->shown || rows->n_handshakes == CERTS_HANDSHAKES)
        return true;
    rows->n_handshakes++;
    shown = rows->wish->shown(rows->wish->arg, use, v->name, &h);
    if (shown == CERTS_NOT_SHOWN) {
        findings_add(rows->out, FINDING_FAILED, "no-handshake", whose_of(use, whose),
                     "%s, certificate %.*s: no handshake with our own listener at %s: %s", whose,
                     SLICE_FMT(use->certificate), h.at, h.why);
    } else if (shown == CERTS_SHOWN && strcmp(h.sha256, v->facts.sha256) != 0) {
        findings_remedy(
            rows->out,
            findings_add(rows->out, FINDING_FAILED, "another-certificate", whose_of(use, whose),
                         "%s, certificate %.*s: handshakes at %s show another certificate than this one", whose,
                         SLICE_FMT(use->certificate), h.at),
            "The log says why it could not be loaded (certificate-not-loaded). A file that was replaced is read "
            "within a minute, or at once by systemctl reload stoxd.");
    } else {
        return true;
    }
    return false;
}

static void take(void *arg, const struct certificate_use *use, const struct certificate_verdict *v)
{
    struct rows *rows = arg;
    char whose[WHOSE_MAX];

    rows->sip_is_there = rows->sip_is_there || strcmp(use->kind, "sip") == 0;
    if (!use->certificate.n) {
        add_missing(rows->out, use);
        return;
    }
    for (size_t i = 0; i < v->defects.n; i++)
        add_defect(rows->out, use, &v->defects.v[i]);
    if (v->is_read && check_handshake(rows, use, v) && v->defects.n == 0)
        findings_add(rows->out, FINDING_OK, "certificate", whose_of(use, whose),
                     "the certificate of %s is good for it until %s", whose, v->facts.until);
}

static void note_pending(const struct config *config, struct findings *out)
{
    const struct config_list *list = config_list(config, &certificate_kind);

    for (size_t i = 0; i < list->n; i++) {
        const struct certificate *cert = CONFIG_OBJECT(certificate, list, i);
        char name[WHOSE_MAX];

        if (cert->chain.n)
            continue;
        snprintf(name, sizeof(name), "%.*s", SLICE_FMT(list->v[i]->name));
        findings_line(out,
                      findings_add(out, FINDING_NOTE, "certificate-pending", name,
                                   "certificate %s is requested, and what the authority sends is not imported yet",
                                   name),
                      "stoxctl cert import %s FILE", name);
    }
}

void certs_check(const struct certs_wish *wish, struct findings *out)
{
    struct rows rows = { .wish = wish, .out = out };
    struct err err = { "" };
    struct certificate_terms terms = { .vault = wish->vault,
                                       .trust = pki_trust_load(wish->boot->trust_file, &err),
                                       .host_name = wish->boot->host_name,
                                       .boot_certificate = wish->boot->admin_certificate,
                                       .boot_key = wish->boot->admin_key,
                                       .now_s = wish->now_s };

    if (!terms.trust)
        findings_add(out, FINDING_WARNING, "trust-file", "", "whether authorities are known was not looked at: %s",
                     err.text);
    certificate_judge(wish->config, &terms, take, &rows);
    X509_STORE_free(terms.trust);
    if (!rows.sip_is_there && wish->boot->sip_tls.n)
        findings_line(out,
                      findings_add(out, FINDING_FAILED, "certificate-missing", "the SIP side",
                                   "SIP over TLS listens, but there is no sip-certificate: nobody can connect to it"),
                      "stoxctl cert assign NAME --sip");
    note_pending(wish->config, out);
}
