/* HTTPS to an ACME server, one request at a time, each bounded in size and time. Blocks: never from a loop. */
#ifndef STOX_ACME_HTTP_H
#define STOX_ACME_HTTP_H

#include <stdatomic.h>

#include "acme/answers.h"
#include "base/buf.h"
#include "base/err.h"

#define ACME_NONCE_MAX ACME_TOKEN_MAX
#define ACME_HEADERS_MAX (32u << 10) /* bytes of all header lines of one answer */

struct acme_http;

/*
 * trust_file: PEM of the authorities that may sign the server's certificate; NULL: the system's. stop is borrowed. After
 * until_ms, by clock_mono_ms, nothing is asked any more.
 */
struct acme_http *acme_http_new(const char *trust_file, const atomic_bool *stop, uint64_t until_ms, struct err *err);
void acme_http_free(struct acme_http *h); /* NULL is fine */

struct acme_answer {
    long status;
    struct buf body; /* acme_answer_fini */
    char nonce[ACME_NONCE_MAX + 1], location[ACME_URL_MAX + 1];
    size_t header_bytes;
    uint64_t retry_after_s; /* a day at most; 0: not told */
};

enum acme_method { ACME_GET, ACME_HEAD, ACME_POST };

/* -1 with a sentence: nothing, or nothing whole, came back. out is to be freed in every case. */
int acme_http_ask(struct acme_http *h, enum acme_method method, const char *url, struct slice body,
                  struct acme_answer *out, struct err *err);
void acme_answer_fini(struct acme_answer *a);

/* Takes one header line, where it is of use and as it has to be. False: they are more than there may be. now_s: since 1970. */
bool acme_answer_header(struct acme_answer *a, struct slice line, int64_t now_s);

#endif
