/* Certificates that leave, with their keys only where they may and only under a passphrase. */
#include "admin/certificates.h"
#include "admin/routes.h"
#include "base/text.h"
#include "pki/export.h"
#include "pki/key.h"

struct going {
    struct call *c;
    const struct certificate *cert;
    bool with_key;
    struct pki_export out;
};

static bool take_form(struct going *g)
{
    struct slice text;

    if (!call_text(g->c, "form", false, &text))
        return false;
    if (!text.p)
        return true;
    for (size_t i = 0; pki_forms[i]; i++) {
        if (!slice_is(text, pki_forms[i]))
            continue;
        g->out.form = (enum pki_form)i;
        return true;
    }
    reply_problem_about(g->c, 422, "invalid", &(struct reply_about){ "form", -1 }, "form is pem or pkcs12");
    return false;
}

static bool take_body(struct going *g)
{
    static const char *const known[] = { "form", "key", "passphrase", NULL };
    const json_t *key = json_object_get(g->c->json, "key");

    g->with_key = json_is_true(key);
    if (key && !json_is_boolean(key)) {
        reply_problem_about(g->c, 422, "invalid", &(struct reply_about){ "key", -1 }, "key is true or false");
        return false;
    }
    return call_knows(g->c, known) && take_form(g) && call_text(g->c, "passphrase", false, &g->out.passphrase);
}

static bool is_allowed(struct going *g)
{
    if (!g->cert->chain.n) {
        reply_problem(g->c, 409, "not-installed",
                      "certificate \"%.*s\" is only requested; its request is shown with it", SLICE_FMT(g->c->name));
        return false;
    }
    if (g->with_key && !g->cert->exportable) {
        reply_problem(g->c, 403, "not-exportable",
                      "the key of certificate \"%.*s\" was made not to be exported; request a new one for the other "
                      "machine",
                      SLICE_FMT(g->c->name));
        return false;
    }
    return true;
}

static void answer(struct going *g, struct buf *file)
{
    struct buf text;
    json_t *v;

    buf_init(&text, 2 * PKI_BUNDLE_MAX);
    text_put_base64(&text, file->p, file->n);
    v = buf_ok(&text) ? json_stringn(text.p, text.n) : NULL;
    reply_json(g->c, 200, json_pack("{s:s, s:b, s:o}", "form", pki_forms[g->out.form], "key", g->with_key, "data", v));
    pki_wipe(&text);
}

static void write_file(struct going *g)
{
    struct err err = { "" };
    struct buf file;

    buf_init(&file, PKI_BUNDLE_MAX);
    if (pki_export(&g->out, &file, &err) != 0)
        change_refuse(g->c, NULL, &err);
    else if (!g->with_key ||
             admin_note(g->c, "export", g->c->name, json_pack("{s:s, s:b}", "form", pki_forms[g->out.form], "key", 1)))
        answer(g, &file);
    pki_wipe(&file);
}

void certificate_export(struct call *c)
{
    struct config *config = keeper_config(c->admin->conf.keeper);
    const struct record *r = certificate_named(c, config);
    struct going g = { .c = c, .cert = r ? r->object : NULL };
    struct certificate_open open = { NULL, NULL };
    struct err err = { "" };

    if (r && certificate_vault(c) && take_body(&g) && is_allowed(&g)) {
        if (certificate_open(config, r->name, c->admin->conf.vault, &open, &err) != 0) {
            change_refuse(c, NULL, &err);
        } else {
            g.out.chain = open.chain;
            g.out.key = g.with_key ? open.key : NULL;
            g.out.friendly_name = g.cert->friendly_name.n ? g.cert->friendly_name : r->name;
            write_file(&g);
        }
    }
    certificate_close(&open);
    certificate_wipe(c, "passphrase");
    config_drop(config);
}
