/* Certificates: listed, shown, removed. */
#include "admin/certificates.h"

#include <stdarg.h>
#include <stdio.h>

#include "admin/objects.h"
#include "admin/routes.h"
#include "base/text.h"
#include "pki/facts.h"
#include "pki/request.h"
#include "store/json.h"

#define PAGE 100
#define PAGE_MAX 1000
#define TEXT_MAX (1u << 20)
#define ROOM 8 /* edits of ours */

bool certificate_vault(struct call *c)
{
    if (c->admin->conf.vault)
        return true;
    reply_problem(c, 503, "away", "this daemon has no vault for keys");
    return false;
}

void certificate_want_host(struct call *c, struct pki_names *names)
{
    struct slice host = slice_str(c->admin->host_name);
    struct err ignored;

    if (host.n && !pki_names_has(names, host))
        pki_names_add(names, host, &ignored); /* which refuses addresses */
}

void certificate_log(json_t *log, const char *fmt, ...)
{
    char text[800];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    json_array_append_new(log, json_string(text));
}

void certificate_wipe(struct call *c, const char *member)
{
    json_t *v = json_object_get(c->json, member);

    if (json_is_string(v))
        explicit_bzero((char *)(uintptr_t)json_string_value(v), json_string_length(v));
}

/* ---- as it is shown ---- */

static json_t *pem_of(const char *label, struct slice base64)
{
    struct buf der, pem;
    json_t *v = NULL;

    buf_init(&der, TEXT_MAX);
    buf_init(&pem, TEXT_MAX);
    if (text_unbase64(&der, base64)) {
        pki_put_pem(&pem, label, buf_slice(&der));
        v = buf_ok(&pem) ? json_stringn(pem.p, pem.n) : NULL;
    }
    buf_free(&der);
    buf_free(&pem);
    return v;
}

static json_t *chain_pem(struct slice chain)
{
    struct slice one;
    struct buf pem, der;
    bool more = true;
    json_t *v;

    buf_init(&pem, TEXT_MAX);
    buf_init(&der, TEXT_MAX);
    while (more) {
        more = slice_cut(chain, ' ', &one, &chain);
        buf_clear(&der);
        if (text_unbase64(&der, one))
            pki_put_pem(&pem, "CERTIFICATE", buf_slice(&der));
    }
    v = buf_ok(&pem) ? json_stringn(pem.p ? pem.p : "", pem.n) : NULL;
    buf_free(&pem);
    buf_free(&der);
    return v;
}

static json_t *request_text(struct slice base64)
{
    struct buf der, text;
    json_t *v = NULL;

    buf_init(&der, TEXT_MAX);
    buf_init(&text, TEXT_MAX);
    if (text_unbase64(&der, base64) && pki_request_describe(&text, buf_slice(&der)))
        v = json_stringn(text.p, text.n);
    buf_free(&der);
    buf_free(&text);
    return v;
}

static void add_name(void *arg, const char *name)
{
    json_array_append_new(arg, json_string(name));
}

static json_t *leaf_json(struct call *c, struct slice text)
{
    STACK_OF(X509) *chain = pki_chain_read(text);
    X509 *leaf = pki_chain_leaf(chain);
    struct pki_facts f;
    json_t *names = json_array(), *v = NULL;

    if (leaf && names && pki_facts_of(leaf, &f)) {
        int64_t left = f.until_s - admin_wall_s(c->admin);

        pki_facts_names(leaf, add_name, names);
        v = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:s, s:O, s:i}", "subject", f.subject, "issuer", f.issuer,
                      "key", f.key, "not-before", f.since, "not-after", f.until, "days-left",
                      (json_int_t)(left > 0 ? left / 86400 : -1), "sha256", f.sha256, "pin", f.pin, "names", names,
                      "length", sk_X509_num(chain));
    }
    json_decref(names);
    sk_X509_pop_free(chain, X509_free);
    return v;
}

struct uses {
    struct slice name;
    json_t *list;
};

static void add_use(void *arg, const struct certificate_use *use)
{
    struct uses *u = arg;

    if (use->stored && slice_eq(use->certificate, u->name))
        json_array_append_new(u->list,
                              use->name.n ? json_sprintf("domain %.*s", SLICE_FMT(use->name)) : json_string(use->kind));
}

static json_t *uses_json(const struct config *config, struct slice name)
{
    struct uses u = { name, json_array() };

    if (u.list)
        certificate_each_use(config, add_use, &u);
    return u.list;
}

