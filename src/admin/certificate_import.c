/* Certificates that come: from an authority for a request, or with their key from elsewhere. */
#include <stdio.h>
#include <stdlib.h>

#include "admin/certificates.h"
#include "admin/objects.h"
#include "admin/routes.h"
#include "base/text.h"
#include "pki/facts.h"
#include "pki/key.h"
#include "store/json.h"

struct coming {
    struct call *c;
    struct config *config;
    const struct record *before; /* NULL: it is new */
    struct buf data, key_data;   /* as they came */
    struct slice passphrase;
    EVP_PKEY *requested, *installed; /* keys that the certificate may be of; NULL: none */
    struct pki_bundle bundle;
    EVP_PKEY *key; /* borrowed from one of the above: the certificate's */
    struct pki_defects defects;
    json_t *log;
};

static const struct certificate *certificate_of(const struct coming *in)
{
    return in->before ? in->before->object : NULL;
}

/* ---- the body ---- */

static bool take_bytes(struct coming *in, const char *member, bool required, struct buf *out)
{
    struct slice text;
    bool ok;

    buf_init(out, PKI_BUNDLE_MAX + 3);
    if (!call_text(in->c, member, required, &text))
        return false;
    if (text.n <= 2 * PKI_BUNDLE_MAX)
        buf_reserve(out, text.n / 4 * 3); /* one that grows leaves copies behind */
    ok = text_unbase64(out, text) && buf_ok(out);
    certificate_wipe(in->c, member);
    if (!ok)
        reply_problem_about(in->c, 422, "invalid", &(struct reply_about){ member, -1 },
                            "base64 of a file of at most 256 KiB is expected here");
    return ok;
}

static bool take_body(struct coming *in)
{
    return take_bytes(in, "data", true, &in->data) && take_bytes(in, "key", false, &in->key_data) &&
           call_text(in->c, "passphrase", false, &in->passphrase);
}

/* ---- whose key ---- */

static bool open_key(struct coming *in, struct slice sealed, EVP_PKEY **out)
{
    struct err err = { "" };

    if (!sealed.n)
        return true;
    *out = pki_vault_open(in->c->admin->conf.vault, sealed, in->before->name, &err);
    if (*out)
        return true;
    change_refuse(in->c, NULL, &err);
    return false;
}

static bool open_keys(struct coming *in)
{
    const struct certificate *cert = certificate_of(in);

    return !cert || (open_key(in, cert->request_key, &in->requested) && open_key(in, cert->key, &in->installed));
}

static bool read_as(struct coming *in, const EVP_PKEY *wanted, struct pki_defect *defect)
{
    struct pki_source from = { .bytes = buf_slice(&in->data),
                               .key_bytes = buf_slice(&in->key_data),
                               .passphrase = in->passphrase,
                               .wanted = wanted };

    pki_bundle_fini(&in->bundle);
    return pki_bundle_read(&in->bundle, &from, defect);
}

/* For the request, with the key that came along, or as successor with the same key; the first sentence is about the request. */
static bool find_key(struct coming *in, struct pki_defect *defect)
{
    struct pki_defect other;

    if (in->requested && read_as(in, in->requested, defect)) {
        in->key = in->requested;
        return true;
    }
    if (in->requested && defect->kind != PKI_WRONG_KEY)
        return false;
    if (in->installed && read_as(in, in->installed, &other)) {
        in->key = in->installed;
        return true;
    }
    if (!read_as(in, NULL, in->requested ? &other : defect))
        return false;
    in->key = in->bundle.key;
    if (in->key || in->requested)
        return in->key != NULL;
    return pki_defect_set(
        defect, PKI_NO_KEY,
        "there is no request \"%.*s\" that it could be for, and no key in the file; import it under the "
        "name of its request, or give its key along",
        SLICE_FMT(in->c->name));
}

/* ---- what it must be ---- */

struct wanted {
    struct pki_names names;
    struct slice of;
};

