/*
 * A request asked for step by step, as the deployment wizard of Lync did it (lync-gateway.md 4.4). Every question has an answer
 * that Enter gives: the default, or the earlier answer where there was one. The end of the input ends it, with nothing done.
 */
#include "ctl/cert.h"
#include "ctl/ladder.h"
#include "ctl/object.h"
#include "ctl/term.h"
#include "pki/names.h"
#include "pki/request.h"
#include "store/model.h"

#define DOMAINS_MAX 1000

struct wizard {
    struct ctl *c;
    const json_t *before; /* the earlier request; NULL: none */
    json_t *answers;      /* as the API takes them */
    json_t *domains;      /* that are served: texts */
    struct pki_names names;
    const char *csr_file;
    bool is_new_proposal; /* the use or the SIP domains are others than before */
};

static void say(struct wizard *w, const char *text)
{
    fputs(text, w->c->out);
    fputc('\n', w->c->out);
}

static void say_text(struct wizard *w, const char *prefix, struct slice text)
{
    fputs(prefix, w->c->out);
    term_write(w->c->out, text);
    fputc('\n', w->c->out);
}

/* One line; what Enter gives is shown in brackets. .p NULL: the input has ended. */
static struct slice ask(struct wizard *w, const char *question, struct slice def)
{
    struct slice line;

    term_write(w->c->out, slice_str(question));
    fputs(" [", w->c->out);
    term_write(w->c->out, def);
    line = term_line(w->c, "] ");
    return line.p && !line.n ? def : line;
}

static bool put(struct wizard *w, const char *member, json_t *v)
{
    if (json_object_set_new(w->answers, member, v) == 0)
        return true;
    ctl_fail(w->c, CTL_USAGE, "%s: this is not UTF-8 text, or memory is missing", member);
    return false;
}

static struct slice earlier(const struct wizard *w, const char *member, const char *def)
{
    const json_t *v = json_object_get(w->before, member);

    return json_is_string(v) ? slice_of(json_string_value(v), json_string_length(v)) : slice_str(def);
}

/* ---- choices ---- */

static const char *word_of(const char *const *words, struct slice answer)
{
    uint64_t number;
    size_t n = 0;

    while (words[n])
        n++;
    if (slice_u64(answer, n, &number) && number > 0)
        return words[number - 1];
    for (size_t i = 0; i < n; i++)
        if (slice_ieq(answer, slice_str(words[i])))
            return words[i];
    return NULL;
}

static bool choose(struct wizard *w, const char *member, const char *question)
{
    const struct setting *s = setting_find(&certificate_kind, slice_str(member));
    struct slice def = earlier(w, member, s->def);
    const char *word = NULL;

    say(w, "");
    say(w, question);
    for (size_t i = 0; s->choices[i]; i++)
        fprintf(w->c->out, "  %zu) %s\n", i + 1, s->choices[i]);
    while (!word) {
        struct slice line = ask(w, "Number or word", def);

        if (!line.p)
            return false;
        word = word_of(s->choices, line);
        if (!word)
            say(w, "That is none of these.");
    }
    return put(w, member, json_string(word));
}

static bool ask_use(struct wizard *w)
{
    if (!choose(w, "use",
                "What is the certificate for? XMPP partners (federation), SIP systems (sip), or the API (admin)."))
        return false;
    w->is_new_proposal = !slice_is(earlier(w, "use", ""), ladder_text(w->answers, "use"));
    return true;
}

static bool ask_profile(struct wizard *w)
{
    return choose(
        w, "profile",
        "Which purposes? Public authorities sign server; partners and SIP systems that ask the one who connects "
        "for a client's certificate need server+client.");
}

/* Now, by ACME, or later? */
static bool ask_acme(struct wizard *w)
{
    bool was = json_is_true(json_object_get(w->before, "acme"));

    for (;;) {
        struct slice line = ask(w, "Send it now, to the ACME authority of the gateway's settings (now or later)",
                                was ? SLICE("now") : SLICE("later"));

        if (!line.p)
            return false;
        if (slice_ieq(line, SLICE("now")) || slice_ieq(line, SLICE("later")))
            return put(w, "acme", json_boolean(slice_ieq(line, SLICE("now"))));
        say(w, "now or later?");
    }
}

static bool ask_file(struct wizard *w)
{
    char def[SETTING_NAME_MAX + 8];
    struct slice line;

    snprintf(def, sizeof(def), "%s.csr", w->c->args.operands[0]);
    say(w, "");
    if (!ask_acme(w))
        return false;
    if (json_is_true(json_object_get(w->answers, "acme")))
        return true;
    say(w, "The request is prepared now, and you send it to your authority later.");
    line = ask(w, "File for the request", slice_str(def));
    w->csr_file = line.p ? arena_strdup(&w->c->arena, line) : NULL;
    return w->csr_file != NULL;
}

