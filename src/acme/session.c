#include "acme/session.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"

#define POST_MAX (64u << 10)
#define NONCE_TRIES 12
#define PAUSE_MS 100
#define BINDING_MAX 8192

int acme_session_pause(struct acme_session *s, uint64_t seconds, struct err *err)
{
    const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };

    for (uint64_t i = 0; i < seconds * (1000 / PAUSE_MS) && !atomic_load(s->wish->stop); i++)
        nanosleep(&pause, NULL);
    return atomic_load(s->wish->stop) ? err_set(err, "stopped, because stoxd stops") : 0;
}

/* ---- sentences ---- */

#define NOT_THERE "acme-contact: set it to an e-mail address that exists"
#define NOT_SIGNED "the authority signs no such name: take it out of names"

/* What is wrong between the authority and this gateway, where it looks for the proof. */
static const char *way_of(const enum acme_kind *proving)
{
    if (!proving)
        return "see what the authority says about it";
    return *proving == ACME_HTTP_01 ? "http://NAME/ must lead from the Internet to listen-acme-http, on port 80"
                                    : "port 443 of NAME must lead from the Internet to listen-acme-tls, TLS untouched";
}

static const char *remedy_of(const struct acme_session *s, struct slice type)
{
    static const struct {
        const char *type, *remedy;
    } remedies[] = {
        { "rateLimited", "nothing has to be done, Stox tries again by itself" },
        { "badNonce", "it refuses what it has just given out: try again later" },
        { "serverInternal", "the authority is out of order: try again later" },
        { "dns", "the name must have an address record that leads here (stoxctl dns records)" },
        { "caa", "the CAA record of the domain must allow this authority" },
        { "rejectedIdentifier", NOT_SIGNED },
        { "unsupportedIdentifier", NOT_SIGNED },
        { "userActionRequired", "read its terms of service, then set acme-terms" },
        { "externalAccountRequired", "set acme-binding-id and acme-binding-key to what it gave you for it" },
        { "invalidContact", NOT_THERE },
        { "unsupportedContact", NOT_THERE },
    };

    if (s->no->account_lost)
        return "the account is closed there: another one is opened at the next try";
    for (size_t i = 0; i < sizeof(remedies) / sizeof(remedies[0]); i++)
        if (slice_is(type, remedies[i].type))
            return remedies[i].remedy;
    return way_of(s->proving);
}

static void say_when(const struct acme_session *s, char *out, size_t n)
{
    out[0] = '\0';
    if (s->no->retry_after_s)
        snprintf(out, n, " (it wants to be left alone for %llu s)", (unsigned long long)s->no->retry_after_s);
}

int acme_refused(const struct acme_session *s, const char *doing, const struct acme_problem *p, struct err *err)
{
    char type[80], detail[200], when[80];

    say_when(s, when, sizeof(when));
    if (!p->type.n && !p->detail.n)
        return err_set(err, "%s: %s refused it and gave no reason%s: %s", doing, s->wish->directory, when,
                       remedy_of(s, p->type));
    log_escape(type, sizeof(type), p->type);
    log_escape(detail, sizeof(detail), p->detail);
    return err_set(err, "%s: %s said \"%s\" (%s)%s: %s", doing, s->wish->directory, detail,
                   p->type.n ? type : "no type", when, remedy_of(s, p->type));
}

static int unreachable(const struct acme_session *s, const char *doing, struct err *err)
{
    struct err why = *err;

    return err_set(err, "%s: %s cannot be asked: %s: check acme-directory, acme-trust-file and the way there", doing,
                   s->wish->directory, why.text);
}

/* ---- requests ---- */

static void keep_nonce(struct acme_session *s, const struct acme_answer *a)
{
    memcpy(s->nonce, a->nonce, sizeof(s->nonce));
}

