/* Requests: a key is made, sealed, and asked to be certified. */
#include <stdio.h>

#include "admin/certificates.h"
#include "admin/maker.h"
#include "admin/objects.h"
#include "admin/routes.h"
#include "base/log.h"
#include "base/text.h"
#include "pki/key.h"
#include "pki/request.h"
#include "store/json.h"

/* What a request is made of, while it is made. */
struct asking {
    struct call *c;
    struct request request; /* of the keeper */
    struct edit *edits;
    struct record *answers;
    struct pki_names names;
    const json_t *more; /* {"add": [...], "remove": [...]}: to what there is, or what is proposed; NULL: neither */
    json_t *log;
};

static void on_failure(struct call *c, const struct err *err)
{
    change_refuse(c, NULL, err);
}

static int add_names(struct asking *a, const struct certificate *cert, struct err *err)
{
    const struct slice *names = cert->names.v;

    for (size_t i = 0; i < cert->names.n; i++)
        if (pki_names_add(&a->names, names[i], err) != 0)
            return -1;
    return 0;
}

static int propose(struct asking *a, const struct config *config, const struct certificate *cert, struct err *err)
{
    const struct config_list *list = config_list(config, &sip_domain_kind);
    struct slice *domains = arena_alloc(&a->c->arena, (list->n + 1) * sizeof(*domains));
    struct pki_proposal p = { .use = cert->use,
                              .domains = domains,
                              .n_domains = list->n,
                              .sip_domains = cert->sip_domains.v,
                              .n_sip_domains = cert->sip_domains.n,
                              .host_name = slice_str(a->c->admin->host_name) };

    if (!domains)
        return err_memory(err, "proposing names");
    for (size_t i = 0; i < list->n; i++)
        domains[i] = list->v[i]->name;
    if (pki_names_propose(&a->names, &p, err) != 0)
        return -1;
    if (a->names.n == 0)
        return err_set(err, "names: there is nothing to propose; give the names that the certificate is to have");
    certificate_log(a->log, "%zu names were proposed for the use %s", a->names.n, pki_uses[cert->use]);
    return 0;
}

/* What names are added to and taken from. */
static int propose_first(struct asking *a, const struct config *config, const struct certificate *cert, struct err *err)
{
    return cert->names.n ? add_names(a, cert, err) : propose(a, config, cert, err);
}

/* The subject's name is one of its names, where it is one at all: nobody looks at the subject any more. */
static void repeat_common_name(struct asking *a, const struct certificate *cert)
{
    struct err ignored;

    if (cert->common_name.n && slice_find(cert->common_name, '.') < cert->common_name.n)
        pki_names_add(&a->names, cert->common_name, &ignored);
}

/* Adds or removes one of those that the body lists. */
static int change_names(struct asking *a, const char *how, struct err *err)
{
    const json_t *list = json_object_get(a->more, how), *v;
    size_t i;

    if (list && !json_is_array(list))
        return err_set(err, "names: a list is expected behind \"%s\"", how);
    json_array_foreach(list, i, v)
    {
        struct slice name = slice_of(json_string_value(v), json_string_length(v));
        char shown[120];

        if (how[0] == 'a' ? pki_names_add(&a->names, name, err) : !pki_names_remove(&a->names, name)) {
            log_escape(shown, sizeof(shown), name);
            return how[0] == 'a' ? -1 : err_set(err, "\"%s\" is not among the names", shown);
        }
    }
    return 0;
}

static int take_names(struct asking *a, const struct config *config, struct err *err)
{
    const struct certificate *cert = a->answers->object;

    if (propose_first(a, config, cert, err))
        return -1;
    repeat_common_name(a, cert);
    if (change_names(a, "remove", err) || change_names(a, "add", err))
        return -1;
    return a->names.n ? 0 : err_set(err, "names: none is left");
}

static int make_request(struct asking *a, EVP_PKEY *key, struct buf *der, struct err *err)
{
    const struct certificate *cert = a->answers->object;
    struct pki_request r = { .subject = { cert->common_name, cert->organization, cert->unit, cert->country, cert->state,
                                          cert->locality },
                             .profile = cert->profile,
                             .names = &a->names };

    return pki_request_make(&r, key, der, err);
}

/* The key and the request as edits. False: a problem is the reply. */
static bool put_key(struct asking *a, EVP_PKEY *key, struct slice name)
{
    struct buf der, text, sealed;
    struct err err = { "" };
    bool ok;

    buf_init(&der, PKI_REQUEST_MAX);
    buf_init(&text, 2 * PKI_REQUEST_MAX);
    buf_init(&sealed, PKI_SEALED_MAX);
    ok =
        make_request(a, key, &der, &err) == 0 && pki_vault_seal(a->c->admin->conf.vault, key, name, &sealed, &err) == 0;
    if (ok) {
        text_put_base64(&text, der.p, der.n);
        ok = certificate_edit(a->c, a->edits, &a->request.n, "request", buf_slice(&text)) &&
             certificate_edit(a->c, a->edits, &a->request.n, "request-key", buf_slice(&sealed));
    } else {
        on_failure(a->c, &err);
    }
    buf_free(&der);
    buf_free(&text);
    pki_wipe(&sealed);
    return ok;
}

