/* Certificates put to use: for domains toward partners, toward SIP systems, for the API. All of it in one change. */
#include "admin/certificates.h"
#include "admin/routes.h"

#define DOMAINS_MAX 1000
#define REQUESTS_MAX (DOMAINS_MAX + 1)

struct assigning {
    struct call *c;
    struct config *config;
    const struct record *record;
    const struct certificate *cert;
    struct certificate_open open;
    struct slice *domains;
    size_t n_domains;
    bool sip, admin;
    json_t *log;
};

static bool wrong(struct call *c, const char *member, const char *detail)
{
    reply_problem_about(c, 422, "invalid", &(struct reply_about){ member, -1 }, detail);
    return false;
}

static bool take_flag(struct call *c, const char *member, bool *out)
{
    const json_t *v = json_object_get(c->json, member);

    *out = json_is_true(v);
    return !v || json_is_boolean(v) || wrong(c, member, "true or false is expected here");
}

static bool take_domains(struct assigning *a)
{
    const json_t *list = json_object_get(a->c->json, "domains");

    if (!list)
        return true;
    if (!json_is_array(list) || json_array_size(list) > DOMAINS_MAX)
        return wrong(a->c, "domains", "a list of at most 1000 domains is expected here");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);
        struct err err = { "" };

        if (!json_is_string(v))
            return wrong(a->c, "domains", "a list of at most 1000 domains is expected here");
        if (setting_domain(&a->domains[a->n_domains], slice_of(json_string_value(v), json_string_length(v)),
                           &a->c->arena, &err) != 0)
            return change_refuse(a->c, "domains", &err);
        if (!config_find(a->config, &sip_domain_kind, a->domains[a->n_domains])) {
            reply_problem(a->c, 404, "not-found", "there is no domain \"%.*s\"", SLICE_FMT(a->domains[a->n_domains]));
            return false;
        }
        a->n_domains++;
    }
    return true;
}

/* Nothing was named: what it was requested for. */
static void take_use(struct assigning *a)
{
    const struct config_list *list = config_list(a->config, &sip_domain_kind);
    X509 *leaf = pki_chain_leaf(a->open.chain);

    if (a->n_domains || a->sip || a->admin)
        return;
    a->sip = a->cert->use == PKI_USE_SIP;
    a->admin = a->cert->use == PKI_USE_ADMIN;
    for (size_t i = 0; a->cert->use == PKI_USE_FEDERATION && i < list->n && a->n_domains < DOMAINS_MAX; i++) {
        struct pki_names name; /* as the certificate writes it */
        struct err ignored;

        pki_names_init(&name);
        if (pki_names_add(&name, list->v[i]->name, &ignored) == 0 && pki_names_it(leaf, name.v[0]))
            a->domains[a->n_domains++] = list->v[i]->name;
        pki_names_fini(&name);
    }
}

static bool open_it(struct assigning *a)
{
    struct err err = { "" };

    if (certificate_open(a->config, a->record->name, a->c->admin->conf.vault, &a->open, &err) == 0)
        return true;
    change_refuse(a->c, NULL, &err);
    return false;
}

/* A hundred names at a time, as many as pki_names holds; the defects of all are gathered. */
static bool is_fit(struct assigning *a)
{
    struct pki_case c = { .chain = a->open.chain,
                          .key = a->open.key,
                          .profile = PKI_SERVER,
                          .trust = pki_trust_load(a->c->admin->conf.trust_file, NULL),
                          .now_s = admin_wall_s(a->c->admin) };
    struct pki_defects defects;
    bool ok = true;
    size_t i = 0;

    do {
        struct pki_names names;
        struct err ignored;

        pki_names_init(&names);
        if (a->sip)
            certificate_want_host(a->c, &names);
        for (; i < a->n_domains && names.n < PKI_NAMES_MAX; i++)
            pki_names_add(&names, a->domains[i], &ignored);
        c.names = names.v;
        c.n_names = names.n;
        pki_check(&c, &defects);
        pki_names_fini(&names);
        ok = certificate_allow(a->c, &defects);
    } while (ok && i < a->n_domains);
    X509_STORE_free(c.trust);
    return ok;
}

