#include "acme/session.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"

#define POST_MAX (64u << 10)
#define NONCE_TRIES 12
#define PAUSE_MS 100

int acme_session_pause(struct acme_session *s, uint64_t seconds, struct err *err)
{
    const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };

    for (uint64_t i = 0; i < seconds * (1000 / PAUSE_MS) && !atomic_load(s->wish->stop); i++)
        nanosleep(&pause, NULL);
    return atomic_load(s->wish->stop) ? err_set(err, "stopped, because stoxd stops") : 0;
}

/* ---- sentences ---- */

static const char *remedy_of(struct slice type)
{
    static const struct {
        const char *type, *remedy;
    } remedies[] = {
        { "rateLimited", "wait as long as it says; Stox tries again later by itself" },
        { "connection", "http://NAME/ must lead from the Internet to listen-acme-http, on port 80" },
        { "dns", "the name must have an address record that leads here (stoxctl dns records)" },
        { "unauthorized", "http://NAME/ must lead to this gateway and to nothing else, on port 80" },
        { "incorrectResponse", "http://NAME/ must lead to this gateway and to nothing else, on port 80" },
        { "caa", "the CAA record of the domain must allow this authority" },
        { "rejectedIdentifier", "the authority signs no such name: take it out of names" },
        { "unsupportedIdentifier", "the authority signs no such name: take it out of names" },
        { "userActionRequired", "read its terms of service, then set acme-terms" },
        { "externalAccountRequired", "choose an authority that opens accounts without that" },
        { "invalidContact", "set acme-contact to an e-mail address that exists" },
        { "unsupportedContact", "set acme-contact to an e-mail address that exists" },
    };

    for (size_t i = 0; i < sizeof(remedies) / sizeof(remedies[0]); i++)
        if (slice_is(type, remedies[i].type))
            return remedies[i].remedy;
    return "see what the authority says about it";
}

int acme_refused(const struct acme_session *s, const char *doing, const struct acme_problem *p, struct err *err)
{
    char type[80], detail[200];

    log_escape(type, sizeof(type), p->type);
    log_escape(detail, sizeof(detail), p->detail);
    return err_set(err, "%s: %s said \"%s\" (%s): %s", doing, s->wish->directory, detail, p->type.n ? type : "no type",
                   remedy_of(p->type));
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

static int need_nonce(struct acme_session *s, const char *doing, struct err *err)
{
    struct acme_answer a;
    int rc;

    if (s->nonce[0])
        return 0;
    rc = acme_http_ask(s->http, ACME_HEAD, s->directory.new_nonce, slice_of(NULL, 0), &a, err);
    if (rc)
        unreachable(s, doing, err);
    else if (!a.nonce[0])
        rc = err_set(err, "%s: %s gave no nonce: it is no ACME server, or out of order", doing, s->wish->directory);
    else
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
    if (rc == 0 && acme_http_ask(s->http, ACME_POST, url, buf_slice(&body), out, err))
        rc = unreachable(s, doing, err);
    buf_free(&body);
    keep_nonce(s, out); /* each counts once: without a new one the next is fetched */
    return rc;
}

/* Is the answer a refusal, and of the nonce only? */
static int judge(struct acme_session *s, const char *doing, const struct acme_answer *a, bool *again, struct err *err)
{
    struct acme_problem problem;
    struct arena arena;

    *again = false;
    if (a->status >= 200 && a->status < 300)
        return 0;
    arena_init(&arena, ACME_ARENA_MAX);
    acme_read_problem(buf_slice(&a->body), &problem, &arena);
    *again = slice_is(problem.type, "badNonce");
    if (problem.type.n)
        acme_refused(s, doing, &problem, err);
    else
        err_set(err, "%s: %s answered with the HTTP status %ld and no reason: try again later", doing,
                s->wish->directory, a->status);
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

static int read_directory(struct acme_session *s, struct err *err)
{
    static const char doing[] = "reading the directory";
    struct acme_answer a;
    int rc = acme_http_ask(s->http, ACME_GET, s->wish->directory, slice_of(NULL, 0), &a, err);

    if (rc)
        unreachable(s, doing, err);
    else if (a.status != 200 || !acme_read_directory(buf_slice(&a.body), &s->directory, &s->arena))
        rc = err_set(err, "%s: %s is no ACME directory (HTTP status %ld): check acme-directory", doing,
                     s->wish->directory, a.status);
    else if (s->directory.binds_accounts)
        rc = err_set(err, "%s: %s opens accounts for its customers only, which Stox does not support", doing,
                     s->wish->directory);
    else if (s->directory.terms && !s->wish->terms_agreed)
        rc = err_set(err, "%s: its terms of service (%s) have not been agreed to: read them, then set acme-terms",
                     s->wish->directory, s->directory.terms);
    acme_answer_fini(&a);
    return rc;
}

static int open_account(struct acme_session *s, struct err *err)
{
    static const char doing[] = "opening the account";
    json_t *v = json_pack("{s:b}", "termsOfServiceAgreed", s->wish->terms_agreed);
    char mail[300], *text;
    struct acme_answer a = { 0 };
    int rc;

    if (v && s->wish->contact) {
        snprintf(mail, sizeof(mail), "mailto:%s", s->wish->contact);
        json_object_set_new(v, "contact", json_pack("[s]", mail));
    }
    text = v ? json_dumps(v, JSON_COMPACT) : NULL;
    json_decref(v);
    if (!text)
        return err_memory(err, doing);
    rc = acme_session_post(s, doing, s->directory.new_account, slice_str(text), &a, err);
    free(text);
    if (rc == 0 && !a.location[0])
        rc = err_set(err, "%s: %s did not say where the account is", doing, s->wish->directory);
    if (rc == 0)
        memcpy(s->account, a.location, sizeof(s->account));
    acme_answer_fini(&a);
    return rc;
}

int acme_session_open(struct acme_session *s, const struct acme_wish *wish, struct err *err)
{
    *s = (struct acme_session){ .wish = wish };
    arena_init(&s->arena, ACME_ARENA_MAX);
    if (!acme_is_url(slice_str(wish->directory)))
        return err_set(err, "acme-directory: an address that begins with https:// is expected");
    s->http = acme_http_new(wish->trust_file, wish->stop, err);
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