static void want(struct wanted *w, struct slice name)
{
    struct err ignored;

    if (!pki_names_has(&w->names, name))
        pki_names_add(&w->names, name, &ignored);
}

static void want_use(void *arg, const struct certificate_use *use)
{
    struct wanted *w = arg;

    if (use->stored && use->name.n && slice_eq(use->certificate, w->of))
        want(w, use->name);
}

/* What was requested, and every domain that it serves already. */
static void want_all(struct coming *in, struct wanted *w)
{
    const struct certificate *cert = certificate_of(in);
    const struct slice *names = cert ? cert->names.v : NULL;

    for (size_t i = 0; cert && i < cert->names.n; i++)
        want(w, names[i]);
    certificate_each_use(in->config, want_use, w);
}

/* One for partners that names no domain of ours at all is for somebody else. */
static void want_a_domain(struct coming *in, struct wanted *w, bool federation)
{
    const struct config_list *list = config_list(in->config, &sip_domain_kind);
    struct wanted all = { .of = w->of };
    bool any = false;

    if (!federation || w->names.n || list->n == 0)
        return;
    pki_names_init(&all.names);
    for (size_t i = 0; i < list->n && i < PKI_NAMES_MAX; i++)
        want(&all, list->v[i]->name);
    for (size_t i = 0; i < all.names.n; i++)
        any = any || pki_names_it(pki_chain_leaf(in->bundle.chain), all.names.v[i]);
    for (size_t i = 0; !any && i < all.names.n; i++)
        want(w, all.names.v[i]);
    pki_names_fini(&all.names);
}

static bool is_for_federation(struct coming *in)
{
    const struct certificate *cert = certificate_of(in);
    const char *use = json_string_value(json_object_get(in->c->json, "use"));

    return use ? strcmp(use, pki_uses[PKI_USE_FEDERATION]) == 0 : !cert || cert->use == PKI_USE_FEDERATION;
}

/* known: what is wrong already; NULL: nothing. All that is wrong is said at once. */
static bool judge(struct coming *in, const struct pki_defect *known)
{
    const struct certificate *cert = certificate_of(in);
    struct wanted w = { .of = in->c->name };
    struct err err = { "" };
    X509_STORE *trust = pki_trust_load(in->c->admin->conf.trust_file, &err);
    struct pki_case c = { .chain = in->bundle.chain,
                          .key = in->key,
                          .profile = cert ? cert->profile : PKI_SERVER,
                          .names = w.names.v,
                          .trust = trust,
                          .now_s = admin_wall_s(in->c->admin),
                          .warn_days = CERTIFICATE_WARN_DAYS,
                          .known = known };

    if (!trust)
        certificate_log(in->log, "%s; so the chain was not held against them", err.text);
    pki_names_init(&w.names);
    want_all(in, &w);
    want_a_domain(in, &w, is_for_federation(in));
    c.n_names = w.names.n;
    pki_check(&c, &in->defects);
    pki_names_fini(&w.names);
    X509_STORE_free(trust);
    return certificate_allow(in->c, &in->defects);
}

/* ---- kept ---- */

static bool put_key(struct coming *in, struct edit *edits, size_t *n)
{
    struct buf sealed;
    struct err err = { "" };
    bool ok;

    buf_init(&sealed, PKI_SEALED_MAX);
    ok = pki_vault_seal(in->c->admin->conf.vault, in->key, in->c->name, &sealed, &err) == 0
             ? certificate_edit(in->c, edits, n, "key", buf_slice(&sealed))
             : change_refuse(in->c, NULL, &err);
    pki_wipe(&sealed);
    return ok;
}

static bool put_chain(struct coming *in, struct edit *edits, size_t *n)
{
    struct buf chain;
    bool ok;

    buf_init(&chain, CERTIFICATE_CHAIN_MAX);
    if (pki_chain_write(&chain, in->bundle.chain)) {
        ok = certificate_edit(in->c, edits, n, "chain", buf_slice(&chain));
    } else {
        reply_problem(in->c, 422, "invalid", "the certificates together are larger than %d bytes",
                      CERTIFICATE_CHAIN_MAX * 3 / 4);
        ok = false;
    }
    buf_free(&chain);
    return ok;
}