static struct edit edit(const struct setting_kind *kind, const char *setting, const struct slice *name)
{
    return (struct edit){ .setting = setting_find(kind, slice_str(setting)),
                          .op = name ? EDIT_SET : EDIT_RESET,
                          .texts = name,
                          .n = name ? 1 : 0 };
}

static void put_requests(struct assigning *a, struct request *requests, size_t *n, struct edit edits[5])
{
    const struct slice *name = &a->record->name;
    size_t gateway = 2;

    edits[0] = edit(&sip_domain_kind, "certificate", name);
    edits[1] = edit(&sip_domain_kind, "key", NULL);
    for (size_t i = 0; i < a->n_domains; i++)
        requests[(*n)++] = (struct request){
            .op = REQUEST_SET, .kind = &sip_domain_kind, .name = a->domains[i], .edits = edits, .n = 2
        };
    if (a->sip) {
        edits[gateway++] = edit(&gateway_kind, "sip-certificate", name);
        edits[gateway++] = edit(&gateway_kind, "sip-key", NULL);
    }
    if (a->admin)
        edits[gateway++] = edit(&gateway_kind, "admin-certificate", name);
    if (gateway > 2)
        requests[(*n)++] =
            (struct request){ .op = REQUEST_SET, .kind = &gateway_kind, .edits = edits + 2, .n = gateway - 2 };
}

static void tell(struct assigning *a)
{
    for (size_t i = 0; i < a->n_domains; i++)
        certificate_log(a->log, "domain %.*s shows it to partners from now on", SLICE_FMT(a->domains[i]));
    if (a->sip)
        certificate_log(a->log, "SIP systems are shown it from now on");
    if (a->admin)
        certificate_log(a->log, a->c->admin->tls ? "the API shows it from now on"
                                                 : "the API shows it from the next start on: it speaks no TLS yet");
    certificate_log(a->log, "streams and connections that are open go on");
}

static void make(struct assigning *a)
{
    struct request *requests = arena_alloc(&a->c->arena, REQUESTS_MAX * sizeof(*requests));
    struct keeper_outcome out;
    struct edit edits[5];
    size_t n = 0;
    json_t *o;

    if (!requests) {
        reply_no_memory(a->c);
        return;
    }
    put_requests(a, requests, &n, edits);
    if (n == 0) {
        reply_problem(a->c, 422, "invalid",
                      "to what? it names none of the domains that are served; give domains, or sip, or admin");
        return;
    }
    if (change_make(a->c, requests, n, &out)) {
        tell(a);
        o = json_pack("{s:b, s:O, s:o}", "changed", out.n_changed > 0, "log", a->log, "warnings",
                      change_warnings(&out));
        reply_json(a->c, 200, o);
    }
    keeper_outcome_fini(&out);
}

void certificate_assign(struct call *c)
{
    static const char *const known[] = { "domains", "sip", "admin", NULL };
    struct assigning a = { .c = c,
                           .config = keeper_config(c->admin->conf.keeper),
                           .domains = arena_alloc(&c->arena, DOMAINS_MAX * sizeof(struct slice)),
                           .log = json_array() };

    if (!a.domains || !a.log)
        reply_no_memory(c);
    else if (certificate_vault(c) && call_knows(c, known) && take_flag(c, "sip", &a.sip) &&
             take_flag(c, "admin", &a.admin) && (a.record = certificate_named(c, a.config)) != NULL &&
             take_domains(&a)) {
        a.cert = a.record->object;
        if (open_it(&a)) {
            take_use(&a);
            if (is_fit(&a))
                make(&a);
        }
    }
    certificate_close(&a.open);
    json_decref(a.log);
    config_drop(a.config);
}
