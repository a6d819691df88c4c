/* Whatever an ACME server answers: what is read of it is bounded, and addresses and tokens are what they have to be. */
#include <stdlib.h>
#include <string.h>

#include "acme/answers.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

static void judge_url(const char *url)
{
    if (url && !acme_is_url(slice_str(url)))
        abort();
}

static void read_all(struct slice text, struct arena *a)
{
    struct acme_directory directory;
    struct acme_order order;
    struct acme_authorization name;
    struct acme_problem problem;

    if (acme_read_directory(text, &directory, a))
        judge_url(directory.new_order);
    if (acme_read_order(text, &order, a)) {
        judge_url(order.finalize);
        for (size_t i = 0; i < order.n; i++)
            judge_url(order.authorizations[i]);
    }
    if (acme_read_authorization(text, &name, a) && name.proofs[0].url && !acme_is_token(slice_str(name.proofs[0].token)))
        abort();
    acme_read_problem(text, &problem, a);
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
    read_all(slice_of(copy, n), &arena);
    arena_reset(&arena);
    free(copy);
    return 0;
}
