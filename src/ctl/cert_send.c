/* Requests sent to the daemon, certificates brought to it and taken from it. */
#include "base/text.h"
#include "ctl/cert.h"
#include "ctl/command.h"
#include "ctl/item.h"
#include "ctl/ladder.h"
#include "ctl/object.h"
#include "ctl/term.h"

static const char *name_of(const struct ctl *c)
{
    return c->args.operands[0];
}

const char *cert_path(struct ctl *c, const char *behind)
{
    char suffix[80];

    snprintf(suffix, sizeof(suffix), "%s%s%s", behind, args_has(&c->args, OPT_WHAT_IF) ? "?dry-run=1" : "",
             !args_has(&c->args, OPT_ANYWAY)   ? ""
             : args_has(&c->args, OPT_WHAT_IF) ? "&anyway=1"
                                               : "?anyway=1");
    return client_path(c, "/v1/certificates/", slice_str(name_of(c)), suffix);
}

static void print_line(FILE *out, const char *prefix, const char *text)
{
    fputs(prefix, out);
    term_write(out, slice_str(text));
    fputc('\n', out);
}

void cert_print_log(struct ctl *c, const json_t *answer)
{
    size_t i;
    json_t *v;

    json_array_foreach(json_object_get(answer, "log"), i, v)
        print_line(c->out, "- ", json_string_value(v) ? json_string_value(v) : "");
    json_array_foreach(json_object_get(answer, "warnings"), i, v)
        print_line(c->diag, "warning: ", json_string_value(v) ? json_string_value(v) : "");
    if (args_has(&c->args, OPT_WHAT_IF))
        fputs("(nothing was changed)\n", c->out);
}

void cert_print_defects(struct ctl *c, const json_t *list)
{
    size_t i;
    json_t *v;

    json_array_foreach(list, i, v)
    {
        const char *weight = ladder_text(v, "weight");

        print_line(c->diag, strcmp(weight, "hint") == 0 ? "hint: " : "defect: ", ladder_text(v, "text"));
    }
}

/* Sends, and prints what came of it. All defects are said, also when they were too many for one sentence. */
static enum ctl_exit send(struct ctl *c, const char *path, const json_t *body, struct answer *a)
{
    enum ctl_exit rc = client_call(c, "POST", path, body, a);
    const json_t *defects = json_object_get(a->body, "defects");

    if (rc == CTL_DONE && args_has(&c->args, OPT_JSON)) {
        object_print_json(c, a->body);
    } else if (rc == CTL_DONE) {
        cert_print_log(c, a->body);
        cert_print_defects(c, defects);
    } else if (json_array_size(defects) > 1) {
        fputs("All that is wrong:\n", c->diag);
        cert_print_defects(c, defects);
    }
    return rc;
}

/* ---- request ---- */

enum ctl_exit cert_find(struct ctl *c, json_t **item)
{
    const char *path = client_path(c, "/v1/certificates", SLICE(""), "?limit=1000");
    struct answer a;
    enum ctl_exit rc = path ? client_call(c, "GET", path, NULL, &a) : CTL_REFUSED;
    size_t i;
    json_t *v;

    *item = NULL;
    if (!path)
        return rc;
    json_array_foreach(json_object_get(a.body, "items"), i,
                       v) if (strcmp(ladder_text(v, "name"), name_of(c)) == 0) *item = json_incref(v);
    answer_fini(&a);
    return rc;
}

enum ctl_exit cert_send_request(struct ctl *c, const json_t *answers, bool again, const char *csr_file)
{
    const char *path = again                             ? cert_path(c, "/request")
                       : args_has(&c->args, OPT_WHAT_IF) ? "/v1/certificates?dry-run=1"
                                                         : "/v1/certificates";
    json_t *body = json_copy((json_t *)answers);
    const char *csr;
    struct answer a;
    enum ctl_exit rc;

    if (!path || !body || (!again && json_object_set_new(body, "name", json_string(name_of(c))))) {
        json_decref(body);
        return ctl_fail_memory(c);
    }
    rc = send(c, path, body, &a);
    csr = ladder_text(json_object_get(a.body, "item"), "request");
    if (rc == CTL_DONE && csr_file && csr[0]) {
        rc = cert_write_file(c, csr_file, slice_str(csr), false);
        if (rc == CTL_DONE && strcmp(csr_file, "-") != 0)
            print_line(c->out, "- the request is in ", csr_file);
    }
    if (rc == CTL_DONE && !args_has(&c->args, OPT_WHAT_IF) &&
        json_is_true(json_object_get(json_object_get(a.body, "item"), "acme")))
        rc = cert_order(c);
    else if (rc == CTL_DONE && !args_has(&c->args, OPT_JSON) && !args_has(&c->args, OPT_WHAT_IF))
        fprintf(c->out, "Send it to your authority, and then: stoxctl cert import %s FILE\n", name_of(c));
    answer_fini(&a);
    json_decref(body);
    return rc;
}

/* ---- import ---- */

static bool add_file(struct ctl *c, json_t *body, const char *member, const char *path)
{
    struct buf file, text;
    bool ok;

    buf_init(&text, 2 * CERT_FILE_MAX);
    ok = cert_read_file(c, path, &file);
    if (ok) {
        text_put_base64(&text, file.p, file.n);
        ok = buf_ok(&text) && json_object_set_new(body, member, json_stringn(text.p ? text.p : "", text.n)) == 0;
        if (!ok)
            ctl_fail_memory(c);
    }
    if (file.p)
        explicit_bzero(file.p, file.cap);
    if (text.p)
        explicit_bzero(text.p, text.cap);
    buf_free(&file);
    buf_free(&text);
    return ok;
}

