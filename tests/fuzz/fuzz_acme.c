/*
 * Whatever an ACME server answers: what is read of it is bounded, and addresses and tokens are what they have to be. The same bytes
 * are a body, and the lines of a header.
 */
#include <stdlib.h>
#include <string.h>

#include "acme/http.h"

#define NOW_S 1800000000

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

static void need(bool what)
{
    if (!what)
        abort();
}

static void judge_url(const char *url)
{
    need(url && acme_is_url(slice_str(url)) && acme_same_server(slice_str(url), slice_str(url)));
    need(acme_same_server(slice_str(url), SLICE("https://ca.example")) ==
         acme_same_server(SLICE("https://CA.example:443/x"), slice_str(url)));
}

static void judge_challenge(const struct acme_challenge *c)
{
    if (!c->url)
        return;
    judge_url(c->url);
    need(c->token && acme_is_token(slice_str(c->token)));
}

static void read_body(struct slice text, struct arena *a)
{
    struct acme_directory directory;
    struct acme_order order;
    struct acme_authorization name;
    struct acme_problem problem;

    if (acme_read_directory(text, &directory, a)) {
        judge_url(directory.new_nonce);
        judge_url(directory.new_account);
        judge_url(directory.new_order);
    }
    if (acme_read_order(text, &order, a)) {
        judge_url(order.finalize);
        need(order.n > 0 && order.n <= PKI_NAMES_MAX);
        for (size_t i = 0; i < order.n; i++)
            judge_url(order.authorizations[i]);
    }
    if (acme_read_authorization(text, &name, a))
        for (size_t k = 0; k < ACME_N_KINDS; k++)
            judge_challenge(&name.proofs[k]);
    acme_read_problem(text, &problem, a);
}

static void read_header(struct slice text)
{
    struct acme_answer answer = { 0 };
    struct slice line;
    bool more = true;

    while (more && text.n) {
        more = slice_cut(text, '\n', &line, &text);
        if (!acme_answer_header(&answer, line, NOW_S))
            break;
    }
    need(!answer.nonce[0] || acme_is_token(slice_str(answer.nonce)));
    need(!answer.location[0] || acme_is_url(slice_str(answer.location)));
    need(answer.retry_after_s <= 86400);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
    char *copy = malloc(n ? n : 1);
    struct arena arena;

    if (!copy)
        abort();
    if (n)
        memcpy(copy, data, n);
    arena_init(&arena, ACME_ARENA_MAX);
    read_body(slice_of(copy, n), &arena);
    read_header(slice_of(copy, n));
    arena_reset(&arena);
    free(copy);
    return 0;
}
