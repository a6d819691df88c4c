/* What is assigned, held against what it is for and against what handshakes show at this moment. */
#include <stdio.h>

#include "admin/certificates.h"
#include "admin/routes.h"

struct checking {
    struct call *c;
    json_t *shown; /* what handshakes show; NULL: the daemon does not say */
    json_t *items;
    enum pki_weight worst;
    bool is_short; /* of memory */
};

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

static void take(void *arg, const struct certificate_use *use, const struct certificate_verdict *v)
{
    struct checking *k = arg;

    put_item(k, use, &v->defects, v->is_read ? &v->facts : NULL,
             v->is_read ? not_shown(k, use, v->name, v->facts.sha256) : NULL);
}

void certificate_check_get(struct call *c)
{
    static const char *const verdicts[] = { [PKI_HINT] = "good", [PKI_SERIOUS] = "doubtful", [PKI_FATAL] = "broken" };
    const struct admin_ops *ops = admin_ops_of(c);
    struct err err = { "" };
    const struct admin_conf *conf = &c->admin->conf;
    struct config *config = keeper_config(conf->keeper);
    struct certificate_terms terms = { .vault = conf->vault,
                                       .trust = pki_trust_load(conf->trust_file, &err),
                                       .host_name = slice_str(c->admin->host_name),
                                       .boot_certificate = conf->certificate,
                                       .boot_key = conf->key,
                                       .now_s = admin_wall_s(c->admin) };
    struct checking k = { .c = c,
                          .shown = ops->identities ? ops->identities(conf->owner) : NULL,
                          .items = json_array() };

    if (k.items)
        certificate_judge(config, &terms, take, &k);
    reply_json(c, 200,
               k.items && !k.is_short ? json_pack("{s:s, s:O}", "verdict", verdicts[k.worst], "items", k.items) : NULL);
    json_decref(k.items);
    json_decref(k.shown);
    X509_STORE_free(terms.trust);
    config_drop(config);
}