static const char *state_of(const struct certificate *cert, const json_t *order)
{
    if (json_integer_value(json_object_get(order, "failures")) > 0)
        return cert->chain.n ? "renewal-fails" : "request-fails";
    if (!cert->chain.n)
        return "requested";
    return cert->request.n ? "renewing" : "installed";
}

/* What the daemon knows of it; JSON null: nothing. */
static json_t *order_of(struct call *c, struct slice name)
{
    const struct admin_ops *ops = admin_ops_of(c);

    return ops->acme ? ops->acme(c->admin->conf.owner, name) : json_null();
}

json_t *certificate_shown(struct call *c, const struct config *config, const struct record *r)
{
    const struct certificate *cert = r->object;
    json_t *o = change_shown(r), *order = order_of(c, r->name);

    if (!o || !order) {
        json_decref(o);
        json_decref(order);
        return NULL;
    }
    if (json_object_set_new(o, "state", json_string(state_of(cert, order))) ||
        json_object_set_new(o, "acme-order", order) ||
        json_object_set_new(o, "requested", json_time(cert->requested_s)) ||
        json_object_set_new(o, "installed", json_time(cert->installed_s)) ||
        json_object_set_new(o, "request",
                            cert->request.n ? pem_of("CERTIFICATE REQUEST", cert->request) : json_null()) ||
        json_object_set_new(o, "request-text", cert->request.n ? request_text(cert->request) : json_null()) ||
        json_object_set_new(o, "chain", cert->chain.n ? chain_pem(cert->chain) : json_null()) ||
        json_object_set_new(o, "certificate", cert->chain.n ? leaf_json(c, cert->chain) : json_null()) ||
        json_object_set_new(o, "assigned", uses_json(config, r->name))) {
        json_decref(o);
        return NULL;
    }
    return o;
}

/* ---- defects ---- */

json_t *certificate_defects(const struct pki_defects *defects)
{
    static const char *const weights[] = { [PKI_HINT] = "hint", [PKI_SERIOUS] = "serious", [PKI_FATAL] = "fatal" };
    json_t *list = json_array();

    for (size_t i = 0; list && i < defects->n; i++) {
        const struct pki_defect *d = &defects->v[i];

        if (json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "kind", pki_defect_name(d->kind), "weight",
                                                  weights[pki_defect_weight(d->kind)], "text", d->text)) == 0)
            continue;
        json_decref(list);
        list = NULL;
    }
    return list;
}

static const struct pki_defect *heaviest(const struct pki_defects *defects)
{
    const struct pki_defect *worst = &defects->v[0];

    for (size_t i = 1; i < defects->n; i++)
        if (pki_defect_weight(defects->v[i].kind) > pki_defect_weight(worst->kind))
            worst = &defects->v[i];
    return worst;
}

void certificate_refuse(struct call *c, const struct pki_defects *defects)
{
    const struct pki_defect *worst = heaviest(defects);
    json_t *o;

    if (worst->kind == PKI_NO_MEMORY) {
        reply_no_memory(c);
        return;
    }
    o = json_pack("{s:s, s:s, s:i, s:s, s:s, s:o}", "type", "urn:stox:problem:certificate", "title",
                  "Unprocessable Content", "status", 422, "detail", worst->text, "code", "certificate", "defects",
                  certificate_defects(defects));
    reply_json(c, 422, o);
    if (c->reply.body)
        c->reply.type = "application/problem+json";
}

bool certificate_allow(struct call *c, const struct pki_defects *defects)
{
    enum pki_weight weight = pki_defects_weight(defects);
    bool anyway;

    if (!call_flag(c, "anyway", &anyway))
        return false;
    if (weight == PKI_HINT || (weight == PKI_SERIOUS && anyway))
        return true;
    certificate_refuse(c, defects);
    return false;
}

/* ---- changes ---- */

bool certificate_answers(struct call *c, const json_t *body, struct edit **edits, size_t *n)
{
    const struct setting *fault = NULL;
    struct edit *given, *all;
    struct err err = { "" };

    if (json_to_edits(&certificate_kind, body, &c->arena, &given, n, &fault, &err))
        return change_refuse(c, fault ? fault->name : NULL, &err);
    for (size_t i = 0; i < *n; i++) {
        if (!given[i].setting->ours)
            continue;
        reply_problem_about(c, 422, "invalid", &(struct reply_about){ given[i].setting->name, -1 },
                            "this is Stox's own to write");
        return false;
    }
    all = arena_alloc(&c->arena, (*n + ROOM) * sizeof(*all));
    if (!all) {
        reply_no_memory(c);
        return false;
    }
    if (*n)
        memcpy(all, given, *n * sizeof(*all));
    *edits = all;
    return true;
}