static bool add_passphrase(struct ctl *c, json_t *body)
{
    struct slice text = cert_passphrase(c, "Passphrase of the file: ", false);

    return text.p && json_object_set_new(body, "passphrase", json_stringn(text.p, text.n)) == 0;
}

static bool asks_passphrase(const struct answer *a)
{
    const json_t *first = json_array_get(json_object_get(a->body, "defects"), 0);

    return strcmp(ladder_text(first, "kind"), "passphrase-missing") == 0;
}

static enum ctl_exit say_next(struct ctl *c, enum ctl_exit rc, const struct answer *a)
{
    const json_t *item = json_object_get(a->body, "item");

    if (rc == CTL_DONE && !args_has(&c->args, OPT_JSON) && !args_has(&c->args, OPT_WHAT_IF) &&
        json_array_size(json_object_get(item, "assigned")) == 0)
        fprintf(c->out, "Nothing shows it yet: stoxctl cert assign %s\n", name_of(c));
    return rc;
}

enum ctl_exit cert_import(struct ctl *c)
{
    const char *path = cert_path(c, "/import"), *key = args_value(&c->args, OPT_KEY_FILE);
    json_t *body = item_values(c);
    enum ctl_exit rc = CTL_REFUSED;
    struct answer a;

    if (path && body && add_file(c, body, "data", c->args.operands[1]) && (!key || add_file(c, body, "key", key)) &&
        (!args_has(&c->args, OPT_PASSPHRASE_FILE) || add_passphrase(c, body))) {
        rc = send(c, path, body, &a);
        if (rc == CTL_REFUSED && c->interactive && asks_passphrase(&a) && add_passphrase(c, body)) {
            answer_fini(&a);
            rc = send(c, path, body, &a);
        }
        rc = say_next(c, rc, &a);
        answer_fini(&a);
    }
    json_decref(body);
    return rc;
}

/* ---- assign ---- */

enum ctl_exit cert_assign(struct ctl *c)
{
    const char *path = cert_path(c, "/assign");
    json_t *domains = json_array(), *body = json_object();
    bool ok = path && domains && body;
    enum ctl_exit rc;
    struct answer a;

    for (size_t i = 0; ok && i < c->args.n_options; i++)
        if (c->args.options[i].id == OPT_FOR_DOMAIN)
            ok = json_array_append_new(domains, json_string(c->args.options[i].value)) == 0;
    ok = ok && (json_array_size(domains) == 0 || json_object_set(body, "domains", domains) == 0) &&
         (!args_has(&c->args, OPT_SIP) || json_object_set_new(body, "sip", json_true()) == 0) &&
         (!args_has(&c->args, OPT_ADMIN) || json_object_set_new(body, "admin", json_true()) == 0);
    if (ok) {
        rc = send(c, path, body, &a);
        answer_fini(&a);
    } else {
        rc = path ? ctl_fail(c, CTL_USAGE, "--domain: this is not UTF-8 text, or memory is missing") : CTL_REFUSED;
    }
    json_decref(domains);
    json_decref(body);
    return rc;
}

/* ---- export ---- */

static enum ctl_exit write_data(struct ctl *c, const json_t *answer, bool secret)
{
    const json_t *data = json_object_get(answer, "data");
    struct buf file;
    enum ctl_exit rc;

    buf_init(&file, CERT_FILE_MAX);
    if (!text_unbase64(&file, slice_of(json_string_value(data), json_string_length(data))) || !buf_ok(&file))
        rc = ctl_fail(c, CTL_REFUSED, "the daemon's answer is no file: is it of another version?");
    else
        rc = cert_write_file(c, c->args.n_operands > 1 ? c->args.operands[1] : NULL, buf_slice(&file), secret);
    if (file.p)
        explicit_bzero(file.p, file.cap);
    buf_free(&file);
    return rc;
}

static enum ctl_exit export_request(struct ctl *c)
{
    const char *path = cert_path(c, ""), *csr;
    enum ctl_exit rc = CTL_REFUSED;
    struct answer a;

    if (!path)
        return rc;
    rc = client_call(c, "GET", path, NULL, &a);
    csr = ladder_text(a.body, "request");
    if (rc == CTL_DONE)
        rc = csr[0] ? cert_write_file(c, c->args.n_operands > 1 ? c->args.operands[1] : NULL, slice_str(csr), false)
                    : ctl_fail(c, CTL_NOT_FOUND, "certificate %s has no request that waits", name_of(c));
    answer_fini(&a);
    return rc;
}

static enum ctl_exit export_certificate(struct ctl *c, const char *form)
{
    bool key = args_has(&c->args, OPT_WITH_KEY);
    const char *path = cert_path(c, "/export");
    json_t *body = json_pack("{s:s, s:b}", "form", form ? form : "pem", "key", key);
    enum ctl_exit rc = CTL_REFUSED;
    struct slice pass = { NULL, 0 };
    struct answer a;

    if (path && body && (key || (form && strcmp(form, "pkcs12") == 0))) {
        pass = cert_passphrase(c, "Passphrase for the file: ", true);
        if (!pass.p || json_object_set_new(body, "passphrase", json_stringn(pass.p, pass.n)) != 0) {
            json_decref(body);
            return rc;
        }
    }
    if (path && body) {
        rc = client_call(c, "POST", path, body, &a);
        if (rc == CTL_DONE)
            rc = write_data(c, a.body, key);
        answer_fini(&a);
    }
    json_decref(body);
    return rc;
}

enum ctl_exit cert_export(struct ctl *c)
{
    const char *form = args_value(&c->args, OPT_FORM);

    if (form && strcmp(form, "request") == 0)
        return export_request(c);
    return export_certificate(c, form);
}