static bool ask_exportable(struct wizard *w)
{
    bool was = !w->before || json_is_true(json_object_get(w->before, "exportable"));

    say(w, "");
    if (!was) {
        say(w, "The key of this certificate was made not to be exported, and that stays so.");
        return put(w, "exportable", json_false());
    }
    for (;;) {
        struct slice line =
            ask(w, "May the key be exported, under a passphrase? Other nodes without a common store need that",
                SLICE("yes"));

        if (!line.p)
            return false;
        if (slice_ieq(line, SLICE("yes")) || slice_ieq(line, SLICE("y")))
            return put(w, "exportable", json_true());
        if (slice_ieq(line, SLICE("no")) || slice_ieq(line, SLICE("n")))
            return put(w, "exportable", json_false());
        say(w, "yes or no?");
    }
}

/* ---- the subject ---- */

static bool ask_text(struct wizard *w, const char *member, const char *question)
{
    struct slice line = ask(w, question, earlier(w, member, ""));

    return line.p && put(w, member, json_stringn(line.p, line.n));
}

static struct slice answer_of(const struct wizard *w, const char *member)
{
    return slice_str(ladder_text(w->answers, member));
}

static bool ask_subject(struct wizard *w)
{
    static const struct {
        const char *member, *question;
    } parts[] = { { "organization", "Organisation" },
                  { "unit", "Organisational unit" },
                  { "country", "Country, two letters" },
                  { "state-or-province", "State or province" },
                  { "locality", "Town" } };

    say(w, "");
    say(w, "Who you are. Authorities that check domains only leave it out; Enter leaves it empty.");
    for (;;) {
        struct pki_subject subject;
        struct err err = { "" };

        for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
            if (!ask_text(w, parts[i].member, parts[i].question))
                return false;
        subject = (struct pki_subject){ .organization = answer_of(w, "organization"),
                                        .unit = answer_of(w, "unit"),
                                        .country = answer_of(w, "country"),
                                        .state = answer_of(w, "state-or-province"),
                                        .locality = answer_of(w, "locality") };
        if (pki_subject_check(&subject, &err) == 0)
            return true;
        say_text(w, "Once more: ", slice_str(err.text));
    }
}

static bool ask_friendly(struct wizard *w)
{
    say(w, "");
    return ask_text(w, "friendly-name", "Friendly name");
}

static bool ask_key_type(struct wizard *w)
{
    return choose(w, "key-type", "Which key?");
}

/* ---- names ---- */

static enum ctl_exit take_domain(struct ctl *c, const json_t *item, void *arg)
{
    if (json_array_size(arg) < DOMAINS_MAX)
        json_array_append_new(arg, json_string(ladder_text(item, "name")));
    return CTL_DONE;
}

static bool add_ticks(struct wizard *w, struct slice line, json_t *ticked)
{
    struct slice word;
    bool more = true;

    if (slice_ieq(line, SLICE("all")))
        return json_array_extend(ticked, w->domains) == 0;
    while (more && !slice_ieq(line, SLICE("none"))) {
        uint64_t number;

        more = slice_cut(line, ',', &word, &line);
        if (!slice_u64(slice_trim(word), json_array_size(w->domains), &number) || !number)
            return false;
        json_array_append(ticked, json_array_get(w->domains, (size_t)number - 1));
    }
    return true;
}

static bool keep_ticks(struct wizard *w, json_t *ticked)
{
    if (!json_equal(ticked, json_object_get(w->before, "sip-domains")))
        w->is_new_proposal = true;
    return put(w, "sip-domains", ticked);
}

static bool ask_sip_domains(struct wizard *w)
{
    const json_t *was = json_object_get(w->before, "sip-domains");
    size_t i;
    json_t *v;

    if (json_array_size(w->domains) == 0)
        return true;
    say(w, "");
    say(w, "SIP domains. For each that you tick, sip.DOMAIN becomes one of the names.");
    json_array_foreach(w->domains, i, v)
    {
        fprintf(w->c->out, "  %zu) ", i + 1);
        say_text(w, "", slice_str(json_string_value(v)));
    }
    for (;;) {
        json_t *ticked = json_array();
        struct slice line =
            ask(w, "Numbers with commas, all, or none", json_array_size(was) ? SLICE("as before") : SLICE("none"));

        if (!line.p || !ticked) {
            json_decref(ticked);
            return false;
        }
        if (slice_is(line, "as before")) {
            json_decref(ticked);
            return put(w, "sip-domains", json_deep_copy(was));
        }
        if (add_ticks(w, line, ticked))
            return keep_ticks(w, ticked);
        json_decref(ticked);
        say(w, "These are no numbers of the list.");
    }
}