bool certificate_stays_fixed(struct call *c, const struct record *before)
{
    const struct certificate *cert = before ? before->object : NULL;
    const json_t *v = json_object_get(c->json, "exportable");

    if (!cert || cert->exportable || !v || json_is_false(v))
        return true;
    reply_problem_about(
        c, 422, "invalid", &(struct reply_about){ "exportable", -1 },
        "its key was made not to be exported, and that is not taken back: use another name for a new key");
    return false;
}

bool certificate_edit(struct call *c, struct edit *edits, size_t *n, const char *setting, struct slice text)
{
    struct slice *kept = arena_alloc(&c->arena, sizeof(*kept));

    if (kept)
        *kept = text.p ? arena_dup(&c->arena, text) : text;
    if (!kept || (text.p && !kept->p)) {
        reply_no_memory(c);
        return false;
    }
    edits[(*n)++] = (struct edit){ .setting = setting_find(&certificate_kind, slice_str(setting)),
                                   .op = text.p ? EDIT_SET : EDIT_RESET,
                                   .texts = kept,
                                   .n = text.p ? 1 : 0 };
    return true;
}

json_t *certificate_changed(struct call *c, const struct keeper_outcome *out, json_t *log,
                            const struct pki_defects *defects)
{
    static const struct pki_defects none;
    struct config *config = keeper_config(c->admin->conf.keeper);
    const struct record *r = out->after[0];
    json_t *o;

    if (r)
        reply_header(c, "ETag", "\"%llu\"", (unsigned long long)r->revision);
    o = json_pack("{s:o, s:b, s:o, s:o, s:o}", "item", r ? certificate_shown(c, config, r) : json_null(), "changed",
                  out->n_changed > 0, "warnings", change_warnings(out), "log", log, "defects",
                  certificate_defects(defects ? defects : &none));
    config_drop(config);
    return o;
}

/* ---- the handlers ---- */

const struct record *certificate_named(struct call *c, const struct config *config)
{
    const struct record *r = certificate_find(config, c->name);

    if (!r)
        reply_problem(c, 404, "not-found", "there is no certificate \"%.*s\"", SLICE_FMT(c->name));
    return r;
}

void certificates_list(struct call *c)
{
    struct slice after = target_query(&c->target, "after");
    struct config *config;
    const struct config_list *list;
    json_t *items = json_array(), *next = json_null();
    uint64_t limit;

    if (!call_number(c, "limit", PAGE, PAGE_MAX, &limit)) {
        json_decref(items);
        return;
    }
    config = keeper_config(c->admin->conf.keeper);
    list = config_list(config, &certificate_kind);
    for (size_t i = 0; items && i < list->n; i++) {
        if (after.p && slice_cmp(list->v[i]->name, after) <= 0)
            continue;
        if (json_array_size(items) == limit) {
            next = json_stringn(list->v[i - 1]->name.p, list->v[i - 1]->name.n);
            break;
        }
        if (json_array_append_new(items, certificate_shown(c, config, list->v[i])) == 0)
            continue;
        json_decref(items);
        items = NULL;
    }
    reply_json(c, 200, items ? json_pack("{s:o, s:o}", "items", items, "next", next) : NULL);
    config_drop(config);
}

void certificate_get(struct call *c)
{
    struct config *config = keeper_config(c->admin->conf.keeper);
    const struct record *r = certificate_named(c, config);

    if (r) {
        reply_json(c, 200, certificate_shown(c, config, r));
        reply_header(c, "ETag", "\"%llu\"", (unsigned long long)r->revision);
    }
    config_drop(config);
}

/* The keeper would refuse too, but in the words of who uses it. */
static bool is_in_use(struct call *c)
{
    struct config *config = keeper_config(c->admin->conf.keeper);
    json_t *uses = uses_json(config, c->name);
    bool is = json_array_size(uses) > 0;

    if (is)
        reply_problem(c, 409, "in-use", "certificate \"%.*s\" is in use (%s%s): assign another one there first",
                      SLICE_FMT(c->name), json_string_value(json_array_get(uses, 0)),
                      json_array_size(uses) > 1 ? ", and elsewhere" : "");
    json_decref(uses);
    config_drop(config);
    return is;
}

void certificate_remove(struct call *c)
{
    struct request r = { .op = REQUEST_REMOVE, .kind = &certificate_kind, .name = c->name };
    struct keeper_outcome out;

    if (is_in_use(c) || !change_condition(c, &r))
        return;
    if (change_make(c, &r, 1, &out))
        reply_json(c, c->route->status, change_json(c, &out));
    keeper_outcome_fini(&out);
}
