#include "oom.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define ALLOCATIONS_MAX 20000 /* a scenario that needs more never ends */

void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);

/* Not in every test program. */
int CRYPTO_set_mem_functions(void *(*)(size_t, const char *, int), void *(*)(void *, size_t, const char *, int),
                             void (*)(void *, const char *, int)) __attribute__((weak));

static struct {
    bool on, over, failed;
    long good; /* allocations that still succeed */
    long bad;  /* and those that fail then */
} plan;

static bool may_allocate(void)
{
    if (!plan.on || plan.over)
        return true;
    if (plan.good > 0) {
        plan.good--;
        return true;
    }
    if (plan.bad == 0)
        return true;
    plan.bad--;
    plan.failed = true;
    errno = ENOMEM;
    return false;
}

void *__wrap_malloc(size_t n)
{
    return may_allocate() ? __real_malloc(n) : NULL;
}

void *__wrap_calloc(size_t n, size_t size)
{
    return may_allocate() ? __real_calloc(n, size) : NULL;
}

void *__wrap_realloc(void *p, size_t n)
{
    return may_allocate() ? __real_realloc(p, n) : NULL;
}

/* OpenSSL's own memory is left to OpenSSL: what is tested is ours, and its sentences about memory are its own. */
static void *plain_malloc(size_t n, const char *file, int line)
{
    return n ? __real_malloc(n) : NULL;
}

static void *plain_realloc(void *p, size_t n, const char *file, int line)
{
    if (n)
        return __real_realloc(p, n);
    free(p);
    return NULL;
}

static void plain_free(void *p, const char *file, int line)
{
    free(p);
}

__attribute__((constructor)) static void leave_openssl_alone(void)
{
    if (CRYPTO_set_mem_functions)
        CRYPTO_set_mem_functions(plain_malloc, plain_realloc, plain_free);
}

void oom_on(void)
{
    plan.on = true;
}

void oom_off(void)
{
    plan.on = false;
}

void oom_over(void)
{
    plan.over = true;
}

bool oom_failed(void)
{
    return plan.failed;
}

void oom_plan(long good, long bad)
{
    plan.failed = plan.over = false;
    plan.good = good;
    plan.bad = bad;
}

void oom_each(const char *name, void (*run)(const void *arg), const void *arg)
{
    for (int only_one = 0; only_one < 2; only_one++) {
        long at = 0;

        for (plan.failed = true; plan.failed; at++) {
            if (at > ALLOCATIONS_MAX)
                fail_msg("%s: still not through after %d allocations", name, ALLOCATIONS_MAX);
            oom_plan(at, only_one ? 1 : OOM_ALL);
            run(arg);
            plan.on = false;
        }
        print_message("%s: %ld allocations%s\n", name, at - 1, only_one ? ", each failed alone" : "");
    }
}
