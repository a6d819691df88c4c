/* A conversation with one ACME server: its directory, our account there, and signed requests, each with a nonce of its own. */
#ifndef STOX_ACME_SESSION_H
#define STOX_ACME_SESSION_H

#include "acme/acme.h"
#include "acme/http.h"
#include "acme/jws.h"

struct acme_session {
    const struct acme_wish *wish;
    struct acme_http *http;
    struct acme_signer *signer;
    struct arena arena; /* of the directory */
    struct acme_directory directory;
    char nonce[ACME_NONCE_MAX + 1]; /* the next one; empty: to be fetched */
    char account[ACME_URL_MAX + 1]; /* its address; empty: not known yet */
    uint64_t until_ms;              /* by clock_mono_ms: when all of it has to be over */
    const enum acme_kind *proving;  /* what kind of proof is being looked at; NULL: none */
    struct acme_refusal *no;        /* of the wish's owner */
};

/* How long all of it may take, in the end. */
#define ACME_SESSION_MS 600000

/* Reads the directory and opens the account, which is made where there is none. -1 with a sentence; _fini in every case. */
int acme_session_open(struct acme_session *s, const struct acme_wish *wish, struct acme_refusal *no, struct err *err);
void acme_session_fini(struct acme_session *s);

/*
 * A signed request. A nonce that is refused is no failure: it is asked again with the one that came along. -1 with a sentence
 * that begins with what was being done: nothing came back, or it is a refusal. out is to be freed in every case.
 */
int acme_session_post(struct acme_session *s, const char *doing, const char *url, struct slice payload,
                      struct acme_answer *out, struct err *err);

/* The sentence for a problem: what was being done, what the authority said, what to do. Returns -1. */
int acme_refused(const struct acme_session *s, const char *doing, const struct acme_problem *p, struct err *err);

/* Waits, unless it is told to stop: then -1 with a sentence. */
int acme_session_pause(struct acme_session *s, uint64_t seconds, struct err *err);

#endif