/* Every request goes through here: where to is the authority's word, and it may lead us to nobody else. */
static int ask(struct acme_session *s, const char *doing, enum acme_method method, const char *url, struct slice body,
               struct acme_answer *out, struct err *err)
{
    char shown[200];

    *out = (struct acme_answer){ 0 };
    if (!acme_same_server(slice_str(s->wish->directory), slice_str(url))) {
        log_escape(shown, sizeof(shown), slice_str(url));
        return err_set(err, "%s: %s leads to another server, %s, which Stox does not ask: check acme-directory", doing,
                       s->wish->directory, shown);
    }
    return acme_http_ask(s->http, method, url, body, out, err) ? unreachable(s, doing, err) : 0;
}

static int need_nonce(struct acme_session *s, const char *doing, struct err *err)
{
    struct acme_answer a;
    int rc;

    if (s->nonce[0])
        return 0;
    rc = ask(s, doing, ACME_HEAD, s->directory.new_nonce, slice_of(NULL, 0), &a, err);
    if (rc == 0 && !a.nonce[0])
        rc = err_set(err, "%s: %s gave no nonce: it is no ACME server, or out of order", doing, s->wish->directory);
    if (rc == 0)
        keep_nonce(s, &a);
    acme_answer_fini(&a);
    return rc;
}

static int post_once(struct acme_session *s, const char *doing, const char *url, struct slice payload,
                     struct acme_answer *out, struct err *err)
{
    struct acme_head head = { .url = url, .nonce = s->nonce, .account = s->account[0] ? s->account : NULL };
    struct buf body;
    int rc;

    *out = (struct acme_answer){ 0 };
    if (need_nonce(s, doing, err))
        return -1;
    buf_init(&body, POST_MAX);
    rc = acme_sign(s->signer, &head, payload, &body, err);
    if (rc == 0)
        rc = ask(s, doing, ACME_POST, url, buf_slice(&body), out, err);
    buf_free(&body);
    keep_nonce(s, out); /* each counts once: without a new one the next is fetched */
    return rc;
}

static bool is_about_account(const struct acme_session *s, struct slice type)
{
    return slice_is(type, "accountDoesNotExist") || (!s->account[0] && slice_is(type, "unauthorized"));
}

/* Is the answer a refusal, and of the nonce only? */
static int judge(struct acme_session *s, const char *doing, const struct acme_answer *a, bool *again, struct err *err)
{
    struct acme_problem problem;
    struct arena arena;
    char when[80];

    *again = false;
    if (a->status >= 200 && a->status < 300)
        return 0;
    arena_init(&arena, ACME_ARENA_MAX);
    acme_read_problem(buf_slice(&a->body), &problem, &arena);
    s->no->retry_after_s = a->retry_after_s;
    s->no->account_lost = is_about_account(s, problem.type);
    *again = slice_is(problem.type, "badNonce");
    say_when(s, when, sizeof(when));
    if (problem.type.n)
        acme_refused(s, doing, &problem, err);
    else if (a->status >= 300 && a->status < 400)
        err_set(err,
                "%s: %s sends elsewhere (HTTP status %ld), which is not followed: set acme-directory to where it is",
                doing, s->wish->directory, a->status);
    else
        err_set(err, "%s: %s answered with the HTTP status %ld and no reason%s: try again later", doing,
                s->wish->directory, a->status, when);
    arena_reset(&arena);
    return -1;
}

int acme_session_post(struct acme_session *s, const char *doing, const char *url, struct slice payload,
                      struct acme_answer *out, struct err *err)
{
    for (unsigned i = 1;; i++) {
        bool again = false;
        int rc = post_once(s, doing, url, payload, out, err);

        if (rc == 0)
            rc = judge(s, doing, out, &again, err);
        if (rc == 0 || !again || i == NONCE_TRIES)
            return rc;
        acme_answer_fini(out);
    }
}

/* ---- the beginning ---- */

