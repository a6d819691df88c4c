/* An order from its names to its chain. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "acme/session.h"
#include "base/clock.h"
#include "base/log.h"
#include "pki/request.h"

#define WAIT_MAX_S 30 /* between two looks */

struct order {
    struct acme_session s;
    char url[ACME_URL_MAX + 1];
    struct pki_names names; /* without SRVNames */
    struct acme_order now;
    struct arena arena; /* of now */
};

static int not_understood(const struct order *o, const char *doing, struct err *err)
{
    return err_set(err, "%s: %s answered what is not ACME: try again later", doing, o->s.wish->directory);
}

static int take_order(struct order *o, const char *doing, const struct acme_answer *a, struct err *err)
{
    arena_reset(&o->arena);
    return acme_read_order(buf_slice(&a->body), &o->now, &o->arena) ? 0 : not_understood(o, doing, err);
}

/* A name that was not asked for is not proved: what is shown is shown to anybody. */
static int check_name(const struct order *o, const char *doing, struct slice name, struct err *err)
{
    char shown[260];

    if (pki_names_has(&o->names, name))
        return 0;
    log_escape(shown, sizeof(shown), name);
    return err_set(err, "%s: %s wants a proof of %s, which was not asked for: try again later", doing,
                   o->s.wish->directory, shown);
}

static int wait_more(struct order *o, const char *doing, const struct acme_answer *a, struct err *err)
{
    uint64_t s = a->retry_after_s ? a->retry_after_s : 1;

    if (clock_mono_ms() + s * 1000 > o->s.until_ms)
        return err_set(err, "%s: %s was not done in time: try again later", doing, o->s.wish->directory);
    return acme_session_pause(&o->s, s < WAIT_MAX_S ? s : WAIT_MAX_S, err);
}

/* ---- the order ---- */

static int choose_names(struct order *o, const struct pki_names *names, struct err *err)
{
    for (size_t i = 0; i < names->n; i++) {
        struct slice name = names->v[i];

        if (slice_starts(name, SLICE("*.")))
            return err_set(
                err, "%.*s: a wildcard is signed by proofs in DNS only, which Stox does not give: take it out of names",
                SLICE_FMT(name));
        if (!pki_name_is_srv(name) && pki_names_add(&o->names, name, err))
            return -1;
    }
    return o->names.n ? 0 : err_set(err, "names: an ACME server signs domains, and none is left without SRVNames");
}

static char *order_payload(const struct order *o)
{
    json_t *list = json_array(), *v;
    char *text;

    for (size_t i = 0; list && i < o->names.n; i++)
        json_array_append_new(list, json_pack("{s:s, s:s%}", "type", "dns", "value", o->names.v[i].p, o->names.v[i].n));
    v = json_pack("{s:o}", "identifiers", list);
    text = v && json_array_size(list) == o->names.n ? json_dumps(v, JSON_COMPACT) : NULL;
    json_decref(v);
    return text;
}

static int place(struct order *o, struct err *err)
{
    static const char doing[] = "ordering the certificate";
    char *text = order_payload(o);
    struct acme_answer a = { 0 };
    int rc;

    if (!text)
        return err_memory(err, doing);
    rc = acme_session_post(&o->s, doing, o->s.directory.new_order, slice_str(text), &a, err);
    free(text);
    if (rc == 0)
        rc = a.location[0] ? take_order(o, doing, &a, err) : not_understood(o, doing, err);
    memcpy(o->url, a.location, sizeof(o->url));
    acme_answer_fini(&a);
    return rc;
}

/* ---- one name ---- */

static int look(struct order *o, const char *doing, const char *url, struct acme_authorization *out,
                struct arena *arena, struct acme_answer *a, struct err *err)
{
    if (acme_session_post(&o->s, doing, url, slice_of(NULL, 0), a, err))
        return -1;
    arena_reset(arena);
    return acme_read_authorization(buf_slice(&a->body), out, arena) ? 0 : not_understood(o, doing, err);
}

static int wait_for_name(struct order *o, const char *doing, const char *url, struct err *err)
{
    struct acme_authorization now = { .status = ACME_PENDING };
    struct arena arena;
    int rc = 0;

    arena_init(&arena, ACME_ARENA_MAX);
    while (rc == 0 && now.status == ACME_PENDING) {
        struct acme_answer a = { 0 };

        rc = look(o, doing, url, &now, &arena, &a, err);
        if (rc == 0 && now.status == ACME_PENDING)
            rc = wait_more(o, doing, &a, err);
        acme_answer_fini(&a);
    }
    if (rc == 0 && now.status != ACME_VALID)
        rc = acme_refused(&o->s, doing, &now.problem, err);
    arena_reset(&arena);
    return rc;
}

/* What is shown is wiped from view however it ends. */
static int show_and_wait(struct order *o, const char *doing, const char *url, const struct acme_proof *proof,
                         const char *challenge, struct err *err)
{
    const struct acme_wish *wish = o->s.wish;
    struct acme_answer a = { 0 };
    int rc;

    if (wish->show(wish->owner, proof, err))
        return err_wrap(err, "%s", doing);
    rc = acme_session_post(&o->s, doing, challenge, SLICE("{}"), &a, err);
    acme_answer_fini(&a);
    if (rc == 0)
        rc = wait_for_name(o, doing, url, err);
    wish->hide(wish->owner);
    return rc;
}

static int prove(struct order *o, const char *doing, const char *url, const struct acme_authorization *now,
                 struct err *err)
{
    char mark[ACME_THUMBPRINT + 1], text[ACME_TOKEN_MAX + ACME_THUMBPRINT + 2], name[PKI_NAME_MAX + 1];
    struct acme_proof proof = { .kind = 0, .name = name };
    const struct acme_challenge *c;
    int rc;