/* What the daemon would ask for by the answers so far. */
static bool fetch_proposal(struct wizard *w)
{
    const char *path =
        w->before ? client_path(w->c, "/v1/certificates/", slice_str(w->c->args.operands[0]), "/request?dry-run=1")
                  : "/v1/certificates?dry-run=1";
    json_t *body = json_copy(w->answers);
    struct answer a;
    bool ok = path && body;
    struct err ignored;
    size_t i;
    json_t *v;

    if (ok && !w->before)
        ok = json_object_set_new(body, "name", json_string(w->c->args.operands[0])) == 0;
    if (ok && w->is_new_proposal)
        ok = json_object_set_new(body, "names", json_null()) == 0;
    if (ok && client_call(w->c, "POST", path, body, &a) == CTL_DONE) {
        json_array_foreach(json_object_get(json_object_get(a.body, "item"), "names"), i, v)
            pki_names_add(&w->names, slice_of(json_string_value(v), json_string_length(v)), &ignored);
        answer_fini(&a);
    }
    json_decref(body);
    return ok;
}

static void show_names(struct wizard *w)
{
    for (size_t i = 0; i < w->names.n; i++)
        say_text(w, "  ", w->names.v[i]);
}

static bool ask_names(struct wizard *w)
{
    if (!fetch_proposal(w))
        return false;
    say(w, "");
    say(w, "These names are proposed:");
    show_names(w);
    say(w, "Add a name with a line of its own, take one away with - in front; Enter goes on.");
    for (;;) {
        struct slice line = term_line(w->c, "Name: ");
        struct err err = { "" };

        if (!line.p)
            return false;
        if (!line.n && w->names.n)
            return true;
        if (!line.n)
            say(w, "One at least is needed.");
        else if (line.p[0] == '-' && !pki_names_remove(&w->names, slice_trim(slice_from(line, 1))))
            say(w, "That is none of them.");
        else if (line.p[0] != '-' && pki_names_add(&w->names, line, &err) != 0)
            say_text(w, "", slice_str(err.text));
    }
}

static bool put_names(struct wizard *w)
{
    json_t *list = json_array();

    for (size_t i = 0; list && i < w->names.n; i++)
        json_array_append_new(list, json_stringn(w->names.v[i].p, w->names.v[i].n));
    return put(w, "names", list);
}

/* ---- the end ---- */

static bool confirm(struct wizard *w)
{
    json_t *rest = json_copy(w->answers);

    say(w, "");
    say(w, "This will be requested:");
    if (rest) {
        json_object_del(rest, "names");
        object_print(w->c, rest);
        json_decref(rest);
    }
    say(w, "names:");
    show_names(w);
    if (w->csr_file)
        say_text(w, "file: ", slice_str(w->csr_file));
    return term_ask(w->c, "Make the key and the request?");
}

static enum ctl_exit finish(struct wizard *w)
{
    enum ctl_exit rc = cert_send_request(w->c, w->answers, w->before != NULL, w->csr_file);
    json_t *item = NULL;

    if (rc != CTL_DONE || !w->csr_file || !term_ask(w->c, "View the request?") || cert_find(w->c, &item) != CTL_DONE)
        return rc;
    fputs(ladder_text(item, "request-text"), w->c->out);
    fputs(ladder_text(item, "request"), w->c->out);
    json_decref(item);
    return rc;
}

static enum ctl_exit run(struct wizard *w)
{
    static bool (*const steps[])(struct wizard *) = { ask_use,      ask_file,       ask_profile, ask_friendly,
                                                      ask_key_type, ask_exportable, ask_subject, ask_sip_domains,
                                                      ask_names,    put_names,      confirm };

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        if (!steps[i](w))
            return ctl_fail(w->c, CTL_REFUSED, "nothing was requested");
    return finish(w);
}

enum ctl_exit cert_ask(struct ctl *c, const json_t *before)
{
    struct wizard w = { .c = c, .before = before, .answers = json_object(), .domains = json_array() };
    enum ctl_exit rc = w.answers && w.domains ? client_each(c, "domains", take_domain, w.domains) : ctl_fail_memory(c);

    pki_names_init(&w.names);
    if (rc == CTL_DONE && before)
        say(&w, "There is a certificate of this name. Its successor is made; Enter gives the earlier answers.");
    if (rc == CTL_DONE)
        rc = run(&w);
    pki_names_fini(&w.names);
    json_decref(w.answers);
    json_decref(w.domains);
    return rc;
}
