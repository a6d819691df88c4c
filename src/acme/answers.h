/*
 * What an ACME server (RFC 8555) answers, read into structures. Every byte of it is hostile: texts are bounded, addresses are
 * https only, and what is not understood is left out. Pure.
 */
#ifndef STOX_ACME_ANSWERS_H
#define STOX_ACME_ANSWERS_H

#include "base/arena.h"
#include "pki/names.h"

#define ACME_ANSWER_MAX (256u << 10) /* bytes of one */
#define ACME_URL_MAX 1024
#define ACME_TOKEN_MAX 256
#define ACME_ARENA_MAX (1u << 20) /* of what one answer leaves */

struct acme_directory {
    char *new_nonce, *new_account, *new_order; /* the arena's, as all texts here */
    char *terms;                               /* NULL: it names none */
    bool binds_accounts;                       /* it wants accounts of its own that are bound to ours */
};

enum acme_kind { ACME_HTTP_01, ACME_TLS_ALPN_01, ACME_N_KINDS }; /* of proof, RFC 8555 8.3 and RFC 8737 */

enum acme_status { ACME_OTHER, ACME_PENDING, ACME_READY, ACME_PROCESSING, ACME_VALID, ACME_INVALID };

struct acme_problem {
    struct slice type;   /* without "urn:ietf:params:acme:error:"; empty: none was told */
    struct slice detail; /* as it came; to be escaped before it is shown */
};

struct acme_order {
    enum acme_status status;
    char *finalize, *certificate; /* certificate NULL: not there yet */
    char *authorizations[PKI_NAMES_MAX];
    size_t n;
    struct acme_problem problem;
};

struct acme_challenge {
    enum acme_status status;
    char *url, *token; /* url NULL: this kind is not offered */
    struct acme_problem problem;
};

struct acme_authorization {
    enum acme_status status;
    struct slice name;
    struct acme_challenge proofs[ACME_N_KINDS];
    struct acme_problem problem; /* of the first challenge that failed */
};

/* False: it is none, or something that must be there is missing or not what it has to be. */
bool acme_read_directory(struct slice text, struct acme_directory *out, struct arena *a);
bool acme_read_order(struct slice text, struct acme_order *out, struct arena *a);
bool acme_read_authorization(struct slice text, struct acme_authorization *out, struct arena *a);

/* What can be made of an error; empty texts where nothing can. */
void acme_read_problem(struct slice text, struct acme_problem *out, struct arena *a);

/* Is it an address that may be asked: https, printable, bounded, without a user's name? */
bool acme_is_url(struct slice url);

/* Do both, which acme_is_url, lead to the same host and port? */
bool acme_same_server(struct slice a, struct slice b);

/* Seconds of a Retry-After header (RFC 9110 10.2.3), at most a day; 0 for what is none. now_s: since 1970. */
uint64_t acme_read_retry_after(struct slice value, int64_t now_s);

/* The characters of base64url and none else, bounded: it becomes part of a path and of a key authorization. */
bool acme_is_token(struct slice token);

#endif