static bool put_names(struct asking *a)
{
    a->edits[a->request.n++] = (struct edit){
        .setting = setting_find(&certificate_kind, SLICE("names")), .op = EDIT_SET, .texts = a->names.v, .n = a->names.n
    };
    return true;
}

/* The call's. NULL: it is being made, and all of this runs again when it is there; or a problem is the reply. */
static EVP_PKEY *take_key(struct asking *a, enum pki_key_type type)
{
    if (!maker_give(a->c->admin->maker, a->c, type))
        return NULL;
    if (!a->c->making->key)
        on_failure(a->c, &a->c->making->err);
    else if (a->c->making->type != type)
        reply_problem(a->c, 409, "conflict", "the type of the key was changed by somebody else meanwhile; ask again");
    else
        return a->c->making->key;
    return NULL;
}

/* In a dry run the key is not made: all that can be wrong shows without. */
static bool fill(struct asking *a, bool dry)
{
    const struct certificate *cert = a->answers->object;
    struct pki_subject subject = { cert->common_name, cert->organization, cert->unit,
                                   cert->country,     cert->state,        cert->locality };
    struct err err = { "" };
    EVP_PKEY *key;
    char now[24];
    bool ok;

    if (pki_subject_check(&subject, &err) != 0) {
        on_failure(a->c, &err);
        return false;
    }
    if (!put_names(a) || dry)
        return dry;
    key = take_key(a, cert->key_type);
    if (!key)
        return false;
    snprintf(now, sizeof(now), "%lld", (long long)admin_wall_s(a->c->admin));
    ok = put_key(a, key, a->answers->name) &&
         certificate_edit(a->c, a->edits, &a->request.n, "requested", slice_str(now));
    certificate_log(a->log, "a key was made (%s) and sealed, %s", pki_key_types[cert->key_type],
                    cert->exportable ? "to be exported under a passphrase only" : "never to be exported");
    certificate_log(a->log, "a request for %zu names was made with the profile %s", a->names.n,
                    pki_profiles[cert->profile]);
    return ok;
}

static void store(struct asking *a)
{
    struct keeper_outcome out;

    a->request.edits = a->edits;
    if (change_make(a->c, &a->request, 1, &out)) {
        certificate_log(a->log, "the request was stored as \"%.*s\"", SLICE_FMT(a->request.name));
        reply_json(a->c, a->c->route->status, certificate_changed(a->c, &out, json_incref(a->log), NULL));
        if (a->request.op == REQUEST_NEW && out.after[0])
            objects_location(a->c, &certificate_kind, out.after[0]->name);
    }
    keeper_outcome_fini(&out);
}

static void ask(struct asking *a, const struct config *config, const struct record *before)
{
    struct err err = { "" };
    const struct setting *fault = NULL;
    bool dry;

    if (!call_flag(a->c, "dry-run", &dry))
        return;
    a->answers = record_make(&certificate_kind, a->request.name, before, a->edits, a->request.n, &fault, &err);
    if (!a->answers) {
        change_refuse(a->c, fault ? fault->name : NULL, &err);
        return;
    }
    if (take_names(a, config, &err) != 0)
        on_failure(a->c, &err);
    else if (fill(a, dry))
        store(a);
    record_drop(a->answers);
}

static void run(struct call *c, enum request_op op, struct slice name)
{
    struct config *config = keeper_config(c->admin->conf.keeper);
    struct asking a = { .c = c, .request = { .op = op, .kind = &certificate_kind, .name = name }, .log = json_array() };
    const struct record *before = op == REQUEST_SET ? certificate_named(c, config) : NULL;

    json_t *answers = json_copy(c->json);

    pki_names_init(&a.names);
    if (json_is_object(json_object_get(c->json, "names"))) {
        a.more = json_object_get(c->json, "names");
        json_object_del(answers, "names");
    }
    if (!a.log || !answers)
        reply_no_memory(c);
    else if (certificate_vault(c) && (before || op == REQUEST_NEW) && certificate_stays_fixed(c, before) &&
             certificate_answers(c, answers, &a.edits, &a.request.n) &&
             (op == REQUEST_NEW || change_condition(c, &a.request)))
        ask(&a, config, before);
    pki_names_fini(&a.names);
    json_decref(answers);
    json_decref(a.log);
    config_drop(config);
}

void certificates_new(struct call *c)
{
    struct slice name;

    if (call_text(c, "name", true, &name))
        run(c, REQUEST_NEW, name);
}

void certificate_again(struct call *c)
{
    run(c, REQUEST_SET, c->name);
}