static int agree(const struct acme_session *s, struct err *err)
{
    if (!s->directory.terms || s->wish->terms_agreed)
        return 0;
    snprintf(s->no->terms, sizeof(s->no->terms), "%s", s->directory.terms);
    return err_set(err, "%s: its terms of service (%s) have not been agreed to: read them, then set acme-terms",
                   s->wish->directory, s->directory.terms);
}

static int read_directory(struct acme_session *s, struct err *err)
{
    static const char doing[] = "reading the directory";
    struct acme_answer a;
    bool again;
    int rc = ask(s, doing, ACME_GET, s->wish->directory, slice_of(NULL, 0), &a, err);

    if (rc == 0)
        rc = judge(s, doing, &a, &again, err);
    if (rc == 0 && !acme_read_directory(buf_slice(&a.body), &s->directory, &s->arena))
        rc = err_set(err, "%s: %s is no ACME directory: check acme-directory", doing, s->wish->directory);
    if (rc == 0 && s->directory.binds_accounts && !s->wish->binding_id.n)
        rc =
            err_set(err,
                    "%s: %s opens accounts for its customers only: set acme-binding-id and acme-binding-key to what it "
                    "gave you for it",
                    doing, s->wish->directory);
    acme_answer_fini(&a);
    return rc ? rc : agree(s, err);
}

/* The account as it is asked for; the caller frees. NULL with a sentence. */
static char *account_payload(struct acme_session *s, const char *doing, struct err *err)
{
    const struct acme_wish *wish = s->wish;
    json_t *v = json_pack("{s:b}", "termsOfServiceAgreed", wish->terms_agreed);
    char *text = NULL;
    struct buf bound;
    bool ok = v;

    if (ok && wish->contact)
        ok = json_object_set_new(v, "contact", json_pack("[o]", json_sprintf("mailto:%s", wish->contact))) == 0;
    buf_init(&bound, BINDING_MAX);
    if (ok && wish->binding_id.n &&
        acme_bind(s->signer, wish->binding_id, wish->binding_key, s->directory.new_account, &bound, err)) {
        buf_free(&bound);
        json_decref(v);
        return NULL;
    }
    if (ok && bound.n)
        ok = json_object_set_new(v, "externalAccountBinding", json_loadb(bound.p, bound.n, 0, NULL)) == 0;
    if (ok)
        text = json_dumps(v, JSON_COMPACT);
    buf_free(&bound);
    json_decref(v);
    if (!text)
        err_memory(err, doing);
    return text;
}

static int open_account(struct acme_session *s, struct err *err)
{
    static const char doing[] = "opening the account";
    char *text = account_payload(s, doing, err);
    struct acme_answer a = { 0 };
    int rc;

    if (!text)
        return -1;
    rc = acme_session_post(s, doing, s->directory.new_account, slice_str(text), &a, err);
    free(text);
    if (rc == 0 && !a.location[0])
        rc = err_set(err, "%s: %s did not say where the account is", doing, s->wish->directory);
    if (rc == 0)
        memcpy(s->account, a.location, sizeof(s->account));
    acme_answer_fini(&a);
    return rc;
}

int acme_session_open(struct acme_session *s, const struct acme_wish *wish, struct acme_refusal *no, struct err *err)
{
    *s = (struct acme_session){ .wish = wish, .no = no, .until_ms = clock_mono_ms() + ACME_SESSION_MS };
    arena_init(&s->arena, ACME_ARENA_MAX);
    if (!acme_is_url(slice_str(wish->directory)))
        return err_set(err, "acme-directory: an address that begins with https:// is expected");
    s->http = acme_http_new(wish->trust_file, wish->stop, s->until_ms, err);
    s->signer = s->http ? acme_signer_new(wish->account, err) : NULL;
    if (!s->signer)
        return -1;
    return read_directory(s, err) ? -1 : open_account(s, err);
}

void acme_session_fini(struct acme_session *s)
{
    acme_signer_free(s->signer);
    acme_http_free(s->http);
    arena_reset(&s->arena);
}