    while (proof.kind < ACME_N_KINDS && !(o->s.wish->shows[proof.kind] && now->proofs[proof.kind].url))
        proof.kind++;
    if (proof.kind == ACME_N_KINDS)
        return err_set(err,
                       "%s: %s takes no proof that this gateway gives: http-01 needs listen-acme-http, tls-alpn-01 "
                       "listen-acme-tls",
                       doing, o->s.wish->directory);
    c = &now->proofs[proof.kind];
    if (!acme_thumbprint(o->s.signer, mark))
        return err_memory(err, doing);
    snprintf(name, sizeof(name), "%.*s", SLICE_FMT(now->name));
    snprintf(text, sizeof(text), "%s.%s", c->token, mark);
    proof.token = c->token;
    proof.text = slice_str(text);
    o->s.proving = &proof.kind;
    rc = show_and_wait(o, doing, url, &proof, c->url, err);
    o->s.proving = NULL;
    return rc;
}

static int authorize(struct order *o, const char *url, struct err *err)
{
    struct acme_authorization now;
    struct acme_answer a = { 0 };
    struct arena arena;
    char doing[300], shown[260];
    int rc;

    arena_init(&arena, ACME_ARENA_MAX);
    rc = look(o, "reading what is to be proved", url, &now, &arena, &a, err);
    if (rc == 0) {
        log_escape(shown, sizeof(shown), now.name);
        snprintf(doing, sizeof(doing), "proving that %s is ours", shown);
        rc = check_name(o, "reading what is to be proved", now.name, err);
    }
    if (rc == 0 && now.status == ACME_PENDING)
        rc = prove(o, doing, url, &now, err);
    else if (rc == 0 && now.status != ACME_VALID)
        rc = acme_refused(&o->s, doing, &now.problem, err);
    acme_answer_fini(&a);
    arena_reset(&arena);
    return rc;
}

/* The addresses are those of the order, which is read anew afterwards. */
static int authorize_all(struct order *o, struct err *err)
{
    for (size_t i = 0; i < o->now.n; i++)
        if (authorize(o, o->now.authorizations[i], err))
            return -1;
    return 0;
}

/* ---- the certificate ---- */

static int wait_for_order(struct order *o, const char *doing, enum acme_status first, struct err *err)
{
    for (;;) {
        struct acme_answer a = { 0 };
        int rc = acme_session_post(&o->s, doing, o->url, slice_of(NULL, 0), &a, err);

        if (rc == 0)
            rc = take_order(o, doing, &a, err);
        if (rc == 0 && (o->now.status == first || o->now.status == ACME_PROCESSING))
            rc = wait_more(o, doing, &a, err) ? -1 : 1;
        acme_answer_fini(&a);
        if (rc == 0 && o->now.status == ACME_INVALID)
            return acme_refused(&o->s, doing, &o->now.problem, err);
        if (rc <= 0)
            return rc;
    }
}

static int finalize(struct order *o, struct err *err)
{
    static const char doing[] = "sending the request";
    struct pki_request request = { .names = &o->names, .bare = true };
    struct acme_answer a = { 0 };
    struct buf der, payload;
    int rc;

    buf_init(&der, PKI_REQUEST_MAX);
    buf_init(&payload, 2 * PKI_REQUEST_MAX);
    rc = pki_request_make(&request, o->s.wish->key, &der, err);
    if (rc == 0) {
        buf_str(&payload, "{\"csr\":\"");
        acme_put_base64url(&payload, buf_slice(&der));
        buf_str(&payload, "\"}");
        rc = buf_ok(&payload) ? acme_session_post(&o->s, doing, o->now.finalize, buf_slice(&payload), &a, err)
                              : err_memory(err, doing);
    }
    acme_answer_fini(&a);
    buf_free(&der);
    buf_free(&payload);
    return rc;
}

static int download(struct order *o, struct buf *chain, struct err *err)
{
    static const char doing[] = "fetching the certificate";
    struct acme_answer a = { 0 };
    int rc;

    if (o->now.status != ACME_VALID || !o->now.certificate)
        return not_understood(o, doing, err);
    rc = acme_session_post(&o->s, doing, o->now.certificate, slice_of(NULL, 0), &a, err);
    if (rc == 0)
        buf_put(chain, buf_slice(&a.body));
    acme_answer_fini(&a);
    return rc == 0 && !buf_ok(chain) ? err_memory(err, doing) : rc;
}

static int run(struct order *o, const struct acme_wish *wish, struct acme_refusal *no, struct buf *chain,
               struct err *err)
{
    if (choose_names(o, wish->names, err) || acme_session_open(&o->s, wish, no, err) || place(o, err) ||
        authorize_all(o, err))
        return -1;
    if (wait_for_order(o, "waiting for the order", ACME_PENDING, err))
        return -1;
    if (o->now.status == ACME_READY &&
        (finalize(o, err) || wait_for_order(o, "waiting for the certificate", ACME_READY, err)))
        return -1;
    return download(o, chain, err);
}

int acme_obtain(const struct acme_wish *wish, struct buf *chain, struct acme_refusal *no, struct err *err)
{
    struct order *o = calloc(1, sizeof(*o));
    int rc;

    *no = (struct acme_refusal){ 0 };
    if (!o)
        return err_memory(err, "asking for a certificate");
    pki_names_init(&o->names);
    arena_init(&o->arena, ACME_ARENA_MAX);
    rc = run(o, wish, no, chain, err);
    pki_names_fini(&o->names);
    arena_reset(&o->arena);
    acme_session_fini(&o->s);
    free(o);
    return rc;
}