/* What was not given stays, or is the default. All members but those that were taken already are answers. */
static bool take_answers(struct coming *in, struct edit **edits, size_t *n)
{
    static const char *const taken[] = { "data", "key", "passphrase" };
    json_t *given = json_copy(in->c->json); /* the texts are those of the body, which lives on */
    bool ok;

    if (!given) {
        reply_no_memory(in->c);
        return false;
    }
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
        json_object_del(given, taken[i]);
    ok = certificate_answers(in->c, given, edits, n);
    json_decref(given);
    return ok;
}

static void tell(struct coming *in)
{
    struct pki_facts f;

    if (pki_facts_of(pki_chain_leaf(in->bundle.chain), &f))
        certificate_log(in->log, "the certificate is %s, from %s until %s, by %s", f.subject, f.since, f.until,
                        f.issuer);
    certificate_log(in->log, "its chain has %d certificates%s", sk_X509_num(in->bundle.chain),
                    in->bundle.reordered ? ", and was put in order" : "");
    if (in->bundle.n_left_out)
        certificate_log(in->log, "%zu certificates that are not of its chain were left out", in->bundle.n_left_out);
    certificate_log(in->log, "its key is %s",
                    in->key == in->requested   ? "the one of the request"
                    : in->key == in->installed ? "the one of before"
                                               : "the one that came along");
}

static void keep(struct coming *in)
{
    struct request r = { .op = in->before ? REQUEST_SET : REQUEST_NEW, .kind = &certificate_kind, .name = in->c->name };
    struct slice none = { NULL, 0 };
    struct keeper_outcome out;
    struct edit *edits;
    char now[24];

    snprintf(now, sizeof(now), "%lld", (long long)admin_wall_s(in->c->admin));
    if (!take_answers(in, &edits, &r.n) || !put_chain(in, edits, &r.n) || !put_key(in, edits, &r.n) ||
        !certificate_edit(in->c, edits, &r.n, "installed", slice_str(now)))
        return;
    if (in->key == in->requested && (!certificate_edit(in->c, edits, &r.n, "request", none) ||
                                     !certificate_edit(in->c, edits, &r.n, "request-key", none)))
        return;
    r.edits = edits;
    if (in->before) {
        r.conditional = true; /* what was judged is what is changed */
        r.if_revision = in->before->revision;
    }
    if (change_make(in->c, &r, 1, &out)) {
        tell(in);
        reply_json(in->c, 200, certificate_changed(in->c, &out, json_incref(in->log), &in->defects));
    }
    keeper_outcome_fini(&out);
}

static void run(struct coming *in)
{
    struct pki_defect defect;
    bool usable;

    if (!take_body(in) || !certificate_stays_fixed(in->c, in->before) || !open_keys(in))
        return;
    usable = find_key(in, &defect);
    if (!usable && !pki_chain_leaf(in->bundle.chain)) {
        in->defects = (struct pki_defects){ .v = { defect }, .n = 1 };
        certificate_refuse(in->c, &in->defects);
    } else if (judge(in, usable ? NULL : &defect) && usable) {
        keep(in);
    }
}

void certificate_import(struct call *c)
{
    struct coming in = { .c = c, .config = keeper_config(c->admin->conf.keeper), .log = json_array() };
    struct err err = { "" };
    struct slice name;

    if (!in.log)
        reply_no_memory(c);
    else if (setting_title(&certificate_kind, &name, c->name, &c->arena, &err) != 0)
        change_refuse(c, NULL, &err);
    else if (certificate_vault(c)) {
        in.before = certificate_find(in.config, c->name);
        run(&in);
    }
    certificate_wipe(c, "passphrase");
    pki_bundle_fini(&in.bundle);
    pki_key_free(in.requested);
    pki_key_free(in.installed);
    pki_wipe(&in.data);
    pki_wipe(&in.key_data);
    json_decref(in.log);
    config_drop(in.config);
}
